"""Signatures that the specification's own library takes."""

import json
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from dispatcher.domain.signature import key_of, new_secret, sign

MESSAGE = "01a1f8d3-ea00-8ad4-a79e-95d02a5d4d4e"
BODY = json.dumps({"id": "7f9c", "name": "Jörg \x00"}).encode()
CURRENT, PREVIOUS = new_secret(b"c" * 32), new_secret(b"p" * 32)


def headers(*secrets: str, body: bytes = BODY) -> dict[str, str]:
    timestamp = int(datetime.now(UTC).timestamp())
    signature = sign([key_of(each) for each in secrets], MESSAGE, timestamp, body)
    return {"webhook-id": MESSAGE, "webhook-timestamp": str(timestamp), "webhook-signature": signature}


def test_the_example_of_the_specification_is_reproduced():
    # github.com/standard-webhooks/standard-webhooks, spec: its libraries' shared test vector.
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = sign([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_with_the_secret_accepts_the_request():
    assert Webhook(CURRENT).verify(BODY, headers(CURRENT)) == json.loads(BODY)


def test_while_a_secret_rotates_receivers_with_either_accept():
    both = headers(CURRENT, PREVIOUS)
    assert Webhook(CURRENT).verify(BODY, both) == Webhook(PREVIOUS).verify(BODY, both) == json.loads(BODY)
    assert len(both["webhook-signature"].split(" ")) == 2


def test_a_receiver_refuses_another_body_id_or_secret():
    sound = headers(CURRENT)
    with pytest.raises(WebhookVerificationError):
        Webhook(CURRENT).verify(BODY + b" ", sound)
    with pytest.raises(WebhookVerificationError):
        Webhook(CURRENT).verify(BODY, {**sound, "webhook-id": MESSAGE[:-1] + "f"})
    with pytest.raises(WebhookVerificationError):
        Webhook(PREVIOUS).verify(BODY, sound)


def test_an_absent_body_is_signed_as_an_empty_one():
    signature = sign([b"k" * 32], "m", 1, b"")
    assert signature.startswith("v1,")
    assert signature == sign([b"k" * 32], "m", 1, b"")


def test_a_secret_is_serialised_with_its_prefix_and_back():
    assert new_secret(b"k" * 32) == "whsec_" + b64encode(b"k" * 32).decode()
    assert key_of(new_secret(bytes(range(32)))) == bytes(range(32))

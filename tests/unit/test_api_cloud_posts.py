"""Posters of cloud telephony that want an answer of their own, at the real door."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.api_house import House

FIREHOSE = {"kind": "header_token", "header": "X-Amz-Firehose-Access-Key", "token": "access-key"}
RINGCENTRAL = {"kind": "header_token", "header": "Verification-Token", "token": "a long secret"}
CONTACT = {"ContactId": "c-1", "Channel": "VOICE", "DisconnectTimestamp": "2026-11-20T10:03:20Z"}
DELIVERY = {"requestId": "r-1", "records": [{"data": base64.b64encode(json.dumps(CONTACT).encode()).decode()}]}


@pytest.fixture
def house() -> Iterator[House]:
    with House() as house:
        yield house


def post(house: House, content: bytes, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return house.call("POST", "/v1/sources/cloud/events", None, content=content, headers=named)


def test_firehose_is_answered_in_its_own_words_once_its_records_are_taken_in(house: House) -> None:
    house.add_source("cloud", "amazon_connect", FIREHOSE)
    answer = post(house, json.dumps(DELIVERY).encode(), x_amz_firehose_access_key="access-key")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {"requestId": "r-1", "timestamp": int(house.clock().timestamp() * 1000)}


def test_firehose_with_a_wrong_key_is_not_told_that_it_succeeded(house: House) -> None:
    house.add_source("cloud", "amazon_connect", FIREHOSE)
    answer = post(house, json.dumps(DELIVERY).encode(), x_amz_firehose_access_key="another")
    assert (answer.status_code, house.store._events, house.store.held) == (401, {}, [])


def test_ringcentral_s_question_is_answered_before_it_has_anything_to_show(house: House) -> None:
    house.add_source("cloud", "ringcentral", RINGCENTRAL)
    answer = post(house, b"", validation_token="5f3b-1c")
    assert (answer.status_code, answer.headers["validation-token"], answer.content) == (200, "5f3b-1c", b"")
    assert (house.store._events, house.store.held) == ({}, [])


def test_a_notification_is_never_taken_for_the_question(house: House) -> None:
    house.add_source("cloud", "ringcentral", RINGCENTRAL)
    body = b'{"body": {"telephonySessionId": "s", "parties": []}}'
    assert post(house, body, validation_token="5f3b-1c").status_code == 401
    answer = post(house, body, verification_token="a long secret")
    assert (answer.status_code, answer.content, "validation-token" in answer.headers) == (200, b"", False)

"""The kinds of authentication: one table of what each holds and who judges it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dispatcher.domain.shape import Reading
from dispatcher.sources.authentication import hmac_signature, json_web_token, plivo
from dispatcher.sources.authentication.addresses import read_networks, verify_address
from dispatcher.sources.authentication.hmac_signature import check_signature, verify_hmac
from dispatcher.sources.authentication.json_web_token import verify_jwt
from dispatcher.sources.authentication.members import (
    SECRET_ENCODINGS,
    TOLERANCE,
    Auth,
    Member,
    encoded_keys,
    header_name,
    one_of_two,
    text,
    word_of,
)
from dispatcher.sources.authentication.plivo import verify_plivo
from dispatcher.sources.authentication.standard_webhooks import check_key, verify_standard_webhooks
from dispatcher.sources.authentication.telnyx import read_public_key, verify_telnyx
from dispatcher.sources.authentication.tokens import (
    check_place,
    check_username,
    verify_basic,
    verify_bearer,
    verify_body_token,
    verify_header_token,
    verify_query_token,
)
from dispatcher.sources.authentication.twilio import verify_twilio
from dispatcher.sources.format import Posted

Verify = Callable[[Auth, Posted], None]
ALL = "all"
"""Several checks at once: `{"kind": "all", "of": [...]}`."""
TOKEN = "token"  # noqa: S105 - the kind's name
ADDRESSES = "ip_allow"
FOR_EVERY_FORMAT = frozenset({ALL, ADDRESSES})
"""What any poster can satisfy, whatever its format."""


def _nothing_more(reading: Reading, auth: Auth, at: str) -> None:
    """For kinds whose members say all that there is to say of them."""


def _judged_elsewhere(auth: Auth, _: Posted) -> None:
    raise TypeError(f"the kind {auth['kind']} is judged by the API, not by verify()")


@dataclass(frozen=True)
class Kind:
    """`shows` says in words what the poster must show; `check` judges members together, beyond each by itself."""

    shows: str
    members: tuple[Member, ...]
    verify: Verify
    check: Callable[[Reading, Auth, str], None] = _nothing_more


_SECRET_ENCODING = Member("secret_encoding", word_of(*SECRET_ENCODINGS))

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        TOKEN: Kind("one of Onhook's tokens with the scope ingest, by Basic or Bearer", (), _judged_elsewhere),
        "basic": Kind(
            "user name and password (RFC 7617)",
            (Member("username", text, required=True), *one_of_two("password")),
            verify_basic,
            check_username,
        ),
        "bearer": Kind("a constant bearer token (RFC 6750)", one_of_two("token"), verify_bearer),
        "header_token": Kind(
            "a constant in a header",
            (Member("header", header_name, required=True), *one_of_two("token")),
            verify_header_token,
        ),
        "body_token": Kind(
            "a constant in the body, at a JSON path or in a form's field",
            (Member("path", lambda *_: None), Member("field", lambda *_: None), *one_of_two("token")),
            verify_body_token,
            check_place,
        ),
        "query_token": Kind(
            "a constant in the query of the address",
            (Member("name", text, required=True), *one_of_two("token")),
            verify_query_token,
        ),
        "hmac": Kind(
            "an HMAC signature in a header",
            (
                Member("header", header_name, required=True),
                *one_of_two("secret"),
                _SECRET_ENCODING,
                Member("algorithm", word_of(*hmac_signature.ALGORITHMS)),
                Member("encoding", word_of(*hmac_signature.ENCODINGS)),
                Member("prefix", text),
                Member("signs", text),
                Member("signature_field", text),
                Member("timestamp_field", text),
                Member("timestamp_header", header_name),
                TOLERANCE,
            ),
            verify_hmac,
            check_signature,
        ),
        "jwt": Kind(
            "a JSON Web Token (HS256) as the body or in a header",
            (
                Member("in", word_of(*json_web_token.PLACES), required=True),
                Member("header", header_name),
                *one_of_two("secret"),
                _SECRET_ENCODING,
                Member("algorithm", word_of(*json_web_token.ALGORITHMS)),
                TOLERANCE,
            ),
            verify_jwt,
            encoded_keys,
        ),
        "standard_webhooks": Kind(
            "a signature of Standard Webhooks", (*one_of_two("secret"), TOLERANCE), verify_standard_webhooks, check_key
        ),
        "twilio": Kind("Twilio's X-Twilio-Signature", one_of_two("auth_token"), verify_twilio),
        "plivo": Kind(
            "Plivo's X-Plivo-Signature-V3",
            (*one_of_two("auth_token"), Member("version", word_of(*plivo.VERSIONS))),
            verify_plivo,
        ),
        "telnyx": Kind(
            "Telnyx' telnyx-signature-ed25519",
            (
                Member("public_key", read_public_key, required=True),
                Member("public_key_2", read_public_key),
                TOLERANCE,
            ),
            verify_telnyx,
        ),
        ADDRESSES: Kind(
            "an address in one of the networks", (Member("networks", read_networks, required=True),), verify_address
        ),
    }
)
"""Every kind by name, but for `all`, which holds several of these."""

"""Credentials for SOAP targets beside the envelope itself: tokens in headers, signatures, masks, faults, sessions."""

import hmac
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.authenticated_sender import AuthenticatedSender
from dispatcher.adapters.memory.sender import ScriptedSender
from dispatcher.adapters.soap.replies import ReplyReader
from dispatcher.domain.credentials.access_token import AccessToken
from dispatcher.domain.credentials.refusal import SEARCHED_BYTES, faults_of, refuses
from dispatcher.domain.credentials.request_authentication import authenticated, echoes_of, shown_authenticated
from dispatcher.domain.credentials.secret_forms import MASK, forms_of, masked
from dispatcher.domain.credentials.soap_envelope import NAMESPACES
from dispatcher.domain.credentials.spec import CredentialRefused, parse_credential
from dispatcher.domain.credentials.token_service import Login
from dispatcher.domain.exchange import Answer, ErrorWord, Exchange, Request
from dispatcher.domain.signature import sign
from dispatcher.domain.soap.description import SoapVersion
from dispatcher.record import Unrecorded, _told
from tests.unit.api_house import FINISHED, PROFILE
from tests.unit.api_house import House as ApiHouse
from tests.unit.credential_doubles import (
    ENGINES,
    MemoryTokens,
    credential,
    credential_document,
    credential_spec,
    request_with,
)
from tests.unit.doubles import NOON, HandClock, House, answered, seconds

NONCE = b"n" * 16
V1_1, V1_2 = NAMESPACES
ENVELOPE = f'<s:Envelope xmlns:s="{V1_1}"><s:Body><a>1</a></s:Body></s:Envelope>'.encode()
SESSION = '<h:SessionHeader xmlns:h="urn:sf" from="{token}"><h:sessionId>{token}</h:sessionId></h:SessionHeader>'
SEND = {"in": "soap_header", "xml": SESSION}
CANARY = "canary'<&\">/+ 1"


def faults(document: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(CredentialRefused) as refused:
        parse_credential(document, ENGINES)
    return {each["field"]: each["got"] for each in refused.value.faults}


def with_header(header: str) -> bytes:
    return ENVELOPE.replace(b"<s:Body>", f"<s:Header>{header}</s:Header><s:Body>".encode())


# --- a token in a SOAP header


@pytest.mark.parametrize("kind", ["api_key", "token_login", "oauth2_client_credentials"])
def test_a_token_goes_escaped_into_a_soap_header_and_people_see_a_mask(kind: str) -> None:
    spec, request = credential_spec(kind, send=SEND), request_with(None, body=ENVELOPE)
    copy = authenticated(request, spec, "<t&'1\">", NOON)
    assert copy.body == with_header(SESSION.replace("{token}", "&lt;t&amp;&#x27;1&quot;&gt;"))
    assert (copy.headers, copy.url, request.body) == (request.headers, request.url, ENVELOPE)
    assert shown_authenticated(request, spec, NOON).body == with_header(SESSION.replace("{token}", "***"))
    assert spec.shown()["send"] == SEND
    assert parse_credential(dict(spec.document), ENGINES).document == spec.document


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_any_token_is_read_back_by_whoever_parses_the_envelope(text: str) -> None:
    copy = authenticated(request_with(None, body=ENVELOPE), credential_spec("api_key", send=SEND), text, NOON)
    found = ET.fromstring(copy.body or b"").find(f"{{{V1_1}}}Header/{{urn:sf}}SessionHeader")
    assert found is not None
    assert (found.get("from"), found[0].text) == (text, text)


@pytest.mark.parametrize(
    ("xml", "got"),
    [
        ("<a xmlns='urn:a'>", "text that is no well-formed XML"),
        ("<a xmlns='urn:a'/><b xmlns='urn:a'/>", "text that is no well-formed XML"),
        ("<p:a>{token}</p:a>", "text that is no well-formed XML"),
        ("<!DOCTYPE a><a xmlns='urn:a'>{token}</a>", "a DTD"),
        ("<!DOCTYPE a [<!ENTITY t '{token}'>]><a xmlns='urn:a'>&t;</a>", "a DTD"),
        ("<?xml version='1.0'?><a xmlns='urn:a'>{token}</a>", "an XML declaration"),
        ("<a xmlns='urn:a'><?pi {token}?>{token}</a>", "a processing instruction"),
        ("<a>{token}</a>", "an element without a namespace"),
        ("<\u00e9 xmlns='urn:a'>{token}</\u00e9>", "a name that is not ASCII"),
        ("<a xmlns='urn:a'>token</a>", "none, or one in another place"),
        ("<a xmlns='urn:a'><![CDATA[{token}]]></a>", "none, or one in another place"),
        ("<a xmlns='urn:a'><!-- {token} --></a>", "none, or one in another place"),
        ("<a xmlns='urn:{token}'>{token}</a>", "none, or one in another place"),
        ("<a xmlns='urn:a'>&#123;token}</a>", "none, or one in another place"),
        ("<a xmlns='urn:a'>{token}{password}</a>", "{password}"),
        ("", "text that is no well-formed XML"),
        (None, "nothing"),
        (7, "number 7"),
    ],
)
def test_what_cannot_be_a_header_is_refused_when_it_is_saved(xml: object, got: str) -> None:
    document = credential_document("api_key", send={"in": "soap_header", "xml": xml})
    assert faults(document) == {"send.xml": got}


@pytest.mark.parametrize(
    ("kind", "send", "at"),
    [
        ("api_key", {**SEND, "name": "X"}, "send.name"),
        ("api_key", {**SEND, "prefix": "X "}, "send.prefix"),
        ("api_key", {"in": "header", "name": "X", "xml": SESSION}, "send.xml"),
        ("api_key", {"in": "cookie", "name": "*"}, "send.name"),
        ("oauth2_client_credentials", {"in": "cookie", "name": "*"}, "send.name"),
        ("token_login", {"in": "cookie", "name": "*"}, "send"),
    ],
)
def test_a_place_takes_only_its_own_members(kind: str, send: dict[str, Any], at: str) -> None:
    assert set(faults(credential_document(kind, send=send))) == {at}


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"username": ""}, "username"),
        ({"username": None}, "username"),
        ({"username": "a\nb"}, "username"),
        ({"username": "a\ufffe"}, "username"),
        ({"password": "a\uffff"}, "password"),
        ({"password": ""}, "password"),
        ({"password_type": "hash"}, "password_type"),
        ({"nonce": 1}, "nonce"),
        ({"timestamp_seconds": 0}, "timestamp_seconds"),
        ({"timestamp_seconds": 86_401}, "timestamp_seconds"),
        ({"must_understand": "1"}, "must_understand"),
        ({"refused_fault": ["wsse:FailedCheck"]}, "refused_fault[0]"),
        ({"refused_fault": "FailedCheck"}, "refused_fault"),
        ({"send": SEND}, "send"),
    ],
)
def test_what_a_wsse_cannot_be_is_refused_by_name(changes: dict[str, Any], at: str) -> None:
    assert set(faults(credential_document("wsse", **changes))) == {at}


def test_a_wsse_sends_a_password_as_text_and_nothing_more_unless_it_says_so() -> None:
    assert credential_spec("wsse").shown() == {
        "name": "crm",
        "description": "",
        "kind": "wsse",
        "username": "jane",
        "password_type": "text",
        "nonce": False,
        "timestamp_seconds": None,
        "must_understand": False,
        "password": "***",
        "password_2": None,
        "preferred": 1,
        "refused_status": [401],
        "refused_fault": [
            "FailedAuthentication", "InvalidSecurityToken", "InvalidSecurity", "FailedCheck", "SecurityError",
        ],
        "tls": None,
    }  # fmt: skip


def test_an_oauth_credential_that_was_saved_before_it_had_a_send_is_sent_as_before() -> None:
    document = dict(credential_spec("oauth2_client_credentials").document)
    assert document.pop("send") == {"in": "header", "name": "Authorization", "prefix": "Bearer "}
    copy = authenticated(request_with(None), parse_credential(document, ENGINES), "tok", NOON)
    assert dict(copy.headers)["Authorization"] == "Bearer tok"


# --- signatures

SIGNED = [("webhook-id", "id-1"), ("webhook-timestamp", "1795176000"), ("webhook-signature", "v1,old"), ("X", "y")]


@pytest.mark.parametrize(("kind", "changes"), [("wsse", {"password_type": "digest"}), ("api_key", {"send": SEND})])
def test_a_body_that_is_changed_is_signed_again_with_every_key(kind: str, changes: dict[str, Any]) -> None:
    keys = (b"k" * 32, b"l" * 32)
    request = request_with(None, body=ENVELOPE, headers=list(SIGNED), signing_keys=keys)
    spec = credential_spec(kind, **changes)
    copy = authenticated(request, spec, spec.secret(1), NOON, NONCE)
    signature = sign(keys, "id-1", 1795176000, copy.body or b"")
    assert copy.body != ENVELOPE
    assert copy.headers == [*SIGNED[:2], ("webhook-signature", signature), SIGNED[3]]
    assert signature.count("v1,") == 2
    assert request.headers == SIGNED
    shown = shown_authenticated(request, spec, NOON)
    assert shown.headers == [*SIGNED[:2], ("webhook-signature", "v1,***"), SIGNED[3]]


def test_a_body_that_stays_keeps_its_signature_and_is_what_an_hmac_signs() -> None:
    request = request_with(None, body=ENVELOPE, headers=list(SIGNED), signing_keys=(b"k" * 32,))
    spec = credential_spec("hmac")
    copy = authenticated(request, spec, spec.secret(1), NOON)
    digest = hmac.digest(b"signing-secret-1", ENVELOPE, "sha256").hex()
    assert copy.headers == [*SIGNED, ("X-Signature", digest)]
    assert shown_authenticated(request, spec, NOON).headers == [*SIGNED, ("X-Signature", "***")]


@pytest.mark.parametrize("sign_it", [True, False])
def test_a_delivery_brings_the_keys_only_where_its_profile_signs(sign_it: bool) -> None:
    house = House()
    profile = house.profile(sign=sign_it)
    house.deliverer.deliver(profile.id, house.backlog(profile, 1))
    (request,) = house.sender.requests
    assert request.signing_keys == ((profile.signing_key,) if sign_it else ())
    assert "signing" not in repr(request)
    house.close()


# --- what nobody sees


def entries(house: House, request: Request, exchange: Exchange) -> dict[str, Any]:
    """The attempt log of one request that ended so."""
    profile = house.profile()
    (identifier,) = house.backlog(profile, 1)
    (claim,) = house.store.claim(profile, [identifier], uuid4(), NOON, NOON + seconds(15))
    house.recorder.put(Unrecorded(profile, claim, NOON, request, exchange, None))
    (row,) = house.log(identifier)
    return row


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.close()


def echoing(given: Request, repeat: Callable[[Request], bytes]) -> tuple[Request, Exchange]:
    """The request as it went out, and an answer that repeats what of it is asked for."""
    inner = ScriptedSender(lambda request: answered(200, body=repeat(request)))
    sender = AuthenticatedSender(inner, MemoryTokens(), HandClock())
    ended: list[Exchange] = []
    sender.send([(given, ended.append)])
    sender.stop(0)
    return inner.requests[0], ended[0]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("wsse", {"password": CANARY}),
        ("wsse", {"password": CANARY, "nonce": True, "timestamp_seconds": 60}),
        ("wsse", {"password": CANARY, "password_type": "digest", "must_understand": True}),
        ("wsse", {"password": CANARY + "\u00f6", "password_type": "text"}),
        ("api_key", {"value": CANARY, "send": SEND}),
    ],
)
@pytest.mark.parametrize("escaping", [lambda body: body, lambda body: ET.tostring(ET.fromstring(body))])
def test_the_attempt_log_shows_no_secret_though_the_target_repeats_the_envelope(
    house: House, kind: str, changes: dict[str, Any], escaping: Callable[[bytes], bytes]
) -> None:
    given = request_with(credential(kind, **changes), body=ENVELOPE)
    sent, exchange = echoing(given, lambda request: escaping(request.body or b""))
    row = entries(house, given, exchange)
    text = repr((row["request"], row["response"]))
    root = ET.fromstring(sent.body or b"")
    told = [each.text for each in root.iter() if each.tag.endswith(("}Password", "}sessionId"))]
    assert told[0]
    for form in (*forms_of(told[0]), *forms_of(CANARY), "canary", "Y2FuYX"):
        assert form not in text, form
    assert "***" in row["request"]["body"]
    assert "***" in row["response"]["body"]
    if changes.get("password_type") == "digest":
        nonce = next(each.text for each in root.iter() if each.tag.endswith("}Nonce"))
        assert nonce is not None
        assert nonce not in text


def test_a_rehearsal_shows_the_envelope_with_masks_and_a_masked_signature() -> None:
    body = {"kind": "xml", "value": ENVELOPE.decode()}
    with ApiHouse() as house:
        for document in (
            credential_document("wsse", name="wss", password=CANARY, password_type="digest"),
            credential_document("api_key", name="key", value=CANARY, send=SEND),
        ):
            assert house.call("POST", "/v1/credentials", json=document).status_code == 201
            name = document["name"]
            house.add_profile(name, request={**PROFILE["request"], "body": body}, credential=name)
            answer = house.call("POST", f"/v1/profiles/{name}/test", json={"event": FINISHED})
            request = answer.json()["request"]
            assert dict(request["headers"])["webhook-signature"] == "v1,***"
            assert "***</" in request["body"]
            assert not any(form in answer.text for form in (*forms_of(CANARY), "canary"))


def test_a_rehearsal_says_why_the_credential_cannot_go_into_the_body() -> None:
    with ApiHouse() as house:
        assert house.call("POST", "/v1/credentials", json=credential_document("wsse")).status_code == 201
        house.add_profile(credential="crm")
        answer = house.call("POST", "/v1/profiles/crm/test", json={"event": FINISHED})
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert (fault["field"], fault["expected"]) == ("request.body", "a SOAP envelope that the credential can go into")


# --- what says that a password or a session is not good

FAULT_1_1 = '<s:Envelope xmlns:s="x"><s:Body> <s:Fault><faultcode>{}</faultcode></s:Fault></s:Body></s:Envelope>'
FAULT_1_2 = (
    '<?xml version="1.0"?><e:Envelope xmlns:e="x"><e:Header/><e:Body a="b"><e:Fault><e:Code><e:Value>e:Sender</e:Value>'
    "<e:Subcode><e:Value xmlns:w='y'>\n{}\n</e:Value></e:Subcode></e:Code></e:Fault></e:Body></e:Envelope>"
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (FAULT_1_1.format("wsse:FailedAuthentication"), {"FailedAuthentication"}),
        (FAULT_1_1.format("sf:INVALID_SESSION_ID"), {"INVALID_SESSION_ID"}),
        (FAULT_1_1.format(" Client.Auth "), {"Client.Auth"}),
        (FAULT_1_2.format("w:InvalidSecurityToken"), {"Sender", "InvalidSecurityToken"}),
        (FAULT_1_1.replace("s:Fault", "s:Faulty").format("wsse:FailedAuthentication"), set()),
        ("<s:Body><r><s:Fault><faultcode>FailedCheck</faultcode></s:Fault></r></s:Body>", set()),
        ("<Body><r><Value>FailedCheck</Value></r></Body>", set()),
        ("<Body><Fault><faultstring>FailedCheck</faultstring></Fault></Body>", set()),
        ("<html>FailedCheck", set()),
        ("", set()),
        (" " * SEARCHED_BYTES + FAULT_1_1.format("wsse:FailedCheck"), set()),
    ],
)
def test_the_codes_of_a_fault_are_found_and_those_of_a_reply_are_not(body: str, expected: set[str]) -> None:
    assert faults_of(Answer(500, [], body.encode())) == expected


@given(st.lists(st.sampled_from([b"<", b">", b"a:", b"Body", b"Fault", b"faultcode", b" ", b"x" * 50]), max_size=400))
def test_any_bytes_can_be_searched(pieces: list[bytes]) -> None:
    faults_of(Answer(500, [], b"".join(pieces)))


def test_a_refusal_is_a_status_or_a_fault_that_the_credential_names() -> None:
    answer = Answer(200, [], FAULT_1_1.format("x:A").encode())
    assert refuses(answer, {401}, {"A", "B"})
    assert not refuses(answer, {401}, {"B"})
    assert not refuses(answer, {401}, frozenset())
    assert refuses(replace(answer, status=401), {401}, frozenset())


def passing(script: Callable[[Request], Exchange], *requests: Request) -> tuple[list[Request], list[Exchange]]:
    inner = ScriptedSender(script)
    sender = AuthenticatedSender(inner, MemoryTokens(), HandClock())
    ended: list[Exchange] = []
    for request in requests:
        sender.send([(request, ended.append)])
    sender.stop(0)
    return inner.requests, ended


@pytest.mark.parametrize("status", [200, 400, 500])
def test_the_other_password_is_tried_after_a_fault_and_first_from_then_on(status: int) -> None:
    refusal = FAULT_1_2.format("w:FailedAuthentication").encode()
    given = request_with(credential("wsse", password="one-one", password_2="two-two"), body=ENVELOPE)
    requests, ended = passing(
        lambda request: answered(200) if b">two-two<" in (request.body or b"") else answered(status, body=refusal),
        given,
        given,
    )
    assert [each.answer.status for each in ended if each.answer] == [200, 200]
    assert [(each.body or b"").count(b">one-one<") for each in requests] == [1, 0, 0]


def test_another_fault_is_the_answer_and_nothing_is_sent_again() -> None:
    given = request_with(credential("wsse", password="one-one", password_2="two-two"), body=ENVELOPE)
    requests, ended = passing(lambda _: answered(500, body=FAULT_1_1.format("s:Server").encode()), given)
    assert (len(requests), [each.answer and each.answer.status for each in ended]) == (1, [500])


def test_every_request_has_a_nonce_of_its_own() -> None:
    given = request_with(credential("wsse", nonce=True), body=ENVELOPE)
    requests, _ = passing(lambda _: answered(200), given, given)
    nonces = {(each.body or b"").partition(b"Base64Binary")[2][:28] for each in requests}
    assert (len(requests), len(nonces)) == (2, 2)


@pytest.mark.parametrize("given", [credential("wsse"), credential("api_key", send=SEND)])
def test_a_body_that_is_no_envelope_is_not_sent_and_the_detail_says_why(given: Any) -> None:
    requests, (exchange,) = passing(lambda _: answered(200), request_with(given, body=b'{"canary":1}'))
    assert (requests, exchange.error) == ([], ErrorWord.BAD_VALUE)
    assert exchange.detail == (
        "the request cannot be put on the wire: the body is no well-formed XML, and the credential goes into a SOAP "
        "envelope"
    )


# --- sessions


def session(**changes: Any) -> Login:
    means = credential_spec("token_login", **changes).means
    assert isinstance(means, Login)
    return means


def login_answer(*cookies: str) -> Answer:
    return Answer(200, [("set-cookie", each) for each in cookies], b"")


def token_of_all(*cookies: str) -> AccessToken | None:
    return session(token_in={"cookie": "*"}).read(login_answer(*cookies), NOON)


def test_every_cookie_of_a_login_is_kept_as_it_was_written_and_sent_as_one_header() -> None:
    token = token_of_all(
        "JSESSIONID=old; Path=/; HttpOnly",
        'LB="a,b c"; Expires=Wed, 21 Oct 2037 07:28:00 GMT',
        "JSESSIONID=a=b%3B1; Path=/; HttpOnly",
        "flash=; Path=/",
        "gone=x; Max-Age=0",
        "old=x; Expires=Thu, 01-Jan-1970 00:00:10 GMT",
        "no cookie",
    )
    assert token is not None
    assert token.text == 'LB="a,b c"; JSESSIONID=a=b%3B1'
    spec = credential_spec("token_login", token_in={"cookie": "*"})
    assert spec.shown()["send"] == {"in": "cookie", "name": "*", "prefix": ""}
    request = request_with(None)
    request.headers.append(("Cookie", "lang=en"))
    copy = authenticated(request, spec, token.text, NOON)
    assert [each for each in copy.headers if each[0] == "Cookie"] == [("Cookie", f"lang=en; {token.text}")]
    shown = shown_authenticated(request, spec, NOON)
    assert [each for each in shown.headers if each[0] == "Cookie"] == [("Cookie", "lang=en; ***")]
    echoed = masked("session a=b%3B1", echoes_of(spec, token.text, NOON, NONCE))
    assert echoed == "session ***"


@pytest.mark.parametrize(
    ("cookies", "life"),
    [
        (("a=1; Max-Age=600", "b=2; Max-Age=300; Path=/", "c=3"), 300),
        (("a=1; Max-Age=600", "b=2; Max-Age=0"), 600),
        (("a=1", "b=2"), 3_600),
    ],
)
def test_a_session_of_several_cookies_ends_with_the_first_of_them(cookies: tuple[str, ...], life: float) -> None:
    token = token_of_all(*cookies)
    assert token is not None
    assert token.expires_at == NOON + seconds(life)


def test_a_login_that_sets_no_cookie_gives_no_token() -> None:
    assert token_of_all("a=; Path=/") is None
    assert token_of_all() is None


def test_a_login_may_post_an_envelope_with_user_and_password_escaped_for_it() -> None:
    xml = f'<s:Envelope xmlns:s="{V1_1}"><s:Body><login u="{{username}}">{{password}}</login></s:Body></s:Envelope>'
    login = {"url": "https://x.example/", "method": "POST", "body": {"kind": "xml", "value": xml}}
    asked = session(username="a&b", login=login).ask("p<\"'1")
    assert (asked.body or b"").decode() == xml.format(username="a&amp;b", password="p&lt;&quot;&#x27;1")
    assert [each for each in asked.headers if each[0] == "Content-Type"] == [
        ("Content-Type", "text/xml; charset=utf-8")
    ]
    own = [{"name": "content-type", "value": "application/soap+xml"}, {"name": "SOAPAction", "value": '"login"'}]
    asked = session(login={**login, "headers": own}).ask("p")
    assert asked.headers == [("content-type", "application/soap+xml"), ("SOAPAction", '"login"')]


@pytest.mark.parametrize("value", ["<a>", "<!DOCTYPE a><a/>", "<a>{passwort}</a>", 7, None, "<a/>" + " " * 70_000])
def test_a_login_that_is_no_xml_is_refused(value: object) -> None:
    login = {"url": "https://x.example/", "body": {"kind": "xml", "value": value}}
    assert set(faults(credential_document("token_login", login=login))) == {"login.body.value"}


def test_a_secret_that_the_end_of_a_fault_s_text_cuts_through_is_masked_in_the_log() -> None:
    secret = "correct-horse-battery-staple"
    fault = (
        f"<s:Fault><faultcode>s:Client</faultcode><faultstring>{'x' * 980}{secret}</faultstring>"
        f"<detail>{'y' * 4_080}{secret}</detail></s:Fault>"
    )
    body = f'<s:Envelope xmlns:s="{NAMESPACES[0]}"><s:Body>{fault}</s:Body></s:Envelope>'
    read = ReplyReader(SoapVersion.V1_1, one_way=False).once()
    told = _told(Answer(500, [], body.encode()), forms_of(secret), read)
    assert told["fault"] == {
        "code": "Client",
        "subcodes": [],
        "string": "x" * 980 + MASK,
        "actor": "",
        "detail": "y" * 4_080 + MASK,
    }

"""The egress guard proved, with one table for both senders: at the look-up and at the opening of the socket."""

import ipaddress
from dataclasses import replace

import pytest

from dispatcher.domain.answers.success import SuccessRule
from dispatcher.domain.exchange import ErrorWord
from dispatcher.domain.outcome import Rejected, outcome_of
from tests.contract.names import Names
from tests.contract.senders import MakeSender, MakeTarget, Sender, carry, get
from tests.contract.targets import answer, once_per_connection, says
from tests.unit.doubles import NOON

ONLY_SECOND = [ipaddress.ip_network("127.0.0.2/32")]

SPELLINGS = [
    # IPv4, and everything inet_aton takes for it
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "0x7F.0x0.0x0.0x1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    # the metadata services of clouds
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    # IPv6, with IPv4 in it
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001::7f00:1]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fc00::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[2001:db8::1]",
    # names, and what is written before them
    "localhost",
    "localhost.",
    "LOCALHOST",
    "crm.example@127.0.0.1",
    "crm.example:443@127.0.0.1",
    "crm.example%40@127.0.0.1",
    "crm.example\\@127.0.0.1",
]
UNWRITABLE = ["１２７.０.０.１", "127。0。0。1", "ⓛocalhost"]  # noqa: RUF001 - that is the point
"""Full-width digits, the dot of IDNA, a letter that is folded."""


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_a_closed_address_is_connected_to(
    make_sender: MakeSender, make_target: MakeTarget, host: str
) -> None:
    target = make_target(says(answer()))
    exchange = carry(make_sender(allow=[]), get(f"http://{host}:{target.port}"))
    assert (exchange.answer, exchange.error, target.connections) == (None, ErrorWord.EGRESS_DENIED, [])


@pytest.mark.parametrize("host", UNWRITABLE)
def test_a_host_that_has_to_be_guessed_at_is_refused_as_it_is_written(
    make_sender: MakeSender, make_target: MakeTarget, host: str
) -> None:
    target = make_target(says(answer()))
    exchange = carry(make_sender(allow=[]), get(f"http://{host}:{target.port}"))
    assert (exchange.answer, exchange.error, target.connections) == (None, ErrorWord.BAD_VALUE, [])


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["::1"], ["10.0.0.1", "127.0.0.1"], ["::ffff:127.0.0.1", "::1", "127.0.0.1"]],
    ids=["IPv4", "IPv6", "several", "mixed"],
)
def test_a_name_for_closed_addresses_alone_is_denied(
    make_sender: MakeSender, make_target: MakeTarget, names: Names, addresses: list[str]
) -> None:
    target = make_target(says(answer()))
    names.addresses["crm.example"] = addresses
    exchange = carry(make_sender(allow=[]), get(f"http://crm.example:{target.port}"))
    assert (exchange.error, target.connections) == (ErrorWord.EGRESS_DENIED, [])


@pytest.mark.parametrize("first", ["127.0.0.1", "::1"], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("closed_first", [True, False])
def test_of_a_names_several_addresses_only_an_open_one_is_connected_to(
    make_sender: MakeSender, make_target: MakeTarget, names: Names, first: str, closed_first: bool
) -> None:
    allowed = make_target(says(answer(204, b"")), host="127.0.0.2")
    closed = make_target(says(answer()), host=first, port=allowed.port)
    names.addresses["crm.example"] = [first, "127.0.0.2"] if closed_first else ["127.0.0.2", first]
    exchange = carry(make_sender(allow=ONLY_SECOND), get(f"http://crm.example:{allowed.port}"))
    assert (exchange.answer and exchange.answer.status, closed.connections) == (204, [])


def test_a_name_that_turns_private_between_two_requests_is_denied(
    make_sender: MakeSender, make_target: MakeTarget, names: Names
) -> None:
    allowed = make_target(once_per_connection(), host="127.0.0.2")
    private = make_target(says(answer()), host="127.0.0.3", port=allowed.port)
    sender, request = make_sender(allow=ONLY_SECOND), get(f"http://crm.example:{allowed.port}")
    names.addresses["crm.example"] = ["127.0.0.2"]
    assert carry(sender, request).error is None
    names.addresses["crm.example"] = ["127.0.0.3"]
    # The kept connection goes to the address that was judged, and dies; the fresh one would go to the private one.
    assert carry(sender, request).error is ErrorWord.EGRESS_DENIED
    assert private.connections == []


def test_an_address_is_looked_up_once_and_so_cannot_be_another_one_when_it_is_connected_to(
    make_sender: MakeSender, make_target: MakeTarget, names: Names, request: pytest.FixtureRequest
) -> None:
    allowed = make_target(says(answer()), host="127.0.0.2")
    private = make_target(says(answer()), host="127.0.0.3", port=allowed.port)
    names.addresses["crm.example"] = ["127.0.0.2"]
    names.hold = lambda: names.addresses.update({"crm.example": ["127.0.0.3"]}) if len(names.looked_up) > 1 else None
    assert carry(make_sender(allow=ONLY_SECOND), get(f"http://crm.example:{allowed.port}")).error is None
    assert private.connections == []
    if "requests" in request.node.callspec.id:
        assert names.looked_up == ["crm.example"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["http://127.0.0.3:{port}/", "//127.0.0.3:{port}/", "http://169.254.169.254/"])
def test_a_redirect_to_a_private_address_is_not_followed_and_ends_the_delivery(
    make_sender: MakeSender, make_target: MakeTarget, status: int, location: str
) -> None:
    private = make_target(says(answer()), host="127.0.0.3")
    where = location.format(port=private.port)
    public = make_target(says(answer(status, b"", (f"Location: {where}",))), host="127.0.0.2")
    exchange = carry(make_sender(allow=ONLY_SECOND), get(public.url))
    assert (exchange.answer and exchange.answer.status, private.connections) == (status, [])
    outcome = outcome_of(exchange, SuccessRule(), NOON)
    assert isinstance(outcome, Rejected)
    assert (outcome.error, where in outcome.detail) == (ErrorWord.REDIRECT, False)


def test_a_host_header_does_not_change_where_a_request_goes(make_sender: MakeSender, make_target: MakeTarget) -> None:
    allowed = make_target(says(answer()), host="127.0.0.2")
    private = make_target(says(answer()), host="127.0.0.3", port=allowed.port)
    request = replace(get(allowed.url), headers=[("Host", f"127.0.0.3:{allowed.port}")])
    assert carry(make_sender(allow=ONLY_SECOND), request).error is None
    assert private.connections == []


def test_what_a_site_opens_is_reached_by_each_of_its_spellings(
    sender: Sender, make_target: MakeTarget, make_sender: MakeSender
) -> None:
    target = make_target(says(answer()))
    for host in ("127.0.0.1", "127.1", "2130706433", "0x7f.1", "localhost"):
        assert carry(sender, get(f"http://{host}:{target.port}")).error is None, host
    six = make_target(says(answer()), host="::1")
    assert carry(make_sender(allow=[ipaddress.ip_network("::1/128")]), get(six.url)).error is None

"""Which addresses may be connected to."""

from ipaddress import ip_network

import pytest

from dispatcher.adapters.egress import Egress

CLOSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:a00:1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::808:808",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]

OPEN = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]


@pytest.mark.parametrize("ip", CLOSED)
def test_a_special_purpose_address_is_denied_unless_it_is_allowed(ip: str) -> None:
    assert Egress().permits(ip) is False
    assert Egress([ip_network("0.0.0.0/0"), ip_network("::/0")]).permits(ip) is True


@pytest.mark.parametrize("ip", OPEN)
def test_a_public_address_is_permitted(ip: str) -> None:
    assert Egress().permits(ip) is True


def test_an_allowed_network_opens_itself_and_nothing_beside_it() -> None:
    egress = Egress([ip_network("10.1.0.0/16"), ip_network("fd12::/16")])
    answers = {ip: egress.permits(ip) for ip in ("10.1.2.3", "10.2.0.1", "127.0.0.1", "fd12::1", "fd13::1")}
    assert answers == {"10.1.2.3": True, "10.2.0.1": False, "127.0.0.1": False, "fd12::1": True, "fd13::1": False}


@pytest.mark.parametrize("ip", ["::ffff:10.1.2.3", "64:ff9b::a01:203"])
def test_an_allowed_ipv4_network_is_allowed_in_its_ipv6_spelling(ip: str) -> None:
    assert Egress([ip_network("10.1.0.0/16")]).permits(ip) is True
    assert Egress([ip_network("10.2.0.0/16")]).permits(ip) is False


@pytest.mark.parametrize("text", ["", "localhost", "2130706433", "0x7f000001", "127.1", "1.2.3.4/8", "unix:/run/x"])
def test_what_is_not_an_address_is_denied(text: str) -> None:
    assert Egress([ip_network("0.0.0.0/0"), ip_network("::/0")]).permits(text) is False

"""A request as HTTP text and as a curl command: what a person reads and pastes is what the sender sends."""

import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dispatcher.adapters.http_text import MAX_ARGUMENT_BYTES, curl_command, http_text, show_request
from dispatcher.domain.exchange import Request

HOSTILE = "'; rm -rf ~ #\"`$(reboot)`\\ %s !! \n @file é 😀 \u202e {a,b} [1-3]"


def request(
    method: str = "POST",
    url: str = "https://crm.example/calls?x=1",
    headers: list[tuple[str, str]] | None = None,
    body: bytes | None = b"{}",
) -> Request:
    return Request(method, url, headers if headers is not None else [("X-A", "1")], body, 5, 10)


def test_the_text_is_a_message_of_rfc_9112() -> None:
    sent = request(headers=[("Content-Type", "application/json"), ("X-Empty", "")], body=b'{"call":"7f9c"}')
    assert http_text(sent) == (
        "POST /calls?x=1 HTTP/1.1\r\n"
        "Host: crm.example\r\n"
        "Content-Type: application/json\r\n"
        "X-Empty:\r\n"
        "Content-Length: 15\r\n"
        "\r\n"
        '{"call":"7f9c"}'
    )


@pytest.mark.parametrize(
    ("url", "target", "host"),
    [
        ("https://crm.example", "/", "crm.example"),
        ("https://crm.example:443/a", "/a", "crm.example"),
        ("http://crm.example:443/a?b", "/a?b", "crm.example:443"),
        ("http://[2001:db8::1]:80/", "/", "[2001:db8::1]"),
        ("http://[2001:db8::1]:8080/", "/", "[2001:db8::1]:8080"),
        ("https://bücher.example/ä", "/%C3%A4", "xn--bcher-kva.example"),
    ],
)
def test_request_line_and_host_are_those_of_the_wire(url: str, target: str, host: str) -> None:
    lines = http_text(request("GET", url, [], None)).split("\r\n")
    assert lines == [f"GET {target} HTTP/1.1", f"Host: {host}", "", ""]


@pytest.mark.parametrize(("method", "says"), [("POST", True), ("PUT", True), ("GET", False), ("DELETE", False)])
def test_only_methods_that_expect_a_body_say_that_there_is_none(method: str, says: bool) -> None:
    assert ("Content-Length: 0" in http_text(request(method, body=None))) is says


def test_a_body_that_is_no_text_is_shown_in_base64() -> None:
    shown = show_request(request(body=b"\x00\xff"))
    assert (shown.body, shown.body_encoding) == ("AP8=", "base64")
    assert shown.http.endswith("\r\n\r\n(2 bytes in base64) AP8=")
    assert shown.curl.startswith("printf %s AP8= | base64 -d | curl ")


def test_a_body_that_would_drive_a_terminal_is_not_pasted_as_it_is() -> None:
    shown = show_request(request(body=b"\x1b[201~\nrm -rf ~\n"))
    assert "\x1b" not in shown.curl
    assert "\x1b" not in shown.http


def test_the_curl_command_of_a_small_json_request_reads_well() -> None:
    sent = request(headers=[("Content-Type", "application/json"), ("User-Agent", "Onhook/1")], body=b'{"call":"7f9c"}')
    assert curl_command(sent) == (
        "curl \\\n"
        "  --request POST --globoff --url 'https://crm.example/calls?x=1' \\\n"
        "  --header 'Content-Type: application/json' \\\n"
        "  --header 'User-Agent: Onhook/1' \\\n"
        "  --header 'Accept:' \\\n"
        "  --header 'Expect:' \\\n"
        '  --data-raw \'{"call":"7f9c"}\''
    )


# --- what a shell makes of it

_STUB = """#!/bin/sh
for word in "$@"; do printf '%s\\0' "$word"; done > "$OUT/words"
case " $* " in *" --data-binary @- "*) cat > "$OUT/body";; esac
"""


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a `curl` that writes down its arguments and what is piped into it."""
    folder = tmp_path_factory.mktemp("stub")
    (folder / "curl").write_text(_STUB)
    (folder / "curl").chmod(0o755)
    return folder


def said(folder: Path, command: str, shell: str = "sh") -> tuple[list[str], bytes | None]:
    """The words that curl gets when the shell runs the command, and what is piped into it."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    environment = {"PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin", "OUT": str(out), "LC_ALL": "C.UTF-8"}
    # The file is what `--data-raw` must not read.
    (out / "file").write_text("of this folder")
    subprocess.run([shell], input=command.encode(), env=environment, cwd=out, check=True, timeout=20)
    words = (out / "words").read_bytes().decode().split("\0")[:-1]
    piped = out / "body"
    return words, piped.read_bytes() if piped.exists() else None


def understood(words: list[str], piped: bytes | None) -> tuple[str, str, list[str], bytes | None]:
    """Method, URL, header lines and body as curl's manual says that it reads its arguments."""
    options = dict(pairwise(words))
    headers = [value for name, value in pairwise(words) if name == "--header"]
    body = options["--data-raw"].encode() if "--data-raw" in options else piped
    return options["--request"], options["--url"], headers, body


_PRINTABLE = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n\0"), max_size=40)
_HEADERS = st.lists(
    st.tuples(
        st.from_regex(r"\A[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}\Z"),
        st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n\0"), max_size=30),
    ),
    max_size=3,
)
_BODIES = st.one_of(st.none(), st.binary(max_size=60), st.text(max_size=60).map(lambda t: t.encode("utf-8", "replace")))
_URLS = st.from_regex(
    r"\Ahttps?://[a-z]{1,8}\.example(/[!$&'()*+,;=:@\[\]{}~%20a-z]{0,20}){0,2}(\?[!$&'()*+,;={}a-z]{0,20})?\Z"
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]), url=_URLS, headers=_HEADERS, body=_BODIES)
@example("POST", "https://crm.example/{a,b}[1-3]?'$x", [("X-A", HOSTILE.replace("\n", "\t"))], HOSTILE.encode())
@example("POST", "https://crm.example/", [("-X", "-a\t%s\\n'!\x7f")], b"@file")
@example("POST", "https://crm.example/", [], b"a line\nand another\n\n")
@example("PUT", "https://crm.example/", [], b"\r\n\x00\xff")
@example("PUT", "https://crm.example/", [], ("'" * (MAX_ARGUMENT_BYTES + 1)).encode())
def test_a_shell_hands_curl_the_request_byte_for_byte(
    stub: Path, method: str, url: str, headers: list[tuple[str, str]], body: bytes | None
) -> None:
    sent = request(method, url, headers, body)
    got_method, got_url, lines, got_body = understood(*said(stub, curl_command(sent)))
    # A line without a value only takes out what curl would add by itself.
    kept = [line for line in lines if line not in {"Accept:", "User-Agent:", "Content-Type:", "Expect:"}]
    assert (got_method, got_url) == (method, url)
    assert kept == [f"{name}: {value}" if value else f"{name};" for name, value in headers]
    assert got_body == (body if body is not None else b"" if method in {"POST", "PUT", "PATCH"} else None)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_an_interactive_bash_expands_no_history_in_it(stub: Path) -> None:
    sent = request(headers=[("X-A", "hey!!\tyou!x"), ("X-B", "hey!!")], body=b"hey!!")
    script = "set -H; history -s secret\n" + curl_command(sent)
    _, _, lines, body = understood(*said(stub, script, "bash"))
    assert lines[:2] == ["X-A: hey!!\tyou!x", "X-B: hey!!"]
    assert body == b"hey!!"

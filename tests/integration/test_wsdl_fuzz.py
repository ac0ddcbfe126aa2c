"""Any WSDL is parsed or refused, never anything else, and nothing outside is opened: mutants, and hostile ones by name.

`ONHOOK_FUZZ_MUTANTS` says how many mutants (400), `ONHOOK_FUZZ_SEED` of which kind (1). One that fails is made again by
`tests.wsdls.mutants.mutant(NUMBER, SEED)`.
"""

import os
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.adapters.soap.bounded import BoundedReader, Limits, ReaderFailed
from dispatcher.adapters.soap.collect import MIB, collect
from dispatcher.domain.soap.bundle import UPLOAD_BASE, Bundle, WsdlRefused
from tests.wsdls.hostile import HOSTILE
from tests.wsdls.mutants import Wsdl, mutant, seeds, truncated

MUTANTS = int(os.environ.get("ONHOOK_FUZZ_MUTANTS", "400"))
SEED = int(os.environ.get("ONHOOK_FUZZ_SEED", "1"))
LIMITS = Limits(cpu_seconds=1, seconds=120, memory_bytes=512 * MIB)
TRESPASS = 99
"""The exit code of a child that opened something outside."""
_HOOKED = f"""
import os, sys
outward = "socket", "subprocess", "urllib", "shutil", "ftplib"
sys.path[:] = sys.argv[3:]
own = tuple(path for path in [*sys.path, sys.prefix, sys.base_prefix, os.devnull] if path)
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)) and not os.fsdecode(arguments[0]).startswith(own):
        os._exit({TRESPASS})
    if event.split(".")[0] in outward or event in ("os.system", "os.exec", "os.fork"):
        os._exit({TRESPASS})
from dispatcher.adapters.soap import child
sys.addaudithook(hook)
child.main(sys.argv[1:3])
"""


@pytest.fixture
def reader() -> Iterator[BoundedReader]:
    """One that ends where it opens a file that is no module of Python's, a connection or another process."""
    with BoundedReader(LIMITS, _HOOKED) as reading:
        yield reading


def became(wsdl: Wsdl, reader: BoundedReader) -> str:
    """`parsed`, or the sentence of the refusal. A crash of either process fails the test that asked."""

    def fetch(url: str) -> bytes:
        raise WsdlRefused(f"{url} would have been fetched.")

    try:
        reader.describe(collect(wsdl.root, wsdl.documents, fetch))
    except ReaderFailed:
        raise
    except WsdlRefused as refused:
        return str(refused)
    return "parsed"


def test_the_hook_sees_a_file_and_a_connection() -> None:
    for deed in ("open('/etc/hostname')", "__import__('socket').create_connection(('127.0.0.1', 1))"):
        spoilt = _HOOKED.replace("child.main(", f"child.describe = lambda *_: {deed}; child.main(")
        with BoundedReader(LIMITS, spoilt) as reader, pytest.raises(ReaderFailed, match=f"exit code {TRESPASS}"):
            became(seeds()[0], reader)


def test_the_seeds_are_parsed(reader: BoundedReader) -> None:
    assert Counter(became(each, reader) for each in seeds()) == {"parsed": len(seeds())}


def test_truncated_ones_are_refused(reader: BoundedReader) -> None:
    for wsdl in truncated():
        assert became(wsdl, reader) != "parsed"


def test_mutants_are_parsed_or_refused(reader: BoundedReader) -> None:
    ends: Counter[bool] = Counter()
    for number in range(MUTANTS):
        try:
            ends[became(mutant(number, SEED), reader) == "parsed"] += 1
        except Exception as error:
            raise AssertionError(f"mutant({number}, {SEED}): {error!r}") from error
    # Both happen often, or the mutants are too tame or too wild to show anything.
    assert min(ends.values()) > MUTANTS / 20


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("collected", [True, False], ids=["collected", "as it is"])
def test_a_hostile_one_is_parsed_or_refused_and_opens_nothing(
    reader: BoundedReader, listening: socket.socket, tmp_path: Path, name: str, collected: bool
) -> None:
    """Once as it comes, and once as if collecting had let it through: each wall holds alone."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    document = HOSTILE[name]().replace(b"{url}", url.encode()).replace(b"{pipe}", str(pipe).encode())
    root = UPLOAD_BASE + "hostile.wsdl"
    if collected:
        end = became(Wsdl(root, {root: document}), reader)
    else:
        try:
            reader.describe(Bundle(root, {root: document}))
            end = "parsed"
        except ReaderFailed:
            raise
        except WsdlRefused as refused:
            end = str(refused)
    assert end
    with pytest.raises(OSError, match="No such device or address"):
        # Nobody has it open to read from; had anybody had, he would still be waiting for somebody to write.
        os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        listening.accept()
    if collected and name.startswith(("a DTD", "an external entity", "an entity", "a parameter entity", "a billion")):
        assert end == "hostile.wsdl has a document type declaration (DTD), which is not read: take it out."

"""WSDLs that went wrong: mutants of the written ones, each the same for the same number, and hostile ones by name."""

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lxml import etree

from dispatcher.domain.soap.bundle import UPLOAD_BASE

SEEDS = Path(__file__).parent / "fuzz"
XSD = "{http://www.w3.org/2001/XMLSchema}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
_REFERENCES = ("type", "element", "ref", "base", "message", "binding", "itemType", "memberTypes", "part", "arrayType")
_ODD_VALUES = (
    "", " ", "0", "-1", "unbounded", "99999999999999999999", "x:", ":x", "{urn:a}b", "xsd:string", "no:thing", "\u2028",
    "a" * 3_000, "%s%n", "../" * 50, "true", "NaN", "http://[", "\U0001f4de",
)  # fmt: skip
_ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp500", "utf-7", "latin-1", "gb18030", "shift_jis")


@dataclass(frozen=True)
class Wsdl:
    """A root and every document that may be found."""

    root: str
    documents: dict[str, bytes]


@cache
def seeds() -> tuple[Wsdl, ...]:
    """The written ones, with what they import."""
    found = []
    for path in sorted(SEEDS.rglob("*.wsdl")):
        beside = {UPLOAD_BASE + each.name: each.read_bytes() for each in path.parent.iterdir() if each.is_file()}
        found.append(Wsdl(UPLOAD_BASE + path.name, beside))
    return tuple(found)


def mutant(number: int, seed: int) -> Wsdl:
    """The mutant of this number: one of the seeds, one of its documents changed in one to four ways."""
    chance = random.Random(f"{seed}/{number}")
    original = chance.choice(seeds())
    imported = [url for url in original.documents if url.endswith((".xsd", "interface.wsdl"))]
    changed = original.root if chance.random() < 0.7 or not imported else chance.choice(imported)
    document = original.documents[changed]
    if chance.random() < 0.65:
        document = _with_other_elements(document, chance)
    if chance.random() < 0.4:
        document = chance.choice(_BYTES)(document, chance)
    return Wsdl(original.root, {**original.documents, changed: document})


def _with_other_elements(document: bytes, chance: random.Random) -> bytes:
    root = etree.fromstring(document)
    for _ in range(chance.randint(1, 4)):
        chance.choice(_ELEMENTS)(root, chance)
    return bytes(etree.tostring(root))


def _pick(root: etree._Element, chance: random.Random) -> etree._Element:
    return chance.choice([each for each in root.iter() if isinstance(each.tag, str)])


def _duplicate(root: etree._Element, chance: random.Random) -> None:
    if (one := _pick(root, chance)) is not root:
        for _ in range(chance.choice([1, 1, 2, 40])):
            one.addnext(copy.deepcopy(one))


def _remove(root: etree._Element, chance: random.Random) -> None:
    if (one := _pick(root, chance)) is not root:
        one.getparent().remove(one)


def _reorder(root: etree._Element, chance: random.Random) -> None:
    one = _pick(root, chance)
    children = list(one)
    chance.shuffle(children)
    one[:] = children


def _move(root: etree._Element, chance: random.Random) -> None:
    one, other = _pick(root, chance), _pick(root, chance)
    if one is not root and one not in other.iterancestors() and one is not other:
        other.append(one)


def _rename(root: etree._Element, chance: random.Random) -> None:
    _pick(root, chance).tag = chance.choice([_pick(root, chance).tag, f"{XSD}all", f"{WSDL}part", "{urn:no}such"])


def _swap_reference(root: etree._Element, chance: random.Random) -> None:
    """A QName where another one stood, perhaps of another kind of thing, perhaps its own container."""
    held = [(each, name) for each in root.iter() for name in each.attrib if etree.QName(name).localname in _REFERENCES]
    if held:
        (one, name), (other, there) = chance.choice(held), chance.choice(held)
        one.set(name, other.get(there))


def _swap_name(root: etree._Element, chance: random.Random) -> None:
    named = [each for each in root.iter() if each.get("name")]
    if named:
        chance.choice(named).set("name", chance.choice(named).get("name"))


def _delete_attribute(root: etree._Element, chance: random.Random) -> None:
    if names := list((one := _pick(root, chance)).attrib):
        del one.attrib[chance.choice(names)]


def _odd_attribute(root: etree._Element, chance: random.Random) -> None:
    one = _pick(root, chance)
    names = [*one.attrib, "minOccurs", "maxOccurs", "use", "style", "nillable", "location", "namespace"]
    one.set(chance.choice(names), chance.choice(_ODD_VALUES))


def _nest(root: etree._Element, chance: random.Random) -> None:
    """An element in itself, over and over."""
    one = _pick(root, chance)
    if one is root:
        return
    for _ in range(chance.choice([3, 30, 120])):
        shell = etree.Element(one.tag, dict(one.attrib))
        one.getparent().replace(one, shell)
        shell.append(one)


def _import(root: etree._Element, chance: random.Random) -> None:
    schemas = list(root.iter(f"{XSD}schema"))
    location = chance.choice(
        ["/etc/hostname", "file:///etc/hostname", "types.xsd", "wrapped.wsdl", "no.xsd", "", "//h/x"]
    )
    if schemas and chance.random() < 0.7:
        names = {"schemaLocation": location, "namespace": chance.choice(["urn:x", "urn:types", ""])}
        kind = chance.choice(["import", "include", "redefine"])
        chance.choice(schemas).insert(0, etree.Element(f"{XSD}{kind}", names))
    else:
        root.insert(0, etree.Element(f"{WSDL}import", {"location": location, "namespace": "urn:x"}))


def _truncate(document: bytes, chance: random.Random) -> bytes:
    return document[: chance.randrange(len(document) + 1)]


def _flip(document: bytes, chance: random.Random) -> bytes:
    changed = bytearray(document)
    for _ in range(chance.choice([1, 3, 30])):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _splice(document: bytes, chance: random.Random) -> bytes:
    begin, end = sorted(chance.randrange(len(document) + 1) for _ in range(2))
    return document[:begin] + document[end:] if chance.random() < 0.5 else document[:end] + document[begin:]


def _insert(document: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(document) + 1)
    odd = chance.choice(
        [b"\0", b"&#0;", b"&x;", b"<![CDATA[", b"]]>", b"<!--", b"<?x", b"\xff\xfe", b"<!DOCTYPE a>", b"<a>" * 400]
    )
    return document[:at] + odd + document[at:]


def _encode(document: bytes, chance: random.Random) -> bytes:
    text = document.decode("utf-8", "replace")
    encoding = chance.choice(_ENCODINGS)
    if not text.startswith("<?xml") and chance.random() < 0.7:
        text = f"<?xml version='1.0' encoding='{chance.choice(_ENCODINGS)}'?>{text}"
    return text.encode(encoding, "replace")[chance.choice([0, 0, 1]) :]


def _huge_attribute(document: bytes, chance: random.Random) -> bytes:
    at = document.find(b'name="')
    return document[: at + 6] + b"n" * chance.choice([70_000, 11_000_000]) + document[at + 6 :]


_ELEMENTS: tuple[Callable[[etree._Element, random.Random], None], ...] = (
    _duplicate, _remove, _reorder, _move, _rename, _swap_reference, _swap_reference,
    _swap_name, _delete_attribute, _odd_attribute, _nest, _import,
)  # fmt: skip
_BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _truncate, _truncate, _flip, _flip, _splice, _insert, _encode, _huge_attribute,
)  # fmt: skip


def truncated() -> Iterator[Wsdl]:
    """Every seed, ended at 40 places."""
    for original in seeds():
        whole = original.documents[original.root]
        for part in range(40):
            yield Wsdl(original.root, {**original.documents, original.root: whole[: len(whole) * part // 40]})

"""XPath over an answer: what is found, what is not read at all, and what is refused because its cost has no bound."""

from time import process_time

import pytest

from dispatcher.domain.engines import PathRefused
from dispatcher.xml_reading.paths import MAX_FOUND, MAX_XML_BYTES, compile_xpath

ORDERS = b"""<r xmlns:n="urn:n"><lead id="1" n:kind="new">A</lead><lead id="2"><name>Jane <b>Roe</b></name></lead>
<n:lead id="3"/><empty/><!-- no text --><mixed>x<!-- y -->z<![CDATA[<&]]></mixed></r>"""
NAMES = {"n": "urn:n"}


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("/r/lead", ["A", "Jane Roe"]),
        ("lead", ["A", "Jane Roe"]),
        ("./lead[1]", ["A"]),
        ("//lead[last()]/name/b", ["Roe"]),
        ("/r/lead[@id='2']/name", ["Jane Roe"]),
        ('/r/lead[name/b = "Roe"]/@id', ["2"]),
        ("/r/lead[name]/@id", ["2"]),
        ("/r/lead[not(name)]/@id", ["1"]),
        ("/r/lead[@id != 1]/@id", ["2"]),
        ("/r/lead[. = 'A' or contains(name, 'Roe')]/@id", ["1", "2"]),
        ("/r/lead[@id and starts-with(@id, '2')]/@id", ["2"]),
        ("//@n:kind", ["new"]),
        ("//n:lead/@id", ["3"]),
        ("//n:*/@id", ["3"]),
        ("//*[local-name()='lead'][namespace-uri()='urn:n']/@id", ["3"]),
        ("//*[text()='A']/@id", ["1"]),
        ("/r/lead/text()", ["A"]),
        ("/r/empty", [""]),
        ("/r/mixed", ["xz<&"]),
        ("/r/nothing", []),
        ("/x", []),
    ],
)
def test_a_path_finds_texts_in_the_order_of_the_document(path: str, texts: list[str]):
    assert compile_xpath(path, NAMES)(ORDERS) == texts


@pytest.mark.parametrize(
    "document",
    [
        "<r><v>é</v></r>".encode(),
        "\ufeff<r><v>é</v></r>".encode(),
        '\r\n<?xml version="1.0" encoding="UTF-8"?><r><v>é</v></r>'.encode(),
        '<?xml version="1.0" encoding="ISO-8859-1"?><r><v>é</v></r>'.encode("latin-1"),
        "<?xml version='1.0' encoding='windows-1252'?><r><v>é</v></r>".encode("cp1252"),
        '<?xml version="1.0" encoding="utf-16"?><r><v>é</v></r>'.encode("utf-16"),
        '<?xml version="1.0" encoding="utf-16"?><r><v>é</v></r>'.encode(),
    ],
)
def test_a_document_is_read_in_the_encoding_it_has(document: bytes):
    assert compile_xpath("/r/v", {})(document) == ["é"]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<r>",
        b"<r><v/></r><r/>",
        b"<r><v>&nbsp;</v></r>",
        b"<r><v>\xe9</v></r>",
        b"<r><v>\x00</v></r>",
        b'<?xml version="1.0" encoding="utf-7"?>+ADw-r/+AD4-',
        b"<!DOCTYPE r><r><v/></r>",
        b"<!-- --> <?a b?> <!DOCTYPE r SYSTEM 'http://169.254.169.254/'><r><v/></r>",
        b"<!DOCTYPE r [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><r><v>&b;</v></r>",
        b"<!DOCTYPE r [<!ENTITY f SYSTEM 'file:///etc/hostname'>]><r><v>&f;</v></r>",
        '<!DOCTYPE r [<!ENTITY a "a">]><r><v/></r>'.encode("utf-16"),
        b"<r>" * 65 + b"<v/>" + b"</r>" * 65,
        b"<r><v>" + b"x" * MAX_XML_BYTES + b"</v></r>",
    ],
)
def test_what_is_no_safe_document_holds_nothing(document: bytes):
    assert compile_xpath("//v", {})(document) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_dtd_is_refused_before_anything_is_parsed(monkeypatch: pytest.MonkeyPatch, encoding: str):
    parsed: list[bytes] = []
    monkeypatch.setattr("dispatcher.xml_reading.paths.etree.fromstring", lambda text, parser: parsed.append(text))
    document = "<!-- > --><?a <!--?>\n<!-- --><!DOCTYPE r [<!ENTITY a 'a'>]><r b='&a;'/>"
    assert compile_xpath("/r/@b", {})(document.encode(encoding)) == []
    assert parsed == []


def test_a_doctype_inside_text_is_no_dtd():
    assert compile_xpath("/r", {})(b"<r><![CDATA[<!DOCTYPE html>]]></r>") == ["<!DOCTYPE html>"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "a//b//c",
        "//a[.//b]",
        "//a[b[c]]",
        "..",
        "a/..",
        "ancestor::a",
        "descendant::a",
        "//a/following-sibling::b",
        "//a[count(//*) > 1]",
        "count(//a)",
        "//a[position() < 9]",
        "//a[b = c]",
        "//a[id('x')]",
        "//a[$x]",
        "//a | //b",
        "a + b",
        "string(//a)",
        "document('file:///etc/hostname')",
        "//a[re:test(., 'x')]",
        "//x:a",
        "//a[",
        "//a]",
        "//a['",
        "//a[1.5]",
        "//a[-1]",
        "//a" + "[b]" * 17,
        "//a\x00",
    ],
)
def test_a_path_without_a_bound_is_refused_with_a_reason(path: str):
    with pytest.raises(PathRefused, match=r"\w"):
        compile_xpath(path, {"re": "http://exslt.org/regular-expressions"})


def test_only_the_first_hundred_nodes_count():
    found = compile_xpath("//v", {})(b"<r>" + b"<v>1</v>" * 500 + b"</r>")
    assert found == ["1"] * MAX_FOUND


@pytest.mark.parametrize(
    "document",
    [
        b"<r>" + b"<a/>" * 65_000 + b"</r>",
        b"<r>" + b"<a>v" * 60 + b"<a/>" * 60_000 + b"</a>" * 60 + b"</r>",
        b"<r>" + (b"<a>" * 60 + b"v" + b"</a>" * 60) * 600 + b"</r>",
        b"<r " + b" ".join(b'a%d=""' % number for number in range(24_000)) + b"/>",
        b"<?a?>" * 52_000,
        b"<!--" * 65_000,
    ],
    ids=["flat", "deep", "bushy", "attributes", "instructions", "comments"],
)
def test_the_dearest_paths_cost_a_bounded_time_whatever_the_document(document: bytes):
    assert len(document) <= MAX_XML_BYTES
    paths = [
        "//*" + "[*/*/*/*/*/*/*/*/*/*/*/*/*/*/*='v']" * 8,
        "//a" + "/a" * 50,
        "//*[contains(., 'zz') or . = 'v']" + "[not(contains(*, 'q'))]" * 8,
        "//@*",
    ]
    began = process_time()
    for path in paths:
        compile_xpath(path, {})(document)
    # 0.2 s at the worst where this was written; a cost that grew with the square of the document would be minutes.
    assert process_time() - began < 5

"""A WSDL with everything that it imports: what is asked for, under which URL, and what is refused."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st
from zeep.loader import absolute_location
from zeep.transports import Transport
from zeep.wsdl import Document

from dispatcher.adapters.soap import collect as collecting
from dispatcher.adapters.soap.collect import MIB, collect, shown
from dispatcher.adapters.soap.imports import MAX_NESTING, Imports, Kind, Unfit, begins_as_wsdl, imports_of
from dispatcher.domain.soap.bundle import UPLOAD_BASE, Bundle, WsdlRefused

ROOT = "http://crm.example/ws/service?wsdl"
WSDL = "http://schemas.xmlsoap.org/wsdl/"
XSD = "http://www.w3.org/2001/XMLSchema"
DTD = "has a document type declaration (DTD), which is not read: take it out"
ENCODING = "is in an encoding that is not known here: save it as UTF-8"
OTHER_ENCODING = "is not well-formed XML (line 1: encoding specified in XML declaration is incorrect)"
LOCATIONS = """b.xsd ../b.xsd /b.xsd //o/b.xsd ?x=1 #f ./ .. http://o/b file:///etc/hostname ftp://o/b urn:b C:\\b HTTPS://o
a:b /etc/hostname ~/b ../../../../b b%20c http:b"""


def wsdl(content: str = "", schema: str = "", namespace: str = XSD) -> bytes:
    return (
        f'<w:definitions xmlns:w="{WSDL}" xmlns:x="{namespace}" targetNamespace="urn:a">{content}'
        f'<w:types><x:schema targetNamespace="urn:a">{schema}</x:schema></w:types></w:definitions>'
    ).encode()


def schema(content: str = "", target: str = "urn:a") -> bytes:
    return f'<schema xmlns="{XSD}" targetNamespace="{target}">{content}</schema>'.encode()


class Web:
    """Documents by URL, and which of them were asked for."""

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        self.documents = documents
        self.asked: list[str] = []

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        return self.documents[url]


def collected(documents: Mapping[str, bytes], root: str = ROOT) -> Bundle:
    return collect(root, {}, Web(documents))


def refusal(documents: Mapping[str, bytes], root: str = ROOT, asked: list[str] | None = None, **options: Any) -> str:
    web = Web(documents)
    with pytest.raises(WsdlRefused) as refused:
        collect(root, {}, web, **options)
    assert web.asked == ([root] if asked is None else asked)
    return str(refused.value)


class TestWhatIsCollected:
    def test_everything_that_is_imported_each_once_breadth_first(self) -> None:
        web = Web(
            {
                ROOT: wsdl(
                    '<w:import namespace="urn:b" location="parts/b.wsdl"/>',
                    '<x:import namespace="urn:c" schemaLocation="types/c.xsd"/><x:include schemaLocation="a.xsd"/>',
                ),
                "http://crm.example/ws/parts/b.wsdl": wsdl('<w:import namespace="urn:a" location="../service?wsdl"/>'),
                "http://crm.example/ws/types/c.xsd": schema('<redefine schemaLocation="d.xsd"/>', "urn:c"),
                "http://crm.example/ws/a.xsd": schema('<include schemaLocation="a.xsd"/>'),
                "http://crm.example/ws/types/d.xsd": schema('<import schemaLocation="/ws/types/c.xsd"/>', "urn:c"),
            }
        )
        bundle = collect(ROOT, {}, web)
        assert bundle == Bundle(ROOT, web.documents)
        assert web.asked == list(web.documents)

    def test_an_import_without_a_location_is_passed_over(self) -> None:
        documents = {ROOT: wsdl('<w:import namespace="urn:b"/>', '<x:import namespace="urn:c" schemaLocation=""/>')}
        assert collected(documents) == Bundle(ROOT, documents)

    def test_the_namespace_of_xml_lang_is_imported_from_where_zeep_has_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(collecting, "KNOWN_SCHEMAS", {})
        xml_schema = "https://www.w3.org/2001/xml.xsd"
        lang = '<x:import namespace="http://www.w3.org/XML/1998/namespace"/>'
        documents = {ROOT: wsdl(schema=lang), xml_schema: schema(target="http://www.w3.org/XML/1998/namespace")}
        assert collected(documents).documents == documents

    def test_what_only_looks_like_an_import_is_none(self) -> None:
        other = '<import xmlns="urn:other" location="no" schemaLocation="no"/>'
        nested = '<x:annotation><x:appinfo><x:import schemaLocation="no"/></x:appinfo></x:annotation>'
        inner = '<w:documentation><w:import location="no"/></w:documentation>'
        assert imports_of(wsdl(other + inner, other + nested)) == Imports(Kind.WSDL, ())

    def test_a_prefix_means_what_the_innermost_declaration_says(self) -> None:
        document = (
            f'<definitions xmlns="{WSDL}" xmlns:p="{WSDL}"><p:import location="a"/>'
            f'<types xmlns:p="{XSD}"><p:schema><p:import schemaLocation="b" location="no"/></p:schema></types>'
            '<p:import location="c"/></definitions>'
        )
        assert imports_of(document.encode()).locations == ("a", "b", "c")

    def test_schemas_of_1999_are_looked_into_as_well(self) -> None:
        old = "http://www.w3.org/1999/XMLSchema"
        assert imports_of(wsdl(schema='<x:import schemaLocation="b"/>', namespace=old)).locations == ("b",)

    def test_what_is_given_or_carried_is_not_fetched(self, monkeypatch: pytest.MonkeyPatch) -> None:
        root, carried = UPLOAD_BASE + "a.wsdl", "http://www.w3.org/2005/05/xmlmime"
        monkeypatch.setattr(collecting, "KNOWN_SCHEMAS", {carried: schema()})
        documents = {
            root: wsdl(schema=f'<x:import schemaLocation="b.xsd"/><x:import schemaLocation="{carried}"/>'),
            UPLOAD_BASE + "b.xsd": schema(),
        }
        web = Web({})
        assert collect(root, documents, web) == Bundle(root, {**documents, carried: schema()})
        assert web.asked == []

    def test_the_same_import_by_two_urls_is_two_documents(self) -> None:
        one, other = "http://crm.example/ws/b.xsd", "http://CRM.example/ws/b.xsd"
        documents = {
            ROOT: wsdl(schema=f'<x:include schemaLocation="b.xsd"/><x:include schemaLocation="{other}"/>'),
            one: schema(),
            other: schema(),
        }
        assert collected(documents).documents == documents

    @pytest.mark.parametrize(
        "encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252", "gbk", "euc-jp"]
    )
    def test_every_encoding_that_is_declared(self, encoding: str) -> None:
        declaration = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
        document = (declaration + wsdl('<w:import location="b"/>').decode()).encode(encoding)
        assert imports_of(document).locations == ("b",)


class TestTheUrlsAreThoseThatZeepAsksFor:
    @pytest.mark.parametrize("base", ["http://h/a/b?wsdl", "https://h", UPLOAD_BASE + "d/x.wsdl", "HTTP://h/a;p/b#f"])
    @pytest.mark.parametrize(
        "location",
        LOCATIONS.split(),
    )
    def test_of_every_shape_of_location(self, base: str, location: str) -> None:
        assert collecting._absolute(location, base) == absolute_location(location, base)

    @given_any(st.text(max_size=40))
    def test_of_any_text(self, location: str) -> None:
        try:
            expected: str | None = absolute_location(location, ROOT)
        except ValueError:
            expected = None
        try:
            found: str | None = collecting._absolute(location, ROOT)
        except WsdlRefused:
            found = None
        assert found == expected

    def test_in_a_parse_from_what_was_collected(self) -> None:
        documents = {
            ROOT: wsdl(
                '<w:import namespace="urn:b" location="parts/b.wsdl"/>',
                '<x:import namespace="urn:c" schemaLocation="types/c.xsd"/><x:include schemaLocation="inc/a.xsd"/>',
            ),
            "http://crm.example/ws/parts/b.wsdl": wsdl().replace(
                b'targetNamespace="urn:a"', b'targetNamespace="urn:b"'
            ),
            "http://crm.example/ws/types/c.xsd": schema('<include schemaLocation="more/d.xsd"/>', "urn:c"),
            "http://crm.example/ws/inc/a.xsd": schema('<include schemaLocation="a2.xsd"/>'),
            "http://crm.example/ws/types/more/d.xsd": schema(
                '<import namespace="urn:e" schemaLocation="e.xsd"/>', "urn:c"
            ),
            "http://crm.example/ws/inc/a2.xsd": schema(
                '<import namespace="urn:e" schemaLocation="../types/more/e.xsd"/>'
            ),
            "http://crm.example/ws/types/more/e.xsd": schema(target="urn:e"),
        }
        bundle = collected(documents)
        asked = set()

        class Bundled(Transport):  # type: ignore[misc]
            def load(self, url: str) -> bytes:
                asked.add(url)
                return bundle.documents[url]

        Document(ROOT, Bundled())
        assert asked == set(documents) == set(bundle.documents)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("location", "named"),
        [
            ("file:///etc/hostname", "file:///etc/hostname is not imported: only http and https are."),
            ("ftp://crm.example/b", "ftp://crm.example/b is not imported: only http and https are."),
            ("gopher://h/b", "gopher://h/b is not imported: only http and https are."),
            ("C:\\types.xsd", "C:\\types.xsd is not imported: only http and https are."),
            ("urn:b", "urn:b is not imported: only http and https are."),
            ("http://jane:secret@h/b?x=a@b", "http://h/b?x=a@b has a user in it: name a credential instead."),
            (
                "http://good.example\\@evil.example/b",
                "http://evil.example/b has a user in it: name a credential instead.",
            ),
            ("http://", "http:// is no URL of a document."),
            ("http://[::1/b", "http://[::1/b is no URL of a document."),
            ("http://h:99999/b", "http://h:99999/b is no URL of a document."),
            ("http://h/" + "b" * 2_048, "http://h/" + "b" * 191 + "... is no URL of a document."),
        ],
    )
    def test_an_import_from_elsewhere_and_nothing_is_asked_for(self, location: str, named: str) -> None:
        assert refusal({ROOT: wsdl(f'<w:import location="{location}"/>')}) == named
        assert refusal({ROOT: wsdl(schema=f'<x:import schemaLocation="{location}"/>')}) == named
        assert refusal({}, location, asked=[]) == named

    @pytest.mark.parametrize("root", ["/etc/hostname", "a.wsdl", "", "~/a.wsdl"])
    def test_a_root_that_is_a_path(self, root: str) -> None:
        assert refusal({}, root, asked=[]) == f"{root} is not imported: only http and https are."

    def test_a_path_of_this_machine_is_one_of_the_server(self) -> None:
        there = "http://crm.example/etc/hostname"
        documents = {ROOT: wsdl('<w:import location="/etc/hostname"/>'), there: b"crm-7"}
        sentence = refusal(documents, asked=[ROOT, there])
        assert sentence == "http://crm.example/etc/hostname is not well-formed XML (line 1: syntax error)."

    def test_a_file_that_was_not_uploaded(self) -> None:
        root = UPLOAD_BASE + "a.wsdl"
        web = Web({})
        for location in ("types/b.xsd", "/etc/hostname", UPLOAD_BASE + "c"):
            with pytest.raises(WsdlRefused) as refused:
                collect(root, {root: wsdl(f'<w:import location="{location}"/>')}, web)
            name = location.removeprefix(UPLOAD_BASE).removeprefix("/")
            assert str(refused.value) == f"The WSDL imports a file that is not among the uploaded files: {name}."
        assert web.asked == []

    def test_more_than_200_documents_before_they_are_fetched(self) -> None:
        many = "".join(f'<w:import location="b{number}"/>' for number in range(199))
        documents = {ROOT: wsdl(many), **{f"http://crm.example/ws/b{number}": schema() for number in range(199)}}
        assert len(collected(documents).documents) == 200
        sentence = "http://crm.example/ws/c is one document too many: a WSDL may consist of 200."
        assert refusal({ROOT: wsdl(many + '<w:import location="c"/>')}) == sentence

    def test_more_than_8_mib_in_one(self) -> None:
        document = wsdl()
        documents = {ROOT: document + b" " * (8 * MIB - len(document))}
        assert collected(documents).size_bytes == 8 * MIB
        assert refusal({ROOT: documents[ROOT] + b" "}) == f"{ROOT} is larger than 8 MiB."

    def test_more_than_16_mib_in_all(self) -> None:
        two = "".join(f'<w:import location="{name}"/>' for name in "bcd")
        padded = schema() + b" " * (8 * MIB - len(schema()))
        at = "http://crm.example/ws/"
        documents = {ROOT: wsdl(two), f"{at}b": padded, f"{at}c": padded, f"{at}d": schema()}
        sentence = refusal(documents, asked=[ROOT, f"{at}b", f"{at}c"])
        assert sentence == f"With {at}c, the WSDL and its imports exceed 16 MiB."

    def test_more_than_20_one_behind_the_other(self) -> None:
        at = "http://crm.example/ws/"
        chain = {f"{at}{number}": wsdl(f'<w:import location="{number + 1}"/>') for number in range(21)}
        sentence = refusal(chain, f"{at}0", asked=[f"{at}{number}" for number in range(21)])
        assert sentence == f"{at}21 is imported through more than 20 other documents."

    def test_more_than_60_seconds(self) -> None:
        moments = iter([0.0, 0.0, 40.0, 40.0, 60.0])
        documents = {
            ROOT: wsdl('<w:import location="b"/><w:import location="c"/>'),
            "http://crm.example/ws/b": schema(),
        }
        sentence = refusal(documents, asked=[ROOT, "http://crm.example/ws/b"], clock=lambda: next(moments))
        assert sentence == "Getting the WSDL and its imports takes more than 60 s (http://crm.example/ws/b)."

    def test_no_further_fetch_is_begun_after_60_seconds(self) -> None:
        moments = iter([0.0, 0.0, 59.0, 61.0, 61.0])
        documents = {ROOT: wsdl('<w:import location="b"/>')}
        sentence = refusal(documents, clock=lambda: next(moments))
        assert sentence == "Getting the WSDL and its imports takes more than 60 s (http://crm.example/ws/b)."

    @pytest.mark.parametrize(
        ("document", "why"),
        [
            (b"", "is empty"),
            (b"{}", "is not well-formed XML (line 1: not well-formed (invalid token))"),
            (b"<a>\n\n</b>", "is XML, but neither a WSDL nor an XML schema: its first element is 'a'"),
            (wsdl()[:-3], "is not well-formed XML (line 1: unclosed token)"),
            (wsdl("\n\n<w:a></w:b>"), "is not well-formed XML (line 3: mismatched tag)"),
            (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', DTD),
            (b"<!DOCTYPE w:definitions SYSTEM 'http://evil.example/a.dtd'>" + wsdl(), DTD),
            ("<!DOCTYPE a>".encode("utf-16") + wsdl(), DTD),
            (b'<?xml version="1.0" encoding="punycode"?>' + wsdl(), ENCODING),
            (b'<?xml version="1.0" encoding="zlib"?>' + wsdl(), ENCODING),
            (b'<?xml version="1.0" encoding="no-such"?>' + wsdl(), ENCODING),
            (b'<?xml version="1.0" encoding="utf-32"?>' + wsdl(), ENCODING),
            (b'<?xml version="1.0" encoding="gbk"?>\xff\xff' + wsdl(), "is not in the encoding gbk that it declares"),
            (b'<?xml version="1.0" encoding="utf-16"?>' + wsdl(), OTHER_ENCODING),
            (b'<description xmlns="http://www.w3.org/ns/wsdl"/>', "is a WSDL 2.0; only WSDL 1.1 is read"),
            (b"<definitions/>", "is XML, but neither a WSDL nor an XML schema: its first element is 'definitions'"),
            (b"<a>" * 251, "is XML, but neither a WSDL nor an XML schema: its first element is 'a'"),
            (wsdl("<a>" * 250), "nests elements more than 250 deep"),
        ],
    )  # fmt: skip
    def test_what_is_no_wsdl(self, document: bytes, why: str) -> None:
        assert refusal({ROOT: document}) == f"{ROOT} {why}."
        imported = {ROOT: wsdl('<w:import location="b"/>'), "http://crm.example/ws/b": document}
        sentence = refusal(imported, asked=[ROOT, "http://crm.example/ws/b"])
        assert sentence == f"http://crm.example/ws/b {why}."

    @pytest.mark.parametrize(
        "page",
        [
            b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>",
            b"<!doctype html>\n<html><br></html>",
            b'<html xmlns="http://www.w3.org/1999/xhtml"></html>',
            b"\n <HTML><BODY BGCOLOR=white><P>Log in</HTML>",
            b"<!-- login --><html><meta charset=utf-8><input disabled></html>",
        ],
    )
    def test_a_login_page(self, page: bytes) -> None:
        why = "is an HTML page and no WSDL: perhaps one that asks to log in, or says what went wrong"
        assert refusal({ROOT: page}) == f"{ROOT} {why}."

    def test_a_schema_for_a_wsdl(self) -> None:
        assert refusal({ROOT: schema()}) == f"{ROOT} is an XML schema and no WSDL."

    def test_a_dtd_ends_the_reading_at_once(self) -> None:
        document = b'<!DOCTYPE a [<!ENTITY b "c">' + b"<" * 1_000_000
        with pytest.raises(Unfit, match="DTD"):
            imports_of(document)

    @given_any(st.binary(max_size=300))
    def test_any_bytes_are_read_or_unfit(self, document: bytes) -> None:
        for each in (document, wsdl()[:60] + document, b"<?xml version='1.0' encoding='" + document):
            with suppress(Unfit):
                imports_of(each)


def test_nesting_up_to_the_limit_is_read() -> None:
    depth = MAX_NESTING - 2
    assert imports_of(wsdl("<a>" * depth + "</a>" * depth)).kind is Kind.WSDL


def test_the_beginning_of_a_wsdl_is_known() -> None:
    assert begins_as_wsdl(b"<?xml version='1.0'?><!-- x -->" + wsdl()[:160])
    assert not begins_as_wsdl(b"<?xml version='1.0'?><a><!-- x -->" + wsdl())
    assert not begins_as_wsdl(schema())
    assert not begins_as_wsdl(b"\0\1\2")
    assert not begins_as_wsdl(b"<!DOCTYPE a>" + wsdl())


def test_a_url_in_a_sentence_has_no_password_no_end_of_its_own_and_no_control_character() -> None:
    assert shown("https://jane:secret@crm.example/a@b?c@d") == "https://crm.example/a@b?c@d"
    assert shown("https://jane:se/cret@h/") == "https://jane:se/cret@h/"
    assert shown("http://h/\x1b[31m\n") == "http://h/?[31m?"
    assert shown(UPLOAD_BASE + "types/a.xsd") == "types/a.xsd"
    assert len(shown("http://h/" + "a" * 10_000_000)) == 203

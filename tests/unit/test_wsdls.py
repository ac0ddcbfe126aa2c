"""WSDLs are inspected, refreshed and pinned to: nothing is fetched twice in vain, and no refresh breaks a profile."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from dispatcher.adapters.engines import ENGINES
from dispatcher.domain.profile import ProfileRefused, parse_profile
from dispatcher.domain.soap.bundle import UPLOAD_BASE, Bundle, WsdlRefused
from dispatcher.domain.soap.changes import changes
from dispatcher.domain.soap.description import Description
from dispatcher.ports.wsdl import WsdlVersion
from dispatcher.wsdl_inspection import MAX_NODES, TOO_MANY, Asked, Inspection, InspectionRefused, Upload
from dispatcher.wsdls import AT_ONCE, MAX_VERSIONS, NOT_INSPECTED, TooManyInspections, Wsdls, fault_of_wsdl_url
from tests.unit.credential_doubles import credential_spec
from tests.unit.doubles import NOON, WORKSPACE, seconds
from tests.unit.memory_admin import MemoryAdmin
from tests.unit.wsdl_doubles import (
    URL,
    OperationTemplates,
    Web,
    WordsEngine,
    described,
    soap_profile,
    text_parameter,
)

OTHER = "https://erp.example/orders?wsdl"
UNKNOWN = "sha256:" + 64 * "0"


def parse(document: object) -> Any:
    return parse_profile(document, ENGINES)


def hash_of(text: bytes, url: str = URL) -> str:
    return Bundle(url, {url: text}).content_hash


class House:
    """The verb with everything around it in memory. The WSDL at `URL` offers LogCall."""

    def __init__(self) -> None:
        self.store, self.engine, self.web = MemoryAdmin(), WordsEngine(), Web()
        self.now = NOON
        self.wsdls = Wsdls(self.store, self.engine, self.web, parse, OperationTemplates, lambda: self.now)
        self.web.documents[URL] = b"LogCall"

    def inspect(self, url: str | None = URL, **asked: Any) -> Inspection:
        return self.wsdls.inspect(WORKSPACE, Asked(url, **asked))

    def upload(self, text: bytes = b"LogCall", name: str = "calls.wsdl", **asked: Any) -> Inspection:
        files = asked.pop("files", {})
        return self.inspect(None, upload=Upload(name, text, files.get), **asked)

    def pin(self, document: Any, **how: Any) -> Any:
        return self.wsdls.pin(WORKSPACE, document, **how)

    def add(self, document: dict[str, Any]) -> None:
        self.store.create_profile(WORKSPACE, parse(self.pin(document)), self.now)

    def add_credential(self, name: str = "crm") -> None:
        self.store.create_credential(WORKSPACE, credential_spec("basic", name=name), NOON)

    def request(self, name: str = "log") -> dict[str, Any]:
        return self.saved(name).profile.spec.document["request"]

    def saved(self, name: str = "log") -> Any:
        return self.store.profile(WORKSPACE, name)

    def refresh_later(self, text: bytes, **asked: Any) -> Inspection:
        """The same URL, which gives another text by now."""
        self.web.documents[URL] = text
        self.now += seconds(60)
        return self.inspect(refresh=True, **asked)


@pytest.fixture
def house() -> House:
    return House()


# --- inspect


def test_a_wsdl_is_fetched_read_and_kept(house: House) -> None:
    house.web.documents[URL] = b"LogCall import=https://crm.example/types.xsd"
    house.web.documents["https://crm.example/types.xsd"] = b"types"
    found = house.inspect()
    bundle = Bundle(URL, {URL: house.web.documents[URL], "https://crm.example/types.xsd": b"types"})
    sizes = {URL: 44, "https://crm.example/types.xsd": 5}
    assert found == Inspection(bundle.content_hash, URL, NOON, False, None, sizes, described("LogCall"))
    assert house.store.wsdl(WORKSPACE, bundle.content_hash).bundle == bundle
    assert house.store.wsdl_versions(WORKSPACE) == [WsdlVersion(URL, bundle.content_hash, None, NOON, 49)]
    assert house.web.opened == [(URL, None, None)]


def test_a_known_url_is_answered_from_what_is_kept(house: House) -> None:
    house.inspect()
    house.now = NOON + seconds(60)
    found = house.inspect()
    assert (found.from_store, found.fetched_at, found.documents) == (True, NOON, {URL: 7})
    assert (found.description, house.web.fetched) == (described("LogCall"), [URL])


def test_a_wsdl_is_fetched_with_the_credential_and_by_the_workspace_s_proxy(house: House) -> None:
    house.add_credential()
    house.store.set_egress_proxy(WORKSPACE, "http://proxy.example:3128")
    assert house.inspect(credential="crm").credential == "crm"
    assert house.web.opened == [(URL, "crm", "http://proxy.example:3128")]
    assert house.store.wsdl_versions(WORKSPACE)[0].credential == "crm"


def test_an_unknown_credential_is_refused_and_nothing_is_fetched(house: House) -> None:
    with pytest.raises(InspectionRefused) as refused:
        house.inspect(credential="crm-basis")
    expected = "the name of a credential (did you mean crm-basic?)"
    assert refused.value.faults == [{"field": "credential", "expected": expected, "got": "crm-basis"}]
    assert (house.web.opened, house.store.wsdl_versions(WORKSPACE)) == ([], [])


@pytest.mark.parametrize("text", [b"<broken>", b"LogCall import=https://crm.example/away.xsd"])
def test_of_what_cannot_be_had_or_read_nothing_is_kept(house: House, text: bytes) -> None:
    house.web.documents[URL] = text
    with pytest.raises(WsdlRefused):
        house.inspect()
    assert (house.store.kept_wsdls, house.store.noted_versions) == ({}, {})


def test_a_dry_run_keeps_nothing(house: House) -> None:
    assert house.inspect(dry_run=True).content_hash == hash_of(b"LogCall")
    assert (house.store.kept_wsdls, house.store.noted_versions) == ({}, {})


def test_an_operation_that_is_not_there_is_refused_and_nothing_is_kept(house: House) -> None:
    with pytest.raises(InspectionRefused) as refused:
        house.inspect(operation="LogCal")
    expected = "the name of an operation (did you mean LogCall?); there are LogCall"
    assert refused.value.faults == [{"field": "operation", "expected": expected, "got": "LogCal"}]
    assert house.store.kept_wsdls == {}
    house.inspect()
    with pytest.raises(InspectionRefused):
        house.inspect(operation="LogCal")


def test_an_upload_finds_its_imports_beside_it_and_stands_under_its_hash(house: House) -> None:
    text = f"LogCall import={UPLOAD_BASE}types/a%20b.xsd".encode()
    found = house.upload(text, files={"types/a b.xsd": b"types"})
    assert found.location == found.content_hash
    assert found.documents == {UPLOAD_BASE + "calls.wsdl": len(text), UPLOAD_BASE + "types/a%20b.xsd": 5}
    assert house.store.wsdl_versions(WORKSPACE)[0].location == found.content_hash
    assert house.web.fetched == []


def test_an_upload_without_what_it_imports_is_refused_and_nobody_is_asked(house: House) -> None:
    with pytest.raises(WsdlRefused, match=r"types\.xsd is not there"):
        house.upload(f"LogCall import={UPLOAD_BASE}types.xsd".encode())
    assert (house.web.fetched, house.store.kept_wsdls) == ([], {})


def test_an_upload_may_import_from_the_network(house: House) -> None:
    house.web.documents["https://crm.example/types.xsd"] = b"types"
    house.upload(b"LogCall import=https://crm.example/types.xsd")
    assert house.web.fetched == ["https://crm.example/types.xsd"]


def test_only_so_many_inspections_run_at_once_and_each_gives_its_place_back(house: House) -> None:
    started, go_on = threading.Semaphore(0), threading.Event()

    def blocked(url: str) -> bytes:
        started.release()
        go_on.wait(20)
        raise WsdlRefused("The server is away.")

    house.wsdls = Wsdls(house.store, house.engine, lambda *_: blocked, parse, OperationTemplates, lambda: house.now)
    ended: list[str] = []

    def inspect() -> None:
        try:
            house.inspect()
        except WsdlRefused as refused:
            ended.append(str(refused))

    threads = [threading.Thread(target=inspect) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert started.acquire(timeout=20)
    with pytest.raises(TooManyInspections):
        house.inspect()
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert ended == ["The server is away."] * AT_ONCE
    with pytest.raises(WsdlRefused):
        house.inspect()


# --- what is shown


def test_what_was_found_is_shown_with_every_operation_s_parameters(house: House) -> None:
    shown = house.inspect().as_document()
    (service,) = shown["services"]
    (port,) = service["ports"]
    (operation,) = port.pop("operations")
    assert port == {
        "name": "CallsPort",
        "binding": "CallsBinding",
        "soap_version": "1.1",
        "address": "http://10.0.0.9/calls",
    }
    trees = {name: operation.pop(name) for name in ("parameters", "headers", "output", "example")}
    assert operation == {
        "name": "LogCall",
        "documentation": "Does LogCall.",
        "soap_action": "urn:LogCall",
        "style": "document",
        "use": "literal",
        "one_way": False,
        "parameter_count": 3,
    }
    assert [node["name"] for node in trees["parameters"]] == ["Caller", "Note", "Lead"]
    assert (trees["headers"], [node["name"] for node in trees["output"]]) == ([], ["Id"])
    assert set(trees["example"]) == {"Caller", "Note", "Lead"}
    assert shown["documents"] == [{"url": URL, "bytes": 7}]
    assert (shown["trees"], shown["notes"], "changed" in shown) == (True, [], False)


def test_of_a_large_wsdl_parameters_are_counted_and_shown_for_the_operation_that_is_named(house: House) -> None:
    house.web.documents[URL] = b" ".join(b"Operation%d" % number for number in range(MAX_NODES // 4))
    inspection = house.inspect()
    shown = inspection.as_document()
    operations = shown["services"][0]["ports"][0]["operations"]
    assert (shown["trees"], shown["notes"], len(operations)) == (False, [TOO_MANY], MAX_NODES // 4)
    assert {key: operations[7][key] for key in ("name", "parameter_count")} == {
        "name": "Operation7",
        "parameter_count": 3,
    }
    assert "parameters" not in operations[7]
    alone = inspection.as_document("Operation7")
    (only,) = alone["services"][0]["ports"][0]["operations"]
    assert (alone["trees"], alone["notes"]) == (True, [])
    assert [node["name"] for node in only["parameters"]] == ["Caller", "Note", "Lead"]


# --- refresh


def test_a_refresh_of_what_has_not_changed_says_so_and_notes_when(house: House) -> None:
    house.inspect()
    found = house.refresh_later(b"LogCall")
    assert (found.from_store, found.renewal.unchanged, found.renewal.changed.listed) == (False, True, ())
    assert [each.fetched_at for each in house.store.wsdl_versions(WORKSPACE)] == [NOON + seconds(60)]


def test_a_refresh_moves_the_profiles_that_fit_and_names_those_that_do_not(house: House) -> None:
    house.web.documents[URL] = b"LogCall Lookup"
    house.inspect()
    house.web.documents[OTHER] = b"LogCall"
    for document in (soap_profile("log"), soap_profile("look", operation="Lookup"), soap_profile("erp", OTHER)):
        house.add(document)
    old, new = hash_of(b"LogCall Lookup"), hash_of(b"LogCall Search")
    found = house.refresh_later(b"LogCall Search")
    assert found.renewal.as_document() == {
        "unchanged": False,
        "changed": changes(described("LogCall", "Lookup"), described("LogCall", "Search")).as_document()["changes"],
        "more_changes": 0,
        "breaking": True,
        "moved": ["log"],
        "breaks": [
            {
                "profile": "look",
                "errors": [{"field": "request.operation", "expected": "an operation", "got": "Lookup"}],
            }
        ],
    }
    hashes = {name: (house.request(name)["wsdl_hash"], house.saved(name).profile.revision) for name in ("log", "look")}
    assert hashes == {"log": (new, 2), "look": (old, 1)}
    assert house.request("erp")["wsdl_hash"] == hash_of(b"LogCall", OTHER)
    assert house.store.wsdl(WORKSPACE, old) is not None
    versions = house.store.wsdl_versions(WORKSPACE, URL)
    assert [(each.content_hash, each.fetched_at) for each in versions] == [(new, NOON + seconds(60)), (old, NOON)]


def test_a_refresh_leads_no_profile_to_another_address_unless_its_own_says_so(house: House) -> None:
    house.web.documents[URL] = b"LogCall"
    house.inspect()
    house.add(soap_profile("led"))
    house.add(soap_profile("fixed", address="https://crm.example/calls"))
    renewal = house.refresh_later(b"LogCall at=https://elsewhere.example/").renewal.as_document()
    assert (renewal["breaking"], renewal["moved"]) == (False, ["fixed"])
    assert renewal["breaks"] == [
        {
            "profile": "led",
            "errors": [
                {
                    "field": "request.address",
                    "expected": "the address that is meant: the WSDL had http://10.0.0.9/calls, "
                    "and has https://elsewhere.example/ now",
                    "got": "nothing",
                }
            ],
        }
    ]
    assert house.request("led")["wsdl_hash"] == hash_of(b"LogCall")


def test_of_many_contents_of_a_location_the_newest_are_kept_and_those_that_profiles_use(house: House) -> None:
    house.web.documents[URL] = b"LogCall Used"
    house.inspect()
    house.add(soap_profile("held", operation="Used"))
    for number in range(MAX_VERSIONS + 3):
        house.refresh_later(f"LogCall Op{number}".encode())
    kept_now = [each.content_hash for each in house.store.wsdl_versions(WORKSPACE, URL)]
    newest = [hash_of(f"LogCall Op{number}".encode()) for number in reversed(range(3, MAX_VERSIONS + 3))]
    assert kept_now == [*newest, hash_of(b"LogCall Used")]
    assert house.store.wsdl(WORKSPACE, hash_of(b"LogCall Op0")) is None


def test_a_dry_refresh_says_the_same_and_changes_nothing(house: House) -> None:
    house.web.documents[URL] = b"LogCall Lookup"
    house.add(soap_profile("log"))
    house.add(soap_profile("look", operation="Lookup"))
    before = dict(house.store.noted_versions)
    found = house.refresh_later(b"LogCall", dry_run=True)
    assert (found.renewal.moved, [each.profile for each in found.renewal.breaks]) == (["log"], ["look"])
    assert (house.saved("log").profile.revision, house.request("log")["wsdl_hash"]) == (1, hash_of(b"LogCall Lookup"))
    assert (house.store.noted_versions, len(house.store.kept_wsdls)) == (before, 1)


def test_a_profile_that_was_left_behind_is_moved_by_a_later_refresh_that_it_fits(house: House) -> None:
    house.add(soap_profile("log"))
    house.refresh_later(b"Lookup")
    assert house.request()["wsdl_hash"] == hash_of(b"LogCall")
    assert house.refresh_later(b"Lookup").renewal.breaks[0].profile == "log"
    assert house.refresh_later(b"Lookup LogCall").renewal.moved == ["log"]
    assert house.request()["wsdl_hash"] == hash_of(b"Lookup LogCall")


def test_a_refresh_that_is_refused_leaves_everything_as_it_was(house: House) -> None:
    house.add(soap_profile("log"))
    with pytest.raises(WsdlRefused):
        house.refresh_later(b"<broken>")
    assert (house.request()["wsdl_hash"], len(house.store.noted_versions)) == (hash_of(b"LogCall"), 1)


def test_a_refresh_uses_the_credential_of_the_last_time_while_there_is_one(house: House) -> None:
    house.add_credential()
    house.inspect(credential="crm")
    house.refresh_later(b"LogCall")
    house.store.delete_credential(WORKSPACE, "crm")
    house.refresh_later(b"LogCall")
    assert [name for _, name, _ in house.web.opened] == ["crm", "crm", None]


def test_a_switched_off_profile_is_moved_and_stays_off(house: House) -> None:
    house.add({**soap_profile("log"), "enabled": False})
    house.refresh_later(b"LogCall Lookup")
    assert house.request()["wsdl_hash"] == hash_of(b"LogCall Lookup")
    assert not house.saved().profile.enabled


def test_a_profile_that_is_changed_while_a_refresh_judges_it_keeps_the_change(house: House) -> None:
    house.add(soap_profile("log"))
    judge, off = house.wsdls._renewer.parse, {**house.saved().profile.spec.document, "enabled": False}

    def parse_while_somebody_switches_it_off(document: object) -> Any:
        house.store.update_profile(WORKSPACE, "log", parse(off), house.now)
        return judge(document)

    house.wsdls._renewer = replace(house.wsdls._renewer, parse=parse_while_somebody_switches_it_off)
    found = house.refresh_later(b"LogCall Lookup")
    assert (found.renewal.moved, [each.profile for each in found.renewal.breaks]) == ([], ["log"])
    assert house.saved().profile.spec.document == off


def test_an_upload_takes_the_place_of_an_upload(house: House) -> None:
    old = house.upload(b"LogCall").content_hash
    house.add(soap_profile("log", old))
    found = house.upload(b"LogCall Lookup", refresh=True, replaces=old)
    assert (found.location, found.renewal.moved) == (found.content_hash, ["log"])
    assert [each.place for each in found.renewal.changed.listed] == ["Calls/CallsPort/Lookup"]
    assert {house.request()[name] for name in ("wsdl", "wsdl_hash")} == {found.content_hash}


def test_an_upload_takes_the_place_of_what_a_url_gave(house: House) -> None:
    house.add(soap_profile("log"))
    house.now = NOON + seconds(60)
    found = house.upload(b"LogCall Lookup", refresh=True, replaces=URL)
    assert (found.location, found.renewal.moved) == (URL, ["log"])
    assert (house.request()["wsdl"], house.request()["wsdl_hash"]) == (URL, found.content_hash)
    assert house.inspect().content_hash == found.content_hash


def test_what_is_not_kept_cannot_be_replaced(house: House) -> None:
    house.inspect()
    with pytest.raises(InspectionRefused) as refused:
        house.upload(refresh=True, replaces=URL + "x")
    (fault,) = refused.value.faults
    assert (fault["field"], f"(did you mean {URL}?)" in fault["expected"]) == ("replaces", True)
    assert (house.engine.collected, len(house.store.kept_wsdls)) == ([URL], 1)


# --- what is kept


def test_the_list_says_which_profiles_keep_to_which_content(house: House) -> None:
    house.web.documents[URL] = b"LogCall Lookup"
    house.add(soap_profile("log"))
    house.add(soap_profile("look", operation="Lookup"))
    house.refresh_later(b"LogCall")
    rows = house.wsdls.listed(WORKSPACE)
    assert [(row["content_hash"], row["profiles"], row["size_bytes"]) for row in rows] == [
        (hash_of(b"LogCall"), ["log"], 7),
        (hash_of(b"LogCall Lookup"), ["look"], 14),
    ]
    assert rows[0] == {
        "location": URL,
        "content_hash": hash_of(b"LogCall"),
        "fetched_at": NOON + seconds(60),
        "credential": None,
        "size_bytes": 7,
        "profiles": ["log"],
    }


# --- pin


def test_a_profile_is_pinned_to_the_newest_content_of_its_url_without_fetching(house: House) -> None:
    house.inspect()
    house.refresh_later(b"LogCall Lookup")
    fetched = list(house.web.fetched)
    assert house.pin(soap_profile())["request"]["wsdl_hash"] == hash_of(b"LogCall Lookup")
    assert house.web.fetched == fetched


def test_a_known_content_of_the_url_that_a_profile_names_is_kept(house: House) -> None:
    house.inspect()
    house.refresh_later(b"LogCall Lookup")
    old = soap_profile(wsdl_hash=hash_of(b"LogCall"))
    assert house.pin(old) == old


@pytest.mark.parametrize("known", [False, True])
def test_a_content_of_another_url_is_not_kept(house: House, known: bool) -> None:
    house.inspect()
    house.web.documents[OTHER] = b"LogCall"
    if known:
        house.inspect(OTHER)
    moved = house.pin(soap_profile(url=OTHER, wsdl_hash=hash_of(b"LogCall")))
    assert moved["request"]["wsdl_hash"] == hash_of(b"LogCall", OTHER)


def test_an_unknown_url_is_fetched_with_the_profile_s_credential(house: House) -> None:
    house.add_credential()
    document = soap_profile() | {"credential": "crm"}
    assert house.pin(document)["request"]["wsdl_hash"] == hash_of(b"LogCall")
    assert house.web.opened == [(URL, "crm", None)]
    assert house.store.wsdl(WORKSPACE, hash_of(b"LogCall")) is not None


def test_a_wsdl_that_cannot_be_had_is_one_fault_of_the_profile(house: House) -> None:
    with pytest.raises(ProfileRefused) as refused:
        house.pin(soap_profile(url=OTHER))
    expected = "a WSDL that can be fetched and read"
    got = "The WSDL cannot be fetched: the server answered 404."
    assert refused.value.faults == [{"field": "request.wsdl", "expected": expected, "got": got}]


def test_for_a_document_that_is_refused_anyway_nothing_is_fetched(house: House) -> None:
    with pytest.raises(ProfileRefused) as refused:
        house.pin(soap_profile() | {"timeout_seconds": "long"})
    assert ([fault["field"] for fault in refused.value.faults], house.web.fetched) == (["timeout_seconds"], [])


def test_for_a_credential_that_is_not_there_nothing_is_fetched(house: House) -> None:
    with pytest.raises(ProfileRefused) as refused:
        house.pin(soap_profile() | {"credential": "none"})
    assert ([fault["field"] for fault in refused.value.faults], house.web.fetched) == (["credential"], [])


def test_who_may_not_fetch_pins_to_what_is_kept_alone(house: House) -> None:
    with pytest.raises(ProfileRefused) as refused:
        house.pin(soap_profile(), may_fetch=False)
    assert refused.value.faults[0]["expected"] == NOT_INSPECTED
    assert house.web.fetched == []
    house.inspect()
    assert house.pin(soap_profile(), may_fetch=False)["request"]["wsdl_hash"] == hash_of(b"LogCall")


def test_a_profile_of_an_upload_is_pinned_to_it(house: House) -> None:
    content_hash = house.upload().content_hash
    document = soap_profile(url=content_hash, wsdl_hash=UNKNOWN)
    assert house.pin(document)["request"]["wsdl_hash"] == content_hash


def test_an_unknown_content_hash_is_refused(house: House) -> None:
    with pytest.raises(ProfileRefused) as refused:
        house.pin(soap_profile(url=UNKNOWN))
    (fault,) = refused.value.faults
    assert (fault["field"], fault["got"]) == ("request.wsdl", "an unknown one")


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"request": None},
        {"request": {"kind": "rest", "wsdl": URL}},
        soap_profile(wsdl=None),
        soap_profile(wsdl=7),
        soap_profile(url="ftp://crm.example/calls?wsdl"),
        soap_profile(url="https://crm.example/{{ call.id }}?wsdl"),
        soap_profile(url="https://jane:secret@crm.example/calls?wsdl"),
        soap_profile(wsdl_hash=7),
        soap_profile(wsdl_hash="sha256:short"),
        soap_profile(envelope="<a/>"),
    ],
)
def test_what_is_no_profile_by_a_wsdl_is_left_to_the_parser(house: House, document: Any) -> None:
    assert house.pin(document) == document
    assert house.web.fetched == []


@pytest.mark.parametrize(
    ("url", "fit"),
    [
        (URL, True),
        ("http://crm.example:8080/calls/Service.svc?singleWsdl", True),
        ("file:///etc/passwd", False),
        ("https://crm.example/{{ call.id }}", False),
        ("https://crm.example/{% if a %}", False),
        ("https://user:pass@crm.example/", False),
        ("https://crm.example/" + "x" * 9_000, False),
        (7, False),
    ],
)
def test_a_wsdl_is_fetched_from_a_literal_http_url(url: object, fit: bool) -> None:
    assert (fault_of_wsdl_url(url, "url") is None) is fit


def test_the_depth_of_what_is_shown_may_be_chosen(house: House) -> None:
    shown = house.inspect().as_document(depth=1)
    lead = shown["services"][0]["ports"][0]["operations"][0]["parameters"][2]
    assert not lead.get("parameters")


def test_a_description_without_any_port_is_shown(house: House) -> None:
    house.engine.describe = lambda _: Description((), (), (), ("There is no service.",))  # type: ignore[method-assign]
    shown = house.inspect().as_document()
    assert (shown["services"], shown["notes"]) == ([], ["There is no service."])
    assert text_parameter("a").required

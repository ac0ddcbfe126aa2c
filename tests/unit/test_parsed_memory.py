"""Parsed WSDLs and the cyclic collector: it does not look at them while they are kept, and frees them afterwards."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from dispatcher.adapters.process import free_what_stayed, making_what_stays
from dispatcher.adapters.soap.library import WsdlLibrary
from tests.unit.soap_house import CRM, WORKSPACE, Kept


class Knot:
    """Something that only the collector frees."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def settled() -> Iterator[None]:
    """A process that has settled in, but for the limits that are raised then."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("settled")
def test_the_collector_does_not_look_while_it_is_made_nor_at_what_was_made() -> None:
    with making_what_stays():
        enabled, knot = gc.isenabled(), weakref.ref(Knot())
    gc.collect()
    assert (enabled, gc.isenabled(), knot() is not None) == (False, True, True)
    free_what_stayed()
    assert knot() is None


@pytest.mark.usefixtures("settled")
def test_what_failed_to_be_made_is_left_to_the_collector() -> None:
    knots = []

    def breaks() -> None:
        with making_what_stays():
            knots.append(weakref.ref(Knot()))
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        breaks()
    assert gc.isenabled()
    gc.collect()
    assert [knot() for knot in knots] == [None]


def test_in_a_process_that_has_not_settled_in_the_collector_goes_on_as_it_does() -> None:
    assert gc.get_freeze_count() == 0
    with making_what_stays():
        enabled = gc.isenabled()
    assert (enabled, gc.get_freeze_count()) == (True, 0)
    free_what_stayed()
    assert gc.get_freeze_count() == 0


@pytest.mark.usefixtures("settled")
def test_parsed_wsdls_that_found_no_room_are_freed_once_they_are_half_of_what_is_kept() -> None:
    kept = Kept()
    hashes = [kept.keep(CRM.replace("Notes a call.", f"Notes {number}.")) for number in range(8)]
    library = WsdlLibrary(kept.wsdl, kept.wsdl_description, max_parsed_bytes=4 * len(CRM))
    documents = [weakref.ref(library.parsed(WORKSPACE, each)._document) for each in hashes]
    # Four have room. Of those that had to go the third made more than half of that; the fourth waits for two more.
    assert [document() is not None for document in documents] == [False] * 3 + [True] * 5
    assert [library.is_at_hand(each) for each in hashes] == [False] * 4 + [True] * 4

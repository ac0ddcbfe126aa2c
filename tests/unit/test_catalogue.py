"""A worker's copy of the profiles: read again when their version has moved, and only then."""

from uuid import UUID

import pytest

from dispatcher.adapters.memory.store import MemoryStore
from dispatcher.catalogue import Profiles
from dispatcher.domain.exchange import ErrorWord
from dispatcher.ports import Catalogue, RenderError
from tests.unit.doubles import NOON, WORKSPACE, PlainTemplates, spec


class Counting(MemoryStore):
    """Counts how often its catalogue is read."""

    def __init__(self) -> None:
        super().__init__()
        self.loads = 0

    def load_catalogue(self) -> Catalogue:
        self.loads += 1
        return super().load_catalogue()


@pytest.fixture
def store() -> Counting:
    return Counting()


@pytest.fixture
def templates() -> PlainTemplates:
    return PlainTemplates()


@pytest.fixture
def profiles(store: Counting, templates: PlainTemplates) -> Profiles:
    return Profiles(store, templates)


def test_a_request_that_does_not_compile_says_why_with_its_own_word(store: Counting, templates: PlainTemplates):
    templates.compile_raises = RenderError("request.wsdl", "a WSDL that is not kept", ErrorWord.WSDL)
    template = Profiles(store, templates).template(store.create_profile(WORKSPACE, spec(), NOON).profile)
    with pytest.raises(RenderError) as refused:
        template.render({})
    assert (refused.value.reason, refused.value.word) == ("a WSDL that is not kept", ErrorWord.WSDL)


def test_what_does_not_compile_only_now_is_compiled_again(
    store: Counting, templates: PlainTemplates, profiles: Profiles
):
    profile = store.create_profile(WORKSPACE, spec(), NOON).profile
    templates.compile_raises = RenderError("request.wsdl", "no memory", ErrorWord.WSDL, passing=True)
    with pytest.raises(RenderError):
        profiles.template(profile)
    templates.compile_raises = None
    assert profiles.template(profile) is profiles.template(profile)


def test_the_catalogue_is_read_once_for_a_version(store: Counting, profiles: Profiles):
    store.create_profile(WORKSPACE, spec(), NOON)
    first = profiles.at_least(1)
    assert profiles.at_least(1) is profiles.at_least(0) is first
    assert (first.version, store.loads) == (1, 1)


def test_a_newer_version_is_read_and_an_older_one_asked_for_is_not(store: Counting, profiles: Profiles):
    store.create_profile(WORKSPACE, spec(), NOON)
    profiles.at_least(1)
    store.update_profile(WORKSPACE, "crm", spec(timeout_seconds=30), NOON)
    assert profiles.at_least(1).version == 1
    assert profiles.at_least(2).version == 2
    assert store.loads == 2


def test_an_empty_catalogue_is_one(profiles: Profiles):
    assert profiles.at_least(0) == Catalogue(0, {}, {})


def test_a_template_is_compiled_once_for_a_revision(store: Counting, templates: PlainTemplates, profiles: Profiles):
    profile = store.create_profile(WORKSPACE, spec(), NOON).profile
    profiles.at_least(1)
    assert profiles.template(profile) is profiles.template(profile)
    changed = store.update_profile(WORKSPACE, "crm", spec(timeout_seconds=30), NOON).profile
    profiles.template(changed)
    assert templates.compiled == ["crm", "crm"]


def test_compiled_requests_of_old_revisions_are_forgotten(
    store: Counting, templates: PlainTemplates, profiles: Profiles
):
    old = store.create_profile(WORKSPACE, spec("crm"), NOON).profile
    kept = store.create_profile(WORKSPACE, spec("erp"), NOON).profile
    profiles.at_least(2)
    profiles.template(old)
    profiles.template(kept)
    store.update_profile(WORKSPACE, "crm", spec("crm", timeout_seconds=30), NOON)
    profiles.at_least(3)
    profiles.template(kept)
    profiles.template(old)
    assert templates.compiled == ["crm", "erp", "crm"]


def test_a_profile_that_no_longer_compiles_fails_when_a_call_is_rendered(store: Counting, profiles: Profiles):
    class Refusing(PlainTemplates):
        def compile(self, spec, hash_key=b"", *, workspace_id):
            raise RenderError("request.url", "no such filter")

    profile = store.create_profile(WORKSPACE, spec(), NOON).profile
    template = Profiles(store, Refusing()).template(profile)
    with pytest.raises(RenderError, match=r"no such filter in request\.url"):
        template.render({"id": str(UUID(int=1))})

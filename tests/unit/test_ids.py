"""Ids that carry their time, and deliveries' ids that everybody derives alike."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.ids import delivery_id, first_of, last_of, moment_of, unix_ms, uuid7

MOMENT = datetime(2026, 11, 20, 12, 0, 0, 123_000, tzinfo=UTC)
EVENT = UUID("01a1f8d3-ea00-7000-8000-000000000001")
PROFILE = UUID("5a3c9a52-7f7e-4b8e-9a3b-6d1f0a9c1e11")

milliseconds = st.integers(0, (1 << 48) - 1)
until_the_year_9999 = st.integers(0, 253_370_764_800_000)
ten_bytes = st.binary(min_size=10, max_size=10)


def test_the_example_of_rfc_9562_is_reproduced():
    # RFC 9562, appendix A.6: 2022-02-22 14:22:22 -05:00, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F.
    rand = (0xCC3 << 68 | 0x18C4DC0C0C07398F).to_bytes(10, "big")
    assert uuid7(0x017F22E279B0, rand) == UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")


@given(milliseconds, ten_bytes)
def test_every_id_is_a_uuid_of_version_7_that_keeps_its_time(ms: int, random: bytes):
    made = uuid7(ms, random)
    assert (made.version, made.variant, made.int >> 80) == (7, "specified in RFC 4122", ms)


def test_the_moment_of_an_id_is_the_one_it_was_made_in():
    assert moment_of(uuid7(unix_ms(MOMENT), b"0123456789")) == MOMENT


@given(st.lists(milliseconds, min_size=2, max_size=2, unique=True), ten_bytes, ten_bytes)
def test_ids_sort_by_time(times: list[int], one: bytes, other: bytes):
    earlier, later = sorted(times)
    assert uuid7(earlier, one) < uuid7(later, other)


def test_a_deliverys_id_is_the_same_on_every_machine_and_in_every_version():
    assert delivery_id(EVENT, PROFILE) == UUID("01a1f8d3-ea00-83a3-abde-a44ac31aae8f")


def test_event_profile_and_generation_each_make_another_id():
    ids = {
        delivery_id(EVENT, PROFILE),
        delivery_id(UUID(int=EVENT.int + 1), PROFILE),
        delivery_id(EVENT, UUID(int=PROFILE.int + 1)),
        delivery_id(EVENT, PROFILE, generation=1),
    }
    assert len(ids) == 4


@given(until_the_year_9999, ten_bytes, st.uuids(), st.integers(0, 1000))
def test_all_deliveries_of_an_event_lie_between_its_first_and_last(ms: int, random: bytes, profile: UUID, number: int):
    event = uuid7(ms, random)
    made = delivery_id(event, profile, number)
    assert first_of(event) <= made <= last_of(event)
    assert (made.version, made.variant) == (8, "specified in RFC 4122")
    assert moment_of(made) == moment_of(event)


def test_the_next_milliseconds_deliveries_lie_beyond():
    event, next_one = uuid7(1_000, b"\xff" * 10), uuid7(1_001, b"\x00" * 10)
    assert last_of(event) < first_of(next_one)

"""Who may have how many exchanges in flight."""

import threading
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.room import Room

SICK, WELL = UUID(int=1), UUID(int=2)
SLOW_MS = 2_000.0


def room_of(capacity: int, *slow: UUID) -> Room:
    """A room that has seen exchanges of these profiles take long."""
    room = Room(capacity)
    for profile in slow:
        took(room, profile, SLOW_MS)
    return room


def took(room: Room, profile: UUID, milliseconds: float) -> None:
    """One exchange of the profile, begun and ended."""
    assert room.take(profile, 1, first_attempts=True) == 1
    room.give_back(profile, 1, took_ms=milliseconds)


def test_a_slow_profile_alone_gets_four_fifths_of_the_room_for_first_attempts():
    room = room_of(1000, SICK)
    assert room.take(SICK, 5000, first_attempts=True) == 800
    assert (room.held, room.held_by(SICK)) == (800, 800)


def test_a_slow_profile_alone_gets_three_quarters_of_that_for_retries():
    room = room_of(1000, SICK)
    assert room.take(SICK, 5000, first_attempts=False) == 600
    assert room.take(SICK, 5000, first_attempts=True) == 200


def test_a_quick_profile_and_one_never_heard_of_get_a_window():
    room = Room(1280)
    took(room, WELL, 300.0)
    assert room.take(WELL, 5000, first_attempts=True) == 256
    assert room.take(SICK, 5000, first_attempts=True) == 256
    assert (room.take(WELL, 1, first_attempts=True), room.take(SICK, 1, first_attempts=False)) == (0, 0)


def test_retries_of_a_quick_profile_get_three_quarters_of_the_window():
    room = Room(1280)
    assert room.take(WELL, 5000, first_attempts=False) == 192
    assert room.take(WELL, 5000, first_attempts=True) == 64


def test_one_slow_exchange_among_many_quick_ones_makes_no_slow_profile():
    room = Room(1280)
    for _ in range(20):
        took(room, WELL, 10.0)
    took(room, WELL, 5_000.0)
    assert room.take(WELL, 5000, first_attempts=True) == 256


def test_a_target_that_has_become_quick_gets_the_window_again():
    room = room_of(1280, WELL)
    for _ in range(60):
        took(room, WELL, 10.0)
    assert room.take(WELL, 5000, first_attempts=True) == 256


def test_a_profile_gets_no_more_than_it_wants():
    room = Room(1000)
    assert (room.take(SICK, 7, first_attempts=True), room.take(SICK, 0, first_attempts=True)) == (7, 0)
    assert room.held == 7


def test_nine_hundred_of_a_hanging_profile_leave_room_for_a_hundred_of_another():
    room = room_of(1280, SICK)
    hanging = room.take(SICK, 900, first_attempts=True)
    assert room.take(WELL, 100, first_attempts=True) == 100
    assert hanging == 900


def test_however_much_the_first_takes_the_next_ones_get_their_share_of_the_rest():
    room = room_of(1280, *(UUID(int=number) for number in range(1, 5)))
    taken = [room.take(UUID(int=number), 10_000, first_attempts=True) for number in range(1, 5)]
    assert taken == [1024, 204, 41, 8]


def test_a_profile_over_its_share_gets_nothing_until_it_has_given_back():
    room = room_of(1000, SICK, WELL)
    room.take(SICK, 800, first_attempts=True)
    room.take(WELL, 160, first_attempts=True)
    assert room.take(SICK, 1, first_attempts=True) == 0
    room.give_back(SICK, 700)
    assert room.take(SICK, 1000, first_attempts=True) == 572


def test_a_full_room_grants_every_profile_its_floor():
    room = Room(10)
    for number in range(1, 8):
        room.take(UUID(int=number), 10, first_attempts=True)
    assert room.take(UUID(int=99), 10, first_attempts=False) == 4
    assert room.take(UUID(int=99), 10, first_attempts=True) == 0


def test_what_is_free_for_a_retry_is_what_it_would_get():
    room = Room(1000)
    room.take(WELL, 300, first_attempts=True)
    free = room.free_for(SICK)
    assert room.take(SICK, 10_000, first_attempts=False) == free
    assert room.free_for(SICK) == 0


def test_what_was_given_back_is_free_again():
    room = Room(100)
    taken = room.take(SICK, 1000, first_attempts=True)
    room.give_back(SICK)
    room.give_back(SICK, taken - 1)
    assert (room.held, room.held_by(SICK)) == (0, 0)
    assert room.take(WELL, 1000, first_attempts=True) == taken


steps = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 400), st.booleans(), st.booleans()), max_size=60)


@given(st.integers(8, 500), steps)
def test_the_room_never_grants_more_than_its_capacity_and_the_floors(capacity: int, taken):
    room = Room(capacity)
    held = dict.fromkeys(range(1, 7), 0)
    for profile, count, first, back in taken:
        if back:
            given = min(count, held[profile])
            if given:
                room.give_back(UUID(int=profile), given)
                held[profile] -= given
        else:
            held[profile] += room.take(UUID(int=profile), count, first)
        assert room.held == sum(held.values()) <= capacity + 4 * 6
        assert all(room.held_by(UUID(int=each)) == count for each, count in held.items())


def test_threads_never_take_the_same_slot():
    room = room_of(1000, SICK)
    ready = threading.Barrier(4)
    taken: list[int] = []

    def take() -> None:
        ready.wait(10)
        taken.extend(room.take(SICK, 3, first_attempts=True) for _ in range(300))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (sum(taken), room.held) == (800, 800)

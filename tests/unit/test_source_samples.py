"""No payload that a call system really sent goes unread: each stands in one of the tables of samples."""

from tests.unit import test_source_samples_clouds as clouds
from tests.unit import test_source_samples_switches as switches
from tests.unit.sample_files import every_file, needs_samples

pytestmark = needs_samples


def test_every_sample_is_a_call_event_of_one_table_or_is_named_as_none():
    tables = (*clouds.SAMPLES, *clouds.NO_EVENTS, *switches.SAMPLES, *switches.NO_EVENTS)
    assert sorted({each.file for each in tables}) == every_file()
    events = {each.file for table in (clouds.SAMPLES, switches.SAMPLES) for each in table}
    assert events & {each.file for each in (*clouds.NO_EVENTS, *switches.NO_EVENTS)} == set()

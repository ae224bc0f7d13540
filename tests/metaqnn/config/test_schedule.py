"""The epsilon schedule against the published one."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaqnn.config.schedule import PUBLISHED, EpsilonSchedule, ScheduleError

stages = st.lists(st.tuples(st.floats(0, 1), st.integers(1, 10**4)), min_size=1, max_size=12).map(tuple)


def test_the_published_schedule():
    assert PUBLISHED.total == 2700
    trained = Counter(PUBLISHED.epsilon(i) for i in range(2700))
    tenths = {round(10 * epsilon): count for epsilon, count in trained.items()}
    assert tenths == {10: 1500, 9: 100, 8: 100, 7: 100, 6: 150, 5: 150, 4: 150, 3: 150, 2: 150, 1: 150}
    assert [PUBLISHED.epsilon(i) for i in (0, 1499, 1500, 1799, 1800, 2699)] == [1, 1, 0.9, 0.7, 0.6, 0.1]
    assert str(PUBLISHED).startswith("1.0:1500,0.9:100,0.8:100,0.7:100,0.6:150,")


@given(stages)
def test_formatting_and_parsing_lose_nothing(stages):
    schedule = EpsilonSchedule(stages)
    assert EpsilonSchedule.parse(str(schedule)) == schedule


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 30)), min_size=1, max_size=5).map(tuple))
def test_every_stage_lasts_as_many_networks_as_it_says(stages):
    schedule = EpsilonSchedule(stages)
    expected = [epsilon for epsilon, count in stages for _ in range(count)]
    assert schedule.total == len(expected)
    assert [schedule.epsilon(i) for i in range(len(expected))] == expected


@pytest.mark.parametrize("text", ["", "1.0", "1.0:x", "1.0:1:2", "1.0:5,", "a:5", "0.5:1.5"])
def test_text_that_does_not_parse_is_quoted(text):
    with pytest.raises(ScheduleError) as error:
        EpsilonSchedule.parse(text)
    assert repr(text) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("text", "quoted"), [("1.5:5", "1.5"), ("-0.1:5", "-0.1"), ("nan:5", "nan")])
def test_an_epsilon_outside_0_to_1_is_quoted(text, quoted):
    with pytest.raises(ScheduleError, match=rf"epsilon {quoted} is outside \[0, 1\]"):
        EpsilonSchedule.parse(text)


@pytest.mark.parametrize("count", [0, -3])
def test_a_stage_without_networks_is_quoted(count):
    with pytest.raises(ScheduleError, match=f"0.5 has {count} networks"):
        EpsilonSchedule.parse(f"1.0:5,0.5:{count}")


def test_a_schedule_without_stages_is_refused():
    with pytest.raises(ScheduleError, match="empty"):
        EpsilonSchedule(())


@pytest.mark.parametrize(
    ("longer", "extends"),
    [
        ("1.0:5,0.5:3,0.1:2", True),
        ("1.0:5,0.5:4", True),
        ("1.0:3,1.0:2,0.5:3,0.5:1", True),
        ("1.0:5,0.5:3", False),  # the same
        ("1.0:5,0.5:2,0.1:9", False),
        ("1.0:6,0.5:9", False),
        ("1.0:5", False),
    ],
)
def test_a_schedule_extends_another_if_it_begins_like_that_and_goes_on(longer, extends):
    assert EpsilonSchedule.parse(longer).extends(EpsilonSchedule.parse("1.0:5,0.5:3")) is extends

"""The time of each step over a text grows as the text does, whatever stands in it.

A text of twice the length may take three times as long, and half a second more: processor time, so
that a busy machine changes little.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.growth import PATTERNS, Steps, line_of, seconds_of

SHORT, LONG = 30_000, 60_000  # characters
RATIO, FLOOR = 3.0, 1.0  # of times, and seconds that count for nothing
MOST = 20.0  # seconds of the short text: a hundred times what a page of notes takes
QUICK = ("titles", "brackets", "at", "letters")  # those that are tried at each change


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Steps]:
    made = Steps()
    folder = tmp_path_factory.mktemp("ready")
    for _, step in made.run(folder, line_of("names", 2_000), ".txt"):
        step()  # what is loaded once is loaded now
    yield made


def _patterns() -> Iterator[object]:
    for name in PATTERNS:
        yield pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)


@pytest.mark.parametrize("pattern", _patterns())
@pytest.mark.parametrize(
    "suffix", [".txt", pytest.param(".md", marks=(pytest.mark.slow, pytest.mark.exhaustive))]
)
def test_no_step_takes_more_than_its_share_for_a_longer_line(
    pattern: str, suffix: str, steps: Steps, tmp_path: Path
):
    short = {
        name: seconds_of(step, MOST)
        for name, step in steps.run(tmp_path, line_of(pattern, SHORT), suffix)
    }
    for name, step in steps.run(tmp_path, line_of(pattern, LONG), suffix):
        seconds = seconds_of(step, 2 * MOST)
        assert seconds <= RATIO * short[name] + FLOOR, (name, short[name], seconds)

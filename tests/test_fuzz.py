"""The search for files that break the readers: it knows every format, is repeatable, and finds nothing in a few seconds."""

from random import Random

import pytest
from fuzz.mutations import mutated
from fuzz.readers import fuzz
from fuzz.seeds import seeds

from pipeline.ingest.readers.dispatch import READERS


def test_there_is_a_valid_file_of_every_format_that_is_read() -> None:
    assert set(READERS) <= set(seeds())


def test_the_same_seed_changes_every_file_in_the_same_way() -> None:
    for kind, files in seeds().items():
        contents = [content for _, content in files]
        first, second = (mutated(contents[0], Random(f"7 {kind}"), contents) for _ in range(2))
        assert first == second


@pytest.mark.slow
def test_changed_files_of_every_format_neither_break_the_run_nor_go_over_its_limits() -> None:
    findings = fuzz(seconds=0, seed=3, n_files=2 * len(seeds()))
    assert findings.broken == [] and findings.over_limits == []
    assert findings.n_files == 2 * len(seeds())

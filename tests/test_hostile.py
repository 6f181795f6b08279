"""Files that mean harm: each ends in time and in memory, read where it is harmless, else with a reason and an advice."""

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostile import CASES
from hostile.case import READ, Case
from hostile.runs import KINDS, runs_in

from pipeline.ingest import ingest_workshop
from pipeline.settings.sections import IngestSettings
from support.measured import Measured, read_measured

MAX_PROCESSOR_S, MAX_MEGABYTES = 20, 1500  # a file may take 12, and its reader some to start
MAX_SECONDS = 110  # by the clock, on a busy machine; one that waits for ever is ended after 120
UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
Measure = Callable[[Case], Measured]


def parameters() -> Iterator[object]:
    for case in CASES:
        yield pytest.param(
            case,
            id=case.name.encode("ascii", "replace").decode(),
            marks=[pytest.mark.slow] if case.is_slow else [],
        )


@pytest.fixture(scope="module")
def measure(request: pytest.FixtureRequest) -> Measure:
    """What became of each case of this run; they are read together, as the files of a depot are."""
    found: dict[str, Measured] = {}

    def look_up(case: Case) -> Measured:
        if not found:
            asked = [
                item.callspec.params.get("case")
                for item in request.session.items
                if hasattr(item, "callspec")
            ]
            found.update(read_cases([case for case in asked if isinstance(case, Case)]))
        return found[case.name]

    return look_up


def read_cases(cases: list[Case]) -> dict[str, Measured]:
    """Every case by its name, read with the settings that a study has by default."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [written(Path(folder), case) for case in cases]
        measured = read_measured(paths, settings=IngestSettings())
    return {case.name: result for case, result in zip(cases, measured, strict=True)}


def written(folder: Path, case: Case) -> Path:
    path = folder / case.name
    path.write_bytes(case.make())
    return path


def errors_of(measured: Measured) -> list[tuple[str, str]]:
    """The reasons and advices of a file and of its parts."""
    reading = measured.reading
    return (
        [reading.error] if reading.error else [part.error for part in reading.parts if part.error]
    )


def check(case: Case, measured: Measured) -> None:
    assert measured.cost.processor_s <= MAX_PROCESSOR_S
    assert measured.cost.seconds <= MAX_SECONDS
    assert measured.cost.peak_mb <= MAX_MEGABYTES
    errors = errors_of(measured)
    assert errors or not case.outcome or READ in case.outcome, "it was read"
    for reason, advice in errors:
        assert re.search(case.outcome, reason), reason
        assert reason.strip() and advice.strip() and not UNSEEN.search(reason + advice)
    assert not any(UNSEEN.search(part.name) for part in measured.reading.parts)


def test_there_are_enough_of_them_and_no_two_have_one_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60


@pytest.mark.slow
@pytest.mark.parametrize("case", parameters())
def test_a_hostile_file_ends_in_time_and_in_memory_with_a_reason_and_an_advice(
    case: Case, measure: Measure
) -> None:
    check(case, measure(case))


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[] if kind in ("txt", "md", "eml") else pytest.mark.exhaustive)
        for kind in KINDS
    ],
)
def test_a_run_of_signs_ends_in_time_whatever_the_format(kind: str) -> None:
    cases = list(runs_in(kind))
    for case, measured in zip(cases, read_cases(cases).values(), strict=True):
        check(case, measured)
        assert measured.cost.ended is None, f"{case.name}: its reader was ended"


@pytest.mark.slow
def test_a_folder_with_a_file_of_each_reason_gives_a_reject_for_each_and_the_good_file_is_read(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "depot" / "Figeac 2026-06-01"
    folder.mkdir(parents=True)
    by_reason = {
        case.outcome: case
        for case in CASES
        if not case.is_slow and case.outcome and READ not in case.outcome
    }
    refused = list(by_reason.values())  # each was read alone above
    names = [written(folder, case).name for case in refused]
    (folder / "Table 1.txt").write_text("- rouvrir le lavoir de Figeac\n", encoding="utf-8")
    tables = ingest_workshop(folder, depot=folder.parent, settings=IngestSettings())
    told = {path.split("/", 1)[1].split("#")[0] for path in tables["rejects"]["path"]}
    assert set(names) - told == set()
    assert tables["rejects"]["advice"].str.strip().all()
    assert "Figeac 2026-06-01/Table 1.txt" in set(tables["documents"]["path"])

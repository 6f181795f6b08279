"""What the machine learns from people: who taught what, what is left out to judge it, which machine is in use and the way back."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.jobs import _TABLES, Jobs, JobTask, now
from flows.learning import (
    STAGES,
    lessons_of,
    machines,
    may_be_chance,
    train_study,
    undo_use,
    use_machine,
    verdict_of,
)
from models.refit import Labelled, _left_out_groups, _right_counts
from pipeline.decisions import read_decision, read_decisions
from pipeline.decisions.machine import UseMachine
from pipeline.decisions.tags import AddTag, ConfirmUnit, RejectTag, TagDecision
from pipeline.errors import StudyError
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.study import Study
from pipeline.tables.material import TAGS

GRID = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
OFFER, HELP = (code for code in [("rubrique", GRID.axis("rubrique")[i].code) for i in (0, 1)])
STRONG, WEAK = (("posture", GRID.axis("posture")[i].code) for i in (0, 1))


def _units(*unit_ids: str) -> pd.DataFrame:
    rows = [(unit_id, f"d-{unit_id[0]}", "w", f"texte {unit_id}") for unit_id in unit_ids]
    return pd.DataFrame(rows, columns=["unit_id", "document_id", "workshop_id", "text"])


def _machine(*put: tuple[str, tuple[str, str]]) -> pd.DataFrame:
    more = {"score": 0.9, "is_assigned": True, "evidence": "[]"}
    more |= {"source": "machine", "model_version": "1"}
    rows = [{"unit_id": unit_id, "axis": axis, "code": code} for unit_id, (axis, code) in put]
    return TAGS.build([row | more for row in rows])


def _decided(*decisions: tuple[str, TagDecision]) -> list:
    return [
        read_decision({"decision_id": i, "author": author, **row.row()})
        for i, (author, row) in enumerate(decisions, start=1)
    ]


PUT = [("a1", OFFER), ("a1", STRONG), ("a2", OFFER), ("b1", HELP), ("b1", WEAK), ("c1", OFFER)]


@pytest.mark.parametrize(
    ("decisions", "counts", "people", "changed"),
    [
        pytest.param([], (0, 0, 0, 0, 0), {}, {}, id="nobody decided"),
        pytest.param(
            [("alix", ConfirmUnit("a1", (OFFER, STRONG)))],
            (1, 1, 1, 2, 0),
            {"alix": (1, 0, 2, 0, 0)},
            {OFFER: 0, STRONG: 0},
            id="confirmed as it was",
        ),
        pytest.param(
            [("alix", ConfirmUnit("a1", (HELP, STRONG)))],
            (1, 1, 1, 2, 0),
            {"alix": (1, 0, 1, 1, 1)},
            {OFFER: 1, HELP: 1, STRONG: 0},
            id="confirmed with another code",
        ),
        pytest.param(
            [("alix", RejectTag("b1", *HELP)), ("bilal", AddTag("b1", *OFFER))],
            (1, 0, 1, 2, 1),
            {"alix": (0, 1, 0, 0, 1), "bilal": (0, 1, 0, 1, 0)},
            {HELP: 1, OFFER: 1},
            id="touched by two, and a posture that nobody judged",
        ),
        pytest.param(
            [("alix", AddTag("b1", *STRONG))],
            (1, 0, 1, 2, 1),
            {"alix": (0, 1, 0, 1, 1)},
            {STRONG: 1, WEAK: 1},
            id="a posture that replaces another",
        ),
        pytest.param(
            [("alix", ConfirmUnit("a2", ())), ("alix", ConfirmUnit("c1", (OFFER,)))],
            (2, 2, 2, 1, 0),
            {"alix": (2, 0, 1, 0, 1)},
            {OFFER: 1},
            id="confirmed to have none, in two documents",
        ),
        pytest.param(
            [("alix", RejectTag("b1", *WEAK))],
            (0, 0, 0, 0, 0),
            {},
            {},
            id="the only posture, rejected without another",
        ),
        pytest.param(
            [("alix", ConfirmUnit("zz", ()))], (0, 0, 0, 0, 0), {}, {}, id="a passage that is gone"
        ),
    ],
)
def test_what_people_taught_is_counted_by_person_and_code(decisions, counts, people, changed):
    units = _units("a1", "a2", "b1", "c1")
    lessons = lessons_of(units, _machine(*PUT), _decided(*decisions), GRID.axes)
    names = ("n_units", "n_confirmed", "n_documents", "n_labels", "n_unread")
    assert tuple(lessons.counts[name] for name in names) == counts
    assert {
        name: (row.n_confirmed, row.n_touched, row.kept, row.added, row.removed)
        for name, row in lessons.by_person.items()
    } == people
    assert {code: row.changed for code, row in lessons.by_code.items()} == changed


def test_what_is_learnt_follows_decisions_that_no_run_applied_yet():
    rows = _decided(("alix", RejectTag("a1", *OFFER)), ("alix", AddTag("a1", *HELP)))
    tags = lessons_of(_units("a1"), _machine(*PUT), rows, GRID.axes).tags
    assert set(tags.loc[tags["is_assigned"], "code"]) == {HELP[1], STRONG[1]}


@pytest.mark.parametrize(
    ("documents", "workshops", "left_out", "n_groups"),
    [
        (["d1", "d1", "d2", "d3"], "aabb", "documents", 3),
        (["d1", "d1", "d1", "d1"], "aaaa", "passages", 4),
        (["d1", "d1", "d1", "d1"], "aabb", "workshops", 2),
        ([None, "d1", "d2", "d3"], "aabb", "workshops", 2),
        ([f"d{n}" for n in range(50)], "a" * 50, "documents", 10),
    ],
)
def test_whole_documents_are_left_out(documents, workshops, left_out, n_groups):
    units = pd.DataFrame({"text": map(str, range(len(documents))), "document_id": documents})
    judged = np.ones((len(units), 1), dtype=bool)
    groups, kind = _left_out_groups(Labelled(units, [], judged, list(workshops)))
    assert (kind, len(set(groups))) == (left_out, n_groups)
    if kind == "documents":
        assert all(len(set(rows)) == 1 for rows in _by(documents, groups).values())


def _by(keys, values):
    rows: dict[str, list[str]] = {}
    for key, value in zip(keys, values, strict=True):
        rows.setdefault(key, []).append(value)
    return rows


def test_right_passages_are_those_with_exactly_peoples_codes():
    targets = np.array([[1, 0], [1, 1], [0, 0], [0, 1]])
    before = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=bool)
    after = np.array([[1, 0], [1, 1], [0, 0], [1, 1]], dtype=bool)
    every = np.ones(4, dtype=bool)
    counts = _right_counts(before, after, targets, every, np.ones(2, dtype=bool))
    assert counts == {
        "n_units": 4,
        "n_labels": 4,
        "n_right_before": 2,
        "n_found_before": 3,
        "n_extra_before": 1,
        "n_right_after": 3,
        "n_found_after": 4,
        "n_extra_after": 1,
        "n_gained": 2,
        "n_lost": 1,
    }


@pytest.mark.parametrize(
    ("n_gained", "n_lost", "is_chance"),
    [(0, 0, True), (3, 0, True), (6, 0, False), (0, 6, False), (8, 2, True), (15, 4, False)],
)
def test_a_small_difference_may_be_chance(n_gained, n_lost, is_chance):
    assert may_be_chance(n_gained, n_lost) is is_chance


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study with two machines in use order, and one set aside."""
    made = Study.create(tmp_path / "etude")
    for name in ("tagger-0001.json", "tagger-0002.json", "aside/tagger-0003.json"):
        path = made.models / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    return made


def _in_use(study: Study) -> list[int]:
    return [machine.number for machine in machines(study) if machine.is_in_use]


def test_the_last_registered_machine_is_in_use_until_another_is_chosen(study):
    assert [machine.number for machine in machines(study)] == [3, 2, 1, 0]
    assert _in_use(study) == [2]
    for file, number in (("tagger-0001.json", 1), ("aside/tagger-0003.json", 3), ("", 0)):
        assert use_machine(study, file, author="alix", request_id=file or "livrée")
        assert _in_use(study) == [number]
    assert not use_machine(study, "", author="alix", request_id="encore")
    assert (study.registered_tagger, len(study.decisions.read())) == (None, 3)


@pytest.mark.parametrize(
    ("file", "is_registered", "author", "in_use", "n_decisions"),
    [
        ("tagger-0004.json", True, "alix", 4, 1),
        ("tagger-0004.json", True, "", 4, 0),
        ("aside/tagger-0004.json", False, "alix", 2, 0),
    ],
    ids=["better", "better, in a terminal", "worse"],
)
def test_a_machine_that_learnt_is_used_unless_it_is_worse_and_its_figures_are_kept(
    study, monkeypatch, file, is_registered, author, in_use, n_decisions
):
    def train(_tables, _grid, *, out: Path, on_stage, **_options):
        for stage in STAGES[1:]:
            on_stage(stage)
        (out / file).write_text("{}", encoding="utf-8")
        return {"file": file, "is_registered": is_registered, "n_units": 0}

    monkeypatch.setattr("models.refit.train_on_study", train)
    stages: list[str] = []
    train_study(study, author=author, on_stage=stages.append)
    assert tuple(stages) == STAGES
    assert (_in_use(study), len(study.decisions.read())) == ([in_use], n_decisions)
    report = machines(study)[0].report
    assert report is not None and (report["file"], report["author"]) == (file, author)
    if n_decisions:
        (choice,) = read_decisions(study.decisions.read())
        assert isinstance(choice, UseMachine) and choice.files == ("tagger-0002.json", file)


@pytest.mark.parametrize(
    ("report", "verdict"),
    [
        ({"is_registered": True, "deciding": "f", "before": {"f": 0.7}, "after": {"f": 0.8}}, 1),
        ({"is_registered": True, "deciding": "f", "before": {"f": 0.7}, "after": {"f": 0.7}}, 0),
        ({"is_registered": True, "deciding": "f", "before": {"f": 0.7}, "after": {"f": 0.6}}, 2),
        ({"is_registered": False, "deciding": "f", "before": {"f": 0.7}, "after": {"f": 0.6}}, 3),
        ({}, 3),
    ],
)
def test_the_verdict_never_says_better_than_the_figures(report, verdict):
    assert verdict_of(report) == ("same", "better", "replaced", "worse")[verdict]


def test_choosing_a_machine_is_undone_while_it_is_still_in_use(study):
    use_machine(study, "tagger-0001.json", author="alix", request_id="1")
    use_machine(study, "", author="bilal", request_id="2")
    first, second = read_decisions(study.decisions.read())
    assert isinstance(first, UseMachine) and isinstance(second, UseMachine)
    with pytest.raises(StudyError, match="depuis"):
        undo_use(study, first, author="alix", request_id="3")
    undo_use(study, second, author="bilal", request_id="4")
    undo_use(study, first, author="alix", request_id="5")
    assert _in_use(study) == [2]


def test_a_list_of_jobs_of_before_learning_is_read_and_goes_on(study):
    path = study.root / ".review" / "jobs.sqlite3"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection, connection:
        tables = _TABLES.replace(",\n  task TEXT NOT NULL DEFAULT 'run'", "")
        assert tables != _TABLES
        connection.executescript(tables)
        connection.execute(
            "INSERT INTO jobs (state, asked_by, started_at) VALUES ('done', 'alix', ?)", (now(),)
        )
    jobs = Jobs(study)
    assert [job.task for job in jobs.latest(5)] == [JobTask.RUN]
    with jobs.writing() as connection:
        connection.execute(
            "INSERT INTO jobs (state, asked_by, started_at, task) VALUES ('done', 'bo', ?, 'learn')",
            (now(),),
        )
    assert [job.task for job in jobs.latest(5)] == [JobTask.LEARN, JobTask.RUN]
    assert (last := jobs.last(JobTask.RUN)) is not None and last.asked_by == "alix"


def test_a_machine_that_is_gone_cannot_be_chosen(study):
    with pytest.raises(StudyError, match="n° 9"):
        use_machine(study, "tagger-0009.json", author="alix", request_id="1")
    assert _in_use(study) == [2] and study.decisions.read().empty


@pytest.mark.parametrize(
    ("value", "files"),
    [
        ('["", "tagger-0001.json"]', ("", "tagger-0001.json")),
        ("n'importe quoi", ("", "")),
        (None, ("", "")),
    ],
)
def test_a_choice_of_machine_is_read_back(value, files):
    row = read_decision({"decision_id": 1, "action": "use_machine", "value": value})
    assert isinstance(row, UseMachine) and row.files == files

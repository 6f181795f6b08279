"""Have the machine learn the study's codes again from people, and choose which machine codes.

In:   the machine's tags of the last run, and every decision so far
Out:  models/tagger-0001.json, or aside/ where it is worse; in reports/, what it learnt and how
      well; which one is in use, in in-use.txt and in the journal
"""

import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import comb
from pathlib import Path
from typing import Any

import pandas as pd

from flows.typed_texts import keep_decisions
from pipeline.decisions import Decision, active_decisions
from pipeline.decisions.following import follow_passages
from pipeline.decisions.kinds import Code, Undo
from pipeline.decisions.machine import UseMachine, machine_number
from pipeline.decisions.replay import review_tags
from pipeline.decisions.tags import (
    PassageCodes,
    TagDecision,
    by_unit,
    codes_after,
    confirmed_units,
    machine_codes,
)
from pipeline.errors import StudyError
from pipeline.files import text_hash, write_bytes
from pipeline.grid.codes import Axis, Grid
from pipeline.study import Study

STAGES = ("gather", "before", "learn", "save")  # of `train_study`, in order
LEAST = 20  # passages, under which models.refit refuses to learn
ADVISED = 150  # passages, as many as the gains in models/cards/tagger.md were measured with
_CHANCE = 0.05  # odds below which chance no longer explains a difference


@dataclass
class Taught:
    """What decisions say of the machine's codes: kept, put beside, or removed."""

    kept: int = 0
    added: int = 0
    removed: int = 0

    @property
    def changed(self) -> int:
        """Return how many codes were put or removed."""
        return self.added + self.removed


@dataclass
class PersonTaught(Taught):
    """What one person decided: passages confirmed whole, passages touched, codes."""

    n_confirmed: int = 0
    n_touched: int = 0


@dataclass
class CodeTaught(Taught):
    """What people decided on one code; `by` counts the changes of each."""

    by: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Lessons:
    """The passages that people judged and their tags as reviewed.

    `n_unread` codes of the machine on passages that nobody confirmed were judged by nobody.
    """

    units: pd.DataFrame
    tags: pd.DataFrame
    confirmed: frozenset[str]
    by_person: Mapping[str, PersonTaught]
    by_code: Mapping[Code, CodeTaught]
    n_unread: int

    @property
    def counts(self) -> dict[str, int]:
        """Return the numbers of passages, of documents, and of codes on them."""
        taught = self.by_code.values()
        return {
            "n_units": len(self.units),
            "n_confirmed": len(self.confirmed),
            "n_touched": len(self.units) - len(self.confirmed),
            "n_documents": int(self.units["document_id"].nunique()),
            "n_labels": sum(row.kept + row.added for row in taught) + self.n_unread,
            "n_unread": self.n_unread,
        }


def lessons_of(
    units: pd.DataFrame, tags: pd.DataFrame, decisions: Iterable[Decision], axes: Sequence[Axis]
) -> Lessons:
    """Return what active `decisions` teach; `tags` are the machine's."""
    active = follow_passages(list(decisions), units).active
    rows_by_unit = by_unit(active)
    judged = units[units["unit_id"].isin(rows_by_unit.keys())]
    exclusive = {axis.axis: axis.is_exclusive for axis in axes}
    one_only = [axis for axis, is_exclusive in exclusive.items() if is_exclusive]
    own_tags = tags[tags["unit_id"].isin(judged["unit_id"])].reset_index(drop=True)
    reviewed = review_tags(own_tags, set(judged["unit_id"]), active, exclusive)
    confirmed = confirmed_units(active) & set(judged["unit_id"])
    learnt = confirmed | set(reviewed.loc[reviewed["source"] == "person", "unit_id"])
    judged = judged[judged["unit_id"].isin(learnt)].reset_index(drop=True)
    put = machine_codes(own_tags, learnt)
    by_person: defaultdict[str, PersonTaught] = defaultdict(PersonTaught)
    by_code: defaultdict[Code, CodeTaught] = defaultdict(CodeTaught)
    n_unread = 0
    for unit_id in judged["unit_id"]:
        rows, machine = rows_by_unit[unit_id], put.get(unit_id, set())
        codes = codes_after(rows, machine, one_only)
        _count_passages(rows, by_person)
        n_unread += _count_codes(codes, machine, exclusive, by_person, by_code)
    return Lessons(judged, reviewed, frozenset(confirmed), dict(by_person), dict(by_code), n_unread)


def _count_passages(rows: Sequence[TagDecision], by_person: Mapping[str, PersonTaught]) -> None:
    confirming = {row.author for row in rows if confirmed_units([row])}
    for author in {row.author for row in rows}:
        by_person[author].n_confirmed += author in confirming
        by_person[author].n_touched += author not in confirming


def _count_codes(
    codes: PassageCodes,
    machine: set[Code],
    exclusive: Mapping[str, bool],
    by_person: Mapping[str, PersonTaught],
    by_code: Mapping[Code, CodeTaught],
) -> int:
    """Count the codes of one passage by person and code; return how many nobody judged."""
    borne, n_unread = codes.borne(machine), 0
    for code in sorted(borne | machine):
        if code[0] not in exclusive:
            continue
        author = _author_on(codes, code)
        if author is None:
            n_unread += 1
            continue
        taught: tuple[Taught, ...] = (by_code[code], by_person[author])
        for row in taught:
            row.kept += code in borne and code in machine
            row.added += code not in machine
            row.removed += code not in borne
        by_code[code].by[author] += (code in borne) != (code in machine)
    return n_unread


def _author_on(codes: PassageCodes, code: Code) -> str | None:
    """Return who had the last word on a code, maybe by putting another of its axis."""
    axis, _name = code
    chosen = (axis, codes.one_of_axis.get(axis, ""))
    last = codes.last_words.get(code) or codes.last_words.get(chosen)
    return last[0].author if last else None


def study_lessons(study: Study) -> Lessons:
    """Return what people taught so far, decisions that wait for a run included."""
    return lessons_of(
        study.read_table("units"),
        study.read_machine_table("tags"),
        active_decisions(study.decisions.read()),
        study.grid.axes,
    )


def train_study(
    study: Study,
    *,
    gold: Path | None = None,
    author: str = "",
    on_stage: Callable[[str], None] = lambda _stage: None,
) -> dict[str, Any]:
    """Refit from decisions and `gold`, use the tagger if no worse, and return its figures.

    `on_stage` hears each of STAGES as it begins. Where `author` is named, using it is a decision.
    Raises `StudyError` when a run is at work or decisions are lost, `ModelError` when too little is
    labelled or the gold file is unreadable.
    """
    from models.embedder import shipped_names
    from models.refit import train_on_study

    with study.locked():
        study.check_decisions()
        on_stage("gather")
        lessons, before = study_lessons(study), study.registered_tagger

        def begin(stage: str) -> None:
            if stage == "save":  # whatever stops it, the machine of before stays in use
                study.use_tagger(before)
            on_stage(stage)

        figures = train_on_study(
            {"units": lessons.units, "tags": lessons.tags},
            study.grid,
            gold=gold,
            out=study.models,
            settings=study.settings.tag,
            registered=before,
            confirmed=lessons.confirmed,
            encoders=shipped_names(study.settings.embed, study.count_rows().get("units", 0)),
            on_stage=begin,
        )
        _write_report(study, figures, lessons, before=study.tagger_name(before), author=author)
        if figures["is_registered"]:
            _use(study, study.tagger_name(before), figures["file"], author, uuid.uuid4().hex)
        return figures


def _write_report(
    study: Study, figures: Mapping[str, Any], lessons: Lessons, *, before: str, author: str
) -> None:
    told = {
        "learnt_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "author": author,
        "in_use_before": before,
        "codebook": codebook_mark(study.grid),
        "lessons": lessons.counts,
        "by_person": {name: vars(row) for name, row in sorted(lessons.by_person.items())},
        "by_code": [
            [*code, vars(row)]
            for code, row in sorted(lessons.by_code.items(), key=lambda pair: -pair[1].changed)
        ],
    }
    path = _report_path(study, figures["file"])
    write_bytes(path, json.dumps(dict(figures) | told, ensure_ascii=False, indent=1).encode())


def codebook_mark(grid: Grid) -> str:
    """Return a hash of what a machine learns codes by: their axes, names and definitions."""
    return text_hash(*sorted(f"{code.axis} {code.code} {code.definition}" for code in grid.codes))


def _report_path(study: Study, file: str) -> Path:
    return study.models / "reports" / f"{Path(file).stem}.json"


@dataclass(frozen=True)
class Machine:
    """A tagger that the study may use; the shipped one has the blank `file` and no report."""

    file: str
    is_in_use: bool
    report: Mapping[str, Any] | None

    @property
    def number(self) -> int:
        """Return its number in the study, 0 for the shipped one."""
        return machine_number(self.file)


def machines(study: Study) -> list[Machine]:
    """Return the study's machines, the last learnt first and the shipped one last."""
    in_use = study.tagger_name(study.registered_tagger)
    files = sorted(map(study.tagger_name, study.taggers), key=machine_number, reverse=True)
    return [Machine(file, file == in_use, _report(study, file)) for file in (*files, "")]


def _report(study: Study, file: str) -> dict[str, Any] | None:
    path = _report_path(study, file)
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if file else None
    except (OSError, ValueError):  # learnt before reports were kept
        return None
    return content if isinstance(content, dict) else None


def use_machine(study: Study, file: str, *, author: str, request_id: str) -> bool:
    """Have later runs code with the tagger `file`; return whether another one was in use.

    Raises `StudyError` where the study has it no more, or during a run.
    """
    with study.locked():
        before = study.tagger_name(study.registered_tagger)
        if file == before:
            return False
        _use(study, before, file, author, request_id)
        return True


def undo_use(
    study: Study, choice: UseMachine, *, author: str, request_id: str, why: str | None = None
) -> None:
    """Have the machine of before `choice` code again, and write the undoing in the journal.

    Raises `StudyError` where another one was chosen since or it is gone, or during a run.
    """
    with study.locked():
        if study.tagger_name(study.registered_tagger) != choice.after:
            raise StudyError(
                "une autre machine a été choisie depuis",
                "celle que cette décision a mise en service",
                "choisir la machine voulue, page Apprentissage",
            )
        _point_to(study, choice.before)
        undoing = {"author": author, **Undo(choice.decision_id, why=why).row()}
        keep_decisions(study, [undoing], request_id=request_id)


def _use(study: Study, before: str, after: str, author: str, request_id: str) -> None:
    _point_to(study, after)
    if author:
        choice = UseMachine((before, after))
        keep_decisions(study, [{"author": author, **choice.row()}], request_id=request_id)


def _point_to(study: Study, file: str) -> None:
    path = next((path for path in study.taggers if study.tagger_name(path) == file), None)
    if path is None and file:
        raise StudyError(
            f"la machine n° {machine_number(file)} n'est plus dans l'étude",
            "une machine de la page Apprentissage",
            "en choisir une autre, ou réapprendre",
        )
    study.use_tagger(path)


def verdict_of(report: Mapping[str, Any]) -> str:
    """Return « better », « same » or « worse », or « replaced » where the former read no more.

    What decides are codes found and codes too many on the first axis, as for `ateliers train`.
    """
    if not report.get("is_registered"):
        return "worse"
    name = report.get("deciding") or ""
    before, after = (report.get(when, {}).get(name, 0.0) for when in ("before", "after"))
    if before == after:
        return "same"
    return "better" if after > before else "replaced"


def may_be_chance(n_gained: int, n_lost: int) -> bool:
    """Whether chance explains that many passages gained and lost (sign test, both sides).

    >>> may_be_chance(6, 2), may_be_chance(9, 1)
    (True, False)
    """
    n, fewer = n_gained + n_lost, min(n_gained, n_lost)
    odds: float = 2 * sum(comb(n, k) for k in range(fewer + 1)) / 2**n
    return odds > _CHANCE

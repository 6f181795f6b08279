"""A reviewer who reads a theme's passages in the order proposed until its counts are exact."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.counting import with_circles
from pipeline.decisions.sign_off import CircleToRead, SignOffTheme, circles_to_read, undecided
from pipeline.evaluate.gold import align_study, read_gold
from pipeline.study import Study


@dataclass(frozen=True)
class Reading:
    """A theme's sign-off by a reader whose judgement is `subject`, the label of most of it.

    `n_read` are the passages she reads before every table is decided, of the theme's `n_units`;
    `n_least` those that no order spares her: one of each table that says it, all of each other;
    `n_until_right` those after which the tables shown stay those she ends with, which she cannot
    know yet; `n_elsewhere` those of documents without table, read afterwards.
    """

    decision: SignOffTheme
    subject: str
    n_units: int
    n_read: int
    n_least: int
    n_until_right: int
    n_elsewhere: int
    n_tables: int


def read_theme(
    circles: Sequence[CircleToRead], is_about: Callable[[str], bool]
) -> tuple[list[str], list[str]]:
    """The passages accepted and refused, as read; what changes no count any more is left unread."""
    accepted: list[str] = []
    refused: list[str] = []
    for circle in circles:
        for unit_id in circle.unit_ids:
            if circle not in undecided(circles, accepted, refused):
                break
            (accepted if is_about(unit_id) else refused).append(unit_id)
    return accepted, refused


def read_first_themes(study: Study, gold_folder: Path, n_themes: int = 10) -> Iterator[Reading]:
    """The readings of the study's first themes, the gold labels being the reader's judgement."""
    units, members = study.read_table("units"), study.read_table("theme_members")
    labels = _labels(study, gold_folder)
    ranks = study.read_table("priorities")
    ranks = ranks[ranks["scope"] == "study"].sort_values("rank")
    for theme_id in ranks["theme_id"].head(n_themes):
        yield _reading(str(theme_id), members[members["theme_id"] == theme_id], units, labels)


def _labels(study: Study, gold_folder: Path) -> dict[str, set[str]]:
    """The gold themes of each unit."""
    passages = read_gold(gold_folder).passages
    alignment = align_study(passages, study.read_table("units"), study.read_table("documents"))
    labels: dict[str, set[str]] = defaultdict(set)
    for passage in passages:
        for unit_id in alignment.units[passage["unit_id"]] if passage["theme"] else ():
            labels[unit_id].add(passage["theme"])
    return labels


def _reading(
    theme_id: str, members: pd.DataFrame, units: pd.DataFrame, labels: dict[str, set[str]]
) -> Reading:
    counted = set(members.loc[members["is_counted"], "unit_id"])
    named = Counter(label for unit_id in sorted(counted) for label in labels.get(unit_id, ()))
    subject = named.most_common(1)[0][0]
    circles = circles_to_read(members, with_circles(units))[theme_id]
    tables = [circle for circle in circles if circle.is_said]
    accepted, refused = read_theme(circles, lambda name: subject in labels.get(name, ()))
    n_reads = [len({*accepted, *refused}.intersection(table.unit_ids)) for table in tables]
    is_true = [not set(accepted).isdisjoint(table.unit_ids) for table in tables]
    is_shown = [not counted.isdisjoint(table.unit_ids) for table in tables]
    wrong = [index for index in range(len(tables)) if is_true[index] != is_shown[index]]
    return Reading(
        SignOffTheme.of(theme_id, subject, None, accepted, refused),
        subject,
        n_units=len(members),
        n_read=sum(n_reads),
        n_least=sum(1 if true else n for true, n in zip(is_true, n_reads, strict=True)),
        n_until_right=sum(n_reads[: wrong[-1] + 1]) if wrong else 0,
        n_elsewhere=len(accepted) + len(refused) - sum(n_reads),
        n_tables=sum(is_true),
    )

"""How far coders agree on what was decided until now, each pair measured again only when one of the two coded since.

In:   decisions and codes as they stand
Out:  Row, one a pair and code, and one for each whole axis, with what may be concluded from it

What two coders do not both put on a passage, and what somebody decided between them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import pandas as pd
from django.utils.translation import gettext as _

from pipeline.agreement import (
    MACHINE,
    WHOLE_AXIS,
    CoderCodes,
    Codes,
    codings_of_people,
    machine_coding,
    measure_agreement,
)
from pipeline.decisions import Decision
from pipeline.decisions.kinds import Code
from pipeline.decisions.tags import (
    ConfirmUnit,
    RejectTag,
    TagDecision,
    codes_after,
    is_arbitration,
    is_coded,
    put_code,
)
from pipeline.grid.codes import POSTURE, RUBRIQUE, Grid
from pipeline.review.snapshot import Proposed

MIN_UNITS, MIN_USES = (
    30,
    5,
)  # fewer passages, or fewer with the code, and one passage more or less changes the figure by much
_RELIABLE, _TENTATIVE = 0.8, 0.667  # Krippendorff (2004) on alpha


@dataclass(frozen=True)
class Figure:
    """A measure and its 95 % interval."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Row:
    """The agreement of two coders on a code, `tous` for a whole axis; a measure is None where it cannot be told."""

    first: str
    second: str
    axis: str
    code: str
    n_units: int
    n_first: int
    n_second: int
    n_both: int
    f1: Figure | None
    kappa: Figure | None
    alpha: Figure | None

    @property
    def is_whole(self) -> bool:
        """Whether it is of a whole axis."""
        return self.code == WHOLE_AXIS

    @property
    def conclusion(self) -> str:
        """What may be concluded, in words."""
        if self.n_units < MIN_UNITS:
            return _("Trop peu de passages pour conclure : {n}, il en faut une trentaine.").format(
                n=self.n_units
            )
        if not self.is_whole and self.n_first + self.n_second - self.n_both < MIN_USES:
            n_used = self.n_first + self.n_second - self.n_both
            return _(
                "Code trop rare pour conclure : posé sur {n} des passages codés par les deux."
            ).format(n=n_used)
        if self.alpha is None or self.alpha.low is None or self.alpha.high is None:
            return _("Rien ne varie : l’accord ne se distingue pas du hasard.")
        if self.alpha.low >= _RELIABLE:
            return _("Accord fiable.")
        if self.alpha.low >= _TENTATIVE:
            return _("Accord suffisant pour des conclusions provisoires.")
        if self.alpha.high < _TENTATIVE:
            return _("Accord insuffisant : revoir la définition ensemble.")
        return _("Incertain : l’intervalle est trop large, coder d’autres passages ensemble.")


class Measured:
    """The rows of every pair, kept from one measure to the next where neither coding changed."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[CoderCodes, CoderCodes, list[Row]]] = {}

    def rows(self, codings: Iterable[CoderCodes], grid: Grid) -> list[Row]:
        """Return the rows of each two of `codings`, in their order."""
        kept = {}
        for first, second in combinations(codings, 2):
            pair = (first.coder, second.coder)
            shared = first.codes.keys() & second.codes.keys()
            own = [
                CoderCodes(coding.coder, {unit_id: coding.codes[unit_id] for unit_id in shared})
                for coding in (first, second)
            ]
            before = self._kept.get(pair)
            rows = (
                before[2]
                if before is not None and [*before[:2]] == own
                else _rows(measure_agreement(own, grid))
            )
            kept[pair] = (own[0], own[1], rows)
        self._kept = kept
        return [row for _first, _second, rows in kept.values() for row in rows]


def codings(
    tags: pd.DataFrame,
    unit_ids: Collection[str],
    decisions: Iterable[Decision],
    grid: Grid,
    second: Mapping[str, Mapping[str, Codes]],
) -> list[CoderCodes]:
    """Return the codings of people, by name, then of the machine and of second machines; `tags` are the machine's own, of `unit_ids`."""
    known = [
        CoderCodes(
            coding.coder,
            {unit_id: codes for unit_id, codes in coding.codes.items() if unit_id in unit_ids},
        )
        for coding in codings_of_people(tags, decisions, exclusive=grid.exclusive)
    ]
    people = [coding for coding in known if coding.codes]
    machines = [
        machine_coding(tags, list(unit_ids)),
        *(CoderCodes(name, codes) for name, codes in second.items()),
    ]
    return [*people, *machines] if people or second else []


def second_codes(tags: pd.DataFrame, name: str) -> dict[str, dict[str, Codes]]:
    """What a second machine put on the passages that it coded, under its name; nothing where there is none."""
    return (
        {name: dict(machine_coding(tags, sorted(set(tags["unit_id"]))).codes)} if len(tags) else {}
    )


def coder_label(coder: str) -> str:
    """A coder's name in a sentence."""
    return _("la machine") if coder == MACHINE else coder


def _rows(table: pd.DataFrame) -> list[Row]:
    blank = table.astype(object).where(table.notna(), None)
    return [
        Row(
            row["first_coder"],
            row["second_coder"],
            row["axis"],
            row["code"],
            int(row["n_units"]),
            int(row["n_first"]),
            int(row["n_second"]),
            int(row["n_both"]),
            _figure(row, "f1"),
            _figure(row, "kappa"),
            _figure(row, "alpha"),
        )
        for row in blank.to_dict("records")
    ]


def _figure(row: Mapping[Any, Any], name: str) -> Figure | None:
    return None if row[name] is None else Figure(row[name], row[f"{name}_low"], row[f"{name}_high"])


@dataclass(frozen=True)
class Split:
    """A code that one of two coders puts on a passage and the other does not; `settled_by` is the arbitration that still holds."""

    unit_id: str
    axis: str
    code: str
    is_by_first: bool
    settled_by: TagDecision | None = None


@dataclass(frozen=True)
class Codings:
    """What people, the machine and a second machine put on passages; `own` holds people's decisions by author and passage."""

    grid: Grid
    unit_ids: Collection[str]  # in reading order
    proposed: Mapping[str, Sequence[Proposed]]
    own: Mapping[str, Mapping[str, Sequence[TagDecision]]]
    arbitrations: Mapping[str, Sequence[TagDecision]]  # by passage
    second: Mapping[str, Mapping[str, Codes]] = field(
        default_factory=dict
    )  # by name of a second machine, then passage

    @classmethod
    def of(
        cls,
        decisions: Iterable[TagDecision],
        unit_ids: Collection[str],
        proposed: Mapping[str, Sequence[Proposed]],
        grid: Grid,
        second: Mapping[str, Mapping[str, Codes]],
    ) -> "Codings":
        """Read the active `decisions` on codes of `unit_ids`, in order."""
        own: defaultdict[str, defaultdict[str, list[TagDecision]]] = defaultdict(
            lambda: defaultdict(list)
        )
        settled: defaultdict[str, list[TagDecision]] = defaultdict(list)
        for row in decisions:
            if row.unit_id not in unit_ids:
                continue
            if is_arbitration(row):
                settled[str(row.unit_id)].append(row)
            else:
                own[row.author][str(row.unit_id)].append(row)
        return cls(grid, unit_ids, proposed, own, settled, second)

    @cached_property
    def coded(self) -> dict[str, set[str]]:
        """The passages that each person coded whole, by name."""
        return {
            author: {unit_id for unit_id in units if self._is_whole(author, unit_id)}
            for author, units in self.own.items()
        }

    @property
    def people(self) -> list[str]:
        """Who coded, by name."""
        return sorted(author for author, units in self.coded.items() if units)

    def units_of(self, coder: str) -> Iterable[str]:
        """The passages that `coder` coded."""
        if coder == MACHINE:
            return self.unit_ids
        return self.coded.get(coder) or self.second.get(coder, {}).keys()

    def codes(self, coder: str, unit_id: str) -> Codes:
        """What `coder` put on a passage that it coded."""
        if coder in self.second:
            return self.second[coder][unit_id]
        put, own = self._put_on(unit_id), self.own.get(coder, {}).get(unit_id, ())
        return codes_after(own, put, self.grid.exclusive).borne(put)

    def splits(self, first: str, second: str, axis: str, code: str = WHOLE_AXIS) -> list[Split]:
        """Return what the two disagree on, over one code or all those of an axis, in the order of passages and grid."""
        shared = set(self.units_of(first)) & set(self.units_of(second))
        return [
            split
            for unit_id in self.unit_ids
            if unit_id in shared
            for split in self.on_unit(unit_id, first, second, axis, code)
        ]

    def open_units(self) -> dict[tuple[str, str, str, str], frozenset[str]]:
        """The passages left to settle, by two people in order of name, axis and code, `tous` for a whole axis."""
        found: defaultdict[tuple[str, str, str, str], set[str]] = defaultdict(set)
        for first, second in combinations(self.people, 2):
            for axis in self.grid.axes:
                for split in self.splits(first, second, axis.axis):
                    if split.settled_by is None:
                        for code in (split.code, WHOLE_AXIS):
                            found[first, second, axis.axis, code].add(split.unit_id)
        return {key: frozenset(units) for key, units in found.items()}

    def on_unit(
        self, unit_id: str, first: str, second: str, axis: str, code: str = WHOLE_AXIS
    ) -> list[Split]:
        """Return what the two, who both coded it, disagree on over one passage; as agreement is measured, what is noise has no posture."""
        here, there = self.codes(first, unit_id), self.codes(second, unit_id)
        if (
            axis == POSTURE
            and self.grid.axis(RUBRIQUE)
            and not any(entry[0] == RUBRIQUE for entry in here | there)
        ):
            return []
        apart = {name for name in here ^ there if name[0] == axis and code in (WHOLE_AXIS, name[1])}
        listed = [
            (axis, entry.code) for entry in self.grid.axis(axis) if (axis, entry.code) in apart
        ]
        return [
            Split(unit_id, *name, name in here, self._settling(unit_id, name, (first, second)))
            for name in listed
        ]

    def _put_on(self, unit_id: str) -> set[Code]:
        """What the machine put on a passage."""
        return {(row.axis, row.code) for row in self.proposed.get(unit_id, ()) if row.is_assigned}

    def _is_whole(self, author: str, unit_id: str) -> bool:
        return is_coded(self._put_on(unit_id), self.own[author][unit_id], self.grid.exclusive)

    def _settling(self, unit_id: str, code: Code, coders: Sequence[str]) -> TagDecision | None:
        """The last arbitration on a code, unless one of `coders` spoke of it again."""
        said = [
            row.decision_id
            for coder in coders
            for row in self.own.get(coder, {}).get(unit_id, ())
            if self._is_about(row, code)
        ]
        arbitrations = [
            row for row in self.arbitrations.get(unit_id, ()) if self._is_about(row, code)
        ]
        return (
            arbitrations[-1]
            if arbitrations and arbitrations[-1].decision_id > max(said, default=0)
            else None
        )

    def _is_about(self, row: TagDecision, code: Code) -> bool:
        axis, name = code
        return isinstance(row, ConfirmUnit) or any(
            said[0] == axis and (said[1] == name or axis in self.grid.exclusive)
            for said, _stays in row.code_words(())
        )


def verdict(
    split: Split, *, is_put: bool, is_proposed: bool, between: Sequence[str], why: str
) -> TagDecision:
    """The decision that settles `split` between two coders: the code is put on the passage, or is not."""
    code = (split.axis, split.code)
    if not is_put:
        return RejectTag(split.unit_id, *code, tuple(between), why=why)
    put = put_code(split.unit_id, code, is_proposed=is_proposed, between=between)
    return replace(put, why=why)

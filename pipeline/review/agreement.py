"""Measure how far coders agree, list their disagreements, and arbitrate."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from typing import Any, NamedTuple

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

# With fewer passages, or fewer with the code, one more changes the figure much.
MIN_UNITS, MIN_USES = 30, 5
_RELIABLE, _TENTATIVE = 0.8, 0.667  # Krippendorff (2004) on alpha

SecondCodes = Mapping[str, Mapping[str, Codes]]  # by second machine, then passage


@dataclass(frozen=True)
class AgreementMeasure:
    """A measure and its 95 % interval."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class AgreementRow:
    """Two coders' agreement on a code, or on an axis (`tous`); None where undefined."""

    first: str
    second: str
    axis: str
    code: str
    n_units: int
    n_first: int
    n_second: int
    n_both: int
    f1: AgreementMeasure | None
    kappa: AgreementMeasure | None
    alpha: AgreementMeasure | None

    @property
    def is_whole(self) -> bool:
        """Whether it is of a whole axis."""
        return self.code == WHOLE_AXIS

    def agreed(self, exclusive: Collection[str]) -> tuple[int, int]:
        """Return how often both agree, and of how many.

        They are labels that either puts; for a whole axis of one code, passages.
        """
        if self.is_whole and self.axis in exclusive:
            return self.n_both, max(self.n_first, self.n_second)
        return self.n_both, self.n_first + self.n_second - self.n_both

    @property
    def conclusion(self) -> str:
        """Say in French what one may conclude."""
        if self.n_units < MIN_UNITS:
            return _("Trop peu de passages pour conclure : {n}, il en faut une trentaine.").format(
                n=self.n_units
            )
        n_uses = self.n_first + self.n_second - self.n_both
        if not self.is_whole and n_uses < MIN_USES:
            return _(
                "Code trop rare pour conclure : posé sur {n} des passages codés par les deux."
            ).format(n=n_uses)
        if self.alpha is None or self.alpha.low is None or self.alpha.high is None:
            return _("Rien ne varie : l’accord ne se distingue pas du hasard.")
        if self.alpha.low >= _RELIABLE:
            return _("Accord fiable.")
        if self.alpha.low >= _TENTATIVE:
            return _("Accord suffisant pour des conclusions provisoires.")
        if self.alpha.high < _TENTATIVE:
            return _("Accord insuffisant : revoir la définition ensemble.")
        return _("Incertain : l’intervalle est trop large, coder d’autres passages ensemble.")


class AgreementFigures(NamedTuple):
    """Every pair's agreement, and the passages left to settle."""

    rows: list[AgreementRow]
    open_units: dict[tuple[str, str, str, str], frozenset[str]]


class AgreementCache:
    """Every pair's rows, measured again only for people who coded since."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[str, str], tuple[list[CoderCodes], list[AgreementRow]]] = {}

    def rows(self, codings: Iterable[CoderCodes], grid: Grid) -> list[AgreementRow]:
        """Return the rows of each pair."""
        pairs = {}
        for first, second in combinations(codings, 2):
            shared = first.codes.keys() & second.codes.keys()
            both = [_only(coding, shared) for coding in (first, second)]
            before = self._pairs.get((first.coder, second.coder))
            if before is None or before[0] != both:
                before = (both, _rows(measure_agreement(both, grid)))
            pairs[first.coder, second.coder] = before
        self._pairs = pairs
        return [row for _both, rows in pairs.values() for row in rows]


def _only(coding: CoderCodes, unit_ids: Collection[str]) -> CoderCodes:
    codes = {unit_id: codes for unit_id, codes in coding.codes.items() if unit_id in unit_ids}
    return CoderCodes(coding.coder, codes)


def _rows(table: pd.DataFrame) -> list[AgreementRow]:
    blank = table.astype(object).where(table.notna(), None)
    return [
        AgreementRow(
            *(row[name] for name in ("first_coder", "second_coder", "axis", "code")),
            *(int(row[name]) for name in ("n_units", "n_first", "n_second", "n_both")),
            *(_measure(row, name) for name in ("f1", "kappa", "alpha")),
        )
        for row in blank.to_dict("records")
    ]


def _measure(row: Mapping[Any, Any], name: str) -> AgreementMeasure | None:
    if row[name] is None:
        return None
    return AgreementMeasure(row[name], row[f"{name}_low"], row[f"{name}_high"])


def all_codings(
    tags: pd.DataFrame,
    unit_ids: Collection[str],
    decisions: Iterable[Decision],
    grid: Grid,
    second: SecondCodes,
) -> list[CoderCodes]:
    """Return the codings of people, then of machines; [] if only the machine coded."""
    people = [
        _only(coding, unit_ids)
        for coding in codings_of_people(tags, decisions, exclusive=grid.exclusive)
    ]
    people = [coding for coding in people if coding.codes]
    machines = [
        machine_coding(tags, list(unit_ids)),
        *(CoderCodes(name, codes) for name, codes in second.items()),
    ]
    return [*people, *machines] if people or second else []


def second_codes(tags: pd.DataFrame, name: str) -> dict[str, dict[str, Codes]]:
    """Return the second machine's codes by passage, maybe none."""
    if tags.empty:
        return {}
    return {name: dict(machine_coding(tags, sorted(set(tags["unit_id"]))).codes)}


def coder_label(coder: str) -> str:
    """Return a coder's name."""
    return _("la machine") if coder == MACHINE else coder


@dataclass(frozen=True)
class Disagreement:
    """A code that only one of two coders puts on a passage."""

    unit_id: str
    axis: str
    code: str
    is_by_first: bool
    arbitration: TagDecision | None = None  # the last, if neither coded again since


@dataclass(frozen=True)
class Codings:
    """The codes of people, the machine and a second machine."""

    grid: Grid
    unit_ids: Collection[str]  # in reading order
    proposed: Mapping[str, Sequence[Proposed]]
    own: Mapping[str, Mapping[str, Sequence[TagDecision]]]  # by author and passage
    arbitrations: Mapping[str, Sequence[TagDecision]]  # by passage
    second: SecondCodes = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        decisions: Iterable[TagDecision],
        unit_ids: Collection[str],
        proposed: Mapping[str, Sequence[Proposed]],
        grid: Grid,
        second: SecondCodes,
    ) -> "Codings":
        """Read active decisions."""
        own: defaultdict[str, defaultdict[str, list[TagDecision]]] = defaultdict(
            lambda: defaultdict(list)
        )
        arbitrations: defaultdict[str, list[TagDecision]] = defaultdict(list)
        for row in decisions:
            if row.unit_id in unit_ids:
                unit_id = str(row.unit_id)
                of_unit = arbitrations if is_arbitration(row) else own[row.author]
                of_unit[unit_id].append(row)
        return cls(grid, unit_ids, proposed, own, arbitrations, second)

    @cached_property
    def coded(self) -> dict[str, set[str]]:
        """Return each person's coded passages."""
        return {
            author: {name for name in units if self._is_whole(author, name)}
            for author, units in self.own.items()
        }

    @property
    def people(self) -> list[str]:
        """Return the names of coders."""
        return sorted(author for author, units in self.coded.items() if units)

    def units_of(self, coder: str) -> Iterable[str]:
        """Return the passages of a coder."""
        if coder == MACHINE:
            return self.unit_ids
        return self.coded.get(coder) or self.second.get(coder, {}).keys()

    def codes(self, coder: str, unit_id: str) -> Codes:
        """Return a coder's codes on a passage."""
        if coder in self.second:
            return self.second[coder][unit_id]
        put, own = self._machine_codes(unit_id), self.own.get(coder, {}).get(unit_id, ())
        return codes_after(own, put, self.grid.exclusive).borne(put)

    def disagreements(
        self, first: str, second: str, axis: str, code: str = WHOLE_AXIS
    ) -> list[Disagreement]:
        """Return two coders' disagreements on a code or axis, in reading order."""
        shared = set(self.units_of(first)) & set(self.units_of(second))
        return [
            disagreement
            for unit_id in self.unit_ids
            if unit_id in shared
            for disagreement in self.on_unit(unit_id, first, second, axis, code)
        ]

    def agreed_on(
        self, unit_ids: Iterable[str], first: str, second: str
    ) -> tuple[int, list[tuple[str, int, int]]]:
        """Return how many of `unit_ids` both coded; by axis, how often they agree, of how many.

        They are labels that either puts; passages with one, on an axis of one code.
        """
        shared = set(unit_ids) & self.coded.get(first, set()) & self.coded.get(second, set())
        codes = [(self.codes(first, name), self.codes(second, name)) for name in shared]
        axes = []
        for axis in self.grid.axes:
            n_agreed = n_put = 0
            for pair in codes:
                one, other = ({code for code in each if code[0] == axis.axis} for each in pair)
                is_one = axis.axis in self.grid.exclusive and bool(one | other)
                n_agreed += len(one & other)
                n_put += 1 if is_one else len(one | other)
            if n_put:
                axes.append((axis.label, n_agreed, n_put))
        return len(shared), axes

    def open_units(self) -> dict[tuple[str, str, str, str], frozenset[str]]:
        """Return the passages to settle, by two people, axis, and code or `tous`."""
        open_units: defaultdict[tuple[str, str, str, str], set[str]] = defaultdict(set)
        for first, second in combinations(self.people, 2):
            for axis in self.grid.axes:
                for row in self.disagreements(first, second, axis.axis):
                    if row.arbitration is None:
                        for code in (row.code, WHOLE_AXIS):
                            open_units[first, second, axis.axis, code].add(row.unit_id)
        return {key: frozenset(units) for key, units in open_units.items()}

    def on_unit(
        self, unit_id: str, first: str, second: str, axis: str, code: str = WHOLE_AXIS
    ) -> list[Disagreement]:
        """Return two coders' disagreements on a passage.

        As in the measure, a passage without rubrique has no posture.
        """
        first_codes, second_codes = self.codes(first, unit_id), self.codes(second, unit_id)
        has_rubrique = any(name == RUBRIQUE for name, _code in first_codes | second_codes)
        if axis == POSTURE and self.grid.axis(RUBRIQUE) and not has_rubrique:
            return []
        return [
            Disagreement(
                unit_id, *key, key in first_codes, self._arbitration(unit_id, key, (first, second))
            )
            for key in ((axis, entry.code) for entry in self.grid.axis(axis))
            if key in first_codes ^ second_codes and code in (WHOLE_AXIS, key[1])
        ]

    def _machine_codes(self, unit_id: str) -> set[Code]:
        return {(row.axis, row.code) for row in self.proposed.get(unit_id, ()) if row.is_assigned}

    def _is_whole(self, author: str, unit_id: str) -> bool:
        put = self._machine_codes(unit_id)
        return is_coded(put, self.own[author][unit_id], self.grid.exclusive)

    def _arbitration(self, unit_id: str, code: Code, coders: Sequence[str]) -> TagDecision | None:
        arbitrations = self._about(code, self.arbitrations.get(unit_id, ()))
        if not arbitrations:
            return None
        last_own = max(
            (
                row.decision_id
                for coder in coders
                for row in self._about(code, self.own.get(coder, {}).get(unit_id, ()))
            ),
            default=0,
        )
        return arbitrations[-1] if arbitrations[-1].decision_id > last_own else None

    def _about(self, code: Code, rows: Iterable[TagDecision]) -> list[TagDecision]:
        return [row for row in rows if self._is_about(row, code)]

    def _is_about(self, row: TagDecision, code: Code) -> bool:
        axis, name = code
        return isinstance(row, ConfirmUnit) or any(
            decided[0] == axis and (decided[1] == name or axis in self.grid.exclusive)
            for decided, _stays in row.code_words(())
        )


def arbitrate(
    row: Disagreement,
    *,
    is_put: bool,
    is_proposed: bool,
    between: Sequence[str],
    why: str | None,
) -> TagDecision:
    """Return the decision that settles a code between two coders."""
    code = (row.axis, row.code)
    if not is_put:
        return RejectTag(row.unit_id, *code, tuple(between), why=why)
    put = put_code(row.unit_id, code, is_proposed=is_proposed, between=between)
    return replace(put, why=why)

"""How far coders agree on what was decided until now, each pair measured again only when one of the two coded since.

In:   decisions and codes as they stand
Out:  Row, one a pair and code, and one for each whole axis, with what may be concluded from it
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd
from django.utils.translation import gettext as _

from pipeline.agreement import MACHINE, WHOLE_AXIS, Codes, Coding, codings_of_people, machine_coding, measure_agreement
from pipeline.grid import Grid

MIN_UNITS, MIN_USES = 30, 5  # fewer passages, or fewer with the code, and one passage more or less changes the figure by much
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
            return _("Trop peu de passages pour conclure : {n}, il en faut une trentaine.").format(n=self.n_units)
        if not self.is_whole and self.n_first + self.n_second - self.n_both < MIN_USES:
            n_used = self.n_first + self.n_second - self.n_both
            return _("Code trop rare pour conclure : posé sur {n} des passages codés par les deux.").format(n=n_used)
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
        self._kept: dict[tuple[str, str], tuple[Coding, Coding, list[Row]]] = {}

    def rows(self, codings: Iterable[Coding], grid: Grid) -> list[Row]:
        """Return the rows of each two of `codings`, in their order."""
        kept = {}
        for first, second in combinations(codings, 2):
            pair = (first.coder, second.coder)
            shared = first.codes.keys() & second.codes.keys()
            own = [Coding(coding.coder, {unit_id: coding.codes[unit_id] for unit_id in shared}) for coding in (first, second)]
            before = self._kept.get(pair)
            rows = before[2] if before is not None and [*before[:2]] == own else _rows(measure_agreement(own, grid))
            kept[pair] = (own[0], own[1], rows)
        self._kept = kept
        return [row for _first, _second, rows in kept.values() for row in rows]


def codings(
    tags: pd.DataFrame, unit_ids: Collection[str], decisions: pd.DataFrame, grid: Grid, second: Mapping[str, Mapping[str, Codes]]
) -> list[Coding]:
    """Return the codings of people, by name, then of the machine and of second machines; `tags` are the machine's own, of `unit_ids`."""
    known = [
        Coding(coding.coder, {unit_id: codes for unit_id, codes in coding.codes.items() if unit_id in unit_ids})
        for coding in codings_of_people(tags, decisions, exclusive=grid.exclusive)
    ]
    people = [coding for coding in known if coding.codes]
    machines = [machine_coding(tags, list(unit_ids)), *(Coding(name, codes) for name, codes in second.items())]
    return [*people, *machines] if people or second else []


def second_codes(tags: pd.DataFrame, name: str) -> dict[str, dict[str, Codes]]:
    """What a second machine put on the passages that it coded, under its name; nothing where there is none."""
    return {name: dict(machine_coding(tags, sorted(set(tags["unit_id"]))).codes)} if len(tags) else {}


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

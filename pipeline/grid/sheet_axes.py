"""The axes that the rows of a spreadsheet name or declare.

In:   rows, with the line of each
Out:  AxisEntry in the order of the sheet; the axis of each code
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from pipeline.errors import GridError
from pipeline.grid.axes import RUBRIQUE, STANDARD, axis_key, choice_of, standard_axis
from pipeline.grid.axis_checks import AxisEntry
from pipeline.words import fold, slug

QUESTION, AXIS = "question", "axe"  # rows that are no code
_ALIKE = 0.7  # from which the name of an axis with a single code is likely another axis's, misspelt


def kind_of(written: str) -> str:
    """What a row of this axis is: a question, a declaration of an axis, else "" for a code."""
    return next((kind for kind in (QUESTION, AXIS) if axis_key(written) == kind), "")


class SheetAxes:
    """Gathers the axes of a sheet; `name` is its file's."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._axes: dict[str, AxisEntry] = {}  # by what stands in the column of axes, folded
        self._declared: list[AxisEntry] = []

    @property
    def entries(self) -> list[AxisEntry]:
        """The axes that are not standard, in the order of the sheet."""
        return sorted(dict.fromkeys((*self._declared, *self._axes.values())), key=lambda axis: int(axis.where.split()[1]))

    def declare(self, name: str, row: Mapping[str, str], order: int) -> None:
        """Take in the row that gives an axis its title, definition and choice; before the rows of its codes."""
        definition = " ".join(row.get("definition", "").split())
        entry = AxisEntry(name, row.get("label") or name, definition, row.get("choice", ""), f"ligne {order}")
        self._declared.append(entry)
        for key in {axis_key(name), axis_key(entry.label)}:
            self._axes[key] = entry

    def of(self, row: Mapping[str, str], order: int) -> str:
        """The axis of a code: rubrique where the cell is blank, else the one that it names.

        Raises `GridError` when two rows of one axis want other choices.
        """
        written, choice = " ".join(row.get("axis", "").split()), row.get("choice", "")
        standard = standard_axis(written) if fold(written) else RUBRIQUE
        if standard is not None:
            if choice and choice_of(choice) is not STANDARD[standard].is_exclusive:
                found = f"{self._name}, ligne {order} : choix « {choice} » pour l'axe « {standard} »"
                raise GridError(
                    found, "un seul code pour posture, plusieurs pour rubrique et pilier", "vider la case, ou nommer un autre axe"
                )
            return standard
        key = axis_key(written)
        known = self._axes.setdefault(key, AxisEntry(slug(written), written, "", choice, f"ligne {order}"))
        if choice and not known.choice:
            known = self._with_choice(known, choice)
        elif choice and choice_of(choice) != choice_of(known.choice):
            found = f"{self._name}, ligne {order} : choix « {choice} » pour l'axe « {written} », « {known.choice} » plus haut"
            raise GridError(found, "un seul choix par axe", "écrire le même sur toutes ses lignes, ou une seule fois")
        return known.axis

    def refuse_misspelt(self, axes_of_codes: Sequence[str]) -> None:
        """Raise `GridError` for an axis that nobody declared, that has a single code and nearly the name of another one."""
        counts = Counter(axes_of_codes)
        for axis in self.entries:
            if counts[axis.axis] != 1 or axis in self._declared:
                continue
            others = [name for name in (*STANDARD, *(other.axis for other in self.entries)) if name != axis.axis]
            near = get_close_matches(axis.axis, others, n=1, cutoff=_ALIKE)
            if near:
                found = f"{self._name}, {axis.where} : axe « {axis.label} » pour un seul code"
                raise GridError(
                    found,
                    f"« {near[0]} », ou un axe de plusieurs codes",
                    "corriger la colonne axe, ou déclarer l'axe sur une ligne « axe »",
                )

    def _with_choice(self, known: AxisEntry, choice: str) -> AxisEntry:
        """`known` with the choice that a later row gives, wherever it is kept."""
        chosen = replace(known, choice=choice)
        self._declared = [chosen if axis is known else axis for axis in self._declared]
        self._axes = {key: chosen if axis is known else axis for key, axis in self._axes.items()}
        return chosen

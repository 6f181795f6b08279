"""The axes of a grid: three that every part of the programme knows, and those that a study's grid brings.

In:   what a file says of an axis
Out:  Axis; the names that no axis may bear
"""

import re
from dataclasses import dataclass

from pipeline.words import fold

RUBRIQUE, POSTURE, PILIER = "rubrique", "posture", "pilier"


@dataclass(frozen=True)
class Axis:
    """An axis: `label` is its title; `is_exclusive` where every unit bears exactly one of its codes, else any number of them."""

    axis: str
    label: str
    is_exclusive: bool = False
    definition: str = ""

    @property
    def is_standard(self) -> bool:
        """Whether it is a rubrique, a posture or a pilier, whose words and meaning the programme has of its own."""
        return self.axis in STANDARD


STANDARD = {
    axis.axis: axis for axis in (Axis(RUBRIQUE, "Rubriques"), Axis(POSTURE, "Postures", is_exclusive=True), Axis(PILIER, "Piliers"))
}

IDENTIFIER = re.compile(r"[a-z][a-z0-9_-]*")
_CHOICES = {"": False, "plusieurs": False, "un": True, "une": True, "un seul": True, "une seule": True, "exactement un": True, "1": True}

# What heads other columns of the files where an axis has one: tables and gold passages, then lists, corpora and review sheets.
_TAKEN = (
    "unit_id document_id workshop_id theme_id unit_order start_char end_char text table_number question channel speaker axis code score",
    "is_assigned evidence source model_version document path workshop territory themes tags units rubriques postures piliers passages",
    "atelier table canal nature passage theme thèmes mis_a_part identifiant n° lieu où avant juste_avant apres juste_après raison",
    "numero codes pourquoi_le_relire relu remarque propose territoire date tous",
)
_TAKEN_KEYS = frozenset(fold(name).replace(" ", "") for line in _TAKEN for name in line.split())


def axis_key(name: str) -> str:
    """`name` as axes are compared: letters and digits alone, in the singular."""
    return fold(name).replace(" ", "").removesuffix("s")


def is_taken(name: str) -> bool:
    """Whether `name`, an axis's identifier or title, already heads another column."""
    return fold(name).replace(" ", "") in _TAKEN_KEYS


def standard_axis(name: str) -> str | None:
    """The standard axis that `name` is, in the singular or the plural; None where it is none."""
    return next((axis for axis in STANDARD if axis_key(axis) == axis_key(name)), None)


def choice_of(written: str) -> bool | None:
    """Whether `written` asks for exactly one code; None where it says neither one nor several."""
    return _CHOICES.get(fold(written))

"""What may be wrong with the axes that a grid brings.

In:   AxisEntry, as a reader found them; how many codes each axis has
Out:  faults, in the order of the file
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.grid.axes import IDENTIFIER, STANDARD, axis_key, choice_of, is_taken, standard_axis

Fault = tuple[str, str, str, str]  # where, found, expected, do
_PLURALS = {axis: f"{axis}s" for axis in STANDARD}


@dataclass(frozen=True)
class AxisEntry:
    """An axis as its author wrote it; `choice` in the author's words, `where` as in `Entry`."""

    axis: str
    label: str
    definition: str = ""
    choice: str = ""
    where: str = ""


def axis_faults(axes: Sequence[AxisEntry], n_codes: Mapping[str, int]) -> Iterator[Fault]:
    """Every fault of `axes`; `n_codes` by axis."""
    seen: set[str] = set()
    for axis in axes:
        yield from _identity_faults(axis)
        keys = {axis_key(name) for name in (axis.axis, axis.label) if axis_key(name)}
        if keys & seen:
            yield axis.where, f"axe « {axis.axis or axis.label} » donné deux fois", "un axe, un nom", "réunir les deux, ou renommer l'un"
        seen |= keys
        is_exclusive = choice_of(axis.choice)
        if is_exclusive is None:
            found = f"choix « {axis.choice} » pour l'axe « {axis.axis} »"
            yield axis.where, found, "« un » ou « plusieurs »", "écrire un (un seul code par passage) ou plusieurs"
        n_here = n_codes.get(axis.axis, 0)
        if axis.axis and not n_here:
            yield axis.where, f"axe « {axis.axis} » sans code", "un code au moins, avec sa définition", "écrire ses codes, ou retirer l'axe"
        if is_exclusive and n_here == 1:
            found = f"axe « {axis.axis} » à choix unique, avec un seul code"
            yield (
                axis.where,
                found,
                "deux codes au moins quand chaque passage en porte exactement un",
                "ajouter un code, ou choix : plusieurs",
            )


def _identity_faults(axis: AxisEntry) -> Iterator[Fault]:
    """What is wrong with the identifier or the title of one axis."""
    if not axis.axis:
        yield axis.where, "un axe sans « id »", "un « id » par axe", "lui donner un « id »"
        return
    standard = standard_axis(axis.axis)
    if standard is not None:
        found = f"« {axis.axis} » parmi les axes propres à la grille"
        yield axis.where, found, f"la liste « {_PLURALS[standard]} »", f"mettre ses codes dans « {_PLURALS[standard]} », ou renommer l'axe"
    elif not IDENTIFIER.fullmatch(axis.axis):
        found = f"« {axis.axis} » comme nom d'axe"
        yield axis.where, found, "une lettre, puis des lettres sans accent, des chiffres, - ou _, en minuscules", "le renommer"
    elif is_taken(axis.axis) or is_taken(axis.label):
        name = axis.axis if is_taken(axis.axis) else axis.label
        yield axis.where, f"axe « {name} »", "un nom qu'aucune colonne ne porte déjà (unit_id, question, theme…)", "le renommer"

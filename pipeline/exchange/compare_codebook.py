"""What a codebook from elsewhere changes to the study's grid, in words; a study keeps the grid that it was made with.

In:   two grids
Out:  one French line a difference
"""

from pipeline.grid import Axis, Grid


def compare_codebook(theirs: Grid, ours: Grid) -> list[str]:
    """Return the codes that one grid has and the other lacks, then those that differ, then axes of another choice, in the grids' order."""
    there, here = {code.code: code for code in theirs.codes}, {code.code: code for code in ours.codes}
    lines = [f"en plus dans le fichier : {code} ({there[code].axis}, « {there[code].label} »)" for code in there if code not in here]
    lines += [f"absent du fichier : {code} ({here[code].axis}, « {here[code].label} »)" for code in here if code not in there]
    for code in (code for code in there if code in here):
        parts = {"axe": "axis", "libellé": "label", "définition": "definition", "famille": "parent_id"}
        changed = [name for name, part in parts.items() if getattr(there[code], part) != getattr(here[code], part)]
        if changed:
            lines.append(f"différent : {code} ({', '.join(changed)})")
    lines += [
        f"axe {axis.axis} : {_choice(axis)} dans le fichier, {_choice(mine)} dans l'étude"
        for axis in theirs.axes
        for mine in ours.axes
        if mine.axis == axis.axis and mine.is_exclusive != axis.is_exclusive
    ]
    return lines


def _choice(axis: Axis) -> str:
    return "un seul code" if axis.is_exclusive else "plusieurs codes"

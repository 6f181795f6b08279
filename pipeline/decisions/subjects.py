"""What a decision is about, and what later decisions it may replace it by touching the same.

In:   a row of decisions, whether each axis of the grid is exclusive
Out:  sets of subjects: units (with their axis for codes), themes, families, weightings
"""

from collections.abc import Mapping
from typing import Any

from pipeline.decisions.on_families import FAMILY_ACTIONS
from pipeline.decisions.on_themes import split_id, split_units, text
from pipeline.decisions.weightings import SAVE, USE, Weighting, read_weighting
from pipeline.standing import CODE_ACTIONS, CONFIRM

Subjects = set[tuple[str, ...]]


def subjects_of(row: Any, exclusive: Mapping[str, bool]) -> Subjects:
    """What a decision is about: another that touches one of these may have replaced it."""
    if row.action in CODE_ACTIONS:
        return {_code(row, exclusive), ("all codes", str(text(row.unit_id)))}
    if row.action == CONFIRM:
        return {("a code", str(text(row.unit_id)))}
    return _both(row)


def touched_by(row: Any, exclusive: Mapping[str, bool]) -> Subjects:
    """What a decision changes: a code of a unit is one of all, and who confirms all codes speaks of each."""
    unit = str(text(row.unit_id))
    if row.action in CODE_ACTIONS:
        return {_code(row, exclusive), ("a code", unit)}
    if row.action == CONFIRM:
        return {("a code", unit), ("all codes", unit)}
    return _both(row)


def _code(row: Any, exclusive: Mapping[str, bool]) -> tuple[str, ...]:
    return (
        "tag",
        str(text(row.unit_id)),
        str(row.axis if exclusive.get(row.axis) else f"{row.axis}:{row.code}"),
    )


def _both(row: Any) -> Subjects:
    """Of decisions on themes, families and weightings, what they are about is what they change."""
    unit, theme, value = text(row.unit_id), text(row.theme_id), text(row.value)
    if row.action == SAVE:
        read = read_weighting(row.value)
        return {("weighting", read.name)} if isinstance(read, Weighting) else set()
    if row.action == USE:
        return {("weighting in use",)}
    if row.action in (*FAMILY_ACTIONS, "describe_theme"):
        return {(str(row.action), str(theme))}
    if row.action == "keep_apart":
        return {("apart", *sorted((str(theme), str(value))))}
    if row.action in ("pin_quote", "unpin_quote"):
        return {("quote", str(theme), str(unit)), ("theme", str(theme)), ("unit", str(unit))}
    if row.action == "split_theme":
        units = split_units(value)
        return {("unit", name) for name in units} | {("theme", split_id(units))}
    if row.action == "move_unit":
        return {("unit", str(unit))} | ({("theme", value)} if value else set())
    return {("theme", str(theme))} | (
        {("theme", value)} if row.action == "merge_theme" and value else set()
    )

"""Which decisions stand once people undid some, and what those on codes say, one code at a time.

In:   decisions, as the store gives them; tags
Out:  the decisions that stand; one row a code that somebody judged on a unit; the units that somebody judged; the units that each person
      coded whole; who was arbitrated between
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

import pandas as pd

CODE_ACTIONS = ("accept_tag", "add_tag", "reject_tag")
UNDO, CONFIRM = "undo", "confirm_unit"
_CODE = ["unit_id", "axis", "code"]

Code = tuple[str, str]  # axis and code


def standing(decisions: pd.DataFrame) -> pd.DataFrame:
    """Return, in order, the decisions that nobody undid; the undoings themselves, whose work is done, are left out."""
    is_undone = decisions["decision_id"].isin(list(undone_by(decisions)))
    return decisions[~is_undone & (decisions["action"] != UNDO)].sort_values(
        "decision_id", ignore_index=True
    )


def undone_by(decisions: pd.DataFrame) -> dict[int, int]:
    """Decision → the first undoing of it that stands; an undoing that was undone undoes nothing, and one of what does not exist neither."""
    undos = decisions.loc[decisions["action"] == UNDO, ["decision_id", "value"]]
    known, by = set(decisions["decision_id"]) if len(undos) else set(), dict[int, int]()
    for number, value in sorted(undos.itertuples(index=False, name=None), reverse=True):
        target = number_in(value)
        if number not in by and target in known and target < number:
            by[target] = int(number)
    return by


def number_in(value: object) -> int:
    """The decision that the `value` of an undoing names; 0, which is nobody's, where it names none."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else 0


def confirmation(codes: Iterable[Code]) -> str:
    """The `value` of a `confirm_unit`: all the codes of the passage; none says that it bears no code."""
    return json.dumps([list(code) for code in codes], ensure_ascii=False)


def confirmed_codes(value: object) -> list[Code] | None:
    """The codes that the `value` of a `confirm_unit` lists, each once; None where it does not read."""
    try:
        listed = json.loads(value) if isinstance(value, str) else None
    except json.JSONDecodeError:
        return None
    if not isinstance(listed, list) or not all(_is_code(entry) for entry in listed):
        return None
    return list(dict.fromkeys((axis, code) for axis, code in listed))


def confirmed_units(decisions: pd.DataFrame) -> set[str]:
    """The units whose codes somebody confirmed as being all that it bears."""
    said = standing(decisions)
    confirmed = said[(said["action"] == CONFIRM) & said["unit_id"].notna()]
    return {
        str(unit)
        for unit, value in zip(confirmed["unit_id"], confirmed["value"], strict=True)
        if confirmed_codes(value) is not None
    }


def judged_units(decisions: pd.DataFrame) -> set[str]:
    """The units on which somebody put, refused or confirmed codes."""
    said = standing(decisions)
    return set(said.loc[said["action"].isin(CODE_ACTIONS), "unit_id"].dropna()) | confirmed_units(
        said
    )


def is_coded(put: Iterable[Code], said: Iterable[Any], exclusive: Collection[str]) -> bool:
    """Return whether `said`, the standing decisions of one person on a unit, tells all the codes of that unit.

    It does once the person confirmed the unit, or once every code that the machine `put` there has that person's word and
    one code at least stays: to refuse some codes and leave tells nothing of the others, and only a confirmation tells that
    a unit bears no code. To put a code of an `exclusive` axis is a word on the others of that axis. Arbitrations, which
    settle what two other people coded, do not count.
    """
    words: dict[Code, bool] = {}
    for row in said:
        if row.action == CONFIRM and confirmed_codes(row.value) is not None:
            return True
        if row.action in CODE_ACTIONS and not arbitrated(row.value):
            words[str(row.axis), str(row.code)] = row.action != "reject_tag"
    replaced = {axis for (axis, _code), stays in words.items() if stays and axis in exclusive}
    return any(words.values()) and all(code in words or code[0] in replaced for code in put)


def coded_units(
    decisions: pd.DataFrame, tags: pd.DataFrame, *, exclusive: Collection[str]
) -> dict[str, set[str]]:
    """Return the units that each author coded, as `is_coded` tells; `tags` hold those of the machine, before any decision."""
    said = standing(decisions)
    said = said[said["action"].isin((*CODE_ACTIONS, CONFIRM)) & said["unit_id"].notna()]
    by_author: defaultdict[str, defaultdict[str, list[Any]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in said.itertuples(index=False):
        by_author[str(row.author)][str(row.unit_id)].append(row)
    is_put = (
        (tags["source"] == "machine")
        & tags["is_assigned"].astype(bool)
        & tags["unit_id"].isin(list(said["unit_id"]))
    )
    put: defaultdict[str, list[Code]] = defaultdict(list)
    for unit_id, axis, code in tags.loc[is_put, _CODE].itertuples(index=False, name=None):
        put[unit_id].append((axis, code))
    return {
        author: {
            unit_id for unit_id, rows in units.items() if is_coded(put[unit_id], rows, exclusive)
        }
        for author, units in by_author.items()
    }


def arbitration(first: str, second: str) -> str:
    """The `value` of a decision on a code by which somebody settles what two coders disagree on."""
    return json.dumps({"arbitrates": sorted((first, second))}, ensure_ascii=False)


def arbitrated(value: object) -> tuple[str, ...]:
    """The coders between whom a decision on a code arbitrates; none where it is its author's own coding."""
    try:
        read = json.loads(value) if isinstance(value, str) else None
    except json.JSONDecodeError:
        read = None
    listed = read.get("arbitrates") if isinstance(read, dict) else None
    return tuple(map(str, listed)) if isinstance(listed, list) else ()


def judgements(decisions: pd.DataFrame, tags: pd.DataFrame) -> pd.DataFrame:
    """Return the standing decisions on codes in order, with each confirmation written out, so that decision_id repeats.

    A confirmation accepts the codes that it lists and rejects every other one that the machine put on the unit, or that somebody put,
    refused or confirmed there before.
    """
    said = standing(decisions)
    said = said[said["action"].isin((*CODE_ACTIONS, CONFIRM))]
    confirmed = confirmed_units(said)
    on_codes = said[said["action"] != CONFIRM]
    if not confirmed:
        return on_codes
    rows = _written_out(said, _put_on(tags, confirmed))
    return pd.concat([on_codes, rows], ignore_index=True).sort_values(
        "decision_id", kind="stable", ignore_index=True
    )


def _written_out(said: pd.DataFrame, put: dict[str, set[Code]]) -> pd.DataFrame:
    """One row a code of each confirmation; `put` are the codes on each confirmed unit, and grows by what was said of it."""
    rows: list[dict[Any, Any]] = []
    for row in said[said["unit_id"].isin(list(put))].to_dict("records"):
        codes = put[str(row["unit_id"])]
        if row["action"] != CONFIRM:
            codes.add((str(row["axis"]), str(row["code"])))
            continue
        listed = confirmed_codes(row["value"])
        if listed is None:
            continue
        verdicts = [("accept_tag", code) for code in listed] + [
            ("reject_tag", code) for code in sorted(codes - set(listed))
        ]
        rows += [
            row | {"action": action, "axis": axis, "code": code}
            for action, (axis, code) in verdicts
        ]
        codes.update(listed)
    return pd.DataFrame(rows, columns=said.columns).astype(said.dtypes)


def _put_on(tags: pd.DataFrame, unit_ids: Collection[str]) -> dict[str, set[Code]]:
    """The codes that the machine put on each of `unit_ids`, and those that a person's row tells of."""
    put: defaultdict[str, set[Code]] = defaultdict(set, {unit_id: set() for unit_id in unit_ids})
    is_told = tags["unit_id"].isin(list(unit_ids)) & (
        tags["is_assigned"].astype(bool) | (tags["source"] == "person")
    )
    for unit_id, axis, code in tags.loc[is_told, _CODE].itertuples(index=False, name=None):
        put[unit_id].add((axis, code))
    return put


def _is_code(entry: object) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == 2
        and all(isinstance(part, str) and part.strip() for part in entry)
    )

"""Replay people's decisions over the machine's tables; doing it twice changes nothing.

The last decision on a subject wins; different subjects may come in any order. A decision whose
passage or theme is gone is void, and applies again when that comes back.

In:   units, tags, themes, theme_families, theme_members of the machine; decisions; decision_grounds
Out:  the same tables as reviewed; decision_effects
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

import pandas as pd

from pipeline.counting import with_circles
from pipeline.decisions import (
    codebook,
    coding,
    gaps,
    kinds,
    machine,
    memos,
    mending,
    passages,
    selections,
    sign_off,
    spans,
    tags,
    themes,
)
from pipeline.decisions.following import follow_passages, moved_to, nearest_passages
from pipeline.decisions.gaps import decided_gaps
from pipeline.decisions.grounds import Passages, decisions_to_review
from pipeline.decisions.kinds import (
    GONE_PASSAGE,
    Code,
    Decision,
    Reviewed,
    Subject,
    Undo,
    saved_weightings,
    undone_by,
    weighting_in_use,
)
from pipeline.decisions.lineage import Lineage
from pipeline.decisions.mending import CorrectPassage
from pipeline.decisions.replay import ThemeReplay, review_tags
from pipeline.errors import TableError
from pipeline.grid.codes import STANDARD, Axis
from pipeline.tables.columns import cells_of
from pipeline.tables.material import DECISION_EFFECTS

__all__ = [
    "KINDS",
    "Decision",
    "active_decisions",
    "apply_decisions",
    "idle_sentence",
    "kind_of",
    "last_words",
    "read_decision",
    "read_decisions",
    "taken_again",
]

APPLIED, REPLACED, UNDONE = "appliquée", "remplacée", "annulée"
TO_REVIEW, VOID = "à revoir", "sans objet"
_MODULES = (tags, spans, passages, mending, themes, sign_off, gaps, memos, codebook, coding)
_KINDS = (
    kind
    for module in (*_MODULES, selections, machine, kinds)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Decision) and "action" in vars(kind)
)
KINDS: Mapping[str, type[Decision]] = {kind.action: kind for kind in _KINDS}
log = logging.getLogger(__name__)


def kind_of(action: object) -> type[Decision]:
    """Return the class of an action. Raises `TableError` for an unknown one."""
    try:
        return KINDS[str(action)]
    except KeyError:
        raise TableError(
            f"décision « {action} »",
            f"un de : {', '.join(KINDS)}",
            "mettre ateliers à jour, ou corriger l'action",
        ) from None


def read_decision(row: Mapping[str, Any]) -> Decision:
    """Return the decision in a row of DECISIONS."""
    return kind_of(row["action"]).read(row)


def read_decisions(table: pd.DataFrame) -> list[Decision]:
    """Return all decisions in order, undone ones included."""
    columns = [str(name) for name in table.columns]
    rows = table.sort_values("decision_id").itertuples(index=False, name=None)
    return [read_decision(dict(zip(columns, row, strict=True))) for row in rows]


def active_decisions(decisions: pd.DataFrame | Iterable[Decision]) -> list[Decision]:
    """Return, in order, the decisions that nobody undid, without undoings."""
    every = read_decisions(decisions) if isinstance(decisions, pd.DataFrame) else list(decisions)
    undone = undone_by(every)
    return [row for row in every if row.decision_id not in undone and not isinstance(row, Undo)]


def apply_decisions(
    machine: Mapping[str, pd.DataFrame],
    decisions: pd.DataFrame | Iterable[Decision],
    *,
    axes: Sequence[Axis] = tuple(STANDARD.values()),
    grounds: pd.DataFrame | None = None,
    grid_codes: Set[Code] | None = None,
    passages: Passages | None = None,
) -> dict[str, pd.DataFrame]:
    """Return units, tags, themes, theme_families, theme_members as reviewed, and decision_effects.

    Decisions on an axis not in `axes` are void; those whose theme is no longer the one in `grounds`
    await a review; memos on a code not in `grid_codes` are void, where these are given. `passages`
    are those decided on: once one is gone, the nearest of its document is proposed.
    """
    every = read_decisions(decisions) if isinstance(decisions, pd.DataFrame) else list(decisions)
    units, exclusive = machine["units"], {axis.axis: axis.is_exclusive for axis in axes}
    to_review = (
        {}
        if grounds is None
        else decisions_to_review(grounds, machine["themes"], machine["theme_members"], units)
    )
    standing = [row for row in active_decisions(every) if row.decision_id not in to_review]
    followed = follow_passages(standing, units)
    active, now = followed.active, followed.became
    every = [now.get(row.decision_id, row) for row in every]
    replay = ThemeReplay(machine, with_circles(units), active)
    reviewed_tags = review_tags(machine["tags"], replay.unit_ids, active, exclusive)
    reviewed = Reviewed(
        replay,
        _codes_borne(reviewed_tags),
        exclusive,
        saved_weightings(active),
        weighting_in_use(active),
        {gap: row.decision_id for gap, row in decided_gaps(active).items()},
        memos.last_notes(active) | selections.last_selections(active),
        followed.lineage,
        followed.lost,
        _corrected_rows(active, units, followed.lineage),
        grid_codes,
    )
    rows = _with_passages(
        _effects(every, reviewed, to_review), every, passages or {}, units, exclusive
    )
    effects = DECISION_EFFECTS.build(rows)
    if every:
        n_applied = int((effects["state"] == APPLIED).sum())
        log.info("décisions rejouées : %d, dont appliquées : %d", len(every), n_applied)
    return {
        "units": units,
        "tags": reviewed_tags,
        "themes": replay.themes,
        "theme_families": replay.families,
        "theme_members": replay.members,
        "decision_effects": effects,
    }


def _corrected_rows(
    active: Iterable[Decision], units: pd.DataFrame, lineage: Lineage
) -> dict[str, dict[Any, Any]]:
    corrections = [row for row in active if isinstance(row, CorrectPassage)]
    ends = {end for row in corrections for end in lineage.ends(str(row.unit_id))}
    rows = units[units["unit_id"].isin(ends)].to_dict("records") if ends else []
    return {str(row["unit_id"]): row for row in rows}


def _codes_borne(reviewed_tags: pd.DataFrame) -> dict[str, set[tuple[str, str]]]:
    """A person's row overrides the machine's."""
    ordered = reviewed_tags.sort_values(["unit_id", "axis", "code", "source"])
    last = ordered.drop_duplicates(["unit_id", "axis", "code"], keep="last")
    borne = last.loc[last["is_assigned"].astype(bool), ["unit_id", "axis", "code"]]
    codes: dict[str, set[tuple[str, str]]] = {}
    for unit_id, axis, code in cells_of(borne):
        codes.setdefault(unit_id, set()).add((axis, code))
    return codes


def _effects(
    decisions: Sequence[Decision], reviewed: Reviewed, to_review: Mapping[int, str]
) -> list[dict[str, Any]]:
    """Check each decision against the reviewed tables."""
    undone, numbers = undone_by(decisions), {row.decision_id for row in decisions}
    last = last_words(active_decisions(decisions), reviewed.exclusive)
    effects = []
    for row in decisions:
        reason: str | None
        if (by := undone.get(row.decision_id)) is not None:
            state, reason = UNDONE, f"Annulée par la décision n° {by}."
        elif isinstance(row, Undo):
            is_there = row.target in numbers and row.target < row.decision_id
            missing = None if is_there else "La décision à annuler n'existe pas."
            state, reason = _applied_unless(missing)
        else:
            state, reason = _effect(row, reviewed, last, to_review.get(row.decision_id))
        number, action = row.decision_id, row.action
        effects.append({"decision_id": number, "action": action, "state": state, "reason": reason})
    return effects


def _effect(
    row: Decision, reviewed: Reviewed, last: Mapping[Subject, int], to_review: str | None
) -> tuple[str, str | None]:
    """Return state and reason; `last` numbers each subject's last decision."""
    missing = row.missing(reviewed)
    if to_review is None and (missing is not None or row.holds(reviewed)):
        return _applied_unless(missing)
    by = max((last.get(subject, 0) for subject in row.applies_to(reviewed.exclusive)), default=0)
    if by > row.decision_id:
        return REPLACED, _replaced(by)
    return (TO_REVIEW, to_review) if to_review else _applied_unless(row.why_not())


def _with_passages(
    effects: Sequence[dict[str, Any]],
    decisions: Sequence[Decision],
    passages: Passages,
    units: pd.DataFrame,
    exclusive: Mapping[str, bool],
) -> Iterator[dict[str, Any]]:
    """Add the passages decided on, and the nearest to one that is gone unless decided on since."""
    is_gone = {each["decision_id"] for each in effects if each["reason"] == GONE_PASSAGE}
    gone = {number: passage for number, passage in passages.items() if number in is_gone}
    nearest = nearest_passages(gone, units) if gone else {}
    last = last_words(active_decisions(decisions), exclusive) if nearest else {}
    for row, effect in zip(decisions, effects, strict=True):
        number = row.decision_id
        effect |= dict(zip(("document_id", "passage"), passages.get(number, ()), strict=False))
        moved = moved_to(row, *nearest[number]) if number in nearest else None
        if moved and (by := taken_again(moved, last, exclusive)):
            effect |= {"state": REPLACED, "reason": _replaced(by)}
        elif moved:
            effect["near_unit_id"] = nearest[number][0]
        yield effect


def last_words(active: Iterable[Decision], exclusive: Mapping[str, bool]) -> dict[Subject, int]:
    """Return the last decision on each subject."""
    last: dict[Subject, int] = {}
    for row in active:
        last |= dict.fromkeys(row.changes(exclusive), row.decision_id)
    return last


def taken_again(
    moved: Decision, last: Mapping[Subject, int], exclusive: Mapping[str, bool]
) -> int | None:
    """Return a later decision on what `moved` would decide, if there is one."""
    by = max((last.get(subject, 0) for subject in moved.applies_to(exclusive)), default=0)
    return by if by > moved.decision_id else None


def _replaced(by: int) -> str:
    return f"Remplacée par une décision plus récente (n° {by})."


def _applied_unless(reason: str | None) -> tuple[str, str | None]:
    return (VOID if reason else APPLIED), reason


def idle_sentence(effects: pd.DataFrame, root: object) -> str | None:
    """Say in one line how many decisions stopped applying and where to see them."""
    n_to_review, n_void = (int((effects["state"] == state).sum()) for state in (TO_REVIEW, VOID))
    n = n_to_review + n_void
    if not n:
        return None
    parts = []
    if n_to_review:
        parts.append(f"{n_to_review} à revoir, leur thème est devenu un autre")
    if n_void:
        message = "{n} sans objet, faute de leur passage, de leur thème ou d'un autre code"
        parts.append(message.format(n=n_void))
    if n_near := int(effects["near_unit_id"].notna().sum()):
        parts.append(f"{n_near} à reprendre d'un clic sur un passage proche, page Journal")
    verb = "décision ne s'applique plus" if n == 1 else "décisions ne s'appliquent plus"
    return "{n} {verb} : {parts} ; les voir : ateliers review {root}, page Résultats".format(
        n=n, verb=verb, parts=" ; ".join(parts), root=root
    )

"""Prepare what is said under a theme, by posture."""

import json
from typing import Any

from django.utils.translation import gettext_lazy

from pipeline.review.snapshot import Snapshot, Unit
from pipeline.review.state import Themes

_N_SHOWN = 4  # of each posture; the others unfold
_TITLES = {
    "difficulte": gettext_lazy("Ce qui manque ou fait difficulté"),
    "force": gettext_lazy("Ce qui marche, et qui le fait"),
    "demande": gettext_lazy("Ce qui est demandé"),
    "proposition": gettext_lazy("Ce qui est proposé"),
}


def opinion_groups(theme_id: str, now: Themes, snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return the opinions of the last run by posture, those of most tables first.

    An opinion is passages that say nearly the same thing, the one to read first, less those that
    people moved since; `faces` is the first passage of the need that it answers, or of the answer
    to it.
    """
    rows = snapshot.tables["theme_opinions"]
    rows = rows[rows["theme_id"] == theme_id].sort_values("opinion_order")
    units_of = {
        int(order): _units_left(unit_ids, theme_id, now, snapshot)
        for order, unit_ids in zip(rows["opinion_order"], rows["unit_ids"], strict=True)
    }
    opinions: dict[str, list[dict[str, Any]]] = {posture: [] for posture in _TITLES}
    cells = zip(rows["opinion_order"], rows["posture"], rows["faces"].fillna(0), strict=True)
    for order, posture, other in cells:
        if units := units_of[int(order)]:
            faced = units_of.get(int(other), ())
            opinion = {
                "unit": units[0],
                "others": units[1:],
                "n_tables": snapshot.n_tables(unit.unit_id for unit in units),
                "faces": faced[0] if faced else None,
            }
            opinions[str(posture)].append(opinion)
    return [
        {"title": _TITLES[name], "shown": said[:_N_SHOWN], "folded": said[_N_SHOWN:]}
        for name, said in opinions.items()
        if said
    ]


def _units_left(unit_ids: str, theme_id: str, now: Themes, snapshot: Snapshot) -> tuple[Unit, ...]:
    return tuple(
        snapshot.units[name]
        for name in json.loads(unit_ids)
        if name in snapshot.units and now.theme_of.get(name) == theme_id
    )

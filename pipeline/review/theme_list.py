"""Sort and filter the themes, measure how far the first are signed off, and find near ones.

In:   the summaries of the themes, what the address asks, the places of passages on the map
Out:  summaries in order; counts; theme_ids, the nearest first
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from pipeline.review.snapshot import Snapshot
from pipeline.review.state import Themes
from pipeline.review.theme_page import ThemeSummary
from pipeline.text import fold

FAMILY = "famille"
_FAR = float("inf")
_N_FIRST, _N_NEAR = 10, 8
ORDERS: Mapping[str, tuple[Promise, Callable[[ThemeSummary], Any]]] = {
    FAMILY: (gettext_lazy("par famille"), lambda theme: -theme["n_units"]),
    "rang": (
        gettext_lazy("par rang"),
        lambda theme: theme["rank"]["rank"] if theme["rank"] else _FAR,
    ),
    "tables": (
        gettext_lazy("par nombre de tables"),
        lambda theme: (-theme["n_tables"], -theme["n_tables_high"]),
    ),
    "passages": (gettext_lazy("par nombre de passages"), lambda theme: -theme["n_units"]),
    "nom": (gettext_lazy("par nom"), lambda theme: ""),
}
STATES: Mapping[str, tuple[Promise, Callable[[ThemeSummary], bool]]] = {
    "": (gettext_lazy("tous"), lambda theme: True),
    "a-valider": (gettext_lazy("à valider"), lambda theme: not theme["is_signed_off"]),
    "valides": (gettext_lazy("validés"), lambda theme: theme["is_signed_off"]),
    "a-regarder": (
        gettext_lazy("à regarder de près"),
        lambda theme: bool(theme["flags"]) or theme["awaits_name"],
    ),
}


@dataclass(frozen=True)
class ThemeListing:
    """How a person wants the themes listed; an unknown order or state is the usual one."""

    order: str = FAMILY
    state: str = ""
    words: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "ThemeListing":
        """Read the address."""
        order, state = query.get("tri", FAMILY), query.get("etat", "")
        return cls(
            order if order in ORDERS else FAMILY,
            state if state in STATES else "",
            " ".join(query.get("mots", "").split()),
        )

    @property
    def is_plain(self) -> bool:
        """Whether all themes are wanted, by family."""
        return self == ThemeListing()

    def of(self, summaries: Iterable[ThemeSummary]) -> list[ThemeSummary]:
        """Return the themes wanted, in order; by family they come by number of passages."""
        key, is_wanted = ORDERS[self.order][1], STATES[self.state][1]
        asked = fold(self.words).split()
        wanted = [
            theme
            for theme in summaries
            if is_wanted(theme)
            and all(word in fold(f"{theme['label']} {theme['statement']}") for word in asked)
        ]
        return sorted(wanted, key=lambda theme: (key(theme), fold(theme["label"])))


def signed_first(summaries: Iterable[ThemeSummary]) -> tuple[int, int]:
    """Return how many of the ten first themes by rank are signed off, and how many these are."""
    ranked = sorted((theme for theme in summaries if theme["rank"]), key=ORDERS["rang"][1])[
        :_N_FIRST
    ]
    return sum(theme["is_signed_off"] for theme in ranked), len(ranked)


def nearest(chosen: Collection[str], now: Themes, snapshot: Snapshot) -> list[str]:
    """Return the themes nearest to the chosen ones on the map of passages, eight at most.

    A theme's place is the mean of its passages'; themes without a place come in no order of theirs.
    """
    places = {
        theme_id: np.mean(spots, axis=0)
        for theme_id, unit_ids in now.of_theme.items()
        if (spots := [snapshot.spots[name] for name in unit_ids if name in snapshot.spots])
    }
    centres = [places[name] for name in chosen if name in places]
    if not centres:
        return []
    centre = np.mean(centres, axis=0)
    others = [name for name in places if name not in chosen and name in now.labels]
    others.sort(key=lambda name: (float(((places[name] - centre) ** 2).sum()), name))
    return others[:_N_NEAR]

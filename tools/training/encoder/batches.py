"""Which texts a step sees: passages written alike about different subjects, each beside others on
its subject written otherwise.

In:   passages, a recipe, the step's number
Out:  Batch; the same step gives the same one, so that training resumes anywhere
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tools.training.encoder.passages import Passage
from tools.training.encoder.recipe import Recipe


@dataclass(frozen=True)
class Batch:
    """Texts with the numbers of their broad theme and of their fine one, −1 for none, and the codes
    of those that are whole passages.
    """

    texts: tuple[str, ...]
    broad: tuple[int, ...]
    fine: tuple[int, ...]
    codes: tuple[frozenset[str] | None, ...]
    general: tuple[tuple[str, str], ...]


class Batches:
    """Draws the batch of a step."""

    def __init__(
        self, passages: Sequence[Passage], general: Sequence[tuple[str, str]], recipe: Recipe
    ) -> None:
        self._passages, self._general, self._recipe = passages, general, recipe
        self.themes = sorted({passage.broad for passage in passages if passage.broad is not None})
        self._broad = _numbers([passage.broad for passage in passages])
        # A fine theme is an author's own words: it only compares within a file; a passage without
        # one is its own.
        self._fine = _numbers(
            [
                f"{p.file} {p.subject}" if p.subject else f"passage {at}"
                for at, p in enumerate(passages)
            ]
        )
        self._pools: dict[str, list[int]] = defaultdict(list)
        self._of_theme: dict[int, list[int]] = defaultdict(list)
        for at, passage in enumerate(passages):
            self._pools[self._pool_of(passage)].append(at)
            if self._broad[at] >= 0:
                self._of_theme[self._broad[at]].append(at)
        self._pools = {
            name: rows
            for name, rows in self._pools.items()
            if len(self._themes_in(rows)) >= recipe.n_anchors // 2
        }
        self._names = sorted(self._pools)
        sizes = np.array([len(self._pools[name]) for name in self._names], dtype=float)
        self._chances = sizes / sizes.sum()

    def at(self, step: int) -> Batch:
        """Return the batch of a step."""
        draw = np.random.default_rng([self._recipe.seed, step])
        rows = self._anchors(draw)
        rows += self._partners(rows, draw)
        entries = [(self._passages[at].text, at, True) for at in rows]
        for at in rows[: round(self._recipe.view_share * len(rows))]:
            passage = self._passages[at]
            readings = [
                reading
                for reading in (passage.content, passage.subject)
                if reading and reading != passage.text
            ]
            if readings:
                entries.append((readings[int(draw.integers(len(readings)))], at, False))
        n_general = (
            min(self._recipe.n_general, len(self._general)) if self._recipe.keep_weight else 0
        )
        general = draw.choice(len(self._general), n_general, replace=False)
        return Batch(
            tuple(text for text, _, _ in entries),
            tuple(self._broad[at] for _, at, _ in entries),
            tuple(self._fine[at] for _, at, _ in entries),
            tuple(self._passages[at].codes if is_whole else None for _, at, is_whole in entries),
            tuple(self._general[int(place)] for place in general),
        )

    def _anchors(self, draw: np.random.Generator) -> list[int]:
        """Passages of one pool, of as many themes as it takes, and some about none."""
        pool = self._pools[self._names[int(draw.choice(len(self._names), p=self._chances))]]
        themes = self._themes_in(pool)
        chosen = draw.permutation(sorted(themes))[: self._recipe.n_anchors]
        rows = [int(draw.choice(themes[theme])) for theme in chosen]
        bare = [at for at in pool if self._broad[at] < 0]
        return rows + [int(at) for at in draw.permutation(bare)[: self._recipe.n_bare]]

    def _partners(self, rows: Sequence[int], draw: np.random.Generator) -> list[int]:
        """For each anchor with a theme, another passage of its theme: of another pool where one is,
        unless partners are its likes.
        """
        taken = set(rows)
        partners = []
        for at in rows:
            if self._broad[at] < 0:
                continue
            free = [other for other in self._of_theme[self._broad[at]] if other not in taken]
            pool = self._pool_of(self._passages[at])
            far = [
                other
                for other in free
                if (self._pool_of(self._passages[other]) == pool)
                == (self._recipe.partners == "alike")
            ]
            if far or free:
                partners.append(int(draw.choice(far or free)))
                taken.add(partners[-1])
        return partners

    def _pool_of(self, passage: Passage) -> str:
        return {"any": "", "file": passage.file, "style": passage.style}[self._recipe.negatives]

    def _themes_in(self, rows: Sequence[int]) -> dict[int, list[int]]:
        themes: dict[int, list[int]] = defaultdict(list)
        for at in rows:
            if self._broad[at] >= 0:
                themes[self._broad[at]].append(at)
        return themes


def _numbers(names: Sequence[str | None]) -> list[int]:
    known = {
        name: number
        for number, name in enumerate(sorted({name for name in names if name is not None}))
    }
    return [-1 if name is None else known[name] for name in names]

"""Say what is said under each theme: who needs, what works, what is asked and what is proposed.

In:   units, tags, the counted members of themes, the shipped encoder
Out:  theme_opinions, one row an opinion: passages of one posture that say nearly the same thing

The likeness of two passages is the cosine of what they say of subjects, centred on the study, plus
the share of content words in common. Passages that give other figures are never one opinion. Of
pairs of one theme and posture in the six studies of data/training/etudes and the example, 21 of the
24 that reach `SAME` say the same thing, and 5 of the 7 between 0.70 and it; of 42 pairs of a
need and an answer that reach `FACING`, 36 are about one thing.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.embedder import Embedder
from models.reading import skim
from models.rows import Matrix, slices, unit_rows
from models.views import subject_half
from pipeline.cluster.quotes import readability
from pipeline.counting import counted_members, postures_by_unit, with_circles
from pipeline.tables.columns import is_among
from pipeline.tables.results import OPINION_POSTURES, THEME_OPINIONS
from pipeline.text import fold

SAME, FACING = 0.75, 0.6  # least likeness
_NEEDS, _ANSWER = ("difficulte", "demande"), "force"
_ALIKE_AT_ALL = 0.4  # cosine under which words in common mean nothing
_AT_ONCE = 4_096
_FIGURE = re.compile(r"\d+")


def group_opinions(
    units: pd.DataFrame, tags: pd.DataFrame, theme_members: pd.DataFrame, encoder: Embedder
) -> pd.DataFrame:
    """Return the opinions of each theme by posture, those of most tables first.

    Each counted member that has one of the four postures is in exactly one opinion.
    """
    passages = _passages(units, tags, theme_members)
    if passages.empty:
        return THEME_OPINIONS.empty()
    middle = _mean_vector(list(passages["text"]), encoder)
    rows: list[dict[str, Any]] = []
    by_theme: dict[str, list[dict[Any, Any]]] = {}
    for passage in passages.to_dict("records"):
        by_theme.setdefault(passage["theme_id"], []).append(passage)
    for theme_id, here in sorted(by_theme.items()):
        likeness = _Likeness([passage["text"] for passage in here], encoder, middle)
        by_posture: dict[str, list[dict[Any, Any]]] = {}
        for row, passage in enumerate(here):
            by_posture.setdefault(passage["posture"], []).append(passage | {"row": row})
        opinions = [
            _opinion(said)
            for _, of_posture in sorted(by_posture.items())
            for said in _merge(of_posture, likeness)
        ]
        opinions.sort(key=_order)
        faces = _facing(opinions, likeness)
        for i, opinion in enumerate(opinions):
            order = {"theme_id": theme_id, "opinion_order": i + 1, "faces": faces.get(i)}
            rows.append(order | opinion)
    return THEME_OPINIONS.build(rows)


def _mean_vector(texts: list[str], encoder: Embedder) -> NDArray[Any]:
    """Return the mean (d,) of what `texts` say of subjects, some held in memory at a time."""
    sums: list[NDArray[Any]] = []
    for some in slices(len(texts), _AT_ONCE, large=0):
        vectors = subject_half(encoder.encode(texts[some]))
        sums = [np.vstack([*sums, vectors]).sum(axis=0)]
    return sums[0] / np.float32(len(texts))


class _Likeness:
    """How alike passages of a theme are: by their subjects, around `middle` (d,), and by words."""

    def __init__(self, texts: list[str], encoder: Embedder, middle: NDArray[Any]) -> None:
        self._vectors = unit_rows(subject_half(encoder.encode(texts)) - middle)
        self._words = [frozenset(skim(text)) for text in texts]
        self._figures = [frozenset(_FIGURE.findall(text)) for text in texts]

    def cosines(self, rows: list[int], others: list[int]) -> Iterator[Matrix]:
        """Yield the cosines of each of `rows` with all `others`."""
        columns = self._vectors[others].T
        for some in slices(len(rows), _AT_ONCE // 8):
            yield from self._vectors[rows[some]] @ columns

    def gives_other_figures(self, row: int, other: int) -> bool:
        """Whether both passages give figures, and none in common."""
        own, others = self._figures[row], self._figures[other]
        return bool(own and others and not own & others)

    def with_words(self, cosine: float, row: int, other: int) -> float:
        """Return the cosine, plus the share of words in common where it is not too low."""
        if cosine < _ALIKE_AT_ALL:
            return 0.0
        own, others = self._words[row], self._words[other]
        return round(float(cosine) + len(own & others) / max(1, len(own | others)), 6)


def _passages(units: pd.DataFrame, tags: pd.DataFrame, theme_members: pd.DataFrame) -> pd.DataFrame:
    """The counted members with a posture, the ones to quote first."""
    posture_of = postures_by_unit(tags[tags["code"].isin(OPINION_POSTURES)])
    members = counted_members(theme_members)
    members = members[is_among(members["unit_id"], posture_of.index)].merge(
        with_circles(units), on="unit_id", validate="one_to_one"
    )
    members["posture"] = members["unit_id"].map(posture_of).astype(object)
    members["worth"] = members["strength"] + [readability(text) for text in members["text"]]
    by = ["worth", "unit_id"]
    members = members.sort_values(by, ascending=[False, True], ignore_index=True)
    columns = ["theme_id", "posture", "unit_id", "workshop_id", "text", "strength"]
    columns += ["circle_id", "is_said"]
    return members[columns]


def _merge(passages: list[dict[Any, Any]], likeness: _Likeness) -> list[list[dict[Any, Any]]]:
    """Return the passages of each opinion, the first to be quoted first: its leader.

    A passage joins the leader most like it: all of an opinion say nearly what its leader says, and
    none is in it by way of a third.
    """
    rows = [passage["row"] for passage in passages]
    opinions: list[list[dict[Any, Any]]] = []
    leaders: list[int] = []
    opinion_of: dict[str, int] = {}  # by folded text
    for i, cosines in enumerate(likeness.cosines(rows, rows)):
        text = fold(passages[i]["text"])
        if text not in opinion_of:
            is_near = cosines[leaders] >= _ALIKE_AT_ALL if leaders else np.zeros(0)
            near = [
                (likeness.with_words(cosines[leaders[n]], rows[i], rows[leaders[n]]), n)
                for n in np.flatnonzero(is_near).tolist()
                if not likeness.gives_other_figures(rows[i], rows[leaders[n]])
            ]
            best, n = max(near, key=lambda pair: pair[0], default=(0.0, 0))
            if best < SAME:
                n = len(opinions)
                leaders.append(i)
                opinions.append([])
            opinion_of[text] = n
        opinions[opinion_of[text]].append(passages[i])
    return opinions


def _opinion(passages: list[dict[Any, Any]]) -> dict[str, Any]:
    leader = passages[0]
    tables = {passage["circle_id"] for passage in passages if passage["is_said"]}
    return {
        "row": leader["row"],
        "posture": leader["posture"],
        "unit_id": leader["unit_id"],
        "unit_ids": json.dumps([passage["unit_id"] for passage in passages]),
        "n_units": len(passages),
        "n_tables": len(tables),
        "n_workshops": len({passage["workshop_id"] for passage in passages}),
        "strength": max(float(passage["strength"]) for passage in passages),
    }


def _order(opinion: dict[str, Any]) -> tuple[Any, ...]:
    posture = OPINION_POSTURES.index(opinion["posture"])
    return posture, -opinion["n_tables"], -opinion["strength"], opinion["unit_id"]


def _facing(opinions: list[dict[str, Any]], likeness: _Likeness) -> dict[int, int]:
    """Pair needs with answers about the same thing, the most alike first: order by index."""
    rows = [opinion["row"] for opinion in opinions]
    needs = [i for i, opinion in enumerate(opinions) if opinion["posture"] in _NEEDS]
    answers = [i for i, opinion in enumerate(opinions) if opinion["posture"] == _ANSWER]
    pairs: list[tuple[float, int, int]] = []
    every = likeness.cosines([rows[i] for i in needs], [rows[i] for i in answers])
    for need, cosines in zip(needs, every, strict=True):
        for answer, cosine in zip(answers, cosines, strict=True):
            alike = likeness.with_words(cosine, rows[need], rows[answer])
            if alike >= FACING:
                pairs.append((-alike, need, answer))
    faces: dict[int, int] = {}
    for _, need, answer in sorted(pairs):
        if need not in faces and answer not in faces:
            faces |= {need: answer + 1, answer: need + 1}
    return faces

"""Count, for one workshop and every draw of its tables, what the criteria are shares of; tallies add up to the study's.

In:   facts of a workshop
Out:  Tally   counts (n_draws + 1, n_themes) by name; row 0 is what was observed

The criteria of a priority, each in words that an elected official can check against the notes, and what it is a share of.

What each themed passage counts for: where it was said, by whom, as a need, an answer or a lever, how gravely, how insistently.

Find in a text what a lexicon of cues lists, outside the turns that cancel it.

Tell passages in which people insist from those that only mention: words, capitals and punctuation of data/lexicon/insistence.yaml.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.counting import Circles, resample
from pipeline.grid.codes import POSTURE, RUBRIQUE, Grid
from pipeline.tables.schema import STRUCTURE_TYPES
from pipeline.text import fold, lexicon

Counts = NDArray[np.float64]

_AT_TABLES = {
    "said_tables": "is_said",
    "need_tables": "is_need",
    "answer_tables": "is_answer",
    "lever_tables": "is_lever",
    "severe_tables": "is_severe",
}
_ANYWHERE = {
    "circles": "is_heard",
    "known_circles": "is_known",
    "emphasis": "emphasis",
    "rapporteurs": "is_summary",
}


@dataclass(frozen=True)
class Tally:
    """`counts` (n_draws + 1, n_themes) and what they are at most (`totals`), by name; `types` (n_types, n_draws + 1, n_themes).

    `n_units` (n_themes,) counts passages as observed; it is shown beside the tables, and ranks nothing.
    """

    counts: dict[str, Counts]
    totals: dict[str, float]
    types: Counts
    n_units: NDArray[np.int64]

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            {name: counts + other.counts[name] for name, counts in self.counts.items()},
            {name: total + other.totals[name] for name, total in self.totals.items()},
            self.types + other.types,
            self.n_units + other.n_units,
        )


def tally_workshop(
    facts: pd.DataFrame, theme_ids: list[str], n_tables: int, rng: np.random.Generator, n_draws: int
) -> Tally:
    """Return the tally of one workshop; tables are drawn among its `n_tables`, silent ones too, other circles among themselves."""
    is_table, is_summary = (facts[name].to_numpy(dtype=bool) for name in ("is_table", "is_summary"))
    seen = _Seen.of(facts, theme_ids)
    at_tables = seen.drawn(is_table, n_tables, rng, n_draws)
    apart = seen.drawn(~is_table, None, rng, n_draws)
    counts = {name: at_tables[column] for name, column in _AT_TABLES.items()}
    counts |= {name: at_tables[column] + apart[column] for name, column in _ANYWHERE.items()}
    counts |= {"late_voices": apart["is_away"], "workshops": (counts["circles"] > 0).astype(float)}
    totals = {
        "tables": n_tables,
        "workshops": 1,
        "rapporteurs": n_tables * bool((is_table & is_summary).any())
        + bool((~is_table & is_summary).any()),
        "late_voices": facts.loc[facts["is_away"], "circle_id"].nunique(),
    }
    types = np.stack([at_tables[name] + apart[name] for name in STRUCTURE_TYPES])
    return Tally(
        counts, totals, types, np.bincount(seen.theme, minlength=len(theme_ids)).astype(np.int64)
    )


@dataclass(frozen=True)
class _Seen:
    """What each fact shows, `values` (n_facts, n_columns) in the order of `columns`, of the circle and theme at its place."""

    columns: list[str]
    values: Counts
    circle: NDArray[np.object_]
    theme: NDArray[np.int64]
    n_themes: int

    @classmethod
    def of(cls, facts: pd.DataFrame, theme_ids: list[str]) -> "_Seen":
        """The facts of one workshop."""
        actors = facts["actor_type"].astype(object).to_numpy()
        shown: dict[str, NDArray[Any]] = {
            "is_heard": np.ones(len(facts)),
            "is_known": facts["actor_type"].notna().to_numpy(dtype=bool),
        }
        shown |= {name: actors == name for name in STRUCTURE_TYPES}
        for name in sorted({*_AT_TABLES.values(), *_ANYWHERE.values(), "is_away"} - set(shown)):
            shown[name] = facts[name].fillna(False).to_numpy(dtype=float)
        values = np.stack([np.asarray(column, dtype=float) for column in shown.values()], axis=1)
        place = {theme_id: at for at, theme_id in enumerate(theme_ids)}
        themes = np.array([place[theme_id] for theme_id in facts["theme_id"]], dtype=np.int64)
        return cls(
            list(shown), values, facts["circle_id"].to_numpy(dtype=object), themes, len(theme_ids)
        )

    def drawn(
        self, here: NDArray[np.bool_], n_circles: int | None, rng: np.random.Generator, n_draws: int
    ) -> dict[str, Counts]:
        """By column, draws of the circles of the facts `here` times the highest value of each theme there: (n_draws + 1, n_themes).

        Circles are drawn among `n_circles`, or as many as were seen.
        """
        names, circle = np.unique(self.circle[here].astype(str), return_inverse=True)
        highest = np.zeros((len(names), self.n_themes, len(self.columns)))
        np.maximum.at(highest, (circle, self.theme[here]), self.values[here])
        draws = resample(rng, n_circles or len(names), n_draws)[:, : len(names)]
        found = (draws @ highest.reshape(len(names), self.n_themes * len(self.columns))).reshape(
            len(draws), self.n_themes, -1
        )
        return {name: found[:, :, at] for at, name in enumerate(self.columns)}


_NEUTRAL = 0.5  # breadth of actors where nobody's type is known: the same for all themes, so that it moves no rank


class Criterion(NamedTuple):
    """How a criterion is shown: `label` heads a column, `explanation` is one line."""

    label: str
    explanation: str


CRITERIA: dict[str, Criterion] = {
    "c_tables": Criterion("Tables", "Part des tables où le sujet a été évoqué, hors restitution."),
    "c_workshops": Criterion(
        "Ateliers",
        "Part des ateliers où le sujet a été évoqué ; sans effet dans le classement d'un seul atelier.",
    ),
    "c_rapporteurs": Criterion(
        "Rapporteurs",
        "Part des rapporteurs qui reprennent le sujet en synthèse ; insister compte double.",
    ),
    "c_actors": Criterion(
        "Acteurs",
        "Part des types d'acteurs entendus (association, élu…) qui portent le sujet ; neutre quand on ne sait pas qui a parlé.",
    ),
    "c_need": Criterion(
        "Besoin sans réponse",
        "Part des tables où le sujet est un manque ou une demande, réduite d'autant que d'autres y voient une offre ou une force.",
    ),
    "c_leverage": Criterion(
        "Prise", "Part des tables qui voient par où agir : proposition, opportunité ou partenariat."
    ),
    "c_late": Criterion(
        "À distance",
        "Part des personnes qui en parlent après l'atelier ; chacune pèse au plus autant qu'une table.",
    ),
    "c_severity": Criterion(
        "Gravité", "Part des tables qui en parlent comme d'un danger, d'une perte ou d'une urgence."
    ),
}


def shares_of(tally: Tally) -> dict[str, Counts]:
    """Each criterion in 0..1, (n_draws + 1, n_themes), in the order of CRITERIA; 0 where there is nothing to share."""
    n_tables = tally.totals["tables"]
    need, answers = tally.counts["need_tables"], tally.counts["answer_tables"]
    return {
        "c_tables": _share(tally.counts["said_tables"], n_tables),
        "c_workshops": _share(tally.counts["workshops"], tally.totals["workshops"]),
        "c_rapporteurs": _share(tally.counts["emphasis"], tally.totals["rapporteurs"]),
        "c_actors": _breadth(tally),
        "c_need": _share(need, n_tables) * need / np.maximum(need + answers, 1e-9),
        "c_leverage": _share(tally.counts["lever_tables"], n_tables),
        "c_late": _share(tally.counts["late_voices"], max(tally.totals["late_voices"], n_tables)),
        "c_severity": _share(tally.counts["severe_tables"], n_tables),
    }


def _share(counts: Counts, total: float) -> Counts:
    return np.asarray(np.clip(counts / max(total, 1e-9), 0, 1))


def _breadth(tally: Tally) -> Counts:
    """Share of the known types of actors that speak of each theme, drawn to the mean of the others as far as its voices are unknown."""
    heard = tally.types > 0  # (n_types, n_draws + 1, n_themes)
    n_types = heard.any(axis=2, keepdims=True).sum(axis=0)  # in the draw, whatever the theme
    breadth = heard.sum(axis=0) / np.maximum(n_types, 1)
    known, circles = tally.counts["known_circles"], tally.counts["circles"]
    coverage = np.where(circles > 0, known / np.maximum(circles, 1e-9), 0)
    is_known = coverage > 0
    n_known = is_known.sum(axis=1, keepdims=True)
    neutral = np.where(
        n_known > 0,
        (breadth * is_known).sum(axis=1, keepdims=True) / np.maximum(n_known, 1),
        _NEUTRAL,
    )
    return np.asarray(np.clip(neutral + coverage * (breadth - neutral), 0, 1))


@dataclass(frozen=True)
class Cues:
    """A lexicon, compiled for folded text."""

    words: re.Pattern[str]
    cancelling: re.Pattern[str]

    def are_in(self, text: str) -> bool:
        """Whether `text` holds a cue that no cancelling turn overlaps."""
        plain = fold(text, keep_signs=True)
        found = list(self.words.finditer(plain))
        cancelled = [match.span() for match in self.cancelling.finditer(plain)] if found else []
        return any(
            not any(start < match.end() and match.start() < end for start, end in cancelled)
            for match in found
        )


@cache
def load_cues(name: str) -> Cues:
    """The cues of data/lexicon/`name`.yaml."""
    listed = lexicon(name)
    return Cues(_either(listed["mots"]), _either(listed["annule"]))


def _either(patterns: list[str]) -> re.Pattern[str]:
    return re.compile(
        r"\b(?:" + "|".join(fold(pattern, keep_signs=True) for pattern in patterns) + ")"
    )


_LEXICON = "insistence"
_CAPITALISED = re.compile(r"(?<![^\W\d_])[^\W\d_a-zà-ÿ]{2,}(?![^\W\d_])")
_LETTERS = re.compile(r"[^\W\d_]")
_FEWEST_FOR_A_STYLE = 3  # signs in a document


def insisting(passages: pd.DataFrame) -> pd.Series:
    """Whether each passage insists, aligned on `passages`; a sign that its author puts nearly everywhere is a style, not a sign.

    A style is told from a document's distinct texts: writing a passage twice changes nothing.
    """
    says = passages["text"].map(load_cues(_LEXICON).are_in).astype(bool)
    shows = passages["text"].map(_shows_it).astype(bool)
    distinct = passages.assign(shows=shows).drop_duplicates(["document_id", "text"])
    habit = distinct.groupby("document_id")["shows"].agg(["mean", "sum"])
    is_style = (habit["mean"] > float(lexicon(_LEXICON)["part_de_style"])) & (
        habit["sum"] >= _FEWEST_FOR_A_STYLE
    )
    return says | (shows & ~passages["document_id"].map(is_style).astype(bool))


def _shows_it(text: str) -> bool:
    """A cue in writing: repeated signs, or a listed word in capitals amid small letters."""
    listed = lexicon(_LEXICON)
    if any(re.search(sign, text) for sign in listed["signes"]):
        return True
    capitalised = _CAPITALISED.findall(text)
    is_amid_small_letters = 2 * sum(map(len, capitalised)) < len(_LETTERS.findall(text))
    return is_amid_small_letters and any(
        fold(word, keep_signs=True).upper() in listed["capitales"] for word in capitalised
    )


_NEED = frozenset({"difficulte", "demande"})
_ANSWER_POSTURE, _ANSWER_RUBRIQUE = "force", "offre"
_LEVER_POSTURE, _LEVER_RUBRIQUES = (
    "proposition",
    frozenset({"opportunites", "partenariats.developpement"}),
)
READ_CODES = {  # what tells each fact, by axis; a grid that has none of them tells nothing of it
    "is_need": {POSTURE: _NEED},
    "is_answer": {POSTURE: frozenset({_ANSWER_POSTURE}), RUBRIQUE: frozenset({_ANSWER_RUBRIQUE})},
    "is_lever": {POSTURE: frozenset({_LEVER_POSTURE}), RUBRIQUE: _LEVER_RUBRIQUES},
}
_NO_LEVER_POSTURE = "difficulte"  # a partnership that is missed
_BROUGHT_UP, _INSISTED = 0.5, 1.0


def facts_of(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    themes: pd.DataFrame,
    theme_members: pd.DataFrame,
    circles: Circles,
    attendance: pd.DataFrame,
) -> pd.DataFrame:
    """Return one row a unit that belongs to a known theme, sorted by unit_id."""
    members = theme_members[theme_members["theme_id"].isin(themes["theme_id"])]
    facts = (
        members[["unit_id", "theme_id"]]
        .merge(
            units[["unit_id", "document_id", "speaker", "text"]],
            on="unit_id",
            validate="one_to_one",
        )
        .merge(circles.of_unit, on="unit_id", validate="one_to_one")
        .sort_values("unit_id", ignore_index=True)
    )
    facts["circle_id"] = facts["circle_id"].where(
        ~(facts["is_away"] & facts["speaker"].notna()), _person(facts)
    )
    facts["actor_type"] = _actor_types(facts, attendance)
    facts = _with_stances(facts, tags)
    insists = insisting(facts)
    facts["is_severe"] = facts["is_said"] & (
        insists | facts["text"].map(load_cues("gravite").are_in).astype(bool)
    )
    facts["emphasis"] = facts["is_summary"] * (_BROUGHT_UP + insists * (_INSISTED - _BROUGHT_UP))
    return facts.drop(columns=["text", "document_id", "speaker"])


def untold_facts(grid: Grid) -> frozenset[str]:
    """The facts of `READ_CODES` that no code of `grid` tells."""
    known = {(code.axis, code.code) for code in grid.codes}
    return frozenset(
        fact
        for fact, read in READ_CODES.items()
        if not any((axis, code) in known for axis, codes in read.items() for code in codes)
    )


def _person(facts: pd.DataFrame) -> pd.Series:
    """Whoever writes twice after a workshop is one voice."""
    return facts["workshop_id"].astype(str) + "|" + facts["speaker"].astype("string").fillna("")


def _actor_types(facts: pd.DataFrame, attendance: pd.DataFrame) -> pd.Series:
    """Type of the structure that the speaker came for; the first by name where it came for several."""
    known = attendance.dropna(subset=["structure_type"]).sort_values(
        ["participant_id", "structure_type"]
    )
    of_person = known.drop_duplicates("participant_id").set_index("participant_id")[
        "structure_type"
    ]
    return facts["speaker"].map(of_person)


def _with_stances(facts: pd.DataFrame, tags: pd.DataFrame) -> pd.DataFrame:
    """`facts` with is_need, is_answer and is_lever, all of them at a table during the questions."""
    posture = facts["unit_id"].map(_postures(tags)).astype(object)
    rubriques = tags[(tags["axis"] == RUBRIQUE) & tags["is_assigned"].astype(bool)]
    is_offer = facts["unit_id"].isin(
        rubriques.loc[rubriques["code"] == _ANSWER_RUBRIQUE, "unit_id"]
    )
    is_chance = facts["unit_id"].isin(
        rubriques.loc[rubriques["code"].isin(_LEVER_RUBRIQUES), "unit_id"]
    )
    is_need, said = posture.isin(_NEED), facts["is_said"]
    return facts.assign(
        is_need=is_need & said,
        is_answer=((posture == _ANSWER_POSTURE) | is_offer) & ~is_need & said,
        is_lever=((posture == _LEVER_POSTURE) | (is_chance & (posture != _NO_LEVER_POSTURE)))
        & said,
    )


def _postures(tags: pd.DataFrame) -> pd.Series:
    """The posture of each unit that has one, by unit_id: a person's before the machine's."""
    postures = tags[(tags["axis"] == POSTURE) & tags["is_assigned"].astype(bool)].sort_values(
        ["unit_id", "source", "code"]
    )
    return postures.drop_duplicates("unit_id", keep="last").set_index("unit_id")["code"]

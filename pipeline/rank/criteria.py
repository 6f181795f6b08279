"""The criteria of a priority, each a share that an elected official can check against the notes.

Facts describe each themed passage; a tally counts them for one workshop and every draw of its
tables, and tallies add up to the study's.
"""

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.counting import Circles, counted_members, postures_by_unit, resample
from pipeline.grid.codes import POSTURE, RUBRIQUE, Grid
from pipeline.tables.schema import STRUCTURE_TYPES
from pipeline.text import fold, lexicon, load_cues

Counts = NDArray[np.float64]


class Criterion(NamedTuple):
    """How to show a criterion: `label` heads a column, `explanation` is one line."""

    label: str
    explanation: str


CRITERIA: dict[str, Criterion] = {
    "c_tables": Criterion("Tables", "Part des tables où le sujet a été évoqué, hors restitution."),
    "c_workshops": Criterion(
        "Ateliers",
        "Part des ateliers où le sujet a été évoqué ; "
        "sans effet dans le classement d'un seul atelier.",
    ),
    "c_rapporteurs": Criterion(
        "Rapporteurs",
        "Part des rapporteurs qui reprennent le sujet en synthèse ; insister compte double.",
    ),
    "c_actors": Criterion(
        "Acteurs",
        "Part des types d'acteurs entendus (association, élu…) qui portent le sujet ; "
        "neutre quand on ne sait pas qui a parlé.",
    ),
    "c_need": Criterion(
        "Besoin sans réponse",
        "Part des tables où le sujet est un manque ou une demande, "
        "réduite d'autant que d'autres y voient une offre ou une force.",
    ),
    "c_leverage": Criterion(
        "Prise", "Part des tables qui voient par où agir : proposition, opportunité ou partenariat."
    ),
    "c_late": Criterion(
        "À distance",
        "Part des personnes qui en parlent après l'atelier ; "
        "chacune pèse au plus autant qu'une table.",
    ),
    "c_severity": Criterion(
        "Gravité", "Part des tables qui en parlent comme d'un danger, d'une perte ou d'une urgence."
    ),
}

_NEEDS = frozenset({"difficulte", "demande"})
_ANSWER_POSTURE, _ANSWER_RUBRIQUE = "force", "offre"
_LEVER_POSTURE = "proposition"
_LEVER_RUBRIQUES = frozenset({"opportunites", "partenariats.developpement"})
_NO_LEVER_POSTURE = "difficulte"  # a missing partnership
_CODES_OF_FACTS = {
    "is_need": {POSTURE: _NEEDS},
    "is_answer": {POSTURE: frozenset({_ANSWER_POSTURE}), RUBRIQUE: frozenset({_ANSWER_RUBRIQUE})},
    "is_lever": {POSTURE: frozenset({_LEVER_POSTURE}), RUBRIQUE: _LEVER_RUBRIQUES},
}
_MENTIONED, _INSISTED = 0.5, 1.0
_STYLE_SIGNS = 3  # signs of a document that may be its author's style
# Breadth where no type is known: equal for all themes, so that it moves no rank.
_NEUTRAL = 0.5
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
_CAPITALISED = re.compile(r"(?<![^\W\d_])[^\W\d_a-zà-ÿ]{2,}(?![^\W\d_])")
_LETTERS = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Tally:
    """`counts` (n_draws + 1, n_themes) and their maxima `totals`; row 0 is as observed.

    `types` (n_types, n_draws + 1, n_themes) counts types of structures; `n_units` (n_themes,) is
    for display only.
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


def facts_of(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    themes: pd.DataFrame,
    theme_members: pd.DataFrame,
    circles: Circles,
    attendance: pd.DataFrame,
) -> pd.DataFrame:
    """Return the facts of each unit that counts for a known theme, sorted by unit_id."""
    counted = counted_members(theme_members)
    members = counted.loc[counted["theme_id"].isin(themes["theme_id"]), ["unit_id", "theme_id"]]
    spoken = units[["unit_id", "document_id", "speaker", "text"]]
    facts = (
        members.merge(spoken, on="unit_id", validate="one_to_one")
        .merge(circles.of_unit, on="unit_id", validate="one_to_one")
        .sort_values("unit_id", ignore_index=True)
    )
    is_late_person = facts["is_away"] & facts["speaker"].notna()  # one voice, however many mails
    person = facts["workshop_id"].astype(str) + "|" + facts["speaker"].astype("string").fillna("")
    facts["circle_id"] = facts["circle_id"].where(~is_late_person, person)
    facts["actor_type"] = _actor_types(facts, attendance)
    facts = _with_stances(facts, tags)
    insists = insisting(facts)
    is_grave = facts["text"].map(load_cues("gravite").are_in).astype(bool)
    facts["is_severe"] = facts["is_said"] & (insists | is_grave)
    facts["emphasis"] = facts["is_summary"] * (_MENTIONED + insists * (_INSISTED - _MENTIONED))
    return facts.drop(columns=["text", "document_id", "speaker"])


def missing_facts(grid: Grid) -> frozenset[str]:
    """Return the facts without a code in `grid`."""
    codes = {(code.axis, code.code) for code in grid.codes}
    return frozenset(
        fact
        for fact, codes_by_axis in _CODES_OF_FACTS.items()
        if not any((axis, code) in codes for axis, read in codes_by_axis.items() for code in read)
    )


def _actor_types(facts: pd.DataFrame, attendance: pd.DataFrame) -> pd.Series:
    typed = attendance.dropna(subset=["structure_type"])
    first = typed.sort_values(["participant_id", "structure_type"]).drop_duplicates(
        "participant_id"
    )
    return facts["speaker"].map(first.set_index("participant_id")["structure_type"])


def _with_stances(facts: pd.DataFrame, tags: pd.DataFrame) -> pd.DataFrame:
    assigned = tags[tags["is_assigned"].astype(bool)]
    posture = facts["unit_id"].map(postures_by_unit(tags)).astype(object)
    rubriques = assigned[assigned["axis"] == RUBRIQUE]
    offers = rubriques.loc[rubriques["code"] == _ANSWER_RUBRIQUE, "unit_id"]
    chances = rubriques.loc[rubriques["code"].isin(_LEVER_RUBRIQUES), "unit_id"]
    is_need, is_said = posture.isin(_NEEDS), facts["is_said"]
    is_answer = (posture == _ANSWER_POSTURE) | facts["unit_id"].isin(offers)
    is_chance = facts["unit_id"].isin(chances) & (posture != _NO_LEVER_POSTURE)
    return facts.assign(
        is_need=is_need & is_said,
        is_answer=is_answer & ~is_need & is_said,
        is_lever=((posture == _LEVER_POSTURE) | is_chance) & is_said,
    )


def insisting(passages: pd.DataFrame) -> pd.Series:
    """Return whether each passage insists, by the words and signs of data/lexicon/insistence.yaml.

    A sign nearly everywhere in a document's distinct texts is a style and does not count.
    """
    has_cue = passages["text"].map(load_cues("insistence").are_in).astype(bool)
    has_sign = passages["text"].map(_has_sign).astype(bool)
    distinct = passages.assign(has_sign=has_sign).drop_duplicates(["document_id", "text"])
    habit = distinct.groupby("document_id")["has_sign"].agg(["mean", "sum"])
    style_share = float(lexicon("insistence")["part_de_style"])
    is_style = (habit["mean"] > style_share) & (habit["sum"] >= _STYLE_SIGNS)
    return has_cue | (has_sign & ~passages["document_id"].map(is_style).astype(bool))


def _has_sign(text: str) -> bool:
    entries = lexicon("insistence")
    if any(re.search(sign, text) for sign in entries["signes"]):
        return True
    capitalised = _CAPITALISED.findall(text)
    is_amid_small_letters = 2 * sum(map(len, capitalised)) < len(_LETTERS.findall(text))
    return is_amid_small_letters and any(
        fold(word, keep_signs=True).upper() in entries["capitales"] for word in capitalised
    )


def tally_workshop(
    facts: pd.DataFrame, theme_ids: list[str], n_tables: int, rng: np.random.Generator, n_draws: int
) -> Tally:
    """Return the tally of one workshop; its `n_tables` are drawn, silent ones too, others apart."""
    is_table, is_summary = (facts[name].to_numpy(dtype=bool) for name in ("is_table", "is_summary"))
    shown = _shown(facts)
    themes = pd.Index(theme_ids).get_indexer(pd.Index(facts["theme_id"]))
    values = np.stack(list(shown.values()), axis=1)
    circles = facts["circle_id"].to_numpy(dtype=object).astype(str)

    def draw(here: NDArray[np.bool_], n_circles: int | None) -> dict[str, Counts]:
        """Draws of circles times each theme's highest value, (n_draws + 1, n_themes), by fact."""
        names, circle = np.unique(circles[here], return_inverse=True)
        highest = np.zeros((len(names), len(theme_ids), len(shown)))
        np.maximum.at(highest, (circle, themes[here]), values[here])
        draws = resample(rng, n_circles or len(names), n_draws)[:, : len(names)]
        drawn = draws @ highest.reshape(len(names), len(theme_ids) * len(shown))
        by_theme = drawn.reshape(len(draws), len(theme_ids), -1)
        return {name: by_theme[:, :, i] for i, name in enumerate(shown)}

    at_tables, apart = draw(is_table, n_tables), draw(~is_table, None)
    counts = {name: at_tables[fact] for name, fact in _AT_TABLES.items()}
    counts |= {name: at_tables[fact] + apart[fact] for name, fact in _ANYWHERE.items()}
    counts |= {"late_voices": apart["is_away"], "workshops": (counts["circles"] > 0).astype(float)}
    has_summary_at_tables, has_summary_apart = (
        bool((here & is_summary).any()) for here in (is_table, ~is_table)
    )
    totals = {
        "tables": n_tables,
        "workshops": 1,
        "rapporteurs": n_tables * has_summary_at_tables + has_summary_apart,
        "late_voices": facts.loc[facts["is_away"], "circle_id"].nunique(),
    }
    types = np.stack([at_tables[name] + apart[name] for name in STRUCTURE_TYPES])
    n_units = np.bincount(themes, minlength=len(theme_ids)).astype(np.int64)
    return Tally(counts, totals, types, n_units)


def _shown(facts: pd.DataFrame) -> dict[str, Counts]:
    actors = facts["actor_type"].astype(object).to_numpy()
    shown: dict[str, NDArray[Any]] = {
        "is_heard": np.ones(len(facts)),
        "is_known": facts["actor_type"].notna().to_numpy(dtype=bool),
    }
    shown |= {name: actors == name for name in STRUCTURE_TYPES}
    for name in sorted({*_AT_TABLES.values(), *_ANYWHERE.values(), "is_away"} - set(shown)):
        shown[name] = facts[name].fillna(False).to_numpy(dtype=float)
    return {name: np.asarray(values, dtype=float) for name, values in shown.items()}


def shares_of(tally: Tally) -> dict[str, Counts]:
    """Return each criterion, 0..1, (n_draws + 1, n_themes), in CRITERIA's order; 0 without data."""
    counts, totals = tally.counts, tally.totals
    n_tables = totals["tables"]
    need, answers = counts["need_tables"], counts["answer_tables"]
    return {
        "c_tables": _share(counts["said_tables"], n_tables),
        "c_workshops": _share(counts["workshops"], totals["workshops"]),
        "c_rapporteurs": _share(counts["emphasis"], totals["rapporteurs"]),
        "c_actors": _breadth(tally),
        "c_need": _share(need, n_tables) * need / np.maximum(need + answers, 1e-9),
        "c_leverage": _share(counts["lever_tables"], n_tables),
        "c_late": _share(counts["late_voices"], max(totals["late_voices"], n_tables)),
        "c_severity": _share(counts["severe_tables"], n_tables),
    }


def _share(counts: Counts, total: float) -> Counts:
    return np.asarray(np.clip(counts / max(total, 1e-9), 0, 1))


def _breadth(tally: Tally) -> Counts:
    """The share of known actor types, shrunk to the mean as the theme's voices are unknown."""
    heard = tally.types > 0
    n_types = heard.any(axis=2, keepdims=True).sum(axis=0)  # in the draw, for any theme
    breadth = heard.sum(axis=0) / np.maximum(n_types, 1)
    known, circles = tally.counts["known_circles"], tally.counts["circles"]
    coverage = np.where(circles > 0, known / np.maximum(circles, 1e-9), 0)
    is_known = coverage > 0
    n_known = is_known.sum(axis=1, keepdims=True)
    mean = (breadth * is_known).sum(axis=1, keepdims=True) / np.maximum(n_known, 1)
    neutral = np.where(n_known > 0, mean, _NEUTRAL)
    return np.asarray(np.clip(neutral + coverage * (breadth - neutral), 0, 1))

"""The criteria of a priority, each in words that an elected official can check against the notes, and what it is a share of.

In:   a tally
Out:  CRITERIA   column of priorities → label and one line of explanation, in French
      each criterion, 0..1, by theme
"""

from typing import NamedTuple

import numpy as np

from pipeline.rank.tally import Counts, Tally

_NEUTRAL = 0.5  # breadth of actors where nobody's type is known: the same for all themes, so that it moves no rank


class Criterion(NamedTuple):
    """How a criterion is shown: `label` heads a column, `explanation` is one line."""

    label: str
    explanation: str


CRITERIA: dict[str, Criterion] = {
    "c_tables": Criterion("Tables", "Part des tables où le sujet a été évoqué, hors restitution."),
    "c_workshops": Criterion("Ateliers", "Part des ateliers où le sujet a été évoqué ; sans effet dans le classement d'un seul atelier."),
    "c_rapporteurs": Criterion("Rapporteurs", "Part des rapporteurs qui reprennent le sujet en synthèse ; insister compte double."),
    "c_actors": Criterion(
        "Acteurs",
        "Part des types d'acteurs entendus (association, élu…) qui portent le sujet ; neutre quand on ne sait pas qui a parlé.",
    ),
    "c_need": Criterion(
        "Besoin sans réponse",
        "Part des tables où le sujet est un manque ou une demande, réduite d'autant que d'autres y voient une offre ou une force.",
    ),
    "c_leverage": Criterion("Prise", "Part des tables qui voient par où agir : proposition, opportunité ou partenariat."),
    "c_late": Criterion(
        "À distance",
        "Part des personnes qui en parlent après l'atelier ; chacune pèse au plus autant qu'une table.",
    ),
    "c_severity": Criterion("Gravité", "Part des tables qui en parlent comme d'un danger, d'une perte ou d'une urgence."),
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
    neutral = np.where(n_known > 0, (breadth * is_known).sum(axis=1, keepdims=True) / np.maximum(n_known, 1), _NEUTRAL)
    return np.asarray(np.clip(neutral + coverage * (breadth - neutral), 0, 1))

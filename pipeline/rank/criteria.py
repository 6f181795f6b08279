"""The criteria of a priority, each in words that an elected official can check against the notes.

In:   nothing
Out:  CRITERIA   column of priorities → label and one line of explanation, in French
"""

from typing import NamedTuple


class Criterion(NamedTuple):
    """How a criterion is shown: `label` heads a column, `explanation` is one line."""

    label: str
    explanation: str


CRITERIA: dict[str, Criterion] = {
    "c_tables": Criterion("Tables", "Part des tables où le sujet a été évoqué pendant les quatre questions."),
    "c_workshops": Criterion("Ateliers", "Part des ateliers où le sujet a été évoqué ; sans effet dans le classement d'un seul atelier."),
    "c_questions": Criterion("Questions", "Part des questions du world café où le sujet revient, en moyenne par atelier."),
    "c_insistence": Criterion(
        "Insistance",
        "Part des tables qui reprennent le sujet en synthèse ; insister compte double ; mails et appels valent ensemble une table.",
    ),
    "c_need": Criterion("Besoin", "Part des tables où le sujet est dit comme une difficulté ou une demande."),
    "c_proposals": Criterion("Propositions", "Part des tables qui proposent une action sur le sujet."),
}

"""Choose quotes for each theme, and describe it by one of them.

In:   the members of themes, with their strength; units, tags
Out:  unit_ids, the most telling first; a description in French; theme_profiles (postures and
      rubriques) and theme_quotes (central passages, and one that says a disagreement)
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import pandas as pd

from pipeline.counting import counted_members, postures_by_unit, with_circles
from pipeline.french import is_listed, usual_lemma
from pipeline.tables.results import THEME_PROFILES, THEME_QUOTES
from pipeline.text import fold, load_cues

_SHORT, _LONG = 5, 45  # words of a readable quote
_FEWEST_WORDS, _MOST_WORDS = 4, 40  # of a quote that describes a theme
_FEWEST_OF_SENTENCE, _MOST_OF_SENTENCE = 8, 30
_NOT_A_SENTENCE = 0.2  # strength that a whole sentence is worth
_MASK = re.compile(r"\[[^\]\n]{1,30}\]")
_CUT_START = tuple("→,;:)=+-–…/")
_CUT_END = (*"→,;:(=+-–…/", "...")
_LETTERS = re.compile(r"[^\W\d_]+")
# Forms that are nouns too; past participles are no verb by themselves.
_USUAL_VERBS = frozenset(("est", "fait", "dit", "va", "vont", "peut", "doit", "manque", "aide"))
_PARTICIPLES = ("é", "ée", "és", "ées")
N_CENTRAL = 3


class _Candidate(NamedTuple):
    unit_id: str
    workshop_id: str
    circle: str
    worth: float
    folded: str


def choose_quotes(members: pd.DataFrame, n_quotes: int) -> list[str]:
    """Return at most `n_quotes` unit_ids, most central first, from varied tables."""
    candidates = sorted(_candidates(members), key=lambda one: (-one.worth, one.unit_id))
    chosen: list[_Candidate] = []
    while candidates and len(chosen) < n_quotes:
        best = max(candidates, key=lambda one: round(one.worth - _repetition(one, chosen), 6))
        candidates.remove(best)
        chosen.append(best)
    return [one.unit_id for one in chosen]


def _candidates(members: pd.DataFrame) -> Iterator[_Candidate]:
    columns = ("unit_id", "workshop_id", "text", "table_number", "document_id", "strength")
    cells = (members[name].tolist() for name in columns)
    for unit_id, workshop_id, text, table_number, document_id, strength in zip(*cells, strict=True):
        circle = document_id if pd.isna(table_number) else str(table_number)
        worth = strength + readability(text)
        yield _Candidate(unit_id, workshop_id, circle, worth, fold(text))


def describe(quoted: Sequence[str]) -> str:
    """Return the first of `quoted` texts that a reader can take whole, in guillemets, or ""."""
    flat = (" ".join(text.split()) for text in quoted)
    whole = (text for text in flat if _is_whole(text))
    return next((f"« {text} »" for text in whole), "")


def _is_whole(text: str) -> bool:
    is_readable = _FEWEST_WORDS <= len(text.split()) <= _MOST_WORDS
    return is_readable and not _MASK.search(text) and not set(text) & set("«»…")


def is_sentence(text: str) -> bool:
    """Whether a text of 8 to 30 words with a verb is neither cut nor masked.

    >>> is_sentence("la subvention est arrivée en novembre, on a payé les salaires avec le livret")
    True
    >>> is_sentence("marché public = 60 pages, caution, chiffre d'affaires mini, retards...")
    False
    """
    text = text.strip()
    return (
        _FEWEST_OF_SENTENCE <= len(text.split()) <= _MOST_OF_SENTENCE
        and not text.startswith(_CUT_START)
        and not text.endswith(_CUT_END)
        and not _MASK.search(text)
        and any(_is_verb(word) for word in _LETTERS.findall(text.lower()))
    )


@cache
def _is_verb(word: str) -> bool:
    if word in _USUAL_VERBS:
        return True
    is_form = is_listed(word, "verb") or is_listed(usual_lemma(word), "verb")
    return is_form and not is_listed(word, "noun") and not word.endswith(_PARTICIPLES)


def readability(text: str) -> float:
    """Return 0 for a good quote, less for one that is no sentence, long, masked, shouted or cut."""
    n_words = len(text.split())
    flaws = 0.06 * max(0, _SHORT - n_words) + 0.01 * max(0, n_words - _LONG)
    flaws += 0.1 * bool(_MASK.search(text)) + 0.05 * text.isupper()
    flaws += 0.05 * text.startswith(_CUT_START) + _NOT_A_SENTENCE * (not is_sentence(text))
    return -flaws


def _repetition(candidate: _Candidate, chosen: Sequence[_Candidate]) -> float:
    loss = 0.0
    for other in chosen:
        same_workshop = candidate.workshop_id == other.workshop_id
        loss += 0.05 * same_workshop + 0.1 * (same_workshop and candidate.circle == other.circle)
        loss += float(candidate.folded == other.folded)
    return loss


def profile_themes(
    units: pd.DataFrame, tags: pd.DataFrame, theme_members: pd.DataFrame
) -> pd.DataFrame:
    """Return units and tables by theme and code, most frequent first."""
    assigned = tags[tags["is_assigned"].astype(bool)].drop_duplicates(["unit_id", "axis", "code"])
    coded = (
        assigned[["unit_id", "axis", "code"]]
        .merge(theme_members[["unit_id", "theme_id"]], on="unit_id", validate="many_to_one")
        .merge(
            with_circles(units)[["unit_id", "circle_id", "is_said"]],
            on="unit_id",
            validate="many_to_one",
        )
    )
    key = ["theme_id", "axis", "code"]
    tables = coded[coded["is_said"]].drop_duplicates([*key, "circle_id"]).groupby(key).size()
    counts = coded.groupby(key).size().rename("n_units").to_frame()
    counts["n_tables"] = tables.reindex(counts.index, fill_value=0)
    rows = counts.reset_index()
    # Numbers even without any theme.
    n_members = rows["theme_id"].map(theme_members["theme_id"].value_counts()).astype("float64")
    rows["share"] = (rows["n_units"] / n_members).round(6)
    by = ["theme_id", "axis", "n_units", "code"]
    return THEME_PROFILES.check(rows.sort_values(by, ascending=[True, True, False, True]))


def quote_themes(
    units: pd.DataFrame, tags: pd.DataFrame, themes: pd.DataFrame, theme_members: pd.DataFrame
) -> pd.DataFrame:
    """Return each theme's first quotes, then its most central passage that says a disagreement."""
    posture_of = postures_by_unit(tags)
    members = counted_members(theme_members).merge(units, on="unit_id", validate="one_to_one")
    disagreeing = members[members["text"].map(load_cues("desaccord").are_in).astype(bool)]
    by_theme = {str(name): rows for name, rows in disagreeing.groupby("theme_id")}
    rows: list[dict[str, Any]] = []
    for theme in themes.itertuples(index=False):
        quotes = json.loads(str(theme.quotes))
        said = choose_quotes(by_theme.get(str(theme.theme_id), disagreeing.head(0)), 1)
        central = [unit_id for unit_id in quotes if unit_id not in said][:N_CENTRAL]
        roles = dict.fromkeys(central, "centrale") | dict.fromkeys(said, "contraire")
        for i, (unit_id, role) in enumerate(roles.items(), start=1):
            rows.append(
                {
                    "theme_id": theme.theme_id,
                    "unit_id": unit_id,
                    "quote_order": i,
                    "role": role,
                    "posture": posture_of.get(unit_id),
                }
            )
    return THEME_QUOTES.build(rows)

"""Choose quotes for each theme, and describe it in one sentence.

In:   the members of themes, with their strength; units, tags
Out:  unit_ids, most central first; a description in French; theme_profiles (postures and
      rubriques) and theme_quotes (central passages, and one of the opposed posture)
"""

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import pandas as pd

from pipeline.files import data_path
from pipeline.tables.results import THEME_PROFILES, THEME_QUOTES
from pipeline.text import fold

_SHORT, _LONG = 5, 45  # words of a readable quote
_EXTRACT_WORDS, _SHORT_EXTRACT, _FEWEST_WORDS = 22, 16, 4  # of one clause, of each of two, of any
_N_EXTRACTS = 2
_ROOT = 6  # compared letters of a word
_CLAUSE_END = re.compile(r"\s*(?:[.;:!?…→]+|,|\s[–—-]\s)\s+|\s*[→/]\s*")
_MASK = re.compile(r"\[[^\]\n]{1,30}\]")
N_CENTRAL = 3
_OPPOSED = {
    "difficulte": ("force",),
    "demande": ("force",),
    "force": ("difficulte", "demande"),
    "proposition": ("difficulte",),
}


def choose_quotes(members: pd.DataFrame, n_quotes: int) -> list[str]:
    """Return at most `n_quotes` unit_ids, most central first, from varied tables."""
    candidates = members[["unit_id", "workshop_id", "text"]].assign(
        circle=members["table_number"].astype("string").fillna(members["document_id"]),
        worth=members["strength"] - [_flaws(text) for text in members["text"]],
    )
    candidates = candidates.sort_values(
        ["worth", "unit_id"], ascending=[False, True], kind="stable"
    )
    rows: list[dict[Any, Any]] = candidates.to_dict("records")
    chosen: list[dict[Any, Any]] = []
    while rows and len(chosen) < n_quotes:
        best = max(rows, key=lambda row: round(float(row["worth"]) - _repetition(row, chosen), 6))
        rows.remove(best)
        chosen.append(best)
    return [str(row["unit_id"]) for row in chosen]


def describe(keywords: Sequence[str], quoted: Sequence[str]) -> str:
    """Return one French sentence: the theme's subject, then a verbatim clause of two quotes.

    The clause is the one with most keywords; a single clause may be longer.
    """
    short = dict.fromkeys(_extract(text, keywords, _SHORT_EXTRACT) for text in quoted)
    extracts = list(filter(None, short))[:_N_EXTRACTS]
    if len(extracts) < _N_EXTRACTS:
        longer = (_extract(text, keywords, _EXTRACT_WORDS) for text in quoted)
        extracts = list(filter(None, longer))[:1]
    quotes = " ; ".join(f"« {extract} »" for extract in extracts)
    subjects = _listed_with_de(keywords[:3])
    if subjects and quotes:
        return f"On y parle surtout {subjects} ; {quotes}."
    if subjects:
        return f"On y parle surtout {subjects}."
    return f"On y dit : {quotes}." if quotes else ""


def _flaws(text: str) -> float:
    """Score a poor quote: too short or long, masked, shouted or cut off."""
    n_words = len(text.split())
    flaws = 0.06 * max(0, _SHORT - n_words) + 0.01 * max(0, n_words - _LONG)
    flaws += 0.1 * bool(_MASK.search(text)) + 0.05 * text.isupper()
    return flaws + 0.05 * (text[:1] in "→,;:)=+")


def _repetition(row: dict[Any, Any], chosen: Sequence[dict[Any, Any]]) -> float:
    loss = 0.0
    for other in chosen:
        same_workshop = row["workshop_id"] == other["workshop_id"]
        loss += 0.05 * same_workshop + 0.1 * (same_workshop and row["circle"] == other["circle"])
        loss += float(fold(str(row["text"])) == fold(str(other["text"])))
    return loss


def _extract(text: str, keywords: Sequence[str], most_words: int) -> str:
    """The text if short, else its clauses with most keywords; "" if masked."""
    flat = " ".join(text.split()).strip(" .;,")
    if _MASK.search(flat) or "«" in flat or len(flat.split()) < 3:
        return ""
    if len(flat.split()) <= most_words:
        return flat
    ranked = []
    for start in (0, *(match.end() for match in _CLAUSE_END.finditer(flat))):
        end = _end_of_clauses(flat, start, most_words)
        n_words = len(flat[start:end].split())
        if n_words >= _FEWEST_WORDS:
            ranked.append((_n_keywords(flat[start:end], keywords), -n_words, -start, end))
    if not ranked:
        return f"{' '.join(flat.split()[:most_words])}…"
    _, _, minus_start, end = max(ranked)
    return f"{'… ' if minus_start else ''}{flat[-minus_start:end]}{'…' if end < len(flat) else ''}"


def _end_of_clauses(flat: str, start: int, most_words: int) -> int:
    ends = [match.start() for match in _CLAUSE_END.finditer(flat) if match.start() > start]
    fitting = [end for end in [*ends, len(flat)] if len(flat[start:end].split()) <= most_words]
    return fitting[-1] if fitting else start


def _n_keywords(clause: str, keywords: Sequence[str]) -> int:
    roots = {word[:_ROOT] for word in fold(clause).split()}
    return sum(
        all(word[:_ROOT] in roots for word in fold(keyword).split() if len(word) > 2)
        for keyword in keywords
    )


def _listed_with_de(surfaces: Sequence[str]) -> str:
    """« de vélos, d'emploi et de haies »."""
    with_de = [f"d'{surface}" if _elides(surface) else f"de {surface}" for surface in surfaces]
    return " et ".join([", ".join(with_de[:-1]), with_de[-1]] if len(with_de) > 1 else with_de)


def _elides(surface: str) -> bool:
    """Whether « de » loses its vowel before `surface`."""
    word = surface.split()[0]
    first = fold(word, keep_signs=True)
    if first[0] == "h":
        return first not in _aspirated() and first.rstrip("sx") not in _aspirated()
    return first[0] in "aeiou" and not word.isupper() and not first.startswith(("oui", "onz"))


@cache
def _aspirated() -> frozenset[str]:
    lines = data_path("lexicon", "h_aspires.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(
        fold(line.strip(), keep_signs=True)
        for line in lines
        if line.strip() and not line.startswith("#")
    )


def profile_themes(
    units: pd.DataFrame, tags: pd.DataFrame, theme_members: pd.DataFrame
) -> pd.DataFrame:
    """Return units and tables by theme and code, most frequent first."""
    assigned = tags[tags["is_assigned"].astype(bool)].drop_duplicates(["unit_id", "axis", "code"])
    coded = (
        assigned[["unit_id", "axis", "code"]]
        .merge(theme_members[["unit_id", "theme_id"]], on="unit_id", validate="many_to_one")
        .merge(
            units[["unit_id", "workshop_id", "table_number"]], on="unit_id", validate="many_to_one"
        )
    )
    key = ["theme_id", "axis", "code"]
    at_tables = coded.dropna(subset="table_number")
    tables = at_tables.drop_duplicates([*key, "workshop_id", "table_number"]).groupby(key).size()
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
    """Return each theme's first quotes, then its most central passage of an opposed posture."""
    postures = tags[(tags["axis"] == "posture") & tags["is_assigned"].astype(bool)].sort_values(
        ["unit_id", "source", "code"]
    )
    posture_of = postures.drop_duplicates("unit_id", keep="last").set_index("unit_id")["code"]
    members = theme_members.merge(units, on="unit_id", validate="one_to_one")
    members["posture"] = members["unit_id"].map(posture_of)
    by_theme = {str(name): rows for name, rows in members.groupby("theme_id")}
    rows: list[dict[str, Any]] = []
    for theme in themes.itertuples(index=False):
        central = json.loads(str(theme.quotes))[:N_CENTRAL]
        opposed = _opposed(by_theme[str(theme.theme_id)], central)
        roles = ["centrale"] * len(central) + ["contraire"] * len(opposed)
        for i, (unit_id, role) in enumerate(zip([*central, *opposed], roles, strict=True), start=1):
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


def _opposed(members: pd.DataFrame, central: list[str]) -> list[str]:
    counts = members["posture"].value_counts()
    if counts.empty:
        return []
    usual = sorted(counts.index, key=lambda code: (-int(counts[code]), str(code)))[0]
    opposed = members[
        members["posture"].isin(_OPPOSED.get(str(usual), ())) & ~members["unit_id"].isin(central)
    ]
    return choose_quotes(opposed, 1)

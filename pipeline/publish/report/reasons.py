"""Why a theme ranks where it does, as a sentence that can be checked against the notes.

In:   the theme's passages in a scope and its row of priorities, how far each criterion lifts it above the scope's other themes
Out:  a sentence in French
"""

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from pipeline.publish.report.passages import Passages, n_remote
from pipeline.publish.report.places import Places
from pipeline.publish.small_counts import Mask, mask_one
from pipeline.publish.text import capitalised, count, joined, one_of, sentence, word

_NEED = ("difficulte", "demande")
_N_REASONS = 3  # after where it was said


def reasons(
    members: pd.DataFrame,
    passages: Passages,
    scope: Collection[str],
    row: Mapping[Any, Any],
    lifts: Mapping[Any, float],
    *,
    least: int,
) -> str:
    """Return where it was said, then the criteria that lift it above the average theme, strongest first; `lifts` by criterion's column.

    Under `least`, how many wrote or called after the workshop is not told.
    """
    places, of_tables = passages.places(scope), sum(passages.n_held[name] for name in scope)
    said = [said_at(members, passages, scope)]
    if len(scope) > 1:
        said.append(sentence("raisons.workshops", n=count(members["workshop_id"].nunique(), "atelier"), total=len(scope)))
    postures = passages.tags[passages.tags["axis"] == "posture"].set_index("unit_id")["code"]
    members = members.assign(posture=members["unit_id"].map(postures[~postures.index.duplicated()]))
    worded = {
        "c_rapporteurs": _rapporteurs(members),
        "c_need": _need(members),
        "c_leverage": _at_tables("raisons.leverage", row.get("c_leverage", 0.0), of_tables, places),
        "c_late": _late(members, least),
        "c_severity": _at_tables("raisons.severity", row.get("c_severity", 0.0), of_tables, places),
    }
    above = sorted((name for name in worded if worded[name] and lifts.get(name, 0.0) > 0), key=lambda name: -lifts[name])
    return capitalised(" ; ".join([joined(said), *(worded[name] for name in above[:_N_REASONS])]).replace(" ;", "\u202f;")) + "."


def said_at(members: pd.DataFrame, passages: Passages, scope: Collection[str]) -> str:
    """« dit à 3 tables sur 8 » of the workshops of `scope`, or by which ways it came where no table said it."""
    places = passages.places(scope)
    n_tables = members.loc[members["is_said"], "circle_id"].nunique()
    if n_tables:
        total = sum(passages.n_tables[name] for name in scope)
        return sentence("raisons.tables", n=places.many(n_tables), total=total, **places.words)
    ways = [
        *(word("raisons_voies", name) for name in ("mail", "telephone") if (members["channel"] == name).any()),
        *([word("raisons_voies", "resume")] if members["is_summary"].any() else []),
    ]
    return sentence("raisons.aucune_table", voies=one_of(ways) or word("raisons_voies", "distance"), **places.words)


def _rapporteurs(members: pd.DataFrame) -> str:
    summaries = members[members["is_summary"]]
    n_tables = summaries.loc[summaries["is_table"], "circle_id"].nunique()
    if n_tables:
        return sentence("raisons.rapporteurs", n=count(n_tables, "rapporteur"))
    return sentence("raisons.restitution") if len(summaries) else ""


def _late(members: pd.DataFrame, least: int) -> str:
    n_away = n_remote(members)
    if mask_one(n_away, least=least) is Mask.SMALL:
        return sentence("raisons.a_distance_peu")
    return sentence("raisons.a_distance", n=count(n_away, "contribution")) if n_away else ""


def _at_tables(key: str, share: float, of_tables: int, places: Places) -> str:
    """What a share of the scope's tables say."""
    n_tables = round(share * of_tables)
    return sentence(key, n=places.many(n_tables), **places.words) if n_tables else ""


def _need(members: pd.DataFrame) -> str:
    n_needs = int(members["posture"].isin(_NEED).sum())
    key = "raisons.need_un" if n_needs == 1 else "raisons.need"
    return sentence(key, n=count(n_needs, "passage"), total=len(members)) if n_needs else ""

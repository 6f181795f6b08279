"""Build a report's content from the tables of a study, once, so that every format says the same.

In:   the tables of the data dictionary by name (one that is missing counts as empty), grid, settings
Out:  Report
"""

import datetime
from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.grid import Grid
from pipeline.offer import tells_offers
from pipeline.publish.report.axes import axis_rows
from pipeline.publish.report.content import Report
from pipeline.publish.report.coverage import coverage, documents, rejects, set_aside
from pipeline.publish.report.passages import Passages, gather_passages
from pipeline.publish.report.people import absent_voices, attendance_rows, offer_rows, presence, workshop_facts
from pipeline.publish.report.places import Places
from pipeline.publish.report.priorities import ScopeMaker
from pipeline.publish.report.prospects import opportunities, support_needs
from pipeline.publish.report.reviewing import reviewing
from pipeline.publish.report.territories import territory_reading
from pipeline.publish.report.themes import code_rows, contrast_rows, family_rows, heats, theme_rows, trials
from pipeline.publish.text import french_date, percent, plain_name, printable, typography, word
from pipeline.rank import CRITERIA, unread_criteria
from pipeline.settings import PublishSettings, RankWeights
from pipeline.tables import TABLES
from pipeline.tokens import plain_texts

__all__ = ["Report", "build_report"]


def build_report(
    tables: Mapping[str, pd.DataFrame],
    *,
    grid: Grid,
    settings: PublishSettings,
    title: str,
    made_on: datetime.date | str,
    weights: Mapping[Any, float] | None = None,
    weighting: str = "",
) -> Report:
    """Return the report of `tables`, dated `made_on`; `weights` are those the priorities were ranked with, by default the settings' own.

    `weighting` is the name that people gave them, if any.
    """
    known = {name: tables[name] if name in tables else table.empty() for name, table in TABLES.items()}
    known["units"] = plain_texts(known["units"])  # nobody is followed from quote to quote
    passages = gather_passages(known)
    came = presence(known, passages.names, least=settings.least_count)
    used = {str(name): weight for name, weight in (RankWeights().model_dump() if weights is None else weights).items()}
    territories, contrasts = contrast_rows(known, passages)
    heard = frozenset({*passages.rows["channel"], *(["resume"] if passages.rows["is_summary"].any() else [])})
    return Report(
        title=plain_name(title),
        made_on=french_date(made_on),
        made_at=str(made_on)[:10],
        channels=heard,
        places=passages.places(passages.names),
        workshops=workshop_facts(known, passages, came),
        n_people=came.n_people,
        n_structures=came.n_structures,
        n_lists=came.n_lists,
        least_count=settings.least_count,
        n_told=settings.n_workshops,
        coverage=coverage(known, passages, grid),
        questions=tuple(
            (question.question, typography(printable(question.label)))
            for question in grid.questions
            if (known["units"]["question"] == question.question).any()
        ),
        criteria=_criteria(used, unread_criteria(grid) | _unheard(passages), passages.places(passages.names)),
        weighting=plain_name(weighting),
        scopes=ScopeMaker(known, passages, grid, settings, used).scopes(),
        axes=axis_rows(grid),
        heats=heats(passages, grid),
        territories=territories,
        contrasts=contrasts,
        reading=territory_reading(known, passages, least=settings.least_count),
        offers=offer_rows(known, passages, settings.n_annex_rows),
        tells_offers=tells_offers(grid),
        opportunities=opportunities(known, passages, grid),
        supports=support_needs(passages, grid),
        reviewing=reviewing(known, grid),
        attendance=attendance_rows(came),
        absent=absent_voices(known, passages),
        themes=theme_rows(known, passages, grid),
        families=family_rows(known, passages),
        trials=trials(known),
        set_aside=set_aside(passages, grid, settings.n_annex_rows),
        codes=code_rows(passages, grid),
        documents=documents(known, passages, settings.n_annex_rows),
        rejects=rejects(known),
    )


def _unheard(passages: Passages) -> dict[str, str]:
    """Criterion → why it has no effect, for those that read what nobody did here: speak in a room, sum up, write afterwards."""
    unheard: dict[str, str] = {}
    if not any(passages.n_held.values()):
        unheard |= dict.fromkeys(("c_tables", "c_need", "c_leverage", "c_severity"), word("sans_effet", "salle"))
    if not passages.rows["is_summary"].any():
        unheard["c_rapporteurs"] = word("sans_effet", "restitution")
    if not passages.rows["is_away"].any():
        unheard["c_late"] = word("sans_effet", "distance")
    return unheard


def _criteria(weights: Mapping[str, float], unread: Mapping[str, str], places: Places) -> tuple[tuple[str, str, str], ...]:
    """Label, share of the weights and explanation of each criterion that counts, and why it reads nothing where `unread` tells."""
    asked = {name: weights.get(name.removeprefix("c_"), 0.0) for name in CRITERIA}
    total = sum(asked.values()) or 1.0
    return tuple(
        (
            places.criterion(name)[0],
            percent(weight / total),
            " ".join([places.criterion(name)[1], *([typography(unread[name])] if name in unread else [])]),
        )
        for name, weight in asked.items()
        if weight > 0
    )

"""Lay out the needs that no known structure answers: to be checked, or confirmed by a person.

In:   Report
Out:  a section of the report; the lines of a workshop's sheet, once confirmed
"""

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipeline.publish.layout.blocks import (
    Block,
    PageDraft,
    PageParagraph,
    Quotes,
    Section,
    Terms,
    body,
    lead,
    make_section,
)
from pipeline.publish.report.content import Report, ReportQuote
from pipeline.publish.text import joined, lowered, one_line, sentence, typography
from pipeline.tables.columns import rows_of
from pipeline.tables.schema import GAP_STATES

_TO_CHECK, _CONFIRMED, _REFUSED = GAP_STATES
_N_GAPS, _N_QUOTES = 4, 2  # for half a page


def gap_section(report: Report, draft: PageDraft) -> Section:
    """Return each need with its passages and whom to ask; a line where there is none."""
    names = report.material.passages.names
    rows = _gaps(report)
    rows = rows[(rows["state"] != _REFUSED) & rows["workshop_id"].isin(names)]
    if rows.empty:
        none = PageParagraph(report.counted.sentence("lacunes.aucune"))
        return make_section("lacunes.titre", "lacunes", none)
    rows = rows.assign(
        is_open=rows["state"] == _TO_CHECK,
        place=rows["workshop_id"].map({name: i for i, name in enumerate(names)}),
    ).sort_values(["is_open", "n_tables", "place"], ascending=[True, False, True], kind="stable")
    blocks: list[Block] = [lead("lacunes.intro", n=len(rows))]
    for row in rows_of(rows.head(_N_GAPS)):
        blocks += _gap(row, report, draft)
    others = [_heading(row, report) for row in rows_of(rows.iloc[_N_GAPS:])]
    if others:
        blocks.append(body("lacunes.suite", besoins=" ; ".join(others)))
    return make_section("lacunes.titre", "lacunes", *blocks)


def confirmed_lines(report: Report, workshop: str) -> tuple[PageParagraph, ...]:
    """Return a line for each need of a workshop that a person confirmed."""
    rows = _gaps(report)
    names = rows["workshop_id"].map(report.material.passages.names)
    confirmed = rows[(names == workshop) & (rows["state"] == _CONFIRMED)]
    titles = map(lowered, map(typography, confirmed["title"]))
    return tuple(body("lacunes.sur_la_fiche", besoin=title) for title in titles)


def _gaps(report: Report) -> pd.DataFrame:
    return report.material.tables["gaps"]


def _gap(row: Any, report: Report, draft: PageDraft) -> Iterator[Block]:
    """A need that is quoted elsewhere already keeps one passage here: it is what to check."""
    words = report.material.passages.words([row.workshop_id])
    key = "lacunes.confirmee" if row.state == _CONFIRMED else "lacunes.a_verifier"
    said = words.sentence(key, ou=words.count(row.n_tables), structures=_to_ask(row, report))
    yield Terms(((_heading(row, report), said),))
    quotes = _quotes(row, report)
    yield Quotes(draft.quote(quotes, _N_QUOTES) or tuple(quotes[:1]))


def _heading(row: Any, report: Report) -> str:
    workshop = report.material.passages.names[row.workshop_id]
    return sentence("lacunes.intitule", besoin=typography(row.title), atelier=workshop)


def _quotes(row: Any, report: Report) -> list[ReportQuote]:
    """The surest passage of each table first."""
    order = {unit_id: i for i, unit_id in enumerate(json.loads(row.quotes))}
    rows = report.material.passages.rows
    rows = rows[rows["unit_id"].isin(order)]
    rows = rows.assign(order=rows["unit_id"].map(order)).sort_values("order")
    rows = rows.assign(turn=rows.groupby("circle_id").cumcount()).sort_values(["turn", "order"])
    return [ReportQuote(unit.text, unit.where) for unit in rows_of(rows)]


def _to_ask(row: Any, report: Report) -> str:
    structures = report.material.tables["structures"]
    name_of = dict(zip(structures["structure_id"], structures["name"], strict=True))
    names = [one_line(name_of[one]) for one in json.loads(row.ask) if one in name_of]
    return joined(names) or sentence("lacunes.personne_a_demander")

"""Say what a report without tables is made from: minutes, a survey, a debate and letters."""

import re

import pandas as pd

from pipeline import counting
from pipeline.publish.layout.blocks import PageParagraph, body
from pipeline.publish.report.content import Report
from pipeline.publish.text import joined, sentence, texts
from pipeline.text import fold


def given_paragraph(report: Report) -> tuple[PageParagraph, ...]:
    """Return « Ce qui a été lu : un débat transcrit et 15 contributions écrites. »

    Nothing where some file has tables: its words say what it is.
    """
    if report.counted.has_tables or not report.material.passages.kinds:
        return ()
    sources = sources_of(report)
    return (body("materiau.lu", sources=joined(sources)),) if sources else ()


def sources_of(report: Report) -> list[str]:
    """Return what was read, in words: « 57 réponses à un questionnaire »."""
    passages, documents = report.material.passages, report.material.tables["documents"]
    documents = documents[documents["document_id"].isin(passages.rows["document_id"])]
    kinds = documents["workshop_id"].map(passages.kinds)
    n_answers = sum(
        n for name, n in passages.n_tables.items() if passages.kinds[name] == counting.RESPONDENTS
    )
    parts = [("reponses", n_answers)]
    people = documents[(kinds == counting.CONTRIBUTORS) & ~_are_attached(documents)]
    is_transcript = people["channel"] == "transcript"
    n_debates = int(is_transcript.sum())
    parts += [("debat" if n_debates == 1 else "debats", n_debates)]
    parts += [("contributions", int((~is_transcript).sum()))]
    others = documents[(kinds == counting.DOCUMENTS) & ~_are_attached(documents)]
    names = others["path"] + " " + others["title"].fillna("")
    minutes = re.compile(texts()["materiau"]["compte_rendu"])
    n_minutes = sum(minutes.search(fold(name)) is not None for name in names)
    is_mostly_minutes = 2 * n_minutes > len(others)
    parts += [("comptes_rendus" if is_mostly_minutes else "documents", len(others))]
    return [sentence(f"materiau.{key}", n=n) for key, n in parts if n]


def _are_attached(documents: pd.DataFrame) -> pd.Series:
    """Whether each document came in a mail that is itself a document."""
    paths = set(documents["path"])
    return documents["path"].map(lambda path: path.rpartition("#")[0] in paths).astype(bool)

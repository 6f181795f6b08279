"""Lay out a study that has no theme: its passages by question, and what comes back."""

from collections.abc import Collection

from pipeline.publish.layout.blocks import (
    Block,
    PageDraft,
    PageParagraph,
    PageTable,
    Section,
    body,
    lead,
    make_section,
    note,
)
from pipeline.publish.report.content import QuestionPassages, Report, WithoutThemes
from pipeline.publish.text import joined, number, provisional, quoted, sentence, shortened


def notice(report: Report) -> str:
    """Say that a program proposed what the report shows, and how much of it people reviewed."""
    said = provisional(report.coverage.n_reviewed_tags, has_themes=not report.without_themes)
    unsure = "" if report.tells_questions else f" {sentence('rapport.sans_question')}"
    return said + unsure


def why_sentence(here: WithoutThemes) -> str:
    """Say why there is no theme, and what is shown instead."""
    return f"{here.why} {sentence('sans_theme.montre')}" if here.questions else here.why


def passage_section(report: Report, draft: PageDraft) -> Section:
    """Return every passage in a table a question; nothing for a study with themes."""
    here = report.without_themes
    tables: list[Block] = []
    for question in here.questions if here else ():
        tables.append(question_table(question, report, draft))
        if len(question.passages) < question.n_all:
            shown, total = number(len(question.passages)), number(question.n_all)
            tables.append(note("sans_theme.coupe", montres=shown, total=total))
    intro = [lead("sans_theme.intro", n=report.coverage.n_units)] if tables else []
    return make_section("sans_theme.titre", "passages", *intro, *tables)


def question_table(
    question: QuestionPassages,
    report: Report,
    draft: PageDraft,
    *,
    n_chars: int | None = None,
) -> PageTable:
    """Return the passages of a question, cut to `n_chars` characters if given."""
    is_usual = all(axis.is_standard for axis in report.axes)
    nothing = sentence("sans_theme.sans_rubrique" if is_usual else "sans_theme.sans_code")
    workshops = {workshop.name for workshop in report.workshops}
    rows = [
        (
            said.codes or nothing,
            quoted(shortened(said.text, n_chars) if n_chars else said.text),
            joined_place(said.workshop, said.where, workshops),
        )
        for said in question.passages
    ]
    columns = {"rubriques" if is_usual else "codes": 2.2, "passage": 5.4, "lieu": 1.6}
    return draft.table("legendes.question", columns, rows, question=question.title)


def joined_place(workshop: str, where: str, workshops: Collection[str]) -> str:
    """Return « Retz, table 2 », or « table 2 » where there is one workshop."""
    return ", ".join(filter(None, (workshop if len(workshops) > 1 else "", where)))


def repeat_section(report: Report, draft: PageDraft) -> Section:
    """Return the passages and words that come back; nothing for a study with themes."""
    here = report.without_themes
    blocks = _repeats(here, report, draft) if here and here.questions else []
    return make_section("sans_theme.revient", "revient", *blocks)


def _repeats(here: WithoutThemes, report: Report, draft: PageDraft) -> list[Block]:
    words = report.counted
    blocks: list[Block] = [body("sans_theme.rien_ne_revient")]
    if here.repeats:
        rows = []
        for repeat in here.repeats:
            texts = "\n".join(map(quoted, repeat.texts))
            rows.append((texts, repeat.said, number(repeat.n_units)))
        columns = {"passage": 6.0, words.column: 1.4, "passages": 1.2}
        table = draft.table("legendes.revient", columns, rows, (words.column, "passages"))
        blocks = [body("sans_theme.revient_intro"), table]
    if here.words:
        returning = [f"{one.word} ({one.said})" for one in here.words]
        blocks.append(PageParagraph(words.sentence("sans_theme.mots", mots=joined(returning))))
    return blocks

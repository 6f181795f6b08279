"""The lists: offers, all themes, passages set aside, codes of the grid, documents; each says when it is cut short."""

from typing import Any

from pipeline.publish.layout.blocks import Block, Paragraph, Section
from pipeline.publish.layout.numbering import Numbering
from pipeline.publish.report.content import Capped, Report, ThemeRow
from pipeline.publish.text import count, number, quoted, sentence, shown_rows


def offer_section(report: Report, numbering: Numbering) -> Section:
    """Existing activities with their quantities."""
    title = sentence("titres.offre")
    if not report.offers.rows:
        return Section(title, "offre", (Paragraph(sentence("offre.aucune" if report.tells_offers else "offre.sans_rubrique")),))
    columns = {"activite": 2.4, "quantite": 1.8, "structure": 1.8, "territoire": 1.6, "passage": 3.4}
    rows = [(row.activity, row.quantity or "–", row.structure or "–", row.territory, quoted(row.passage)) for row in report.offers.rows]
    sums = {"secteur": 2.6, "activites": 1.1, "structures": 1.1, "quantites": 4.4}
    sectors = numbering.table(sentence("legendes.secteurs"), sums, report.reading.sectors, numbers=("activites", "structures"))
    blocks = (Paragraph(sentence("offre.intro"), "lead"), sectors, Paragraph(sentence("offre.secteurs_intro"), "note"))
    table = numbering.table(sentence("legendes.offre"), columns, rows)
    return Section(title, "offre", (*blocks, table, *_cut(report.offers, "offers")))


def _families(report: Report, numbering: Numbering) -> tuple[Block, ...]:
    """What the themes come to in a few lines; nothing where they make no family."""
    if not report.families:
        return ()
    columns = {"famille": 3, "themes": 6, "passages": 1.3, report.places.column: 1.1}
    rows = [(row.label, " ; ".join(row.themes), number(row.n_units), number(row.n_tables)) for row in report.families]
    intro = sentence(
        "themes.familles", themes=count(len(report.themes), "thème"), familles=count(len(rows), "famille"), **report.places.words
    )
    return Paragraph(intro, "lead"), numbering.table(
        sentence("legendes.familles"), columns, rows, numbers=("passages", report.places.column)
    )


def _said_of(row: ThemeRow) -> list[str]:
    """What a theme is about, its keywords, its family and its profile on the grid's own axes, a line each."""
    keywords = [sentence("themes.mots_cles", mots=row.keywords)] if row.keywords else []
    family = [sentence("themes.famille", famille=row.family)] if row.family else []
    return [row.description, *keywords, *family, *row.profile]


def theme_section(report: Report, numbering: Numbering) -> Section:
    """The families of themes, then every theme."""
    columns = {"theme": 2.6, "description": 4.6, "stabilite": 1.4, "passages": 1.35, report.places.column: 1.1, "ateliers": 1.2}
    rows = [
        (
            row.label,
            "\n".join(_said_of(row)),
            row.stability,
            *map(number, (row.n_units, row.n_tables, row.n_workshops)),
        )
        for row in report.themes
    ]
    intro = Paragraph(sentence("themes.intro", themes=count(len(rows), "thème")), "lead")
    families = _families(report, numbering)
    table = numbering.table(sentence("legendes.themes"), columns, rows, numbers=("passages", report.places.column, "ateliers"))
    return Section(sentence("titres.themes"), "themes", (*families, intro, table) if rows else (Paragraph(sentence("priorites.aucune")),))


def set_aside_section(report: Report, numbering: Numbering) -> Section:
    """Passages in no theme, in their own words."""
    title = sentence("titres.annexe_passages")
    if not report.set_aside.rows:
        return Section(title, "annexe-passages", (Paragraph(sentence("annexes.aucun_passage")),))
    rows = [(row.where, quoted(row.text), row.codes or "–") for row in report.set_aside.rows]
    codes = "rubriques" if all(axis.is_standard for axis in report.axes) else "codes"
    table = numbering.table(sentence("legendes.passages"), {"lieu": 2.2, "passage": 5, codes: 2.4}, rows)
    return Section(title, "annexe-passages", (Paragraph(sentence("annexes.passages"), "lead"), table, *_cut(report.set_aside, "passages")))


def code_section(report: Report, numbering: Numbering) -> Section:
    """One table an axis of the grid."""
    columns = {"code": 2.4, "definition": 4.6, "passages": 1.35, report.places.column: 1.1, "ateliers": 1.2}
    blocks: list[Block] = [Paragraph(sentence("annexes.codes", **report.places.words), "lead")]
    for axis in report.axes:
        rows = [
            (row.label, row.definition, *map(number, (row.n_units, row.n_tables, row.n_workshops)))
            for row in report.codes
            if row.axis == axis.axis
        ]
        if not axis.is_standard:
            choice = sentence("annexes.un_code" if axis.is_exclusive else "annexes.plusieurs_codes", axe=axis.label)
            blocks.append(Paragraph(f"{choice} {axis.definition}".strip(), "note"))
        blocks.append(
            numbering.table(
                sentence("legendes.codes", axe=axis.label, **report.places.words),
                columns,
                rows,
                numbers=("passages", report.places.column, "ateliers"),
            )
        )
    return Section(sentence("titres.annexe_codes"), "annexe-codes", tuple(blocks))


def document_section(report: Report, numbering: Numbering) -> Section:
    """Documents that were read."""
    rows = [(row.title, row.workshop, row.channel, number(row.n_units)) for row in report.documents.rows]
    columns = {"document": 3, "atelier": 2, "canal": 1.6, "passages": 1}
    table = numbering.table(sentence("legendes.documents"), columns, rows, numbers=("passages",))
    blocks: tuple[Block, ...] = (Paragraph(sentence("annexes.documents"), "lead"), table, *_cut(report.documents, "documents"))
    return Section(sentence("titres.annexe_documents"), "annexe-documents", blocks)


def _cut(rows: Capped[Any], table: str) -> tuple[Paragraph, ...]:
    """A line that says how much is not shown and where it is; nothing where all is shown."""
    if len(rows.rows) == rows.n_all:
        return ()
    return (
        Paragraph(sentence("annexes.coupe", montres=shown_rows(len(rows.rows)), total=number(rows.n_all), fichier=f"{table}.csv"), "note"),
    )

"""The lists: offers, all themes, passages set aside, codes of the grid, documents; each says when it is cut short.

How to read the report, in plain words, and what became of every passage and file.
"""

from typing import Any

from pipeline.publish.layout.blocks import Block, Numbering, Paragraph, Section, Terms
from pipeline.publish.report.content import Capped, Report, ThemeRow
from pipeline.publish.report.passages import names_of
from pipeline.publish.text import (
    FRAGILE,
    NBSP,
    SOLID,
    count,
    joined,
    number,
    percent,
    quoted,
    sentence,
    shown_rows,
    stabilities,
    word,
)


def offer_section(report: Report, numbering: Numbering) -> Section:
    """Existing activities with their quantities."""
    title = sentence("titres.offre")
    if not report.offers.rows:
        return Section(
            title,
            "offre",
            (
                Paragraph(
                    sentence("offre.aucune" if report.tells_offers else "offre.sans_rubrique")
                ),
            ),
        )
    columns = {
        "activite": 2.4,
        "quantite": 1.8,
        "structure": 1.8,
        "territoire": 1.6,
        "passage": 3.4,
    }
    rows = [
        (
            row.activity,
            row.quantity or "–",
            row.structure or "–",
            row.territory,
            quoted(row.passage),
        )
        for row in report.offers.rows
    ]
    sums = {"secteur": 2.6, "activites": 1.1, "structures": 1.1, "quantites": 4.4}
    sectors = numbering.table(
        sentence("legendes.secteurs"),
        sums,
        report.reading.sectors,
        numbers=("activites", "structures"),
    )
    blocks = (
        Paragraph(sentence("offre.intro"), "lead"),
        sectors,
        Paragraph(sentence("offre.secteurs_intro"), "note"),
    )
    table = numbering.table(sentence("legendes.offre"), columns, rows)
    return Section(title, "offre", (*blocks, table, *_cut(report.offers, "offers")))


def _families(report: Report, numbering: Numbering) -> tuple[Block, ...]:
    """What the themes come to in a few lines; nothing where they make no family."""
    if not report.families:
        return ()
    columns = {"famille": 3, "themes": 6, "passages": 1.3, report.places.column: 1.1}
    rows = [
        (row.label, " ; ".join(row.themes), number(row.n_units), number(row.n_tables))
        for row in report.families
    ]
    intro = sentence(
        "themes.familles",
        themes=count(len(report.themes), "thème"),
        familles=count(len(rows), "famille"),
        **report.places.words,
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
    columns = {
        "theme": 2.6,
        "description": 4.6,
        "stabilite": 1.4,
        "passages": 1.35,
        report.places.column: 1.1,
        "ateliers": 1.2,
    }
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
    table = numbering.table(
        sentence("legendes.themes"),
        columns,
        rows,
        numbers=("passages", report.places.column, "ateliers"),
    )
    return Section(
        sentence("titres.themes"),
        "themes",
        (*families, intro, table) if rows else (Paragraph(sentence("priorites.aucune")),),
    )


def set_aside_section(report: Report, numbering: Numbering) -> Section:
    """Passages in no theme, in their own words."""
    title = sentence("titres.annexe_passages")
    if not report.set_aside.rows:
        return Section(title, "annexe-passages", (Paragraph(sentence("annexes.aucun_passage")),))
    rows = [(row.where, quoted(row.text), row.codes or "–") for row in report.set_aside.rows]
    codes = "rubriques" if all(axis.is_standard for axis in report.axes) else "codes"
    table = numbering.table(
        sentence("legendes.passages"), {"lieu": 2.2, "passage": 5, codes: 2.4}, rows
    )
    return Section(
        title,
        "annexe-passages",
        (
            Paragraph(sentence("annexes.passages"), "lead"),
            table,
            *_cut(report.set_aside, "passages"),
        ),
    )


def code_section(report: Report, numbering: Numbering) -> Section:
    """One table an axis of the grid."""
    columns = {
        "code": 2.4,
        "definition": 4.6,
        "passages": 1.35,
        report.places.column: 1.1,
        "ateliers": 1.2,
    }
    blocks: list[Block] = [Paragraph(sentence("annexes.codes", **report.places.words), "lead")]
    for axis in report.axes:
        rows = [
            (row.label, row.definition, *map(number, (row.n_units, row.n_tables, row.n_workshops)))
            for row in report.codes
            if row.axis == axis.axis
        ]
        if not axis.is_standard:
            choice = sentence(
                "annexes.un_code" if axis.is_exclusive else "annexes.plusieurs_codes",
                axe=axis.label,
            )
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
    rows = [
        (row.title, row.workshop, row.channel, number(row.n_units)) for row in report.documents.rows
    ]
    columns = {"document": 3, "atelier": 2, "canal": 1.6, "passages": 1}
    table = numbering.table(sentence("legendes.documents"), columns, rows, numbers=("passages",))
    blocks: tuple[Block, ...] = (
        Paragraph(sentence("annexes.documents"), "lead"),
        table,
        *_cut(report.documents, "documents"),
    )
    return Section(sentence("titres.annexe_documents"), "annexe-documents", blocks)


def _cut(rows: Capped[Any], table: str) -> tuple[Paragraph, ...]:
    """A line that says how much is not shown and where it is; nothing where all is shown."""
    if len(rows.rows) == rows.n_all:
        return ()
    return (
        Paragraph(
            sentence(
                "annexes.coupe",
                montres=shown_rows(len(rows.rows)),
                total=number(rows.n_all),
                fichier=f"{table}.csv",
            ),
            "note",
        ),
    )


def method_section(report: Report, numbering: Numbering) -> Section:
    """Method, then coverage, then what could not be read."""
    parts = [
        _from_notes(report),
        _counting(report),
        _sureness(report, numbering),
        _decided(report, numbering),
        _coverage(report, numbering),
    ]
    if report.rejects:
        parts.append(_rejects(report, numbering))
    parts.append(_limits(report))
    return Section(sentence("titres.methode"), "methode", (), tuple(parts))


def _from_notes(report: Report) -> Section:
    documents, passages = (
        count(report.documents.n_all, "document"),
        count(report.coverage.n_units, "passage"),
    )
    blocks: list[Block] = [
        Paragraph(sentence("methode.sources", documents=documents, passages=passages))
    ]
    if report.questions:
        blocks.append(
            Paragraph(
                sentence("methode.questions", questions=count(len(report.questions), "question"))
            )
        )
        blocks.append(
            Terms(
                tuple(
                    (f"«{NBSP}{word('questions', name)}{NBSP}»", label)
                    for name, label in report.questions
                )
            )
        )
    blocks.append(Paragraph(sentence("methode.etiquettes", axes=", ".join(names_of(report.axes)))))
    return Section(sentence("methode.sources_titre"), "sources", tuple(blocks))


def _counting(report: Report) -> Section:
    criteria = tuple(
        (f"{label} ({weight})", explanation) for label, weight, explanation in report.criteria
    )
    chosen = (
        (Paragraph(sentence("methode.ponderation", nom=report.weighting)),)
        if report.weighting
        else ()
    )
    blocks = (
        Paragraph(counted_by(report)),
        Paragraph(sentence("methode.score")),
        Terms(criteria),
        *chosen,
        Paragraph(sentence("methode.phrase")),
    )
    return Section(sentence("methode.tables_titre", **report.places.words), "comptage", blocks)


def counted_by(report: Report) -> str:
    """What priorities count, and what becomes of announced tables where there are any."""
    counted = sentence("methode.tables", **report.places.words)
    return (
        f"{counted} {sentence('methode.tables_muettes')}"
        if any(workshop.n_tables for workshop in report.workshops)
        else counted
    )


def _sureness(report: Report, numbering: Numbering) -> Section:
    stability = sentence("methode.stabilite", solide=percent(SOLID), fragile=percent(FRAGILE))
    blocks: list[Block] = [
        Paragraph(sentence("methode.rangs", **report.places.words)),
        Paragraph(stability),
    ]
    if report.trials:
        verdicts = stabilities(theme.stability for theme in report.themes)
        blocks.append(
            Paragraph(
                sentence(
                    "methode.essais", themes=count(len(report.themes), "thème"), verdicts=verdicts
                )
            )
        )
        rows = [(trial.name, number(trial.index, 2), trial.sentence) for trial in report.trials]
        columns = {"essai": 2.0, "ressemblance": 1.2, "lecture": 4.0}
        blocks.append(
            numbering.table(sentence("legendes.essais"), columns, rows, numbers=["ressemblance"])
        )
    return Section(sentence("methode.rangs_titre"), "solidite", tuple(blocks))


def _decided(report: Report, numbering: Numbering) -> Section:
    """What the machine put, what people made of it, and how far they agree."""
    done = report.reviewing
    put = sentence(
        "relectures.machine_a_mis",
        etiquettes=count(done.n_machine, "étiquette"),
        themes=count(len(report.themes), "thème"),
    )
    counts = {
        "confirmees": done.n_confirmed,
        "ajoutees": done.n_added,
        "refusees": done.n_refused,
        "sur_themes": done.n_on_themes,
    }
    nouns = {"sur_themes": "décision"}
    told = [
        sentence(f"relectures.{name}", n=count(n, nouns.get(name, "étiquette")))
        for name, n in counts.items()
        if n
    ]
    people = (
        sentence("relectures.personnes", decisions=joined(told))
        if told
        else sentence("relectures.personne")
    )
    blocks: list[Block] = [Paragraph(f"{put} {people}")]
    if not done.agreements:
        return Section(
            sentence("relectures.titre"),
            "relectures",
            (*blocks, Paragraph(sentence("relectures.sans_accord"))),
        )
    rows = [
        (
            f"{row.first} – {row.second}",
            row.axis,
            number(row.n_units),
            sentence(
                "relectures.f1",
                f1=number(row.f1, 2),
                bas=number(row.low, 2),
                haut=number(row.high, 2),
            ),
        )
        for row in done.agreements
    ]
    columns = {"codeurs": 3, "axe": 2, "passages": 1.2, "accord": 3}
    table = numbering.table(sentence("legendes.accords"), columns, rows, numbers=["passages"])
    return Section(
        sentence("relectures.titre"),
        "relectures",
        (*blocks, Paragraph(sentence("relectures.accord")), table),
    )


def _limits(report: Report) -> Section:
    """What the report does not tell; of differences between territories only where there are several."""
    notes = ["notes"] if report.channels & {"notes", "postit", "resume", "telephone"} else []
    names = [
        *notes,
        "presents",
        "programme",
        *(["ecarts"] if len(report.territories) > 1 else []),
        "personnes",
    ]
    words = report.places.words
    entries = tuple(
        (sentence(f"limites.{name}_titre", **words), sentence(f"limites.{name}", **words))
        for name in names
    )
    return Section(sentence("limites.titre"), "limites", (Terms(entries),))


def _coverage(report: Report, numbering: Numbering) -> Section:
    here = report.coverage
    rows = [
        (word("colonnes", "dans_theme"), here.n_themed_coded, here.n_themed_uncoded, here.n_themed),
        (word("colonnes", "mis_a_part"), here.n_aside_coded, here.n_aside_uncoded, here.n_aside),
        (word("colonnes", "ensemble"), here.n_coded, here.n_units - here.n_coded, here.n_units),
    ]
    is_usual = all(axis.is_standard for axis in report.axes)
    telling = [axis for axis in report.axes if not axis.is_exclusive] or report.axes
    columns = {
        "devenir": 3.0,
        "avec_code" if is_usual else "avec_un_code": 2.2,
        "sans_code": 1.0,
        "ensemble": 1.0,
    }
    counted: list[Block] = (
        []
        if is_usual
        else [
            Paragraph(sentence("methode.couverture_codes", axes=joined(names_of(telling))), "note")
        ]
    )
    cells = [(name, *map(number, numbers)) for name, *numbers in rows]
    n_rejects = len(report.rejects)
    rejects = (
        sentence("methode.aucun_rejet")
        if not n_rejects
        else count(n_rejects, word("methode", "rejet"), word("methode", "rejets"))
    )
    blocks: tuple[Block, ...] = (
        Paragraph(
            sentence(
                "methode.lecture",
                documents=count(report.documents.n_all, "document lu", "documents lus"),
                rejets=rejects,
            )
        ),
        Paragraph(sentence("methode.couverture", passages=count(here.n_units, "passage"))),
        numbering.table(sentence("legendes.couverture"), columns, cells, numbers=list(columns)[1:]),
        *counted,
        Paragraph(sentence("methode.couverture_note"), "note"),
    )
    return Section(sentence("titres.lecture"), "couverture", blocks)


def _rejects(report: Report, numbering: Numbering) -> Section:
    rows = [(row.path, row.reason, row.advice) for row in report.rejects]
    table = numbering.table(
        sentence("legendes.rejets"), {"fichier": 3, "raison": 3, "conseil": 3}, rows
    )
    return Section(sentence("titres.non_lus"), "non-lus", (table,))

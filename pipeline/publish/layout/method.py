"""How to read the report, in plain words, and what became of every passage and file."""

from pipeline.publish.layout.blocks import Block, Paragraph, Section, Terms
from pipeline.publish.layout.numbering import Numbering
from pipeline.publish.report.axes import names_of
from pipeline.publish.report.content import Report
from pipeline.publish.text import FRAGILE, NBSP, SOLID, count, joined, number, percent, sentence, stabilities, word


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
    documents, passages = count(report.documents.n_all, "document"), count(report.coverage.n_units, "passage")
    blocks: list[Block] = [Paragraph(sentence("methode.sources", documents=documents, passages=passages))]
    if report.questions:
        blocks.append(Paragraph(sentence("methode.questions", questions=count(len(report.questions), "question"))))
        blocks.append(Terms(tuple((f"«{NBSP}{word('questions', name)}{NBSP}»", label) for name, label in report.questions)))
    blocks.append(Paragraph(sentence("methode.etiquettes", axes=", ".join(names_of(report.axes)))))
    return Section(sentence("methode.sources_titre"), "sources", tuple(blocks))


def _counting(report: Report) -> Section:
    criteria = tuple((f"{label} ({weight})", explanation) for label, weight, explanation in report.criteria)
    chosen = (Paragraph(sentence("methode.ponderation", nom=report.weighting)),) if report.weighting else ()
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
    return f"{counted} {sentence('methode.tables_muettes')}" if any(workshop.n_tables for workshop in report.workshops) else counted


def _sureness(report: Report, numbering: Numbering) -> Section:
    stability = sentence("methode.stabilite", solide=percent(SOLID), fragile=percent(FRAGILE))
    blocks: list[Block] = [Paragraph(sentence("methode.rangs", **report.places.words)), Paragraph(stability)]
    if report.trials:
        verdicts = stabilities(theme.stability for theme in report.themes)
        blocks.append(Paragraph(sentence("methode.essais", themes=count(len(report.themes), "thème"), verdicts=verdicts)))
        rows = [(trial.name, number(trial.index, 2), trial.sentence) for trial in report.trials]
        columns = {"essai": 2.0, "ressemblance": 1.2, "lecture": 4.0}
        blocks.append(numbering.table(sentence("legendes.essais"), columns, rows, numbers=["ressemblance"]))
    return Section(sentence("methode.rangs_titre"), "solidite", tuple(blocks))


def _decided(report: Report, numbering: Numbering) -> Section:
    """What the machine put, what people made of it, and how far they agree."""
    done = report.reviewing
    put = sentence("relectures.machine_a_mis", etiquettes=count(done.n_machine, "étiquette"), themes=count(len(report.themes), "thème"))
    counts = {"confirmees": done.n_confirmed, "ajoutees": done.n_added, "refusees": done.n_refused, "sur_themes": done.n_on_themes}
    nouns = {"sur_themes": "décision"}
    told = [sentence(f"relectures.{name}", n=count(n, nouns.get(name, "étiquette"))) for name, n in counts.items() if n]
    people = sentence("relectures.personnes", decisions=joined(told)) if told else sentence("relectures.personne")
    blocks: list[Block] = [Paragraph(f"{put} {people}")]
    if not done.agreements:
        return Section(sentence("relectures.titre"), "relectures", (*blocks, Paragraph(sentence("relectures.sans_accord"))))
    rows = [
        (
            f"{row.first} – {row.second}",
            row.axis,
            number(row.n_units),
            sentence("relectures.f1", f1=number(row.f1, 2), bas=number(row.low, 2), haut=number(row.high, 2)),
        )
        for row in done.agreements
    ]
    columns = {"codeurs": 3, "axe": 2, "passages": 1.2, "accord": 3}
    table = numbering.table(sentence("legendes.accords"), columns, rows, numbers=["passages"])
    return Section(sentence("relectures.titre"), "relectures", (*blocks, Paragraph(sentence("relectures.accord")), table))


def _limits(report: Report) -> Section:
    """What the report does not tell; of differences between territories only where there are several."""
    notes = ["notes"] if report.channels & {"notes", "postit", "resume", "telephone"} else []
    names = [*notes, "presents", "programme", *(["ecarts"] if len(report.territories) > 1 else []), "personnes"]
    words = report.places.words
    entries = tuple((sentence(f"limites.{name}_titre", **words), sentence(f"limites.{name}", **words)) for name in names)
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
    columns = {"devenir": 3.0, "avec_code" if is_usual else "avec_un_code": 2.2, "sans_code": 1.0, "ensemble": 1.0}
    counted: list[Block] = [] if is_usual else [Paragraph(sentence("methode.couverture_codes", axes=joined(names_of(telling))), "note")]
    cells = [(name, *map(number, numbers)) for name, *numbers in rows]
    n_rejects = len(report.rejects)
    rejects = sentence("methode.aucun_rejet") if not n_rejects else count(n_rejects, word("methode", "rejet"), word("methode", "rejets"))
    blocks: tuple[Block, ...] = (
        Paragraph(sentence("methode.lecture", documents=count(report.documents.n_all, "document lu", "documents lus"), rejets=rejects)),
        Paragraph(sentence("methode.couverture", passages=count(here.n_units, "passage"))),
        numbering.table(sentence("legendes.couverture"), columns, cells, numbers=list(columns)[1:]),
        *counted,
        Paragraph(sentence("methode.couverture_note"), "note"),
    )
    return Section(sentence("titres.lecture"), "couverture", blocks)


def _rejects(report: Report, numbering: Numbering) -> Section:
    rows = [(row.path, row.reason, row.advice) for row in report.rejects]
    table = numbering.table(sentence("legendes.rejets"), {"fichier": 3, "raison": 3, "conseil": 3}, rows)
    return Section(sentence("titres.non_lus"), "non-lus", (table,))

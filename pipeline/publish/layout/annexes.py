"""Lay out the method, what became of passages and files, and the long lists."""

from pipeline.publish.layout.blocks import (
    Block,
    PageDraft,
    PageParagraph,
    Section,
    Terms,
    body,
    lead,
    make_section,
    note,
)
from pipeline.publish.report.content import CappedRows, Report, Rows, ThemeRow
from pipeline.publish.report.passages import RESPONDENTS
from pipeline.publish.text import (
    FRAGILE,
    NBSP,
    SOLID,
    count,
    joined,
    number,
    percent,
    sentence,
    shown_rows,
    stabilities,
    word,
)


def method_section(report: Report, draft: PageDraft) -> Section:
    """Return method, coverage, then unread files."""
    parts = [_sources(report)]
    if not report.without_themes:
        parts += [_counting(report), _sureness(report, draft)]
    parts += [_decided(report, draft), _coverage(report, draft)]
    if report.rejects:
        columns = {"fichier": 3, "raison": 3, "conseil": 3}
        table = draft.table("legendes.rejets", columns, report.rejects)
        parts.append(make_section("titres.non_lus", "non-lus", table))
    return make_section("titres.methode", "methode", sections=[*parts, _limits(report)])


def _sources(report: Report) -> Section:
    n_documents, n_units = report.documents.n_all, report.coverage.n_units
    blocks: list[Block] = [body("methode.sources", documents=n_documents, passages=n_units)]
    if report.questions:
        entries = [
            (f"«{NBSP}{word('questions', name)}{NBSP}»", label) for name, label in report.questions
        ]
        blocks.append(body("methode.questions", questions=count(len(entries), "question")))
        blocks.append(Terms(tuple(entries)))
    names = ", ".join(axis.name for axis in report.axes)
    grouping = "" if report.without_themes else f" {sentence('methode.themes')}"
    blocks.append(PageParagraph(sentence("methode.etiquettes", axes=names) + grouping))
    return make_section("methode.sources_titre", "sources", *blocks)


def _counting(report: Report) -> Section:
    criteria = [
        (f"{label} ({weight})", explanation) for label, weight, explanation in report.criteria
    ]
    weighting = [body("methode.ponderation", nom=report.weighting)] if report.weighting else []
    blocks: tuple[Block, ...] = (
        PageParagraph(counted_by(report)),
        body("methode.score"),
        Terms(tuple(criteria)),
        *weighting,
        body("methode.phrase"),
    )
    return Section(report.counted.sentence("methode.tables_titre"), "comptage", blocks)


def counted_by(report: Report) -> str:
    """Say what priorities count, and how announced tables count."""
    text = report.counted.sentence("methode.tables")
    if any(workshop.n_tables for workshop in report.workshops):
        return f"{text} {sentence('methode.tables_muettes')}"
    return text


def _sureness(report: Report, draft: PageDraft) -> Section:
    blocks: list[Block] = [
        PageParagraph(report.counted.sentence("methode.rangs")),
        body("methode.stabilite", solide=percent(SOLID), fragile=percent(FRAGILE)),
        PageParagraph(report.counted.sentence("methode.comptes")),
    ]
    if report.trials:
        themes = count(len(report.themes), "thème")
        verdicts = stabilities(theme.stability for theme in report.themes)
        columns = {"essai": 2.0, "ressemblance": 1.2, "lecture": 4.0}
        blocks += [
            body("methode.essais", themes=themes, verdicts=verdicts),
            draft.table("legendes.essais", columns, report.trials, numbers=["ressemblance"]),
        ]
    return make_section("methode.rangs_titre", "solidite", *blocks)


def _decided(report: Report, draft: PageDraft) -> Section:
    done = report.reviewing
    tags, themes = count(done.n_machine, "étiquette"), count(len(report.themes), "thème")
    key = "machine_a_etiquete" if report.without_themes else "machine_a_mis"
    put = sentence(f"relectures.{key}", etiquettes=tags, themes=themes)
    counts = (
        ("confirmees", done.n_confirmed, "étiquette"),
        ("ajoutees", done.n_added, "étiquette"),
        ("refusees", done.n_refused, "étiquette"),
        ("sur_themes", done.n_on_themes, "décision"),
    )
    parts = [sentence(f"relectures.{key}", n=count(n, noun)) for key, n, noun in counts if n]
    people = sentence("relectures.personne")
    if parts:
        people = sentence("relectures.personnes", decisions=joined(parts))
    blocks: list[Block] = [PageParagraph(f"{put} {people}")]
    if done.agreements:
        columns = {"codeurs": 3, "axe": 2, "passages": 1.2, "accord": 3}
        table = draft.table("legendes.accords", columns, done.agreements, ["passages"])
        blocks += [body("relectures.accord"), table]
    else:
        blocks.append(body("relectures.sans_accord"))
    return make_section("relectures.titre", "relectures", *blocks)


def _coverage(report: Report, draft: PageDraft) -> Section:
    here = report.coverage
    rows = (
        ("dans_theme", here.n_themed_coded, here.n_themed_uncoded, here.n_themed),
        ("mis_a_part", here.n_aside_coded, here.n_aside_uncoded, here.n_aside),
        ("ensemble", here.n_coded, here.n_units - here.n_coded, here.n_units),
    )
    cells = [(word("colonnes", name), *map(number, counts)) for name, *counts in rows]
    is_usual = all(axis.is_standard for axis in report.axes)
    numbers = ["avec_code" if is_usual else "avec_un_code", "sans_code", "ensemble"]
    columns = {"devenir": 3.0, **dict(zip(numbers, (2.2, 1.0, 1.0), strict=True))}
    telling = [axis.name for axis in report.axes if not axis.is_exclusive]
    telling = telling or [axis.name for axis in report.axes]
    rejects = sentence("methode.aucun_rejet")
    if report.rejects:
        nouns = word("methode", "rejet"), word("methode", "rejets")
        rejects = count(len(report.rejects), *nouns)
    documents = count(report.documents.n_all, "document lu", "documents lus")
    read = body("methode.lecture", documents=documents, rejets=rejects)
    if report.without_themes:
        return make_section("titres.lecture_seule", "couverture", read)
    blocks: tuple[Block, ...] = (
        read,
        body("methode.couverture", passages=count(here.n_units, "passage")),
        draft.table("legendes.couverture", columns, cells, numbers),
        *([] if is_usual else [note("methode.couverture_codes", axes=joined(telling))]),
        note("methode.couverture_note"),
    )
    return make_section("titres.lecture", "couverture", *blocks)


def _limits(report: Report) -> Section:
    """Mention differences only where there are several territories."""
    names = ["presents", "programme", "personnes"]
    is_survey = report.counted == RESPONDENTS
    if report.channels & {"notes", "postit", "resume", "telephone"} and not is_survey:
        names.insert(0, "notes")
    if len(report.territories) > 1:
        names.insert(-1, "ecarts")
    say = report.counted.sentence
    keys = {name: name for name in names}
    if not report.counted.has_tables:
        keys = keys | {"ecarts": "ecarts_sans_tables"}
    if report.without_themes:
        keys = keys | {"programme": "programme_etiquettes"}
    entries = tuple((say(f"limites.{name}_titre"), say(f"limites.{keys[name]}")) for name in names)
    return make_section("limites.titre", "limites", Terms(entries))


def theme_section(report: Report, draft: PageDraft) -> Section:
    """Return the families of themes, then every theme."""
    themes, column = count(len(report.themes), "thème"), report.counted.column
    blocks: list[Block] = []
    if report.families:
        families = count(len(report.families), "famille")
        intro = report.counted.sentence("themes.familles", themes=themes, familles=families)
        columns = {"famille": 3, "themes": 6, "passages": 1.3, column: 1.1}
        table = draft.table("legendes.familles", columns, report.families, ("passages", column))
        blocks += [PageParagraph(intro, "lead"), table]
    columns = {"theme": 2.6, "description": 4.6, "stabilite": 1.4, "passages": 1.35, column: 1.1}
    rows = [
        (
            row.label,
            _description(row),
            row.stability,
            number(row.n_units),
            row.n_tables,
            number(row.n_workshops),
        )
        for row in report.themes
    ]
    ateliers = report.counted.ateliers
    numbers = ("passages", column, ateliers)
    table = draft.table("legendes.themes", columns | {ateliers: 1.2}, rows, numbers)
    blocks += [lead("themes.intro", themes=themes), table]
    return make_section("titres.themes", "themes", *blocks)


def _description(row: ThemeRow) -> str:
    lines = [row.description]
    lines += [sentence("themes.mots_cles", mots=row.keywords)] if row.keywords else []
    lines += [sentence("themes.famille", famille=row.family)] if row.family else []
    return "\n".join([*lines, *row.profile])


def set_aside_section(report: Report, draft: PageDraft) -> Section:
    """Return the passages in no theme."""
    title, anchor = "titres.annexe_passages", "annexe-passages"
    if not report.set_aside.rows:
        return make_section(title, anchor, body("annexes.aucun_passage"))
    codes = "rubriques" if all(axis.is_standard for axis in report.axes) else "codes"
    columns = {"lieu": 2.2, "passage": 5, codes: 2.4}
    table = draft.table("legendes.passages", columns, report.set_aside.rows)
    cut = _cut(report.set_aside)
    return make_section(title, anchor, lead("annexes.passages"), table, *cut)


def code_section(report: Report, draft: PageDraft) -> Section:
    """Return one table an axis of the grid."""
    column, words = report.counted.column, report.counted
    columns = {"code": 2.4, "definition": 4.6, "passages": 1.35, column: 1.1, words.ateliers: 1.2}
    blocks: list[Block] = [PageParagraph(words.sentence("annexes.codes"), "lead")]
    codes = report.codes
    if report.without_themes:
        blocks.append(note("sans_theme.codes"))
        codes = {axis: _used(rows) for axis, rows in codes.items()}
    for axis in report.axes:
        if not axis.is_standard:
            key = "annexes.un_code" if axis.is_exclusive else "annexes.plusieurs_codes"
            choice = f"{sentence(key, axe=axis.label)} {axis.definition}"
            blocks.append(PageParagraph(choice.strip(), "note"))
        if not codes[axis.axis]:
            blocks.append(body("rubriques.aucun_code", axe=axis.label))
            continue
        table = draft.table(
            "legendes.codes",
            columns,
            codes[axis.axis],
            ("passages", column, words.ateliers),
            axe=axis.label,
            lieux=words.lieux,
            ateliers=words.ateliers,
        )
        blocks.append(table)
    return make_section("titres.annexe_codes", "annexe-codes", *blocks)


def _used(rows: Rows) -> Rows:
    return tuple(row for row in rows if row[2] != number(0))


def document_section(report: Report, draft: PageDraft) -> Section:
    """Return the documents read, what was kept of each, and what became of every character."""
    columns = {"document": 3, report.counted.atelier: 2, "pris_pour": 1.8, "mots_repris": 1.3}
    columns |= {"passages": 1.1, "a_regarder": 2.2}
    table = draft.table("legendes.documents", columns, report.documents.rows, ("passages",))
    blocks: tuple[Block, ...] = (
        lead("annexes.documents"),
        *([PageParagraph(report.characters)] if report.characters else []),
        table,
        *_cut(report.documents),
    )
    return make_section("titres.annexe_documents", "annexe-documents", *blocks)


def _cut(rows: CappedRows) -> list[PageParagraph]:
    n, total = len(rows.rows), number(rows.n_all)
    if n == rows.n_all:
        return []
    return [note("annexes.coupe", montres=shown_rows(n), total=total, fichier="tableaux.xlsx")]

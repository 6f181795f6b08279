"""What crosses two tables: rubriques by workshop, themes by territory, types of structure by workshop.

What territories share, how they look side by side, and their maps.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from pipeline.publish.charts import heat_spec
from pipeline.publish.layout.blocks import (
    TREE_LEAVES,
    Block,
    Numbering,
    Paragraph,
    Section,
    Table,
    Terms,
    extent_note,
    told_territories,
    told_workshops,
)
from pipeline.publish.report.content import AttendanceRow, Heat, Plane, Report, TerritoryMap
from pipeline.publish.report.territories import own_sentence
from pipeline.publish.territory_charts import map_spec, plane_spec, tree_spec
from pipeline.publish.text import (
    CountMask,
    Tally,
    count,
    joined,
    number,
    percent,
    sentence,
    tally,
    word,
)
from pipeline.tables.schema import LEAD, VERDICTS

MAP_FILE = "carte.html"
_NEAREST = 3
_A_PAIR = 30  # rows told of a pair of workshops that follow each other


def reach_blocks(report: Report) -> tuple[Block, ...]:
    """Shared themes, and each territory's own."""
    reading, nothing = report.reading, sentence("lectures.aucun")
    terms = (
        (sentence("lectures.partages"), joined(reading.shared) or nothing),
        (sentence("lectures.propres"), own_sentence(reading.own) or nothing),
    )
    return Terms(terms), Paragraph(sentence("lectures.intro", **report.places.words), "note")


def reading_sections(report: Report, numbering: Numbering) -> tuple[Section, ...]:
    """Evolution, planes, tree and classes, each where there is something to read."""
    makers = (_evolutions, _planes, _tree, _classes)
    return tuple(section for make in makers if (section := make(report, numbering)).blocks)


def _evolutions(report: Report, numbering: Numbering) -> Section:
    title, rows = (
        sentence("lectures.evolutions"),
        report.reading.evolutions[: report.n_told * _A_PAIR],
    )
    columns = {"atelier": 2.6, "theme": 3, "avant": 1, "apres": 1, "verdict": 2}
    blocks = (
        (
            Paragraph(sentence("lectures.evolutions_intro", **report.places.words)),
            numbering.table(sentence("legendes.evolutions"), columns, rows),
        )
        if rows
        else ()
    )
    return Section(title, "evolutions", blocks)


def _planes(report: Report, numbering: Numbering) -> Section:
    planes = report.reading.planes
    told = {report.territories[place] for place in told_territories(report)}
    figures = tuple(
        numbering.figure(
            sentence(f"legendes.plan_{plane.analysis}"), _plane_alt(plane, told), plane_spec(plane)
        )
        for plane in planes
    )
    intro = (Paragraph(sentence("lectures.plans_intro", **report.places.words)),) if figures else ()
    return Section(sentence("lectures.plans"), "plans", (*intro, *figures))


def _plane_alt(plane: Plane, names: Collection[str]) -> str:
    """Each territory of these with the points nearest to it."""
    others = [point for point in plane.points if point.kind != "territoire"]
    told = []
    for territory in (
        point for point in plane.points if point.kind == "territoire" and point.label in names
    ):
        near = sorted(
            others,
            key=lambda point: (
                (point.x - territory.x) ** 2 + (point.y - territory.y) ** 2,
                point.label,
            ),
        )
        names = joined([point.label for point in near[:_NEAREST]])
        told.append(sentence("lectures.alt_territoire", territoire=territory.label, proches=names))
    return sentence("lectures.alt_plan", territoires=" ; ".join(told))


def _tree(report: Report, numbering: Numbering) -> Section:
    reading = report.reading
    if not reading.links:
        return Section(sentence("lectures.arbre"), "arbre", ())
    blocks: list[Block] = [Paragraph(sentence("lectures.arbre_intro", **report.places.words))]
    if 1 < len(reading.tree) < TREE_LEAVES:
        steps = [
            sentence("lectures.alt_pas", membres=joined(step.members), part=percent(step.likeness))
            for step in reading.tree
        ]
        alt = sentence("lectures.alt_arbre", pas=" ; ".join(steps))
        blocks.append(numbering.figure(sentence("legendes.arbre"), alt, tree_spec(reading.tree)))
    columns = {"territoires": 3, "ressemblance": 3, "verdict": 2.4}
    told = [report.territories[place] for place in told_territories(report)]
    pairs = {f"{one} – {other}" for one in told for other in told}
    blocks.append(
        numbering.table(
            sentence("legendes.ressemblances"),
            columns,
            [row for row in reading.links if row[0] in pairs],
        )
    )
    return Section(sentence("lectures.arbre"), "arbre", tuple(blocks))


def _classes(report: Report, numbering: Numbering) -> Section:
    rows = [
        (
            number(one.number),
            number(one.n_units),
            ", ".join(one.lemmas),
            " ; ".join(one.marks) or "–",
        )
        for one in report.reading.classes
    ]
    columns = {"classe": 0.9, "passages": 1.2, "mots": 4, "marques": 3.4}
    table = (
        numbering.table(sentence("legendes.classes"), columns, rows, numbers=("passages",))
        if rows
        else None
    )
    return Section(
        sentence("lectures.classes"),
        "classes",
        (Paragraph(sentence("lectures.classes_intro")), table) if table else (),
    )


def map_section(report: Report, numbering: Numbering) -> Section:
    """One map a workshop, and what keeps structures from being drawn."""
    title, reading = sentence("titres.cartes"), report.reading
    if not reading.maps:
        return Section(
            title, "cartes", (Paragraph(sentence("cartes.aucune")),), _problems(report, numbering)
        )
    blocks: list[Block] = [Paragraph(sentence("cartes.intro", fichier=MAP_FILE), "lead")]
    told = {report.workshops[place].name for place in told_workshops(report)}
    blocks += extent_note(report, where="cartes")
    for shown in (shown for shown in reading.maps if shown.name in told):
        blocks.append(
            numbering.figure(
                sentence("legendes.carte", territoire=shown.name), map_alt(shown), map_spec(shown)
            )
        )
        if shown.n_unplaced:
            blocks.append(
                Paragraph(
                    sentence("cartes.non_places", n=count(shown.n_unplaced, "structure")), "note"
                )
            )
    blocks.append(Paragraph(sentence("cartes.source"), "note"))
    return Section(title, "cartes", tuple(blocks), _problems(report, numbering))


def map_alt(shown: TerritoryMap) -> str:
    """A map in a sentence."""
    drawn = [
        count(len(shown.structures), "structure"),
        count(len(shown.areas), "zone de chalandise", "zones de chalandise"),
    ]
    if shown.needs:
        told = word("cartes", "besoin_alt"), word("cartes", "besoins_alt")
        drawn.append(count(len(shown.needs), *told))
    return sentence("cartes.alt", territoire=shown.name, montres=", ".join(drawn))


def _problems(report: Report, numbering: Numbering) -> tuple[Section, ...]:
    if not report.reading.problems:
        return ()
    table = numbering.table(
        sentence("legendes.defauts"),
        {"structure": 2.4, "defaut": 2.4, "que_faire": 3},
        report.reading.problems,
    )
    return (
        Section(
            sentence("cartes.defauts"),
            "defauts-carte",
            (Paragraph(sentence("cartes.defauts_intro")), table),
        ),
    )


_COLUMNS_A_TABLE = 4  # a wider crossing goes on in a second table, so that a portrait page holds it
_COLUMNS_A_FIGURE = 5
_MOST_NAMES = 12
T = TypeVar("T")
Present = tuple[Tally | None, Tally | None]  # structures and people; None where it is not known
_SIGNS = {
    VERDICTS[0]: "▲ ",
    VERDICTS[1]: "▼ ",
    LEAD: "△ ",
}  # more here, less here, perhaps: seen at a glance, in black and white too


def rubrique_section(report: Report, numbering: Numbering) -> Section:
    """The heat map of rubriques, then those of the axes that the grid brings."""
    heats = [_told(heat, report) for heat in report.heats]
    blocks = [
        block
        for heat in heats
        for block in (_rubriques(heat, numbering) if heat.axis is None else _codes(heat, numbering))
    ]
    return Section(
        sentence("titres.rubriques"), "rubriques", (*extent_note(report, where="passages"), *blocks)
    )


def _told(heat: Heat, report: Report) -> Heat:
    """`heat` with the workshops that are told one by one."""
    names = {report.workshops[place].name for place in told_workshops(report)}
    kept = [place for place, name in enumerate(heat.workshops) if name in names]
    shares = tuple(tuple(row[place] for place in kept) for row in heat.shares)
    return replace(heat, workshops=tuple(heat.workshops[place] for place in kept), shares=shares)


def _rubriques(heat: Heat, numbering: Numbering) -> list[Block]:
    if not heat.rubriques:
        return [Paragraph(sentence("rubriques.aucune"))]
    alt = sentence("alt.rubriques", maxima=_maxima(heat))
    captions = [sentence("legendes.rubriques"), sentence("legendes.rubriques_suite")]
    return [
        Paragraph(sentence("rubriques.intro"), "lead"),
        *_figures(heat, alt, captions, numbering),
    ]


def _codes(heat: Heat, numbering: Numbering) -> list[Block]:
    """The heat map of an axis that the grid brings."""
    assert heat.axis is not None
    label = heat.axis.label
    if not heat.rubriques:
        return [Paragraph(sentence("rubriques.aucun_code", axe=label))]
    intro = sentence(
        "annexes.un_code" if heat.axis.is_exclusive else "annexes.plusieurs_codes", axe=label
    )
    alt = sentence("alt.codes", axe=label, maxima=_maxima(heat))
    captions = [
        sentence("legendes.codes_ateliers", axe=label),
        sentence("legendes.codes_ateliers_suite", axe=label),
    ]
    return [Paragraph(intro, "lead"), *_figures(heat, alt, captions, numbering)]


def _maxima(heat: Heat) -> str:
    """The code most present in each workshop."""
    columns = [[row[place] for row in heat.shares] for place in range(len(heat.workshops))]
    return " ; ".join(
        f"{workshop}, {heat.rubriques[shares.index(max(shares))]} ({percent(max(shares))})"
        for workshop, shares in zip(heat.workshops, columns, strict=True)
    )


def _figures(heat: Heat, alt: str, captions: Sequence[str], numbering: Numbering) -> list[Block]:
    """One figure a part, the first caption for the first."""
    highest = max(map(max, heat.shares))
    return [
        numbering.figure(captions[place > 0], alt, heat_spec(part, highest))
        for place, part in enumerate(_parts(heat))
    ]


def _parts(heat: Heat) -> Iterator[Heat]:
    """`heat` cut into as many workshops as a page holds."""
    for start in range(0, len(heat.workshops), _COLUMNS_A_FIGURE):
        here = slice(start, start + _COLUMNS_A_FIGURE)
        yield replace(
            heat,
            workshops=heat.workshops[here],
            shares=tuple(shares[here] for shares in heat.shares),
        )


def territory_section(report: Report, numbering: Numbering) -> Section:
    """Themes by territory, with a verdict a cell."""
    title = sentence("titres.territoires")
    if len(report.territories) < 2 or not report.contrasts:
        reason = "territoires.un_seul" if len(report.territories) < 2 else "territoires.aucun"
        return Section(title, "territoires", (Paragraph(sentence(reason)),))
    told = told_territories(report)
    rows = [
        (
            row.label,
            [
                f"{tables}\n{_SIGNS.get(verdict, '')}{verdict}".strip() or "–"
                for tables, verdict in _at(row.cells, told)
            ],
        )
        for row in report.contrasts
    ]
    tables = _split(numbering, "territoires", "theme", _at(report.territories, told), rows)
    intro = Paragraph(sentence("territoires.intro", **report.places.words), "lead")
    blocks = (intro, *reach_blocks(report), *extent_note(report, where="territoires"), *tables)
    return Section(title, "territoires", blocks, reading_sections(report, numbering))


def voice_section(report: Report, numbering: Numbering) -> Section:
    """Who came, by type of structure, and who was expected and did not."""
    title = sentence("titres.voix")
    if not report.attendance:
        return Section(title, "voix", (Paragraph(sentence("voix.aucune_liste")),))
    blocks: list[Block] = [Paragraph(sentence("voix.intro"), "lead")]
    told = told_workshops(report)
    blocks += extent_note(report, where="presence")
    names = [report.workshops[place].name for place in told]
    blocks += _split(
        numbering,
        "presence",
        "type",
        names,
        [(name, _at(cells, told)) for name, cells in presence_cells(report)],
    )
    counts = (*(row.cells for row in report.attendance), _totals(report))
    if any(isinstance(n, CountMask) for cells in counts for cell in cells for n in cell):
        blocks.append(
            Paragraph(sentence("voix.petits_effectifs", n=number(report.least_count)), "note")
        )
    unsigned = [workshop.name for workshop in report.workshops if workshop.is_unsigned]
    if unsigned:
        blocks.append(Paragraph(sentence("voix.sans_signature", ateliers=_some(unsigned)), "note"))
    return Section(
        title,
        "voix",
        tuple(blocks),
        (_absent(report, numbering), *_needs(report, numbering), *_single_types(report, numbering)),
    )


def _at(cells: Sequence[T], places: Sequence[int]) -> list[T]:
    return [cells[place] for place in places]


def _some(names: Sequence[str]) -> str:
    """The names, or how many where they would fill a page."""
    return joined(names) if len(names) <= _MOST_NAMES else count(len(names), "atelier")


def presence_cells(report: Report) -> list[tuple[str, list[str]]]:
    """One row a type of structure, then all of them: a cell a workshop, in words."""
    return in_words(report.attendance, _totals(report), report.least_count)


def in_words(
    attendance: Iterable[AttendanceRow], totals: Iterable[Present], least: int
) -> list[tuple[str, list[str]]]:
    """The rows of `attendance`, then `totals`, as `presence_cells` has them; under `least` nobody is counted."""
    told = list(totals)
    knows = [
        n_structures is not None for n_structures, _ in told
    ]  # else a type's 0 structures is only that no list names any
    types: list[tuple[str, Sequence[Present]]] = [
        (
            row.structure_type,
            [
                (n if known else None, n_people)
                for (n, n_people), known in zip(row.cells, knows, strict=True)
            ],
        )
        for row in attendance
    ]
    return [
        (name, [_present(cell, least) for cell in cells])
        for name, cells in [*types, (sentence("voix.total"), told)]
    ]


def _totals(report: Report) -> tuple[Present, ...]:
    return tuple((workshop.n_structures, workshop.n_people) for workshop in report.workshops)


def _absent(report: Report, numbering: Numbering) -> Section:
    title = sentence("voix.absentes")
    told = {report.workshops[place].name for place in told_workshops(report)}
    rows = [
        (
            row.workshop,
            ", ".join(row.structure_types) or sentence("voix.aucun_type"),
            "\n".join(filter(None, (", ".join(row.communes), row.others)))
            or sentence("voix.aucune_commune"),
        )
        for row in report.absent
        if row.workshop in told
    ]
    if not rows:
        return Section(title, "absentes", (Paragraph(sentence("voix.aucune_absence")),))
    table = numbering.table(
        sentence("legendes.absences"),
        {"atelier": 2, "types_absents": 3, "communes_absentes": 3},
        rows,
    )
    return Section(title, "absentes", (Paragraph(sentence("voix.absentes_intro")), table))


def _needs(report: Report, numbering: Numbering) -> tuple[Section, ...]:
    told = {report.workshops[place].name for place in told_workshops(report)}
    rows = [row for row in report.reading.needs if row[0] in told]
    if not rows:
        return ()
    columns = {"atelier": 1.6, "secteur": 2.2, "endroit": 1.8, "dit": 2, "couverture": 2.2}
    table = numbering.table(sentence("legendes.besoins"), columns, rows)
    return (
        Section(
            sentence("voix.besoins"), "besoins", (Paragraph(sentence("voix.besoins_intro")), table)
        ),
    )


def _single_types(report: Report, numbering: Numbering) -> tuple[Section, ...]:
    if not report.reading.single_types:
        return ()
    columns = {"theme": 3.4, "type_acteur": 2.4, "connues": 1.6}
    table = numbering.table(sentence("legendes.un_seul_type"), columns, report.reading.single_types)
    return (
        Section(
            sentence("voix.un_seul_type"),
            "un-seul-type",
            (Paragraph(sentence("voix.un_seul_type_intro")), table),
        ),
    )


def _present(cell: Present, least: int) -> str:
    n_structures, n_people = cell
    if n_people is None:
        return sentence("voix.sans_liste")
    if n_people == 0:
        return "–"
    structures = (
        sentence("voix.structures_inconnues")
        if n_structures is None
        else tally(n_structures, "structure", least=least)
    )
    told = structures, tally(n_people, "personne", least=least)
    return sentence("voix.cellule", structures=told[0], personnes=told[1])


def _split(
    numbering: Numbering,
    caption: str,
    first: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[str]]],
) -> Iterator[Table]:
    """One table for every `_COLUMNS_A_TABLE` columns."""
    for start in range(0, len(columns), _COLUMNS_A_TABLE):
        here = slice(start, start + _COLUMNS_A_TABLE)
        widths = {first: 2.6, **dict.fromkeys(columns[here], 2.0)}
        key = f"legendes.{caption}" if not start else f"legendes.{caption}_suite"
        yield numbering.table(sentence(key), widths, [(name, *cells[here]) for name, cells in rows])

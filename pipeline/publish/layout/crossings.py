"""What crosses two tables: rubriques by workshop, themes by territory, types of structure by workshop."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from pipeline.publish.charts import heat_spec
from pipeline.publish.layout.blocks import Block, Paragraph, Section, Table
from pipeline.publish.layout.extent import extent_note, told_territories, told_workshops
from pipeline.publish.layout.numbering import Numbering
from pipeline.publish.layout.territories import reach_blocks, reading_sections
from pipeline.publish.report.content import AttendanceRow, Heat, Report
from pipeline.publish.small_counts import Mask, Tally
from pipeline.publish.text import count, joined, number, percent, sentence, tally
from pipeline.tables import LEAD, VERDICTS

_COLUMNS_A_TABLE = 4  # a wider crossing goes on in a second table, so that a portrait page holds it
_COLUMNS_A_FIGURE = 5
_MOST_NAMES = 12
T = TypeVar("T")
Present = tuple[Tally | None, Tally | None]  # structures and people; None where it is not known
_SIGNS = {VERDICTS[0]: "▲ ", VERDICTS[1]: "▼ ", LEAD: "△ "}  # more here, less here, perhaps: seen at a glance, in black and white too


def rubrique_section(report: Report, numbering: Numbering) -> Section:
    """The heat map of rubriques, then those of the axes that the grid brings."""
    heats = [_told(heat, report) for heat in report.heats]
    blocks = [block for heat in heats for block in (_rubriques(heat, numbering) if heat.axis is None else _codes(heat, numbering))]
    return Section(sentence("titres.rubriques"), "rubriques", (*extent_note(report, where="passages"), *blocks))


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
    return [Paragraph(sentence("rubriques.intro"), "lead"), *_figures(heat, alt, captions, numbering)]


def _codes(heat: Heat, numbering: Numbering) -> list[Block]:
    """The heat map of an axis that the grid brings."""
    assert heat.axis is not None
    label = heat.axis.label
    if not heat.rubriques:
        return [Paragraph(sentence("rubriques.aucun_code", axe=label))]
    intro = sentence("annexes.un_code" if heat.axis.is_exclusive else "annexes.plusieurs_codes", axe=label)
    alt = sentence("alt.codes", axe=label, maxima=_maxima(heat))
    captions = [sentence("legendes.codes_ateliers", axe=label), sentence("legendes.codes_ateliers_suite", axe=label)]
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
    return [numbering.figure(captions[place > 0], alt, heat_spec(part, highest)) for place, part in enumerate(_parts(heat))]


def _parts(heat: Heat) -> Iterator[Heat]:
    """`heat` cut into as many workshops as a page holds."""
    for start in range(0, len(heat.workshops), _COLUMNS_A_FIGURE):
        here = slice(start, start + _COLUMNS_A_FIGURE)
        yield replace(heat, workshops=heat.workshops[here], shares=tuple(shares[here] for shares in heat.shares))


def territory_section(report: Report, numbering: Numbering) -> Section:
    """Themes by territory, with a verdict a cell."""
    title = sentence("titres.territoires")
    if len(report.territories) < 2 or not report.contrasts:
        reason = "territoires.un_seul" if len(report.territories) < 2 else "territoires.aucun"
        return Section(title, "territoires", (Paragraph(sentence(reason)),))
    told = told_territories(report)
    rows = [
        (row.label, [f"{tables}\n{_SIGNS.get(verdict, '')}{verdict}".strip() or "–" for tables, verdict in _at(row.cells, told)])
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
    blocks += _split(numbering, "presence", "type", names, [(name, _at(cells, told)) for name, cells in presence_cells(report)])
    counts = (*(row.cells for row in report.attendance), _totals(report))
    if any(isinstance(n, Mask) for cells in counts for cell in cells for n in cell):
        blocks.append(Paragraph(sentence("voix.petits_effectifs", n=number(report.least_count)), "note"))
    unsigned = [workshop.name for workshop in report.workshops if workshop.is_unsigned]
    if unsigned:
        blocks.append(Paragraph(sentence("voix.sans_signature", ateliers=_some(unsigned)), "note"))
    return Section(
        title, "voix", tuple(blocks), (_absent(report, numbering), *_needs(report, numbering), *_single_types(report, numbering))
    )


def _at(cells: Sequence[T], places: Sequence[int]) -> list[T]:
    return [cells[place] for place in places]


def _some(names: Sequence[str]) -> str:
    """The names, or how many where they would fill a page."""
    return joined(names) if len(names) <= _MOST_NAMES else count(len(names), "atelier")


def presence_cells(report: Report) -> list[tuple[str, list[str]]]:
    """One row a type of structure, then all of them: a cell a workshop, in words."""
    return in_words(report.attendance, _totals(report), report.least_count)


def in_words(attendance: Iterable[AttendanceRow], totals: Iterable[Present], least: int) -> list[tuple[str, list[str]]]:
    """The rows of `attendance`, then `totals`, as `presence_cells` has them; under `least` nobody is counted."""
    told = list(totals)
    knows = [n_structures is not None for n_structures, _ in told]  # else a type's 0 structures is only that no list names any
    types: list[tuple[str, Sequence[Present]]] = [
        (row.structure_type, [(n if known else None, n_people) for (n, n_people), known in zip(row.cells, knows, strict=True)])
        for row in attendance
    ]
    return [(name, [_present(cell, least) for cell in cells]) for name, cells in [*types, (sentence("voix.total"), told)]]


def _totals(report: Report) -> tuple[Present, ...]:
    return tuple((workshop.n_structures, workshop.n_people) for workshop in report.workshops)


def _absent(report: Report, numbering: Numbering) -> Section:
    title = sentence("voix.absentes")
    told = {report.workshops[place].name for place in told_workshops(report)}
    rows = [
        (
            row.workshop,
            ", ".join(row.structure_types) or sentence("voix.aucun_type"),
            "\n".join(filter(None, (", ".join(row.communes), row.others))) or sentence("voix.aucune_commune"),
        )
        for row in report.absent
        if row.workshop in told
    ]
    if not rows:
        return Section(title, "absentes", (Paragraph(sentence("voix.aucune_absence")),))
    table = numbering.table(sentence("legendes.absences"), {"atelier": 2, "types_absents": 3, "communes_absentes": 3}, rows)
    return Section(title, "absentes", (Paragraph(sentence("voix.absentes_intro")), table))


def _needs(report: Report, numbering: Numbering) -> tuple[Section, ...]:
    told = {report.workshops[place].name for place in told_workshops(report)}
    rows = [row for row in report.reading.needs if row[0] in told]
    if not rows:
        return ()
    columns = {"atelier": 1.6, "secteur": 2.2, "endroit": 1.8, "dit": 2, "couverture": 2.2}
    table = numbering.table(sentence("legendes.besoins"), columns, rows)
    return (Section(sentence("voix.besoins"), "besoins", (Paragraph(sentence("voix.besoins_intro")), table)),)


def _single_types(report: Report, numbering: Numbering) -> tuple[Section, ...]:
    if not report.reading.single_types:
        return ()
    columns = {"theme": 3.4, "type_acteur": 2.4, "connues": 1.6}
    table = numbering.table(sentence("legendes.un_seul_type"), columns, report.reading.single_types)
    return (Section(sentence("voix.un_seul_type"), "un-seul-type", (Paragraph(sentence("voix.un_seul_type_intro")), table)),)


def _present(cell: Present, least: int) -> str:
    n_structures, n_people = cell
    if n_people is None:
        return sentence("voix.sans_liste")
    if n_people == 0:
        return "–"
    structures = sentence("voix.structures_inconnues") if n_structures is None else tally(n_structures, "structure", least=least)
    told = structures, tally(n_people, "personne", least=least)
    return sentence("voix.cellule", structures=told[0], personnes=told[1])


def _split(
    numbering: Numbering, caption: str, first: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]
) -> Iterator[Table]:
    """One table for every `_COLUMNS_A_TABLE` columns."""
    for start in range(0, len(columns), _COLUMNS_A_TABLE):
        here = slice(start, start + _COLUMNS_A_TABLE)
        widths = {first: 2.6, **dict.fromkeys(columns[here], 2.0)}
        key = f"legendes.{caption}" if not start else f"legendes.{caption}_suite"
        yield numbering.table(sentence(key), widths, [(name, *cells[here]) for name, cells in rows])

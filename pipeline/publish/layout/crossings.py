"""Lay out codes by workshop, themes by territory, people by workshop, and the maps."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from pipeline.publish.charts import heat_spec
from pipeline.publish.layout.blocks import (
    Block,
    PageDraft,
    PageParagraph,
    PageTable,
    Section,
    Terms,
    body,
    extent_note,
    lead,
    make_section,
    note,
    told_names,
    told_territories,
    told_workshops,
)
from pipeline.publish.layout.catchments import MAP_FILE, map_alt
from pipeline.publish.maps import map_spec
from pipeline.publish.report.content import Heat, Plane, Report
from pipeline.publish.report.passages import CountingWords
from pipeline.publish.report.people import Present, attendance_cells
from pipeline.publish.territory_charts import plane_spec, tree_spec
from pipeline.publish.text import CountMask, count, joined, number, percent, sentence

_COLUMNS_A_TABLE = 4  # a wider crossing goes on in a second table, for a portrait page
_COLUMNS_A_FIGURE = 5
_MOST_NAMES = 12
_NEAREST = 3
_A_PAIR = 30  # rows for two successive workshops
_TREE_LEAVES = 40  # a taller drawing leaves its page


def rubrique_section(report: Report, draft: PageDraft) -> Section:
    """Return the heat maps of rubriques and of the grid's own axes."""
    blocks: list[Block] = [*extent_note(report, where="passages")]
    names = told_names(report)
    for heat in report.heats:
        columns = [i for i, name in enumerate(heat.workshops) if name in names]
        blocks += _heat_blocks(_part(heat, columns), report.counted, draft)
    return make_section("titres.rubriques", "rubriques", *blocks)


def _part(heat: Heat, columns: Sequence[int]) -> Heat:
    shares = tuple(tuple(row[i] for i in columns) for row in heat.shares)
    return replace(heat, workshops=tuple(heat.workshops[i] for i in columns), shares=shares)


def _heat_blocks(heat: Heat, counted: CountingWords, draft: PageDraft) -> list[Block]:
    if heat.axis is None:
        intro, alt, caption = "rubriques.intro", "alt.rubriques", "legendes.rubriques"
        nothing, words = "rubriques.aucune", {}
    else:
        is_one = heat.axis.is_exclusive
        intro = "annexes.un_code" if is_one else "annexes.plusieurs_codes"
        alt, caption, nothing = "alt.codes", "legendes.codes_ateliers", "rubriques.aucun_code"
        words = {"axe": heat.axis.label}
    if not heat.rubriques:
        return [body(nothing, **words)]
    highest = max(map(max, heat.shares))
    text = counted.sentence(alt, maxima=_maxima(heat), **words)
    blocks: list[Block] = [lead(intro, **words)]
    every = range(len(heat.workshops))
    for start in range(0, len(every), _COLUMNS_A_FIGURE):
        part = _part(heat, every[start : start + _COLUMNS_A_FIGURE])
        key = f"{caption}_suite" if start else caption
        spec = heat_spec(part, highest)
        blocks.append(draft.figure(key, text, spec, atelier=counted.atelier, **words))
    return blocks


def _maxima(heat: Heat) -> str:
    maxima = []
    for workshop, shares in zip(heat.workshops, zip(*heat.shares, strict=True), strict=True):
        most = max(shares)
        maxima.append(f"{workshop}, {heat.rubriques[shares.index(most)]} ({percent(most)})")
    return " ; ".join(maxima)


def contrast_section(report: Report, draft: PageDraft) -> Section:
    """Return themes by territory, then what changed from one workshop to the next."""
    title, anchor = "titres.territoires", "territoires"
    if len(report.territories) < 2 or not report.contrasts:
        text = sentence("territoires.aucun")
        if len(report.territories) < 2:
            text = sentence("territoires.un_seul")
        elif report.without_themes:
            text = report.without_themes.why
        return make_section(title, anchor, PageParagraph(text))
    told, reading = told_territories(report), report.reading
    names = [report.territories[i] for i in told]
    rows = [(theme, [cells[i] for i in told]) for theme, *cells in report.contrasts]
    nothing, say = sentence("lectures.aucun"), report.counted.sentence
    terms = [
        (sentence("lectures.partages"), joined(reading.shared) or nothing),
        (sentence("lectures.propres"), " ; ".join(reading.own) or nothing),
    ]
    if reading.only_there:
        terms.append((sentence("lectures.seuls"), " ; ".join(reading.only_there)))
    blocks: tuple[Block, ...] = (
        PageParagraph(say("territoires.intro"), "lead"),
        Terms(tuple(terms)),
        PageParagraph(say("lectures.intro"), "note"),
        *extent_note(report, where="territoires"),
        *_split(draft, "legendes.territoires", "theme", names, rows),
    )
    evolutions = _evolutions(report, draft)
    return make_section(title, anchor, *blocks, sections=[evolutions] if evolutions.blocks else [])


def reading_section(report: Report, draft: PageDraft) -> Section:
    """Return the comparison of the territories' texts; none where there is nothing to compare."""
    sections = []
    if len(report.territories) > 1 and report.contrasts:
        makers = (_planes, _tree, _classes)
        sections = [section for make in makers if (section := make(report, draft)).blocks]
    return make_section("titres.lectures", "lectures", sections=sections)


def _split(
    draft: PageDraft,
    caption: str,
    first: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[str]]],
) -> Iterator[PageTable]:
    for start in range(0, len(columns), _COLUMNS_A_TABLE):
        here = slice(start, start + _COLUMNS_A_TABLE)
        widths = {first: 2.6, **dict.fromkeys(columns[here], 2.0)}
        key = f"{caption}_suite" if start else caption
        yield draft.table(key, widths, [(name, *cells[here]) for name, cells in rows])


def _evolutions(report: Report, draft: PageDraft) -> Section:
    rows = report.reading.evolutions[: report.n_told * _A_PAIR]
    blocks: list[Block] = []
    if rows:
        columns = {report.counted.atelier: 2.6, "theme": 3, "avant": 1, "apres": 1, "verdict": 2}
        intro = report.counted.sentence("lectures.evolutions_intro")
        table = draft.table("legendes.evolutions", columns, rows)
        blocks = [PageParagraph(intro), table]
    return make_section("lectures.evolutions", "evolutions", *blocks)


def _planes(report: Report, draft: PageDraft) -> Section:
    names = {report.territories[i] for i in told_territories(report)}
    blocks: list[Block] = []
    if report.reading.planes:
        blocks.append(PageParagraph(report.counted.sentence("lectures.plans_intro")))
    for plane in report.reading.planes:
        alt, caption = _plane_alt(plane, names), f"legendes.plan_{plane.analysis}"
        blocks.append(draft.figure(caption, alt, plane_spec(plane)))
    return make_section("lectures.plans", "plans", *blocks)


def _plane_alt(plane: Plane, names: Collection[str]) -> str:
    others = [point for point in plane.points if point.kind != "territoire"]
    parts = []
    for one in plane.points:
        if one.kind == "territoire" and one.label in names:
            distances = [
                ((other.x - one.x) ** 2 + (other.y - one.y) ** 2, other.label) for other in others
            ]
            near = joined([label for _, label in sorted(distances)[:_NEAREST]])
            parts.append(sentence("lectures.alt_territoire", territoire=one.label, proches=near))
    return sentence("lectures.alt_plan", territoires=" ; ".join(parts))


def _tree(report: Report, draft: PageDraft) -> Section:
    reading = report.reading
    blocks: list[Block] = []
    if reading.links:
        blocks.append(PageParagraph(report.counted.sentence("lectures.arbre_intro")))
        if 1 < len(reading.tree) < _TREE_LEAVES:
            steps = [
                sentence(
                    "lectures.alt_pas", membres=joined(step.members), part=percent(step.likeness)
                )
                for step in reading.tree
            ]
            alt = sentence("lectures.alt_arbre", pas=" ; ".join(steps))
            blocks.append(draft.figure("legendes.arbre", alt, tree_spec(reading.tree)))
        names = [report.territories[i] for i in told_territories(report)]
        pairs = {f"{one} – {other}" for one in names for other in names}
        rows = [row for row in reading.links if row[0] in pairs]
        columns = {"territoires": 3, "ressemblance": 3, "verdict": 2.4}
        blocks.append(draft.table("legendes.ressemblances", columns, rows))
    return make_section("lectures.arbre", "arbre", *blocks)


def _classes(report: Report, draft: PageDraft) -> Section:
    rows = report.reading.classes
    blocks: list[Block] = []
    if rows:
        columns = {"classe": 0.9, "passages": 1.2, "mots": 4, "marques": 3.4}
        table = draft.table("legendes.classes", columns, rows, ("passages",))
        blocks = [body("lectures.classes_intro"), table]
    return make_section("lectures.classes", "classes", *blocks)


def voice_section(report: Report, draft: PageDraft) -> Section:
    """Return who came, and who was expected and did not."""
    if not report.attendance:
        nothing = () if report.counted.is_of_people else (body("voix.aucune_liste"),)
        return make_section("titres.voix", "voix", *nothing)
    told = told_workshops(report)
    rows = [(name, [cells[i] for i in told]) for name, cells in presence_cells(report)]
    blocks: list[Block] = [
        lead("voix.intro"),
        *extent_note(report, where="presence"),
        *_split(draft, "legendes.presence", "type", told_names(report), rows),
    ]
    counts = (*(row.cells for row in report.attendance), _totals(report))
    if any(isinstance(n, CountMask) for cells in counts for cell in cells for n in cell):
        blocks.append(note("voix.petits_effectifs", n=number(report.least_count)))
    unsigned = [workshop.name for workshop in report.workshops if workshop.is_unsigned]
    if unsigned:
        n = len(unsigned)
        names = joined(unsigned) if n <= _MOST_NAMES else report.counted.count_workshops(n)
        blocks.append(note("voix.sans_signature", ateliers=names))
    sections = [_absent(report, draft)]
    if report.reading.single_types:
        columns = {"theme": 3.4, "type_acteur": 2.4, "connues": 1.6}
        table = draft.table("legendes.un_seul_type", columns, report.reading.single_types)
        intro = body("voix.un_seul_type_intro")
        sections.append(make_section("voix.un_seul_type", "un-seul-type", intro, table))
    return make_section("titres.voix", "voix", *blocks, sections=sections)


def presence_cells(report: Report) -> list[tuple[str, list[str]]]:
    """Return a row a type of structure, then the total; a cell a workshop."""
    return attendance_cells(report.attendance, _totals(report), report.least_count)


def _totals(report: Report) -> tuple[Present, ...]:
    return tuple((workshop.n_structures, workshop.n_people) for workshop in report.workshops)


def _absent(report: Report, draft: PageDraft) -> Section:
    names = told_names(report)
    rows = [
        (
            row.workshop,
            ", ".join(row.structure_types) or sentence("voix.aucun_type"),
            "\n".join(filter(None, (", ".join(row.communes), row.others)))
            or sentence("voix.aucune_commune"),
        )
        for row in report.absent
        if row.workshop in names
    ]
    if not rows:
        return make_section("voix.absentes", "absentes", body("voix.aucune_absence"))
    columns = {report.counted.atelier: 2, "types_absents": 3, "communes_absentes": 3}
    table = draft.table("legendes.absences", columns, rows)
    return make_section("voix.absentes", "absentes", body("voix.absentes_intro"), table)


def map_section(report: Report, draft: PageDraft) -> Section:
    """Return one map a workshop, then the defects of the maps."""
    reading, names = report.reading, told_names(report)
    blocks: list[Block] = [body("cartes.aucune")]
    if reading.maps:
        blocks = [lead("cartes.intro", fichier=MAP_FILE), *extent_note(report, where="cartes")]
        for drawn in (drawn for drawn in reading.maps if drawn.name in names):
            alt, spec = map_alt(drawn), map_spec(drawn)
            blocks.append(draft.figure("legendes.carte", alt, spec, territoire=drawn.name))
            if drawn.n_unplaced:
                blocks.append(note("cartes.non_places", n=count(drawn.n_unplaced, "structure")))
        blocks.append(note("cartes.source"))
    problems = problem_section(report, draft)
    return make_section(
        "titres.cartes", "cartes", *blocks, sections=[problems] if problems.blocks else []
    )


def problem_section(report: Report, draft: PageDraft) -> Section:
    """Return why some structures are not drawn, or drawn badly; none where all are well."""
    blocks: list[Block] = []
    if report.reading.problems:
        columns = {"structure": 2.4, "defaut": 2.4, "que_faire": 3}
        table = draft.table("legendes.defauts", columns, report.reading.problems)
        blocks = [body("cartes.defauts_intro"), table]
    return make_section("cartes.defauts", "defauts-carte", *blocks)

"""What territories share, how they look side by side, and their maps."""

from collections.abc import Collection

from pipeline.publish.layout.blocks import Block, Paragraph, Section, Terms
from pipeline.publish.layout.extent import TREE_LEAVES, extent_note, told_territories, told_workshops
from pipeline.publish.layout.numbering import Numbering
from pipeline.publish.report.content import Report
from pipeline.publish.report.territories import own_sentence
from pipeline.publish.report.territory_content import Plane, TerritoryMap
from pipeline.publish.territory_charts import map_spec, plane_spec, tree_spec
from pipeline.publish.text import count, joined, number, percent, sentence, word

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
    title, rows = sentence("lectures.evolutions"), report.reading.evolutions[: report.n_told * _A_PAIR]
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
        numbering.figure(sentence(f"legendes.plan_{plane.analysis}"), _plane_alt(plane, told), plane_spec(plane)) for plane in planes
    )
    intro = (Paragraph(sentence("lectures.plans_intro", **report.places.words)),) if figures else ()
    return Section(sentence("lectures.plans"), "plans", (*intro, *figures))


def _plane_alt(plane: Plane, names: Collection[str]) -> str:
    """Each territory of these with the points nearest to it."""
    others = [point for point in plane.points if point.kind != "territoire"]
    told = []
    for territory in (point for point in plane.points if point.kind == "territoire" and point.label in names):
        near = sorted(others, key=lambda point: ((point.x - territory.x) ** 2 + (point.y - territory.y) ** 2, point.label))
        names = joined([point.label for point in near[:_NEAREST]])
        told.append(sentence("lectures.alt_territoire", territoire=territory.label, proches=names))
    return sentence("lectures.alt_plan", territoires=" ; ".join(told))


def _tree(report: Report, numbering: Numbering) -> Section:
    reading = report.reading
    if not reading.links:
        return Section(sentence("lectures.arbre"), "arbre", ())
    blocks: list[Block] = [Paragraph(sentence("lectures.arbre_intro", **report.places.words))]
    if 1 < len(reading.tree) < TREE_LEAVES:
        steps = [sentence("lectures.alt_pas", membres=joined(step.members), part=percent(step.likeness)) for step in reading.tree]
        alt = sentence("lectures.alt_arbre", pas=" ; ".join(steps))
        blocks.append(numbering.figure(sentence("legendes.arbre"), alt, tree_spec(reading.tree)))
    columns = {"territoires": 3, "ressemblance": 3, "verdict": 2.4}
    told = [report.territories[place] for place in told_territories(report)]
    pairs = {f"{one} – {other}" for one in told for other in told}
    blocks.append(numbering.table(sentence("legendes.ressemblances"), columns, [row for row in reading.links if row[0] in pairs]))
    return Section(sentence("lectures.arbre"), "arbre", tuple(blocks))


def _classes(report: Report, numbering: Numbering) -> Section:
    rows = [
        (number(one.number), number(one.n_units), ", ".join(one.lemmas), " ; ".join(one.marks) or "–") for one in report.reading.classes
    ]
    columns = {"classe": 0.9, "passages": 1.2, "mots": 4, "marques": 3.4}
    table = numbering.table(sentence("legendes.classes"), columns, rows, numbers=("passages",)) if rows else None
    return Section(sentence("lectures.classes"), "classes", (Paragraph(sentence("lectures.classes_intro")), table) if table else ())


def map_section(report: Report, numbering: Numbering) -> Section:
    """One map a workshop, and what keeps structures from being drawn."""
    title, reading = sentence("titres.cartes"), report.reading
    if not reading.maps:
        return Section(title, "cartes", (Paragraph(sentence("cartes.aucune")),), _problems(report, numbering))
    blocks: list[Block] = [Paragraph(sentence("cartes.intro", fichier=MAP_FILE), "lead")]
    told = {report.workshops[place].name for place in told_workshops(report)}
    blocks += extent_note(report, where="cartes")
    for shown in (shown for shown in reading.maps if shown.name in told):
        blocks.append(numbering.figure(sentence("legendes.carte", territoire=shown.name), map_alt(shown), map_spec(shown)))
        if shown.n_unplaced:
            blocks.append(Paragraph(sentence("cartes.non_places", n=count(shown.n_unplaced, "structure")), "note"))
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
    table = numbering.table(sentence("legendes.defauts"), {"structure": 2.4, "defaut": 2.4, "que_faire": 3}, report.reading.problems)
    return (Section(sentence("cartes.defauts"), "defauts-carte", (Paragraph(sentence("cartes.defauts_intro")), table)),)

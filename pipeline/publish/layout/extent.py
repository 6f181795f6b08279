"""How much of a large study a report tells one by one, so that a study of a hundred workshops is still a document that opens and is read.

In:   Report
Out:  the places of the workshops and territories that are told one by one, and a note that says where the others are
"""

from pipeline.publish.layout.blocks import Paragraph
from pipeline.publish.report.content import Report
from pipeline.publish.text import count, sentence

TREE_LEAVES = 40  # a taller drawing leaves its page


def told_workshops(report: Report) -> tuple[int, ...]:
    """Places in `report.workshops`, in order: all of them, or the `n_told` with most tables, then most passages."""
    places = range(len(report.workshops))
    first = sorted(places, key=lambda place: (-report.workshops[place].n_tables, -report.workshops[place].n_units, place))
    return tuple(sorted(first[: report.n_told]))


def told_territories(report: Report) -> tuple[int, ...]:
    """Places in `report.territories`: all of them, or those of the workshops told."""
    if len(report.territories) <= report.n_told:
        return tuple(range(len(report.territories)))
    told = {report.workshops[place].territory for place in told_workshops(report)}
    return tuple(place for place, name in enumerate(report.territories) if name in told)


def extent_note(report: Report, *, where: str) -> tuple[Paragraph, ...]:
    """What is left out here and `where` it is; nothing where all workshops are told."""
    if len(report.workshops) <= report.n_told:
        return ()
    told = sentence("ampleur.note", ateliers=count(len(report.workshops), "atelier"), n=report.n_told, **report.places.words)
    return (Paragraph(f"{told} {sentence(f'ampleur.{where}')}", "note"),)

"""The priorities of the study and of each workshop, with the chart of what makes their scores."""

from pipeline.publish.charts import posture_colour, priorities_spec, profile_spec
from pipeline.publish.layout.blocks import Block, Paragraph, PriorityCard, Section
from pipeline.publish.layout.extent import extent_note, told_workshops
from pipeline.publish.layout.numbering import Numbering
from pipeline.publish.report.content import Priority, Report, Scope
from pipeline.publish.text import NBSP, capitalised, count, joined, number, ordinal, points, sentence

_N_NAMED = 3  # themes of a workshop that is a line


def priority_section(report: Report, numbering: Numbering) -> Section:
    """One subsection a scope that is told; the others in a table of their first themes."""
    told = {0, *(place + 1 for place in told_workshops(report))}
    scopes = [_scope(scope, place, numbering) for place, scope in enumerate(report.scopes) if place in told]
    others = tuple(scope for place, scope in enumerate(report.scopes) if place not in told)
    if others:
        scopes.append(_others(others, len(report.scopes), numbering))
    intro = Paragraph(sentence("priorites.intro"), "lead")
    return Section(sentence("titres.priorites"), "priorites", (intro, *extent_note(report, where="pages")), tuple(scopes))


def _scope(scope: Scope, place: int, numbering: Numbering) -> Section:
    anchor = f"priorites-{place}"
    if not scope.priorities:
        return Section(scope.title, anchor, (Paragraph(sentence("priorites.aucune")),))
    reach = sentence(
        "priorites.portee", themes=count(scope.n_ranked, "thème classé", "thèmes classés"), passages=count(scope.n_units, "passage")
    )
    caption = sentence("legendes.priorites", portee=scope.title)
    figure = numbering.figure(caption, _alt(scope), priorities_spec(scope))
    checks = [Paragraph(" ".join(scope.checks), "note")] if scope.checks else []
    blocks: list[Block] = [Paragraph(reach, "note"), figure, *checks, *map(_card, scope.priorities)]
    return Section(scope.title, anchor, tuple(blocks))


def _others(scopes: tuple[Scope, ...], n_scopes: int, numbering: Numbering) -> Section:
    """A line a workshop that is not told in full."""
    rows = [
        (scope.title, number(scope.n_units), " ; ".join(f"{rank}. {label}" for rank, label in scope.named[:_N_NAMED]) or "–")
        for scope in scopes
    ]
    columns = {"atelier": 2.4, "passages": 1.0, "premieres": 6.0}
    table = numbering.table(sentence("legendes.autres_ateliers"), columns, rows, numbers=("passages",))
    return Section(sentence("titres.autres_ateliers"), f"priorites-{n_scopes}", (table,))


def _alt(scope: Scope) -> str:
    """The chart in words: every bar with its parts."""
    bars = [
        sentence(
            "alt.priorites_barre",
            rang=ordinal(priority.rank),
            theme=priority.label,
            score=points(priority.score),
            parts=joined([f"{part.label} {points(part.contribution)}" for part in priority.criteria if part.contribution > 0.005]),
        )
        for priority in scope.priorities
    ]
    return sentence("alt.priorites", barres=" ; ".join(bars))


def facts_of(priority: Priority) -> str:
    """A priority's figures on one line."""
    facts = sentence(
        "priorites.faits",
        intervalle=capitalised(priority.interval),
        certitude=priority.sureness,
        score=points(priority.score),
        passages=count(priority.n_units, "passage"),
        stabilite=priority.stability,
    )
    return " · ".join([facts, *priority.profile])


def _card(priority: Priority) -> PriorityCard:
    parts = tuple((posture_colour(share), f"{share.label}{NBSP}: {number(share.n_units)}") for share in priority.postures)
    said = sentence("alt.profil", parts=joined([text for _, text in parts]))
    family = [sentence("themes.famille", famille=priority.family)] if priority.family else []
    facts = " · ".join([facts_of(priority), *family])
    return PriorityCard(priority, facts, profile_spec(priority.postures) if parts else None, said, parts)

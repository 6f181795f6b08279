"""Lay out the study's first priorities: what is said of each, and what their ranks rest on."""

from pipeline.publish.charts import priorities_spec
from pipeline.publish.layout.blocks import (
    Block,
    PageDraft,
    PageParagraph,
    Quotes,
    Section,
    Terms,
    body,
    extent_note,
    lead,
    make_section,
    note,
    told_workshops,
)
from pipeline.publish.report.content import Priority, Report, ReportQuote, Scope
from pipeline.publish.text import (
    count,
    joined,
    number,
    ordinal,
    points,
    quoted,
    sentence,
    word,
)
from pipeline.rank.order import placed_behind

_N_QUOTES = 2
_N_NAMED = 3  # themes of a workshop that is a line


def priority_section(report: Report, draft: PageDraft) -> Section:
    """Return the study's priorities, one subsection each; workshops not told share a table."""
    scope, blocks = report.scopes[0], [lead("priorites.intro")]
    if len(scope.priorities) > 1 and not all(one.place for one in scope.priorities):
        blocks.append(body("rang.incertain"))
    is_alone = len(report.workshops) == 1
    sections = [_priority(priority, draft, is_alone=is_alone) for priority in scope.priorities]
    if not sections:
        blocks = [body("priorites.aucune")]
    told = {0, *(i + 1 for i in told_workshops(report))}
    others = [scope for i, scope in enumerate(report.scopes) if i not in told]
    if others:
        sections.append(_others(others, report, draft))
    return make_section("titres.priorites", "priorites", *blocks, sections=sections)


def _priority(priority: Priority, draft: PageDraft, *, is_alone: bool) -> Section:
    """Tell a priority; a study of one workshop has less room for it."""
    title = (priority.statement or priority.label).removesuffix(".")
    entries = [
        (word("opinions", opinion.posture), cited(quote))
        for opinion in priority.opinions
        for quote in draft.quote([opinion.quote], 1)
    ]
    blocks: list[Block] = [PageParagraph(f"{priority.why} {priority.place}".rstrip())]
    if entries:
        blocks.append(Terms(tuple(entries)))
    quotes = draft.quote(priority.quotes, 1 if is_alone else _N_QUOTES) or priority.quotes[:1]
    if quotes:
        blocks.append(Quotes(quotes, is_compact=is_alone))
    return Section(title, f"priorite-{priority.rank}", tuple(blocks))


def cited(quote: ReportQuote) -> str:
    """Return « Il faut des bus. » (Roubaix, table 2)."""
    return f"{quoted(quote.text)} ({quote.where})" if quote.where else quoted(quote.text)


def _others(scopes: list[Scope], report: Report, draft: PageDraft) -> Section:
    rows = []
    for scope in scopes:
        first = " ; ".join(f"{rank}. {label}" for rank, label in scope.named[:_N_NAMED])
        rows.append((scope.title, number(scope.n_units), first or "–"))
    words = report.counted
    columns = {words.atelier: 2.4, "passages": 1.0, "premieres": 6.0}
    caption = "legendes.autres_ateliers"
    table = draft.table(caption, columns, rows, ("passages",), ateliers=words.ateliers)
    blocks: tuple[Block, ...] = (*extent_note(report, where="pages"), table)
    return Section(words.sentence("titres.autres_ateliers"), "autres-ateliers", blocks)


def rank_section(report: Report, draft: PageDraft) -> Section:
    """Return the scores of the first priorities, and what other ways of ranking would change."""
    told = {0, *(i + 1 for i in told_workshops(report))}
    sections = [
        _ranks(scope, f"rangs-{i}", report, draft)
        for i, scope in enumerate(report.scopes)
        if i in told and scope.priorities
    ]
    return make_section("titres.rangs", "rangs", sections=sections)


def _ranks(scope: Scope, anchor: str, report: Report, draft: PageDraft) -> Section:
    extent = {
        "themes": count(scope.n_ranked, "thème classé", "thèmes classés"),
        "passages": count(scope.n_units, "passage"),
    }
    blocks: list[Block] = [note("priorites.portee", **extent)]
    if scope is report.scopes[0]:
        spec = priorities_spec(scope)
        blocks.append(draft.figure("legendes.priorites", _alt(scope), spec, portee=scope.title))
    behind = placed_behind(priority.score for priority in scope.priorities)
    rows = [
        (
            f"{priority.rank}. {priority.label}",
            f"{points(priority.score)}{' *' if is_behind else ''}",
            f"{priority.interval} ; {priority.sureness}",
            priority.stability,
        )
        for priority, is_behind in zip(scope.priorities, behind, strict=True)
    ]
    columns = {"theme": 3.0, "score": 0.8, "rang": 4.0, "stabilite": 1.3}
    blocks.append(draft.table("legendes.rangs", columns, rows, ("score",), portee=scope.title))
    if any(behind):
        blocks.append(note("rang.mele"))
    if scope.checks:
        blocks.append(PageParagraph(" ".join(scope.checks)))
    return Section(scope.title, anchor, tuple(blocks))


def _alt(scope: Scope) -> str:
    bars = []
    for priority in scope.priorities:
        parts = [
            f"{part.label} {points(part.contribution)}"
            for part in priority.criteria
            if part.contribution > 0.005
        ]
        bar = {"rang": ordinal(priority.rank), "theme": priority.label}
        score = points(priority.score)
        bars.append(sentence("alt.priorites_barre", **bar, score=score, parts=joined(parts)))
    return sentence("alt.priorites", barres=" ; ".join(bars))

"""Lay out a page a territory: its priorities, its answers to each question, its map, who came.

In:   Report, PageDraft
Out:  Section
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from models.catalogue import load_catalogue
from pipeline.publish.layout.blocks import (
    Block,
    PageDraft,
    PageParagraph,
    Quotes,
    Section,
    Terms,
    body,
    extent_note,
    make_section,
    note,
    told_workshops,
)
from pipeline.publish.layout.catchments import cover_sentences, map_alt
from pipeline.publish.layout.presence import presence_sentences
from pipeline.publish.maps import map_spec
from pipeline.publish.report.content import Priority, Report, ReportQuote
from pipeline.publish.report.passages import (
    ReportPassage,
    by_turns,
    grouped,
    is_scrap,
    n_sure_tables,
    n_tables_of,
    roughness,
)
from pipeline.publish.text import (
    NBSP,
    capitalised,
    joined,
    one_line,
    plain_name,
    sentence,
    shortened,
    typography,
)
from pipeline.tables.columns import rows_of
from pipeline.tables.schema import REACHES
from pipeline.text import fold

_N_PRIORITIES, _N_THEMES, _N_NAMED = 3, 3, 3
_N_OWN = 2  # themes of one territory that the head of the section names
_MAP_PIXELS = 204.0  # of height: about a third of a page with its caption
_THEME_CHARS = 140  # of what comes back, so that it stays on two lines
_ONE_LINE = 85  # characters of a quote with its origin on the same line
_LONG_QUOTE, _MOST_CHARS = 130, 190  # shorter passages are quoted first; the others are cut
_QUESTIONS = ("q1", "q2", "q3", "q4")
_SURE_ANSWER = 0.7  # probability that what answers is of the theme
_FORCE, _DIFFICULTY, _REQUEST, _PROPOSAL = "force", "difficulte", "demande", "proposition"


@dataclass(frozen=True)
class _Part:
    """What is told of the answers to a question; `postures` in the order they are quoted."""

    key: str  # in textes.yaml
    postures: tuple[str, ...]
    n_quotes: int
    n_short: int  # more quotes, where they are short
    is_strict: bool = False  # tells passages of these postures only


@dataclass(frozen=True)
class _Topic:
    """A question and its parts; `postures` find its passages where no question is known."""

    key: str
    question: str
    postures: tuple[str, ...]
    parts: tuple[_Part, ...]


_TOPICS = (
    _Topic("fierte", "q2", (_FORCE,), (_Part("reponses", (_FORCE,), 2, 1),)),
    _Topic(
        "structures",
        "q3",
        (),
        (
            _Part("forces", (_FORCE,), 1, 0, is_strict=True),
            _Part("difficultes", (_DIFFICULTY,), 1, 1, is_strict=True),
        ),
    ),
    _Topic(
        "ameliorer", "q4", (_PROPOSAL, _REQUEST), (_Part("reponses", (_PROPOSAL, _REQUEST), 2, 0),)
    ),
)


def territory_section(report: Report, draft: PageDraft) -> Section:
    """Return a page a workshop told; of a study of one workshop, its parts alone."""
    told = told_workshops(report)
    if not told:
        nothing = body("presence.aucune_liste"), body("cartes.aucune")
        return make_section("territoire.titre", "territoires", *nothing)
    if len(report.workshops) == 1:
        parts = _parts(report, draft, 0, "territoire-0")
        return make_section("territoire.titre_seul", "territoires", sections=parts)
    pages = [
        Section(
            report.workshops[i].name,
            f"territoire-{i}",
            (),
            tuple(_parts(report, draft, i, f"territoire-{i}")),
            starts_page=place > 0 and not report.without_themes,
        )
        for place, i in enumerate(told)
    ]
    blocks = [*_common_and_own(report), *extent_note(report, where="territoires")]
    section = make_section("territoire.titre", "territoires", *blocks, sections=pages)
    return replace(section, starts_page=not report.without_themes)


def _common_and_own(report: Report) -> list[PageParagraph]:
    """Say what returns everywhere and what is one territory's own, in two or three sentences."""
    if report.without_themes or len(report.territories) < 2:
        return []
    tables = report.material.tables
    labels = {row.theme_id: plain_name(row.label) for row in rows_of(tables["themes"])}
    reach, said = tables["theme_reach"], []
    everywhere = reach.loc[reach["reach"] == REACHES[0], "theme_id"]
    shared = sorted((labels[name] for name in everywhere if name in labels), key=fold)
    if shared:
        themes = joined([_titled(label) for label in shared[:_N_THEMES]])
        # shared: in four territories of five at least
        key = "commun_tous" if len(report.territories) < 5 else "commun"
        said.append(sentence(f"territoire.{key}", themes=themes, n=len(shared[:_N_THEMES])))
    own = reach[(reach["reach"] == REACHES[1]) & reach["theme_id"].isin(labels)]
    for row in rows_of(own.sort_values(["only_in", "theme_id"]).head(_N_OWN)):
        theme, where = _titled(labels[row.theme_id]), plain_name(str(row.only_in))
        support = typography(row.rests_on)
        said.append(sentence("territoire.propre", theme=theme, territoire=where, appui=support))
    if not said:
        said.append(sentence("territoire.ni_commun_ni_propre"))
    if len(shared) > _N_THEMES or len(own) > _N_OWN:
        said.append(sentence("territoire.autres_en_annexe"))
    return [PageParagraph(" ".join(filter(None, said)))]


def _titled(label: str) -> str:
    """Put a theme's title between quotation marks, unless it has some."""
    return label if "«" in label else f"«{NBSP}{label}{NBSP}»"


def _parts(report: Report, draft: PageDraft, index: int, anchor: str) -> list[Section]:
    workshop_id = list(report.material.passages.names)[index]
    sections = []
    if not report.without_themes:
        if len(report.scopes) > 1:
            sections.append(_priorities(report, index, workshop_id, f"{anchor}-priorites"))
        sections += [_topic(report, draft, workshop_id, topic, anchor) for topic in _TOPICS]
    sections.append(_network(report, draft, index, f"{anchor}-maillage"))
    said = PageParagraph(" ".join(presence_sentences(report, index)))
    sections.append(make_section("territoire.presence", f"{anchor}-presence", said))
    return sections


def _priorities(report: Report, index: int, workshop_id: str, anchor: str) -> Section:
    priorities = report.scopes[index + 1].priorities[:_N_PRIORITIES]
    block: Block = body("priorites.aucune")
    if priorities:
        entries = [_priority(report, workshop_id, priority) for priority in priorities]
        block = Terms(tuple(entries))
    return make_section("territoire.priorites", anchor, block)


def _priority(report: Report, workshop_id: str, priority: Priority) -> tuple[str, str]:
    """A statement; how many tables speak of it, and who answers it."""
    passages = _passages_of_theme(report, workshop_id, priority.label)
    names = _answering(report, passages)[:_N_NAMED]
    said = [capitalised(priority.said) + "."]
    if names:
        said.append(sentence("territoire.y_repondent", noms=joined(names), n=len(names)))
    return (priority.statement or priority.label).removesuffix(".") + ".", " ".join(said)


def _passages_of_theme(report: Report, workshop_id: str, label: str) -> list[ReportPassage]:
    """The passages of the workshop in the themes of this label."""
    themes = rows_of(report.material.tables["themes"])
    theme_ids = {theme.theme_id for theme in themes if plain_name(theme.label) == label}
    passages = report.material.passages.of_scope(workshop_id)
    return [one for one in passages if one.theme_id in theme_ids]


def _units_with(report: Report, postures: Iterable[str]) -> frozenset[str]:
    sure = report.material.sure_of_posture
    return frozenset().union(*(sure.get(posture, ()) for posture in postures))


def _answering(report: Report, passages: Iterable[ReportPassage]) -> list[str]:
    """The structures that do what answers a need, in order of their names.

    The passage that names one tells surely of what exists, is surely of the theme and, where both
    are known, its offer is of the theme's family of subjects.
    """
    tables, answers = report.material.tables, report.material.answers
    sure = [one for one in passages if one.probability >= _SURE_ANSWER and one.unit_id in answers]
    theme_of = {one.unit_id: one.theme_id for one in sure}
    offers = tables["offers"]
    offers = offers[offers["unit_id"].isin(list(theme_of))].dropna(subset="structure_id")
    family_of = _families_of_themes(tables["themes"])
    answering = set()
    for offer in rows_of(offers):
        family = family_of.get(theme_of[offer.unit_id], offer.sector)
        if not isinstance(offer.sector, str) or offer.sector == family:
            answering.add(offer.structure_id)
    structures = tables["structures"]
    names = structures.loc[structures["structure_id"].isin(list(answering)), "name"]
    return sorted({one_line(name) for name in names}, key=fold)


def _families_of_themes(themes: pd.DataFrame) -> dict[str, str]:
    """Return the family of subjects of each theme that has a subject."""
    catalogue = load_catalogue()
    families = {
        subject_id: catalogue.families[family].subject_id
        for subject_id, family in catalogue.families_by_id.items()
    }
    named = themes[themes["subject_id"].isin(families)]
    return dict(zip(named["theme_id"], named["subject_id"].map(families), strict=True))


def _topic(
    report: Report, draft: PageDraft, workshop_id: str, topic: _Topic, anchor: str
) -> Section:
    """What comes back under a question, with quotes; a line where nothing was said."""
    passages = report.material.passages.of_scope(workshop_id)
    if any(one.question in _QUESTIONS for one in passages):
        passages = [one for one in passages if one.question == topic.question]
    else:
        units = _units_with(report, topic.postures)
        passages = [one for one in passages if one.unit_id in units]
    blocks: list[Block] = []
    for part in topic.parts:
        blocks += _part_blocks(report, draft, workshop_id, part, passages)
    title, where = f"territoire.{topic.key}", f"{anchor}-{topic.key}"
    return make_section(title, where, *(blocks or [body(f"territoire.{topic.key}_rien")]))


def _part_blocks(
    report: Report,
    draft: PageDraft,
    workshop_id: str,
    part: _Part,
    passages: Sequence[ReportPassage],
) -> list[Block]:
    if part.is_strict:
        units = _units_with(report, part.postures)
        passages = [one for one in passages if one.unit_id in units]
    if not passages:
        return []
    every = report.material.passages
    words, total = every.words((workshop_id,)), every.n_tables[workshop_id]
    n = n_tables_of(passages)
    themes = _coming_back(report, passages)
    how = "" if n else "_a_distance"
    if n == total > 1:
        how = "_toutes"
    counts = {"n": words.count(n), "k": n, "total": total}
    lead = words.sentence(f"territoire.{part.key}{how}", **counts)
    said = [lead, recurring_sentence(themes.values())] if n > 1 else [lead]
    candidates = _candidates(report, passages, part.postures, themes)
    quotes = draft.quote(candidates, part.n_quotes)
    short = [one for one in candidates if len(one.text) <= _ONE_LINE]
    quotes += draft.quote(short, part.n_short)
    paragraph = PageParagraph(" ".join(filter(None, said)))
    return [paragraph, Quotes(quotes, is_compact=True)] if quotes else [paragraph]


def _coming_back(report: Report, passages: Iterable[ReportPassage]) -> dict[str, str]:
    """The labels, by theme_id, of those that two tables surely say at least; most tables first."""
    themes = report.material.tables["themes"]
    labels = {row.theme_id: plain_name(row.label) for row in rows_of(themes)}
    found = []
    for theme_id, members in sorted(grouped(passages, lambda one: one.theme_id).items()):
        n_sure, n_all = n_sure_tables(members), n_tables_of(members)
        if theme_id in labels and n_sure > 1:
            found.append((-n_sure, -n_all, fold(labels[theme_id]), theme_id))
    return {theme_id: labels[theme_id] for *_, theme_id in sorted(found)[:_N_THEMES]}


def recurring_sentence(labels: Collection[str]) -> str:
    """Return « Y reviennent « Cars » et « Lait ». », the first ones."""
    if not labels:
        return ""
    named = [_titled(label) for label in labels]
    n = max(1, sum(len(joined(named[: i + 1])) <= _THEME_CHARS for i in range(len(named))))
    return sentence("territoire.reviennent", themes=joined(named[:n]), n=n)


def _candidates(
    report: Report,
    passages: Sequence[ReportPassage],
    postures: Sequence[str],
    recurring: Collection[str],
) -> list[ReportQuote]:
    """The passages of these postures, else all; those of what comes back first, a table in turn.

    A scrap is quoted only where there is nothing longer.
    """
    units = [_units_with(report, [posture]) for posture in postures]

    def rank(one: ReportPassage) -> int:
        return next((i for i, told in enumerate(units) if one.unit_id in told), len(units))

    def order(one: ReportPassage) -> tuple[Any, ...]:
        return (
            rank(one),
            roughness(one.text) > 1,
            len(one.text) > _LONG_QUOTE,
            not (one.theme_id in recurring and one.is_counted),
            -one.probability,
            one.unit_id,
        )

    passages = [one for one in passages if rank(one) < len(units)] or passages
    passages = [one for one in passages if not is_scrap(one.text)] or passages
    ordered = by_turns(sorted(passages, key=order), lambda one: (rank(one), one.circle_id))
    ordered.sort(key=rank)
    return [ReportQuote(shortened(one.text, _MOST_CHARS), one.where) for one in ordered]


def _network(report: Report, draft: PageDraft, index: int, anchor: str) -> Section:
    """A small map, and what it shows in sentences; a line where there is no map."""
    name = report.workshops[index].name
    drawn = next((one for one in report.reading.maps if one.name == name), None)
    if drawn is None:
        return make_section("maillage.titre", anchor, body("maillage.aucune_carte"))
    said = PageParagraph(" ".join(cover_sentences(drawn)))
    spec = map_spec(drawn, tallest=_MAP_PIXELS)
    figure = draft.figure("maillage.legende", map_alt(drawn), spec, territoire=drawn.name)
    blocks: list[Block] = [said, figure]
    if drawn is report.reading.maps[-1]:  # once
        blocks.append(note("maillage.voir_carte"))
    return make_section("maillage.titre", anchor, *blocks)

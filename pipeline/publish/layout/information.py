"""Lay out what the study's grid looks for: for each code what comes back, where, in whose words.

In:   Report (its material)
Out:  Section
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from pipeline.grid.codes import PILIER, POSTURE, RUBRIQUE, Code, Grid
from pipeline.publish.layout.blocks import (
    Block,
    PageDraft,
    PageParagraph,
    Quotes,
    Section,
    Terms,
    make_section,
)
from pipeline.publish.layout.priorities import cited
from pipeline.publish.report.coded import Coded, CodedPassage, sure_range
from pipeline.publish.report.content import Report, ReportQuote
from pipeline.publish.report.passages import WAYS, axis_title, n_tables_of
from pipeline.publish.text import (
    NBSP,
    capitalised,
    count,
    joined,
    lowered,
    number,
    plain_name,
    sentence,
    typography,
    word,
)
from pipeline.text import groups_in

_OFFER, _SUPPORT = "offre", "accompagnement"
_FEEDBACK = "retours"
_INNOVATION, _TO_IMPROVE = "innovation", "q4"
_WISHED = ("demande", "proposition")
_N_QUOTES = 4  # of a subject, at most
_BY_SIZE = ((20, _N_QUOTES), (8, 3), (3, 2), (0, 1))  # passages of a subject, and its quotes
_N_TRIED = 40  # passages of a subject that may be quoted elsewhere already


@dataclass
class _Subject:
    """What is looked for, with its passages and the quotes chosen for it."""

    label: str
    rows: Sequence[CodedPassage]
    n_most: int = _N_QUOTES
    quotes: tuple[ReportQuote, ...] = ()
    is_sure: bool = True  # that the quotes are of the subject

    @property
    def n_quotes(self) -> int:
        wanted = next(n for least, n in _BY_SIZE if len(self.rows) >= least)
        return min(wanted, self.n_most)


@dataclass(frozen=True)
class _Chapter:
    """A subsection to come: its subjects, and how they are written."""

    title: str
    subjects: list[_Subject]
    form: Literal["codes", "offer", "supports", "table", "feedback"] = "codes"
    column: str = "code"  # heading of a table


def information_section(report: Report, draft: PageDraft) -> Section:
    """Return a subsection for each part of the grid, then for what participants answered."""
    coded = Coded(report.material)
    chapters = [*_rubrique_chapters(coded), *_axis_chapters(coded), _feedback_chapter(coded)]
    subjects = [one for chapter in chapters for one in chapter.subjects]
    n_most = 1 if len(report.workshops) == 1 else _N_QUOTES
    _choose_quotes(subjects, coded, draft, n_most)
    writer = _Writer(report, draft, coded)
    sections = [
        Section(chapter.title, f"informations-{i}", writer.blocks(chapter))
        for i, chapter in enumerate(chapters, 1)
    ]
    caution = PageParagraph(_caution(report), "note")
    return make_section("informations.titre", "informations", caution, sections=sections)


def _caution(report: Report) -> str:
    """Say once what tags are worth, and whether a question helped to read the passages."""
    asked = {question.question for question in report.material.grid.questions}
    key = "prudence_relue" if report.coverage.n_reviewed_tags else "prudence"
    parts = [report.counted.sentence(f"informations.{key}")]
    if not any(one.question in asked for one in report.material.passages.every):
        parts.append(sentence("informations.sans_question"))
    return " ".join(parts)


# ---- what is told of ----


def _rubrique_chapters(coded: Coded) -> list[_Chapter]:
    """Return a chapter a family of rubriques, or a rubrique without family."""
    chapters: list[_Chapter] = []
    grid = coded.material.grid
    for family, codes in _families(grid):
        if family:
            title = plain_name(grid.label_of(family))
            subjects = [_subject(coded, code) for code in codes]
            chapters.append(_Chapter(title, subjects))
            continue
        (code,) = codes
        subject = _subject(coded, code)
        chapter = _Chapter(subject.label, [subject])
        if code.code == _OFFER:
            chapter = replace(chapter, subjects=[replace(subject, n_most=1)], form="offer")
        elif code.code == _SUPPORT:
            subjects = _support_subjects(coded, subject.rows)
            chapter = replace(chapter, subjects=[replace(subject, n_most=0), *subjects])
            chapter = replace(chapter, form="supports")
        chapters.append(chapter)
    return chapters


def _families(grid: Grid) -> list[tuple[str, list[Code]]]:
    """Return the rubriques in the grid's order, those of a family together."""
    families: dict[str, tuple[str, list[Code]]] = {}
    for code in grid.axis(RUBRIQUE):
        key = code.parent_id or code.code
        families.setdefault(key, (code.parent_id or "", []))[1].append(code)
    return list(families.values())


def _subject(coded: Coded, code: Code) -> _Subject:
    """Of what is done differently, what exists is quoted before what is wished."""
    rows = coded.of_code(code.axis, code.code)
    if code.code.split(".")[0] == _INNOVATION:
        wished = coded.material.passages.units_with(POSTURE, _WISHED)
        rows = [
            row._replace(
                rank=int(row.passage.unit_id in wished or row.passage.question == _TO_IMPROVE)
            )
            for row in rows
        ]
    return _Subject(plain_name(code.label), rows)


def _support_subjects(coded: Coded, rows: Iterable[CodedPassage]) -> list[_Subject]:
    """Return the types of support by tables; a passage that tells several is in each.

    One that is sure nowhere is not told.
    """
    by_kind: dict[str, list[CodedPassage]] = {}
    others = []
    for row in rows:
        kinds = groups_in(row.passage.text, _SUPPORT)
        # the most specific passage first, of those that ask
        is_sure = row.is_sure and row.passage.unit_id in coded.asking
        told = row._replace(rank=len(kinds), is_sure=is_sure)
        for kind in kinds:
            by_kind.setdefault(kind, []).append(told)
        if not kinds:
            others.append(told)
    subjects = [
        _Subject(capitalised(typography(kind)), here, n_most=1)
        for kind, here in sorted(by_kind.items())
        if any(row.is_sure for row in here)
    ]
    subjects.sort(key=lambda one: (-_n_tables(one), -len(one.rows), one.label))
    if any(row.is_sure for row in others):
        subjects.append(_Subject(sentence("informations.autres_appuis"), others, n_most=1))
    return subjects


def _n_tables(subject: _Subject) -> int:
    return n_tables_of(row.passage for row in subject.rows)


def _axis_chapters(coded: Coded) -> list[_Chapter]:
    """Return a chapter for the pillars, and for each axis of the study's own."""
    grid = coded.material.grid
    chapters = []
    for axis in grid.axes:
        if axis.axis not in (RUBRIQUE, POSTURE):
            is_pillar = axis.axis == PILIER
            title = sentence("informations.piliers") if is_pillar else axis_title(axis)
            subjects = [replace(_subject(coded, code), n_most=1) for code in grid.axis(axis.axis)]
            column = axis.axis if is_pillar else "code"
            chapters.append(_Chapter(title, subjects, "table", column))
    return chapters


def _feedback_chapter(coded: Coded) -> _Chapter:
    """Return what people say of the workshop itself, and what came after it."""
    material = coded.material
    on_subject = {
        row.passage.unit_id
        for axis, code in material.passages.by_code
        if axis != POSTURE
        for row in coded.of_code(axis, code)
        if row.is_sure
    }
    about, late = [], []
    for passage in material.passages.every:
        rank = int(passage.unit_id not in coded.asking)
        is_about = bool(groups_in(passage.text, _FEEDBACK))
        if is_about:
            about.append(CodedPassage(passage, 1.0, is_sure=True, rank=rank))
        if passage.is_away and not passage.is_said:
            is_sure = passage.unit_id in on_subject and not is_about
            late.append(CodedPassage(passage, 1.0, is_sure, rank=rank))
    subjects = [_Subject("", about), _Subject("", late, n_most=3)]
    return _Chapter(sentence("informations.retours"), subjects, "feedback")


# ---- in whose words ----


def _choose_quotes(
    subjects: Sequence[_Subject], coded: Coded, draft: PageDraft, n_most: int
) -> None:
    """Quote each subject once, the scarcest first, then the large ones more, up to `n_most`.

    A subject of which all is quoted already, or nothing is sure, still has its best passage.
    """
    asked = [one for one in subjects if len(one.rows) and one.n_most]
    sure = {id(one): [*islice(coded.quotes(one.rows, sure=True), _N_TRIED)] for one in asked}
    for one in sorted(asked, key=lambda one: len(one.rows)):
        unsure = islice(coded.quotes(one.rows, sure=False), _N_TRIED)
        every = [*sure[id(one)], *unsure]
        one.quotes = draft.quote(every, 1) or tuple(every[:1])
        one.is_sure = one.quotes[0] in sure[id(one)]
    for one in asked:
        one.quotes += draft.quote(sure[id(one)], min(one.n_quotes, n_most) - len(one.quotes))


# ---- in which sentences ----


@dataclass(frozen=True)
class _Writer:
    """Writes chapters once their quotes are chosen."""

    report: Report
    draft: PageDraft
    coded: Coded

    def blocks(self, chapter: _Chapter) -> tuple[Block, ...]:
        """Return the blocks of a chapter; of what nothing was said, one line."""
        if chapter.form == "feedback":
            return self._feedback(*chapter.subjects)
        told = [one for one in chapter.subjects if len(one.rows)]
        silent = [one.label for one in chapter.subjects if not len(one.rows)]
        blocks: list[Block] = []
        if told:
            write = {
                "codes": self._codes,
                "offer": self._offer,
                "supports": self._supports,
                "table": self._table,
            }[chapter.form]
            blocks = write(told, chapter)
        return *blocks, *_nothing(silent)

    def _codes(self, subjects: Sequence[_Subject], chapter: _Chapter) -> list[Block]:
        """Write what is said of each code, then quotes; a lone code has the chapter's title."""
        blocks: list[Block] = []
        for one in subjects:
            parts = (self.said(one.rows), self._back(one.rows), self._most(one.rows))
            told = " ".join(filter(None, parts))
            is_brief = len(one.quotes) < 2
            told = " ".join([told, _quoted(one)]) if is_brief else told
            is_lone = one.label == chapter.title
            blocks.append(PageParagraph(told) if is_lone else Terms(((one.label, told),)))
            if not is_brief:
                blocks.append(Quotes(one.quotes, is_compact=True))
        return blocks

    def _offer(self, subjects: Sequence[_Subject], _: _Chapter) -> list[Block]:
        """Say where existing activities are listed."""
        (one,) = subjects
        there = sentence("informations.voir_offre", partie=sentence("titres.offre"))
        return [PageParagraph(" ".join([self.said(one.rows), there, _quoted(one)]))]

    def _supports(self, subjects: Sequence[_Subject], _: _Chapter) -> list[Block]:
        """Write a line a type of support; of one workshop, those of one table share a line."""
        whole, *types = subjects
        parts = (self.said(whole.rows), self._most(whole.rows), sentence("informations.appuis"))
        told = self._in_full(types, least=2)
        entries = [(one.label, f"{self._tables(one.rows)}{NBSP}: {_quoted(one)}") for one in told]
        blocks: list[Block] = [PageParagraph(" ".join(filter(None, parts)))]
        blocks += [Terms(tuple(entries))] if entries else []
        return blocks + self._in_brief([one for one in types if one not in told])

    def _table(self, subjects: Sequence[_Subject], chapter: _Chapter) -> list[Block]:
        """Write a table of an axis: where each code is said, and an example."""
        told = self._in_full(subjects, least=1)
        rows = [(one.label, self._tables(one.rows), _quoted(one)) for one in told]
        columns = {chapter.column: 2.4, self.report.counted.column: 1.2, "exemple": 6.0}
        blocks: list[Block] = []
        if rows:
            caption = "legendes.informations"
            blocks.append(self.draft.table(caption, columns, rows, axe=chapter.title))
        return blocks + self._in_brief([one for one in subjects if one not in told])

    def _in_full(self, subjects: Sequence[_Subject], *, least: int) -> list[_Subject]:
        """Return the subjects told with a quote; of one workshop, those of `least` tables."""
        is_alone = len(self.report.workshops) == 1
        return [one for one in subjects if not is_alone or sure_range(one.rows).low >= least]

    def _in_brief(self, subjects: Sequence[_Subject]) -> list[Block]:
        """Name the other subjects in one line, with their tables."""
        named = [f"{lowered(one.label)} ({self._tables(one.rows)})" for one in subjects]
        brief = sentence("informations.aussi", sujets=", ".join(named))
        return [PageParagraph(brief)] if named else []

    def _feedback(self, about: _Subject, late: _Subject) -> tuple[Block, ...]:
        """Write what was said of the workshop, then what came after it."""
        has_met = self.report.counted.has_tables
        nothing = PageParagraph(sentence("informations.aucun_retour"))
        blocks: list[Block] = [nothing] * has_met
        if about.quotes:
            n = len(about.rows)
            blocks = [PageParagraph(sentence("informations.avis", n=n))]
            blocks.append(Quotes(about.quotes, is_compact=True))
        if len(late.rows):
            arrived = _arrived(late.rows)
            blocks.append(PageParagraph(sentence("informations.ensuite", arrivees=arrived)))
            if late.is_sure:
                blocks.append(Quotes(late.quotes, is_compact=True))
        return tuple(blocks)

    def said(self, rows: Sequence[CodedPassage]) -> str:
        """Return « Au moins 4 tables sur 19 en parlent. »"""
        tables, words = sure_range(rows), self.report.counted
        total = sum(self.report.material.passages.n_tables.values())
        if not tables.high:
            return words.sentence(
                "informations.hors_tables", n=len({row.passage.unit_id for row in rows})
            )
        if 1 < tables.low == total:
            return sentence("informations.dit_par_tout", tables=words.count(total))
        key, n = ("dit_par", tables.low) if tables.low else ("dit_peut_etre", tables.high)
        return sentence(f"informations.{key}", n=words.count(n), k=n, total=number(total))

    def _tables(self, rows: Sequence[CodedPassage]) -> str:
        """Return « au moins 4 tables », or « peut-être 2 tables » where none is sure."""
        tables, words = sure_range(rows), self.report.counted
        if not tables.high:
            return words.sentence("informations.hors_tables_bref")
        key, n = ("au_moins", tables.low) if tables.low else ("peut_etre", tables.high)
        return sentence(f"informations.{key}", n=words.count(n))

    def _back(self, rows: Sequence[CodedPassage]) -> str:
        """Return « Ce qui revient : se déplacer reste difficile (au moins 4 tables). »"""
        themes = []
        for one in self.coded.come_back(rows):
            n = self.report.counted.count(one.tables.low)
            told = [sentence("informations.au_moins", n=n)]
            if one.most is not None:
                told.append(sentence("informations.surtout_bref", territoire=one.most.territory))
            themes.append(f"{one.words} ({', '.join(told)})")
        return sentence("informations.revient", themes=" ; ".join(themes)) if themes else ""

    def _most(self, rows: Sequence[CodedPassage]) -> str:
        """Return « C'est surtout dit dans un territoire, Roubaix : au moins 4 tables sur 7. »"""
        most = self.coded.most_said(rows)
        if most is None:
            return ""
        here = self.report.counted.count(most.n_tables)
        values = {"territoire": most.territory, "ici": here, "total": number(most.of_tables)}
        return sentence("informations.surtout", **values)


def _nothing(labels: Sequence[str]) -> tuple[PageParagraph, ...]:
    """Say in one line of what nothing was said."""
    if not labels:
        return ()
    named = joined([f"«{NBSP}{label}{NBSP}»" for label in labels])
    return (PageParagraph(sentence("informations.rien", codes=named)),)


def _quoted(subject: _Subject) -> str:
    """Return the first quote and its origin, to be checked where its tag is not sure."""
    (quote, *_) = subject.quotes
    told = f"{cited(quote)}."
    return told if subject.is_sure else f"{sentence('informations.a_verifier')} {told}"


def _arrived(late: Iterable[CodedPassage]) -> str:
    """Return « 6 mails et 1 conversation de messagerie » for what came after the workshops."""
    circles: dict[str, set[str]] = {}
    for passage, *_ in late:
        channel = passage.channel if passage.channel in WAYS else "autre"
        circles.setdefault(channel, set()).add(passage.circle_id)
    return joined(
        [
            count(len(circles[name]), *word("informations", f"canal_{name}").split("|"))
            for name in (*WAYS, "autre")
            if name in circles
        ]
    )

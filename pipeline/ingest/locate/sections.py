"""Locate a document's blocks by its headings, labels and prefixes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.ingest.locate.cues import (
    SURE_FORMS,
    LocatedBlock,
    Location,
    Prefix,
    TextCues,
    aside,
    nickname_in,
    read_cues,
    reporter_named,
    split_mark,
    split_prefix,
    split_reporter,
    telling_words,
    with_prefix,
)
from pipeline.ingest.locate.lines import (
    aside_of,
    asks,
    calls_surely,
    cut_call,
    cut_reported,
    is_fact,
    is_label,
    is_title,
    names_person,
    names_table_alone,
    names_table_in_passing,
    opens_with_idea,
    reason_of_section,
    speakers_named,
    split_role,
    split_said,
    states,
    states_as_heading,
    without_label,
)
from pipeline.ingest.locate.titles import (
    CAFE,
    SURE,
    asked,
    asked_together,
    channel_of,
    is_plain_summary,
    locate_cell,
    names_part,
    one_sided,
    proposed,
    resembled,
    without_plenary,
)
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.words import word_pattern
from pipeline.text import fold

STRUCTURED = 3  # questions in a "synthèse" or mail that is a table's notes
# ranks beside the headings' 1..6: lower contains higher
_NAME, _TITLE, _PARAGRAPH, _PREFIX, _BULLET = 0.0, 1.0, 7.0, 8.0, 9.0
# added to the rank of what the leading dimension, or a numbered question, contains
_MINOR, _SUB_LABEL = 0.25, 0.5
_FIXED = frozenset({"resume", "distance"})  # a summary of question 2 stays a summary
_MAX_HEADING_WORDS, _MAX_LISTED_WORDS, _MAX_ASKING_WORDS = 30, 15, 4
_MIN_LINES, _MAX_SUBJECT_WORDS = 4, 3
_MAX_HEAD_LINES = 8  # above the first question, where persons are listed
_TAGGED_SHARE = 0.5  # share of prefixed passages from which a prefix covers only its line
_ALIKE = {"marked": 2, "bare": 3}  # lines needed to trust an ambiguous prefix


def locate_sections(
    blocks: Sequence[RawBlock], name: Location, answers: Mapping[str, Location]
) -> list[LocatedBlock]:
    """Return `blocks` located by columns, prefix, headings and labels above, then `name`.

    A numbered question, a summary or a remote contribution outlasts labels inside it. `answers`
    tells what a person says of headings and columns, by their folded text.
    """
    blocks = _with_first_line(blocks)
    walk = _Walk(read_habits(blocks, name), name, answers)
    located: list[LocatedBlock] = []
    for i, (block, below) in enumerate(zip(blocks, [*blocks[1:], None], strict=False)):
        for piece in _pieces(block):
            located += with_prefix(piece, walk.with_proposal(piece, walk.locate(i, piece, below)))
    return located


def _pieces(block: RawBlock) -> list[RawBlock]:
    """Cut a call noted among other lines; one whose words are not told is no passage."""
    if block.columns or not calls_surely(block.text):
        return cut_reported(block)
    pieces = cut_call(block)
    is_empty = len(pieces) == 1 and is_fact(block.text)
    if is_empty and not states(block.text, is_announced=False):
        return [replace(block, kind="meta", level=None, reason="circumstance")]
    return pieces


def _with_first_line(blocks: Sequence[RawBlock]) -> Sequence[RawBlock]:
    """Make a title that only opens a list of bare lines a passage."""
    if len(blocks) < _MIN_LINES or blocks[0].kind != "heading":
        return blocks
    text, cues = blocks[0].text, _cues(blocks[0])
    n_words = [len(block.text.split()) for block in blocks]
    are_lines = all(block.kind == "paragraph" for block in blocks[1:])
    if not are_lines or n_words[0] < _MIN_LINES or max(n_words) > _MAX_HEADING_WORDS:
        return blocks
    names = cues.is_label or cues.table is not None or cues.question is not None
    if names or is_title(text) or aside_of(text, in_head=True):
        return blocks
    return [replace(blocks[0], kind="paragraph", level=None), *blocks[1:]]


@dataclass(frozen=True)
class AuthorHabits:
    """How the author of a document marks tables and questions."""

    numbered: frozenset[str | None]  # questions numbered in a heading or label
    # questions of unclear headings, told by neighbours; by block index
    by_index: Mapping[int, str]
    forms: frozenset[str]  # forms of prefix that surely name a table
    is_tagged: bool  # most passages have a prefix, valid for its line only
    n_asked: int  # questions that head a part
    asked: frozenset[str | None]  # questions that headings surely ask
    bullets_ask: bool  # bullets that ask a question each head what follows
    tables_lead: bool  # tables contain questions
    has_one_table: bool  # no two tables are named
    numbers_tables: bool  # headings give the numbers of tables
    speakers: frozenset[str] = frozenset()  # persons whose words lines give: "Rémi : …"
    names_reporters: bool = False  # most titles of tables name a person

    def accepts(self, prefix: Prefix) -> bool:
        """Whether `prefix` is no part of the passage's own words."""
        is_question = prefix.form == "marked" and prefix.location.question is not None
        return is_question or prefix.form in self.forms


def read_habits(blocks: Sequence[RawBlock], name: Location) -> AuthorHabits:
    """Return the habits that `blocks` show."""
    bullets = [block for block in blocks if block.kind == "bullet"]
    by_bullets = [cues for b in bullets if asks(b.text, cues := read_cues(b.text))]
    bullets_ask = len({cues.question for cues in by_bullets}) > 1
    below = [*blocks[1:], None]
    heads = {
        i: _cues(block)
        for i, block in enumerate(blocks)
        if _heads_part(block, below[i], bullets_ask=bullets_ask, is_first=i == 0)
    }
    passages = [
        block
        for i, block in enumerate(blocks)
        if i not in heads and (block.kind in ("paragraph", "bullet") or opens_with_idea(block))
    ]
    prefixes = [prefix for block in passages if (prefix := split_prefix(block.text))]
    has_table = name.table_number is not None or any(c.table is not None for c in heads.values())
    leading = (
        cues.has_tables
        for i, cues in heads.items()
        if cues.has_tables != (asked(blocks[i].text) in CAFE)
    )
    is_tagged = len(prefixes) >= _TAGGED_SHARE * len(passages)
    by_index = _questions_together(blocks, heads)
    told = {i: by_index.get(i) or asked(blocks[i].text) or "" for i in heads}
    naming = [cues for cues in heads.values() if cues.has_tables]
    titles = [i for i, cues in heads.items() if cues.table is not None]
    tables = {cues.table for cues in naming} | {
        prefix.location.table_number for prefix in prefixes if prefix.location.table_number
    }
    return AuthorHabits(
        numbered=frozenset(cues.question for cues in heads.values() if cues.number is not None),
        by_index=by_index,
        forms=_sure_forms(prefixes, has_table=has_table),
        is_tagged=is_tagged and not _each_opens_a_part(prefixes, len(passages)),
        n_asked=count_asked(blocks),
        asked=frozenset(asked(blocks[i].text) for i in heads if not one_sided(blocks[i].text)),
        bullets_ask=bullets_ask,
        tables_lead=next(leading, True),
        numbers_tables=any(cues.table is not None for cues in naming),
        has_one_table=len(tables) == 1 and not any(c.table is None for c in naming),
        speakers=speakers_named([block.text for block in passages], _head_of(blocks, told)),
        names_reporters=2 * sum(reporter_named(blocks[i].text) is not None for i in titles)
        > len(titles),
    )


def _head_of(blocks: Sequence[RawBlock], told: Mapping[int, str]) -> str:
    """Return the few lines above the first question, which may name who sits there."""
    first = next((i for i, question in told.items() if question in CAFE), 0)
    return " ".join(block.text for block in blocks[:first]) if first <= _MAX_HEAD_LINES else ""


def count_asked(blocks: Sequence[RawBlock]) -> int:
    """Return how many world café questions head a part of the document."""
    return len({asked(block.text) for block in blocks if _heads_part(block)} & {*CAFE})


def names_tables(blocks: Sequence[RawBlock]) -> bool:
    """Whether lines or headings name tables, each for what follows."""
    pairs = zip(blocks, [*blocks[1:], None], strict=False)
    heads = (_cues(block) for block, below in pairs if _heads_part(block, below))
    return any(cues.table is not None for cues in heads)


def are_reported(blocks: Sequence[RawBlock]) -> bool:
    """Whether reporters of two tables or more speak: "Rapporteuse T2 : on a surtout…"."""
    prefixes = (split_prefix(block.text) for block in blocks if not block.columns)
    speaking = [prefix for prefix in prefixes if prefix and prefix.speaker]
    reporting = word_pattern("locate", "resume_malgre_tout", r"\b{}\b").search
    tables = {prefix.location.table_number for prefix in speaking}
    return len(tables) > 1 and any(reporting(fold(prefix.speaker or "")) for prefix in speaking)


def _cues(block: RawBlock) -> TextCues:
    """Return the cues of a line, with the table that it names in words."""
    cues = read_cues(block.text)
    if block.kind != "heading" or block.table_number is None:
        return cues
    return replace(cues, table=block.table_number, has_tables=True)


def _heads_part(
    block: RawBlock,
    below: RawBlock | None = None,
    *,
    bullets_ask: bool = False,
    is_first: bool = False,
) -> bool:
    if block.kind == "meta" or block.channel == "consultation" or opens_with_idea(block):
        return False
    cues = _cues(block)
    is_asking = bullets_ask and block.kind == "bullet" and asks(block.text, cues)
    if block.kind == "heading" or is_asking or names_table_alone(block, below):
        return True
    if names_table_in_passing(block, below) or _calls_reporter(block):
        return True
    return names_part(block, cues, is_first=is_first)


def _calls_reporter(block: RawBlock) -> bool:
    """Whether a line only names a table and its reporter: "Table 1 – rapporteure : Anne Riou"."""
    is_line = block.kind == "paragraph" and len(block.text.split()) <= _MAX_LISTED_WORDS
    is_said = not is_line or block.text.rstrip().endswith((".", "!", "?"))
    named = None if is_said else reporter_named(block.text)
    return named is not None and block.text.rstrip(" )").endswith(named) and _cues(block).has_tables


def _each_opens_a_part(prefixes: Sequence[Prefix], n_passages: int) -> bool:
    """Whether spelled prefixes never recur and other lines lie between."""
    n_locations = len({prefix.location for prefix in prefixes})
    is_single = n_locations == len(prefixes) < n_passages
    return is_single and all(prefix.form == "spelled" for prefix in prefixes)


def _questions_together(
    blocks: Sequence[RawBlock], heads: Mapping[int, TextCues]
) -> dict[int, str]:
    """Headings of one rank below one table tell each other's questions."""
    groups: dict[tuple[int, int | None], dict[int, str]] = {}
    n_tables = 0
    for i, cues in heads.items():
        n_tables += cues.has_tables
        if blocks[i].kind == "heading":
            groups.setdefault((n_tables, blocks[i].level), {})[i] = blocks[i].text
    questions: dict[int, str] = {}
    for titles in groups.values():
        for i, question in asked_together(titles).items():
            if heads[i].question is None or question != asked(titles[i]):
                questions[i] = question
    return questions


def _sure_forms(prefixes: Sequence[Prefix], *, has_table: bool) -> frozenset[str]:
    """Return the forms that name tables; "T3 – 650 €" may be a flat.

    Short forms count where nothing else names a table and several lines have them.
    """
    forms = set(SURE_FORMS)
    for form, enough in _ALIKE.items():
        tables = [prefix.location.table_number for prefix in prefixes if prefix.form == form]
        tables = [table for table in tables if table is not None]
        if len(tables) >= enough and len(set(tables)) > 1 and not has_table:
            forms.add(form)
    return frozenset(forms)


@dataclass(frozen=True)
class _Section:
    rank: float
    location: Location
    reason: str = ""  # why nothing in it is a passage
    is_answered: bool = False  # a person said what it answers: no heading beside it
    is_loose: bool = False  # only while lines name persons
    hides_table: bool = False  # several tables: the one above no longer holds
    hides_question: bool = False
    bullet_level: int | None = None
    words: frozenset[str] = frozenset()  # of its title
    reporter: str | None = None  # "Table 2 (rapporteuse : Léa)"


class _Walk:
    def __init__(
        self, habits: AuthorHabits, name: Location, answers: Mapping[str, Location]
    ) -> None:
        self._habits = habits
        self._answers = answers
        self._proposals: list[tuple[float, str | None]] = []  # of the headings above, with ranks
        self._sections = [_Section(_NAME, name)]
        self._is_head = True
        self._is_top = True  # only meta so far

    def locate(self, i: int, block: RawBlock, below: RawBlock | None) -> LocatedBlock:
        if block.kind == "meta":
            return aside(block, self._here(), aside_of(block.text, in_head=True))
        if block.columns:
            self._is_head = self._is_top = False
            header = _header(block)
            located = locate_cell(block, self._here())
            told = self._answers.get(fold(header), Location())
            return replace(
                located,
                question=told.question or located.question,
                table_number=told.table_number or located.table_number,
                channel=told.channel or located.channel,
            )
        cues = _cues(block)
        names = cues.is_label and (cues.has_tables or cues.has_numbers)
        is_located = cues.table is not None or cues.question is not None
        is_told = names or (block.kind == "heading" and is_located) or self._reports(block)
        is_told = is_told or _calls_reporter(block)
        if not is_told and (reason := self._reason_to_skip(block, cues)):
            return self._aside(block, cues, reason)
        rank = self._rank(block, cues, below)
        if rank is None and _names_list(block, below):
            self._close_nested(block.level or 0)
            return LocatedBlock.at(block, self._here(), "heading")
        was_top, self._is_top = self._is_top, False
        self._is_head = rank is not None
        if rank is not None:
            self._open(i, block, cues, rank)
            if not self._states(block, cues):
                return LocatedBlock.at(block, self._here(), "heading")
        is_heading = block.kind == "heading"
        block = replace(block, kind="paragraph", level=None) if is_heading else block
        return self._passage(block, was_top=was_top)

    def _reports(self, block: RawBlock) -> bool:
        """Whether a summary's line opens with its reporter, however little she says."""
        prefix = split_prefix(block.text) if self._here().question == "resume" else None
        return prefix is not None and prefix.speaker is not None

    def with_proposal(self, block: RawBlock, located: LocatedBlock) -> LocatedBlock:
        """Return `located` with what the headings above propose, if its question is unknown."""
        if located.question or located.kind in ("heading", "meta"):
            return located
        above = [question for _, question in self._proposals]
        header = fold(_header(block))  # « Réponse » asks nothing
        is_open = word_pattern("columns", "fourre_tout").fullmatch(header) is not None
        own = proposed(_header(block)) if block.columns and not is_open else None
        proposal = own or next(filter(None, reversed(above)), None)
        return replace(located, proposed_question=proposal)

    def _states(self, block: RawBlock, cues: TextCues) -> bool:
        is_naming = cues.has_tables or cues.has_numbers or is_title(block.text)
        if is_naming or not states_as_heading(block.text):
            return False
        if ":" in block.text:
            return True
        is_short = cues.n_words <= _MAX_ASKING_WORDS  # "Ça craque" may ask
        return cues.question is None and not (is_short and asked(block.text))

    def _aside(self, block: RawBlock, cues: TextCues, reason: str) -> LocatedBlock:
        """Above the first passage, "Table 4, rapporteure" tells the table."""
        if block.kind == "heading" and reason != "votes":
            self._close_by(float(block.level or _PARAGRAPH))
        if self._is_head and cues.table is not None:
            rank = _TITLE if self._is_top else _PARAGRAPH
            self._keep_above(rank + _MINOR)
            self._sections.append(_Section(rank + _MINOR, Location(cues.table)))
        return aside(block, self._here(), reason)

    def _reason_to_skip(self, block: RawBlock, cues: TextCues) -> str:
        if reason := aside_of(block.text, in_head=self._is_head):
            return reason
        if block.kind == "paragraph" and (reason := reason_of_section(block.text)):
            self._keep_above(_PARAGRAPH)
            self._sections.append(_Section(_PARAGRAPH, Location(), reason, is_loose=True))
            return reason
        if self._sections[-1].is_loose and not names_person(block.text):
            self._sections.pop()
        listed = self._sections[-1].reason
        is_short = block.kind != "heading" and cues.n_words <= _MAX_LISTED_WORDS
        if not (listed and is_short) or is_label(block.text, cues, block.kind):
            return ""
        is_said = listed == "page furniture" and states(block.text, is_announced=False)
        return "" if is_said else listed

    def _rank(self, block: RawBlock, cues: TextCues, below: RawBlock | None) -> float | None:
        if opens_with_idea(block):
            return None
        if block.kind == "heading":
            is_passage = cues.n_words > _MAX_HEADING_WORDS or self._is_in_series(block, below)
            return None if is_passage else float(block.level or _PARAGRAPH)
        asks_bullet = self._habits.bullets_ask and block.kind == "bullet"
        is_asking = asks_bullet and asks(block.text, cues)
        if is_asking or names_part(block, cues, is_first=self._is_top):
            if block.kind == "bullet":
                return _BULLET + (block.level or 0)
            return _TITLE if self._is_top and cues.table is not None else _PARAGRAPH
        return self._rank_of_line(block, below) if block.kind == "paragraph" else None

    def _rank_of_line(self, block: RawBlock, below: RawBlock | None) -> float | None:
        """Rank a table named alone, or the first title."""
        prefix = split_prefix(block.text)
        is_report = self._here().question == "resume" and split_reporter(block.text) is not None
        if is_report and prefix is None:
            return None
        is_naming = names_table_alone(block, below) or names_table_in_passing(block, below)
        if is_naming or _calls_reporter(block):
            return _TITLE if self._is_top else _PARAGRAPH
        is_sure = prefix is not None and prefix.form in SURE_FORMS
        is_passage = is_sure or (prefix is not None and self._habits.accepts(prefix))
        return _TITLE if self._is_top and not is_passage and is_title(block.text) else None

    def _is_in_series(self, block: RawBlock, below: RawBlock | None) -> bool:
        """Whether lines follow like "Q1 : les bus" and "Q2 : la crèche"."""
        first, second = split_prefix(block.text), split_prefix(below.text) if below else None
        if not first or not second or first.form != second.form:
            return False
        return self._habits.accepts(first) and not _cues(block).is_label

    def _open(self, i: int, block: RawBlock, cues: TextCues, rank: float) -> None:
        above = [proposal for proposal in self._proposals if proposal[0] < rank]
        self._proposals = [*above, (rank, proposed(block.text))]
        words = telling_words(block.text)
        answer = self._answers.get(fold(block.text))
        question, is_perhaps = self._question(i, block.text, cues, rank, words)
        question = answer.question or question if answer else question
        reason = reason_of_section(block.text)
        is_of_other = self._concludes(block.text) or self._nicknames_table(block)
        is_located = cues.has_tables or cues.has_numbers or is_of_other or answer is not None
        if not (reason or question or is_located):
            self._close_by(rank)
            return
        told = answer or Location()
        if answer is not None and told.question is None and not cues.has_tables:
            rank += _SUB_LABEL  # what is told of it ends where its neighbour begins
        else:
            rank += 0 if reason else self._minor(cues, question)
        channel = channel_of(block.text) if question in _FIXED else None
        own = None if reason else question
        table = cues.table if told.table_number is None else told.table_number
        is_numbered = cues.number is not None or told.question is not None
        section = _Section(
            rank,
            Location(table, own, told.channel or channel, is_numbered, is_perhaps),
            reason=reason,
            is_answered=told.question is not None or (answer is not None and not cues.has_tables),
            hides_table=(cues.has_tables or is_of_other) and table is None,
            hides_question=cues.has_numbers and question is None,
            bullet_level=block.level or 0 if block.kind == "bullet" else None,
            words=words,
            reporter=reporter_named(block.text, is_sure=not self._habits.names_reporters)
            if cues.has_tables
            else None,
        )
        self._keep_above(rank)
        self._sections.append(section)

    def _nicknames_table(self, block: RawBlock) -> bool:
        """Whether a heading beside "Table 3" is another table's: "La tablée du fond"."""
        is_beside = self._habits.numbers_tables and block.kind == "heading"
        return is_beside and nickname_in(block.text) is not None

    def _concludes(self, title: str) -> bool:
        """Whether a heading of a summary is of no table: "En conclusion", "Points de vigilance"."""
        is_summary = self._here().question == "resume" and not self._habits.has_one_table
        return (
            is_summary
            and word_pattern("locate", "de_toutes_les_tables").search(fold(title)) is not None
        )

    def _question(
        self, i: int, title: str, cues: TextCues, rank: float, words: frozenset[str]
    ) -> tuple[str | None, bool]:
        question = self._habits.by_index.get(i) or _question_of(title, cues)
        side = one_sided(title) if question == "q3" and cues.number is None else None
        question = side if side and side not in self._habits.asked else question
        if question and cues.number is None:
            question = self._question_above(rank, words) or question
        is_structured = self._habits.n_asked >= STRUCTURED
        if question != "resume" or (is_structured and is_plain_summary(title)):
            return (None if question == "resume" else question), False
        rest = without_plenary(title)
        inside = _question_of(rest, read_cues(rest)) if rest is not None else None
        return inside or question, rest is not None and not inside

    def _question_above(self, rank: float, words: frozenset[str]) -> str | None:
        """Take the question above: "Fragilités" below "Atouts et fragilités" is half of it."""
        for section in reversed(self._sections):
            if section.rank < rank and words and words < section.words:
                return section.location.question
        return None

    def _minor(self, cues: TextCues, question: str | None) -> float:
        """Return what to add to a heading's rank: its equals contain it, or it contains them."""
        if question in _FIXED and not cues.has_tables:
            return -_SUB_LABEL
        if question and question in self._habits.numbered and cues.number is None:
            return _SUB_LABEL
        is_single = cues.has_tables != bool(question or cues.has_numbers)
        return _MINOR if is_single and cues.has_tables != self._habits.tables_lead else 0.0

    def _keep_above(self, rank: float) -> None:
        self._sections = [section for section in self._sections if section.rank < rank]

    def _close_by(self, rank: float) -> None:
        """Close all sections below the rank of an unclear heading.

        Beside "Q1" it names a subject of question 1; beside "Besoins" it may be another question.
        """
        beside = [
            section
            for section in self._sections
            if rank <= section.rank < rank + 1 and section.bullet_level is None
        ]
        self._keep_above(rank)
        for section in beside:
            if section.reason or section.is_answered:
                continue
            if not section.location.is_numbered:
                section = replace(section, location=replace(section.location, question=None))
            self._sections.append(section)

    def _passage(self, block: RawBlock, *, was_top: bool = False) -> LocatedBlock:
        if block.kind == "bullet":
            self._close_nested(block.level or 0)
        named = split_said(block.text)
        spoken = split_role(block.text) or (
            named if named and named[0] in self._habits.speakers else None
        )
        if spoken and not block.speaker:
            block = replace(block, speaker=spoken[0], text=spoken[1])
        block = replace(block, text=without_label(block.text))
        prefix = split_prefix(block.text)
        if prefix and self._habits.accepts(prefix):
            return self._prefixed(block, prefix, was_top=was_top)
        reporting = split_reporter(block.text) if self._here().question == "resume" else None
        if reporting is not None:
            self._hold(Location(table_number=reporting))
        here = self._here()
        if here.question == "resume" and not block.speaker:
            reporters = (section.reporter for section in reversed(self._sections))
            block = replace(block, speaker=next(filter(None, reporters), None))
        mark = split_mark(block.text)[1]
        return LocatedBlock.at(block, here if _is_fixed(here) else mark.over(here))

    def _close_nested(self, level: int) -> None:
        while (top := self._sections[-1]).bullet_level is not None and level < top.bullet_level:
            self._sections.pop()

    def _prefixed(self, block: RawBlock, prefix: Prefix, *, was_top: bool) -> LocatedBlock:
        here = self._here()
        location = prefix.location
        if _is_fixed(here):
            location = replace(location, question=None)
        opens_document = was_top and self._habits.has_one_table
        is_of_line = prefix.form == "bracketed" or here.channel == "postit"
        is_of_line = is_of_line or self._habits.is_tagged
        if block.kind == "paragraph" and (not is_of_line or prefix.speaker):
            self._hold(location, _TITLE if opens_document else _PREFIX)
        spoken = None if block.speaker or prefix.speaker else split_role(prefix.rest)
        speaker, text = spoken or (block.speaker or prefix.speaker, prefix.rest)
        said = replace(block, text=text, speaker=speaker)
        return LocatedBlock.at(said, location.over(here))

    def _hold(self, location: Location, rank: float = _PREFIX) -> None:
        self._keep_above(rank)
        self._sections.append(_Section(rank, location))

    def _here(self) -> Location:
        here = Location()
        for section in self._sections:
            own = section.location
            stays = _is_fixed(here) or (here.is_numbered and not own.is_numbered)
            if section.hides_question and not stays:
                here = replace(here, question=None, is_numbered=False, is_perhaps=False)
            elif own.question and not (here.question and stays):
                channel = None if here.is_perhaps else here.channel
                here = replace(own, table_number=here.table_number, channel=channel)
            table = None if section.hides_table else here.table_number
            if own.table_number is not None and not section.hides_table:
                table = own.table_number
            here = replace(here, table_number=table, channel=own.channel or here.channel)
        return here


def _names_list(block: RawBlock, below: RawBlock | None) -> bool:
    """Whether a bullet is a word or two above a list of its own: "Logement"."""
    if block.kind != "bullet" or below is None or below.kind != "bullet" or block.speaker:
        return False
    is_above = (below.level or 0) > (block.level or 0)
    is_short = len(fold(block.text).split()) <= _MAX_SUBJECT_WORDS
    is_plain = not re.search(r"\d|[.!?]\s*$", block.text)
    return is_above and is_short and is_plain and not states(block.text, is_announced=False)


def _header(block: RawBlock) -> str:
    is_titled = block.column is not None and block.column < len(block.columns)
    return block.columns[block.column][0] if block.column is not None and is_titled else ""


def _is_fixed(location: Location) -> bool:
    return location.question in _FIXED and not location.is_perhaps


def _question_of(title: str, cues: TextCues) -> str | None:
    if cues.question is None or cues.is_mostly_cues:
        return asked(title)
    return cues.numbered or resembled(title, margin=SURE)

"""What a whole document shows of its author's way of telling tables and questions, before any line is placed.

In:   the blocks of a document, and what its name tells
Out:  Habits
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.ingest.locate.cues import Location, TextCues, read_cues
from pipeline.ingest.locate.lines import Prefix, asks, is_idea, split_prefix
from pipeline.ingest.locate.titles import agrees, asked, asked_together, names_part, told_between
from pipeline.ingest.parts import RawBlock

_TAGGED_SHARE = (
    0.5  # share of passages with a prefix from which each prefix speaks for its own line only
)
_CAFE = frozenset({"q1", "q2", "q3", "q4"})
_MAX_NAME_WORDS = 8  # that may follow a table's number in a line of its own
_ALIKE = {"marked": 2, "bare": 3}  # lines that must bear a prefix which could be something else


@dataclass(frozen=True)
class Habits:
    """How the author tells tables and questions."""

    numbered: frozenset[str]  # questions that a heading or label numbers
    by_order: Mapping[
        int, str
    ]  # questions of headings whose words leave them open, told by their neighbours; by order of the block
    forms: frozenset[str]  # forms of prefix that surely name a table
    is_tagged: bool  # most passages carry a prefix, which tells of its own line only
    n_asked: int  # questions that head a part
    bullets_ask: bool  # several bullets ask one of the questions each: they head what follows
    tables_lead: bool  # tables hold questions, not the other way round

    def heeds(self, prefix: Prefix) -> bool:
        """True where `prefix` is a prefix and not the passage's own first words."""
        return prefix.form in self.forms or (
            prefix.form == "marked" and prefix.place.question is not None
        )


def read_habits(blocks: Sequence[RawBlock], name: Location) -> Habits:
    """Return the habits that `blocks` show."""
    by_bullets = {
        cues.question
        for block in blocks
        if block.kind == "bullet" and asks(block.text, cues := read_cues(block.text))
    }
    bullets_ask = len(by_bullets) > 1
    heads = {
        order: read_cues(block.text)
        for order, (block, below) in enumerate(zip(blocks, [*blocks[1:], None], strict=False))
        if _names_section(block, below, bullets_ask=bullets_ask, is_first=order == 0)
    }
    passages = [
        block
        for order, block in enumerate(blocks)
        if order not in heads and (block.kind in ("paragraph", "bullet") or opens_with_idea(block))
    ]
    prefixes = [prefix for block in passages if (prefix := split_prefix(block.text))]
    has_table = name.table_number is not None or any(
        cues.table is not None for cues in heads.values()
    )
    first = next(
        (
            cues
            for order, cues in heads.items()
            if cues.has_tables != (asked(blocks[order].text) in _CAFE)
        ),
        None,
    )
    return Habits(
        numbered=frozenset(
            cues.question for cues in heads.values() if cues.number is not None and cues.question
        ),
        by_order=_told_by_neighbours(heads)
        | _told_together({order: blocks[order] for order in heads}),
        forms=_sure_forms(prefixes, has_table=has_table),
        is_tagged=len(prefixes) >= _TAGGED_SHARE * len(passages)
        and not _each_opens_a_part(prefixes, len(passages)),
        n_asked=count_asked(blocks),
        bullets_ask=bullets_ask,
        tables_lead=first is None or first.has_tables,
    )


def opens_with_idea(block: RawBlock) -> bool:
    """True for a line that spells its table or question and goes on with an idea, whatever its weight or place: "Question 1 : on…"."""
    prefix = split_prefix(block.text)
    return prefix is not None and prefix.form in ("spelled", "bracketed") and is_idea(prefix.rest)


def count_asked(blocks: Sequence[RawBlock]) -> int:
    """The number of questions of the world café that head a part of the document."""
    return len({asked(block.text) for block in blocks if _names_section(block)} & _CAFE)


def names_table_alone(block: RawBlock, below: RawBlock | None) -> bool:
    """True for "Table 4 – Le Nouvion" above what was said there: a few words, no sentence, and no prefix on the next line."""
    prefix = split_prefix(block.text) if block.kind == "paragraph" and below else None
    if (
        prefix is None
        or below is None
        or prefix.form not in ("spelled", "bracketed")
        or prefix.place.table_number is None
    ):
        return False
    is_short = len(prefix.rest.split()) <= _MAX_NAME_WORDS and not prefix.rest.rstrip().endswith(
        (".", "!", "?", ";")
    )
    return is_short and not is_idea(prefix.rest) and split_prefix(below.text) is None


def _names_section(
    block: RawBlock,
    below: RawBlock | None = None,
    *,
    bullets_ask: bool = False,
    is_first: bool = False,
) -> bool:
    if opens_with_idea(block):
        return False
    cues = read_cues(block.text)
    is_asking = bullets_ask and block.kind == "bullet" and asks(block.text, cues)
    names = block.kind == "heading" or is_asking or names_table_alone(block, below)
    return names or (block.kind != "meta" and names_part(block, cues, is_first=is_first))


def _each_opens_a_part(prefixes: Sequence[Prefix], n_passages: int) -> bool:
    """True where spelled prefixes never come back and other lines lie between: "Question 1 : …" counts for what follows it too."""
    places = [prefix.place for prefix in prefixes]
    return len(set(places)) == len(places) < n_passages and all(
        prefix.form == "spelled" for prefix in prefixes
    )


def _told_by_neighbours(heads: Mapping[int, TextCues]) -> dict[int, str]:
    """The question of each heading with words of several, where one alone lies between the questions before and after it."""
    told: dict[int, str] = {}
    last = ""
    orders = list(heads)
    for place, order in enumerate(orders):
        cues = heads[order]
        if cues.question is None and cues.scores and not cues.has_numbers:
            after = (
                next(
                    (
                        heads[later].question
                        for later in orders[place + 1 :]
                        if heads[later].question
                    ),
                    None,
                )
                or "q9"
            )
            fitting = [
                question
                for question, _ in cues.scores
                if question[0] == "q" and last < question < after
            ]
            if len(fitting) == 1 and last:
                told[order] = fitting[0]
        question = told.get(order) or cues.question
        last = question if question and question[0] == "q" else last
    return told


def _told_together(heads: Mapping[int, RawBlock]) -> dict[int, str]:
    """The questions of headings that their words leave open and the others of their rank tell, below one table's heading or in all."""
    groups: dict[tuple[int, int | None], dict[int, str]] = {}
    n_tables = 0
    for order, head in heads.items():
        n_tables += read_cues(head.text).has_tables
        if head.kind == "heading":
            groups.setdefault((n_tables, head.level), {})[order] = head.text
    told: dict[int, str] = {}
    for titles in groups.values():
        questions = asked_together(titles)
        orders = list(titles)
        between = {
            orders[place]: question
            for place, question in told_between([questions.get(order) for order in orders]).items()
        }
        likely = {
            order: question
            for order, question in between.items()
            if agrees(titles[order], question)
        }
        told |= {
            order: question
            for order, question in (likely | questions).items()
            if read_cues(titles[order]).question is None
        }
    return told


def _sure_forms(prefixes: Sequence[Prefix], *, has_table: bool) -> frozenset[str]:
    """A letter and a digit alone may be a flat ("T3 – 650 €"): they count where nothing else names a table and several lines bear them."""
    forms = {"bracketed", "spelled"}
    for form, enough in _ALIKE.items():
        alike = [
            prefix.place.table_number
            for prefix in prefixes
            if prefix.form == form and prefix.place.table_number is not None
        ]
        if len(alike) >= enough and len(set(alike)) > 1 and not has_table:
            forms.add(form)
    return frozenset(forms)

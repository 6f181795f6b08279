"""Locate a conversation held during the workshop: messages tell tables and questions."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from pipeline.ingest.locate.cues import LocatedBlock, Location
from pipeline.ingest.locate.prefixes import Prefix, split_prefix, with_prefix
from pipeline.ingest.locate.spoken import announced_question, is_animator, only_announces
from pipeline.ingest.locate.titles import CAFE
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.words import colours, to_number
from pipeline.text import fold

_ENOUGH = 2  # messages that open with their table or question, or questions announced


def is_in_session(blocks: Sequence[RawBlock]) -> bool:
    """Whether messages open with their table or question, or several questions are announced."""
    messages = [block for block in blocks if block.kind != "meta"]
    announced = {_announced(block) for block in messages} & {*CAFE}
    return sum(map(bool, map(_prefix, messages))) >= _ENOUGH or len(announced) >= _ENOUGH


def locate_chat(blocks: Sequence[RawBlock], name: Location) -> list[LocatedBlock]:
    """Return the messages by their prefixes, the question announced last and the author's table.

    An author sits at the only table that her messages name.
    """
    tables: dict[str | None, set[int]] = {}
    for block in blocks:
        prefix = _prefix(block)
        if prefix and prefix.location.table_number is not None:
            tables.setdefault(block.speaker, set()).add(prefix.location.table_number)
    located: list[LocatedBlock] = []
    question = name.question
    for block in blocks:
        announced = _announced(block) if block.kind != "meta" else None
        question = announced or question
        if announced and only_announces(block.text):
            block = replace(block, kind="meta", reason="circumstance")
        own = tables.get(block.speaker, set())
        is_seated = len(own) == 1 and not is_animator(block.speaker or "")
        here = replace(name, table_number=min(own) if is_seated else name.table_number)
        here = replace(here, question=question)
        prefix = _prefix(block)
        if prefix:
            here, said = prefix.location.over(here), replace(block, text=prefix.rest)
        else:
            said = block
        located += with_prefix(block, LocatedBlock.at(said, here))
    return located


def _announced(block: RawBlock) -> str | None:
    prefix = _prefix(block)
    if prefix and prefix.location.table_number is not None:
        return None
    asks = is_animator(block.speaker or "") and block.text.rstrip().endswith("?")
    return announced_question(block.text, by_animator=asks)


def _prefix(block: RawBlock) -> Prefix | None:
    if block.kind == "meta":
        return None
    named = _colour_first().match(block.text)
    if named:  # "Violet : …", from the table so called
        return Prefix(Location(to_number(fold(named[1]))), "marked", block.text[named.end() :])
    prefix = split_prefix(block.text)
    return prefix if prefix and prefix.form != "bare" else None


@cache
def _colour_first() -> re.Pattern[str]:
    still = r"(?: +(?:tjs|toujours|encore|aussi|bis|suite))?"
    return re.compile(rf"({colours()}){still}\s*[:,–—-]\s*(?=\S)", re.IGNORECASE)

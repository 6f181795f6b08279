"""Where each block was said: table, question, channel, by what people write and say around it.

In:   a part of a file as its reader laid it out, and the names of the file and its folders
Out:  placed blocks; what could not be told is None

What tells first wins, in this order:

1. the columns of a table: a table or question column, the header above a cell, the label that opens a row;
2. the prefix of a line: "[T4]", "T4 –", "Table 4 :", "Q1 -";
3. the headings and labels above it, innermost first, by what they ask (data/lexicon/questions.yaml), else by number, else by the
   wordings they resemble (intitules.yaml) or the headings beside them; in a transcript, what people announce aloud;
4. the title and the notes at the head of the document;
5. the names of the sheet, the file and its folders, innermost first, and what the files beside it leave to it.

A summary by reporters keeps question `resume`, a mail or phone note `distance`, whatever stands inside.

Mails and phone notes: what was sent or said beside the workshop.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from statistics import median

from pipeline.ingest.locate.cues import LocatedBlock, Location, read_cues
from pipeline.ingest.locate.habits import count_asked
from pipeline.ingest.locate.lines import is_fact, is_meta, is_title, states
from pipeline.ingest.locate.sections import locate_cell, locate_sections
from pipeline.ingest.locate.spoken import locate_turns
from pipeline.ingest.locate.titles import (
    CAFE,
    channel_of,
    is_plain_summary,
    questions_by_siblings,
    read_names,
)
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.mail_body import blocks_of_mail
from pipeline.text import fold, lexicon

_MARKS = re.compile(
    r"(?<!\d):\s*|:\s+|\s[–—-]+>?\s+|(?<=[^\s.]{3})\.\s+(?=[A-ZÀ-Ý])|[,;]\s+|\s*→\s*"
)  # between circumstances and words
_SHORT, _MIN_TOLD = (
    3,
    2,
)  # letters of a small word; other words beside a figure, for it to belong to what was said
_N_OPENING = 6  # blocks among which the header lines of a copied mail stand


def locate_letter(blocks: Sequence[RawBlock], place: Location) -> list[LocatedBlock]:
    """Return `blocks` placed at `place`; the first line of a call sheet and the surroundings of a copied mail are `meta`."""
    told = _of_copied_mail(blocks) if is_copied_mail(blocks) else list(blocks)
    placed: list[LocatedBlock] = []
    is_top = True
    is_call = place.channel == "telephone"
    for block in (piece for whole in told for piece in (_cut_call(whole) if is_call else [whole])):
        is_aside = block.kind == "meta" or is_meta(block.text, in_head=is_top)
        is_aside = is_aside or (is_top and _opens_call(block.text) and not _says(block.text))
        kind = "meta" if is_aside else block.kind
        is_top = is_top and (is_aside or kind == "heading")
        placed.append(
            LocatedBlock(
                block.text,
                kind,
                block.level,
                place.table_number,
                place.question,
                place.channel or "mail",
                block.speaker,
            )
        )
    return placed


def is_call_sheet(blocks: Sequence[RawBlock]) -> bool:
    """True where the first line tells of a call ("Appel de Mme …", "Eu au téléphone …")."""
    return _opens_call(next((block.text for block in blocks if block.text.strip()), ""))


def is_copied_mail(blocks: Sequence[RawBlock]) -> bool:
    """True where a document opens with the header lines of a mail ("De : …", "Objet : …")."""
    opening = [fold(block.text) for block in blocks[:_N_OPENING] if ":" in block.text[:14]]
    return sum(bool(_pattern("en_tete_mail").search(line)) for line in opening) > 1


def _opens_call(text: str) -> bool:
    return bool(_pattern("debut_appel").search(fold(text)))


def _cut_call(block: RawBlock) -> list[RawBlock]:
    """A line that tells of a call and then of what was said, as two: "Appel de Mme Riou le 3/4 :", "elle dit que…"."""
    if block.kind == "meta" or not _opens_call(block.text) or _says(block.text):
        return [block]
    for mark in _MARKS.finditer(block.text):
        piece = _MARKS.split(block.text[mark.end() :], maxsplit=1)[0]
        is_told = (
            ":" in mark[0]
            and len(piece.split()) > 1
            and (not is_fact(piece) or _tells_beside_figures(piece))
        )
        if is_told or states(piece, is_announced=not mark[0].startswith((",", ";"))):
            before, after = block.text[: mark.end()].strip(), block.text[mark.end() :].strip()
            return [
                replace(block, text=before, kind="meta", level=None),
                replace(block, text=after, kind="paragraph", level=None),
            ]
    return [block]


def _tells_beside_figures(piece: str) -> bool:
    """True where a few words stand beside a figure that are neither a date, an hour nor a length: "3 familles sans logement"."""
    words = [word for word in fold(piece).split() if word.isalpha() and len(word) > _SHORT]
    return (
        bool(re.search(r"\d", piece))
        and sum(not _pattern("mots_de_date").fullmatch(word) for word in words) >= _MIN_TOLD
    )


def _says(text: str) -> bool:
    """True where a line that opens a call goes on without a mark with what was said: "Mme Riou a appelé pour dire que…"."""
    opening = _MARKS.split(text, maxsplit=1)[0]
    return states(_pattern("debut_appel").sub("", fold(opening), count=1), is_announced=False)


def _of_copied_mail(blocks: Sequence[RawBlock]) -> list[RawBlock]:
    """The blocks of a copied mail as the reader of mails would tell them."""
    lines = [f"- {block.text}" if block.kind == "bullet" else block.text for block in blocks]
    return blocks_of_mail("\n\n".join(lines))[0]


@cache
def _pattern(group: str) -> re.Pattern[str]:
    return re.compile("|".join(lexicon("where")[group]))


__all__ = ["LocatedBlock", "Location", "locate_blocks", "questions_by_siblings"]

_SHORT_CELL = 18  # words: a sheet whose cells are mostly shorter holds post-its
_IN_COLUMNS = (
    2  # questions that columns must tell, for them to win over a "synthèse" in the file's name
)
_STRUCTURED = (
    3  # questions that must head a "synthèse" or a mail for it to be a table's notes after all
)


def locate_blocks(
    part: RawPart,
    blocks: Sequence[RawBlock],
    *,
    names: Sequence[str],
    n_tables: int | None = None,
    likely: str | None = None,
) -> list[LocatedBlock]:
    """Return `blocks` of `part` in order, placed.

    `names` are its path's parts inside the workshop, `n_tables` is as announced, `likely` is what the files beside it leave to it.
    """
    return _without_lone_titles(_place(part, blocks, names, n_tables, likely))


def _without_lone_titles(placed: list[LocatedBlock]) -> list[LocatedBlock]:
    """The blocks of a document; where it has nothing but titles and circumstances, a title that states something is a passage."""
    if any(block.kind not in ("heading", "meta") for block in placed):
        return placed
    return [
        replace(block, kind="paragraph", level=None) if _is_passage(block) else block
        for block in placed
    ]


def _is_passage(block: LocatedBlock) -> bool:
    cues = read_cues(block.text)
    names = (
        cues.has_tables
        or cues.has_numbers
        or block.text.rstrip().endswith((":", "?"))
        or is_title(block.text)
    )
    return block.kind == "heading" and not names and states(block.text, is_announced=False)


def _place(
    part: RawPart,
    blocks: Sequence[RawBlock],
    names: Sequence[str],
    n_tables: int | None,
    likely: str | None,
) -> list[LocatedBlock]:
    """The blocks placed."""
    told = _head_place(blocks).over(
        read_names([*names, *([part.title] if part.title and part.rows else [])])
    )
    name = told.over(Location(question=likely))
    if part.channel == "transcript":
        return locate_turns(blocks, replace(name, channel="transcript"), n_tables=n_tables)
    channel = _channel(part, blocks, name)
    n_asked = count_asked(blocks)
    if channel in ("mail", "telephone"):
        is_notes = n_asked >= _STRUCTURED and name.table_number is not None
        place = (
            replace(name, channel=channel)
            if is_notes
            else Location(None, "distance", channel, is_numbered=True)
        )
        return locate_sections(blocks, place) if is_notes else locate_letter(blocks, place)
    if name.question == "resume" and all(map(is_plain_summary, names)):
        is_headed = n_asked >= (1 if name.is_perhaps else _STRUCTURED)
        if is_headed or len(_asked_by_columns(blocks)) >= _IN_COLUMNS:
            channel = _channel(part, blocks, replace(name, channel=None))
            channel = "notes" if channel == "resume" else channel
            return locate_sections(blocks, Location(name.table_number, None, channel))
    return locate_sections(blocks, replace(name, channel=channel))


def _asked_by_columns(blocks: Sequence[RawBlock]) -> set[str]:
    """The questions of the world café that the columns of tables tell."""
    placed = (locate_cell(block, Location()).question for block in blocks if block.columns)
    return {question for question in placed if question in CAFE}


def _head_place(blocks: Sequence[RawBlock]) -> Location:
    """What page headers and notes of a recording tell before the first line; several tables or questions tell none."""
    first = next(
        (order for order, block in enumerate(blocks) if block.kind != "meta" or block.columns),
        len(blocks),
    )
    titles = [title for title, _ in blocks[first].columns] if first < len(blocks) else []
    notes = [read_cues(block.text) for block in blocks[:first] if block.text not in titles]
    tables = {cues.table for cues in notes if cues.table is not None}
    questions = {cues.numbered for cues in notes if cues.numbered is not None}
    table, question = (
        (tables.pop() if len(tables) == 1 else None),
        (questions.pop() if len(questions) == 1 else None),
    )
    return Location(table, question, None, is_numbered=question is not None)


def _channel(part: RawPart, blocks: Sequence[RawBlock], name: Location) -> str:
    """The channel, by the format, the document's first lines, its name, its first heading, or the length of its cells."""
    if part.channel:
        return part.channel
    if is_copied_mail(blocks):
        return "mail"
    if is_call_sheet(blocks):
        return "telephone"
    told = (
        name.channel
        or next((channel_of(block.text) for block in blocks[:3] if block.kind == "heading"), None)
        or _titled(blocks)
    )
    if told in ("mail", "telephone") and part.rows:
        told = None
    return told or ("postit" if part.rows and _is_short(blocks) else "notes")


def _titled(blocks: Sequence[RawBlock]) -> str | None:
    """Post-its where a title above a table of them says so: "Saisie des post-it, 4 mai"."""
    titles = [
        block.text
        for block in blocks[:3]
        if block.kind == "paragraph" and not block.columns and is_title(block.text)
    ]
    has_cells = any(block.columns for block in blocks)
    return (
        "postit" if has_cells and any(channel_of(title) == "postit" for title in titles) else None
    )


def _is_short(blocks: Sequence[RawBlock]) -> bool:
    lengths = [len(block.text.split()) for block in blocks if block.kind == "cell"]
    return bool(lengths) and median(lengths) <= _SHORT_CELL

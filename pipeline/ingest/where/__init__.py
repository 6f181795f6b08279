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
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.where.cells import place_cell
from pipeline.ingest.where.cues import read_cues
from pipeline.ingest.where.habits import count_asked
from pipeline.ingest.where.letters import is_call_sheet, is_copied_mail, place_letter
from pipeline.ingest.where.lines import is_title, states
from pipeline.ingest.where.names import channel_of, is_plain_summary, questions_by_siblings, read_names
from pipeline.ingest.where.placed import Place, PlacedBlock
from pipeline.ingest.where.sections import place_sections
from pipeline.ingest.where.spoken import place_turns
from pipeline.ingest.where.titles import CAFE

__all__ = ["Place", "PlacedBlock", "place_blocks", "questions_by_siblings"]

_SHORT_CELL = 18  # words: a sheet whose cells are mostly shorter holds post-its
_IN_COLUMNS = 2  # questions that columns must tell, for them to win over a "synthèse" in the file's name
_STRUCTURED = 3  # questions that must head a "synthèse" or a mail for it to be a table's notes after all


def place_blocks(
    part: RawPart, blocks: Sequence[RawBlock], *, names: Sequence[str], n_tables: int | None = None, likely: str | None = None
) -> list[PlacedBlock]:
    """Return `blocks` of `part` in order, placed.

    `names` are its path's parts inside the workshop, `n_tables` is as announced, `likely` is what the files beside it leave to it.
    """
    return _without_lone_titles(_place(part, blocks, names, n_tables, likely))


def _without_lone_titles(placed: list[PlacedBlock]) -> list[PlacedBlock]:
    """The blocks of a document; where it has nothing but titles and circumstances, a title that states something is a passage."""
    if any(block.kind not in ("heading", "meta") for block in placed):
        return placed
    return [replace(block, kind="paragraph", level=None) if _is_passage(block) else block for block in placed]


def _is_passage(block: PlacedBlock) -> bool:
    cues = read_cues(block.text)
    names = cues.has_tables or cues.has_numbers or block.text.rstrip().endswith((":", "?")) or is_title(block.text)
    return block.kind == "heading" and not names and states(block.text, is_announced=False)


def _place(part: RawPart, blocks: Sequence[RawBlock], names: Sequence[str], n_tables: int | None, likely: str | None) -> list[PlacedBlock]:
    """The blocks placed."""
    told = _head_place(blocks).over(read_names([*names, *([part.title] if part.title and part.rows else [])]))
    name = told.over(Place(question=likely))
    if part.channel == "transcript":
        return place_turns(blocks, replace(name, channel="transcript"), n_tables=n_tables)
    channel = _channel(part, blocks, name)
    n_asked = count_asked(blocks)
    if channel in ("mail", "telephone"):
        is_notes = n_asked >= _STRUCTURED and name.table_number is not None
        place = replace(name, channel=channel) if is_notes else Place(None, "distance", channel, is_numbered=True)
        return place_sections(blocks, place) if is_notes else place_letter(blocks, place)
    if name.question == "resume" and all(map(is_plain_summary, names)):
        is_headed = n_asked >= (1 if name.is_perhaps else _STRUCTURED)
        if is_headed or len(_asked_by_columns(blocks)) >= _IN_COLUMNS:
            channel = _channel(part, blocks, replace(name, channel=None))
            channel = "notes" if channel == "resume" else channel
            return place_sections(blocks, Place(name.table_number, None, channel))
    return place_sections(blocks, replace(name, channel=channel))


def _asked_by_columns(blocks: Sequence[RawBlock]) -> set[str]:
    """The questions of the world café that the columns of tables tell."""
    placed = (place_cell(block, Place()).question for block in blocks if block.columns)
    return {question for question in placed if question in CAFE}


def _head_place(blocks: Sequence[RawBlock]) -> Place:
    """What page headers and notes of a recording tell before the first line; several tables or questions tell none."""
    first = next((order for order, block in enumerate(blocks) if block.kind != "meta" or block.columns), len(blocks))
    titles = [title for title, _ in blocks[first].columns] if first < len(blocks) else []
    notes = [read_cues(block.text) for block in blocks[:first] if block.text not in titles]
    tables = {cues.table for cues in notes if cues.table is not None}
    questions = {cues.numbered for cues in notes if cues.numbered is not None}
    table, question = (tables.pop() if len(tables) == 1 else None), (questions.pop() if len(questions) == 1 else None)
    return Place(table, question, None, is_numbered=question is not None)


def _channel(part: RawPart, blocks: Sequence[RawBlock], name: Place) -> str:
    """The channel, by the format, the document's first lines, its name, its first heading, or the length of its cells."""
    if part.channel:
        return part.channel
    if is_copied_mail(blocks):
        return "mail"
    if is_call_sheet(blocks):
        return "telephone"
    told = name.channel or next((channel_of(block.text) for block in blocks[:3] if block.kind == "heading"), None) or _titled(blocks)
    if told in ("mail", "telephone") and part.rows:
        told = None
    return told or ("postit" if part.rows and _is_short(blocks) else "notes")


def _titled(blocks: Sequence[RawBlock]) -> str | None:
    """Post-its where a title above a table of them says so: "Saisie des post-it, 4 mai"."""
    titles = [block.text for block in blocks[:3] if block.kind == "paragraph" and not block.columns and is_title(block.text)]
    has_cells = any(block.columns for block in blocks)
    return "postit" if has_cells and any(channel_of(title) == "postit" for title in titles) else None


def _is_short(blocks: Sequence[RawBlock]) -> bool:
    lengths = [len(block.text.split()) for block in blocks if block.kind == "cell"]
    return bool(lengths) and median(lengths) <= _SHORT_CELL

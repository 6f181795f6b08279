"""What a reader returns: the parts of a file, as its author laid them out. Nothing here knows of workshops or grids."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class RawBlock:
    """A heading, paragraph, bullet, cell or cue in reading order; `text` has no bullet sign, number or time code."""

    text: str
    kind: str = "paragraph"  # one of pipeline.tables.BLOCK_KINDS
    level: int | None = None  # heading 1..6, bullet 0..
    speaker: str | None = None  # as written in the file
    columns: tuple[tuple[str, str], ...] = ()  # (header, cell) of the row it comes from, where it comes from a table
    column: int | None = None  # which of `columns` the text lies in


@dataclass(frozen=True)
class RawPart:
    """A document: a whole file (`name` empty), or a mail, attachment, sheet or archived file of it (`name` is the `#part` of its path)."""

    blocks: tuple[RawBlock, ...]
    name: str = ""
    title: str | None = None
    channel: str | None = None  # where the format itself tells: mail, transcript
    people: tuple[tuple[str, str], ...] = ()  # (name, mail address) of senders and recipients
    rows: tuple[tuple[str, ...], ...] = ()  # every row of a sheet or table file, blanks as ""; () for prose
    warnings: tuple[str, ...] = field(default=())  # what was skipped in it, in French, without its content
    error: tuple[str, str] | None = None  # French reason and advice where this part alone, such as an attachment, could not be read

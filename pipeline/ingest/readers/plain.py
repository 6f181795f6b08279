"""Read plain text (.txt and files without a better format).

In:   the bytes of a text
Out:  one part, or the rows of a table where every line is cut by the same separators
"""

from pipeline.ingest.parts import RawPart
from pipeline.ingest.readers.delimited import looks_delimited, rows_of
from pipeline.ingest.readers.lines import blocks_of_lines
from pipeline.ingest.readers.source import Source, no_text
from pipeline.ingest.sniff import decode


def read_plain(source: Source) -> tuple[RawPart, ...]:
    """Return the text as one part.

    Raises `ReadError` for bytes that are no text and for a blank file.
    """
    text = decode(source.content)
    if looks_delimited(text):
        return (RawPart((), rows=rows_of(text)),)
    blocks = blocks_of_lines(text.replace("\f", "\n\n").split("\n"))
    if not blocks:
        raise no_text("fichier texte")
    return (RawPart(tuple(blocks), warnings=unreadable_signs(text)),)


def unreadable_signs(text: str) -> tuple[str, ...]:
    """A warning where signs were lost before the file came here."""
    n_lost = text.count("\ufffd")
    return (f"{n_lost} signe{'s' if n_lost > 1 else ''} illisible{'s' if n_lost > 1 else ''} dans le texte",) if n_lost else ()

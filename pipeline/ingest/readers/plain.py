"""Read plain text (.txt and files without a better format).

In:   the bytes of a text
Out:  one part, or the rows of a table where every line is cut by the same separators
"""

from pipeline.ingest.parts import RawPart
from pipeline.ingest.readers.chat import chat_blocks
from pipeline.ingest.readers.delimited import looks_delimited, rows_of
from pipeline.ingest.readers.lines import blocks_of_lines
from pipeline.ingest.readers.source import Source, no_text
from pipeline.ingest.readers.spoken_text import spoken_blocks
from pipeline.ingest.readers.wording import unreadable_signs
from pipeline.ingest.sniff import decode


def read_plain(source: Source) -> tuple[RawPart, ...]:
    """Return the text as one part.

    Raises `ReadError` for bytes that are no text and for a blank file.
    """
    text = decode(source.content)
    lines = text.replace("\f", "\n\n").split("\n")
    chat = chat_blocks(lines)
    if chat is not None:
        return (RawPart(tuple(chat), warnings=unreadable_signs(text)),)
    if looks_delimited(text):
        return (RawPart((), rows=rows_of(text)),)
    spoken = spoken_blocks(lines)
    if spoken is not None:
        return (RawPart(tuple(spoken), channel="transcript", warnings=unreadable_signs(text)),)
    blocks = blocks_of_lines(lines)
    if not blocks:
        raise no_text("fichier texte")
    return (RawPart(tuple(blocks), warnings=unreadable_signs(text)),)

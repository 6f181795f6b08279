"""Read plain text (.txt and files without a better format).

In:   the bytes of a text
Out:  one part, or the rows of a table where every line is cut by the same separators

Check structured files (.json, .geojson) that other modules interpret; here they are only decoded and parsed once.
"""

import json

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawBlock, RawPart, decode
from pipeline.ingest.readers.blocks import blocks_of_lines
from pipeline.ingest.readers.sheets import looks_delimited, rows_of
from pipeline.ingest.readers.source import Source, no_text
from pipeline.ingest.readers.spoken import chat_blocks, spoken_blocks
from pipeline.ingest.readers.wording import unreadable_signs


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


def read_json(source: Source) -> tuple[RawPart, ...]:
    """Return the text of a JSON file as one meta block.

    Raises `ReadError` where it does not parse.
    """
    text = decode(source.content).removeprefix("\ufeff")
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReadError(
            "fichier JSON illisible",
            "un fichier .json ou .geojson complet",
            "l'exporter de nouveau depuis l'outil de cartographie",
        ) from error
    return (RawPart((RawBlock(text, "meta"),)),)

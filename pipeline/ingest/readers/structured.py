"""Check structured files (.json, .geojson) that other modules interpret; here they are only decoded and parsed once.

In:   the bytes of a JSON file
Out:  one part whose only block, of kind meta, is the file's text
"""

import json

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.source import Source
from pipeline.ingest.sniff import decode


def read_json(source: Source) -> tuple[RawPart, ...]:
    """Return the text of a JSON file as one meta block.

    Raises `ReadError` where it does not parse.
    """
    text = decode(source.content).removeprefix("\ufeff")
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReadError(
            "fichier JSON illisible", "un fichier .json ou .geojson complet", "l'exporter de nouveau depuis l'outil de cartographie"
        ) from error
    return (RawPart((RawBlock(text, "meta"),)),)

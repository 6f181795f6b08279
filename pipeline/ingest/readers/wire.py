"""How readings travel from the child process to the run: one line of JSON each, never pickle.

In:   parts, or an error
Out:  a line; and back
"""

import json
from dataclasses import asdict
from typing import Any

from pipeline.ingest.parts import RawBlock, RawPart

Error = tuple[str, str]  # French reason and advice
NO_MEMORY: Error = ("fichier qui demande trop de mémoire", "le découper, en retirer les images, ou l'enregistrer dans un autre format")


def to_line(parts: tuple[RawPart, ...], error: Error | None = None) -> bytes:
    """The line for what a file held."""
    return json.dumps({"parts": [asdict(part) for part in parts], "error": error}).encode("ascii") + b"\n"


def from_line(line: bytes) -> tuple[tuple[RawPart, ...], Error | None]:
    """What a file held.

    Raises `ValueError`, `KeyError` or `TypeError` for a line that `to_line` did not write.
    """
    found = json.loads(line)
    return tuple(_part(part) for part in found["parts"]), _pair(found["error"])


def _part(found: dict[str, Any]) -> RawPart:
    return RawPart(
        **found
        | {
            "blocks": tuple(RawBlock(**block | {"columns": _pairs(block["columns"])}) for block in found["blocks"]),
            "people": _pairs(found["people"]),
            "rows": tuple(tuple(row) for row in found["rows"]),
            "warnings": tuple(found["warnings"]),
            "error": _pair(found["error"]),
        }
    )


def _pairs(found: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((first, second) for first, second in found)


def _pair(found: list[str] | None) -> Error | None:
    return (found[0], found[1]) if found else None

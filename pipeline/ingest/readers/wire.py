"""How readings travel from the child process to the run: one line of JSON each in a frame that says its length, never pickle.

In:   parts, or an error
Out:  a line; and back. What comes back is checked type by type: the child has read hostile files and is not trusted
"""

import errno
import json
import struct
from dataclasses import asdict
from typing import IO, Any

from pipeline.ingest.parts import RawBlock, RawPart

Error = tuple[str, str]  # French reason and advice
NO_MEMORY: Error = ("fichier qui demande trop de mémoire", "le découper, en retirer les images, ou l'enregistrer dans un autre format")
READY = b"ready"
MAX_ANSWER = 96_000_000  # bytes of one answer; a reader's own limits keep it well below

_HEADER = struct.Struct(">?Q")  # whether the child ends after this answer, and the answer's length


_LASTING = {errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR}


def is_passing(error: OSError) -> bool:
    """Whether the system may give the file another time although nobody changes it: it was away, or its disk did not answer.

    Rights and loops of links stay as they are until somebody changes them.
    """
    return error.errno not in _LASTING


class TooLongError(ValueError):
    """An answer longer than any reader may give."""


def frame(line: bytes, *, is_last: bool = False) -> bytes:
    """`line` as it goes through the pipe."""
    return _HEADER.pack(is_last, len(line)) + line


def read_frame(stream: IO[bytes]) -> tuple[bytes, bool]:
    """The next line of `stream` and whether it is the child's last; (b"", True) where the child is gone.

    Raises `TooLongError` before reading a line over `MAX_ANSWER`.
    """
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return b"", True
    is_last, n_bytes = _HEADER.unpack(header)
    if n_bytes > MAX_ANSWER:
        raise TooLongError
    line = stream.read(n_bytes)
    return (line, is_last) if len(line) == n_bytes else (b"", True)


def to_line(parts: tuple[RawPart, ...], error: Error | None = None) -> bytes:
    """The line for what a file held."""
    return json.dumps({"parts": [asdict(part) for part in parts], "error": error}, separators=(",", ":")).encode("ascii")


def failure_to_line(failure: str) -> bytes:
    """The line of a child that ends because of what no reader foresaw; `failure` names the exception and the place."""
    return json.dumps({"failure": failure}).encode("ascii")


def away_to_line(why: str) -> bytes:
    """The line for a file that the system did not give, which it may give another time."""
    return json.dumps({"away": why}).encode("ascii")


def from_line(line: bytes) -> tuple[tuple[RawPart, ...], Error | None]:
    """What a file held.

    Raises `ValueError`, `KeyError`, `TypeError`, `AttributeError` or `RecursionError` for a line that `to_line` did not write.
    """
    found = json.loads(line)
    return tuple(_part(part) for part in found["parts"]), _pair(found["error"])


def failure_of_line(line: bytes) -> str | None:
    """What `failure_to_line` wrote, None for any other line."""
    return _text(json.loads(line)["failure"])[:80] if line.startswith(b'{"failure"') else None


def away_of_line(line: bytes) -> str | None:
    """What `away_to_line` wrote, None for any other line."""
    return _text(json.loads(line)["away"])[:80] if line.startswith(b'{"away"') else None


def _part(found: dict[str, Any]) -> RawPart:
    return RawPart(
        blocks=tuple(_block(block) for block in found["blocks"]),
        name=_text(found["name"]),
        title=_optional(found["title"]),
        channel=_optional(found["channel"]),
        people=_pairs(found["people"]),
        rows=tuple(tuple(map(_text, row)) for row in found["rows"]),
        warnings=tuple(map(_text, found["warnings"])),
        error=_pair(found["error"]),
    )


def _block(found: dict[str, Any]) -> RawBlock:
    level, column = _number(found["level"]), _number(found["column"])
    return RawBlock(_text(found["text"]), _text(found["kind"]), level, _optional(found["speaker"]), _pairs(found["columns"]), column)


def _text(value: Any) -> str:
    """A text of the answer; half a character, which no table holds, becomes « ? »."""
    if not isinstance(value, str):
        raise TypeError
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _optional(value: Any) -> str | None:
    return None if value is None else _text(value)


def _number(value: Any) -> int | None:
    if value is not None and not (type(value) is int and 0 <= value < 2**31):
        raise TypeError
    return value


def _pairs(found: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((_text(first), _text(second)) for first, second in found)


def _pair(found: list[str] | None) -> Error | None:
    return (_text(found[0]), _text(found[1])) if found else None

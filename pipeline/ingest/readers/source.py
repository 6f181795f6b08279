"""Define a reader's input, refusals and answers.

An answer is a line of JSON, framed by its length; nothing is ever unpickled.
"""

import errno
import json
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import IO, TYPE_CHECKING, Any

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawBlock, RawPart

if TYPE_CHECKING:
    from pipeline.ingest.readers.pictures import LineReader

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Cap what a file may unfold into; a file beyond a cap is refused whole."""

    max_bytes: int = 50 * MEGABYTE
    max_entries: int = 10_000  # in a zip container
    max_unzipped_bytes: int = 500 * MEGABYTE
    max_ratio: int = 300  # unzipped to zipped; a large blank sheet's XML reaches 150
    max_depth: int = 5  # nested attachments
    max_parts: int = 20_000  # mails of a mailbox, sheets of a workbook
    max_chars: int = 20_000_000  # all parts
    max_blocks: int = 200_000


@dataclass(frozen=True)
class FileContent:
    """The bytes of a file or attachment; `depth` counts its containers."""

    content: bytes
    name: str
    limits: Limits = Limits()
    depth: int = 0
    n_archives: int = 0  # containers that are archives
    read_lines: "LineReader | None" = None  # reads pictures, where that is installed and wanted

    def inner(self, content: bytes, name: str) -> "FileContent":
        """Return an attachment of this file; raise `ReadError` if too large or too deep."""
        if self.depth >= self.limits.max_depth:
            raise ReadError(
                "trop de fichiers emboîtés (pièces jointes, archives)",
                f"{self.limits.max_depth} niveaux au plus",
                "enregistrer le fichier à part dans le dossier de l'atelier",
            )
        self.check_size(len(content))
        return replace(self, content=content, name=name, depth=self.depth + 1)

    def check_size(self, n_bytes: int) -> None:
        """Raise `ReadError` where an inner file exceeds the size limit."""
        if n_bytes > self.limits.max_bytes:
            raise too_large(n_bytes, self.limits.max_bytes)


ReadSource = Callable[[FileContent], tuple[RawPart, ...]]


def too_large(n_bytes: int, max_bytes: int) -> ReadError:
    """Return the refusal of a file larger than the study allows."""
    return ReadError(
        f"fichier de {_megabytes(n_bytes)} Mo",
        f"{_megabytes(max_bytes)} Mo au plus",
        "découper le fichier ou en retirer les images, "
        "ou relever « max_file_mb » dans etude.toml, section [ingest]",
    )


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / MEGABYTE:.1f}".replace(".", ",").removesuffix(",0")


def too_much(what: str) -> ReadError:
    """Return the refusal of too much text; `what` counts it."""
    return ReadError(
        f"document démesuré ({what})",
        "un document d'atelier",
        "vérifier que c'est le bon fichier, ou le découper",
    )


def corrupt(what: str) -> ReadError:
    """Return the refusal of a damaged file; `what` has its article."""
    return ReadError(
        f"{what} est abîmé ou incomplet",
        "un fichier qui s'ouvre dans son logiciel",
        "l'ouvrir dans son logiciel, l'enregistrer de nouveau puis le redéposer ; "
        "s'il ne s'ouvre pas, en redemander une copie",
    )


def protected(what: str) -> ReadError:
    """Return the refusal of an encrypted file; `what` has no article."""
    return ReadError(
        f"{what} protégé par un mot de passe",
        "un fichier sans mot de passe",
        "l'ouvrir avec son mot de passe, l'enregistrer sans protection puis le redéposer",
    )


PICTURE = "image ou photo"
NO_TEXT_LAYER = "sans texte (scan)"
READ_BY_MACHINE = (
    "les faire lire par la machine (pip install 'ateliers-territoires[ocr]', "
    "et « ocr = true » dans etude.toml, section [ingest])"
)


def is_picture(error: "Error | None") -> bool:
    """Whether a file or part was refused only because it is a picture or a scan."""
    return error is not None and (error[0] == PICTURE or error[0].endswith(NO_TEXT_LAYER))


def no_text(what: str) -> ReadError:
    """Return the refusal of a blank file; `what` has no article."""
    return ReadError(
        f"{what} sans texte",
        "au moins un mot",
        "vérifier que c'est le bon fichier, ou le retirer du dossier",
    )


Error = tuple[str, str]  # French reason and advice
NO_MEMORY: Error = (
    "fichier qui demande trop de mémoire",
    "le découper, en retirer les images, ou l'enregistrer dans un autre format",
)
READY = b"ready"
MAX_ANSWER = 96_000_000  # bytes of an answer; readers' limits keep it well below
_HEADER = struct.Struct(">?Q")  # whether the child ends after this answer, its length
_LASTING = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR})


def is_passing(error: OSError) -> bool:
    """Whether another try may succeed: denied rights and link loops last."""
    return error.errno not in _LASTING


class TooLongError(ValueError):
    """An answer exceeds `MAX_ANSWER`."""


def frame(line: bytes, *, is_last: bool = False) -> bytes:
    """Return `line` with its frame for the pipe."""
    return _HEADER.pack(is_last, len(line)) + line


def read_frame(stream: IO[bytes]) -> tuple[bytes, bool]:
    """Return the next line and whether it is the last; (b"", True) if the child is gone.

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
    """Return the line for a file's parts or error."""
    answer = {"parts": [asdict(part) for part in parts], "error": error}
    return json.dumps(answer, separators=(",", ":")).encode("ascii")


def failure_to_line(failure: str) -> bytes:
    """Return the last line of a child that met the unforeseen `failure`."""
    return json.dumps({"failure": failure}).encode("ascii")


def away_to_line(why: str) -> bytes:
    """Return the line for a file that may be readable later."""
    return json.dumps({"away": why}).encode("ascii")


def from_line(line: bytes) -> tuple[tuple[RawPart, ...], Error | None]:
    """Return the parts and error of a line.

    Raises `ValueError`, `KeyError`, `TypeError`, `AttributeError` or `RecursionError` for a line
    that `to_line` did not write.
    """
    answer = json.loads(line)
    return tuple(_part(part) for part in answer["parts"]), _error(answer["error"])


def failure_of_line(line: bytes) -> str | None:
    """Return what `failure_to_line` wrote, None for any other line."""
    return _text(json.loads(line)["failure"])[:80] if line.startswith(b'{"failure"') else None


def away_of_line(line: bytes) -> str | None:
    """Return what `away_to_line` wrote, None for any other line."""
    return _text(json.loads(line)["away"])[:80] if line.startswith(b'{"away"') else None


def _part(values: dict[str, Any]) -> RawPart:
    return RawPart(
        blocks=tuple(_block(block) for block in values["blocks"]),
        name=_text(values["name"]),
        title=_optional(values["title"]),
        channel=_optional(values["channel"]),
        people=_pairs(values["people"]),
        rows=tuple(tuple(map(_text, row)) for row in values["rows"]),
        warnings=tuple(map(_text, values["warnings"])),
        taken_for=_text(values["taken_for"]),
        left_out=_pairs(values["left_out"]),
        n_words_dropped=_number(values["n_words_dropped"]) or 0,
        is_machine_read=values["is_machine_read"] is True,
        error=_error(values["error"]),
    )


def _block(values: dict[str, Any]) -> RawBlock:
    return RawBlock(
        _text(values["text"]),
        _text(values["kind"]),
        _number(values["level"]),
        _optional(values["speaker"]),
        _pairs(values["columns"]),
        _number(values["column"]),
        _text(values["reason"]),
        _optional(values["channel"]),
        _number(values["n_votes"]),
    )


def _text(value: Any) -> str:
    """Replace half characters, which no table holds, with « ? »."""
    if not isinstance(value, str):
        raise TypeError
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _optional(value: Any) -> str | None:
    return None if value is None else _text(value)


def _number(value: Any) -> int | None:
    if value is not None and not (type(value) is int and 0 <= value < 2**31):
        raise TypeError
    return value


def _pairs(values: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((_text(first), _text(second)) for first, second in values)


def _error(values: list[str] | None) -> Error | None:
    return (_text(values[0]), _text(values[1])) if values else None

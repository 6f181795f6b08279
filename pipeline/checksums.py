"""Checksums of what the last run left, in tables/empreintes.json, which is written last.

In:   the files of a study, and the id of the run that left them
Out:  what of them is missing, empty, cut off or altered

A file of the same size and date is not read again, unless everything is asked for.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pipeline.errors import StudyError
from pipeline.files import file_hash, text_hash, write_bytes

Damage = Literal["missing", "empty", "truncated", "altered"]
NAME = "empreintes.json"


@dataclass(frozen=True)
class Checksum:
    """What a file was; no `sha256` where it would tell words that are hidden."""

    sha256: str
    n_bytes: int
    modified_at: int  # nanoseconds


@dataclass(frozen=True)
class Checksums:
    """The files of a run by their path in the study.

    `is_open` while a run replaces them: where it was cut off, others are no damage.
    """

    run_id: str
    is_open: bool
    files: dict[str, Checksum]

    def damages(
        self, root: Path, is_asked: Callable[[str], bool], *, whole: bool = False
    ) -> dict[str, Damage]:
        """Return what happened to those of the files that are asked for; `whole` reads each one."""
        found = {
            name: damage_of(root / name, checksum, whole=whole)
            for name, checksum in self.files.items()
            if is_asked(name)
        }
        return {name: damage for name, damage in found.items() if damage is not None}


def checksum_of(path: Path, *, is_hashed: bool = True) -> Checksum:
    """Return the checksum of a file."""
    status = path.stat()
    return Checksum(file_hash(path) if is_hashed else "", status.st_size, status.st_mtime_ns)


def damage_of(path: Path, checksum: Checksum, *, whole: bool = False) -> Damage | None:
    """Return what happened to a file since, None if nothing."""
    if not path.is_file():
        return "missing"
    status = path.stat()
    if status.st_size != checksum.n_bytes:
        if status.st_size == 0:
            return "empty"
        return "truncated" if status.st_size < checksum.n_bytes else "altered"
    if status.st_mtime_ns == checksum.modified_at and not whole:
        return None
    if not checksum.sha256:
        return None if status.st_mtime_ns == checksum.modified_at else "altered"
    return None if file_hash(path) == checksum.sha256 else "altered"


def read_checksums(path: Path) -> Checksums | None:
    """Return the checksums written in `path`, None without any.

    Raises `StudyError` for a file that is not what was written.
    """
    try:
        content = json.loads(path.read_bytes())
        seal = content.pop("sha256")
        files = {name: Checksum(**fields) for name, fields in content.pop("files").items()}
        checksums = Checksums(files=files, **content)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(path) from error
    if seal != _seal(checksums):
        raise _damaged(path)
    return checksums


def write_checksums(path: Path, checksums: Checksums) -> None:
    """Write `checksums` in one step, with a seal of their own."""
    content = asdict(checksums) | {"sha256": _seal(checksums)}
    write_bytes(path, (json.dumps(content, ensure_ascii=False, indent=0) + "\n").encode())


def _seal(checksums: Checksums) -> str:
    return text_hash(json.dumps(asdict(checksums), sort_keys=True))


def _damaged(path: Path) -> StudyError:
    return StudyError(
        f"{path.parent.name}/{path.name} est abîmé",
        "les empreintes de ce que le dernier traitement a laissé",
        "rien n'est perdu : ateliers run ÉTUDE les refait, d'après runs/",
    )


def names_below(root: Path, paths: Iterable[Path]) -> list[str]:
    """Return the paths relative to `root`, in order."""
    return sorted(path.relative_to(root).as_posix() for path in paths if path.is_file())

"""Unpack an archive that a person dropped, file by file, into the depot.

A bomb is refused before anything is written; a dangerous entry is refused alone.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from flows.deposit import Deposit, Placed
from pipeline.depot import is_junk
from pipeline.errors import ReadError, UsageError
from pipeline.files import read_only
from pipeline.ingest.parts import Limits, corrupt
from pipeline.ingest.readers.container import (
    DAMAGED_ENTRY,
    check_entry,
    check_unfolding,
    entry_path,
)

_MAX_ENTRIES = 2_000
_COPY_BYTES = 1024 * 1024

Entry = tuple[str, zipfile.ZipInfo]


def is_archive(path: str, content: Path) -> bool:
    """Whether a dropped file is to be unpacked: a .zip, not a document that is one inside."""
    return path.lower().endswith(".zip") and zipfile.is_zipfile(content)


def unpack(
    deposit: Deposit, content: Path, path: str, workshop: str, *, max_bytes: int
) -> list[Placed]:
    """Place each file of the archive called `path`; may be called again after a crash.

    Without a workshop, each first folder of the archive is one, or the archive itself is. Raises
    `UsageError` for an archive that is damaged, blank, or unfolds beyond `max_bytes`.
    """
    name = PurePosixPath(path.replace("\\", "/")).name
    try:
        with zipfile.ZipFile(content) as archive:
            entries = _entries(archive)
            limits = Limits(max_entries=_MAX_ENTRIES, max_unzipped_bytes=max_bytes)
            check_unfolding([entry for _, entry in entries], limits, f"« {name} » : archive")
            placed = []
            for inside, entry in _in_workshops(entries, workshop, name):
                try:
                    check_entry(inside, entry)
                    placed.append(_place(deposit, archive, (inside, entry), content, workshop))
                except ReadError as error:
                    shown = PurePosixPath(inside).name[:80]
                    told = f"« {shown} » : {error.found} ; {error.do}"
                    placed.append(Placed(inside, "refused", told))
    except ReadError as error:
        raise UsageError(error.found, error.expected, error.do) from error
    except DAMAGED_ENTRY as error:
        raise UsageError(
            f"« {name} » : archive abîmée",
            "un .zip entier",
            "la refaire, ou déposer ses fichiers sans archive",
        ) from error
    if not placed:
        raise UsageError(
            f"« {name} » : archive sans document", "au moins un fichier", "vérifier l'archive"
        )
    return placed


def _entries(archive: zipfile.ZipFile) -> list[Entry]:
    named = [(entry_path(entry), entry) for entry in archive.infolist() if not entry.is_dir()]
    return [  # a dangerous path is refused later, and said
        (path, entry)
        for path, entry in named
        if ".." in path.split("/") or not is_junk(PurePosixPath(path))
    ]


def _in_workshops(entries: Sequence[Entry], workshop: str, name: str) -> list[Entry]:
    """Drop a folder around all others, and name a workshop where the archive names none."""
    firsts = {path.split("/", 1)[0] for path, _ in entries}
    is_around = len(firsts) == 1 and all(path.count("/") > 1 for path, _ in entries)
    if is_around or (workshop and len(firsts) == 1 and all("/" in path for path, _ in entries)):
        entries = [(path.split("/", 1)[1], entry) for path, entry in entries]
    if not workshop and any("/" not in path for path, _ in entries):
        entries = [(f"{name[:-4]}/{path}", entry) for path, entry in entries]
    return sorted(entries, key=lambda pair: pair[0])


def _place(
    deposit: Deposit, archive: zipfile.ZipFile, member: Entry, content: Path, workshop: str
) -> Placed:
    path, entry = member
    unpacked = content.with_suffix(".membre")
    try:
        with archive.open(entry) as source, unpacked.open("wb") as target:
            while chunk := source.read(_COPY_BYTES):  # never beyond the size that was checked
                target.write(chunk)
        return deposit.place(unpacked, workshop, path)
    except DAMAGED_ENTRY as error:
        raise corrupt("le fichier, dans l'archive") from error
    except OSError as error:
        raise read_only(content.parent, error) from error
    finally:
        unpacked.unlink(missing_ok=True)

"""Files written in one step, and what their bytes hash to.

Nothing heavy is imported before a table is written.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def text_hash(*parts: str) -> str:
    """sha256 of some texts, each kept apart from the next."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def write_parquet(frame: "pd.DataFrame", path: Path, *, mode: int = 0o644) -> str:
    """Write `frame` as Parquet in one step; return the file's sha256."""
    content = parquet_bytes(frame)
    write_bytes(path, content, mode=mode)
    return hashlib.sha256(content).hexdigest()


def parquet_bytes(frame: "pd.DataFrame") -> bytes:
    """The rows as one Parquet file: the same rows give the same bytes."""
    import io

    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def write_bytes(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file in one step: a crash or a power cut leaves the old one or the new one, never a half.

    Raises `StudyError` when the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except OSError as error:
        raise read_only(path.parent, error) from error


def force_to_disk(folder: Path) -> None:
    """Have every file of `folder` on the disk, so that renaming it is whole even where the power fails just after."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def read_only(folder: Path, error: OSError) -> StudyError:
    """The error for a folder that refuses writing."""
    return StudyError(
        f"« {folder} » refuse l'écriture ({error.strerror})", "un dossier où écrire, avec de la place", "vérifier droits et disque"
    )

"""Make names that may be written below a folder of the depot, and find what has one already."""

import re
import unicodedata
from pathlib import Path

from pipeline.files import file_hash

_MAX_NAME_BYTES, _MAX_DEPTH = 200, 8
# not writable on a shared Windows folder, or not visible at all
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]')


def safe_parts(path: str) -> tuple[str, ...]:
    r"""Return the folders and the name of a path that may be written below a folder.

    >>> safe_parts("../../C:\\notes\\table 3.docx")
    ('C', 'notes', 'table 3.docx')
    """
    steps = unicodedata.normalize("NFC", path).replace("\\", "/").split("/")
    clean = [_safe_name(step) for step in steps if step not in ("", ".", "..")]
    return tuple(filter(None, clean))[-_MAX_DEPTH:]


def _safe_name(name: str) -> str:
    """Keep the name's ending where it is too long; hidden files stay so, and are left aside."""
    name = _UNSAFE.sub("", name.encode("utf-8", "replace").decode()).strip().rstrip(". ")
    stem, dot, ending = name.rpartition(".")
    ending = dot + ending if stem and len(ending) <= 10 else ""
    stem = name.removesuffix(ending) if ending else name
    n_left = _MAX_NAME_BYTES - len(ending.encode())
    return stem.encode()[:n_left].decode("utf-8", "ignore") + ending


def twin_of(path: Path) -> Path | None:
    """Return what already has the name of `path`, in any case or Unicode form."""
    if not path.parent.is_dir():
        return None
    key = unicodedata.normalize("NFC", path.name).casefold()
    for other in path.parent.iterdir():
        if unicodedata.normalize("NFC", other.name).casefold() == key:
            return other
    return None


def same_bytes(path: Path, other: Path) -> bool:
    """Whether two files hold the same bytes, and some."""
    try:
        if path.stat().st_size != other.stat().st_size:
            return False
        return path.stat().st_size > 0 and file_hash(path) == file_hash(other)
    except OSError:
        return False

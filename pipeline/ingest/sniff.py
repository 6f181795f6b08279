"""What a file is, told by its bytes first and its name second, and how its text is encoded.

In:   the path and bytes of a file
Out:  the name of a format, or the text
"""

from pathlib import Path

_JUNK_NAMES = frozenset({"thumbs.db", "desktop.ini", ".ds_store", "ehthumbs.db", "icon\r"})
_JUNK_STARTS = ("~$", ".~lock.", "._", ".")
_JUNK_ENDS = (".tmp", ".part", ".crdownload", ".lnk", "~")


def is_junk(path: Path) -> bool:
    """True for what an operating system or an office suite leaves behind (lock files, thumbnails), skipped without a reject."""
    name = path.name.lower()
    in_junk_folder = any(part in ("__MACOSX", ".git", "@eaDir", "$RECYCLE.BIN") for part in path.parts[:-1])
    return in_junk_folder or name in _JUNK_NAMES or name.startswith(_JUNK_STARTS) or name.endswith(_JUNK_ENDS)

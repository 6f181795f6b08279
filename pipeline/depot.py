"""What lies in the depot: workshops' folders and their files, without what systems and office programs leave behind.

In:   depot/, or a workshop's folder in it
Out:  paths, in order of name
"""

from collections.abc import Iterator
from pathlib import Path, PurePath

_JUNK_NAMES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r", "__macosx", "@eadir", "$recycle.bin"})
_JUNK_STARTS = (".", "~$")  # hidden files and folders, ._ copies of macOS, lock files of Word and LibreOffice
_JUNK_ENDS = (".part", ".crdownload", ".lnk", "~")


def is_junk(path: PurePath) -> bool:
    """Whether `path`, relative to the depot, was left behind by an operating system or an office suite, or lies in such a folder."""
    name = path.name.lower()
    if name.endswith(".icloud"):  # a document not fetched from the cloud yet: a reject that says so, not junk
        return any(_is_left_behind(part.lower()) for part in path.parts[:-1])
    return any(_is_left_behind(part.lower()) for part in path.parts)


def workshop_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a workshop's folder and of the folders in it, junk left out; linked folders are not followed."""
    for path in sorted(folder.rglob("*")):
        if not is_junk(path.relative_to(folder)) and path.is_file():
            yield path


def workshop_folders(depot: Path) -> list[Path]:
    """The folders of `depot` that hold at least one file; none where it does not exist."""
    return sorted(path for path in _entries(depot) if path.is_dir() and any(workshop_files(path)))


def stray_files(depot: Path) -> list[Path]:
    """Files that lie in `depot` itself, outside any workshop's folder."""
    return sorted(path for path in _entries(depot) if path.is_file())


def _entries(depot: Path) -> list[Path]:
    return [path for path in depot.iterdir() if not is_junk(PurePath(path.name))] if depot.is_dir() else []


def _is_left_behind(name: str) -> bool:
    is_temporary = name.startswith("~") and name.endswith(".tmp")  # "~WRL01.tmp" of Word; somebody may call her notes "notes.tmp"
    return name in _JUNK_NAMES or name.startswith(_JUNK_STARTS) or name.endswith(_JUNK_ENDS) or is_temporary

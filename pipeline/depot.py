"""The depot's folders and files, without junk of systems and office suites.

In:   depot/, or a workshop's folder in it
Out:  paths, in order of name; their names in the tables

No link is followed to a folder or out of the depot, but depot/ itself may be a link.
"""

import errno
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

from pipeline.errors import reason_of

_JUNK_NAMES = frozenset(
    {"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r", "__macosx", "@eadir", "$recycle.bin"}
)
_JUNK_STARTS = (
    ".",
    "~$",
)  # hidden files and folders, ._ copies of macOS, lock files of Word and LibreOffice
_JUNK_ENDS = (".part", ".crdownload", ".lnk", "~")

_INSTEAD = "déposer le document lui-même à la place du raccourci"
_RIGHTS = "donner à qui lance le programme le droit de le lire, puis relancer"
_BROKEN = ("raccourci vers un fichier qui n'existe pas", _INSTEAD)
_OUTSIDE = ("raccourci vers un fichier hors du dépôt", _INSTEAD)
_LINKED_FOLDER = (
    "raccourci vers un dossier : il n'est pas suivi",
    "copier le dossier lui-même dans le dépôt",
)
_SPECIAL = (
    "ce n'est pas un fichier ordinaire (tube, prise ou périphérique)",
    "le retirer, ou déposer le document lui-même",
)
_NOT_UTF8 = (
    "nom de dossier qui n'est pas en UTF-8",
    "renommer le dossier : ses fichiers seront lus",
)

Kind = str | tuple[str, str]  # "file", "folder", or why it is not read and what to do


class Unread(NamedTuple):
    """A path that is not read, why, and what to do, in French."""

    path: Path
    reason: str
    advice: str


class Listing(NamedTuple):
    """The files and unread entries below a folder, each in order of path."""

    files: tuple[Path, ...]
    unread: tuple[Unread, ...]


def is_junk(path: PurePath) -> bool:
    """Whether a system or an office suite left `path`, relative to the depot."""
    name = path.name.lower()
    if name.endswith(
        ".icloud"
    ):  # a document not fetched from the cloud yet: a reject that says so, not junk
        return any(_is_left_behind(part.lower()) for part in path.parts[:-1])
    return any(_is_left_behind(part.lower()) for part in path.parts)


def list_folder(folder: Path, *, depot: Path | None = None) -> Listing:
    """Return a workshop's files at any depth, without junk, and its unread entries.

    No link is followed to a folder, or to a file outside `depot`, by default the parent of
    `folder`. Files that vanish meanwhile are in neither list.
    """
    root = (depot or folder.parent).resolve()
    files: list[Path] = []
    unread: list[Unread] = []
    waiting = [folder]
    while waiting:
        for path, kind in _below(waiting.pop(), root):
            if is_junk(path.relative_to(folder)):
                continue
            if isinstance(kind, tuple):
                unread.append(Unread(path, *kind))
            elif kind == "folder":
                waiting.append(path)
            else:
                files.append(path)
    return Listing(tuple(sorted(files)), tuple(sorted(unread)))


def workshop_files(folder: Path) -> Iterator[Path]:
    """Yield the files that `list_folder` lists."""
    yield from list_folder(folder).files


def workshop_folders(depot: Path) -> list[Path]:
    """Return the folders of `depot` that hold a file; none if it does not exist."""
    return [path for path in folders_of(depot) if list_folder(path).files]


def folders_of(depot: Path) -> list[Path]:
    """Return the folders in `depot`, even empty ones, but no links."""
    return [path for path, kind in _top(depot) if kind == "folder"]


def stray_files(depot: Path) -> list[Path]:
    """Return the files of `depot` outside any workshop's folder."""
    return [path for path, kind in _top(depot) if kind == "file"]


def unread_entries(depot: Path) -> list[Unread]:
    """Return unread entries outside workshops: links, devices, closed or empty folders."""
    unread: list[Unread] = []
    for path, kind in _top(depot):
        if isinstance(kind, tuple):
            unread.append(Unread(path, *kind))
        elif kind == "folder":
            listing = list_folder(path)
            unread += listing.unread if not listing.files else ()
    return unread


def name_files(files: Sequence[Path], *, depot: Path) -> dict[Path, str]:
    """Return each file's path for the tables; no two are equal in any Unicode form.

    A file keeps its path unless its bytes are not UTF-8, another has its composed form, or it would
    be the `#part` of another.
    """
    tops = {path.relative_to(depot).parts[0] for path in files}
    folders = {top: folder_name(depot / top) for top in tops}
    below = {path: path.relative_to(depot).parts for path in files}
    plain = {path: text_of(PurePath(folders[top], *rest)) for path, (top, *rest) in below.items()}
    composed = {_composed(name) for name in plain.values()}

    def could_be_part(name: str) -> bool:
        return any(_composed(name[: mark.start()]) in composed for mark in re.finditer("#", name))

    def is_odd(path: Path) -> bool:
        return not _is_composed(path) or could_be_part(plain[path])

    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path in sorted(files, key=lambda path: (is_odd(path), path)):
        name = plain[path].replace("#", "%23") if could_be_part(plain[path]) else plain[path]
        names[path] = _apart(name, path.relative_to(depot), taken)
        taken.add(_composed(names[path]))
    return {path: names[path] for path in files}


def folder_name(folder: Path) -> str:
    """Return the folder's own name, or another if a twin has its composed form."""
    others = (path for path in folders_of(folder.parent) if path.name != folder.name)
    has_twin = any(_composed(path.name) == _composed(folder.name) for path in others)
    return (
        f"{folder.name}~{_digest(PurePath(folder.name))[:6]}"
        if has_twin and not _is_composed(folder)
        else folder.name
    )


def text_of(path: PurePath) -> str:
    r"""Return a path as valid text: bytes that are not UTF-8 as `\xe9`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _apart(name: str, path: PurePath, taken: set[str]) -> str:
    """Add a few digits of the path's bytes if it is taken."""
    digits, at = _digest(path), 6
    apart = name
    while _composed(apart) in taken:
        file = PurePosixPath(name)
        apart = str(file.with_name(f"{file.stem}~{digits[:at]}{file.suffix}"))
        at += 1
    return apart


def _digest(path: PurePath) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _is_composed(path: PurePath) -> bool:
    return _composed(text_of(path)) == str(path)


def _top(depot: Path) -> list[tuple[Path, Kind]]:
    """Empty if `depot` does not exist."""
    if not depot.is_dir():
        return []
    root = depot.resolve()
    with os.scandir(depot) as entries:
        found = [
            (depot / entry.name, _kind(entry, root))
            for entry in entries
            if not is_junk(PurePath(entry.name))
        ]
    return sorted(
        (path, kind if kind != "folder" or _is_utf8(path.name) else _NOT_UTF8)
        for path, kind in found
    )


def _below(folder: Path, root: Path) -> list[tuple[Path, Kind]]:
    """A closed folder is its own entry, with a reason."""
    try:
        with os.scandir(folder) as entries:
            return [(folder / entry.name, _kind(entry, root)) for entry in entries]
    except FileNotFoundError:
        return []
    except OSError as error:
        return [(folder, (f"dossier illisible ({reason_of(error)})", _RIGHTS))]


def _kind(entry: "os.DirEntry[str]", root: Path) -> Kind:
    """A link counts as its target inside `root`."""
    try:
        if entry.is_symlink():
            return _kind_of_link(Path(entry.path), root)
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        return "file" if entry.is_file(follow_symlinks=False) else _SPECIAL
    except OSError as error:
        return f"fichier illisible ({reason_of(error)})", _RIGHTS


def _kind_of_link(path: Path, root: Path) -> Kind:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return (
            _BROKEN
            if error.errno == errno.ENOENT
            else (f"raccourci illisible ({reason_of(error)})", _INSTEAD)
        )
    if stat.S_ISDIR(mode):
        return _LINKED_FOLDER
    if not stat.S_ISREG(mode):
        return _SPECIAL
    return "file" if path.resolve().is_relative_to(root) else _OUTSIDE


def _is_utf8(name: str) -> bool:
    return text_of(PurePath(name)) == name


def _is_left_behind(name: str) -> bool:
    is_temporary = name.startswith("~") and name.endswith(
        ".tmp"
    )  # "~WRL01.tmp" of Word; a person may call her notes "notes.tmp"
    return (
        name in _JUNK_NAMES
        or name.startswith(_JUNK_STARTS)
        or name.endswith(_JUNK_ENDS)
        or is_temporary
    )

"""Make one inventory of the depot, from which names, keys, rejects and records of runs derive.

In:   depot/
Out:  its workshops' files, each with a safe name and its content's hash; what is not read, and why

Junk of systems and office suites is left out. No link is followed to a folder or out of the depot,
but depot/ itself may be a link.
"""

import errno
import hashlib
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

from pipeline.errors import reason_of
from pipeline.files import file_hash

_JUNK_NAMES = frozenset(
    {"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r", "__macosx", "@eadir", "$recycle.bin"}
)
_JUNK_STARTS = (  # copies of macOS, lock files of Word and LibreOffice, traces of file systems
    "._", "~$", ".~lock.", ".ds_store", ".localized", ".spotlight-", ".trash", ".fseventsd",
    ".directory", ".documentrevisions", ".temporaryitems", ".apdisk", ".volumeicon", ".nfs",
    ".fuse_hidden", ".goutputstream", ".gitkeep", ".keep", ".sync", ".stfolder", ".stversions",
    ".dropbox", ".owncloud", ".nextcloud", ".appledouble",
)  # fmt: skip
_JUNK_ENDS = (".part", ".crdownload", "~")

_INSTEAD = "déposer le document lui-même à la place du raccourci"
_HIDDEN = (
    "nom caché : il commence par un point",
    "s'il est à lire, lui donner un nom qui commence par une lettre, puis relancer",
)
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

_STRAY = (
    "fichier hors de tout dossier d'atelier",
    "le déplacer dans le dossier de son atelier",
)

Kind = str | tuple[str, str]  # "file", "folder", or why it is not read and what to do
Stamp = tuple[int, int, int, int]  # bytes, times of change of content and of rights, inode
Hashes = dict[tuple[Path, Stamp], str]


class Unread(NamedTuple):
    """What of the depot is not read, under its `name` there, why, and what to do, in French."""

    path: Path
    name: str
    reason: str
    advice: str


@dataclass(frozen=True)
class DepotFile:
    """A file of a workshop, as it lay in the depot when the inventory was made."""

    path: Path  # the bytes of its name as the system has them
    name: str  # below depot/: valid text, unlike that of any other file or part of one
    inside: str  # below its workshop's folder, as valid text
    stamp: Stamp
    hashes: Hashes = field(repr=False)  # shared by inventories of one depot

    @property
    def n_bytes(self) -> int:
        """Return its size."""
        return self.stamp[0]

    @property
    def is_renamed(self) -> bool:
        """Whether the tables know it under another name than its own."""
        return not str(self.path).endswith(f"/{self.name.partition('/')[2]}")

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the names of its folders below the workshop's, and its own."""
        return tuple(self.inside.split("/"))

    @cached_property
    def content(self) -> str:
        """Return the sha256 of its bytes, or the reason why they cannot be read."""
        key = self.path, self.stamp
        if key in self.hashes:
            return self.hashes[key]
        try:
            return self.hashes.setdefault(key, file_hash(self.path))
        except OSError as error:  # it may be read another time
            return reason_of(error)


class WorkshopFiles:
    """A folder of the depot; its files are listed once, when first asked for."""

    def __init__(
        self,
        path: Path,
        label: str,
        root: Path,
        hashes: Hashes,
        aside: Mapping[Path, Unread],
    ) -> None:
        self.path, self.name = path, path.name
        self.label = label  # its name in the tables
        self._root, self._hashes, self._aside = root, hashes, aside

    @property
    def files(self) -> tuple[DepotFile, ...]:
        """Return its files at any depth, in order of path."""
        return self._listing[0]

    @property
    def unread(self) -> tuple[Unread, ...]:
        """Return what below it is not read, in order of path."""
        return self._listing[1]

    @property
    def contents(self) -> dict[str, str]:
        """Return the content of each file by name, and the reason of what is not read."""
        files = {file.name: file.content for file in self.files}
        return files | {entry.name: entry.reason for entry in self.unread}

    @cached_property
    def _listing(self) -> tuple[tuple[DepotFile, ...], tuple[Unread, ...]]:
        stamps: dict[str, Stamp] = {}  # by path below the folder
        unread: list[Unread] = []
        waiting = [""]
        while waiting:
            for inside, kind, stamp in _below(self.path, waiting.pop(), self._root):
                if isinstance(kind, tuple):
                    name = text_of(PurePath(self.name, inside))
                    unread.append(Unread(self.path / inside, name, *kind))
                elif kind == "folder":
                    waiting.append(f"{inside}/")
                elif stamp:
                    stamps[inside] = stamp
        insides = sorted(stamps, key=lambda inside: inside.split("/"))
        names = _name_files(insides, self.name, self.label)
        files = [
            DepotFile(
                self.path / inside, names[inside], _text(inside), stamps[inside], self._hashes
            )
            for inside in insides
        ]
        unread += [self._aside[file.path] for file in files if file.path in self._aside]
        kept = (file for file in files if file.path not in self._aside)
        return tuple(kept), tuple(sorted(unread))


class Inventory:
    """What lay in `depot` when it was first asked for; `again` looks once more."""

    def __init__(
        self, depot: Path, hashes: Hashes | None = None, aside: Mapping[Path, Unread] | None = None
    ) -> None:
        self.depot = depot
        self._hashes: Hashes = {} if hashes is None else hashes
        self._aside = aside or {}
        self._root = depot.resolve()

    def again(self) -> "Inventory":
        """Return a later inventory, which reads untouched files no second time."""
        return Inventory(self.depot, self._hashes)

    def without(self, aside: Iterable[Unread]) -> "Inventory":
        """Return an inventory that reads some files no more, and says why."""
        more = {entry.path: entry for entry in aside}
        return Inventory(self.depot, self._hashes, {**self._aside, **more})

    @cached_property
    def folders(self) -> list[WorkshopFiles]:
        """Return the folders, even empty ones, by name; none where the depot does not exist."""
        names = [name for name, kind in self._top if kind == "folder"]
        counts = Counter(map(_composed, names))
        return [
            self._folder(name, _apart_from_twin(name) if counts[_composed(name)] > 1 else name)
            for name in names
        ]

    @cached_property
    def workshops(self) -> list[WorkshopFiles]:
        """Return the folders with a file."""
        return [folder for folder in self.folders if folder.files]

    @cached_property
    def outside(self) -> list[Unread]:
        """Return what is outside workshops: files, links, devices, closed or odd folders."""
        unread: list[Unread] = []
        for name, kind in self._top:
            why = _STRAY if kind == "file" else kind
            if isinstance(why, tuple):
                unread.append(Unread(self.depot / name, _text(name), *why))
        closed = (entry for one in self.folders if not one.files for entry in one.unread)
        return sorted([*unread, *closed])

    @property
    def contents(self) -> dict[str, str]:
        """Return the contents of all workshops, by name."""
        return {name: value for one in self.workshops for name, value in one.contents.items()}

    def at(self, name: str) -> WorkshopFiles:
        """Return the folder of that name, without any file where there is none."""
        found = (folder for folder in self.folders if folder.name == name)
        return next(found, None) or self._folder(name, name)

    def _folder(self, name: str, label: str) -> WorkshopFiles:
        return WorkshopFiles(self.depot / name, label, self._root, self._hashes, self._aside)

    @cached_property
    def _top(self) -> list[tuple[str, Kind]]:
        if not self.depot.is_dir():
            return []
        entries = ((name, kind) for name, kind, _ in _below(self.depot, "", self._root))
        return sorted(
            (name, kind if kind != "folder" or _text(name) == name else _NOT_UTF8)
            for name, kind in entries
        )


def is_junk(path: PurePath) -> bool:
    """Whether a system or an office suite left `path`, relative to the depot."""
    name = path.name.lower()
    if name.endswith(
        ".icloud"
    ):  # a document not fetched from the cloud yet: a reject that says so, not junk
        return any(_is_left_behind(part.lower()) for part in path.parts[:-1])
    return any(_is_left_behind(part.lower()) for part in path.parts)


def is_hidden(path: PurePath) -> bool:
    """Whether a name of `path` starts with a point and no system gave it."""
    own = path.parts[:-1] if path.name.lower().endswith(".icloud") else path.parts
    return not is_junk(path) and any(part.startswith(".") for part in own)


def text_of(path: PurePath) -> str:
    r"""Return a path as valid text: bytes that are not UTF-8 as `\xe9`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _text(name: str) -> str:
    return text_of(PurePath(name))


def _name_files(insides: Sequence[str], folder: str, label: str) -> dict[str, str]:
    """Return the name of each path below the folder; no two are equal in any Unicode form.

    A file keeps its path unless its bytes are not UTF-8, another has its composed form, or it would
    be the `#part` of another.
    """
    plain = {inside: f"{label}/{_text(inside)}" for inside in insides}
    composed = set(map(_composed, plain.values()))

    def could_be_part(name: str) -> bool:
        return any(_composed(name[: mark.start()]) in composed for mark in re.finditer("#", name))

    parts = {inside for inside, name in plain.items() if could_be_part(name)}
    odd = parts | {inside for inside in insides if _composed(_text(inside)) != inside}
    names: dict[str, str] = {}
    taken: set[str] = set()
    for inside in sorted(insides, key=lambda inside: (inside in odd, inside.split("/"))):
        name = plain[inside].replace("#", "%23") if inside in parts else plain[inside]
        digits, n_digits, free = _digest(f"{folder}/{inside}"), 6, name
        while _composed(free) in taken:
            file = PurePosixPath(name)
            free = str(file.with_name(f"{file.stem}~{digits[:n_digits]}{file.suffix}"))
            n_digits += 1
        names[inside] = free
        taken.add(_composed(free))
    return names


def _apart_from_twin(name: str) -> str:
    return name if _composed(name) == name else f"{name}~{_digest(name)[:6]}"


def _digest(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _below(folder: Path, inside: str, root: Path) -> list[tuple[str, Kind, Stamp | None]]:
    """List one folder, without junk; a closed one is its own entry, with a reason."""
    try:
        with os.scandir(folder / inside) as entries:
            return [
                (f"{inside}{entry.name}", *_kind(entry, root))
                for entry in entries
                if not is_junk(PurePath(entry.name))
            ]
    except FileNotFoundError:
        return []
    except OSError as error:
        closed = (f"dossier illisible ({reason_of(error)})", _RIGHTS)
        return [(inside.rstrip("/"), closed, None)]


def _kind(entry: "os.DirEntry[str]", root: Path) -> tuple[Kind, Stamp | None]:
    """A link counts as its target inside `root`."""
    if is_hidden(PurePath(entry.name)):
        return _HIDDEN, None
    try:
        if entry.is_symlink():
            kind = _kind_of_link(Path(entry.path), root)
        elif entry.is_dir(follow_symlinks=False):
            return "folder", None
        else:
            kind = "file" if entry.is_file(follow_symlinks=False) else _SPECIAL
        return kind, _stamp(entry.stat()) if kind == "file" else None
    except FileNotFoundError:  # it vanished meanwhile
        return "file", None
    except OSError as error:
        return (f"fichier illisible ({reason_of(error)})", _RIGHTS), None


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


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

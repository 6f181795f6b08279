"""Put files into a study's depot, under safe names and never over another file.

In:   files that came whole, with the path that a person gave them, hostile until checked
Out:  depot/<workshop>/…           each put there in one step
      .review/corbeille/<id>/      what a person removed, until it is put back
"""

import contextlib
import errno
import json
import os
import re
import shutil
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from flows.deposit.manifest import rename_targets, write_workshop
from flows.deposit.names import safe_parts, same_bytes, twin_of
from pipeline.depot import Inventory, is_hidden, is_junk, text_of
from pipeline.errors import StudyError, UsageError
from pipeline.files import read_only, text_hash, write_bytes
from pipeline.ingest.parts import refused_at_once
from pipeline.ingest.workshop import is_manifest
from pipeline.locks import lock
from pipeline.study import Study
from pipeline.text import counted

_OF_SYSTEM = "fichier du système, laissé de côté"
_HEAD_BYTES = 4_096
_IN_BIN_S = 30 * 24 * 3600

Outcome = Literal["placed", "renamed", "same", "skipped", "refused"]


@dataclass(frozen=True)
class Placed:
    """What became of one file, and the sentence that says it; `path` is below the depot."""

    path: str
    outcome: Outcome
    sentence: str


class Deposit:
    """The depot of one study, open to people who bring files."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.uploads = study.root / ".review" / "uploads"
        self.bin = study.root / ".review" / "corbeille"

    def n_bytes(self) -> int:
        """Return the bytes of the depot."""
        workshops = Inventory(self.study.depot).workshops
        return sum(file.n_bytes for workshop in workshops for file in workshop.files)

    def workshop_folder(self, name: str) -> Path:
        """Return the folder of an existing workshop; raise `UsageError` if there is none."""
        for folder in Inventory(self.study.depot).folders:
            if folder.name == name:
                return folder.path
        raise UsageError(f"pas d'atelier « {name[:80]} »", "un atelier du dépôt", "en créer un")

    def make_workshop(self, territory: str, date: str = "", place: str = "") -> Path:
        """Make the folder of a workshop, and its atelier.yaml; `date` is ISO 8601 or blank.

        Raises `UsageError` for a blank territory or a name that is taken.
        """
        parts = safe_parts(f"{territory} {date}".replace("/", "-").strip())
        if not re.search(r"\w", territory) or _is_left_aside(*parts):
            raise UsageError("pas de territoire", "son nom", "l'écrire, comme « Pays de Redon »")
        folder = self.study.depot / parts[0]
        if twin_of(folder):
            raise UsageError(
                f"l'atelier « {folder.name} » existe déjà",
                "un autre territoire ou une autre date",
                "y déposer les fichiers, ou changer la date",
            )
        folder.mkdir(parents=True)
        written = {"territoire": territory.strip(), "date": date, "lieu": place.strip()}
        write_workshop(folder, {key: value for key, value in written.items() if value})
        return folder

    def place(self, source: Path, workshop: str, path: str) -> Placed:
        """Move `source` into the depot as `path` of `workshop`, or say why it is not.

        Without `workshop`, the first folder of `path` is it, and is made.
        """
        parts = safe_parts(path)
        name = parts[-1] if parts else "sans nom"
        if not workshop and len(parts) < 2:
            reason = f"« {name} » : hors de tout atelier ; le déposer sur le sien"
            return Placed(path, "refused", reason)
        folder, inside = (workshop, parts) if workshop else (parts[0], parts[1:])
        if not inside or _is_left_aside(folder, *inside):
            is_own = bool(inside) and is_hidden(PurePosixPath(folder, *inside))
            why = "nom caché par un point ; le renommer s'il est à lire" if is_own else _OF_SYSTEM
            return Placed(path, "skipped", f"« {name} » : {why}")
        was = path.replace("\\", "/").strip("/")
        is_cleaned = "/".join(parts) != unicodedata.normalize("NFC", was)
        try:
            with self._placing():
                placed = self._moved(source, self.study.depot / folder, inside)
        except OSError as error:
            raise read_only(self.study.depot, error) from error
        if not is_cleaned or placed.outcome not in ("placed", "renamed"):
            return placed
        told = f"{placed.sentence} (« {was[:80]} » : nom mis au propre)"
        return Placed(placed.path, placed.outcome, told)

    def remove(self, workshop: str, path: str) -> str:
        """Move a file of a workshop to the bin, and return the id that puts it back."""
        source = self._existing(workshop, path)
        self._erase_old()
        kept = self.bin / text_hash(workshop, path, str(time.time_ns()))[:32]
        with self._placing():
            kept.mkdir(mode=0o700, parents=True)
            told = json.dumps({"workshop": workshop, "path": path, "removed_at": time.time()})
            write_bytes(kept / "origine.json", told.encode(), mode=0o600)
            shutil.move(source, kept / "fichier")
            self._tidy(source.parent, workshop)
        return kept.name

    def _erase_old(self) -> None:
        for row in self.removed():
            if time.time() - float(row["removed_at"]) > _IN_BIN_S:
                shutil.rmtree(self.bin / row["id"])

    def removed(self) -> list[dict[str, str]]:
        """Return what the bin holds, the last removed first."""
        rows = []
        for kept in self.bin.glob("*"):
            with contextlib.suppress(OSError, ValueError):
                if (kept / "fichier").is_file():
                    rows.append({"id": kept.name} | json.loads((kept / "origine.json").read_text()))
        return sorted(rows, key=lambda row: -float(row["removed_at"]))

    def put_back(self, removed_id: str) -> Placed:
        """Put a removed file where it was, beside a file that has taken its name."""
        row = self._removed(removed_id)
        placed = self.place(self.bin / removed_id / "fichier", row["workshop"], row["path"])
        if placed.outcome != "refused":
            shutil.rmtree(self.bin / removed_id)
        return placed

    def erase(self, removed_id: str) -> str:
        """Erase a removed file for good, and return its name; raise `UsageError` if it is gone."""
        row = self._removed(removed_id)
        shutil.rmtree(self.bin / removed_id)
        return row["path"]

    def _removed(self, removed_id: str) -> dict[str, str]:
        row = next((row for row in self.removed() if row["id"] == removed_id), None)
        if row is None:
            raise UsageError(
                "ce fichier n'est plus dans la corbeille", "un fichier retiré", "recharger la page"
            )
        return row

    def rename(self, workshop: str, path: str, name: str) -> Placed:
        """Give a file of a workshop another name, with its ending; no passage loses its identity.

        Raises `UsageError` for a blank name or one that is taken.
        """
        source = self._existing(workshop, path)
        parts = safe_parts(name)
        if not parts or _is_left_aside(parts[-1]):
            raise UsageError(f"le nom « {name[:40]} »", "un nom de fichier visible", "le changer")
        new, ending = parts[-1], source.suffix
        new = new if new.lower().endswith(ending.lower()) else new + ending
        target = source.with_name(new)
        with self._placing():
            if (twin := twin_of(target)) and twin != source:
                raise UsageError(f"« {new} » existe déjà", "un autre nom", "en choisir un autre")
            source.rename(target)
        folder = self.study.depot / workshop
        rename_targets(folder, path, text_of(target.relative_to(folder)))
        return Placed(self._shown(target), "placed", f"« {source.name} » s'appelle « {new} »")

    def _existing(self, workshop: str, path: str) -> Path:
        folder = self.workshop_folder(workshop)
        for file in Inventory(self.study.depot).at(workshop).files:
            if str(file.path.relative_to(folder)) == path and not file.path.is_symlink():
                return file.path
        raise UsageError(
            f"« {path[-80:]} » n'est plus là", "un fichier de l'atelier", "recharger la page"
        )

    def _moved(self, source: Path, folder: Path, inside: Sequence[str]) -> Placed:
        target = folder.joinpath(*inside)
        fault = self._fault(target, folder) or _never_read(source, target.name)
        if fault:
            return Placed("/".join(inside), "refused", f"« {target.name} » : {fault}")
        target.parent.mkdir(parents=True, exist_ok=True)
        wanted, n = target, 1
        while twin := twin_of(target):
            if twin.is_file() and same_bytes(twin, source):
                told = f"« {twin.name} » : déjà là, avec le même contenu"
                return Placed(self._shown(twin), "same", told)
            if is_manifest(wanted):
                told = f"« {wanted.name} » : l'atelier a déjà le sien, que cette page corrige"
                return Placed(self._shown(twin), "refused", told)
            n += 1
            target = wanted.with_name(f"{wanted.stem} ({n}){wanted.suffix}")
        n_bytes, here = source.stat().st_size, Inventory(self.study.depot).at(folder.name).files
        alike = (file.path for file in here if n_bytes and file.n_bytes == n_bytes)
        copies = [path for path in alike if same_bytes(path, source)]
        _move(source, target)
        shown, name = self._shown(target), target.name
        if n > 1:
            told = (
                f"« {wanted.name} » était déjà pris par un autre contenu : gardé comme « {name} »"
            )
            return Placed(shown, "renamed", told)
        if copies:
            told = f"« {name} » a le même contenu que « {copies[0].name} » : l'un des deux suffit"
            return Placed(shown, "placed", told)
        return Placed(shown, "placed", f"« {name} » est arrivé")

    def _fault(self, target: Path, folder: Path) -> str:
        depot = self.study.depot.resolve()
        if folder.is_symlink() or not target.parent.resolve().is_relative_to(depot):
            return "son dossier est un raccourci hors du dépôt ; le déposer ailleurs"
        for parent in target.parents:
            if parent == self.study.depot:
                break
            if parent.exists() and not parent.is_dir():
                return f"« {parent.name} » est déjà un fichier ; changer le nom du dossier"
        return ""

    def _shown(self, path: Path) -> str:
        return text_of(path.relative_to(self.study.depot))

    def _tidy(self, folder: Path, workshop: str) -> None:
        """Remove blank folders below the workshop's own."""
        while folder != self.study.depot / workshop and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent

    @contextlib.contextmanager
    def _placing(self) -> Iterator[None]:
        """Let one file at a time take a name, whoever sends it."""
        self.uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.uploads / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            lock(handle, wait=True)
            yield
        finally:
            os.close(handle)


def _is_left_aside(*parts: str) -> bool:
    path = PurePosixPath(*parts)
    return is_junk(path) or is_hidden(path)


def _never_read(source: Path, name: str) -> str:
    with source.open("rb") as file:
        refusal = refused_at_once(file.read(_HEAD_BYTES), name)
    return " ; ".join(refusal) if refusal else ""


def summary_of(placed: Sequence[Placed]) -> str:
    """Return what became of an archive's files, in one line.

    >>> summary_of([Placed("A/a.txt", "placed", "« a.txt » est arrivé")])
    '« a.txt » est arrivé'
    """
    if len(placed) == 1:
        return placed[0].sentence
    n_arrived = sum(one.outcome in ("placed", "renamed") for one in placed)
    told = [counted(n_arrived, "fichier arrivé", "fichiers arrivés")]
    told += [one.sentence for one in placed if one.outcome in ("refused", "renamed", "skipped")][:5]
    n_same = sum(one.outcome == "same" for one in placed)
    told += [f"{n_same} déjà là"] if n_same else []
    return " ; ".join(told)


def _move(source: Path, target: Path) -> None:
    """Move in one step, also from another disk; never over a file that came meanwhile."""
    if target.exists():
        raise StudyError(
            f"« {target.name} » vient d'arriver d'ailleurs", "un nom libre", "recommencer"
        )
    source.chmod(0o644)  # as others of the depot
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        waiting = target.with_name(f".{text_hash(str(target))[:16]}.part")  # no run reads it
        shutil.copyfile(source, waiting)
        waiting.rename(target)
        source.unlink()

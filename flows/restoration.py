"""Put a backup in the place of the study that it was made of.

In:   an archive of `ateliers backup`, on this machine or sent by pieces
Out:  .review/restauration/envoyee.ateliers  the archive that was sent
      .review/restauration/etude             what it holds, checked, until confirmed or given up
      <étude>-<date>.ateliers                the study as it was just before, sealed

Accounts stay as they are, and so does what whoever runs the machine sets in etude.toml. Who was
erased since the archive was made stays erased.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.backup import (
    backup_study,
    is_sealed,
    kept_erasures,
    read_backup_passphrase,
    unpack_backup,
)
from flows.deposit import Deposit, Placed
from flows.deposit.uploads import MAX_STUDY_BYTES, Upload, Uploads
from flows.vault import Vault
from pipeline.errors import StudyError, UsageError, VaultError
from pipeline.files import file_hash, text_hash, write_bytes
from pipeline.pseudonymise.vault import Registry
from pipeline.settings import load_settings
from pipeline.settings.form import OF_MACHINE, values_of
from pipeline.settings.toml_file import changed_toml
from pipeline.study import Study

_LEFT_ALONE = frozenset((".review", ".cache"))  # accounts, links, tasks; what a run makes again
_LOCKS = frozenset((".lock", ".served", ".mail"))  # of runs/, held by processes at work
_GZIP = b"\x1f\x8b"


class ArchiveUploads(Uploads):
    """The archive that is on its way to be restored."""

    def __init__(self, study: Study) -> None:
        super().__init__(Deposit(study))
        self.folder = _folder(study.root)

    def announce(
        self, workshop: str, path: str, size: int, *, author: str, mark: str = ""
    ) -> Upload:
        """Return the upload to send to; raise `UsageError` for an archive that cannot come in."""
        if size <= 0:
            raise UsageError("un fichier vide", "une sauvegarde", "en choisir une autre")
        upload_id = text_hash("sauvegarde", path, str(size), author, mark)[:32]
        return self._begin(Upload(upload_id, "", path, size, author), path[-80:])

    def n_free(self) -> int:
        """Return how many bytes may still come in; those of the depot do not count."""
        return max(0, MAX_STUDY_BYTES - sum(upload.size for upload, _ in self.waiting()))

    def _placed(self, upload: Upload, part: Path) -> list[Placed]:
        with part.open("rb") as file:
            is_backup = is_sealed(part) or file.read(len(_GZIP)) == _GZIP
        if not is_backup:
            raise UsageError(
                "ce fichier n'est pas une sauvegarde",
                "un fichier .ateliers",
                "en choisir un autre",
            )
        part.replace(sent_archive(self.deposit.study.root))
        return [Placed(upload.path, "placed", "La sauvegarde est arrivée.")]


def sent_archive(root: Path) -> Path:
    """Return where an archive that was sent is kept."""
    return _folder(root) / "envoyee.ateliers"


def try_restoration(root: Path, archive: Path, passphrase: str | None) -> dict[str, Any]:
    """Unpack and check `archive`, and return what restoring it would change; change nothing yet.

    Raises `VaultError` or `StudyError` for a wrong passphrase, a damaged archive, that of another
    study, or decisions and tables that are kept elsewhere.
    """
    study, unpacked = Study.open(root), _unpacked(root)
    _check_place(study)
    if is_sealed(archive) and not (passphrase or read_backup_passphrase()):
        raise StudyError("la sauvegarde est chiffrée", "sa phrase de passe", "l'écrire")
    _erase(unpacked)
    unpacked.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        manifest = unpack_backup(archive, unpacked, passphrase=passphrase)
        # what is unpacked may name a database: it is opened only once that is set aside
        _keep_machine_settings(unpacked, study)
        saved = Study.open(unpacked)
        _check_is_same(study, saved)
        now, then = dict(_files(root)), dict(_files(unpacked))
        later = _erased_since(study, saved)
        plan = {
            "is_dry_run": True,
            "made_at": str(manifest["made_at"]),
            "n_new": len(then.keys() - now.keys()),
            "n_gone": len(now.keys() - then.keys()),
            "n_changed": sum(_differ(now[name], then[name]) for name in now.keys() & then.keys()),
            "n_decisions_now": study.decisions_state(),
            "n_decisions_then": saved.decisions_state(),
            "n_erased": Vault(saved).take_registry().forget_too(later) if later else 0,
        }
    except BaseException:
        _erase(unpacked)
        raise
    return plan


def restore_over(
    root: Path, *, passphrase: str | None, author: str | None = None
) -> dict[str, Any]:
    """Put what `try_restoration` unpacked in the place of the study, once that is backed up.

    The copy is sealed under the passphrase of the environment, or else under `passphrase`. Whom the
    study of now forgot is erased, by `author`, from what takes its place. Raises `StudyError`
    during a run, and where nothing is unpacked or nothing would seal the copy.
    """
    from flows.forget import erase_again

    study, unpacked = Study.open(root), _unpacked(root)
    _check_place(study)
    if not (unpacked / study.settings_path.name).is_file():
        raise StudyError("l'essai manque", "un essai d'abord", "le refaire ; rien n'a été changé")
    passphrase = read_backup_passphrase() or passphrase
    if not passphrase:
        raise StudyError(
            "la copie de l'étude d'aujourd'hui n'a pas de phrase de passe",
            "une phrase qui la scelle",
            "l'écrire ; rien n'a été changé",
        )
    n_decisions = study.decisions_state()
    kept = backup_study(root, passphrase=passphrase, may_lack_decisions=True)
    with study.locked():
        if study.decisions_state() != n_decisions:
            raise StudyError(
                "des décisions viennent d'être prises",
                "une étude où personne ne décide",
                "recommencer ; rien n'a été changé",
            )
        saved, erased = Study.open(unpacked), {"n_erased": 0, "depot_files": {}}
        if later := _erased_since(study, saved):
            erased = erase_again(saved, later, author=author)
        _swap(root, unpacked)
    _erase(unpacked)
    sent_archive(root).unlink(missing_ok=True)
    return {"is_dry_run": False, "kept": kept.path.name, **erased}


def _erased_since(study: Study, saved: Study) -> Registry | None:
    """Return the registry of now, or else what is beside; None if nobody was ever forgotten."""
    try:
        later: Registry | None = Vault(study).registry()
    except VaultError:  # it may be why the study is restored
        later = kept_erasures(saved, study.root.resolve().parent)
    return later if later and later.forgotten else None


def give_up_restoration(root: Path) -> None:
    """Erase what was sent and unpacked."""
    shutil.rmtree(_folder(root), ignore_errors=True)


def _check_place(study: Study) -> None:
    if study.database_url or study.keeps_tables_elsewhere:
        raise StudyError(
            "les décisions ou les tables de l'étude sont dans une base ou un magasin à part",
            "une étude tenue dans son dossier",
            "la restaurer sur le serveur, par ateliers restore",
        )


def _check_is_same(study: Study, saved: Study) -> None:
    """Refuse an archive of another study: one that shares no run, or before any run no title."""
    runs = [{path.stem for path in one.runs.glob("*.json")} for one in (study, saved)]
    is_same = (
        bool(runs[0] & runs[1])
        if all(runs)
        else study.settings.etude.title == saved.settings.etude.title
    )
    if not is_same:
        raise StudyError(
            f"c'est la sauvegarde d'une autre étude, « {saved.settings.etude.title} »",
            f"une sauvegarde de « {study.settings.etude.title} »",
            "en choisir une autre ; rien n'a été changé",
        )


def _keep_machine_settings(unpacked: Path, study: Study) -> None:
    path = unpacked / study.settings_path.name
    if not path.is_file():
        raise StudyError(
            "la sauvegarde ne tient aucun etude.toml", "celle d'une étude", "en prendre une autre"
        )
    now, then = values_of(study.settings), values_of(load_settings(path))
    values = {key: now[key] for key in OF_MACHINE if then[key] != now[key]}
    content, mode = changed_toml(path.read_bytes().decode(), values), path.stat().st_mode & 0o777
    write_bytes(path, content.encode(), mode=mode)


def _swap(root: Path, unpacked: Path) -> None:
    """Exchange what a study holds; what was there leaves with the folder `unpacked`."""
    before = unpacked.with_name("avant")
    _erase(before)
    before.mkdir(mode=0o700)
    (before / "runs").mkdir()
    names = {path.name for path in (*root.iterdir(), *unpacked.iterdir())} - _LEFT_ALONE
    for name in sorted(names - {"runs"}):
        _exchange(root / name, unpacked / name, before / name)
    runs = root / "runs"
    (unpacked / "runs").mkdir(exist_ok=True)
    listed = {path.name for path in (*runs.iterdir(), *(unpacked / "runs").iterdir())} - _LOCKS
    for name in sorted(listed):
        _exchange(runs / name, unpacked / "runs" / name, before / "runs" / name)
    for name in ("etude.toml", "grille.yaml"):
        if (root / name).is_file():
            os.utime(root / name)  # servers see by it that another study is there
    _erase(before)


def _exchange(here: Path, new: Path, before: Path) -> None:
    if here.exists() or here.is_symlink():
        here.rename(before)
    if new.exists():
        new.rename(here)


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    for top in root.iterdir():
        if top.name in _LEFT_ALONE:
            continue
        for path in top.rglob("*") if top.is_dir() and not top.is_symlink() else (top,):
            name = path.relative_to(root)
            is_lock = name.parts[0] == "runs" and name.name in _LOCKS
            is_database = ".sqlite3" in name.name  # decisions are counted apart
            if path.is_file() and not path.is_symlink() and not is_lock and not is_database:
                yield name.as_posix(), path


def _differ(one: Path, other: Path) -> bool:
    return one.stat().st_size != other.stat().st_size or file_hash(one) != file_hash(other)


def _folder(root: Path) -> Path:
    return root / ".review" / "restauration"


def _unpacked(root: Path) -> Path:
    return _folder(root) / "etude"


def _erase(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)

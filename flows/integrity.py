"""Verify that a study is what its last run left, and put back what the cache still has.

In:   a study, and tables/empreintes.json, which `seal_study` writes last
Out:  faults, a line each: what was found and expected, what to do, what still stands

Looking takes milliseconds: a file of the same size and date is not read again, unless `whole`.
"""

import contextlib
import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pipeline.checksums import (
    NAME,
    Checksum,
    Checksums,
    Damage,
    checksum_of,
    damage_of,
    names_below,
    read_checksums,
    write_checksums,
)
from pipeline.errors import AteliersError, StudyError
from pipeline.files import file_hash, text_hash, write_bytes
from pipeline.grid import load_grid
from pipeline.settings import load_settings
from pipeline.study import Study, locked_file
from pipeline.text import Count

# a run takes from them what it cannot work out again: themes keep their ids, decisions their ground
IDENTITY = ("machine/themes", "machine/theme_members", "decision_grounds")
_SAID: dict[Damage, str] = {
    "missing": "n'est plus là",
    "empty": "est vide",
    "truncated": "est tronqué",
    "altered": "n'est plus ce qui fut écrit",
}
_SUMS = ".empreinte"  # beside each file of the vault
Level = Literal["stops", "remade", "told"]


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file of the study; `name` is its path.

    A run stops at it, makes the file again, or only tells it.
    """

    name: str
    found: str
    expected: str
    do: str
    level: Level

    @property
    def error(self) -> StudyError:
        """Return the fault as an error."""
        return StudyError(self.found, self.expected, self.do)

    def __str__(self) -> str:
        return str(self.error)


def faults_of(study: Study, *, whole: bool = False, is_locked: bool = False) -> list[Fault]:
    """Return what is wrong with the files of `study`, the gravest first; decisions aside.

    Tables and publications are left aside while another process works on them; `is_locked` says
    that the caller has the study.
    """
    listed = [*_faults_of_run(study), *_faults_of_vault(study)]
    seal = _seal_of(study)
    if isinstance(seal, Checksums):
        listed += (texts := [*_faults_of_texts(study, seal, whole=whole)])
        is_readable = not any(fault.level == "stops" for fault in texts)  # says where tables are
        if is_readable and (is_locked or not _is_at_work(study)):
            listed += _faults_of_tables(study, seal, whole=whole)
    elif seal is not None:
        listed.append(seal)
    order = ("stops", "remade", "told")
    return sorted(listed, key=lambda fault: order.index(fault.level))


def check_study(study: Study) -> list[str]:
    """Return the lines to tell; raise `StudyError` for the gravest fault of what would be read."""
    faults = faults_of(study)
    for fault in faults:
        if fault.level == "stops" or (fault.level == "remade" and fault.name.startswith("tables/")):
            raise _with_count(fault, len(faults) - 1, study)
    return [str(fault) for fault in faults]


def _is_at_work(study: Study) -> bool:
    refusal = StudyError("", "", "")
    try:
        with locked_file(study.runs / ".lock", refusal):
            return False
    except StudyError as error:
        return error is refusal


def _with_count(fault: Fault, n_others: int, study: Study) -> StudyError:
    more = f" ; ce n'est pas tout : ateliers check {study.root}" if n_others else ""
    return StudyError(fault.found, fault.expected, fault.do + more)


@dataclass(frozen=True)
class Mended:
    """The lines to tell, and whether what is wrong asks for a run even if nothing is new."""

    lines: tuple[str, ...]
    asks_for_run: bool


def mend_study(study: Study) -> Mended:
    """Put back altered tables that the cache has, and clear what a kill left half written.

    The study is locked. Raises `StudyError` for what a run must not go over.
    """
    faults = faults_of(study, is_locked=True)
    lines, asks_for_run = [], False
    for fault in faults:
        if fault.level == "stops":
            raise _with_count(fault, len(faults) - 1, study)
        if fault.level == "told":
            lines.append(str(fault))
        elif put_back_table(study, fault.name):
            lines.append(f"{fault.found} : remis tel quel ; rien n'est perdu")
        else:
            lines.append(f"{fault.found} : refait par ce traitement ; rien n'est perdu")
            asks_for_run = True
    return Mended((*lines, *_clear_half_built(study)), asks_for_run)


def check_texts(study: Study) -> None:
    """Raise `StudyError` for a grid or settings that were lost since the last run."""
    seal = _seal_of(study)
    for fault in _faults_of_texts(study, seal, whole=False) if isinstance(seal, Checksums) else ():
        if fault.level == "stops":
            raise fault.error


def put_back_table(study: Study, name: str) -> bool:
    """Write the table's file again from the cache, which keeps it by its hash; False without."""
    seal = _seal_of(study)
    if not isinstance(seal, Checksums) or name not in seal.files:
        return False
    checksum = seal.files[name]
    kept = study.cache / "objects" / f"{checksum.sha256}.parquet"
    if not kept.is_file() or file_hash(kept) != checksum.sha256:
        return False
    write_bytes(study.root / name, kept.read_bytes())
    return True


def _clear_half_built(study: Study) -> list[str]:
    """Remove publications and files that a killed process was writing."""
    folders = [
        path
        for folder in (study.publications, study.root / "exports")
        for path in folder.glob(".building-*")
    ]
    for path in folders:
        shutil.rmtree(path, ignore_errors=True)
    for path in (*study.vault.glob(".copie-*"), *(study.vault / "copies").glob(".*")):
        shutil.rmtree(path, ignore_errors=True)
    written = (study.root, study.tables, study.tables / "machine", study.runs, study.vault)
    for path in (path for folder in written for path in folder.glob(".*.tmp")):
        with contextlib.suppress(OSError):
            path.unlink()
    n = Count(len(folders))
    half = "publication à moitié écrite, retirée|publications à moitié écrites, retirées"
    return [f"{n:{half}}"] if folders else []


def seal_study(study: Study) -> None:
    """Record what the study holds now, as the last run left it."""
    last = study.last_run() or {}
    paths = [
        *(study.tables.rglob("*.parquet") if not study.keeps_tables_elsewhere else ()),
        *(study.root / last.get("publication", "publications/aucune")).rglob("*"),
        study.grid_path,
        study.settings_path,
        *study.vault.glob("*.vault"),
    ]
    files = {}
    for name in names_below(study.root, paths):
        # settings may hold names to hide, and the vault has checksums of its own
        is_hashed = name != study.settings_path.name and not name.startswith("vault/")
        files[name] = checksum_of(study.root / name, is_hashed=is_hashed)
    for path in study.vault.glob("*.vault"):
        note_vault_file(path, path.read_bytes())
    write_checksums(study.tables / NAME, Checksums(last["run_id"], False, files))


def open_seal(study: Study) -> None:
    """Record that tables are being replaced, so that a kill from now on is told as one."""
    seal = _seal_of(study)
    if isinstance(seal, Checksums):
        write_checksums(study.tables / NAME, replace(seal, is_open=True))


def forget_seal(study: Study) -> None:
    """Remove the checksums of what is about to be erased."""
    (study.tables / NAME).unlink(missing_ok=True)


def is_sealed_as(study: Study, run_id: str) -> bool:
    """Whether the checksums are those of the whole run `run_id`."""
    seal = _seal_of(study)
    if not isinstance(seal, Checksums) or seal.run_id != run_id or seal.is_open:
        return False
    texts = (study.grid_path, study.settings_path)
    return not any(_is_touched(path, seal.files.get(path.name)) for path in texts)


def _is_touched(path: Path, checksum: Checksum | None) -> bool:
    return checksum is None or path.stat().st_mtime_ns != checksum.modified_at


def _seal_of(study: Study) -> "Checksums | Fault | None":
    """Return the checksums, or why there are none; None before any run of this version."""
    try:
        seal = read_checksums(study.tables / NAME)
    except StudyError as error:
        return Fault(f"tables/{NAME}", error.found, error.expected, error.do, "told")
    if seal is None and _is_sealed(study):
        return Fault(
            f"tables/{NAME}",
            f"tables/{NAME} n'est plus là",
            "les empreintes de ce que le dernier traitement a laissé",
            f"rien n'est perdu : ateliers run {study.root} les refait, d'après runs/",
            "told",
        )
    return seal


def _is_sealed(study: Study) -> bool:
    try:
        return bool((study.last_run() or {}).get("is_sealed"))
    except StudyError:
        return False


def _faults_of_run(study: Study) -> Iterator[Fault]:
    try:
        last = study.last_run()
    except StudyError as error:
        yield Fault(error.found.split(" ")[0], error.found, error.expected, error.do, "stops")
        return
    seal = _seal_of(study)
    if isinstance(seal, Checksums) and (last is None or last["run_id"] < seal.run_id):
        name = f"runs/{seal.run_id}.json"
        yield Fault(
            name,
            f"{name} n'est plus là",
            "le compte rendu du dernier traitement, qui dit ce qui fut décidé et lu",
            f"ateliers restore {study.root} le remet d'une copie ; tables, décisions et "
            "publications restent",
            "stops",
        )


def _faults_of_vault(study: Study) -> Iterator[Fault]:
    """Compare each file of the vault with the checksum beside it, and with the last run's list."""
    seal = _seal_of(study)
    listed = set()
    if isinstance(seal, Checksums) and not seal.is_open:
        listed = {Path(name).name for name in seal.files if name.startswith("vault/")}
    listed |= {path.name.removesuffix(_SUMS) for path in study.vault.glob(f"*{_SUMS}")}
    for name in sorted(listed):
        damage = vault_damage(study.vault / name)
        if damage is not None:
            yield Fault(
                f"vault/{name}",
                f"vault/{name} {_SAID[damage]}",
                _VAULT_FILES.get(name, "les cas douteux, tels que le dernier traitement les a lus"),
                f"ateliers restore {study.root} le remet d'une copie ; rien n'a été touché : "
                "tables, décisions et publications restent",
                "stops",
            )


_VAULT_FILES = {
    "personnes.vault": "le registre des personnes, dont les numéros dépendent",
    "decisions-doutes.vault": "ce que l'analyste a décidé sur les cas douteux",
}


def vault_damage(path: Path) -> Damage | None:
    """Return what happened to a file of the vault since the program last wrote it."""
    if not path.is_file():
        return "missing"
    if not path.stat().st_size:
        return "empty"
    sums = _sums_of(path)
    listed = sums.read_text("ascii", "replace").split() if sums.is_file() else []
    hashes = listed[:-1]
    if listed[-1:] != [text_hash(*hashes)] or file_hash(path) in hashes:
        return None  # a checksum that is gone or altered itself is made anew with the file
    return "altered"


def note_vault_file(path: Path, content: bytes) -> None:
    """Record what is about to be written to `path`, beside what is there: either may be found."""
    hashes = [hashlib.sha256(content).hexdigest()]
    if path.is_file():
        hashes.append(file_hash(path))
    lines = [*hashes, text_hash(*hashes)]  # the last one is their own
    write_bytes(_sums_of(path), ("\n".join(lines) + "\n").encode(), mode=0o600)


def remove_vault_file(path: Path) -> None:
    """Remove a file of the vault, its checksum first."""
    _sums_of(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _sums_of(path: Path) -> Path:
    return path.with_name(path.name + _SUMS)


def _faults_of_texts(study: Study, seal: Checksums, *, whole: bool) -> Iterator[Fault]:
    """Say what became of the grid and the settings, which people may change at any time."""
    back = f"ateliers restore {study.root}"
    stands = "rien n'a été touché : tables, décisions et publications restent"
    for path, read in (
        (study.settings_path, lambda: load_settings(study.settings_path)),
        (study.grid_path, lambda: load_grid(study.grid_path)),
    ):
        name = path.name
        damage = _damage_of_text(study, path, seal.files.get(name), whole=whole)
        if damage is None:
            continue
        found, expected = f"{name} {_SAID[damage]}", "le fichier du dernier traitement"
        if damage == "altered":
            try:
                read()
            except AteliersError as error:
                found, expected = error.found, error.expected
            else:
                found = f"{name} a changé depuis le dernier traitement"
                expected += ", si personne ne l'a modifié"
                do = "rien, si c'est voulu : ateliers run en tient compte"
                yield Fault(name, found, expected, f"{do} ; sinon {back} --only {name}", "told")
                continue
        do = f"le corriger, ou {back} --only {name} le remet d'une copie ; {stands}"
        yield Fault(name, found, expected, do, "stops")


def _damage_of_text(
    study: Study, path: Path, checksum: Checksum | None, *, whole: bool
) -> Damage | None:
    """Return what happened to a text; one that somebody saved as it was has not changed."""
    from flows.copies import copied

    damage = damage_of(path, checksum, whole=whole) if checksum else None
    is_compared = damage is None and whole and checksum is not None and not checksum.sha256
    if checksum is None or (damage in (None, "missing") and not is_compared):
        return damage
    content = path.read_bytes()
    if not content.strip():
        return "empty"
    with contextlib.suppress(AteliersError):  # a vault that does not open
        if content == (before := copied(study, path.name)):
            return None
        if damage == "truncated" and before and before.startswith(content):
            return "altered" if content.endswith(b"\n") else "truncated"
        if is_compared and before is None:
            return None
    return "altered"


def _faults_of_tables(study: Study, seal: Checksums, *, whole: bool) -> Iterator[Fault]:
    if not any(study.tables.glob("*.parquet")) and not study.keeps_tables_elsewhere:
        yield Fault(
            "tables/",
            "tables/ n'a plus aucune table",
            "celles du dernier traitement",
            f"ateliers run {study.root} les refait toutes ; dépôt, décisions et coffre restent",
            "told",
        )
        return
    if seal.is_open:
        yield Fault(
            "tables/",
            "le dernier traitement a été coupé pendant qu'il écrivait ses tables",
            "un traitement mené à son terme",
            f"ateliers run {study.root} le reprend ; rien n'est perdu",
            "told",
        )
        return
    kept_here = () if study.keeps_tables_elsewhere else ("tables/",)
    asked = (*kept_here, "publications/")
    damages = seal.damages(study.root, lambda name: name.startswith(asked), whole=whole)
    for name, damage in sorted(damages.items()):
        yield _fault_of_file(study, name, damage, seal.files[name])


def _fault_of_file(study: Study, name: str, damage: Damage, checksum: Checksum) -> Fault:
    table = name.removeprefix("tables/").removesuffix(".parquet")
    is_cached = (study.cache / "objects" / f"{checksum.sha256}.parquet").is_file()
    if name.startswith("publications/") and _may_be_edited(study.root / name, damage):
        return Fault(
            name,
            f"{name} a changé depuis sa publication",
            "le fichier publié, si personne ne l'a modifié",
            f"rien, si c'est voulu ; sinon l'effacer, puis ateliers run {study.root}",
            "told",
        )
    found, expected = f"{name} {_SAID[damage]}", "le fichier que le dernier traitement a écrit"
    if table in IDENTITY and name.startswith("tables/") and not is_cached:
        return Fault(
            name,
            found,
            f"{expected} : sans lui, des thèmes changeraient de numéro",
            f"ateliers restore {study.root} le remet d'une copie ; dépôt, décisions et coffre "
            "restent",
            "stops",
        )
    again = "le remet tel quel" if is_cached else "le refait"
    do = f"ateliers run {study.root} {again} ; dépôt, décisions et coffre restent"
    return Fault(name, found, expected, do, "remade")


def _may_be_edited(path: Path, damage: Damage) -> bool:
    """Whether somebody may have written a published file again, in Word for instance."""
    return damage == "altered" or (damage == "truncated" and zipfile.is_zipfile(path))

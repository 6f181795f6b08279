"""Keep the last seven copies of what people made, and put one back in the place of what is lost.

In:   decisions, vault, grid and settings, with the run's record and the tables that later runs
      go on from
Out:  vault/copies/<run>-<state>.copie  one of each of the last seven states, sealed as the vault is
      vault/copies/ecartes/             what a copy took the place of
"""

import datetime
import hashlib
import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from flows.encryption import PASSPHRASE, Cipher, is_encrypted, read_passphrase
from flows.integrity import (
    IDENTITY,
    Fault,
    faults_of,
    note_vault_file,
    put_back_table,
    seal_study,
)
from pipeline.credentials import read_secret
from pipeline.decision_store import DecisionStore
from pipeline.errors import AteliersError, SettingsError, StoreError, VaultError
from pipeline.files import write_bytes
from pipeline.publish.text import zipped
from pipeline.study import Study
from pipeline.text import counted

N_COPIES = 7
_FOLDER, _ASIDE, _SUFFIX = "copies", "ecartes", ".copie"
_DECISIONS = "decisions.sqlite3"
_LABEL = "copie"  # that a copy is sealed under, whatever its name

Parts = dict[str, bytes]  # by path in the study; the vault's are plain


def keep_copy(study: Study) -> bool:
    """Copy what people made, unless the last copy holds the same; return whether it did not.

    A copy of the same state or of the same run takes the place of the one before. Raises
    `VaultError` for a vault that does not open.
    """
    last = study.last_run()
    if last is None:
        return False
    for folder in (study.vault, _folder(study)):
        folder.mkdir(mode=0o700, exist_ok=True)
    cipher = _cipher(study)
    parts = _parts(study, cipher)
    run_id, state = last["run_id"], _state(parts)
    before = copies_of(study)
    is_new = not before or state not in before[0].name
    path = _folder(study) / f"{run_id}-{state}{_SUFFIX}"
    _write_copy(path, parts, cipher)
    for former in before:
        if former != path and (state in former.name or former.name.startswith(run_id)):
            former.unlink()
        elif cipher and not is_encrypted(plain := former.read_bytes()):
            write_bytes(former, cipher.encrypt(plain, _LABEL), mode=0o600)
    for former in copies_of(study)[N_COPIES:]:
        former.unlink()
    # settings may name people to hide: one taken out of them is in no copy
    for former in before[:1]:  # those before it had lost theirs
        earlier = _open(former, _passphrase(study)) if former != path and former.exists() else None
        if earlier and earlier.pop(study.settings_path.name, None) is not None:
            _write_copy(former, earlier, cipher)
    return is_new


def _write_copy(path: Path, parts: Parts, cipher: Cipher | None) -> None:
    content = zipped(sorted(parts.items()))
    write_bytes(path, cipher.encrypt(content, _LABEL) if cipher else content, mode=0o600)


def copies_of(study: Study) -> list[Path]:
    """Return the copies, the last one first."""
    return sorted(_folder(study).glob(f"*{_SUFFIX}"), reverse=True)


def copied(study: Study, name: str) -> bytes | None:
    """Return a file as the last copy that opens holds it; None without any."""
    return next((parts[name] for _, parts in _opened(study) if name in parts), None)


def forget_copies(study: Study) -> None:
    """Remove every copy, and what copies took the place of."""
    shutil.rmtree(_folder(study), ignore_errors=True)


def restore_here(study: Study, only: str | None = None) -> list[str]:
    """Put back what is damaged, from the last copy that has it, and return a line for each.

    `only` names one file to put back, damaged or not. What was there is set aside in
    vault/copies/ecartes/. Raises `StudyError` where nothing can be put back, or during a run.
    """
    with study.locked():
        aside = (
            _folder(study) / _ASIDE / datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
        )
        lines: dict[str, str] = {}
        for _ in range(2):  # what hid behind a damaged record is seen once that is back
            names = [only] if only else _damaged(study)
            lines |= {name: _put_back(study, name, aside) for name in names if name not in lines}
            study.reread()
        if lines and not any(fault.level == "stops" for fault in all_faults(study, is_locked=True)):
            seal_study(study)
    return list(lines.values())


def _damaged(study: Study) -> list[str]:
    return [fault.name for fault in all_faults(study, is_locked=True) if fault.level != "told"]


def all_faults(study: Study, *, is_locked: bool = False) -> list[Fault]:
    """Return every fault: files are read whole, decisions and vault by their own check."""
    listed = faults_of(study, whole=True, is_locked=is_locked)
    first = ("runs/", study.settings_path.name)  # they say what was decided, and where
    if any(fault.name.startswith(first) and fault.level == "stops" for fault in listed):
        return listed
    listed += _faults_of_copies(study)
    checks = ((_DECISIONS, study.check_decisions), ("vault/", lambda: _read_vault(study)))
    for name, check in checks:
        if any(fault.name.startswith(name) and fault.level == "stops" for fault in listed):
            continue
        try:
            check()
        except AteliersError as error:
            listed.append(Fault(name, error.found, error.expected, error.do, "stops"))
    return listed


def _faults_of_copies(study: Study) -> list[Fault]:
    if not (unopened := set(copies_of(study)) - {path for path, _ in _opened(study)}):
        return []
    names = sorted(f"vault/{_FOLDER}/{path.name}" for path in unopened)
    return [
        Fault(
            name,
            f"{name} ne s'ouvre pas",
            "une copie entière, et la phrase de passe du coffre",
            "rien : les autres copies restent, et le prochain changement en fait une",
            "told",
        )
        for name in names
    ]


def _read_vault(study: Study) -> None:
    from flows.vault import Vault

    vault = Vault(study)
    vault.registry()
    vault.doubts()


def _put_back(study: Study, name: str, aside: Path) -> str:
    if name.startswith("tables/") and put_back_table(study, name):
        return f"{name} : remis tel quel, depuis le cache"
    if name == _DECISIONS:
        return _put_back_decisions(study, aside)
    for path, parts in _opened(study):
        if name in parts:
            _set_aside(study.root / name, aside)
            _write(study, name, parts[name])
            return f"{name} : remis de la copie {_day(path)}"
    if name.startswith(("tables/", "publications/", ".cache/")):
        return f"{name} : ateliers run {study.root} le refait"
    return _in_no_copy(name)


def _in_no_copy(name: str) -> str:
    return (
        f"{name} : aucune copie ne le tient ; le reprendre d'une sauvegarde : ateliers restore "
        "FICHIER, dans un autre dossier"
    )


def _put_back_decisions(study: Study, aside: Path) -> str:
    """Put back the decisions of the last copy, with those that came since and still read."""
    path, content = next(
        ((path, parts[_DECISIONS]) for path, parts in _opened(study) if _DECISIONS in parts),
        (None, b""),
    )
    if path is None:
        return _in_no_copy(_DECISIONS)
    with tempfile.TemporaryDirectory(dir=_folder(study), prefix=".") as folder:
        file = Path(folder) / _DECISIONS
        file.write_bytes(content)
        copy = DecisionStore(file)
        try:
            since = study.decisions.written_rows(after=copy.last_id())
        except StoreError:
            since = []
        copy.add_rows(since)
        n, last_id = len(copy.written_rows()), copy.last_id()
        copy.save_copy(Path(folder) / "entier")
        whole = (Path(folder) / "entier").read_bytes()
    for ending in ("", "-wal", "-shm", "-journal", "-count"):
        _set_aside(study.root / f"{_DECISIONS}{ending}", aside)
    write_bytes(study.decisions_path, whole, mode=0o600)
    return (
        f"{_DECISIONS} : {counted(n, 'décision')}, jusqu'à la n° {last_id}, remises de la copie "
        f"{_day(path)}"
    )


def _write(study: Study, name: str, content: bytes) -> None:
    path = study.root / name
    if path.parent != study.vault:
        write_bytes(path, content)
        return
    cipher = _cipher(study)
    content = cipher.encrypt(content, path.name) if cipher else content
    note_vault_file(path, content)
    write_bytes(path, content, mode=0o600)


def _set_aside(path: Path, folder: Path) -> None:
    if path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.rename(folder / path.name)


def _opened(study: Study) -> Iterator[tuple[Path, Parts]]:
    """Yield the copies that open, the last one first."""
    passphrase = _passphrase(study)
    for path in copies_of(study):
        if parts := _open(path, passphrase):
            yield path, parts


def _open(path: Path, passphrase: str | None) -> Parts | None:
    content = path.read_bytes()
    try:
        if is_encrypted(content):
            if passphrase is None:
                return None
            content = Cipher(passphrase, content).decrypt(content, _LABEL)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, zlib.error, VaultError):
        return None


def _passphrase(study: Study) -> str | None:
    """Return the vault's passphrase, from the environment alone where the settings are lost."""
    try:
        return read_passphrase(study)
    except SettingsError:
        return read_secret(PASSPHRASE, "la phrase de passe du coffre", error=VaultError)


def _parts(study: Study, cipher: Cipher | None) -> Parts:
    last = study.last_run() or {}
    parts: Parts = {}
    names = [study.grid_path, study.settings_path, study.runs / f"{last['run_id']}.json"]
    names += [study.tables / f"{name}.parquet" for name in IDENTITY]
    for path in names:
        if path.is_file():
            parts[path.relative_to(study.root).as_posix()] = path.read_bytes()
    for path in sorted(study.vault.glob("*.vault")):
        content = path.read_bytes()
        is_sealed = cipher is not None and is_encrypted(content)
        plain = cipher.decrypt(content, path.name) if cipher and is_sealed else content
        parts[f"vault/{path.name}"] = plain
    if study.decisions.last_id():
        with tempfile.TemporaryDirectory(dir=study.vault, prefix=".copie-") as folder:
            study.decisions.save_copy(Path(folder) / _DECISIONS)
            parts[_DECISIONS] = (Path(folder) / _DECISIONS).read_bytes()
    return parts


def _state(parts: Parts) -> str:
    """Return 12 hex digits of what people made: neither the run's record nor its tables."""
    digest = hashlib.sha256()
    for name, content in sorted(parts.items()):
        if not name.startswith(("runs/", "tables/")):
            digest.update(name.encode() + hashlib.sha256(content).digest())
    return digest.hexdigest()[:12]


def _cipher(study: Study) -> Cipher | None:
    """Return what seals the vault; its files share a salt, and so do the copies."""
    passphrase = _passphrase(study)
    if passphrase is None:
        return None
    files = [*sorted(study.vault.glob("*.vault")), *copies_of(study)]
    sealed = next((content for path in files if is_encrypted(content := path.read_bytes())), None)
    return Cipher(passphrase, sealed)


def _folder(study: Study) -> Path:
    return study.vault / _FOLDER


def _day(path: Path) -> str:
    """Say when a copy was made, from its run's id.

    >>> _day(Path("20261129T093824032898Z-0123456789ab.copie"))
    'du 29/11/2026'
    """
    name = path.name
    return f"du {name[6:8]}/{name[4:6]}/{name[:4]}"

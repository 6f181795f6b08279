"""Read and write a study's folder: settings, grid, depot, decisions, tables and records of runs.

Heavy imports wait until a table is read, so that a run with nothing to do ends at once.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.credentials import read_secret
from pipeline.depot import Inventory
from pipeline.errors import SettingsError, StudyError, TableError, UsageError
from pipeline.files import data_path, file_hash, read_only, text_hash, write_bytes
from pipeline.locks import lock, unlock
from pipeline.table_store import TableStore, open_table_files
from pipeline.text import counted, fold
from pipeline.versions import SCHEMA

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.decision_store import DecisionStore, Mark
    from pipeline.grid.codes import Grid
    from pipeline.settings import Settings
    from pipeline.tables.schema import Table


_BACK = "le remet d'une copie ; tables, décisions et publications restent"


class Study:
    """One study's folder: `Study.open` opens an existing one, `Study.create` makes one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.depot, self.tables, self.vault = root / "depot", root / "tables", root / "vault"
        self.publications, self.runs = root / "publications", root / "runs"
        self.cache, self.models = root / ".cache", root / "models"
        self.settings_path, self.grid_path = root / "etude.toml", root / "grille.yaml"
        self.decisions_path = root / "decisions.sqlite3"

    @classmethod
    def open(cls, root: Path) -> "Study":
        """Return the study in `root`.

        Raises `StudyError` for a folder that is none, or that a later version ran last.
        """
        study, expected, do = cls(root), "le dossier d'une étude", f"ateliers init {root}"
        if not root.is_dir():
            raise StudyError(f"pas de dossier « {root} »", expected, do)
        if not study.settings_path.is_file():
            if study.has_content:
                expected, do = "les réglages de l'étude", f"ateliers restore {root} {_BACK}"
            raise StudyError(f"« {root} » n'a pas d'etude.toml", expected, do)
        newest = max(study.runs.glob("*.json"), default=None)
        if newest is not None and (schema := schema_of(read_manifest(newest))) > SCHEMA:
            raise StudyError(
                f"l'étude vient d'une version plus récente (format {schema})",
                f"le format {SCHEMA} ou un plus ancien",
                "mettre ateliers à jour",
            )
        return study

    @classmethod
    def create(cls, root: Path, grid: Path | None = None) -> "Study":
        """Make an empty study in `root` with `grid`, or the grid of the Ateliers Territoires.

        Raises `StudyError` when `root` already is a study, `GridError` when the grid is refused.
        """
        from pipeline.grid import load_grid, save_grid

        study = cls(root)
        if study.settings_path.exists() or study.has_content:
            raise StudyError(
                f"« {root} » est déjà une étude",
                "un nouveau dossier",
                f"choisir un autre dossier, ou ateliers run {root}",
            )
        grid = grid or data_path("grid", "grille-ateliers-territoires.yaml")
        loaded = load_grid(grid)
        # to this account alone: what is received and what is drawn from it is personal
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (study.depot, study.tables, study.publications, study.runs, study.vault):
            folder.mkdir(mode=0o700, exist_ok=True)
        if grid.suffix.lower() in (".yaml", ".yml"):
            shutil.copyfile(grid, study.grid_path)  # with its author's comments
        else:
            save_grid(loaded, study.grid_path)
        shutil.copyfile(data_path("grid", "etude.toml"), study.settings_path)
        return study

    @property
    def has_content(self) -> bool:
        """Whether something was processed or decided here."""
        return any(self.runs.glob("*.json")) or self.decisions_path.is_file()

    @cached_property
    def settings(self) -> "Settings":
        """The settings of etude.toml."""
        from pipeline.settings import load_settings

        return load_settings(self.settings_path)

    @cached_property
    def grid(self) -> "Grid":
        """The study's grid."""
        from pipeline.grid import load_grid

        return load_grid(self.grid_path)

    def reread(self) -> None:
        """Read the settings and the grid again on their next use."""
        for name in ("settings", "grid"):
            self.__dict__.pop(name, None)

    def grid_hash(self) -> str:
        """The sha256 of the grid file; raises `GridError` where it is gone."""
        try:
            return file_hash(self.grid_path)
        except FileNotFoundError as error:
            from pipeline.grid import missing_grid

            raise missing_grid(self.grid_path) from error

    def present_codes(self) -> dict[tuple[str, str], str]:
        """Return the code of each axis and former name, as grille.yaml says now."""
        if not self.grid_path.is_file():
            return {}
        return _present_codes(self.grid_path, self.grid_path.stat().st_mtime_ns)

    def inventory(self) -> Inventory:
        """Return what lies in depot/ now; raise `StudyError` where no folder has a file."""
        inventory = Inventory(self.depot)
        if not inventory.workshops:
            raise self._no_workshop(inventory)
        return inventory

    def workshop_folders(self) -> list[Path]:
        """Return the folders of depot/ with a file, by name; raise `StudyError` if none."""
        return [workshop.path for workshop in self.inventory().workshops]

    def _no_workshop(self, inventory: Inventory) -> StudyError:
        expected = "un dossier par atelier, avec ses fichiers"
        reasons = {entry.path.name: entry.reason for entry in inventory.outside}
        if not reasons:
            do = "y copier les dossiers des ateliers"
            return StudyError(f"« {self.depot} » est vide", expected, do)
        name, reason = min(reasons.items())
        return StudyError(
            f"« {self.depot} » n'a aucun dossier d'atelier qui se lise (« {name} » : {reason})",
            expected,
            "vérifier les droits, ou y copier les dossiers eux-mêmes",
        )

    def find_workshop(self, name: str) -> Path:
        """Return the folder called `name`, or the only one whose name contains it.

        Accents and case don't matter. Raises `UsageError` with the names of the folders.
        """
        folders = self.workshop_folders()
        wanted = fold(name) or name.strip()  # a name in another script folds to nothing
        matches = [path for path in folders if wanted in (path.name, fold(path.name))]
        matches = matches or [path for path in folders if wanted in fold(path.name)]
        if len(matches) != 1:
            names = ", ".join(path.name for path in folders)
            raise UsageError(
                f"atelier « {name} »", f"un de : {names}", "reprendre le nom du dossier"
            )
        return matches[0]

    @property
    def slides_template(self) -> Path | None:
        """The study's own look for slides; raise `SettingsError` where it is a link elsewhere."""
        return self._own_file(self.settings.publish.slides_template)

    @property
    def report_template(self) -> Path | None:
        """The study's own look for Word files; raises as `slides_template`."""
        return self._own_file(self.settings.publish.report_template)

    def _own_file(self, name: str) -> Path | None:
        path = self.root / name
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise SettingsError(
                f"[publish] : « {path.name} » est un raccourci vers un autre dossier",
                "un fichier du dossier de l'étude",
                "le copier dans ce dossier",
            )
        return path if name else None

    @property
    def registered_tagger(self) -> Path | None:
        """The study's own tagger that is in use, None for the shipped one.

        It is the one that models/in-use.txt names, else the last registered.
        """
        chosen = self.models / "in-use.txt"
        name = chosen.read_text(encoding="utf-8").strip() if chosen.is_file() else None
        if name == "":
            return None
        paths = self.taggers
        registered = max((path for path in paths if path.parent == self.models), default=None)
        return next((path for path in paths if self.tagger_name(path) == name), registered)

    @property
    def taggers(self) -> list[Path]:
        """The study's own taggers, those set aside last."""
        return sorted(self.models.glob("tagger-*.json")) + sorted(
            self.models.glob("aside/tagger-*.json")
        )

    def tagger_name(self, path: Path | None) -> str:
        """Return how a tagger is named in the study, « tagger-0001.json »; the shipped one: ""."""
        return path.relative_to(self.models).as_posix() if path else ""

    def use_tagger(self, path: Path | None) -> None:
        """Have later runs tag with `path`, or with the shipped tagger."""
        content = f"{self.tagger_name(path)}\n".encode()
        write_bytes(self.models / "in-use.txt", content)

    @cached_property
    def decisions(self) -> "DecisionStore":
        """People's decisions, in a file of the study or in the database of `database_url`."""
        from pipeline.decision_store import DecisionStore

        return DecisionStore(
            self.database_url or self.decisions_path,
            former=self.decisions_path,
            present_codes=self.present_codes,
        )

    @property
    def former_decisions(self) -> list[Path]:
        """The files whose decisions were moved into a database."""
        return sorted(self.root.glob(f"{self.decisions_path.stem}-reprises.*"))

    @property
    def database_url(self) -> str:
        """The address of the PostgreSQL database; blank where decisions are in the study."""
        address = read_secret("ATELIERS_DATABASE_URL", "l'adresse de la base") or ""
        return address.strip() or self.settings.review.database

    def decisions_state(self) -> int:
        """Return the number of the last decision, 0 before any."""
        return self.decisions.last_id()

    def check_decisions(self, goes_on: "Callable[[StudyError], bool] | None" = None) -> "Mark":
        """Return the mark of the decisions, once those of the last run are found unchanged.

        Raises `StudyError` where some are lost, unless `goes_on` accepts; `StoreError` where the
        store is damaged or does not answer.
        """
        from pipeline.decision_store import Mark

        self.decisions.check()
        last = self.last_run() or {}
        recorded, source = Mark.recorded(last), f"runs/{last.get('run_id')}.json"
        loss = self.decisions.lost_since(recorded) if recorded else None
        if recorded is None:
            recorded, source = self._mark_in_tables(), "tables/decision_effects"
            if recorded is not None and self.decisions.last_id() < recorded.last_id:
                loss = "ne tient plus les dernières décisions"
        if recorded is None or loss is None:
            recorded, source = self.decisions.noted(), f"{self.decisions_path.name}-count"
            loss = "ne tient plus les dernières décisions" if recorded else None
        if recorded is not None and loss is not None:
            error = self._lost_decisions(loss, recorded, source)
            if goes_on is None or not goes_on(error):
                raise error
            self.decisions.accept_loss()
        return self.decisions.mark()

    def _mark_in_tables(self) -> "Mark | None":
        from pipeline.decision_store import Mark

        ids = self.read_table("decision_effects")["decision_id"]
        return Mark(int(ids.max()), len(ids), "", 0) if len(ids) else None

    def note_decisions(self) -> bool:
        """Record decisions made since the last run, unless some are lost, to notice a loss.

        Returns whether there were any.
        """
        from dataclasses import asdict

        from pipeline.decision_store import Mark

        last = self.last_run()
        recorded, mark = Mark.recorded(last), self.decisions.mark()
        if last is None or mark == recorded:
            return False
        if recorded is not None and self.decisions.lost_since(recorded) is not None:
            return False
        self.write_manifest(last | {"decisions": asdict(mark)})
        return True

    def _lost_decisions(self, loss: str, recorded: "Mark", source: str) -> StudyError:
        if self.database_url:
            store, do = "la base des décisions", "vérifier son adresse, ou la rendre d'une"
        else:
            store = self.decisions_path.name
            do = f"ateliers restore {self.root} le remet d'une copie du coffre, ou d'une"
            loss = loss if self.decisions_path.exists() else "n'est plus là"
        n_decisions = counted(recorded.n_decisions, "décision")
        return StudyError(
            f"{store} {loss}",
            f"{n_decisions}, jusqu'à la n° {recorded.last_id} ({source})",
            f"rien n'a été touché : tables et rapport restent ; {do} sauvegarde (ateliers "
            "restore FICHIER, dans un autre dossier), ou continuer avec ce qui reste : "
            f"ateliers run {self.root} --accept-lost-decisions",
        )

    def has_table(self, name: str) -> bool:
        """Whether the table was ever written."""
        return self.table_store.has(name)

    def read_table(self, name: str) -> "pd.DataFrame":
        """Return a table as in the data dictionary; one that was never written has no rows."""
        return self._read(name, name)

    def read_machine_table(self, name: str) -> "pd.DataFrame":
        """Return the machine's version of a table, before any decision."""
        return self._read(name, f"machine/{name}")

    def read_tables(self) -> "dict[str, pd.DataFrame]":
        """Return every table of the data dictionary."""
        return {name: self.read_table(name) for name in _dictionary()}

    def write_table(self, name: str, frame: "pd.DataFrame") -> str:
        """Write a table, checked against dictionary and grid, and return its sha256.

        Raises `TableError` for what neither has, `StoreError` where it cannot be written.
        """
        return self.table_store.write(name, self._checked(name, frame))

    def write_machine_table(self, name: str, frame: "pd.DataFrame") -> str:
        """Write the machine's version of a table, checked likewise."""
        return self.table_store.write(f"machine/{name}", self._checked(name, frame))

    def remove_tables(self) -> None:
        """Remove the tables, wherever they are or were kept, but not the machine's versions."""
        for store in (self.table_store, self._local_tables):
            store.remove(_dictionary())

    @cached_property
    def table_store(self) -> TableStore:
        """The tables in tables/, or in the store that etude.toml names.

        Raises `MissingExtraError` where that store asks for a package that is not installed.
        """
        execution = self.settings.execution
        files = open_table_files(execution.store, self.tables, memory=self.cache / "tables.json")
        return TableStore(files, partition_rows=execution.partition_rows)

    @property
    def keeps_tables_elsewhere(self) -> bool:
        """Whether etude.toml names a store for the tables."""
        return bool(self.settings.execution.store)

    @property
    def _local_tables(self) -> TableStore:
        files = open_table_files("", self.tables)
        return TableStore(files, partition_rows=self.settings.execution.partition_rows)

    def _read(self, name: str, stored_name: str) -> "pd.DataFrame":
        """Read from tables/ as long as the store of etude.toml lacks the table."""
        table = _dictionary()[name]
        rows = self.table_store.read(stored_name)
        if rows is None and self.keeps_tables_elsewhere:
            rows = self._local_tables.read(stored_name)
        return table.empty() if rows is None else self._with_present_codes(table.adapt(rows))

    def _with_present_codes(self, rows: "pd.DataFrame") -> "pd.DataFrame":
        """Name renamed codes as the grid does now, in a table of before the renaming."""
        if not {"axis", "code"} <= set(rows.columns) or not (present := self.present_codes()):
            return rows
        codes = [present.get(key, key[1]) for key in zip(rows["axis"], rows["code"], strict=True)]
        return rows.assign(
            code=type(rows["code"])(codes, index=rows.index, dtype=rows["code"].dtype)
        )

    def table_hashes(self) -> dict[str, str]:
        """Return the sha256 of each written table by name; the machine's as `machine/tags`."""
        names = list(_dictionary())
        return self.table_store.hashes([*names, *(f"machine/{name}" for name in names)])

    def tables_match(self, hashes: dict[str, str]) -> bool:
        """Whether the written tables have these hashes."""
        return self.table_store.hashes(hashes) == hashes

    def check_tables(self) -> None:
        """Raise `TableError` where a table of the last run is gone, which would read as empty."""
        last = self.last_run() or {}
        gone = sorted(name for name in last.get("tables", ()) if not self.has_table(name))
        if gone:
            n_tables, names = counted(len(gone), "table"), ", ".join(gone)
            raise TableError(
                f"il manque {n_tables} du dernier traitement : {names}",
                "toutes celles qu'il a écrites",
                f"les refaire : ateliers run {self.root}",
            )

    def count_rows(self) -> dict[str, int]:
        """Return the number of rows of each table, by name."""
        return self.table_store.count_rows(_dictionary())

    def _checked(self, name: str, frame: "pd.DataFrame") -> "pd.DataFrame":
        checked = _dictionary()[name].check(frame)
        axes = {axis.axis for axis in self.grid.axes}
        used = set(checked["axis"].dropna().unique()) if "axis" in checked.columns else set()
        unknown = sorted(used - axes)
        if unknown:
            raise TableError(
                f"table {name} : axe « {unknown[0]} »",
                f"un de : {', '.join(sorted(axes))}",
                "relancer le traitement avec la grille de l'étude",
            )
        return checked

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the study for one process, until the block or the process ends.

        Raises `StudyError` when another process has it or the folder cannot be written.
        """
        refusal = StudyError(
            f"« {self.root} » est déjà en cours de traitement",
            "un traitement à la fois",
            "attendre qu'il finisse",
        )
        with locked_file(self.runs / ".lock", refusal) as handle:
            try:
                yield
            finally:
                unlock(handle)  # a worker that is still ending holds the handle too

    def last_run(self) -> dict[str, Any] | None:
        """Return the manifest of the last run that ended well, or None."""
        for path in sorted(self.runs.glob("*.json"), reverse=True):
            manifest = read_manifest(path)
            if manifest.get("is_done"):
                return manifest
        return None

    def write_manifest(self, manifest: dict[str, Any]) -> Path:
        """Write runs/<run_id>.json."""
        path = self.runs / f"{manifest['run_id']}.json"
        content = manifest | {"sha256": _seal_of(manifest)}
        write_bytes(path, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())
        return path


@contextlib.contextmanager
def locked_file(path: Path, refusal: StudyError) -> Iterator[int]:
    """Lock the file `path`, made if need be, until the block or the process ends; give its handle.

    A process that inherits the handle holds the lock too.

    Raises `refusal` when another process has it, `StudyError` when its folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise read_only(path.parent.parent, error) from error
    try:
        lock(handle)
    except OSError as error:
        os.close(handle)
        raise refusal from error
    try:
        yield handle
    finally:
        os.close(handle)


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the record of a run; raise `StudyError` for a file that is none."""
    manifest = _json_of(path, path.stat().st_mtime_ns)
    if not isinstance(manifest, dict):
        raise StudyError(
            f"runs/{path.name} ne se lit pas, ou n'est plus ce qui fut écrit",
            "le compte rendu du dernier traitement, qui dit ce qui fut décidé et lu",
            f"ateliers restore {path.parent.parent} {_BACK}",
        )
    return dict(manifest)


@lru_cache(maxsize=8)  # every step of a run opens the study
def _json_of(path: Path, _written_at: int) -> Any:
    try:
        manifest = json.loads(path.read_bytes())
    except ValueError:
        return None
    if isinstance(manifest, dict) and "sha256" in manifest:  # earlier versions wrote none
        seal = manifest.pop("sha256")
        return manifest if seal == _seal_of(manifest) else None
    return manifest


def _seal_of(manifest: dict[str, Any]) -> str:
    return text_hash(json.dumps(manifest, sort_keys=True))


@lru_cache(maxsize=8)
def _present_codes(path: Path, _written_at: int) -> dict[tuple[str, str], str]:
    from pipeline.grid import load_grid

    return load_grid(path).present_codes


def schema_of(manifest: dict[str, Any]) -> int:
    """Return the schema version of the study that a run left; 1 where it does not say."""
    schema = manifest.get("schema", 1)
    return schema if isinstance(schema, int) else SCHEMA + 1


def _dictionary() -> "dict[str, Table]":
    from pipeline.tables import TABLES

    return TABLES

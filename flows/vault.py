"""The vault of a study on disk: who hides behind each number, the doubtful cases and what people decided on them.

Files of mode 600 in a folder of mode 700, encrypted where a passphrase is set (flows/encryption.py). Each is written in one step, and the
registry before anything that uses its numbers: a crash leaves numbers without texts, never texts without numbers.

The doubtful cases as a table that the analyst fills in a spreadsheet, and its return.
"""

import csv
import io
import json
import stat
import zipfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import python_calamine
import xlsxwriter

from flows.encryption import PASSPHRASE, PASSPHRASE_FILE, Cipher, is_encrypted, read_passphrase
from pipeline.errors import StudyError, UsageError, VaultError
from pipeline.files import text_hash, write_bytes
from pipeline.pseudonymise.choices import Choices
from pipeline.pseudonymise.documents import DOUBTS
from pipeline.pseudonymise.vault import Registry, damaged_vault
from pipeline.study import Study
from pipeline.text import fold

_REGISTRY, _DECISIONS, _README = "personnes.vault", "decisions-doutes.vault", "LISEZMOI.txt"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_KEEP, _HIDE = "garder", "masquer"
_WORDS = """Ce dossier est le coffre de l'étude. Il ne se partage pas.

personnes.vault          qui se cache derrière chaque [personne 12] des tables
doutes-….vault           cas douteux de pseudonymisation, avec les vrais mots autour
decisions-doutes.vault   ce que l'analyste a décidé sur ces cas

Les tables et les rapports de l'étude sont pseudonymisés, pas anonymes : ce sont encore des données personnelles. Qui tient ce dossier
tient la clé : le garder à part (droits 700, phrase de passe), le sauvegarder à part, ne jamais le joindre à un envoi.
Pour effacer une personne : ateliers forget ÉTUDE PERSONNE. Pour revoir les cas douteux : ateliers export ÉTUDE --format doutes.
"""


class Vault:
    """The vault of one study; opening it closes it to others, refuses a wrong passphrase, and encrypts what a new one finds plain."""

    def __init__(self, study: Study) -> None:
        self.folder = study.vault
        self._close_to_others()
        passphrase = read_passphrase(study)
        sealed = next((path for path in self._paths() if is_encrypted(path.read_bytes())), None)
        self._cipher = (
            Cipher(passphrase, sealed.read_bytes() if sealed else None) if passphrase else None
        )
        if sealed is not None:
            self._check(sealed)
        if self._cipher:
            self._encrypt_plain()

    # --- persons ---------------------------------------------------------------------------------------------------

    def registry(self) -> Registry:
        """Everybody met so far; nobody at first."""
        return self._known().copy()

    def has_read(self, folder: str) -> bool:
        """Whether the texts of a workshop's folder were numbered."""
        return folder in self._known().folders

    def write_registry(self, registry: Registry) -> None:
        """Keep the registry."""
        self._write(_REGISTRY, registry.dumps())

    # --- doubts ----------------------------------------------------------------------------------------------------

    def doubts(self) -> pd.DataFrame:
        """The doubtful cases of all workshops, with what was decided on each; a folder that was renamed may have left its own twice."""
        decisions = self.decisions()
        cases: dict[str, dict[str, Any]] = {}
        for path in self._doubt_paths():
            try:
                cases |= {row["doubt_id"]: row for row in self._loaded(path.name, [])}
            except (TypeError, KeyError) as error:
                raise damaged_vault(f"le fichier « {path.name} »") from error
        return DOUBTS.build(
            row | {"decision": decisions.get(doubt_id, {}).get("decision")}
            for doubt_id, row in cases.items()
        )

    def write_doubts(self, folder: str, doubts: pd.DataFrame) -> None:
        """Keep the doubtful cases of a workshop's folder; none removes the file."""
        rows = doubts.astype(object).where(doubts.notna(), None).to_dict("records")
        name = f"doutes-{text_hash(folder)[:16]}.vault"
        if rows:
            self._write(name, _dumps(rows))
        else:
            (self.folder / name).unlink(missing_ok=True)

    def count_waiting(self) -> int:
        """Doubtful cases on which nobody decided yet."""
        return int(self.doubts()["decision"].isna().sum())

    def drop_doubts(self) -> None:
        """Remove the doubtful cases, which the next reading lists again."""
        for path in self._doubt_paths():
            path.unlink()

    def decisions(self) -> dict[str, dict[str, str]]:
        """What people decided, by doubt_id: `words`, `done` and `decision`."""
        found: dict[str, dict[str, str]] = self._loaded(_DECISIONS, {})
        if not all(
            isinstance(entry, dict) and {"words", "done", "decision"} <= entry.keys()
            for entry in found.values()
        ):
            raise damaged_vault(f"le fichier « {_DECISIONS} »")
        return found

    def write_decisions(self, decisions: dict[str, dict[str, str]]) -> None:
        """Keep what people decided."""
        self._write(_DECISIONS, _dumps(decisions))

    def choices(self) -> Choices:
        """The words that people decided to keep readable and to hide, over the whole study; a person's being one or two changes no word."""
        on_words = [entry for entry in self.decisions().values() if entry["done"] != "compté"]
        kept, hidden = (
            {entry["words"] for entry in on_words if entry["decision"] == wanted}
            for wanted in (_KEEP, _HIDE)
        )
        return Choices(frozenset(kept), frozenset(hidden))

    # --- the state that readings depend on -------------------------------------------------------------------------

    def state(self) -> str:
        """Changes with each decision on a doubt and with each person forgotten; "" before any."""
        choices = self.choices()
        forgotten = [
            text_hash(*entry.names, *entry.mentions, str(entry.has_no_words))
            for entry in self._known().forgotten
        ]
        parts = [*sorted(choices.keep), "", *sorted(choices.hide), "", *forgotten]
        return text_hash(*parts) if any(parts) else ""

    # --- earlier versions ------------------------------------------------------------------------------------------

    def with_earlier(self, people: pd.DataFrame, folder: str) -> pd.DataFrame:
        """`people` of a workshop's folder, then those whom a version before the registry kept for it."""
        path = self.folder / f"{text_hash(folder)[:16]}.parquet"
        if not path.is_file():
            return people
        earlier = pd.read_parquet(path).assign(origin="attendance")
        earlier["participant_id"] = (
            "avant-" + earlier["participant_id"]
        )  # what that version called them may be another's provisional id
        return pd.concat([people, earlier[list(people.columns)]], ignore_index=True).astype(
            people.dtypes
        )

    def has_earlier(self) -> bool:
        """Whether files of such a version are there."""
        return any(self.folder.glob("*.parquet"))

    def drop_earlier(self) -> None:
        """Remove them, once every workshop was read again."""
        for path in self.folder.glob("*.parquet"):
            path.unlink()

    # --- files -----------------------------------------------------------------------------------------------------

    def _known(self) -> Registry:
        """The registry, not to be changed."""
        content = self._read(_REGISTRY)
        return Registry() if content is None else _parsed(content)

    def _doubt_paths(self) -> list[Path]:
        return sorted(self.folder.glob("doutes-*.vault"))

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("*.vault"))

    def _close_to_others(self) -> None:
        """Take from others what a copy or an unpacked archive gave them: 700 for folders, 600 for files."""
        for path in (self.folder, *self.folder.rglob("*")) if self.folder.is_dir() else ():
            if not path.is_symlink() and path.stat().st_mode & _OTHERS:
                path.chmod(0o700 if path.is_dir() else 0o600)

    def _check(self, path: Path) -> None:
        """Open one encrypted file, so that a missing or wrong passphrase ends before anything is done."""
        if self._cipher is None:
            raise VaultError(
                "le coffre de l'étude est chiffré",
                "sa phrase de passe",
                f"la donner par {PASSPHRASE_FILE}, {PASSPHRASE} ou [vault] passphrase_file dans etude.toml",
            )
        self._cipher.decrypt(path.read_bytes(), path.name)

    def _encrypt_plain(self) -> None:
        for path in self._paths():
            content = path.read_bytes()
            if not is_encrypted(content):
                _from_json(path.name, content, object)  # what was cut is left as it is
                self._write(path.name, content)

    def _loaded(self, name: str, blank: Any) -> Any:
        """What a file of the vault holds, of the kind of `blank`, which stands for a file that is not there.

        Raises `VaultError` for what is cut or changed.
        """
        content = self._read(name)
        return blank if content is None else _from_json(name, content, type(blank))

    def _read(self, name: str) -> bytes | None:
        path = self.folder / name
        if not path.is_file():
            return None
        content = path.read_bytes()
        return (
            self._cipher.decrypt(content, name)
            if self._cipher and is_encrypted(content)
            else content
        )

    def _write(self, name: str, content: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        if not (self.folder / _README).is_file():
            write_bytes(self.folder / _README, _WORDS.encode(), mode=0o600)
        write_bytes(
            self.folder / name,
            self._cipher.encrypt(content, name) if self._cipher else content,
            mode=0o600,
        )


@lru_cache(
    maxsize=1
)  # a run asks for it several times a workshop, and ten thousand people take a tenth of a second
def _parsed(content: bytes) -> Registry:
    """The registry in these bytes, which nobody changes."""
    return Registry.loads(content)


def _from_json(name: str, content: bytes, kind: type) -> Any:
    """The JSON in `content`.

    Raises `VaultError` for what is none, or of another kind.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise damaged_vault(f"le fichier « {name} »") from error
    if not isinstance(found, kind):
        raise damaged_vault(f"le fichier « {name} »")
    return found


def _dumps(content: Any) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


Decisions = dict[str, dict[str, str]]

_COLUMNS = {
    "doubt_id": "cas",
    "workshop_id": "atelier",
    "path": "document",
    "start_char": "position",
    "words": "mots",
    "context": "contexte",
    "done": "fait",
    "reason": "raison",
    "n_occurrences": "occurrences",
    "decision": "décision",
}
_DOUBTS_FILE_DECISIONS = ("masquer", "garder")
_FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
)  # a spreadsheet takes a cell that starts so for a formula
_NOTICE = "Vrais mots des participants : ne pas diffuser. Écrire « masquer » ou « garder » dans la colonne décision, puis : ateliers import"


def write_doubts(doubts: pd.DataFrame, path: Path) -> Path:
    """Write the cases to `path`, .csv or .xlsx, those without a decision first.

    Raises `UsageError` for another ending.
    """
    ordered = doubts.sort_values("decision", key=lambda column: column.notna(), kind="stable")
    rows = [
        ["" if pd.isna(cell) else cell for cell in row]
        for row in ordered[list(_COLUMNS)].itertuples(index=False, name=None)
    ]
    writers = {".csv": _as_csv, ".xlsx": _as_xlsx}
    if path.suffix.lower() not in writers:
        raise UsageError(
            f"« {path.name} »",
            "un nom en .csv ou .xlsx",
            "ateliers export ÉTUDE --format doutes -o doutes.csv",
        )
    write_bytes(path, writers[path.suffix.lower()](rows), mode=0o600)
    return path


def read_decisions(path: Path, doubts: pd.DataFrame) -> tuple[Decisions, int]:
    """Return what `path` decides on `doubts`, by doubt_id, and how many of its cases are not among them; a blank decides nothing.

    Raises `StudyError` for a file that is no such table or a decision that is neither masquer nor garder, with its line.
    """
    rows = _rows(path)
    heads = [fold(str(cell), keep_signs=True).strip() for cell in rows[0]] if rows else []
    if "cas" not in heads or "decision" not in heads:
        raise StudyError(
            f"« {path.name} » n'a pas les colonnes « cas » et « décision »",
            "le fichier de ateliers export --format doutes, rempli",
            "l'exporter à nouveau et n'en changer que la colonne « décision »",
        )
    known = doubts.set_index("doubt_id")[["words", "done"]].to_dict("index")
    decisions: Decisions = {}
    n_unknown = 0
    for line, row in enumerate(rows[1:], start=2):
        filled = dict(zip(heads, map(str, row), strict=False))
        case, decision = (
            filled.get("cas", "").strip(),
            _decision(filled.get("decision", ""), path, line),
        )
        if case and case not in known:
            n_unknown += 1
        elif case and decision:
            decisions[case] = {
                "words": str(known[case]["words"]),
                "done": str(known[case]["done"]),
                "decision": decision,
            }
    return decisions, n_unknown


def _decision(cell: str, path: Path, line: int) -> str | None:
    word = fold(cell, keep_signs=True).strip()
    if not word:
        return None
    if word not in _DOUBTS_FILE_DECISIONS:
        raise StudyError(
            f"{path.name}, ligne {line} : décision « {cell.strip()} »",
            "masquer, garder ou rien",
            "corriger cette cellule",
        )
    return word


def _rows(path: Path) -> list[Sequence[Any]]:
    if not path.is_file():
        raise StudyError(
            f"pas de fichier « {path} »", "un .csv ou .xlsx de cas douteux", "vérifier le chemin"
        )
    if path.suffix.lower() == ".xlsx":
        try:
            return list(
                python_calamine.CalamineWorkbook.from_path(str(path))
                .get_sheet_by_index(0)
                .to_python()
            )
        except (python_calamine.CalamineError, zipfile.BadZipFile) as error:
            raise StudyError(
                f"« {path.name} » illisible", "un classeur .xlsx", "l'enregistrer à nouveau"
            ) from error
    content = path.read_bytes()
    text = content.decode("utf-8-sig") if _is_utf8(content) else content.decode("cp1252", "replace")
    delimiter = max(";,\t", key=text.split("\n", 1)[0].count)
    return list(csv.reader(io.StringIO(text), delimiter=delimiter))


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return True


def _as_csv(rows: Sequence[Sequence[Any]]) -> bytes:
    """Semicolons and a byte order mark, as French spreadsheets open it; a text like a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(_COLUMNS.values())
    for row in rows:
        writer.writerow(
            [
                f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
                for cell in row
            ]
        )
    return out.getvalue().encode("utf-8-sig")


def _as_xlsx(rows: Sequence[Sequence[Any]]) -> bytes:
    """One sheet, its decisions chosen from a list; a second one says what it is for."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(
        out, {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    ) as workbook:
        sheet = workbook.add_worksheet("doutes")
        sheet.write_row(
            0, 0, list(_COLUMNS.values()), workbook.add_format({"bold": True, "bottom": 1})
        )
        for place, row in enumerate(rows, start=1):
            sheet.write_row(place, 0, row)
        last = len(_COLUMNS) - 1
        sheet.data_validation(
            1,
            last,
            max(1, len(rows)),
            last,
            {"validate": "list", "source": list(_DOUBTS_FILE_DECISIONS)},
        )
        sheet.freeze_panes(1, 0)
        for place, width in enumerate((16, 20, 30, 9, 24, 70, 9, 50, 12, 12)):
            sheet.set_column(place, place, width)
        workbook.add_worksheet("lisez-moi").write(0, 0, _NOTICE)
    return out.getvalue()

"""Keep a study's vault on disk: who is behind each number, doubtful cases, decisions on them.

Files have mode 600, in a folder of mode 700, and are encrypted where a passphrase is set. Each is
written in one step, the registry first: a crash leaves numbers without texts, never texts without
numbers.
"""

import csv
import io
import json
import re
import stat
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import python_calamine
import xlsxwriter

from flows.encryption import PASSPHRASE, PASSPHRASE_FILE, Cipher, is_encrypted, read_passphrase
from flows.integrity import note_vault_file, remove_vault_file
from pipeline.errors import StudyError, UsageError, VaultError
from pipeline.files import csv_rows, text_hash, write_bytes
from pipeline.pseudonymise.choices import Choices
from pipeline.pseudonymise.documents import DOUBTS
from pipeline.pseudonymise.identities import name_words
from pipeline.pseudonymise.vault import Registry, damaged_vault
from pipeline.study import Study
from pipeline.text import fold, without_formula

_REGISTRY, _DECISIONS, _README = "personnes.vault", "decisions-doutes.vault", "LISEZMOI.txt"
_SENDING = "envois.vault"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_KEEP, _HIDE, _JOIN = "garder", "masquer", "réunir"
_README_TEXT = """Ce dossier est le coffre de l'étude. Il ne se partage pas.

personnes.vault          qui se cache derrière chaque [personne 12] des tables
doutes-….vault           cas douteux de pseudonymisation, avec les vrais mots autour
decisions-doutes.vault   ce que l'analyste a décidé sur ces cas
envois.vault             à qui sa fiche a été envoyée, et qui a refusé d'en recevoir

Les tables et les rapports de l'étude sont pseudonymisés, pas anonymes : ce sont encore des \
données personnelles. Qui tient ce dossier
tient la clé : le garder à part (droits 700, phrase de passe), le sauvegarder à part, ne jamais le \
joindre à un envoi.
Pour effacer une personne : ateliers forget ÉTUDE PERSONNE. Pour revoir les cas douteux : ateliers \
export ÉTUDE --format doutes.
"""

CHOSEN = "mots-"  # begins the id of words that people hid, of which the machine had no doubt
_MAX_NAME = 5  # words

Decisions = dict[str, dict[str, str]]  # by doubt_id: `words`, `done` and `decision`


class Vault:
    """Open a study's vault: close it to others, check the passphrase, encrypt files still plain."""

    def __init__(self, study: Study) -> None:
        self.folder = study.vault
        # the content read last: each workshop reads and writes it, and 10,000 people take 0.4 s
        self._parsed: tuple[bytes, Registry] | None = None
        self._close_to_others()
        passphrase = read_passphrase(study)
        contents = {path.name: path.read_bytes() for path in sorted(self.folder.glob("*.vault"))}
        encrypted = next((name for name in contents if is_encrypted(contents[name])), None)
        salted = contents[encrypted] if encrypted else None
        self._cipher = Cipher(passphrase, salted) if passphrase else None
        if encrypted:
            self._check(encrypted, contents[encrypted])
        for name, content in contents.items() if self._cipher else ():
            if not is_encrypted(content):
                _from_json(name, content, object)  # a damaged file is left as it is
                self._write(name, content)

    def registry(self) -> Registry:
        """Return the registry of everybody met so far, to be read alone."""
        content = self._read(_REGISTRY)
        if content is None:
            return Registry()
        if self._parsed is None or self._parsed[0] != content:
            self._parsed = content, Registry.loads(content)
        return self._parsed[1]

    def take_registry(self) -> Registry:
        """Return the registry, which the caller may change; unwritten, no other call sees it."""
        registry = self.registry()
        self._parsed = None
        return registry

    def has_read(self, folder: str) -> bool:
        """Whether the texts of a workshop's folder were numbered."""
        return folder in self.registry().folders

    def write_registry(self, registry: Registry) -> None:
        """Write the registry, which the caller changes no more."""
        content = registry.dumps()
        self._write(_REGISTRY, content)
        self._parsed = content, registry

    def doubts(self) -> pd.DataFrame:
        """Return the doubtful cases of all workshops, each once, with its decision."""
        decisions = self.decisions()
        cases: dict[str, dict[str, Any]] = {}
        for path in self._doubt_paths():  # a renamed folder may have left its cases twice
            try:
                cases |= {row["doubt_id"]: row for row in self._loaded(path.name, [])}
            except (TypeError, KeyError) as error:
                raise damaged_vault(f"le fichier « {path.name} »") from error
        return DOUBTS.build(
            row | {"decision": decisions.get(doubt_id, {}).get("decision")}
            for doubt_id, row in cases.items()
        )

    def write_doubts(self, folder: str, doubts: pd.DataFrame) -> None:
        """Write the doubtful cases of a workshop's folder, or remove its file if there are none."""
        rows = doubts.astype(object).where(doubts.notna(), None).to_dict("records")
        name = f"doutes-{text_hash(folder)[:16]}.vault"
        if rows:
            self._write(name, _dumps(rows))
        else:
            remove_vault_file(self.folder / name)

    def count_waiting(self) -> int:
        """Return the number of doubtful cases without a decision."""
        return int(self.doubts()["decision"].isna().sum())

    def drop_doubts(self) -> None:
        """Remove the doubtful cases, which the next reading lists again."""
        for path in self._doubt_paths():
            remove_vault_file(path)

    def decisions(self) -> Decisions:
        """Return people's decisions on doubtful cases."""
        decisions: Decisions = self._loaded(_DECISIONS, {})
        keys = {"words", "done", "decision"}
        if not all(
            isinstance(entry, dict) and keys <= entry.keys() for entry in decisions.values()
        ):
            raise damaged_vault(f"le fichier « {_DECISIONS} »")
        return decisions

    def write_decisions(self, decisions: Decisions) -> None:
        """Write people's decisions."""
        self._write(_DECISIONS, _dumps(decisions))

    def sending(self) -> dict[str, Any]:
        """Return who was told of each publication, who is being, and hashes of who refused."""
        record: dict[str, Any] = {"sent": {}, "begun": {}, "refusals": []}
        return record | dict(self._loaded(_SENDING, record))

    def write_sending(self, record: dict[str, Any]) -> None:
        """Write what `sending` returns, changed."""
        self._write(_SENDING, _dumps(record))

    def forget_sending(self, participant_id: str) -> None:
        """Take a person out of who was told; a refusal, which names nobody, stays."""
        if not (self.folder / _SENDING).is_file():
            return
        record = self.sending()
        for name in ("sent", "begun"):
            record[name] = {
                run_id: [each for each in ids if each != participant_id]
                for run_id, ids in record[name].items()
            }
        self.write_sending(record)

    def decide(self, doubt_id: str, decision: str | None, *, author: str) -> str | None:
        """Write what `author` decides of a doubtful case, None to take a decision back.

        Returns the case's words, None where there is no such case.
        """
        decisions = self.decisions()
        cases = {
            str(row.doubt_id): (str(row.words), str(row.done)) for row in self.doubts().itertuples()
        }
        case = decisions.pop(doubt_id, None)  # of two persons who are one, no doubt is left
        words, done = (case["words"], case["done"]) if case else cases.get(doubt_id, ("", ""))
        may = (_KEEP, _JOIN, None) if done == "compté" else (_KEEP, _HIDE, None)
        if not words or decision not in may:
            return None
        if decision:
            decisions[doubt_id] = {
                "words": words,
                "done": done,
                "decision": decision,
                "author": author,
            }
        self.write_decisions(decisions)
        return words

    def hide(self, words: str, *, author: str) -> None:
        """Write that `author` wants words hidden that the machine left readable.

        No other file has them; `decide` takes it back, by the id that starts with CHOSEN.
        """
        entry = {"words": words, "done": "gardé", "decision": _HIDE, "author": author}
        self.write_decisions(self.decisions() | {f"{CHOSEN}{text_hash(words)[:16]}": entry})

    def choices(self) -> Choices:
        """Return the words to keep readable and to hide, over the whole study.

        Whether somebody who was counted is one person or two changes no word: `same` tells it.
        """
        words: dict[str, set[str]] = {_KEEP: set(), _HIDE: set()}
        for entry in self.decisions().values():
            if entry["done"] != "compté" and entry["decision"] in words:
                words[entry["decision"]].add(entry["words"])
        joined = {
            name_words(re.sub(r"\s*\(personne-\d+\)$", "", entry["words"]))
            for entry in self.decisions().values()
            if entry["decision"] == _JOIN
        }
        return Choices(frozenset(words[_KEEP]), frozenset(words[_HIDE]), frozenset(joined))

    def state(self) -> str:
        """Return a hash of decisions on doubts and of forgotten persons; "" before any."""
        choices = self.choices()
        forgotten = [
            text_hash(*entry.names, *entry.mentions, str(entry.has_no_words))
            for entry in self.registry().forgotten
        ]
        parts = [*sorted(choices.keep), "", *sorted(choices.hide), "", *forgotten]
        parts += ["", *sorted(choices.same)] if choices.same else []
        return text_hash(*parts) if any(parts) else ""

    def with_earlier(self, people: pd.DataFrame, folder: str) -> pd.DataFrame:
        """Append to `people` those that a version before the registry wrote."""
        path = self.folder / f"{text_hash(folder)[:16]}.parquet"
        if not path.is_file():
            return people
        earlier = pd.read_parquet(path).assign(origin="attendance")
        # its ids may be other persons' provisional ids
        earlier["participant_id"] = "avant-" + earlier["participant_id"]
        both = pd.concat([people, earlier[list(people.columns)]], ignore_index=True)
        return both.astype(people.dtypes)

    def has_earlier(self) -> bool:
        """Whether files of a version before the registry are there."""
        return any(self.folder.glob("*.parquet"))

    def drop_earlier(self) -> None:
        """Remove these files, once every workshop was read again."""
        for path in self.folder.glob("*.parquet"):
            path.unlink()

    def _doubt_paths(self) -> list[Path]:
        return sorted(self.folder.glob("doutes-*.vault"))

    def _close_to_others(self) -> None:
        """Remove the rights that a copy or an unpacked archive gave to others."""
        for path in (self.folder, *self.folder.rglob("*")) if self.folder.is_dir() else ():
            if not path.is_symlink() and path.stat().st_mode & _OTHERS:
                path.chmod(0o700 if path.is_dir() else 0o600)

    def _check(self, name: str, content: bytes) -> None:
        """Refuse a missing or wrong passphrase before anything is done."""
        if self._cipher is None:
            raise VaultError(
                "le coffre de l'étude est chiffré",
                "sa phrase de passe",
                f"la donner par {PASSPHRASE_FILE}, {PASSPHRASE} ou [vault] passphrase_file dans "
                "etude.toml",
            )
        self._cipher.decrypt(content, name)

    def _loaded(self, name: str, blank: Any) -> Any:
        content = self._read(name)
        return blank if content is None else _from_json(name, content, type(blank))

    def _read(self, name: str) -> bytes | None:
        path = self.folder / name
        if not path.is_file():
            return None
        content = path.read_bytes()
        if self._cipher and is_encrypted(content):
            return self._cipher.decrypt(content, name)
        return content

    def _write(self, name: str, content: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        if not (self.folder / _README).is_file():
            write_bytes(self.folder / _README, _README_TEXT.encode(), mode=0o600)
        content = self._cipher.encrypt(content, name) if self._cipher else content
        note_vault_file(self.folder / name, content)
        write_bytes(self.folder / name, content, mode=0o600)


def is_name_like(words: str) -> bool:
    """Whether words may be a person's name: a few, one with a capital, none hidden already.

    >>> is_name_like("Odile Perrin"), is_name_like("le soir"), is_name_like("[personne 3]")
    (True, False, False)
    """
    listed = words.split()
    has_capital = any(word[:1].isupper() for word in listed)
    return has_capital and len(listed) <= _MAX_NAME and "[" not in words


def _from_json(name: str, content: bytes, kind: type) -> Any:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise damaged_vault(f"le fichier « {name} »") from error
    if not isinstance(value, kind):
        raise damaged_vault(f"le fichier « {name} »")
    return value


def _dumps(content: Any) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


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
_NOTICE = (
    "Vrais mots des participants : ne pas diffuser. Écrire « masquer » ou « garder » dans la "
    "colonne décision, puis : ateliers import"
)
_WIDTHS = (16, 20, 30, 9, 24, 70, 9, 50, 12, 12)  # of the columns of the workbook, in characters


def write_doubts(doubts: pd.DataFrame, path: Path) -> Path:
    """Write the cases to `path`, .csv or .xlsx, undecided ones first.

    Raises `UsageError` for another ending.
    """
    writer = {".csv": _as_csv, ".xlsx": _as_xlsx}.get(path.suffix.lower())
    if writer is None:
        do = "ateliers export ÉTUDE --format doutes -o doutes.csv"
        raise UsageError(f"« {path.name} »", "un nom en .csv ou .xlsx", do)
    ordered = doubts.sort_values("decision", key=lambda column: column.notna(), kind="stable")
    cells = ordered[list(_COLUMNS)].astype(object)
    write_bytes(path, writer(cells.where(cells.notna(), "").to_numpy().tolist()), mode=0o600)
    return path


def read_decisions(path: Path, doubts: pd.DataFrame) -> tuple[Decisions, int]:
    """Return the decisions of `path` on `doubts`, and how many of its cases are unknown.

    Raises `StudyError` for another table, or for a decision, with its line, that is neither
    masquer, garder, réunir nor blank.
    """
    rows = _rows(path)
    heads = [fold(str(cell), keep_signs=True).strip() for cell in rows[0]] if rows else []
    if "cas" not in heads or "decision" not in heads:
        raise StudyError(
            f"« {path.name} » n'a pas les colonnes « cas » et « décision »",
            "le fichier de ateliers export --format doutes, rempli",
            "l'exporter à nouveau et n'en changer que la colonne « décision »",
        )
    cases = {
        str(row.doubt_id): {"words": str(row.words), "done": str(row.done)}
        for row in doubts.itertuples()
    }
    decisions: Decisions = {}
    n_unknown = 0
    for line, row in enumerate(rows[1:], start=2):
        cells = dict(zip(heads, map(str, row), strict=False))
        case = cells.get("cas", "").strip()
        decision = _decision(cells.get("decision", ""), path, line)
        if case and case not in cases:
            n_unknown += 1
        elif case and decision:
            decisions[case] = {**cases[case], "decision": decision}
    return decisions, n_unknown


def _decision(cell: str, path: Path, line: int) -> str | None:
    decision = fold(cell, keep_signs=True).strip()
    decision = _JOIN if decision == fold(_JOIN) else decision
    if decision not in ("", _HIDE, _KEEP, _JOIN):
        fault = f"{path.name}, ligne {line} : décision « {cell.strip()} »"
        raise StudyError(fault, "masquer, garder, réunir ou rien", "corriger cette cellule")
    return decision or None


def _rows(path: Path) -> list[list[Any]]:
    if not path.is_file():
        expected = "un .csv ou .xlsx de cas douteux"
        raise StudyError(f"pas de fichier « {path} »", expected, "vérifier le chemin")
    if path.suffix.lower() == ".xlsx":
        try:
            workbook = python_calamine.CalamineWorkbook.from_path(str(path))
            return workbook.get_sheet_by_index(0).to_python()
        except (python_calamine.CalamineError, zipfile.BadZipFile) as error:
            fault = f"« {path.name} » illisible"
            raise StudyError(fault, "un classeur .xlsx", "l'enregistrer à nouveau") from error
    return csv_rows(path.read_bytes())


def _as_csv(rows: list[list[Any]]) -> bytes:
    """Use semicolons and a byte order mark, for French spreadsheets, and no formulas."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(_COLUMNS.values())
    for row in rows:
        writer.writerow(map(without_formula, row))
    return out.getvalue().encode("utf-8-sig")


def _as_xlsx(rows: list[list[Any]]) -> bytes:
    out = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    with xlsxwriter.Workbook(out, options) as workbook:
        sheet = workbook.add_worksheet("doutes")
        heading = workbook.add_format({"bold": True, "bottom": 1})
        sheet.write_row(0, 0, list(_COLUMNS.values()), heading)
        for i, row in enumerate(rows, start=1):
            sheet.write_row(i, 0, row)
        last = len(_COLUMNS) - 1
        choice = {"validate": "list", "source": [_HIDE, _KEEP, _JOIN]}
        sheet.data_validation(1, last, max(1, len(rows)), last, choice)
        sheet.freeze_panes(1, 0)
        for i, width in enumerate(_WIDTHS):
            sheet.set_column(i, i, width)
        workbook.add_worksheet("lisez-moi").write(0, 0, _NOTICE)
    return out.getvalue()

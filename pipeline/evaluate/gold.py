"""Read gold labels: passages with their codes, the personal data that must be gone, the analyst's priorities.

In:   a folder with units.jsonl, pii.jsonl, themes.yaml, and other readers' codes of the same passages, one .jsonl a reader
Out:  Gold
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import StudyError
from pipeline.grid import PILIER, RUBRIQUE
from pipeline.plain_yaml import load_plain

_OWN_FILES = ("units.jsonl", "pii.jsonl")
_NEEDED = ("unit_id", "document", "text")
_LISTS, _TEXTS = {RUBRIQUE: "rubriques", PILIER: "piliers"}, ("posture", "theme", "table", "question", "channel")


@dataclass(frozen=True)
class Gold:
    """`passages` in the file's order; `personal` None without pii.jsonl; `priorities` by workshop, None without themes.yaml.

    `readers` holds the rows of each other reader, by the name of its file.
    """

    passages: list[dict[str, Any]]
    personal: list[dict[str, Any]] | None
    priorities: dict[str, list[str]] | None
    readers: dict[str, list[dict[str, Any]]]


def read_gold(folder: Path) -> Gold:
    """Return the gold labels of `folder`; a passage's missing labels read as none.

    Raises `StudyError` when units.jsonl is missing, or a file is not what its name says.
    """
    if not (folder / "units.jsonl").is_file():
        raise StudyError(
            f"pas de units.jsonl dans {folder}", "un passage étiqueté par ligne, en JSON", "donner le dossier des étiquettes avec --gold"
        )
    blank = dict.fromkeys(_TEXTS) | {name: [] for name in _LISTS.values()}
    passages = [blank | row for row in _rows(folder / "units.jsonl", _NEEDED)]
    personal = _rows(folder / "pii.jsonl", ("quote", "kind")) if (folder / "pii.jsonl").is_file() else None
    priorities = _priorities(folder / "themes.yaml") if (folder / "themes.yaml").is_file() else None
    others = sorted(path for path in folder.glob("*.jsonl") if path.name not in _OWN_FILES)
    needed = ("unit_id", _LISTS[RUBRIQUE]) if any(passage[_LISTS[RUBRIQUE]] for passage in passages) else ("unit_id",)
    readers = {path.stem: rows for path in others if (rows := _rows(path, needed))}
    return Gold(passages, personal, priorities, readers)


def gold_codes(row: dict[str, Any], axis: str) -> set[str]:
    """The codes of `axis` that a row gives: under the axis's name, under rubriques or piliers for these; a list, or one code alone."""
    found = row.get(_LISTS.get(axis, axis)) or []
    return {str(code) for code in (found if isinstance(found, list) else [found])}


def _rows(path: Path, needed: tuple[str, ...]) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file, blank lines left out; an error names the line, never its content."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise StudyError(f"{path.name}, ligne {number} : pas du JSON", "un objet JSON par ligne", "corriger cette ligne") from error
        missing = [name for name in needed if not isinstance(row, dict) or name not in row]
        if missing:
            raise StudyError(
                f"{path.name}, ligne {number} : sans {', '.join(missing)}", f"les champs {', '.join(needed)}", "compléter cette ligne"
            )
        rows.append(row)
    return rows


def _priorities(path: Path) -> dict[str, list[str]]:
    """Theme ids by workshop, most important first, from the `priorites` of themes.yaml."""
    try:
        content = load_plain(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise StudyError(f"{path.name} illisible", "un fichier YAML", f"corriger la syntaxe de {path.name}") from error
    wanted = (content or {}).get("priorites") or (content or {}).get("priorities") or {}
    listed = {workshop: rows.get("priorites", rows) if isinstance(rows, dict) else rows for workshop, rows in wanted.items()}
    return {str(workshop): [_theme_id(row) for row in rows] for workshop, rows in listed.items()}


def _theme_id(row: Any) -> str:
    return str(row.get("theme", row.get("id"))) if isinstance(row, dict) else str(row)

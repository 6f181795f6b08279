"""Read gold labels: passages with their codes, the personal data that must be gone, the analyst's priorities.

In:   a folder with units.jsonl, pii.jsonl, themes.yaml, and other readers' codes of the same passages, one .jsonl a reader
Out:  Gold

Align gold passages with the study's units, word by word inside each document.
"""

import difflib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from pipeline.errors import StudyError
from pipeline.files import load_plain
from pipeline.grid.codes import PILIER, RUBRIQUE
from pipeline.text import fold

_OWN_FILES = ("units.jsonl", "pii.jsonl")
_NEEDED = ("unit_id", "document", "text")
_LISTS, _TEXTS = (
    {RUBRIQUE: "rubriques", PILIER: "piliers"},
    ("posture", "theme", "table", "question", "channel"),
)


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
            f"pas de units.jsonl dans {folder}",
            "un passage étiqueté par ligne, en JSON",
            "donner le dossier des étiquettes avec --gold",
        )
    blank = dict.fromkeys(_TEXTS) | {name: [] for name in _LISTS.values()}
    passages = [blank | row for row in _rows(folder / "units.jsonl", _NEEDED)]
    personal = (
        _rows(folder / "pii.jsonl", ("quote", "kind")) if (folder / "pii.jsonl").is_file() else None
    )
    priorities = _priorities(folder / "themes.yaml") if (folder / "themes.yaml").is_file() else None
    others = sorted(path for path in folder.glob("*.jsonl") if path.name not in _OWN_FILES)
    needed = (
        ("unit_id", _LISTS[RUBRIQUE])
        if any(passage[_LISTS[RUBRIQUE]] for passage in passages)
        else ("unit_id",)
    )
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
            raise StudyError(
                f"{path.name}, ligne {number} : pas du JSON",
                "un objet JSON par ligne",
                "corriger cette ligne",
            ) from error
        missing = [name for name in needed if not isinstance(row, dict) or name not in row]
        if missing:
            raise StudyError(
                f"{path.name}, ligne {number} : sans {', '.join(missing)}",
                f"les champs {', '.join(needed)}",
                "compléter cette ligne",
            )
        rows.append(row)
    return rows


def _priorities(path: Path) -> dict[str, list[str]]:
    """Theme ids by workshop, most important first, from the `priorites` of themes.yaml."""
    try:
        content = load_plain(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise StudyError(
            f"{path.name} illisible", "un fichier YAML", f"corriger la syntaxe de {path.name}"
        ) from error
    wanted = (content or {}).get("priorites") or (content or {}).get("priorities") or {}
    listed = {
        workshop: rows.get("priorites", rows) if isinstance(rows, dict) else rows
        for workshop, rows in wanted.items()
    }
    return {str(workshop): [_theme_id(row) for row in rows] for workshop, rows in listed.items()}


def _theme_id(row: Any) -> str:
    return str(row.get("theme", row.get("id"))) if isinstance(row, dict) else str(row)


_ENOUGH = 0.5  # of the passage's words, or of the unit's own


@dataclass
class Alignment:
    """`over`: unit_ids that answer for a passage, by gold unit_id; `best`: the one with most of its words."""

    over: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    best: dict[str, str] = field(default_factory=dict)
    documents_missing: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def figures(self) -> dict[str, Any]:
        """Documents missing, share of the gold's words that were read, and how well passages begin where they should."""
        precision = self.counts["hits"] / max(1, self.counts["study_starts"])
        recall = self.counts["hits"] / max(1, self.counts["gold_starts"])
        f1 = 2 * precision * recall / max(1e-9, precision + recall)
        return {
            "documents_missing": self.documents_missing,
            "words_read": round(self.counts["matched"] / max(1, self.counts["words"]), 4),
            "segmentation": {
                "precision": round(precision, 3),
                "recall": round(recall, 3),
                "f1": round(f1, 3),
            },
        }


def align_study(
    passages: Sequence[dict[str, Any]], units: pd.DataFrame, documents: pd.DataFrame
) -> Alignment:
    """Return the alignment of all documents that hold a gold passage."""
    path_of = dict(zip(documents["document_id"], documents["path"], strict=True))
    by_path: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for unit in units.sort_values(["document_id", "unit_order"]).itertuples():
        by_path[path_of.get(unit.document_id, "")].append((str(unit.unit_id), str(unit.text)))
    by_document: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for passage in passages:
        by_document[passage["document"]].append(passage)
    aligned = Alignment()
    for document, here in by_document.items():
        found = [unit for path in _paths_of(document, list(by_path)) for unit in by_path[path]]
        if not found:
            aligned.documents_missing.append(document)
        _align_document(here, found, aligned)
    return aligned


def _paths_of(document: str, paths: list[str]) -> list[str]:
    """Paths of the study that hold `document`: itself, its parts, or else the file whose part it is."""
    own = [path for path in paths if path == document or path.startswith(f"{document}#")]
    whole = [path for path in paths if "#" in document and path == document.split("#")[0]]
    return sorted(own or whole)


def _align_document(
    passages: list[dict[str, Any]], units: list[tuple[str, str]], aligned: Alignment
) -> None:
    """Add one document to `aligned`."""
    gold_words, gold_owner = _words_and_owners([passage["text"] for passage in passages])
    unit_words, unit_owner = _words_and_owners([text for _, text in units])
    to_unit = _matches(gold_words, unit_words)
    shared: dict[int, Counter[int]] = defaultdict(Counter)
    for gold_place, unit_place in to_unit.items():
        shared[gold_owner[gold_place]][unit_owner[unit_place]] += 1
    aligned.counts.update(
        words=len(gold_words), matched=len(to_unit), **_boundaries(gold_owner, unit_owner, to_unit)
    )
    lengths = [max(1, len(words_of(text))) for _, text in units]
    for place, passage in enumerate(passages):
        needed = max(1, len(words_of(passage["text"])))
        answers = [
            (n_words, units[unit][0])
            for unit, n_words in shared.get(place, Counter()).items()
            if n_words >= _ENOUGH * min(needed, lengths[unit])
        ]
        if answers:
            aligned.over[passage["unit_id"]] += [unit_id for _, unit_id in answers]
            aligned.best[passage["unit_id"]] = max(answers)[1]


def words_of(text: str) -> list[str]:
    """The words of `text`, folded."""
    return fold(str(text)).split()


def _words_and_owners(texts: list[str]) -> tuple[list[str], list[int]]:
    """All words in order, and for each the place of the text it comes from."""
    words: list[str] = []
    owners: list[int] = []
    for place, text in enumerate(texts):
        found = words_of(text)
        words += found
        owners += [place] * len(found)
    return words, owners


def _matches(gold_words: list[str], unit_words: list[str]) -> dict[int, int]:
    """Place in the units' words of each gold word that was found there, in order."""
    blocks = difflib.SequenceMatcher(
        None, gold_words, unit_words, autojunk=False
    ).get_matching_blocks()
    return {block.a + step: block.b + step for block in blocks for step in range(block.size)}


def _boundaries(
    gold_owner: list[int], unit_owner: list[int], to_unit: dict[int, int]
) -> dict[str, int]:
    """First words of passages and units that were read on both sides, and how many are the same word."""
    gold_starts, unit_starts = _starts(gold_owner), _starts(unit_owner)
    read = set(to_unit.values())
    return {
        "hits": sum(1 for place in gold_starts if to_unit.get(place) in unit_starts),
        "gold_starts": sum(1 for place in gold_starts if place in to_unit),
        "study_starts": sum(1 for place in unit_starts if place in read),
    }


def _starts(owners: list[int]) -> set[int]:
    return {
        place for place in range(len(owners)) if place == 0 or owners[place] != owners[place - 1]
    }

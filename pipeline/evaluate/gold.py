"""Read gold labels, and align them with the study's units word by word in each document.

In:   a folder with units.jsonl, pii.jsonl, themes.yaml, and one .jsonl for each other reader
Out:  Gold, Alignment
"""

import difflib
import json
import re
import unicodedata
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

Passage = dict[str, Any]

_LIST_COLUMNS = {RUBRIQUE: "rubriques", PILIER: "piliers"}
_TEXT_COLUMNS = ("posture", "theme", "table", "question", "channel")
_MIN_SHARE = 0.5  # overlap, in words of a passage or of a unit


@dataclass(frozen=True)
class Gold:
    """The gold labels of a folder.

    `passages` keep the file's order; `personal` is None without pii.jsonl, `priorities` (by
    workshop) without themes.yaml; `readers` are other readers' rows by file name.
    """

    passages: list[Passage]
    personal: list[dict[str, Any]] | None
    priorities: dict[str, list[str]] | None
    readers: dict[str, list[Passage]]


def read_gold(folder: Path) -> Gold:
    """Return the gold labels of `folder`; missing labels read as none.

    Raises `StudyError` where units.jsonl is missing or a file is malformed.
    """
    units, pii, themes = (folder / name for name in ("units.jsonl", "pii.jsonl", "themes.yaml"))
    if not units.is_file():
        raise StudyError(
            f"pas de units.jsonl dans {folder}",
            "un passage étiqueté par ligne, en JSON",
            "donner le dossier des étiquettes avec --gold",
        )
    blank = dict.fromkeys(_TEXT_COLUMNS) | {name: [] for name in _LIST_COLUMNS.values()}
    passages = [blank | row for row in _rows(units, ("unit_id", "document", "text"))]
    needed = ["unit_id"]
    if any(gold_codes(passage, RUBRIQUE) for passage in passages):
        needed.append(_LIST_COLUMNS[RUBRIQUE])
    readers = {}
    for path in sorted(set(folder.glob("*.jsonl")) - {units, pii}):
        if rows := _rows(path, needed):
            readers[path.stem] = rows
    return Gold(
        passages,
        _rows(pii, ("quote", "kind")) if pii.is_file() else None,
        _priorities(themes) if themes.is_file() else None,
        readers,
    )


def gold_codes(row: Passage, axis: str) -> set[str]:
    """Return a row's codes on `axis`, whether a list or a single code."""
    value = row.get(_LIST_COLUMNS.get(axis, axis)) or []
    return {str(code) for code in (value if isinstance(value, list) else [value])}


def _rows(path: Path, needed: Sequence[str]) -> list[dict[str, Any]]:
    """Read JSON Lines; an error names the line, never its content."""
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
    try:
        content = load_plain(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, ValueError) as error:
        raise StudyError(
            f"{path.name} illisible", "un fichier YAML", f"corriger la syntaxe de {path.name}"
        ) from error
    workshops = content.get("priorites") or content.get("priorities") or {}
    priorities = {}
    for workshop, rows in workshops.items():
        if isinstance(rows, dict):
            rows = rows.get("priorites", rows)
        priorities[str(workshop)] = [
            str(row.get("theme", row.get("id")) if isinstance(row, dict) else row) for row in rows
        ]
    return priorities


@dataclass
class Alignment:
    """The units of each passage, by gold unit_id; `best` has most of its words."""

    units: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    best: dict[str, str] = field(default_factory=dict)
    documents_missing: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def figures(self) -> dict[str, Any]:
        """Return missing documents, share of the gold's words read, F1 of unit starts."""
        counts = self.counts
        precision = counts["hits"] / max(1, counts["study_starts"])
        recall = counts["hits"] / max(1, counts["gold_starts"])
        f1 = 2 * precision * recall / max(1e-9, precision + recall)
        figures = {"precision": precision, "recall": recall, "f1": f1}
        return {
            "documents_missing": self.documents_missing,
            "words_read": round(counts["matched"] / max(1, counts["words"]), 4),
            "segmentation": {name: round(value, 3) for name, value in figures.items()},
        }


def align_study(
    passages: Sequence[Passage], units: pd.DataFrame, documents: pd.DataFrame
) -> Alignment:
    """Return the alignment of the documents that hold gold passages.

    A unit matches a passage when it covers half of the words of either.
    """
    path_of = dict(zip(documents["document_id"], documents["path"], strict=True))
    units_by_path: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for unit in units.sort_values(["document_id", "unit_order"]).itertuples():
        path = path_of.get(unit.document_id, "")
        units_by_path[path].append((str(unit.unit_id), str(unit.text)))
    passages_by_document: dict[str, list[Passage]] = defaultdict(list)
    for passage in passages:
        passages_by_document[passage["document"]].append(passage)
    alignment = Alignment()
    for document, document_passages in passages_by_document.items():
        paths = _paths_of(document, list(units_by_path))
        document_units = [unit for path in paths for unit in units_by_path[path]]
        if not document_units:
            alignment.documents_missing.append(document)
        _align_document(document_passages, document_units, alignment)
    return alignment


def _paths_of(document: str, paths: list[str]) -> list[str]:
    """Return the study's paths of `document`: itself, its parts, else its whole file."""
    own = [path for path in paths if path == document or path.startswith(f"{document}#")]
    whole = [path for path in paths if "#" in document and path == document.split("#")[0]]
    return sorted(own or whole)


def _align_document(
    passages: list[Passage], units: list[tuple[str, str]], alignment: Alignment
) -> None:
    gold_words, gold_owners = _words_and_owners([passage["text"] for passage in passages])
    unit_words, unit_owners = _words_and_owners([text for _, text in units])
    matcher = difflib.SequenceMatcher(None, gold_words, unit_words, autojunk=False)
    unit_word_of: dict[int, int] = {}
    for block in matcher.get_matching_blocks():
        unit_word_of |= {block.a + step: block.b + step for step in range(block.size)}
    n_shared: dict[int, Counter[int]] = defaultdict(Counter)
    for gold_word, unit_word in unit_word_of.items():
        n_shared[gold_owners[gold_word]][unit_owners[unit_word]] += 1
    gold_starts, unit_starts = _starts(gold_owners), _starts(unit_owners)
    matched_starts = unit_starts & set(unit_word_of.values())
    alignment.counts.update(
        words=len(gold_words),
        matched=len(unit_word_of),
        hits=sum(unit_word_of.get(start) in unit_starts for start in gold_starts),
        gold_starts=sum(start in unit_word_of for start in gold_starts),
        study_starts=len(matched_starts),
    )
    gold_lengths, unit_lengths = Counter(gold_owners), Counter(unit_owners)
    for i, passage in enumerate(passages):
        answers = []
        for unit, n_words in n_shared.get(i, Counter()).items():
            if n_words >= _MIN_SHARE * min(gold_lengths[i], unit_lengths[unit]):
                answers.append((n_words, units[unit][0]))
        if answers:
            alignment.units[passage["unit_id"]] += [unit_id for _, unit_id in answers]
            alignment.best[passage["unit_id"]] = max(answers)[1]


def _words_and_owners(texts: list[str]) -> tuple[list[str], list[int]]:
    words: list[str] = []
    owners: list[int] = []
    for i, text in enumerate(texts):
        plain = unicodedata.normalize("NFC", str(text)).lower().replace("’", "'")
        text_words = re.findall(r"\w+", plain)
        words += text_words
        owners += [i] * len(text_words)
    return words, owners


def _starts(owners: list[int]) -> set[int]:
    return {i for i in range(len(owners)) if i == 0 or owners[i] != owners[i - 1]}

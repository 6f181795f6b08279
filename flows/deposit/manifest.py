"""Write a workshop's atelier.yaml for people who correct what was read of its files.

What others wrote there stays, but for comments; only the answers that are given change.
"""

import datetime
import glob
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from pipeline.depot import Inventory
from pipeline.errors import StudyError, UsageError
from pipeline.files import write_bytes
from pipeline.ingest.workshop import EVERYWHERE, load_manifest, manifests_of, read_answer
from pipeline.text import fold

_HEAD = "# Écrit depuis la page Déposer ; peut aussi s'écrire à la main.\n"
_N_TABLES = "nombre de tables"  # beside `tables`, which then says the table of each file
ANSWERS = ("questions", "tables", "canaux")


def write_workshop(folder: Path, fields: Mapping[str, str]) -> None:
    """Write the territory, the date and the place of a workshop."""
    content, path = _content(folder)
    for key, value in fields.items():
        content[_key(content, key)] = datetime.date.fromisoformat(value) if key == "date" else value
    _write(path, content)


def write_answers(
    folder: Path, target: str, answers: Mapping[str, str], *, is_everywhere: bool = False
) -> bool:
    """Write what a person says of one document or section, `target` below the workshop's folder.

    `answers` holds a word for each of `ANSWERS`, blank to leave the reading as it is; they count
    where the document says nothing, or `is_everywhere`, whatever it says. Returns whether comments
    were lost. Raises `UsageError` for an unknown word, `StudyError` for a file that does not load,
    which is left as it is.
    """
    content, path = _content(folder)
    for kind, word in answers.items():
        if kind not in ANSWERS or (word and read_answer(kind, word) is None):
            raise UsageError(f"« {word[:40]} »", "une réponse de la liste", "la choisir")
        key = _key(content, kind)
        own = content.get(key)
        if own is not None and not isinstance(own, dict):  # tables: 6
            content[_key(content, _N_TABLES)] = own
            own = None
        kept = {
            name: value for name, value in (own or {}).items() if not _same_target(name, target)
        }
        content[key] = kept | (
            {target: f"{word} {EVERYWHERE}" if is_everywhere else _plain(word)} if word else {}
        )  # the last one counts
        if not content[key]:
            del content[key]
    has_comments = path.is_file() and any(
        line.lstrip().startswith("#") and line + "\n" != _HEAD
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
    )
    _write(path, content)
    return has_comments


def rename_targets(folder: Path, old: str, new: str) -> None:
    """Let what is said of the file `old` be said of `new`, both below the workshop's folder.

    Patterns with `*` stay. A file that does not load is left as it is.
    """
    try:
        content, path = _content(folder)
    except StudyError:
        return
    names = {target_of(old): target_of(new)}
    names |= {target_of(PurePosixPath(old).name): target_of(PurePosixPath(new).name)}

    def renamed(target: Any) -> Any:
        file, sign, heading = str(target).partition(">")
        for before, after in names.items():
            if file.strip() == before or file.startswith(f"{before}/"):
                return file.replace(before, after, 1) + sign + heading
        return target

    changed = dict(content)
    for kind in ANSWERS:
        key = _key(content, kind)
        if isinstance(content.get(key), dict):
            changed[key] = {renamed(target): word for target, word in content[key].items()}
    if changed != content:
        _write(path, changed)


def answers_of(folder: Path) -> dict[str, dict[str, str]]:
    """Return the words written of each document, by target; {} for a file that does not load."""
    try:
        content, _ = _content(folder)
    except StudyError:
        return {}
    answers: dict[str, dict[str, str]] = {}
    for kind in ANSWERS:
        own = content.get(_key(content, kind))
        for target, word in own.items() if isinstance(own, dict) else ():
            told = answers.setdefault(str(target), {})
            told[kind] = str(word).removesuffix(EVERYWHERE).strip()
            if str(word).endswith(EVERYWHERE):
                told[EVERYWHERE] = "oui"
    return answers


def target_of(path: str) -> str:
    """Return how atelier.yaml names a document that is `path#part` below its workshop."""
    return glob.escape(path.replace("#", "/"))


def section_target(path: str, title: str) -> str:
    """Return how atelier.yaml names a section of a document, by its heading."""
    return f"{target_of(path)} > {title}"


def answers_of_sections(
    answers: Mapping[str, dict[str, str]], path: str
) -> dict[str, dict[str, str]]:
    """Return those of `answers` that are about sections of a document, by folded heading."""
    own: dict[str, dict[str, str]] = {}
    for target, told in answers.items():
        file, _sign, heading = target.partition(">")
        if file.strip() == target_of(path) and fold(heading):
            own.setdefault(fold(heading), {}).update(told)
    return own


def _same_target(one: object, other: str) -> bool:
    """Whether two targets name one document or section; headings are compared folded."""
    (file, _, heading), (other_file, _, other_heading) = (
        str(target).partition(">") for target in (one, other)
    )
    return file.strip() == other_file.strip() and fold(heading) == fold(other_heading)


def _content(folder: Path) -> tuple[dict[Any, Any], Path]:
    manifests = manifests_of(Inventory(folder.parent).at(folder.name))
    if not manifests:
        return {}, folder / "atelier.yaml"
    path = manifests[0]
    content, problem = load_manifest(path)
    if content is None and not problem:
        return {}, path
    if not isinstance(content, dict):
        raise StudyError(
            f"« {path.name} » ne se lit pas ({problem or 'pas de clés'})",
            "un fichier que l'on puisse compléter sans rien en perdre",
            "le corriger à la main, ou le retirer : la page en écrira un",
        )
    return content, path


def _key(content: Mapping[Any, Any], name: str) -> Any:
    """Return the key as its author wrote it."""
    return next((key for key in content if fold(str(key)) == name), name)


def _plain(word: str) -> str | int:
    return int(word) if word.isdigit() else word


def _write(path: Path, content: Mapping[Any, Any]) -> None:
    text = yaml.safe_dump(dict(content), allow_unicode=True, sort_keys=False, width=200)
    write_bytes(path, (_HEAD + (text if content else "")).encode())

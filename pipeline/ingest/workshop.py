"""What a workshop is called: its optional manifest atelier.yaml, and what its folder's name tells.

In:   a folder of the depot
Out:  Manifest, workshop_id, rejects for what the manifest holds beyond its keys
"""

import datetime as dt
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from pipeline.communes.tables import find_epci
from pipeline.depot import Unread, folder_name, is_junk, list_folder, text_of, workshop_folders
from pipeline.errors import ReadError, reason_of
from pipeline.files import RefusedYamlError, load_plain
from pipeline.ingest.parts import decode
from pipeline.ingest.words import blank_to_none, find_date, strip_dates, to_number
from pipeline.tables.material import REJECTS
from pipeline.text import fold, lexicon, slug

Reject = dict[str, str]

_MAX_BYTES = 50_000
_MAX_TEXT = 200  # characters of a name or a place
_MAX_KEY = 40  # characters of an unknown key, as it is shown
_MAX_ID = 120  # characters of a workshop_id: files are named after it
_MAX_ACRONYM = 4  # letters: "MEL" stays as it is, "DINAN" is a name
_EXAMPLE = "les clés territoire, date, lieu, communes, epci, tables, animateurs"


@dataclass(frozen=True)
class Commune:
    """A commune of the manifest, by code, name or both."""

    code: str | None
    name: str | None


@dataclass(frozen=True)
class Manifest:
    """What atelier.yaml says; None or () where it says nothing."""

    territory: str | None = None
    date: str | None = None  # ISO 8601
    place: str | None = None
    communes: tuple[Commune, ...] = ()
    epci_codes: tuple[str, ...] = ()  # SIREN of each, in the manifest's order
    n_tables: int | None = None
    animators: tuple[str, ...] = ()
    rejects: tuple[Reject, ...] = field(default=())


SILENT = (
    "lu, aucun passage retenu",
    "vérifier qu'il n'y a là que des titres, des noms ou des circonstances ; sinon écrire en phrases ce qui a été dit, puis relancer",
)


def reject_silent(rejects: pd.DataFrame, paths: Iterable[str]) -> pd.DataFrame:
    """Return `rejects` with a row for each of `paths`, documents that were read and gave nothing."""
    reason, advice = SILENT
    rows = REJECTS.build({"path": path, "reason": reason, "advice": advice} for path in paths)
    both = pd.concat([rejects, rows], ignore_index=True)
    return REJECTS.check(both.drop_duplicates(["path", "reason"]))


def reject_strays(rejects: pd.DataFrame, files: Sequence[Path], *, depot: Path) -> pd.DataFrame:
    """Return `rejects` with a row for each of `files`, which lie in `depot` outside any workshop's folder."""
    reason, advice = (
        "fichier hors de tout dossier d'atelier",
        "le déplacer dans le dossier de son atelier",
    )
    strays = [path for path in files if not is_junk(path.relative_to(depot))]
    return reject_unread(rejects, [Unread(path, reason, advice) for path in strays], depot=depot)


def reject_unread(rejects: pd.DataFrame, unread: Sequence[Unread], *, depot: Path) -> pd.DataFrame:
    """Return `rejects` with a row for each of `unread`, which are in no workshop."""
    rows = REJECTS.build(
        {"path": text_of(path.relative_to(depot)), "reason": reason, "advice": advice}
        for path, reason, advice in unread
    )
    return REJECTS.check(
        pd.concat([rejects, rows], ignore_index=True).drop_duplicates(["path", "reason"])
    )


def is_manifest(path: Path) -> bool:
    """True for atelier.yaml, however its name is typed."""
    return path.name.lower() in ("atelier.yaml", "atelier.yml")


def read_manifest(folder: Path, *, depot: Path) -> Manifest:
    """Return what the folder's atelier.yaml says; without one, nothing. What it holds beyond is in `rejects`, and the rest counts."""
    files = list_folder(folder, depot=depot).files
    found = [path for path in files if path.parent == folder and is_manifest(path)]
    if not found:
        return Manifest()
    path, *others = found
    label = folder_name(folder)
    name = f"{label}/{path.name}"
    rejects: list[Reject] = [
        _second_manifest(f"{label}/{other.name}", path.name) for other in others
    ]
    content, problem = _load(path)
    if not isinstance(content, dict):
        reason, advice = problem or "pas de clés dans ce fichier", f"y écrire {_EXAMPLE}"
        return Manifest(rejects=(*rejects, {"path": name, "reason": reason, "advice": advice}))
    told: dict[str, Any] = {}
    for key, value in content.items():
        if fold(str(key)) not in _KEYS:
            reason = f"clé inconnue « {str(key)[:_MAX_KEY]} »"
            advice = f"la retirer ou la corriger ; {_EXAMPLE} sont lues"
            rejects.append({"path": name, "reason": reason, "advice": advice})
            continue
        attribute, read = _KEYS[fold(str(key))]
        told[attribute] = read(value) if value not in (None, "", []) else None
        if told[attribute] is None and value not in (None, "", []):
            rejects.append(
                {
                    "path": name,
                    "reason": f"valeur illisible pour « {key} »",
                    "advice": _ADVICE[attribute],
                }
            )
    return Manifest(
        **{attribute: value for attribute, value in told.items() if value is not None},
        rejects=tuple(rejects),
    )


def _second_manifest(path: str, first: str) -> Reject:
    reason = f"un autre fichier {first} est dans ce dossier : lui seul est lu"
    return {"path": path, "reason": reason, "advice": "n'en garder qu'un"}


def name_territory(folder: Path, manifest: Manifest) -> str:
    """The territory's name: the manifest's, else the folder's name without date and words such as "atelier"."""
    if manifest.territory:
        return manifest.territory
    words = re.split(
        r"[\s_]+",
        re.sub(r"[–—,;()\[\]]|\s-\s|^-|-$", " ", strip_dates(folder.name.replace("_", " "))),
    )
    kept = [word.strip("-. ") for word in words if fold(word)]
    while len(kept) > 1 and _surrounds(kept[0]):
        kept.pop(0)
    while len(kept) > 1 and _surrounds(kept[-1]):
        kept.pop()
    name = " ".join(kept) or folder.name
    return name.title() if name.islower() or (name.isupper() and len(name) > _MAX_ACRONYM) else name


def name_workshop(folder: Path, manifest: Manifest) -> str:
    """The slug of territory and date; the date is left out where neither the manifest nor the folder tells it."""
    name = slug(f"{name_territory(folder, manifest)} {date_of(folder, manifest) or ''}")
    return (name or slug(folder.name) or "atelier")[:_MAX_ID].strip("-")


def identify_workshop(folder: Path, *, depot: Path) -> str:
    """As `identify_workshops`, of one folder of `depot`."""
    return identify_workshops([folder, *workshop_folders(depot)], depot=depot)[folder.name]


def identify_workshops(folders: Iterable[Path], *, depot: Path) -> dict[str, str]:
    """The workshop_id of each of `folders`, all those of `depot`, by the folder's name: `name_workshop`, with the folder's own slug
    appended where another folder has the same name.
    """
    names = {
        folder.name: name_workshop(folder, read_manifest(folder, depot=depot)) for folder in folders
    }
    counts = Counter(names.values())
    ids = {folder: name for folder, name in names.items() if counts[name] == 1}
    for folder in sorted(names.keys() - ids.keys(), key=_composed_first):
        name = f"{names[folder]}-{slug(folder)[:_MAX_ID]}"
        ids[folder] = _numbered(name, set(ids.values()))
    return {folder: ids[folder] for folder in names}


def _composed_first(folder: str) -> tuple[bool, str]:
    """Sorts the names of folders, those in the composed form of Unicode first."""
    return not unicodedata.is_normalized("NFC", folder), folder


def _numbered(name: str, taken: Collection[str]) -> str:
    """`name`, or the first of `name-2`, `name-3` and so on that is not taken."""
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    return next(free for free in names if free not in taken)


def date_of(folder: Path, manifest: Manifest) -> str | None:
    """The day of the workshop, from the manifest or the folder's name."""
    found = find_date(folder.name)
    return manifest.date or (found[0] if found else None)


def _surrounds(word: str) -> bool:
    """True for a word or number that stands around a territory's name in a folder's."""
    return fold(word) in lexicon("territories")["entourage"] or bool(
        re.fullmatch(r"(?:no )?\d{1,3}", fold(word))
    )


def _load(path: Path) -> tuple[Any, str]:
    """The content of a YAML file, or None and what is wrong with it."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            return None, f"fichier de plus de {_MAX_BYTES // 1000} ko"
        return load_plain(decode(path.read_bytes())), ""
    except OSError as error:
        return None, f"fichier illisible ({reason_of(error)})"
    except (yaml.YAMLError, ReadError, ValueError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        what = str(error.problem) if isinstance(error, RefusedYamlError) else "YAML illisible"
        return None, f"{what}{f' à la ligne {line + 1}' if line is not None else ''}"


def _read_text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value)
    return blank_to_none(text) if len(text) <= _MAX_TEXT else None


def _read_date(value: Any) -> str | None:
    if isinstance(value, dt.date):
        return value.isoformat()[:10]
    found = find_date(str(value)) if isinstance(value, str | int) else None
    return found[0] if found else None


def _read_number(value: Any) -> int | None:
    """A number of tables, given as a number, in words or as the list of tables."""
    if isinstance(value, bool):
        return None
    if isinstance(value, list):
        return len(value)
    number = value if isinstance(value, int) else to_number(fold(str(value)))
    return number if number is not None and 0 < number <= 99 else None


def _read_people(value: Any) -> tuple[str, ...] | None:
    names = (
        value
        if isinstance(value, list)
        else re.split(r",|;| et ", value)
        if isinstance(value, str)
        else []
    )
    kept = [re.sub(r"\s*\([^)]*\)", "", name).strip() for name in names if isinstance(name, str)]
    return tuple(name for name in kept if fold(name)) or None


def _read_communes(value: Any) -> tuple[Commune, ...] | None:
    return (
        tuple(
            commune
            for entry in (value if isinstance(value, list) else [value])
            if (commune := _read_commune(entry))
        )
        or None
    )


def _read_commune(entry: Any) -> Commune | None:
    if isinstance(entry, dict):
        fields = {fold(str(key)): str(value) for key, value in entry.items()}
        return Commune(
            fields.get("code") or fields.get("insee") or fields.get("code insee"),
            fields.get("nom") or fields.get("name"),
        )
    text = _read_text(entry)
    if text is None:
        return None
    code = re.search(r"\b(?:\d{5}|2[AB]\d{3})\b", text.zfill(5) if text.isdigit() else text)
    return Commune(
        code[0] if code else None,
        blank_to_none(re.sub(r"[()]|\b(?:\d{4,5}|2[AB]\d{3})\b", " ", text)),
    )


def _read_epci(value: Any) -> tuple[str, ...] | None:
    """The SIREN of the intercommunal authorities, given as such or by a name that only one bears."""
    codes: list[str] = []
    for entry in value if isinstance(value, list) else [value]:
        fields = (
            {fold(str(key)): str(item) for key, item in entry.items()}
            if isinstance(entry, dict)
            else {"nom": str(entry)}
        )
        siren = re.search(r"\b\d{9}\b", " ".join(fields.values()))
        code = siren[0] if siren else find_epci(fields.get("nom", ""))
        codes += [code] if code else []
    return tuple(dict.fromkeys(codes)) or None


_KEYS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "territoire": ("territory", _read_text),
    "date": ("date", _read_date),
    "lieu": ("place", _read_text),
    "communes": ("communes", _read_communes),
    "commune": ("communes", _read_communes),
    "epci": ("epci_codes", _read_epci),
    "tables": ("n_tables", _read_number),
    "animateurs": ("animators", _read_people),
    "animateur": ("animators", _read_people),
}
_ADVICE = {
    "territory": "un nom, comme « Pays de Saint-Omer »",
    "date": "une date, comme 2026-03-12",
    "place": "un lieu, en toutes lettres",
    "communes": "une liste de codes INSEE ou de noms",
    "epci_codes": "le code SIREN à neuf chiffres",
    "n_tables": "le nombre de tables, comme 6",
    "animators": "une liste de noms",
}

"""Identify a workshop by its optional manifest atelier.yaml and its folder's name."""

import datetime as dt
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from pipeline.communes.tables import find_epci
from pipeline.depot import Inventory, Unread, WorkshopFiles
from pipeline.errors import ReadError, reason_of
from pipeline.files import RefusedYamlError, load_plain
from pipeline.ingest.locate.cues import Location
from pipeline.ingest.parts import decode
from pipeline.ingest.words import blank_to_none, find_date, strip_dates, to_number
from pipeline.tables.material import REJECTS
from pipeline.text import fold, lexicon, slug

Reject = dict[str, str]

SILENT = (
    "lu, aucun passage retenu",
    "vérifier qu'il n'y a là que des titres, des noms ou des circonstances ; "
    "sinon écrire en phrases ce qui a été dit, puis relancer",
)
EVERYWHERE = "partout"  # after an answer of atelier.yaml: also where the document says otherwise
_MAX_BYTES = 50_000
_MAX_TEXT = 200
_MAX_REJECTS = 100  # of one manifest
_MAX_KEY = 40  # characters of an unknown key, as shown
_MAX_ID = 120  # characters of a workshop_id: files are named after it
_MAX_ACRONYM = 4  # letters: "MEL" stays as it is, "DINAN" is a name
_EXAMPLE = "les clés territoire, date, lieu, communes, epci, tables, animateurs, questions, canaux"


@dataclass(frozen=True)
class Commune:
    """A commune of the manifest, by code, name or both."""

    code: str | None
    name: str | None


@dataclass(frozen=True)
class DocumentAnswer:
    """What a person says of a document, or of a section of it."""

    file: str  # a name or path in the workshop's folder, `*` for any letters
    heading: str  # folded, "" for the whole document
    location: Location
    is_everywhere: bool = False  # also where the document itself says otherwise


@dataclass(frozen=True)
class Manifest:
    """The contents of atelier.yaml; None or () where missing."""

    territory: str | None = None
    date: str | None = None  # ISO 8601
    place: str | None = None
    communes: tuple[Commune, ...] = ()
    epci_codes: tuple[str, ...] = ()  # SIREN
    n_tables: int | None = None
    animators: tuple[str, ...] = ()
    answers: tuple[DocumentAnswer, ...] = ()
    rejects: tuple[Reject, ...] = ()

    def about(self, names: Sequence[str]) -> list[DocumentAnswer]:
        """Return the answers about the document of these names (folders, file, part), in order."""
        whole = _comparable("/".join(names))
        texts = {whole, *whole.split("/")}
        told = {i for text in texts for i in self._indexes_by_name.get(text, ())}
        told |= {i for i, pattern in self._patterns if any(map(pattern.match, texts))}
        return [self.answers[i] for i in sorted(told)]

    @cached_property
    def _indexes_by_name(self) -> dict[str, list[int]]:
        """A workshop may have thousands of documents, and as many answers."""
        indexes: dict[str, list[int]] = {}
        for i, answer in enumerate(self.answers):
            indexes.setdefault(_comparable(answer.file), []).append(i)
        return indexes

    @cached_property
    def _patterns(self) -> list[tuple[int, re.Pattern[str]]]:
        return [
            (i, re.compile(translate(_comparable(answer.file))))
            for i, answer in enumerate(self.answers)
            if set(answer.file) & set("*?[")
        ]


def _comparable(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def reject(path: str, reason: str, advice: str) -> Reject:
    """Return a row of the table `rejects`."""
    return {"path": path, "reason": reason, "advice": advice}


def answers_for(manifest: Manifest, names: Sequence[str]) -> dict[str, Location]:
    """Return what the manifest says of one document, by folded heading, "" for the whole."""
    answers: dict[str, Location] = {}
    for answer in manifest.about(names):
        other = answers.get(answer.heading, Location())
        answers[answer.heading] = answer.location.over(other)
    return answers


def answer_everywhere(manifest: Manifest, names: Sequence[str]) -> Location:
    """Return what the manifest says of a whole document, whatever the document itself says."""
    location = Location()
    for answer in manifest.about(names):
        if answer.is_everywhere and not answer.heading:
            location = answer.location.over(location)
    return location


def reject_idle_answers(
    label: str, manifest: Manifest, documents: Iterable[Sequence[str]]
) -> list[Reject]:
    """Return a reject for each answer about a document that is not among `documents`."""
    used = {answer for names in documents for answer in manifest.about(names)}
    idle = {answer.file for answer in manifest.answers if answer not in used}
    path = f"{label}/atelier.yaml"
    advice = "reprendre le nom du fichier, tel que le montre « ateliers status »"
    reasons = [f"aucun document ne s'appelle « {file[:_MAX_KEY]} »" for file in sorted(idle)]
    return [reject(path, reason, advice) for reason in reasons]


def reject_silent_documents(rejects: pd.DataFrame, paths: Iterable[str]) -> pd.DataFrame:
    """Return `rejects` with a row for each of `paths`, documents without passage."""
    return _with_rejects(rejects, [(path, *SILENT) for path in paths])


def reject_unread(rejects: pd.DataFrame, unread: Sequence[Unread]) -> pd.DataFrame:
    """Return `rejects` with a row for each of `unread`, entries of the depot in no workshop."""
    return _with_rejects(rejects, [row for _path, *row in unread])


def _with_rejects(rejects: pd.DataFrame, rows: Iterable[Iterable[str]]) -> pd.DataFrame:
    added = REJECTS.build(dict(zip(("path", "reason", "advice"), row, strict=True)) for row in rows)
    both = pd.concat([rejects, added], ignore_index=True)
    return REJECTS.check(both.drop_duplicates(["path", "reason"]))


def read_answer(kind: str, word: str) -> Location | None:
    """Return what `word` says under `kind` (questions, tables, canaux), None if nothing."""
    return _ANSWERS[kind][0](word)


def is_manifest(path: Path) -> bool:
    """Whether the file is atelier.yaml, however typed."""
    return path.name.lower() in ("atelier.yaml", "atelier.yml")


def manifests_of(workshop: WorkshopFiles) -> list[Path]:
    """Return the files that are its atelier.yaml; the first one counts."""
    return [file.path for file in workshop.files if len(file.parts) == 1 and is_manifest(file.path)]


def read_manifest(workshop: WorkshopFiles) -> Manifest:
    """Return the workshop's atelier.yaml, empty if missing.

    Invalid entries go to `rejects`; the rest counts.
    """
    manifests = manifests_of(workshop)
    if not manifests:
        return Manifest()
    path, *others = manifests
    label = workshop.label
    second = f"un autre fichier {path.name} est dans ce dossier : lui seul est lu"
    rejects = [reject(f"{label}/{other.name}", second, "n'en garder qu'un") for other in others]

    def refuse(reason: str, advice: str) -> None:
        rejects.append(reject(f"{label}/{path.name}", reason, advice))

    content, problem = load_manifest(path)
    if not isinstance(content, dict):
        refuse(problem or "pas de clés dans ce fichier", f"y écrire {_EXAMPLE}")
        content = {}
    fields: dict[str, Any] = {}
    answers: list[DocumentAnswer] = []
    for key, value in content.items():
        if isinstance(value, dict) and fold(str(key)) in _ANSWERS:
            read_one, example = _ANSWERS[fold(str(key))]
            for target, written in value.items():
                word, is_everywhere = _without_everywhere(written)
                if location := read_one(word):
                    answers.append(_answer(str(target), location, is_everywhere))
                else:
                    refuse(f"réponse illisible pour « {str(target)[:_MAX_KEY]} »", example)
            continue
        attribute, read, advice = _KEYS.get(fold(str(key)), ("", None, ""))
        if read is None:
            reason = f"clé inconnue « {str(key)[:_MAX_KEY]} »"
            refuse(reason, f"la retirer ou la corriger ; {_EXAMPLE} sont lues")
            continue
        is_blank = value in (None, "", [])
        fields[attribute] = None if is_blank else read(value)
        if fields[attribute] is None and not is_blank:
            refuse(f"valeur illisible pour « {key} »", advice)
    fields = {attribute: value for attribute, value in fields.items() if value is not None}
    return Manifest(**fields, answers=tuple(answers), rejects=_first_of(rejects))


def _first_of(rejects: Sequence[Reject]) -> tuple[Reject, ...]:
    if len(rejects) <= _MAX_REJECTS:
        return tuple(rejects)
    others = f"{len(rejects) - _MAX_REJECTS} autres entrées illisibles"
    return (*rejects[:_MAX_REJECTS], reject(rejects[0]["path"], others, f"y écrire {_EXAMPLE}"))


def name_territory(folder: Path, manifest: Manifest) -> str:
    """Return the manifest's territory, else the folder's name without date and "atelier"."""
    if manifest.territory:
        return manifest.territory
    bare = strip_dates(folder.name.replace("_", " "))
    parts = re.split(r"[\s_]+", re.sub(r"[–—,;()\[\]]|\s-\s|^-|-$", " ", bare))
    words = [word.strip("-. ") for word in parts if fold(word)]
    while len(words) > 1 and _surrounds(words[0]):
        words.pop(0)
    while len(words) > 1 and _surrounds(words[-1]):
        words.pop()
    name = " ".join(words) or folder.name
    return name.title() if name.islower() or (name.isupper() and len(name) > _MAX_ACRONYM) else name


def _surrounds(word: str) -> bool:
    is_number = re.fullmatch(r"(?:no )?\d{1,3}", fold(word))
    return bool(is_number) or fold(word) in lexicon("territories")["entourage"]


def name_workshop(folder: Path, manifest: Manifest) -> str:
    """Return the slug of territory and date, without an unknown date."""
    name = slug(f"{name_territory(folder, manifest)} {date_of(folder, manifest) or ''}")
    return (name or slug(folder.name) or "atelier")[:_MAX_ID].strip("-")


def date_of(folder: Path, manifest: Manifest) -> str | None:
    """Return the day of the workshop, from the manifest or the folder's name."""
    return manifest.date or _read_date(folder.name)


def identify_workshops(inventory: Inventory, *more: WorkshopFiles) -> dict[str, str]:
    """Return the workshop_id of each workshop by folder, and of `more` that may have no file.

    A name that another folder has too is followed by the folder's own slug.
    """
    names = {
        one.name: name_workshop(one.path, read_manifest(one))
        for one in (*more, *inventory.workshops)
    }
    counts = Counter(names.values())
    ids = {folder: name for folder, name in names.items() if counts[name] == 1}
    for folder in sorted(names.keys() - ids.keys(), key=_composed_first):
        ids[folder] = _numbered(f"{names[folder]}-{slug(folder)[:_MAX_ID]}", ids.values())
    return {folder: ids[folder] for folder in names}


def _composed_first(folder: str) -> tuple[bool, str]:
    return not unicodedata.is_normalized("NFC", folder), folder


def _numbered(name: str, taken: Collection[str]) -> str:
    if name not in taken:
        return name
    numbered = (f"{name}-{number}" for number in count(2))
    return next(free for free in numbered if free not in taken)


def load_manifest(path: Path) -> tuple[Any, str]:
    """Return the content of an atelier.yaml, or None and why it does not load, in French."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            return None, f"fichier de plus de {_MAX_BYTES // 1000} ko"
        return load_plain(decode(path.read_bytes())), ""
    except OSError as error:
        return None, f"fichier illisible ({reason_of(error)})"
    except (yaml.YAMLError, ReadError, ValueError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        problem = str(error.problem) if isinstance(error, RefusedYamlError) else "YAML illisible"
        return None, f"{problem}{f' à la ligne {line + 1}' if line is not None else ''}"


def _read_text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value)
    return blank_to_none(text) if len(text) <= _MAX_TEXT else None


def _read_date(value: Any) -> str | None:
    if isinstance(value, dt.date):
        return value.isoformat()[:10]
    date = find_date(str(value)) if isinstance(value, str | int) else None
    return date[0] if date else None


def _read_number(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, list):
        return len(value)
    number = value if isinstance(value, int) else to_number(fold(str(value)))
    return number if number is not None and 0 < number <= 99 else None


def _read_people(value: Any) -> tuple[str, ...] | None:
    names = re.split(r",|;| et ", value) if isinstance(value, str) else _listed(value)
    texts = [name for name in names if isinstance(name, str)]
    bare = [re.sub(r"\s*\([^)]{0,200}\)", "", text).strip() for text in texts]
    return tuple(filter(fold, bare)) or None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _read_communes(value: Any) -> tuple[Commune, ...] | None:
    return tuple(filter(None, map(_read_commune, _listed(value)))) or None


def _read_commune(entry: Any) -> Commune | None:
    if isinstance(entry, dict):
        fields = {fold(str(key)): str(value) for key, value in entry.items()}
        code = fields.get("code") or fields.get("insee") or fields.get("code insee")
        return Commune(code, fields.get("nom") or fields.get("name"))
    text = _read_text(entry)
    if text is None:
        return None
    match = re.search(r"\b(?:\d{5}|2[AB]\d{3})\b", text.zfill(5) if text.isdigit() else text)
    name = blank_to_none(re.sub(r"[()]|\b(?:\d{4,5}|2[AB]\d{3})\b", " ", text))
    return Commune(match[0] if match else None, name)


def _read_epci(value: Any) -> tuple[str, ...] | None:
    codes: list[str] = []
    for entry in _listed(value):
        items = entry if isinstance(entry, dict) else {"nom": entry}
        fields = {fold(str(key)): str(item) for key, item in items.items()}
        siren = re.search(r"\b\d{9}\b", " ".join(fields.values()))
        code = siren[0] if siren else find_epci(fields.get("nom", ""))
        codes += [code] if code else []
    return tuple(dict.fromkeys(codes)) or None


def _answer(target: str, location: Location, is_everywhere: bool) -> DocumentAnswer:
    file, _, heading = target.partition(">")
    return DocumentAnswer(file.strip(), fold(heading), location, is_everywhere)


def _without_everywhere(written: Any) -> tuple[Any, bool]:
    """Read « q4 partout »."""
    word = str(written).strip()
    if isinstance(written, str) and word.endswith(f" {EVERYWHERE}"):
        return word.removesuffix(EVERYWHERE).strip(), True
    return written, False


def _read_question(value: Any) -> Location | None:
    number = to_number(fold(str(value)).removeprefix("question").strip().removeprefix("q"))
    question = _QUESTIONS.get(fold(str(value))) or (f"q{number}" if number in range(1, 5) else None)
    return Location(question=question) if question else None


def _read_table(value: Any) -> Location | None:
    number = None if isinstance(value, list) else _read_number(value)
    return Location(number) if number else None


def _read_channel(value: Any) -> Location | None:
    word = fold(str(value)).replace(" ", "").removesuffix("s")
    channel = next((name for name, words in _CHANNELS.items() if word in words.split()), None)
    return Location(channel=channel) if channel else None


_QUESTIONS = {  # words for a question in atelier.yaml, beside q1 to q4
    "restitution": "resume",
    "resume": "resume",
    "distance": "distance",
    "aucune": "autre",
    "autre": "autre",
}
# the words for a channel in atelier.yaml, in the singular; the first is shown
_CHANNELS = {
    "notes": "note",
    "postit": "postit",
    "transcript": "transcription transcript enregistrement",
    "resume": "restitution resume",
    "mail": "mail courriel",
    "telephone": "telephone appel",
    "consultation": "consultation questionnaire",
}


_ANSWERS: dict[str, tuple[Callable[[Any], Location | None], str]] = {
    "questions": (_read_question, "écrire q1, q2, q3, q4, restitution, distance ou aucune"),
    "tables": (_read_table, "écrire le numéro de la table, comme 3"),
    "canaux": (
        _read_channel,
        "écrire notes, post-it, transcription, restitution, mail, téléphone ou consultation",
    ),
}
_ANIMATORS = ("animators", _read_people, "une liste de noms")
_COMMUNES = ("communes", _read_communes, "une liste de codes INSEE ou de noms")
_KEYS: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "territoire": ("territory", _read_text, "un nom, comme « Pays de Saint-Omer »"),
    "date": ("date", _read_date, "une date, comme 2026-03-12"),
    "lieu": ("place", _read_text, "un lieu, en toutes lettres"),
    "communes": _COMMUNES,
    "commune": _COMMUNES,
    "epci": ("epci_codes", _read_epci, "le code SIREN à neuf chiffres"),
    "tables": ("n_tables", _read_number, "le nombre de tables, comme 6"),
    "nombre de tables": ("n_tables", _read_number, "le nombre de tables, comme 6"),
    "questions": ("answers", lambda _: None, "un nom de fichier et sa question par ligne"),
    "canaux": ("answers", lambda _: None, "un nom de fichier et son canal par ligne"),
    "animateurs": _ANIMATORS,
    "animateur": _ANIMATORS,
}

"""Erase a person from a study: vault, tables, decisions, publications, caches and records.

Interrupted before the vault changes, the same command starts again; after, any run ends the work.
Files of the depot are only listed, for people to correct; the same command once they are corrected
leaves nothing of what was published meanwhile.
"""

import getpass
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pandas as pd

from flows.backup import backups_of, keep_erasures
from flows.copies import forget_copies
from flows.integrity import check_study, forget_seal
from flows.review_traces import clean_databases, files_to_remove, remove_files
from flows.run import run_study
from flows.vault import Vault
from flows.workspace import Listener, tell_nobody
from pipeline.depot import Inventory
from pipeline.errors import StudyError
from pipeline.french import is_word
from pipeline.ingest.contents import Part, read_contents
from pipeline.pseudonymise.choices import (
    every_name,
    find_people,
    is_forgotten_person,
    is_name_word,
    is_telling,
    lasting_forms,
)
from pipeline.pseudonymise.identities import digits_of
from pipeline.pseudonymise.mentions import spelt
from pipeline.pseudonymise.vault import Person, Registry
from pipeline.pseudonymise.words import is_first_name, is_place
from pipeline.study import Study
from pipeline.text import PERSON, fold_same_length, longest_first, person_token

_NAMED_BY_MACHINE = ("themes", "theme_families")
_MIN_WORDS, _MAX_WORDS = 2, 4  # of a whole name, in whatever order


@dataclass(frozen=True)
class Erasure:
    """What was erased, or would be, and the files that people must correct, with counts.

    `still_readable` lists places with the name after the study was run again.
    """

    participant_ids: tuple[str, ...]
    is_dry_run: bool
    counts: dict[str, int] = field(default_factory=dict)
    depot_files: dict[str, int] = field(default_factory=dict)
    n_file_names: int = 0
    other_files: dict[str, int] = field(default_factory=dict)
    still_readable: dict[str, int] = field(default_factory=dict)
    backups: tuple[str, ...] = ()  # beside the study, to be removed by hand

    def as_json(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        lists = {"participant_ids": list(self.participant_ids), "backups": list(self.backups)}
        return vars(self) | lists


def forget_person(
    root: Path,
    wanted: str,
    *,
    with_words: bool = False,
    dry_run: bool = False,
    author: str | None = None,
    on_progress: Listener | None = None,
) -> Erasure:
    """Erase the person that `wanted` names: a name, mail address, telephone or participant_id.

    `with_words` erases what the person said too; `author` erases, by default this machine's user.
    Raises `StudyError` when nobody or several persons match, or decisions are lost.
    """
    study = Study.open(root.resolve())
    tell = on_progress or tell_nobody
    with study.locked():
        study.check_decisions()
        check_study(study)
        vault = Vault(study)
        registry = vault.take_registry()
        person = _find(study, registry, wanted)
        is_known = person is not None
        person = person or _person_named(wanted)
        tell("recherche dans les fichiers reçus", 0, 1)
        erasure = _plan(study, person, with_words=with_words, dry_run=dry_run)
        if not is_known:  # erased before, and a command was cut or files were corrected since
            erasure = replace(erasure, participant_ids=())
        if not dry_run:
            tell("effacement", 0, 1)
            _erase(study, vault, registry, person, erasure, with_words=with_words, author=author)
    if not dry_run and Inventory(study.depot).workshops:
        run_study(study.root, on_progress=on_progress)
        forget_copies(study)  # that run copied settings, which people correct next
        erasure = replace(erasure, still_readable=still_naming(study, person))
    return erasure


def erase_again(study: Study, later: Registry, *, author: str | None = None) -> dict[str, Any]:
    """Erase from an older copy of a study whom the registry of a `later` one has forgotten.

    Returns how many erasures the copy did not know, and the files of its depot to correct. The next
    run makes its tables again.
    """
    vault = Vault(study)
    registry = vault.take_registry()
    if n_erased := registry.forget_too(later):
        vault.write_registry(registry)
    files: dict[str, int] = {}
    for person in list(registry.persons.values()):
        if entry := registry.forgotten_as(person, lasting_forms(person)):
            words = entry.has_no_words
            erasure = _plan(study, person, with_words=words, dry_run=False)
            _erase(study, vault, registry, person, erasure, with_words=words, author=author)
            files |= erasure.depot_files
    return {"n_erased": n_erased, "depot_files": files}


def _person_named(wanted: str) -> Person:
    """Return who was erased already, as far as `wanted` tells: a name, an address, a telephone."""
    email, phone = ("@" in wanted), digits_of(wanted)
    words = [] if email or phone or any(map(str.isdigit, wanted)) else spelt(wanted).split()
    names = [" ".join(order) for order in permutations(words)] if len(words) <= _MAX_WORDS else []
    return Person(
        0,
        is_listed=True,
        names=names or [" ".join(words)] * bool(words),
        emails=[wanted.strip().casefold()] if email else [],
        phones=[phone] if phone else [],
        mentions={"": [word for word in words if is_telling(word)]},
    )


def find_participant(root: Path, wanted: str) -> str | None:
    """Return the id of whom `wanted` names, None if erased; raise as `forget_person`."""
    study = Study.open(root)
    person = _find(study, Vault(study).registry(), wanted)
    return person.participant_id if person else None


def _find(study: Study, registry: Registry, wanted: str) -> Person | None:
    people = find_people(registry, wanted)
    if len(people) > 1:
        each = (f"{person.participant_id} ({' ; '.join(person.folders)})" for person in people)
        raise StudyError(
            f"plusieurs personnes répondent à « {wanted} » : {', '.join(each)}",
            "un seul identifiant",
            f"ateliers forget ÉTUDE {people[0].participant_id}",
        )
    if people:
        return people[0]
    if is_forgotten_person(registry, wanted):
        return None
    if _is_in_decisions(study, wanted):  # a colleague, whom no list and no text names
        colleague = registry.add(is_listed=False)
        colleague.names = _person_named(wanted).names
        return colleague
    raise StudyError(
        f"personne ne répond à « {wanted} » dans cette étude",
        "un nom, un courriel, un téléphone ou un identifiant comme personne-12",
        "vérifier l'orthographe, ou reprendre l'identifiant dans les tables",
    )


def _is_in_decisions(study: Study, wanted: str) -> bool:
    """Whether decisions have the whole name: two words, of which one is a name."""
    words = wanted.lower().split()
    is_name = any(is_first_name(fold_same_length(word)) or is_telling(word) for word in words)
    if len(words) < _MIN_WORDS or not is_name:
        return False
    return any(study.decisions.count_erased([], _author_cleaner(_person_named(wanted))))


def _plan(study: Study, person: Person, *, with_words: bool, dry_run: bool) -> Erasure:
    attendance, documents = study.read_table("attendance"), study.read_table("documents")
    units = _units_of(study, person)
    files, n_file_names = named_files(study, person)
    store = study.decisions
    n_deleted, n_changed = store.count_erased(
        units if with_words else [], _cleaner(person), clean_author=_author_cleaner(person)
    )
    counts = {
        "lignes de présence": int((attendance["participant_id"] == person.participant_id).sum()),
        "mentions dans les textes": sum(
            text.count(person_token(person.number)) for text in documents["text"]
        ),
        "passages effacés" if with_words else "passages gardés, sans leur auteur": len(units),
        "décisions effacées": n_deleted,
        "décisions dont le texte est masqué": n_changed,
        "publications retirées": len(_inside(study.publications)),
        "exports retirés": len(_inside(study.root / "exports")),
        "anciens fichiers de décisions retirés": len(study.former_decisions),
        "thèmes proposés dont le texte est masqué": _clean_machine_tables(
            study, person, dry_run=True
        ),
        "traces de traitements retirées": len(_records_naming(study, person)),
        "envois et comptes rendus de l'application retirés": len(
            files_to_remove(study, every_form(person))
        ),
    }
    others = other_files_naming(study, person)
    return Erasure(
        (person.participant_id,),
        dry_run,
        counts,
        files,
        n_file_names,
        others,
        backups=tuple(path.name for path in backups_of(study)),
    )


def _erase(
    study: Study,
    vault: Vault,
    registry: Registry,
    person: Person,
    erasure: Erasure,
    *,
    with_words: bool,
    author: str | None,
) -> None:
    """Erase the vault last: it finds the person again after an interruption."""
    units, clean = _units_of(study, person), _cleaner(person)
    forget_seal(study)
    if study.decisions_state():
        counts = {what: n for what, n in erasure.counts.items() if n}
        study.decisions.erase(
            units if with_words else [],
            clean,
            clean_author=_author_cleaner(person),
            author=author or getpass.getuser(),
            counts=counts,
        )
    study.remove_tables()
    _clean_machine_tables(study, person, dry_run=False)
    clean_databases(study, every_form(person), clean)
    made_again = (*_inside(study.publications), *_inside(study.root / "exports"), study.cache)
    remove_files(
        [
            *made_again,
            *study.former_decisions,
            *_records_naming(study, person),
            *files_to_remove(study, every_form(person)),
            *study.vault.glob("*.csv"),
            *study.vault.glob("*.xlsx"),
        ]
    )
    forget_copies(study)
    vault.drop_doubts()
    vault.forget_sending(person.participant_id)
    vault.write_decisions(
        {
            case: entry
            for case, entry in vault.decisions().items()
            if clean(entry["words"]) == entry["words"]
        }
    )
    if person.number in registry.persons:
        registry.forget(person.number, has_no_words=with_words, forms=lasting_forms(person))
        vault.write_registry(registry)
    keep_erasures(study, registry)


def _units_of(study: Study, person: Person) -> list[str]:
    units = study.read_table("units")
    return [
        str(unit_id) for unit_id in units.loc[units["speaker"] == person.participant_id, "unit_id"]
    ]


def _cleaner(person: Person) -> Callable[[str], str]:
    """Mask all names, mail and telephones."""
    pattern = every_form(person)
    return lambda text: pattern.sub(PERSON, text)


def _author_cleaner(person: Person) -> Callable[[str], str]:
    """Mask whole names only: a first name may be another analyst's."""
    pattern = name_pattern(person)
    return lambda text: pattern.sub(PERSON, text)


def _clean_machine_tables(study: Study, person: Person, *, dry_run: bool) -> int:
    """Mask proposed themes, where later runs take names; return how many change."""
    clean, n_changed = _cleaner(person), 0
    for name in _NAMED_BY_MACHINE:
        table = study.read_machine_table(name)
        texts = [
            column for column in map(str, table) if pd.api.types.is_string_dtype(table[column])
        ]
        typed = [column for column in texts if not column.endswith("_id") and column != "quotes"]
        cleaned = table.assign(
            **{
                column: table[column].map(clean, na_action="ignore").astype(table[column].dtype)
                for column in typed
            }
        )
        is_changed = (cleaned[typed].fillna("") != table[typed].fillna("")).any(axis=1)
        n_changed += int(is_changed.sum())
        if is_changed.any() and not dry_run:
            study.write_machine_table(name, cleaned)
    return n_changed


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _records_naming(study: Study, person: Person) -> list[Path]:
    pattern = every_form(person)
    return [
        path
        for path in sorted(study.runs.glob("*.json"))
        if any(map(pattern.search, _strings(json.loads(path.read_text(encoding="utf-8")))))
    ]


def _strings(content: Any) -> list[str]:
    if isinstance(content, dict):
        return [text for key, value in content.items() for text in (str(key), *_strings(value))]
    if isinstance(content, list):
        return [text for value in content for text in _strings(value)]
    return [content] if isinstance(content, str) else []


_GAP = r"[\s\u00a0.\-_]{1,3}"


def named_files(study: Study, person: Person) -> tuple[dict[str, int], int]:
    """Return the person's mentions by file of the depot, and how many files' names have one.

    Masked mentions count too: "Voir avec Marchand" is hidden, though no pattern tells it from a
    trade.
    """
    pattern, hidden = name_pattern(person), _hidden_mentions(study, person)
    counts: Counter[str] = Counter()
    named: set[str] = set()
    for workshop in study.inventory().workshops:
        for part in read_contents(workshop, settings=study.settings.ingest, on_file=None).parts:
            named |= {part.file} if pattern.search(part.path) else set()
            n_times = sum(len(pattern.findall(text)) for text in _texts(part))
            counts[part.file] += max(n_times, hidden.pop(part.path, 0)) + bool(part.file in named)
    return {path: n for path, n in sorted(counts.items()) if n}, len(named)


def _hidden_mentions(study: Study, person: Person) -> dict[str, int]:
    documents, token = study.read_table("documents"), person_token(person.number)
    return {
        str(path): text.count(token)
        for path, text in zip(documents["path"], documents["text"], strict=True)
    }


def still_naming(study: Study, person: Person) -> dict[str, int]:
    """Return how often documents and publications still have a word of the name.

    Common words and towns are left aside, and PDFs, which say what the report beside them says.
    """
    pattern = _telling_words(person)
    documents = study.read_table("documents")
    counts = Counter(
        {f"tables/documents, {path}": len(pattern.findall(text)) for path, text in _rows(documents)}
    )
    for path in sorted(study.publications.rglob("*")):
        if path.is_file() and not path.is_symlink():
            counts[path.relative_to(study.root).as_posix()] += sum(
                len(pattern.findall(text)) for text in _contents(path)
            )
    return {where: n for where, n in sorted(counts.items()) if n}


def _rows(documents: pd.DataFrame) -> Iterator[tuple[str, str]]:
    for path, title, text in zip(
        documents["path"], documents["title"].fillna(""), documents["text"], strict=True
    ):
        yield str(path), f"{title}\n{text}"


def _contents(path: Path) -> Iterator[str]:
    """Yield a file's text; each part of a docx, xlsx or qdpx."""
    if not zipfile.is_zipfile(path):
        yield path.read_bytes().decode("utf-8", "ignore")
        return
    with zipfile.ZipFile(path) as archive:
        for part in archive.namelist():
            yield archive.read(part).decode("utf-8", "ignore")


def name_pattern(person: Person) -> re.Pattern[str]:
    """Match the names in any order, a telling last name, mail addresses or telephones."""
    names = {name for _, name in lasting_forms(person)}
    telling = {
        name for name in names if " " in name or is_telling(name)
    } or names  # a first name alone may be anybody's
    forms = {_GAP.join(map(_any_spelling, name.split())) for name in telling}
    forms |= {re.escape(email) for email in person.emails}
    forms |= {r"[\s.\-/()]*".join(number) for number in person.phones}
    listed = longest_first(forms)
    return re.compile(
        rf"(?<![^\W\d_])(?:{listed})(?![^\W\d_])" if listed else r"(?!)", re.IGNORECASE
    )


def every_form(person: Person) -> re.Pattern[str]:
    """Match what `name_pattern` does, and each word of the names alone.

    A common word needs its capital: Rose, not the rose of the garden.
    """
    names = every_name(person)
    words = {word for name in names for word in name.split() if is_name_word(word)}
    alone = longest_first(map(_alone, words))
    compounds = sorted(_GAP.join(map(_any_spelling, name.split())) for name in names if " " in name)
    whole = "|".join(
        [
            name_pattern(person).pattern,
            *(rf"(?<![^\W\d_])(?:{form})(?![^\W\d_])" for form in compounds),
        ]
    )
    return re.compile(
        rf"(?i:{whole})" + (rf"|(?<![^\W\d_])(?:{alone})(?![^\W\d_])" if alone else "")
    )


def _telling_words(person: Person) -> re.Pattern[str]:
    """Match words of the names in any case and accents, common words and towns aside."""
    words = {word for name in every_name(person) for word in name.split() if is_name_word(word)}
    telling = sorted(word for word in words if not (is_word(word) or is_place(word)))
    return re.compile(
        rf"(?<![^\W\d_])(?:{'|'.join(map(_any_spelling, telling))})(?![^\W\d_])"
        if telling
        else r"(?!)",
        re.IGNORECASE,
    )


def other_files_naming(study: Study, person: Person) -> dict[str, int]:
    """Count the name in settings, grid, models and notes, which no run makes again.

    Bytes are read: a zipped or encrypted file tells nothing.
    """
    pattern = every_form(person)
    made_again = (
        study.depot,
        study.vault,
        study.tables,
        study.publications,
        study.runs,
        study.cache,
    )
    skipped = {*made_again, study.root / "exports"}
    counts: dict[str, int] = {}
    for path in sorted(study.root.rglob("*")):
        is_decisions = path.name.startswith(study.decisions_path.stem)
        if (
            skipped & {path, *path.parents}
            or is_decisions
            or path.is_symlink()
            or not path.is_file()
        ):
            continue
        if n_found := len(pattern.findall(path.read_bytes().decode("utf-8", "ignore"))):
            counts[path.relative_to(study.root).as_posix()] = n_found
    return counts


def _alone(word: str) -> str:
    if not is_word(word):
        return f"(?i:{_any_spelling(word)})"
    return f"{_letter(word[0]).upper()}(?i:{_any_spelling(word[1:])})"


def _any_spelling(word: str) -> str:
    return "['’]?".join(map(_letter, word))


def _letter(letter: str) -> str:
    same = "".join(
        other for other in "àâäáãåçèêëéîïíôöóõùûüúÿñ" if fold_same_length(other) == letter
    )
    return f"[{letter}{same}]" if same else re.escape(letter)


def _texts(part: Part) -> Iterator[str]:
    for block in part.raw.blocks:
        yield block.text
        yield block.speaker or ""
    for row in part.raw.rows:
        yield " ".join(row)
    for name, address in part.raw.people:
        yield f"{name} {address}"
    yield part.raw.title or ""

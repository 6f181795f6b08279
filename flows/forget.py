"""Erase a person from a study: vault, tables, decisions, publications, caches and records; the depot's own files are only pointed at.

The story: find the person → count what names it → erase decisions → drop whatever holds it and can be made again → leave keyed hashes in
the vault in the person's place → run the study, which reads it as forgotten. Interrupted before the vault changes, the same command
starts again; after, the same command or any run ends the work.
"""

import getpass
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from flows.named_files import every_form, name_pattern, named_files, other_files_naming, still_naming
from flows.progress import Listener, listening, tell
from flows.run import run_study
from flows.vault import Vault
from pipeline.depot import workshop_folders
from pipeline.errors import StudyError
from pipeline.pseudonymise import Person, Registry, find_people, is_forgotten_person, lasting_forms
from pipeline.study import Study
from pipeline.tokens import PERSON, person_token

_NAMED_BY_MACHINE = ("themes", "theme_families")


@dataclass(frozen=True)
class Erasure:
    """What was erased, or would be: counts by what, and the files that people must correct, by how often they name the person.

    Those of the depot, and those of the study that nothing makes again.
    """

    participant_ids: tuple[str, ...]
    is_dry_run: bool
    counts: dict[str, int] = field(default_factory=dict)
    depot_files: dict[str, int] = field(default_factory=dict)
    n_file_names: int = 0
    other_files: dict[str, int] = field(default_factory=dict)
    still_readable: dict[str, int] = field(default_factory=dict)  # where the name stands after the study was run again

    def as_json(self) -> dict[str, Any]:
        """For a machine."""
        return {
            "participant_ids": list(self.participant_ids),
            "is_dry_run": self.is_dry_run,
            "counts": self.counts,
            "depot_files": self.depot_files,
            "n_file_names": self.n_file_names,
            "other_files": self.other_files,
            "still_readable": self.still_readable,
        }


def forget_person(
    root: Path, wanted: str, *, with_words: bool = False, dry_run: bool = False, on_progress: Listener | None = None
) -> Erasure:
    """Erase whom `wanted` names: a name, mail address, telephone or participant_id; with `with_words`, what it said too.

    Raises `StudyError` when nobody or several persons are meant, or decisions are lost.
    """
    study = Study.open(root.resolve())
    with study.locked(), listening(on_progress):
        study.check_decisions()
        vault = Vault(study)
        registry = vault.registry()
        person = _find(registry, wanted)
        if person is None:  # erased already, perhaps by a command that was interrupted
            erasure = Erasure((), dry_run)
        else:
            erasure = _plan(study, person, with_words=with_words, dry_run=dry_run)
            if not dry_run:
                _erase(study, vault, registry, person, erasure, with_words=with_words)
    if not dry_run and workshop_folders(study.depot):
        run_study(study.root, on_progress=on_progress)
        if person is not None:
            erasure = replace(erasure, still_readable=still_naming(study, person))
    return erasure


def _find(registry: Registry, wanted: str) -> Person | None:
    """The one person meant; None for somebody forgotten already."""
    found = find_people(registry, wanted)
    if len(found) > 1:
        where = ", ".join(f"{person.participant_id} ({' ; '.join(person.folders)})" for person in found)
        found_text = f"plusieurs personnes répondent à « {wanted} » : {where}"
        raise StudyError(found_text, "un seul identifiant", f"ateliers forget ÉTUDE {found[0].participant_id}")
    if found:
        return found[0]
    if is_forgotten_person(registry, wanted):
        return None
    raise StudyError(
        f"personne ne répond à « {wanted} » dans cette étude",
        "un nom, un courriel, un téléphone ou un identifiant comme personne-12",
        "vérifier l'orthographe, ou reprendre l'identifiant dans les tables",
    )


def _plan(study: Study, person: Person, *, with_words: bool, dry_run: bool) -> Erasure:
    """Count what names the person."""
    attendance, documents = study.read_table("attendance"), study.read_table("documents")
    units = _units_of(study, person)
    tell("recherche dans les fichiers reçus", 0, 1)
    files, n_file_names = named_files(study, person)
    store = study.decisions
    n_deleted, n_changed = store.count_erased(units if with_words else [], _cleaner(person), clean_author=_author_cleaner(person))
    counts = {
        "lignes de présence": int((attendance["participant_id"] == person.participant_id).sum()),
        "mentions dans les textes": sum(text.count(person_token(person.number)) for text in documents["text"]),
        "passages effacés" if with_words else "passages gardés, sans leur auteur": len(units),
        "décisions effacées": n_deleted,
        "décisions dont le texte est masqué": n_changed,
        "publications retirées": len(_inside(study.publications)),
        "exports retirés": len(_inside(study.root / "exports")),
        "anciens fichiers de décisions retirés": len(study.former_decisions),
        "thèmes proposés dont le texte est masqué": _clean_machine_tables(study, person, dry_run=True),
        "traces de traitements retirées": len(_records_naming(study, person)),
    }
    others = other_files_naming(study, person)
    return Erasure((person.participant_id,), dry_run, counts, files, n_file_names, others)


def _erase(study: Study, vault: Vault, registry: Registry, person: Person, erasure: Erasure, *, with_words: bool) -> None:
    """Erase in an order that may be cut anywhere: the vault last, since the person can be found until then."""
    tell("effacement", 0, 1)
    units, clean = _units_of(study, person), _cleaner(person)
    if study.decisions_state():
        counts = {what: n for what, n in erasure.counts.items() if n}
        study.decisions.erase(
            units if with_words else [],
            clean,
            clean_author=_author_cleaner(person),
            author=getpass.getuser(),
            counts=counts,
        )
    study.remove_tables()
    _clean_machine_tables(study, person, dry_run=False)
    made_again = (*_inside(study.publications), *_inside(study.root / "exports"), study.cache)
    for path in (
        *made_again,
        *study.former_decisions,
        *_records_naming(study, person),
        *study.vault.glob("*.csv"),
        *study.vault.glob("*.xlsx"),
    ):
        _remove(path)
    vault.drop_doubts()
    vault.write_decisions({case: entry for case, entry in vault.decisions().items() if clean(entry["words"]) == entry["words"]})
    registry.forget(person.number, has_no_words=with_words, forms=lasting_forms(person))
    vault.write_registry(registry)


def _units_of(study: Study, person: Person) -> list[str]:
    units = study.read_table("units")
    return [str(unit_id) for unit_id in units.loc[units["speaker"] == person.participant_id, "unit_id"]]


def _cleaner(person: Person) -> Callable[[str], str]:
    """Replaces the person's names, the first one too, mail and telephones in what people typed."""
    pattern = every_form(person)
    return lambda text: pattern.sub(PERSON, text)


def _author_cleaner(person: Person) -> Callable[[str], str]:
    """Replaces the person's whole names among those who decided: a first name alone is also another analyst's."""
    pattern = name_pattern(person)
    return lambda text: pattern.sub(PERSON, text)


def _clean_machine_tables(study: Study, person: Person, *, dry_run: bool) -> int:
    """Take the person out of the themes that the machine proposed, which later runs take names from; return how many change."""
    clean, n_changed = _cleaner(person), 0
    for name in _NAMED_BY_MACHINE:
        table = study.read_machine_table(name)
        texts = [column for column in map(str, table) if pd.api.types.is_string_dtype(table[column])]
        typed = [column for column in texts if not column.endswith("_id") and column != "quotes"]
        cleaned = table.assign(**{column: table[column].map(clean, na_action="ignore").astype(table[column].dtype) for column in typed})
        is_changed = (cleaned[typed].fillna("") != table[typed].fillna("")).any(axis=1)
        n_changed += int(is_changed.sum())
        if is_changed.any() and not dry_run:
            study.write_machine_table(name, cleaned)
    return n_changed


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _records_naming(study: Study, person: Person) -> list[Path]:
    """The records of runs that name the person: by a file's name that was in the depot then, or a word of the settings."""
    pattern = every_form(person)
    return [path for path in sorted(study.runs.glob("*.json")) if any(map(pattern.search, _strings(_read_json(path))))]


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _strings(content: Any) -> list[str]:
    """Every text in a JSON value, keys included."""
    if isinstance(content, dict):
        return [text for key, value in content.items() for text in (str(key), *_strings(value))]
    if isinstance(content, list):
        return [text for value in content for text in _strings(value)]
    return [content] if isinstance(content, str) else []

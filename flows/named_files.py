"""Which files of the depot name a person: paths and counts, for people to correct or delete what they were given.

In:   a person of the vault
Out:  how often each file names it, by name, mail or telephone
"""

import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from pipeline.french import is_word
from pipeline.ingest.contents import Part, read_contents
from pipeline.pseudonymise import Person, fold, is_name_word, is_telling, lasting_forms, spelt
from pipeline.pseudonymise.communes import is_place
from pipeline.study import Study
from pipeline.tokens import person_token

_GAP = r"[\s\u00a0.\-_]{1,3}"


def named_files(study: Study, person: Person) -> tuple[dict[str, int], int]:
    """Return how often each file of the depot names the person, and how many do by their own name.

    The larger of what the pattern finds and of the person's tokens in what was read: "Voir avec Marchand" is hidden, though no pattern
    can tell it from a trade.
    """
    pattern, hidden = name_pattern(person), _hidden_mentions(study, person)
    counts: Counter[str] = Counter()
    named: set[str] = set()
    for folder in study.workshop_folders():
        for part in read_contents(folder, depot=study.depot, settings=study.settings.ingest, on_file=None).parts:
            named |= {part.file} if pattern.search(part.path) else set()
            n_times = sum(len(pattern.findall(text)) for text in _texts(part))
            counts[part.file] += max(n_times, hidden.pop(part.path, 0)) + bool(part.file in named)
    return {path: n for path, n in sorted(counts.items()) if n}, len(named)


def _hidden_mentions(study: Study, person: Person) -> dict[str, int]:
    """How often each document of the tables has the person's token, by path."""
    documents, token = study.read_table("documents"), person_token(person.number)
    return {str(path): text.count(token) for path, text in zip(documents["path"], documents["text"], strict=True)}


def still_naming(study: Study, person: Person) -> dict[str, int]:
    """How often the documents of the tables and the files of publications still have a word of the person's name, in any case.

    Common words and towns are left aside. A PDF is not read: it says what the report beside it says.
    """
    pattern = _telling_words(person)
    documents = study.read_table("documents")
    counts = Counter({f"tables/documents, {path}": len(pattern.findall(text)) for path, text in _rows(documents)})
    for path in sorted(study.publications.rglob("*")):
        if path.is_file() and not path.is_symlink():
            counts[path.relative_to(study.root).as_posix()] += sum(len(pattern.findall(text)) for text in _contents(path))
    return {where: n for where, n in sorted(counts.items()) if n}


def _rows(documents: pd.DataFrame) -> Iterator[tuple[str, str]]:
    for path, title, text in zip(documents["path"], documents["title"].fillna(""), documents["text"], strict=True):
        yield str(path), f"{title}\n{text}"


def _contents(path: Path) -> Iterator[str]:
    """A file as text; each part of a zipped one: docx, xlsx, qdpx."""
    if not zipfile.is_zipfile(path):
        yield path.read_bytes().decode("utf-8", "ignore")
        return
    with zipfile.ZipFile(path) as archive:
        for part in archive.namelist():
            yield archive.read(part).decode("utf-8", "ignore")


def name_pattern(person: Person) -> re.Pattern[str]:
    """The person's names in any order, with an initial, by a telling last name; its mail addresses and telephones, however spaced."""
    names = {name for _, name in lasting_forms(person)}
    telling = {name for name in names if " " in name or is_telling(name)} or names  # a first name alone may be anybody's
    forms = {_GAP.join(map(_any_spelling, name.split())) for name in telling}
    forms |= {re.escape(email) for email in person.emails}
    forms |= {r"[\s.\-/()]*".join(number) for number in person.phones}
    listed = "|".join(sorted(forms, key=lambda form: (-len(form), form)))
    return re.compile(rf"(?<![^\W\d_])(?:{listed})(?![^\W\d_])" if listed else r"(?!)", re.IGNORECASE)


def every_form(person: Person) -> re.Pattern[str]:
    """`name_pattern`, and each word of the person's names alone, first names too: nothing typed about passages may keep one.

    A word that is common too counts with a capital only: Rose, not the rose of the garden.
    """
    names = _written_names(person)
    words = {word for name in names for word in name.split() if is_name_word(word)}
    alone = "|".join(_alone(word) for word in sorted(words, key=lambda word: (-len(word), word)))
    compounds = sorted(_GAP.join(map(_any_spelling, name.split())) for name in names if " " in name)
    whole = "|".join([name_pattern(person).pattern, *(rf"(?<![^\W\d_])(?:{form})(?![^\W\d_])" for form in compounds)])
    return re.compile(rf"(?i:{whole})" + (rf"|(?<![^\W\d_])(?:{alone})(?![^\W\d_])" if alone else ""))


def _written_names(person: Person) -> set[str]:
    """The person's names as `spelt`, and the mentions of it."""
    written = (person.first_name, person.last_name, person.full_name)
    mentioned = (name for names in person.mentions.values() for name in names)
    return {spelt(name) for name in (*written, *person.names, *mentioned) if name}


def _telling_words(person: Person) -> re.Pattern[str]:
    """The words of the person's names in any case and accents, common words and towns aside."""
    words = {word for name in _written_names(person) for word in name.split() if is_name_word(word)}
    telling = sorted(word for word in words if not (is_word(word) or is_place(word)))
    return re.compile(rf"(?<![^\W\d_])(?:{'|'.join(map(_any_spelling, telling))})(?![^\W\d_])" if telling else r"(?!)", re.IGNORECASE)


def other_files_naming(study: Study, person: Person) -> dict[str, int]:
    """How often each file of the study that an erasure cannot make again names the person: settings, grid, models, notes.

    What is read is bytes: a file that is zipped or encrypted tells nothing.
    """
    pattern = every_form(person)
    made_again = (study.depot, study.vault, study.tables, study.publications, study.runs, study.cache)
    skipped = {*made_again, study.root / "exports"}
    counts: dict[str, int] = {}
    for path in sorted(study.root.rglob("*")):
        is_decisions = path.name.startswith(study.decisions_path.stem)
        if skipped & {path, *path.parents} or is_decisions or path.is_symlink() or not path.is_file():
            continue
        if n_found := len(pattern.findall(path.read_bytes().decode("utf-8", "ignore"))):
            counts[path.relative_to(study.root).as_posix()] = n_found
    return counts


def _alone(word: str) -> str:
    if not is_word(word):
        return f"(?i:{_any_spelling(word)})"
    return f"{_letter(word[0]).upper()}(?i:{_any_spelling(word[1:])})"


def _any_spelling(word: str) -> str:
    """A word as `spelt`, as a regular expression that accents and apostrophes don't matter to."""
    return "['’]?".join(map(_letter, word))


def _letter(letter: str) -> str:
    same = "".join(other for other in "àâäáãåçèêëéîïíôöóõùûüúÿñ" if fold(other) == letter)
    return f"[{letter}{same}]" if same else re.escape(letter)


def _texts(part: Part) -> Iterator[str]:
    """All that was read of a part."""
    for block in part.raw.blocks:
        yield block.text
        yield block.speaker or ""
    for row in part.raw.rows:
        yield " ".join(row)
    for name, address in part.raw.people:
        yield f"{name} {address}"
    yield part.raw.title or ""

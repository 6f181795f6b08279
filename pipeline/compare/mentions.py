"""Find the structures that passages name, by their whole name or by the word that tells them.

In:   texts, structures, the territories' names
Out:  each text that names some, with their structure_ids
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import pandas as pd

from pipeline.structure_names import StructureName, telling_words
from pipeline.text import fold

_LEAST_LETTERS = 5  # a shorter word is often a plain one
_WORD = re.compile(r"[^\W\d_][\w’'-]*")


def structures_named(
    texts: Iterable[str], structures: pd.DataFrame, territories: Iterable[str]
) -> Iterator[tuple[str, list[str]]]:
    """Yield each text that names structures, and their ids.

    « La Boussole » is « La Boussole Seynoise » where no other structure's name has the word, and
    where it is written as a name; « la boussole » is any compass.
    """
    localities = {word for territory in territories for word in fold(territory).split()}
    names = {
        str(structure_id): StructureName(str(name), None if pd.isna(code) else str(code))
        for structure_id, name, code in structures[
            ["structure_id", "name", "commune_code"]
        ].itertuples(index=False)
    }
    of_word: dict[str, set[str]] = defaultdict(set)
    of_name: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for structure_id, name in names.items():
        for word in telling_words(name, localities | name.commune_words):
            of_word[word].add(structure_id)
        if name.words:
            of_name[name.words[0]].append((structure_id, " ".join(name.words)))
    for text in texts:
        found = _by_word(text, of_word) | _by_name(text, of_name)
        if found:
            yield text, sorted(found)


def _by_word(text: str, of_word: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    for match in _WORD.finditer(text):
        if match.start() and match[0][0].isupper():
            for word in fold(match[0]).split():
                owners = of_word.get(word, ())
                if len(word) >= _LEAST_LETTERS and len(owners) == 1:
                    found.update(owners)
    return found


def _by_name(text: str, of_name: dict[str, list[tuple[str, str]]]) -> set[str]:
    """The words of a name in a row, without articles."""
    words = StructureName(text).words
    joined = f" {' '.join(words)} "
    return {
        structure_id
        for word in set(words)
        for structure_id, name in of_name.get(word, ())
        if f" {name} " in joined and (" " in name or len(name) >= _LEAST_LETTERS)
    }

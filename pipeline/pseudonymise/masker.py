"""Find all masks of texts, and replace them in texts and in structures' names."""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import pandas as pd

from pipeline.french import parse
from pipeline.pseudonymise.contacts import find_contacts
from pipeline.pseudonymise.learned_names import judge_names
from pipeline.pseudonymise.listed_names import mentions_of, misspelt_mentions, names_in
from pipeline.pseudonymise.masks import PERSON, Mask, Rewriting
from pipeline.pseudonymise.passage import Passage
from pipeline.pseudonymise.persons import find_persons
from pipeline.pseudonymise.roster import Roster
from pipeline.pseudonymise.suspects import find_suspects
from pipeline.pseudonymise.words import (
    UPPER,
    is_common_word,
    is_first_name,
    is_place,
    is_usual_first_name,
    terms,
)
from pipeline.text import cut_at_blanks, fold_same_length

# entities have word vectors of their own
NOT_FOR_ENTITIES = ("tok2vec", "morphologizer", "attribute_ruler", "lemmatizer")
_LONGEST = 2_000  # characters read at once: rules look at all of them for each word
_CARRIERS = ("structures", "attendance", "catchments")
_JOINED = re.compile(r"[_.+-]")
_DIGIT = re.compile(r"\d")
_SHORTER_THAN_NUMBERS = 8  # digits of a date; telephones and the like have more
_ELIDED = rf"(?:[CDJLMNST]|(?:Jus|Lors|Puis)?[Qq]u)['’](?!{UPPER})"
_CAPITALISED = re.compile(rf"(?<![^\W_])(?!{_ELIDED}){UPPER}[\w'’-]*")
_Entities = tuple[tuple[int, int, str], ...]  # start, end, label


class _ReadPassage(NamedTuple):
    number: int
    start: int
    passage: Passage
    persons: list[Mask]
    doubts: list[Mask]


class Masker:
    """Finds masks with one workshop's roster."""

    _has_language_model = True

    def __init__(self, roster: Roster, *, name_match: int, longest: int = _LONGEST) -> None:
        self._roster, self._name_match, self._longest = roster, name_match, longest

    def mask_texts(self, texts: "pd.Series", *, persons_only: bool = False) -> "pd.Series":
        """Return `texts` with their masks replaced; blanks stay blank."""
        distinct = [str(text) for text in texts.dropna().unique()]
        clean: dict[str, str] = {}
        for text, masks in zip(distinct, self.find([(text, []) for text in distinct]), strict=True):
            replaced = [mask for mask in masks if mask.token == PERSON or not persons_only]
            clean[text] = Rewriting(text, replaced).text
        return texts.map(clean, na_action="ignore").astype(texts.dtype)

    def mask_file_names(self, names: "pd.Series") -> "pd.Series":
        """Return `names` masked, whatever joins their words: CR_yann-kermarrec, CR_[personne]."""
        alike = {str(name): _with_zeros(str(name)) for name in names.dropna().unique()}
        as_written = list(dict.fromkeys(alike.values()))
        as_words = [_spaced(name, self._roster) for name in as_written]
        found = self.find([(text, []) for text in (*as_written, *as_words)])
        halves = zip(found[: len(as_written)], found[len(as_written) :], strict=True)
        masks = {name: [*one, *two] for name, (one, two) in zip(as_written, halves, strict=True)}
        clean = {name: Rewriting(name, masks[key]).text for name, key in alike.items()}
        return names.map(clean, na_action="ignore").astype(names.dtype)

    def find(self, texts: list[tuple[str, list[tuple[int, int]]]]) -> list[list[Mask]]:
        """Return the masks of each (text, block spans), between blocks too."""
        masks: list[list[Mask]] = [[] for _ in texts]
        names: list[frozenset[str]] = [frozenset() for _ in texts]
        shared: frozenset[str] = frozenset()
        passages = self._read(texts)
        colours = {
            number
            for number, _, passage, *_ in passages
            if (cell := _colour(passage)) and not is_first_name(cell)
        }
        passages = [
            each for each in passages if each.number not in colours or not _colour(each.passage)
        ]
        for number, start, passage, persons, _ in passages:
            contacts = find_contacts(passage.text)
            # the "jeanne" of a mail address is no doubtful name
            others = [mask for mask in persons if not mask.is_inside(contacts)]
            masks[number] += _shift([*contacts, *others], start)
            names[number] |= names_in(passage, persons)
            shared |= names_in(passage, [mask for mask in persons if not mask.doubt])
        for number, start, passage, _, doubts in passages:
            mentions = mentions_of(passage, names[number] | shared)
            mentions += misspelt_mentions(passage, names[number], name_match=self._name_match)
            others = [mask for mask in doubts if not mask.is_inside(mentions)]
            masks[number] += _shift([*mentions, *others], start)
        return masks

    def _read(self, texts: list[tuple[str, list[tuple[int, int]]]]) -> list[_ReadPassage]:
        pieces = [
            (number, start, text[start:end])
            for number, (text, spans) in enumerate(texts)
            for start, end in _pieces(text, spans, self._longest)
        ]
        read: dict[str, tuple[Passage, list[Mask], list[Mask]]] = {}
        # the cells of a table often repeat
        for text, labels in self.labelled(dict.fromkeys(text for _, _, text in pieces)):
            passage = Passage(text, labels, self._roster)
            persons = find_persons(passage, name_match=self._name_match)
            doubts: list[Mask] = []
            if self._has_language_model:
                persons, doubts = judge_names(passage, persons, find_suspects(passage, persons))
            read[text] = passage, persons, doubts
        return [_ReadPassage(number, start, *read[text]) for number, start, text in pieces]

    @classmethod
    def labelled(cls, texts: Iterable[str]) -> Iterator[tuple[str, _Entities]]:
        """Yield each text with its entities; none are looked for where no capital may be a name."""
        distinct = list(texts)
        named = [text for text in distinct if cls._has_language_model and _may_name(text)]
        # a strict zip of nothing would ask for an entity, and load the language model
        labelled = dict(zip(named, _entities(named), strict=True)) if named else {}
        yield from ((text, labelled.get(text, ())) for text in distinct)


def _colour(passage: Passage) -> str:
    """Return the colour that is all of a cell: Rose is one in a column with Vert and Bleu."""
    cell = passage.folded.strip()
    return cell if cell in terms("couleurs") and cell not in passage.roster.first else ""


def _with_zeros(name: str) -> str:
    """Return what names of a series have in common, "photo 000" for "photo 127"."""
    is_short = sum(letter.isdigit() for letter in name) <= _SHORTER_THAN_NUMBERS
    return _DIGIT.sub("0", name) if is_short else name


def _spaced(name: str, roster: Roster) -> str:
    """Return a file's name as words, its length unchanged, first names with their capital."""
    words = _JOINED.sub(" ", name).split(" ")
    is_after_first_name = False
    for i, word in enumerate(words):
        folded = fold_same_length(word)
        is_listed = folded in roster.first or folded in roster.last
        is_known = is_common_word(word.lower()) or is_place(folded)
        is_first = is_usual_first_name(folded) and not is_known
        if is_listed or is_first or (is_after_first_name and not is_known):
            words[i] = word[:1].upper() + word[1:].lower()
        is_after_first_name = is_first
    return " ".join(words)


def _pieces(text: str, spans: list[tuple[int, int]], longest: int) -> list[tuple[int, int]]:
    """Cut `text` at the edges of its blocks and, if too long to parse, at a blank."""
    edges = sorted({0, len(text), *(edge for span in spans for edge in span)})
    return [
        (start, end)
        for block in pairwise(edges)
        for start, end in cut_at_blanks(text, *block, longest)
        if text[start:end].strip()
    ]


def _may_name(text: str) -> bool:
    """Whether a capital opens a word that is no function word: not in « Les eaux de l'étang »."""
    words = (fold_same_length(word) for word in _CAPITALISED.findall(text))
    return any(word not in terms("jamais") or is_first_name(word) for word in words)


def _entities(texts: list[str]) -> Iterator[_Entities]:
    for document in parse(texts, without=NOT_FOR_ENTITIES):
        yield tuple((entity.start_char, entity.end_char, entity.label_) for entity in document.ents)


def _shift(masks: list[Mask], by: int) -> list[Mask]:
    return [mask._replace(start=mask.start + by, end=mask.end + by) for mask in masks]


def rename_structures(tables: dict[str, pd.DataFrame], masker: Masker) -> dict[str, pd.DataFrame]:
    """Return `tables` with new names and ids for structures that name a person."""
    structures = tables["structures"]
    names = masker.mask_texts(structures["name"])
    taken = set(structures["structure_id"])
    changed = names[names != structures["name"]]
    own_ids = structures.loc[changed.index, "structure_id"]
    new_ids = {own: _free_id(name, taken) for own, name in zip(own_ids, changed, strict=True)}
    renamed = {name: tables[name].replace({"structure_id": new_ids}) for name in _CARRIERS}
    return tables | renamed | {"structures": renamed["structures"].assign(name=names)}


def _free_id(name: str, taken: set[str]) -> str:
    """Add the slug to `taken`."""
    slug = re.sub(r"\W+", "-", fold_same_length(name)).strip("-")
    number = 1
    while (structure_id := slug if number == 1 else f"{slug}-{number}") in taken:
        number += 1
    taken.add(structure_id)
    return structure_id

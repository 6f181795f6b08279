"""Invent names of persons, towns and organisations, and sentences that hold them.

In:   the lexicons; data/training/names/tournures.txt
Out:  texts with the spans of the persons named in them; the same seed, the same texts
"""

import random
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from pipeline.communes.tables import named_communes
from pipeline.files import data_path
from pipeline.pseudonymise import words
from pipeline.text import fold_same_length, lexicon_lines

_SLOT = re.compile(r"\{(\w+)\}")
_NAME_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_ONE_WORD = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*")
_PERSONS = "PNSI"  # slots whose filling is a person; a line that ends with ^ has none
_PARTICLES = (
    *("Le ", "De ", "Du ", "El ", "Ben ", "Da ", "Van ", "Van der ", "Dos ", "Di "),
    *("de la ", "d'", "N'", "O'", "von ", "Aït ", "Abou "),
)


class LabelledText(NamedTuple):
    """A text and the half-open spans of its persons."""

    text: str
    persons: tuple[tuple[int, int], ...]


class _Chain:
    """Makes words whose every letter follows the three before as in some given words."""

    def __init__(self, given: Iterable[str]) -> None:
        self._followers: dict[str, list[str]] = defaultdict(list)
        for word in given:
            padded = f"^^^{word.lower()}$"
            for i in range(3, len(padded)):
                self._followers[padded[i - 3 : i]].append(padded[i])

    def draw(self, rng: random.Random) -> str:
        """Return a word of 3 to 12 letters that no list has."""
        while True:
            made = "^^^"
            while not made.endswith("$") and len(made) < 17:
                made += rng.choice(self._followers[made[-3:]])
            word = made[3:-1]
            if made.endswith("$") and 3 <= len(word) <= 12 and not _is_known(word):
                return _title(word)


def _is_known(word: str) -> bool:
    folded = fold_same_length(word)
    is_name = words.is_first_name(folded) or words.is_rare_first_name(folded)
    return is_name or words.is_surname(folded) or words.is_common_word(word)


def _title(name: str) -> str:
    return re.sub(r"(^|[-'’ ])(\w)", lambda match: match[1] + match[2].upper(), name)


def bare(text: str) -> str:
    """Return `text` without accents."""
    letters = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


class NameMaker:
    """Draws names: some of the lists, some that no list has."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self._usual = _one_word("prenoms") + _one_word("prenoms_courants")
        self._world, self._rare = _one_word("prenoms_du_monde"), _one_word("prenoms_rares")
        surnames = _one_word("noms_courants") + _one_word("noms")
        self._common = [n for n in surnames if words.is_common_word(n.lower()) and len(n) > 3]
        self._surnames = [n for n in surnames if not words.is_common_word(n.lower())]
        self._surnames = [n for n in self._surnames if not words.is_place(fold_same_length(n))]
        self._nicknames, self._signs = (
            lexicon_lines("surnoms"),
            lexicon_lines("enseignes"),
        )
        self._famous = lexicon_lines("celebres")
        self._acronyms = sorted(words.terms("acronymes"))
        self._trades = sorted(words.terms("metiers"))
        self._towns = sorted({commune.name for commune in named_communes()})
        self._firsts_like = _Chain(self._usual + self._world)
        self._surnames_like = _Chain(self._surnames)
        self._towns_like = _Chain(town for town in self._towns if " " not in town)
        self._makers: dict[str, Callable[[], str]] = {
            "P": self.first_name,
            "N": self.surname,
            "S": self._nickname,
            "I": self._initials,
            "V": self._town,
            "O": self._organisation,
            "A": self._acronym,
            "C": lambda: self.rng.choice(self._famous),
        }

    def fill(self, slot: str) -> str:
        """Return a filling: {P} as written, {p} in small letters, {PP} in capitals."""
        made = self._makers[slot[0].upper()]()
        if slot == "i":
            return re.sub(r"\W", "", made).lower()
        if slot.islower():
            return made.lower() if self.rng.random() < 0.6 else bare(made.lower())
        if len(slot) == 2:
            return made.upper() if self.rng.random() < 0.5 else bare(made.upper())
        return made

    def first_name(self) -> str:
        """Return a first name."""
        rng = self.rng
        chance = rng.random()
        if chance < 0.3:
            return _title(rng.choice(self._usual).lower())
        if chance < 0.5:
            return _title(rng.choice(self._world).lower())
        if chance < 0.6:
            return _title(rng.choice(self._rare).lower())
        if chance < 0.68:
            return _title(f"{rng.choice(self._usual)}-{rng.choice(self._usual)}".lower())
        return self._firsts_like.draw(rng)

    def surname(self) -> str:
        """Return a surname, that may be a word, a first name or of several words."""
        rng = self.rng
        chance = rng.random()
        if chance < 0.2:
            name = _title(rng.choice(self._surnames).lower())
        elif chance < 0.4:
            name = _title(rng.choice(self._common).lower())
        elif chance < 0.45:
            return self.first_name()
        else:
            name = self._surnames_like.draw(rng)
        chance = rng.random()
        if chance < 0.06:
            return rng.choice(_PARTICLES) + name
        return f"{name}-{self._surnames_like.draw(rng)}" if chance < 0.12 else name

    def _nickname(self) -> str:
        rng = self.rng
        chance, usual = rng.random(), rng.choice(self._usual).lower()
        if chance < 0.25:
            return _title(rng.choice(self._nicknames).lower())
        if chance < 0.55:
            return _title(usual[: rng.choice((3, 4, 5))].rstrip("-'"))
        if chance < 0.7:
            return _title((rng.choice("bcdfgjklmnptrvz") + rng.choice(("a", "o", "i", "ou"))) * 2)
        if chance < 0.8:
            return "Ti-" + _title(usual[:4])
        if chance < 0.9:
            ending = rng.choice(("o", "ou", "ette", "i", "y", "ine", "inou"))
            return _title(usual[:4].rstrip("aeiouyéè") + ending)
        return self._firsts_like.draw(rng)

    def _initials(self) -> str:
        letters = [self.rng.choice("ABCDEFGHJKLMNPRSTVYZ") for _ in range(3)]
        forms = ("{0}.", "{0}. {1}.", "{0}.{1}.", "{0}.-{1}. {2}.", "{0}{1}", "{0}{1}{2}")
        (form,) = self.rng.choices(forms, (30, 20, 10, 10, 20, 10))
        return form.format(*letters)

    def _town(self) -> str:
        is_real = self.rng.random() < 0.6
        return self.rng.choice(self._towns) if is_real else self._towns_like.draw(self.rng)

    def _organisation(self) -> str:
        rng = self.rng
        chance = rng.random()
        if chance < 0.5:
            return rng.choice(self._signs)
        if chance < 0.65:
            ending = rng.choice(("du Lac", "solidaires", "de l'Est", "d'Avenir", "Associés"))
            return f"Les {_title(rng.choice(self._trades))}s {ending}"
        if chance < 0.75:
            ending = rng.choice((" Bleue", " Verte", " en Fête", " Partagé", ""))
            return (
                rng.choice(("La ", "Le ", "L'")) + _title(rng.choice(self._common).lower()) + ending
            )
        if chance < 0.85:
            start = rng.choice(("Éco", "Bio", "Recy", "Tri", "Agri", "Mobi", "Ciné", "Coop"))
            return start + rng.choice(("Lab", "Sol", "'Act", "pôle", "vie", "bus", "cité", "fab"))
        ending = rng.choice((" Services", " Énergie", " Habitat", " Insertion", "", " Mobilités"))
        return self._towns_like.draw(rng) + ending

    def _acronym(self) -> str:
        if self.rng.random() < 0.5:
            return self.rng.choice(self._acronyms).upper()
        length = self.rng.choice((3, 3, 4, 4, 5))
        return "".join(self.rng.choice("ABCDEFILMNOPRSTU") for _ in range(length))


def _one_word(file: str) -> list[str]:
    return sorted({name for name in lexicon_lines(file) if _ONE_WORD.fullmatch(name)})


def patterns() -> list[str]:
    """Return the lines of tournures.txt, the breaks of their lines written out."""
    path = data_path("training", "names", "tournures.txt")
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.replace("\\n", "\n").replace("\\t", "\t") for line in lines if line[:1] != "#"]


def fill_pattern(pattern: str, names: NameMaker) -> LabelledText:
    """Return the pattern with each slot filled anew."""
    is_nobody = pattern.endswith("^")
    pattern = pattern.removesuffix("^")
    text, last = "", 0
    persons: list[tuple[int, int]] = []
    for slot in _SLOT.finditer(pattern):
        made = names.fill(slot[1])
        text += pattern[last : slot.start()]
        if slot[1][0].upper() in _PERSONS and not is_nobody:
            persons.append((len(text), len(text) + len(made)))
        text, last = text + made, slot.end()
    return LabelledText(text + pattern[last:], tuple(persons))


def rename_persons(labelled: LabelledText, names: NameMaker) -> LabelledText:
    """Return the text with other names, of the same kind and case, in place of its persons'."""
    text, last = "", 0
    persons: list[tuple[int, int]] = []
    new_names: dict[str, str] = {}
    for start, end in _without_overlap(labelled.persons):
        name = labelled.text[start:end]
        if name not in new_names:
            is_account = "@" in name or "." in name
            renamed = _NAME_WORD.sub(lambda match: _other_word(match[0], names), name)
            new_names[name] = name if is_account else renamed
        text += labelled.text[last:start]
        persons.append((len(text), len(text) + len(new_names[name])))
        text, last = text + new_names[name], end
    return LabelledText(text + labelled.text[last:], tuple(persons))


def _without_overlap(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    apart: list[tuple[int, int]] = []
    for start, end in sorted(set(spans)):
        if not apart or start >= apart[-1][1]:
            apart.append((start, end))
    return apart


def _other_word(word: str, names: NameMaker) -> str:
    folded = fold_same_length(word)
    if len(word) < 3 or folded in words.terms("particules"):
        return word
    is_first = words.is_first_name(folded)
    if not is_first and not words.is_surname(folded):
        is_first = names.rng.random() < 0.5
    made = names.first_name() if is_first else names.surname()
    if word.isupper():
        return made.upper()
    return made.lower() if word.islower() else made

"""Find which known structure a passage names, spelling mistakes and dropped legal forms allowed.

In:   structures
Out:  Carriers, asked passage by passage
"""

import re
from collections import Counter, defaultdict

import pandas as pd
from rapidfuzz import fuzz

from pipeline.french import fold
from pipeline.offer.numbers import lexicon

_WORD = re.compile(r"\w+")
_MIN_SCORE = 90.0
_MIN_LETTERS = 5  # a shorter name must be written exactly
_MIN_CORE = 8  # letters that a shortened name must keep
_OF = frozenset({"de", "du", "des", "d"})
_STEM = 4  # letters by which a passage's words call the names to compare


class Carriers:
    """The structures' names, indexed by the first letters of their words so that a passage meets only names it may hold."""

    def __init__(self, structures: pd.DataFrame) -> None:
        named = structures.sort_values("structure_id")
        self._names = [(str(key), _essential(name)) for key, name in zip(named["structure_id"], named["name"], strict=True)]
        self._written = dict(zip(map(str, named["structure_id"]), map(str, named["name"]), strict=True))
        self._names += _shortened(self._names)
        self._called_by: dict[str, set[int]] = defaultdict(set)
        for place, (_, name) in enumerate(self._names):
            for word in name.split():
                self._called_by[word[:_STEM]].add(place)

    def name_of(self, structure_id: str | None) -> str:
        """The name of a structure as the list or the map writes it; "" for None."""
        return self._written.get(structure_id or "", "")

    def named_in(self, text: str, at: int) -> tuple[str | None, str | None]:
        """Return (structure_id, its name as in the passage) of the structure named nearest to character `at`, or two None."""
        plain, offsets = _plain(text)
        words = {word[:_STEM] for word in plain.split()}
        places = sorted({place for word in words for place in self._called_by.get(word, ())})
        best: tuple[tuple[float, float, str], str, str] | None = None
        for place in places:
            key, name = self._names[place]
            span = _find(name, plain)
            if span is None:
                continue
            start, end = offsets[span[0]], offsets[span[1] - 1] + 1
            order = (float(min(abs(start - at), abs(end - at))), -float(len(name)), key)
            if best is None or order < best[0]:
                best = (order, key, text[start:end])
        return (best[1], best[2]) if best else (None, None)


def _essential(name: str) -> str:
    """`name` folded, its legal form and articles before and between left out: « SCIC Les Paniers de l'Orb » is « paniers orb »."""
    words = _WORD.findall(fold(str(name)))
    while len(words) > 1 and words[0] in lexicon()["statuts"]:
        words = words[1:]
    return " ".join(words)


def _shortened(names: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names without the words that say what the structure is, where that leaves enough of one structure alone.

    « epicerie solidaire la passerelle » is also « passerelle »; « recyclerie du vidourle » is not « vidourle », which is a place.
    """
    shorter = []
    for key, name in names:
        words, last = name.split(), ""
        while words and (words[0] in lexicon()["metiers"] or words[0] in lexicon()["statuts"]):
            last, words = words[0], words[1:]
        is_place = len(words) == 1 and last in _OF
        if not is_place and 0 < len(words) < len(name.split()) and len("".join(words)) >= _MIN_CORE:
            shorter.append((key, " ".join(words)))
    uses = Counter(core for _, core in shorter)
    return [(key, core) for key, core in shorter if uses[core] == 1]


def _plain(text: str) -> tuple[str, list[int]]:
    """`text` folded to words joined by one space, and the offset in `text` of each of its characters."""
    letters: list[str] = []
    offsets: list[int] = []
    for match in _WORD.finditer(text):
        if letters:
            letters.append(" ")
            offsets.append(match.start())
        for place in range(match.start(), match.end()):
            for letter in fold(text[place]):
                letters.append(letter)
                offsets.append(place)
    return "".join(letters), offsets


def _find(name: str, plain: str) -> tuple[int, int] | None:
    """Where `name` stands in `plain` as whole words, at a score of 90 or more; a short name only to the letter."""
    exact = f" {plain} ".find(f" {name} ")
    if exact >= 0:
        return exact, exact + len(name)
    if len(name.replace(" ", "")) < _MIN_LETTERS or len(plain) < len(name) - 2:
        return None
    match = fuzz.partial_ratio_alignment(name, plain, score_cutoff=_MIN_SCORE)
    if match is None:
        return None
    start, end = _to_words(plain, match.dest_start, match.dest_end)
    return (start, end) if fuzz.ratio(name, plain[start:end]) >= _MIN_SCORE else None


def _to_words(plain: str, start: int, end: int) -> tuple[int, int]:
    """[start, end) widened to whole words."""
    while start > 0 and plain[start - 1] != " ":
        start -= 1
    while start < end and plain[start] == " ":
        start += 1
    while end < len(plain) and plain[end] != " ":
        end += 1
    return start, end

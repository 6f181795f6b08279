"""Find the structures that passages name: on the list or map, or only in the passage.

In:   a parsed passage, structures
Out:  a structure_id, else the name in the passage, else what the structure is (« une conserverie »)
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from rapidfuzz import fuzz
from spacy.tokens import Doc, Token

from pipeline.offer.phrases import (
    folded,
    infinitive_of,
    is_glued,
    is_in,
    is_proper,
    name_from,
    phrase_from,
    trimmed,
    words_of,
)
from pipeline.offer.quantities import lexicon
from pipeline.text import fold

_WORD = re.compile(r"\w+")
_MIN_SCORE = 90.0
_MIN_LETTERS = 5  # a shorter name must be written exactly
_MIN_CORE = 8  # letters that a shortened name must keep
_OF = frozenset({"de", "du", "des", "d"})
_STEM = 4  # first letters that select names to compare
_ARTICLES = frozenset({"le", "la", "les", "l'"})
_SMALL = frozenset({"de", "du", "des", "d'", "la", "le", "les", "l'", "en", "et", "&", "à", "aux"})
_TO = frozenset({"a", "au", "aux", "avec", "pour", "vers", "dans", "ds", "contre", "sans"})
_OF_WORDS = frozenset({"de", "du", "d'", "chez", "ou"})
_INDEFINITE = frozenset({"un", "une", "des", "d'", "deux", "trois", "quelques", "plusieurs"})
_FOR = frozenset({"pour", "pr", "avec"})
_MAX_NAME = 6  # words


@dataclass(frozen=True)
class CarrierMention:
    """A structure at [start, end) of a passage; `name` is None where only its kind is said."""

    start: int
    end: int
    kind: str  # the name of an activity, or ""
    name: str | None
    structure_id: str | None = None
    is_definite: bool = True  # « la ressourcerie », not « une ressourcerie »
    is_subject: bool = True  # not « l'animatrice du café »


class Carriers:
    """The structures' names by the first letters of their words."""

    def __init__(self, structures: pd.DataFrame) -> None:
        rows = structures.sort_values("structure_id")
        self._written = dict(
            zip(map(str, rows["structure_id"]), map(str, rows["name"]), strict=True)
        )
        self._names = [(key, essential(name)) for key, name in self._written.items()]
        self._names += _shortened(self._names)
        self._by_stem: dict[str, set[int]] = defaultdict(set)
        for i, (_, name) in enumerate(self._names):
            for word in name.split():
                self._by_stem[word[:_STEM]].add(i)

    def name_of(self, structure_id: str | None) -> str:
        """Return the name on the list or map; "" for None."""
        return self._written.get(structure_id or "", "")

    def mentions_in(self, passage: Doc) -> list[CarrierMention]:
        """Return the structures of the passage, those of the list or map first."""
        known = [
            CarrierMention(start, end, "", passage.text[start:end], key)
            for key, start, end in self.known_in(passage.text)
        ]
        spans = [(one.start, one.end) for one in known]
        named = [one for one in _named_in(passage) if not _overlaps(one, spans)]
        return known + named

    def known_in(self, text: str) -> list[tuple[str, int, int]]:
        """Return the id, start and end of the listed structures that `text` names."""
        plain, offsets = _fold_words(text)
        stems = {word[:_STEM] for word in plain.split()}
        candidates = {i for stem in stems for i in self._by_stem.get(stem, ())}
        found = []
        for i in sorted(candidates):
            key, name = self._names[i]
            span = _find(name, plain)
            if span:
                start, end = offsets[span[0]], offsets[span[1] - 1] + 1
                found.append((-len(name), key, start, end))
        return [(key, start, end) for _, key, start, end in sorted(found)]


def nearest(mentions: Sequence[CarrierMention], at: int) -> CarrierMention | None:
    """Return the structure nearest `at`: known before named, named before a kind alone.

    Of two as near, the longer name.
    """

    def order(mention: CarrierMention) -> tuple[bool, bool, int, int]:
        distance = min(abs(mention.start - at), abs(mention.end - at))
        is_known = mention.structure_id is not None
        return (not is_known, mention.name is None, distance, mention.start - mention.end)

    carrying = [one for one in mentions if one.name is not None or one.is_subject]
    return min(carrying, key=order, default=None)


def _overlaps(mention: CarrierMention, spans: Collection[tuple[int, int]]) -> bool:
    return any(mention.start < end and start < mention.end for start, end in spans)


def _named_in(passage: Doc) -> Iterator[CarrierMention]:
    """Yield « chantier d'insertion du marais », « La Bricole », « une conserverie »."""
    i = 0
    while i < len(passage):
        token = passage[i]
        words: list[Token] = []
        if _may_head(passage, i):
            start = i - 1 if is_glued(token) else i
            words = phrase_from(passage, start, joins=False)
        mention = _of_kind(passage, words) if words else _with_article(passage, i)
        if mention is None or _gets_something(passage, mention):
            i += 1
            continue
        before = [folded(one) for one in passage[max(0, i - 2) : i]]
        leads = i > 2 and any(is_in(one, "porteurs") for one in passage[max(0, i - 4) : i])
        is_subject = leads or not set(before) & _OF_WORDS
        is_definite = not before or before[-1] not in _INDEFINITE
        yield replace(mention, is_definite=is_definite, is_subject=is_subject)
        i = next((one.i for one in passage if one.idx >= mention.end), len(passage))


def _may_head(passage: Doc, i: int) -> bool:
    """Whether the word says what a structure is, and is none of many (« des assos »)."""
    token, before = passage[i], passage[i - 1] if i else None
    if not is_in(token, "metiers", "statuts") or infinitive_of(token) is not None:
        return False
    is_of_many = folded(token)[-1:] == "s" and before is not None and folded(before) == "des"
    inside_name = before is not None and before.text[:1].isupper() and before.pos_ == "PROPN"
    return not is_of_many and not inside_name


def _gets_something(passage: Doc, mention: CarrierMention) -> bool:
    """Whether « à », « pour » or « avec » stands before it: it receives and does not carry."""
    before = [folded(token) for token in passage if token.idx < mention.start][-2:]
    before = [word for word in before if word not in _ARTICLES]
    return bool(before) and before[-1] in _TO


def _of_kind(passage: Doc, words: Sequence[Token]) -> CarrierMention | None:
    proper = next(
        (
            i
            for i, one in enumerate(words)
            if i and is_proper(one) and not is_in(one, "noms_communs")
        ),
        len(words),
    )
    end = words[-1].idx + len(words[-1].text)
    at = words[proper].i if proper < len(words) else words[-1].i + 1
    is_one = folded(words[0])[-1:] != "s" or words[0].i == 0 or is_proper(words[0])
    if at < len(passage) and passage[at].text[:1].isupper() and passage[at].text[:1].isalpha():
        end = _end_of_name(passage, at)
        name = passage.text[words[0].idx : end]
        kind = name_from(trimmed(words[:proper]))
        return CarrierMention(words[0].idx, end, kind, _as_name(name) if is_one else None)
    definite = next(
        (i for i in range(2, len(words)) if _is_definite(words, i) and _may_name(words[i])), None
    )
    if definite is None:
        other = next((i for i, one in enumerate(words) if folded(one) in _FOR), len(words))
        kind_name = name_from(words[:other])
        return CarrierMention(words[0].idx, end, kind_name, None) if kind_name else None
    kind_words = trimmed(words[: definite - 1])
    name = passage.text[words[0].idx : end]
    return CarrierMention(
        words[0].idx, end, name_from(kind_words), _as_name(name) if is_one else None
    )


def _is_definite(words: Sequence[Token], i: int) -> bool:
    is_of = folded(words[i - 1]) in ("du", "des") or (
        folded(words[i - 1]) in ("la", "l'") and folded(words[i - 2]) == "de"
    )
    return is_of and words[i].pos_ in ("NOUN", "PROPN")


def _may_name(token: Token) -> bool:
    return not is_in(token, "complements_vagues")


def _end_of_name(passage: Doc, i: int) -> int:
    """The end of capitalised words from token `i`, with the small words between them."""
    end, j = passage[i].idx + len(passage[i].text), i + 1
    while j < len(passage) and j - i < _MAX_NAME:
        token = passage[j]
        before = passage[j - 1].text
        is_whole = not passage[j - 1].whitespace_ and (
            token.text[0] in "-'’" or before in ("-", "'", "’") or before[:1].isupper()
        )
        if token.text[:1].isupper() or (is_whole and not token.is_punct):
            end = token.idx + len(token.text)
        elif token.text.lower() not in _SMALL:
            break
        j += 1
    return end


def _as_name(text: str) -> str | None:
    """With a capital letter; None of what may name a person."""
    name = " ".join(text.split())
    return None if "[" in name else name[:1].upper() + name[1:]


def _with_article(passage: Doc, i: int) -> CarrierMention | None:
    """« La Bricole », « l'Oustal » at the start of a clause, or after « chez »."""
    token = passage[i]
    if folded(token) not in _ARTICLES or i + 1 >= len(passage) or passage.text.isupper():
        return None
    before = passage[i - 1] if i else None
    opens = before is None or before.is_punct or folded(before) in ("chez", "et", "que", "qu'")
    head = passage[i + 1]
    if not opens or not head.text[:1].isupper() or len(head.text) < 3 or head.text.isupper():
        return None
    if is_in(head, "noms_communs") or is_in(head, "metiers", "statuts"):
        return None
    end = _end_of_name(passage, i + 1)
    rest = passage.text[end:].lstrip()
    after = next((one for one in passage if one.idx >= end and not one.is_space), None)
    is_subject = rest[:1] in (":", "=", ",", "→", "-", "–") or (
        after is not None and (infinitive_of(after) is not None or after.pos_ in ("AUX", "VERB"))
    )
    name = passage.text[token.idx : end]
    is_listed = is_subject or (before is not None and folded(before) == "chez")
    return CarrierMention(token.idx, end, "", _as_name(name)) if is_listed else None


def kind_of(name: str) -> str:
    """Return what a structure is, by the first words of its name: « épicerie solidaire »."""
    kinds: list[str] = []
    for word in re.sub(r"['’]", "' ", name).split():
        plain = fold(word, keep_signs=True)
        if kinds and (word[:1].isupper() or plain == "qui") and len(word) > 1:
            break
        if not kinds and (plain in lexicon()["statuts"] or plain in _ARTICLES):
            continue
        if not kinds and not _heads_kind(plain):
            break
        kinds.append(word)
    while kinds and fold(kinds[-1], keep_signs=True) in _SMALL:
        kinds.pop()
    is_whole = len(kinds) > 1 or (bool(kinds) and _heads_kind(fold(kinds[0])) == "metiers")
    return " ".join([kinds[0].lower(), *kinds[1:]]).replace("' ", "'") if is_whole else ""


def _heads_kind(word: str) -> str:
    groups = ("metiers", "statuts")
    return next((name for name in groups if {word, word.removesuffix("s")} & words_of(name)), "")


def essential(name: str) -> str:
    """Return a name without legal form and small words in front, folded.

    « SCIC Les Paniers de l'Orb » is « paniers de l orb ».
    """
    words = _WORD.findall(fold(name, keep_signs=True))
    while len(words) > 1 and words[0] in lexicon()["statuts"]:
        words = words[1:]
    return " ".join(words)


def _shortened(names: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """« epicerie solidaire la passerelle » is also « passerelle »; « recyclerie du vidourle » is
    not « vidourle », a river.
    """
    shorter = []
    for key, name in names:
        words, last = name.split(), ""
        while words and (words[0] in lexicon()["metiers"] or words[0] in lexicon()["statuts"]):
            last, words = words[0], words[1:]
        is_locality = len(words) == 1 and last in _OF
        if last and not is_locality and len("".join(words)) >= _MIN_CORE:
            shorter.append((key, " ".join(words)))
    uses = Counter(core for _, core in shorter)
    return [(key, core) for key, core in shorter if uses[core] == 1]


def _fold_words(text: str) -> tuple[str, list[int]]:
    letters: list[str] = []
    offsets: list[int] = []
    for match in _WORD.finditer(text):
        if letters:
            letters.append(" ")
            offsets.append(match.start())
        for i in range(match.start(), match.end()):
            folded = fold(text[i], keep_signs=True)
            letters += folded
            offsets += [i] * len(folded)
    return "".join(letters), offsets


def _find(name: str, plain: str) -> tuple[int, int] | None:
    """Where `name` stands as whole words, at a score of 90 or more; a short name exactly."""
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
    while start > 0 and plain[start - 1] != " ":
        start -= 1
    while start < end and plain[start] == " ":
        start += 1
    while end < len(plain) and plain[end] != " ":
        end += 1
    return start, end

"""Read passages: content words for encoders, lemmas for topics, noun phrases for labels.

In:   texts
Out:  Reading, one a text; Phrase, every short noun phrase, also as part of a longer one
"""

import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from pipeline.french import (
    CONTENT_POS,
    content_lemmas,
    is_listed,
    is_stop_word,
    is_word,
    parse,
    usual_lemma,
)
from pipeline.parallel import ParallelMap, grains_of
from pipeline.store import Store, by_text
from pipeline.text import fold, lexicon

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

_LONGEST = 6
_LINKS = frozenset({"de", "d'", "d’", "du", "des", "à", "au", "aux", "en"})
# After "de" or "à": "fermeture de la gare".
_ARTICLES = frozenset({"la", "le", "l'", "l’", "les"})
_JOINERS = frozenset({"-", "'", "’"})
_INFINITIVES = ("er", "ir", "re")
_LONGEST_ACRONYM = 5


@dataclass(frozen=True)
class Phrase:
    """A noun phrase as written (`surface`); `key` is the folded lemmas of its content words."""

    key: tuple[str, ...]
    surface: str
    has_name: bool = False  # holds a proper noun that is not an acronym
    # Starts with an adjective or ends in a participle ("épicerie tenue"): often part of a clause.
    is_doubtful: bool = False


@dataclass(frozen=True)
class _Word:
    """A token, or several as in "maîtres-nageurs"."""

    text: str
    lemma: str
    kind: str  # noun, name, adjective, link, article or other
    space: str


def noun_phrases(document: "Doc") -> Iterator[Phrase]:
    """Yield every noun phrase of at most six words, from one content word to another."""
    words = list(_words(document))
    for start in range(len(words)):
        if words[start].kind not in {"noun", "name", "adjective"}:
            continue
        for end in range(start + 1, min(start + _LONGEST, len(words)) + 1):
            phrase = words[start:end]
            if len(phrase) > 1 and not _may_follow(phrase[:-1], phrase[-1]):
                break
            if _may_end(phrase):
                yield _as_phrase(phrase)


def _words(document: "Doc") -> Iterator[_Word]:
    joined: list[Token] = []
    for token in document:
        if joined and _is_joined(joined[-1], token):
            joined.append(token)
            continue
        if joined:
            yield _word(joined)
        joined = [token]
    if joined:
        yield _word(joined)


def _is_joined(before: "Token", token: "Token") -> bool:
    if before.whitespace_ or before.is_stop:
        return False
    return token.text in _JOINERS or before.text[-1] in _JOINERS


def _word(tokens: list["Token"]) -> _Word:
    head = tokens[0]
    text = "".join(token.text for token in tokens)
    lemma = "".join(token.lemma_ for token in tokens).lower().strip("-'’")
    return _Word(text, lemma, _kind(head, text, lemma), tokens[-1].whitespace_)


def _kind(head: "Token", text: str, lemma: str) -> str:
    lower = text.lower()
    if lower in _LINKS:
        return "link"
    if lower in _ARTICLES:
        return "article"
    if (
        head.is_stop
        or len(text) < 2
        or not all(letter.isalpha() or letter in _JOINERS for letter in text)
        or text[-1] in _JOINERS
    ):
        return "other"
    if is_acronym(text):
        return "noun" if head.pos_ in CONTENT_POS else "other"
    if head.pos_ == "PROPN" or (text[0].isupper() and not text.isupper() and not _begins(head)):
        return "name"
    if len(text) < 3 or not (
        is_word(lower) or is_word(lemma) or is_listed(lower, "noun") or "-" in text
    ):
        return "other"
    if (
        head.pos_ == "VERB"
        and "Part" in head.morph.get("VerbForm", [])
        and "Past" in head.morph.get("Tense", [])
    ):
        return "participle"
    is_noun = is_listed(lower, "noun") or is_listed(lemma, "noun")
    if head.pos_ == "NOUN":  # the tagger takes some verbs of short notes for nouns
        return (
            "other"
            if not is_noun and (lower.endswith(_INFINITIVES) or is_listed(lower, "verb"))
            else "noun"
        )
    if head.pos_ == "ADJ":  # and some nouns for adjectives
        return (
            "other"
            if is_noun and not (is_listed(lower, "adj") or is_listed(lemma, "adj"))
            else "adjective"
        )
    return "other"


def _begins(token: "Token") -> bool:
    """At the start of a sentence or a line, a capital means nothing."""
    return token.i == 0 or not token.nbor(-1).text[-1].isalnum()


def is_acronym(text: str) -> bool:
    """Whether `text` is two to five capitals and no word: SCIC, not EAU."""
    return (
        text.isupper()
        and 1 < len(text) <= _LONGEST_ACRONYM
        and not is_word(text.lower())
        and not is_listed(text.lower(), "noun")
    )


def _may_follow(before: list[_Word], word: _Word) -> bool:
    last = before[-1]
    carries = last.kind in {"noun", "name", "adjective", "participle"}
    has_noun = any(other.kind in {"noun", "name"} for other in before)
    if word.kind == "link":
        return carries and has_noun
    if word.kind == "article":
        return last.text.lower() in {"de", "à"}
    if word.kind in {"adjective", "participle"}:
        return (
            carries
            and (has_noun or word.kind == "adjective")
            and not (_is_plural(word) and not _is_plural(last))
        )
    if word.kind in {"noun", "name"}:
        opened = last.kind == "adjective" and len(before) == 1
        return (
            opened
            or last.kind in {"link", "article"}
            or (word.kind == "name" and last.kind in {"noun", "name"})
        )
    return False


def _is_plural(word: _Word) -> bool:
    """In « pièces d'électroménager récupérées », a plural points to the head."""
    return word.text.lower().endswith(("s", "x", "z"))


def _may_end(phrase: list[_Word]) -> bool:
    last = phrase[-1].kind
    return last in {"noun", "name", "adjective", "participle"} and any(
        word.kind in {"noun", "name"} for word in phrase
    )


def _as_phrase(phrase: list[_Word]) -> Phrase:
    carrying = [word for word in phrase if word.kind in {"noun", "name", "adjective", "participle"}]
    shown = [
        word.text
        if word.kind == "name" or (word in carrying and is_acronym(word.text))
        else word.text.lower()
        for word in phrase
    ]
    surface = "".join(text + word.space for text, word in zip(shown, phrase, strict=True)).strip()
    key = tuple(fold(word.lemma, keep_signs=True) for word in carrying)
    is_doubtful = carrying[0].kind == "adjective" or carrying[-1].kind == "participle"
    return Phrase(key, surface, any(word.kind == "name" for word in carrying), is_doubtful)


_ONE_AT_A_TIME = threading.Lock()  # spaCy's pipeline is not thread-safe
_MASK = re.compile(r"\[[^\]\n]{1,30}\]")  # [personne], [personne 12], [téléphone], …
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_ELIDED = re.compile(
    r"\b(?:aujourd['’]hui\b|[a-z]{1,6}['’](?=\w))"
    r"|(?<=\w)-(?:t-)?(?:ils?|elles?|on|ce|je|tu|nous|vous|y|en|moi|toi|les?|la|lui|leur|là|ci)\b"
)


@dataclass(frozen=True)
class Reading:
    """`content` is nouns and adjectives, or the passage without any."""

    content: str
    lemmas: tuple[str, ...]
    phrases: tuple[Phrase, ...]


def read_texts(
    texts: Iterable[str], *, cache: Store | None = None, spread: ParallelMap = map
) -> list[Reading]:
    """Return one reading a text, in order; pseudonymisation masks are skipped."""

    def compute(new: list[str]) -> list[Any]:
        return [values for grain in spread(_read_grain, grains_of(new)) for values in grain]

    shared: dict[Any, Any] = {}  # a study repeats words and phrases: each is in memory once
    return by_text(
        list(texts),
        compute,
        kind="readings",
        cache=cache,
        read_back=partial(_read_back, shared=shared),
    )


def _read_grain(texts: list[str]) -> list[Any]:
    with _ONE_AT_A_TIME:
        return [
            _listed(_reading(document))
            for document in parse((_MASK.sub("…", text) for text in texts), without=("ner",))
        ]


def _listed(reading: Reading) -> list[Any]:
    return [
        reading.content,
        list(reading.lemmas),
        [[list(one.key), one.surface, one.has_name, one.is_doubtful] for one in reading.phrases],
    ]


def _read_back(values: list[Any], *, shared: dict[Any, Any]) -> Reading:
    content, lemmas, phrases = values
    words = tuple(shared.setdefault(lemma, lemma) for lemma in lemmas)
    found = (
        Phrase(tuple(shared.setdefault(word, word) for word in key), *rest)
        for key, *rest in phrases
    )
    return Reading(content, words, tuple(shared.setdefault(phrase, phrase) for phrase in found))


def skim(text: str) -> list[str]:
    """Return the usual lemmas of content words, without adverbs."""
    words = (
        _skimmed(word) for word in _WORD.findall(_ELIDED.sub(" ", _MASK.sub("…", text).lower()))
    )
    return [lemma for lemma in words if lemma]


@cache
def _skimmed(word: str) -> str | None:
    lemma = usual_lemma(word)
    says_nothing = len(lemma) < 2 or is_stop_word(word) or is_stop_word(lemma)
    is_adverb = is_listed(word, "adv") and not (is_listed(word, "noun") or is_listed(word, "adj"))
    return None if says_nothing or is_adverb else lemma


@cache
def generic_words() -> frozenset[str]:
    """Return the folded words of no subject, from data/lexicon/generiques.yaml."""
    return frozenset(
        fold(str(word), keep_signs=True)
        for name, words in lexicon("generiques").items()
        if name != "locutions"
        for word in words
    )


@cache
def opening_words() -> frozenset[str]:
    """Return the folded generic words that may start a phrase: "manque de bénévoles"."""
    return frozenset(fold(str(word), keep_signs=True) for word in lexicon("generiques")["tetes"])


@cache
def set_phrases() -> frozenset[tuple[str, ...]]:
    """Return the keys of meaningful phrases of generic words: "appel à projets"."""
    return frozenset(
        tuple(fold(word, keep_signs=True) for word in str(phrase).split())
        for phrase in lexicon("generiques")["locutions"]
    )


def _reading(document: "Doc") -> Reading:
    written = [
        token.text
        for token in document
        if token.pos_ in CONTENT_POS and not token.is_stop and any(map(str.isalpha, token.text))
    ]
    return Reading(
        " ".join(written) or document.text,
        tuple(content_lemmas(document)),
        tuple(noun_phrases(document)),
    )

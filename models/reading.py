"""Read each passage once: the content words that encoders see, the lemmas that topics count, the noun phrases that labels are made of.

In:   texts
Out:  one Reading a text, in order; or, skimmed, about its lemmas, for a hundredth of the time
"""

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from models.phrases import Phrase, noun_phrases
from pipeline.french import CONTENT_POS, content_lemmas, fold, is_listed, is_stop_word, parse, usual_lemma
from pipeline.kept import by_text
from pipeline.spreading import Mapper, grains_of
from pipeline.words import lexicon

if TYPE_CHECKING:
    from spacy.tokens import Doc

_ONE_AT_A_TIME = threading.Lock()  # spaCy's pipeline is not made for several threads
_MASK = re.compile(r"\[[^\]\n]{1,30}\]")  # [personne], [personne 12], [téléphone], …
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_ELIDED = re.compile(
    r"\b(?:aujourd['’]hui\b|[a-z]{1,6}['’](?=\w))|(?<=\w)-(?:t-)?(?:ils?|elles?|on|ce|je|tu|nous|vous|y|en|moi|toi|les?|la|lui|leur|là|ci)\b"
)


@dataclass(frozen=True)
class Reading:
    """What a passage is about: `content` its nouns, proper nouns and adjectives as written, the text itself where there is none."""

    content: str
    lemmas: tuple[str, ...]
    phrases: tuple[Phrase, ...]


def read_texts(texts: Iterable[str], *, spread: Mapper = map) -> list[Reading]:
    """Return one reading a text, in order; what pseudonymisation masked is not read."""

    def compute(new: list[str]) -> list[Any]:
        return [values for grain in spread(_read_grain, grains_of(new)) for values in grain]

    shared: dict[Any, Any] = {}  # a study says the same words and phrases many times: each is held once
    readings: list[Reading] = by_text("lectures", list(texts), compute, read_back=partial(_read_back, shared=shared))
    return readings


def _read_grain(texts: list[str]) -> list[Any]:
    with _ONE_AT_A_TIME:
        return [_listed(_reading(document)) for document in parse((_MASK.sub("…", text) for text in texts), without=("ner",))]


def _listed(reading: Reading) -> list[Any]:
    """A reading as JSON knows it."""
    return [reading.content, list(reading.lemmas), [[list(one.key), one.surface, one.has_name, one.is_doubtful] for one in reading.phrases]]


def _read_back(values: list[Any], *, shared: dict[Any, Any]) -> Reading:
    content, lemmas, phrases = values
    words = tuple(shared.setdefault(lemma, lemma) for lemma in lemmas)
    found = (Phrase(tuple(shared.setdefault(word, word) for word in key), *rest) for key, *rest in phrases)
    return Reading(content, words, tuple(shared.setdefault(phrase, phrase) for phrase in found))


def skim(text: str) -> list[str]:
    """Return the lemma that each word of `text` mostly has, but of words that say nothing by themselves, and of adverbs."""
    words = (_skimmed(word) for word in _WORD.findall(_ELIDED.sub(" ", _MASK.sub("…", text).lower())))
    return [lemma for lemma in words if lemma]


@cache
def _skimmed(word: str) -> str | None:
    lemma = usual_lemma(word)
    says_nothing = len(lemma) < 2 or is_stop_word(word) or is_stop_word(lemma)
    is_adverb = is_listed(word, "adv") and not (is_listed(word, "noun") or is_listed(word, "adj"))
    return None if says_nothing or is_adverb else lemma


@cache
def generic_words() -> frozenset[str]:
    """Folded words that say nothing of a subject, from data/lexicon/generiques.yaml."""
    return frozenset(fold(str(word)) for name, words in _generic().items() if name != "locutions" for word in words)


@cache
def opening_words() -> frozenset[str]:
    """The generic words, folded, that may open a phrase which goes on: "manque de bénévoles"."""
    return frozenset(fold(str(word)) for word in _generic()["tetes"])


@cache
def set_phrases() -> frozenset[tuple[str, ...]]:
    """Keys of phrases that say something though each of their words is generic: "appel à projets"."""
    return frozenset(tuple(fold(word) for word in str(phrase).split()) for phrase in _generic()["locutions"])


def _generic() -> dict[str, list[object]]:
    content: dict[str, list[object]] = lexicon("generiques")
    return content


def _reading(document: "Doc") -> Reading:
    written = [token.text for token in document if token.pos_ in CONTENT_POS and not token.is_stop and any(map(str.isalpha, token.text))]
    return Reading(" ".join(written) or document.text, tuple(content_lemmas(document)), tuple(noun_phrases(document)))

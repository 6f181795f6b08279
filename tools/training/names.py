"""Fit the model of persons' names on data/training/names and write models/weights/names.npz.

    python -m tools.training.names            fit on all sets and write the weights
    python -m tools.training.names --measure  leave one set out at a time, and show the figures

Same packages and machine, same file. tests/masking/phrases.jsonl is never read: it measures.
"""

import argparse
import json
import logging
import random
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import name_model
from models.name_model import AROUND, KINDS, N_FACTS, N_GRAMS, fact_ids, gram_ids
from models.registry import labelled_rows, training_files
from models.word_encoder import load_word_encoder
from pipeline.communes.tables import named_communes
from pipeline.files import data_path
from pipeline.french import french_words, word_vector
from pipeline.pseudonymise.contacts import find_contacts
from pipeline.pseudonymise.learned_names import verdicts_of, words_around
from pipeline.pseudonymise.masker import Masker
from pipeline.pseudonymise.name_features import facts_of, features, is_candidate
from pipeline.pseudonymise.passage import Passage
from pipeline.pseudonymise.persons import find_persons
from pipeline.pseudonymise.roster import build_roster
from pipeline.pseudonymise.suspects import find_suspects
from pipeline.text import fold_same_length, lexicon_lines
from tools.training.invented_names import (
    LabelledText,
    NameMaker,
    fill_pattern,
    patterns,
    rename_persons,
)

SETS = ("k", "n1", "n2", "n4", "n5", "n6", "n7")
DEVELOPMENT = Path("tests", "masking", "development.jsonl")
SEED, N_RENAMED, N_FILLED, EVERY = 5, 3, 8, 4  # copies of a text, of a pattern; share of passages
RENAMED_WEIGHT, FILLED_WEIGHT = 1 / 3, 0.6
INVERSE_PENALTY, STATES_INVERSE_PENALTY = 0.3, 0.0003
STRETCH, SHIFT = 1.5, 0.5
LEARNT = (*SETS, "development")

_LOG = logging.getLogger(__name__)


class Example(NamedTuple):
    """A word that may be a name."""

    facts: NDArray[np.int32]
    around: tuple[str, ...]
    folded: str
    group: tuple[bool, bool]
    state: NDArray[np.float32]  # of the encoder
    is_name: bool
    weight: float


def load_set(name: str) -> list[dict[str, Any]]:
    """Return the texts of a set with their `persons` and `others`."""
    if name == "development":
        lines = DEVELOPMENT.read_text(encoding="utf-8").splitlines()
        return [row | {"others": row["keep"]} for row in map(json.loads, lines)]
    path = data_path("training", "names", f"{name}.json")
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def labelled(row: dict[str, Any]) -> LabelledText:
    """Return the text with its persons' spans, those inside a longer other name left out."""
    others = [span for other in row["others"] for span in _spans(other, row["text"])]
    persons = [span for person in row["persons"] for span in _spans(person, row["text"])]
    inside = {
        (start, end)
        for start, end in persons
        for left, right in others
        if left <= start and end <= right and right - left > end - start
    }
    return LabelledText(row["text"], tuple(span for span in persons if span not in inside))


def _spans(quote: str, text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(rf"(?<!\w){re.escape(quote)}(?!\w)", text)]


def examples_of(texts: Sequence[LabelledText], weight: float) -> list[Example]:
    """Return the words of `texts` that may be names, each line a passage, as in notes."""
    nobody = build_roster([], [], [])
    passages = [
        (text, start, line) for text in texts for start, line in _lines(text.text) if line.strip()
    ]
    labels = dict(Masker.labelled(line for _, _, line in passages))
    examples: list[Example] = []
    for text, start, line in passages:
        passage = Passage(line, labels[line], nobody)
        masks = find_persons(passage, name_match=85)
        verdicts = verdicts_of(passage, masks, find_suspects(passage, masks))
        contacts = find_contacts(line)
        candidates = [
            word for word in passage.words if is_candidate(word) and not word.is_masked(contacts)
        ]
        spans = [(word.start, word.end) for word in candidates]
        states = load_word_encoder().word_states(line, spans) if spans else ()
        for word, state in zip(candidates, states, strict=True):
            bounds = start + word.start, start + word.end
            is_name = any(left <= bounds[0] and bounds[1] <= right for left, right in text.persons)
            own = facts_of(word.text)
            ids = np.asarray(fact_ids(features(word, verdicts[word.index])), dtype=np.int32)
            group = (own.case == "small", own.kind == "unknown")
            around = words_around(word)
            examples.append(Example(ids, around, word.folded, group, state, is_name, weight))
    return examples


def _lines(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1


def load_examples() -> dict[str, list[Example]]:
    """Return the examples of each set, of the patterns and of passages that name nobody."""
    examples: dict[str, list[Example]] = {}
    for order, name in enumerate(LEARNT):
        texts = [labelled(row) for row in load_set(name)]
        names = NameMaker(SEED + 1 + order)
        renamed = [
            rename_persons(text, names) for _ in range(N_RENAMED) for text in texts if text.persons
        ]
        examples[name] = examples_of(texts, 1.0) + examples_of(renamed, RENAMED_WEIGHT)
        _LOG.info("%s: %d words", name, len(examples[name]))
    names = NameMaker(SEED)
    filled = [
        fill_pattern(pattern, names)
        for pattern in patterns()
        for _ in range(N_FILLED if "{" in pattern else 1)
    ]
    examples["patterns"] = examples_of(filled, FILLED_WEIGHT)
    rows = [row for file in training_files() for row in labelled_rows(file)][::EVERY]
    examples["passages"] = examples_of([LabelledText(row["text"], ()) for row in rows], 1.0)
    return examples


def fit_letters() -> dict[str, NDArray[np.float32]]:
    """Return what the letters of words, communes, first names and surnames tell apart."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import SGDClassifier

    firsts = _folded("prenoms", "prenoms_courants", "prenoms_du_monde", "prenoms_rares")
    surnames = _folded("noms", "noms_courants") - firsts
    common = {
        fold_same_length(word) for word in french_words() if word.isalpha() and word.islower()
    }
    common = set(random.Random(SEED).sample(sorted(common - firsts - surnames), 60_000))
    communes = {fold_same_length(commune.name) for commune in named_communes()}
    communes = {name for name in communes if " " not in name} - firsts - surnames - common
    groups = (common, communes, firsts, surnames)
    ids = [gram_ids(word) for group in groups for word in sorted(group)]
    rows = csr_matrix(
        (
            np.ones(sum(map(len, ids)), dtype=np.float32),
            [i for row in ids for i in row],
            np.cumsum([0, *map(len, ids)]),
        ),
        shape=(len(ids), N_GRAMS),
    )
    kinds = np.repeat(np.arange(len(KINDS)), [len(group) for group in groups])
    fitted = SGDClassifier(
        loss="log_loss", alpha=1e-5, max_iter=15, tol=None, random_state=0, class_weight="balanced"
    ).fit(rows, kinds)
    return {
        "letters": fitted.coef_.T.astype(np.float16),
        "letters_bias": fitted.intercept_.astype(np.float16),
    }


def _folded(*files: str) -> set[str]:
    names = {fold_same_length(name) for file in files for name in lexicon_lines(file)}
    return {name for name in names if " " not in name}


def fit_names(examples: Sequence[Example]) -> dict[str, NDArray[np.float32]]:
    """Return the weights of a logistic regression on `examples`."""
    fitted = _by_facts().fit(
        _rows(examples),
        [example.is_name for example in examples],
        sample_weight=[example.weight for example in examples],
    )
    weights = fitted.coef_[0]
    n_like = 4 * len(KINDS)
    return {
        "facts": weights[:N_FACTS].astype(np.float16),
        "likeness": weights[N_FACTS : N_FACTS + n_like].astype(np.float16),
        "words": weights[N_FACTS + n_like :].reshape(len(AROUND), -1).astype(np.float16),
        "bias": np.float32(fitted.intercept_[0]),
    }


def parts_of(examples: Mapping[str, Sequence[Example]]) -> list[str]:
    """Return the part of each example: its set; of patterns and passages, the third it is in."""
    return [
        name if name in LEARNT else f"{name} {3 * i // len(rows)}"
        for name, rows in examples.items()
        for i in range(len(rows))
    ]


def score_left_out(examples: Sequence[Example], parts: Sequence[str]) -> NDArray[np.float64]:
    """Return the scores by facts (n,) of each part, learnt from the others."""
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

    scores: NDArray[np.float64] = cross_val_predict(
        _by_facts(),
        _rows(examples),
        [example.is_name for example in examples],
        groups=parts,
        cv=LeaveOneGroupOut(),
        method="decision_function",
        params={"sample_weight": [example.weight for example in examples]},
    )
    return scores


def fit_context(
    examples: Sequence[Example], scores: NDArray[np.float64]
) -> dict[str, NDArray[np.float32]]:
    """Return the weights of the encoder's states beside the `scores` by facts.

    The regression shrinks log-odds; `STRETCH` and `SHIFT` bring as many words that name nobody
    above each threshold as before.
    """
    from sklearn.linear_model import LogisticRegression

    states = np.array([example.state for example in examples])
    mean, spread = states.mean(axis=0), states.std(axis=0)
    by_facts = np.array([name_model.clipped(score) for score in scores])
    fitted = LogisticRegression(C=STATES_INVERSE_PENALTY, max_iter=300).fit(
        np.column_stack([by_facts, (states - mean) / spread]),
        [example.is_name for example in examples],
        sample_weight=[example.weight for example in examples],
    )
    weight, *others = STRETCH * fitted.coef_[0]
    state = np.array(others) / spread
    bias = STRETCH * fitted.intercept_[0] - state @ mean + SHIFT
    return {"state": state.astype(np.float32), "context": np.array([weight, bias], np.float32)}


def _by_facts() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=INVERSE_PENALTY, max_iter=300, solver="liblinear", random_state=0)


def _rows(examples: Sequence[Example]) -> Any:
    from scipy.sparse import csr_matrix, hstack

    starts = np.cumsum([0, *(len(example.facts) for example in examples)])
    ids = np.concatenate([example.facts for example in examples])
    facts = csr_matrix((np.ones(len(ids)), ids, starts), shape=(len(examples), N_FACTS))
    likeness = [name_model.likeness_row(example.folded, example.group) for example in examples]
    texts = sorted({text for example in examples for text in example.around if text})
    index = {text: i for i, text in enumerate(["", *texts])}
    vectors = np.stack([np.zeros(300), *(word_vector(text) for text in texts)]).astype(np.float32)
    around = [
        csr_matrix(vectors[[index[example.around[i]] for example in examples]])
        for i in range(len(AROUND))
    ]
    return hstack([facts, csr_matrix(np.array(likeness)), *around]).tocsr()


def write(letters: dict[str, Any], weights: dict[str, Any]) -> None:
    """Write the weights, and forget those loaded before."""
    np.savez_compressed(name_model.WEIGHTS, **letters, **weights)
    name_model.forget_weights()


class Measured(NamedTuple):
    """Counts of a set: persons, of whom missed; other names, of which masked."""

    persons: int
    missed: int
    others: int
    lost: int


def measure(rows: Iterable[dict[str, Any]]) -> Measured:
    """Mask each text alone, without a list, and count what is left and what is lost."""
    from pipeline.pseudonymise.masks import Rewriting, settle_masks

    masker = Masker(build_roster([], [], []), name_match=85)
    counts = np.zeros(4, dtype=int)
    for row in rows:
        text = row["text"]
        edges = [edge for start, line in _lines(text) for edge in (start, start + len(line))]
        spans = list(zip(edges[::2], edges[1::2], strict=True))
        (masks,) = masker.find([(text, spans)])
        clean = Rewriting(text, settle_masks(text, masks, edges), edges).text
        plain = clean
        for other in sorted(row["others"], key=len, reverse=True):
            plain = plain.replace(other, " ")
        missed = sum(any(_spans(part, plain) for part in _parts(name)) for name in row["persons"])
        lost = sum(_is_lost(other, row, clean) for other in row["others"])
        counts += (len(row["persons"]), missed, len(row["others"]), lost)
    return Measured(*map(int, counts))


def _parts(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]{2,}", name) or [name]


def _is_lost(other: str, row: dict[str, Any], clean: str) -> bool:
    as_person = sum(len(_spans(other, person)) for person in row["persons"])
    return len(_spans(other, clean)) < max(len(_spans(other, row["text"])) - as_person, 1)


def main() -> None:
    """Fit and write, or measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--measure", action="store_true")
    asked = parser.parse_args()
    shipped = name_model.WEIGHTS
    with TemporaryDirectory() as scratch:  # what is cut short leaves the shipped file alone
        name_model.WEIGHTS = Path(scratch) / shipped.name
        letters = fit_letters()
        write(letters, {})
        examples = load_examples()
        everything = [example for rows in examples.values() for example in rows]
        names = np.repeat([*examples], [len(rows) for rows in examples.values()])
        scores = score_left_out(everything, parts_of(examples))
        if not asked.measure:
            write(letters, fit_names(everything) | fit_context(everything, scores))
            shutil.copyfile(name_model.WEIGHTS, shipped)
        for left_out in SETS if asked.measure else ():
            kept = np.flatnonzero(names != left_out)
            rows = [everything[i] for i in kept]
            write(letters, fit_names(rows) | fit_context(rows, scores[kept]))
            found = measure(load_set(left_out))
            _LOG.info(
                "%s: %s, recall %.3f, wrongly masked %.3f",
                left_out,
                found,
                1 - found.missed / found.persons,
                found.lost / found.others,
            )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()

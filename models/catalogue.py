"""The catalogue of subjects: how a report names them, and which ones texts are about.

In:   data/training/sujets: subjects, each said eight times; the broad subjects that hold them, and
      their families; models/weights/catalogue.npz, made by `python -m tools.training.catalogue`
Out:  Catalogue; SubjectReader, which says what the texts of one study are about

Texts are compared with broad subjects: of nine studies by unseen authors, the likeliest broad
subject would name 62 themes in 100, the likeliest fine one 33 (models/cards/catalogue.md).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.embedder import Embedder
from models.encoders import STRONG_NAME
from models.reading import generic_words
from models.rows import Labels, Matrix, slices, softmax, unit_rows
from models.views import subject_half
from models.words import WordIndex
from pipeline.errors import ModelError
from pipeline.files import data_path, json_lines, reading_weights
from pipeline.text import fold

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

WEIGHTS = Path(__file__).with_name("weights") / "catalogue.npz"
STRONG_WEIGHTS = WEIGHTS.with_name("strong-catalogue.npz")  # of the strong encoder
# Of how near a theme's mean is to a subject, what the regression says of it, and shared words; each
# has mean 0 and deviation 1 over subjects. Fitted on studies that no model had seen.
NEARNESS, REGRESSION, WORDS = 0.97, 0.73, 0.89
_QUESTION_WORDS, _SHARPNESS = 0.65, 12  # of a question's words beside its vector; of the nearest
_TITLE_WEIGHT = 0.5  # of the words of a subject's title and statements, beside its passages'
_ROOT = 6  # letters kept of a word
_WORD = re.compile(r"[a-z0-9]{3,}")


@dataclass(frozen=True)
class Subject:
    """A subject's title, and a sentence that says it as a need, an answer and a proposal."""

    subject_id: str
    title: str
    need: str
    answer: str
    proposal: str


@dataclass(frozen=True)
class Catalogue:
    """Broad `subjects`, the `fine` ones that they hold, and the `families` that hold them.

    `broad_of` (n_fine,) and `family_of` (n_subjects,) number the subject and the family of each;
    a fine subject of no broad one has −1.
    """

    subjects: tuple[Subject, ...]
    fine: tuple[Subject, ...]
    families: tuple[Subject, ...]
    broad_of: Labels
    family_of: Labels

    @cached_property
    def families_by_id(self) -> dict[str, int]:
        """The family of each broad subject and of each family, by subject_id."""
        families = {one.subject_id: i for i, one in enumerate(self.families)}
        broad = zip(self.subjects, self.family_of.tolist(), strict=True)
        return families | {one.subject_id: family for one, family in broad}


@dataclass(frozen=True)
class SubjectWeights:
    """A regression from the encoder's rows to subjects, and where it places fine ones.

    `slopes` (n_subjects, d), `shifts` (n_subjects,), `fine` (n_fine, d) of norm 1.
    """

    slopes: Matrix
    shifts: Matrix
    fine: Matrix

    @cached_property
    def broad(self) -> Matrix:
        """Where the fine subjects of each broad one are, (n_subjects, d), rows of norm 1."""
        of = load_catalogue().broad_of
        placed = np.zeros((len(load_catalogue().subjects), self.fine.shape[1]))
        np.add.at(placed, of[of >= 0], self.fine[of >= 0])
        return unit_rows(placed)


@cache
def load_catalogue() -> Catalogue:
    """Return the shipped catalogue; raise `ModelError` where it is unreadable or empty."""
    return read_catalogue(data_path("training", "sujets"))


def read_catalogue(folder: Path) -> Catalogue:
    """Return the catalogue of a folder; raise `ModelError` where it is unreadable or empty."""
    try:
        families = json_lines(folder / "familles.jsonl")
        broad = json_lines(folder / "larges.jsonl")
        fine = [
            row for path in sorted(folder.glob("catalogue-*.jsonl")) for row in json_lines(path)
        ]
        broad_number = {row["subject"]: i for i, row in enumerate(broad)}
        family_number = {row["family"]: i for i, row in enumerate(families)}
        catalogue = Catalogue(
            tuple(_subject(row, "subject") for row in broad),
            tuple(_subject(row, "subject") for row in fine),
            tuple(_subject(row, "family") for row in families),
            np.array([broad_number[row["large"]] if row["large"] else -1 for row in fine]),
            np.array([family_number[row["family"]] for row in broad]),
        )
    except (OSError, ValueError, KeyError) as error:
        raise _altered("catalogue des sujets illisible") from error
    if not catalogue.subjects or not catalogue.fine:
        raise _altered("catalogue des sujets vide")
    return catalogue


def _subject(row: dict[str, Any], key: str) -> Subject:
    needs = (f"{row[name].rstrip('. ')}." for name in ("besoin", "reponse", "piste"))
    return Subject(row[key], row["title"], *needs)


def load_weights(encoder: Embedder) -> SubjectWeights:
    """Return a shipped encoder's weights; raise `ModelError` where they are not the catalogue's."""
    return _weights_of(encoder.name, encoder.version)


@cache
def _weights_of(name: str, version: str) -> SubjectWeights:
    catalogue, path = load_catalogue(), STRONG_WEIGHTS if name == STRONG_NAME else WEIGHTS
    with reading_weights(path), np.load(path) as file:
        if (found := str(file["encoder"])) != version:
            raise _altered(f"{path.name} fait avec un autre encodeur ({found})")
        subject_ids = [one.subject_id for one in (*catalogue.subjects, *catalogue.fine)]
        is_whole = list(file["subjects"]) == subject_ids
        names = ("slopes", "shifts", "fine")
        weights = SubjectWeights(*(file[name].astype(np.float64) for name in names))
    if not is_whole:
        raise _altered(f"{path.name} d'un autre catalogue")
    return weights


def _altered(found: str) -> ModelError:
    return ModelError(found, "les fichiers livrés avec le projet", "réinstaller le projet")


class SubjectReader:
    """Says which subjects the texts of one study are about, beside one another.

    `encoder` is a shipped one; `middle` (d,) is what all texts of the study share, by default their
    mean. Texts that are all alike tell nothing: every subject is then as likely.
    """

    def __init__(
        self, texts: Sequence[str], encoder: Embedder, *, middle: Matrix | None = None
    ) -> None:
        self._catalogue, self._weights = load_catalogue(), load_weights(encoder)
        vectors = subject_half(encoder.encode(texts))
        self._texts, self._vectors = texts, np.asarray(vectors, dtype=np.float64)
        self._middle = self._vectors.mean(axis=0) if middle is None else middle

    def group_probabilities(
        self, labels: Labels, n_groups: int, weights: Matrix | None = None
    ) -> Matrix:
        """Return that of each broad subject, (n_groups, n_subjects); `labels` −1 is no group.

        `weights` (n,) say how much each text tells of its group, by default all as much.
        """
        means, (vectorizer, rows) = self._means(labels, n_groups, weights), _subject_words()
        # of any norm: see _standard
        said = _grouping(labels, n_groups, weights) @ vectorizer.transform(self._texts)
        return softmax(
            NEARNESS * _standard(means @ self._weights.broad.T)
            + REGRESSION * _standard(means @ self._weights.slopes.T + self._weights.shifts)
            + WORDS * _standard(said @ rows.T)
        )

    @cached_property
    def of_texts(self) -> Matrix:
        """The probability of each broad subject for each text, (n, n_subjects)."""
        n_texts = len(self._texts)
        found = np.zeros((n_texts, len(self._catalogue.subjects)))
        for some in slices(n_texts, large=0):
            alone = np.full(n_texts, -1)
            alone[some] = np.arange(some.stop - some.start)
            found[some] = self.group_probabilities(alone, some.stop - some.start)
        return found

    def fine_probabilities(
        self, labels: Labels, broad: Matrix, weights: Matrix | None = None
    ) -> Matrix:
        """Share the probability of each group's `broad` subjects among their fine ones.

        Returns (n_groups, n_fine); a fine subject of no broad one has 0.
        """
        of = self._catalogue.broad_of
        nearness = self._means(labels, len(broad), weights) @ self._weights.fine.T
        within = np.exp(_standard(nearness)) * (of >= 0)
        totals = np.zeros_like(broad)
        np.add.at(totals.T, of[of >= 0], within.T[of >= 0])
        return np.asarray(within / np.maximum(totals, 1e-300)[:, of] * broad[:, of])

    def _means(self, labels: Labels, n_groups: int, weights: Matrix | None) -> Matrix:
        of_group = _grouping(labels, n_groups, weights)
        sizes = np.asarray(of_group.sum(axis=1))
        return unit_rows(of_group @ self._vectors / np.where(sizes, sizes, 1) - self._middle)


def subjects_of_question(typed: str, vector: NDArray[np.float32], encoder: Embedder) -> Matrix:
    """Return what the fine subjects of a question are about together, (d,) of norm 1.

    `vector` (d,) is what `encoder` makes of the question, centred. A subject is near by its place
    or by its words: the passages that say it in other words than the question are then near too.
    """
    fine = load_weights(encoder).fine
    nearness = fine @ vector + _QUESTION_WORDS * _fine_words().shares(typed) ** 2
    towards: Matrix = unit_rows((np.maximum(nearness, 0) ** _SHARPNESS @ fine)[None])[0]
    return towards


def is_word_of_subjects(typed: str) -> bool:
    """Whether some fine subject holds a word of the question, in any of its forms."""
    return bool(_fine_words().shares(typed).any())


@cache
def _fine_words() -> WordIndex:
    """Return the words of the fine subjects: their titles, statements and passages."""
    said = [[one.title, one.need, one.answer, one.proposal] for one in load_catalogue().fine]
    for text, fine in read_passages():
        said[fine].append(text)
    return WordIndex(fold(" ".join(texts), keep_signs=True) for texts in said)


@cache
def _subject_words() -> "tuple[TfidfVectorizer, Matrix]":
    """Return what weighs roots of words, and their weights, (n_subjects, n_roots) of norm 1."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    catalogue, passages = load_catalogue(), read_passages()
    vectorizer = TfidfVectorizer(analyzer=_roots, sublinear_tf=True, min_df=2)
    rows = vectorizer.fit_transform([text for text, _ in passages])
    labels = catalogue.broad_of[[fine for _, fine in passages]]
    statements = [
        " ".join((one.title, one.need, one.answer, one.proposal)) for one in catalogue.subjects
    ]
    said = unit_rows((_grouping(labels, len(catalogue.subjects), None) @ rows).toarray())
    titles = vectorizer.transform(statements).toarray()
    return vectorizer, unit_rows(said + _TITLE_WEIGHT * titles)


def read_passages() -> list[tuple[str, int]]:
    """Return the passages that say the subjects, and the number of each one's fine subject."""
    number = {one.subject_id: i for i, one in enumerate(load_catalogue().fine)}
    paths = sorted(data_path("training", "sujets").glob("sujets-*.jsonl"))
    return [(row["text"], number[row["subject"]]) for path in paths for row in json_lines(path)]


def _roots(text: str) -> list[str]:
    generic = generic_words()
    return [word[:_ROOT] for word in _WORD.findall(fold(text)) if word not in generic]


def _grouping(labels: Labels, n_groups: int, weights: Matrix | None) -> "csr_matrix":
    """Return how much each text tells of each group, (n_groups, n)."""
    from scipy.sparse import csr_matrix

    grouped = np.flatnonzero(labels >= 0)
    told = np.ones(len(labels)) if weights is None else weights
    cells = (told[grouped], (labels[grouped], grouped))
    return csr_matrix(cells, shape=(n_groups, len(labels)))


def _standard(scores: Matrix) -> Matrix:
    centred = scores - scores.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(centred.std(axis=1, keepdims=True), 1e-9))

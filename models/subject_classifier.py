"""Say which subjects of the catalogue texts are about: needs, offers and structures alike.

In:   the study's passages; groups of texts, what the shipped encoder says of them
Out:  SubjectReadings: probabilities of broad subjects and of families, a row a group

Of 167 passages that tell of an offer, in three studies that it had not seen, 143 have a likely
family, and a reader agrees with 128 of these. A name alone is often read surely and wrongly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.catalogue import SubjectReader, load_catalogue
from models.embedder import Embedder
from models.rows import Matrix, slices
from models.views import subject_half

LIKELY = 0.5


@dataclass(frozen=True)
class SubjectReadings:
    """Probabilities of `subjects` (n, n_subjects) and of their `families` (n, n_families)."""

    subjects: Matrix
    families: Matrix

    def family(self, i: int, *, least: float = LIKELY) -> str | None:
        """Return the likeliest family of group `i`, None where none reaches `least`."""
        best = int(self.families[i].argmax())
        is_sure = self.families[i, best] >= least
        return load_catalogue().families[best].subject_id if is_sure else None


class SubjectClassifier:
    """Reads texts beside `passages`, whose mean is what all texts of the study share."""

    def __init__(self, passages: Sequence[str], encoder: Embedder) -> None:
        self._encoder = encoder
        sums, n = np.zeros(1), max(len(passages), 1)
        for some in slices(len(passages), large=0):
            sums = sums + self.vectors(passages[some]).sum(axis=0)
        self.middle: Matrix = sums / n

    def vectors(self, texts: Sequence[str]) -> Matrix:
        """Return what the encoder says of the subjects of `texts`, (n_texts, d)."""
        return np.asarray(subject_half(self._encoder.encode(texts)), dtype=np.float64)

    def read(self, groups: Sequence[Sequence[str]]) -> SubjectReadings:
        """Return the readings of `groups` of texts; a group without text is about anything."""
        catalogue = load_catalogue()
        parts = [self._subjects(groups[some]) for some in slices(len(groups), large=0)]
        subjects = np.concatenate(parts) if parts else np.zeros((0, len(catalogue.subjects)))
        families = np.zeros((len(groups), len(catalogue.families)))
        np.add.at(families.T, catalogue.family_of, subjects.T)
        return SubjectReadings(subjects, families)

    def _subjects(self, groups: Sequence[Sequence[str]]) -> Matrix:
        n_subjects = len(load_catalogue().subjects)
        texts = [text for group in groups for text in group]
        if not texts:
            return np.full((len(groups), n_subjects), 1 / n_subjects)
        labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        reader = SubjectReader(texts, self.vectors(texts), middle=self.middle)
        return reader.group_probabilities(labels, len(groups))

"""Say which subjects of the catalogue texts are about: needs, offers and structures alike.

In:   the study's passages; groups of texts, what the shipped encoder says of them
Out:  probabilities of broad subjects, or of their families alone; a row a group

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
    """Probabilities of `families` (n, n_families)."""

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
        """Return the families of `groups` of texts; a group without text is about anything."""
        parts = [families_of(self.subjects(groups[some])) for some in slices(len(groups), large=0)]
        nothing = np.zeros((0, len(load_catalogue().families)))
        return SubjectReadings(np.concatenate(parts) if parts else nothing)

    def subjects(self, groups: Sequence[Sequence[str]]) -> Matrix:
        """Return the probabilities (n_groups, n_subjects) of a few groups' broad subjects."""
        n_subjects = len(load_catalogue().subjects)
        texts = [text for group in groups for text in group]
        if not texts:
            return np.full((len(groups), n_subjects), 1 / n_subjects)
        labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        reader = SubjectReader(texts, self._encoder, middle=self.middle)
        return reader.group_probabilities(labels, len(groups))


def families_of(subjects: Matrix) -> Matrix:
    """Return the probabilities (n, n_families) of families, each the sum of its subjects'."""
    catalogue = load_catalogue()
    families = np.zeros((len(subjects), len(catalogue.families)))
    np.add.at(families.T, catalogue.family_of, subjects.T)
    return families

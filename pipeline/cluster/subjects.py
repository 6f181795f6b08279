"""Say which subjects of the catalogue the themes are about, and name them by those.

In:   the units' texts and themes, the shipped encoder; phrases where no subject fits
Out:  ThemeSubjects; a title, a statement and three proposals a theme; its family
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from models.catalogue import Subject, SubjectReader, load_catalogue
from models.rows import Labels, Matrix
from models.subject_classifier import families_of
from pipeline.text import fold

# Least probability of a broad subject, else of a family, to name a theme: of nine studies by unseen
# authors, 58 of 88 and 30 of 36 such titles are those that readers gave (docs/decisions/0050).
SURE = 0.5
# A subject less sure lends its title, which reads better than a phrase; the name is to be chosen.
PERHAPS = 0.2


class ThemeSubjects(NamedTuple):
    """`of_themes` (n_themes, n_subjects) and `fine` (n_themes, n_fine) are probabilities.

    `kinship` (n,) says how far each text is of its theme's families of subjects, 0..1.
    """

    of_themes: Matrix
    fine: Matrix
    kinship: Matrix


class ThemeName(NamedTuple):
    """`subject_id` and `statement` are None where the name is to be chosen.

    `family` is a family_id, None where no family is likely.
    """

    label: str
    statement: str | None
    subject_id: str | None
    source: str
    proposals: str
    family: str | None


def read_subjects(
    reader: SubjectReader, labels: Labels, weights: Matrix, n_themes: int
) -> ThemeSubjects:
    """Compare each theme's texts, which `reader` has, with the catalogue; `labels` −1 has no theme.

    A theme is what those of its texts say that have a weight: how likely they are of its subject.
    """
    of_themes = reader.group_probabilities(labels, n_themes, weights)
    fine = reader.fine_probabilities(labels, of_themes, weights)
    return ThemeSubjects(of_themes, fine, _kinship(reader, labels, families_of(of_themes)))


def _kinship(reader: SubjectReader, labels: Labels, of_themes: Matrix) -> Matrix:
    """Return how far each text is of the families (n_themes, n_families) that its theme is of."""
    kinship, themed = np.zeros(len(labels)), labels >= 0
    own, theirs = families_of(reader.of_texts[themed]), of_themes[labels[themed]]
    kinship[themed] = (own * theirs).sum(axis=1) / (theirs**2).sum(axis=1)
    return np.clip(kinship, 0, 1)


def name_themes(
    subjects: ThemeSubjects,
    leanings: Sequence[str],
    phrases: Sequence[str],
    has_likely: Sequence[bool],
) -> list[ThemeName]:
    """Return a name for each theme, all distinct; `leanings` says which statement each one takes.

    A theme of which no passage is likely to be has no subject to be named by.

    The surest theme chooses first among titles: that of its sure subject, else of its sure family,
    else of the subject that it is perhaps about. The others take their phrase.
    """
    catalogue = load_catalogue()
    of_families = families_of(subjects.of_themes)
    surest_first = np.argsort(-subjects.of_themes.max(axis=1, initial=0), kind="stable")
    taken: set[str] = set()
    names: dict[int, ThemeName] = {}
    for theme in surest_first.tolist():
        broad, family = subjects.of_themes[theme], of_families[theme]
        likely, likely_family = (
            catalogue.subjects[broad.argmax()],
            catalogue.families[family.argmax()],
        )
        titles = [(likely, True)] if broad.max() >= SURE else []
        titles += [(likely_family, True)] if family.max() >= SURE else []
        titles += [(likely, False)] if broad.max() >= PERHAPS else []
        titles *= has_likely[theme]
        free = [(subject, is_sure) for subject, is_sure in titles if subject.title not in taken]
        subject, is_sure = free[0] if free else (None, False)
        label = subject.title if subject else phrases[theme]
        taken.add(label)
        names[theme] = ThemeName(
            label,
            _statement(subject, leanings[theme]) if subject and is_sure else None,
            subject.subject_id if subject and is_sure else None,
            "catalogue" if subject else "phrase",
            _proposals(subjects, theme, leanings[theme]),
            family_id(likely_family) if has_likely[theme] and family.max() >= SURE else None,
        )
    return [names[theme] for theme in range(len(leanings))]


def _statement(subject: Subject, leaning: str) -> str:
    return {"réponse": subject.answer, "proposition": subject.proposal}.get(leaning, subject.need)


def _proposals(subjects: ThemeSubjects, theme: int, leaning: str) -> str:
    """The likeliest broad subject, the likeliest fine one, and the next broad one."""
    catalogue = load_catalogue()
    first, second = np.argsort(-subjects.of_themes[theme], kind="stable")[:2]
    likely = [
        catalogue.subjects[first],
        catalogue.fine[subjects.fine[theme].argmax()],
        catalogue.subjects[second],
    ]
    rows: list[dict[str, Any]] = [
        {
            "subject_id": subject.subject_id,
            "title": subject.title,
            "statement": _statement(subject, leaning),
        }
        for subject in likely
    ]
    return json.dumps(rows, ensure_ascii=False)


def family_id(family: Subject) -> str:
    """Return the family's lasting identity."""
    return "f-" + fold(family.subject_id).replace(" ", "-")

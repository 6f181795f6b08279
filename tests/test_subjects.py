"""The catalogue of subjects, what texts are about, and the titles and statements of themes."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.catalogue import SubjectReader, load_catalogue, load_weights, read_catalogue
from models.embedder import load_embedder
from pipeline.cluster.subjects import ThemeSubjects, name_themes, read_subjects
from pipeline.errors import ModelError
from pipeline.files import data_path

GROUPS = {
    "La trésorerie des associations": [
        "la subvention de mars arrive en novembre, on vit à découvert",
        "six mois d'attente avant le solde, la banque appelle tous les lundis",
        "j'ai avancé deux salaires de ma poche en attendant le virement du département",
        "un fonds commun qui avance l'argent le temps que la Région paie",
    ],
    "Les cantines scolaires": [
        "à l'école ils mangent des haricots surgelés alors que le maraîcher est en face",
        "le cuisinier de la cantine du collège épluche encore, il travaille avec deux fermes",
        "que les communes commandent ensemble les légumes des cantines",
        "menu végétarien du jeudi, les enfants en redemandent",
    ],
    "La solitude des personnes âgées": [
        "des vieux qui ne voient personne de la semaine sauf le facteur",
        "les bénévoles passent prendre le café chez les anciens isolés du hameau",
        "depuis que sa femme est morte il ne sort plus, personne ne s'en est rendu compte",
        "un coup de fil le dimanche aux personnes âgées seules",
    ],
}


@pytest.fixture(scope="module")
def told() -> tuple[list[str], np.ndarray]:
    texts = [text for group in GROUPS.values() for text in group]
    return texts, np.repeat(np.arange(len(GROUPS)), 4)


def test_groups_of_texts_are_about_the_subject_that_a_reader_would_name(told) -> None:
    texts, labels = told
    reader = reader_of(texts)
    likely = reader.group_probabilities(labels, len(GROUPS)).argmax(axis=1)
    assert [load_catalogue().subjects[row].title for row in likely] == list(GROUPS)


def reader_of(texts: list[str]) -> SubjectReader:
    return SubjectReader(texts, load_embedder())


def test_fine_subjects_share_what_their_broad_one_has(told) -> None:
    texts, labels = told
    found = read_subjects(reader_of(texts), labels, np.ones(len(texts)), len(GROUPS))
    catalogue = load_catalogue()
    of = catalogue.broad_of
    for theme, row in enumerate(found.fine):
        sums = np.bincount(of[of >= 0], weights=row[of >= 0], minlength=len(catalogue.subjects))
        assert np.allclose(sums, found.of_themes[theme])


def test_a_text_without_theme_names_none(told) -> None:
    texts, labels = told
    aside = np.where(labels == 2, -1, labels)
    likely = read_subjects(reader_of(texts), aside, np.ones(len(texts)), 2).of_themes.argmax(axis=1)
    assert [load_catalogue().subjects[row].title for row in likely] == list(GROUPS)[:2]


def test_a_theme_is_about_what_its_likely_texts_say(told) -> None:
    """One group with eight texts that do not count beside four that do."""
    texts, labels = told
    weights = np.where(labels == 1, 0.8, 0.0)
    found = read_subjects(reader_of(texts), np.zeros(len(texts), dtype=int), weights, 1)
    (likely,) = found.of_themes.argmax(axis=1)
    assert load_catalogue().subjects[likely].title == list(GROUPS)[1]
    assert found.kinship[labels == 1].min() > found.kinship[labels != 1].max()


@pytest.mark.parametrize("n_copies", [1, 1_000])
def test_texts_that_are_all_alike_are_about_no_subject_in_particular(n_copies: int) -> None:
    texts = ["la cantine de l'école"] * n_copies
    alike = np.zeros(n_copies, dtype=int)
    found = read_subjects(reader_of(texts), alike, np.ones(n_copies), 1)
    assert np.isfinite(found.of_themes).all() and np.allclose(found.of_themes.sum(), 1)


def themes_about(*probabilities: dict[str, float]) -> ThemeSubjects:
    """Themes about broad subjects, by id; what is left goes to all subjects alike."""
    catalogue = load_catalogue()
    number = {subject.subject_id: i for i, subject in enumerate(catalogue.subjects)}
    rows = np.zeros((len(probabilities), len(number)))
    for row, theme in zip(rows, probabilities, strict=True):
        row += (1 - sum(theme.values())) / len(number)
        for name, probability in theme.items():
            row[number[name]] += probability
    fine = np.full((len(rows), len(catalogue.fine)), 1 / len(catalogue.fine))
    return ThemeSubjects(rows, fine, np.zeros(len(rows)))


@pytest.mark.parametrize(
    ("about", "kind", "title", "statement"),
    [
        (
            {"cantines-scolaires": 0.8},
            "besoin",
            "Les cantines scolaires",
            "need",
        ),
        ({"cantines-scolaires": 0.8}, "réponse", "Les cantines scolaires", "answer"),
        ({"cantines-scolaires": 0.8}, "proposition", "Les cantines scolaires", "proposal"),
        ({"cantines-scolaires": 0.8}, "mixte", "Les cantines scolaires", "need"),
        # several subjects of one family
        (
            {"covoiturage": 0.3, "autopartage": 0.3, "trajets-a-velo": 0.3},
            "besoin",
            "Les déplacements du quotidien",
            "need",
        ),
    ],
)
def test_a_theme_takes_its_subject_s_title_and_the_statement_of_its_kind(
    about, kind, title, statement
) -> None:
    catalogue = load_catalogue()
    (name,) = name_themes(themes_about(about), [kind], ["Une phrase"], [True])
    subject = next(one for one in (*catalogue.subjects, *catalogue.families) if one.title == title)
    assert (name.label, name.source) == (title, "catalogue")
    assert name.statement == getattr(subject, statement)
    assert name.subject_id == subject.subject_id


def test_a_theme_of_no_sure_subject_takes_its_phrase_and_three_proposals_wait() -> None:
    (name,) = name_themes(themes_about({}), ["besoin"], ["Lits du lycée"], [True])
    assert name[:4] == ("Lits du lycée", None, None, "phrase") and name.family is None
    proposals = json.loads(name.proposals)
    assert len(proposals) == 3 and all(row["statement"].endswith(".") for row in proposals)


def test_a_theme_perhaps_about_a_subject_bears_its_title_and_awaits_a_name() -> None:
    (name,) = name_themes(themes_about({"cantines-scolaires": 0.25}), ["besoin"], ["Lits"], [True])
    assert name[:4] == ("Les cantines scolaires", None, None, "catalogue")


def test_a_theme_of_which_nothing_is_likely_has_its_phrase_however_sure_the_catalogue_is() -> None:
    sure = themes_about({"cantines-scolaires": 0.9})
    (name,) = name_themes(sure, ["besoin"], ["Lits"], [False])
    assert name[:4] == ("Lits", None, None, "phrase") and name.family is None


def test_of_two_themes_about_one_subject_the_surer_takes_its_title() -> None:
    subjects = themes_about({"cantines-scolaires": 0.6}, {"cantines-scolaires": 0.9})
    first, second = name_themes(subjects, ["besoin"] * 2, ["A", "B"], [True] * 2)
    assert second.label == "Les cantines scolaires"
    assert first.label == "L'alimentation locale" and first.family == second.family
    again = name_themes(
        ThemeSubjects(
            np.repeat(subjects.of_themes, 2, axis=0),
            subjects.fine[[0, 0, 1, 1]],
            subjects.kinship,
        ),
        ["besoin"] * 4,
        list("ABCD"),
        [True] * 4,
    )
    assert len({name.label for name in again}) == 4
    assert sorted(name.source for name in again) == ["catalogue", "catalogue", "phrase", "phrase"]


def test_every_subject_is_a_title_and_three_sentences() -> None:
    catalogue = load_catalogue()
    broad = (*catalogue.subjects, *catalogue.families)
    assert len({subject.title for subject in broad}) == len(broad)
    assert not [subject.title for subject in broad if " et " in subject.title]
    for subject in (*broad, *catalogue.fine):
        for sentence in (subject.need, subject.answer, subject.proposal):
            assert sentence[0].isupper() and sentence.endswith(".") and sentence[-2] != "."
    assert set(catalogue.broad_of) - {-1} == set(range(len(catalogue.subjects)))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("larges.jsonl", ""),
        ("larges.jsonl", "{"),
        ("familles.jsonl", '{"family": "Mobilité"}'),
        ("catalogue-a.jsonl", '{"subject": "a-x", "large": "inconnu"}'),
    ],
)
def test_a_catalogue_that_is_empty_or_unreadable_is_said_in_one_line(
    tmp_path: Path, name: str, text: str
) -> None:
    shipped = data_path("training", "sujets")
    for file in ("larges.jsonl", "familles.jsonl", "catalogue-a.jsonl"):
        (tmp_path / file).write_bytes((shipped / file).read_bytes())
    assert read_catalogue(tmp_path).subjects
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="catalogue des sujets"):
        read_catalogue(tmp_path)


def test_the_shipped_weights_are_the_catalogue_s() -> None:
    catalogue, weights = load_catalogue(), load_weights(load_embedder())
    assert weights.slopes.shape == (len(catalogue.subjects), weights.fine.shape[1])
    assert len(weights.fine) == len(catalogue.fine) and len(weights.shifts) == len(weights.slopes)

"""The theme model: groups by consensus, the same bit for bit, whatever the size of the study."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.metrics import adjusted_rand_score

from models.embedder import load_embedder
from models.reading import generic_words, read_texts
from models.rows import drawn_rows
from models.theme_model import (
    ThemeModel,
    _drawn_by,
    class_tf_idf,
    communities,
    subject_lemmas,
)
from models.theme_model.communities import (
    CommunityClusters,
    co_association,
    communities_of,
    resamples_of,
    to_nearest,
)
from models.views import join_views, load_subject_map, subject_half, text_views
from pipeline.errors import MissingExtraError, ModelError
from pipeline.settings.sections import ClusterSettings
from pipeline.store import Store
from support.centring import centred

QUICK = ClusterSettings(n_resamples=8)


def blobs(
    n_groups: int, per_group: int, spread: float = 0.4, dim: int = 30
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of norm 1 around `n_groups` random centres, and their groups, shuffled."""
    draw = np.random.default_rng(7)
    centres = draw.normal(size=(n_groups, dim))
    truth = draw.permutation(np.repeat(np.arange(n_groups), per_group))
    return centred(centres[truth] + spread * draw.normal(size=(len(truth), dim))), truth


def named_units(truth: np.ndarray) -> pd.DataFrame:
    """Units whose lemmas name their group, beside a word that all share and one that says nothing."""
    nouns = [
        "verger",
        "piscine",
        "gare",
        "cinéma",
        "crèche",
        "moulin",
        "forge",
        "lavoir",
        "phare",
        "port",
    ]
    lemmas = [(nouns[group % 10], "mairie", "problème") for group in truth]
    return pd.DataFrame({"text": [" ".join(row) for row in lemmas], "lemmas": lemmas})


@pytest.mark.parametrize(("n_groups", "per_group"), [(4, 12), (6, 20), (15, 25)])
def test_groups_that_stand_apart_are_found(n_groups, per_group):
    vectors, truth = blobs(n_groups, per_group)
    clusters = CommunityClusters(QUICK).fit(vectors)
    assert adjusted_rand_score(truth, clusters.labels_) > 0.95
    assert clusters.stability_.min() > 0.7


def test_vectors_without_groups_are_less_stable_than_vectors_with_groups():
    noise = centred(np.random.default_rng(3).normal(size=(120, 30)))
    clear, _ = blobs(6, 20)
    assert (
        CommunityClusters(QUICK).fit(noise).stability_.mean()
        < CommunityClusters(QUICK).fit(clear).stability_.mean() - 0.2
    )


@pytest.mark.parametrize(("n", "n_themes"), [(0, 0), (1, 1), (2, 1), (5, 1), (11, 1)])
def test_a_handful_of_units_makes_one_theme_that_claims_no_stability(n, n_themes):
    units = pd.DataFrame({"text": ["la piscine est fermée"] * n})
    model = ThemeModel(QUICK).fit(units, np.eye(max(n, 1), 4)[:n])
    assert model.labels_.tolist() == [0] * n
    assert model.stability_.tolist() == [0.0] * n_themes
    assert len(model.topic_words()) == n_themes


@pytest.mark.parametrize("n", [12, 13, 20, 30])
def test_small_studies_get_a_few_themes(n):
    vectors = centred(np.random.default_rng(n).normal(size=(n, 20)))
    labels = CommunityClusters(QUICK).fit(vectors).labels_
    assert 1 <= len(set(labels[labels >= 0])) <= 8
    assert (labels < 0).mean() <= 0.35


def test_every_vector_of_a_group_lies_nearest_to_its_own_centre_and_no_group_is_small():
    vectors, _ = blobs(6, 25, spread=1.2)
    rows = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = to_nearest(np.random.default_rng(2).integers(-1, 6, len(rows)), vectors, 4)
    sizes = np.bincount(labels[labels >= 0])
    assert sizes.min() >= 4 and (np.diff(sizes) <= 0).all()
    again = to_nearest(labels, vectors, 4)
    for _ in range(20):
        labels, again = again, to_nearest(again, vectors, 4)
    assert (again == labels).all()
    centres = np.stack([rows[labels == group].mean(axis=0) for group in range(labels.max() + 1)])
    nearest = (rows @ (centres / np.linalg.norm(centres, axis=1, keepdims=True)).T).argmax(axis=1)
    assert (nearest == labels)[labels >= 0].all()


@pytest.mark.parametrize(
    ("n_vectors", "asked", "made"),
    [(50, 480, 480), (300, 480, 480), (600, 480, 240), (2500, 480, 60), (2500, 8, 8), (50, 8, 8)],
)
def test_many_vectors_are_resampled_less_often_but_never_under_sixty_times_where_so_many_are_asked_for(
    n_vectors, asked, made
):
    assert len(list(resamples_of(n_vectors, ClusterSettings(n_resamples=asked)))) == made


def tables_of(n_tables: int, per_table: int) -> pd.DataFrame:
    n = n_tables * per_table
    return pd.DataFrame(
        {
            "unit_id": [f"u{i:04}" for i in range(n)],
            "circle_id": np.repeat([f"table {t}" for t in range(n_tables)], per_table),
            "lemmas": [()] * n,
        }
    )


def test_a_table_that_is_not_drawn_leaves_every_group_as_it_was_and_nothing_is_computed(
    tmp_path, monkeypatch
):
    vectors, _ = blobs(6, 40)
    units = tables_of(24, 10)
    store = Store(tmp_path)
    model = ThemeModel(QUICK, most_at_once=60, cache=store).fit(units, vectors)

    def computed(*_arguments, **_more):
        raise AssertionError("computed")

    monkeypatch.setattr(communities, "co_association", computed)
    n_same = 0
    for left_out in range(24):
        others = units["circle_id"] != f"table {left_out}"
        try:
            again = ThemeModel(QUICK, most_at_once=60, cache=store).fit(
                units[others].reset_index(drop=True), vectors[others]
            )
        except AssertionError:
            continue  # one of those drawn
        assert adjusted_rand_score(again.labels_, model.labels_[others]) == 1
        n_same += 1
    assert n_same == 18  # whole tables: six of ten units each make sixty


def test_a_long_file_is_drawn_a_unit_at_a_time_as_no_table_says_so_much():
    units = tables_of(3, 90)
    assert set(_drawn_by(units)) == {"table 0", "table 1", "table 2"}
    units["circle_id"] = "un tableau de contributions"
    assert _drawn_by(units) == list(units["unit_id"])


def test_a_few_more_texts_change_few_of_those_drawn():
    texts = [f"texte {i}" for i in range(400)]
    before = {texts[i] for i in drawn_rows(texts, 100)}
    more = [*texts[:150], "un nouveau", *texts[150:], "un autre"]
    assert len(before - {more[i] for i in drawn_rows(more, 100)}) <= 2


def test_equal_vectors_do_not_break_the_groups():
    labels = CommunityClusters(QUICK).fit(np.zeros((40, 5))).labels_
    assert len(labels) == 40


def test_themes_are_numbered_from_the_largest_and_told_by_their_lemmas():
    vectors, truth = blobs(4, 20)
    kept = np.sort(
        np.concatenate([np.flatnonzero(truth == group)[: 20 - 4 * group] for group in range(4)])
    )
    model = ThemeModel(QUICK).fit(named_units(truth[kept]), vectors[kept])
    assert np.bincount(model.labels_).tolist() == [20, 16, 12, 8]
    assert [words[0][0] for words in model.topic_words()] == ["verger", "piscine", "gare", "cinéma"]
    assert not any(word == "problème" for words in model.topic_words() for word, _ in words)


def test_words_weigh_their_share_of_a_theme_times_their_rarity():
    counts = csr_matrix(np.array([[3, 1, 0], [0, 1, 1]]))
    mean_length = 3  # (4 + 2) / 2
    rarity = np.log1p(mean_length / np.array([3, 2, 1]))
    expected = np.array([[3 / 4, 1 / 4, 0], [0, 1 / 2, 1 / 2]]) * rarity
    assert np.allclose(class_tf_idf(counts).toarray(), expected, atol=1e-15)


def test_equal_words_come_in_alphabetical_order_on_every_processor():
    units = pd.DataFrame({"text": ["-"] * 4, "lemmas": [("verger", "cinéma", "gare")] * 4})
    (words,) = ThemeModel(QUICK).fit(units, np.eye(4)).topic_words()
    assert [word for word, _ in words] == ["cinéma", "gare", "verger"]


@pytest.mark.slow
def test_bertopic_of_the_same_themes_weighs_the_same_words():
    pytest.importorskip("bertopic")
    vectors, truth = blobs(4, 20)
    units = named_units(truth)
    units["lemmas"] = [(*words, f"mot{i % 7}") for i, words in enumerate(units["lemmas"])]
    model = ThemeModel(QUICK).fit(units, vectors)
    other = model.to_bertopic(units, vectors)
    words_of = {
        frozenset(np.flatnonzero(np.array(other.topics_) == number)): other.get_topic(number)
        for number in set(other.topics_)
    }
    for theme, words in enumerate(model.topic_words()):
        same = words_of[frozenset(np.flatnonzero(model.labels_ == theme))]
        weights = {word: weight for word, weight in same if word}
        assert weights == pytest.approx(dict(words), abs=1e-12)


def test_a_view_by_bertopic_asks_for_its_extra_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "bertopic", None)
    units = pd.DataFrame({"text": ["-"] * 4, "lemmas": [("verger",)] * 4})
    model = ThemeModel(QUICK).fit(units, np.eye(4))
    with pytest.raises(MissingExtraError, match=r"ateliers-territoires\[bertopic\]"):
        model.to_bertopic(units, np.eye(4))


class PartRead:
    """Who read few units of the largest groups: three of the largest, and all of the others."""

    def __init__(self, units, vectors, truth) -> None:
        self._units, self._vectors = units, vectors
        self._read = np.sort(
            np.concatenate([np.flatnonzero(truth == 0)[:3], np.flatnonzero(truth != 0)])
        )

    def look_closer(self, rows):
        return self._vectors[rows]

    def lemmas(self, kept):
        read = self._read[kept[self._read]]
        return read, list(self._units["lemmas"].iloc[read])


def test_themes_are_numbered_by_all_their_units_where_a_part_was_read():
    vectors, truth = blobs(4, 20)
    kept = np.sort(
        np.concatenate([np.flatnonzero(truth == group)[: 20 - 4 * group] for group in range(4)])
    )
    vectors, truth, units = vectors[kept], truth[kept], named_units(truth[kept])
    aside = np.arange(len(truth)) == np.flatnonzero(truth == 0)[-1]
    whole = ThemeModel(QUICK).fit(units, vectors, set_aside=aside)
    part = ThemeModel(QUICK).fit(
        units, vectors, set_aside=aside, closer=PartRead(units, vectors, truth)
    )
    assert np.bincount(part.labels_[~aside]).tolist() == [19, 16, 12, 8]
    assert part.labels_.tolist() == whole.labels_.tolist()
    assert part.stability_.tolist() == whole.stability_.tolist()
    assert [words[0][0] for words in part.topic_words()] == ["verger", "piscine", "gare", "cinéma"]


def test_what_resamples_put_together_is_counted_exactly_some_at_a_time():
    vectors, _ = blobs(3, 10)
    similarity = vectors @ vectors.T
    found = co_association(similarity.copy(), QUICK, map, n_at_once=3)
    np.fill_diagonal(similarity, -np.inf)
    nearest_first = np.argsort(-similarity, axis=1, kind="stable")
    together, drawn = np.zeros((30, 30)), np.zeros((30, 30))
    for resample in resamples_of(30, QUICK):
        kept, groups = communities_of(
            resample,
            similarity=similarity,
            nearest_first=nearest_first,
            n_neighbours=QUICK.n_neighbours,
        )
        for one, group in zip(kept, groups, strict=True):
            for other, its_group in zip(kept, groups, strict=True):
                together[one, other] += group == its_group
                drawn[one, other] += 1
    assert np.array_equal(found, together / np.maximum(drawn, 1))


def test_a_few_units_more_change_few_of_those_that_groups_are_made_of():
    clusters = CommunityClusters(QUICK, most_at_once=40)
    vectors, _ = blobs(4, 30)
    seen: list[set[int]] = []

    def look_closer(rows):
        seen.append(set(rows.tolist()))
        return vectors[rows]

    for rows in (np.arange(110), np.arange(120), np.arange(120)):
        clusters.fit_rows(vectors, rows, look_closer, [f"u{row}" for row in rows])
    assert len(seen[0]) == len(seen[1]) == 40
    assert len(seen[0] & seen[1]) >= 30
    assert seen[1] == seen[2]
    CommunityClusters(QUICK.model_copy(update={"seed": 1}), most_at_once=40).fit_rows(
        vectors, np.arange(120), look_closer
    )
    assert len(seen[3] & seen[2]) < 30


def test_what_is_set_aside_gets_no_theme_and_changes_none():
    vectors, truth = blobs(4, 15)
    units = named_units(truth)
    aside = np.arange(len(units)) % 5 == 0
    model = ThemeModel(QUICK).fit(units, vectors, set_aside=aside)
    alone = ThemeModel(QUICK).fit(units[~aside], vectors[~aside])
    assert set(model.labels_[aside]) == {-1}
    assert model.labels_[~aside].tolist() == alone.labels_.tolist()


def test_all_units_set_aside_give_no_theme():
    model = ThemeModel(QUICK).fit(
        pd.DataFrame({"text": ["merci à tous", "bonsoir"]}), np.eye(2), set_aside=[True, True]
    )
    assert model.labels_.tolist() == [-1, -1]
    assert len(model.stability_) == 0


def test_vectors_that_do_not_match_the_units_are_refused():
    with pytest.raises(ModelError, match="3 passages, 2 vecteurs"):
        ThemeModel(QUICK).fit(pd.DataFrame({"text": ["a", "b", "c"]}), np.eye(2))


FINGERPRINT = """
import hashlib, numpy as np
from models.theme_model.communities import CommunityClusters
from pipeline.settings.sections import ClusterSettings
from pipeline.store import Store
vectors = np.random.default_rng(1).normal(size=(300, 200))
clusters = CommunityClusters(ClusterSettings(n_resamples=8)).fit(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
print(hashlib.sha256(clusters.labels_.tobytes() + clusters.stability_.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_labels_and_stability_are_the_same_bits_whatever_the_number_of_threads():
    prints = set()
    for threads in ("1", "2"):
        environment = os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        prints.add(
            subprocess.run(
                [sys.executable, "-c", FINGERPRINT],
                env=environment,
                capture_output=True,
                check=True,
            ).stdout
        )
    assert len(prints) == 1


def test_another_seed_finds_nearly_the_same_groups():
    vectors, _ = blobs(8, 20, spread=0.6)
    first, other = (
        CommunityClusters(ClusterSettings(n_resamples=20, seed=seed)).fit(vectors).labels_
        for seed in (0, 1)
    )
    assert adjusted_rand_score(first, other) > 0.8


@pytest.mark.slow
def test_ten_thousand_units_are_grouped_through_a_sample():
    vectors, truth = blobs(20, 500)
    model = ThemeModel(QUICK).fit(named_units(truth), vectors)
    assert (model.labels_ >= 0).all()
    assert adjusted_rand_score(truth, model.labels_) > 0.9


TEXTS = [
    "La piscine ferme deux jours par semaine, plus assez de maîtres-nageurs",
    "on manque de maîtres-nageurs pour ouvrir la piscine l'été",
    "Le cinéma associatif tient grâce à quatre projectionnistes bénévoles",
    "plus de projectionniste au cinéma, la salle va fermer",
]


def test_joined_views_bring_texts_on_one_subject_together():
    readings = read_texts(TEXTS)
    similarity = (views := join_views(TEXTS, readings, load_embedder()).vectors) @ views.T
    assert similarity[0, 1] > max(similarity[0, 2], similarity[0, 3])
    assert similarity[2, 3] > max(similarity[2, 0], similarity[2, 1])


def test_the_shipped_map_tells_the_broad_subjects_of_texts_alone_and_beside_their_content():
    rows = load_embedder().encode(TEXTS)
    views = load_subject_map().views(rows, rows)
    assert [view.shape[1] for view in views[1::2]] == [50, 50]
    assert views[0].shape == views[2].shape
    np.testing.assert_allclose((views[1] ** 2).sum(axis=1), 1)


def test_a_map_reads_the_half_of_a_row_that_tells_its_subject():
    rows = np.hstack([np.eye(3, 4, dtype=np.float32) * 0.7, np.ones((3, 4), np.float32)])
    assert subject_half(rows).tolist() == np.eye(3, 4).tolist()


class Other:
    """An encoder that a study asks for."""

    name, version = "autre", "1"

    def encode(self, texts):
        return np.array([[len(text), 1, text.count("e")] for text in texts], dtype=np.float32)


def test_the_encoder_of_a_study_is_joined_to_the_shipped_one():
    readings = read_texts(TEXTS)
    alone, beside = (
        [join_views(TEXTS, readings, encoder).vectors, text_views(TEXTS, encoder).vectors]
        for encoder in (load_embedder(), Other())
    )
    assert [two.shape[1] - one.shape[1] for one, two in zip(alone, beside, strict=True)] == [6, 3]


def test_thanks_are_less_about_a_subject_than_a_need():
    texts = ["Merci à tous pour votre présence et bonne soirée !", TEXTS[0]]
    off_topic = join_views(texts, read_texts(texts), load_embedder()).off_topic
    assert off_topic[0] > 0.7 > 0.5 > off_topic[1]


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        (
            "Les maîtres-nageurs de la piscine municipale sont partis",
            {"piscine municipale", "maîtres-nageurs de la piscine municipale"},
        ),
        ("il faut du transport à la demande", {"transport", "transport à la demande"}),
        (
            "des paniers de légumes bio",
            {"paniers de légumes", "légumes bio", "paniers de légumes bio"},
        ),
    ],
)
def test_noun_phrases_are_read_as_people_wrote_them(text, phrases):
    assert phrases <= {phrase.surface for phrase in read_texts([text])[0].phrases}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("covoiturage solidaire porté par Domicile Aa Services le samedi", "Domicile Aa Services"),
        ("la Roue Libre Audomaroise répare des vélos", "Roue Libre Audomaroise"),
        ("voir avec l'association Marais Vivant", "Marais Vivant"),
    ],
)
def test_no_sentence_ends_before_the_capitals_of_a_name(text, name):
    assert name in {phrase.surface for phrase in read_texts([text])[0].phrases if phrase.has_name}


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("des pièces de vélo récupérées", "vélo récupérées"),  # the last word belongs to the first
        ("les maîtres-nageurs partent", "maîtres"),  # half a word
        ("on veut partager le bus", "partager"),  # a verb
        ("ARRÊT DE BUS DÉPLACÉ", "BUS"),  # shouted, not an acronym
    ],
)
def test_what_is_no_phrase_is_not_read_as_one(text, never):
    assert never not in {phrase.surface for phrase in read_texts([text])[0].phrases}


@pytest.mark.parametrize("text", ["il faut y aller", "et puis voilà", "12 000 € !!", ""])
def test_a_text_without_noun_has_no_phrase(text):
    assert read_texts([text])[0].phrases == ()


def test_inflections_of_a_phrase_share_their_key():
    one, many = read_texts(["un jardin partagé", "des jardins partagés"])
    assert {phrase.key for phrase in one.phrases} == {phrase.key for phrase in many.phrases}


def test_a_document_of_generic_words_still_has_a_vocabulary():
    assert subject_lemmas("problème territoire chose") == ["∅"]
    assert subject_lemmas("problème verger") == ["verger"]
    assert "probleme" in generic_words()


def test_fitting_twice_gives_the_same_bits():
    vectors, truth = blobs(5, 12)
    prints = {
        hashlib.sha256(
            ThemeModel(QUICK).fit(named_units(truth), vectors).stability_.tobytes()
        ).hexdigest()
        for _ in range(2)
    }
    assert len(prints) == 1

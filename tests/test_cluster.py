"""Cluster: themes named in people's words, quoted, counted, with identities that last."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from models.embedder import load_embedder
from models.encoders import NAME, STRONG_NAME
from models.reading import read_texts
from models.theme_model import ThemeModel
from models.views import join_views
from pipeline.cluster import _with_kinship, cluster_units, off_topic
from pipeline.cluster.geometry import Geometry
from pipeline.cluster.identity import identify_themes, list_changes
from pipeline.cluster.late import join_late_units
from pipeline.cluster.membership import (
    N_OTHERS,
    PairFacts,
    counts_in_theme,
    is_judged,
    kinship,
    nearness,
    probabilities,
)
from pipeline.cluster.names import Candidate, find_candidates, keywords_of, phrase_titles
from pipeline.cluster.quotes import (
    choose_quotes,
    describe,
    is_sentence,
    profile_themes,
    quote_themes,
)
from pipeline.counting import count_themes, room_units, with_circles
from pipeline.settings.sections import ClusterSettings
from pipeline.tables.material import TAGS, UNITS
from pipeline.tables.results import THEME_MEMBERS

QUICK = ClusterSettings(least_units=0, n_resamples=8)

# Theme number, workshop, table, posture, text. An invented valley; -1 stands for what is about no subject.
SAID = [
    (
        0,
        "vallée-a",
        1,
        "difficulte",
        "plus de maîtres-nageurs pour surveiller la piscine municipale",
    ),
    (
        0,
        "vallée-a",
        2,
        "difficulte",
        "la piscine municipale ferme deux jours par semaine, le chauffage coûte trop",
    ),
    (0, "vallée-b", 1, "difficulte", "les écoles n'ont plus de créneau à la piscine municipale"),
    (
        0,
        "vallée-b",
        3,
        "difficulte",
        "apprendre à nager : un enfant sur trois ne sait pas en sixième",
    ),
    (0, "vallée-b", None, "demande", "il faudrait former des maîtres-nageurs ici"),
    (1, "vallée-a", 1, "force", "la fromagerie coopérative paye le lait au prix juste"),
    (
        1,
        "vallée-a",
        1,
        "force",
        "le lait de montagne est transformé sur place, à la fromagerie coopérative",
    ),
    (1, "vallée-a", 3, "force", "douze éleveurs livrent la fromagerie coopérative"),
    (
        1,
        "vallée-b",
        2,
        "difficulte",
        "personne ne reprend le troupeau quand un éleveur part à la retraite",
    ),
    (
        2,
        "vallée-b",
        1,
        "proposition",
        "une ressourcerie dans l'ancienne gare, avec un atelier de réparation",
    ),
    (2, "vallée-b", 2, "proposition", "réparer les skis et les vélos plutôt que les jeter"),
    (
        2,
        "vallée-a",
        2,
        "proposition",
        "ouvrir la ressourcerie le samedi, les gens viendraient avec leurs skis",
    ),
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

    def fit(self, units, embeddings, *, set_aside=None, closer=None):
        theme_of = {f"u{row:02d}": said[0] for row, said in enumerate(SAID)}
        self.labels_ = np.array([theme_of[unit] for unit in units["unit_id"]])
        self.stability_ = np.array([0.9, 0.8, 0.7])
        self.set_aside = set_aside
        return self

    def topic_words(self, k=10):
        return [[("piscine", 1.0)], [("fromagerie", 1.0)], [("ressourcerie", 1.0)]]


@pytest.fixture(scope="module")
def embedder():
    return load_embedder()


@pytest.fixture(scope="module")
def clustered(embedder):
    units, tags = units_and_tags()
    return cluster_units(
        units,
        tags,
        model=Told(),
        embedder=embedder,
        settings=ClusterSettings(least_units=0, n_quotes=3),
    )


def test_no_unit_gives_no_theme(embedder):
    themes, members, *_ = cluster_units(
        UNITS.empty(), TAGS.empty(), model=Told(), embedder=embedder, settings=QUICK
    )
    assert themes.empty
    assert members.empty


def test_themes_come_from_the_most_spoken_of_and_count_tables_and_workshops(clustered):
    themes, *_ = clustered
    assert themes["n_units"].tolist() == [5, 4, 3]
    assert themes["n_tables"].between(1, [4, 3, 3]).all()
    assert (
        themes["n_tables_expected"].between(themes["n_tables_low"], themes["n_tables_high"]).all()
    )
    assert themes["n_workshops"].between(1, 2).all()
    assert themes["stability"].tolist() == [0.9, 0.8, 0.7]


def test_postures_tell_the_kind_of_a_theme(clustered):
    themes, *_ = clustered
    assert themes["kind"].tolist() == ["besoin", "réponse", "proposition"]


def test_labels_are_distinct_and_keywords_say_what_was_said(clustered):
    themes = clustered[0]
    assert themes["label"].is_unique and themes["label"].str[0].str.isupper().all()
    for keywords, words in zip(
        themes["keywords"],
        [
            ("piscine", "nageurs"),
            ("fromagerie", "lait", "éleveurs"),
            ("ressourcerie", "skis", "réparation"),
        ],
        strict=True,
    ):
        assert any(word in keywords for word in words)


def test_every_member_has_a_theme_of_the_table_and_what_is_set_aside_has_none(clustered):
    themes, members, *_ = clustered
    assert set(members["theme_id"]) == set(themes["theme_id"])
    assert set(members["unit_id"]) == {f"u{row:02d}" for row in range(12)}
    assert members["strength"].between(0, 1).all()


@pytest.mark.parametrize(
    ("chances", "least", "counted"),
    [
        ([0.9, 0.6, 0.2], 0.6, [True, True, False]),
        ([0.3, 0.2], 0.6, [True, False]),  # a theme counts its surest unit
        ([0.0], 1.0, [True]),
        ([0.3, 0.2], 0.0, [True, True]),
    ],
)
def test_what_is_probably_of_a_theme_counts_and_its_surest_unit_always(
    chances: list[float], least: float, counted: list[bool]
):
    themes = pd.Series(["t"] * len(chances))
    assert counts_in_theme(pd.Series(chances), themes, least).tolist() == counted


def test_a_unit_is_left_out_of_its_own_theme_and_judged_with_the_nearest_others():
    rng = np.random.default_rng(0)
    vectors, labels = rng.normal(size=(40, 8)), np.repeat([0, 1, 2, 3, 4, 5, -1, -1], 5)
    near = nearness(vectors, labels, 6)
    rows = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    others = rows[1:5].sum(axis=0)
    assert near[0, 0] == pytest.approx(rows[0] @ others / np.linalg.norm(others))
    assert near[0, 1] == pytest.approx(
        rows[0] @ rows[5:10].sum(axis=0) / np.linalg.norm(rows[5:10].sum(axis=0))
    )
    judged = is_judged(near, labels)
    assert judged[labels >= 0].sum(axis=1).tolist() == [1 + N_OTHERS] * 30
    assert judged[np.arange(30), labels[:30]].all() and not judged[30:].any()


@pytest.mark.parametrize("encoder", [NAME, STRONG_NAME, "another"])
@pytest.mark.parametrize("is_read", [True, False])
def test_probabilities_rise_with_nearness_and_with_what_the_catalogue_sees(encoder, is_read):
    near = np.tile(np.linspace(0.9, 0.1, 3), (4, 1))
    labels = np.array([0, 1, 2, -1])
    akin = near if is_read else np.full(near.shape, np.nan)
    chances = probabilities(PairFacts(near, near, akin, np.zeros(4)), labels, encoder)
    assert ((chances >= 0) & (chances <= 1)).all() and not chances[3].any()
    own = chances[[0, 1, 2], [0, 1, 2]]
    assert own[0] > own[1] > own[2]


def test_a_unit_is_akin_to_what_is_about_the_same_subjects():
    subjects = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9], [0.5, 0.5]])
    akin = kinship(subjects, np.array([0, 0, 1, 1, -1]), 2)
    assert akin[0, 0] == pytest.approx(1) and akin[0, 1] == pytest.approx(0.6)
    assert akin[4, 0] == pytest.approx(akin[4, 1])


def test_tables_are_counted_over_what_counts_and_over_all():
    members = THEME_MEMBERS.build(
        {"unit_id": name, "theme_id": "t", "strength": 0.5, "probability": p, "is_counted": counts}
        for name, p, counts in (("a", 0.9, True), ("b", 0.4, False), ("c", 0.3, False))
    )
    units = pd.DataFrame(
        {"unit_id": list("abc"), "workshop_id": ["w", "w", "v"], "table_number": [1, 1, 2]}
    ).assign(document_id="d", question="q1", channel="notes")
    counts = count_themes(members, with_circles(units)).loc["t"]
    names = ["n_units", "n_tables", "n_tables_high", "n_workshops"]
    assert counts[names].tolist() == [3, 1, 2, 1]
    assert counts["unity"] == pytest.approx(1.6 / 3, abs=1e-6)


def test_quotes_are_members_and_the_largest_theme_quotes_both_workshops(clustered):
    themes, members, *_ = clustered
    units, _ = units_and_tags()
    workshop_of = dict(zip(units["unit_id"], units["workshop_id"], strict=True))
    for theme in themes.itertuples():
        quotes = json.loads(theme.quotes)
        own = members[members["theme_id"] == theme.theme_id]
        counted = own.loc[own["is_counted"], "unit_id"]
        assert len(quotes) == min(3, len(counted))
        assert set(quotes) <= set(counted)
        if theme.n_units == 5 and counted.map(workshop_of).nunique() > 1:
            assert len({workshop_of[quote] for quote in quotes}) == 2


def test_descriptions_quote_what_was_said_word_for_word(clustered):
    texts = [said[-1] for said in SAID]
    for description in clustered[0]["description"]:
        extracts = re.findall("« (.+?) »", description)
        assert extracts
        for extract in extracts:
            assert any(extract.removesuffix("…").removeprefix("… ") in text for text in texts)


def test_the_order_of_the_units_changes_nothing(clustered, embedder):
    units, tags = units_and_tags()
    shuffled = units.sample(frac=1, random_state=3)
    themes, members, *_ = cluster_units(
        shuffled,
        tags[::-1],
        model=Told(),
        embedder=embedder,
        settings=ClusterSettings(least_units=0, n_quotes=3),
    )
    pd.testing.assert_frame_equal(themes, clustered[0])
    pd.testing.assert_frame_equal(members, clustered[1])


def test_an_earlier_run_gives_its_identities_and_nothing_else(clustered, embedder):
    units, tags = units_and_tags()
    themes, members, *_ = clustered
    renamed = {old: f"t-0000000{row}" for row, old in enumerate(themes["theme_id"])}
    previous = (
        themes.assign(theme_id=themes["theme_id"].map(renamed), label="Avant"),
        members.assign(theme_id=members["theme_id"].map(renamed)),
    )
    again, *_ = cluster_units(
        units,
        tags,
        model=Told(),
        embedder=embedder,
        previous=previous,
        settings=ClusterSettings(least_units=0, n_quotes=3),
    )
    assert again["theme_id"].tolist() == list(renamed.values())
    pd.testing.assert_frame_equal(again.drop(columns="theme_id"), themes.drop(columns="theme_id"))


@pytest.mark.slow
def test_the_whole_stage_sets_thanks_aside_and_keeps_needs(embedder):
    units, tags = units_and_tags()
    _, members, *_ = cluster_units(
        units, tags, model=ThemeModel(), embedder=embedder, settings=ClusterSettings(least_units=0)
    )
    assert "u12" not in set(members["unit_id"])
    assert len(members) >= 10


@pytest.mark.parametrize(
    ("probability", "has_rubrique", "expected"),
    [
        (0.9, True, True),
        (0.6, True, False),
        (0.6, False, True),
        (0.4, False, False),
        (0.1, True, False),
    ],
)
def test_a_unit_is_off_topic_surely_or_when_the_tagger_agrees(probability, has_rubrique, expected):
    units, tags = units_and_tags()
    kept = (
        tags[(tags["unit_id"] != "u00") | (tags["axis"] != "rubrique")]
        if not has_rubrique
        else tags
    )
    assert off_topic(units.head(1), kept, np.array([probability])).tolist() == [expected]


def test_without_any_rubrique_the_tagger_is_not_asked():
    units, tags = units_and_tags()
    assert not off_topic(units, tags[tags["axis"] != "rubrique"], np.full(len(units), 0.6)).any()


KEPT = [("a", "t-1"), ("b", "t-1"), ("c", "t-1"), ("d", "t-2"), ("e", "t-2"), ("f", "t-3")]
WORDS = {
    "t-1": ["piscine municipale", "maîtres-nageurs"],
    "t-2": ["fromagerie", "lait"],
    "t-3": ["ressourcerie"],
}


def earlier(members=KEPT, words=WORDS):
    themes = pd.DataFrame(
        {"theme_id": list(words), "keywords": [json.dumps(listed) for listed in words.values()]}
    )
    return themes, pd.DataFrame(members, columns=["unit_id", "theme_id"])


NO_WORDS = [[], [], []]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([["a", "b", "c"], ["d", "e"], ["f"]], ["t-1", "t-2", "t-3"]),
        ([["d", "e"], ["f"], ["c", "b", "a"]], ["t-2", "t-3", "t-1"]),
        (
            [["a", "b", "new1", "new2", "new3", "new4"]],
            ["t-1"],
        ),  # a new workshop does not change who a theme is
        ([["a", "b", "c", "d", "e", "f"]], ["t-1"]),  # merged: the larger part's name
        ([["a"], ["b", "c"]], [None, "t-1"]),  # split: the larger part keeps it
        ([["x", "y"]], [None]),
    ],
)
def test_a_theme_keeps_its_identity_while_it_keeps_its_units(members, expected):
    identities = identify_themes(members, NO_WORDS[: len(members)], earlier())
    assert len(set(identities)) == len(identities)
    for identity, wanted in zip(identities, expected, strict=True):
        assert identity == wanted if wanted else identity not in WORDS


@pytest.mark.parametrize(
    ("members", "keywords", "expected"),
    [
        (
            ["x", "y", "z"],
            ["maître-nageur", "piscines municipales"],
            "t-1",
        ),  # the documents were typed again: other units, same words
        (["x", "y", "z"], ["boulangerie", "pain"], None),
        (
            ["x", "a", "b", "c", "d"],
            ["fromagerie", "lait"],
            "t-1",
        ),  # units first: words only name what lost its units
    ],
)
def test_a_theme_whose_units_are_gone_is_known_by_its_words(members, keywords, expected):
    identity = identify_themes([members], [keywords], earlier())[0]
    assert identity == expected if expected else identity not in WORDS


def test_a_new_identity_depends_on_the_theme_alone_and_is_given_once():
    assert identify_themes([["a", "b"]], [[]], None) == identify_themes([["b", "a"]], [[]], None)
    first = identify_themes([["a", "b"]], [[]], None)[0]
    assert identify_themes([["a", "b"]], [[]], earlier([("z", first)], {first: []}))[0] != first


def run(**themes):
    """themes and theme_members of a run: label → units, each unit a letter."""
    rows = [(unit, name) for name, units in themes.items() for unit in units]
    return pd.DataFrame(
        {"theme_id": list(themes), "label": [name.capitalize() for name in themes]}
    ), pd.DataFrame(rows, columns=["unit_id", "theme_id"])


CHANGES = [
    ("the first run", run(), run(bus="abc"), {"bus": ("nouveau", "Nouveau thème de 3 passages.")}),
    (
        "nothing changed",
        run(bus="abc"),
        run(bus="cba"),
        {"bus": ("inchangé", "Inchangé : les mêmes 3 passages.")},
    ),
    (
        "a workshop more",
        run(bus="abc"),
        run(bus="abcd"),
        {"bus": ("grandi", "Passe de 3 à 4 passages.")},
    ),
    ("a file less", run(bus="abc"), run(bus="a"), {"bus": ("réduit", "Passe de 3 à 1 passage.")}),
    (
        "others in their place",
        run(bus="abc"),
        run(bus="abz"),
        {"bus": ("remanié", "Autant de passages (3), mais pas les mêmes.")},
    ),
    (
        "two become one",
        run(bus="abc", car="de"),
        run(bus="abcde"),
        {
            "bus": ("réuni", "Reçoit « Car » : passe de 3 à 5 passages."),
            "car": ("disparu", "N'existe plus : ses 2 passages sont surtout dans « Bus »."),
        },
    ),
    (
        "one becomes two",
        run(bus="abcde"),
        run(bus="abc", car="de"),
        {
            "bus": ("partagé", "Se partage : « Car » en sort ; passe de 5 à 3 passages."),
            "car": ("nouveau", "Nouveau thème de 2 passages, issu de « Bus »."),
        },
    ),
    (
        "one scatters",
        run(bus="abc", car="xyz"),
        run(bus="abcx"),
        {
            "bus": ("grandi", "Passe de 3 à 4 passages."),
            "car": ("disparu", "N'existe plus : ses 3 passages sont dispersés."),
        },
    ),
    (
        "a new workshop brings a subject",
        run(bus="abc"),
        run(bus="abc", lait="mno"),
        {
            "bus": ("inchangé", "Inchangé : les mêmes 3 passages."),
            "lait": ("nouveau", "Nouveau thème de 3 passages."),
        },
    ),
]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [case[1:] for case in CHANGES],
    ids=[case[0] for case in CHANGES],
)
def test_what_changed_since_the_last_run_is_told(before, after, expected):
    changes = list_changes(before, after)
    assert {row.theme_id: (row.change, row.sentence) for row in changes.itertuples()} == expected


def test_a_late_unit_joins_the_nearest_theme_and_changes_no_other(clustered, embedder):
    units, tags = units_and_tags()
    mail = UNITS.build(
        units.iloc[0].to_dict()
        | {
            "unit_id": name,
            "document_id": "mail",
            "text": text,
            "table_number": None,
            "question": "distance",
            "channel": "mail",
        }
        for name, text in [
            ("m0", "la piscine municipale doit rouvrir l'hiver, avec des maîtres-nageurs"),
            ("m1", "merci à tous, bonne soirée"),
        ]
    )
    themes, members, places = clustered.themes, clustered.theme_members, clustered.unit_places
    said = pd.concat([units, mail], ignore_index=True)
    joined_themes, joined, joined_places = join_late_units(
        themes,
        members,
        places,
        said,
        tags,
        embedder=embedder,
        settings=ClusterSettings(least_units=0, n_quotes=3, least_probability=0.99),
    )
    assert joined[~joined["unit_id"].isin(mail["unit_id"])].reset_index(drop=True).equals(members)
    assert (
        dict(zip(joined["unit_id"], joined["theme_id"], strict=True)).get("m0")
        == themes["theme_id"][0]
    )
    assert "m1" not in set(joined["unit_id"])
    assert not joined.set_index("unit_id").loc["m0", "is_counted"]  # less sure than 0.99
    assert joined_places.head(len(places)).equals(places)
    assert joined_places["unit_id"].tolist() == said["unit_id"].tolist()
    assert joined_themes["n_units"].tolist() == [6, 4, 3]
    assert joined_themes[["theme_id", "label", "keywords", "description"]].equals(
        themes[["theme_id", "label", "keywords", "description"]]
    )


def test_what_came_after_makes_no_theme_unless_it_is_most_of_what_there_is():
    units, _ = units_and_tags()
    is_mail = units["unit_id"].isin(["u00", "u01"])
    mixed = units.assign(channel=units["channel"].where(~is_mail, "mail"))
    assert set(room_units(mixed)["unit_id"]) == set(units["unit_id"]) - {"u00", "u01"}
    assert len(room_units(units.assign(channel="mail"))) == len(units)


def test_a_theme_is_profiled_by_codes_and_quoted_with_a_disagreement_if_any(clustered):
    units, tags = units_and_tags()
    themes, members, *_ = clustered
    profiles = profile_themes(units, tags, members).set_index(["theme_id", "axis", "code"])
    pool = themes["theme_id"][0]
    assert profiles.loc[
        (pool, "posture", "difficulte"), ["n_units", "n_tables", "share"]
    ].tolist() == [4, 4, 0.8]
    assert profiles.loc[(pool, "rubrique", "offre"), "share"] == 1.0
    quotes = quote_themes(units, tags, themes, members)
    n_central = (quotes["role"] == "centrale").groupby(quotes["theme_id"]).sum()
    n_quotes = themes.set_index("theme_id")["quotes"].map(json.loads).map(len)
    assert n_central.to_dict() == n_quotes.clip(upper=3).to_dict()
    assert set(quotes["role"]) == {"centrale"}  # nobody disagrees


def test_a_study_without_any_theme_has_no_profile() -> None:
    assert profile_themes(UNITS.build([]), TAGS.build([]), THEME_MEMBERS.build([])).empty


def test_themes_that_overlap_are_proposed_for_merging_and_loose_large_ones_flagged():
    draw = np.random.default_rng(0)
    centres = np.eye(5, 12)
    labels = np.repeat(np.arange(5), [12, 6, 6, 6, 6])
    vectors = centres[labels] + draw.normal(0, 0.05, (36, 12))
    vectors[labels == 1] += 0.9 * centres[2]
    vectors[labels == 2] += 0.9 * centres[1]
    vectors[labels == 0, 5:] += draw.normal(0, 0.6, (12, 7))  # of everything, but of no other theme
    geometry = Geometry.of(vectors, labels)
    assert [pair[:2] for pair in geometry.near_duplicates()] == [(1, 2)]
    assert geometry.catch_alls() == [0]
    assert geometry.cohesion[3] > geometry.cohesion[0]


@pytest.mark.parametrize(
    ("quoted", "expected"),
    [
        (["il manque des abris sûrs"], "« il manque des abris sûrs »"),
        (["trop court", "le tri prend deux jours"], "« le tri prend deux jours »"),
        (
            ["[personne] veut bien aider au tri", "le tri\n prend deux jours"],
            "« le tri prend deux jours »",
        ),
        (["elle a dit « les haies se taillent trop tôt » deux fois"], ""),
        (["les haies " * 30], ""),
        (["et puis les haies…", "trop court"], ""),
        ([], ""),
    ],
)
def test_a_description_is_a_whole_sentence_as_it_was_said(quoted, expected):
    assert describe(quoted) == expected


def named(texts: list[str], tables: list[str], embedder) -> str:
    """The phrase for a theme that holds all of `texts`, said at `tables`."""
    readings = read_texts(texts)
    space = join_views(texts, readings, embedder).subject
    found = find_candidates(
        readings, np.zeros(len(texts), dtype=int), np.ones(len(texts)), [[]], space, tables
    )
    return phrase_titles(found)[0]


def test_a_theme_is_named_by_what_several_tables_say_rather_than_by_what_one_repeats(
    embedder,
):
    texts = [
        "le moulin communal",
        "le moulin communal à farine",
        "moulin communal en panne",
        "rouvrir la boulangerie",
        "une boulangerie ambulante",
        "la boulangerie du bourg",
    ]
    label = named(texts, ["1", "1", "1", "2", "3", "4"], embedder)
    assert "boulangerie" in label.lower()


def candidate(surface: str, score: float, support: int, angle: float) -> Candidate:
    key = tuple(word for word in surface.split() if len(word) > 3)
    return Candidate(key, surface, score, 1, np.array([np.cos(angle), np.sin(angle)]), support)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        # several tables and several words come first
        (
            [candidate("digues", 0.8, 3, 0.0), candidate("curage des fossés", 0.6, 2, 1.2)],
            "Curage des fossés",
        ),
        (
            [candidate("curage des fossés", 0.9, 1, 0.0), candidate("fermes de bord", 0.3, 4, 1.2)],
            "Fermes de bord",
        ),
        ([candidate("digues", 0.8, 3, 0.0)], "Digues"),
        ([], "Thème 1"),
    ],
)
def test_a_theme_without_subject_takes_one_phrase(found, expected):
    assert phrase_titles([found]) == [expected]


def test_two_themes_take_two_phrases():
    found = [candidate("voiture partagée", 0.9, 2, 0.0), candidate("trajets du soir", 0.8, 2, 0.0)]
    assert phrase_titles([found, found]) == ["Voiture partagée", "Trajets du soir"]


def test_a_phrase_is_a_keyword_of_one_theme_alone():
    shared = candidate("voiture partagée", 0.9, 2, 0.0), candidate("voiture partagée", 0.4, 2, 0.0)
    own = candidate("moulin communal", 0.5, 2, 0.0), candidate("trajets du soir", 0.5, 2, 0.0)
    assert keywords_of([[shared[0], own[0]], [own[1], shared[1]]]) == [
        ["voiture partagée", "moulin communal"],
        ["trajets du soir"],
    ]


def quote_rows(*rows: tuple[str, str, str, int | None, float]) -> pd.DataFrame:
    made = pd.DataFrame(
        rows, columns=["unit_id", "text", "workshop_id", "table_number", "strength"]
    )
    return made.assign(
        document_id="d-" + made["workshop_id"], table_number=made["table_number"].astype("Int64")
    )


LONG_ENOUGH = "les éleveurs cherchent un repreneur"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # the most central first, then another table before the same one
        (
            [
                ("a", LONG_ENOUGH, "w", 1, 0.9),
                ("b", LONG_ENOUGH + " vite", "w", 1, 0.85),
                ("c", LONG_ENOUGH + " ici", "w", 2, 0.8),
            ],
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
        (
            [
                ("a", "[personne] cherche un repreneur depuis mai", "w", 1, 0.6),
                ("b", LONG_ENOUGH, "w", 2, 0.55),
            ],
            ["b", "a"],
        ),
    ],
)
def test_quotes_are_central_readable_and_from_several_circles(rows, expected):
    assert choose_quotes(quote_rows(*rows), 3) == expected


@pytest.mark.parametrize(
    ("texts", "never"),
    [
        (
            [
                "Bernadette tient la cantine du foyer",
                "la cantine du foyer, Bernadette y est tous les jours",
            ],
            "bernadette",
        ),
        (["[personne] répare la roue du moulin", "le moulin, [personne] le connaît"], "personne"),
        (["un problème de moulin", "le moulin, des problèmes"], "problème"),
        (["il faut partager le moulin", "le moulin à partager"], "partager"),
    ],
)
def test_names_masks_verbs_and_empty_words_name_no_theme(texts, never, embedder):
    readings = read_texts(texts)
    space = join_views(texts, readings, embedder).subject
    found = find_candidates(readings, np.zeros(2, dtype=int), np.ones(2), [[]], space)
    assert not any(never in candidate.surface.lower() for candidate in found[0])
    assert found[0]


def test_keywords_repeat_no_word_in_another_form(embedder):
    texts = [
        "la coopérative laitière",
        "un esprit coopératif chez les éleveurs",
        "l'éleveur et sa coopérative",
        "la jeunesse",
        "jeunes diplômés",
    ]
    readings = read_texts(texts)
    space = join_views(texts, readings, embedder).subject
    keywords = keywords_of(
        find_candidates(readings, np.zeros(5, dtype=int), np.ones(5), [[]], space)
    )[0]
    assert sum("jeune" in keyword for keyword in keywords) == 1
    assert sum("coop" in keyword for keyword in keywords) == 1
    assert sum("éleveur" in keyword for keyword in keywords) <= 1


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("La subvention arrive en novembre pour des actions de février.", True),
        ("la trésorerie est a sec des le mois de mai, la banque suit pas", True),
        ("non mais attends, les jeunes ils veulent pas signer pour dix ans", True),
        ("monter une légumerie avec l'agglo pr livrer les cantines", True),
        # too short, or too long
        ("la banque ne suit pas", False),
        (" ".join(["la banque ne suit pas et"] * 6), False),
        # no verb
        ("friche de la rue d'Alger : 2 000 m² vides depuis dix ans", False),
        ("Paniers de l'Aa : 14 maraîchers du marais, 350 paniers par semaine", False),
        # cut, or masked
        ("→ la banque ne suit pas et la Région rembourse neuf mois après", False),
        ("la banque ne suit pas et la Région rembourse neuf mois après…", False),
        ("[personne] dit que la banque ne suit pas depuis neuf mois", False),
    ],
)
def test_a_whole_sentence_has_a_verb_and_is_neither_cut_nor_masked(text, is_one):
    assert is_sentence(text) == is_one


def test_a_whole_sentence_is_quoted_before_a_note_somewhat_more_central() -> None:
    rows = [
        ("a", "friche de la rue d'Alger : 2 000 m² vides depuis dix ans", "w", 1, 0.6),
        ("b", "la ville laisse la friche vide et personne ne nous ouvre", "w", 2, 0.5),
    ]
    assert choose_quotes(quote_rows(*rows), 2) == ["b", "a"]


def test_a_unit_that_the_catalogue_sees_elsewhere_is_quoted_after_nearly_as_close_ones() -> None:
    members = pd.DataFrame(
        {
            "unit_id": ["a", "b", "c", "d"],
            "theme": [0, 0, 0, 1],
            "strength": [0.70, 0.65, 0.20, 0.5],
        }
    )
    found = _with_kinship(members, {"a": 0.0, "b": 0.9, "c": 0.9, "d": 0.1})
    assert found.loc[found["theme"] == 0, "unit_id"].tolist() == ["b", "a", "c"]
    # a theme as a whole is neither nearer nor farther; a unit not read keeps its place
    assert found["strength"].sum() == pytest.approx(members["strength"].sum())
    unread = _with_kinship(members, {})
    assert unread.set_index("unit_id")["strength"].to_dict() == dict(
        zip(members["unit_id"], members["strength"], strict=True)
    )

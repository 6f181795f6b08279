"""How units are seen: all closely in a small study; in a large one only those that groups are made of, and their neighbours."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

import pipeline.cluster as cluster
import pipeline.cluster.vectors as vectors_module
from models.embedder import load_embedder
from models.reading import read_texts
from models.theme_model import ThemeModel
from models.views import join_views, lean_on_neighbours, text_views
from pipeline.cluster import cluster_units
from pipeline.cluster.late import join_late_units
from pipeline.cluster.vectors import UnitVectors
from pipeline.settings.sections import ClusterSettings
from pipeline.tables.material import TAGS, UNITS

SUBJECTS = [
    "la piscine du bourg ferme l'été",
    "le cinéma manque de projectionnistes",
    "plus de train le soir",
    "une crèche aux horaires larges",
]
WAYS = [
    "vraiment",
    "dit-on",
    "cette année",
    "à Crémone",
    "encore",
    "c'est connu",
    "pour les familles",
    "on le répète",
    "hélas",
    "bien sûr",
]


class Counted:
    """The shipped encoder, which remembers what it was asked for."""

    def __init__(self, encoder) -> None:
        self.name, self.version = encoder.name, encoder.version
        self._encoder = encoder
        self.asked: set[str] = set()

    def load(self, settings=None):
        return self

    def encode(self, texts):
        self.asked |= set(texts)
        return self._encoder.encode(texts)


@pytest.fixture(scope="module")
def encoder():
    return load_embedder()


@pytest.fixture(scope="module")
def units() -> pd.DataFrame:
    texts = [f"{subject}, {way}" for way in WAYS for subject in SUBJECTS]
    return UNITS.build(
        {
            "unit_id": f"u{at:03}",
            "document_id": f"d{at // 10}",
            "workshop_id": "w1",
            "unit_order": at,
            "start_char": 0,
            "end_char": len(text),
        }
        | {"text": text, "table_number": 1, "channel": "mail" if at >= 38 else "notes"}
        for at, text in enumerate(texts)
    )


@pytest.fixture(scope="module")
def readings(units):
    return read_texts(units["text"])


def test_a_small_study_is_seen_closely_all_over(units, readings, encoder):
    unit_vectors = UnitVectors(units, encoder)
    joined = join_views(list(units["text"]), readings, encoder)
    assert np.array_equal(unit_vectors.vectors, joined.vectors)
    assert np.array_equal(unit_vectors.in_context, lean_on_neighbours(joined.vectors, units))
    rows = np.array([3, 17, 30])
    assert np.array_equal(unit_vectors.look_closer(rows), unit_vectors.in_context[rows])
    assert np.array_equal(
        unit_vectors.closest_vectors(np.arange(40) % 2 == 0), unit_vectors.in_context[::2]
    )
    assert unit_vectors.rows.tolist() == list(range(40))
    assert unit_vectors.readings == readings


def test_of_a_large_study_what_groups_are_made_of_is_read_and_its_neighbours(
    units, readings, encoder, monkeypatch
):
    counted = Counted(encoder)
    read: list[str] = []
    monkeypatch.setattr(
        vectors_module, "read_texts", lambda texts, **_: read.extend(texts) or read_texts(texts)
    )
    unit_vectors = UnitVectors(units, counted, encoders=counted, n_large=40)
    contents = [reading.content for reading in readings]
    assert not counted.asked & set(contents)
    assert not read
    assert np.array_equal(unit_vectors.vectors, text_views(list(units["text"]), encoder).vectors)
    rows = np.array([0, 9, 25])  # first and last of a document, one in the middle of another
    closer = unit_vectors.look_closer(rows)
    near = [0, 1, 8, 9, 24, 25, 26]
    assert unit_vectors.rows.tolist() == near
    assert read == [units["text"][row] for row in near]
    assert counted.asked & set(contents) == {contents[row] for row in near}
    joined = join_views(
        [units["text"][row] for row in near], [readings[row] for row in near], encoder
    )
    assert closer.shape == (3, joined.vectors.shape[1])
    assert closer.shape[1] > unit_vectors.vectors.shape[1]
    assert unit_vectors.closest_vectors(np.ones(40, dtype=bool)) is closer
    kept = np.arange(40) != 9
    assert unit_vectors.lemmas(kept)[0].tolist() == [row for row in near if row != 9]
    assert unit_vectors.lemmas(kept)[1] == [readings[row].lemmas for row in near if row != 9]


@pytest.mark.parametrize("n_kept", [0, 5])
def test_where_nothing_was_grouped_the_first_are_looked_at(units, encoder, n_kept):
    unit_vectors = UnitVectors(units, encoder, n_large=40)
    assert len(unit_vectors.closest_vectors(np.arange(40) < n_kept)) == n_kept
    assert set(range(5)) <= set(unit_vectors.rows)


def test_a_large_study_about_nothing_has_no_theme(units, encoder, monkeypatch):
    monkeypatch.setattr(cluster, "off_topic", lambda units, *_: np.ones(len(units), dtype=bool))
    made = cluster_units(
        units,
        TAGS.empty(),
        model=ThemeModel(),
        embedder=encoder,
        settings=ClusterSettings(least_units=0),
        n_large=40,
    )
    assert made.themes.empty
    assert made.theme_agreement.empty
    assert len(made.unit_places) == len(units)


def test_late_units_are_encoded_as_the_room_was(units, encoder):
    room, settings = (
        units[units["channel"] == "notes"],
        ClusterSettings(least_units=0, n_resamples=8, n_repeats=0),
    )
    n_large = len(room) + 1  # the room is small, and all together are not
    made = cluster_units(
        room,
        TAGS.empty(),
        model=ThemeModel(settings),
        embedder=encoder,
        settings=settings,
        n_large=n_large,
    )
    late = [made.themes, made.theme_members, made.unit_places, units, TAGS.empty()]
    joined, in_small_study = (
        join_late_units(*late, embedder=encoder, settings=settings, n_large=size)
        for size in (n_large, len(units) + 1)
    )
    pd.testing.assert_frame_equal(joined.theme_members, in_small_study.theme_members)


def test_a_large_study_gets_the_themes_that_were_said(units, encoder):
    settings = ClusterSettings(least_units=0, n_resamples=20, n_repeats=3)
    room = units[units["channel"] == "notes"]
    made, again = (
        cluster_units(
            room,
            TAGS.empty(),
            model=ThemeModel(settings, most_at_once=24),
            embedder=encoder,
            settings=settings,
            n_large=30,
        )
        for _ in range(2)
    )
    for one, other in zip(made, again, strict=True):
        pd.testing.assert_frame_equal(one, other)
    joined = join_late_units(
        made.themes,
        made.theme_members,
        made.unit_places,
        units,
        TAGS.empty(),
        embedder=encoder,
        settings=settings,
        n_large=30,
    )
    theme_of = joined.theme_members.set_index("unit_id")["theme_id"]
    assert set(units.loc[units["channel"] == "mail", "unit_id"]) & set(theme_of.index)
    said = [int(unit_id[1:]) % len(SUBJECTS) for unit_id in theme_of.index]
    assert adjusted_rand_score(said, theme_of) > 0.5
    assert made.themes["label"].is_unique
    assert not made.themes["label"].str.startswith("Thème").any()
    assert set(joined.unit_places["unit_id"]) == set(units["unit_id"])

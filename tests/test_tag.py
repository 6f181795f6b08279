"""Tagging a study's units: rows of `tags` that depend on each unit alone."""

import json

import pandas as pd
import pytest

from models.registry import labelled_rows, load_tagger
from models.tagger import GridTagger
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.grid.codes import STANDARD, Code, Grid
from pipeline.settings.sections import TagSettings
from pipeline.store import Store
from pipeline.tables.material import UNITS
from pipeline.tag import CANDIDATE_SCORE, tag_each, tag_units

GRID = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
SAID = [
    ("les cars ne passent plus le dimanche entre Guéret et Bourganeuf", "q1", "notes"),
    ("l'atelier vélo répare 300 vélos par an avec six salariés en insertion", "q2", "postit"),
    ("on n'arrive pas à payer le loyer, il faudrait que la com'com nous aide", "q3", "transcript"),
    ("monter une plateforme de tri des textiles avec les communes", "q4", "notes"),
    ("merci à tous, les feutres sont sur la table", None, "notes"),
    ("👍", "resume", "mail"),
]


@pytest.fixture(scope="module")
def tagger() -> GridTagger:
    return load_tagger(GRID, settings=TagSettings())


def _units(said: list[tuple[str, str | None, str]] = SAID) -> pd.DataFrame:
    rows = [
        {
            "unit_id": f"u{len(said) + 3 - place}",
            "document_id": "d",
            "workshop_id": "w",
            "unit_order": place,
            "start_char": 0,
            "end_char": len(text),
        }
        | {"text": text, "question": question, "channel": channel}
        for place, (text, question, channel) in enumerate(said)
    ]
    return UNITS.build(rows)


def _tags(
    units: pd.DataFrame, tagger: GridTagger, grid: Grid = GRID, **settings: object
) -> pd.DataFrame:
    return tag_units(units, tagger=tagger, grid=grid, settings=TagSettings(**settings))


def test_tagging_one_by_one_gives_the_same_table_as_all_at_once(tagger):
    units = _units()
    alone = pd.concat(
        [_tags(units.iloc[[place]], tagger) for place in range(len(units))], ignore_index=True
    )
    pd.testing.assert_frame_equal(_tags(units, tagger), alone, check_exact=True)


def test_only_passages_that_the_cache_lacks_are_tagged(tagger, tmp_path, monkeypatch):
    tagged: list[str] = []
    tag = GridTagger.tag

    def noted(self, units, **options):
        tagged.extend(units["text"])
        return tag(self, units, **options)

    monkeypatch.setattr(GridTagger, "tag", noted)
    store, settings = Store(tmp_path), TagSettings()

    def tags(units: pd.DataFrame, depends_on: str = "") -> pd.DataFrame:
        (found,) = tag_each(
            [units],
            tagger=tagger,
            grid=GRID,
            settings=settings,
            cache=store,
            depends_on=depends_on,
        )
        return found

    units = _units([*SAID, SAID[0]])
    tags(units.iloc[1:3])
    assert len(tagged) == 2
    with_cache = tags(units)
    assert len(tagged) == 7 and not {SAID[1][0], SAID[2][0]} & {*tagged[2:]}
    pd.testing.assert_frame_equal(with_cache, _tags(units, tagger), check_exact=True)
    tagged.clear()
    tags(units.iloc[:1].assign(question="q4"))
    tags(units.iloc[:1], depends_on="another grid")
    assert len(tagged) == 2


def test_each_unit_has_one_assigned_posture(tagger):
    tags = _tags(_units(), tagger)
    assigned = tags[tags["is_assigned"] & (tags["axis"] == "posture")]
    assert assigned["unit_id"].tolist() == _units()["unit_id"].tolist()


def test_rows_follow_the_units_then_the_axes_then_the_grid(tagger):
    tags = _tags(_units(), tagger)
    order = {unit_id: place for place, unit_id in enumerate(_units()["unit_id"])}
    codes = {code.code: place for place, code in enumerate(GRID.codes)}
    keys = [
        (order[row.unit_id], list(STANDARD).index(row.axis), codes[row.code])
        for row in tags.itertuples()
    ]
    assert keys == sorted(keys)


def test_what_is_not_assigned_is_a_candidate_of_some_weight(tagger):
    tags = _tags(_units(), tagger)
    candidates = tags[~tags["is_assigned"]]
    assert len(candidates)
    assert (candidates["score"] >= CANDIDATE_SCORE).all()


def test_evidence_is_words_of_the_passage(tagger):
    texts = dict(zip(_units()["unit_id"], _units()["text"], strict=True))
    for row in _tags(_units(), tagger).itertuples():
        spans = json.loads(row.evidence)
        text = texts[row.unit_id]
        assert len(spans) <= 3
        assert bool(spans) == any(letter.isalnum() for letter in text)
        assert all(
            0 <= start < end <= len(text) and text[start].isalnum() and text[end - 1].isalnum()
            for start, end in spans
        )


def test_rows_say_which_machine_put_them(tagger):
    tags = _tags(_units(), tagger)
    assert set(tags["source"]) == {"machine"}
    assert set(tags["model_version"]) == {tagger.version_}


def test_a_shift_makes_all_codes_but_the_posture_rarer(tagger):
    said = [
        (row["text"], row["question"], row["channel"])
        for row in labelled_rows("frontieres-11")[:40]
    ]  # some are on the border
    plain, strict = _tags(_units(said), tagger), _tags(_units(said), tagger, threshold_shift=0.5)
    assert strict["is_assigned"].sum() < plain["is_assigned"].sum()
    assert (strict["is_assigned"] & (strict["axis"] == "posture")).sum() == len(said)


def test_no_unit_gives_an_empty_table(tagger):
    assert _tags(UNITS.empty(), tagger).empty


@pytest.mark.slow
def test_a_grid_of_rubriques_alone_gives_rubriques_alone():
    codes = (
        Code(
            "transport",
            "rubrique",
            "Transports",
            "Cars, trains, vélos et voitures pour se déplacer.",
        ),
        Code("textile", "rubrique", "Textile", "Vêtements, tissus, tri et couture."),
    )
    grid = Grid("petite", "1", codes, (), ())
    tags = _tags(_units(), GridTagger(grid), grid)
    assert set(tags["axis"]) == {"rubrique"}
    assert {("u9", "transport"), ("u6", "textile")} <= {
        (row.unit_id, row.code) for row in tags[tags["is_assigned"]].itertuples()
    }

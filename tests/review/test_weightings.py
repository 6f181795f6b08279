"""Weights set by hand, arbitration and what is kept while it is counted again: tables of examples, without a server."""

import json
import threading
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from pipeline.agreement import codings_of_people
from pipeline.decisions import Decision, active_decisions, apply_decisions, read_decision
from pipeline.decisions.tags import RejectTag
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.review import agreement, weightings
from pipeline.review.agreement import Codings, arbitrate
from pipeline.review.snapshot import Proposed, Snapshot
from pipeline.review.state import BackgroundCounts
from pipeline.settings.sections import RankSettings, RankWeights
from pipeline.tables import TABLES
from pipeline.tables.material import TAGS, UNITS
from pipeline.tables.results import THEME_MEMBERS, THEMES
from support.decisions import arbitrated, arbitration, confirmation

GRID = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
OFFER, NEEDS = ("rubrique", "offre"), ("rubrique", "enjeux.social")
HARD, ASKED = ("posture", "difficulte"), ("posture", "demande")
NONE = dict.fromkeys(RankWeights.model_fields, 0.0)


@pytest.fixture(autouse=True)
def _french(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's gettext asks for a study; without one, sentences are as they are written."""
    for module in (weightings, agreement):
        monkeypatch.setattr(module, "_", str)


def weights(**given: float) -> RankWeights:
    return RankWeights(**NONE | given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"tables": 0.25, "need": 0.15}, {"tables": 25, "need": 15}),
        ({"tables": 1}, {"tables": 100}),
        ({"tables": 3, "need": 1}, {"tables": 3, "need": 1}),
        ({"tables": 2500, "need": 500}, {"tables": 100, "need": 20}),
        ({"tables": 1e-5}, {"tables": 100}),
    ],
)
def test_weights_become_points_in_proportion(
    given: dict[str, float], expected: dict[str, float]
) -> None:
    assert weightings.points_of(weights(**given)) == NONE | expected


def test_points_that_people_set_come_back_as_they_were() -> None:
    points = NONE | {"tables": 12.5, "need": 100.0}
    saved = weightings.weights_of(points)
    assert saved is not None and weightings.points_of(saved) == points
    assert weightings.weights_of(NONE) is None


@pytest.mark.parametrize(("sent", "points"), [("40", 40), ("12,5", 12.5), (" 0 ", 0), ("100", 100)])
def test_points_are_read(sent: str, points: float) -> None:
    assert weightings.read_points({"tables": sent}, {"tables": 7.0}) == ({"tables": points}, {})


@pytest.mark.parametrize("sent", ["", "beaucoup", "-1", "101", "nan", "inf"])
def test_nonsense_is_told_and_changes_nothing(sent: str) -> None:
    points, faults = weightings.read_points({"tables": sent, "autre": "3"}, {"tables": 7.0})
    assert points == {"tables": 7.0} and "nombre de 0 à 100" in faults["tables"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (3, 1, "monte de 2 (du 3e au 1er)"),
        (1, 4, "descend de 3 (du 1er au 4e)"),
        (2, 2, "même rang"),
        (None, 5, "nouveau"),
    ],
)
def test_a_change_of_rank_is_told_in_words(before: int | None, after: int, told: str) -> None:
    assert weightings.rank_change(before, after) == told


def test_places_are_held_against_the_first_weighting() -> None:
    first = _priorities([("a", 1, 1, 2), ("b", 2, 1, 2), ("c", 3, 3, 3)])
    other = _priorities([("c", 1, 1, 2), ("a", 2, 1, 3), ("b", 3, 2, 3)])
    told = {
        theme_id: [rank["change"] for rank in ranks]
        for theme_id, ranks in weightings.compare_rankings([first, other]).items()
    }
    assert told == {
        "a": ["", "descend de 1 (du 1er au 2e)"],
        "b": ["", "descend de 1 (du 2e au 3e)"],
        "c": ["", "monte de 2 (du 3e au 1er), intervalles disjoints"],
    }
    assert weightings.n_common(first.head(2), other.head(2)) == (1, 2)


def test_themes_that_gained_or_lost_passages_are_known() -> None:
    before = pd.DataFrame({"unit_id": ["u1", "u2", "u3"], "theme_id": ["a", "a", "b"]})
    after = pd.DataFrame({"unit_id": ["u1", "u2", "u4"], "theme_id": ["a", "c", "d"]})
    assert weightings.changed_themes(before, after) == {"a", "b", "c", "d"}
    assert weightings.changed_themes(before, before) == set()


def test_the_weighting_in_use_is_the_last_chosen() -> None:
    said = [
        _decision(
            1, "ana", "save_weighting", value=json.dumps({"name": "Besoin", "weights": {"need": 1}})
        ),
        _decision(
            2, "bob", "save_weighting", value=json.dumps({"name": "aval", "weights": {"tables": 1}})
        ),
        _decision(3, "bob", "use_weighting", value="Besoin"),
    ]
    listed = weightings.weighting_choices(said, RankSettings())
    assert [
        (choice.weighting.name, choice.weighting.author, choice.is_in_use) for choice in listed
    ] == [
        ("", "", False),
        ("aval", "bob", False),
        ("Besoin", "ana", True),
    ]
    assert listed[2].summary == "Besoin sans réponse 100"
    assert weightings.weighting_choices([], RankSettings())[0].is_in_use


# --- arbitration -----------------------------------------------------------------------------------------------------


def test_people_disagree_until_somebody_settles_it_and_again_when_one_speaks_after() -> None:
    said = [
        _decision(1, "ana", "confirm_unit", value=confirmation([OFFER, HARD])),
        _decision(2, "bob", "confirm_unit", value=confirmation([HARD])),
    ]
    (row,) = _codings(said).disagreements("ana", "bob", "rubrique")
    assert (row.code, row.is_by_first, row.arbitration) == ("offre", True, None)
    decision = arbitrate(
        row, is_put=False, is_proposed=False, between=("bob", "ana"), why="hors sujet"
    )
    assert decision == RejectTag("u1", "rubrique", "offre", ("bob", "ana"), why="hors sujet")
    settled = [
        *said,
        replace(decision, decision_id=3, author="eve"),
    ]
    (row,) = _codings(settled).disagreements("ana", "bob", "rubrique")
    assert row.arbitration is not None and row.arbitration.author == "eve"
    assert _codings(settled).people == ["ana", "bob"]  # to settle is not to code
    (row,) = _codings(
        [*settled, _decision(4, "ana", "accept_tag", axis="rubrique", code="offre")]
    ).disagreements("ana", "bob", "rubrique")
    assert row.arbitration is None


def test_one_choice_settles_an_axis_of_one_code_a_passage() -> None:
    said = [
        _decision(1, "ana", "confirm_unit", value=confirmation([OFFER, HARD])),
        _decision(2, "bob", "confirm_unit", value=confirmation([OFFER, ASKED])),
        _decision(
            3, "eve", "accept_tag", axis="posture", code="demande", value=arbitration("ana", "bob")
        ),
    ]
    splits = _codings(said).disagreements("ana", "bob", "posture")
    assert [row.code for row in splits] == ["difficulte", "demande"]
    assert all(row.arbitration for row in splits)


def test_what_is_noise_for_both_has_no_posture_to_disagree_on() -> None:
    said = [
        _decision(1, "ana", "confirm_unit", value=confirmation([HARD])),
        _decision(2, "bob", "confirm_unit", value=confirmation([ASKED])),
    ]
    assert _codings(said).disagreements("ana", "bob", "posture") == []


@pytest.mark.parametrize(
    ("value", "between"),
    [
        (arbitration("b", "a"), ("a", "b")),
        (None, ()),
        ("{", ()),
        ("[]", ()),
        ("12", ()),
        ('{"arbitrates": 3}', ()),
    ],
)
def test_an_arbitration_says_between_whom(value: str | None, between: tuple[str, ...]) -> None:
    assert arbitrated(value) == between


def test_codings_are_those_that_agreement_is_measured_on() -> None:
    said = [
        _decision(1, "ana", "reject_tag", axis="rubrique", code="offre"),
        _decision(2, "ana", "accept_tag", axis="posture", code="demande"),
        _decision(
            3, "bob", "add_tag", axis="rubrique", code="enjeux.social"
        ),  # and leaves: u1 is not coded by bob
        _decision(4, "bob", "confirm_unit", unit_id="u2", value=confirmation([NEEDS, ASKED, HARD])),
        _decision(5, "bob", "reject_tag", unit_id="u2", axis="posture", code="difficulte"),
        _decision(
            6,
            "ana",
            "reject_tag",
            axis="rubrique",
            code="enjeux.social",
            value=arbitration("ana", "bob"),
        ),
        _decision(
            7, "eve", "accept_tag", axis="rubrique", code="offre", value=arbitration("ana", "bob")
        ),
    ]
    tags = _tags("u1", "u2")
    codings = _codings(said)
    for coding in codings_of_people(tags, said):
        assert {
            unit_id: codings.codes(coding.coder, unit_id)
            for unit_id in codings.units_of(coding.coder)
        } == coding.codes
    assert {name: set(codings.units_of(name)) for name in ("ana", "bob", "eve")} == {
        "ana": {"u1"},
        "bob": {"u2"},
        "eve": set(),
    }
    assert (
        codings.people
        == ["ana", "bob"]
        == [coding.coder for coding in codings_of_people(tags, said)]
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"n_units": 29}, "Trop peu"),
        ({"code": "offre", "n_first": 2, "n_second": 3, "n_both": 1}, "trop rare"),
        ({"alpha": None}, "Rien ne varie"),
        ({"alpha": (0.9, 0.8, 1.0)}, "fiable"),
        ({"alpha": (0.8, 0.7, 0.9)}, "provisoires"),
        ({"alpha": (0.5, 0.4, 0.6)}, "insuffisant"),
        ({"alpha": (0.7, 0.5, 0.9)}, "Incertain"),
    ],
)
def test_a_figure_concludes_only_with_enough_behind_it(given: dict[str, Any], told: str) -> None:
    alpha = given.pop("alpha", (0.9, 0.85, 0.95))
    usual = {
        "first": "a",
        "second": "b",
        "axis": "rubrique",
        "code": "tous",
        "n_units": 30,
        "n_first": 20,
        "n_second": 20,
        "n_both": 18,
    }
    figure = agreement.AgreementMeasure(*alpha) if alpha else None
    assert (
        told
        in agreement.AgreementRow(**usual | given, f1=None, kappa=None, alpha=figure).conclusion
    )


def test_only_judged_passages_are_gone_through_again_and_all_come_out_as_by_a_run() -> None:
    units = UNITS.build(
        {
            "unit_id": name,
            "document_id": "d",
            "workshop_id": "w",
            "unit_order": n,
            "start_char": 0,
            "end_char": 4,
            "text": "mots",
        }
        | {"table_number": 1, "question": "q1", "channel": "notes", "speaker": None}
        for n, name in enumerate(("u1", "u2", "u3"))
    )
    machine = {
        "tags": _tags("u1", "u2", "u3"),
        "themes": THEMES.empty(),
        "theme_members": THEME_MEMBERS.empty(),
    }
    machine["theme_families"] = TABLES["theme_families"].empty()
    said = [
        _decision(1, "ana", "confirm_unit", value=confirmation([NEEDS, ASKED])),
        _decision(2, "bob", "reject_tag", unit_id="u2", axis="rubrique", code="offre"),
        _decision(3, "bob", "undo", value="2"),
        _decision(4, "eve", "add_tag", unit_id="u3", axis="rubrique", code="enjeux.social"),
        _decision(
            5,
            "eve",
            "accept_tag",
            unit_id="u3",
            axis="posture",
            code="demande",
            value=arbitration("ana", "bob"),
        ),
    ]
    active = active_decisions(said)
    key = ["unit_id", "axis", "code", "source"]
    found = weightings.reviewed_tags(Snapshot("r", {"units": units}, machine), active, GRID.axes)
    whole = apply_decisions({"units": units, **machine}, said, axes=GRID.axes)["tags"]
    pd.testing.assert_frame_equal(
        *(table.sort_values(key, ignore_index=True) for table in (found, whole))
    )


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_what_was_counted_is_served_while_it_is_counted_again() -> None:
    kept: BackgroundCounts[int] = BackgroundCounts()
    first = kept.get("étude", 1, lambda: 10)
    assert first is not None and (first.value, first.is_current) == (10, True)
    may_end = threading.Event()
    stale = kept.get("étude", 2, lambda: 20 if may_end.wait(10) else 0)
    assert stale is not None and (stale.value, stale.is_current) == (10, False)
    may_end.set()
    newer = stale
    while not newer.is_current:
        newer = kept.get("étude", 2, lambda: 30) or stale
    assert newer.value == 20  # counted once, though asked for again and again


def test_a_count_that_fails_is_told_and_tried_again() -> None:
    kept: BackgroundCounts[int] = BackgroundCounts()

    def fail() -> int:
        raise ValueError

    with pytest.raises(ValueError):
        kept.get("étude", 1, fail)
    again = kept.get("étude", 1, lambda: 3)
    assert again is not None and again.value == 3


def _priorities(rows: list[tuple[str, int, int, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["theme_id", "rank", "rank_low", "rank_high"])


def _decision(number: int, author: str, action: str, unit_id: str = "u1", **told: str) -> Decision:
    known = {"decision_id": number, "decided_at": "2026-11-02T09:00:00+00:00", "author": author}
    return read_decision(known | {"action": action, "unit_id": unit_id} | told)


def _tags(*unit_ids: str) -> pd.DataFrame:
    said = {
        "score": 0.9,
        "is_assigned": True,
        "evidence": "[]",
        "source": "machine",
        "model_version": "m",
    }
    return TAGS.build(
        said | {"unit_id": unit, "axis": axis, "code": code}
        for unit in unit_ids
        for axis, code in (OFFER, HARD)
    )


def _codings(said: list[Decision]) -> Codings:
    proposed = {
        unit_id: [Proposed(*code, 0.9, True, "[]") for code in (OFFER, HARD)]
        for unit_id in ("u1", "u2")
    }
    return Codings.of(said, ["u1", "u2"], proposed, GRID, {})

"""Territories side by side: planes, classes, likeness, reach, evolution; voices, defects of the map."""

import json
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from pipeline.communes.tables import epci_of
from pipeline.compare import contrasts as contrasts_module
from pipeline.compare.contrasts import compare_territories, follow_territories
from pipeline.compare.reach import reach_themes
from pipeline.compare.readings import link_territories, read_territories, signed_chi_square
from pipeline.compare.voices import list_map_problems, list_voices, voices_of_themes
from pipeline.settings.sections import CompareSettings
from pipeline.store import Store
from pipeline.tables.material import ATTENDANCE, CATCHMENTS, STRUCTURES
from pipeline.tables.results import PRIORITIES
from support.invented import DIE, ORTHEZ, said, study, workshops

SETTINGS = CompareSettings(n_draws=60)
LES_VANS = "les-vans-2025-05-20"
LATER = "orthez-2025-09-12"
TEXTS = {
    "cars": "les cars du soir et le bus du lycée",
    "lait": "la laiterie collecte le lait des fermes",
    "haie": "la haie et le bois du bocage",
}


def spread(
    theme_id: str, workshop_id: str, n_units: int, n_tables: int = 4
) -> list[dict[str, Any]]:
    """`n_units` passages about a theme, one a table in turn."""
    text = TEXTS.get(theme_id, theme_id)
    return [
        said(theme_id, 1 + place % n_tables, workshop_id=workshop_id, text=text)
        for place in range(n_units)
    ]


THREE = [
    *spread("cars", ORTHEZ, 12),
    *spread("lait", DIE, 12),
    *spread("haie", LES_VANS, 12),
    *[passage for place in (ORTHEZ, DIE, LES_VANS) for passage in spread("fonds", place, 8)],
]
HELD = workshops(ORTHEZ, DIE, LES_VANS)


def contrasts(tables: dict[str, pd.DataFrame], held: pd.DataFrame = HELD) -> pd.DataFrame:
    return compare_territories(
        tables["units"], tables["tags"], tables["theme_members"], held, settings=SETTINGS
    )


def test_a_theme_said_here_alone_is_its_own_and_one_said_everywhere_is_shared() -> None:
    tables = study(*THREE)
    found = reach_themes(
        tables["units"], tables["theme_members"], contrasts(tables), PRIORITIES.empty(), HELD
    ).set_index("theme_id")
    assert found["reach"].to_dict() == {
        "cars": "propre à un territoire",
        "lait": "propre à un territoire",
        "haie": "propre à un territoire",
        "fonds": "partagé",
    }
    assert json.loads(found.loc["cars", "more_in"]) == ["orthez"]
    assert found.loc["cars", "only_in"] == "orthez" and pd.isna(found.loc["fonds", "only_in"])


def test_a_small_workshop_is_left_out_of_what_is_shared_and_has_no_first_priority() -> None:
    """Two tables are under the minimum of three."""
    held = workshops(ORTHEZ, DIE).assign(n_tables=pd.array([4, 2], dtype="Int64"))
    passages = [
        *spread("cars", ORTHEZ, 12),
        said("lait", 1, workshop_id=DIE),
        said("lait", 2, workshop_id=DIE),
    ]
    tables = study(*passages)
    row = {
        "scope": DIE,
        "theme_id": "lait",
        "rank": 1,
        "score": 0.5,
        "p_top1": 1.0,
        "p_top3": 1.0,
        "p_top5": 1.0,
        "rank_low": 1,
        "rank_high": 1,
    }
    compared = contrasts(tables, held)
    assert set(compared.loc[compared["territory"] == "die", "verdict"]) == {
        "trop peu de matière pour conclure"
    }
    found = reach_themes(
        tables["units"], tables["theme_members"], compared, PRIORITIES.build([row]), held
    ).set_index("theme_id")
    assert (
        found.loc["lait", "reach"] == "trop peu de matière pour conclure"
        and found.loc["lait", "first_in"] == "[]"
    )


def test_the_plane_sets_each_territory_beside_its_own_theme() -> None:
    tables = study(*THREE)
    points = read_territories(
        tables["units"], tables["theme_members"], contrasts(tables), HELD, settings=SETTINGS
    ).factor_points
    plane = points[points["analysis"] == "themes"].set_index("point")
    for territory, theme_id in (("orthez", "cars"), ("die", "lait"), ("les-vans", "haie")):
        toward = plane.loc[territory, ["x", "y"]].to_numpy(dtype=float)
        assert toward @ plane.loc[theme_id, ["x", "y"]].to_numpy(dtype=float) > 0
    assert np.hypot(*plane.loc["fonds", ["x", "y"]].to_numpy(dtype=float)) < 0.05


def test_the_classes_of_words_are_those_of_the_subjects_and_say_where_they_were_said() -> None:
    tables = study(*THREE)
    found = read_territories(
        tables["units"],
        tables["theme_members"],
        contrasts(tables),
        HELD,
        settings=CompareSettings(n_draws=20, n_lexical_classes=3),
    )
    marks = found.lexical_classes
    for lemma, territory in (("lait", "die"), ("haie", "les-vans")):
        (number,) = marks.loc[
            (marks["kind"] == "lemme") & (marks["value"] == lemma), "class_number"
        ]
        assert territory in set(
            marks.loc[(marks["class_number"] == number) & (marks["kind"] == "territoire"), "value"]
        )
    assert found.lexical_members["unit_id"].is_unique


def test_signed_chi_square_is_that_of_two_by_two() -> None:
    """30 of 40 in the class against 20 of 60 outside: 16.67 without correction."""
    found = signed_chi_square(np.array([30.0, 10.0]), np.array([50.0, 50.0]), 40, 100)
    assert found == pytest.approx([16.6667, -16.6667], abs=1e-3)


def test_one_territory_has_no_plane_no_link_and_no_tree() -> None:
    tables, held = study(*spread("cars", ORTHEZ, 6), *spread("lait", ORTHEZ, 6)), workshops(ORTHEZ)
    read = read_territories(
        tables["units"], tables["theme_members"], contrasts(tables, held), held, settings=SETTINGS
    )
    linked = link_territories(tables["units"], tables["theme_members"], held, settings=SETTINGS)
    assert read.factor_points.empty and linked.territory_links.empty and linked.territory_tree.empty


def test_territories_that_say_the_same_join_first_and_chance_is_told() -> None:
    passages = [*THREE, *spread("cars", DIE, 12), *spread("lait", ORTHEZ, 12)]
    tables = study(*passages)
    links, tree = link_territories(
        tables["units"], tables["theme_members"], HELD, settings=SETTINGS
    )
    assert json.loads(tree.loc[0, "members"]) == ["die", "orthez"] and tree.loc[0, "likeness"] == 1
    assert tree.loc[0, "support"] > 0.9 and len(tree) == 2
    verdicts = links.set_index(["territory", "other"])["verdict"]
    assert verdicts[("die", "orthez")] == "comme des tables tirées au sort"
    assert verdicts[("die", "les-vans")] == "plus éloignés que le hasard"


def test_a_second_workshop_tells_what_rose_and_what_fell() -> None:
    passages = [
        *spread("cars", ORTHEZ, 14, 6),
        *spread("lait", LATER, 14, 6),
        *spread("fonds", ORTHEZ, 8, 6),
        *spread("fonds", LATER, 8, 6),
    ]
    tables, held = study(*passages), workshops(ORTHEZ, LATER, DIE)
    found = follow_territories(
        tables["units"], tables["tags"], tables["theme_members"], held, settings=SETTINGS
    ).set_index("theme_id")
    assert found["verdict"].to_dict() == {
        "cars": "en baisse",
        "lait": "en hausse",
        "fonds": "sans changement visible",
    }
    assert found.loc["cars", ["share_before", "share_after"]].tolist() == [1.0, 0.0]


def test_two_workshops_are_compared_again_only_where_what_is_counted_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = study(*spread("cars", ORTHEZ, 14, 6), *spread("lait", LATER, 14, 6))
    held, store = workshops(ORTHEZ, LATER), Store(tmp_path)

    def follow(members: pd.DataFrame) -> pd.DataFrame:
        return follow_territories(
            tables["units"], tables["tags"], members, held, settings=SETTINGS, cache=store
        )

    members = tables["theme_members"]
    found, compare = follow(members), mock.Mock(side_effect=compare_territories)
    monkeypatch.setattr(contrasts_module, "compare_territories", compare)
    moved = members.assign(strength=0.5, probability=0.6).iloc[::-1]
    assert follow(moved).equals(found) and not compare.called
    follow(members.assign(is_counted=[False, *members["is_counted"].iloc[1:]]))
    assert compare.called


def test_territories_that_met_once_have_no_evolution() -> None:
    tables = study(*THREE)
    assert follow_territories(
        tables["units"], tables["tags"], tables["theme_members"], HELD, settings=SETTINGS
    ).empty


# ---- needs, voices, map ----


def structure(structure_id: str, **more: Any) -> dict[str, Any]:
    return {
        "structure_id": structure_id,
        "name": structure_id,
        "is_on_map": True,
        "is_in_attendance": False,
    } | more


def test_a_commune_in_scope_without_anybody_on_the_map_or_in_the_room_is_absent() -> None:
    held = workshops(ORTHEZ).assign(epci_code=epci_of("64430"))
    people = ATTENDANCE.build(
        [
            {
                "participant_id": "p1",
                "workshop_id": ORTHEZ,
                "commune_code": "64430",
                "has_signed": True,
            }
        ]
    )
    found = list_voices(people, STRUCTURES.empty(), held, expected_structure_types=())
    communes = found[found["kind"] == "commune"].set_index("value")
    assert len(communes) > 10 and communes["is_in_scope"].all()
    assert (
        not communes.loc["64430", "is_absent"] and communes["is_absent"].sum() == len(communes) - 1
    )


def test_a_theme_is_carried_by_one_type_where_two_of_its_people_and_nobody_else_say_it() -> None:
    speakers = [
        ("cars", "p1"),
        ("cars", "p2"),
        ("cars", None),
        ("lait", "p1"),
        ("lait", "p3"),
        ("haie", "p1"),
    ]
    tables = study(*[said(theme_id, 1, speaker=speaker) for theme_id, speaker in speakers])
    types = {"p1": "association", "p2": "association", "p3": "coopérative"}
    people = ATTENDANCE.build(
        {"participant_id": name, "workshop_id": ORTHEZ, "structure_type": kind, "has_signed": True}
        for name, kind in types.items()
    )
    found = voices_of_themes(tables["units"], tables["theme_members"], people).set_index("theme_id")
    assert found["is_single_type"].to_dict() == {"cars": True, "lait": False, "haie": False}
    assert found.loc["cars", ["n_units", "n_units_known", "n_speakers"]].tolist() == [3, 2, 2]


def test_each_defect_of_the_map_is_told_and_no_structure_is_lost() -> None:
    bow_tie = json.dumps(
        {"type": "Polygon", "coordinates": [[[2, 50], [3, 51], [3, 50], [2, 51], [2, 50]]]}
    )
    known = STRUCTURES.build(
        [
            structure("a"),
            structure("b", commune_code="saint-martin"),
            structure("c", commune_code="rien-de-connu"),
            structure("d", commune_code="64430", lat=43.49, lon=-0.77),
        ]
    )
    areas = CATCHMENTS.build(
        [
            {"structure_id": "a", "radius_km": 5.0},
            {"structure_id": "b"},
            {"structure_id": "d", "geometry": bow_tie},
        ]
    )
    found = list_map_problems(known, areas)
    told = found.groupby("structure_id")["problem"].agg(list).to_dict()
    assert told["a"] == ["commune inconnue", "sans position", "rayon sans centre"]
    assert told["b"][0].endswith("communes de ce nom") and "zone sans forme ni rayon" in told["b"]
    assert told["c"][0] == "commune non reconnue" and told["d"] == ["contour qui se croise"]

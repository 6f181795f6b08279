"""The comparison as people read it: its part of the report, its charts, the maps on paper and on screen, the command."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree, html

from pipeline.cli import main
from pipeline.compare.contrasts import compare_territories
from pipeline.publish.charts import draw_svg
from pipeline.publish.docx import write_page
from pipeline.publish.html import write_map_page, write_web_page
from pipeline.publish.layout import lay_out
from pipeline.publish.maps import frame_of, map_spec
from pipeline.publish.report import build_report
from pipeline.publish.report.content import (
    Joining,
    MapPoint,
    Plane,
    PlanePoint,
    Report,
    TerritoryMap,
)
from pipeline.publish.territory_charts import draw_comparison, plane_spec, tree_spec
from pipeline.review import territories as review
from pipeline.settings import Settings
from pipeline.settings.sections import PublishSettings
from pipeline.study import Study
from pipeline.tables.material import CATCHMENTS, STRUCTURES
from pipeline.tables.results import MAP_PROBLEMS
from pipeline.tables.schema import REACHES
from support.invented import DIE, ORTHEZ, said, workshops
from support.published import GRID, tables

LES_VANS = "les-vans-2025-05-20"


def spread(theme_id: str, workshop_id: str, n_units: int, text: str) -> list[dict[str, Any]]:
    return [
        said(theme_id, 1 + place % 4, workshop_id=workshop_id, text=text)
        for place in range(n_units)
    ]


def compared(**more: Any) -> dict[str, Any]:
    """All the tables of three territories, each with a theme of its own and one shared, compared; `more` in place of some."""
    return _compared() | more


@cache
def _compared() -> dict[str, Any]:
    from flows.comparison import comparison

    passages = [
        *spread("cars", ORTHEZ, 12, "plus de car ni de bus le soir à Orthez"),
        *spread("lait", DIE, 12, "la laiterie collecte le lait des fermes"),
        *spread("haie", LES_VANS, 12, "la haie et le bois du bocage"),
        *[
            passage
            for place in (ORTHEZ, DIE, LES_VANS)
            for passage in spread("fonds", place, 8, "des subventions trop courtes")
        ],
    ]
    made = tables(*passages) | {"workshops": workshops(ORTHEZ, DIE, LES_VANS)}
    known = {
        "name": "Coop'Lait & <fils>",
        "structure_type": "coopérative",
        "commune_code": "64430",
        "lat": 43.49,
        "lon": -0.77,
    }
    made["structures"] = STRUCTURES.build(
        [
            {
                "structure_id": "coop-lait",
                "is_on_map": True,
                "is_in_attendance": True,
                "map_workshop_ids": f'["{ORTHEZ}"]',
            }
            | known
        ]
    )
    made["catchments"] = CATCHMENTS.build([{"structure_id": "coop-lait", "radius_km": 12.0}])
    return made | comparison(made, Settings())


def report(made: dict[str, Any] | None = None) -> Report:
    return build_report(
        made or compared(),
        grid=GRID,
        settings=PublishSettings(),
        title="Étude d'essai",
        made_on="2025-06-01",
    )


@pytest.mark.slow
def test_the_part_on_territories_says_what_is_shared_what_is_specific_and_what_is_missing(
    tmp_path: Path,
) -> None:
    content = report()
    write_web_page(lay_out(content, "territoires"), tmp_path / "c.html")
    write_page(lay_out(content, "territoires"), tmp_path / "c.docx")
    shown = re.sub(r"\s+", " ", html.fromstring((tmp_path / "c.html").read_bytes()).text_content())
    assert "Partagés Fonds" in shown and "Dits dans un seul territoire" not in shown
    rests_on = "(dit à 4 tables sur 4, à aucune des 8 tables ailleurs)"
    assert f"orthez : Cars {rests_on}" in shown and f"die : Lait {rests_on}" in shown
    assert "▲ propre à ce territoire" in shown and "propre à un autre territoire" in shown
    assert "plus éloignés que le hasard" in shown and "Besoins sans réponse connue" in shown
    assert "Toutes les" not in shown and "Annexe" not in shown
    assert "64430" not in shown


def test_a_theme_of_one_territory_with_too_little_elsewhere_is_told_apart() -> None:
    made = compared()
    is_cars = made["theme_reach"]["theme_id"] == "cars"
    reach = made["theme_reach"].assign(
        reach=made["theme_reach"]["reach"].mask(is_cars, REACHES[-1])
    )
    reading = report(made | {"theme_reach": reach}).reading
    assert [text.split(" (")[0] for text in reading.only_there] == ["orthez\u00a0: Cars"]
    assert not any("Cars" in text for text in reading.own)


def test_the_review_lists_the_themes_of_one_territory_its_own_first() -> None:
    made, labels = compared(), {"cars": "Cars", "lait": "Lait", "haie": "Haies"}
    is_cars = made["theme_reach"]["theme_id"] == "cars"
    reach = made["theme_reach"].assign(
        reach=made["theme_reach"]["reach"].mask(is_cars, REACHES[-1])
    )
    rows = review.only_there(made | {"theme_reach": reach}, labels)
    listed = [(row["label"], row["only_in"], row["is_own"]) for row in rows]
    assert sorted(listed[:2]) == [("Haies", "les-vans", True), ("Lait", "die", True)]
    assert listed[2:] == [("Cars", "orthez", False)]
    nowhere = reach.assign(only_in=None, reach=REACHES[-1])
    assert review.only_there(made | {"theme_reach": nowhere}, labels) == []
    heat = review.heat_map(made, GRID, labels, {}, subject="theme")
    cells = {name: cells for name, _, cells in heat.rows}
    assert [cell.verdict for cell in cells["cars"] if cell and cell.is_affirmed][-1:] == [
        "propre à ce territoire"
    ]


def test_territories_without_notes_of_a_room_are_not_compared(tmp_path: Path) -> None:
    mails = [
        said(theme, None, "distance", channel="mail", document_id=f"{place}-{n}", workshop_id=place)
        for theme, place in (("cars", ORTHEZ), ("lait", DIE))
        for n in range(4)
    ]
    made = tables(*mails) | {"workshops": workshops(n_tables=None)}
    made["contrasts"] = compare_territories(
        made["units"],
        made["tags"],
        made["theme_members"],
        made["workshops"],
        settings=Settings().compare,
    )
    write_web_page(lay_out(report(made), "territoires"), tmp_path / "c.html")
    shown = html.fromstring((tmp_path / "c.html").read_bytes()).text_content()
    assert "des notes prises en salle dans deux territoires" in shown
    assert "trop peu de matière" not in shown


def test_a_shared_theme_with_a_lead_says_where_it_may_be_more() -> None:
    made = compared()
    is_lead = (made["contrasts"]["subject_id"] == "fonds") & (
        made["contrasts"]["territory"] == "die"
    )
    leaning = report(made | {"contrasts": made["contrasts"].assign(is_lead=is_lead)}).reading.shared
    assert (report(made).reading.shared, leaning) == (
        ("Fonds",),
        ("Fonds (peut-être davantage\u00a0: die)",),
    )


def test_defects_of_the_map_are_listed(tmp_path: Path) -> None:
    problem = MAP_PROBLEMS.build(
        [
            {
                "structure_id": "coop-lait",
                "problem": "contour qui se croise",
                "advice": "retracer la zone",
            }
        ]
    )
    write_web_page(lay_out(report(compared(map_problems=problem)), "annexe"), tmp_path / "c.html")
    assert "Contour qui se croise" in (tmp_path / "c.html").read_text(encoding="utf-8")


# ---- charts ----

PLANE = Plane(
    "themes",
    (PlanePoint("territoire", "Orthez", 1.0, 0.2), PlanePoint("thème", "Cars & gares", 1.2, 0.3)),
    (0.8, 0.2),
)
MAP = TerritoryMap(
    "Orthez",
    (("Orthez", ((-0.85, 43.4), (-0.65, 43.4), (-0.65, 43.55), (-0.85, 43.55))),),
    (("Laiterie", ((-0.9, 43.3), (-0.6, 43.3), (-0.6, 43.6))),),
    (MapPoint("Laiterie", "coopérative", 43.49, -0.77),),
    0,
)
TREE = (Joining(("a", "b"), 0.8), Joining(("a", "b", "c"), 0.5))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (plane_spec(PLANE), ["Orthez", "Cars & gares", "Axe 1 (80", "Axe 2 (20"]),
        (tree_spec(TREE), ["a", "b", "c", "Part de ce qui est dit en commun"]),
        (map_spec(MAP), ["Laiterie"]),
    ],
)
def test_a_chart_is_drawn_with_its_names_inside_its_frame(spec: Any, words: list[str]) -> None:
    drawing = etree.fromstring(draw_svg(spec))
    shown = " ".join(drawing.itertext()).replace("\u00a0", " ").replace("\u202f", " ")
    assert [word for word in words if word not in shown] == []
    assert json.dumps(spec) and float(drawing.get("width")) > 200


def test_points_at_one_place_are_named_together() -> None:
    points = tuple(
        PlanePoint("lemme", name, 0.5, 0.5) for name in ("bois", "ferme", "haie", "vache")
    )
    shown = "".join(
        etree.fromstring(draw_svg(plane_spec(Plane("lemmes", points, (1.0, 0.0))))).itertext()
    )
    assert "bois, ferme, haie, …" in shown


def test_the_frame_holds_communes_and_structures_and_fills_its_page() -> None:
    frame = frame_of(MAP)
    assert all(frame.holds(lon, lat) for lon, lat in ((-0.85, 43.4), (-0.65, 43.55)))
    assert frame.spot(*frame.low) == (0, frame.size[1]) and frame.spot(*frame.high)[1] == 0
    assert frame.low[0] > -1.1 and frame.high[1] < 43.7


def test_every_chart_of_the_comparison_has_its_specification_and_two_drawings() -> None:
    drawn = draw_comparison(report())
    assert set(drawn) == {"plan-themes", "plan-lemmes", "arbre", "carte-orthez"}
    assert all(svg.startswith("<svg") and png[:4] == b"\x89PNG" for _, svg, png in drawn.values())


# ---- the page of maps ----


def test_the_page_of_maps_asks_nothing_outside_and_names_every_structure(tmp_path: Path) -> None:
    assert write_map_page(report(), tmp_path / "carte.html")
    text = (tmp_path / "carte.html").read_text(encoding="utf-8")
    page = html.fromstring(text)
    assert page.xpath("//link | //img | //iframe | //object | //script[@src]") == []
    assert re.findall(r"https?://|url\(", text) == [] and "default-src 'none'" in text
    assert page.xpath("//aside//button/@data-name") == ["Coop'Lait & <fils>"]
    assert (
        page.xpath("//fils") == []
        and len(page.xpath("//*[@class='commune']")) > 10
        and len(page.xpath("//*[@class='zone']")) == 1
    )
    assert {name.get("aria-label")[:5] for name in page.xpath("//svg")} == {"Carte"}


def test_without_structures_there_is_no_page_of_maps(tmp_path: Path) -> None:
    assert not write_map_page(
        report(compared(structures=STRUCTURES.empty())),
        tmp_path / "carte.html",
    )
    assert not (tmp_path / "carte.html").exists()


def test_the_same_study_gives_the_same_page(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_map_page(report(), tmp_path / f"{name}.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


# ---- the command ----


@pytest.mark.slow
def test_compare_writes_tables_charts_map_and_report_and_leaves_the_study_as_it_was(
    demo_study: Study, capsys: Any
) -> None:
    before = demo_study.table_hashes()
    assert main(["compare", str(demo_study.root)]) == 0
    folder = demo_study.root / "exports" / "comparaison"
    names = {path.name for path in folder.iterdir()}
    assert {
        "comparaison.html",
        "comparaison.docx",
        "carte.html",
        "tableaux",
        "plan-themes.png",
        "arbre.svg",
        "carte-roubaix.vl.json",
    } <= names
    assert (folder / "tableaux" / "contrasts.csv").exists() and not (
        folder / "tableaux" / "units.csv"
    ).exists()
    assert demo_study.table_hashes() == before and "comparaison" in capsys.readouterr().out
    assert main(["compare", str(demo_study.root), "--json"]) == 0
    assert {"contrasts", "gaps", "theme_reach"} <= set(json.loads(capsys.readouterr().out))


@pytest.mark.slow
def test_the_flow_compares_a_study_by_itself(demo_study: Study) -> None:
    from flows.served_flows import compare_territories

    n_rows = compare_territories(demo_study.root)
    assert n_rows["territory_tree"] == 2 and n_rows["contrasts"] > 50

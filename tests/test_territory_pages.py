"""A page a territory: its sentences, its map, its parts, and the web map where one area is lit at a time."""

from dataclasses import replace
from functools import cache
from itertools import combinations
from math import dist
from pathlib import Path

import pandas as pd
import pytest
from test_territory_report import compared

from pipeline.geometry import circle
from pipeline.publish.html import write_map_page
from pipeline.publish.labels import apart, place_names
from pipeline.publish.layout.blocks import (
    PageDraft,
    PageFigure,
    PageParagraph,
    Quotes,
    Section,
    Terms,
)
from pipeline.publish.layout.catchments import cover_sentences, reach_sentence
from pipeline.publish.layout.presence import _unknown_sentence, absent_sentence, people_sentence
from pipeline.publish.layout.territories import (
    recurring_sentence,
    territory_section,
)
from pipeline.publish.maps import UNCOVERED, commune_colours, frame_of, mark_places
from pipeline.publish.report.content import AbsentVoices, MapCommune, MapPoint, Report, TerritoryMap
from pipeline.publish.text import CountMask, Tally
from pipeline.tables.material import CATCHMENTS
from pipeline.tables.schema import REACHES
from support.invented import ORTHEZ, workshops
from support.published import passages, report, tables

CHROMIUM = Path("/usr/bin/chromium")
AREA = ((-0.9, 43.3), (-0.6, 43.3), (-0.6, 43.6))


@cache
def mapped() -> dict[str, pd.DataFrame]:
    """The small study, with a structure on Orthez's map and an area of 12 km."""
    made = tables()
    on_map = {"map_workshop_ids": f'["{ORTHEZ}"]', "commune_code": "64430"}
    area = CATCHMENTS.build([{"structure_id": "coop-lait", "radius_km": 12.0}])
    return made | {"structures": made["structures"].assign(**on_map), "catchments": area}


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("’", "'")


def town(name: str, *covered_by: str, is_member: bool = True) -> MapCommune:
    return MapCommune(name, 43.4, -0.7, is_member, 0, covered_by)


def drawn(*towns: MapCommune, areas: tuple[str, ...] = ("A", "B"), n_more: int = 0) -> TerritoryMap:
    names = (*areas, *(f"sans zone {n}" for n in range(n_more)))
    return TerritoryMap(
        name="Béarn",
        communes=(),
        areas=tuple((name, AREA) for name in areas),
        structures=tuple(MapPoint(name, "association", 43.4, -0.7) for name in names),
        n_unplaced=0,
        authority="CC de Lacq-Orthez",
        towns=towns,
    )


# ---- the sentences of a map ----

OF_THE_AUTHORITY = "de l'intercommunalité (CC de Lacq-Orthez)"
COVER = [
    (
        drawn(town("Orthez", "A", "B"), town("Mourenx", "A"), town("Lacq")),
        f"2 communes ont leur centre dans une zone de chalandise au moins, sur les 3 {OF_THE_AUTHORITY}. "
        "Lacq n'en a pas. Orthez est la commune la plus couverte, par 2 structures. "
        "1 commune n'est couverte que par une seule structure.",
    ),
    (
        drawn(town("Orthez", "A", "B"), town("Mourenx", "A", "B")),
        f"Les 2 communes {OF_THE_AUTHORITY} ont toutes leur centre dans une zone de chalandise au moins. "
        "Orthez et Mourenx sont les communes les plus couvertes, par 2 structures chacune.",
    ),
    (
        drawn(town("Orthez", "A"), *[town(name) for name in ("Mourenx", "Lacq", "Artix", "Mont")]),
        f"1 commune a son centre dans une zone de chalandise au moins, sur les 5 {OF_THE_AUTHORITY}. "
        "Parmi les plus peuplées, Mourenx, Lacq et Artix n'en ont pas. "
        "Aucune commune n'est couverte par plus d'une structure.",
    ),
    (
        drawn(town("Orthez"), town("Mourenx"), n_more=1),
        f"Aucune des 2 communes {OF_THE_AUTHORITY} n'a son centre dans une zone de chalandise. "
        "1 structure de la carte, sans zone, n'y est pas comptée.",
    ),
    (
        drawn(*[town(name, "A", "B") for name in ("Orthez", "Mourenx", "Lacq", "Artix", "Mont")]),
        f"Les 5 communes {OF_THE_AUTHORITY} ont toutes leur centre dans une zone de chalandise au moins. "
        "Orthez, Mourenx, Lacq et 2 autres communes sont les plus couvertes, par 2 structures chacune.",
    ),
    (
        replace(drawn(town("Orthez", "A"), town("Pau", "A", is_member=False)), authority=""),
        "La seule commune des intercommunalités où sont ces structures a son centre dans une zone de chalandise au moins. "
        "Aucune commune n'est couverte par plus d'une structure.",
    ),
    (
        drawn(town("Orthez"), areas=(), n_more=2),
        "Aucune zone de chalandise n'est tracée sur la carte : elle ne dit pas quelles communes sont desservies.",
    ),
]


@pytest.mark.parametrize(("shown", "expected"), COVER)
def test_a_map_says_which_communes_are_covered_which_are_not_and_where_areas_overlap(
    shown: TerritoryMap, expected: str
) -> None:
    assert plain(" ".join(cover_sentences(shown))) == expected


def test_each_structure_says_what_its_area_covers() -> None:
    shown = drawn(town("Orthez", "A", "B"), town("Lacq", "A"), areas=("A", "B", "C"), n_more=1)
    said = [plain(reach_sentence(shown, point)) for point in shown.structures]
    assert said == [
        "Sa zone couvre 2 communes : Orthez et Lacq.",
        "Sa zone couvre 1 commune : Orthez.",
        "Sa zone ne couvre le centre d'aucune commune de la carte.",
        "Sa zone de chalandise n'est pas connue.",
    ]


def test_a_commune_is_covered_where_an_area_holds_its_centre() -> None:
    (shown,) = report(mapped()).reading.maps
    by_name = {one.name: one for one in shown.towns}
    assert by_name["Orthez"].covered_by == ("Coop'Lait & fils",)
    assert by_name["Orthez"].n_structures == 1 and by_name["Orthez"].is_member
    assert [one.name for one in shown.towns][:1] == ["Orthez"]  # the largest
    far = [one for one in shown.towns if not one.covered_by]
    assert far and commune_colours(shown)[far[0].name] == UNCOVERED
    assert len(circle((43.49, -0.77), 12.0)) == len(shown.areas[0][1])


# ---- who came ----

PEOPLE: list[tuple[Tally, Tally | None, list[tuple[str, Tally]], bool, str]] = [
    (
        28,
        20,
        [("association", 10), ("élu", CountMask.SMALL), ("coopérative", 3), ("autre", 0)],
        False,
        "28 personnes, de 20 structures, étaient là : associations (10), coopératives (3), et aussi élus.",
    ),
    (6, None, [("association", 6)], False, "6 personnes étaient là : associations (6)."),
    (
        4,
        2,
        [("non précisé", 4)],
        True,
        "4 personnes, de 2 structures, étaient inscrites, sur une liste que personne n'a signée.",
    ),
    (
        CountMask.SMALL,
        CountMask.SMALL,
        [("élu", CountMask.SMALL)],
        False,
        "Moins de 3 personnes étaient là : élus.",
    ),
    (
        CountMask.WITHHELD,
        3,
        [],
        False,
        "Un nombre non communiqué de personnes, de 3 structures, étaient là.",
    ),
    (0, 0, [], False, "La liste d'émargement ne compte personne."),
    (1, 1, [("élu", 1)], False, "1 personne, de 1 structure, était là : élus (1)."),
]


@pytest.mark.parametrize(("n_people", "n_structures", "types", "is_unsigned", "expected"), PEOPLE)
def test_who_came_is_a_sentence_and_small_counts_stay_masked(
    n_people: Tally,
    n_structures: Tally | None,
    types: list[tuple[str, Tally]],
    is_unsigned: bool,
    expected: str,
) -> None:
    said = people_sentence(n_people, n_structures, types, least=3, is_unsigned=is_unsigned)
    assert plain(said) == expected


ABSENT = [
    (((), (), ""), ""),
    (
        (("collectivité", "élu"), (), ""),
        "Personne n'y a été reconnu pour ces types attendus : collectivités et élus.",
    ),
    (
        ((), ("Arthez-de-Béarn",), "12 autres communes de l'intercommunalité, dont Mourenx"),
        "Personne n'y a été reconnu pour Arthez-de-Béarn, commune placée sur la carte, "
        "ni pour 12 autres communes de l'intercommunalité, dont Mourenx.",
    ),
    (
        ((), ("Artix", "Lacq"), ""),
        "Personne n'y a été reconnu pour Artix et Lacq, communes placées sur la carte.",
    ),
]


@pytest.mark.parametrize(("missing", "expected"), ABSENT)
def test_who_was_not_there_is_a_sentence(
    missing: tuple[tuple[str, ...], tuple[str, ...], str], expected: str
) -> None:
    assert plain(absent_sentence(AbsentVoices("orthez", *missing))) == expected


# ---- what comes back ----

RETURNING = [
    ([], ""),
    (["Cars"], "Y revient « Cars »."),
    (["Cars", "Lait"], "Y reviennent « Cars » et « Lait »."),
    (["L" * 120, "M" * 60], f"Y revient « {'L' * 120} »."),
]


@pytest.mark.parametrize(("themes", "expected"), RETURNING)
def test_what_comes_back_is_named_on_two_lines_at_most(themes: list[str], expected: str) -> None:
    assert plain(recurring_sentence(themes)) == expected


# ---- the page ----

PARTS = ["priorites", "fierte", "structures", "ameliorer", "maillage", "presence"]


def territories(made: dict[str, pd.DataFrame]) -> Section:
    return territory_section(report(made), PageDraft())


@cache
def small_report() -> Report:
    return report(tables())


@cache
def small_study() -> Section:
    return territories(mapped())


def text_of(section: Section) -> str:
    said = []
    for block in section.blocks:
        if isinstance(block, PageParagraph):
            said.append(block.text)
        elif isinstance(block, Terms):
            said += [" ".join(entry) for entry in block.entries]
        elif isinstance(block, Quotes):
            said += [f"« {quote.text} » ({quote.where})" for quote in block.quotes]
    return plain(" ".join(said))


def test_each_territory_has_its_six_parts_in_order_and_the_next_starts_a_page() -> None:
    pages = small_study().sections
    assert [plain(page.title) for page in pages] == ["orthez", "die"]
    assert [page.starts_page for page in pages] == [False, True]
    for i, page in enumerate(pages):
        assert [part.anchor for part in page.sections] == [f"territoire-{i}-{p}" for p in PARTS]


def test_each_part_says_what_was_said_and_nothing_is_a_line() -> None:
    orthez, die = (
        {part.anchor[13:]: part for part in page.sections} for page in small_study().sections
    )
    assert text_of(orthez["priorites"]) == (
        "Cars. Environ 2 tables sur 4 en parlent. "
        "Lait. Environ 1 table sur 4 en parle. Y répond : Coop'Lait & fils."
    )
    assert text_of(orthez["fierte"]) == (
        "1 table sur 4 en parle. « la laiterie collecte 1 200 litres par jour » (table 3)"
    )
    assert "un minibus le samedi, porté par les communes » (table 1)" in text_of(
        orthez["ameliorer"]
    )
    assert text_of(die["fierte"]) == "Rien n'a été noté de ce dont on est fier."
    assert any(isinstance(block, PageFigure) for block in orthez["maillage"].blocks)
    assert text_of(die["maillage"]) == (
        "Aucune structure n'a été placée sur une carte : le maillage n'est pas connu."
    )
    assert text_of(die["presence"]).startswith("Moins de")


HEADS = [
    (
        {},
        "Avec ce qui a été noté, aucun thème ne peut être dit commun à tous les territoires, ni propre à l'un d'eux.",
    ),
    (
        {"cars": (REACHES[0], None), "lait": (REACHES[1], "orthez")},
        "« Cars » revient à peu près autant dans tous les territoires. "
        "« Lait » est propre à un territoire, orthez : dit à 3 tables sur 4, à aucune des 4 tables ailleurs.",
    ),
    (
        {"cars": (REACHES[0], None), "lait": (REACHES[0], None)},
        "« Cars » et « Lait » reviennent à peu près autant dans tous les territoires.",
    ),
]


@pytest.mark.parametrize(("reaches", "expected"), HEADS)
def test_the_section_opens_with_what_is_common_and_what_is_one_territory_s_own(
    reaches: dict[str, tuple[str, str | None]], expected: str
) -> None:
    rests_on = "dit à 3 tables sur 4, à aucune des 4 tables ailleurs"
    reach = pd.DataFrame(
        [
            {"theme_id": name, "reach": reach, "only_in": where, "rests_on": rests_on}
            for name, (reach, where) in reaches.items()
        ],
        columns=["theme_id", "reach", "only_in", "rests_on"],
    )
    made = small_report()
    material = replace(made.material, tables={**made.material.tables, "theme_reach": reach})
    section = territory_section(replace(made, material=material), PageDraft())
    assert text_of(section) == expected


def test_no_passage_is_quoted_twice_on_the_pages() -> None:
    quotes = [
        quote.text
        for page in small_study().sections
        for part in page.sections
        for block in part.blocks
        if isinstance(block, Quotes)
        for quote in block.quotes
    ]
    assert quotes and len(quotes) == len(set(quotes))


def test_one_workshop_alone_has_the_same_parts_without_its_priorities_again() -> None:
    said = [one for one in passages() if one.get("workshop_id", ORTHEZ) == ORTHEZ]
    alone = territories(tables(*said, held=workshops(ORTHEZ)))
    assert [part.anchor for part in alone.sections] == [f"territoire-0-{p}" for p in PARTS[1:]]


# ---- names and marks that do not overlap ----


@pytest.mark.parametrize("n_marks", [2, 9, 13])
def test_marks_at_one_spot_are_moved_until_none_covers_another(n_marks: int) -> None:
    centres = apart([(200.0, 100.0)] * n_marks, 9.0, (400.0, 200.0))
    assert all(dist(*pair) >= 17.9 for pair in combinations(centres, 2))
    assert all(9 <= x <= 391 and 9 <= y <= 191 for x, y in centres)


def test_a_name_without_room_is_left_out_unless_it_may_go_farther() -> None:
    taken = [(60.0, 60.0, 140.0, 140.0)]
    assert place_names(["Orthez"], [(100.0, 100.0)], (300.0, 300.0), taken) == {}
    (place,) = place_names(["Orthez"], [(100.0, 100.0)], (300.0, 300.0), taken, n_far=1).values()
    assert not (60 < place[0] < 140 and 60 < place[1] < 140)


def test_every_structure_has_its_mark_inside_the_frame() -> None:
    shown = drawn(town("Orthez", "A"), areas=("A", "B", "C"))
    frame = frame_of(shown)
    marks = mark_places(shown, frame, 8.5)
    assert len(marks) == 3 and all(
        0 < x < frame.size[0] and 0 < y < frame.size[1] for x, y in marks
    )


# ---- the web map ----


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is missing")
def test_one_area_is_lit_at_a_time_and_without_script_all_is_readable(tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = tmp_path / "carte.html"
    made = compared()
    other = {"structure_id": "haie", "name": "La Haie", "lat": 43.45, "lon": -0.6}
    structures = made["structures"]
    made["structures"] = pd.concat([structures, structures.assign(**other)], ignore_index=True)
    catchments = made["catchments"]
    second = catchments.assign(structure_id="haie", radius_km=5.0)
    made["catchments"] = pd.concat([catchments, second], ignore_index=True)
    assert write_map_page(report(made), path)
    lit = "[...document.querySelectorAll('.zone.on')].map(one => one.dataset.name)"
    with playwright.sync_playwright() as session:
        chromium = session.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path.as_uri())
        first, second_button = (page.locator("li button").nth(n) for n in (0, 1))
        assert page.evaluate(lit) == []
        first.hover()
        assert page.evaluate(lit) == ["Coop'Lait & <fils>"]
        detail = page.locator(".detail").inner_text()
        assert "communes :" in plain(detail) and "Orthez" in detail
        second_button.focus()
        assert page.evaluate(lit) == ["La Haie"]
        second_button.press("Enter")
        page.mouse.move(0, 0)
        assert page.evaluate(lit) == ["La Haie"]  # chosen, it stays
        assert page.locator("li button[aria-pressed=true]").count() == 1
        page.locator("svg .structure").first.hover()
        assert page.evaluate(lit) == ["Coop'Lait & <fils>"]
        page.keyboard.press("Escape")
        page.mouse.move(0, 0)
        assert page.evaluate(lit) == [] and errors == []
        context = chromium.new_context(java_script_enabled=False)
        still = context.new_page()
        still.goto(path.as_uri())
        assert still.locator("section.territory").first.is_visible()
        assert still.locator("li p").first.is_visible() and not still.locator(".bar").is_visible()
        chromium.close()


@pytest.mark.parametrize(
    ("n", "n_people", "said"),
    [
        (27, 33, "Le type de structure n'est pas connu pour 27 personnes sur 33."),
        (3, 33, ""),
        (0, 33, ""),
        (CountMask.SMALL, 8, ""),
    ],
)
def test_an_unknown_type_is_told_where_it_hides_who_did_not_come(n, n_people, said) -> None:
    assert _unknown_sentence(n, n_people).replace("\xa0", " ").replace("’", "'") == said

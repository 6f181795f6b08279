"""The chapter on what exists: one line a structure, nothing added up that may be the same."""

from typing import Any

import pytest

from pipeline.publish.layout.blocks import PageDraft, PageParagraph, PageTable, Section
from pipeline.publish.layout.offers import offer_list, offer_section
from pipeline.tables.results import OFFERS
from support.published import report, tables

NBSP, NARROW = "\u00a0", "\u202f"


def offer(**more: Any) -> dict[str, Any]:
    quantity = more.get("quantity")
    return {
        "unit_id": "u006",
        "offer_id": "o1",
        "structure_id": "coop-lait",
        "structure_name": "Coop'Lait & fils",
        "activity": "lait collecté",
        "sector": "alimentation et agriculture",
        "pillars": "[]",
        "quantity_unit": None if quantity is None else "litres",
        "quantity_low": quantity,
        "quantity_high": quantity,
    } | more


def section(*offers: dict[str, Any], made: Any = offer_section) -> Section:
    result: Section = made(report(tables(offers=OFFERS.build(offers))), PageDraft())
    return result


def table_of(chapter: Section) -> PageTable:
    return next(block for block in chapter.blocks if isinstance(block, PageTable))


def text_of(chapter: Section) -> str:
    return " ".join(block.text for block in chapter.blocks if isinstance(block, PageParagraph))


def test_a_structure_has_one_line_with_what_it_does_for_whom_how_much_and_a_passage() -> None:
    chapter = section(
        offer(quantity=1200.0, year=2025, public="écoles du canton"),
        offer(offer_id="o2", activity="tournées à domicile"),
    )
    ((structure, done, quantities, passage),) = table_of(chapter).rows
    assert structure == "Coop'Lait & fils\northez"
    assert done == f"Lait collecté{NARROW}; tournées à domicile\nPour{NBSP}: écoles du canton"
    assert quantities == f"1{NARROW}200 litres (2025)"
    assert passage.startswith("«")


SAID = [
    ("once", [offer(quantity=112.0)], "112 litres"),
    (
        "twice the same",
        [offer(quantity=112.0), offer(quantity=112.0, unit_id="u007")],
        "112 litres",
    ),
    (
        "two that differ are a range",
        [offer(quantity=112.0), offer(quantity=130.0, unit_id="u007")],
        "112 à 130 litres",
    ),
    (
        "two of two years are told by year",
        [
            offer(quantity=130.0, year=2025),
            offer(quantity=112.0, year=2024, unit_id="u007"),
        ],
        "112 (2024) et 130 (2025) litres",
    ),
    ("unknown is no 0", [offer()], "–"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("offers", "said"), [case[1:] for case in SAID], ids=[c[0] for c in SAID])
def test_quantities_of_a_line_are_never_added(offers: list[dict[str, Any]], said: str) -> None:
    assert table_of(section(*offers)).rows[0][2] == said


def test_what_nobody_named_goes_last_and_what_has_no_name_at_all_is_not_listed() -> None:
    nobody = {"structure_id": None, "structure_name": None}
    chapter = section(
        offer(offer_id="o1", activity="abris à vélos", **nobody),
        offer(offer_id="o2", unit_id="u007"),
        offer(offer_id="o3", unit_id="u008", activity=None, quantity=3.0, **nobody),
        offer(
            offer_id="o4",
            unit_id="u005",
            activity="repas servis",
            structure_kind="cantine",
            **nobody,
        ),
    )
    names = [row[0].split("\n")[0] for row in table_of(chapter).rows]
    assert names == ["Coop'Lait & fils", "Structure à retrouver", "Structure à retrouver (cantine)"]
    assert f"Pour 2{NBSP}autres activités, la structure est à retrouver." in text_of(chapter)


def test_the_opening_counts_structures_described_and_quantified() -> None:
    chapter = section(
        offer(quantity=12.0),
        offer(
            offer_id="o2",
            unit_id="u007",
            structure_id=None,
            structure_name="Ressourcerie du Pré",
            activity=None,
            quantity=3.0,
        ),
    )
    assert (
        f"Les passages nomment 2{NBSP}structures pour ce qui existe déjà{NBSP}: l’activité est décrite "
        f"pour 1{NBSP}structure, une quantité est dite pour 2{NBSP}structures."
    ) in text_of(chapter)


def test_only_quantities_of_different_structures_are_added() -> None:
    other = offer(
        offer_id="o2", unit_id="u007", structure_id=None, structure_name="Laiterie du Pré"
    )
    both = section(offer(quantity=112.0), other | offer_quantity(40.0))
    assert "152" not in text_of(both)  # a measure may be of other things
    things = [
        one | {"quantity_unit": "paniers"}
        for one in (offer(quantity=112.0), other | offer_quantity(40.0))
    ]
    assert f"alimentation et agriculture{NBSP}: 152 paniers (2{NBSP}structures)" in text_of(
        section(*things)
    )
    assert "152" not in text_of(section(offer(quantity=112.0), offer(offer_id="o2", quantity=40.0)))


def offer_quantity(quantity: float) -> dict[str, Any]:
    names = ("quantity", "quantity_low", "quantity_high")
    return dict.fromkeys(names, quantity) | {"quantity_unit": "litres"}


def test_lines_that_do_not_fit_are_in_the_annex() -> None:
    many = [
        offer(
            offer_id=f"o{n}",
            unit_id=f"u{n % 8:03d}",
            structure_id=None,
            structure_name=f"Coop {n}",
            activity=f"repas {n}",
        )
        for n in range(1, 20)
    ]
    chapter, annex = section(*many), section(*many, made=offer_list)
    n_shown = len(table_of(chapter).rows)
    assert n_shown < len(table_of(annex).rows) == 19
    assert f"{19 - n_shown}{NBSP}autres lignes sont dans l’annexe technique." in text_of(chapter)


def test_the_annex_tells_each_sector() -> None:
    annex = section(offer(quantity=1200.0), made=offer_list)
    sectors = [block for block in annex.blocks if isinstance(block, PageTable)][1]
    assert sectors.rows == (("Alimentation et agriculture", "1", "1", f"1{NARROW}200 litres"),)


def test_without_offers_the_chapter_is_one_line_and_the_annex_has_none() -> None:
    assert text_of(section()) == "Aucun passage ne décrit d’activité existante."
    assert not section(made=offer_list).blocks

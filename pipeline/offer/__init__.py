"""List the goods and services that exist on the territory, with the quantities that people give.

Precision before recall: a number is kept only where its noun, its clause and the passage's codes all say that it exists. A passage tagged
as an offer without such a number is one row without quantity. On 120 passages of eight training files that the extractor had never met,
precision was 0.92 and recall 0.82 at first sight; after a look at the errors of one half, 0.98 and 0.91 on the other half. On 72 more
written for the test, 0.88 and 0.84 at first sight, 0.96 and 0.95 after a look; on 40 written after that, 0.92 and 0.85, then 0.96 and
0.96 (tests/offer/).

In:   units, tags (the passages tagged as an offer, or as an innovation that works), structures
Out:  offers   one row a quantity, or a passage without one; structure_id where the passage names a known structure
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pandas as pd
from spacy.tokens import Doc

from pipeline.french import fold, parse
from pipeline.grid import PILIER, POSTURE, RUBRIQUE, Grid
from pipeline.kept import by_text
from pipeline.offer.activity import activity_before, activity_of
from pipeline.offer.carriers import Carriers
from pipeline.offer.numbers import find_numbers, lexicon
from pipeline.offer.quantities import Quantity, quantities_of
from pipeline.sectors import sectors_of
from pipeline.tables import OFFERS
from pipeline.tokens import plain_texts

__all__ = ["list_offers", "tells_offers"]

_OFFER, _INNOVATION = "offre", "innovation"
_WISHED = {"proposition", "demande"}
_WORKS = {"force", "constat"}


def list_offers(units: pd.DataFrame, tags: pd.DataFrame, structures: pd.DataFrame) -> pd.DataFrame:
    """Return the offers in the order of unit_id, then of the passage; several quantities of a passage are several rows."""
    candidates = _candidates(units, tags)
    carriers, pillars = Carriers(structures), _pillars(tags)
    told = _told(candidates, carriers, structures)
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for unit_id, offers in zip(candidates["unit_id"], told, strict=True):
        for offer in offers:
            row = {"unit_id": str(unit_id)} | offer
            rows.setdefault(tuple(row.get(name) for name in OFFERS.key), row | {"pillars": json.dumps(pillars.get(unit_id, []))})
    return OFFERS.build(rows.values())


def _told(candidates: pd.DataFrame, carriers: Carriers, structures: pd.DataFrame) -> list[list[dict[str, Any]]]:
    """What each candidate tells, but for its unit; kept by text for as long as the structures stay the same."""

    def compute(marked: list[str]) -> list[list[dict[str, Any]]]:
        passages = parse(_readable(text[1:]) for text in marked)
        return [list(_offers_of(passage, carriers, is_offer=text[0] == "+")) for text, passage in zip(marked, passages, strict=True)]

    marked = [f"{'+' if is_offer else '-'}{text}" for text, is_offer in zip(candidates["text"], candidates["is_offer"], strict=True)]
    return by_text("offres", marked, compute, depends_on=structures.to_json(orient="split"))


def tells_offers(grid: Grid) -> bool:
    """Whether `grid` has a rubrique that tells what exists; without one no passage gives an offer."""
    return any(code.code.split(".")[0] in (_OFFER, _INNOVATION) for code in grid.axis(RUBRIQUE))


def _pillars(tags: pd.DataFrame) -> dict[str, list[str]]:
    """The piliers assigned to each unit, in alphabetical order."""
    assigned = tags[tags["is_assigned"] & (tags["axis"] == PILIER)]
    return {str(unit_id): sorted(set(codes)) for unit_id, codes in assigned.groupby("unit_id")["code"]}


def _candidates(units: pd.DataFrame, tags: pd.DataFrame) -> pd.DataFrame:
    """Passages tagged as existing, innovations only where they hold a number: unit_id, text, is_offer; sorted by unit_id."""
    assigned = tags[tags["is_assigned"]]
    rubriques = assigned[assigned["axis"] == RUBRIQUE]
    offers = set(rubriques.loc[rubriques["code"] == _OFFER, "unit_id"])
    innovations = set(rubriques.loc[rubriques["code"].str.split(".").str[0] == _INNOVATION, "unit_id"])
    postures = assigned[assigned["axis"] == POSTURE]
    wished, works = (set(postures.loc[postures["code"].isin(codes), "unit_id"]) for codes in (_WISHED, _WORKS))
    existing = (offers - wished) | (innovations & works - wished)
    rows = plain_texts(units.loc[units["unit_id"].isin(existing), ["unit_id", "text"]]).sort_values("unit_id")
    is_offer = rows["unit_id"].isin(offers)
    return rows.assign(is_offer=is_offer)[is_offer | rows["text"].map(lambda text: bool(find_numbers(text))).astype(bool)]


def _readable(text: str) -> str:
    """`text` in small letters where it is written in capitals, which the parser does not read."""
    return text.lower() if text.upper() == text and any(letter.isalpha() for letter in text) else text


def _offers_of(passage: Doc, carriers: Carriers, *, is_offer: bool) -> Iterator[dict[str, Any]]:
    quantities = list(quantities_of(passage, is_offer=is_offer))
    for quantity in quantities:
        structure_id, name = carriers.named_in(passage.text, quantity.number.start)
        low, high = quantity.number.bounds or (quantity.value, quantity.value)
        activity = activity_of(passage, quantity, name)
        yield {
            "structure_id": structure_id,
            "activity": activity,
            "sector": _sector(activity, carriers.name_of(structure_id), passage.text),
            "quantity": quantity.value,
            "quantity_unit": _with_pace(passage.text, quantity),
            "quantity_low": low,
            "quantity_high": high,
        }
    if is_offer and not quantities:
        structure_id, name = carriers.named_in(passage.text, 0)
        activity = activity_before(passage, len(passage.text), name) or carriers.name_of(structure_id)
        if activity:
            sector = _sector(activity, carriers.name_of(structure_id), passage.text)
            yield {"structure_id": structure_id, "activity": activity, "sector": sector}


def _sector(*texts: str) -> str | None:
    """The first sector of the first text that names one."""
    return next((sectors[0] for text in texts if (sectors := sectors_of(text))), None)


def _with_pace(text: str, quantity: Quantity) -> str:
    """« paniers par semaine » where the pace is said within six words after the noun."""
    after = " ".join(fold(text[quantity.noun_end :]).split()[:6])
    for pattern, pace in lexicon()["rythmes"].items():
        match = re.search(pattern, after)
        if match and not find_numbers(after[: match.start()]):
            return f"{quantity.unit} {pace}"
    return quantity.unit

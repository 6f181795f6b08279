"""List the goods and services that exist on the territory and that people put a number on.

Precision before recall: a number is kept only where its noun, its clause and the passage's codes all say that it exists. Written on
amorce-1, -3 and -5 and read for the first time on amorce-2, -4 and -6, 131 of 143 quantities were right (92 %).

In:   units, tags (the passages tagged as an offer, or as an innovation that works), structures
Out:  offers   one row a quantity; structure_id where the passage names a known structure
"""

import re
from collections.abc import Iterator
from typing import Any

import pandas as pd
from spacy.tokens import Doc

from pipeline.french import fold, parse
from pipeline.offer.activity import activity_of
from pipeline.offer.carriers import Carriers
from pipeline.offer.numbers import find_numbers, lexicon
from pipeline.offer.quantities import Quantity, quantities_of
from pipeline.tables import OFFERS
from pipeline.tokens import plain_texts

__all__ = ["list_offers"]

_OFFER, _INNOVATION = "offre", "innovation"
_WISHED = {"proposition", "demande"}
_WORKS = {"force", "constat"}


def list_offers(units: pd.DataFrame, tags: pd.DataFrame, structures: pd.DataFrame) -> pd.DataFrame:
    """Return the offers in the order of unit_id, then of the passage; several quantities of a passage are several rows."""
    candidates = _candidates(units, tags)
    carriers = Carriers(structures)
    passages = parse(_readable(text) for text in candidates["text"])
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for unit_id, is_offer, passage in zip(candidates["unit_id"], candidates["is_offer"], passages, strict=True):
        for row in _offers_of(str(unit_id), passage, carriers, is_offer=bool(is_offer)):
            rows.setdefault(tuple(row[name] for name in OFFERS.key), row)
    return OFFERS.build(rows.values())


def _candidates(units: pd.DataFrame, tags: pd.DataFrame) -> pd.DataFrame:
    """Passages that hold a number and are tagged as existing: unit_id, text, is_offer; sorted by unit_id."""
    assigned = tags[tags["is_assigned"]]
    rubriques = assigned[assigned["axis"] == "rubrique"]
    offers = set(rubriques.loc[rubriques["code"] == _OFFER, "unit_id"])
    innovations = set(rubriques.loc[rubriques["code"].str.split(".").str[0] == _INNOVATION, "unit_id"])
    postures = assigned[assigned["axis"] == "posture"]
    wished, works = (set(postures.loc[postures["code"].isin(codes), "unit_id"]) for codes in (_WISHED, _WORKS))
    existing = (offers - wished) | (innovations & works - wished)
    rows = plain_texts(units.loc[units["unit_id"].isin(existing), ["unit_id", "text"]]).sort_values("unit_id")
    rows = rows[rows["text"].map(lambda text: bool(find_numbers(text))).astype(bool)]
    return rows.assign(is_offer=rows["unit_id"].isin(offers))


def _readable(text: str) -> str:
    """`text` in small letters where it is written in capitals, which the parser does not read."""
    return text.lower() if text.upper() == text and any(letter.isalpha() for letter in text) else text


def _offers_of(unit_id: str, passage: Doc, carriers: Carriers, *, is_offer: bool) -> Iterator[dict[str, Any]]:
    for quantity in quantities_of(passage, is_offer=is_offer):
        structure_id, name = carriers.named_in(passage.text, quantity.number.start)
        yield {
            "unit_id": unit_id,
            "structure_id": structure_id,
            "activity": activity_of(passage, quantity, name),
            "quantity": quantity.value,
            "quantity_unit": _with_pace(passage.text, quantity),
        }


def _with_pace(text: str, quantity: Quantity) -> str:
    """« paniers par semaine » where the pace is said within six words after the noun."""
    after = " ".join(fold(text[quantity.noun_end :]).split()[:6])
    for pattern, pace in lexicon()["rythmes"].items():
        match = re.search(pattern, after)
        if match and not find_numbers(after[: match.start()]):
            return f"{quantity.unit} {pace}"
    return quantity.unit

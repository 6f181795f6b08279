"""List the goods and services of the territory, with the quantities that people give.

In:   units, tags (the passages tagged as an offer, or as an innovation that works), structures
Out:  offers   one row a quantity, or an offer without one; structure_id where it names a structure;
               their sector is found apart (families.py)

Precision before recall: a number counts only where its noun, its clause and the passage's codes all
say that it exists. Precision and recall at first sight: 0.92 and 0.82 on 120 passages of eight
unseen training files, 0.88 and 0.84 on 72 written for the test, 0.92 and 0.85 on 40 written after
that; after a look at errors, 0.98 and 0.91 on the other half of the first, 0.96 and 0.95, 0.96 and
0.96 (tests/offer/).
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pandas as pd
from spacy.tokens import Doc

from pipeline.french import parse
from pipeline.grid.codes import PILIER, POSTURE, RUBRIQUE, Grid
from pipeline.offer.activities import (
    activity_of,
    activity_without_number,
    is_an_offer,
    public_of,
    year_near,
)
from pipeline.offer.carriers import CarrierMention, Carriers, kind_of, nearest
from pipeline.offer.lines import assign_structures, number_lines, set_years
from pipeline.offer.phrases import words_of
from pipeline.offer.quantities import Quantity, find_numbers, lexicon, quantities_of
from pipeline.store import Store, by_text
from pipeline.tables.results import OFFERS
from pipeline.text import fold, plain_texts

_OFFER, _INNOVATION = "offre", "innovation"
_WISHED = {"proposition", "demande"}
_SLASH = re.compile(r"(?<=[^\W\d_])/(?=[^\W\d_])")
_WORKS = {"force", "constat"}
_OF_PASSAGE = ["unit_id", "text", "workshop_id"]
_NOTHING: dict[str, Any] = dict.fromkeys(
    ("public", "year", "quantity", "quantity_unit", "quantity_low", "quantity_high")
)


def list_offers(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    structures: pd.DataFrame,
    *,
    attendance: pd.DataFrame | None = None,
    workshops: pd.DataFrame | None = None,
    cache: Store | None = None,
) -> pd.DataFrame:
    """Return the offers by unit_id, then in the order of the passage; one row a quantity.

    `attendance` says who « la ressourcerie » is in a workshop; `workshops` what « l'an passé » is.
    """
    candidates = _candidates(units, tags)
    carriers, pillars = Carriers(structures), _pillars(tags)
    rows: list[dict[str, Any]] = []
    by_unit = _offers_by_unit(candidates, carriers, structures, cache)
    of_passages = candidates[_OF_PASSAGE].itertuples(index=False, name=None)
    for values, offers in zip(of_passages, by_unit, strict=True):
        passage = dict(zip(_OF_PASSAGE, values, strict=True))
        codes = json.dumps(pillars.get(passage["unit_id"], []))
        rows += [{**passage, "pillars": codes, **offer} for offer in offers]
    assign_structures(rows, structures, attendance)
    set_years(rows, workshops)
    number_lines(rows)
    unique = {tuple(row.get(name) for name in OFFERS.key): row for row in reversed(rows)}
    names = [column.name for column in OFFERS.columns]
    return OFFERS.build(
        {name: row.get(name) for name in names} for row in reversed(unique.values())
    )


def _offers_by_unit(
    candidates: pd.DataFrame, carriers: Carriers, structures: pd.DataFrame, cache: Store | None
) -> list[list[dict[str, Any]]]:
    """The offers of each candidate, cached by text while the structures stay the same."""

    def compute(marked: list[str]) -> list[list[dict[str, Any]]]:
        passages = parse((_readable(text[1:]) for text in marked), without=("ner",))
        return [
            list(_offers_of(passage, carriers, is_offer=text[0] == "+"))
            for text, passage in zip(marked, passages, strict=True)
        ]

    marked = [
        f"{'+' if is_offer else '-'}{text}"
        for text, is_offer in zip(candidates["text"], candidates["is_offer"], strict=True)
    ]
    depends_on = structures.to_json(orient="split")
    return by_text(marked, compute, kind="offers", cache=cache, depends_on=depends_on)


def tells_offers(grid: Grid) -> bool:
    """Return whether `grid` has a rubrique for what exists; without one there is no offer."""
    return any(code.code.split(".")[0] in (_OFFER, _INNOVATION) for code in grid.axis(RUBRIQUE))


def _pillars(tags: pd.DataFrame) -> dict[str, list[str]]:
    assigned = tags[tags["is_assigned"] & (tags["axis"] == PILIER)]
    return {
        str(unit_id): sorted(set(codes)) for unit_id, codes in assigned.groupby("unit_id")["code"]
    }


def _candidates(units: pd.DataFrame, tags: pd.DataFrame) -> pd.DataFrame:
    assigned = tags[tags["is_assigned"]]
    rubriques = assigned[assigned["axis"] == RUBRIQUE]
    offers = set(rubriques.loc[rubriques["code"] == _OFFER, "unit_id"])
    innovations = set(
        rubriques.loc[rubriques["code"].str.split(".").str[0] == _INNOVATION, "unit_id"]
    )
    postures = assigned[assigned["axis"] == POSTURE]
    wished, works = (
        set(postures.loc[postures["code"].isin(codes), "unit_id"]) for codes in (_WISHED, _WORKS)
    )
    existing = (offers | innovations & works) - wished
    rows = plain_texts(units.loc[units["unit_id"].isin(existing), _OF_PASSAGE])
    rows = rows.sort_values("unit_id")
    rows["is_offer"] = rows["unit_id"].isin(offers)
    has_number = rows["text"].map(lambda text: bool(find_numbers(text))).astype(bool)
    return rows[rows["is_offer"] | has_number]


def _readable(text: str) -> str:
    """Lower capitals and part « repas/j », which the parser does not read."""
    is_loud = text.upper() == text and any(letter.isalpha() for letter in text)
    return _SLASH.sub(" / ", text.lower() if is_loud else text)


def _offers_of(passage: Doc, carriers: Carriers, *, is_offer: bool) -> Iterator[dict[str, Any]]:
    mentions = carriers.mentions_in(passage)
    names = [(one.start, one.end) for one in mentions if one.name]
    public = public_of(passage)
    quantities = list(quantities_of(passage, is_offer=is_offer))
    for quantity in quantities:
        low, high = quantity.number.bounds or (quantity.value, quantity.value)
        carrier = nearest(mentions, quantity.number.start)
        is_subject = carrier is not None and carrier.is_subject
        kind = _kind(carrier, carriers) if is_subject else ""
        activity = activity_of(passage, quantity, names) or kind
        yield _row(activity, carrier, carriers) | {
            "public": public,
            "year": year_near(passage.text, quantity.noun_end),
            "quantity": quantity.value,
            "quantity_unit": _with_pace(passage.text, quantity),
            "quantity_low": low,
            "quantity_high": high,
        }
    if is_offer and not quantities:
        carrier = nearest(mentions, 0)
        activity = activity_without_number(passage, names, has_carrier=carrier is not None)
        if not activity and carrier is not None and carrier.is_subject and is_an_offer(passage):
            activity = _kind(carrier, carriers)
        row = _row(activity, carrier, carriers) | {"public": public}
        if row["activity"] or (activity and row["structure_name"]):
            yield row


def _row(activity: str, carrier: CarrierMention | None, carriers: Carriers) -> dict[str, Any]:
    full_name = carriers.name_of(carrier.structure_id) if carrier else ""
    kind, activity = _kind(carrier, carriers), _without_number(activity)
    name = full_name or (carrier.name if carrier else None) or ""
    if not says_more_than(name, activity):
        activity = ""
    return _NOTHING | {
        "activity": activity or None,
        "structure_id": carrier.structure_id if carrier else None,
        "structure_name": full_name or (carrier.name if carrier else None),
        "structure_kind": kind or None,
        "is_definite": carrier.is_definite if carrier else False,
    }


def says_more_than(name: str, activity: str) -> bool:
    """Whether an activity says what a structure does beyond what its name says.

    A lone word does only where it names something done: « covoiturage », not « épicerie ».
    """
    words = re.findall(r"\w+", fold(activity, keep_signs=True))
    if len(words) == 1 and not {words[0], words[0].removesuffix("s")} & words_of("activites"):
        return False
    return not set(words) <= set(re.findall(r"\w+", fold(name, keep_signs=True)))


def _without_number(activity: str) -> str:
    """« quarante-sept épaves retirées » is « épaves retirées »."""
    numbers = find_numbers(activity)
    return activity[numbers[0].end :].lstrip() if numbers and not numbers[0].start else activity


def _kind(carrier: CarrierMention | None, carriers: Carriers) -> str:
    if carrier is None:
        return ""
    return carrier.kind or kind_of(carriers.name_of(carrier.structure_id))


def _with_pace(text: str, quantity: Quantity) -> str:
    """« paniers par semaine » where the pace is within six words after the noun."""
    after = " ".join(fold(text[quantity.noun_end :], keep_signs=True).split()[:6])
    for pattern, pace in lexicon()["rythmes"].items():
        match = re.search(pattern, after)
        if match and not find_numbers(after[: match.start()]):
            return f"{quantity.unit} {pace}"
    return quantity.unit

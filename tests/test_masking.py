"""What masking hides wrongly and what it lets through, on invented sentences (tests/masking/README.md).

A sentence is read alone, with the attendance list known when it is read. Shares are of mentions: a mention counts as hidden wrongly where
any of it is gone, and as let through where any of it is left.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from pipeline.pseudonymise.masker import Masker
from pipeline.pseudonymise.masks import Rewriting, settle_masks
from pipeline.pseudonymise.roster import build_roster
from pipeline.pseudonymise.vault import VAULT

FOLDER = Path(__file__).parent / "masking"


class Measured(NamedTuple):
    """Mentions of each kind, and those that came out wrong."""

    kept: list[str]
    hidden: list[str]
    persons: list[str]
    persons_left: list[str]
    contacts: list[str]
    contacts_left: list[str]


def _people(roster: Sequence[Sequence[str]]) -> pd.DataFrame:
    return VAULT.build(
        {
            "participant_id": f"p{n}",
            "workshop_id": "w",
            "full_name": f"{first} {last}",
            "first_name": first,
            "last_name": last,
        }
        for n, (first, last) in enumerate(roster)
    )


def _masked(phrase: dict[str, Any]) -> str:
    text = phrase["text"]
    (masks,) = Masker(
        build_roster([_people(phrase.get("roster", []))], [], []), name_match=85
    ).find([(text, [])])
    return Rewriting(text, settle_masks(text, masks, (0, len(text)))).text


def _quotes(phrase: dict[str, Any]) -> list[str]:
    """The contacts of a phrase, their kinds left out."""
    return [quote for _, quote in phrase["contacts"]]


def _lost(kept: Sequence[str], persons: Sequence[str], text: str, clean: str) -> list[str]:
    """The quotes of `kept` that stand less often in `clean` than in `text`, those of the same name that are persons not counted."""
    meant = {
        quote: _count(quote, text) - sum(_count(quote, person) for person in persons)
        for quote in kept
    }
    return [quote for quote, n_meant in meant.items() if _count(quote, clean) < n_meant]


def _left(quotes: Sequence[str], kept: Sequence[str], clean: str) -> list[str]:
    """The `quotes` that stand in `clean` outside what must be kept."""
    for quote in sorted(kept, key=len, reverse=True):
        clean = clean.replace(quote, " ")
    return [quote for quote in quotes if _count(quote, clean)]


def _count(quote: str, text: str) -> int:
    return len(re.findall(rf"(?<!\w){re.escape(quote)}(?!\w)", text))


def _measured(phrases: Sequence[dict[str, Any]], cleaned: Sequence[str]) -> Measured:
    found = Measured([], [], [], [], [], [])
    for phrase, clean in zip(phrases, cleaned, strict=True):
        found.kept.extend(phrase["keep"])
        found.hidden.extend(_lost(phrase["keep"], phrase["persons"], phrase["text"], clean))
        found.persons.extend(phrase["persons"])
        found.persons_left.extend(_left(phrase["persons"], phrase["keep"], clean))
        found.contacts.extend(_quotes(phrase))
        found.contacts_left.extend(_left(_quotes(phrase), phrase["keep"], clean))
    return found


def _read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", ["phrases.jsonl", "development.jsonl"])
def test_the_lists_are_long_and_quote_their_sentences(name):
    phrases = _read(name)
    assert len({phrase["text"] for phrase in phrases}) >= 380
    for phrase in phrases:
        for quote in (*phrase["persons"], *_quotes(phrase), *phrase["keep"]):
            assert quote in phrase["text"]


@pytest.mark.slow
# The goal is 2 in 100 hidden wrongly and 97 in 100 persons found, on sentences that no pattern was written from.
# These are the figures reached so far: they may only get better.
def test_what_is_hidden_wrongly_and_let_through_on_sentences_never_seen_gets_no_worse():
    phrases = _read("phrases.jsonl")
    named = [
        phrase
        | {
            "keep": [
                quote
                for quote, kind in zip(phrase["keep"], kinds["kinds"], strict=True)
                if kind != "other"
            ]
        }
        for phrase, kinds in zip(phrases, _read("kinds.jsonl"), strict=True)
    ]
    cleaned = [_masked(phrase) for phrase in phrases]
    found = _measured(named, cleaned)
    assert len(found.kept) == 549, "organisations and communes"
    assert len(found.hidden) <= 0.0385 * len(found.kept)
    assert len(_measured(phrases, cleaned).persons_left) <= 0.006 * len(found.persons)
    assert len(found.contacts_left) <= 1


@pytest.mark.slow
def test_the_sentences_that_patterns_were_written_from_come_out_right():
    phrases = _read("development.jsonl")
    found = _measured(phrases, [_masked(phrase) for phrase in phrases])
    assert len(found.hidden) <= 0.015 * len(found.kept)
    assert found.persons_left == []
    assert found.contacts_left == []

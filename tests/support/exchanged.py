"""Studies made for the tests of exchange: `made_study` has documents whose lines are passages, `any_study` is drawn by lot."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pipeline.exchange.import_project import Taken
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.tables import TABLES
from pipeline.tables.material import DECISIONS, DOCUMENTS, REVIEW_QUEUE, TAGS, UNITS
from pipeline.tables.results import THEME_MEMBERS, THEMES
from support.invented import DIE, ORTHEZ, workshops

Tables = dict[str, pd.DataFrame]
GRID = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))


@dataclass
class Line:
    """A passage: its codes as `axis:code`, its theme."""

    text: str
    codes: Sequence[str] = ()
    theme: str | None = None
    question: str | None = "q1"
    table: int | None = 1


@dataclass
class Doc:
    """A document: its lines, each a passage; `head` stands above them and is none."""

    lines: Sequence[Line]
    head: str = "Notes\n\n"
    workshop: str = ORTHEZ
    table: int | None = 1
    title: str | None = "Notes"
    channel: str = "notes"
    kept: list[Any] = field(default_factory=list)


def small() -> Tables:
    """Two workshops, three documents, two themes."""
    return made_study(
        Doc(
            [
                Line(
                    "Plus de car 🚍 le soir à Arthez.",
                    ["rubrique:enjeux.social", "posture:difficulte"],
                    "t-cars",
                ),
                Line(
                    "La laiterie collecte 1 200 litres.",
                    ["rubrique:offre", "posture:force", "pilier:approvisionnement"],
                    "t-lait",
                ),
                Line("Pause café.", ["posture:constat"]),
            ]
        ),
        Doc(
            [
                Line(
                    "Un minibus le samedi 𝄞.",
                    ["rubrique:opportunites", "posture:proposition"],
                    "t-cars",
                    "q4",
                    2,
                )
            ],
            table=2,
            title="Table 2",
        ),
        Doc(
            [Line("Je n'ai plus de car.", ["rubrique:enjeux.social"], "t-cars", "distance", None)],
            "",
            DIE,
            None,
            "Mail",
            "mail",
        ),
    )


def made_study(*documents: Doc, labels: dict[str, str] | None = None) -> Tables:
    """The tables of the dictionary that hold `documents`; themes are those that lines name, and those of `labels`."""
    rows = [(f"d{place}", document) for place, document in enumerate(documents)]
    units, tags, members, texts = [], [], [], {}
    for document_id, document in rows:
        text = document.head
        for order, line in enumerate(document.lines):
            unit_id = f"{document_id}u{order}"
            place = {
                "start_char": len(text),
                "end_char": len(text) + len(line.text),
                "unit_order": order,
            }
            said = {
                "text": line.text,
                "table_number": line.table,
                "question": line.question,
                "channel": document.channel,
            }
            units.append(
                {
                    "unit_id": unit_id,
                    "document_id": document_id,
                    "workshop_id": document.workshop,
                    **place,
                    **said,
                }
            )
            tags += [_tag(unit_id, *code.split(":")) for code in line.codes]
            members += (
                [
                    {
                        "unit_id": unit_id,
                        "theme_id": line.theme,
                        "strength": 0.8,
                        "probability": 0.8,
                        "is_counted": True,
                    }
                ]
                if line.theme
                else []
            )
            text += line.text + "\n"
        texts[document_id] = text
    named = {row["theme_id"]: str(row["theme_id"]) for row in members} | (labels or {})
    tables = {name: table.empty() for name, table in TABLES.items()}
    return tables | {
        "workshops": workshops(),
        "documents": DOCUMENTS.build(
            _document(name, document, texts[name]) for name, document in rows
        ),
        "units": UNITS.build(units),
        "tags": TAGS.build(tags),
        "themes": THEMES.build(
            _theme(theme_id, label) for theme_id, label in sorted(named.items())
        ),
        "theme_members": THEME_MEMBERS.build(members),
    }


def any_study(seed: int) -> Tables:
    """A study drawn by lot: emoji, combining accents, right-to-left script, control characters, markup, blank themes."""
    chance = random.Random(seed)
    words = [
        "car",
        "e\u0301te\u0301",
        "🚍",
        "👩‍👩‍👧",
        "שלום",
        "مرحبا",
        "a\u0300",
        "<b>",
        "&amp;",
        "]]>",
        "\x0b",
        "\u2028",
        "\ufeff",
        "𝄞",
        "=1+1",
        "l'arrêt",
    ]
    themes = {
        f"t-{n}": label
        for n, label in enumerate(
            ["Cars & <b>", "=HYPERLINK(1)", "{{ 7*7 }}", "é" * 400, "", "Cars & <b>"]
        )
    }

    def line() -> Line:
        codes = [
            f"{code.axis}:{code.code}" for code in chance.sample(GRID.codes, chance.randint(0, 3))
        ]
        text = " ".join(chance.choices(words, k=chance.randint(1, 8)))
        return Line(
            text,
            codes,
            chance.choice([None, "t-0", "t-1", "t-2"]),
            chance.choice(["q1", "q4", None]),
            chance.choice([None, 1, 2]),
        )

    documents = [
        Doc(
            [line() for _ in range(chance.randint(0, 5))],
            head="".join(chance.choices(words, k=2)) + "\n",
            workshop=chance.choice([ORTHEZ, DIE]),
            table=chance.choice([None, 1]),
            title=chance.choice([None, "Notes", "Table <1>"]),
        )
        for _ in range(chance.randint(0, 4))
    ]
    return made_study(*documents, labels=themes)


def taken(*decisions: dict[str, Any]) -> pd.DataFrame:
    """A store's decisions, in the order given."""
    common = {"decided_at": "2026-01-01T10:00:00+00:00", "author": "Lise"}
    return DECISIONS.build(
        {"decision_id": place} | common | row for place, row in enumerate(decisions, start=1)
    )


def on_tag(action: str, unit_id: str, axis: str, code: str, **more: Any) -> dict[str, Any]:
    return {"action": f"{action}_tag", "unit_id": unit_id, "axis": axis, "code": code} | more


def queue(*unit_ids: str) -> pd.DataFrame:
    """The queue of review in this order."""
    return REVIEW_QUEUE.build(
        {"place": place, "unit_id": unit_id, "reason": "doute", "n_expected_errors": 1.0}
        for place, unit_id in enumerate(unit_ids, start=1)
    )


def _document(document_id: str, document: Doc, text: str) -> dict[str, Any]:
    row = {
        "document_id": document_id,
        "workshop_id": document.workshop,
        "path": f"{document.workshop}/Camille {document_id}.txt",
        "sha256": "0",
    }
    told = {"channel": document.channel, "table_number": document.table, "title": document.title}
    return row | told | {"n_chars": len(text), "text": text}


def _tag(unit_id: str, axis: str, code: str) -> dict[str, Any]:
    row = {"unit_id": unit_id, "axis": axis, "code": code, "score": 0.9, "is_assigned": True}
    return row | {"evidence": "[]", "source": "machine", "model_version": "1"}


def _theme(theme_id: str, label: str) -> dict[str, Any]:
    words = {
        "theme_id": theme_id,
        "label": label,
        "keywords": json.dumps(["car", "soir"]),
        "description": "On y parle de cars.",
        "quotes": "[]",
    }
    return words | {
        "n_units": 1,
        "n_tables": 1,
        "n_tables_expected": 1,
        "n_tables_low": 1,
        "n_tables_high": 1,
        "name_source": "phrase",
        "proposals": "[]",
        "is_signed_off": False,
        "n_workshops": 1,
        "unity": 0.8,
        "stability": 0.7,
        "kind": "mixte",
    }


def rows_of(found: Taken) -> list[dict[str, Any]]:
    """The decisions as rows of the store."""
    return [decision.row() for decision in found.decisions]

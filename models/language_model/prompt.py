"""Write what a language model receives, and estimate its cost.

In:   grid, examples; units with their question, channel and heading
Out:  a system message, user messages, the JSON schema of the answer, an estimate
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from models.tagger.features import column_texts, texts_of
from pipeline.grid.codes import PILIER, POSTURE, RUBRIQUE, Axis, Code, Grid
from pipeline.settings.sections import LanguageModelSettings

VERSION = "1"  # of the prompt; a change discards stored answers
CHARS_PER_TOKEN = 3.5  # of French
_TOKENS_PER_ANSWER = 90  # codes and quotes of a passage
_RULES = Path(__file__).with_name("instructions.txt")
_TITLES = {
    RUBRIQUE: "Codes : rubriques",
    POSTURE: "Postures : exactement une par passage",
    PILIER: "Codes : piliers",
}
_HEADING_CHARS = 200


@dataclass(frozen=True)
class Item:
    """A passage as it is sent, without persons' numbers or identifiers."""

    text: str
    question: str
    channel: str
    heading: str

    def line(self, number: int) -> str:
        """Return one JSON line of the known fields."""
        context = {"question": self.question, "canal": self.channel, "titre": self.heading}
        present = {name: value for name, value in context.items() if value}
        return to_json({"numero": number, **present, "texte": self.text})


@dataclass(frozen=True)
class Example:
    """A labelled passage for the model, its codes in grid order."""

    text: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Estimate:
    """What will be sent; `price` (euros) and `seconds` are None if unknown."""

    address: str
    model: str
    n_units: int
    n_requests: int
    tokens_in: int
    tokens_out: int
    price: float | None
    seconds: float | None
    purpose: Literal["codes", "themes"] = "codes"


def items_of(units: pd.DataFrame) -> list[Item]:
    """Return the passages; unknown question, channel and heading are empty."""
    headings = texts_of(pd.DataFrame({"text": column_texts(units, "heading")}))
    rows = zip(
        texts_of(units),
        column_texts(units, "question"),
        column_texts(units, "channel"),
        [heading[:_HEADING_CHARS] for heading in headings],
        strict=True,
    )
    return [Item(*row) for row in rows]


def system_message(grid: Grid, examples: Sequence[Example]) -> str:
    """Return rules, grid, questions, examples and the form of the answer."""
    parts = [
        _RULES.read_text(encoding="utf-8").strip(),
        f"# Grille {grid.grid_id}, version {grid.version}",
    ]
    for axis in grid.axes:
        parts.append("\n".join([f"## {_title(axis)}", *map(_describe, grid.axis(axis.axis))]))
    if grid.questions:
        questions = [f"- {each.question} : {each.label}" for each in grid.questions]
        parts.append("\n".join(["## Questions posées aux tables", *questions]))
    if examples:
        lines = [
            f"- {to_json(example.text)} → {', '.join(example.codes) or 'aucun code'}"
            for example in examples
        ]
        parts.append("\n".join(["## Exemples déjà codés", *lines]))
    tag = '{"code": "…", "citation": "…"}'
    exclusive = "".join(f'"{axis.axis}": {tag}, ' for axis in grid.axes if axis.is_exclusive)
    parts.append(
        "# Réponse\n\nRépondre en JSON seulement, un objet par passage, tous les passages, dans "
        f'cette forme :\n{{"passages": [{{"numero": 1, {exclusive}"codes": [{tag}]}}]}}'
    )
    return "\n\n".join(parts)


def _title(axis: Axis) -> str:
    if axis.is_standard:
        return _TITLES[axis.axis]
    title = axis.label
    if axis.definition:
        title += f" ({_one_line(axis.definition)})"
    if axis.is_exclusive:
        return f"{title} : exactement un par passage, sous « {axis.axis} »"
    return f"Codes : {title}"


def _describe(code: Code) -> str:
    lines = [f"- {code.code} ({code.label}) : {_one_line(code.definition)}"]
    for title, text in (("Inclure", code.include), ("Exclure", code.exclude)):
        if text:
            lines.append(f"  {title} : {_one_line(text)}")
    if code.examples:
        lines.append("  Exemples : " + " ; ".join(map(_one_line, code.examples)))
    return "\n".join(lines)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def user_message(items: Sequence[Item]) -> str:
    """Return a batch, numbered from 1."""
    lines = [item.line(number) for number, item in enumerate(items, start=1)]
    return "Passages à coder :\n" + "\n".join(lines)


def answer_schema(grid: Grid) -> dict[str, Any]:
    """Return the JSON schema of an answer."""
    others = [code.code for code in grid.by_axis if code.axis not in grid.exclusive]
    properties: dict[str, Any] = {"numero": {"type": "integer"}}
    for axis in grid.axes:
        if axis.is_exclusive:
            properties[axis.axis] = _tag_schema([code.code for code in grid.axis(axis.axis)])
    properties["codes"] = {"type": "array", "maxItems": 0}
    if others:
        properties["codes"] = {"type": "array", "items": _tag_schema(others)}
    passages = {"type": "array", "items": object_schema(properties)}
    return object_schema({"passages": passages})


def _tag_schema(codes: list[str]) -> dict[str, Any]:
    code = {"type": "string", "enum": codes}
    return object_schema({"code": code, "citation": {"type": "string"}})


def object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of an object with exactly `properties`."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def system_fingerprint(system: str) -> str:
    """Return sixteen hex digits of a system message."""
    return _hash([VERSION, system])[:16]


def item_key(item: Item, model: str, system: str) -> str:
    """Return sha256 of the model, system fingerprint, passage and context."""
    return _hash([model, system, item.text, item.question, item.channel, item.heading])


def to_json(content: Any) -> str:
    """Return JSON on one line, with accents."""
    return json.dumps(content, ensure_ascii=False)


def _hash(parts: list[str]) -> str:
    return hashlib.sha256(to_json(parts).encode()).hexdigest()


def sample_units(units: pd.DataFrame, n_most: int) -> pd.DataFrame:
    """Return at most `n_most` units spread over the study, always the same."""
    if len(units) <= n_most:
        return units
    marks = units["unit_id"].map(lambda unit_id: hashlib.sha256(str(unit_id).encode()).hexdigest())
    return units.loc[marks.sort_values(kind="stable").index[:n_most]].sort_index()


def estimate_cost(
    items: Sequence[Item],
    system: str,
    settings: LanguageModelSettings,
    address: str,
    seconds_per_request: float | None,
) -> Estimate:
    """Return the cost of asking about `items`, without retries."""
    n_requests = math.ceil(len(items) / settings.batch_size)
    n_chars = n_requests * len(system) + len(user_message(items)) if items else 0
    tokens_in = math.ceil(n_chars / CHARS_PER_TOKEN)
    tokens_out = len(items) * _TOKENS_PER_ANSWER
    seconds = settings.seconds_per_request or seconds_per_request
    return Estimate(
        address,
        settings.model,
        len(items),
        n_requests,
        tokens_in,
        tokens_out,
        price_of(tokens_in, tokens_out, settings),
        None if seconds is None else seconds * math.ceil(n_requests / settings.n_parallel),
    )


def price_of(tokens_in: int, tokens_out: int, settings: LanguageModelSettings) -> float | None:
    """Return the price in euros; None if none is set."""
    price_in, price_out = settings.price_per_million_in, settings.price_per_million_out
    if price_in is None and price_out is None:
        return None
    return round((tokens_in * (price_in or 0) + tokens_out * (price_out or 0)) / 1e6, 4)

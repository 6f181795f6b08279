"""What is said to the model: rules, the study's grid and its conventions, examples if any, then the passages of a batch.

In:   grid, examples; units with their question, channel and heading
Out:  a system message, user messages, and the JSON schema of the answer

What asking would cost, said before anything is sent.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from models.tagger.features import texts_of
from pipeline.grid.codes import PILIER, POSTURE, RUBRIQUE, Axis, Code, Grid
from pipeline.settings.stages import LanguageModelSettings

VERSION = "1"  # of what is said; another one makes every answer kept so far another question's
_RULES = Path(__file__).with_name("instructions.txt")
_TITLES = {
    RUBRIQUE: "Codes : rubriques",
    POSTURE: "Postures : exactement une par passage",
    PILIER: "Codes : piliers",
}
_HEADING_CHARS = 200  # of a heading, as context


@dataclass(frozen=True)
class Item:
    """A passage as it is sent: no person's number, no identifier."""

    text: str
    question: str
    channel: str
    heading: str

    def line(self, number: int) -> str:
        """One line of JSON; what is not known is left out."""
        context = {"question": self.question, "canal": self.channel, "titre": self.heading}
        return _json(
            {
                "numero": number,
                **{name: value for name, value in context.items() if value},
                "texte": self.text,
            }
        )


@dataclass(frozen=True)
class Example:
    """A labelled passage shown to the model, its codes in the grid's order."""

    text: str
    codes: tuple[str, ...]


def items_of(units: pd.DataFrame) -> list[Item]:
    """The passages of `units`, in order; question, channel and heading are empty where the frame does not tell."""
    columns = [_known(units, name) for name in ("question", "channel", "heading")]
    headings = texts_of(pd.DataFrame({"text": columns[2]}))
    return [
        Item(*row)
        for row in zip(
            texts_of(units),
            columns[0],
            columns[1],
            (text[:_HEADING_CHARS] for text in headings),
            strict=True,
        )
    ]


def system_message(grid: Grid, examples: Sequence[Example]) -> str:
    """Rules, grid, questions, examples and the form of the answer; the same words for the same grid and examples."""
    parts = [
        _RULES.read_text(encoding="utf-8").strip(),
        f"# Grille {grid.grid_id}, version {grid.version}",
    ]
    for axis in grid.axes:
        parts.append(
            "\n".join([f"## {_title(axis)}", *(_described(code) for code in grid.axis(axis.axis))])
        )
    if grid.questions:
        parts.append(
            "\n".join(
                [
                    "## Questions posées aux tables",
                    *(f"- {asked.question} : {asked.label}" for asked in grid.questions),
                ]
            )
        )
    if examples:
        shown = (
            f"- {_json(example.text)} → {', '.join(example.codes) or 'aucun code'}"
            for example in examples
        )
        parts.append("\n".join(["## Exemples déjà codés", *shown]))
    parts.append(
        f"# Réponse\n\nRépondre en JSON seulement, un objet par passage, tous les passages, dans cette forme :\n{_form(grid)}"
    )
    return "\n\n".join(parts)


def user_message(items: Sequence[Item]) -> str:
    """The passages of a batch, numbered from 1."""
    return "Passages à coder :\n" + "\n".join(
        item.line(number) for number, item in enumerate(items, start=1)
    )


def answer_schema(grid: Grid) -> dict[str, Any]:
    """The JSON schema of an answer: for each passage its number, its code of each exclusive axis, such as posture, its other codes."""
    others = [code.code for code in grid.by_axis if code.axis not in grid.exclusive]
    fields: dict[str, Any] = {"numero": {"type": "integer"}}
    fields |= {
        axis.axis: _coded([code.code for code in grid.axis(axis.axis)])
        for axis in grid.axes
        if axis.is_exclusive
    }
    fields["codes"] = (
        {"type": "array", "items": _coded(others)} if others else {"type": "array", "maxItems": 0}
    )
    return _object({"passages": {"type": "array", "items": _object(fields)}})


def system_fingerprint(system: str) -> str:
    """Sixteen hex digits that change with the rules, the grid, its conventions, the examples or the form of what is said."""
    return hashlib.sha256(_json([VERSION, system]).encode()).hexdigest()[:16]


def item_key(item: Item, model: str, system: str) -> str:
    """sha256 of all that an answer depends on: model, fingerprint of what is said to it, the passage and its context."""
    parts = [model, system, item.text, item.question, item.channel, item.heading]
    return hashlib.sha256(_json(parts).encode()).hexdigest()


def _known(units: pd.DataFrame, name: str) -> list[str]:
    if name not in units.columns:
        return [""] * len(units)
    return [value if isinstance(value, str) else "" for value in units[name]]


def _title(axis: Axis) -> str:
    """What heads an axis: what it is, and how many of its codes a passage bears."""
    if axis.is_standard:
        return _TITLES[axis.axis]
    told = f" ({_flat(axis.definition)})" if axis.definition else ""
    return (
        f"{axis.label}{told} : exactement un par passage, sous « {axis.axis} »"
        if axis.is_exclusive
        else f"Codes : {axis.label}{told}"
    )


def _described(code: Code) -> str:
    """A code with all that the grid says of it."""
    told = [f"- {code.code} ({code.label}) : {_flat(code.definition)}"]
    told += [
        f"  {title} : {_flat(text)}"
        for title, text in (("Inclure", code.include), ("Exclure", code.exclude))
        if text
    ]
    if code.examples:
        told.append("  Exemples : " + " ; ".join(_flat(example) for example in code.examples))
    return "\n".join(told)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _form(grid: Grid) -> str:
    """An answer's form, by example."""
    tag = '{"code": "…", "citation": "…"}'
    exclusive = "".join(f'"{axis.axis}": {tag}, ' for axis in grid.axes if axis.is_exclusive)
    return f'{{"passages": [{{"numero": 1, {exclusive}"codes": [{tag}]}}]}}'


def _coded(codes: list[str]) -> dict[str, Any]:
    return _object({"code": {"type": "string", "enum": codes}, "citation": {"type": "string"}})


def _object(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False)


CHARS_PER_TOKEN = 3.5  # of French text, about
_TOKENS_PER_ANSWER = 90  # a passage's codes with their quotes, about


@dataclass(frozen=True)
class Estimate:
    """What is about to be sent, where and for what; `price` in euros and `seconds` are None where nothing tells."""

    address: str
    model: str
    n_units: int
    n_requests: int
    tokens_in: int
    tokens_out: int
    price: float | None
    seconds: float | None
    purpose: Literal["codes", "themes"] = "codes"


def sample_units(units: pd.DataFrame, n_most: int) -> pd.DataFrame:
    """Return at most `n_most` of `units`, in their order: spread over the study, and the same ones while the units are."""
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
    """Return what asking `items` would take, retries left out."""
    n_requests = math.ceil(len(items) / settings.batch_size)
    tokens_in = math.ceil(
        (n_requests * len(system) + len(user_message(items)) if items else 0) / CHARS_PER_TOKEN
    )
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
    """Euros of these tokens; None where no price is set."""
    prices = (settings.price_per_million_in, settings.price_per_million_out)
    if prices == (None, None):
        return None
    return round((tokens_in * (prices[0] or 0) + tokens_out * (prices[1] or 0)) / 1e6, 4)

"""What is kept of what a model says of themes: names and descriptions that its quotes bear out word for word, pairs of known themes.

In:   the text of an answer; the passages of a theme, or the number of themes
Out:  Named; pairs; None where nothing is left

What a large language model would call each theme, say of it, and make one of two: proposals beside the machine's own.
"""

import hashlib
import json
import math
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from models.language_model.asking import Report, find_quote, keep_text, read_text
from models.language_model.client import ChatClient, UnavailableError, UnusableError, address_of
from models.language_model.prompt import CHARS_PER_TOKEN, Estimate, price_of
from pipeline.settings.stages import LanguageModelSettings

LONGEST_NAME, LONGEST_DESCRIPTION, LONGEST_REASON = 60, 300, 200  # characters
_OPENING = re.compile(r"\{")
_MOST_OPENINGS = 20


@dataclass(frozen=True)
class Named:
    """A proposed name and description; each quote with the place of the passage that holds it."""

    name: str
    description: str
    quotes: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Pair:
    """Two themes, by place, that the model would make one, and why."""

    first: int
    second: int
    reason: str


def read_named(content: str, texts: list[str]) -> Named | None:
    """The name and description in an answer; None where one is missing or too long, or where no quote stands in its passage."""
    value = _object_with(content, "nom")
    name, description = (_one_line(value.get(key)) for key in ("nom", "description"))
    told = value.get("citations")
    quotes = tuple(
        (number - 1, quote)
        for number, quote in map(_quote, told if isinstance(told, list) else [])
        if _stands(number, quote, texts)
    )
    is_short = 0 < len(name) <= LONGEST_NAME and 0 < len(description) <= LONGEST_DESCRIPTION
    return (
        Named(name, description, tuple(dict.fromkeys(quotes)))
        if is_short and quotes and "[" not in name
        else None
    )


def read_pairs(content: str, n_themes: int) -> list[Pair] | None:
    """The mergers in an answer, each pair of known themes once; None where there is no list of them."""
    told = _object_with(content, "reunions").get("reunions")
    if not isinstance(told, list):
        return None
    found: dict[tuple[int, int], Pair] = {}
    for entry in told:
        numbers = entry.get("themes") if isinstance(entry, dict) else None
        known = (
            sorted({n for n in numbers if type(n) is int and 1 <= n <= n_themes})
            if isinstance(numbers, list)
            else []
        )
        for first, second in combinations(known, 2):
            found.setdefault(
                (first, second),
                Pair(first - 1, second - 1, _one_line(entry.get("raison"))[:LONGEST_REASON]),
            )
    return [found[pair] for pair in sorted(found)]


def _object_with(content: str, key: str) -> dict[str, Any]:
    """The first JSON object with `key`, alone, in a code fence or after thoughts; {} where there is none."""
    decoder = json.JSONDecoder()
    for match in list(_OPENING.finditer(content))[:_MOST_OPENINGS]:
        try:
            value, _ = decoder.raw_decode(content, match.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and key in value:
            return value
    return {}


def _one_line(text: Any) -> str:
    return " ".join(text.split()) if isinstance(text, str) and text.isprintable() else ""


def _quote(entry: Any) -> tuple[int, str]:
    number, quote = (
        (entry.get("passage"), entry.get("citation")) if isinstance(entry, dict) else (None, None)
    )
    return (number if type(number) is int else 0), (quote if isinstance(quote, str) else "")


def _stands(number: int, quote: str, texts: list[str]) -> bool:
    return 1 <= number <= len(texts) and bool(find_quote(quote, texts[number - 1]))


VERSION = "1"  # of what is said
_RULES = Path(__file__).with_name("instructions_themes.txt")
_NAME_FORM = '{"nom": "…", "description": "…", "citations": [{"passage": 1, "citation": "…"}]}'
_MERGE_FORM = '{"reunions": [{"themes": [1, 2], "raison": "…"}]}'
_TOKENS_PER_ANSWER = 120
_UNUSABLE_IN_A_ROW = 4  # themes without a usable answer from which the rest is not asked


@dataclass(frozen=True)
class ThemeCard:
    """A theme as it is shown: the machine's name and keywords, passages without persons' numbers, most central first."""

    label: str
    keywords: tuple[str, ...]
    passages: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """One request: what is said, how its answer is read, and how many passages it holds."""

    system: str
    user: str
    schema: dict[str, Any]
    read: Callable[[str], Any]
    n_passages: int


class ThemeReader:
    """Asks one model; `folder` keeps its answers from run to run."""

    def __init__(self, settings: LanguageModelSettings, folder: Path) -> None:
        self._settings, self._folder = settings, folder

    def estimate(self, cards: Sequence[ThemeCard]) -> Estimate:
        """What asking about `cards` would take, what is kept left out; nothing is sent."""
        left = [question for question in self._questions(cards) if self._kept(question) is None]
        tokens_in = math.ceil(
            sum(len(question.system) + len(question.user) for question in left) / CHARS_PER_TOKEN
        )
        tokens_out, seconds = _TOKENS_PER_ANSWER * len(left), self._settings.seconds_per_request
        return Estimate(
            address_of(self._settings.url),
            self._settings.model,
            sum(question.n_passages for question in left),
            len(left),
            tokens_in,
            tokens_out,
            price_of(tokens_in, tokens_out, self._settings),
            None if seconds is None else seconds * len(left),
            purpose="themes",
        )

    def ask(
        self, cards: Sequence[ThemeCard], on_progress: Callable[[int, int], None] | None = None
    ) -> Report:
        """Ask what is not kept; what fails is reported, never raised."""
        counts: Counter[str] = Counter()
        stop, stopped, started, unusable = threading.Event(), None, time.perf_counter(), 0
        left = [question for question in self._questions(cards) if self._kept(question) is None]
        try:
            client = ChatClient(self._settings, stop)
        except UnavailableError as error:
            return Report(0, 0, 0, 0, 0, 0, 0.0, error.found)
        try:
            for place, question in enumerate(left, start=1):
                is_read = self._exchange(client, question, counts)
                unusable = 0 if is_read else unusable + 1
                if unusable >= _UNUSABLE_IN_A_ROW:
                    stopped = f"{unusable} réponses inutilisables de suite"
                    break
                if on_progress:
                    on_progress(place, len(left))
        except UnavailableError as error:
            stopped = error.found
        finally:
            client.close()
        return Report(
            counts["asked"],
            counts["read"],
            counts["again"],
            counts["requests"],
            counts["tokens_in"],
            counts["tokens_out"],
            round(time.perf_counter() - started, 3),
            stopped,
        )

    def named(self, cards: Sequence[ThemeCard]) -> list[Named | None]:
        """What is kept of each theme."""
        return [self._kept(_about(card)) for card in cards]

    def pairs(self, cards: Sequence[ThemeCard]) -> list[Pair]:
        """The mergers kept, none where the model was not asked."""
        return (self._kept(_mergers(cards)) or []) if len(cards) > 1 else []

    def _questions(self, cards: Sequence[ThemeCard]) -> list[Question]:
        return [*(_about(card) for card in cards), *([_mergers(cards)] if len(cards) > 1 else [])]

    def _exchange(self, client: ChatClient, question: Question, counts: Counter[str]) -> bool:
        """Ask, again with another seed where the answer is of no use, and keep the answer; whether there is one.

        Raises `UnavailableError`.
        """
        counts["asked"] += 1
        for attempt in range(self._settings.max_retries + 1):
            counts["again"] += attempt == 1
            try:
                reply = client.ask(
                    question.system,
                    question.user,
                    question.schema,
                    n_units=1 + question.n_passages // 10,
                    seed=self._settings.seed + attempt,
                )
            except UnusableError:
                continue
            counts.update(requests=1, tokens_in=reply.tokens_in, tokens_out=reply.tokens_out)
            if question.read(reply.content) is not None:
                keep_text(self._path(question), reply.content)
                counts["read"] += 1
                return True
        return False

    def _kept(self, question: Question) -> Any:
        """What the answer kept says, checked again; None without one."""
        content = read_text(self._path(question))
        return None if content is None else question.read(content)

    def _path(self, question: Question) -> Path:
        parts = [VERSION, self._settings.model, question.system, question.user]
        key = hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()
        return self._folder / "themes" / f"{key}.json"


def _about(card: ThemeCard) -> Question:
    lines = [
        json.dumps({"passage": number, "texte": text}, ensure_ascii=False)
        for number, text in enumerate(card.passages, start=1)
    ]
    texts = list(card.passages)
    quote = _object({"passage": {"type": "integer"}, "citation": {"type": "string"}})
    schema = _object(
        {
            "nom": {"type": "string"},
            "description": {"type": "string"},
            "citations": {"type": "array", "items": quote, "minItems": 1},
        }
    )
    asked = f"Donner le nom du thème, sa description et une à trois citations. Répondre en JSON seulement :\n{_NAME_FORM}"
    return Question(
        _said(asked),
        "\n".join(["Passages du thème :", *lines]),
        schema,
        lambda content: read_named(content, texts),
        len(lines),
    )


def _mergers(cards: Sequence[ThemeCard]) -> Question:
    lines = [
        json.dumps({"theme": number, "nom": card.label, "mots": card.keywords}, ensure_ascii=False)
        for number, card in enumerate(cards, start=1)
    ]
    pair = _object(
        {"themes": {"type": "array", "items": {"type": "integer"}}, "raison": {"type": "string"}}
    )
    schema = _object({"reunions": {"type": "array", "items": pair}})
    asked = "Dire quels thèmes parlent de la même chose et gagneraient à n'en faire qu'un ; aucun est une réponse. JSON seulement :\n"
    n_themes = len(lines)
    return Question(
        _said(asked + _MERGE_FORM),
        "\n".join(["Thèmes :", *lines]),
        schema,
        lambda content: read_pairs(content, n_themes),
        0,
    )


def _said(asked: str) -> str:
    return f"{_RULES.read_text(encoding='utf-8').strip()}\n\n# Réponse\n\n{asked}"


def _object(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }

"""Ask a language model for theme names, and for pairs of themes to merge.

Quotes must be in the passages word for word.

In:   themes, each with its most central passages
Out:  ProposedName, ThemePair; None for an unusable answer
"""

import hashlib
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from models.language_model.asking import (
    AnswerStore,
    AskingReport,
    Progress,
    find_quote,
    report_of,
)
from models.language_model.client import ChatClient, UnusableError, address_of, object_with
from models.language_model.prompt import (
    CHARS_PER_TOKEN,
    Estimate,
    object_schema,
    price_of,
    to_json,
)
from models.served import UnavailableError
from pipeline.settings.sections import LanguageModelSettings
from pipeline.store import Store

VERSION = "1"
MAX_NAME, MAX_DESCRIPTION, MAX_REASON = 60, 300, 200  # characters
_RULES = Path(__file__).with_name("instructions_themes.txt")
_NAME_REQUEST = (
    "Donner le nom du thème, sa description et une à trois citations. Répondre en JSON seulement :"
    '\n{"nom": "…", "description": "…", "citations": [{"passage": 1, "citation": "…"}]}'
)
_PAIRS_REQUEST = (
    "Dire quels thèmes parlent de la même chose et gagneraient à n'en faire qu'un ; aucun est une "
    'réponse. JSON seulement :\n{"reunions": [{"themes": [1, 2], "raison": "…"}]}'
)
_TOKENS_PER_ANSWER = 120
_MAX_UNUSABLE = 4  # unusable answers in a row after which asking stops


@dataclass(frozen=True)
class ThemeCard:
    """A theme, its passages without persons' numbers, most central first."""

    label: str
    keywords: tuple[str, ...]
    passages: tuple[str, ...]


@dataclass(frozen=True)
class ProposedName:
    """A name and a description; each quote with its passage's number."""

    name: str
    description: str
    quotes: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class ThemePair:
    """Two themes to merge, by number, and why."""

    first: int
    second: int
    reason: str


@dataclass(frozen=True)
class ThemeRequest:
    """A request, and how to read its answer."""

    system: str
    user: str
    schema: dict[str, Any]
    read: Callable[[str], Any]
    n_passages: int


class ThemeReader:
    """Asks one model; `folder` stores its answers."""

    def __init__(self, settings: LanguageModelSettings, cache: Store | None = None) -> None:
        self._settings, self._store = settings, AnswerStore(cache)

    def estimate(self, cards: Sequence[ThemeCard]) -> Estimate:
        """Return the cost of asking; send nothing."""
        requests, settings = self._without_answer(cards), self._settings
        n_chars = sum(len(request.system) + len(request.user) for request in requests)
        tokens_in = math.ceil(n_chars / CHARS_PER_TOKEN)
        tokens_out = _TOKENS_PER_ANSWER * len(requests)
        seconds = settings.seconds_per_request
        return Estimate(
            address_of(settings.url),
            settings.model,
            sum(request.n_passages for request in requests),
            len(requests),
            tokens_in,
            tokens_out,
            price_of(tokens_in, tokens_out, settings),
            None if seconds is None else seconds * len(requests),
            purpose="themes",
        )

    def ask(self, cards: Sequence[ThemeCard], on_progress: Progress | None = None) -> AskingReport:
        """Ask for answers not yet stored; report failures, never raise."""
        counts: Counter[str] = Counter()
        stopped, start, n_unusable = None, time.perf_counter(), 0
        requests = self._without_answer(cards)
        try:
            client = ChatClient(self._settings, threading.Event())
        except UnavailableError as error:
            return report_of(counts, 0.0, error.found, Counter())
        try:
            for n_done, request in enumerate(requests, start=1):
                is_usable = self._exchange(client, request, counts)
                n_unusable = 0 if is_usable else n_unusable + 1
                if n_unusable >= _MAX_UNUSABLE:
                    stopped = f"{n_unusable} réponses inutilisables de suite"
                    break
                if on_progress:
                    on_progress(n_done, len(requests))
        except UnavailableError as error:
            stopped = error.found
        finally:
            client.server.close()
        return report_of(counts, time.perf_counter() - start, stopped, Counter())

    def names(self, cards: Sequence[ThemeCard]) -> list[ProposedName | None]:
        """Return each theme's proposed name, None without an answer."""
        return [self._answer(_name_request(card)) for card in cards]

    def pairs(self, cards: Sequence[ThemeCard]) -> list[ThemePair]:
        """Return the proposed mergers, none if the model was not asked."""
        return (self._answer(_pairs_request(cards)) or []) if len(cards) > 1 else []

    def _without_answer(self, cards: Sequence[ThemeCard]) -> list[ThemeRequest]:
        requests = [_name_request(card) for card in cards]
        if len(cards) > 1:
            requests.append(_pairs_request(cards))
        return [request for request in requests if self._answer(request) is None]

    def _exchange(self, client: ChatClient, request: ThemeRequest, counts: Counter[str]) -> bool:
        """Ask again with another seed if unusable; raise `UnavailableError`."""
        counts["asked"] += 1
        for attempt in range(self._settings.max_retries + 1):
            counts["again"] += attempt == 1
            try:
                reply = client.ask(
                    request.system,
                    request.user,
                    request.schema,
                    n_units=1 + request.n_passages // 10,
                    seed=self._settings.seed + attempt,
                )
            except UnusableError:
                continue
            counts.update(requests=1, tokens_in=reply.tokens_in, tokens_out=reply.tokens_out)
            if request.read(reply.content) is not None:
                self._store.put_text(self._key(request), reply.content)
                counts["coded"] += 1
                return True
        return False

    def _answer(self, request: ThemeRequest) -> Any:
        content = self._store.get_text(self._key(request))
        return None if content is None else request.read(content)

    def _key(self, request: ThemeRequest) -> str:
        parts = to_json([VERSION, self._settings.model, request.system, request.user])
        return hashlib.sha256(parts.encode()).hexdigest()


def _name_request(card: ThemeCard) -> ThemeRequest:
    texts = list(card.passages)
    lines = [to_json({"passage": i, "texte": text}) for i, text in enumerate(texts, start=1)]
    quote = object_schema({"passage": {"type": "integer"}, "citation": {"type": "string"}})
    schema = object_schema(
        {
            "nom": {"type": "string"},
            "description": {"type": "string"},
            "citations": {"type": "array", "items": quote, "minItems": 1},
        }
    )
    user = "\n".join(["Passages du thème :", *lines])
    return ThemeRequest(
        _system(_NAME_REQUEST), user, schema, lambda content: read_name(content, texts), len(lines)
    )


def _pairs_request(cards: Sequence[ThemeCard]) -> ThemeRequest:
    lines = [
        to_json({"theme": number, "nom": card.label, "mots": card.keywords})
        for number, card in enumerate(cards, start=1)
    ]
    numbers = {"type": "array", "items": {"type": "integer"}}
    pair = object_schema({"themes": numbers, "raison": {"type": "string"}})
    schema = object_schema({"reunions": {"type": "array", "items": pair}})
    user, n_themes = "\n".join(["Thèmes :", *lines]), len(lines)
    return ThemeRequest(
        _system(_PAIRS_REQUEST), user, schema, lambda content: read_pairs(content, n_themes), 0
    )


def _system(request: str) -> str:
    return f"{_RULES.read_text(encoding='utf-8').strip()}\n\n# Réponse\n\n{request}"


def read_name(content: str, texts: list[str]) -> ProposedName | None:
    """Return the name; None if missing, too long or without a quote in `texts`."""
    value = object_with(content, "nom")
    name, description = _one_line(value.get("nom")), _one_line(value.get("description"))
    entries = value.get("citations")
    quotes: dict[tuple[int, str], None] = {}
    for entry in entries if isinstance(entries, list) else []:
        number = entry.get("passage") if isinstance(entry, dict) else None
        quote = entry.get("citation") if isinstance(entry, dict) else None
        if type(number) is not int or not isinstance(quote, str) or not 1 <= number <= len(texts):
            continue
        if find_quote(quote, texts[number - 1]):
            quotes[number - 1, quote] = None
    is_short = 0 < len(name) <= MAX_NAME and 0 < len(description) <= MAX_DESCRIPTION
    if not is_short or not quotes or "[" in name:
        return None
    return ProposedName(name, description, tuple(quotes))


def read_pairs(content: str, n_themes: int) -> list[ThemePair] | None:
    """Return each pair of known themes once; None without a list."""
    entries = object_with(content, "reunions").get("reunions")
    if not isinstance(entries, list):
        return None
    pairs: dict[tuple[int, int], ThemePair] = {}
    for entry in entries:
        numbers = entry.get("themes") if isinstance(entry, dict) else None
        if not isinstance(numbers, list):
            continue
        themes = sorted({n for n in numbers if type(n) is int and 1 <= n <= n_themes})
        reason = _one_line(entry.get("raison"))[:MAX_REASON]
        for first, second in combinations(themes, 2):
            pairs.setdefault((first, second), ThemePair(first - 1, second - 1, reason))
    return [pairs[key] for key in sorted(pairs)]


def _one_line(text: Any) -> str:
    return " ".join(text.split()) if isinstance(text, str) and text.isprintable() else ""

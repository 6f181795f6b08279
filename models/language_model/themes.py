"""What a large language model would call each theme, say of it, and make one of two: proposals beside the machine's own.

In:   ThemeCard, one a theme: the machine's name, keywords and most central passages
Out:  Named, one a theme that it read; Pair, one a merger; Report of the asking

One request a theme, then one over all of them. Answers are kept by content: a theme whose passages did not change is not asked again.
"""

import hashlib
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.language_model.answers import keep_text, read_text
from models.language_model.asking import Report
from models.language_model.client import ChatClient, UnavailableError, UnusableError, address_of
from models.language_model.cost import CHARS_PER_TOKEN, Estimate, price_of
from models.language_model.theme_answers import Named, Pair, read_named, read_pairs
from pipeline.settings import LanguageModelSettings

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
        tokens_in = math.ceil(sum(len(question.system) + len(question.user) for question in left) / CHARS_PER_TOKEN)
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

    def ask(self, cards: Sequence[ThemeCard], on_progress: Callable[[int, int], None] | None = None) -> Report:
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
    lines = [json.dumps({"passage": number, "texte": text}, ensure_ascii=False) for number, text in enumerate(card.passages, start=1)]
    texts = list(card.passages)
    quote = _object({"passage": {"type": "integer"}, "citation": {"type": "string"}})
    schema = _object(
        {"nom": {"type": "string"}, "description": {"type": "string"}, "citations": {"type": "array", "items": quote, "minItems": 1}}
    )
    asked = f"Donner le nom du thème, sa description et une à trois citations. Répondre en JSON seulement :\n{_NAME_FORM}"
    return Question(
        _said(asked), "\n".join(["Passages du thème :", *lines]), schema, lambda content: read_named(content, texts), len(lines)
    )


def _mergers(cards: Sequence[ThemeCard]) -> Question:
    lines = [
        json.dumps({"theme": number, "nom": card.label, "mots": card.keywords}, ensure_ascii=False)
        for number, card in enumerate(cards, start=1)
    ]
    pair = _object({"themes": {"type": "array", "items": {"type": "integer"}}, "raison": {"type": "string"}})
    schema = _object({"reunions": {"type": "array", "items": pair}})
    asked = "Dire quels thèmes parlent de la même chose et gagneraient à n'en faire qu'un ; aucun est une réponse. JSON seulement :\n"
    n_themes = len(lines)
    return Question(_said(asked + _MERGE_FORM), "\n".join(["Thèmes :", *lines]), schema, lambda content: read_pairs(content, n_themes), 0)


def _said(asked: str) -> str:
    return f"{_RULES.read_text(encoding='utf-8').strip()}\n\n# Réponse\n\n{asked}"


def _object(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}

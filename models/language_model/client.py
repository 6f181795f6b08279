"""Ask one question to a server of OpenAI's /v1/chat/completions (Ollama, vLLM, llama.cpp, hosted).

In:   a system and a user message, a JSON schema
Out:  the text of the answer, and its JSON; failed requests are sent again
"""

import json
import re
import threading
from dataclasses import dataclass
from typing import Any

from models.served import ApiServer, Patience, UnavailableError
from pipeline.credentials import header_secret
from pipeline.errors import SettingsError
from pipeline.settings.sections import LanguageModelSettings

API_KEY = "ATELIERS_LANGUAGE_MODEL_KEY"
_MAX_BYTES = 4_000_000
# No answer is longer, thoughts of models that think aloud included.
_TOKENS_PER_UNIT, _MORE_TOKENS = 400, 4_000
_MAX_OBJECTS = 20


class UnusableError(Exception):
    """An answer without a completion; fewer passages may work."""


@dataclass(frozen=True)
class Reply:
    """The text of a completion and its tokens, 0 if the server does not say."""

    content: str
    tokens_in: int
    tokens_out: int


class ChatClient:
    """A shared connection to one server; `stop` ends every wait."""

    def __init__(self, settings: LanguageModelSettings, stop: threading.Event) -> None:
        self._settings = settings
        self._n_dropped = 0  # options, from the last, that this server refuses
        try:
            key = header_secret(API_KEY, "la clé du modèle de langue")
        except SettingsError as error:
            raise UnavailableError(error.found, is_final=True) from error
        patience = Patience(
            settings.connect_timeout_s,
            settings.read_timeout_s,
            settings.max_retries,
            settings.retry_wait_s,
            _MAX_BYTES,
        )
        self.server = ApiServer(address_of(settings.url), key, patience, stop)

    def ask(
        self, system: str, user: str, schema: dict[str, Any], *, n_units: int, seed: int
    ) -> Reply:
        """Return the completion; raise `UnavailableError` or `UnusableError`.

        If a server refuses the schema, seed or temperature with 400, later requests omit it.
        """
        max_tokens = _MORE_TOKENS + _TOKENS_PER_UNIT * n_units
        json_schema = {"name": "codage", "strict": True, "schema": schema}
        options: list[dict[str, Any]] = [
            {"temperature": 0, "seed": seed, "max_tokens": max_tokens},
            {"response_format": {"type": "json_schema", "json_schema": json_schema}},
        ]
        status, content = 0, b""
        for n_dropped in range(self._n_dropped, len(options) + 1):
            body: dict[str, Any] = {
                "model": self._settings.model,
                "messages": [
                    {"role": "system", "content": system},
                    {"role": "user", "content": user},
                ],
                "stream": False,
            }
            for option in options[: len(options) - n_dropped]:
                body |= option
            sent = json.dumps(body, ensure_ascii=False).encode()
            status, content = self.server.post(sent, lambda *answer: answer)
            if status == 200:
                self._n_dropped = max(self._n_dropped, n_dropped)
            if status != 400:
                break
        if status != 200:
            raise UnusableError(f"réponse {status}")
        return _reply(content)


def address_of(url: str) -> str:
    """Return the address of completions under `url`."""
    return url.rstrip("/").removesuffix("/chat/completions") + "/chat/completions"


def object_with(content: str, key: str) -> dict[str, Any]:
    """Return the first JSON object with `key`, in a code fence or after thoughts, else {}."""
    starts: set[int] = set()
    for pattern in (r"\{", rf'\{{\s*"{key}"'):
        starts |= {match.start() for match in list(re.finditer(pattern, content))[:_MAX_OBJECTS]}
    decoder = json.JSONDecoder()
    for start in sorted(starts):
        try:
            value, _ = decoder.raw_decode(content, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and key in value:
            return value
    return {}


def _reply(content: bytes) -> Reply:
    try:
        answer = json.loads(content)
        text = answer["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise UnusableError(type(error).__name__) from error
    if not isinstance(text, str):
        raise UnusableError("sans texte")
    usage = answer.get("usage")
    counts = []
    for name in ("prompt_tokens", "completion_tokens"):
        count = usage.get(name) if isinstance(usage, dict) else None
        counts.append(count if isinstance(count, int) and count > 0 else 0)
    return Reply(text, *counts)

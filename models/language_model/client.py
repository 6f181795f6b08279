"""Ask one question to a server of OpenAI's /v1/chat/completions (Ollama, vLLM, llama.cpp, hosted).

In:   a system and a user message, a JSON schema
Out:  the text of the answer, and its JSON; failed requests are sent again
"""

import email.utils
import json
import re
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from pipeline.credentials import header_secret, is_local
from pipeline.errors import SettingsError
from pipeline.settings.sections import LanguageModelSettings

API_KEY = "ATELIERS_LANGUAGE_MODEL_KEY"
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_MAX_WAIT_S, _MAX_RETRY_AFTER_S = 60.0, 300.0  # a server that asks for more is not waited for
_MAX_BYTES = 4_000_000
# No answer is longer, thoughts of models that think aloud included.
_TOKENS_PER_UNIT, _MORE_TOKENS = 400, 4_000
_MAX_OBJECTS = 20
_HOPELESS = {
    401: "clé refusée",
    403: "clé refusée",
    404: "adresse ou modèle inconnus",
    402: "crédit épuisé",
}


class UnavailableError(Exception):
    """No answer after every retry; if `is_final`, other requests would fail too."""

    def __init__(self, found: str, *, is_final: bool) -> None:
        self.found, self.is_final = found, is_final
        super().__init__(found)


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
        self._settings, self._stop = settings, stop
        self.address = address_of(settings.url)
        self._n_dropped = 0  # options, from the last, that this server refuses
        # No proxy for a local server, and no redirection: text would go elsewhere.
        self._http = httpx.Client(
            headers=request_headers(),
            timeout=httpx.Timeout(settings.read_timeout_s, connect=settings.connect_timeout_s),
            trust_env=not is_local(urlsplit(settings.url).hostname or ""),
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

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
            status, content = self._send(json.dumps(body, ensure_ascii=False).encode())
            if status == 200:
                self._n_dropped = max(self._n_dropped, n_dropped)
            if status != 400:
                break
        if status in _HOPELESS or 300 <= status < 400:
            reason = _HOPELESS.get(status, "redirection")
            raise UnavailableError(f"{reason} ({status})", is_final=True)
        if status != 200:
            raise UnusableError(f"réponse {status}")
        return _reply(content)

    def _send(self, body: bytes) -> tuple[int, bytes]:
        reason, is_final = "", False
        for attempt in range(self._settings.max_retries + 1):
            wait = min(_MAX_WAIT_S, self._settings.retry_wait_s * 2**attempt)
            try:
                status, content, retry_after = self._post(body)
            except httpx.HTTPError as error:
                reason = type(error).__name__
                is_final = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
            else:
                if status not in _RETRIED:
                    return status, content
                reason, is_final = f"réponse {status}", False
                if retry_after is not None:
                    wait = retry_after
                    if wait > _MAX_RETRY_AFTER_S:
                        reason, is_final = f"{reason}, attendre {wait:.0f} s", True
                        break
            if attempt == self._settings.max_retries or self._stop.wait(wait):
                break
        raise UnavailableError(reason, is_final=is_final)

    def _post(self, body: bytes) -> tuple[int, bytes, float | None]:
        """Bounded in bytes and time."""
        settings = self._settings
        deadline = time.monotonic() + settings.connect_timeout_s + settings.read_timeout_s
        content = b""
        with self._http.stream("POST", self.address, content=body) as response:
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > _MAX_BYTES or time.monotonic() > deadline:
                    raise httpx.ReadTimeout("answer too long", request=response.request)
            return response.status_code, content, _seconds(response.headers.get("Retry-After"))


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


def request_headers() -> dict[str, str]:
    """Return headers with the environment's key; raise `UnavailableError` for a bad one."""
    try:
        key = header_secret(API_KEY, "la clé du modèle de langue")
    except SettingsError as error:
        raise UnavailableError(error.found, is_final=True) from error
    authorization = {"Authorization": f"Bearer {key}"} if key else {}
    return {"Content-Type": "application/json"} | authorization


def _seconds(retry_after: str | None) -> float | None:
    if retry_after is None:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_to_datetime(retry_after)
        return max(0.0, date.timestamp() - time.time())
    except ValueError:
        return None


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

"""One question to a server that speaks OpenAI's /v1/chat/completions (Ollama, vLLM, llama.cpp server, hosted ones), and its answer.

In:   a system and a user message, a JSON schema
Out:  the text of the answer; requests that fail are sent again after a wait that doubles, or that the server asks for
"""

import email.utils
import json
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from pipeline.credentials import header_secret, is_local
from pipeline.errors import SettingsError
from pipeline.settings.stages import LanguageModelSettings

API_KEY = "ATELIERS_LANGUAGE_MODEL_KEY"
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_MOST_WAIT_S, _MOST_ASKED_WAIT_S = 60.0, 300.0  # a server that asks for more is not waited for
_MOST_BYTES = 4_000_000  # of an answer
_TOKENS_PER_UNIT, _MORE_TOKENS = (
    400,
    4_000,
)  # an answer, with the thoughts of models that think aloud, is no longer
_HOPELESS = {
    401: "clé refusée",
    403: "clé refusée",
    404: "adresse ou modèle inconnus",
    402: "crédit épuisé",
}


class UnavailableError(Exception):
    """No answer after every retry; `is_final` where asking anything else is of no use either."""

    def __init__(self, found: str, *, is_final: bool) -> None:
        self.found, self.is_final = found, is_final
        super().__init__(found)


class UnusableError(Exception):
    """The server answered, but not with a completion: asking with fewer passages may do better."""


@dataclass(frozen=True)
class Reply:
    """The text of a completion and what it took; tokens are 0 where the server does not say."""

    content: str
    tokens_in: int
    tokens_out: int


class ChatClient:
    """A connection to one server, which threads may share; `stop` cuts every wait."""

    def __init__(self, settings: LanguageModelSettings, stop: threading.Event) -> None:
        self._settings, self._stop = settings, stop
        self.address = address_of(settings.url)
        self._n_dropped = 0  # of the options below, from the last, that this server does not take
        timeout = httpx.Timeout(settings.read_timeout_s, connect=settings.connect_timeout_s)
        # A proxy of the environment is no way to a local server; redirections are never followed, since text would go elsewhere.
        is_inside = is_local(urlsplit(settings.url).hostname or "")
        self._http = httpx.Client(
            headers=_headers(), timeout=timeout, trust_env=not is_inside, follow_redirects=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(
        self, system: str, user: str, schema: dict[str, Any], *, n_units: int, seed: int
    ) -> Reply:
        """Return the completion.

        Some servers refuse the schema of the answer, others a seed or a temperature: what is refused with 400 is left out from then on.
        Raises `UnavailableError` and `UnusableError`.
        """
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        form = {
            "type": "json_schema",
            "json_schema": {"name": "codage", "strict": True, "schema": schema},
        }
        options: list[dict[str, Any]] = [
            {
                "temperature": 0,
                "seed": seed,
                "max_tokens": _MORE_TOKENS + _TOKENS_PER_UNIT * n_units,
            },
            {"response_format": form},
        ]
        status, content = 0, b""
        for n_dropped in range(self._n_dropped, len(options) + 1):
            body: dict[str, Any] = {
                "model": self._settings.model,
                "messages": messages,
                "stream": False,
            }
            for option in options[: len(options) - n_dropped]:
                body |= option
            status, content = self._sent(json.dumps(body, ensure_ascii=False).encode())
            if status != 400:
                self._n_dropped = (
                    max(self._n_dropped, n_dropped) if status == 200 else self._n_dropped
                )
                break
        if status in _HOPELESS or 300 <= status < 400:
            raise UnavailableError(
                f"{_HOPELESS.get(status, 'redirection')} ({status})", is_final=True
            )
        if status != 200:
            raise UnusableError(f"réponse {status}")
        return _reply(content)

    def _sent(self, body: bytes) -> tuple[int, bytes]:
        """Status and bytes of the answer, once it is neither an error of the network nor one that passes."""
        found, is_final = "", False
        for attempt in range(self._settings.max_retries + 1):
            wait = min(_MOST_WAIT_S, self._settings.retry_wait_s * 2**attempt)
            try:
                status, content, asked_wait = self._exchanged(body)
            except httpx.HTTPError as error:
                found, is_final = (
                    type(error).__name__,
                    isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)),
                )
            else:
                if status not in _RETRIED:
                    return status, content
                found, is_final = f"réponse {status}", False
                if asked_wait is not None and asked_wait > _MOST_ASKED_WAIT_S:
                    raise UnavailableError(
                        f"réponse {status}, attendre {asked_wait:.0f} s", is_final=True
                    )
                wait = wait if asked_wait is None else asked_wait
            if attempt == self._settings.max_retries or self._stop.wait(wait):
                break
        raise UnavailableError(found, is_final=is_final)

    def _exchanged(self, body: bytes) -> tuple[int, bytes, float | None]:
        """One request: status, bytes, and the wait that the server asks for; bounded in bytes and in time however slowly they come."""
        deadline = (
            time.monotonic() + self._settings.connect_timeout_s + self._settings.read_timeout_s
        )
        content = b""
        with self._http.stream("POST", self.address, content=body) as response:
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > _MOST_BYTES or time.monotonic() > deadline:
                    raise httpx.ReadTimeout("answer too long", request=response.request)
            return response.status_code, content, _asked_wait(response.headers.get("Retry-After"))


def address_of(url: str) -> str:
    """The whole address of completions under `url`."""
    return url.rstrip("/").removesuffix("/chat/completions") + "/chat/completions"


def _headers() -> dict[str, str]:
    try:
        key = header_secret(API_KEY, "la clé du modèle de langue")
    except SettingsError as error:
        raise UnavailableError(error.found, is_final=True) from error
    return {"Content-Type": "application/json"} | (
        {"Authorization": f"Bearer {key}"} if key else {}
    )


def _asked_wait(text: str | None) -> float | None:
    """Seconds of a Retry-After, given as a number or as a date."""
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _reply(content: bytes) -> Reply:
    """The completion in a server's answer."""
    try:
        answer = json.loads(content)
        text = answer["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise UnusableError(type(error).__name__) from error
    if not isinstance(text, str):
        raise UnusableError("sans texte")
    usage = answer.get("usage")
    tokens = [
        usage.get(name) if isinstance(usage, dict) else None
        for name in ("prompt_tokens", "completion_tokens")
    ]
    counts = [count if isinstance(count, int) and count > 0 else 0 for count in tokens]
    return Reply(text, *counts)

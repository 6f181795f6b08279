"""Post to a server of OpenAI's API, on this machine or hosted; what can pass is posted again.

In:   a request's body
Out:  what is read of the answer; no error repeats the body
"""

import email.utils
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from pipeline.credentials import is_local

Read = TypeVar("Read")

_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_MAX_WAIT_S, _MAX_RETRY_AFTER_S = 60.0, 300.0  # a server that asks for more is not waited for
_HOPELESS = {
    401: "clé refusée",
    402: "crédit épuisé",
    403: "clé refusée",
    404: "adresse ou modèle inconnus",
}


class UnavailableError(Exception):
    """No answer after every retry; if `is_final`, other requests would fail too."""

    def __init__(self, found: str, *, is_final: bool) -> None:
        self.found, self.is_final = found, is_final
        super().__init__(found)


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for, how often it is asked again, and how much is read of it."""

    connect_s: float
    read_s: float
    n_retries: int
    first_wait_s: float  # before the first retry, then doubled
    max_bytes: int


class ApiServer:
    """A shared connection to one address; `stop` ends every wait."""

    def __init__(
        self,
        address: str,
        key: str | None,
        patience: Patience,
        stop: threading.Event | None = None,
    ) -> None:
        self.address, self._patience, self._stop = address, patience, stop or threading.Event()
        # No proxy for a local server, and no redirection: text would go elsewhere.
        self._http = httpx.Client(
            headers={"Content-Type": "application/json"}
            | ({"Authorization": f"Bearer {key}"} if key else {}),
            timeout=httpx.Timeout(patience.read_s, connect=patience.connect_s),
            trust_env=not is_local(urlsplit(address).hostname or ""),
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def post(self, body: bytes, read: Callable[[int, bytes], Read]) -> Read:
        """Return what `read` makes of the answer's status and content.

        Raises `UnavailableError`; one that `read` raises ends the asking where it is final.
        """
        patience = self._patience
        for attempt in range(patience.n_retries + 1):
            wait = min(_MAX_WAIT_S, patience.first_wait_s * 2**attempt)
            try:
                status, content, retry_after = self._exchange(body)
                if status not in _RETRIED:
                    if status in _HOPELESS or 300 <= status < 400:
                        reason = _HOPELESS.get(status, "redirection")
                        raise UnavailableError(f"{reason} ({status})", is_final=True)
                    return read(status, content)
                fault = UnavailableError(f"réponse {status}", is_final=False)
                if retry_after is not None:
                    wait = retry_after
                if wait > _MAX_RETRY_AFTER_S:
                    raise UnavailableError(f"{fault}, attendre {wait:.0f} s", is_final=True)
            except httpx.HTTPError as error:
                is_final = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
                fault = UnavailableError(type(error).__name__, is_final=is_final)
            except UnavailableError as error:
                if error.is_final:
                    raise
                fault = error
            if attempt == patience.n_retries or self._stop.wait(wait):
                break
        raise fault

    def _exchange(self, body: bytes) -> tuple[int, bytes, float | None]:
        """Bounded in bytes and time."""
        patience = self._patience
        deadline = time.monotonic() + patience.connect_s + patience.read_s
        content = bytearray()
        with self._http.stream("POST", self.address, content=body) as response:
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > patience.max_bytes or time.monotonic() > deadline:
                    raise httpx.ReadTimeout("answer too long", request=response.request)
            retry_after = _seconds(response.headers.get("Retry-After", ""))
            return response.status_code, bytes(content), retry_after


def _seconds(retry_after: str) -> float | None:
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_to_datetime(retry_after)
        return max(0.0, date.timestamp() - time.time())
    except ValueError:
        return None

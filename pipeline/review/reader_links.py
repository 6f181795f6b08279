"""Open one publication's report to readers without an account, by a link that ends.

A link's token is shown once and kept as its sha256, in .review/liens.json. It opens nothing else of
the study.
"""

import json
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.publication_files import run_time
from pipeline.files import text_hash, write_bytes

MAX_DAYS, DEFAULT_DAYS = 365, 30
_lock = threading.Lock()  # one server process writes the file


@dataclass(frozen=True)
class ReaderLink:
    """A link to the publication of `run_id`."""

    link_id: str
    token_hash: str
    run_id: str
    made_by: str
    made_at: str
    expires_at: str
    revoked_by: str = ""
    revoked_at: str = ""
    n_opened: int = 0
    opened_at: str = ""

    @property
    def run_at(self) -> str:
        """The time of the run that was published, in ISO form."""
        return run_time(self.run_id)

    @property
    def is_expired(self) -> bool:
        """Whether its last day is over."""
        return datetime.now(UTC) >= datetime.fromisoformat(self.expires_at)

    @property
    def is_open(self) -> bool:
        """Whether readers may come by it."""
        return not (self.revoked_at or self.is_expired)


def make_link(root: Path, run_id: str, *, made_by: str, n_days: int) -> str:
    """Record a new link and return its token, which is kept nowhere."""
    token, now = secrets.token_urlsafe(32), datetime.now(UTC)
    link = ReaderLink(
        secrets.token_hex(6),
        text_hash(token),
        run_id,
        made_by,
        _iso(now),
        _iso(now + timedelta(days=n_days)),
    )
    with _lock:
        _write(root, [*links_of(root), link])
    return token


def links_of(root: Path) -> list[ReaderLink]:
    """Return the links made so far, in order."""
    path = _path(root)
    if not path.is_file():
        return []
    return [ReaderLink(**fields) for fields in json.loads(path.read_text(encoding="utf-8"))]


def find_link(root: Path, token: str) -> ReaderLink | None:
    """Return the link of a token, ended or not."""
    digest = text_hash(token)
    return next(
        (link for link in links_of(root) if secrets.compare_digest(link.token_hash, digest)), None
    )


def revoke_link(root: Path, link_id: str, *, revoked_by: str) -> bool:
    """Close a link at once; return whether it was open."""
    if not any(link.link_id == link_id and link.is_open for link in links_of(root)):
        return False
    _change(root, link_id, revoked_by=revoked_by, revoked_at=_iso(datetime.now(UTC)))
    return True


def note_opening(root: Path, link: ReaderLink) -> None:
    """Count that somebody opened a link."""
    now = _iso(datetime.now(UTC))
    _change(root, link.link_id, n_opened=link.n_opened + 1, opened_at=now)


class RateLimit:
    """At most `n_calls` by key in `period_s` seconds, for the last `n_keys` keys; thread-safe."""

    def __init__(self, n_calls: int, period_s: float, *, n_keys: int = 1000) -> None:
        self._n_calls, self._period_s, self._n_keys = n_calls, period_s, n_keys
        self._lock = threading.Lock()
        self._calls: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def allows(self, key: Hashable, *, counts: bool = True) -> bool:
        """Whether one more call of `key` is within the limit; it is counted if it `counts`."""
        now = time.monotonic()
        with self._lock:
            calls = self._calls.setdefault(key, deque())
            self._calls.move_to_end(key)
            while len(self._calls) > self._n_keys:
                self._calls.popitem(last=False)
            while calls and now - calls[0] > self._period_s:
                calls.popleft()
            if len(calls) >= self._n_calls:
                return False
            if counts:
                calls.append(now)
            return True


def _change(root: Path, link_id: str, **fields: Any) -> None:
    with _lock:
        links = links_of(root)
        changed = [replace(link, **fields) if link.link_id == link_id else link for link in links]
        _write(root, changed)


def _write(root: Path, links: list[ReaderLink]) -> None:
    content = json.dumps([asdict(link) for link in links], indent=1)
    write_bytes(_path(root), content.encode(), mode=0o600)


def _path(root: Path) -> Path:
    return root / ".review" / "liens.json"


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")

"""Watch a study's depot: tell when what was dropped there is copied whole.

In:   depot/, as it is now and as it was
Out:  one call for all that came since the last, once nothing has moved for a while and no temporary file is open

Nothing is remembered on disk: the first look at a depot counts as a change, so what was dropped while nobody watched is seen at the start.
"""

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from pipeline.depot import is_junk

Look = dict[str, tuple[int, int]]  # size in bytes and time of change in nanoseconds, by path below the depot

_TEMPORARY_STARTS = ("~$", "~wrl", ".~", ".goutputstream-")
_TEMPORARY_ENDS = (".part", ".partial", ".crdownload", ".download", ".filepart", ".tmp", ".swp", ".lock#")
_STEP_S = 1.0  # between two looks when the system announces no change, as on network shares


@dataclass(frozen=True)
class Depot:
    """One look at a depot: files that count, files that say that a program is still writing, and what is left behind besides."""

    files: Look
    temporary: Look
    left_behind: Look

    @property
    def is_empty(self) -> bool:
        """Whether nothing was dropped."""
        return not self.files


def look(depot: Path) -> Depot:
    """Return what lies in `depot` now; a file that vanishes meanwhile is left out, a depot that is away has nothing."""
    seen = Depot({}, {}, {})
    for folder, _, names in os.walk(depot):
        for name in names:
            path = Path(folder, name)
            try:
                found = path.stat()
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode):
                below = path.relative_to(depot)
                _kind(seen, below)[below.as_posix()] = found.st_size, found.st_mtime_ns
    return seen


class Settling:
    """Says when successive looks at a depot show a new content that is complete; times are seconds of a clock that never jumps."""

    def __init__(self, *, settle_s: float, open_file_s: float) -> None:
        self._settle_s, self._open_file_s = settle_s, open_file_s
        self._last: Depot | None = None
        self._since = 0.0
        self._handled: Look | None = None

    def observe(self, seen: Depot, now: float) -> bool:
        """Whether `seen` differs from what was handled and has not changed for as long as it must."""
        if seen != self._last:
            self._last, self._since = seen, now
        if seen.is_empty or seen.files == self._handled:
            return False
        return now - self._since >= (max(self._open_file_s, self._settle_s) if seen.temporary else self._settle_s)

    def handled(self) -> None:
        """Take the content last observed for handled."""
        self._handled = self._last.files if self._last else None

    def forget(self) -> None:
        """Take nothing for handled: the same content counts again."""
        self._handled = None


def watch_depot(
    depot: Path, settling: Settling, *, stop: Event, on_complete: Callable[[], bool], on_look: Callable[[], None] = lambda: None
) -> None:
    """Call `on_complete` each time a new content is complete, until `stop`; where it returns False it is called again at the next look.

    A depot that was away counts as new when it is back: a run may have ended for want of it. `on_look` is called after each look.
    """
    for _ in _wakes(depot, stop):
        if not depot.is_dir():
            settling.forget()
        if settling.observe(look(depot), time.monotonic()) and on_complete():
            settling.handled()
        on_look()


def _wakes(depot: Path, stop: Event) -> Iterator[None]:
    """Yield at once, then when something moves in `depot`, and every second where nothing is said to move."""
    from watchfiles import watch

    yield
    while not stop.is_set():
        try:
            for _ in watch(
                depot,
                stop_event=stop,
                yield_on_timeout=True,
                rust_timeout=int(_STEP_S * 1000),
                debounce=500,
                raise_interrupt=False,
                watch_filter=None,
            ):
                if stop.is_set():
                    return
                yield
        except OSError:  # the depot is away: a share that was unmounted, a folder that was renamed
            pass
        stop.wait(_STEP_S)
        yield


def _kind(seen: Depot, below: Path) -> dict[str, tuple[int, int]]:
    """Where the file `below` the depot belongs; hidden files are left behind, and rsync writes in one until it is whole."""
    lowered = below.name.lower()
    if lowered.startswith(_TEMPORARY_STARTS) or lowered.endswith(_TEMPORARY_ENDS):
        return seen.temporary
    return seen.left_behind if is_junk(below) else seen.files

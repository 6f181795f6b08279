"""Who is told how far a run has come: the command line draws it, a service may log it, nobody need listen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, int, int], None]  # what is going on (in French), steps done, steps in all

_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener | None) -> Iterator[None]:
    """Tell `listener` of each step inside the block."""
    if listener is None:
        yield
        return
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell(what: str, done: int, total: int) -> None:
    """Tell whoever listens."""
    for listener in _listeners:
        listener(what, done, total)

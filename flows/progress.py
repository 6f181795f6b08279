"""Who is told how far a run has come: the command line draws it, a service may log it, nobody need listen."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from pipeline.within import within

Listener = Callable[[str, int, int], None]  # what is going on (in French), steps done, steps in all

_listeners: list[Listener] = []


def listening(listener: Listener | None) -> AbstractContextManager[None]:
    """Tell `listener` of each step inside the block."""
    return nullcontext() if listener is None else within(_listeners, listener)


def tell(what: str, done: int, total: int) -> None:
    """Tell whoever listens."""
    for listener in _listeners:
        listener(what, done, total)

"""What holds within a block: a value that whoever is called there finds last in a list, until the block ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

Value = TypeVar("Value")


@contextmanager
def within(holding: list[Value], value: Value) -> Iterator[None]:
    """Have `value` last in `holding` as long as the block; blocks may be open in several threads, and end in any order."""
    holding.append(value)
    try:
        yield
    finally:
        holding.remove(value)

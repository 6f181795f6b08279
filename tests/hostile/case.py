"""What a hostile file is for the tests: its name, how its bytes are made, what must become of it."""

from collections.abc import Callable
from dataclasses import dataclass

READ = "READ"


@dataclass(frozen=True)
class Case:
    """`outcome` is what the reject's reason must match, READ where the file is in truth harmless, or both where either will do."""

    name: str
    make: Callable[[], bytes]
    outcome: str
    is_slow: bool = False  # to make or to read

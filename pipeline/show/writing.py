"""Lines, tables and JSON on standard output, and what went wrong on standard error."""

import json
import sys
from collections.abc import Iterable
from typing import Any

from pipeline.errors import AteliersError

SHOWN_LINES = 20  # of a long list


def failure(error: AteliersError) -> None:
    """One line on standard error."""
    sys.stderr.write(f"ateliers : {error}\n".replace("\r", " "))


def line(text: str) -> None:
    """Write one line."""
    sys.stdout.write(text + "\n")


def write_json(content: Any) -> None:
    """Write what a machine reads; what JSON does not know, as its text."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=1, default=str) + "\n")


def write_table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Draw a table; no cell is ever "None"."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)

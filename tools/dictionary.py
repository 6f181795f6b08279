"""The data dictionary as a page: docs/dictionnaire.md is what this prints, so that it cannot lie
about the tables.
"""

import sys
from collections.abc import Iterator

from pipeline.decisions import KINDS
from pipeline.tables import TABLES
from pipeline.tables.material import DECISIONS
from pipeline.tables.schema import Column, Table

_TYPES = {
    "text": "text",
    "json": "text (JSON)",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
}


def dictionary_page() -> str:
    """The data dictionary in Markdown: one section a table, one row a column."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Data dictionary"
    yield ""
    yield (
        "Generated from `pipeline/tables/` by `make docs`; a test fails when stale. "
        "Tables are Parquet files in a study's `tables/`;"
    )
    yield (
        "`tables/machine/` keeps tags, themes and theme_members as the machine proposed them. "
        "Blank means that nobody could tell."
    )
    for table in (*TABLES.values(), DECISIONS):
        yield from _section(table)


def _section(table: Table) -> Iterator[str]:
    yield ""
    yield f"## {table.name}"
    yield ""
    yield f"{table.meaning} Key: {', '.join(f'`{name}`' for name in table.key)}."
    yield ""
    yield "| column | type | meaning | unit or values |"
    yield "|---|---|---|---|"
    for column in table.columns:
        yield f"| `{column.name}` | {_type_of(column)} | {column.meaning} | {_bounds_of(column)} |"


def _type_of(column: Column) -> str:
    return _TYPES[column.kind] + (", may be blank" if column.nullable else "")


def _bounds_of(column: Column) -> str:
    values = (
        tuple(KINDS) if column in DECISIONS.columns and column.name == "action" else column.values
    )
    if values:
        return ", ".join(values)
    low, high = (None if bound is None else f"{bound:g}" for bound in (column.low, column.high))
    if (low is None and high is None) or column.unit == f"{low}..{high}":
        return column.unit
    bounds = f"≥ {low}" if high is None else f"{low}..{high}"
    return f"{column.unit}, {bounds}" if column.unit else bounds


if __name__ == "__main__":
    sys.stdout.write(dictionary_page())

"""Number the tables and figures of a page in the order they are made, which is the order they are read."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.publish.layout.blocks import Figure, Table
from pipeline.publish.text import texts, typography


class Numbering:
    """Makes captioned tables and figures, each with the next number of its kind."""

    def __init__(self) -> None:
        self._n_tables = self._n_figures = 0

    def table(self, caption: str, columns: Mapping[str, float], rows: Sequence[Sequence[str]], numbers: Sequence[str] = ()) -> Table:
        """A table whose `columns`, keys of textes.yaml or words, have a share of the width; those in `numbers` are right-aligned."""
        self._n_tables += 1
        heads = texts()["colonnes"]
        return Table(
            number=self._n_tables,
            caption=caption,
            columns=tuple(typography(heads.get(name, name)) for name in columns),
            is_number=tuple(name in numbers for name in columns),
            widths=tuple(width / sum(columns.values()) for width in columns.values()),
            rows=tuple(tuple(row) for row in rows),
        )

    def figure(self, caption: str, alt: str, spec: Mapping[str, Any]) -> Figure:
        """A figure."""
        self._n_figures += 1
        return Figure(self._n_figures, caption, alt, spec)

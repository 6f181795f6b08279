"""Read delimited tables (.csv, .tsv): encoding and separator told from the content, line breaks inside quotes kept.

In:   the bytes of a table
Out:  one part of rows, as wide as the widest
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from typing import Literal

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawPart
from pipeline.ingest.readers.source import Source, no_text
from pipeline.ingest.readers.wording import clean
from pipeline.ingest.sniff import decode

_MIN_SHARE = {";": 0.5, "\t": 0.5, ",": 0.8, "|": 0.7}  # of rows that a separator must cut alike: sentences hold commas too
_MIN_COMMON = 0.6  # of the lines in which the sign of a ragged table stands
_N_SAMPLE = 200  # rows looked at to find the separator
MAX_CELLS = 5_000_000  # of one table, blank ones that square it counted
_MAX_CELL = 20_000  # characters: a longer cell means that a stray quote swallowed rows
csv.field_size_limit(10_000_000)


def read_delimited(source: Source) -> tuple[RawPart, ...]:
    """Return the table as one part of rows.

    Raises `ReadError` for a blank file, bytes that are no text, and a table of millions of cells.
    """
    rows = rows_of(decode(source.content))
    if not any(any(row) for row in rows):
        raise no_text("tableau")
    return (RawPart((), rows=rows),)


def rows_of(text: str) -> tuple[tuple[str, ...], ...]:
    """The rows of `text`, clean cells, blank rows out, padded to one width."""
    declared = text[:6].lower()
    separator = text[4] if declared.startswith("sep=") and len(text) > 4 else _separator(text)
    body = text.split("\n", 1)[1] if declared.startswith("sep=") and "\n" in text else text
    rows = _parse(body, separator, csv.QUOTE_MINIMAL)
    if any(len(cell) > 40 and (len(cell) > _MAX_CELL or cell.count("\n") > 40) for row in rows for cell in row):
        rows = _parse(body, separator, csv.QUOTE_NONE)
    return squared(rows)


def squared(rows: Iterable[Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    """Rows with clean cells, padded with "" to one width, blank ones out at both ends; a line break inside a cell stays.

    Raises `ReadError` where that gives millions of cells.
    """
    cells = [tuple("\n".join(filter(None, map(clean, cell.split("\n")))) if cell else "" for cell in row) for row in rows]
    filled = [place for place, row in enumerate(cells) if any(row)]
    kept = cells[filled[0] : filled[-1] + 1] if filled else []
    width = max((place + 1 for row in kept for place, cell in enumerate(row) if cell), default=0)
    check_cells(len(kept), width)
    return tuple((row + ("",) * width)[:width] for row in kept)


def check_cells(n_rows: int, n_columns: int) -> None:
    """Raise `ReadError` where a table holds, once squared, more cells than a workshop ever wrote."""
    if n_rows * n_columns > MAX_CELLS:
        raise ReadError(
            f"feuille de {n_rows} lignes sur {n_columns} colonnes",
            f"{MAX_CELLS} cellules au plus",
            "effacer les cellules loin du tableau (Ctrl+Fin les montre), ou copier le tableau dans un nouveau classeur",
        )


def looks_delimited(text: str) -> bool:
    """True where three lines or more are all cut into the same number of three cells or more, most of them short."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < 3 or not any(all(line.count(sign) >= 2 for line in lines) for sign in ";\t|"):
        return False
    rows = [row for row in _parse(text, _separator(text), csv.QUOTE_MINIMAL) if any(row)]
    widths = Counter(len(row) for row in rows)
    return len(widths) == 1 and min(widths) >= 3 and all(len(cell.split()) <= 8 for cell in rows[0])


def _separator(text: str) -> str:
    """The separator that cuts most rows into the same number of cells; one that occurs nowhere for a table of one column."""
    sample = "\n".join(text.split("\n")[: 3 * _N_SAMPLE])

    def evenness(sign: str) -> tuple[float, int]:
        widths = Counter(len(row) for row in _parse(sample, sign, csv.QUOTE_MINIMAL)[:_N_SAMPLE] if any(row))
        width, n_rows = max(
            ((width, n_rows) for width, n_rows in widths.items() if width > 1), key=lambda pair: (pair[1], pair[0]), default=(1, 0)
        )
        share = n_rows / max(1, widths.total())
        return (share if share >= _MIN_SHARE[sign] else 0.0), width

    best = max(_MIN_SHARE, key=evenness)
    return best if evenness(best)[0] else _common_sign(sample)


def _common_sign(sample: str) -> str:
    """The sign that stands in most lines of a table whose rows differ in width; sentences hold none of these so often."""
    lines = [line for line in sample.split("\n") if line.strip()]
    n_lines = {sign: sum(sign in line for line in lines) for sign in ";\t|"}
    best = max(n_lines, key=lambda sign: n_lines[sign])
    return best if n_lines[best] >= max(2, _MIN_COMMON * len(lines)) else "\x1f"


def _parse(text: str, separator: str, quoting: Literal[0, 3]) -> list[list[str]]:
    try:
        return [*csv.reader(io.StringIO(text), delimiter=separator, quoting=quoting, skipinitialspace=quoting == csv.QUOTE_MINIMAL)]
    except csv.Error as error:
        raise ReadError(
            "tableau illisible", "un fichier .csv à un seul séparateur", "l'ouvrir dans un tableur et l'enregistrer en .xlsx"
        ) from error

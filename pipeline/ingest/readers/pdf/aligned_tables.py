"""Find tables laid out by white space alone on a PDF page: a row of short titles above cells that keep to their columns.

In:   the words of a page that lie in no drawn table
Out:  tables of three columns or more, as those that are drawn
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from pipeline.ingest.readers.pdf.page_words import Word
from pipeline.ingest.readers.pdf.reading_order import Line, segments_of_words
from pipeline.ingest.readers.pdf.ruled_tables import RuledTable
from pipeline.ingest.readers.wording import bullet_of, is_finished

_MIN_COLUMNS, _MIN_ROWS = 3, 3  # the row of titles counted
_MAX_TITLE_WORDS = 5
_MAX_LABEL_WORDS = 2.0  # median words of the column that tells a table from columns of running text
_MAX_GAP = 4.0  # heights between the rows of one table
_MIN_STRIP = 0.6  # of the height: white between two columns
_NEAR = 0.8  # of the usual distance of rows: a line nearer than this goes on with the cells above


@dataclass(frozen=True)
class _Row:
    """The segments that stand on one line, from left to right."""

    segments: tuple[Line, ...]

    @property
    def top(self) -> float:
        """Its upper edge."""
        return min(segment.top for segment in self.segments)

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return max(segment.bottom for segment in self.segments)


def aligned_tables(words: Sequence[Word]) -> list[RuledTable]:
    """Return the tables among `words`, from top to bottom."""
    rows = _rows(words)
    tables: list[RuledTable] = []
    place = 0
    while place < len(rows):
        end = _end(rows, place) if _is_head(rows[place]) else place
        table = _table(rows[place:end], words) if end - place >= _MIN_ROWS else None
        if table is None:
            place += 1
        else:
            tables.append(table)
            place = end
    return tables


def _rows(words: Sequence[Word]) -> list[_Row]:
    rows: list[list[Line]] = []
    for segment in sorted(segments_of_words(words), key=lambda line: ((line.top + line.bottom) / 2, line.x0)):
        above = rows[-1] if rows else None
        if above and min(above[0].bottom, segment.bottom) - max(above[0].top, segment.top) > 0.5 * segment.height:
            above.append(segment)
        else:
            rows.append([segment])
    return [_Row(tuple(sorted(row, key=lambda line: line.x0))) for row in rows]


def _is_head(row: _Row) -> bool:
    """True for three short titles or more, side by side."""
    texts = [segment.text for segment in row.segments]
    is_short = all(len(text.split()) <= _MAX_TITLE_WORDS and not is_finished(text) and not bullet_of(text) for text in texts)
    return len(texts) >= _MIN_COLUMNS and is_short and len(set(texts)) == len(texts) and not any(text[:1].isdigit() for text in texts)


def _end(rows: Sequence[_Row], start: int) -> int:
    """Where the table that `rows[start]` heads ends: before the first row that crosses the white between its columns, or lies far below."""
    n_columns = len(rows[start].segments)
    end = start + 1
    while end < len(rows):
        above, row = rows[end - 1], rows[end]
        height = median(segment.height for segment in row.segments)
        if row.top - above.bottom > _MAX_GAP * height or len(_strips(rows[start : end + 1])) != n_columns:
            break
        end += 1
    while end > start + 1 and len(rows[end - 1].segments) == 1 and _is_apart(rows[start:end]):
        end -= 1  # a lone line below the table
    return end


def _is_apart(rows: Sequence[_Row]) -> bool:
    """True where the last row is further from the one above than rows usually are."""
    gaps = [below.top - above.top for above, below in pairwise(rows)]
    return len(gaps) > 1 and gaps[-1] > 1.3 * median(gaps[:-1])


def _strips(rows: Sequence[_Row]) -> list[tuple[float, float]]:
    """The left and right edges of what the rows cover, parted by white that no row crosses."""
    spans = sorted((segment.x0, segment.x1, segment.height) for row in rows for segment in row.segments)
    strips: list[tuple[float, float]] = []
    for left, right, height in spans:
        if strips and left - strips[-1][1] < _MIN_STRIP * height:
            strips[-1] = (strips[-1][0], max(strips[-1][1], right))
        else:
            strips.append((left, right))
    return strips


def _table(rows: Sequence[_Row], words: Sequence[Word]) -> RuledTable | None:
    """The table of `rows`, None where its cells are running text or mostly blank."""
    strips = _strips(rows)
    box = (strips[0][0] - 1, rows[0].top - 1, strips[-1][1] + 1, rows[-1].bottom + 1)
    inside = [word for word in words if box[0] <= (word.x0 + word.x1) / 2 <= box[2] and box[1] <= (word.top + word.bottom) / 2 <= box[3]]
    merged = _merged(rows)
    cells = [
        tuple((strip, tuple(word for word in inside if _is_in(word, strip, top, bottom))) for strip in strips) for top, bottom in merged
    ]
    columns = [[len(row[place][1]) for row in cells[1:] if row[place][1]] for place in range(len(strips))]
    has_labels = any(median(column) <= _MAX_LABEL_WORDS for column in columns if len(column) > 1)
    n_filled = sum(map(len, columns))
    is_full = n_filled >= 0.5 * len(columns) * (len(cells) - 1) and all(columns)
    return RuledTable(box, tuple(cells)) if has_labels and is_full and len(cells) >= _MIN_ROWS else None


def _merged(rows: Sequence[_Row]) -> list[tuple[float, float]]:
    """Top and bottom of each row of cells: a line nearer than usual, that leaves the first column blank, goes on with the one above."""
    first = rows[0].segments[0].x0
    gaps = [below.top - above.top for above, below in pairwise(rows) if below.segments[0].x0 - first < below.segments[0].height]
    usual = median(gaps) if gaps else 0.0
    merged: list[tuple[float, float]] = []
    for place, row in enumerate(rows):
        is_more = place > 1 and row.segments[0].x0 - first >= row.segments[0].height and row.top - rows[place - 1].top < _NEAR * usual
        if is_more:
            merged[-1] = (merged[-1][0], row.bottom)
        else:
            merged.append((row.top, row.bottom))
    return merged


def _is_in(word: Word, strip: tuple[float, float], top: float, bottom: float) -> bool:
    return strip[0] - 1 <= (word.x0 + word.x1) / 2 <= strip[1] + 1 and top - 1 <= (word.top + word.bottom) / 2 <= bottom + 1

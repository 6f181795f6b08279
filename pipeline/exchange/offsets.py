"""Where selections lie in a text, however the tool that wrote them counts: with the byte order mark or not, a line end as one or two,
an emoji as one or two.

In:   a source's text as stored, selections as stored
Out:  the text with \\n alone and no mark, and the selections in its code points

The count under which most selections begin and end where words do is taken; the standard's own, code points, where others fit no better.
"""

from collections.abc import Collection, Iterator, Sequence

MARK = "\ufeff"
Span = tuple[int, int]


def plain_text(stored: str) -> str:
    """`stored` without byte order mark, its lines ended by \\n alone."""
    return stored.removeprefix(MARK).replace("\r\n", "\n").replace("\r", "\n")


def settle_spans(stored: str, spans: Sequence[Span], bounds: Collection[int] = ()) -> list[Span | None]:
    """Return `spans` as offsets in `plain_text(stored)`, None for one that lies outside; `bounds` are offsets where one may be expected."""
    text = plain_text(stored)
    counts = list(_counts(stored))
    settled = [[_moved(span, count) for span in spans] for count in counts]
    scores = [sum(_fit(text, span, bounds) for span in moved if span) for moved in settled]
    return settled[scores.index(max(scores))]


def _counts(stored: str) -> Iterator[list[int]]:
    """Each way to count, as the offset in the plain text of every offset stored; the usual ones first."""
    has_mark, has_pairs, has_astral = stored.startswith(MARK), "\r\n" in stored, any(letter > "\uffff" for letter in stored)
    for in_units in (False, True) if has_astral else (False,):
        for with_mark in (False, True) if has_mark else (False,):
            for pair in (1, 2) if has_pairs else (1,):
                yield _count(stored.removeprefix(MARK), int(with_mark), pair, in_units)


def _count(text: str, n_before: int, pair: int, in_units: bool) -> list[int]:
    """The offset in the plain text of each offset of this count; `n_before` characters stand before it."""
    offsets = [0] * n_before
    at = 0
    for place, letter in enumerate(text):
        if letter == "\n" and text[place - 1 : place] == "\r":
            continue  # counted with its \r
        is_pair = letter == "\r" and text[place + 1 : place + 2] == "\n"
        offsets += [at] * (pair if is_pair else 2 if in_units and letter > "\uffff" else 1)
        at += 1
    return [*offsets, at]


def _moved(span: Span, count: Sequence[int]) -> Span | None:
    start, end = span
    if not 0 <= start < end < len(count):
        return None
    return (count[start], count[end]) if count[start] < count[end] else None


def _fit(text: str, span: Span, bounds: Collection[int]) -> int:
    """How well a selection begins and ends: at a bound that is expected, else where a word does."""
    start, end = span
    fits_start = not text[start].isspace() and not (text[start].isalnum() and text[start - 1 : start].isalnum())
    fits_end = not text[end - 1].isspace() and not (text[end - 1].isalnum() and text[end : end + 1].isalnum())
    return int(fits_start) + int(fits_end) + 2 * (start in bounds) + 2 * (end in bounds)

"""The changes that a paragraph, a run of characters or a table row makes to its style ([MS-DOC] 2.2.5, Sprm and Prl).

In:   a list of changes as stored
Out:  (which, operand), one by one
"""

from collections.abc import Iterator
from functools import lru_cache

_SIZES = {0: 1, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2, 7: 3}  # of the operand, by the top three bits; 6 tells its own length
_TABLE, _TABS = (0xD608, 0xD606), 0xC615

P_STYLE, P_IN_TABLE, P_ROW_END, P_LEVEL, P_LIST, P_OUTLINE = 0x4600, 0x2416, 0x2417, 0x260A, 0x460B, 0x2640
P_DEPTH, P_DEEPER, P_INNER_CELL_END, P_INNER_ROW_END, P_LONG, P_LONG_97 = 0x6649, 0x664A, 0x244B, 0x244C, 0x6646, 0x6645
C_DELETED, C_HIDDEN, C_BOLD, C_UNDERLINE, C_SIZE, C_STYLE, C_SYMBOL = (
    0x0800, 0x083C, 0x0835, 0x2A3E, 0x4A43, 0x4A30, 0x6A09,
)  # fmt: skip
T_CELLS, T_MERGE, T_MERGE_DOWN = 0xD608, 0x5624, 0xD62B

_SHORT = {0x18: P_IN_TABLE, 0x19: P_ROW_END, 0x41: C_DELETED, 0x55: C_BOLD, 0x5C: C_HIDDEN, 0x5E: C_UNDERLINE}  # of a piece, numbered apart

Change = tuple[int, bytes]


@lru_cache(maxsize=1024)
def changes_of(content: bytes) -> tuple[Change, ...]:
    """The changes in `content`; those after one that is cut short are lost."""
    return tuple(_changes(content))


def _changes(content: bytes) -> Iterator[Change]:
    place = 0
    while place + 3 <= len(content):
        which = int.from_bytes(content[place : place + 2], "little")
        place += 2
        skipped, length = _operand(content, place, which)
        yield which, content[place + skipped : place + skipped + length]
        place += skipped + length


def _operand(content: bytes, place: int, which: int) -> tuple[int, int]:
    """Bytes that tell the length of the operand at `place`, and that length."""
    size = _SIZES.get(which >> 13)
    if size is not None:
        return 0, size
    if which in _TABLE:
        return 2, max(0, int.from_bytes(content[place : place + 2], "little") - 1)
    if which == _TABS and content[place] == 255:
        n_deleted = content[place + 1] if place + 1 < len(content) else 0
        added = place + 2 + 4 * n_deleted
        return 1, 2 + 4 * n_deleted + 3 * (content[added] if added < len(content) else 0)
    return 1, content[place]


def short_change(number: int, operand: int) -> tuple[Change, ...]:
    """The change of a piece that holds one only, in a numbering of its own; () where no reader minds it."""
    return ((_SHORT[number], bytes([operand])),) if number in _SHORT else ()


def whole_of(operand: bytes) -> int:
    """The operand as a number, never negative."""
    return int.from_bytes(operand, "little")

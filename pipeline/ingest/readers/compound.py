"""Check an OLE compound file (.xls) before a library follows its sectors: a chain that turns round would fill the memory.

In:   the bytes of a compound file
Out:  nothing; a `ReadError` where its tables do not hold together
"""

import io
import struct
from collections.abc import Sequence

import olefile

from pipeline.ingest.readers.source import corrupt

_FIRST_TABLE = 68  # where the header names the first sector of that chain
_LAST_SECTOR = 0xFFFFFFFA  # numbers from here on mean an end, no sector
# What olefile and our readers raise at a bad compound file.
DAMAGED = (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, struct.error)


def check_chains(content: bytes, what: str) -> None:
    """Raise `ReadError` where the sectors of a stream, the directory or the tables go round or lie outside; `what` has its article."""
    try:
        with olefile.OleFileIO(io.BytesIO(content)) as held:
            held.loadminifat()
            starts = [held.first_dir_sector, held.root.isectStart]
            small: list[int] = []
            for entry in held.direntries:
                if entry is not None and entry.entry_type == olefile.STGTY_STREAM and entry.size:
                    (small if entry.size < held.minisectorcutoff else starts).append(entry.isectStart)
            starts.append(held.first_mini_fat_sector)
            is_whole = _tables_end(content, held.sectorsize) and all(_ends(start, held.fat) for start in starts)
            is_whole = is_whole and all(_ends(start, held.minifat) for start in small)
    except DAMAGED as error:
        raise corrupt(what) from error
    if not is_whole:
        raise corrupt(what)


def _tables_end(content: bytes, sector_size: int) -> bool:
    """True where the chain of sectors that tell where the table of sectors lies comes to an end; short files have none."""
    (sector,) = struct.unpack_from("<I", content, _FIRST_TABLE)
    for _ in range(len(content) // sector_size + 1):
        if sector >= _LAST_SECTOR:
            return True
        (sector,) = struct.unpack_from("<I", content, sector_size * (sector + 2) - 4)
    return False


def _ends(sector: int, table: Sequence[int]) -> bool:
    """True where the chain that begins at `sector` comes to an end within its table."""
    for _ in range(len(table) + 1):
        if sector >= _LAST_SECTOR:
            return True
        if sector >= len(table):
            return False
        sector = table[sector]
    return False

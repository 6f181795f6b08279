"""Unpack the compressed rich text of Outlook messages ([MS-OXRTFCP]).

In:   the bytes of the property
Out:  the bytes of the rich text
"""

import struct

from pipeline.ingest.readers.source import corrupt

_START = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArial"
    b"Times New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_WINDOW = 4096
_MAX_BYTES = 20_000_000


def unpacked(content: bytes) -> bytes:
    """Return the rich text of `content`, b"" where there is none.

    Raises `ReadError` where it is damaged or unfolds beyond 20 MB.
    """
    if len(content) < 16:
        return b""
    size, raw_size, kind = struct.unpack_from("<II4s", content)
    if kind == b"MELA":  # stored as it is
        return content[16 : 16 + raw_size]
    if kind != b"LZFu" or raw_size > _MAX_BYTES:
        raise corrupt("le texte enrichi du message")
    return _expanded(content[16 : 4 + size], raw_size)


def _expanded(packed: bytes, raw_size: int) -> bytes:
    """The text of runs of eight tokens, each a byte or a reference to what stood in the last 4 kB."""
    window = bytearray(_START.ljust(_WINDOW, b"\x00"))
    at, place, written = len(_START), 0, bytearray()
    while place < len(packed) and len(written) < raw_size:
        control, place = packed[place], place + 1
        for bit in range(8):
            if place >= len(packed):
                break
            if not control >> bit & 1:
                token, place = packed[place : place + 1], place + 1
            else:
                offset, length = divmod(int.from_bytes(packed[place : place + 2], "big"), 16)
                place += 2
                if offset == at % _WINDOW:  # the end
                    return bytes(written)
                token = _referred(window, offset, length + 2, at)
            for byte in token:
                window[at % _WINDOW] = byte
                at += 1
            written += token
    return bytes(written[:raw_size])


def _referred(window: bytearray, offset: int, length: int, at: int) -> bytes:
    """`length` bytes of the window from `offset` on; one that reaches its own start repeats itself."""
    own = (at - offset) % _WINDOW
    return bytes(window[(offset + step % own) % _WINDOW if own else (offset + step) % _WINDOW] for step in range(length))

"""Drop encoded data, such as a picture written inside a page, and say how much there was."""

import re
from dataclasses import replace

from pipeline.ingest.parts import RawPart
from pipeline.ingest.words import clean, has_letters
from pipeline.text import Count

_SIGN, _LONGEST = "[A-Za-z0-9+/=_%-]", 500  # no word and hardly an address is as long
_ENCODED = (
    r"data:[\w.+-]{1,60}/[\w.+-]{1,60}[;,][^\s\"'()<>]*"
    r"|(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{60,76}\r?\n){6,}[A-Za-z0-9+/]*={0,2}"
    rf"|(?<!{_SIGN})(?=[+/=_%-]*[A-Za-z0-9]){_SIGN}{{{_LONGEST},}}"
)
_IN_BYTES, _IN_TEXT = re.compile(_ENCODED.encode()), re.compile(rf"{_ENCODED}|data:,", re.ASCII)
EMPTY_ADDRESS = "data:,"  # what is left of an address, for its readers to see


def drop_from_bytes(content: bytes) -> tuple[bytes, list[int]]:
    """Return a text file without its encoded data, and the length of each run of them."""
    lengths: list[int] = []

    def note(match: re.Match[bytes]) -> bytes:
        lengths.append(len(match[0]))
        return EMPTY_ADDRESS.encode() if match[0].startswith(b"data:") else b" "

    return _IN_BYTES.sub(note, content), lengths


def drop_from_part(part: RawPart, lengths: list[int]) -> RawPart:
    """Return `part` without encoded data, said with those of `lengths` found before."""
    found = list(lengths)

    def cleaned(text: str) -> str:
        found.extend(len(run) for run in _IN_TEXT.findall(text) if run != EMPTY_ADDRESS)
        return clean(_IN_TEXT.sub(" ", text))

    blocks = tuple(
        replace(block, text=text)
        for block in part.blocks
        if (text := cleaned(block.text) if _IN_TEXT.search(block.text) else block.text)
        and (text is block.text or has_letters(text))
    )
    rows = tuple(
        tuple(cleaned(cell) if _IN_TEXT.search(cell) else cell for cell in row) for row in part.rows
    )
    if not found:
        return replace(part, blocks=blocks, rows=rows)
    n_signs = f"{sum(found):,}".replace(",", "\u202f")
    n_runs = f"{Count(len(found)):image ou suite de signes|images ou suites de signes}"
    left_out = (*part.left_out, (f"{n_runs} ({n_signs} signes)", "encoded"))
    return replace(part, blocks=blocks, rows=rows, left_out=left_out)

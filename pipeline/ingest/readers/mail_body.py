"""Tell what someone wrote in a mail from what surrounds it: greeting, signature, quoted mails, notices of programs.

In:   the text of a mail, and who sent it
Out:  blocks: what was written as paragraphs and bullets, all the rest as meta blocks, in order
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.lines import blocks_of_lines
from pipeline.ingest.readers.mail_lexicon import matches
from pipeline.ingest.readers.mail_signature import greeting, signature
from pipeline.ingest.readers.wording import clean

_N_HEADER_LINES = 12  # lines among which the copied headers of a quoted mail stand together


@dataclass(frozen=True)
class _Line:
    text: str
    is_meta: bool = False


def blocks_of_mail(text: str, *, sender: str = "", is_forward: bool = False) -> tuple[list[RawBlock], list[str]]:
    """Return the blocks of a mail's text, and the copied « De : » lines of the mails forwarded in it.

    `sender` is the name in the mail's header, by which a signature without a closing formula is known.
    """
    forwarded: list[str] = []
    marked: list[_Line] = []
    for lines, name in _messages(text.split("\n"), sender, is_forward, forwarded):
        marked += lines if name is None else _told_apart(lines, name)
    return list(_blocks(marked)), forwarded


def _messages(lines: list[str], sender: str, is_forward: bool, forwarded: list[str]) -> Iterator[tuple[list[_Line], str | None]]:
    """Yield runs of lines: what one person wrote with their name, and what is quoted or copied with None."""
    own: list[_Line] = []
    place, is_bare = 0, False  # bare: of the marks of quoting
    while place < len(lines):
        is_inner, n_lines = _border(lines, place)
        if not n_lines:
            own.append(_Line(lines[place]))
            place += 1
            continue
        head, rest = lines[place : place + n_lines], lines[place + n_lines :]
        yield own, sender
        yield [_Line(line, is_meta=True) for line in head], None
        found = [line.split(":", 1)[1].strip() for line in head if re.match(r"(?:de|from|von)\s*:", line.strip("> *"), re.IGNORECASE)]
        is_read = is_inner or is_forward or (bool(found) and not any(line.text.strip() for line in own))
        if not is_read and not any(line.startswith(">") for line in rest):
            yield [_Line(line, is_meta=True) for line in rest], None
            return
        if is_read:
            forwarded += found
            sender = found[0] if found else sender
            if not is_bare:
                lines[place + n_lines :] = [re.sub(r"^(?:>\s?)+", "", line) for line in rest]
            is_bare = True
        place, own = place + n_lines, []
    yield own, sender


def _border(lines: Sequence[str], place: int) -> tuple[bool, int]:
    """Whether a forwarded mail begins at `place`, and the lines that its announcement and copied headers take, 0 where none does."""
    line = lines[place].strip()
    if not line:
        return False, 0
    if matches("transfert", line, whole=True):
        return True, 1 + _n_headers(lines, place + 1)
    if matches("origine", line, whole=True):
        n_headers = _n_headers(lines, place + 1)
        return False, 1 + n_headers if n_headers or not line.startswith("_") else 0
    if n_lines := _n_citing(lines, place):
        return False, n_lines
    return False, _n_headers(lines, place)


def _n_citing(lines: Sequence[str], place: int) -> int:
    """Lines, up to three, that « Le …, … a écrit : » takes from `place` on; 0 where there is none."""
    for n_lines in (1, 2, 3):
        held = [line.strip() for line in lines[place : place + n_lines]]
        if len(held) < n_lines or not all(held) or held[0].startswith(">"):
            return 0
        if matches("citations", " ".join(held)):
            begins_later = any(re.match(r"(?:le|on)\b", line, re.IGNORECASE) for line in held[1:])
            return 0 if begins_later else n_lines
    return 0


def _n_headers(lines: Sequence[str], place: int) -> int:
    """Lines that the copied headers of a mail take from `place` on; 0 where fewer than three of them stand together."""
    last, found = 0, 0
    for offset, line in enumerate(lines[place : place + _N_HEADER_LINES]):
        if matches("entetes", line.strip().lstrip(">* ").replace("*", "")):
            last, found = offset + 1, found + 1
        elif line.strip() and (offset > last + 2 or not found):
            break
    return last if found >= 3 else 0


def _told_apart(lines: list[_Line], sender: str) -> list[_Line]:
    """The lines of one message with greeting, signature, quotes and notices marked as meta."""
    told = [_Line(line.text, line.is_meta or line.text.startswith(">") or bool(matches("mentions", line.text.strip()))) for line in lines]
    written = [place for place, line in enumerate(told) if line.text.strip() and not line.is_meta]
    if not written:
        return told
    texts = [line.text for line in told]
    aside = greeting(texts, written)
    aside |= signature(texts, [place for place in written if place not in aside], sender)
    return [_Line(line.text, line.is_meta or place in aside) for place, line in enumerate(told)]


def _blocks(lines: Sequence[_Line]) -> Iterator[RawBlock]:
    """Blocks of runs of lines: meta ones line by line, written ones with their lines joined."""
    run: list[str] = []
    for line in lines:
        if line.is_meta:
            yield from blocks_of_lines(run, is_mail=True)
            run = []
            yield from ([RawBlock(clean(line.text), "meta")] if clean(line.text) else [])
        else:
            run.append(line.text)
    yield from blocks_of_lines(run, is_mail=True)

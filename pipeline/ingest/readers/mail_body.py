"""Tell what someone wrote in a mail from what surrounds it: greeting, signature, quoted mails, notices of programs.

In:   the text of a mail, and who sent it
Out:  blocks: what was written as paragraphs and bullets, all the rest as meta blocks, in order

The expressions of data/lexicon/courriels.txt: greetings, farewells, quotes, notices, by section.

Tell greetings and signatures from what a person wrote in a mail.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.blocks import blocks_of_lines
from pipeline.ingest.readers.wording import bullet_of, clean, is_finished, sections_of

_MAX_LINE = 1000  # characters of a line that a formula fills from end to end


def matches(name: str, text: str, *, whole: bool = False) -> re.Match[str] | None:
    """The match of `text` from its start, or in `whole`, with one of the expressions called `name` in the lexicon."""
    if whole and len(text) > _MAX_LINE:
        return None
    pattern = sections_of("courriels")[name]
    straight = text.replace("’", "'")
    return pattern.fullmatch(straight) if whole else pattern.match(straight)


_PHONE = re.compile(r"(?<!\d)(?:(?:\+|00)33\s?\(?0?\)?|0)\s?[1-9](?:[\s.\-/]?\d{2}){4}(?!\d)")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+|https?://\S+|\bwww\.\S+", re.IGNORECASE)
_POSTCODE = re.compile(r"(?<!\d)(?:\d{5}|\d{2} \d{3})\s+[A-ZÀ-Ý][\w'’-]+")
_PERSON = re.compile(
    r"[A-ZÀ-Ý][\w'’.-]*(?:\s+(?:[A-ZÀ-Ý][\w'’.-]*|de|du|d['’]\w+|le|la)){0,3}[,.]?$"
)
_MAX_SIGN_LINES = 14  # lines after a closing formula that may still be a signature
_MAX_SIGN_CHARS = 400  # characters of a line of a signature
_MAX_SIGN_WORDS = 12  # words of a line of a signature


def greeting(lines: Sequence[str], written: Sequence[int]) -> set[int]:
    """Places among `written` of the one or two lines that greet."""
    aside: set[int] = set()
    for place in written[:2]:
        if not _is_greeting(lines[place]):
            break
        aside.add(place)
    return aside


def _is_greeting(line: str) -> bool:
    """True for a line that only greets; one that goes on after the greeting is someone's sentence."""
    text = clean(line).rstrip("!,.:; ")
    if (
        re.fullmatch(rf"{_PERSON.pattern.removesuffix('[,.]?$')}", text)
        and clean(line).endswith(",")
        and len(text.split()) <= 3
    ):
        return True
    found = matches("saluts", text)
    if not found:
        return False
    pieces = [
        piece.strip() for piece in re.split(r"[,!]|\bet\b", text[found.end() :]) if piece.strip()
    ]
    return all(
        matches("saluts", piece) or matches("suite_salut", piece, whole=True) or _is_named(piece)
        for piece in pieces
    )


def _is_named(piece: str) -> bool:
    """True for the names or functions that one greets: up to four words, capitalised but for titles and particles."""
    words = piece.split()
    return len(words) <= 4 and all(
        word[0].isupper() or matches("titres", word, whole=True) for word in words
    )


def signature(lines: Sequence[str], written: Sequence[int], sender: str) -> set[int]:
    """Places of the closing formula and of the signature; post-scripts and sentences after it are left out."""
    for order, place in enumerate(written):
        if lines[place].rstrip() == "--":
            return {*written[order:]}
        if _is_closing(lines[place].strip()) and len(written) - order - 1 < _MAX_SIGN_LINES:
            rest = written[order + 1 :]
            said = _said_after(lines, rest)
            if len(said) < 2:
                return {place, *rest}.difference(*said)
    return _unannounced(lines, written, sender)


def _is_closing(text: str) -> bool:
    """True for a formula of farewell, alone or before a name."""
    found = matches("fins", text)
    if not found:
        return False
    after = text[found.end() :].strip(" ,.!;:()")
    return (
        len(text.split()) <= 6
        or not after
        or _is_contact(after)
        or bool(_PERSON.match(after))
        or (
            len(text.split()) <= 25
            and (
                found.end() > 30
                or any(matches("fins", piece.strip()) for piece in after.split(","))
            )
        )
    )


def _said_after(lines: Sequence[str], places: Sequence[int]) -> list[set[int]]:
    """Places of the paragraphs after a formula that are no signature: full sentences, and all from a post-script on."""
    paragraphs: list[list[int]] = []
    for place in places:
        if paragraphs and paragraphs[-1][-1] == place - 1:
            paragraphs[-1].append(place)
        else:
            paragraphs.append([place])
    said: list[set[int]] = []
    for order, paragraph in enumerate(paragraphs):
        if matches("post_scriptum", lines[paragraph[0]].strip()):
            return [*said, {place for rest in paragraphs[order:] for place in rest}]
        text = " ".join(lines[place].strip() for place in paragraph)
        if (
            len(text.split()) > _MAX_SIGN_WORDS
            and text.endswith((".", "!", "?"))
            and not any(_is_contact(lines[place]) for place in paragraph)
        ):
            said.append(set(paragraph))
    return said


def _unannounced(lines: Sequence[str], written: Sequence[int], sender: str) -> set[int]:
    """Places of a signature without a closing formula: a name and what stands below it, or the last contact lines."""
    tail = list(written[-8:])
    start = len(tail)
    for order in range(len(tail) - 1, -1, -1):
        text = lines[tail[order]].strip()
        is_named = _is_senders(text, sender) or (
            bool(_PERSON.fullmatch(text)) and len(text.split()) <= 3
        )
        if (is_named and tail[order] != written[0]) or _is_contact(text):
            start = order
        elif len(text.split()) > 8 or is_finished(text) or bullet_of(text):
            break
    return set(tail[start:])


def _is_senders(text: str, sender: str) -> bool:
    """True for a short line, no sentence, that bears the sender's last or first name."""
    names = set(re.findall(r"[^\W\d_]{3,}", sender.split("<")[0].split("@")[0].lower()))
    words = re.findall(r"[^\W\d_]{3,}", text.lower())
    return (
        bool(names & set(words[:4]))
        and len(text.split()) <= _MAX_SIGN_WORDS
        and not text.endswith((".", "?", "!"))
    )


def _is_contact(text: str) -> bool:
    """True for a line of a signature: mostly a phone number, an address or a label of one."""
    if len(text) > _MAX_SIGN_CHARS:
        return False
    stripped = _ADDRESS.sub("", _PHONE.sub("", text))
    has_contact = (
        stripped != text
        or bool(_POSTCODE.search(text))
        or bool(matches("coordonnees", text.strip()))
    )
    return (
        has_contact
        and len(stripped.split()) <= _MAX_SIGN_WORDS
        and not text.rstrip().endswith((".", "?", "!"))
    )


_N_HEADER_LINES = 12  # lines among which the copied headers of a quoted mail stand together


@dataclass(frozen=True)
class _Line:
    text: str
    is_meta: bool = False


def blocks_of_mail(
    text: str, *, sender: str = "", is_forward: bool = False
) -> tuple[list[RawBlock], list[str]]:
    """Return the blocks of a mail's text, and the copied « De : » lines of the mails forwarded in it.

    `sender` is the name in the mail's header, by which a signature without a closing formula is known.
    """
    forwarded: list[str] = []
    marked: list[_Line] = []
    for lines, name in _messages(text.split("\n"), sender, is_forward, forwarded):
        marked += lines if name is None else _told_apart(lines, name)
    return list(_blocks(marked)), forwarded


def _messages(
    lines: list[str], sender: str, is_forward: bool, forwarded: list[str]
) -> Iterator[tuple[list[_Line], str | None]]:
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
        found = [
            line.split(":", 1)[1].strip()
            for line in head
            if re.match(r"(?:de|from|von)\s*:", line.strip("> *"), re.IGNORECASE)
        ]
        is_read = (
            is_inner or is_forward or (bool(found) and not any(line.text.strip() for line in own))
        )
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
    told = [
        _Line(
            line.text,
            line.is_meta
            or line.text.startswith(">")
            or bool(matches("mentions", line.text.strip())),
        )
        for line in lines
    ]
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

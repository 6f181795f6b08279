"""Tell what someone wrote in a mail from what surrounds it: greeting, signature, quoted mails, notices of programs.

In:   the text of a mail, and who sent it
Out:  blocks: what was written as paragraphs and bullets, all the rest as meta blocks, in order
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.lines import blocks_of_lines
from pipeline.ingest.readers.wording import bullet_of, clean, is_finished
from pipeline.resources import data_path

_PHONE = re.compile(r"(?<!\d)(?:(?:\+|00)33\s?\(?0?\)?|0)\s?[1-9](?:[\s.\-/]?\d{2}){4}(?!\d)")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+|https?://\S+|\bwww\.\S+", re.IGNORECASE)
_POSTCODE = re.compile(r"(?<!\d)(?:\d{5}|\d{2} \d{3})\s+[A-ZÀ-Ý][\w'’-]+")
_PERSON = re.compile(r"[A-ZÀ-Ý][\w'’.-]*(?:\s+(?:[A-ZÀ-Ý][\w'’.-]*|de|du|d['’]\w+|le|la)){0,3}[,.]?$")
_MAX_SIGN_LINES = 14  # lines after a closing formula that may still be a signature
_MAX_SIGN_WORDS = 12  # words of a line of a signature
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
    place = 0
    while place < len(lines):
        is_inner, n_lines = _border(lines, place)
        if not n_lines:
            own.append(_Line(lines[place]))
            place += 1
            continue
        head, rest = lines[place : place + n_lines], lines[place + n_lines :]
        yield own, sender
        yield [_Line(line, is_meta=True) for line in head], None
        is_read = is_inner or is_forward or not _says_something(own)
        if not is_read and not any(line.startswith(">") for line in rest):
            yield [_Line(line, is_meta=True) for line in rest], None
            return
        if is_read:
            found = [line.split(":", 1)[1].strip() for line in head if re.match(r"(?:de|from)\s*:", line, re.IGNORECASE)]
            forwarded += found
            sender = found[0] if found else sender
            lines, place, own = [*lines[: place + n_lines], *(re.sub(r"^(?:>\s?)+", "", line) for line in rest)], place + n_lines, []
        else:
            place, own = place + n_lines, []
    yield own, sender


def _border(lines: Sequence[str], place: int) -> tuple[bool, int]:
    """Whether a forwarded mail begins at `place`, and the lines that its announcement and copied headers take, 0 where none does."""
    line = lines[place].strip()
    if not line:
        return False, 0
    if _matches("transfert", line, whole=True):
        return True, 1 + _n_headers(lines, place + 1)
    if _matches("origine", line, whole=True):
        n_headers = _n_headers(lines, place + 1)
        return False, 1 + n_headers if n_headers or not line.startswith("_") else 0
    for n_lines in (1, 2, 3):
        joined = " ".join(part.strip() for part in lines[place : place + n_lines])
        if _matches("citations", joined) and not line.startswith(">"):
            return False, n_lines
    return False, _n_headers(lines, place)


def _n_headers(lines: Sequence[str], place: int) -> int:
    """Lines that the copied headers of a mail take from `place` on; 0 where fewer than three of them stand together."""
    last, found = 0, 0
    for offset, line in enumerate(lines[place : place + _N_HEADER_LINES]):
        if _matches("entetes", line.strip().lstrip(">* ").replace("*", "")):
            last, found = offset + 1, found + 1
        elif line.strip() and offset > last + 2:
            break
        elif line.strip() and not found:
            break
    return last if found >= 3 else 0


def _says_something(lines: Sequence[_Line]) -> bool:
    told = _told_apart(list(lines), "")
    return sum(len(line.text.split()) for line in told if not line.is_meta) >= 5


def _told_apart(lines: list[_Line], sender: str) -> list[_Line]:
    """The lines of one message with greeting, signature, quotes and notices marked as meta."""
    told = [_Line(line.text, line.is_meta or line.text.startswith(">") or _matches("mentions", line.text.strip())) for line in lines]
    written = [place for place, line in enumerate(told) if line.text.strip() and not line.is_meta]
    if not written:
        return told
    aside = {place for place in written[:2] if place == written[0] and _is_greeting(told[place].text)}
    if aside and len(written) > 1 and _is_greeting(told[written[1]].text):
        aside.add(written[1])
    aside |= _signature(told, [place for place in written if place not in aside], sender)
    return [_Line(line.text, line.is_meta or place in aside) for place, line in enumerate(told)]


def _is_greeting(line: str) -> bool:
    """True for a line that only greets; one that goes on after the greeting is someone's sentence."""
    text = clean(line).rstrip("!,.:; ")
    if re.fullmatch(rf"{_PERSON.pattern.removesuffix('[,.]?$')}", text) and clean(line).endswith(",") and len(text.split()) <= 3:
        return True
    found = _matches("saluts", text)
    if not found:
        return False
    pieces = [piece.strip() for piece in re.split(r"[,!]|\bet\b", text[found.end() :]) if piece.strip()]
    return all(_matches("saluts", piece) or _matches("suite_salut", piece, whole=True) or _is_named(piece) for piece in pieces)


def _is_named(piece: str) -> bool:
    """True for the names or functions that one greets: up to four words, capitalised but for titles and particles."""
    words = piece.split()
    titles = {"madame", "monsieur", "mme", "m.", "mr", "la", "le", "les", "à", "l'équipe", "toute", "toutes", "tous", "collègues", "de", "du", "chère", "cher", "re"}
    return len(words) <= 4 and all(word[0].isupper() or word.lower() in titles for word in words)


def _signature(lines: Sequence[_Line], written: Sequence[int], sender: str) -> set[int]:
    """Places of the closing formula and of the signature, post-scripts left out."""
    for order, place in enumerate(written):
        text = lines[place].text.strip()
        rest = written[order:]
        if lines[place].text.rstrip() == "--":
            return set(rest)
        if _is_closing(text) and len(rest) <= _MAX_SIGN_LINES and not _goes_on_after(lines, rest[1:]):
            return {place, *_not_said(lines, rest[1:])}
    return _unannounced(lines, written, sender)


def _is_closing(text: str) -> bool:
    """True for a formula of farewell, alone or before a name."""
    found = _matches("fins", text)
    if not found:
        return False
    after = text[found.end() :].strip(" ,.!;:()")
    return len(text.split()) <= 6 or not after or _is_contact(after) or bool(_PERSON.match(after)) or (len(text.split()) <= 25 and found.end() > 30)


def _goes_on_after(lines: Sequence[_Line], places: Sequence[int]) -> bool:
    """True where sentences follow a formula, so that it closed nothing: two long lines or more that are neither contacts nor a post-script."""
    long = [place for place in places if len(lines[place].text.split()) > _MAX_SIGN_WORDS and not _is_contact(lines[place].text)]
    after_script = next((place for place in places if _matches("post_scriptum", lines[place].text.strip())), None)
    return len([place for place in long if after_script is None or place < after_script]) >= 2


def _not_said(lines: Sequence[_Line], places: Sequence[int]) -> set[int]:
    """The places of a signature's lines: all before a post-script."""
    script = next((place for place in places if _matches("post_scriptum", lines[place].text.strip())), None)
    return {place for place in places if script is None or place < script}


def _unannounced(lines: Sequence[_Line], written: Sequence[int], sender: str) -> set[int]:
    """Places of a signature without a closing formula: a name and what stands below it, or the last contact lines."""
    tail = list(written[-8:])
    start = len(tail)
    for order in range(len(tail) - 1, -1, -1):
        text = lines[tail[order]].text.strip()
        is_named = _is_senders(text, sender) or (bool(_PERSON.fullmatch(text)) and len(text.split()) <= 3 and tail[order] != written[0])
        if is_named or _is_contact(text):
            start = order
        elif len(text.split()) > 8 or is_finished(text) or bullet_of(text):
            break
    return set(tail[start:])


def _is_senders(text: str, sender: str) -> bool:
    """True for a short line, no sentence, that bears the sender's last or first name."""
    names = [name for name in re.findall(r"[^\W\d_]{3,}", sender.split("<")[0].split("@")[0].lower())]
    words = re.findall(r"[^\W\d_]{3,}", text.lower())
    return bool(set(names) & set(words[:4])) and len(text.split()) <= _MAX_SIGN_WORDS and not text.endswith((".", "?", "!"))


def _is_contact(text: str) -> bool:
    """True for a line of a signature: mostly a phone number, an address or a label of one."""
    stripped = _ADDRESS.sub("", _PHONE.sub("", text))
    has_contact = stripped != text or bool(_POSTCODE.search(text)) or bool(_matches("coordonnees", text.strip()))
    return has_contact and len(stripped.split()) <= _MAX_SIGN_WORDS and not text.rstrip().endswith((".", "?", "!"))


def _matches(name: str, text: str, *, whole: bool = False) -> re.Match[str] | None:
    """The match of `text` from its start, or in `whole`, with one of the expressions called `name` in the lexicon."""
    pattern = _lexicon()[name]
    straight = text.replace("’", "'")
    return pattern.fullmatch(straight) if whole else pattern.match(straight)


@cache
def _lexicon() -> dict[str, re.Pattern[str]]:
    """One expression a section of the lexicon; a section is a line « [nom] », then an expression a line."""
    expressions: dict[str, list[str]] = {}
    section = ""
    for line in data_path("lexicon", "courriels.txt").read_text(encoding="utf-8").splitlines():
        if re.fullmatch(r"\[\w+\]", line):
            section = line[1:-1]
        elif line and not line.startswith("#"):
            expressions.setdefault(section, []).append(f"(?:{line})")
    return {name: re.compile("|".join(found), re.IGNORECASE) for name, found in expressions.items()}


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

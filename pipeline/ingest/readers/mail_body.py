"""Separate what someone wrote in a mail from greetings, signatures, quotes and notices.

The expressions are in data/lexicon/courriels.txt.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.blocks import blocks_of_lines
from pipeline.ingest.readers.wording import bullet_of, clean, is_finished, matches

_PHONE = re.compile(r"(?<!\d)(?:(?:\+|00)33\s?\(?0?\)?|0)\s?[1-9](?:[\s.\-/]?\d{2}){4}(?!\d)")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+|https?://\S+|\bwww\.\S+", re.IGNORECASE)
_POSTCODE = re.compile(r"(?<!\d)(?:\d{5}|\d{2} \d{3})\s+[A-ZÀ-Ý][\w'’-]+")
_NAMES = r"[A-ZÀ-Ý][\w'’.-]*(?:\s+(?:[A-ZÀ-Ý][\w'’.-]*|de|du|d['’]\w+|le|la)){0,3}"
_PERSON = re.compile(_NAMES + r"[,.]?$")
_FROM = re.compile(r"(?:de|from|von)\s*:", re.IGNORECASE)
_MAX_LINE = 1000  # of a line that is all formula
_MAX_SIGN_LINES = 14  # after a closing formula
_MAX_SIGN_CHARS = 400  # of a signature's line
_MAX_SIGN_WORDS = 12  # of a signature's line
_N_TAIL = 8  # last lines, for a signature without a formula
_N_HEADER_LINES = 12  # for the copied headers of a quoted mail

_starts = partial(matches, "courriels")


def _fills(section: str, text: str) -> bool:
    return len(text) <= _MAX_LINE and bool(_starts(section, text, whole=True))


@dataclass(frozen=True)
class _MailLine:
    text: str
    is_meta: bool = False


def blocks_of_mail(
    text: str, *, sender: str = "", is_forward: bool = False
) -> tuple[list[RawBlock], list[str]]:
    """Return the blocks of a mail, and the copied « De : » lines of mails forwarded in it.

    The name `sender` finds a signature without a formula.
    """
    forwarded: list[str] = []
    blocks: list[RawBlock] = []
    marked: list[_MailLine] = []
    for lines, name in _messages(text.split("\n"), sender, is_forward, forwarded):
        marked += lines if name is None else _marked(lines, name)
    for is_meta, run in groupby(marked, key=lambda line: line.is_meta):
        texts = [line.text for line in run]
        if is_meta:
            blocks += [RawBlock(shown, "meta") for shown in map(clean, texts) if shown]
        else:
            blocks += blocks_of_lines(texts, is_mail=True)
    return blocks, forwarded


def _messages(
    lines: list[str], sender: str, is_forward: bool, forwarded: list[str]
) -> Iterator[tuple[list[_MailLine], str | None]]:
    """Yield one person's lines with their name, quoted or copied lines with None.

    Adds the senders of forwarded mails to `forwarded`.
    """
    own: list[_MailLine] = []
    i, is_unquoted = 0, False
    while i < len(lines):
        is_inner, n_lines = _border(lines, i)
        if not n_lines:
            own.append(_MailLine(lines[i]))
            i += 1
            continue
        head, rest = lines[i : i + n_lines], lines[i + n_lines :]
        yield own, sender
        yield [_MailLine(line, is_meta=True) for line in head], None
        senders = [line.split(":", 1)[1].strip() for line in head if _FROM.match(line.strip("> *"))]
        wrote_nothing = not any(line.text.strip() for line in own)
        is_read = is_inner or is_forward or (bool(senders) and wrote_nothing)
        if not is_read and not any(line.startswith(">") for line in rest):
            yield [_MailLine(line, is_meta=True) for line in rest], None
            return
        if is_read:
            forwarded += senders
            sender = senders[0] if senders else sender
            if not is_unquoted:
                lines[i + n_lines :] = [re.sub(r"^(?:>\s?)+", "", line) for line in rest]
            is_unquoted = True
        i, own = i + n_lines, []
    yield own, sender


def _border(lines: Sequence[str], i: int) -> tuple[bool, int]:
    """Return whether a forward begins at line `i`, and the length of its announcement, or 0."""
    line = lines[i].strip()
    if not line:
        return False, 0
    if _fills("transfert", line):
        return True, 1 + _n_headers(lines, i + 1)
    if _fills("origine", line):
        n_headers = _n_headers(lines, i + 1)
        return False, 1 + n_headers if n_headers or not line.startswith("_") else 0
    return False, _n_citing(lines, i) or _n_headers(lines, i)


def _n_citing(lines: Sequence[str], start: int) -> int:
    """Count the lines, up to three, of « Le …, … a écrit : » from `start`."""
    for n_lines in (1, 2, 3):
        texts = [line.strip() for line in lines[start : start + n_lines]]
        if len(texts) < n_lines or not all(texts) or texts[0].startswith(">"):
            return 0
        if _starts("citations", " ".join(texts)):
            begins_later = any(re.match(r"(?:le|on)\b", text, re.IGNORECASE) for text in texts[1:])
            return 0 if begins_later else n_lines
    return 0


def _n_headers(lines: Sequence[str], start: int) -> int:
    n_lines = n_headers = 0
    for i, line in enumerate(lines[start : start + _N_HEADER_LINES]):
        if _starts("entetes", line.strip().lstrip(">* ").replace("*", "")):
            n_lines, n_headers = i + 1, n_headers + 1
        elif line.strip() and (i > n_lines + 2 or not n_headers):
            break
    return n_lines if n_headers >= 3 else 0


def _marked(lines: list[_MailLine], sender: str) -> list[_MailLine]:
    texts = [line.text for line in lines]
    is_meta = [
        line.is_meta or line.text.startswith(">") or bool(_starts("mentions", line.text.strip()))
        for line in lines
    ]
    written = [i for i, text in enumerate(texts) if text.strip() and not is_meta[i]]
    greeting = _greeting(texts, written)
    written = [i for i in written if i not in greeting]
    aside = greeting | _signature(texts, written, sender)
    return [_MailLine(text, is_meta[i] or i in aside) for i, text in enumerate(texts)]


def _greeting(lines: Sequence[str], written: Sequence[int]) -> set[int]:
    if not written or not _is_greeting(lines[written[0]]):
        return set()
    goes_on = len(written) > 1 and _is_greeting(lines[written[1]])
    return set(written[:2] if goes_on else written[:1])


def _is_greeting(line: str) -> bool:
    """Whether a line only greets: one that goes on is a sentence."""
    shown = clean(line)
    text = shown.rstrip("!,.:; ")
    if shown.endswith(",") and len(text.split()) <= 3 and re.fullmatch(_NAMES, text):
        return True
    greeting = _starts("saluts", text)
    if not greeting:
        return False
    pieces = map(str.strip, re.split(r"[,!]|\bet\b", text[greeting.end() :]))
    return all(
        _starts("saluts", piece) or _fills("suite_salut", piece) or _is_named(piece)
        for piece in pieces
        if piece
    )


def _is_named(piece: str) -> bool:
    """Whether up to four words, capitalised but for titles, name the person greeted."""
    words = piece.split()
    return len(words) <= 4 and all(word[0].isupper() or _fills("titres", word) for word in words)


def _signature(lines: Sequence[str], written: Sequence[int], sender: str) -> set[int]:
    for order, i in enumerate(written):
        if lines[i].rstrip() == "--":
            return set(written[order:])
        rest = written[order + 1 :]
        if len(rest) < _MAX_SIGN_LINES and _is_closing(lines[i].strip()):
            sentences = _sentences_after(lines, rest)
            if len(sentences) < 2:
                return {i, *rest}.difference(*sentences)
    return _signature_without_formula(lines, written, sender)


def _is_closing(text: str) -> bool:
    farewell = _starts("fins", text)
    if not farewell:
        return False
    n_words = len(text.split())
    after = text[farewell.end() :].strip(" ,.!;:()")
    if n_words <= 6 or not after or _is_contact(after) or _PERSON.match(after):
        return True
    is_long = farewell.end() > 30
    return n_words <= 25 and (
        is_long or any(_starts("fins", piece.strip()) for piece in after.split(","))
    )


def _sentences_after(lines: Sequence[str], written: Sequence[int]) -> list[set[int]]:
    """Find paragraphs after the formula that are sentences, and all from a post-script on."""
    paragraphs: list[list[int]] = []
    for i in written:
        if paragraphs and paragraphs[-1][-1] == i - 1:
            paragraphs[-1].append(i)
        else:
            paragraphs.append([i])
    sentences: list[set[int]] = []
    for order, paragraph in enumerate(paragraphs):
        if _starts("post_scriptum", lines[paragraph[0]].strip()):
            return [*sentences, {i for rest in paragraphs[order:] for i in rest}]
        text = " ".join(lines[i].strip() for i in paragraph)
        if (
            len(text.split()) > _MAX_SIGN_WORDS
            and text.endswith((".", "!", "?"))
            and not any(_is_contact(lines[i]) for i in paragraph)
        ):
            sentences.append(set(paragraph))
    return sentences


def _signature_without_formula(
    lines: Sequence[str], written: Sequence[int], sender: str
) -> set[int]:
    """Find a name and what is below it, or the last contact lines."""
    signature: set[int] = set()
    tail = written[-_N_TAIL:]
    for order in reversed(range(len(tail))):
        i = tail[order]
        text = lines[i].strip()
        is_name = _names_sender(text, sender) or (
            bool(_PERSON.fullmatch(text)) and len(text.split()) <= 3
        )
        if (is_name and i != written[0]) or _is_contact(text):
            signature = set(tail[order:])
        elif len(text.split()) > 8 or is_finished(text) or bullet_of(text):
            break
    return signature


def _names_sender(text: str, sender: str) -> bool:
    names = set(re.findall(r"[^\W\d_]{3,}", sender.split("<")[0].split("@")[0].lower()))
    words = re.findall(r"[^\W\d_]{3,}", text.lower())
    is_short = len(text.split()) <= _MAX_SIGN_WORDS and not text.endswith((".", "?", "!"))
    return is_short and bool(names & set(words[:4]))


def _is_contact(text: str) -> bool:
    if len(text) > _MAX_SIGN_CHARS:
        return False
    stripped = _ADDRESS.sub("", _PHONE.sub("", text))
    has_contact = (
        stripped != text
        or bool(_POSTCODE.search(text))
        or bool(_starts("coordonnees", text.strip()))
    )
    ends_sentence = text.rstrip().endswith((".", "?", "!"))
    return has_contact and len(stripped.split()) <= _MAX_SIGN_WORDS and not ends_sentence

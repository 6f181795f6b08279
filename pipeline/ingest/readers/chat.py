"""Tell a conversation exported from a messaging app: « [12/03/2026, 14:05:33] Anne : … ».

In:   the lines of a text, or a part whose blocks are those of a document
Out:  paragraphs with who wrote them; notices of the app and missing files as `meta`
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.lines import blocks_of_lines
from pipeline.ingest.readers.spoken_text import is_speaker
from pipeline.ingest.readers.wording import clean, first_names, sections_of

_DAY = (
    r"(?:[^\W\d_]{2,8}\.?\s+)?"
    r"(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[-/]\d{2}[-/]\d{2}|\d{1,2}\s[^\W\d_]{3,9}\.?\s\d{4})"
)
_HOUR = r"\d{1,2}[:.h]\d{2}(?:[:.]\d{2})?(?:\s?[AaPp]\.?\s?[Mm]\.?)?"
_WHEN = rf"(?:{_DAY}(?:,|\sà|\sat|T)?\s*(?:à\s)?{_HOUR}|{_HOUR},?\s(?:le\s)?{_DAY})"
_STAMPED = re.compile(rf"^[\[(]?{_WHEN}[\])]?\s*(?:[-–—:|]\s*)?(?P<rest>\S.*)$")
_SIGNED = re.compile(rf"^(?P<name>[^\[\]:]{{1,60}}?),?\s\[{_WHEN}\]\s*:?\s*(?P<rest>.*)$")
_AUTHOR = re.compile(r"^(?P<name>[^:«»\"“”<>]{1,60}?)\s?:(?:\s+(?P<rest>.*))?$")
_MARK = re.compile(":\\s\u200e")  # between who is said to write and the text
_PHONE = re.compile(r"\+?\d(?:[\s.()-]{0,2}\d){7,14}")
_MAX_NAME_WORDS = 6
_HEAD = 5  # lines among which the first message stands
ANYBODY = "intervenant"  # of whom the export shows a number or a nickname only


@dataclass
class _Message:
    """What one person sent at one time; `author` is None for a notice of the app."""

    author: str | None
    lines: list[str] = field(default_factory=list)
    is_marked: bool = False  # with the sign by which iOS tells its own words from people's


def as_chat(part: RawPart) -> RawPart:
    """Return `part` with who wrote each message where its blocks are a conversation."""
    if part.channel or part.rows or any(block.columns for block in part.blocks):
        return part
    signs = {"bullet": "- "}
    blocks = chat_blocks([signs.get(block.kind, "") + block.text for block in part.blocks])
    return part if blocks is None else replace(part, blocks=tuple(blocks))


def chat_blocks(lines: Sequence[str]) -> list[RawBlock] | None:
    """Return the blocks of an exported conversation; None where `lines` are none.

    >>> [block.speaker for block in chat_blocks(["12/03/26, 14:05 - Anne Riou: les bus manquent"])]
    ['Anne Riou']
    """
    head: list[str] = []
    messages: list[_Message] = []
    for line in lines:
        shown = clean(line)
        found = _opening(shown)
        if found:
            found.is_marked = bool(_MARK.search(line))
            messages.append(found)
        elif messages:
            messages[-1].lines.append(line)
        elif shown:
            head.append(shown)
    if not _is_chat(messages) or len(head) >= _HEAD:
        return None
    return [RawBlock(line, "meta") for line in head] + [block for message in messages for block in _blocks(message)]


def _opening(line: str) -> _Message | None:
    """The message that `line` opens, with its first line of text; None for any other line."""
    signed = _SIGNED.match(line)
    if signed:
        return _Message(signed["name"].strip(), [signed["rest"]])
    stamped = _STAMPED.match(line)
    if not stamped:
        return None
    author = _AUTHOR.match(stamped["rest"])
    if author and len(author["name"].split()) <= _MAX_NAME_WORDS:
        return _Message(author["name"].strip(), [author["rest"] or ""])
    return _Message(None, [stamped["rest"]])


def _is_chat(messages: Sequence[_Message]) -> bool:
    """True where somebody surely wrote a message, or somebody wrote twice: no agenda does."""
    authors = Counter(message.author for message in messages if message.author)
    is_sure = any(is_speaker(_name(author)) or _PHONE.search(author) for author in authors)
    return is_sure or any(count > 1 for count in authors.values())


def _blocks(message: _Message) -> Iterator[RawBlock]:
    """The blocks of a message, in order: runs of text between its notices."""
    if message.author is None:
        yield RawBlock(clean(" ".join(message.lines)), "meta")
        return
    edited = sections_of("messageries")["suffixe"]
    written: list[str] = []
    for order, line in enumerate(message.lines):
        text = edited.sub("", line)
        shown = clean(text)
        if shown and (_is_notice(shown) or (order == 0 and message.is_marked)):
            yield from _paragraphs(written, message.author)
            yield RawBlock(shown, "meta")
            written = []
        else:
            written.append(text)
    yield from _paragraphs(written, message.author)


def _paragraphs(lines: Sequence[str], author: str) -> Iterator[RawBlock]:
    for block in blocks_of_lines(lines, is_mail=True):
        yield replace(block, speaker=_speaker(author))


def _speaker(author: str) -> str:
    """The author as a person's name or a role; a number or a nickname names nobody."""
    name = _name(author)
    is_named = is_speaker(name) or any(word in first_names() for word in name.title().split())
    words = name.split()
    is_whole = len(words) > 1 and all(word[:1].isupper() for word in words)
    return name if is_named or is_whole else ANYBODY


def _name(author: str) -> str:
    """`author` without the signs and pictures that people put in their names."""
    return " ".join(re.sub(r"[^\w\s.'’()-]", " ", author).split())


def _is_notice(text: str) -> bool:
    patterns = sections_of("messageries")
    plain = text.replace("’", "'")
    return any(patterns[section].fullmatch(plain) for section in ("media", "avis"))

"""Read conversations: what a messaging app exports as text, and messages from other readers.

A message gives its author's blocks; what the app itself writes gives `meta` blocks. The forms of
the lines and the app's own words are in data/lexicon/messageries.txt.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.blocks import blocks_of_lines
from pipeline.ingest.readers.transcripts import is_prose
from pipeline.ingest.readers.wording import (
    clean,
    first_names,
    has_letters,
    is_speaker,
    lexicon_sections,
    lines_of_section,
    matches,
    may_be_speaker,
    starts_low,
)

_DAY = (
    r"(?:[^\W\d_]{2,8}\.?,?\s+)?"
    r"(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[-/.]\d{2}[-/.]\d{2}"
    r"|\d{1,2}(?:er)?\s[^\W\d_]{3,9}\.?,?\s\d{4}|[^\W\d_]{3,9}\.?\s\d{1,2},\s\d{4})"
)
_HOUR = r"\d{1,2}(?:[:.]\d{2}(?:[:.]\d{2})?|\s?h\s?\d{2})(?:\s?[AaPp]\.?\s?[Mm]\.?)?"
_WHEN = rf"(?:{_DAY}(?:,|\sà|\sat|T)?\s*(?:[àa]\s)?{_HOUR}|{_HOUR},?\s(?:le\s)?{_DAY})"
_PLACEHOLDERS = {
    "QUAND": _WHEN,
    "HEURE": _HOUR,
    "NOM": r"(?P<name>[^:«»\"“”<>\[\]]{1,60}?)",
    "TEXTE": r"(?P<rest>\S.*)?",
}
_MARK = re.compile("(?::\\s|^)\u200e")  # iOS marks its own words with it
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_PHONE = re.compile(r"\+?\d(?:[\s.()-]{0,2}\d){7,14}")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_MAX_NAME_WORDS = 6
_MAX_HEAD_LINES = 6
_CODE = re.compile(r"\b[UW][A-Z0-9]{6,14}\b")  # of a member of a Slack workspace
_IN_MEETING = "de réunion"  # such a chat is written while people talk
SLACK = "conversation Slack"
ANYBODY = "intervenant"  # shown as a number or a nickname only


@dataclass
class Message:
    """A message by `author`, None for a notice of the app; `app` is its form's name."""

    author: str | None
    lines: list[str]
    opens_with_notice: bool = False
    app: str = ""
    has_header: bool = False  # its lines up to the first blank one are fields


@dataclass
class _Conversation:
    head: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)


def as_chat(part: RawPart) -> RawPart:
    """Return `part` with the author of each message if its blocks are a conversation."""
    if not is_prose(part):
        return part
    lines = [f"{'- ' if block.kind == 'bullet' else ''}{block.text}" for block in part.blocks]
    chat = read_chat(lines)
    return (
        part
        if chat is None
        else replace(part, blocks=chat.blocks, channel=chat.channel, taken_for=chat.taken_for)
    )


def read_chat(lines: Sequence[str]) -> RawPart | None:
    """Return the part of a conversation exported as text; None if `lines` are none.

    >>> [block.speaker for block in read_chat(["12/03/26, 14:05 - Anne Riou: un bus"]).blocks]
    ['Anne Riou']
    """
    chat = _Conversation()
    for line in lines:
        message = _opened_message(line)
        if message:
            chat.messages.append(message)
        elif chat.messages:
            chat.messages[-1].lines.append(line)
        elif shown := clean(line):
            chat.head.append(shown)
            if len(chat.head) > _MAX_HEAD_LINES:
                return None
    if not _is_chat(chat.messages):
        return None
    apps = Counter(message.app for message in chat.messages if message.author)
    head = [RawBlock(line, "meta", reason="circumstance") for line in chat.head]
    return part_of_messages(chat.messages, apps.most_common(1)[0][0], head=head)


def part_of_messages(
    messages: Sequence[Message],
    app: str,
    *,
    head: Sequence[RawBlock] = (),
    title: str | None = None,
    warnings: tuple[str, ...] = (),
) -> RawPart:
    """Return the part of a conversation in `app`, "" for an unknown one."""
    blocks = [*head, *(block for message in messages for block in _message_blocks(message))]
    taken_for = " ".join(filter(None, ["conversation", app]))
    channel = "transcript" if app.startswith(_IN_MEETING) else "mail"
    return RawPart(
        tuple(blocks), title=title, channel=channel, warnings=warnings, taken_for=taken_for
    )


def _opened_message(line: str) -> Message | None:
    shown = _INVISIBLE.sub("", line).replace("\u00a0", " ").replace("\u202f", " ").strip()
    if not shown or not any(character.isdigit() for character in shown):
        return None
    for app, pattern, is_weak in _forms():
        match = pattern.fullmatch(shown)
        if match is None:
            continue
        groups = match.groupdict()
        name, rest = (groups.get("name") or "").strip(), clean(groups.get("rest") or "")
        if name and (len(name.split()) > _MAX_NAME_WORDS or (is_weak and not _is_name(name))):
            continue
        has_header = "HEADER" in groups
        is_notice = bool(_MARK.search(line.lstrip("\u200e")))
        return Message(name or None, [rest], is_notice, app, has_header)
    return None


def _is_name(text: str) -> bool:
    return may_be_speaker(_plain_name(text)) and not text.isupper()


@cache
def _forms() -> tuple[tuple[str, re.Pattern[str], bool], ...]:
    """Return (app, pattern, whether only a person's name makes it sure) of each form of line."""
    forms: list[tuple[str, re.Pattern[str], bool]] = []
    for line in lines_of_section("messageries", "lignes"):
        app, _, template = line.partition(" | ")
        is_weak = app.endswith("?")
        for word, expression in _PLACEHOLDERS.items():
            template = template.replace(word, expression)
        template = template.replace("CHAMPS", "(?P<HEADER>)")
        forms.append((app.rstrip("?- "), re.compile(template, re.IGNORECASE), is_weak))
    return tuple(forms)


def _is_chat(messages: Sequence[Message]) -> bool:
    """Whether a message has a sure author, or an author writes twice: no agenda does."""
    authors = Counter(message.author for message in messages if message.author)
    is_sure = any(is_speaker(_plain_name(author)) or _PHONE.search(author) for author in authors)
    return is_sure or any(count > 1 for count in authors.values())


def _message_blocks(message: Message) -> Iterator[RawBlock]:
    if message.author is None:
        shown = clean(" ".join(message.lines))
        if shown:
            yield RawBlock(shown, "meta", reason="application")
        return
    suffix = lexicon_sections("messageries")["suffixe"]
    written: list[str] = []
    is_header = message.has_header
    for i, line in enumerate(message.lines):
        text = suffix.sub("", line)
        shown = clean(text)
        is_header = is_header and (i == 0 or bool(shown))
        reason = ""
        if shown:
            is_notice = is_header or (i == 0 and message.opens_with_notice)
            reason = "application" if is_notice else reason_of_line(shown)
        if reason:
            yield from _paragraphs(written, message.author)
            yield RawBlock(shown, "meta", reason=reason)
            written = []
        else:
            written.append(text)
        if edited := suffix.search(line):
            yield from _paragraphs(written, message.author)
            written = []
            yield RawBlock(clean(edited[0]), "meta", reason="application")
    yield from _paragraphs(written, message.author)


def reason_of_line(text: str) -> str:
    """Return why a line of a message is not its author's words, "" if it is."""
    if any(matches("messageries", section, text, whole=True) for section in ("media", "avis")):
        return "application"
    if _LINK.fullmatch(text):
        return "web address"
    is_emoji = any(unicodedata.category(character) == "So" for character in text)
    has_number = any(map(str.isdigit, text)) and not is_emoji and not text.startswith("+")
    return "" if has_letters(text) or has_number else "mark"


def _paragraphs(lines: Sequence[str], author: str) -> Iterator[RawBlock]:
    """Call a number or a nickname « intervenant »: it names nobody."""
    name = _plain_name(author)
    words = name.split()
    is_whole_name = len(words) > 1 and all(word[:1].isupper() for word in words)
    has_first_name = any(word in first_names() for word in name.title().split())
    is_named = is_whole_name or has_first_name or is_speaker(name) or _CODE.fullmatch(name)
    speaker = name if is_named else ANYBODY
    spaced: list[str] = []  # an app wraps no line: one with a capital is another paragraph
    for line in lines:
        spaced += [line] if starts_low(line) else ["", line]
    for block in blocks_of_lines(spaced, is_mail=True):
        yield replace(block, speaker=speaker)


def _plain_name(author: str) -> str:
    return " ".join(re.sub(r"[^\w\s.'’()-]", " ", author).split())


def name_members(blocks: Sequence[RawBlock], members: Mapping[str, str]) -> tuple[RawBlock, ...]:
    """Return the blocks of a Slack conversation with the names of `members` for their codes."""

    def name_of(match: re.Match[str]) -> str:
        return members.get(match[0], ANYBODY)

    return tuple(
        replace(
            block,
            text=_CODE.sub(name_of, block.text),
            speaker=_plain_name(_CODE.sub(name_of, block.speaker)) if block.speaker else None,
        )
        for block in blocks
    )

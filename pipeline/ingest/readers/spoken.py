"""Read speech and messages: subtitles, transcripts, exported conversations.

A transcript gives one cue block per turn, without time codes. Its lines look like
« [00:12:03] Intervenant 2 : … », « Speaker 1  0:15 » or « Animatrice : … »; those of a messaging
app look like « [12/03/2026, 14:05:33] Anne : … ».
"""

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pipeline.ingest.parts import RawBlock, RawPart, decode
from pipeline.ingest.readers.blocks import blocks_of_lines, single_part
from pipeline.ingest.readers.source import FileContent
from pipeline.ingest.readers.wording import (
    NAME_WORD,
    clean,
    first_names,
    is_finished,
    is_speaker,
    lexicon_sections,
    lexicon_words,
    matches,
    may_be_speaker,
    runs_on,
    unreadable_signs,
)

_CUE_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d\d)[.,](\d{1,3})"
_TIMING = re.compile(rf"^\s*{_CUE_TIME}\s*-->\s*{_CUE_TIME}")
_VOICE = re.compile(r"<v(?:\.[\w.-]+)?\s+([^<>]*)>")
_TAG = re.compile(r"</?(?:[a-zA-Z][^<>]*|\d[\d:.,]*)?>|\{\\[^{}]*\}")
_DASH = re.compile(r"^\s*(?:[-–—]|>>)\s*(?=\S)")
_NAME_PART = rf"(?:{NAME_WORD}|\d+)"
_NAMED = re.compile(rf"^\s*\[?({_NAME_PART}(?:[ _]{_NAME_PART}){{0,4}})\]?\s*:\s+(?=\S)")
_IN_BRACKETS = re.compile(r"^\s*\[([^\W\d_][^\[\]:]{1,39})\]\s*:?\s+(?=\S)")
# A pronoun without its verb yet.
_LACKS_VERB = re.compile(r"(?:^|\s|qu['’]|s['’]|['’])(?:je|tu|il|ils|on|ça|qui)\s*$", re.IGNORECASE)
_LONG_PAUSE = 0.8  # seconds: separates sentences in a transcript without full stops
_MAX_WORDS = 120  # without a named speaker
_MIN_PUNCTUATED = 0.25  # share of cues that end a sentence

_TIME = r"(?:\d{1,2}:)?\d{1,3}:\d\d(?:[.,:]\d{1,3})?"
_STAMP = rf"[\[(<]?\s*(?P<time>{_TIME})(?:\s*(?:-->|->|[-–—]|à)\s*{_TIME})?\s*[\])>]?"
_TIME_FIRST = re.compile(rf"^\W{{0,3}}?{_STAMP}\s*[-–—:|]?\s*(?P<rest>.*)$")
_NAME_FIRST = re.compile(
    rf"^\[?(?P<name>[^\[\]():]{{1,60}}?)\]?\s*[-–—,:]?\s+{_STAMP}\s*:?\s*(?P<rest>.*)$"
)
_LABEL = re.compile(r"^(?P<name>[^\s:][^:?!.]{0,50}?)\s?:(?:\s+(?P<rest>.*))?$")
_MIN_STAMPS = 3
_MIN_WORDS = 4  # average between stamps
_MIN_STAMPED_SHARE = 0.15  # of the lines
# Lines that open with a speaker, in a transcript without times.
_MIN_LABELS, _MIN_LABEL_SHARE = 6, 0.6

_DAY = (
    r"(?:[^\W\d_]{2,8}\.?\s+)?"
    r"(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[-/]\d{2}[-/]\d{2}|\d{1,2}\s[^\W\d_]{3,9}\.?\s\d{4})"
)
_HOUR = r"\d{1,2}[:.h]\d{2}(?:[:.]\d{2})?(?:\s?[AaPp]\.?\s?[Mm]\.?)?"
_WHEN = rf"(?:{_DAY}(?:,|\sà|\sat|T)?\s*(?:à\s)?{_HOUR}|{_HOUR},?\s(?:le\s)?{_DAY})"
_DATED = re.compile(rf"^[\[(]?{_WHEN}[\])]?\s*(?:[-–—:|]\s*)?(?P<rest>\S.*)$")
_SIGNED = re.compile(rf"^(?P<name>[^\[\]:]{{1,60}}?),?\s\[{_WHEN}\]\s*:?\s*(?P<rest>.*)$")
_AUTHOR = re.compile(r"^(?P<name>[^:«»\"“”<>]{1,60}?)\s?:(?:\s+(?P<rest>.*))?$")
_MARK = re.compile(":\\s\u200e")  # iOS marks its own words with it
_PHONE = re.compile(r"\+?\d(?:[\s.()-]{0,2}\d){7,14}")
_MAX_NAME_WORDS = 6
_MAX_HEAD_LINES = 4
ANYBODY = "intervenant"  # shown as a number or a nickname only


@dataclass(frozen=True)
class Cue:
    """A line of speech, `start` and `end` in seconds."""

    start: float
    end: float
    text: str
    speaker: str | None = None
    is_turn: bool = False


def read_subtitles(file: FileContent) -> tuple[RawPart, ...]:
    """Return a .vtt or .srt as one part, its recording notes first as meta blocks.

    Raises `ReadError` for a file without a word.
    """
    text = decode(file.content)
    notes, cues = _parse(text.split("\n"))
    blocks = [RawBlock(note, "meta") for note in notes] + _blocks_of_cues(cues) if cues else []
    warnings = unreadable_signs(text)
    return single_part(blocks, "transcription", channel="transcript", warnings=warnings)


def _parse(lines: list[str]) -> tuple[list[str], list[Cue]]:
    notes: list[str] = []
    cues: list[Cue] = []
    timing: tuple[float, float] | None = None
    is_note = False
    for above, line, below in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
        match = _TIMING.match(line)
        if match:
            times = match.groups()
            timing, is_note = (_cue_seconds(times[:4]), _cue_seconds(times[4:])), False
        elif _TIMING.match(below) and (not above.strip() or line.strip().isdigit()):
            timing, is_note = None, False  # number or name of the next cue
        elif not line.strip():
            is_note = False
            if below.startswith(("NOTE", "STYLE", "REGION")):
                timing = None
        elif timing is not None:
            cues += _cues_of_line(line, timing)
        else:
            is_note = is_note or line.startswith("NOTE")
            note = clean(line.removeprefix("NOTE"))
            notes += [note] if is_note and note else []
    return notes, cues


def _cue_seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")


def _cues_of_line(line: str, timing: tuple[float, float]) -> Iterator[Cue]:
    pieces = _VOICE.split(line)
    for voice, piece in zip(["", *pieces[1::2]], pieces[::2], strict=True):
        shown = html.unescape(_TAG.sub("", piece))
        text = clean(_DASH.sub("", shown))
        if text:
            speaker = clean(html.unescape(voice)) or None
            yield Cue(*timing, text, speaker, is_turn=bool(_DASH.match(shown)))


def _blocks_of_cues(cues: list[Cue]) -> list[RawBlock]:
    named = _with_names(cues)
    shown = named[:1]
    for above, cue in pairwise(named):
        # Live captions repeat the line before.
        if cue.text != above.text or cue.start - above.end >= 1:
            shown.append(cue)
    return [RawBlock(text, "cue", speaker=speaker) for text, speaker in _turns(shown)]


def _with_names(cues: list[Cue]) -> list[Cue]:
    prefixes = [_NAMED.match(cue.text) or _IN_BRACKETS.match(cue.text) for cue in cues]
    names = _names(Counter(prefix[1] for prefix in prefixes if prefix))
    named: list[Cue] = []
    for cue, prefix in zip(cues, prefixes, strict=True):
        if prefix and prefix[1] in names:
            text, speaker = cue.text[prefix.end() :], prefix[1].replace("_", " ")
            named.append(Cue(cue.start, cue.end, text, speaker, is_turn=True))
        else:
            named.append(cue)
    return named


def _names(counts: Counter[str]) -> set[str]:
    """Return the prefixes that name a speaker.

    They recur, number a speaker, hold a first name, or are several words where others are too.
    Sounds such as [rires] and [inaudible] name nobody.
    """
    sounds = lexicon_words("bruits")
    candidates = {
        name: count
        for name, count in counts.items()
        if not sounds & set(re.findall(r"\w+", name.lower()))
    }
    return {
        name
        for name, count in candidates.items()
        if count > 1
        or re.search(r"\d", name)
        or first_names() & set(re.split(r"[ _]", name))
        or (" " in name and len(candidates) > 1)
    }


def _turns(cues: list[Cue]) -> Iterator[tuple[str, str | None]]:
    if not cues:
        return
    has_turns = any(cue.is_turn or cue.speaker for cue in cues)
    is_punctuated = sum(is_finished(cue.text) for cue in cues) >= _MIN_PUNCTUATED * len(cues)
    text, speaker, end = cues[0].text, cues[0].speaker, cues[0].end
    for cue in cues[1:]:
        is_new = cue.is_turn or (cue.speaker is not None and cue.speaker != speaker)
        has_paused = cue.start - end >= _LONG_PAUSE
        if not is_new and not is_punctuated:
            is_open = runs_on(text, cue.text) or bool(_LACKS_VERB.search(text))
            is_new = has_paused and not is_open
        elif not is_new and not has_turns:
            is_new = is_finished(text) and (has_paused or len(text.split()) > _MAX_WORDS)
        if is_new:
            yield text, speaker
            text, speaker = cue.text, cue.speaker or (None if cue.is_turn else speaker)
        else:
            text = f"{text} {cue.text}"
        end = cue.end
    yield text, speaker


@dataclass(frozen=True)
class _SpokenLine:
    text: str
    start: float | None = None
    speaker: str | None = None


def as_transcript(part: RawPart) -> RawPart:
    """Return `part` as a transcript if its blocks are one, else as it is."""
    if not _is_prose(part):
        return part
    blocks = spoken_blocks([block.text for block in part.blocks])
    return part if blocks is None else replace(part, blocks=tuple(blocks), channel="transcript")


def _is_prose(part: RawPart) -> bool:
    return not (part.channel or part.rows or any(block.columns for block in part.blocks))


def spoken_blocks(lines: Sequence[str]) -> list[RawBlock] | None:
    """Return a transcript's blocks, first what precedes it as meta blocks; None if it is none."""
    filled = [shown for line in lines if (shown := clean(line))]
    if _is_stamped(filled):
        spoken = _stamped_lines(filled)
    elif _is_labelled(filled):
        spoken = _labelled_lines(filled)
    else:
        return None
    is_spoken = [line.start is not None or bool(line.speaker) for line in spoken]
    first = is_spoken.index(True)
    cues = list(_cues(spoken[first:]))
    if not cues:
        return None
    head = [RawBlock(line.text, "meta") for line in spoken[:first] if line.text]
    # Each lasts until the next: such transcripts show no pauses.
    starts = [cue.start for cue in cues[1:]] + [cues[-1].start]
    lasting = [
        replace(cue, end=max(cue.start, start)) for cue, start in zip(cues, starts, strict=True)
    ]
    return head + _blocks_of_cues(lasting)


def _is_stamped(lines: Sequence[str]) -> bool:
    """Whether times are in order, and more precise than in a day's programme."""
    stamps = [(i, stamp) for i, line in enumerate(lines) if (stamp := _stamp(line))]
    if len(stamps) < max(_MIN_STAMPS, _MIN_STAMPED_SHARE * len(lines)):
        return False
    times = [_seconds(stamp["time"]) for _, stamp in stamps]
    n_words = sum(len(line.split()) for line in lines[stamps[0][0] :])
    n_ordered = sum(above <= below for above, below in pairwise(times))
    is_precise = any(time % 5 for time in times)
    return (
        is_precise and n_ordered >= 0.9 * (len(times) - 1) and n_words >= _MIN_WORDS * len(stamps)
    )


def _stamp(line: str) -> re.Match[str] | None:
    """Find a time at the start of a line, or after a short or known name."""
    match = _TIME_FIRST.match(line)
    if match:
        return match
    match = _NAME_FIRST.match(line)
    if match is None or not may_be_speaker(name := match["name"].strip()):
        return None
    return match if not match["rest"] or is_speaker(name) else None


def _seconds(time: str) -> float:
    """Return the seconds of « 1:02:03.4 » or « 2:03 »; a fourth number counts frames."""
    seconds = 0.0
    for number in time.replace(",", ".").split(":")[:3]:
        seconds = 60 * seconds + float(number)
    return seconds


def _stamped_lines(lines: Sequence[str]) -> list[_SpokenLine]:
    stamps = [_stamp(line) for line in lines]
    n_alone = Counter(stamp["rest"].rstrip(" :") for stamp in stamps if stamp and stamp["rest"])
    spoken: list[_SpokenLine] = []
    for line, stamp in zip(lines, stamps, strict=True):
        start = _seconds(stamp["time"]) if stamp else None
        if stamp and "name" in stamp.groupdict():
            spoken.append(_SpokenLine(stamp["rest"], start, stamp["name"].strip(" -–—,")))
        else:
            spoken.append(_named_line(stamp["rest"] if stamp else line, n_alone, start=start))
    return spoken


def _named_line(text: str, n_alone: Counter[str], *, start: float | None) -> _SpokenLine:
    label = _LABEL.match(text)
    if label and _names_speaker(label["name"], n_alone):
        return _SpokenLine(label["rest"] or "", start, label["name"])
    name = text.rstrip(" :")
    if name and _names_speaker(name, n_alone):
        return _SpokenLine("", start, name)
    return _SpokenLine(text, start)


def _names_speaker(name: str, n_alone: Counter[str]) -> bool:
    return is_speaker(name) or (n_alone[name] > 1 and may_be_speaker(name))


def _is_labelled(lines: Sequence[str]) -> bool:
    labels = filter(None, map(_speaker_label, lines))
    counts = Counter(label["name"] for label in labels if label["rest"])
    n_recurring = sum(count for count in counts.values() if count > 1)
    n_sure = sum(count for name, count in counts.items() if is_speaker(name))
    is_dense = n_recurring >= max(_MIN_LABELS, _MIN_LABEL_SHARE * len(lines))
    return is_dense and len(counts) > 1 and n_sure >= _MIN_LABEL_SHARE * counts.total()


def _labelled_lines(lines: Sequence[str]) -> list[_SpokenLine]:
    return [
        _SpokenLine(label["rest"] or "", None, label["name"]) if label else _SpokenLine(line)
        for line, label in zip(lines, map(_speaker_label, lines), strict=True)
    ]


def _speaker_label(line: str) -> re.Match[str] | None:
    label = _LABEL.match(line)
    return label if label and may_be_speaker(label["name"]) else None


def _cues(spoken: Sequence[_SpokenLine]) -> Iterator[Cue]:
    """Give a lone name the lines below; a line without time or name continues the cue."""
    start, speaker, is_turn = 0.0, None, False
    for line in spoken:
        start = start if line.start is None else line.start
        is_turn = is_turn or (line.speaker is not None and line.speaker != speaker)
        speaker = line.speaker or speaker
        if line.text:
            yield Cue(start, start, line.text, speaker, is_turn)
            is_turn = False


@dataclass
class _Message:
    """A message by `author`, None for a notice of the app."""

    author: str | None
    lines: list[str]
    opens_with_notice: bool = False


def as_chat(part: RawPart) -> RawPart:
    """Return `part` with the author of each message if its blocks are a conversation."""
    if not _is_prose(part):
        return part
    lines = [f"{'- ' if block.kind == 'bullet' else ''}{block.text}" for block in part.blocks]
    blocks = chat_blocks(lines)
    return part if blocks is None else replace(part, blocks=tuple(blocks))


def chat_blocks(lines: Sequence[str]) -> list[RawBlock] | None:
    """Return the blocks of an exported conversation; None if `lines` are none.

    >>> [block.speaker for block in chat_blocks(["12/03/26, 14:05 - Anne Riou: les bus manquent"])]
    ['Anne Riou']
    """
    head: list[str] = []
    messages: list[_Message] = []
    for line in lines:
        shown = clean(line)
        message = _opened_message(shown)
        if message:
            message.opens_with_notice = bool(_MARK.search(line))
            messages.append(message)
        elif messages:
            messages[-1].lines.append(line)
        elif shown:
            head.append(shown)
    if len(head) > _MAX_HEAD_LINES or not _is_chat(messages):
        return None
    blocks = [RawBlock(line, "meta") for line in head]
    for message in messages:
        blocks += _message_blocks(message)
    return blocks


def _opened_message(line: str) -> _Message | None:
    signed = _SIGNED.match(line)
    if signed:
        return _Message(signed["name"].strip(), [signed["rest"]])
    dated = _DATED.match(line)
    if not dated:
        return None
    author = _AUTHOR.match(dated["rest"])
    if author and len(author["name"].split()) <= _MAX_NAME_WORDS:
        return _Message(author["name"].strip(), [author["rest"] or ""])
    return _Message(None, [dated["rest"]])


def _is_chat(messages: Sequence[_Message]) -> bool:
    """Whether a message has a sure author, or an author writes twice: no agenda does."""
    authors = Counter(message.author for message in messages if message.author)
    is_sure = any(is_speaker(_plain_name(author)) or _PHONE.search(author) for author in authors)
    return is_sure or any(count > 1 for count in authors.values())


def _message_blocks(message: _Message) -> Iterator[RawBlock]:
    if message.author is None:
        yield RawBlock(clean(" ".join(message.lines)), "meta")
        return
    suffix = lexicon_sections("messageries")["suffixe"]
    written: list[str] = []
    for i, line in enumerate(message.lines):
        text = suffix.sub("", line)
        shown = clean(text)
        if shown and (_is_notice(shown) or (i == 0 and message.opens_with_notice)):
            yield from _paragraphs(written, message.author)
            yield RawBlock(shown, "meta")
            written = []
        else:
            written.append(text)
    yield from _paragraphs(written, message.author)


def _is_notice(text: str) -> bool:
    sections = ("media", "avis")
    return any(matches("messageries", section, text, whole=True) for section in sections)


def _paragraphs(lines: Sequence[str], author: str) -> Iterator[RawBlock]:
    """Call a number or a nickname « intervenant »: it names nobody."""
    name = _plain_name(author)
    words = name.split()
    is_whole_name = len(words) > 1 and all(word[:1].isupper() for word in words)
    has_first_name = any(word in first_names() for word in name.title().split())
    speaker = name if is_whole_name or has_first_name or is_speaker(name) else ANYBODY
    for block in blocks_of_lines(lines, is_mail=True):
        yield replace(block, speaker=speaker)


def _plain_name(author: str) -> str:
    return " ".join(re.sub(r"[^\w\s.'’()-]", " ", author).split())

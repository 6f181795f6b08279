"""Read transcripts (.vtt, .srt): who speaks, what they say, without time codes; one block a turn of speech.

In:   the bytes of a .vtt or .srt
Out:  one part of cue blocks, channel « transcript »

Tell a transcript that was saved as a text: « [00:12:03] Intervenant 2 : … », « Speaker 1  0:15 », « Animatrice : … ».

Tell a conversation exported from a messaging app: « [12/03/2026, 14:05:33] Anne : … ».
"""

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise

from pipeline.files import data_path
from pipeline.ingest.parts import RawBlock, RawPart, decode
from pipeline.ingest.readers.blocks import blocks_of_lines
from pipeline.ingest.readers.source import Source, no_text
from pipeline.ingest.readers.wording import (
    clean,
    first_names,
    is_finished,
    runs_on,
    sections_of,
    unreadable_signs,
)

_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d\d)[.,](\d{1,3})"
_TIMING = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}")
_VOICE = re.compile(r"<v(?:\.[\w.-]+)?\s+([^<>]*)>")
_TAG = re.compile(r"</?(?:[a-zA-Z][^<>]*|\d[\d:.,]*)?>|\{\\[^{}]*\}")
_DASH = re.compile(r"^\s*(?:[-–—]|>>)\s*(?=\S)")
_NAME_PART = r"(?:[A-ZÀ-ÖØ-ÞŒ][\w.'’-]*|\d+|d[eu]|des|la|le|von|van)"
_NAMED = re.compile(rf"^\s*\[?({_NAME_PART}(?:[ _]{_NAME_PART}){{0,4}})\]?\s*:\s+(?=\S)")
_IN_BRACKETS = re.compile(r"^\s*\[([^\W\d_][^\[\]:]{1,39})\]\s*:?\s+(?=\S)")
_SUBJECT = re.compile(r"(?:^|\s|qu['’]|s['’]|['’])(?:je|tu|il|ils|on|ça|qui)\s*$", re.IGNORECASE)
_LONG_PAUSE = 0.8  # seconds: what tells sentences apart in a transcript without full stops
_MAX_WORDS = 120  # of a block whose transcript names no speaker
_MIN_PUNCTUATED = 0.25  # share of cues with a mark that ends a sentence, over which the transcript counts as punctuated


@dataclass(frozen=True)
class Cue:
    """A line of a subtitle: when it starts and ends in seconds, who speaks where it says so, whether a dash opens a turn."""

    start: float
    end: float
    text: str
    speaker: str | None = None
    is_turn: bool = False


def read_subtitles(source: Source) -> tuple[RawPart, ...]:
    """Return the transcript as one part, notes of the recording as meta blocks first.

    Raises `ReadError` for a file without a word.
    """
    text = decode(source.content)
    notes, cues = _parse(text)
    if not cues:
        raise no_text("transcription")
    blocks = [*(RawBlock(note, "meta") for note in notes), *blocks_of_cues(cues)]
    return (RawPart(tuple(blocks), channel="transcript", warnings=unreadable_signs(text)),)


def blocks_of_cues(cues: list[Cue]) -> list[RawBlock]:
    """Return the cue blocks of a transcript: one a turn of speech, its sentences whole."""
    kept = _without_rolling(_with_names(cues))
    return (
        [RawBlock(said, "cue", speaker=speaker) for said, speaker in _turns(kept)] if kept else []
    )


def _parse(text: str) -> tuple[list[str], list[Cue]]:
    """The notes and cues of a file: groups of lines with a timing line, blank lines between or not."""
    notes: list[str] = []
    cues: list[Cue] = []
    timing: tuple[float, float] | None = None
    is_note = False
    for above, line, below in zip(
        ["", *text.split("\n")], text.split("\n"), [*text.split("\n")[1:], ""], strict=False
    ):
        found = _TIMING.match(line)
        if found:
            timing, is_note = (_seconds(found.groups()[:4]), _seconds(found.groups()[4:])), False
        elif _TIMING.match(below) and (not above.strip() or line.strip().isdigit()):
            timing, is_note = None, False  # the number or name of the cue below
        elif not line.strip():
            timing, is_note = (
                (None if below.startswith(("NOTE", "STYLE", "REGION")) else timing),
                False,
            )
        elif timing is None:
            is_note = is_note or line.startswith("NOTE")
            notes += (
                [clean(line.removeprefix("NOTE"))]
                if is_note and clean(line.removeprefix("NOTE"))
                else []
            )
        else:
            cues += _spoken(line, timing)
    return notes, cues


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")


def _spoken(line: str, timing: tuple[float, float]) -> Iterator[Cue]:
    """The cues of a line: one a voice tag, or one."""
    pieces = _VOICE.split(line)
    voices = [None, *pieces[1::2]]
    for speaker, piece in zip(voices, pieces[::2], strict=True):
        shown = html.unescape(_TAG.sub("", piece))
        said = clean(_DASH.sub("", shown))
        if said:
            yield Cue(
                *timing,
                said,
                clean(html.unescape(speaker)) or None if speaker else None,
                bool(_DASH.match(shown)),
            )


def _with_names(cues: list[Cue]) -> list[Cue]:
    """The cues with « Name: » or « [Name] » prefixes turned into speakers, where it is surely a name and no word."""
    names = _names([cue.text for cue in cues])
    named: list[Cue] = []
    for cue in cues:
        found = _prefix(cue.text)
        if found and found[1] in names:
            named.append(
                Cue(
                    cue.start,
                    cue.end,
                    cue.text[found.end() :],
                    found[1].replace("_", " "),
                    is_turn=True,
                )
            )
        else:
            named.append(cue)
    return named


def _names(texts: Sequence[str]) -> set[str]:
    """The prefixes that name who speaks: they recur, number a speaker, hold a first name, or are several words where others are too."""
    counts = Counter(
        found[1] for text in texts if (found := _prefix(text)) and not _is_sound(found[1])
    )
    return {
        name
        for name, count in counts.items()
        if count > 1
        or re.search(r"\d", name)
        or first_names() & set(re.split(r"[ _]", name))
        or (" " in name and len(counts) > 1)
    }


def _prefix(text: str) -> re.Match[str] | None:
    """What may name a speaker at the start of a cue."""
    return _NAMED.match(text) or _IN_BRACKETS.match(text)


def _is_sound(name: str) -> bool:
    """True for what a transcriber hears besides words: [rires], [inaudible]."""
    return bool(_sounds() & set(re.findall(r"\w+", name.lower())))


@cache
def _sounds() -> frozenset[str]:
    lines = data_path("lexicon", "bruits.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def _lacks_verb(text: str) -> bool:
    """True where a line of speech ends with a pronoun whose verb is still to come."""
    return bool(_SUBJECT.search(text))


def _without_rolling(cues: list[Cue]) -> list[Cue]:
    """The cues without those that only repeat the line before, as live captions do."""
    return [
        cue
        for above, cue in pairwise([None, *cues])
        if cue and not (above and cue.text == above.text and cue.start - above.end < 1)
    ]


def _turns(cues: list[Cue]) -> Iterator[tuple[str, str | None]]:
    """Yield the text and speaker of each block: cues joined while the turn goes on."""
    has_turns = any(cue.is_turn or cue.speaker for cue in cues)
    is_punctuated = sum(is_finished(cue.text) for cue in cues) >= _MIN_PUNCTUATED * len(cues)
    text, speaker, end = cues[0].text, cues[0].speaker, cues[0].end
    for cue in cues[1:]:
        is_new = cue.is_turn or (cue.speaker is not None and cue.speaker != speaker)
        pause = cue.start - end
        if not is_new and not is_punctuated:
            is_new = pause >= _LONG_PAUSE and not runs_on(text, cue.text) and not _lacks_verb(text)
        elif not is_new and not has_turns:
            is_new = is_finished(text) and (pause >= _LONG_PAUSE or len(text.split()) > _MAX_WORDS)
        if is_new:
            yield text, speaker
            text, speaker = cue.text, cue.speaker or (None if cue.is_turn else speaker)
        else:
            text = f"{text} {cue.text}"
        end = cue.end
    yield text, speaker


_SPOKEN_TEXT_TIME = r"(?:\d{1,2}:)?\d{1,3}:\d\d(?:[.,:]\d{1,3})?"
_STAMP = rf"[\[(<]?\s*(?P<time>{_SPOKEN_TEXT_TIME})(?:\s*(?:-->|->|[-–—]|à)\s*{_SPOKEN_TEXT_TIME})?\s*[\])>]?"
_FIRST = re.compile(rf"^\W{{0,3}}?{_STAMP}\s*[-–—:|]?\s*(?P<rest>.*)$")  # the time opens the line
_LAST = re.compile(
    rf"^\[?(?P<name>[^\[\]():]{{1,60}}?)\]?\s*[-–—,:]?\s+{_STAMP}\s*:?\s*(?P<rest>.*)$"
)  # the name opens it
_LABEL = re.compile(r"^(?P<name>[^\s:][^:?!.]{0,50}?)\s?:(?:\s+(?P<rest>.*))?$")
_NAME_WORD = r"(?:[A-ZÀ-ÖØ-ÞŒ][\w.'’-]*|d[eu]|des|la|le|von|van)"
_NAME = re.compile(rf"{_NAME_WORD}(?:[ _]{_NAME_WORD}){{0,4}}")
_MIN_STAMPS, _MIN_WORDS = (
    3,
    4,
)  # stamped lines of a transcript, and words on average from one to the next
_MIN_SHARE = 0.15  # of the lines that are stamped
_MIN_LABELS, _LABEL_SHARE = 6, 0.6  # lines that open with who speaks, in a transcript without times


@dataclass(frozen=True)
class _Spoken:
    """A line: when it is said in seconds where it says so, by whom, and what."""

    text: str
    start: float | None = None
    speaker: str | None = None


def as_transcript(part: RawPart) -> RawPart:
    """Return `part` as a transcript where its blocks are one, else as it is."""
    if part.channel or part.rows or any(block.columns for block in part.blocks):
        return part
    blocks = spoken_blocks([block.text for block in part.blocks])
    return part if blocks is None else replace(part, blocks=tuple(blocks), channel="transcript")


def spoken_blocks(lines: Sequence[str]) -> list[RawBlock] | None:
    """Return the blocks of a transcript, what stands before its first line as meta blocks; None where the lines are no transcript."""
    shown = [clean(line) for line in lines]
    filled = [line for line in shown if line]
    spoken = (
        _stamped(filled)
        if _is_stamped(filled)
        else _labelled(filled)
        if _is_labelled(filled)
        else None
    )
    if spoken is None:
        return None
    first = next(
        place for place, line in enumerate(spoken) if line.start is not None or line.speaker
    )
    cues = _unbroken(list(_cues(spoken[first:])))
    return (
        [
            *(RawBlock(line.text, "meta") for line in spoken[:first] if line.text),
            *blocks_of_cues(cues),
        ]
        if cues
        else None
    )


def _is_stamped(lines: Sequence[str]) -> bool:
    """True where times that run on open or close enough lines, and are no programme of a day."""
    found = [(place, match) for place, line in enumerate(lines) if (match := _stamp(line))]
    if len(found) < max(_MIN_STAMPS, _MIN_SHARE * len(lines)):
        return False
    times = [_spoken_text_seconds(match["time"]) for _, match in found]
    n_words = sum(len(line.split()) for line in lines[found[0][0] :])
    is_ordered = sum(above <= below for above, below in pairwise(times)) >= 0.9 * (len(times) - 1)
    is_precise = any(time % 5 for time in times)
    return is_ordered and is_precise and n_words >= _MIN_WORDS * len(found)


def _stamp(line: str) -> re.Match[str] | None:
    """The time of a line: at its start, or after a name that is short or known for one."""
    found = _FIRST.match(line)
    if found:
        return found
    found = _LAST.match(line)
    return (
        found
        if found
        and (not found["rest"] or is_speaker(found["name"].strip()))
        and _may_speak(found["name"].strip())
        else None
    )


def _spoken_text_seconds(time: str) -> float:
    """The seconds that « 1:02:03.4 », « 2:03 » or « 01:02:03:12 » tell; of a fourth number, which counts pictures, nothing."""
    *_, last = parts = re.split(r":", time.replace(",", "."))
    numbers = [float(part) for part in (parts[:3] if len(parts) == 4 else parts)]
    return (
        sum(number * 60**power for power, number in enumerate(reversed(numbers))) if last else 0.0
    )


def _stamped(lines: Sequence[str]) -> list[_Spoken]:
    """The lines of a transcript with times; a line that only names who speaks is joined to the next."""
    alone = Counter(
        found["rest"].rstrip(" :") for line in lines if (found := _stamp(line)) and found["rest"]
    )
    spoken: list[_Spoken] = []
    for line in lines:
        found = _stamp(line)
        if found is None:
            spoken.append(_named(line, alone, start=None))
        elif "name" in found.groupdict():
            spoken.append(
                _Spoken(
                    found["rest"], _spoken_text_seconds(found["time"]), found["name"].strip(" -–—,")
                )
            )
        else:
            spoken.append(_named(found["rest"], alone, start=_spoken_text_seconds(found["time"])))
    return spoken


def _named(text: str, alone: Counter[str], *, start: float | None) -> _Spoken:
    """A line after its time: « Name : text », « Name » alone, or text."""
    label = _LABEL.match(text)
    if label and (
        is_speaker(label["name"]) or (_may_speak(label["name"]) and alone[label["name"]] > 1)
    ):
        return _Spoken(label["rest"] or "", start, label["name"])
    name = text.rstrip(" :")
    is_name = is_speaker(name) or (_may_speak(name) and alone[name] > 1)
    return _Spoken("", start, name) if name and is_name else _Spoken(text, start)


def _is_labelled(lines: Sequence[str]) -> bool:
    """True where most lines open with who speaks, and most of these speakers are surely persons."""
    names = [
        label["name"]
        for line in lines
        if (label := _LABEL.match(line)) and label["rest"] and _may_speak(label["name"])
    ]
    counts = Counter(names)
    n_recurring = sum(count for count in counts.values() if count > 1)
    n_sure = sum(count for name, count in counts.items() if is_speaker(name))
    is_dense = n_recurring >= max(_MIN_LABELS, _LABEL_SHARE * len(lines))
    return is_dense and len(counts) > 1 and n_sure >= _LABEL_SHARE * len(names)


def _labelled(lines: Sequence[str]) -> list[_Spoken]:
    """The lines of a transcript without times."""
    spoken: list[_Spoken] = []
    for line in lines:
        label = _LABEL.match(line)
        is_turn = label and _may_speak(label["name"])
        spoken.append(
            _Spoken(label["rest"] or "", None, label["name"])
            if label and is_turn
            else _Spoken(line)
        )
    return spoken


def _cues(spoken: Sequence[_Spoken]) -> Iterator[Cue]:
    """The cues of the lines; a name alone speaks the lines below, and a line without time or name goes on."""
    start, speaker, is_turn = 0.0, None, False
    for line in spoken:
        start = start if line.start is None else line.start
        is_turn = is_turn or (line.speaker is not None and line.speaker != speaker)
        speaker = line.speaker or speaker
        if line.text:
            yield Cue(start, start, line.text, speaker, is_turn)
            is_turn = False


def _unbroken(cues: list[Cue]) -> list[Cue]:
    """The cues, each lasting until the next: such transcripts tell no pauses."""
    return [
        replace(cue, end=max(cue.start, below.start))
        for cue, below in zip(cues, [*cues[1:], *cues[-1:]], strict=True)
    ]


def _may_speak(name: str) -> bool:
    """True for what may be a person's name or a speaker's number."""
    return bool(_NAME.fullmatch(name)) or is_speaker(name)


def is_speaker(name: str) -> bool:
    """True for a role with or without a number, a title before a name, and a name that holds a first name."""
    words = re.split(r"[ _]+", name)
    is_person = bool(_NAME.fullmatch(name)) and bool(
        first_names() & {word.strip(".,").title() for word in words}
    )
    return is_person or bool(_roles().fullmatch(name))


@cache
def _roles() -> re.Pattern[str]:
    lines = data_path("lexicon", "transcriptions.txt").read_text(encoding="utf-8").splitlines()
    roles = "|".join(line for line in lines if line and not line.startswith("#"))
    numbered = rf"(?:l['’]|la |le |un |une )?(?:{roles})(?:[ _.-]?(?:n°\s?)?\d{{1,3}}|[ _][A-Z]|[ ][A-ZÀ-Ý][\w'’-]+)?"
    return re.compile(
        rf"(?:{numbered}|(?:mme|m\.|mr|monsieur|madame)\s[\w'’. -]{{1,40}})", re.IGNORECASE
    )


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
    return [RawBlock(line, "meta") for line in head] + [
        block for message in messages for block in _blocks(message)
    ]


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

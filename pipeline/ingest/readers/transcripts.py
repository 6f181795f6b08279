"""Read speech: subtitles, and transcripts saved as text.

A transcript gives one cue block per turn, without time codes. Its lines look like
« [00:12:03] Intervenant 2 : … », « Speaker 1  0:15 » or « Animatrice : … ».
"""

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

from pipeline.ingest.parts import FileContent, RawBlock, RawPart, decode
from pipeline.ingest.readers.blocks import single_part, wrap_column
from pipeline.ingest.words import (
    NAME_WORD,
    bullet_of,
    clean,
    first_names,
    has_letters,
    is_finished,
    is_speaker,
    lexicon_sections,
    lexicon_words,
    matches,
    may_be_speaker,
    names_role,
    runs_on,
    starts_low,
    straight,
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
_MOST_PER_LABEL = 2  # cues a label opens on average, where a tool labels all of them
_MIN_PUNCTUATED = 0.25  # share of cues that end a sentence

_TIME = r"(?:\d{1,2}:)?\d{1,3}:\d\d(?:[.,:]\d{1,3})?"
_STAMP = rf"[\[(<]?\s*(?P<time>{_TIME})(?:\s*(?:-->|->|[-–—]|à)\s*{_TIME})?\s*[\])>]?"
_TIME_FIRST = re.compile(rf"^\W{{0,3}}?{_STAMP}\s*[-–—:|]?\s*(?P<rest>.*)$")
_NAME_FIRST = re.compile(
    rf"^\[?(?P<name>[^\[\]():]{{1,60}}?)\]?\s*[-–—,:]?\s+{_STAMP}\s*:?\s*(?P<rest>.*)$"
)
_TIME_ALONE = re.compile(_STAMP)
_LABEL = re.compile(r"^(?P<name>[^\s:][^:?!.]{0,50}?)\s?:(?:\s+(?P<rest>.*))?$")
_BOLD = re.compile(r"^\*\*([^*]{1,60})\*\*")  # the speaker, as La Suite writes
_COLUMNS = {
    "start": ("start", "début", "debut", "begin", "start time", "timecode", "time code", "tc in"),
    "end": ("end", "fin", "end time", "tc out"),
    "text": ("text", "texte", "transcript", "transcription", "paroles"),
    "speaker": ("speaker", "locuteur", "locutrice", "intervenant", "speaker name"),
}
_MAX_LABEL_WORDS = 4  # of an unknown speaker: « iPhone de Kévin »
_TAIL = 200  # characters: what is looked at of a turn to know whether it goes on
_SENTENCE = re.compile(r"(?<=[.!?…])\s+(?=\S)")
_MAX_CONDUCT_WORDS = 16  # of a sentence that only leads the meeting
_MIN_DICTATED = 60  # words of speech without full stops
_MIN_CUT_SHARE, _MIN_LOW_SHARE = 0.2, 0.7  # of its lines: cut after « le », begun in small letters
_WORDS_A_STOP = 40  # more a full stop, and speech is not punctuated
_MIN_STAMPS = 3
_MIN_WORDS = 4  # average between stamps
_MIN_STAMPED_SHARE = 0.15  # of the lines
# Lines that open with a speaker, in a transcript without times.
_MIN_LABELS, _MIN_LABEL_SHARE = 6, 0.6


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
    blocks = (
        [RawBlock(note, "meta", reason="circumstance") for note in notes] + blocks_of_cues(cues)
        if cues
        else []
    )
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


def blocks_of_cues(cues: list[Cue]) -> list[RawBlock]:
    """Return one block per turn."""
    named = _with_names(cues)
    shown = named[:1]
    for above, cue in pairwise(named):
        # Live captions repeat the line before.
        if cue.text != above.text or cue.start - above.end >= 1:
            shown.append(cue)
    turns = [RawBlock(text, "cue", speaker=speaker) for text, speaker in _turns(shown)]
    return [block for turn in turns for block in _without_asides(turn)]


def _without_asides(turn: RawBlock) -> Iterator[RawBlock]:
    """Cut a turn at what says nothing: the tool's own words, approvals, the meeting's conduct."""
    pieces = _split_mentions(turn.text)
    runs: list[tuple[str, list[str]]] = []
    for piece, is_mention in pieces:
        sentences = [piece] if is_mention else _SENTENCE.split(piece)
        for sentence in filter(None, map(str.strip, sentences)):
            reason = "application" if is_mention else reason_of_sentence(sentence)
            if runs and runs[-1][0] == reason:
                runs[-1][1].append(sentence)
            else:
                runs.append((reason, [sentence]))
    for reason, sentences in runs:
        kind = "meta" if reason else turn.kind
        yield replace(turn, text=" ".join(sentences), kind=kind, reason=reason)


def _split_mentions(text: str) -> Iterator[tuple[str, bool]]:
    start = 0
    for mention in lexicon_sections("transcriptions")["mentions"].finditer(straight(text)):
        yield text[start : mention.start()], False
        yield text[mention.start() : mention.end()], True
        start = mention.end()
    yield text[start:], False


def reason_of_sentence(sentence: str) -> str:
    """Return why a spoken sentence says nothing by itself, "" if it says something.

    >>> [reason_of_sentence(said) for said in ("D'accord.", "On y va.", "Le bus manque.")]
    ['other', 'circumstance', '']
    """
    said = re.sub(r"[^\w'’-]+", " ", sentence).strip()
    if not has_letters(said):
        return "mark"
    words = straight(said).lower()
    only = lexicon_sections("transcriptions")
    is_question = sentence.rstrip().endswith("?")  # « oui ? » asks whether one is heard
    if not is_question and not _approvals().sub("", words).strip():
        return "other"
    is_short = len(words.split()) <= _MAX_CONDUCT_WORDS
    return "circumstance" if is_short and only["conduite"].search(words) else ""


@cache
def _approvals() -> re.Pattern[str]:
    return re.compile(
        rf"(?<!\S){lexicon_sections('transcriptions')['relances'].pattern}(?!\S)", re.IGNORECASE
    )


def _with_names(cues: list[Cue]) -> list[Cue]:
    """Where some labels surely name a speaker, another one at a sentence's start does too.

    Where every cue opens with one and they recur, a tool wrote them, whatever they are.
    """
    labels = [_LABEL.match(cue.text) for cue in cues]
    told = [label["name"] for label in labels if label and label["rest"]]
    if len(told) == len(cues) > _MOST_PER_LABEL * len(set(told)):
        return [
            Cue(cue.start, cue.end, label["rest"], label["name"])
            for cue, label in zip(cues, labels, strict=True)
            if label
        ]
    prefixes = [_NAMED.match(cue.text) or _IN_BRACKETS.match(cue.text) for cue in cues]
    names = _names(Counter(prefix[1] for prefix in prefixes if prefix))
    named: list[Cue] = []
    above = ""
    for cue, prefix in zip(cues, prefixes, strict=True):
        is_told = bool(names) and not cue.speaker and (not above or is_finished(above))
        is_told = is_told and prefix is not None and may_be_speaker(prefix[1])
        if prefix and (prefix[1] in names or (is_told and not _is_sound(prefix[1]))):
            text, speaker = cue.text[prefix.end() :], prefix[1].replace("_", " ")
            named.append(Cue(cue.start, cue.end, text, speaker, is_turn=True))
        else:
            named.append(cue)
        above = cue.text
    return named


def _names(counts: Counter[str]) -> set[str]:
    """Return the prefixes that name a speaker.

    They recur, number a speaker, hold a first name, or are several words where others are too.
    """
    candidates = {name: count for name, count in counts.items() if not _is_sound(name)}
    return {
        name
        for name, count in candidates.items()
        if count > 1
        or re.search(r"\d", name)
        or first_names() & set(re.split(r"[ _]", name))
        or (" " in name and len(candidates) > 1)
    }


def _is_sound(name: str) -> bool:
    """Whether a label names nobody, as [rires] and [inaudible] do."""
    return not lexicon_words("bruits").isdisjoint(re.findall(r"\w+", name.lower()))


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
            is_open = runs_on(text, cue.text) or bool(_LACKS_VERB.search(text[-_TAIL:]))
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
    if not is_prose(part):
        return part
    blocks = None if _are_headed(part.blocks) else spoken_blocks([b.text for b in part.blocks])
    return part if blocks is None else replace(part, blocks=tuple(blocks), channel="transcript")


def _are_headed(blocks: Sequence[RawBlock]) -> bool:
    """Whether headings lie among lines such as "Léa : …": notes that tell who said what."""
    labels = [_speaker_label(block.text) for block in blocks]
    first = next((i for i, label in enumerate(labels) if label), len(blocks))
    n_headings = sum(block.kind == "heading" for block in blocks[first:])
    is_led = any(label and names_role(label["name"]) for label in labels)
    is_timed = any(_TIME_FIRST.match(block.text) for block in blocks)
    return n_headings > 1 and not is_led and not is_timed


def as_timed_rows(part: RawPart) -> RawPart:
    """Return `part` as a transcript if its rows are timed segments, as Whisper's .tsv."""
    if len(part.rows) < _MIN_STAMPS:
        return part
    header = [cell.strip().lower() for cell in part.rows[0]]
    columns = {
        meaning: next((i for i, cell in enumerate(header) if cell in titles), None)
        for meaning, titles in _COLUMNS.items()
    }
    start, text, name = columns["start"], columns["text"], columns["speaker"]
    if start is None or text is None:
        return part
    body = part.rows[1:]
    if not all(re.fullmatch(rf"{_TIME}|\d+(?:[.,]\d+)?", row[start].strip()) for row in body):
        return part
    # Whisper counts milliseconds; a speaker's words of a whole file are longer than that in seconds
    unit = 1000.0 if all(row[start].strip().isdigit() for row in body) else 1.0
    ends = [row[start] for row in body[1:]] + [body[-1][start]]
    if columns["end"] is not None:
        ends = [row[columns["end"]] for row in body]
    cues = [
        Cue(
            _seconds(row[start].strip()) / unit,
            _seconds(end.strip() or "0") / unit,
            clean(row[text]),
            (clean(row[name]) or None) if name is not None else None,
        )
        for row, end in zip(body, ends, strict=True)
        if clean(row[text])
    ]
    taken_for = "transcription (segments minutés)"
    return replace(
        part, rows=(), blocks=tuple(blocks_of_cues(cues)), channel="transcript", taken_for=taken_for
    )


def is_prose(part: RawPart) -> bool:
    """Whether a part is free text of an unknown channel."""
    return not (part.channel or part.rows or any(block.columns for block in part.blocks))


def spoken_blocks(lines: Sequence[str]) -> list[RawBlock] | None:
    """Return a transcript's blocks, first what precedes it as meta blocks; None if it is none."""
    shown_lines = [_BOLD.sub(r"\1", shown) for line in lines if (shown := clean(line))]
    filled = [line for line in shown_lines if not _is_of_tool(line)]
    if _is_stamped(filled):
        spoken = _stamped_lines(filled)
    elif _is_labelled(filled):
        spoken = _labelled_lines(filled)
    elif _is_dictated(filled):
        return blocks_of_cues([Cue(0.0, 0.0, " ".join(filled))])
    else:
        return None
    n_lines = Counter(line.speaker for line in spoken)
    is_spoken = [
        line.start is not None
        or bool(line.speaker and (n_lines[line.speaker] > 1 or is_speaker(line.speaker)))
        for line in spoken
    ]
    first = is_spoken.index(True)
    cues = list(_cues(spoken[first:]))
    if not cues:
        return None
    heads = (f"{line.speaker or ''} : {line.text}".removeprefix(" : ") for line in spoken[:first])
    head = [RawBlock(text, "meta", reason="circumstance") for text in heads if text]
    # Each lasts until the next: such transcripts show no pauses.
    starts = [cue.start for cue in cues[1:]] + [cues[-1].start]
    lasting = [
        replace(cue, end=max(cue.start, start)) for cue, start in zip(cues, starts, strict=True)
    ]
    mentions = [line for line in shown_lines if line not in filled]
    own = [RawBlock(line, "meta", reason="application") for line in mentions]
    return head + blocks_of_cues(lasting) + own


def _is_of_tool(line: str) -> bool:
    """Whether a line is what a transcribing tool says of itself."""
    is_foot = matches("transcriptions", "pieds", line, whole=True)
    return bool(is_foot or matches("transcriptions", "mentions", line))


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
    texts = [stamp["rest"] if stamp else line for line, stamp in zip(lines, stamps, strict=True)]
    labels = list(map(_LABEL.match, texts))
    are_labelled = any(label and is_speaker(label["name"]) for label in labels)
    spoken: list[_SpokenLine] = []
    for text, stamp, label in zip(texts, stamps, labels, strict=True):
        start = _seconds(stamp["time"]) if stamp else None
        alone = text.rstrip(" :")
        if stamp and "name" in stamp.groupdict():
            spoken.append(_SpokenLine(text, start, stamp["name"].strip(" -–—,")))
        elif label and _names_speaker(label["name"], n_alone, is_told=are_labelled and bool(stamp)):
            spoken.append(_SpokenLine(label["rest"] or "", start, label["name"]))
        elif alone and _names_speaker(alone, n_alone):
            spoken.append(_SpokenLine("", start, alone))
        else:
            spoken.append(_SpokenLine(text, start))
    return spoken


def _names_speaker(name: str, n_alone: Counter[str], *, is_told: bool = False) -> bool:
    """Whether a label names a speaker; `is_told` where others beside it surely do."""
    if is_speaker(name) or (n_alone[name] > 1 and may_be_speaker(name)):
        return True
    return is_told and len(name.split()) <= _MAX_LABEL_WORDS and name != name.lower()


def _is_labelled(lines: Sequence[str]) -> bool:
    """Whether most lines below the first label and between times have a recurring one."""
    labels = [label for line in lines if (label := _speaker_label(line))]
    if not labels:
        return False
    first = next(i for i, line in enumerate(lines) if _speaker_label(line))
    lines = [line for line in lines[first:] if not _TIME_ALONE.fullmatch(line)]
    counts = Counter(label["name"] for label in labels if label["rest"])
    n_recurring = sum(count for count in counts.values() if count > 1)
    n_sure = sum(count for name, count in counts.items() if is_speaker(name))
    is_dense = n_recurring >= max(_MIN_LABELS, _MIN_LABEL_SHARE * len(lines))
    return is_dense and len(counts) > 1 and n_sure >= _MIN_LABEL_SHARE * counts.total()


def _is_dictated(lines: Sequence[str]) -> bool:
    """Whether lines are speech without full stops, cut anywhere by a recorder, as Whisper's .txt.

    Notes typed without full stops end their lines where an idea ends.
    """
    n_words = sum(len(line.split()) for line in lines)
    n_stops = sum(len(re.findall(r"[.!?…](?:\s|$)", line)) for line in lines)
    if n_words < _MIN_DICTATED or n_stops * _WORDS_A_STOP > n_words:
        return False
    if any(bullet_of(line) for line in lines):
        return False
    if wrap_column(lines):
        return True
    pairs = list(pairwise(lines))
    n_cut = sum(runs_on(above, below) for above, below in pairs)
    n_low = sum(starts_low(line) for line in lines)
    return n_cut >= _MIN_CUT_SHARE * len(pairs) and n_low >= _MIN_LOW_SHARE * len(lines)


def _labelled_lines(lines: Sequence[str]) -> list[_SpokenLine]:
    return [
        _SpokenLine(label["rest"] or "", None, label["name"]) if label else _SpokenLine(line)
        for line, label in zip(lines, map(_speaker_label, lines), strict=True)
        if not _TIME_ALONE.fullmatch(line)
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

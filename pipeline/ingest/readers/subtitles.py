"""Read transcripts (.vtt, .srt): who speaks, what they say, without time codes; one block a turn of speech.

In:   the bytes of a .vtt or .srt
Out:  one part of cue blocks, channel « transcript »
"""

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.source import Source, no_text
from pipeline.ingest.readers.wording import clean, first_names, is_finished, runs_on, unreadable_signs
from pipeline.ingest.sniff import decode
from pipeline.resources import data_path

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
    return [RawBlock(said, "cue", speaker=speaker) for said, speaker in _turns(kept)] if kept else []


def _parse(text: str) -> tuple[list[str], list[Cue]]:
    """The notes and cues of a file: groups of lines with a timing line, blank lines between or not."""
    notes: list[str] = []
    cues: list[Cue] = []
    timing: tuple[float, float] | None = None
    is_note = False
    for above, line, below in zip(["", *text.split("\n")], text.split("\n"), [*text.split("\n")[1:], ""], strict=False):
        found = _TIMING.match(line)
        if found:
            timing, is_note = (_seconds(found.groups()[:4]), _seconds(found.groups()[4:])), False
        elif _TIMING.match(below) and (not above.strip() or line.strip().isdigit()):
            timing, is_note = None, False  # the number or name of the cue below
        elif not line.strip():
            timing, is_note = (None if below.startswith(("NOTE", "STYLE", "REGION")) else timing), False
        elif timing is None:
            is_note = is_note or line.startswith("NOTE")
            notes += [clean(line.removeprefix("NOTE"))] if is_note and clean(line.removeprefix("NOTE")) else []
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
            yield Cue(*timing, said, clean(html.unescape(speaker)) or None if speaker else None, bool(_DASH.match(shown)))


def _with_names(cues: list[Cue]) -> list[Cue]:
    """The cues with « Name: » or « [Name] » prefixes turned into speakers, where it is surely a name and no word."""
    names = _names([cue.text for cue in cues])
    named: list[Cue] = []
    for cue in cues:
        found = _prefix(cue.text)
        if found and found[1] in names:
            named.append(Cue(cue.start, cue.end, cue.text[found.end() :], found[1].replace("_", " "), is_turn=True))
        else:
            named.append(cue)
    return named


def _names(texts: Sequence[str]) -> set[str]:
    """The prefixes that name who speaks: they recur, number a speaker, hold a first name, or are several words where others are too."""
    counts = Counter(found[1] for text in texts if (found := _prefix(text)) and not _is_sound(found[1]))
    return {
        name
        for name, count in counts.items()
        if count > 1 or re.search(r"\d", name) or first_names() & set(re.split(r"[ _]", name)) or (" " in name and len(counts) > 1)
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
    return [cue for above, cue in pairwise([None, *cues]) if cue and not (above and cue.text == above.text and cue.start - above.end < 1)]


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

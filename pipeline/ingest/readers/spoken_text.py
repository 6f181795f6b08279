"""Tell a transcript that was saved as a text: « [00:12:03] Intervenant 2 : … », « Speaker 1  0:15 », « Animatrice : … ».

In:   the lines of a text, or a part whose blocks are those of a document
Out:  cue blocks with their speakers, or None where it is no transcript
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.subtitles import Cue, blocks_of_cues
from pipeline.ingest.readers.wording import clean, first_names
from pipeline.resources import data_path

_TIME = r"(?:\d{1,2}:)?\d{1,3}:\d\d(?:[.,:]\d{1,3})?"
_STAMP = rf"[\[(<]?\s*(?P<time>{_TIME})(?:\s*(?:-->|->|[-–—]|à)\s*{_TIME})?\s*[\])>]?"
_FIRST = re.compile(rf"^\W{{0,3}}?{_STAMP}\s*[-–—:|]?\s*(?P<rest>.*)$")  # the time opens the line
_LAST = re.compile(rf"^\[?(?P<name>[^\[\]():]{{1,60}}?)\]?\s*[-–—,:]?\s+{_STAMP}\s*:?\s*(?P<rest>.*)$")  # the name opens it
_LABEL = re.compile(r"^(?P<name>[^\s:][^:?!.]{0,50}?)\s?:(?:\s+(?P<rest>.*))?$")
_NAME_WORD = r"(?:[A-ZÀ-ÖØ-ÞŒ][\w.'’-]*|d[eu]|des|la|le|von|van)"
_NAME = re.compile(rf"{_NAME_WORD}(?:[ _]{_NAME_WORD}){{0,4}}")
_MIN_STAMPS, _MIN_WORDS = 3, 4  # stamped lines of a transcript, and words on average from one to the next
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
    spoken = _stamped(filled) if _is_stamped(filled) else _labelled(filled) if _is_labelled(filled) else None
    if spoken is None:
        return None
    first = next(place for place, line in enumerate(spoken) if line.start is not None or line.speaker)
    cues = _unbroken(list(_cues(spoken[first:])))
    return [*(RawBlock(line.text, "meta") for line in spoken[:first] if line.text), *blocks_of_cues(cues)] if cues else None


def _is_stamped(lines: Sequence[str]) -> bool:
    """True where times that run on open or close enough lines, and are no programme of a day."""
    found = [(place, match) for place, line in enumerate(lines) if (match := _stamp(line))]
    if len(found) < max(_MIN_STAMPS, _MIN_SHARE * len(lines)):
        return False
    times = [_seconds(match["time"]) for _, match in found]
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
    return found if found and (not found["rest"] or is_speaker(found["name"].strip())) and _may_speak(found["name"].strip()) else None


def _seconds(time: str) -> float:
    """The seconds that « 1:02:03.4 », « 2:03 » or « 01:02:03:12 » tell; of a fourth number, which counts pictures, nothing."""
    *_, last = parts = re.split(r":", time.replace(",", "."))
    numbers = [float(part) for part in (parts[:3] if len(parts) == 4 else parts)]
    return sum(number * 60**power for power, number in enumerate(reversed(numbers))) if last else 0.0


def _stamped(lines: Sequence[str]) -> list[_Spoken]:
    """The lines of a transcript with times; a line that only names who speaks is joined to the next."""
    alone = Counter(found["rest"].rstrip(" :") for line in lines if (found := _stamp(line)) and found["rest"])
    spoken: list[_Spoken] = []
    for line in lines:
        found = _stamp(line)
        if found is None:
            spoken.append(_named(line, alone, start=None))
        elif "name" in found.groupdict():
            spoken.append(_Spoken(found["rest"], _seconds(found["time"]), found["name"].strip(" -–—,")))
        else:
            spoken.append(_named(found["rest"], alone, start=_seconds(found["time"])))
    return spoken


def _named(text: str, alone: Counter[str], *, start: float | None) -> _Spoken:
    """A line after its time: « Name : text », « Name » alone, or text."""
    label = _LABEL.match(text)
    if label and (is_speaker(label["name"]) or (_may_speak(label["name"]) and alone[label["name"]] > 1)):
        return _Spoken(label["rest"] or "", start, label["name"])
    name = text.rstrip(" :")
    is_name = is_speaker(name) or (_may_speak(name) and alone[name] > 1)
    return _Spoken("", start, name) if name and is_name else _Spoken(text, start)


def _is_labelled(lines: Sequence[str]) -> bool:
    """True where most lines open with who speaks, and most of these speakers are surely persons."""
    names = [label["name"] for line in lines if (label := _LABEL.match(line)) and label["rest"] and _may_speak(label["name"])]
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
        spoken.append(_Spoken(label["rest"] or "", None, label["name"]) if label and is_turn else _Spoken(line))
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
    return [replace(cue, end=max(cue.start, below.start)) for cue, below in zip(cues, [*cues[1:], *cues[-1:]], strict=True)]


def _may_speak(name: str) -> bool:
    """True for what may be a person's name or a speaker's number."""
    return bool(_NAME.fullmatch(name)) or is_speaker(name)


def is_speaker(name: str) -> bool:
    """True for a role with or without a number, a title before a name, and a name that holds a first name."""
    words = re.split(r"[ _]+", name)
    is_person = bool(_NAME.fullmatch(name)) and bool(first_names() & {word.strip(".,").title() for word in words})
    return is_person or bool(_roles().fullmatch(name))


@cache
def _roles() -> re.Pattern[str]:
    lines = data_path("lexicon", "transcriptions.txt").read_text(encoding="utf-8").splitlines()
    roles = "|".join(line for line in lines if line and not line.startswith("#"))
    numbered = rf"(?:l['’]|la |le |un |une )?(?:{roles})(?:[ _.-]?(?:n°\s?)?\d{{1,3}}|[ _][A-Z]|[ ][A-ZÀ-Ý][\w'’-]+)?"
    return re.compile(rf"(?:{numbered}|(?:mme|m\.|mr|monsieur|madame)\s[\w'’. -]{{1,40}})", re.IGNORECASE)

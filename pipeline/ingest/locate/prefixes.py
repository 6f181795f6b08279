"""Split off the prefix of a line that gives its table or question, such as "[T4] "."""

import re
from dataclasses import dataclass, replace
from functools import cache

from pipeline.ingest.locate.cues import LocatedBlock, Location, question_of_number
from pipeline.ingest.locate.lines import are_names, matches
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.people import is_first_name
from pipeline.ingest.words import longest_first, number_pattern, numbered_letters, to_number
from pipeline.text import fold

SURE_FORMS = ("spelled", "bracketed")  # prefixes that surely name a table or question
_REPORTER = re.compile(
    r"(?:\b(?:rapporteu|porte[- ]parole)\w*\s*:?\s+"
    r"|[,–(-]\s*(?:présentée? |racontée? |dite? )?par\s+)"
    r"(?P<name>[^():,;–|/]{2,40})",
    re.I,
)
_MAX_NAME_WORDS = 4
# what ends the label of a line said by someone, and what lies between its pieces
_MARKS = (
    re.compile(r"\s*(?P<label>[^:]{3,60}?)\s*:\s+(?=\S)"),
    re.compile(r"\s*(?P<label>[^:–—]{3,60}?)\s+[–—-]\s+(?=\S)"),
)
_AROUND = re.compile(r"[(),/|;–—]|\s-\s|\b(?:de|du|pour|et)\b|\b[Ll][ae]\b")
_CLOSING = re.compile(r"\s*([\])}])?\s*([:–—|/>→=.,)-]+(?=\s|\D))?\s*")


@dataclass(frozen=True)
class Prefix:
    """The prefix of a line, such as "[T4] ".

    `form` is bracketed, spelled ("Table 2 :"), marked ("T2 –") or bare ("T2 le bus"); `speaker` is
    the role or person that it names ("Rapporteuse T2 –").
    """

    location: Location
    form: str
    rest: str
    speaker: str | None = None


def split_prefix(text: str) -> Prefix | None:
    """Return the prefix of `text` that gives a table, a question or both, if any."""
    whole, text = text, numbered_letters(text)
    if spoken := _split_speaker(text):
        return spoken
    opening = re.match(r"\s*([\[({])?\s*", text)
    end = opening.end() if opening else 0
    numbers: dict[str, int] = {}
    is_spelled = False
    while len(numbers) < 2 and (match := _match_number(text, end, numbers)):
        group, number, is_word, end = match
        numbers[group] = number
        is_spelled = is_spelled or is_word
    closing = _CLOSING.match(text, end)
    if not numbers or not closing or not text[closing.end() :].strip():
        return None
    asked = numbers.get("questions")
    question = None if asked is None else question_of_number(asked)
    if opening and opening[1] and closing[1]:
        form = "bracketed"
    elif not (closing[1] or closing[2]):
        form = "bare"
    else:
        form = "spelled" if is_spelled else "marked"
    location = Location(numbers.get("tables"), question, is_numbered=question is not None)
    return Prefix(location, form, whole[closing.end() :].strip())


def with_prefix(block: RawBlock, located: LocatedBlock) -> list[LocatedBlock]:
    """Return `located` behind what it lacks of the text of `block`, so that nothing is lost."""
    whole = block.text.rstrip()
    prefix = whole.removesuffix(located.text).rstrip()
    if prefix in ("", whole):
        return [located]
    reason = "location" if split_prefix(whole) else "mark"
    if located.speaker != block.speaker:
        reason = "speaker"
    label = replace(located, text=prefix, kind="meta", level=None, speaker=None, reason=reason)
    return [label, located]


def _match_number(
    text: str, start: int, numbers: dict[str, int]
) -> tuple[str, int, bool, int] | None:
    """Return (group, number, is the word spelled, end)."""
    gap = re.compile(r"[\s,/|;–—-]*" if numbers else "").match(text, start)
    for group, pattern in number_patterns().items():
        match = pattern.match(text, gap.end() if gap else start)
        number = to_number(fold(match["number"])) if match else None
        if match and number is not None and group not in numbers:
            return group, number, bool(match["word"]), match.end()
    return None


def without_numbers(text: str) -> str:
    """Return `text` without tables and questions: "2 – T1 : ce qui marche" → "ce qui marche"."""
    text = numbered_letters(text)
    for pattern in _removed_numbers():
        text = pattern.sub(" ", text)
    return " ".join(text.split()).strip(" :–—-,;.()[]/|>_")


def split_reporter(text: str) -> int | None:
    """Return the table that opens a summary's sentence ("La table 2 insiste…")."""
    match = _reporter_pattern().match(fold(text))
    return to_number(match[1]) if match else None


def _split_speaker(text: str) -> Prefix | None:
    """Split "Rapporteuse T2 – on a surtout…" or "Karim (table 3) : on a surtout…"."""
    for mark in _MARKS:
        match = mark.match(text)
        tables = [*_table_inside().finditer(match["label"])] if match else []
        if match is None or len(tables) != 1:
            continue
        label, said = match["label"], text[match.end() :].strip()
        number = to_number(fold(tables[0]["number"]))
        others = [piece.strip() for piece in _AROUND.split(_table_inside().sub("(", label))]
        others = [piece for piece in others if piece]
        is_name = are_names(said) or is_first_name(said)
        if others and all(map(_speaks, others)) and number is not None and not is_name:
            return Prefix(Location(number), "spelled", said, label.strip())
    return None


def _speaks(piece: str) -> bool:
    """Whether a piece of a label is a person or her role: "rapporteuse Léa", "Karim"."""
    words = piece.split()
    is_role = matches("roles_nommes", fold(words[0]))
    names = " ".join(words[is_role:])
    return not names or are_names(names) or is_first_name(names)


def reporter_named(title: str) -> str | None:
    """Return the reporter that a title names: "Table 2 (rapporteuse : Léa Riou)"."""
    match = _REPORTER.search(title)
    name = match["name"].strip(" .") if match else ""
    return name if name and len(name.split()) <= _MAX_NAME_WORDS and name[0].isupper() else None


@cache
def _table_inside() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){number_patterns()['tables'].pattern}", re.IGNORECASE)


@cache
def number_patterns() -> dict[str, re.Pattern[str]]:
    """Match "N° de table : 4", or a letter and a number without unit."""
    no = r"(?:n\s?[°ºo]|num[ée]ro)"
    number = rf"(?P<number>{number_pattern('cardinaux')})(?!(?![tq]\d)[\w%€])"
    patterns = {}
    for group, letter in (("tables", "t"), ("questions", "q")):
        before = rf"(?:{no}\s*(?:de )?(?:la )?)?"
        word = rf"{before}(?P<word>{_nouns(group)})\s*(?:{no}\s?)?(?::\s*)?"
        patterns[group] = re.compile(rf"(?:{word}|{letter}\s?(?=\d)){number}", re.IGNORECASE)
    return patterns


@cache
def _removed_numbers() -> tuple[re.Pattern[str], ...]:
    suffix = r"\s?(?:[eè]me|ère?|er|re|nde?|e)"
    ordinal = number_pattern("ordinaux").replace(r"\d{1,2}", r"\d{1,2}" + suffix)
    nouns = f"{_nouns('tables')}|{_nouns('questions')}"
    patterns = (
        r"^\W*\d{1,2}(?![\w%€]|\s?[%€]|\s?[.,]\d)\W*",
        *(rf"(?<!\w){pattern.pattern}" for pattern in number_patterns().values()),
        rf"(?<!\w)(?:{ordinal})\s(?:{nouns})s?\b",
    )
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


def _nouns(group: str) -> str:
    return "|".join(noun for noun in longest_first("locate", group).split("|") if len(noun) > 1)


@cache
def _reporter_pattern() -> re.Pattern[str]:
    preposition = "(?:(?:pour|a|chez|de|quant a|nous|cote|selon) )?"
    article, number = "(?:(?:la|le|notre|a la|au) )?", number_pattern("cardinaux")
    return re.compile(rf"{preposition}{article}(?:{_nouns('tables')}) (?:no )?({number})\b")

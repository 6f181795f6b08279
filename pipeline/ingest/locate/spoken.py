"""Locate each turn of a recording by what people announce aloud.

A long turn is cut where it announces another table ("nous à la une…") or question ("on passe à la
question trois"); in a summing-up, reporters tell the tables.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby, pairwise

from pipeline.ingest.locate.cues import LocatedBlock, Location, aside, read_cues
from pipeline.ingest.locate.lines import is_instruction, states
from pipeline.ingest.locate.titles import CAFE, SURE, asked, clearly_asked, resembled
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.words import (
    longest_first,
    number_pattern,
    ordinal_pattern,
    to_number,
    word_pattern,
)
from pipeline.text import fold, fold_same_length, lexicon

log = logging.getLogger(__name__)

_MIN_WORDS = 12  # words that a reporter says in all; fewer is a heckler
_MIN_BEFORE = 5  # words before a table takes over inside a run, to split it there
_MIN_AFTER = 3  # words after it; fewer only call the next table
_ADDRESSING = ("a", "chez", "cote", "pour")  # "à la deux", where "la deux" alone is anything
_ENDING = "(?:finir|terminer|conclure)"
_MANY = 3  # tables that announce themselves in a round
_OPENING_WORDS, _ANNOUNCING_WORDS, _LONG_TURN = 14, 30, 40
# weight of the question, and other words, for a turn to announce it
_CLEAR, _OTHERS = 3, 2
_FIRST_TURNS = 4
_WRITTEN = re.compile(r"\bQ ?\d\b")  # of a message: aloud, it is "question deux"
_SENTENCE = re.compile(r"[.!?…]+\s+")
_CLAUSE = re.compile(r"[.!?…;:(),]\s")


def locate_turns(
    blocks: Sequence[RawBlock], name: Location, *, n_tables: int | None
) -> list[LocatedBlock]:
    """Return the turns located by reporters' tables, or by the questions announced."""
    turns: list[RawBlock] = []
    for block in blocks:
        turns += _cut_at_announcements(block)
    if name.question == "resume" or _is_summary(turns, name):
        return _locate_reports(turns, name, n_tables)
    table, question = name.table_number, name.question
    if table is None:  # said for the recording before anybody speaks
        first = [turn.text for turn in turns if turn.kind != "meta"][:_FIRST_TURNS]
        table = next(filter(None, map(called_table, first)), None)
    leader = _leader(turns)
    told = {(turn.speaker, announced_question(turn.text)) for turn in turns if turn.speaker}
    n_told = Counter(speaker for speaker, announced in told if announced)
    leaders = {speaker for speaker, n_questions in n_told.items() if n_questions > 2}
    located: list[LocatedBlock] = []
    for turn in turns:
        table = announced_table(turn.text, by_letter=False) or table
        is_asking = turn.speaker == leader and turn.text.rstrip().endswith("?")
        counts = turn.speaker == leader and _counted_opening().match(fold(turn.text)) is not None
        leads = bool(turn.speaker) and (is_asking or counts or is_animator(turn.speaker or ""))
        announced = announced_question(turn.text, by_animator=leads)
        if announced is None and name.question is None:
            is_led = turn.speaker == leader or is_animator(turn.speaker or "")
            announced = _question_by_place(turn.text, question, is_led=is_led)
        question = announced or question
        n_words = len(turn.text.split())
        is_short = counts and n_words <= _ANNOUNCING_WORDS
        is_typed = turn.speaker in leaders and _WRITTEN.search(turn.text) is not None
        is_short = is_short or (is_typed and n_words <= _OPENING_WORDS)
        is_short = is_short or _names_place(turn.text)
        is_aside = announced and (is_short or only_announces(turn.text))
        if turn.kind != "meta" and (is_aside or is_instruction(turn.text)):
            turn = replace(turn, kind="meta", reason="circumstance")
        located.append(_located(turn, table, question))
    return _with_first_question(located) if name.question is None else located


def _with_first_question(located: list[LocatedBlock]) -> list[LocatedBlock]:
    """Give what is said before the second question, where the others follow in order, to q1."""
    told = [question for question, _ in groupby(b.question for b in located) if question]
    if told[:2] not in (["q2", "q3"], ["q2", "q4"]):
        return located
    return [replace(block, question=block.question or CAFE[0]) for block in located]


def _leader(turns: Sequence[RawBlock]) -> str | None:
    """Return who announces the first question or, failing that, speaks first."""
    spoken = [turn for turn in turns if turn.speaker]
    announced = (turn.speaker for turn in spoken if announced_question(turn.text))
    return next(announced, spoken[0].speaker if spoken else None)


def _is_summary(turns: Sequence[RawBlock], name: Location) -> bool:
    first_turns = [turn for turn in turns if turn.kind != "meta"][:_FIRST_TURNS]
    opening = " ".join(fold(turn.text) for turn in first_turns)
    if word_pattern("locate", "debut_restitution", r"\b{}").search(opening):
        return True
    if name.table_number is not None or name.question is not None:
        return False
    is_closing = word_pattern("locate", "debut_cloture", r"\b{}").search(opening)
    if is_closing:
        return True
    tables = {table for _, table in locate_round(turns, None) if table is not None}
    return len(tables) >= _MANY


def _located(turn: RawBlock, table: int | None, question: str | None) -> LocatedBlock:
    location = Location(table, question, "transcript")
    ends = len(turn.text.split()) <= _OTHERS * 4
    if ends and word_pattern("locate", "meta_sans_deux_points").match(fold(turn.text)):
        turn = replace(turn, kind="meta", reason="circumstance")
    return (
        aside(turn, location, "circumstance")
        if turn.kind == "meta"
        else LocatedBlock.at(turn, location)
    )


def _cut_at_announcements(block: RawBlock) -> list[RawBlock]:
    if block.kind == "meta":
        return [block]
    flat = flatten(block.text)
    cuts = [0]
    is_long = len(block.text.split()) > _LONG_TURN
    is_bare = is_long and not _SENTENCE.search(block.text)
    for match in _cut_pattern(has_tables=is_long, needs_opening=not is_bare).finditer(flat):
        before = flat[cuts[-1] : match.start()].split()
        if len(before) >= _MIN_BEFORE and not _refers_back(" ".join(before[-_OPENING_WORDS:])):
            cuts.append(match.start())
    cuts = sorted({*cuts, *_sentences_announcing(block.text)})
    pieces = [block.text[start:end].strip() for start, end in pairwise([*cuts, len(block.text)])]
    return [replace(block, text=piece) for piece in pieces if piece]


def _sentences_announcing(text: str) -> Iterator[int]:
    """Yield where a sentence announces a question, and where the next one begins."""
    ends = [match.end() for match in _SENTENCE.finditer(text)]
    for start, end in pairwise([0, *ends, len(text)]):
        sentence = text[start:end].strip()
        is_worded = announced_question(sentence) and _announces_alone(sentence)
        if len(ends) and (is_worded or _names_place(sentence)):
            yield start
            if end < len(text):
                yield end


def flatten(text: str) -> str:
    """Fold `text` with offsets unchanged; only letters and digits stay, the rest is blank."""
    return re.sub(r"[^a-z0-9]", " ", fold_same_length(text, accents="none"))


def _refers_back(opening: str) -> bool:
    return bool(word_pattern("locate", "renvois", r"\b{}\b").search(opening))


def announced_table(text: str, *, by_letter: bool) -> int | None:
    """Return the table that opens a turn: "alors table deux", `by_letter` also "nous à la une"."""
    match = _opening_pattern(by_letter).match(" ".join(fold(text).split()[:_OPENING_WORDS]))
    return to_number(match[match.lastgroup or 0]) if match else None


def announced_question(text: str, *, by_animator: bool = False) -> str | None:
    """Return the question announced early in a turn; an animator may just ask it."""
    words = fold(text).split()
    opening = " ".join(words[:_OPENING_WORDS])
    if _refers_back(opening):
        return None
    cues = read_cues(opening)
    if cues.number is not None and cues.numbered != "autre":
        return cues.numbered
    counted = _counted_transition().search(opening)
    if counted := counted or (_counted_opening().match(opening) if by_animator else None):
        question = f"q{to_number(counted['number'])}"
        return question if question in CAFE else None
    transition = word_pattern("locate", "transitions", r"\b{}\b").search(opening)
    if len(words) > _ANNOUNCING_WORDS or not (transition or by_animator):
        return None
    clear = _asked_clearly(" ".join(words)[transition.end() if transition else 0 :])
    if clear or not (transition or text.rstrip().endswith("?")):
        return clear
    turning = word_pattern("locate", "transitions", "{}")
    pieces = map(str.strip, _CLAUSE.split(text))
    clauses = [piece for piece in pieces if piece and not turning.fullmatch(fold(piece))]
    found = {_asked_clearly(fold(clause)) for clause in clauses} - {None}
    found = found or {resembled(clause, margin=SURE) for clause in clauses} - {None}
    return found.pop() if len(found) == 1 else None


def _asked_clearly(folded: str) -> str | None:
    cues = read_cues(folded)
    is_clear = bool(cues.scores) and cues.scores[0][1] >= _CLEAR and cues.n_other <= _OTHERS
    return cues.meaning if is_clear and cues.meaning in CAFE else None


def only_announces(text: str) -> bool:
    """Whether a turn that announces a question asks it, or says nothing of it.

    >>> only_announces("On passe à la question deux."), only_announces("Question 2 : une criée")
    (True, False)
    >>> only_announces("Dernière question, ce qu'on améliore.")
    True
    """
    words = fold(text)
    cues = read_cues(word_pattern("locate", "transitions", r"\b{}\b").sub(" ", words))
    is_short = len(words.split()) <= _ANNOUNCING_WORDS
    first, *others = _CLAUSE.split(text, maxsplit=1)
    is_sentence = is_short and text.rstrip().endswith((".", "…", "!"))  # else it may go on
    rest = others[0] if others and is_sentence and _turns(first) else ""
    is_title = read_cues(rest).n_other == 0 or not states(rest, is_announced=False)
    named = asked(rest) if is_title else None
    is_asked = text.rstrip().endswith("?") and is_short
    is_named = named in CAFE and named == announced_question(text)
    return is_asked or is_named or (not cues.scores and cues.n_other == 0)


def _announces_alone(text: str) -> bool:
    """Whether a sentence turns to a question and asks it, with hardly a word more."""
    is_short = len(text.split()) <= _ANNOUNCING_WORDS
    own = announced_question(text, by_animator=True)
    clauses = [piece for piece in _CLAUSE.split(f"{text} ") if fold(piece)]
    if not is_short or own is None:
        return False
    asking = [clause for clause in clauses if _asks(clause, own)]
    others = [clause for clause in clauses if clause not in asking and not _turns(clause)]
    return bool(asking) and sum(len(fold(other).split()) for other in others) <= _OTHERS * 2


def _asks(clause: str, question: str) -> bool:
    cues = read_cues(clause)
    return clearly_asked(clause) == question and cues.n_words > _OTHERS and cues.number is None


def _turns(clause: str) -> bool:
    """Whether a clause only counts the question or turns to it: "Allez, la question deux"."""
    turning = word_pattern("locate", "transitions", r"\b{}\b").search(fold(clause))
    return bool(turning) or read_cues(clause).number is not None or called_table(clause) is not None


def _question_by_place(text: str, above: str | None, *, is_led: bool) -> str | None:
    """Return the question announced by its place in the list: the last, the next.

    Only who leads closes ("pour finir") or goes on ("question suivante"); in anybody else's mouth
    "la dernière question" opens the turn.

    >>> _question_by_place("Et pour finir, vos envies ?", "q3", is_led=True)
    'q4'
    >>> _question_by_place("Et pour finir, moi je dirais le bal.", "q3", is_led=False)
    """
    opening = " ".join(fold(text).split()[:_OPENING_WORDS])
    if _refers_back(opening):
        return None
    named = (_last_pattern().search if is_led else _last_pattern().match)(opening)
    if named and not named["bare"]:
        return CAFE[-2 if named["before"] else -1]
    is_bare = named is not None and len(text.split()) <= _OPENING_WORDS
    if (is_bare and above == CAFE[-2]) or (is_led and _closes(text, above)):
        return CAFE[-1]
    goes_on = word_pattern("locate", "suivantes", r"\b{}\b").search(opening)
    is_next = is_led and goes_on and above in CAFE[:-1]
    return CAFE[CAFE.index(above or "") + 1] if is_next else None


def _closes(text: str, above: str | None = CAFE[-2]) -> bool:
    """Whether words that close ask the last question, or some question after the last but one."""
    closing = word_pattern("locate", "clotures", r"\b{}\b").search(fold(text))
    if closing is None or len(text.split()) > _ANNOUNCING_WORDS:
        return False
    is_next = above == CAFE[-2] and text.rstrip().endswith("?")
    return is_next or asked(fold(text)[closing.end() :]) == CAFE[-1]


def _names_place(sentence: str) -> bool:
    """Whether a sentence only announces a question by its place: "Et pour finir, vos envies ?"."""
    words = fold(sentence)
    named = _last_pattern().search(words)
    if named is None or len(words.split()) > _ANNOUNCING_WORDS or _closes(sentence):
        return _closes(sentence)
    rest = words[named.end() :]
    is_asked = sentence.rstrip().endswith("?") and not named["bare"]
    return is_asked or len(rest.split()) <= _OTHERS or bool(asked(rest))


def _locate_reports(
    turns: Sequence[RawBlock], name: Location, n_tables: int | None
) -> list[LocatedBlock]:
    """Without speakers, the last announced table holds.

    A reporter keeps the table that she or the animator before her announced.
    """
    if not any(turn.speaker for turn in turns):
        pieces = locate_round(turns, name.table_number)
        return [_located(turn, table, "resume") for turn, table in pieces]
    reporters: dict[str, _Reporter] = {}
    called: int | None = None
    for turn in turns:
        if not turn.speaker or turn.kind == "meta":
            continue
        if is_animator(turn.speaker):
            called = called_table(turn.text) or called
            continue
        reporter = reporters.setdefault(turn.speaker, _Reporter(called))
        called = None if reporter.n_words == 0 else called
        announced = announced_table(turn.text, by_letter=True)
        if announced is not None and (reporter.n_words == 0 or reporter.table is None):
            reporter.table = announced
        reporter.n_words += len(turn.text.split())
    n_inferred = _complete_tables(list(reporters.values()), n_tables)
    if n_inferred:
        log.info("tables of %d reporters told by the order in which tables report", n_inferred)
    tables = {speaker: reporter.table for speaker, reporter in reporters.items()}
    return [
        _located(turn, tables.get(turn.speaker or "", name.table_number), "resume")
        for turn in turns
    ]


def called_table(text: str) -> int | None:
    """Return the table that an animator calls anywhere in a turn; None for several."""
    pattern = (
        rf"\b(?:{longest_first('locate', 'tables')}) (?:no )?({number_pattern('cardinaux')})\b"
    )
    tables = {to_number(number) for number in re.findall(pattern, fold(text))}
    return tables.pop() if len(tables) == 1 else None


def is_animator(speaker: str) -> bool:
    """Whether the role leads the meeting, not a table."""
    return bool(_role_pattern("animation").match(fold(speaker)))


def is_role(speaker: str) -> bool:
    """Whether the speaker is a role ("Intervenant 2", "Animatrice"), not a name."""
    return bool(_role_pattern("roles").fullmatch(fold(speaker)))


@cache
def _role_pattern(group: str) -> re.Pattern[str]:
    roles = "|".join(lexicon("locate")[group])
    more = rf"(?: (?:de |du |des |d |no )?(?:[a-z]|\d+|{roles}))*"
    return re.compile(rf"(?:l |la |le |un |une )?(?:{roles}){more}")


@dataclass
class _Reporter:
    table: int | None
    n_words: int = 0


def _complete_tables(reporters: Sequence[_Reporter], n_tables: int | None) -> int:
    """Give their table to reporters who announced none, and return how many.

    The announced tables ascend, and as many speakers as tables lie between two (or before the
    first, or after the last up to `n_tables`).
    """
    speaking = [reporter for reporter in reporters if reporter.n_words >= _MIN_WORDS]
    before = sum(reporter.table is not None for reporter in reporters)
    announced = [reporter.table for reporter in speaking if reporter.table is not None]
    if not announced or announced != sorted(set(announced)):
        return 0
    _fill_by_order(speaking, n_tables)
    return sum(reporter.table is not None for reporter in reporters) - before


def _fill_by_order(speaking: Sequence[_Reporter], n_tables: int | None) -> None:
    announced = [(-1, 0)]
    announced += [
        (i, reporter.table) for i, reporter in enumerate(speaking) if reporter.table is not None
    ]
    if n_tables is not None:
        announced.append((len(speaking), n_tables + 1))
    for (left, low), (right, high) in pairwise(announced):
        if right - left == high - low:
            for i in range(left + 1, right):
                speaking[i].table = low + i - left


@dataclass(frozen=True)
class _Announcement:
    start: int
    end: int
    table: int
    is_noun: bool  # "table deux", not "la deux"
    has_article: bool  # "la deux", not "deux" alone
    opens: bool  # starts a turn or sentence

    def hands_over(self, table: int | None) -> bool:
        """Whether the table takes over: any at a sentence's start, else the one after `table`."""
        is_named = self.is_noun or (self.start == 0 and self.has_article)
        return (self.opens and is_named) or self.table == (table or 0) + 1


def locate_round(turns: Sequence[RawBlock], table: int | None) -> list[tuple[RawBlock, int | None]]:
    """Return the pieces of `turns` with the table speaking, from `table` on.

    Tables sum up in turn, recorded without speakers.
    """
    located: list[tuple[RawBlock, int | None]] = []
    for turn in turns:
        text = turn.text
        cuts, called = [(0, table)], None
        for announcement in _announcements(text) if turn.kind != "meta" else ():
            start, current = cuts[-1]
            if not announcement.hands_over(current):
                continue
            if len(text[start : announcement.start].split()) < _MIN_BEFORE:
                cuts[-1] = (start, announcement.table)
            elif len(text[announcement.end :].split()) < _MIN_AFTER:
                called = announcement.table
            else:
                cuts.append((announcement.start, announcement.table))
        ends = [start for start, _ in cuts[1:]] + [len(text)]
        for (start, own), end in zip(cuts, ends, strict=True):
            if piece := text[start:end].strip():
                located.append((replace(turn, text=piece), own))
        table = called or cuts[-1][1]
    return located


def _announcements(text: str) -> Iterator[_Announcement]:
    flat = flatten(text)
    for match in _announcement_pattern().finditer(flat):
        before, rest = flat[: match.start()], text[match.end() :].lstrip()
        is_noun, is_alone = bool(match["spelled"]), bool(match["alone"])
        number = to_number(match["spelled"] or match["bare"] or match["alone"])
        opens = not before.strip() or bool(re.search(r"[.?!…:]\W*$", text[: match.start()]))
        is_followed = not rest or rest.startswith(",")
        is_addressed = is_followed or bool(match["prep"]) or match["goes_on"] is not None
        # "comme la table deux", "on rejoint la trois"
        is_mention = word_pattern("locate", "rappels", r"\b{} *$").search(before)
        if number is None or (is_alone and not rest.startswith(",")):
            continue
        if (is_noun or is_addressed) and (opens or not is_mention):
            yield _Announcement(match.start(), match.end(), number, is_noun, not is_alone, opens)


@cache
def _announcement_pattern() -> re.Pattern[str]:
    """Match a table by noun or number after usual lead-ins; blanks are punctuation."""
    words = lexicon("locate")
    before = {*words["remplissage"], *words["remplissage_de_tour"]} - {*_ADDRESSING}
    fillers = "|".join(sorted(before, key=lambda words: (-len(words), words))).replace(" ", " +")
    nouns, number = longest_first("locate", "tables"), number_pattern("cardinaux")
    counts, goes_on = "|".join(words["suites_de_compte"]), "|".join(words["suites_de_tour"])
    return re.compile(
        rf"(?<!\w)(?:(?:{fillers}) +)*(?:(?P<prep>{'|'.join(_ADDRESSING)}) +)?"
        rf"(?:(?:la +|le +|notre +)?(?:{nouns}) +(?:no +)?(?P<spelled>{number})\b"
        rf"|la +(?P<bare>{number})\b(?! +(?:{counts})\b(?! +{_ENDING}\b))"
        rf"(?P<goes_on>(?= +(?:{goes_on}|pour +{_ENDING})\b))?"
        rf"|(?<![\w ])(?P<alone>{number})\b)"
    )


def _fillers() -> str:
    return rf"(?:(?:{longest_first('locate', 'remplissage')}) )*"


@cache
def _last_pattern() -> re.Pattern[str]:
    """Match "et la dernière question", "l'avant-dernier tour", or "la dernière" alone."""
    words = lexicon("locate")
    nouns = "|".join(noun for noun in words["questions"] if len(noun) > 1)
    goes_on = r"(?! (?:qu\w*|d\w{0,2}|sur)\b)"
    named = rf"(?P<before>avant )?(?:derniere|dernier|ultime) (?:{nouns})\b{goes_on}"
    others = "|".join([nouns, *words["suites_de_dernier"]])
    bare = rf"(?P<bare>derniere|dernier tour)\b(?! (?:{others})\b)"
    before = r"(?<!\bune )(?<!\bma )(?<!\bpetite )(?:la |le |l |notre )?"
    return re.compile(rf"{_fillers()}{before}\b(?:{named}|{bare})")


@cache
def _opening_pattern(by_letter: bool) -> re.Pattern[str]:
    number, nouns = number_pattern("cardinaux"), longest_first("locate", "tables")
    counts = "|".join(lexicon("locate")["suites_de_compte"])
    spelled = rf"(?:la |le |notre )?(?:{nouns}) (?:no )?(?P<spelled>{number})\b"
    bare = rf"|la (?P<bare>{number})\b(?! (?:{counts})\b)" if by_letter else ""
    return re.compile(rf"{_fillers()}(?:{spelled}{bare})")


@cache
def _counted_transition() -> re.Pattern[str]:
    words = lexicon("locate")
    transitions = "|".join([*words["transitions"], *words["transitions_numero"]])
    number = rf"(?P<number>{ordinal_pattern()}|{number_pattern('cardinaux')})"
    tables = longest_first("locate", "tables")
    return re.compile(rf"\b(?:{transitions}) (?:a |sur )?(?:la|le) {number}\b(?! (?:{tables}))")


@cache
def _counted_opening() -> re.Pattern[str]:
    """Match "Et la quatrième, qu'est-ce que…", said by who leads."""
    return re.compile(rf"{_fillers()}(?:la|le) (?P<number>{ordinal_pattern()})\b")


@cache
def _cut_pattern(*, has_tables: bool, needs_opening: bool) -> re.Pattern[str]:
    words = lexicon("locate")
    opening = rf"(?:(?:{'|'.join(words['amorces'])}) +){{{int(needs_opening)},3}}"
    questions = [noun for noun in words["questions"] if len(noun) > 1]
    nouns = "|".join([*([longest_first("locate", "tables")] if has_tables else []), *questions])
    numbered = rf"(?:{nouns}) +(?:no +)?(?:{number_pattern('cardinaux')})"
    ordinal = rf"(?:{ordinal_pattern()}) +(?:{nouns})"
    between = r"(?:\w+ +){0,4}?(?:la +)?" if needs_opening else ""
    return re.compile(rf"(?<= ){opening}{between}(?:{numbered}|{ordinal})\b")

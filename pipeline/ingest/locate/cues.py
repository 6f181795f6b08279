"""Read which table and question a short text names: by its prefix, by numbers and by words.

data/lexicon/questions.yaml gives the words' weights.

A table may have a colour or a nickname in place of a number. A colour has a provisional number
wherever it is read (data/lexicon/numbers.yaml), a nickname where any file of the workshop tells it:
a file called after it ("Tablée de Gwenaëlle.odt"), a title, a column. They are then numbered.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import count
from typing import Any

from rapidfuzz import process
from rapidfuzz.distance import OSA

from pipeline.ingest.columns import meaning_of
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.words import (
    are_names,
    fits_lexicon,
    is_first_name,
    longest_first,
    number_pattern,
    numbered_letters,
    ordinal_pattern,
    to_number,
    word_pattern,
)
from pipeline.tables.schema import QUESTIONS
from pipeline.text import fold, lexicon

_MAX_WORDS = 45
N_QUESTIONS = sum(question[0] == "q" for question in QUESTIONS)
ENOUGH, MARGIN = 2, 1  # a meaning needs this total, and this lead
_TYPO = 0.83  # similarity of a misspelt cue, 0..1
# "III. Les difficultés", "B) Ce qui marche"
_ENUMERATOR = re.compile(r"^\s*(?:[IVX]{1,4}|[A-Fa-f])\s?[.)/–-]\s+")
# "Table 2 (rapporteur : Maud)"
_NAMED = re.compile(
    r"\(?\b(?:rapporteu|animat|secr[ée]taire|scribe|preneu)\w*\s*:[^)]*\)?", re.IGNORECASE
)
# "les + et les -"
_PLUS, _MINUS = re.compile(r"(?<!\S)\+(?!\S)"), re.compile(r"(?<!\S)[-–](?=\s*$)")
MONTHS = "janv|f[ée]v|mars|avr|mai|juin|juil|ao[uû]t|sept|oct|nov|d[ée]c"
_PAIR = re.compile(
    rf"(?<![\d/.-])(\d{{1,2}})\s?[-–/&+,]\s?(?=\d{{1,2}}(?![\d/.-]))(?! ?\d+ ?(?:{MONTHS}))"
)
FIRST_NAMED, _FIRST_NICKNAME = 1061, 1081  # provisional, beyond any table's own
_ARTICLE = r"(?:de|des|du|d|la|le|les|l)"
_MAX_NICKNAME, _MAX_HEAD = 4, 12  # words of a name; of a line that names a table
_INITIALS = re.compile(r"\b([A-ZÀ-Ý]{1,4}\d?)\s*[=:→]\s*([A-ZÀ-Ý][^,;(=:\n]{1,40})")
_COLOUR = "couleur:"  # before a colour's number
_NAMES_TABLES = re.compile(r"\btabl|[îi]lot", re.IGNORECASE)
_TABLE_NOUN = re.compile(r"(?:table|tabl[ée]e|[îi]lot)\s(.*)", re.IGNORECASE)
# letters of a line that may name tables; names; lines that name one
_MAX_LINE, _MAX_NAMES, _MAX_TELLING = 600, 60, 1000
_BREAK = re.compile(r"\s[–—-]\s|[(,;:]")  # between the name of a table and what follows
_IN_FULL = {"mt": "mont", "st": "saint", "ste": "sainte", "no": "numero"}
_LISTED_TABLES = re.compile(
    r"\s*(?:les )?(?:tables|tabl[ée]es|[îi]lots)\s*:\s*(\S.*)", re.IGNORECASE
)
# "Le préau (rapporteuse : Léa)"
_REPORTED_TABLE = re.compile(
    r"(?P<name>[^\W\d][^():,;–—|/]{2,30}?)\s*(?:[(,:]|\s[–—-]\s)\s*"
    r"(?:rapporteu|porte[- ]parole)\w*\b",
    re.IGNORECASE,
)
_CODES = re.compile(r"\b([A-Za-z]{1,3})\s*[=:→]\s*([^,;/=:]{2,30})")

Scores = tuple[tuple[str, int], ...]

SURE_FORMS = ("spelled", "bracketed")  # prefixes that surely name a table or question
_REPORTER = re.compile(
    r"(?:\b(?:rapporteu|porte[- ]parole)\w*\s*:?\s+"
    r"|[,–(-]\s*(?:présentée? |racontée? |dite? )?par\s+)"
    r"(?P<name>[^():,;–|/]{2,40})",
    re.I,
)
_REPORTING = re.compile(  # "c'est Jean Riou qui rapporte"
    r"\b(?:c['’]est|c['’]était|avec)\s+(?P<name>[^():,;–|/]{2,40}?)\s+qui\s+"
    r"(?:a\s+)?(?:rapport|restitu|présent|parl|racont)",
    re.I,
)
_MAX_NAME_WORDS = 4
# what ends the label of a line said by someone, and what lies between its pieces
_MARKS = (
    re.compile(r"\s*(?P<label>[^:]{3,60}?)\s*:\s+(?=\S)"),
    re.compile(r"\s*(?P<label>[^:–—]{3,60}?)\s+[–—-]\s+(?=\S)"),
)
_AROUND = re.compile(r"[(),/|;–—]|\s-\s|\b(?:de|du|pour|et)\b|\b[Ll][ae]\b")
_LAST_MARK = re.compile(r"\s[(\[](?P<mark>[^()\[\]]{1,40})[)\]]\s*[:.]?\s*$")
_CLOSING = re.compile(r"\s*([\])}])?\s*([:–—|/>→=.,)-]+(?=\s|\D))?\s*")


@dataclass(frozen=True)
class Location:
    """Where something was said; None where unknown."""

    table_number: int | None = None
    question: str | None = None
    channel: str | None = None
    # the question came by number or filing: a label inside does not change it
    is_numbered: bool = False
    # a restitution only by "plénière", which may be a room: a question inside wins
    is_perhaps: bool = False

    def over(self, other: "Location") -> "Location":
        """Return this location, its gaps filled from `other`."""
        asked = self if self.question else other
        table = self.table_number if self.table_number is not None else other.table_number
        channel = self.channel or other.channel
        return Location(table, asked.question, channel, asked.is_numbered, asked.is_perhaps)


@dataclass(frozen=True)
class LocatedBlock:
    """A block with its location; the prefix that told it is a block of its own."""

    text: str
    kind: str
    level: int | None = None
    table_number: int | None = None
    question: str | None = None
    channel: str = "notes"
    speaker: str | None = None  # as written in the file
    reason: str = ""  # of a `meta` block, a key of pipeline.tables.schema.ASIDES
    n_votes: int | None = None
    proposed_question: str | None = None  # by headings, where `question` is None

    @classmethod
    def at(cls, block: RawBlock, location: Location, kind: str = "") -> "LocatedBlock":
        """Return `block` at `location`, of its own kind by default."""
        return cls(
            block.text,
            kind or block.kind,
            block.level,
            location.table_number if block.table_number is None else block.table_number,
            location.question,
            block.channel or location.channel or "notes",
            block.speaker,
            block.reason,
            block.n_votes,
        )


def aside(block: RawBlock, location: Location, reason: str) -> LocatedBlock:
    """Return `block` as no passage, for its own reason, if it has one, else for `reason`."""
    located = LocatedBlock.at(block, location, "meta")
    return replace(located, reason=block.reason or reason)


@dataclass(frozen=True)
class TextCues:
    """The cues of a text; `scores` weighs each question by meaning, best first."""

    table: int | None = None
    number: int | None = None  # of the question or round
    lead: int | None = None  # a number that opens the text, of anything
    has_tables: bool = False
    has_numbers: bool = False
    scores: Scores = ()
    n_words: int = 0
    n_other: int = 0  # words neither cue nor neutral

    @property
    def meaning(self) -> str | None:
        """Return the question that the words clearly ask, or None."""
        return self.scores[0][0] if self.is_clear(ENOUGH, MARGIN) else None

    def is_clear(self, least: int, margin: int) -> bool:
        """Whether one question has the total `least` and that `margin` over the next."""
        totals = [total for _, total in self.scores] + [0, 0]
        return totals[0] >= least and totals[0] - totals[1] >= margin

    @property
    def numbered(self) -> str | None:
        """Return the question of the number; `autre` for a fifth."""
        return None if self.number is None else question_of_number(self.number)

    @property
    def question(self) -> str | None:
        """Return the question by very clear words, by number, by clear words, or by hints."""
        if self.numbered and (self.meaning is None or self.scores[0][1] <= ENOUGH):
            return self.numbered
        if self.meaning:
            return self.meaning
        return f"q{self.lead}" if f"q{self.lead}" in dict(self.scores) else None

    @property
    def is_mostly_cues(self) -> bool:
        """Whether at most half of the words are neither cue nor neutral."""
        return self.n_other <= self.n_words // 2

    @property
    def is_label(self) -> bool:
        """Whether all words are numbers, cues or neutral, but not all neutral."""
        return self.n_other == 0 and (self.has_tables or self.has_numbers or bool(self.scores))


def question_of_number(number: int) -> str:
    """Return the question of a number, `autre` beyond the four."""
    return f"q{number}" if f"q{number}" in QUESTIONS else "autre"


@lru_cache(maxsize=32_768)  # lines of the longest documents, which five rules read in turn
def read_cues(text: str) -> TextCues:
    """Return the cues of `text`, none where it is blank or too long."""
    n_words = len(text.split())
    if n_words > _MAX_WORDS:
        return TextCues(n_words=n_words, n_other=n_words)
    text = _NAMED.sub("", _ENUMERATOR.sub("", numbered_letters(text)))
    text = _MINUS.sub("moins", _PLUS.sub("plus", text))
    folded = fold(_PAIR.sub(r"\1 et ", text))
    lead = re.match(r"0?(\d)(?!\d| et \d)\b", folded)
    rest, tables = _take_numbers(folded, _numbered("tables", "t ?"))
    rest, numbers = _take_numbers(rest, _numbered("questions", "q ?"))
    if last := _last_question().fullmatch(rest.strip()):
        rest, numbers = "", [N_QUESTIONS - bool(last["before"])]
    rest, scores = _weigh(rest)
    ignored = _neutral() | {lead[0]} if lead else _neutral()
    return TextCues(
        table=tables[0] if len(set(tables)) == 1 else None,
        number=numbers[0] if len(set(numbers)) == 1 else None,
        lead=int(lead[1]) if lead else None,
        has_tables=bool(tables),
        has_numbers=bool(numbers),
        scores=scores,
        n_words=len(folded.split()),
        n_other=sum(word not in ignored for word in rest.split()),
    )


@cache
def _last_question() -> re.Pattern[str]:
    """Match the title "Dernière question", which is of the last of the list."""
    nouns = "|".join(noun for noun in lexicon("locate")["questions"] if len(noun) > 1)
    return re.compile(rf"(?:et )?(?:l |la |le )?(?P<before>avant )?dernier(?:e)? (?:{nouns})")


def without_tables(text: str) -> str:
    """Return `text` folded, without its numbered tables."""
    folded = fold(numbered_letters(text))
    return " ".join(_take_numbers(folded, _numbered("tables", "t ?"))[0].split())


def telling_words(text: str) -> frozenset[str]:
    """Return the words of `text` that are not neutral, in the singular."""
    words = without_tables(text).split()
    return frozenset(word.rstrip("sx") for word in words if word not in _neutral())


@cache
def _numbered(group: str, letter: str) -> re.Pattern[str]:
    """Match "tables 1 et 2" or "3e table"."""
    nouns, ordinal = longest_first("locate", group), ordinal_pattern()
    number = number_pattern("romains", "cardinaux")
    more = rf"(?P<more>(?: (?:et|a|ou|puis) (?:(?:{nouns})s? ?|{letter})?(?:{number})\b)*)"
    word = rf"(?:{nouns})s?(?: (?:no )?| ?(?=\d))|{letter}(?=\d)"
    day = rf"(?! (?:{MONTHS}))"  # "soirée des tablées, 3 juin"
    return re.compile(
        rf"\b(?:(?:{word})(?P<a>{number})\b{day}{more}|(?P<b>{ordinal}) (?:{nouns})\b)"
    )


def _take_numbers(folded: str, pattern: re.Pattern[str]) -> tuple[str, list[int]]:
    numbers: list[int] = []
    for match in pattern.finditer(folded):
        words = [match["a"] or match["b"], *re.split(r" |(?<=[a-z])(?=\d)", match["more"] or "")]
        numbers += [value for value in map(to_number, words) if value is not None]
    return pattern.sub(" ", folded), numbers


def _weigh(rest: str) -> tuple[str, Scores]:
    totals = dict.fromkeys(QUESTIONS, 0)
    for pattern, question, weight in _expressions():
        rest, n_hits = pattern.subn(" ", rest)
        totals[question] += weight if n_hits else 0
    others: list[str] = []
    for word in rest.split():
        cues = _cues_of(word)
        for question, weight in cues:
            totals[question] += weight
        others += [] if cues else [word]
    scores = [(question, total) for question, total in totals.items() if total]
    return " ".join(others), tuple(sorted(scores, key=lambda score: -score[1]))


@cache
def _expressions() -> tuple[tuple[re.Pattern[str], str, int], ...]:
    expressions = [
        (pattern, question, weight)
        for question, entry in _entries().items()
        for pattern, weight in (entry.get("expressions") or {}).items()
    ]
    expressions.sort(key=lambda entry: (-entry[2], -len(entry[0]), entry[0]))
    return tuple(
        (re.compile(rf"\b(?:{pattern})(?!\w)"), question, weight)
        for pattern, question, weight in expressions
    )


@cache
def _cues_of(word: str) -> Scores:
    """A word may be plural or misspelt."""
    weights = _listed_words()
    for form in (word, word.removesuffix("s"), word.removesuffix("x"), word.removesuffix("es")):
        if form in weights:
            return weights[form]
    if len(word) < 6 or word in _neutral():
        return ()
    alike = [other for other in weights if len(other) > 4 and other[0] == word[0]]
    best = process.extractOne(
        word.removesuffix("s"), alike, scorer=OSA.normalized_similarity, score_cutoff=_TYPO
    )
    return weights[best[0]] if best else ()


@cache
def _listed_words() -> dict[str, Scores]:
    words: dict[str, Scores] = {}
    for question, entry in _entries().items():
        for word, weight in (entry.get("mots") or {}).items():
            words[word] = (*words.get(word, ()), (question, weight))
    return words


@cache
def _entries() -> dict[str, dict[str, Any]]:
    entries = lexicon("questions").items()
    return {question: entry for question, entry in entries if question in QUESTIONS}


@cache
def _neutral() -> frozenset[str]:
    return frozenset(lexicon("questions")["neutres"].split())


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


def split_mark(text: str) -> tuple[str, Location]:
    """Return what is before the mark in brackets that ends `text`, and what the mark tells.

    >>> split_mark("un four à pain (T3)")[1].table_number, split_mark("un four (cuit)")[1].question
    (3, None)
    """
    match = _LAST_MARK.search(text)
    cues = read_cues(match["mark"]) if match else TextCues()
    if match is None or not (cues.is_label and (cues.has_tables or cues.has_numbers)):
        return text, Location()
    return text[: match.start()], Location(cues.table, cues.numbered, is_numbered=cues.has_numbers)


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
    is_role = fits_lexicon("roles_nommes", fold(words[0]))
    names = " ".join(words[is_role:])
    return not names or are_names(names) or is_first_name(names)


def reporter_named(title: str, *, is_sure: bool = True) -> str | None:
    """Return the reporter that a title names, known as a person where `is_sure`.

    >>> reporter_named("Table 2 (rapporteuse : Léa Riou)"), reporter_named("Mont Noir – Léa")
    ('Léa Riou', 'Léa')
    """
    match = _REPORTER.search(title) or _REPORTING.search(title)
    name = match["name"].strip(" .") if match else ""
    if name and len(name.split()) <= _MAX_NAME_WORDS and name[0].isupper():
        return name
    *before, last = (piece.strip(" )") for piece in re.split(r"\s[–—-]+\s|[(:,|]", title))
    words = last.split()
    if not any(before) or not 0 < len(words) <= _MAX_NAME_WORDS:
        return None
    is_named = are_names(last) or is_first_name(words[0]) or not is_sure
    is_plain = all(word[0].isupper() for word in words) and not read_cues(last).has_tables
    return last if is_named and is_plain else None


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
    ordinal = ordinal_pattern(r"\s?(?:[eè]me|ère?|er|re|nde?|e)")
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


@dataclass(frozen=True)
class TableNames:
    """The names of a workshop's tables, known from any of its files, with provisional numbers."""

    numbers: Mapping[tuple[str, ...], int]  # by the words of the name
    codes: Mapping[str, int]  # by letters that stand for a name, such as R for rouge

    def find(self, text: str) -> int | None:
        """Return the table that `text` names, None for none or several.

        >>> name_tables(["Table Mont Noir", "Table rouge"], [], []).find("le Mt-Noir, par Léa")
        81
        """
        words = _name_words(text)
        found = {
            number
            for name, number in self.numbers.items()
            if any(words[i : i + len(name)] == name for i in range(len(words) - len(name) + 1))
        }
        return found.pop() if len(found) == 1 else None

    @property
    def are_many(self) -> bool:
        """Whether several tables have names, which then need no noun beside them."""
        return len({*self.numbers.values()}) > 1

    def of_cell(self, cell: str) -> int | None:
        """Return the table of a cell that holds only a name, or a letter for one."""
        words = _name_words(nickname_in(cell) or cell)
        return self.numbers.get(words, self.codes.get(fold(cell)))

    def opens(self, text: str) -> bool:
        """Whether a line names a table before a dash or bracket: "Table Mont Noir — notes de…"."""
        first, *others = _BREAK.split(text)
        return bool(others) and nickname_in(first) is not None and self.of_cell(first) is not None

    def heads(self, text: str) -> bool:
        """Whether a line only names a table, and perhaps who speaks for it: "Mont Noir (Léa)"."""
        noun = _nickname().search(fold(text))
        after = _name_words(noun["name"]) if noun else ()
        if any(after[: len(name)] == name for name in self.numbers):
            return True
        if not self.are_many:  # "Les aînés" is anything
            return False
        first = _BREAK.split(text)[0]
        is_reported = reporter_named(text) is not None and self.find(first) is not None
        return _name_words(first) in self.numbers or is_reported


def name_tables(
    files: Iterable[str],
    lines: Iterable[str],
    cells: Iterable[str],
    grids: Iterable[Sequence[str]] = (),
) -> TableNames:
    """Return the tables that `files` are called after, or that lines and columns name.

    A line names a table in passing too: it counts beside another name only, as does what has a
    reporter. The titles of a grid all name tables where one of them does.
    """
    lines = [line for line in lines if len(line) <= _MAX_LINE]
    telling = [line for line in lines if _NAMES_TABLES.search(line)][:_MAX_TELLING]
    sure = {_name_words(name) for name in map(nickname_in, files) if name}
    told = {_name_words(name) for line in telling for name in _names_told(line)}
    told |= {_name_words(cell) for cell in cells if _may_name(cell)}
    reported = {_name_words(name) for name in map(_reported_table, lines) if name}
    told |= reported if len(reported) > 1 else set()
    names = (told | sure if len(told | sure) > 1 else sure) - {()}
    for titles in grids:
        named = {_name_words(title) for title in titles} - {()}
        names |= named if named & names else set()
    names = {*sorted(names)[:_MAX_NAMES]}
    own = {name: _within(name, names) for name in names}
    others = sorted({name for name in own.values() if _colour_of(name) is None})
    numbers = {name: _FIRST_NICKNAME + i for i, name in enumerate(others)}
    known = TableNames({name: _colour_of(own[name]) or numbers[own[name]] for name in own}, {})
    codes = {
        fold(code): number
        for line in lines
        for code, name in _CODES.findall(line)
        if (number := known.of_cell(name)) is not None
    }
    return replace(known, codes=codes)


def _names_told(line: str) -> Iterator[str]:
    """Yield the names in "TABLE LARZAC", or "Tables : rouge (Léa), bleue (Karim)"."""
    if listed := _LISTED_TABLES.match(line):
        yield from filter(_may_name, re.split(r"[,;/]", re.sub(r"\([^)]{0,200}\)", "", listed[1])))
        return
    yield from _coloured_table().findall(fold(line))
    if len(line.split()) > _MAX_HEAD or line.rstrip()[-1:] in (".", "!", ";", "?"):
        return
    for piece in _BREAK.split(line):
        name, spelled = nickname_in(piece), _TABLE_NOUN.search(piece)
        after = spelled[1].split() if spelled else []
        if name and _may_name(name) and any(word[0].isupper() for word in after):
            yield name


def _reported_table(line: str) -> str | None:
    """Return "Le préau" of "Le préau (rapporteuse : Léa Riou)", neither a number nor a person."""
    match = _REPORTED_TABLE.match(line) if len(line.split()) <= _MAX_HEAD else None
    if match is None or not _may_name(match["name"]):
        return None
    name = match["name"].strip()
    is_person = are_names(name) or is_first_name(name.split()[0])
    return None if is_person or read_cues(name).scores else name


def _may_name(text: str) -> bool:
    words = _name_words(text)
    is_named = 0 < len(words) < _MAX_NICKNAME and any(len(word) > 2 for word in words)
    return is_named and not any(word.isdigit() for word in words)


def _within(name: tuple[str, ...], names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the shortest of `names` whose words are all in `name`: "calvin" in "bonnet calvin"."""
    return min((other for other in names if {*other} <= {*name}), key=len)


def _name_words(text: str) -> tuple[str, ...]:
    """Return the words of a name, without articles, "mt" and "st" in full, colours as numbers."""
    colours = lexicon("numbers")["couleurs"]
    words = (_IN_FULL.get(word, word) for word in fold(text).split())
    plain = (f"{_COLOUR}{colours[word]}" if word in colours else word for word in words)
    return tuple(word for word in plain if not re.fullmatch(_ARTICLE, word))


def _colour_of(name: tuple[str, ...]) -> int | None:
    is_colour = len(name) == 1 and name[0].startswith(_COLOUR)
    return int(name[0].removeprefix(_COLOUR)) if is_colour else None


def with_speakers(blocks: Sequence[RawBlock]) -> list[RawBlock]:
    """Return `blocks` with names for initials, by a key above: "AR = Anne Riou (élue) ; MN = …"."""
    codes = {block.speaker for block in blocks if block.speaker and block.speaker.isupper()}
    pairs = (_INITIALS.findall(block.text) for block in blocks[:_MAX_HEAD] if codes)
    names = {code: name.strip() for found in pairs for code, name in found if code in codes}
    if len(names) < 2:  # one is anything
        return list(blocks)
    return [
        replace(block, speaker=names.get(block.speaker or "", block.speaker)) for block in blocks
    ]


def with_tables(blocks: Sequence[RawBlock], names: TableNames) -> list[RawBlock]:
    """Return `blocks` with the tables that a column, a title or the colour of the text names."""
    key = _key_of_colours(blocks, names)
    if not (names.numbers or key):
        return list(blocks)
    return [_with_table(block, names, key) for block in blocks]


def _with_table(block: RawBlock, names: TableNames, key: Mapping[str, int]) -> RawBlock:
    if block.columns:
        return replace(block, table_number=_table_of_columns(block, names))
    if block.color in key:
        return replace(block, table_number=key[block.color])
    if key and len(_told_by_colour(block, key, names)) > 1:
        return replace(block, kind="meta", level=None, reason="circumstance")
    text, n_words = block.text, len(block.text.split())
    is_line = block.kind == "heading" or (
        block.kind == "paragraph" and text.rstrip()[-1:] not in (".", "!", ";", "?")
    )
    is_long = n_words > (2 if names.opens(text) else 1) * _MAX_HEAD
    if not is_line or block.speaker or is_long or read_cues(text).has_tables:
        return block
    table = names.find(text) if names.heads(text) else None
    return (
        block
        if table is None
        else replace(block, kind="heading", level=block.level or 1, table_number=table)
    )


def _table_of_columns(block: RawBlock, names: TableNames) -> int | None:
    cells = [cell for title, cell in block.columns if meaning_of(title) == "table"]
    tables = [names.of_cell(cell) for cell in cells[:1]]
    if block.column is not None and block.column < len(block.columns):
        tables.append(names.of_cell(block.columns[block.column][0]))
        tables += [names.of_cell(block.columns[0][1])] if block.column else []
    return next((table for table in tables if table is not None), None)


def _key_of_colours(blocks: Sequence[RawBlock], names: TableNames) -> dict[str, int]:
    """Return the table of each colour of the text, from a line: "en rouge la table 1, en bleu…"."""
    colours = {block.color for block in blocks} - {""}
    key: dict[str, int] = {}
    for block in blocks if len(colours) > 1 else ():
        key = _told_by_colour(block, colours, names) | key
    return key if len(key) > 1 else {}


def _told_by_colour(block: RawBlock, colours: Iterable[str], names: TableNames) -> dict[str, int]:
    numbers = lexicon("numbers")["couleurs"]
    told: dict[str, int] = {}
    is_long = len(block.text) > _MAX_LINE
    for clause in re.split(r"[,;.\n]|\set\s", block.text if not (block.color or is_long) else ""):
        named = [word for word in fold(clause).split() if word in numbers]
        own = next((c for c in colours if named and numbers[c] == numbers[named[0]]), None)
        table = read_cues(clause).table
        table = names.find(clause) if table is None else table
        if own and table is not None:
            told.setdefault(own, table)
    return told


def nickname_in(text: str) -> str | None:
    """Return the nickname that `text` gives a table, None where it has a number or colour.

    >>> nickname_in("pad tablée du fond"), nickname_in("table ronde"), nickname_in("Table 3")
    ('fond', None, None)
    """
    match = _nickname().search(fold(_BREAK.split(text)[0]))
    if match is None or read_cues(text).has_tables:
        return None
    words = [word for word in match["name"].split() if not re.fullmatch(_ARTICLE, word)]
    is_other = word_pattern("locate", "pas_un_surnom_de_table").search(match["name"])
    is_asking = bool(read_cues(match["name"]).scores)
    return None if is_other or is_asking or not 0 < len(words) <= _MAX_NICKNAME else " ".join(words)


@cache
def _coloured_table() -> re.Pattern[str]:
    return re.compile(rf"\b(?:table|tablee|ilot) ({'|'.join(lexicon('numbers')['couleurs'])})\b")


@cache
def _nickname() -> re.Pattern[str]:
    return re.compile(r"\b(?:table|tablee|ilot) (?P<name>\w.*)")


def number_tables(documents: Sequence[list[LocatedBlock]]) -> list[list[LocatedBlock]]:
    """Return a workshop's blocks, its tables that have a name in place of a number numbered.

    They take the first numbers that no other table has, in the order of data/lexicon/numbers.yaml,
    nicknames last.
    """
    tables = {block.table_number for located in documents for block in located} - {None}
    named = sorted(table for table in tables if table is not None and table >= FIRST_NAMED)
    free = (number for number in count(1) if number not in tables)
    numbers = dict(zip(named, free, strict=False))
    if not numbers:
        return list(documents)
    return [[_renumbered(block, numbers) for block in located] for located in documents]


def _renumbered(block: LocatedBlock, numbers: Mapping[int, int]) -> LocatedBlock:
    number = numbers.get(block.table_number or 0)
    return block if number is None else replace(block, table_number=number)

"""Show a study that has no theme: its passages by question and rubrique, and what comes back.

In:   Passages, grid
Out:  WithoutThemes
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain

import pandas as pd

from models.reading import generic_words, skim
from pipeline.french import is_listed
from pipeline.grid.codes import RUBRIQUE, Grid
from pipeline.publish.report.content import (
    QuestionPassages,
    Repeat,
    ReturningWord,
    SaidPassage,
    WithoutThemes,
)
from pipeline.publish.report.passages import (
    Passages,
    grouped,
    n_tables_of,
)
from pipeline.publish.text import (
    capitalised,
    joined,
    plain_name,
    sentence,
    typography,
    word,
)
from pipeline.tables.columns import rows_of
from pipeline.text import fold

LIKE = 0.5  # least share of their words that two passages have in common to be told together
_NO_QUESTION = "inconnue"
_QUESTIONS = ("q1", "q2", "q3", "q4", "resume", "distance", "autre", _NO_QUESTION)
_MASK, _WORD = re.compile(r"\[[^\]]*\]"), re.compile(r"[^\W_][\w'’-]*")
_INFINITIVES = ("er", "ir", "re")
_N_TEXTS, _N_WORDS = 4, 12

Words = frozenset[str]


def show_without_themes(passages: Passages, grid: Grid, *, why: str, n_rows: int) -> WithoutThemes:
    """Return what a report shows instead of themes, `n_rows` passages a question at most."""
    return WithoutThemes(
        typography(why),
        _questions(passages, grid, n_rows),
        repeats(passages),
        returning_words(passages),
    )


def _questions(passages: Passages, grid: Grid, n_rows: int) -> tuple[QuestionPassages, ...]:
    axes = (RUBRIQUE, *(axis.axis for axis in grid.own_axes))
    order = {code.code: i for i, code in enumerate(chain.from_iterable(map(grid.axis, axes)))}
    tags = passages.tags[passages.tags["axis"].isin(axes) & passages.tags["code"].isin(order)]
    codes_of: dict[str, list[str]] = defaultdict(list)
    for tag in rows_of(tags.assign(rank=tags["code"].map(order)).sort_values("rank")):
        codes_of[tag.unit_id].append(tag.code)
    first_code = passages.rows["unit_id"].map(
        {name: order[codes[0]] for name, codes in codes_of.items()}
    )
    rows = passages.rows.assign(
        asked=passages.rows["question"].astype(object).fillna(_NO_QUESTION), first_code=first_code
    )
    rows = rows.sort_values("first_code", kind="stable")  # those without a code come last
    questions = []
    for question in (name for name in _QUESTIONS if (rows["asked"] == name).any()):
        copies = rows[rows["asked"] == question].groupby(["workshop_id", "text"], sort=False)
        here = copies.head(1).assign(place=copies.apply(_place).to_numpy())
        said = tuple(
            SaidPassage(
                row.unit_id,
                row.text,
                passages.names[row.workshop_id],
                row.place,
                " ; ".join(typography(grid.label_of(code)) for code in codes_of[row.unit_id]),
            )
            for row in rows_of(here.head(n_rows))
        )
        questions.append(QuestionPassages(_title(question), said, len(here)))
    return tuple(questions)


def _title(question: str) -> str:
    name = word("questions", question)
    return capitalised(word("sans_theme", question) if name == question else name)


def _place(copies: pd.DataFrame) -> str:
    """Return where one passage was said, without its question, which heads the list."""
    place = joined(list(dict.fromkeys(copies["where"])))
    return sentence("sans_theme.fois", ou=place, n=len(copies)) if len(copies) > 1 else place


def repeats(passages: Passages) -> tuple[Repeat, ...]:
    """Return the passages said more than once in nearly the same words, most tables first."""
    every = passages.every
    heads = _heads([words_of(one.text) for one in every])
    alike = grouped(zip(heads, every, strict=True), lambda pair: pair[0])
    told = []
    for pairs in alike.values():
        if len(pairs) > 1:
            here = [one for _, one in pairs]
            texts = tuple(dict.fromkeys(one.text for one in here))
            n_tables = n_tables_of(here)
            said = passages.words().count(n_tables)
            told.append(Repeat(texts[:_N_TEXTS], n_tables, said, len(here)))
    return tuple(sorted(told, key=lambda repeat: (-repeat.n_tables, -repeat.n_units)))


def _heads(words: Sequence[Words]) -> list[int]:
    """Return, for each passage, the first one that it resembles and that resembles no earlier one.

    Two that share half their words share one of the rarer half of each.
    """
    frequency = Counter(chain.from_iterable(words))
    heads_by_word: dict[str, list[int]] = defaultdict(list)
    heads = []
    for i, own in enumerate(words):
        rare_first = sorted(own, key=lambda one: (frequency[one], one))[: len(own) // 2 + 1]
        candidates = {head for one in rare_first for head in heads_by_word[one]}
        alike = [head for head in candidates if _share(own, words[head]) >= LIKE]
        heads.append(min(alike, default=i))
        if not alike:
            for one in rare_first:
                heads_by_word[one].append(i)
    return heads


def _share(first: Words, second: Words) -> float:
    return len(first & second) / len(first | second)


def words_of(text: str) -> Words:
    """Return the words of a subject in `text`, as lemmas; the folded text where there is none."""
    return frozenset(_written(text)) or frozenset({fold(text) or text.strip()})


def _written(text: str) -> dict[str, str]:
    """Map the lemma of each word of a subject to the word as it is first written."""
    written: dict[str, str] = {}
    for match in _WORD.findall(_MASK.sub(" ", text)):
        for lemma in skim(match):
            folded = fold(lemma, keep_signs=True)
            if folded not in generic_words() and not folded.isdigit():
                written.setdefault(folded, match)
    return written


def _is_verb(lemma: str) -> bool:
    """Whether a lemma is an infinitive that is no noun; the lemmatiser lists few verbs."""
    return lemma.endswith(_INFINITIVES) and not is_listed(lemma, "noun")


def returning_words(passages: Passages) -> tuple[ReturningWord, ...]:
    """Return the words of subjects, verbs apart, said at two tables, or two documents, at least."""
    tables_of: dict[str, set[str]] = defaultdict(set)
    written: dict[str, str] = {}
    for one in passages.every:
        for lemma, form in _written(one.text).items() if one.is_said else ():
            tables_of[lemma].add(one.circle_id)
            written.setdefault(lemma, form)
    returning = [
        lemma for lemma, tables in tables_of.items() if len(tables) > 1 and not _is_verb(lemma)
    ]
    returning.sort(key=lambda lemma: (-len(tables_of[lemma]), lemma))
    count = passages.words().count
    return tuple(
        ReturningWord(plain_name(written[lemma]), count(len(tables_of[lemma])))
        for lemma in returning[:_N_WORDS]
    )

"""Describe a word of a passage by facts that may tell a person's name.

In:   a word and the passages before and after its own
Out:  names of facts, each true of the word: what it is, what stands beside it, where it stands
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from pipeline.french import is_listed
from pipeline.pseudonymise import context, things
from pipeline.pseudonymise.listed_names import is_located
from pipeline.pseudonymise.name_parts import has_title, initials_before
from pipeline.pseudonymise.passage import TextWord
from pipeline.pseudonymise.words import (
    LETTER,
    UPPER,
    brands,
    famous_people,
    is_common_word,
    is_first_name,
    is_misspelt_first_name,
    is_place,
    is_rare_first_name,
    is_surname,
    is_usual_first_name,
    lists_of,
)
from pipeline.text import fold_same_length

_TWICE = re.compile(r"([bcdfghjklmnprstvz]h?(?:ou|[aeiou]))\1(?:[a-z]{1,4})?")
_SIGN = re.compile(rf"{LETTER}{{3}}['’]{UPPER}")
_NUMBER_AFTER = re.compile(r"\s?(?:n°|:)?\s?\d")  # SIRET 552 081 317
_LETTERS = re.compile(r"[^\W\d_]+")
_TOLD_OF_OTHERS = ("in=", "pos=", "is=", "twice")
_SIGNALS: tuple[Callable[[TextWord], object], ...] = (
    context.announces,
    context.calls_for_person,
    context.has_age_or_initial_after,
    context.has_verb_or_function_after,
    context.is_alone_in_brackets,
    context.is_posted,
    context.is_presented,
    context.is_related,
    context.is_subject,
    context.takes_the_floor,
    has_title,
    is_located,
    things.has_inner_capital,
    things.is_of_brand,
    things.is_owner,
    things.is_place_name,
    things.is_said_thing,
    things.is_thing,
)


class WordFacts(NamedTuple):
    """What is known of a word alone; `kind` is a coarse sort: name, word, place, unknown…"""

    kind: str
    case: str
    facts: tuple[str, ...]


@lru_cache(maxsize=20_000)
def facts_of(text: str) -> WordFacts:
    """Return what the lists and the letters of a word tell.

    >>> facts_of("Marie").kind
    'name'
    """
    folded, lowered = fold_same_length(text), text.lower()
    case = _case(text)
    is_known = {
        "common": is_common_word(lowered),
        "usual": is_usual_first_name(folded),
        "first": is_first_name(folded),
        "rare": is_rare_first_name(folded),
        "surname": is_surname(folded),
        "place": is_place(folded),
    }
    kind = _kind(is_known)
    lists = lists_of(folded)
    facts = [f"is={name}" for name, value in is_known.items() if value]
    facts += [f"known={'+'.join(name for name, value in is_known.items() if value)}"]
    facts += [f"in={name}" for name in lists]
    facts += [f"pos={pos}" for pos in ("noun", "adj", "verb") if is_listed(lowered, pos)]
    facts += ["brand"] if folded in brands() else []
    facts += ["famous"] if folded in famous_people() else []
    facts += ["misspelt"] if is_misspelt_first_name(folded) else []
    facts += ["twice"] if _TWICE.fullmatch(folded) else []
    facts += ["hyphen"] if "-" in text else []
    facts += ["apostrophe"] if re.search("['’]", text) else []
    facts += [f"length={min(len(text), 12)}"]
    facts += [f"end={folded[-2:]}", f"end={folded[-3:]}", f"start={folded[:2]}"]
    return WordFacts(kind, case, tuple(facts))


def _case(text: str) -> str:
    if len(text) == 1:
        return "one" if text.isupper() else "small"
    if text.isupper():
        return "capitals"
    if not text[0].isupper():
        return "small"
    has_inner_capital = re.search(rf"[a-zà-ÿ]{UPPER}", text) is not None
    return "mixed" if has_inner_capital and "-" not in text else "capital"


def _kind(is_known: dict[str, bool]) -> str:
    is_name = is_known["first"] or is_known["surname"] or is_known["rare"]
    if is_known["common"]:
        if is_known["usual"]:
            return "name or word"
        return "surname or word" if is_name else "word"
    if is_known["place"]:
        return "name or place" if is_known["first"] else "place"
    if is_known["usual"]:
        return "name"
    if is_known["first"]:
        return "first"
    return "surname" if is_name else "unknown"


def is_candidate(word: TextWord) -> bool:
    """Whether a word may be a name at all: written or known as one, or unknown."""
    if not word.has_capital and word.is_common and not _is_listed_name(word):
        return False
    own = facts_of(word.text)
    if word.is_in("civilites", "parentes") or _is_compound(word) or _is_in_code(word):
        return False
    if len(word.text) == 1:
        is_pointed = word.passage.text[word.end : word.end + 1] in (".", ":")
        is_measure = word.gap.strip()[-1:].isdigit()
        return word.has_capital and is_pointed and not is_measure
    if word.is_upper and _NUMBER_AFTER.match(word.passage.text, word.end):
        return False
    if own.kind != "word":
        return not word.is_in("jamais") or word.is_usual_first_name
    return own.case != "small" and not (word.opens or word.is_in_shouted_line)


def _is_in_code(word: TextWord) -> bool:
    """#FFEE00, F4A261."""
    text = word.passage.text
    before, after = text[max(0, word.start - 1) : word.start], text[word.end : word.end + 1]
    is_glued = before == "#" or before.isdigit() or after.isdigit()
    return is_glued and re.fullmatch("[a-f]+", word.folded) is not None


def _is_listed_name(word: TextWord) -> bool:
    return word.is_first_name or word.is_rare_first_name or word.is_surname


def _is_compound(word: TextWord) -> bool:
    """Croq'Jardin, Forge'Avenir; the name of a file: entretien-yann-kermarrec."""
    if _SIGN.search(word.text):
        return True
    parts = word.folded.split("-")
    return word.text.islower() and any(
        is_common_word(part) and not is_usual_first_name(part) for part in parts[1:] and parts
    )


@lru_cache(maxsize=5_000)
def _gap(text: str) -> str:
    gap = _LETTERS.sub("w", text)
    gap = re.sub(r"\d+", "0", gap)
    gap = re.sub(r"[\s\u00a0]+", lambda m: "\n" if "\n" in m[0] else " ", gap)
    gap = re.sub("[’]", "'", gap)
    gap = re.sub("[–—]", "-", gap)
    gap = re.sub('[«»“”"]', '"', gap)
    return gap if len(gap) <= 4 else gap[:2] + ".." + gap[-2:]


def features(word: TextWord, verdict: str = "") -> list[str]:
    """Return the facts of a candidate."""
    own = facts_of(word.text)
    sort = f"{own.case}/{own.kind}"
    found = [f"sort={sort}", f"opens={word.opens}", f"opens={word.opens}|{sort}"]
    found += [f"{own.case}:{fact}" for fact in own.facts]
    found += [f"label={word.label}", f"label={word.label}|{own.kind}"]
    found += _line(word, own)
    crossed = list(_neighbours(word))
    crossed += [f"does={signal.__name__}" for signal in _SIGNALS if signal(word)]
    crossed += ["does=announces strongly"] if context.announces(word, strongly=True) else []
    crossed += ["does=is_subject humanly"] if context.is_subject(word, humanly=True) else []
    crossed += ["after initials"] if initials_before(word) is not None else []
    if verdict:
        crossed += [f"rules={verdict}"]
    group = "small" if own.case == "small" else "capital"
    kind = {"first": "name", "surname": "unknown", "place": "place"}.get(own.kind, own.kind)
    return found + crossed + [f"{fact}|{group}/{kind}" for fact in crossed]


def _line(word: TextWord, own: WordFacts) -> list[str]:
    text = word.passage.text
    start, end = text.rfind("\n", 0, word.start) + 1, text.find("\n", word.end)
    end = len(text) if end < 0 else end
    before, after = text[start : word.start], text[word.end : end]
    n_before = len(_LETTERS.findall(before))
    n_after = len(_LETTERS.findall(after))
    found = [f"before={min(n_before, 3)}", f"after={min(n_after, 3)}"]
    if not n_before:
        found.append(f"lead={_gap(before)}")
    if not n_after:
        found.append(f"trail={_gap(after)}")
    shouted = word.is_in_shouted_line
    found += ["shouted"] if shouted else []
    found += [f"shouted|{own.kind}"] if shouted and own.case == "capitals" else []
    found += [f"sole={own.kind}"] if not n_before and not n_after else []
    is_last = not text[word.end :].strip(" .!?\n")
    found += ["last"] if is_last else []
    cell = re.search(r"[;\t|]\s*$", before) or (not before.strip() and re.search("[;\t|]", after))
    if cell and re.match(r"\s*(?:[;\t|]|$)", after):
        found += ["cell", f"cell|{own.kind}"]
    return found + [f"{fact}|{own.case}/{own.kind}" for fact in found[:4]]


def _neighbours(word: TextWord) -> Iterator[str]:
    before, after = word.previous, word.next
    left = _gap(word.gap if before else "^")
    right = _gap(after.gap) if after else "$" + _gap(word.passage.text[word.end :])
    yield from (f"left={left}", f"right={right}", f"gaps={left}|{right}")
    around = (
        (-3, before.previous.previous),
        (-2, before.previous),
        (-1, before),
        (1, after),
        (2, after.next),
    )
    for offset, other in around:
        yield f"{offset}={other.folded if other else 'none'}"
        if other:
            yield from _neighbour(offset, other, gap=left if offset < 0 else right)
    if before.previous:
        yield f"-2-1={before.previous.folded} {before.folded}"
    if after.next:
        yield f"+1+2={after.folded} {after.next.folded}"


def _neighbour(offset: int, other: TextWord, *, gap: str) -> Iterator[str]:
    own = facts_of(other.text)
    yield f"{offset}:{own.case}/{own.kind}"
    if abs(offset) < 3:
        yield from (f"{offset}:{fact}" for fact in own.facts if fact.startswith(_TOLD_OF_OTHERS))
    if abs(offset) == 1:
        yield f"{offset}:{own.case}/{own.kind}{gap}"
        if own.kind == "word":
            yield f"{offset}:end={other.folded[-2:]}{gap}"

"""Tell labels, circumstances and passages apart, line by line, and split off their prefixes."""

import re
from dataclasses import dataclass
from functools import cache

from pipeline.ingest.locate.cues import (
    ENOUGH,
    Location,
    TextCues,
    question_of_number,
    read_cues,
    without_tables,
)
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.people import is_first_name, is_whole_name
from pipeline.ingest.words import longest_first, number_pattern, to_number, word_pattern
from pipeline.text import fold, lexicon

MAX_LABEL_WORDS, MAX_TITLE_WORDS, _MAX_META_WORDS = 16, 22, 40
_MAX_NAME_WORDS = 4
_MIN_IDEA_WORDS = 5  # words after a prefix; a shorter line without final mark is a title
_MAX_FACTS = 6  # words beside a label that may be a circumstance
SURE_FORMS = ("spelled", "bracketed")  # prefixes that surely name a table or question
_MAX_VENUE_WORDS = 8  # words that may follow a table's number on its line
_MAX_NAMED = 2  # words beside an announced table, such as the reporter
_ASKS = re.compile(
    r"^(?:\W|\d)*(?:quel|qu['’]|que\b|quoi|comment|de quoi|o[uù]\b|pourquoi)", re.IGNORECASE
)
_CLOSING = re.compile(r"\s*([\])}])?\s*([:–—|/>→=.,)-]+(?=\s|\D))?\s*")
_WHOLE, _START = r"\b{}\b", r"{}\b"


@dataclass(frozen=True)
class Prefix:
    """The prefix of a line, such as "[T4] ".

    `form` is bracketed, spelled ("Table 2 :"), marked ("T2 –") or bare ("T2 le bus").
    """

    location: Location
    form: str
    rest: str


def is_label(text: str, cues: TextCues, kind: str) -> bool:
    """Whether `text` names what follows: all its words are cues.

    A bullet must be numbered or end with a colon; a cell is never a label.
    """
    ends = text.rstrip()[-1:]
    if kind == "cell" or ends in (".", "!", ";") or cues.n_words > MAX_LABEL_WORDS:
        return False
    bare = read_cues(re.sub(r"\([^)]*\)", " ", text)) if "(" in text else cues
    if any(own.is_label and (own.has_tables or own.has_numbers) for own in (bare, cues)):
        return True
    if cues.is_label:
        return cues.meaning is not None and (kind != "bullet" or ends == ":")
    return kind != "bullet" and _is_worded_label(text, cues)


def asks(text: str, cues: TextCues) -> bool:
    """Whether a line asks one of the questions with hardly a word more."""
    is_clear = cues.meaning is not None and cues.scores[0][1] > ENOUGH and cues.n_other <= 1
    return is_clear and text.rstrip().endswith("?") and bool(_ASKS.match(text))


def _is_worded_label(text: str, cues: TextCues) -> bool:
    """Whether number and meaning agree, or it calls a table ("Maud, table 2 :")."""
    if cues.table is not None and text.rstrip().endswith(":") and cues.n_other <= _MAX_NAMED:
        return True
    is_agreed = cues.numbered is not None and cues.numbered == cues.meaning
    return (is_agreed and cues.n_other <= cues.n_words // 3) or asks(text, cues)


def is_meta(text: str, *, in_head: bool) -> bool:
    """Whether a line is a circumstance such as "Prise de notes : …".

    Labels such as "Lieu :" and bare dates count only `in_head`, before any passage.
    """
    if is_name_alone(text):
        return True
    folded = fold(text)
    n_words = len(folded.split())
    if n_words > _MAX_META_WORDS or states_after_label(text):
        return False
    label = _label_of(text)
    if label and (_matches("meta", label) or (in_head and _matches("meta_en_tete", label))):
        return True
    if _is_named_role(text):
        return True
    if in_head:
        opening = word_pattern("locate", "meta_sans_deux_points_en_tete")
        if opening.match(folded) or _is_venue(text, folded) or _all_meta(text):
            return True
    opening = word_pattern("locate", "meta_sans_deux_points")
    return n_words <= MAX_LABEL_WORDS and bool(opening.match(folded))


def is_name_alone(text: str) -> bool:
    """Whether a label holds only names: "Nota : Anne Petit", "Remarque de M. Kerven."."""
    before, colon, after = text.partition(":")
    if colon and after.strip(" ."):
        cues = read_cues(before)
        is_asking = any(question[0] == "q" for question, _ in cues.scores)  # not "Conclusion"
        return 0 < cues.n_words <= _MAX_NAMED + 1 and not is_asking and _are_names(after)
    opening = _remark_of().match(before)
    return opening is not None and _are_names(before[opening.end() :])


def _are_names(text: str) -> bool:
    return all(is_whole_name(name.strip(" .")) for name in re.split(r"[,;/&]|\bet\b", text))


def states_after_label(text: str) -> bool:
    """Whether "Label : …" continues with a statement, not a name, place or date.

    A verb or more than six words tell; after a label of facts ("Lieu :") only a clause does.

    >>> states_after_label("Rapporteur : nous avons parlé des bus")
    True
    >>> states_after_label("Rapporteur : Anne Petit")
    False
    """
    before, colon, after = text.partition(":")
    words = fold(after)
    if not colon or not words or len(before.split()) > _MAX_FACTS or re.match(r"\d", after):
        return False
    label = without_tables(re.sub(r"\([^)]*\)", " ", before))
    if _matches("etiquettes_ouvertes", label, _WHOLE):
        is_remark = _matches("etiquettes_de_propos", label, _WHOLE)
        return (is_remark and not _opens_with_name(after)) or states(after, is_announced=True)
    has_clause = word_pattern("locate", "clauses", _WHOLE).search(words)
    return bool(has_clause) and not _opens_with_name(after)


def states(text: str, *, is_announced: bool) -> bool:
    """Whether the text has a verb, or is long after a colon (`is_announced`) without facts."""
    words = fold(text)
    if _verb_pattern().search(words):
        return True
    return is_announced and len(words.split()) > _MAX_FACTS and not is_fact(text)


def is_fact(text: str) -> bool:
    """Whether the text holds a figure, or opens with a person's name or a document's title."""
    is_titled = word_pattern("locate", "titres", _START).match(fold(text))
    return bool(re.search(r"\d", text) or is_titled) or _opens_with_name(text)


def split_role(text: str) -> tuple[str, str] | None:
    """Return (role, words) of "Rapporteur : nous avons…", or None."""
    before, _, after = text.partition(":")
    is_role = _matches("roles_nommes", fold(before), _WHOLE)
    return (before.strip(), after.strip()) if is_role and states_after_label(text) else None


def without_label(text: str) -> str:
    """Drop a label that only announces: "Nota : le bus part" → "le bus part"."""
    before, _, after = text.partition(":")
    is_bare = after.strip() and _matches("etiquettes_retirees", fold(before), _WHOLE)
    return after.strip() if is_bare else text


def _matches(group: str, folded: str, template: str = "{}") -> bool:
    return bool(word_pattern("locate", group, template).fullmatch(folded))


def _opens_with_name(text: str) -> bool:
    first = re.split(r"[,;(/–—]|\s-\s|\bet\b", text, maxsplit=1)[0].strip(" .")
    return is_whole_name(first) or (first[:1].isupper() and is_first_name(first))


def _label_of(text: str) -> str:
    """Return "" without a colon, or before a sign ("+ / - :")."""
    before = re.sub(r"\([^)]*\)", " ", text.split(":")[0]) if ":" in text[:60] else ""
    return "" if re.search(r"[+=]|[-–]\s*$", before) else without_tables(before)


def _all_meta(text: str) -> bool:
    """Whether all sentences are like "Atelier du 4 mai, salle des fêtes."."""
    sentences = re.split(r"(?<=[^\s.]{3}\.)\s+(?=[A-ZÀ-Ý])", text)
    bare = [sentence.rstrip(".") for sentence in sentences]
    return len(bare) > 1 and all(
        is_meta(one, in_head=True) or (is_title(one) and bool(_day_pattern().search(fold(one))))
        for one in bare
    )


def _is_named_role(text: str) -> bool:
    """Whether the text is like "Anne Riou – secrétaire de séance"."""
    role, *names = text.split() or [""]
    if _matches("roles_nommes", fold(role), _WHOLE) and 0 < len(names) <= _MAX_NAMED:
        return all(word[:1].isupper() or is_first_name(word) for word in names)
    pieces = [piece.strip() for piece in re.split(r"\s[–—-]\s|[,()]", text) if piece.strip()]
    if len(pieces) != 2:
        return False
    others = [piece for piece in pieces if not _matches("meta", without_tables(piece))]
    if len(others) != 1:
        return False
    name, particles = others[0].split(), lexicon("people")["particules"]
    is_name = all(word[:1].isupper() or fold(word) in particles for word in name)
    return is_name and 0 < len(name) <= _MAX_NAME_WORDS


def is_meta_section(text: str) -> bool:
    """Whether the title heads a list of participants, an agenda and the like."""
    return _matches("parties_meta", fold(text))


def is_title(text: str) -> bool:
    """Whether a first line names the document ("Atelier de Vervins – Table 1")."""
    folded = fold(text)
    is_long = len(folded.split()) > MAX_TITLE_WORDS
    if is_long or text.rstrip().endswith(("!", ";", ".")) or states_after_label(text):
        return False
    titled = word_pattern("locate", "titres", _START).match(folded)
    return bool(titled or _number_patterns()["tables"].match(text.strip()))


def _is_venue(text: str, folded: str) -> bool:
    """Whether the text is like "Vervins, 19 mai 2026"."""
    date = _day_pattern().search(folded)
    is_long = len(folded.split()) > MAX_TITLE_WORDS
    if not date or is_long or word_pattern("locate", "clauses", _WHOLE).search(folded):
        return False
    months = lexicon("dates")["mois"]
    small = [word for word in re.findall(r"\b[a-zà-ÿ]{3,}", text) if word not in months]
    return bool(date["year"] or date["year2"]) or len(small) <= 1


def split_prefix(text: str) -> Prefix | None:
    """Return the prefix of `text` that gives a table, a question or both, if any."""
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
    return Prefix(location, form, text[closing.end() :].strip())


def _match_number(
    text: str, start: int, numbers: dict[str, int]
) -> tuple[str, int, bool, int] | None:
    """Return (group, number, is the word spelled, end)."""
    gap = re.compile(r"[\s,/|;–—-]*" if numbers else "").match(text, start)
    for group, pattern in _number_patterns().items():
        match = pattern.match(text, gap.end() if gap else start)
        number = to_number(fold(match["number"])) if match else None
        if match and number is not None and group not in numbers:
            return group, number, bool(match["word"]), match.end()
    return None


def without_numbers(text: str) -> str:
    """Return `text` without tables and questions: "2 – T1 : ce qui marche" → "ce qui marche"."""
    for pattern in _removed_numbers():
        text = pattern.sub(" ", text)
    return " ".join(text.split()).strip(" :–—-,;.()[]/|>_")


def is_idea(text: str) -> bool:
    """Whether the text after a prefix is a passage, not a title or question; in doubt a title."""
    ends, cues = text.rstrip()[-1:], read_cues(text)
    names = cues.is_label or (cues.meaning is not None and cues.n_other <= cues.n_words // 3)
    if ends in ("?", ":") or names or is_meta(text, in_head=True):
        return False
    if ends in (".", "!", ";", "…"):
        return True
    words = fold(text)
    is_listing = text[:1].islower() and bool(re.search(r"[,;(]|\d", text))
    has_verb = word_pattern("locate", "propos", _WHOLE).search(words)
    return len(words.split()) >= _MIN_IDEA_WORDS and (is_listing or bool(has_verb))


def opens_with_idea(block: RawBlock) -> bool:
    """Whether a line spells its table or question, then gives an idea."""
    prefix = split_prefix(block.text)
    return prefix is not None and prefix.form in SURE_FORMS and is_idea(prefix.rest)


def names_table_alone(block: RawBlock, below: RawBlock | None) -> bool:
    """Whether "Table 4 – Le Nouvion" heads what follows."""
    prefix = split_prefix(block.text) if block.kind == "paragraph" and below else None
    if prefix is None or below is None or prefix.form not in SURE_FORMS:
        return False
    is_sentence = prefix.rest.rstrip().endswith((".", "!", "?", ";"))
    if is_sentence or len(prefix.rest.split()) > _MAX_VENUE_WORDS or is_idea(prefix.rest):
        return False
    return prefix.location.table_number is not None and split_prefix(below.text) is None


def split_reporter(text: str) -> int | None:
    """Return the table that opens a summary's sentence ("La table 2 insiste…")."""
    match = _reporter_pattern().match(fold(text))
    return to_number(match[1]) if match else None


@cache
def _number_patterns() -> dict[str, re.Pattern[str]]:
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
        *(rf"(?<!\w){pattern.pattern}" for pattern in _number_patterns().values()),
        rf"(?<!\w)(?:{ordinal})\s(?:{nouns})s?\b",
    )
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


def _nouns(group: str) -> str:
    return "|".join(noun for noun in longest_first("locate", group).split("|") if len(noun) > 1)


@cache
def _remark_of() -> re.Pattern[str]:
    labels = "|".join(lexicon("locate")["propos_de"])
    return re.compile(rf"\s*(?:{labels})\s+(?:de\s+|d['’]\s*|par\s+)", re.IGNORECASE)


@cache
def _verb_pattern() -> re.Pattern[str]:
    """Match verbs of everyday notes and of reports."""
    reported = map(fold, lexicon("segmentation")["verbes_de_compte_rendu"])
    words = lexicon("locate")
    return re.compile(rf"\b(?:{'|'.join([*words['propos'], *words['clauses'], *reported])})\b")


@cache
def _day_pattern() -> re.Pattern[str]:
    months = "|".join(fold(month) for month in lexicon("dates")["mois"])
    worded = rf"\b\d{{1,2}}(?:er)? (?:{months})\b(?: (?P<year>\d{{4}}))?"
    return re.compile(rf"{worded}|\b\d{{1,2}} \d{{1,2}} (?P<year2>\d{{4}}|\d{{2}})\b")


@cache
def _reporter_pattern() -> re.Pattern[str]:
    preposition = "(?:(?:pour|a|chez|de|quant a|nous|cote|selon) )?"
    article, number = "(?:(?:la|le|notre|a la|au) )?", number_pattern("cardinaux")
    return re.compile(rf"{preposition}{article}(?:{_nouns('tables')}) (?:no )?({number})\b")

"""What a line of a document is: a label that names what follows, a circumstance that is never a passage, or a passage with its prefix.

In:   a block's text and what is known of its surroundings
Out:  yes or no; a prefix as a Location and the rest
"""

import re
from dataclasses import dataclass
from functools import cache

from pipeline.ingest.columns import is_whole_name
from pipeline.ingest.locate.cues import ENOUGH, Location, TextCues, read_cues, without_tables
from pipeline.ingest.people import is_first_name
from pipeline.ingest.words import number_pattern, to_number
from pipeline.tables.schema import QUESTIONS
from pipeline.text import fold, lexicon

MAX_LABEL_WORDS, MAX_TITLE_WORDS, MAX_META_WORDS = 16, 22, 40
_MAX_NAME_WORDS = 4  # of a person's name
_MIN_IDEA_WORDS = 5  # after a prefix, for a line without final mark to be an idea and not a title
_MAX_FACTS = 6  # words behind a label, or in it, that may tell a circumstance
_MAX_NAMED = 2  # words beside a table that a colon announces, such as who reports
_ASKS = re.compile(
    r"^(?:\W|\d)*(?:quel|qu['’]|que\b|quoi|comment|de quoi|o[uù]\b|pourquoi)", re.IGNORECASE
)


@dataclass(frozen=True)
class Prefix:
    """What opens a line, such as "[T4] "; `form` is bracketed, spelled ("Table 2 :"), marked ("T2 –") or bare ("T2 le bus")."""

    place: Location
    form: str
    rest: str


def is_label(text: str, cues: TextCues, kind: str) -> bool:
    """True where `text` names what follows: every word a cue; a bullet must be numbered or end with a colon, a cell is never a label."""
    ends = text.rstrip()[-1:]
    if kind == "cell" or ends in (".", "!", ";") or cues.n_words > MAX_LABEL_WORDS:
        return False
    bare = read_cues(re.sub(r"\([^)]*\)", " ", text)) if "(" in text else cues
    if (bare.has_tables or bare.has_numbers) and bare.is_label:
        return True
    if not cues.is_label:
        return kind != "bullet" and _is_worded_label(text, cues)
    if cues.has_tables or cues.has_numbers:
        return True
    return cues.meaning is not None and (ends == ":" if kind == "bullet" else True)


def asks(text: str, cues: TextCues) -> bool:
    """True for a line that asks one of the questions ("Quelles réponses fonctionnent bien ?") with hardly a word more."""
    is_clear = cues.meaning is not None and cues.scores[0][1] > ENOUGH and cues.n_other <= 1
    return is_clear and text.rstrip().endswith("?") and bool(_ASKS.match(text))


def _is_worded_label(text: str, cues: TextCues) -> bool:
    """True where a number and a meaning agree, a question is asked or a table called ("Maud, table 2 :"), with hardly a word more."""
    if cues.table is not None and text.rstrip().endswith(":") and cues.n_other <= _MAX_NAMED:
        return True
    agree = (
        cues.numbered is not None
        and cues.numbered == cues.meaning
        and cues.n_other <= cues.n_words // 3
    )
    return agree or asks(text, cues)


def is_meta(text: str, *, in_head: bool) -> bool:
    """True for "Prise de notes : …" and the like; labels such as "Lieu :" and bare dates count only `in_head`, before any passage."""
    folded = fold(text)
    if is_name_alone(text):
        return True
    if len(folded.split()) > MAX_META_WORDS or states_after_label(text):
        return False
    label = _label_of(text)
    always, head, opening, opening_head = _meta_patterns()
    if label and (always.fullmatch(label) or (in_head and head.fullmatch(label))):
        return True
    if _is_named_role(text):
        return True
    if in_head and (opening_head.match(folded) or _is_venue(text, folded) or _all_meta(text)):
        return True
    return bool(opening.match(folded)) and len(folded.split()) <= MAX_LABEL_WORDS


def is_name_alone(text: str) -> bool:
    """True for a label and nothing but names of persons: "Nota : Anne Petit", "Remarque de M. Kerven."."""
    before, colon, after = text.partition(":")
    if colon and after.strip(" ."):
        cues = read_cues(before)
        is_asking = any(
            question.startswith("q") for question, _ in cues.scores
        )  # and not "Conclusion"
        return 0 < cues.n_words <= _MAX_NAMED + 1 and not is_asking and _are_names(after)
    opening = _name_label_pattern().match(before)
    return opening is not None and _are_names(before[opening.end() :])


def _are_names(text: str) -> bool:
    names = [name.strip(" .") for name in re.split(r"[,;/&]|\bet\b", text)]
    return all(map(is_whole_name, names))


def states_after_label(text: str) -> bool:
    """True for "Label : …" that goes on with what somebody says, and not with a name, a place or a date.

    A verb tells, or more than six words; behind a label of facts ("Lieu :", "Participants :") only a clause does.

    >>> states_after_label("Rapporteur : nous avons parlé des bus"), states_after_label("Rapporteur : Anne Petit")
    (True, False)
    """
    before, colon, after = text.partition(":")
    rest = fold(after)
    if not colon or not rest or len(before.split()) > _MAX_FACTS or re.match(r"\d", after):
        return False
    patterns, label = _label_patterns(), without_tables(re.sub(r"\([^)]*\)", " ", before))
    if not patterns["etiquettes_ouvertes"].fullmatch(label):
        return bool(patterns["clauses"].search(rest)) and not _opens_with_name(after)
    is_told = bool(patterns["etiquettes_de_propos"].fullmatch(label)) and not _opens_with_name(
        after
    )
    return is_told or states(after, is_announced=True)


def states(text: str, *, is_announced: bool) -> bool:
    """True for what somebody says: a verb tells; behind a colon or dash (`is_announced`) more than six words do, unless they are facts."""
    words = fold(text)
    if _verb_pattern().search(words):
        return True
    return is_announced and len(words.split()) > _MAX_FACTS and not is_fact(text)


def is_fact(text: str) -> bool:
    """True for what opens with a person's name or a document's title, or holds a figure: a date, an hour, a number of people."""
    return (
        bool(re.search(r"\d", text))
        or bool(_title_pattern().match(fold(text)))
        or _opens_with_name(text)
    )


def split_role(text: str) -> tuple[str, str] | None:
    """(Role, words) of a line that says what a role said: "Rapporteur : nous avons…"; None for any other line."""
    before, _, after = text.partition(":")
    is_role = bool(_label_patterns()["roles_nommes"].fullmatch(fold(before)))
    return (before.strip(), after.strip()) if is_role and states_after_label(text) else None


def without_label(text: str) -> str:
    """`text` without a label that only announces what was said: "Nota : le bus part trop tôt"."""
    before, colon, after = text.partition(":")
    is_bare = bool(colon) and bool(_label_patterns()["etiquettes_retirees"].fullmatch(fold(before)))
    return after.strip() if is_bare and after.strip() else text


def _opens_with_name(text: str) -> bool:
    """True where a person's name comes first: whole, or a first name alone."""
    first = re.split(r"[,;(/–—]|\s-\s|\bet\b", text, maxsplit=1)[0].strip(" .")
    return is_whole_name(first) or (first[:1].isupper() and is_first_name(first))


def _label_of(text: str) -> str:
    """What stands before a colon, folded; "" without one, or before a sign that counts ("le + : …", "+ / - :")."""
    before = re.sub(r"\([^)]*\)", " ", text.split(":")[0]) if ":" in text[:60] else ""
    return "" if re.search(r"[+=]|[-–]\s*$", before) else without_tables(before)


def _all_meta(text: str) -> bool:
    """True where each of several sentences tells circumstances ("Atelier du 4 mai, salle des fêtes. Contact : …")."""
    sentences = re.split(r"(?<=[^\s.]{3}\.)\s+(?=[A-ZÀ-Ý])", text)
    bare = [sentence.rstrip(".") for sentence in sentences]
    return len(bare) > 1 and all(
        is_meta(one, in_head=True) or (is_title(one) and bool(_date_pattern().search(fold(one))))
        for one in bare
    )


def _is_named_role(text: str) -> bool:
    """True for a name beside what the person does at the table, in either order: "Anne Riou – secrétaire de séance", "animatrice Maud"."""
    role, *names = text.split() or [""]
    if _label_patterns()["roles_nommes"].fullmatch(fold(role)) and 0 < len(names) <= _MAX_NAMED:
        return all(word[:1].isupper() or is_first_name(word) for word in names)
    pieces = [piece.strip() for piece in re.split(r"\s[–—-]\s|[,()]", text) if piece.strip()]
    if len(pieces) != 2:
        return False
    roles = [bool(_meta_patterns()[0].fullmatch(without_tables(piece))) for piece in pieces]
    name = pieces[roles.index(False)].split() if sum(roles) == 1 else []
    particles = lexicon("people")["particules"]
    return 0 < len(name) <= _MAX_NAME_WORDS and all(
        word[:1].isupper() or fold(word) in particles for word in name
    )


def is_meta_section(text: str) -> bool:
    """True for the title of a list of participants, an agenda and the like."""
    return bool(_section_pattern().fullmatch(fold(text)))


def is_title(text: str) -> bool:
    """True for a first line that says what the document is ("Table trois, notes de …", "Atelier de Vervins – Table 1"), not a sentence."""
    folded = fold(text)
    is_long = len(folded.split()) > MAX_TITLE_WORDS
    if is_long or text.rstrip().endswith(("!", ";", ".")) or states_after_label(text):
        return False
    return bool(_title_pattern().match(folded)) or bool(
        _number_patterns()["tables"].match(text.strip())
    )


def _is_venue(text: str, folded: str) -> bool:
    """True for a place and a date, such as "Vervins, 19 mai 2026"."""
    date = _date_pattern().search(folded)
    if (
        not date
        or len(folded.split()) > MAX_TITLE_WORDS
        or _label_patterns()["clauses"].search(folded)
    ):
        return False
    small = [
        word for word in re.findall(r"\b[a-zà-ÿ]{3,}", text) if word not in lexicon("dates")["mois"]
    ]
    return bool(date["year"] or date["year2"]) or len(small) <= 1


def split_prefix(text: str) -> Prefix | None:
    """Return the prefix of `text` that tells a table, a question or both, in either order; None where it opens with its passage."""
    opening = re.match(r"\s*([\[({])?\s*", text)
    at = opening.end() if opening else 0
    told: dict[str, int] = {}
    is_spelled = False
    while len(told) < 2 and (found := _match_number(text, at, told)):
        group, number, is_word, at = found
        told[group] = number
        is_spelled = is_spelled or is_word
    closing = re.compile(r"\s*([\])}])?\s*([:–—|/>→=.,)-]+(?=\s|\D))?\s*").match(text, at)
    if not told or not closing or not text[closing.end() :].strip():
        return None
    asked = told.get("questions")
    question = None if asked is None else f"q{asked}" if f"q{asked}" in QUESTIONS else "autre"
    is_bracketed = bool(opening and opening[1] and closing[1])
    form = (
        "bracketed"
        if is_bracketed
        else "bare"
        if not (closing[1] or closing[2])
        else "spelled"
        if is_spelled
        else "marked"
    )
    return Prefix(
        Location(told.get("tables"), question, None, question is not None),
        form,
        text[closing.end() :].strip(),
    )


def without_numbers(text: str) -> str:
    """`text` without its tables', questions' and opening numbers: "2 – T1 : ce qui marche" is "ce qui marche"."""
    for pattern in _numbered_patterns():
        text = pattern.sub(" ", text)
    return " ".join(text.split()).strip(" :–—-,;.()[]/|>_")


def is_idea(text: str) -> bool:
    """True for what goes on after a prefix as a passage ("les urgences ont fermé, il faut aller à…"), False for a title or a question.

    A final mark, a verb of everyday notes, a negation, or a list or figure in a line without capital tell; in doubt it is a title.
    """
    words, ends = fold(text).split(), text.rstrip()[-1:]
    cues = read_cues(text)
    if (
        ends in ("?", ":")
        or is_meta(text, in_head=True)
        or cues.is_label
        or (cues.meaning is not None and cues.n_other <= cues.n_words // 3)
    ):
        return False
    if ends in (".", "!", ";", "…"):
        return True
    is_listing = text[:1].islower() and bool(re.search(r"[,;(]|\d", text))
    return len(words) >= _MIN_IDEA_WORDS and (
        is_listing or bool(_idea_pattern().search(" ".join(words)))
    )


def split_reporter(text: str) -> int | None:
    """The table that a summary's sentence opens with ("La table 2 insiste…", "À la trois, on…"), or None."""
    match = _reporter_pattern().match(fold(text))
    return to_number(match[1]) if match else None


def _match_number(text: str, at: int, told: dict[str, int]) -> tuple[str, int, bool, int] | None:
    """The numbered table or question at `at`, as (group, number, whether the word is spelled, end), unless it is told already."""
    gap = re.compile(r"[\s,/|;–—-]*" if told else "").match(text, at)
    for group in ("tables", "questions"):
        match = _number_patterns()[group].match(text, gap.end() if gap else at)
        number = to_number(fold(match["number"])) if match else None
        if match and number is not None and group not in told:
            return group, number, bool(match["word"]), match.end()
    return None


@cache
def _number_patterns() -> dict[str, re.Pattern[str]]:
    """A spelled word ("Table 4", "N° de table : 4") or a single letter, then a number that no unit follows."""
    no, number = (
        r"(?:n\s?[°ºo]|num[ée]ro)",
        rf"(?P<number>{number_pattern('cardinaux')})(?!(?![tq]\d)[\w%€])",
    )
    return {
        group: re.compile(
            rf"(?:(?:{no}\s*(?:de )?(?:la )?)?(?P<word>{_nouns(group)})\s*(?:{no}\s?)?(?::\s*)?|{letter}\s?(?=\d)){number}",
            re.IGNORECASE,
        )
        for group, letter in (("tables", "t"), ("questions", "q"))
    }


@cache
def _numbered_patterns() -> tuple[re.Pattern[str], ...]:
    """An opening number, a numbered table or question, and an ordinal before one of their nouns."""
    nouns, ordinals = f"{_nouns('tables')}|{_nouns('questions')}", number_pattern("ordinaux")
    ordinal = ordinals.replace(r"\d{1,2}", r"\d{1,2}\s?(?:[eè]me|ère?|er|re|nde?|e)")
    numbered = [rf"(?<!\w){pattern.pattern}" for pattern in _number_patterns().values()]
    opening = r"^\W*\d{1,2}(?![\w%€]|\s?[%€]|\s?[.,]\d)\W*"
    return tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (opening, *numbered, rf"(?<!\w)(?:{ordinal})\s(?:{nouns})s?\b")
    )


def _nouns(group: str) -> str:
    return "|".join(
        sorted((noun for noun in lexicon("where")[group] if len(noun) > 1), key=len, reverse=True)
    )


@cache
def _idea_pattern() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(lexicon('where')['propos'])})\b")


@cache
def _label_patterns() -> dict[str, re.Pattern[str]]:
    lists = (
        "roles_nommes",
        "etiquettes_ouvertes",
        "etiquettes_de_propos",
        "etiquettes_retirees",
        "clauses",
    )
    return {name: re.compile(rf"\b(?:{'|'.join(lexicon('where')[name])})\b") for name in lists}


@cache
def _name_label_pattern() -> re.Pattern[str]:
    return re.compile(
        rf"\s*(?:{'|'.join(lexicon('where')['propos_de'])})\s+(?:de\s+|d['’]\s*|par\s+)",
        re.IGNORECASE,
    )


@cache
def _verb_pattern() -> re.Pattern[str]:
    """The verbs of everyday notes, and those by which a table's words are reported."""
    reported = [fold(verb) for verb in lexicon("segmentation")["verbes_de_compte_rendu"]]
    return re.compile(
        rf"\b(?:{'|'.join([*lexicon('where')['propos'], *lexicon('where')['clauses'], *reported])})\b"
    )


@cache
def _meta_patterns() -> tuple[re.Pattern[str], ...]:
    """Labels that never open a passage, those that don't in a document's head, and the same two for openings without a colon."""
    words = lexicon("where")
    lists = ("meta", "meta_en_tete", "meta_sans_deux_points", "meta_sans_deux_points_en_tete")
    return tuple(re.compile(rf"(?:{'|'.join(words[name])})") for name in lists)


@cache
def _section_pattern() -> re.Pattern[str]:
    return re.compile("|".join(lexicon("where")["parties_meta"]))


@cache
def _title_pattern() -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(lexicon('where')['titres'])})\b")


@cache
def _date_pattern() -> re.Pattern[str]:
    months = "|".join(fold(month) for month in lexicon("dates")["mois"])
    return re.compile(
        rf"\b\d{{1,2}}(?:er)? (?:{months})\b(?: (?P<year>\d{{4}}))?|\b\d{{1,2}} \d{{1,2}} (?P<year2>\d{{4}}|\d{{2}})\b"
    )


@cache
def _reporter_pattern() -> re.Pattern[str]:
    openings = "(?:(?:pour|a|chez|de|quant a|nous|cote|selon) )?(?:(?:la|le|notre|a la|au) )?"
    return re.compile(
        rf"{openings}(?:{_nouns('tables')}) (?:no )?({number_pattern('cardinaux')})\b"
    )

"""Tell why a line is no passage: a circumstance, a name, furniture of a page; tell titles too.

The words are in data/lexicon/locate.yaml, the reasons in pipeline.tables.schema.ASIDES.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache

from pipeline.ingest.locate.cues import read_cues, without_tables
from pipeline.ingest.locate.lines import (
    MAX_LABEL_WORDS,
    MAX_NAMED,
    WHOLE,
    are_names,
    is_fact,
    matches,
    opens_with_name,
    states,
    states_after_label,
)
from pipeline.ingest.locate.prefixes import SURE_FORMS, number_patterns, split_prefix
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.people import is_first_name
from pipeline.ingest.words import word_pattern
from pipeline.text import fold, fold_same_length, lexicon

MAX_TITLE_WORDS, _MAX_META_WORDS = 22, 40
_MAX_NAME_WORDS = 4
_MIN_IDEA_WORDS = 5  # words after a prefix; a shorter line without final mark is a title
_MAX_VENUE_WORDS = 8  # words that may follow a table's number on its line
_MAX_LINK_WORDS = 5
_START = r"{}\b"
_LINKS = re.compile(r"\s+[|>›»·•]\s+|\s*›\s*")
_ADDRESS = re.compile(
    r"(?:(?:https?://|www\.)\S+|\S+@\S+\.\w+|[\w%-]+\.(?:jpe?g|png|gif|svg|pdf|docx?))", re.I
)
_VOTES = re.compile(r"[^\w\s()\[\]#.,;:°*/<>=-]\ufe0f?\s*[x×]?\s*\d{1,3}")  # "♥ 2"
_MARKUP = re.compile(
    r"(?:\[\[(?:fichier|file|image|cat[ée]gorie|category):.*?\]\]|\{\{.*?\}\}|</?\w[^<>]*>"
    r"|\[/[\w-]+\]|\[\w+(?:_\w+)*(?:\s+[\w-]+=[^\]]*)+/?\]|\[\w+_\w+\]|\s)+",
    re.IGNORECASE,
)


def aside_of(text: str, *, in_head: bool) -> str:
    """Return why a line is no passage, a key of ASIDES, or "" for what may be one.

    Labels such as "Contact :" and bare dates count only `in_head`, before any passage.

    >>> aside_of("Prise de notes : Anne Petit", in_head=False)
    'speaker'
    >>> aside_of("Prise de notes : il manque des bus", in_head=False)
    ''
    """
    if is_name_alone(text) and not _reason_of_page(text):
        return "speaker"
    folded = fold(text)
    n_words = len(folded.split())
    if n_words > _MAX_META_WORDS:
        return ""
    if _MARKUP.fullmatch(text) and text.strip():
        return "markup"
    if _VOTES.fullmatch(text.strip()):
        return "votes"
    if states_after_label(text):
        return ""
    reason = _reason_of_label(text, in_head=in_head) or _reason_of_page(text)
    if reason or _is_named_role(text):
        return reason or "speaker"
    opening = word_pattern("locate", "meta_sans_deux_points_en_tete")
    if in_head and (opening.match(folded) or _is_venue(text, folded) or _all_aside(text)):
        return "circumstance"
    opening = word_pattern("locate", "meta_sans_deux_points")
    return "circumstance" if n_words <= MAX_LABEL_WORDS and opening.match(folded) else ""


def is_name_alone(text: str) -> bool:
    """Whether a line holds only names: "Nota : Anne Petit", "Remarque de M. Kerven.", "Karim :"."""
    before, colon, after = text.partition(":")
    if colon and after.strip(" ."):
        cues = read_cues(before)
        is_asking = any(question[0] == "q" for question, _ in cues.scores)  # not "Conclusion"
        return 0 < cues.n_words <= MAX_NAMED + 1 and not is_asking and are_names(after)
    if are_names(before) or (colon and is_first_name(before)):
        return True
    opening = _remark_of().match(before)
    return opening is not None and are_names(before[opening.end() :])


def _reason_of_label(text: str, *, in_head: bool) -> str:
    label = _label_of(text)
    if not label:
        return ""
    if reason := _reason(label, "etiquettes"):
        return reason
    after = text.partition(":")[2]
    is_said = states(after, is_announced=False) and not opens_with_name(after)
    if not is_said:
        is_told = is_fact(after) or _ADDRESS.search(after) or after.count(",") > 1
        if is_told and (reason := _reason(label, "etiquettes_de_faits")):
            return reason
        if matches("etiquettes_de_titre", label) and fold(after):
            return "category"
        is_venue = word_pattern("locate", "lieux_de_reunion", _START).match(fold(after))
        if is_venue and matches("etiquettes_de_lieu", label):
            return "circumstance"
    return _reason(label, "etiquettes_en_tete") if in_head and not is_said else ""


def _reason_of_page(text: str) -> str:
    """Tell what a web page or wiki leaves around its text: legends, links, buttons."""
    bare = fold_same_length(text, accents="none").strip()
    if word_pattern("locate", "habillage").fullmatch(bare):
        after = text.partition(":")[2]
        return "" if states(after, is_announced=False) else "page furniture"
    pieces = [piece.strip() for piece in text.split()]
    if pieces and all(map(_ADDRESS.fullmatch, pieces)):
        return "web address"
    links = [fold(link) for link in _LINKS.split(text)]
    are_short = len(links) > 1 and all(len(link.split()) <= _MAX_LINK_WORDS for link in links)
    is_menu = are_short and any(link in lexicon("locate")["navigation"] for link in links)
    return "page furniture" if is_menu else ""


def names_person(text: str) -> bool:
    """Whether a listed line is a person, with role or structure: "Anne Riou (La Criée)"."""
    return (opens_with_name(text) or are_names(text)) and not states(text, is_announced=False)


def reason_of_section(text: str) -> str:
    """Return why nothing below the title is a passage (participants, an agenda), or ""."""
    return _reason(fold(text), "parties_meta")


def is_title(text: str) -> bool:
    """Whether a first line names the document ("Atelier de Vervins – Table 1")."""
    folded = fold(text)
    is_long = len(folded.split()) > MAX_TITLE_WORDS
    if is_long or text.rstrip().endswith(("!", ";", ".")) or states_after_label(text):
        return False
    titled = word_pattern("locate", "titres", _START).match(folded)
    is_table = folded.startswith(tuple(lexicon("locate")["tables"])) and read_cues(text).has_tables
    return bool(titled or is_table or number_patterns()["tables"].match(text.strip()))


def _reason(folded: str, group: str) -> str:
    patterns = _by_reason(group).items()
    return next((reason for reason, pattern in patterns if pattern.fullmatch(folded)), "")


@cache
def _by_reason(group: str) -> Mapping[str, re.Pattern[str]]:
    groups: Mapping[str, Sequence[str]] = lexicon("locate")[group]
    return {reason: re.compile("|".join(texts)) for reason, texts in groups.items()}


def _label_of(text: str) -> str:
    """Return "" without a colon, or before a sign ("+ / - :")."""
    before = re.sub(r"\([^)]*\)", " ", text.split(":")[0]) if ":" in text[:60] else ""
    return "" if re.search(r"[+=]|[-–]\s*$", before) else without_tables(before)


def _all_aside(text: str) -> bool:
    """Whether all sentences are like "Atelier du 4 mai, salle des fêtes."."""
    sentences = re.split(r"(?<=[^\s.]{3}\.)\s+(?=[A-ZÀ-Ý])", text)
    bare = [sentence.rstrip(".") for sentence in sentences]
    return len(bare) > 1 and all(
        aside_of(one, in_head=True) or (is_title(one) and bool(_day_pattern().search(fold(one))))
        for one in bare
    )


def _is_named_role(text: str) -> bool:
    """Whether the text is like "Anne Riou – secrétaire de séance"."""
    role, *names = text.split() or [""]
    if matches("roles_nommes", fold(role), WHOLE) and 0 < len(names) <= MAX_NAMED:
        return all(word[:1].isupper() or is_first_name(word) for word in names)
    pieces = [piece.strip() for piece in re.split(r"\s[–—-]\s|[,()]", text) if piece.strip()]
    if len(pieces) != 2:
        return False
    others = [piece for piece in pieces if not _reason(without_tables(piece), "etiquettes")]
    if len(others) != 1:
        return False
    name, particles = others[0].split(), lexicon("people")["particules"]
    is_name = all(word[:1].isupper() or fold(word) in particles for word in name)
    return is_name and 0 < len(name) <= _MAX_NAME_WORDS


def _is_venue(text: str, folded: str) -> bool:
    """Whether the text is like "Vervins, 19 mai 2026"."""
    date = _day_pattern().search(folded)
    is_long = len(folded.split()) > MAX_TITLE_WORDS
    if not date or is_long or word_pattern("locate", "clauses", WHOLE).search(folded):
        return False
    months = lexicon("dates")["mois"]
    small = [word for word in re.findall(r"\b[a-zà-ÿ]{3,}", text) if word not in months]
    return bool(date["year"] or date["year2"]) or len(small) <= 1


def is_idea(text: str) -> bool:
    """Whether the text after a prefix is a passage, not a title or question; in doubt a title."""
    ends, cues = text.rstrip()[-1:], read_cues(text)
    names = cues.is_label or (cues.meaning is not None and cues.n_other <= cues.n_words // 3)
    if ends in ("?", ":") or names or aside_of(text, in_head=True):
        return False
    if ends in (".", "!", ";", "…"):
        return True
    words = fold(text)
    is_listing = text[:1].islower() and bool(re.search(r"[,;(]|\d", text))
    has_verb = word_pattern("locate", "propos", WHOLE).search(words)
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


def names_table_in_passing(block: RawBlock, below: RawBlock | None) -> bool:
    """Whether "table 4 vite fait" heads what follows: its table and two words, no sentence."""
    cues = read_cues(block.text) if block.kind == "paragraph" and below else None
    if cues is None or cues.table is None or cues.n_words > _MIN_IDEA_WORDS:
        return False
    match = number_patterns()["tables"].match(block.text.strip())
    is_spelled = match is not None and match["word"] is not None
    is_sentence = block.text.rstrip().endswith((".", "!", "?", ";"))
    is_open = cues.n_other <= MAX_NAMED and not states(block.text, is_announced=False)
    return is_spelled and is_open and not is_sentence and not re.search(r"[:,–]", block.text)


@cache
def _remark_of() -> re.Pattern[str]:
    labels = "|".join(lexicon("locate")["propos_de"])
    return re.compile(rf"\s*(?:{labels})\s+(?:de\s+|d['’]\s*|par\s+)", re.IGNORECASE)


@cache
def _day_pattern() -> re.Pattern[str]:
    months = "|".join(fold(month) for month in lexicon("dates")["mois"])
    worded = rf"\b\d{{1,2}}(?:er)? (?:{months})\b(?: (?P<year>\d{{4}}))?"
    return re.compile(rf"{worded}|\b\d{{1,2}} \d{{1,2}} (?P<year2>\d{{4}}|\d{{2}})\b")

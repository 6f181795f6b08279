"""Tell what a line does: name what follows, ask a question, or state something."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from pipeline.ingest.locate.cues import ENOUGH, TextCues, read_cues, without_tables
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.people import is_first_name, is_whole_name
from pipeline.ingest.words import word_pattern
from pipeline.text import fold, lexicon

MAX_LABEL_WORDS = 16
MAX_NAMED = 2  # words beside an announced table, such as the reporter
WHOLE = r"\b{}\b"
_MAX_FACTS = 6  # words beside a label that may be a circumstance
_ASKS = re.compile(
    r"^(?:\W|\d)*(?:quel|qu['’]|que\b|quoi|comment|de quoi|o[uù]\b|pourquoi)", re.IGNORECASE
)
_PARTICIPLE = re.compile(r"\b(?:a|ont|est|sont|avait|avaient)\s+(?:\w+\s)?\w{2,}(?:ée?s?|us?)\b")
_START = r"{}\b"
_CIVILITY, _WORD = r"(?:Mmes?|Madame|M\.|Mr|Monsieur|Mlle|Dr)\s+", r"[A-ZÀ-Ý][\w'’-]+"
_PERSON = rf"(?P<name>{_CIVILITY}{_WORD}(?:\s{_WORD})?|{_WORD}(?:\s(?:de|du|Le|La))?\s{_WORD})"
_NAMED = re.compile(rf"{_PERSON}\s*(?:\([^()]{{1,60}}\)|,[^,.]{{1,60}},)?\s+")
_ACCORDING = re.compile(rf"(?:Pour|Selon|D['’]après)\s+{_PERSON}\s*(?:\([^()]{{1,60}}\))?,\s")
_WHO = r"(?P<name>[A-ZÀ-Ý][\w.'’ -]{1,38}?)"
_SAID = (  # who says a line, and her words
    re.compile(rf"[(\[]{_WHO}[)\]]\s*:?\s*(?P<words>\S.*)", re.DOTALL),
    re.compile(rf"{_WHO}\s*(?:\([^()]{{1,40}}\)\s*)?(?::|→|->)\s+(?P<words>\S.*)", re.DOTALL),
    re.compile(rf"(?P<words>[«“\"].+[»”\"])\s*[(,–—-]\s*{_WHO}\)?\.?", re.DOTALL),
)
_SENTENCE = re.compile(r"(?<=[.!?])(?<!\bM\.)(?<!\bDr\.)\s+(?=[A-ZÀ-Ý])")
_GOES_ON = re.compile(r"(?:Il|Elle)s?\s")


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
    if cues.table is not None and text.rstrip().endswith(":") and cues.n_other <= MAX_NAMED:
        return True
    is_agreed = cues.numbered is not None and cues.numbered == cues.meaning
    return (is_agreed and cues.n_other <= cues.n_words // 3) or asks(text, cues)


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
    if matches("etiquettes_ouvertes", label, WHOLE):
        is_remark = matches("etiquettes_de_propos", label, WHOLE)
        return (is_remark and not opens_with_name(after)) or states(after, is_announced=True)
    has_clause = word_pattern("locate", "clauses", WHOLE).search(words)
    return bool(has_clause) and not opens_with_name(after)


def states_as_heading(text: str) -> bool:
    """Whether a heading says something, rather than names or asks what follows.

    >>> states_as_heading("Point de vigilance : il n'y a plus de médecin")
    True
    >>> states_as_heading("Point de vigilance : la santé")
    False
    """
    before, colon, after = text.partition(":")
    is_speaker = opens_with_name(before) or matches("roles_nommes", fold(before), WHOLE)
    if colon and is_speaker and not opens_with_name(after):
        return len(after.split()) > MAX_NAMED
    if text.rstrip().endswith(("?", ":")) or _asks_in_other_words(after if colon else text):
        return False
    if not colon:
        return _has_sure_verb(text)
    if re.search(r"\d", before) or len(before.split()) > _MAX_FACTS or opens_with_name(after):
        return False
    n_words = len(after.split())
    is_idea = n_words > 2 and matches("etiquettes_d_idee", fold(before))
    return is_idea or (n_words > _MAX_FACTS and not is_fact(after)) or _has_sure_verb(after)


def _asks_in_other_words(text: str) -> bool:
    return bool(word_pattern("locate", "verbes_de_phrase_exclus", _START).match(fold(text)))


def _has_sure_verb(text: str) -> bool:
    is_verb = word_pattern("locate", "verbes_de_phrase", WHOLE).search(fold(text))
    return bool(is_verb or _PARTICIPLE.search(text.lower()))


def states(text: str, *, is_announced: bool) -> bool:
    """Whether the text has a verb, or is long after a colon (`is_announced`) without facts."""
    words = fold(re.sub(r"(?<=\w )Est\b", " ", text))  # the east of a town
    if _verb_pattern().search(words) or _has_sure_verb(text):
        return True
    return is_announced and len(words.split()) > _MAX_FACTS and not is_fact(text)


def is_fact(text: str) -> bool:
    """Whether the text holds a figure, or opens with a person's name or a document's title."""
    is_titled = word_pattern("locate", "titres", _START).match(fold(text))
    return bool(re.search(r"\d", text) or is_titled) or opens_with_name(text)


def split_role(text: str) -> tuple[str, str] | None:
    """Return (role, words) of "Rapporteur : nous avons…", or None."""
    before, _, after = text.partition(":")
    is_role = matches("roles_nommes", fold(before), WHOLE)
    return (before.strip(), after.strip()) if is_role and states_after_label(text) else None


def split_said(text: str) -> tuple[str, str] | None:
    """Return (person, words) of "Rémi : le plateau se vide", "(Karim) …", "« … » (Anne Riou)".

    >>> split_said("(Karim) une seule personne sait s'en servir")
    ('Karim', "une seule personne sait s'en servir")
    """
    for pattern in _SAID:
        match = pattern.match(text.strip())
        if match and _is_speaker(match["name"]) and not are_names(match["words"]):
            return match["name"].strip(), match["words"].strip()
    return None


def speakers_named(texts: Sequence[str]) -> frozenset[str]:
    """Return who surely speaks: whole names and names in brackets, first names that come back."""
    said = [(text, found[0]) for text in texts if (found := split_said(text))]
    n_lines = Counter(name for _, name in said)
    are_many = len(n_lines) > 1 and len(said) > MAX_NAMED
    return frozenset(
        name
        for text, name in said
        if len(name.split()) > 1 or not text.startswith(name) or n_lines[name] > 1 or are_many
    )


def _is_speaker(name: str) -> bool:
    if fold(name).split()[0] in ("le", "la", "les", "l", "un", "une", "des"):
        return False
    bare = re.sub(r"^(?:Mme|M\.|Mr|Monsieur|Madame)\s+", "", name.strip())
    words = bare.split()
    is_initial = len(words) > 1 and re.fullmatch(r"[A-ZÀ-Ý]\.?", words[-1]) is not None
    is_civil = bare != name.strip() and len(words) < MAX_NAMED + 1 and bare[:1].isupper()
    bare = " ".join(words[:-1]) if is_initial else bare
    return is_civil or is_whole_name(bare) or (bare[:1].isupper() and is_first_name(bare))


def cut_reported(block: RawBlock) -> list[RawBlock]:
    """Cut minutes where they give someone's words: "Mme Riou signale… M. Petit demande…".

    "Il" and "elle" go on with the same person; any other sentence is nobody's.
    """
    if block.kind not in ("paragraph", "bullet") or block.speaker or block.columns:
        return [block]
    pieces: list[tuple[str | None, list[str]]] = []
    for sentence in _SENTENCE.split(block.text):
        speaker = _reported(sentence)
        above = pieces[-1][0] if pieces else None
        if pieces and (speaker == above or (above and _GOES_ON.match(sentence))):
            pieces[-1][1].append(sentence)
        else:
            pieces.append((speaker, [sentence]))
    return [replace(block, text=" ".join(texts), speaker=speaker) for speaker, texts in pieces]


def _reported(sentence: str) -> str | None:
    """Return who says a sentence of minutes: "Mme Riou signale…", "Pour M. Petit, …"."""
    according = _ACCORDING.match(sentence)
    named = according or _NAMED.match(sentence)
    if named is None or not is_whole_name(named["name"]):
        return None
    verb = word_pattern("locate", "verbes_de_parole", _START).match(fold(sentence[named.end() :]))
    return named["name"] if according or verb else None


def without_label(text: str) -> str:
    """Drop a label that only announces: "Nota : le bus part" → "le bus part"."""
    before, _, after = text.partition(":")
    is_bare = after.strip() and matches("etiquettes_retirees", fold(before), WHOLE)
    return after.strip() if is_bare else text


def matches(group: str, folded: str, template: str = "{}") -> bool:
    """Whether `folded` is an expression of the group of data/lexicon/locate.yaml."""
    return bool(word_pattern("locate", group, template).fullmatch(folded))


def opens_with_name(text: str) -> bool:
    """Whether a person's name comes before the first comma, bracket or dash."""
    first = re.split(r"[,;(/–—]|\s-\s|\bet\b", text, maxsplit=1)[0].strip(" .")
    return is_whole_name(first) or (first[:1].isupper() and is_first_name(first))


def are_names(text: str) -> bool:
    """Whether the text lists persons' names only."""
    return all(is_whole_name(name.strip(" .")) for name in re.split(r"[,;/&]|\bet\b", text))


@cache
def _verb_pattern() -> re.Pattern[str]:
    """Match verbs of everyday notes and of reports."""
    reported = map(fold, lexicon("segmentation")["verbes_de_compte_rendu"])
    words = lexicon("locate")
    return re.compile(rf"\b(?:{'|'.join([*words['propos'], *words['clauses'], *reported])})\b")

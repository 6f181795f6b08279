"""Tell what a line does: name what follows, ask, state something, note a call, or none of it.

Why a line is no passage (a circumstance, a name, furniture of a page) is one of
pipeline.tables.schema.ASIDES; the words are in data/lexicon/locate.yaml.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from pipeline.ingest.locate.cues import (
    ENOUGH,
    MONTHS,
    SURE_FORMS,
    TextCues,
    number_patterns,
    read_cues,
    split_prefix,
    without_tables,
)
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.words import (
    are_names,
    first_key,
    fits_lexicon,
    is_anonymous,
    is_first_name,
    is_whole_name,
    word_pattern,
)
from pipeline.text import fold, fold_same_length, lexicon

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

MAX_TITLE_WORDS, _MAX_META_WORDS = 22, 40
_MAX_NAME_WORDS = 4
_MIN_IDEA_WORDS = 5  # words after a prefix; a shorter line without final mark is a title
_MAX_VENUE_WORDS = 8  # words that may follow a table's number on its line
_MAX_LINK_WORDS = 5
_LINKS = re.compile(r"\s+[|>›»·•]\s+|\s*›\s*")
_ADDRESS = re.compile(
    r"(?:(?:https?://|www\.)\S+|[^\s@]{1,100}@[^\s@]{1,100}\.\w+"
    r"|[\w%-]+\.(?:jpe?g|png|gif|svg|pdf|docx?))",
    re.I,
)
_VOTES = re.compile(r"[^\w\s()\[\]#.,;:°*/<>=-]\ufe0f?\s*[x×]?\s*\d{1,3}")  # "♥ 2"
_BRACKETED = re.compile(
    r"\[[^\[\]]{12,}\]|\((?:\s*[^()=]{1,30}=[^()=]{1,30}[,;)]){2,}"
)  # aside, key
_MARKUP = re.compile(
    r"(?:\[\[(?:fichier|file|image|cat[ée]gorie|category):.*?\]\]|\{\{.*?\}\}|</?\w[^<>]*>"
    r"|\[/[\w-]+\]|\[\w+(?:_\w+)*(?:\s+[\w-]+=[^\]]*)+/?\]|\[\w+_\w+\]|\s)+",
    re.IGNORECASE,
)

# between a call's circumstances and its words
_CALL_MARKS = re.compile(
    r"(?<!\d):\s*|:\s+|\s[–—-]+>?\s+|(?<=[^\s.]{3})\.\s+(?=[A-ZÀ-Ý])|[,;]\s+|\s*→\s*"
)
CALL_DAY = re.compile(
    r"\W{0,3}(?:le\s+)?\d{1,2}(?:[/.]\d{1,2}(?:[/.]\d{2,4})?"
    rf"|(?:er)?\s(?:{MONTHS})\w*\.?)(?:\s*(?:à|vers)?\s*\d{{1,2}}\s?[hH:]\s?(?:\d{{2}})?)?"
    r"\s*[:,–-]?\s*(?=[^\W\d])",
    re.IGNORECASE,
)
CALL_ENTRY = re.compile(  # "16/03 11h - une aide à domicile : elle dit que…"
    rf"(?P<day>{CALL_DAY.pattern})(?P<who>[^:→/]{{3,70}}?)(?P<mark>\s*:\s+|\s+[-–—]+>?\s+|\s*→\s*|\s+/\s+)"
    r"(?=\S)",
    re.IGNORECASE,
)
_CAPITAL_WORD = r"[A-ZÀ-Ý][\w'’-]+"
_CALLER = re.compile(
    rf"\b(?:Mmes?|Madame|M\.|MM?|Mr|Monsieur|Mlle|Dr)\s+(?:{_CAPITAL_WORD}(?:\s+(?:(?:de|du|d'|le|la)\s*)?{_CAPITAL_WORD}){{0,2}})"
)
_WHOLE_NAMES = re.compile(rf"{_CAPITAL_WORD}\s{_CAPITAL_WORD}(?:\s{_CAPITAL_WORD})?")
_EQUALS = re.compile(r"^\s*([^\W\d][\w ]{2,20}?)\s*=\s*(?=[A-ZÀ-Ý])")  # "scribe = Anne Riou"
_WRITES = (
    r"(?:écrit|note|scribe|(?:prend|tient|a pris) (?:les notes|des notes|la plume|le stylo)"
    r"|(?:est )?(?:au clavier|au stylo|à la plume|aux notes))"
)
_SMALL, _MIN_WORDS = 3, 2  # letters of a small word; words needed beside a figure


def is_label(text: str, cues: TextCues, kind: str) -> bool:
    """Whether `text` names what follows: all its words are cues.

    A bullet must be numbered or end with a colon; a cell is never a label.
    """
    ends = text.rstrip()[-1:]
    if kind == "cell" or ends in (".", "!", ";") or cues.n_words > MAX_LABEL_WORDS:
        return False
    bare = read_cues(re.sub(r"\([^)]{0,200}\)", " ", text)) if "(" in text else cues
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
    label = without_tables(re.sub(r"\([^)]{0,200}\)", " ", before))
    if fits_lexicon("etiquettes_ouvertes", label, WHOLE):
        is_remark = fits_lexicon("etiquettes_de_propos", label, WHOLE)
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
    is_speaker = opens_with_name(before) or fits_lexicon("roles_nommes", fold(before), WHOLE)
    if colon and is_speaker and not opens_with_name(after):
        return len(after.split()) > MAX_NAMED
    if text.rstrip().endswith(("?", ":")) or _asks_in_other_words(after if colon else text):
        return False
    if not colon:
        return _has_sure_verb(text)
    if re.search(r"\d", before) or len(before.split()) > _MAX_FACTS or opens_with_name(after):
        return False
    n_words = len(after.split())
    is_idea = n_words > 2 and fits_lexicon("etiquettes_d_idee", fold(before))
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
    is_role = fits_lexicon("roles_nommes", fold(before), WHOLE)
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


def speakers_named(texts: Sequence[str], above: str = "") -> frozenset[str]:
    """Return who surely speaks: whole names and names in brackets, first names that come back.

    A first name counts once where `above`, the head of the notes, names the person.
    """
    named_above = {*re.findall(r"[\w'’-]+", above)}
    said = [(text, found[0]) for text in texts if (found := split_said(text))]
    n_lines = Counter(name for _, name in said)
    are_many = len(n_lines) > 1 and len(said) > MAX_NAMED
    return frozenset(
        name
        for text, name in said
        if len(name.split()) > 1
        or name in named_above
        or not text.startswith(name)
        or n_lines[name] > 1
        or are_many
    )


def _is_speaker(name: str) -> bool:
    if fold(name).split()[0] in ("le", "la", "les", "l", "un", "une", "des"):
        return False
    bare = re.sub(r"^(?:Mme|M\.|Mr|Monsieur|Madame)\s+", "", name.strip())
    words = bare.split()
    is_initial = len(words) > 1 and re.fullmatch(r"[A-ZÀ-Ý]\.?", words[-1]) is not None
    if re.fullmatch(r"(?:[A-ZÀ-Ý]\.-?){1,2} ?[A-ZÀ-Ý][a-zà-ÿ'’-]+", bare):  # "N. Riou"
        return True
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
    is_bare = after.strip() and fits_lexicon("etiquettes_retirees", fold(before), WHOLE)
    return after.strip() if is_bare else text


def opens_with_name(text: str) -> bool:
    """Whether a person's name comes before the first comma, bracket or dash."""
    first = re.split(r"[,;(/–—]|\s-\s|\bet\b", text, maxsplit=1)[0].strip(" .")
    return is_whole_name(first) or (first[:1].isupper() and is_first_name(first))


@cache
def _verb_pattern() -> re.Pattern[str]:
    """Match verbs of everyday notes and of reports."""
    reported = map(fold, lexicon("segmentation")["verbes_de_compte_rendu"])
    words = lexicon("locate")
    return re.compile(rf"\b(?:{'|'.join([*words['propos'], *words['clauses'], *reported])})\b")


def aside_of(text: str, *, in_head: bool) -> str:
    """Return why a line is no passage, a key of ASIDES, or "" for what may be one.

    Labels such as "Contact :" and bare dates count only `in_head`, before any passage.

    >>> aside_of("Prise de notes : Anne Petit", in_head=False)
    'speaker'
    >>> aside_of("Prise de notes : il manque des bus", in_head=False)
    ''
    """
    text = _EQUALS.sub(r"\1 : ", text)
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
    if is_instruction(text) or (in_head and _BRACKETED.fullmatch(text.strip())):
        return "circumstance"
    if states_after_label(text):
        return ""
    reason = _reason_of_label(text, in_head=in_head) or _reason_of_page(text)
    if reason or _is_named_role(text):
        return reason or "speaker"
    opening = word_pattern("locate", "meta_sans_deux_points_en_tete")
    if in_head and _is_writer(text):
        return "speaker"
    if in_head and (opening.match(folded) or _is_venue(text, folded) or _all_aside(text)):
        return "circumstance"
    opening = word_pattern("locate", "meta_sans_deux_points")
    return "circumstance" if n_words <= MAX_LABEL_WORDS and opening.match(folded) else ""


def is_instruction(text: str) -> bool:
    """Whether a line is a facilitator's: "Une idée par carte svp", "Merci à tous, je transmets"."""
    bare = re.sub(r"\s*=\s*", " est ", text)
    return fits_lexicon("consignes", fold(bare))


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
        if fits_lexicon("etiquettes_de_titre", label) and fold(after):
            return "category"
        is_venue = word_pattern("locate", "lieux_de_reunion", _START).match(fold(after))
        if is_venue and fits_lexicon("etiquettes_de_lieu", label):
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
    return first_key("locate", group, folded, whole=True) or ""


def _label_of(text: str) -> str:
    """Return "" without a colon, or before a sign ("+ / - :")."""
    text = text.lstrip("([ ")  # "(ont participé : …)"
    before = re.sub(r"\([^)]{0,200}\)", " ", text.split(":")[0]) if ":" in text[:60] else ""
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
    if fits_lexicon("roles_nommes", fold(role), WHOLE) and 0 < len(names) <= MAX_NAMED:
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


def _is_writer(text: str) -> bool:
    """Whether a line says who writes: "Anne Riou prend les notes"."""
    writes = re.search(rf"\s{_WRITES}\W*$", text, re.IGNORECASE)
    return writes is not None and are_names(text[: writes.start()])


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
    if prefix.form == "bracketed" and not (are_names(prefix.rest) or is_title(prefix.rest)):
        return False  # a mark before what somebody says
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


def entry_caller(text: str) -> str | None:
    """Return who called, of a dated entry: a name, else the words for a person."""
    entry = CALL_ENTRY.match(text)
    if entry is None:
        return None
    who = re.split(r"[(,]", entry["who"])[0].strip(" -–")
    return caller_in(entry["who"]) or (who if who and not is_anonymous(who) else None)


def calls_surely(text: str) -> bool:
    """Whether a line among others notes a call: "Tel Mme Riou 12/4 : elle cherche…"."""
    return bool(word_pattern("locate", "appel_sur").match(fold(text)))


def are_calls(blocks: Sequence[RawBlock]) -> bool:
    """Whether most lines note a call each."""
    lines = [block.text for block in blocks if block.kind != "meta" and block.text.strip()]
    n_calls = sum(map(calls_surely, lines))
    return n_calls > 1 and 2 * n_calls >= len(lines)


def caller_in(text: str) -> str | None:
    """Return who called: "Tel Mme Riou 12/4 :" → "Mme Riou"."""
    if match := _CALLER.search(text):
        return match[0]
    names = (match[0] for match in _WHOLE_NAMES.finditer(text))
    return next((name for name in names if is_whole_name(name)), None)


def opens_entry(text: str) -> bool:
    """Whether a line of a list of calls opens with its day or a person, or as a call."""
    name = _WHOLE_NAMES.match(text)
    is_named = bool(_CALLER.match(text)) or (name is not None and is_whole_name(name[0]))
    return is_named or bool(CALL_DAY.match(text)) or opens_call(text)


def opens_call(text: str) -> bool:
    """Whether the text opens like "Appel de Mme …" or "Eu au téléphone …"."""
    return bool(word_pattern("locate", "debut_appel").search(fold(text)))


def cut_call(block: RawBlock, *, in_list: bool = False) -> list[RawBlock]:
    """Cut "Appel de Mme Riou le 3/4 : elle dit que…" before the words said.

    In a list of calls, a line may open with its day only: "3/4 Mme Riou – elle dit que…".
    """
    opens = opens_entry(block.text) if in_list else opens_call(block.text)
    entry = CALL_ENTRY.match(block.text) if in_list and block.kind != "meta" else None
    if entry and not states(entry["who"], is_announced=False):
        said = block.text[entry.end() :].strip()
        told = replace(block, text=block.text[: entry.end()].strip(), kind="meta", level=None)
        speaker = entry_caller(block.text) or block.speaker
        return [
            replace(told, reason="circumstance"),
            replace(block, text=said, kind="paragraph", level=None, speaker=speaker),
        ]
    if (
        block.kind == "meta"
        or not opens
        or (says_beside_call(block.text) and not CALL_DAY.match(block.text))
    ):
        return [block]
    for mark in _CALL_MARKS.finditer(block.text):
        before, after = block.text[: mark.end()].strip(), block.text[mark.end() :]
        piece = _CALL_MARKS.split(after, maxsplit=1)[0]
        is_told = ":" in mark[0] and len(piece.split()) > 1
        is_told = is_told and (not is_fact(piece) or _tells_beside_figures(piece))
        if is_told or states(piece, is_announced=not mark[0].startswith((",", ";"))):
            return [
                replace(block, text=before, kind="meta", level=None, reason="circumstance"),
                replace(
                    block,
                    text=after.strip(),
                    kind="paragraph",
                    level=None,
                    speaker=caller_in(before) or block.speaker,
                ),
            ]
    return [block]


def _tells_beside_figures(piece: str) -> bool:
    """Whether words beside a figure say more than a date: "3 familles sans…"."""
    is_date = word_pattern("locate", "mots_de_date").fullmatch
    words = [word for word in fold(piece).split() if word.isalpha() and len(word) > _SMALL]
    return bool(re.search(r"\d", piece)) and sum(not is_date(word) for word in words) >= _MIN_WORDS


def says_beside_call(text: str) -> bool:
    """Whether the line is like "Mme Riou a appelé pour dire que…"."""
    opening = fold(_CALL_MARKS.split(text, maxsplit=1)[0])
    rest = word_pattern("locate", "debut_appel").sub("", opening, count=1)
    return states(rest, is_announced=False)

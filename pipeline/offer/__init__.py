"""List the goods and services of the territory, with the quantities that people give.

In:   units, tags (the passages tagged as an offer, or as an innovation that works), structures
Out:  offers   one row a quantity, or an offer without one; structure_id where it names a structure

Precision before recall: a number counts only where its noun, its clause and the passage's codes all
say that it exists. Precision and recall at first sight: 0.92 and 0.82 on 120 passages of eight
unseen training files, 0.88 and 0.84 on 72 written for the test, 0.92 and 0.85 on 40 written after
that; after a look at errors, 0.98 and 0.91 on the other half of the first, 0.96 and 0.95, 0.96 and
0.96 (tests/offer/).
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pandas as pd
from rapidfuzz import fuzz
from spacy.tokens import Doc, Token

from pipeline.french import parse
from pipeline.grid.codes import PILIER, POSTURE, RUBRIQUE, Grid
from pipeline.offer.quantities import Quantity, find_numbers, lexicon, quantities_of
from pipeline.store import Store, by_text
from pipeline.structure_names import sectors_of
from pipeline.tables.results import OFFERS
from pipeline.text import fold, plain_texts

_HEAD = re.compile(r"^([^:=→–\d]{3,70}?)\s*(?::|=|→|->|–)")
_LEAD = re.compile(
    r"^(?:[-–•+*\s]+|(?:l|d)['’]|(?:le|la|les|un|une|des|du|de la|notre|nos|il y a|on a)\s+)+",
    re.IGNORECASE,
)
_CLAUSE_START = re.compile(r"[.;:!?…→=]\s|->|\bqu(?:e\s|['’])")
_OPENS_WITH_OF = re.compile(r"[\s.]*d(?:e|es|u)\s|\s*d['’]")
_HYPHENED = re.compile(r"(?:\w+-)*$")  # « car- » of « car-épicerie », which the parser cuts
_MAX_WORDS = 6
_STOPS = {"VERB", "AUX", "PUNCT", "NUM", "CCONJ", "SCONJ", "PRON", "SPACE", "SYM", "X"}
_LOOSE_ENDS = {"ADP", "DET", "ADV", "CCONJ", "SCONJ", "PRON", "PUNCT"}
_TIME = re.compile(r"an|annee|semaine|mois|jour|sem|depuis|chaque|l'an|dont|hier|cette")
_OFFER, _INNOVATION = "offre", "innovation"
_WISHED = {"proposition", "demande"}
_WORKS = {"force", "constat"}
_WORD = re.compile(r"\w+")
_MIN_SCORE = 90.0
_MIN_LETTERS = 5  # a shorter name must be written exactly
_MIN_CORE = 8  # letters that a shortened name must keep
_OF = frozenset({"de", "du", "des", "d"})
_STEM = 4  # first letters that select names to compare


def list_offers(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    structures: pd.DataFrame,
    *,
    cache: Store | None = None,
) -> pd.DataFrame:
    """Return the offers by unit_id, then in the order of the passage; one row a quantity."""
    candidates = _candidates(units, tags)
    carriers, pillars = Carriers(structures), _pillars(tags)
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    by_unit = _offers_by_unit(candidates, carriers, structures, cache)
    for unit_id, offers in zip(candidates["unit_id"], by_unit, strict=True):
        codes = json.dumps(pillars.get(unit_id, []))
        for offer in offers:
            row = {"unit_id": str(unit_id), "pillars": codes} | offer
            rows.setdefault(tuple(row.get(name) for name in OFFERS.key), row)
    return OFFERS.build(rows.values())


def _offers_by_unit(
    candidates: pd.DataFrame, carriers: "Carriers", structures: pd.DataFrame, cache: Store | None
) -> list[list[dict[str, Any]]]:
    """The offers of each candidate, cached by text while the structures stay the same."""

    def compute(marked: list[str]) -> list[list[dict[str, Any]]]:
        passages = parse(_readable(text[1:]) for text in marked)
        return [
            list(_offers_of(passage, carriers, is_offer=text[0] == "+"))
            for text, passage in zip(marked, passages, strict=True)
        ]

    marked = [
        f"{'+' if is_offer else '-'}{text}"
        for text, is_offer in zip(candidates["text"], candidates["is_offer"], strict=True)
    ]
    depends_on = structures.to_json(orient="split")
    return by_text(marked, compute, kind="offers", cache=cache, depends_on=depends_on)


def tells_offers(grid: Grid) -> bool:
    """Return whether `grid` has a rubrique for what exists; without one there is no offer."""
    return any(code.code.split(".")[0] in (_OFFER, _INNOVATION) for code in grid.axis(RUBRIQUE))


def _pillars(tags: pd.DataFrame) -> dict[str, list[str]]:
    assigned = tags[tags["is_assigned"] & (tags["axis"] == PILIER)]
    return {
        str(unit_id): sorted(set(codes)) for unit_id, codes in assigned.groupby("unit_id")["code"]
    }


def _candidates(units: pd.DataFrame, tags: pd.DataFrame) -> pd.DataFrame:
    assigned = tags[tags["is_assigned"]]
    rubriques = assigned[assigned["axis"] == RUBRIQUE]
    offers = set(rubriques.loc[rubriques["code"] == _OFFER, "unit_id"])
    innovations = set(
        rubriques.loc[rubriques["code"].str.split(".").str[0] == _INNOVATION, "unit_id"]
    )
    postures = assigned[assigned["axis"] == POSTURE]
    wished, works = (
        set(postures.loc[postures["code"].isin(codes), "unit_id"]) for codes in (_WISHED, _WORKS)
    )
    existing = (offers | innovations & works) - wished
    rows = plain_texts(units.loc[units["unit_id"].isin(existing), ["unit_id", "text"]])
    rows = rows.sort_values("unit_id")
    rows["is_offer"] = rows["unit_id"].isin(offers)
    has_number = rows["text"].map(lambda text: bool(find_numbers(text))).astype(bool)
    return rows[rows["is_offer"] | has_number]


def _readable(text: str) -> str:
    """Lower capitals, which the parser does not read."""
    return (
        text.lower() if text.upper() == text and any(letter.isalpha() for letter in text) else text
    )


def _offers_of(passage: Doc, carriers: "Carriers", *, is_offer: bool) -> Iterator[dict[str, Any]]:
    quantities = list(quantities_of(passage, is_offer=is_offer))
    for quantity in quantities:
        structure_id, name = carriers.named_in(passage.text, quantity.number.start)
        low, high = quantity.number.bounds or (quantity.value, quantity.value)
        activity = activity_of(passage, quantity, name)
        yield {
            "structure_id": structure_id,
            "activity": activity,
            "sector": _sector(activity, carriers.name_of(structure_id), passage.text),
            "quantity": quantity.value,
            "quantity_unit": _with_pace(passage.text, quantity),
            "quantity_low": low,
            "quantity_high": high,
        }
    if is_offer and not quantities:
        structure_id, name = carriers.named_in(passage.text, 0)
        full_name = carriers.name_of(structure_id)
        activity = activity_before(passage, len(passage.text), name) or full_name
        if activity:
            sector = _sector(activity, full_name, passage.text)
            yield {"structure_id": structure_id, "activity": activity, "sector": sector}


def _sector(*texts: str) -> str | None:
    return next((sectors[0] for text in texts if (sectors := sectors_of(text))), None)


def _with_pace(text: str, quantity: Quantity) -> str:
    """« paniers par semaine » where the pace is within six words after the noun."""
    after = " ".join(fold(text[quantity.noun_end :], keep_signs=True).split()[:6])
    for pattern, pace in lexicon()["rythmes"].items():
        match = re.search(pattern, after)
        if match and not find_numbers(after[: match.start()]):
            return f"{quantity.unit} {pace}"
    return quantity.unit


def activity_of(passage: Doc, quantity: Quantity, carrier: str | None) -> str:
    """Return the activity in the passage's words; `carrier` is a structure's name, no activity.

    « laine lavée » or « vélos remis en état » come first; for people and jobs, the heading or
    subject before.
    """
    counted = _phrase_from(passage, quantity.noun_start)
    complement = _phrase_from(passage, quantity.noun_end)
    before = activity_before(passage, quantity.number.start, carrier)
    if quantity.unit in lexicon()["monnaies"]:
        choices = [before, complement]
    elif quantity.kind == "mesure":
        choices = [
            complement if _OPENS_WITH_OF.match(passage.text, quantity.noun_end) else "",
            before,
        ]
    elif quantity.kind == "personne":
        choices = [before, counted]
    else:
        says_more = len(counted.split()) > len(quantity.unit.split())
        choices = [counted if says_more else "", before, counted]
    return next((choice for choice in choices if choice), quantity.unit)


def activity_before(passage: Doc, end: int, carrier: str | None) -> str:
    """Return the activity of the heading, else of the subject, before `end`; or ""."""
    phrases = (_heading(passage, end), _subject(passage, end))
    return next((phrase for phrase in phrases if not _is_carrier(phrase, carrier)), "")


def _phrase_from(passage: Doc, start: int) -> str:
    words: list[Token] = []
    for token in passage:
        if token.idx < start:
            continue
        if len(words) == _MAX_WORDS or (_ends_phrase(token) and not _is_glued(token)):
            break
        words.append(token)
    return _tidied(words)


def _ends_phrase(token: Token) -> bool:
    is_participle = token.morph.get("VerbForm", []) == ["Part"]
    if token.pos_ == "VERB" and is_participle and token.morph.get("Tense", []) == ["Past"]:
        return False
    is_stop = token.pos_ in _STOPS or token.text in ("/", "&")
    return is_stop or bool(_TIME.fullmatch(fold(token.text, keep_signs=True)))


def _heading(passage: Doc, end: int) -> str:
    match = _HEAD.match(passage.text)
    if not match or match.end() > end:
        return ""
    words = [token for token in passage if token.idx + len(token.text) <= match.end(1)]
    verbs = [
        token.idx
        for token in words
        if token.pos_ in ("VERB", "AUX") and token.morph.get("VerbForm", []) == ["Fin"]
    ]
    if verbs:
        return _first_phrase(passage, verbs[-1], match.end(1))
    is_phrase = any(token.pos_ == "NOUN" for token in words) and words[0].pos_ != "ADP"
    return _LEAD.sub("", match[1]).strip() if is_phrase else ""


def _subject(passage: Doc, end: int) -> str:
    start = max((match.end() for match in _CLAUSE_START.finditer(passage.text, 0, end)), default=0)
    return _first_phrase(passage, start, end) or _first_phrase(passage, 0, end)


def _first_phrase(passage: Doc, start: int, end: int) -> str:
    for token in passage:
        if not start <= token.idx < end or token.pos_ != "NOUN" or len(token.text) < 3:
            continue
        if fold(token.text, keep_signs=True) not in lexicon()["sans_objet"]:
            before = passage.text[start : token.idx]
            return _phrase_from(passage, start + len(_HYPHENED.sub("", before)))
    return ""


def _is_carrier(phrase: str, carrier: str | None) -> bool:
    plain, name = fold(phrase, keep_signs=True), fold(carrier or "", keep_signs=True)
    is_name = bool(name) and (plain in name or (name in plain and len(plain) < len(name) + 4))
    return not phrase or is_name


def _is_glued(token: Token) -> bool:
    text, end = token.doc.text, token.idx + len(token.text)
    return "-" in text[end - 1 : end + 1] or (token.is_upper and len(token.text) > 2)


def _tidied(words: list[Token]) -> str:
    while words and words[-1].pos_ in _LOOSE_ENDS:
        words = words[:-1]
    while words and words[0].pos_ in _LOOSE_ENDS and not _is_glued(words[0]):
        words = words[1:]
    return "".join(token.text_with_ws for token in words).strip(" ,;:.-–()\"«»'’")


class Carriers:
    """The structures' names by the first letters of their words."""

    def __init__(self, structures: pd.DataFrame) -> None:
        rows = structures.sort_values("structure_id")
        self._written = dict(
            zip(map(str, rows["structure_id"]), map(str, rows["name"]), strict=True)
        )
        self._names = [(key, _essential(name)) for key, name in self._written.items()]
        self._names += _shortened(self._names)
        self._by_stem: dict[str, set[int]] = defaultdict(set)
        for i, (_, name) in enumerate(self._names):
            for word in name.split():
                self._by_stem[word[:_STEM]].add(i)

    def name_of(self, structure_id: str | None) -> str:
        """Return the name on the list or map; "" for None."""
        return self._written.get(structure_id or "", "")

    def named_in(self, text: str, at: int) -> tuple[str | None, str | None]:
        """Return the structure_id and written name nearest `at`, or two None."""
        plain, offsets = _fold_words(text)
        stems = {word[:_STEM] for word in plain.split()}
        candidates = {i for stem in stems for i in self._by_stem.get(stem, ())}
        matches = []
        for i in sorted(candidates):
            key, name = self._names[i]
            span = _find(name, plain)
            if span:
                start, end = offsets[span[0]], offsets[span[1] - 1] + 1
                distance = min(abs(start - at), abs(end - at))
                matches.append((distance, -len(name), key, text[start:end]))
        return min(matches, key=lambda match: match[:3])[2:] if matches else (None, None)


def _essential(name: str) -> str:
    """« SCIC Les Paniers de l'Orb » is « paniers orb »."""
    words = _WORD.findall(fold(name, keep_signs=True))
    while len(words) > 1 and words[0] in lexicon()["statuts"]:
        words = words[1:]
    return " ".join(words)


def _shortened(names: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """« epicerie solidaire la passerelle » is also « passerelle »; « recyclerie du vidourle » is
    not « vidourle », a river.
    """
    shorter = []
    for key, name in names:
        words, last = name.split(), ""
        while words and (words[0] in lexicon()["metiers"] or words[0] in lexicon()["statuts"]):
            last, words = words[0], words[1:]
        is_locality = len(words) == 1 and last in _OF
        if last and not is_locality and len("".join(words)) >= _MIN_CORE:
            shorter.append((key, " ".join(words)))
    uses = Counter(core for _, core in shorter)
    return [(key, core) for key, core in shorter if uses[core] == 1]


def _fold_words(text: str) -> tuple[str, list[int]]:
    letters: list[str] = []
    offsets: list[int] = []
    for match in _WORD.finditer(text):
        if letters:
            letters.append(" ")
            offsets.append(match.start())
        for i in range(match.start(), match.end()):
            folded = fold(text[i], keep_signs=True)
            letters += folded
            offsets += [i] * len(folded)
    return "".join(letters), offsets


def _find(name: str, plain: str) -> tuple[int, int] | None:
    """Where `name` stands as whole words, at a score of 90 or more; a short name exactly."""
    exact = f" {plain} ".find(f" {name} ")
    if exact >= 0:
        return exact, exact + len(name)
    if len(name.replace(" ", "")) < _MIN_LETTERS or len(plain) < len(name) - 2:
        return None
    match = fuzz.partial_ratio_alignment(name, plain, score_cutoff=_MIN_SCORE)
    if match is None:
        return None
    start, end = _to_words(plain, match.dest_start, match.dest_end)
    return (start, end) if fuzz.ratio(name, plain[start:end]) >= _MIN_SCORE else None


def _to_words(plain: str, start: int, end: int) -> tuple[int, int]:
    while start > 0 and plain[start - 1] != " ":
        start -= 1
    while start < end and plain[start] == " ":
        start += 1
    while end < len(plain) and plain[end] != " ":
        end += 1
    return start, end

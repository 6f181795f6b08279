"""List the goods and services that exist on the territory, with the quantities that people give.

Precision before recall: a number is kept only where its noun, its clause and the passage's codes all say that it exists. A passage tagged
as an offer without such a number is one row without quantity. On 120 passages of eight training files that the extractor had never met,
precision was 0.92 and recall 0.82 at first sight; after a look at the errors of one half, 0.98 and 0.91 on the other half. On 72 more
written for the test, 0.88 and 0.84 at first sight, 0.96 and 0.95 after a look; on 40 written after that, 0.92 and 0.85, then 0.96 and
0.96 (tests/offer/).

In:   units, tags (the passages tagged as an offer, or as an innovation that works), structures
Out:  offers   one row a quantity, or a passage without one; structure_id where the passage names a known structure

Name what is done, in the passage's own words, in a phrase short enough for a table.

Find which known structure a passage names, spelling mistakes and dropped legal forms allowed.
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
_OF = re.compile(r"[\s.]*d(?:e|es|u)\s|\s*d['’]")
_HYPHENED = re.compile(r"(?:\w+-)*$")  # « car- » of « car-épicerie », which the parser cuts
_MAX_WORDS = 6
_STOPS = {"VERB", "AUX", "PUNCT", "NUM", "CCONJ", "SCONJ", "PRON", "SPACE", "SYM", "X"}
_LOOSE_ENDS = {"ADP", "DET", "ADV", "CCONJ", "SCONJ", "PRON", "PUNCT"}
_TIME = {
    "an",
    "annee",
    "semaine",
    "mois",
    "jour",
    "sem",
    "depuis",
    "chaque",
    "l'an",
    "dont",
    "hier",
    "cette",
}


def activity_of(passage: Doc, quantity: Quantity, carrier: str | None) -> str:
    """Return the activity of `quantity`; `carrier` is the name of the structure said in the passage, which is no activity.

    What is measured (« laine lavée ») or counted (« vélos remis en état ») first; for people and jobs, the heading or subject before.
    """
    counted = _phrase_from(passage, quantity.noun_start)
    complement = _phrase_from(passage, quantity.noun_end)
    before = activity_before(passage, quantity.number.start, carrier)
    if quantity.unit in lexicon()["monnaies"]:
        choices = [before, complement]
    elif quantity.kind == "mesure":
        choices = [complement if _OF.match(passage.text, quantity.noun_end) else "", before]
    elif quantity.kind == "personne":
        choices = [before, counted]
    else:
        says_more = len(counted.split()) > len(quantity.unit.split())
        choices = [counted if says_more else "", before, counted]
    return next((choice for choice in choices if choice), quantity.unit)


def activity_before(passage: Doc, end: int, carrier: str | None) -> str:
    """What the heading of the passage, or else the subject of the clause, names before character `end`; "" where it is only `carrier`."""
    return _unless_carrier(_heading(passage, end), carrier) or _unless_carrier(
        _subject(passage, end), carrier
    )


def _phrase_from(passage: Doc, start: int) -> str:
    """The words from `start` to the end of their noun phrase, at most six, without loose ends."""
    words: list[Token] = []
    for token in passage:
        if token.idx < start:
            continue
        if len(words) == _MAX_WORDS or (_ends_phrase(token) and not _is_glued(token)):
            break
        words.append(token)
    return _tidied(words)


def _ends_phrase(token: Token) -> bool:
    """Whether `token` is a verb, a sign or a word of time; a past participle goes on with the phrase."""
    if (
        token.pos_ == "VERB"
        and token.morph.get("VerbForm", []) == ["Part"]
        and token.morph.get("Tense", []) == ["Past"]
    ):
        return False
    return (
        token.pos_ in _STOPS
        or token.text in ("/", "&")
        or fold(token.text, keep_signs=True) in _TIME
    )


def _heading(passage: Doc, end: int) -> str:
    """What stands before a colon, an equals sign or an arrow that precedes `end`; the noun phrase after its verb where it has one."""
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
    """The first noun phrase of the clause that leads to `end`, or else of the passage."""
    start = max((match.end() for match in _CLAUSE_START.finditer(passage.text, 0, end)), default=0)
    return _first_phrase(passage, start, end) or _first_phrase(passage, 0, end)


def _first_phrase(passage: Doc, start: int, end: int) -> str:
    """The noun phrase of the first noun in [start, end) that names something done; "" where there is none."""
    for token in passage:
        if (
            start <= token.idx < end
            and token.pos_ == "NOUN"
            and len(token.text) > 2
            and fold(token.text, keep_signs=True) not in lexicon()["sans_objet"]
        ):
            before = passage.text[start : token.idx]
            return _phrase_from(passage, start + len(_HYPHENED.sub("", before)))
    return ""


def _unless_carrier(phrase: str, carrier: str | None) -> str:
    """`phrase`, or "" where it is no more than the structure's own name."""
    plain, name = fold(phrase, keep_signs=True), fold(carrier or "", keep_signs=True)
    return (
        "" if name and (plain in name or (name in plain and len(plain) < len(name) + 4)) else phrase
    )


def _is_glued(token: Token) -> bool:
    """Whether a hyphen binds `token` to the next word, or capitals make it a name whatever the parser says."""
    text, end = token.doc.text, token.idx + len(token.text)
    return (
        text[end - 1 : end] == "-"
        or text[end : end + 1] == "-"
        or (token.is_upper and len(token.text) > 2)
    )


def _tidied(words: list[Token]) -> str:
    """The text of `words` without articles before and prepositions left hanging behind."""
    while words and words[-1].pos_ in _LOOSE_ENDS:
        words = words[:-1]
    while words and words[0].pos_ in _LOOSE_ENDS and not _is_glued(words[0]):
        words = words[1:]
    return "".join(token.text_with_ws for token in words).strip(" ,;:.-–()\"«»'’")


_WORD = re.compile(r"\w+")
_MIN_SCORE = 90.0
_MIN_LETTERS = 5  # a shorter name must be written exactly
_MIN_CORE = 8  # letters that a shortened name must keep
_CARRIERS_OF = frozenset({"de", "du", "des", "d"})
_STEM = 4  # letters by which a passage's words call the names to compare


class Carriers:
    """The structures' names, indexed by the first letters of their words so that a passage meets only names it may hold."""

    def __init__(self, structures: pd.DataFrame) -> None:
        named = structures.sort_values("structure_id")
        self._names = [
            (str(key), _essential(name))
            for key, name in zip(named["structure_id"], named["name"], strict=True)
        ]
        self._written = dict(
            zip(map(str, named["structure_id"]), map(str, named["name"]), strict=True)
        )
        self._names += _shortened(self._names)
        self._called_by: dict[str, set[int]] = defaultdict(set)
        for place, (_, name) in enumerate(self._names):
            for word in name.split():
                self._called_by[word[:_STEM]].add(place)

    def name_of(self, structure_id: str | None) -> str:
        """The name of a structure as the list or the map writes it; "" for None."""
        return self._written.get(structure_id or "", "")

    def named_in(self, text: str, at: int) -> tuple[str | None, str | None]:
        """Return (structure_id, its name as in the passage) of the structure named nearest to character `at`, or two None."""
        plain, offsets = _plain(text)
        words = {word[:_STEM] for word in plain.split()}
        places = sorted({place for word in words for place in self._called_by.get(word, ())})
        best: tuple[tuple[float, float, str], str, str] | None = None
        for place in places:
            key, name = self._names[place]
            span = _find(name, plain)
            if span is None:
                continue
            start, end = offsets[span[0]], offsets[span[1] - 1] + 1
            order = (float(min(abs(start - at), abs(end - at))), -float(len(name)), key)
            if best is None or order < best[0]:
                best = (order, key, text[start:end])
        return (best[1], best[2]) if best else (None, None)


def _essential(name: str) -> str:
    """`name` folded, its legal form and articles before and between left out: « SCIC Les Paniers de l'Orb » is « paniers orb »."""
    words = _WORD.findall(fold(str(name), keep_signs=True))
    while len(words) > 1 and words[0] in lexicon()["statuts"]:
        words = words[1:]
    return " ".join(words)


def _shortened(names: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names without the words that say what the structure is, where that leaves enough of one structure alone.

    « epicerie solidaire la passerelle » is also « passerelle »; « recyclerie du vidourle » is not « vidourle », which is a place.
    """
    shorter = []
    for key, name in names:
        words, last = name.split(), ""
        while words and (words[0] in lexicon()["metiers"] or words[0] in lexicon()["statuts"]):
            last, words = words[0], words[1:]
        is_place = len(words) == 1 and last in _CARRIERS_OF
        if not is_place and 0 < len(words) < len(name.split()) and len("".join(words)) >= _MIN_CORE:
            shorter.append((key, " ".join(words)))
    uses = Counter(core for _, core in shorter)
    return [(key, core) for key, core in shorter if uses[core] == 1]


def _plain(text: str) -> tuple[str, list[int]]:
    """`text` folded to words joined by one space, and the offset in `text` of each of its characters."""
    letters: list[str] = []
    offsets: list[int] = []
    for match in _WORD.finditer(text):
        if letters:
            letters.append(" ")
            offsets.append(match.start())
        for place in range(match.start(), match.end()):
            for letter in fold(text[place], keep_signs=True):
                letters.append(letter)
                offsets.append(place)
    return "".join(letters), offsets


def _find(name: str, plain: str) -> tuple[int, int] | None:
    """Where `name` stands in `plain` as whole words, at a score of 90 or more; a short name only to the letter."""
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
    """[start, end) widened to whole words."""
    while start > 0 and plain[start - 1] != " ":
        start -= 1
    while start < end and plain[start] == " ":
        start += 1
    while end < len(plain) and plain[end] != " ":
        end += 1
    return start, end


__all__ = ["list_offers", "tells_offers"]

_OFFER, _INNOVATION = "offre", "innovation"
_WISHED = {"proposition", "demande"}
_WORKS = {"force", "constat"}


def list_offers(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    structures: pd.DataFrame,
    *,
    cache: Store | None = None,
) -> pd.DataFrame:
    """Return the offers in the order of unit_id, then of the passage; several quantities of a passage are several rows."""
    candidates = _candidates(units, tags)
    carriers, pillars = Carriers(structures), _pillars(tags)
    told = _told(candidates, carriers, structures, cache)
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for unit_id, offers in zip(candidates["unit_id"], told, strict=True):
        for offer in offers:
            row = {"unit_id": str(unit_id)} | offer
            rows.setdefault(
                tuple(row.get(name) for name in OFFERS.key),
                row | {"pillars": json.dumps(pillars.get(unit_id, []))},
            )
    return OFFERS.build(rows.values())


def _told(
    candidates: pd.DataFrame, carriers: Carriers, structures: pd.DataFrame, cache: Store | None
) -> list[list[dict[str, Any]]]:
    """What each candidate tells, but for its unit; kept by text for as long as the structures stay the same."""

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
    """Whether `grid` has a rubrique that tells what exists; without one no passage gives an offer."""
    return any(code.code.split(".")[0] in (_OFFER, _INNOVATION) for code in grid.axis(RUBRIQUE))


def _pillars(tags: pd.DataFrame) -> dict[str, list[str]]:
    """The piliers assigned to each unit, in alphabetical order."""
    assigned = tags[tags["is_assigned"] & (tags["axis"] == PILIER)]
    return {
        str(unit_id): sorted(set(codes)) for unit_id, codes in assigned.groupby("unit_id")["code"]
    }


def _candidates(units: pd.DataFrame, tags: pd.DataFrame) -> pd.DataFrame:
    """Passages tagged as existing, innovations only where they hold a number: unit_id, text, is_offer; sorted by unit_id."""
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
    existing = (offers - wished) | (innovations & works - wished)
    rows = plain_texts(units.loc[units["unit_id"].isin(existing), ["unit_id", "text"]]).sort_values(
        "unit_id"
    )
    is_offer = rows["unit_id"].isin(offers)
    return rows.assign(is_offer=is_offer)[
        is_offer | rows["text"].map(lambda text: bool(find_numbers(text))).astype(bool)
    ]


def _readable(text: str) -> str:
    """`text` in small letters where it is written in capitals, which the parser does not read."""
    return (
        text.lower() if text.upper() == text and any(letter.isalpha() for letter in text) else text
    )


def _offers_of(passage: Doc, carriers: Carriers, *, is_offer: bool) -> Iterator[dict[str, Any]]:
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
        activity = activity_before(passage, len(passage.text), name) or carriers.name_of(
            structure_id
        )
        if activity:
            sector = _sector(activity, carriers.name_of(structure_id), passage.text)
            yield {"structure_id": structure_id, "activity": activity, "sector": sector}


def _sector(*texts: str) -> str | None:
    """The first sector of the first text that names one."""
    return next((sectors[0] for text in texts if (sectors := sectors_of(text))), None)


def _with_pace(text: str, quantity: Quantity) -> str:
    """« paniers par semaine » where the pace is said within six words after the noun."""
    after = " ".join(fold(text[quantity.noun_end :], keep_signs=True).split()[:6])
    for pattern, pace in lexicon()["rythmes"].items():
        match = re.search(pattern, after)
        if match and not find_numbers(after[: match.start()]):
            return f"{quantity.unit} {pace}"
    return quantity.unit

"""Segment pseudonymised documents into units: the shortest passages that state one idea.

In:   documents   one row a document
      blocks      one row a heading, paragraph, bullet, cell or run of cues, as offsets into
                  documents.text
Out:  units       one row a unit; text == documents.text[start_char:end_char]

The author's layout comes first, then a short French rule inside each block, with the words of
data/lexicon/segmentation.yaml. Boundary F1 0.99 on each workshop of the example study (where the
rule was tuned), 0.95 on the minutes of data/training/amorce-5 and -6.
"""

import hashlib
import itertools
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

import pandas as pd

from pipeline.settings.sections import SegmentSettings
from pipeline.tables.columns import is_among
from pipeline.tables.material import UNITS
from pipeline.text import (
    PlainText,
    cut_at_blanks,
    fold_same_length,
    has_signed_word,
    lexicon,
    lexicon_words,
    longest_first,
)

UPPER = r"[^\W\d_a-zà-ÿœ]"  # a capital letter
Span = tuple[int, int]  # half-open, in the document's text

_LAYOUT = re.compile(
    rf"[^\S\n]*+\n\s*+(?=[-–—•▪◦‣·●■*\d(«\"]|{UPPER})"
    r"|(?<=[.!?…;])[^\S\n]*+\n\s*+|\s+(?=[•▪◦‣●■]\s)|\s//\s"
)
_LINE_END = re.compile(r"[^\S\n]*+\n\s*+(?=[a-zà-ÿœ])")
_TYPED_LINE = 3  # fewest words of a line with its own content
_BLANKS = re.compile(r"\s*")
_OPENING = re.compile(r"[\s•▪◦‣·●■*–—\-]+(?=\w|[«“\"(])|\s+")
_CLOSING = re.compile(r"[\s•▪◦‣·●■–—]+$")
_TOKEN = re.compile(r"\[(?:personne|téléphone|courriel|adresse|date de naissance|compte|numéro)\]")
_SENTENCE_END = re.compile(
    r"(?P<mark>[.!?…]+)(?P<close>\s?[»”\")\]]+)?\s+"
    rf"(?=[«“\"(\[]?\s?(?:{UPPER}|\d)|[«“\"(]?\s?\[personne\])"
)
_LOWER_CASE_END = re.compile(r"(?<!\w)([^\W\d_]{4,})\.\s+(?=[a-zà-ÿœ]{2,}[\s'’])")
_QUOTED = re.compile(r"«[^«»]*»|“[^“”]*”|\"[^\"]*\"|\([^()]*\)|\[[^\[\]]*\]")
_REPLY = re.compile(r"\s(?=\([^():]{1,30}\s?: [^()]{30,}\))")
_NUMBERED = re.compile(r"(?:n°|\bno?|#)\s?\d+\.\s*$", re.IGNORECASE)
# Words; longer quotes are cut, longer sequels, answers and numbered labels stand alone.
_LONG_QUOTE, _SHORT_SEQUEL, _LONG_ANSWER, _LABEL = 40, 12, 40, 5
MAX_CHARS = 2_000  # of a passage, whatever its words: it is cut at a blank
_WINDOW = 10_000  # characters of a block read at once: rules look at all of them for each sentence
_SPOKEN_LEFT, _SPOKEN_RIGHT = 7, 5  # fewest words on each side of a spoken cut
_UNPUNCTUATED = 30  # fewest words of a run of speech without any comma
SILENT_KINDS = frozenset({"heading", "meta"})
listed_words = partial(lexicon_words, "segmentation")  # in lower case


def segment_documents(
    documents: pd.DataFrame,
    blocks: pd.DataFrame,
    *,
    settings: SegmentSettings,
    made: Collection[str] = (),
) -> pd.DataFrame:
    """Return the units of `documents` in reading order.

    Headings and `meta` blocks yield none, but those that people made passages: `made` holds their
    ids, as `made_unit_id` gives them.
    """
    blocks_of = rows_of_documents(blocks, "block_order")
    rows: list[dict[str, Any]] = []
    for document in documents.itertuples(index=False):
        if document.document_id in blocks_of:
            rows += _units_of(document, blocks_of[document.document_id], settings, made)
    return UNITS.build(rows)


def rows_of_documents(rows: pd.DataFrame, order: str) -> dict[Any, list[dict[Any, Any]]]:
    """Return the rows of each document by its id, in order."""
    ordered = rows.sort_values(["document_id", order], kind="stable")
    return {key: own.to_dict("records") for key, own in ordered.groupby("document_id", sort=False)}


def paths_without_units(
    documents: pd.DataFrame, blocks: pd.DataFrame, units: pd.DataFrame
) -> list[str]:
    """Return the paths of documents with text but no unit, such as bare names."""
    said = blocks.loc[~blocks["kind"].isin(SILENT_KINDS), "document_id"]
    ids = documents["document_id"]
    silent = is_among(ids, said) & ~is_among(ids, units["document_id"])
    return documents.loc[silent, "path"].tolist()


def silent_ids(document: Any, blocks: Sequence[Mapping[Any, Any]]) -> dict[int, str]:
    """Return by `block_order` the id that each heading or `meta` block would have as a passage."""
    occurrences: Counter[str] = Counter()
    ids: dict[int, str] = {}
    for block in blocks:
        if block["kind"] not in SILENT_KINDS:
            continue
        text = document.text[block["start_char"] : block["end_char"]]
        normalised = _normalise(PlainText(text).text)
        occurrences[normalised] += 1
        # negative, so that the ids of other passages stay as they are
        order, occurrence = block["block_order"], -occurrences[normalised]
        ids[order] = _unit_id(_identity(document), normalised, occurrence)
    return ids


def _identity(document: Any) -> str:
    return str(document.path if pd.isna(document.first_path) else document.first_path)


def _units_of(
    document: Any,
    blocks: Sequence[Mapping[Any, Any]],
    settings: SegmentSettings,
    made: Collection[str],
) -> Iterator[dict[str, Any]]:
    """`unit_id` counts earlier units of one text; persons' numbers change no result."""
    occurrences: Counter[str] = Counter()
    plain = PlainText(document.text)
    identity = _identity(document)
    id_of_silent = silent_ids(document, blocks) if made else {}
    order = 0
    headings: list[tuple[int, str]] = []  # those above, with their levels
    for block in blocks:
        if block["kind"] == "heading":
            level = 1 if pd.isna(block["level"]) else block["level"]
            text = document.text[block["start_char"] : block["end_char"]]
            headings = [above for above in headings if above[0] < level] + [(level, text)]
        span = (plain.move(block["start_char"]), plain.move(block["end_char"]))
        made_id = id_of_silent.get(block["block_order"])
        if block["kind"] not in SILENT_KINDS:
            spans = cut_block(plain.text, span, block["kind"], settings)
        else:
            spans = [span] if made_id in made else []
        for cut_start, cut_end in spans:
            normalised = _normalise(plain.text[cut_start:cut_end])
            start, end = plain.move_back(cut_start), plain.move_back(cut_end)
            own_id = _unit_id(identity, normalised, occurrences[normalised])
            yield {
                "unit_id": made_id or own_id,
                "document_id": document.document_id,
                "workshop_id": document.workshop_id,
                "unit_order": order,
                "start_char": start,
                "end_char": end,
                "text": document.text[start:end],
                "table_number": block["table_number"],
                "question": block["question"],
                "channel": block["channel"],
                "speaker": block["speaker"],
                "n_votes": block["n_votes"],
                "heading_path": _as_json([text for _, text in headings]),
                "proposed_question": block["proposed_question"],
            }
            occurrences[normalised] += made_id is None
            order += 1


def _as_json(headings: list[str]) -> str | None:
    return json.dumps(headings, ensure_ascii=False) if headings else None


def _normalise(text: str) -> str:
    # Unit ids are hashed from this: never change it, nor use pipeline.text here.
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _unit_id(path: str, normalised: str, occurrence: int) -> str:
    return (
        "u-" + hashlib.sha256(f"{path}\x1f{normalised}\x1f{occurrence}".encode()).hexdigest()[:16]
    )


def cut_block(text: str, block: Span, kind: str, settings: SegmentSettings) -> list[Span]:
    """Return the spans of a block's units, without blanks, bullets and bare tokens."""
    pieces: list[Span] = []
    lines = [
        line
        for window in cut_at_blanks(text, *block, _WINDOW)
        for line in _split(text, window, _layout_cuts(text[slice(*window)], kind))
    ]
    for line in lines:
        sentences = _split(text, line, sentence_cuts(text[slice(*line)]))
        ideas = [
            idea
            for sentence in sentences
            for idea in _split(text, sentence, idea_cuts(text[slice(*sentence)], kind))
        ]
        pieces += [
            part
            for idea in _join_short(text, ideas, settings.min_words)
            for passage in _cut_long(text, idea, settings)
            for part in cut_at_blanks(text, *passage, MAX_CHARS)
        ]
    bare = (_strip(text, piece) for piece in pieces)
    return [span for span in bare if _says_something(text[slice(*span)])]


def _says_something(passage: str) -> bool:
    """Whether a word or number remains besides hidden names and words around them."""
    words = re.findall(r"\w+", plain_text(_TOKEN.sub(" ", passage)))
    return any(word not in listed_words("autour_des_noms") for word in words) or (
        bool(words) and not _TOKEN.search(passage)
    )


def _split(text: str, span: Span, cuts: Iterable[int]) -> list[Span]:
    start, end = span
    bounds = [start, *(start + cut for cut in sorted(set(cuts)) if 0 < cut < end - start), end]
    return [(left, right) for left, right in itertools.pairwise(bounds) if text[left:right].strip()]


def _layout_cuts(passage: str, kind: str) -> list[int]:
    """Starts of lines and inline bullets; a line in lower case is a wrapped one."""
    typed = _typed_lines(passage) if kind == "cell" else []
    return [match.end() for match in _LAYOUT.finditer(passage)] + typed


def _typed_lines(cell: str) -> list[int]:
    cuts: list[int] = []
    for match in _LINE_END.finditer(cell):
        above, below = (
            plain_text(line).strip()
            for line in (cell[: match.start()].split("\n")[-1], cell[match.end() :].split("\n")[0])
        )
        is_open = above.endswith((",", ":", "(", "-")) or above.split(" ")[-1] in listed_words(
            "fins_de_ligne_ouvertes"
        )
        goes_on = opens_with(below, "suites_de_ligne")
        if min(n_words(above), n_words(below)) >= _TYPED_LINE and not (is_open or goes_on):
            cuts.append(match.end())
    return cuts


def _join_short(text: str, ideas: list[Span], min_words: int) -> list[Span]:
    joined: list[Span] = []
    for start, end in ideas:
        is_short = n_words(text[start:end]) < min_words
        if joined and (is_short or n_words(text[slice(*joined[0])]) < min_words):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _cut_long(text: str, idea: Span, settings: SegmentSettings) -> list[Span]:
    """Cut `idea` at the best clause boundary near its middle until no part exceeds `max_words`."""
    passage = text[slice(*idea)]
    if n_words(passage) <= settings.max_words:
        return [idea]
    quarter, plain = len(passage) // 4, plain_text(passage)
    for hinge in lexicon("segmentation")["charnieres"]:
        middles = [
            match.start() + 1
            for match in re.finditer(re.escape(hinge), plain)
            if quarter <= match.start() <= 3 * quarter
        ]
        if middles:
            middle = idea[0] + min(middles, key=lambda start: abs(start - len(passage) // 2))
            return [
                *_cut_long(text, (idea[0], middle), settings),
                *_cut_long(text, (middle, idea[1]), settings),
            ]
    return [idea]


def _strip(text: str, span: Span) -> Span:
    """Leave out blanks and bullets at both ends; a sign that is a word stays."""
    start, end = span
    passage = text[start:end]
    opening = _BLANKS.match(passage) if has_signed_word(passage) else _OPENING.match(passage)
    closing = _CLOSING.search(passage)
    start += opening.end() if opening else 0
    return start, max(start, span[0] + closing.start()) if closing else end


def sentence_cuts(passage: str) -> list[int]:
    """Return where sentences start: not after an abbreviation or in a short quote."""
    guarded = [
        match.span() for match in _QUOTED.finditer(passage) if n_words(match.group()) <= _LONG_QUOTE
    ]
    cuts: list[int] = []
    for match in _SENTENCE_END.finditer(passage):
        start = cuts[-1] if cuts else 0
        inside = any(left < match.start() and match.end() < right for left, right in guarded)
        if (
            not inside
            and not _is_abbreviated(passage, match)
            and not _is_sequel(passage[start : match.end()], passage[match.end() :])
        ):
            cuts.append(match.end())
    return cuts + [match.end() for match in _REPLY.finditer(passage)] + _lower_case_cuts(passage)


def _lower_case_cuts(passage: str) -> list[int]:
    cuts: list[int] = []
    for match in _LOWER_CASE_END.finditer(passage):
        left, right = (
            passage[cuts[-1] if cuts else 0 : match.end()],
            passage[match.end() :].split(".")[0],
        )
        if (
            match[1].lower() not in listed_words("abreviations")
            and min(n_words(left), n_words(right)) >= 4
        ):
            cuts.append(match.end())
    return cuts


def _is_abbreviated(passage: str, match: re.Match[str]) -> bool:
    """Whether the point ends an abbreviation ("Mme."), an initial ("J.-M.") or a number ("2.")."""
    if match["mark"] != "." or match["close"]:
        return False
    word = re.split(r"[\s(«'’]", passage[: match.start()])[-1]
    before = passage[: match.start() - len(word)].rstrip()
    is_numbering = word.isdigit() and len(word) <= 2 and (not before or before[-1] in ".;:")
    return (
        is_numbering
        or bool(re.fullmatch(rf"(?:{UPPER}[.-]+)*{UPPER}", word))
        or word.lower() in listed_words("abreviations")
    )


def _is_sequel(sentence: str, rest: str) -> bool:
    """Whether `rest` belongs to `sentence`: an answer, a remark in brackets…"""
    following = next((rest[: match.start()] for match in _SENTENCE_END.finditer(rest)), rest)
    if _NUMBERED.search(sentence):
        return n_words(sentence) <= _LABEL
    if sentence.rstrip().endswith("?"):
        return n_words(sentence) + n_words(following) <= _LONG_ANSWER
    if rest.startswith("("):
        return _REPLY.match(f" {rest}") is None
    opening = plain_text(following)
    is_short = (
        n_words(following) <= _SHORT_SEQUEL
        and opens_with(opening, "reprises")
        and not opens_with(opening, "impersonnels")
    )
    return is_short and not _is_report(plain_text(sentence), opening)


def _is_report(sentence: str, following: str) -> bool:
    """Whether `following` is the next point: « La table 2 craint… Elle demande… »."""
    before_verb, verbs = alternatives("devant_le_verbe"), alternatives("verbes_de_compte_rendu")
    report = rf"(ils?|elles?) (?:{before_verb}|\s|')*(?:{verbs})(?!\w)"
    match = re.match(report, following)
    if match is None:
        return False
    determiner = r"(?:la|le|les|l'|cette|ce|cet|ces|une|un|des|plusieurs|notre|nos)"
    article = rf"(?:[^,.:;]{{1,40}}, )?(?:(?:à|pour|selon) )?(?:{determiner} ?)?(?:\w+ )?"
    subject = rf"{article}(?:{alternatives('rapporteurs_' + match[1])})(?!\w)"
    return re.match(rf"{subject}|{report}", sentence) is not None


def idea_cuts(sentence: str, kind: str) -> list[int]:
    """Return where ideas start: in enumerations, and at changes of subject in speech."""
    cuts = _enumeration_cuts(sentence)
    if cuts or kind != "cue":
        return cuts
    return _unpunctuated_cuts(sentence) if is_unpunctuated(sentence) else _spoken_cuts(sentence)


def _enumeration_cuts(sentence: str) -> list[int]:
    """Starts of "premièrement …, deuxièmement …", for two or more clauses of four words."""
    plain = plain_text(sentence)
    starts = [
        match.start(1)
        for match in re.finditer(rf"(?:^|[,;:.] )({alternatives('enumerateurs')})(?=\W|$)", plain)
    ]
    if starts and 0 < n_words(plain[: starts[0]]) < 4:
        starts[0] = 0
    clauses = zip(starts, [*starts[1:], len(plain)], strict=False)
    return (
        starts
        if len(starts) > 1 and all(n_words(plain[start:end]) >= 4 for start, end in clauses)
        else []
    )


def _spoken_cuts(sentence: str) -> list[int]:
    plain = plain_text(sentence)
    filler, article = "(?:et |euh,? |ben,? )*", "(?:les |la |le |l'|nos |notre )"
    topic = rf"et,? {filler}{article}(?:[^\s,]+ ){{1,6}}(?:{alternatives('annonces')})\b"
    opening = rf"(?<=\s)(?:{topic}|(?:{alternatives('ouvertures')})(?:(?<=')|(?!\w)))"
    cuts: list[int] = []
    for match in re.finditer(opening, plain):
        left = plain[cuts[-1] if cuts else 0 : match.start()]
        if n_words(left) >= _SPOKEN_LEFT and n_words(plain[match.start() :]) >= _SPOKEN_RIGHT:
            cuts.append(match.start())
    return cuts


def is_unpunctuated(sentence: str) -> bool:
    """Whether speech runs on for long without any comma or full stop, as a recorder hears it."""
    inside = sentence.rstrip(" .!?…")
    return n_words(inside) >= _UNPUNCTUATED and not re.search(r"[,;:.!?…](?=\s)", inside)


def _unpunctuated_cuts(sentence: str) -> list[int]:
    """Starts of ideas at words that open one, and on both sides of an approval."""
    plain = plain_text(sentence)
    breaks = [
        place
        for match in re.finditer(rf"(?<=\s)(?:{alternatives('coupures_orales')})(?:\s|$)", plain)
        if not _is_open(plain[: match.start()])
        for place in match.span()
    ]
    openings = [
        match.start()
        for match in re.finditer(
            rf"(?<=\s)(?:{alternatives('ouvertures_sans_ponctuation')})(?:(?<=')|(?!\S))", plain
        )
        if not _is_open(plain[: match.start()])
    ]
    cuts: list[int] = []
    for place in sorted({*openings, *breaks}):
        is_break = place in breaks
        left = n_words(plain[cuts[-1] if cuts else 0 : place])
        right = n_words(plain[place:])
        if is_break or (left >= _SPOKEN_LEFT and right >= _SPOKEN_RIGHT):
            cuts.append(place)
    return cuts


def _is_open(plain: str) -> bool:
    word = plain.rstrip().rsplit(" ", 1)[-1]
    last = word.rsplit("'", 1)[-1] if not word.endswith("'") else word
    return last in listed_words("sans_coupure_apres")


def n_words(passage: str) -> int:
    """Count the words that hold a letter or digit."""
    return sum(any(letter.isalnum() for letter in word) for word in passage.split())


def plain_text(passage: str) -> str:
    """Fold case, accents, apostrophes and spaces; the length does not change."""
    return re.sub(r"\s", " ", fold_same_length(passage, accents="all"))


def opens_with(plain: str, name: str) -> bool:
    """Whether folded text starts with an entry of the lexicon's list `name`."""
    return re.match(rf"(?:{alternatives(name)})(?:(?<=')|(?!\w))", plain) is not None


@cache
def alternatives(name: str) -> str:
    """Return a lexicon list as a regular expression, longest first."""
    return longest_first(map(re.escape, listed_words(name)))

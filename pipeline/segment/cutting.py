"""Cut a block into passages: its layout first, then sentences, then ideas; short clauses joined, long passages halved.

In:   a document's text and the span of a block
Out:  spans of passages, in order
"""

import itertools
import re
from collections.abc import Iterable

from pipeline.segment.ideas import idea_cuts
from pipeline.segment.sentences import sentence_cuts
from pipeline.segment.words import UPPER, lexicon, listed_words, n_words, opens_with, plain_text
from pipeline.settings import SegmentSettings

Span = tuple[int, int]  # half-open, in the document's text

_LAYOUT = re.compile(rf"[^\S\n]*+\n\s*+(?=[-–—•▪◦‣·●■*\d(«\"]|{UPPER})|(?<=[.!?…;])[^\S\n]*+\n\s*+|\s+(?=[•▪◦‣●■]\s)|\s//\s")
_LINE_END = re.compile(r"[^\S\n]*+\n\s*+(?=[a-zà-ÿœ])")
_TYPED_LINE = 3  # words of a line that may say something of its own
_BARE = re.compile(r"^[\s•▪◦‣·●■*–—\-]+(?=\w|[«“\"(])|[\s•▪◦‣·●■–—]+$")
_TOKEN = re.compile(r"\[(?:personne|téléphone|courriel|adresse|date de naissance|compte|numéro)\]")


def cut_block(text: str, block: Span, kind: str, settings: SegmentSettings) -> list[Span]:
    """The units of one block, stripped of blanks and bullet signs: spans of `text`, in order, none that is only signs or tokens."""
    pieces: list[Span] = []
    for line in _split(text, block, _layout_cuts(text[slice(*block)], kind)):
        sentences = _split(text, line, sentence_cuts(text[slice(*line)]))
        ideas = [idea for sentence in sentences for idea in _split(text, sentence, idea_cuts(text[slice(*sentence)], kind))]
        pieces += [part for idea in _join_short(text, ideas, settings.min_words) for part in _cut_long(text, idea, settings)]
    bare = (_strip(text, piece) for piece in pieces)
    return [span for span in bare if _says_something(text[slice(*span)])]


def _says_something(passage: str) -> bool:
    """Whether `passage` has a word or number besides hidden names, what links them and their titles."""
    words = re.findall(r"\w+", plain_text(_TOKEN.sub(" ", passage)))
    return any(word not in listed_words("autour_des_noms") for word in words) or (bool(words) and not _TOKEN.search(passage))


def _split(text: str, span: Span, cuts: Iterable[int]) -> list[Span]:
    """`span` cut at `cuts`, which count from its start."""
    start, end = span
    bounds = [start, *(start + cut for cut in sorted(set(cuts)) if 0 < cut < end - start), end]
    return [(left, right) for left, right in itertools.pairwise(bounds) if text[left:right].strip()]


def _layout_cuts(passage: str, kind: str) -> list[int]:
    """Ends of the lines and inline bullets that stand for layout; a line that goes on in lower case is a wrapped one, save in a cell."""
    typed = _typed_lines(passage) if kind == "cell" else []
    return [match.end() for match in _LAYOUT.finditer(passage)] + typed


def _typed_lines(cell: str) -> list[int]:
    """Starts of lines of a cell that say something of their own: nobody types a line break in a cell but to start anew or go on."""
    cuts: list[int] = []
    for match in _LINE_END.finditer(cell):
        above, below = (plain_text(line).strip() for line in (cell[: match.start()].split("\n")[-1], cell[match.end() :].split("\n")[0]))
        is_open = above.endswith((",", ":", "(", "-")) or above.split(" ")[-1] in listed_words("fins_de_ligne_ouvertes")
        goes_on = opens_with(below, "suites_de_ligne")
        if min(n_words(above), n_words(below)) >= _TYPED_LINE and not (is_open or goes_on):
            cuts.append(match.end())
    return cuts


def _join_short(text: str, ideas: list[Span], min_words: int) -> list[Span]:
    """`ideas` with each one shorter than `min_words` joined to the one before it, or after it at the start."""
    joined: list[Span] = []
    for start, end in ideas:
        is_short = n_words(text[start:end]) < min_words
        if joined and (is_short or n_words(text[slice(*joined[0])]) < min_words):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _cut_long(text: str, idea: Span, settings: SegmentSettings) -> list[Span]:
    """`idea` cut near its middle at the best clause boundary until no part is over `max_words`."""
    passage = text[slice(*idea)]
    if n_words(passage) <= settings.max_words:
        return [idea]
    quarter, plain = len(passage) // 4, plain_text(passage)
    for hinge in lexicon()["charnieres"]:
        places = [match.start() + 1 for match in re.finditer(re.escape(hinge), plain) if quarter <= match.start() <= 3 * quarter]
        if places:
            middle = idea[0] + min(places, key=lambda place: abs(place - len(passage) // 2))
            return [*_cut_long(text, (idea[0], middle), settings), *_cut_long(text, (middle, idea[1]), settings)]
    return [idea]


def _strip(text: str, span: Span) -> Span:
    """`span` without the blanks, bullet signs and dashes at its ends; what is left may be empty."""
    start, end = span
    while start < end and (match := _BARE.search(text[start:end])):
        start, end = (start + match.end(), end) if match.start() == 0 else (start, start + match.start())
    return start, end

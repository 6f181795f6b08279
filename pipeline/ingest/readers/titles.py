"""Find the titles that no style marks: bold lines, labels, lines above lists, capitals.

In:   drafts that have text, in reading order
Out:  which of them name what follows
"""

import re
from collections.abc import Sequence
from functools import cache

from pipeline.ingest.readers.drafts import Draft, is_label
from pipeline.ingest.readers.wording import is_finished
from pipeline.resources import data_path

_MAX_WORDS = 14
_MAX_QUESTION_WORDS = 25  # of a title that asks
_MAX_STRONG_SHARE = 0.4  # of the words: in a text that is bolder than this, bold says nothing
_LIST_SIGNS = frozenset("-–—−‐*•●")


def find_titles(drafts: Sequence[Draft]) -> list[bool]:
    """Return whether each draft is a title that its format does not mark.

    Neighbours count only where the author marks no titles himself: a paragraph above a list may be an idea.
    """
    told = [draft for draft in drafts if draft.kind in ("paragraph", "bullet")]
    heeds_weight = sum(draft.n_words for draft in told if draft.is_strong) <= _MAX_STRONG_SHARE * sum(draft.n_words for draft in told)
    heeds_place = sum(draft.kind == "heading" for draft in drafts) < 2
    is_spaced = all(draft.is_start and not draft.block and not is_finished(draft.text) for draft in drafts)
    titles: list[bool] = []
    for place, draft in enumerate(drafts):
        above, below = drafts[place - 1] if place else None, drafts[place + 1] if place + 1 < len(drafts) else None
        is_title = draft.is_underlined or (heeds_weight and _is_strong(draft, below)) or _is_label(draft)
        if not is_title and heeds_place and below is not None:
            is_title = _leads_list(above, draft, below) or _names_what_follows(draft, below) or _opens(above, draft, below, is_spaced)
            is_title = is_title or (draft.kind == "paragraph" and _is_short(draft) and _is_announced(draft.text))
        is_comment = draft.block is not None and draft.block.speaker is not None
        titles.append(is_title and draft.kind in ("paragraph", "bullet") and not is_comment)
    return titles


def _is_strong(draft: Draft, below: Draft | None) -> bool:
    """True for a short bold paragraph, or a bold numbered item, with something below it."""
    return (
        draft.is_strong and below is not None and (draft.kind == "paragraph" or draft.is_numbered) and _is_short(draft, _MAX_QUESTION_WORDS)
    )


def _is_label(draft: Draft) -> bool:
    return draft.kind == "paragraph" and is_label(draft.text)


def _leads_list(above: Draft | None, draft: Draft, below: Draft) -> bool:
    """True where a numbered line, not one of a run, names the list of signs right below it, as in « 1. Besoins » above « - … »."""
    if draft.bullet is None or draft.bullet.sign != "1" or (above is not None and above.is_numbered):
        return False
    is_above_list = below.bullet is not None and below.bullet.sign in _LIST_SIGNS and below.bullet.indent == draft.bullet.indent
    return is_above_list and draft.n_words <= _MAX_WORDS and not is_finished(draft.text)


def _names_what_follows(draft: Draft, below: Draft) -> bool:
    """True for a short paragraph, apart from what is above it, over a list, ending with a colon, numbered or in capitals."""
    if draft.kind != "paragraph" or not draft.is_start or not _is_short(draft):
        return False
    return below.kind == "bullet" or draft.text.rstrip().endswith(":") or _is_numbered_title(draft.text) or _is_shouted(draft.text)


def _opens(above: Draft | None, draft: Draft, below: Draft, is_spaced: bool) -> bool:
    """True for a first line set apart from sentences; where blank lines part all lines (`is_spaced`), one below the first says nothing."""
    is_apart = above is None and below.is_start and not is_spaced
    return is_apart and draft.kind == "paragraph" and draft.n_words <= _MAX_WORDS and not is_finished(draft.text)


def _is_short(draft: Draft, max_words: int = _MAX_WORDS) -> bool:
    """True for a few words that are no sentence, or for a question of a few more."""
    text = draft.text.rstrip()
    if text.endswith("?"):
        return draft.n_words <= _MAX_QUESTION_WORDS
    return draft.n_words <= max_words and (text.endswith(":") or not is_finished(text))


def _is_numbered_title(text: str) -> bool:
    """True for a line such as « Q4 : à améliorer » or « Tour 2, ce qui marche »."""
    found = re.match(r"\W*([^\W\d_]+)\s*(?:n°)?\s*\d{1,2}\b", text)
    return found is not None and found[1].lower() in _title_words()


def _is_announced(text: str) -> bool:
    """True for a numbered title with its own colon or dash, « Question 2 : … », which needs no room above it."""
    return text[:1].isupper() and _is_numbered_title(text) and bool(re.match(r"\W*[^\W\d_]+\s*(?:n°)?\s*\d{1,2}\s*[:–—.)/-]", text))


def _is_shouted(text: str) -> bool:
    return text.upper() == text and sum(letter.isalpha() for letter in text) >= 4


@cache
def _title_words() -> frozenset[str]:
    return frozenset(data_path("lexicon", "mots_titres.txt").read_text(encoding="utf-8").split())

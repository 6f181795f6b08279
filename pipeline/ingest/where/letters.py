"""Mails and phone notes: what was sent or said beside the workshop.

In:   the blocks of a mail, of a document into which a mail was copied, or of a call sheet
Out:  placed blocks; the reader of mails has told salutations and signatures, here the first lines of the two others are told
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.mail_body import blocks_of_mail
from pipeline.ingest.where.lines import is_fact, is_meta, states
from pipeline.ingest.where.placed import Place, PlacedBlock
from pipeline.ingest.words import fold, lexicon

_MARKS = re.compile(r"(?<!\d):\s*|:\s+|\s[–—-]+>?\s+|(?<=[^\s.]{3})\.\s+(?=[A-ZÀ-Ý])|[,;]\s+|\s*→\s*")  # between circumstances and words
_SHORT, _MIN_TOLD = 3, 2  # letters of a small word; other words beside a figure, for it to belong to what was said
_N_OPENING = 6  # blocks among which the header lines of a copied mail stand


def place_letter(blocks: Sequence[RawBlock], place: Place) -> list[PlacedBlock]:
    """Return `blocks` placed at `place`; the first line of a call sheet and the surroundings of a copied mail are `meta`."""
    told = _of_copied_mail(blocks) if is_copied_mail(blocks) else list(blocks)
    placed: list[PlacedBlock] = []
    is_top = True
    is_call = place.channel == "telephone"
    for block in (piece for whole in told for piece in (_cut_call(whole) if is_call else [whole])):
        is_aside = block.kind == "meta" or is_meta(block.text, in_head=is_top)
        is_aside = is_aside or (is_top and _opens_call(block.text) and not _says(block.text))
        kind = "meta" if is_aside else block.kind
        is_top = is_top and (is_aside or kind == "heading")
        placed.append(
            PlacedBlock(block.text, kind, block.level, place.table_number, place.question, place.channel or "mail", block.speaker)
        )
    return placed


def is_call_sheet(blocks: Sequence[RawBlock]) -> bool:
    """True where the first line tells of a call ("Appel de Mme …", "Eu au téléphone …")."""
    return _opens_call(next((block.text for block in blocks if block.text.strip()), ""))


def is_copied_mail(blocks: Sequence[RawBlock]) -> bool:
    """True where a document opens with the header lines of a mail ("De : …", "Objet : …")."""
    opening = [fold(block.text) for block in blocks[:_N_OPENING] if ":" in block.text[:14]]
    return sum(bool(_pattern("en_tete_mail").search(line)) for line in opening) > 1


def _opens_call(text: str) -> bool:
    return bool(_pattern("debut_appel").search(fold(text)))


def _cut_call(block: RawBlock) -> list[RawBlock]:
    """A line that tells of a call and then of what was said, as two: "Appel de Mme Riou le 3/4 :", "elle dit que…"."""
    if block.kind == "meta" or not _opens_call(block.text) or _says(block.text):
        return [block]
    for mark in _MARKS.finditer(block.text):
        piece = _MARKS.split(block.text[mark.end() :], maxsplit=1)[0]
        is_told = ":" in mark[0] and len(piece.split()) > 1 and (not is_fact(piece) or _tells_beside_figures(piece))
        if is_told or states(piece, is_announced=not mark[0].startswith((",", ";"))):
            before, after = block.text[: mark.end()].strip(), block.text[mark.end() :].strip()
            return [replace(block, text=before, kind="meta", level=None), replace(block, text=after, kind="paragraph", level=None)]
    return [block]


def _tells_beside_figures(piece: str) -> bool:
    """True where a few words stand beside a figure that are neither a date, an hour nor a length: "3 familles sans logement"."""
    words = [word for word in fold(piece).split() if word.isalpha() and len(word) > _SHORT]
    return bool(re.search(r"\d", piece)) and sum(not _pattern("mots_de_date").fullmatch(word) for word in words) >= _MIN_TOLD


def _says(text: str) -> bool:
    """True where a line that opens a call goes on without a mark with what was said: "Mme Riou a appelé pour dire que…"."""
    opening = _MARKS.split(text, maxsplit=1)[0]
    return states(_pattern("debut_appel").sub("", fold(opening), count=1), is_announced=False)


def _of_copied_mail(blocks: Sequence[RawBlock]) -> list[RawBlock]:
    """The blocks of a copied mail as the reader of mails would tell them."""
    lines = [f"- {block.text}" if block.kind == "bullet" else block.text for block in blocks]
    return blocks_of_mail("\n\n".join(lines))[0]


@cache
def _pattern(group: str) -> re.Pattern[str]:
    return re.compile("|".join(lexicon("where")[group]))

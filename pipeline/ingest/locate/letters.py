"""Locate mails and phone notes: what is said, apart from who called or wrote, and when."""

import re
from collections.abc import Sequence
from dataclasses import replace

from pipeline.ingest.locate.asides import aside_of
from pipeline.ingest.locate.cues import LocatedBlock, Location, aside, read_cues
from pipeline.ingest.locate.lines import MAX_LABEL_WORDS, is_fact, states
from pipeline.ingest.locate.titles import CAFE
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.people import is_whole_name
from pipeline.ingest.readers.mail_body import blocks_of_mail
from pipeline.ingest.words import word_pattern
from pipeline.text import fold

_N_OPENING = 6  # blocks that may hold a copied mail's headers
# between a call's circumstances and its words
_MARKS = re.compile(
    r"(?<!\d):\s*|:\s+|\s[–—-]+>?\s+|(?<=[^\s.]{3})\.\s+(?=[A-ZÀ-Ý])|[,;]\s+|\s*→\s*"
)
_DAY = re.compile(
    r"\W{0,3}(?:le\s+)?\d{1,2}(?:[/.]\d{1,2}(?:[/.]\d{2,4})?|(?:er)?\s(?:janv|f[ée]v|mars|avr|mai|juin"
    r"|juil|ao[uû]t|sept|oct|nov|d[ée]c)\w*\.?)(?:\s*(?:à|vers)?\s*\d{1,2}\s?[hH:]\s?(?:\d{2})?)?"
    r"\s*[:,–-]?\s*(?=[^\W\d])",
    re.IGNORECASE,
)
_ENTRY = re.compile(  # "16/03 11h - une aide à domicile : elle dit que…"
    rf"(?P<day>{_DAY.pattern})(?P<who>[^:→/]{{3,70}}?)(?P<mark>\s*:\s+|\s+[-–—]+>?\s+|\s*→\s*|\s+/\s+)"
    r"(?=\S)",
    re.IGNORECASE,
)
_NAME = r"[A-ZÀ-Ý][\w'’-]+"
_CALLER = re.compile(
    rf"\b(?:Mmes?|Madame|M\.|MM?|Mr|Monsieur|Mlle|Dr)\s+(?:{_NAME}(?:\s+(?:(?:de|du|d'|le|la)\s*)?{_NAME}){{0,2}})"
)
_NAMES = re.compile(rf"{_NAME}\s{_NAME}(?:\s{_NAME})?")
_SMALL, _MIN_WORDS = 3, 2  # letters of a small word; words needed beside a figure


def locate_letter(
    blocks: Sequence[RawBlock], channel: str, answer: Location, table: int | None = None
) -> list[LocatedBlock]:
    """Return the blocks of a mail or call, its circumstances told from what is said.

    They are said after the workshop, unless `answer` says of which table or question.
    """
    located: list[LocatedBlock] = []
    caller: str | None = None
    question: str | None = None
    is_top = True
    for block in _unfold_mail(blocks) if is_copied_mail(blocks) else blocks:
        is_call = opens_call(block.text) and (is_top or calls_surely(block.text))
        if is_call and not _says(block.text):  # a call noted below a mail is no mail
            channel = "telephone"
        for piece in cut_call(block, in_list=True) if channel == "telephone" else [block]:
            question = _question_named(piece, question)
            location = answer.over(Location(table, question or "distance", channel))
            reason = aside_of(piece.text, in_head=is_top)
            is_opening = is_call and piece.text == block.text and not _says(piece.text)
            if is_opening or (piece.kind == "meta" and channel == "telephone"):
                is_entry = _ENTRY.match(block.text) is not None
                named = _entry_caller(block.text) if is_entry else caller_in(piece.text)
                caller = named if is_entry else named or caller
            if piece.kind == "meta" or reason or is_opening:
                located.append(aside(piece, location, reason or "circumstance"))
                continue
            is_top = is_top and piece.kind == "heading"
            own = caller_in(piece.text) if _opens_entry(piece.text) else None
            cut = piece.speaker if piece.speaker != block.speaker else None
            said = replace(piece, speaker=own or cut or caller or piece.speaker)
            located.append(LocatedBlock.at(said if channel == "telephone" else piece, location))
    return located


def _question_named(block: RawBlock, above: str | None) -> str | None:
    """Return the question that a line says it goes back to, by its number, for what follows."""
    cues = read_cues(block.text)
    if cues.n_words <= MAX_LABEL_WORDS and cues.numbered in CAFE:
        return cues.numbered
    return None if block.kind == "heading" else above


def _entry_caller(text: str) -> str | None:
    """Return who called, of a dated entry: a name, else the words for a person."""
    entry = _ENTRY.match(text)
    if entry is None:
        return None
    who = re.split(r"[(,]", entry["who"])[0].strip(" -–")
    is_told = not word_pattern("columns", "anonymes").fullmatch(fold(who))
    return caller_in(entry["who"]) or (who if who and is_told else None)


def is_copied_mail(blocks: Sequence[RawBlock]) -> bool:
    """Whether the first lines are like "De : …", "Objet : …"."""
    written = [block for block in blocks[:_N_OPENING] if block.kind != "meta"]
    opening = [fold(block.text) for block in written if ":" in block.text[:14]]
    return sum(map(bool, map(word_pattern("locate", "en_tete_mail").search, opening))) > 1


def _unfold_mail(blocks: Sequence[RawBlock]) -> list[RawBlock]:
    lines = [f"- {block.text}" if block.kind == "bullet" else block.text for block in blocks]
    return blocks_of_mail("\n\n".join(lines))[0]


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
    names = (match[0] for match in _NAMES.finditer(text))
    return next((name for name in names if is_whole_name(name)), None)


def _opens_entry(text: str) -> bool:
    """Whether a line of a list of calls opens with its day or a person, or as a call."""
    name = _NAMES.match(text)
    is_named = bool(_CALLER.match(text)) or (name is not None and is_whole_name(name[0]))
    return is_named or bool(_DAY.match(text)) or opens_call(text)


def opens_call(text: str) -> bool:
    """Whether the text opens like "Appel de Mme …" or "Eu au téléphone …"."""
    return bool(word_pattern("locate", "debut_appel").search(fold(text)))


def cut_call(block: RawBlock, *, in_list: bool = False) -> list[RawBlock]:
    """Cut "Appel de Mme Riou le 3/4 : elle dit que…" before the words said.

    In a list of calls, a line may open with its day only: "3/4 Mme Riou – elle dit que…".
    """
    opens = _opens_entry(block.text) if in_list else opens_call(block.text)
    entry = _ENTRY.match(block.text) if in_list and block.kind != "meta" else None
    if entry and not states(entry["who"], is_announced=False):
        said = block.text[entry.end() :].strip()
        told = replace(block, text=block.text[: entry.end()].strip(), kind="meta", level=None)
        speaker = _entry_caller(block.text) or block.speaker
        return [
            replace(told, reason="circumstance"),
            replace(block, text=said, kind="paragraph", level=None, speaker=speaker),
        ]
    if block.kind == "meta" or not opens or (_says(block.text) and not _DAY.match(block.text)):
        return [block]
    for mark in _MARKS.finditer(block.text):
        before, after = block.text[: mark.end()].strip(), block.text[mark.end() :]
        piece = _MARKS.split(after, maxsplit=1)[0]
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


def _says(text: str) -> bool:
    """Whether the line is like "Mme Riou a appelé pour dire que…"."""
    opening = fold(_MARKS.split(text, maxsplit=1)[0])
    rest = word_pattern("locate", "debut_appel").sub("", opening, count=1)
    return states(rest, is_announced=False)

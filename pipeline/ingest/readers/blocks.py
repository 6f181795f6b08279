"""Build the blocks of a document from its paragraphs and tables, whatever its format.

Find titles without a style, typed list signs and wrapped lines.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from colorsys import rgb_to_hls
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import pairwise
from typing import TypeVar

from pipeline.ingest.parts import RawBlock, RawPart, no_text
from pipeline.ingest.words import (
    Bullet,
    bullet_of,
    clean,
    has_letters,
    is_finished,
    is_rule,
    lexicon_words,
    plural_warning,
    runs_on,
    starts_low,
    width,
)
from pipeline.text import has_signed_word

_HUES: tuple[tuple[int, str], ...] = (
    (16, "rouge"),
    (45, "orange"),
    (68, "jaune"),
    (170, "vert"),
    (258, "bleu"),
)
_HUES += ((295, "violet"), (345, "rose"), (361, "rouge"))
_COLORS = {"red": "rouge", "yellow": "jaune", "green": "vert", "blue": "bleu", "cyan": "turquoise"}
_COLORS |= {"magenta": "rose"}
_PALE, _MOSTLY = 0.25, 0.8  # saturation of a colour; share of the letters that have it
_LABEL = re.compile(  # « Q1 », « Table 4 : », « Tour n° 2 »
    r"^\W*(?:[^\W\d_]{1,10}\.?\s*)?(?:n°\s*)?\d{1,2}\W*$"
)
_OPENING = re.compile(  # « Question 2 : on… », « T4 – on… »
    r"^\s*(?:\[?(?:table|groupe|question|tour)\s*(?:n\s?°\s*)?(?:\d{1,2}|[a-f]\b)|\[?[tqg]\s?\d{1,2})"
    r"\s*(?:\]|[:–—|>→]|-\s)\s*(?=\S)",
    re.IGNORECASE,
)
_NUMBERED_TITLE = re.compile(r"\W*([^\W\d_]+)\s*(?:n°)?\s*\d{1,2}\b")
_ANNOUNCED = re.compile(r"\W*[^\W\d_]+\s*(?:n°)?\s*\d{1,2}\s*[:–—.)/-]")
_MARKED = re.compile(  # « (T6) des cuves », « [Q2] un four »
    r"\s*[(\[]\s*[^\W\d_]{1,10}\s*(?:n°\s*)?\d{1,2}\s*[)\]]\s*[^\s:]"
)
_UNDERLINE = re.compile(r"^\s*(={3,}|-{3,}|~{3,})\s*$")
_LIST_SIGNS = frozenset("-–—−‐*•●")
LIST_DASHES = ("-", "–", "−", "+")  # signs of a list that may be words
_SIGN_LEVEL = {"o": 1, "▪": 2, "§": 2, "\uf0a7": 2}
_MAX_ANCESTORS = 30  # of a style: Word allows ten
_MAX_WORDS = 14
_MAX_QUESTION_WORDS = 25
_MAX_STRONG_SHARE = 0.4  # of the words; in a bolder text, bold says nothing
_NARROW, _WIDE = 45, 130  # columns where mail and text programs wrap
_MAIL_COLUMN = 62  # a mail's line this long that ends no sentence was wrapped

_STRUCK, _PLAIN = "\ufdd0", "\ufdd1"  # around struck-out words; no character is coded so
_BETWEEN = re.compile(rf"{_PLAIN}(\s*){_STRUCK}")
_STRUCK_OUT = re.compile(rf"{_STRUCK}([^{_STRUCK}{_PLAIN}]*){_PLAIN}?")

Cell = list[RawBlock]
_MAX_HEADER_WORDS = 10
_MAX_LABEL_WORDS = 12
_MAX_SPAN = 200  # rows or columns of one cell


_Name = TypeVar("_Name")
_Style = TypeVar("_Style")


@dataclass(frozen=True)
class Draft:
    """A paragraph, or a block whose kind the format gives."""

    text: str
    block: RawBlock | None = None
    number: str = ""  # shown by the format before the text
    is_start: bool = False  # nothing, a blank or a rule is above
    is_strong: bool = False  # all bold, or larger than the body
    is_underlined: bool = False
    color: str = ""  # of nearly all letters, in French; "" for black

    @cached_property
    def bullet(self) -> Bullet | None:
        """Return the typed list sign, unless the format gives a kind."""
        return None if self.block else bullet_of(self.text)

    @cached_property
    def kind(self) -> str:
        """Return the format's or sign's kind, "paragraph" by default."""
        if self.block:
            return self.block.kind
        return "bullet" if self.bullet else "paragraph"

    @property
    def is_numbered(self) -> bool:
        """Whether it is an item of a numbered list, typed or real."""
        return bool(self.number) or (self.bullet is not None and self.bullet.sign == "1")

    @property
    def n_words(self) -> int:
        """Count the words of the text."""
        return len(self.text.split())


@dataclass
class StyledText:
    """The text of a paragraph, gathered run by run."""

    text: str = ""
    n_strong: int = 0  # letters
    n_plain: int = 0
    n_colored: Counter[str] = field(default_factory=Counter)

    @property
    def is_strong(self) -> bool:
        """Whether all letters stand out, as in a title."""
        return self.n_strong > 0 and self.n_plain == 0

    @property
    def color(self) -> str:
        """Return the colour of nearly all letters, "" for black."""
        (color, n_letters), *_ = [*self.n_colored.most_common(1), ("", 0)]
        return color if n_letters > _MOSTLY * (self.n_strong + self.n_plain) else ""

    def add(self, text: str, *, is_strong: bool, color: str = "", is_struck: bool = False) -> None:
        """Add a run of text, its colour a number in hexadecimal or an English name."""
        self.text += struck(text) if is_struck else text
        n_letters = sum(character.isalpha() for character in text)
        self.n_colored[color_name(color)] += n_letters if color else 0
        if is_strong:
            self.n_strong += n_letters
        else:
            self.n_plain += n_letters


@cache
def color_name(color: str) -> str:
    """Return the French name of a colour, "" for black, grey and white.

    >>> color_name("C00000"), color_name("#0046c8"), color_name("green"), color_name("333333")
    ('rouge', 'bleu', 'vert', '')
    """
    code = color.lstrip("#")
    if not re.fullmatch(r"[0-9A-Fa-f]{6}", code):
        return _COLORS.get(color.lower().removeprefix("dark"), "")
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (0, 2, 4))
    hue, lightness, saturation = rgb_to_hls(red, green, blue)
    if saturation < _PALE or not _PALE / 2 < lightness < 1 - _PALE / 4:
        return ""
    return next(name for limit, name in _HUES if 360 * hue < limit)


def struck(text: str) -> str:
    """Return `text` with signs around the words of each line that its author struck out."""
    lines = text.split("\n")
    return "\n".join(f"{_STRUCK}{line}{_PLAIN}" if line.strip() else line for line in lines)


def set_struck_apart(part: RawPart) -> RawPart:
    """Return `part` with the struck-out words of its blocks and rows in `meta` blocks."""
    cells = [cell for row in part.rows for cell in row if _STRUCK in cell]
    if not cells and not any(_STRUCK in block.text for block in part.blocks):
        return part
    blocks = [piece for block in part.blocks for piece in _without_struck(block)]
    blocks += [words for cell in cells for words in _struck_out(cell)]
    rows = tuple(tuple(map(_standing, row)) for row in part.rows)
    title = _standing(part.title or "") or None
    return replace(part, blocks=tuple(blocks), rows=rows, title=title)


def _without_struck(block: RawBlock) -> Iterator[RawBlock]:
    columns = tuple((_standing(title), _standing(cell)) for title, cell in block.columns)
    if text := _standing(block.text):
        yield replace(block, text=text, columns=columns)
    yield from _struck_out(block.text)


def _struck_out(text: str) -> Iterator[RawBlock]:
    for words in _STRUCK_OUT.findall(_BETWEEN.sub(r"\1", text)):
        if has_letters(words):
            yield RawBlock(clean(words), "meta", reason="struck out")


def _standing(text: str) -> str:
    return clean(_STRUCK_OUT.sub(" ", text)).replace(_PLAIN, "") if _STRUCK in text else text


def styles_from(
    name: _Name, styles: Mapping[_Name, _Style], parent_of: Callable[[_Style], _Name]
) -> list[_Style]:
    """Return the style called `name` and its ancestors, nearest first; a loop ends."""
    chain: list[_Style] = []
    while name in styles and len(chain) < _MAX_ANCESTORS and styles[name] not in chain:
        chain.append(styles[name])
        name = parent_of(chain[-1])
    return chain


def drafts_of_text(
    text: str,
    *,
    heading: int = 0,
    list_level: int | None = None,
    number: str = "",
    is_strong: bool = False,
    color: str = "",
) -> list[Draft]:
    """Return one draft for a heading (1..6), else one for each line.

    `list_level` counts from 0; `number` is what the list shows: its sign only where it is a word.
    """
    if number in LIST_DASHES:
        text, number = f"{number} {text}" if has_signed_word(f"{number} {text}") else text, ""
    if heading:
        title = clean(f"{number} {text}")
        return [Draft(title, RawBlock(title, "heading", heading))]
    lines = text.split("\n")
    if list_level is None:
        return [Draft(line, is_strong=is_strong, color=color) for line in lines]
    return [
        Draft(
            line,
            RawBlock(clean(line), "bullet", list_level),
            number,
            is_strong=is_strong,
            color=color,
        )
        for line in lines
    ]


def drafts_of_blocks(blocks: Iterable[RawBlock]) -> list[Draft]:
    """Return drafts of finished blocks."""
    return [Draft(block.text, block) for block in blocks]


def single_part(
    blocks: Sequence[RawBlock],
    what: str,
    *,
    title: str | None = None,
    channel: str | None = None,
    warnings: tuple[str, ...] = (),
    taken_for: str = "",
) -> tuple[RawPart, ...]:
    """Return a file's only part; raise `ReadError` where it has no block. `what` has no article."""
    if not blocks:
        raise no_text(what)
    return (
        RawPart(
            tuple(blocks), title=title, channel=channel, warnings=warnings, taken_for=taken_for
        ),
    )


def furniture_blocks(texts: Iterable[str]) -> list[RawBlock]:
    """Return each header or footer once, as a meta block: they often name the table."""
    return [
        RawBlock(text, "meta", reason="page furniture")
        for text in dict.fromkeys(texts)
        if has_letters(text)
    ]


def comment_blocks(text: str) -> list[RawBlock]:
    """Return a comment in a document's margin as a meta block; [] for a blank one."""
    shown = clean(text)
    return [RawBlock(shown, "meta", reason="comment")] if shown else []


def blocks_of_drafts(drafts: Sequence[Draft], *, has_headings: bool = True) -> list[RawBlock]:
    """Return the blocks of `drafts`, without blank ones; find titles only if `has_headings`."""
    filled = _with_starts(drafts)
    titles = _find_titles(filled) if has_headings else [False] * len(filled)
    strips_plus = not any(draft.bullet and draft.bullet.sign not in ("1", "+") for draft in filled)
    blocks: list[RawBlock] = []
    indents: list[int] = []
    for draft, is_title in zip(filled, titles, strict=True):
        if is_title:
            block = RawBlock(clean(f"{draft.number} {draft.text}"), "heading", 3 if blocks else 1)
        elif draft.bullet:
            block = _bullet_block(draft.bullet, indents, strips_plus)
        else:
            block = draft.block or RawBlock(clean(draft.text))
        if block.kind != "bullet":
            indents = []
        blocks.append(replace(block, color=draft.color) if draft.color else block)
    return [block for block in blocks if block.text]


def _with_starts(drafts: Sequence[Draft]) -> list[Draft]:
    filled: list[Draft] = []
    is_start = True
    for draft in drafts:
        if not draft.text.strip():
            is_start = True
            continue
        filled.append(replace(draft, is_start=draft.is_start or is_start))
        is_start = draft.block is not None and draft.block.kind != "paragraph"
    return filled


def _bullet_block(bullet: Bullet, indents: list[int], strips_plus: bool) -> RawBlock:
    """Keep a plus among other signs, as it means "for"; update `indents`, those of open bullets."""
    while indents and bullet.indent < indents[-1]:
        indents.pop()
    if not indents or bullet.indent > indents[-1]:
        indents.append(bullet.indent)
    level = max(len(indents) - 1, _SIGN_LEVEL.get(bullet.sign, 0))
    keeps_sign = bullet.sign == "+" and not strips_plus and not bullet.text.startswith("+")
    return RawBlock(clean(f"+ {bullet.text}" if keeps_sign else bullet.text), "bullet", level)


def _find_titles(drafts: Sequence[Draft]) -> list[bool]:
    """Find titles that the format does not mark.

    Neighbours count only where the author marks no titles: a paragraph above a list may be an idea.
    """
    unmarked = [draft for draft in drafts if draft.kind in ("paragraph", "bullet")]
    n_strong = sum(draft.n_words for draft in unmarked if draft.is_strong)
    heeds_weight = n_strong <= _MAX_STRONG_SHARE * sum(draft.n_words for draft in unmarked)
    heeds_neighbours = sum(draft.kind == "heading" for draft in drafts) < 2
    is_spaced = all(
        draft.is_start and not draft.block and not is_finished(draft.text) for draft in drafts
    )
    titles: list[bool] = []
    is_counting = False  # a title with a number is above: « 2. Propositions » is its like
    for i, draft in enumerate(drafts):
        above = drafts[i - 1] if i else None
        below = drafts[i + 1] if i + 1 < len(drafts) else None
        is_comment = draft.block is not None and draft.block.speaker is not None
        is_candidate = draft.kind in ("paragraph", "bullet") and not is_comment
        titles.append(
            is_candidate
            and (
                draft.is_underlined
                or (heeds_weight and _is_strong(draft, below))
                or (draft.kind == "paragraph" and is_label(draft.text))
                or (
                    heeds_neighbours
                    and below is not None
                    and (
                        _is_title_by_neighbours(above, draft, below, is_spaced)
                        or (is_counting and _is_next_of_titles(draft, below))
                    )
                )
            )
        )
        is_counting = is_counting or (titles[-1] and draft.kind == "bullet" and draft.is_numbered)
    return titles


def _is_strong(draft: Draft, below: Draft | None) -> bool:
    return (
        draft.is_strong
        and below is not None
        and (draft.kind == "paragraph" or draft.is_numbered)
        and _is_short(draft, _MAX_QUESTION_WORDS)
    )


def _is_title_by_neighbours(
    above: Draft | None, draft: Draft, below: Draft, is_spaced: bool
) -> bool:
    """`is_spaced` says that blank lines separate all lines."""
    if draft.kind == "bullet":
        return _leads_list(above, draft, below)
    text = draft.text
    if _MARKED.match(text):  # a mark before what somebody says
        return False
    is_first_apart = (
        above is None
        and below.is_start
        and not is_spaced
        and draft.n_words <= _MAX_WORDS
        and not is_finished(text)
    )
    if is_first_apart or not _is_short(draft):
        return is_first_apart
    if draft.is_start and (
        below.kind == "bullet"
        or text.rstrip().endswith(":")
        or _is_numbered_title(text)
        or _is_in_capitals(text)
    ):
        return True
    # « Question 2 : … » needs no space above.
    return text[:1].isupper() and _is_numbered_title(text) and bool(_ANNOUNCED.match(text))


def _is_next_of_titles(draft: Draft, below: Draft) -> bool:
    is_apart = draft.kind == "bullet" and draft.is_numbered and draft.is_start
    return is_apart and _is_short(draft) and not below.is_numbered


def _leads_list(above: Draft | None, draft: Draft, below: Draft) -> bool:
    """Whether it leads a bulleted list, as « 1. Besoins » does."""
    if (
        draft.bullet is None
        or draft.bullet.sign != "1"
        or (above is not None and above.is_numbered)
    ):
        return False
    least = draft.bullet.indent
    is_above_list = (
        below.bullet is not None
        and below.bullet.sign in _LIST_SIGNS
        and (below.bullet.indent == least or (draft.is_start and below.bullet.indent > least))
    )
    is_left_open = draft.text.rstrip().endswith("…") and draft.n_words <= _MAX_WORDS
    return is_above_list and (is_left_open or _is_short(draft))


def _is_short(draft: Draft, max_words: int = _MAX_WORDS) -> bool:
    text = draft.text.rstrip()
    if text.endswith("?"):
        return draft.n_words <= _MAX_QUESTION_WORDS
    return draft.n_words <= max_words and (text.endswith(":") or not is_finished(text))


def _is_numbered_title(text: str) -> bool:
    """Whether it reads like « Q4 : à améliorer » or « Tour 2, ce qui marche »."""
    match = _NUMBERED_TITLE.match(text)
    return match is not None and match[1].lower() in lexicon_words("mots_titres")


def _is_in_capitals(text: str) -> bool:
    return text.upper() == text and sum(character.isalpha() for character in text) >= 4


def is_label(text: str) -> bool:
    """Whether the text is only a label and a number: « Q1 », « Table 4 : »."""
    return bool(_LABEL.match(text.strip()))


def blocks_of_lines(lines: Sequence[str], *, is_mail: bool = False) -> list[RawBlock]:
    """Return the blocks of plain text; `is_mail` joins wrapped lines and finds no titles."""
    drafts: list[Draft] = []
    for group in paragraphs_of_lines(lines, is_mail=is_mail):
        text, is_underlined = joined_lines(group)
        drafts.append(Draft(text, is_underlined=is_underlined))
    return blocks_of_drafts(drafts, has_headings=not is_mail)


def joined_lines(group: Sequence[str]) -> tuple[str, bool]:
    """Return the text of grouped lines, and whether it is an underlined title."""
    is_underlined = len(group) == 2 and bool(_UNDERLINE.match(group[1]))
    if is_underlined or not group:
        return group[0].rstrip() if group else "", is_underlined
    return " ".join([group[0].rstrip(), *(line.strip() for line in group[1:])]), False


def paragraphs_of_lines(lines: Sequence[str], *, is_mail: bool = False) -> Iterator[list[str]]:
    """Yield the lines of each paragraph or bullet.

    A blank line or a rule gives an empty group, an underlined title a group of two lines.
    """
    column = wrap_column(lines)
    group: list[str] = []
    for line in lines:
        if group and _underlines(group, line):
            yield [*group, line]
            group = []
        elif not line.strip() or is_rule(line):
            yield from ([group] if group else [])
            yield []
            group = []
        elif group and _goes_on(group, line, column, is_mail):
            group.append(line)
        else:
            yield from ([group] if group else [])
            group = [line]
    if group:
        yield group


def _underlines(group: list[str], line: str) -> bool:
    if len(group) != 1 or not _UNDERLINE.match(line) or bullet_of(group[0]):
        return False
    n_above = len(group[0].strip())
    return abs(len(line.strip()) - n_above) <= max(3, n_above // 2)


def _goes_on(group: list[str], line: str, column: int | None, is_mail: bool) -> bool:
    above = group[-1]
    if is_label(above) or is_label(line) or _starts_item(line):
        return False
    if (
        bullet_of(group[0])
        and _indent(line) > _indent(group[0])
        and (len(group) == 1 or _indent(line) >= _indent(above))
    ):
        return True
    if (column and _is_full(above, line, column)) or runs_on(above, line):
        return True
    return (
        is_mail
        and not is_finished(above)
        and (starts_low(line) or _is_full(above, line, _MAIL_COLUMN))
    )


def _starts_item(line: str) -> bool:
    return bool(bullet_of(line) or _OPENING.match(line))


def _indent(line: str) -> int:
    return width(line[: len(line) - len(line.lstrip())])


def wrap_column(lines: Sequence[str]) -> int | None:
    """Return the column where a program wrapped `lines`, None where people ended them.

    Hardly any wrapped line has room for the next one's first word; most break mid-sentence.
    """
    lengths = sorted({len(line.rstrip()) for line in lines if " " in line.strip()}, reverse=True)
    for column in lengths[:2]:
        if _NARROW <= column <= _WIDE and _is_wrapped_at(column, lines):
            return column
    return None


def _is_wrapped_at(column: int, lines: Sequence[str]) -> bool:
    pairs = [
        (above, below)
        for above, below in pairwise(lines)
        if above.strip() and below.strip() and not _starts_item(below)
    ]
    full = [above for above, below in pairs if _is_full(above, below, column)]
    n_broken = sum(not is_finished(above) for above in full)
    return n_broken >= 3 and len(full) >= 0.6 * len(pairs) and n_broken >= 0.5 * len(full)


def _is_full(above: str, below: str, column: int) -> bool:
    return len(above.rstrip()) + 1 + len(below.split()[0]) > column


def slides_part(blocks: list[RawBlock], *, n_hidden: int) -> tuple[RawPart, ...]:
    """Return slides as one part, with a warning for those that are hidden."""
    title = next((block.text for block in blocks if block.kind == "heading"), None)
    warnings = plural_warning(n_hidden, "diapositive{} masquée{} non lue{}")
    return single_part(blocks, "diaporama", title=title, warnings=warnings)


class CoveredCell(list[RawBlock]):
    """A blank cell read as the merged cell `by` that covers it."""

    def __init__(self, by: Cell | None) -> None:
        super().__init__()
        self.by: Cell = by.by if isinstance(by, CoveredCell) else by or []


@dataclass
class TableWalk:
    """A walk that keeps comments on cells until their outermost table ends."""

    title: str | None = field(default=None, init=False)
    comments: list[Draft] = field(default_factory=list, init=False)
    _n_open_tables: int = field(default=0, init=False)

    def table_drafts(self, read_rows: Callable[[], list[list[Cell]]]) -> Iterator[Draft]:
        """Yield the drafts of a table, then its comments."""
        self._n_open_tables += 1
        rows = read_rows()
        self._n_open_tables -= 1
        yield from drafts_of_blocks(blocks_of_rows(rows))
        yield from self.comments_due()

    def comments_due(self) -> list[Draft]:
        """Return the waiting comments, [] inside a table."""
        if self._n_open_tables:
            return []
        comments, self.comments = self.comments, []
        return comments


def blocks_of_rows(rows: Sequence[Sequence[Cell]]) -> list[RawBlock]:
    """Return the blocks of a table.

    A cell merged over a row is a heading of the rows below. Under a header row (meta blocks), each
    paragraph is a cell block with its row's (header, cell) pairs. In two columns, first-column
    labels are headings of the second's blocks. A single row or column is only layout: its cells'
    own blocks.
    """
    filled = [list(row) for row in rows if any(row)]
    banners: list[RawBlock] = []
    while len(filled) > 1 and _is_banner(filled[0]):
        banners += _banner(filled.pop(0))
    return [*banners, *_blocks_below_banners(filled)]


def _blocks_below_banners(rows: list[list[Cell]]) -> Iterator[RawBlock]:
    n_columns = max(map(len, rows), default=0)
    if len(rows) < 2 or n_columns < 2:
        yield from (block for row in rows for cell in row for block in cell)
        return
    header: list[str] | None = None
    if _is_header(rows[0]):
        yield from (
            RawBlock(block.text, "meta", reason="column header")
            for cell in rows[0]
            for block in cell
        )
        header = [text_of_cell(cell) for cell in rows.pop(0)]
    is_labelled = header is None and n_columns == 2 and _has_labels(rows)
    for row in rows:
        if _is_banner(row):
            yield from _banner(row)
        elif is_labelled:
            yield from (RawBlock(block.text, "heading", 4) for block in row[0])
            yield from (block for cell in row[1:] for block in cell)
        else:
            yield from _cell_blocks(row, header)


def _is_banner(row: Sequence[Cell]) -> bool:
    return (
        len(row) > 1
        and bool(row[0])
        and all(isinstance(cell, CoveredCell) and cell.by is row[0] for cell in row[1:])
    )


def _banner(row: Sequence[Cell]) -> list[RawBlock]:
    if not _is_label(row[0]):
        return list(row[0])
    return [replace(block, kind="heading", level=4) for block in row[0]]


def _is_header(row: Sequence[Cell]) -> bool:
    """Whether titles are short, distinct and unfinished; the first cell may be blank."""
    texts = [text_of_cell(cell) for cell in row]
    own = [text for cell, text in zip(row, texts, strict=True) if not isinstance(cell, CoveredCell)]
    return (
        all(len(cell) <= 1 for cell in row)
        and all(
            len(text.split()) <= _MAX_HEADER_WORDS and not _ends_sentence(text) for text in texts
        )
        and all(texts[1:])
        and len(set(own)) == len(own)
        and not any(text.replace(",", "").replace(".", "").isdigit() for text in texts)
    )


def _has_labels(rows: list[list[Cell]]) -> bool:
    return all(_is_label(row[0]) for row in rows) and any(
        _n_words(row[-1]) > _MAX_LABEL_WORDS or len(row[-1]) > 1 for row in rows
    )


def _is_label(cell: Cell) -> bool:
    is_short = len(cell) <= 1 and _n_words(cell) <= _MAX_LABEL_WORDS
    return is_short and not (cell and _ends_sentence(cell[0].text))


def _ends_sentence(text: str) -> bool:
    return is_finished(text) and not text.endswith((":", "?"))


def _n_words(cell: Cell) -> int:
    return len(text_of_cell(cell).split())


def _cell_blocks(row: Sequence[Cell], header: list[str] | None) -> Iterator[RawBlock]:
    columns: tuple[tuple[str, str], ...] = ()
    if header is not None:
        titles = [*header, *[""] * len(row)]
        columns = tuple((titles[i], text_of_cell(cell)) for i, cell in enumerate(row))
    for i, cell in enumerate(row):
        for block in cell:
            kind = _kind(block)
            reason = "location" if has_letters(block.text) else "mark"
            yield replace(
                block,
                kind=kind,
                reason=block.reason or (reason if kind == "meta" else ""),
                level=None,
                columns=columns,
                column=block.column if header is None else i,
            )


def _kind(block: RawBlock) -> str:
    """Return "meta" for a number or a label such as « Q1 »: other cells keep it as a column."""
    is_meta = block.kind == "meta" or is_label(block.text) or not has_letters(block.text)
    return "meta" if is_meta else "cell"


def text_of_cell(cell: Cell) -> str:
    """Return a cell's text on one line, or that of the cell that covers it."""
    return " ".join(block.text for block in (cell.by if isinstance(cell, CoveredCell) else cell))


def cell_above(rows: Sequence[Sequence[Cell]], column: int) -> Cell | None:
    """Return the last row's cell at `column`, None for none."""
    return rows[-1][column] if rows and column < len(rows[-1]) else None


def spread(cell: Cell, n_columns: int) -> list[Cell]:
    """Return the cell and those it covers over `n_columns`."""
    return [cell, *(CoveredCell(cell) for _ in range(n_columns - 1))]


def grid_of_spans(rows: Iterable[Iterable[tuple[Cell, int, int]]]) -> list[list[Cell]]:
    """Return a grid from cells given once with the rows and columns they span."""
    grid: list[list[Cell]] = []
    open_above: dict[int, tuple[int, Cell]] = {}  # by column: rows still covered, covering cell
    for row in rows:
        cells: list[Cell] = []
        open_below: dict[int, tuple[int, Cell]] = {}
        for cell, n_rows, n_columns in row:
            _add_covered(cells, open_above, open_below)
            first = len(cells)
            cells += spread(cell, min(n_columns, _MAX_SPAN))
            covering = (min(n_rows, _MAX_SPAN) - 1, cell)
            open_below |= dict.fromkeys(range(first, len(cells)), covering)
        _add_covered(cells, open_above, open_below)
        open_above = {i: covering for i, covering in open_below.items() if covering[0] > 0}
        grid.append(cells)
    return grid


def _add_covered(
    cells: list[Cell],
    open_above: dict[int, tuple[int, Cell]],
    open_below: dict[int, tuple[int, Cell]],
) -> None:
    while len(cells) in open_above:
        n_rows, cell = open_above[len(cells)]
        open_below[len(cells)] = (n_rows - 1, cell)
        cells.append(CoveredCell(cell))

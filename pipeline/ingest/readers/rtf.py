"""Read rich text (.rtf, and .doc files that are RTF inside) with striprtf's vocabulary of control words.

In:   the bytes of a .rtf
Out:  one part; striprtf's own text loses weight, list levels, tables, notes and text boxes, so its tokens are walked here

The paragraphs of a rich text as its control words build them, and the encodings of its text.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from striprtf.striprtf import (
    PATTERN,
    charset_map,
    destinations,
    font_table_group,
    remove_pict_groups,
    specialchars,
)

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.blocks import Draft, remark, settle
from pipeline.ingest.readers.grids import Cell, Covered, blocks_of_rows
from pipeline.ingest.readers.source import Source, no_text
from pipeline.ingest.readers.wording import clean

_SIGNS = {
    "\xb7": "•",
    "\uf0b7": "•",
    "\xa7": "▪",
}  # Symbol and Wingdings bullets, as the list text shows them
_LARGE = 28  # half-points: a title, even where it is not bold
_LIST_STEP = 360  # twips: half the indent of one list level


@dataclass(frozen=True)
class State:
    """What holds in a group of the file."""

    is_skipped: bool = False
    hidden_by: str = ""  # the control word that hides text until it is switched off
    is_bold: bool = False
    is_large: bool = False
    is_underlined: bool = False
    font: str = ""
    n_fallback: int = 1  # characters that stand in for one \\u character
    place: str = "body"  # body, header, aside (a note or text box), comment, author (of a comment) or sign (the list sign shown)

    @property
    def is_strong(self) -> bool:
        """True where text stands out as titles do."""
        return self.is_bold or self.is_large or self.is_underlined


@dataclass
class Paragraph:
    """The paragraph being read."""

    text: str = ""
    sign: str = ""
    n_strong: int = 0
    n_plain: int = 0
    indent: int = 0
    level: int = 0
    outline: int | None = None
    is_list: bool = False
    is_cell: bool = False

    def draft(self) -> Iterator[Draft]:
        """The drafts of the paragraph, one a line of it."""
        is_strong = self.n_strong > 0 and self.n_plain == 0
        sign = _SIGNS.get(self.sign.strip(), self.sign.strip())
        is_number = any(letter.isalnum() for letter in sign) and sign != "o"
        for line in _paired(self.text).split("\n"):
            if self.outline is not None and clean(line):
                title = clean(f"{sign if is_number else ''} {line}")
                yield Draft(title, RawBlock(title, "heading", min(6, self.outline + 1)))
            elif sign or self.is_list:
                block = RawBlock(
                    clean(line), "bullet", self.level or max(0, self.indent // _LIST_STEP - 1) // 2
                )
                yield Draft(line, block, number=sign if is_number else "", is_strong=is_strong)
            else:
                yield Draft(" " * (max(0, self.indent) // 120) + line.lstrip(), is_strong=is_strong)


def _paired(text: str) -> str:
    """`text` with the halves of signs beyond 16 bits, which the format writes one by one, put together."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def with_format(word: str, argument: str, state: State) -> State:
    """The state after a control word that sets weight, underline, size, font, fallback length, hidden or deleted text."""
    is_on = argument != "0"
    if word == "b":
        return replace(state, is_bold=is_on)
    if word in ("ul", "ulnone"):
        return replace(state, is_underlined=is_on and word == "ul")
    if word == "fs":
        return replace(state, is_large=int(argument or 0) >= _LARGE)
    if word == "f":
        return replace(state, font=argument)
    if word == "uc":
        return replace(state, n_fallback=int(argument or 1))
    if word == "plain":
        return replace(state, is_bold=False, is_large=False, is_underlined=False)
    return replace(state, is_skipped=is_on, hidden_by=word if is_on else "")


def codepage(text: str) -> str:
    """The encoding that the document declares, cp1252 where it declares none that is known."""
    start = text.find("\\ansicpg")
    digits = (
        "".join(letter for letter in text[start + 8 : start + 14] if letter.isdigit())
        if start >= 0
        else ""
    )
    declared = "mac_roman" if "\\mac\\" in text[:200] or "\\mac " in text[:200] else "cp1252"
    try:
        return (
            codecs.lookup(f"cp{digits}").name
            if digits and digits != "10000"
            else "mac_roman"
            if digits
            else declared
        )
    except LookupError:
        return declared


def fonts(text: str) -> dict[str, str]:
    """The encoding of each font by its number; Symbol and default fonts are left out, so that the document's holds."""
    found: dict[str, str] = {}
    number = ""
    for word, argument, *_ in PATTERN.findall(font_table_group(text)):  # type: ignore[no-untyped-call]
        if word == "f":
            number = argument
        elif word == "fcharset" and argument not in ("0", "1", "2"):
            found.setdefault(number, charset_map.get(int(argument or 0), "cp1252"))
    return found


_ALSO_SKIPPED = frozenset(
    {
        "fonttbl",
        "colortbl",
        "shprslt",
        "fldtype",
        "nonshppict",
        "themedata",
        "latentstyles",
        "datastore",
        "rsidtbl",
    }
)
_HEADERS = frozenset(
    {"header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf"}
)
_MARGIN = {"annotation": "comment", "atnauthor": "author"}  # a comment, and before it who wrote it
_PLACES = ("header", "aside", "comment", "author")
_TOKEN = re.compile(
    PATTERN.pattern.removesuffix("(.)") + r"([^\\{}\r\n]+|.)", PATTERN.flags
)  # with letters that follow one another as one
_PICTURE = re.compile(
    r"[0-9a-fA-F\r\n]{300,}"
)  # bytes of a picture or object, which are long and would be walked sign by sign
_MAX_NUMBER = 100_000  # of an indent in twips, or of a level: no page is wider
_ASIDE = frozenset({"footnote", "shptxt", "dptxbxtext"})


def read_rtf(source: Source) -> tuple[RawPart, ...]:
    """Return the document as one part.

    Raises `ReadError` for a document without text.
    """
    drafts, found = _drafts(source.content)
    headers = [
        RawBlock(header, "meta")
        for header in dict.fromkeys(found)
        if any(letter.isalpha() for letter in header)
    ]
    blocks = [*headers, *settle(drafts)]
    if not any(block.text for block in blocks):
        raise no_text("document RTF")
    return (RawPart(tuple(blocks)),)


def text_of_rtf(content: bytes) -> str:
    """The text of a mail in rich text, a line a paragraph; HTML wrapped in rich text gives what it shows."""
    drafts, _ = _drafts(content)
    return "\n".join(
        f"{'- ' if draft.kind == 'bullet' and draft.block else ''}{draft.text}" for draft in drafts
    )


def _drafts(content: bytes) -> tuple[list[Draft], list[str]]:
    """The drafts of a document and its page headers.

    Raises `ReadError` where it is damaged.
    """
    text = _PICTURE.sub("", str(remove_pict_groups(content.decode("latin-1"))))  # type: ignore[no-untyped-call]
    walk = _Walk(codepage(text), fonts(text))
    try:
        return walk.drafts(text), walk.headers
    except (ValueError, OverflowError) as error:
        raise ReadError(
            "document RTF abîmé",
            "un document RTF complet",
            "l'ouvrir dans Word ou LibreOffice et l'enregistrer en .docx",
        ) from error


@dataclass
class _Walk:
    """One pass over the tokens of a document."""

    encoding: str
    fonts: dict[str, str]
    headers: list[str] = field(default_factory=list)
    _done: list[Draft] = field(default_factory=list)
    _aside: list[Draft] = field(default_factory=list)
    _here: Paragraph = field(default_factory=Paragraph)
    _set_by: dict[str, Paragraph] = field(
        default_factory=lambda: {place: Paragraph() for place in _PLACES}
    )
    _cell: list[Draft] = field(default_factory=list)
    _row: list[Cell] = field(default_factory=list)
    _rows: list[list[Cell]] = field(default_factory=list)
    _merged: list[str] = field(
        default_factory=lambda: [""]
    )  # of the cells of a row, which ones others cover
    _bytes: str = ""

    def drafts(self, text: str) -> list[Draft]:
        """The drafts of the whole document."""
        stack: list[State] = []
        state = State()
        n_skip = 0
        for word, argument, code, sign, brace, letters in (
            match.groups(default="") for match in _TOKEN.finditer(text)
        ):
            if self._bytes and not code:
                self._flush(state)
            if brace == "{":
                stack.append(state)
            elif brace == "}":
                self._leave(state, stack[-1] if stack else State())
                state = stack.pop() if stack else State()
                if not stack:
                    break
            elif code:
                n_skip, self._bytes = (
                    (n_skip - 1, self._bytes) if n_skip else (0, self._bytes + code)
                )
            elif word == "u" and argument:
                self._add(chr(int(argument) % 0x10000), state)
                n_skip = state.n_fallback
                continue
            elif word:
                state = self._word(word, argument, state)
            elif sign:
                state = self._sign(sign, state)
            elif letters:
                self._add(letters[n_skip:], state)
                n_skip = max(0, n_skip - len(letters))
            n_skip = n_skip if code or letters else 0
        self._end_paragraph()
        self._end_table()
        return self._done

    def _flush(self, state: State) -> None:
        pending, self._bytes = self._bytes, ""
        self._add(
            bytes.fromhex(pending).decode(
                self.fonts.get(state.font, self.encoding), errors="replace"
            ),
            state,
        )

    def _sign(self, sign: str, state: State) -> State:
        if sign == "*":
            return replace(state, is_skipped=True)
        if sign in "\r\n":
            self._end_paragraph()
        else:
            self._add(
                {"~": " ", "_": "-", "-": ""}.get(sign, sign if sign in "{}\\" else ""), state
            )
        return state

    def _word(self, word: str, argument: str, state: State) -> State:
        """Take in one control word; return the state that holds after it."""
        if word in destinations or word in _ALSO_SKIPPED or word == "listtext":
            return self._enter(word, state)
        if state.is_skipped:
            return (
                replace(state, is_skipped=False)
                if word == state.hidden_by and argument == "0"
                else state
            )
        if word in ("b", "ul", "ulnone", "fs", "f", "plain", "uc", "v", "deleted", "htmlrtf"):
            return with_format(word, argument, state)
        if state.place == "body" and word in (
            "par",
            "sect",
            "page",
            "cell",
            "nestcell",
            "row",
            "nestrow",
        ):
            self._end(word)
        elif word in ("par", "sect", "line", "lbr", "softline"):
            self._add("\n", state)
        elif word in specialchars and len(specialchars[word]) == 1 and word not in ("cell", "row"):
            self._add(specialchars[word], state)
        elif state.place == "body":
            self._format(word, argument)
        return state

    def _enter(self, word: str, state: State) -> State:
        """The state inside a group of its own kind: skipped, a page header, a note, a comment or the sign of a list."""
        if word in ("listtext", "pntext"):
            return (
                replace(state, place="sign", is_skipped=False) if state.place == "body" else state
            )
        if word in _HEADERS:
            return replace(state, place="header")
        if word in _MARGIN:
            return replace(state, place=_MARGIN[word], is_skipped=False)
        if word in _ASIDE:
            return replace(state, place="aside", is_skipped=False)
        return (
            state
            if word in ("shp", "shpinst", "do", "object", "result")
            else replace(state, is_skipped=True)
        )

    def _leave(self, state: State, outer: State) -> None:
        """Close a page header, a note or a comment where its group ends."""
        if state.place == outer.place or state.place == "sign":
            return
        held = self._set_by.get(state.place)
        if held is None:
            return
        if state.place == "header":
            self.headers.append(clean(held.text))
        elif state.place == "comment":
            said = remark(held.text, self._set_by["author"].text)
            self._aside += [Draft(said.text, said)] if said.text else []
            self._set_by["author"] = Paragraph()
        elif state.place == "author":
            return
        else:
            self._aside += held.draft()
        self._set_by[state.place] = Paragraph()

    def _add(self, text: str, state: State) -> None:
        if state.is_skipped or not text:
            return
        if state.place == "sign":
            self._here.sign += text
            return
        here = self._here if state.place == "body" else self._set_by[state.place]
        here.text += text
        n_letters = sum(letter.isalpha() for letter in text)
        here.n_strong += n_letters if state.is_strong else 0
        here.n_plain += 0 if state.is_strong else n_letters

    def _format(self, word: str, argument: str) -> None:
        """Take in what a control word says of the paragraph."""
        number = min(int(argument), _MAX_NUMBER) if argument else 0
        if word == "trowd":
            self._merged = [""]
        if word in ("pard", "trowd"):
            kept = self._here if self._here.text or self._here.sign else Paragraph()
            self._here = replace(
                kept,
                is_list=False,
                level=0,
                indent=0,
                outline=None,
                is_cell=word == "trowd" and kept.is_cell,
            )
        elif word == "li":
            self._here.indent = number
        elif word == "ls":
            self._here.is_list = number > 0
        elif word == "ilvl":
            self._here.level = number
        elif word == "outlinelevel" and number < 6:
            self._here.outline = number
        elif word in ("clvmrg", "clmrg"):
            self._merged[len(self._merged) - 1] = word
        elif word == "cellx":
            self._merged.append("")
        elif word == "intbl":
            self._here.is_cell = True

    def _end(self, word: str) -> None:
        if word in ("cell", "nestcell"):
            self._here.is_cell = True
            self._end_paragraph()
            covered = self._covered()
            self._row.append(settle(self._cell, has_headings=False) if covered is None else covered)
            self._cell = []
        elif word in ("row", "nestrow"):
            self._rows.append(self._row)
            self._row = []
            self._here.is_cell = False
        else:
            self._end_paragraph()

    def _covered(self) -> Cell | None:
        """The cell that ends, where its row says that another one covers it; None else."""
        place = len(self._row)
        merged = self._merged[place] if place < len(self._merged) else ""
        if merged == "clmrg" and self._row:
            return Covered(self._row[-1])
        is_below = merged == "clvmrg" and self._rows and place < len(self._rows[-1])
        return Covered(self._rows[-1][place]) if is_below else None

    def _end_paragraph(self) -> None:
        """Close the paragraph; its list and indent hold for the next one until reset, as the format wants."""
        here = self._here
        if here.is_cell:
            self._cell += here.draft()
        else:
            self._end_table()
            self._done += [*here.draft(), *self._aside]
            self._aside = []
        self._here = Paragraph(
            indent=here.indent,
            level=here.level,
            outline=here.outline,
            is_list=here.is_list,
            is_cell=here.is_cell,
        )

    def _end_table(self) -> None:
        if self._rows:
            self._done += [
                Draft(block.text, block) for block in blocks_of_rows(self._rows)
            ] + self._aside
            self._rows, self._row, self._cell, self._aside = [], [], [], []

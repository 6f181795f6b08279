"""Read rich text (.rtf, and .doc files that are RTF inside) with striprtf's vocabulary of control words.

In:   the bytes of a .rtf
Out:  one part; striprtf's own text loses weight, list levels, tables, notes and text boxes, so its tokens are walked here
"""

import re
from dataclasses import dataclass, field, replace

from striprtf.striprtf import PATTERN, destinations, remove_pict_groups, specialchars

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.drafts import Draft
from pipeline.ingest.readers.grids import Cell, Covered, blocks_of_rows
from pipeline.ingest.readers.remarks import remark
from pipeline.ingest.readers.rtf_paragraph import Paragraph, State, codepage, fonts, with_format
from pipeline.ingest.readers.settle import settle
from pipeline.ingest.readers.source import Source, no_text
from pipeline.ingest.readers.wording import clean

_ALSO_SKIPPED = frozenset({"fonttbl", "colortbl", "shprslt", "fldtype", "nonshppict", "themedata", "latentstyles", "datastore", "rsidtbl"})
_HEADERS = frozenset({"header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf"})
_MARGIN = {"annotation": "comment", "atnauthor": "author"}  # a comment, and before it who wrote it
_PLACES = ("header", "aside", "comment", "author")
_TOKEN = re.compile(PATTERN.pattern.removesuffix("(.)") + r"([^\\{}\r\n]+|.)", PATTERN.flags)  # with letters that follow one another as one
_PICTURE = re.compile(r"[0-9a-fA-F\r\n]{300,}")  # bytes of a picture or object, which are long and would be walked sign by sign
_MAX_NUMBER = 100_000  # of an indent in twips, or of a level: no page is wider
_ASIDE = frozenset({"footnote", "shptxt", "dptxbxtext"})


def read_rtf(source: Source) -> tuple[RawPart, ...]:
    """Return the document as one part.

    Raises `ReadError` for a document without text.
    """
    drafts, found = _drafts(source.content)
    headers = [RawBlock(header, "meta") for header in dict.fromkeys(found) if any(letter.isalpha() for letter in header)]
    blocks = [*headers, *settle(drafts)]
    if not any(block.text for block in blocks):
        raise no_text("document RTF")
    return (RawPart(tuple(blocks)),)


def text_of_rtf(content: bytes) -> str:
    """The text of a mail in rich text, a line a paragraph; HTML wrapped in rich text gives what it shows."""
    drafts, _ = _drafts(content)
    return "\n".join(f"{'- ' if draft.kind == 'bullet' and draft.block else ''}{draft.text}" for draft in drafts)


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
            "document RTF abîmé", "un document RTF complet", "l'ouvrir dans Word ou LibreOffice et l'enregistrer en .docx"
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
    _set_by: dict[str, Paragraph] = field(default_factory=lambda: {place: Paragraph() for place in _PLACES})
    _cell: list[Draft] = field(default_factory=list)
    _row: list[Cell] = field(default_factory=list)
    _rows: list[list[Cell]] = field(default_factory=list)
    _merged: list[str] = field(default_factory=lambda: [""])  # of the cells of a row, which ones others cover
    _bytes: str = ""

    def drafts(self, text: str) -> list[Draft]:
        """The drafts of the whole document."""
        stack: list[State] = []
        state = State()
        n_skip = 0
        for word, argument, code, sign, brace, letters in (match.groups(default="") for match in _TOKEN.finditer(text)):
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
                n_skip, self._bytes = (n_skip - 1, self._bytes) if n_skip else (0, self._bytes + code)
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
        self._add(bytes.fromhex(pending).decode(self.fonts.get(state.font, self.encoding), errors="replace"), state)

    def _sign(self, sign: str, state: State) -> State:
        if sign == "*":
            return replace(state, is_skipped=True)
        if sign in "\r\n":
            self._end_paragraph()
        else:
            self._add({"~": " ", "_": "-", "-": ""}.get(sign, sign if sign in "{}\\" else ""), state)
        return state

    def _word(self, word: str, argument: str, state: State) -> State:
        """Take in one control word; return the state that holds after it."""
        if word in destinations or word in _ALSO_SKIPPED or word == "listtext":
            return self._enter(word, state)
        if state.is_skipped:
            return replace(state, is_skipped=False) if word == state.hidden_by and argument == "0" else state
        if word in ("b", "ul", "ulnone", "fs", "f", "plain", "uc", "v", "deleted", "htmlrtf"):
            return with_format(word, argument, state)
        if state.place == "body" and word in ("par", "sect", "page", "cell", "nestcell", "row", "nestrow"):
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
            return replace(state, place="sign", is_skipped=False) if state.place == "body" else state
        if word in _HEADERS:
            return replace(state, place="header")
        if word in _MARGIN:
            return replace(state, place=_MARGIN[word], is_skipped=False)
        if word in _ASIDE:
            return replace(state, place="aside", is_skipped=False)
        return state if word in ("shp", "shpinst", "do", "object", "result") else replace(state, is_skipped=True)

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
            self._here = replace(kept, is_list=False, level=0, indent=0, outline=None, is_cell=word == "trowd" and kept.is_cell)
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
        self._here = Paragraph(indent=here.indent, level=here.level, outline=here.outline, is_list=here.is_list, is_cell=here.is_cell)

    def _end_table(self) -> None:
        if self._rows:
            self._done += [Draft(block.text, block) for block in blocks_of_rows(self._rows)] + self._aside
            self._rows, self._row, self._cell, self._aside = [], [], [], []

"""Read rich text (.rtf, and .doc files that are RTF inside) from striprtf's tokens.

striprtf's own text loses weight, list levels, tables, notes and text boxes.
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
from pipeline.ingest.parts import FileContent, RawPart
from pipeline.ingest.readers.blocks import (
    LIST_DASHES,
    Cell,
    CoveredCell,
    Draft,
    StyledText,
    blocks_of_drafts,
    blocks_of_rows,
    cell_above,
    comment_blocks,
    drafts_of_blocks,
    drafts_of_text,
    furniture_blocks,
    single_part,
)
from pipeline.ingest.readers.office import LARGE
from pipeline.ingest.words import clean

# Symbol and Wingdings bullets, as in the list text.
_SIGNS = {"\xb7": "•", "\uf0b7": "•", "\xa7": "▪"}
_LIST_STEP = 360  # twips: half a list level's indent
_TWIPS_PER_SPACE = 120
_MAX_NUMBER = 100_000  # of an indent in twips, or of a level: no page is wider
_ALSO_SKIPPED = frozenset(
    {
        "fonttbl", "colortbl", "shprslt", "fldtype", "nonshppict", "themedata", "latentstyles",
        "datastore", "rsidtbl",
    }
)  # fmt: skip
_SHOWN_GROUPS = ("shp", "shpinst", "do", "object", "result")
_STATE_WORDS = frozenset(
    {"b", "ul", "ulnone", "strike", "striked", "fs", "f", "plain", "uc", "v", "deleted", "htmlrtf"}
)
_ENDS = frozenset({"par", "sect", "page", "cell", "nestcell", "row", "nestrow"})
_LINE_ENDS = frozenset({"par", "sect", "line", "lbr", "softline"})
# The region that a group opens: a page header, a note or text box, a comment, or the sign of a
# shown list.
_REGIONS = {
    **dict.fromkeys(("header", "headerl", "headerr", "headerf"), "header"),
    **dict.fromkeys(("footer", "footerl", "footerr", "footerf"), "header"),
    **dict.fromkeys(("footnote", "shptxt", "dptxbxtext"), "aside"),
    "annotation": "comment",
    "listtext": "sign",
    "pntext": "sign",
}
# Runs of letters are one token.
_TOKEN = re.compile(PATTERN.pattern.removesuffix("(.)") + r"([^\\{}\r\n]+|.)", PATTERN.flags)
# Pictures and objects are slow to walk sign by sign.
_PICTURE = re.compile(r"[0-9a-fA-F\r\n]{300,}")


def read_rtf(file: FileContent) -> tuple[RawPart, ...]:
    """Return the document as one part; raise `ReadError` for one without text."""
    drafts, headers = _drafts(file.content)
    blocks = [*furniture_blocks(headers), *blocks_of_drafts(drafts)]
    return single_part(blocks, "document RTF")


def text_of_rtf(content: bytes) -> str:
    """Return the text of a rich-text mail, one line per paragraph."""
    drafts, _ = _drafts(content)
    return "\n".join(
        f"{'• ' if draft.block and draft.kind == 'bullet' else ''}{draft.text}" for draft in drafts
    )


def _drafts(content: bytes) -> tuple[list[Draft], list[str]]:
    text = _PICTURE.sub("", str(remove_pict_groups(content.decode("latin-1"))))  # type: ignore[no-untyped-call]
    walk = _Walk(_codepage(text), _fonts(text))
    try:
        return walk.read(text), walk.headers
    except (ValueError, OverflowError) as error:
        raise ReadError(
            "document RTF abîmé",
            "un document RTF complet",
            "l'ouvrir dans Word ou LibreOffice et l'enregistrer en .docx",
        ) from error


def _codepage(text: str) -> str:
    is_mac = "\\mac\\" in text[:200] or "\\mac " in text[:200]
    default = "mac_roman" if is_mac else "cp1252"
    start = text.find("\\ansicpg") + 8
    digits = "".join(filter(str.isdigit, text[start : start + 6])) if start >= 8 else ""
    if digits == "10000":
        return "mac_roman"
    try:
        return codecs.lookup(f"cp{digits}").name if digits else default
    except LookupError:
        return default


def _fonts(text: str) -> dict[str, str]:
    """Return each font's encoding by number, without Symbol and default fonts."""
    encodings: dict[str, str] = {}
    number = ""
    for word, argument, *_ in PATTERN.findall(font_table_group(text)):  # type: ignore[no-untyped-call]
        if word == "f":
            number = argument
        elif word == "fcharset" and argument not in ("0", "1", "2"):
            encodings.setdefault(number, charset_map.get(int(argument or 0), "cp1252"))
    return encodings


@dataclass(frozen=True)
class _Group:
    is_skipped: bool = False
    hidden_by: str = ""  # control word that hides text until switched off
    is_bold: bool = False
    is_large: bool = False
    is_underlined: bool = False
    is_struck: bool = False
    font: str = ""
    n_fallback: int = 1  # characters that stand in for one \u character
    region: str = "body"

    def formatted(self, word: str, argument: str) -> "_Group":
        is_on = argument != "0"
        if word == "b":
            return replace(self, is_bold=is_on)
        if word in ("ul", "ulnone"):
            return replace(self, is_underlined=is_on and word == "ul")
        if word in ("strike", "striked"):
            return replace(self, is_struck=is_on)
        if word == "fs":
            return replace(self, is_large=int(argument or 0) >= LARGE)
        if word == "f":
            return replace(self, font=argument)
        if word == "uc":
            return replace(self, n_fallback=int(argument or 1))
        if word == "plain":
            return replace(
                self, is_bold=False, is_large=False, is_underlined=False, is_struck=False
            )
        return replace(self, is_skipped=is_on, hidden_by=word if is_on else "")


@dataclass
class _RtfParagraph(StyledText):
    sign: str = ""
    indent: int = 0  # twips
    level: int = 0
    outline: int | None = None
    is_list: bool = False
    is_cell: bool = False

    def drafts(self) -> Iterator[Draft]:
        sign = _SIGNS.get(self.sign.strip(), self.sign.strip())
        is_shown = any(map(str.isalnum, sign)) and sign != "o"
        number = sign if is_shown or sign in LIST_DASHES else ""
        indent_level = max(0, self.indent // _LIST_STEP - 1) // 2
        # RTF writes the halves of a sign beyond 16 bits one by one.
        text = self.text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        for line in text.split("\n"):
            heading = 0
            if self.outline is not None and clean(line):
                heading = min(6, self.outline + 1)
            is_listed = bool(sign) or self.is_list
            if not heading and not is_listed:
                line = " " * (max(0, self.indent) // _TWIPS_PER_SPACE) + line.lstrip()
            yield from drafts_of_text(
                line,
                heading=heading,
                list_level=(self.level or indent_level) if is_listed else None,
                number=number,
                is_strong=self.is_strong,
            )


@dataclass
class _Walk:
    encoding: str
    fonts: dict[str, str]
    headers: list[str] = field(default_factory=list)
    _drafts: list[Draft] = field(default_factory=list)
    _asides: list[Draft] = field(default_factory=list)
    _paragraph: _RtfParagraph = field(default_factory=_RtfParagraph)
    _by_region: dict[str, _RtfParagraph] = field(
        default_factory=lambda: {
            region: _RtfParagraph() for region in ("header", "aside", "comment")
        }
    )
    _cell: list[Draft] = field(default_factory=list)
    _row: list[Cell] = field(default_factory=list)
    _rows: list[list[Cell]] = field(default_factory=list)
    _merged: list[str] = field(default_factory=lambda: [""])  # control word that merges each cell
    _bytes: str = ""  # hexadecimal, not yet decoded
    _n_skip: int = 0  # coming characters that stand in for a \u character

    def read(self, text: str) -> list[Draft]:
        stack: list[_Group] = []
        group = _Group()
        for token in _TOKEN.finditer(text):
            word, argument, code, sign, brace, letters = token.groups(default="")
            if code:
                self._n_skip, self._bytes = (
                    (self._n_skip - 1, self._bytes) if self._n_skip else (0, self._bytes + code)
                )
                continue
            self._decode_bytes(group)
            if letters:
                self._add(letters[self._n_skip :], group)
                self._n_skip = max(0, self._n_skip - len(letters))
                continue
            self._n_skip = 0
            if brace == "{":
                stack.append(group)
            elif brace == "}":
                outer = stack.pop() if stack else _Group()
                self._leave(group, outer)
                group = outer
                if not stack:
                    break
            elif word == "u" and argument:
                self._add(chr(int(argument) % 0x10000), group)
                self._n_skip = group.n_fallback
            elif word:
                group = self._word(word, argument, group)
            elif sign:
                group = self._sign(sign, group)
        self._end_paragraph()
        self._end_table()
        return self._drafts

    def _decode_bytes(self, group: _Group) -> None:
        if self._bytes:
            content, self._bytes = bytes.fromhex(self._bytes), ""
            encoding = self.fonts.get(group.font, self.encoding)
            self._add(content.decode(encoding, errors="replace"), group)

    def _add(self, text: str, group: _Group) -> None:
        if group.is_skipped or not text:
            return
        if group.region == "sign":
            self._paragraph.sign += text
            return
        paragraph = self._by_region.get(group.region, self._paragraph)
        is_strong = group.is_bold or group.is_large or group.is_underlined
        paragraph.add(text, is_strong=is_strong, is_struck=group.is_struck)

    def _leave(self, group: _Group, outer: _Group) -> None:
        if group.region == outer.region or group.region not in self._by_region:
            return
        paragraph = self._by_region[group.region]
        if group.region == "header":
            self.headers.append(clean(paragraph.text))
        elif group.region == "comment":
            self._asides += drafts_of_blocks(comment_blocks(paragraph.text))
        else:
            self._asides += paragraph.drafts()
        self._by_region[group.region] = _RtfParagraph()

    def _sign(self, sign: str, group: _Group) -> _Group:
        if sign == "*":
            return replace(group, is_skipped=True)
        if sign in "\r\n":
            self._end_paragraph()
        else:
            shown = {"~": " ", "_": "-"}.get(sign, sign if sign in "{}\\" else "")
            self._add(shown, group)
        return group

    def _word(self, word: str, argument: str, group: _Group) -> _Group:
        if word in destinations or word in _ALSO_SKIPPED or word == "listtext":
            return _entered(word, group)
        if group.is_skipped:
            is_switched_off = word == group.hidden_by and argument == "0"
            return replace(group, is_skipped=False) if is_switched_off else group
        if word in _STATE_WORDS:
            return group.formatted(word, argument)
        is_body = group.region == "body"
        if is_body and word in _ENDS:
            self._end(word)
        elif word in _LINE_ENDS:
            self._add("\n", group)
        elif len(specialchars.get(word, "")) == 1 and word not in ("cell", "row"):
            self._add(specialchars[word], group)
        elif is_body:
            self._lay_out(word, min(int(argument), _MAX_NUMBER) if argument else 0)
        return group

    def _lay_out(self, word: str, number: int) -> None:
        paragraph = self._paragraph
        if word in ("pard", "trowd"):
            self._reset_layout(word)
        elif word == "li":
            paragraph.indent = number
        elif word == "ls":
            paragraph.is_list = number > 0
        elif word == "ilvl":
            paragraph.level = number
        elif word == "outlinelevel" and number < 6:
            paragraph.outline = number
        elif word in ("clvmrg", "clmrg"):
            self._merged[-1] = word
        elif word == "cellx":
            self._merged.append("")
        elif word == "intbl":
            paragraph.is_cell = True

    def _reset_layout(self, word: str) -> None:
        if word == "trowd":
            self._merged = [""]
        paragraph = self._paragraph
        if not paragraph.text and not paragraph.sign:
            paragraph = _RtfParagraph()
        self._paragraph = replace(
            paragraph,
            is_list=False,
            level=0,
            indent=0,
            outline=None,
            is_cell=word == "trowd" and paragraph.is_cell,
        )

    def _end(self, word: str) -> None:
        if word in ("cell", "nestcell"):
            self._paragraph.is_cell = True
            self._end_paragraph()
            covered = self._covered()
            if covered is None:
                self._row.append(blocks_of_drafts(self._cell, has_headings=False))
            else:
                self._row.append(covered)
            self._cell = []
        elif word in ("row", "nestrow"):
            self._rows.append(self._row)
            self._row = []
            self._paragraph.is_cell = False
        else:
            self._end_paragraph()

    def _covered(self) -> Cell | None:
        column = len(self._row)
        merged = self._merged[column] if column < len(self._merged) else ""
        if merged == "clmrg" and self._row:
            return CoveredCell(self._row[-1])
        above = cell_above(self._rows, column)
        return CoveredCell(above) if merged == "clvmrg" and above is not None else None

    def _end_paragraph(self) -> None:
        """Close the paragraph; its list and indent hold for the next one until reset."""
        paragraph = self._paragraph
        if paragraph.is_cell:
            self._cell += paragraph.drafts()
        else:
            self._end_table()
            self._drafts += [*paragraph.drafts(), *self._asides]
            self._asides = []
        self._paragraph = _RtfParagraph(
            indent=paragraph.indent,
            level=paragraph.level,
            outline=paragraph.outline,
            is_list=paragraph.is_list,
            is_cell=paragraph.is_cell,
        )

    def _end_table(self) -> None:
        if self._rows:
            self._drafts += [*drafts_of_blocks(blocks_of_rows(self._rows)), *self._asides]
            self._rows, self._row, self._cell, self._asides = [], [], [], []


def _entered(word: str, group: _Group) -> _Group:
    region = _REGIONS.get(word)
    if region == "sign":
        return replace(group, region=region, is_skipped=False) if group.region == "body" else group
    if region == "header":
        return replace(group, region=region)
    if region is not None:
        return replace(group, region=region, is_skipped=False)
    return group if word in _SHOWN_GROUPS else replace(group, is_skipped=True)

"""The paragraphs of a rich text as its control words build them, and the encodings of its text.

In:   control words and text, one by one
Out:  drafts of blocks
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, replace

from striprtf.striprtf import PATTERN, charset_map, font_table_group

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.drafts import Draft
from pipeline.ingest.readers.wording import clean

_SIGNS = {"\xb7": "•", "\uf0b7": "•", "\xa7": "▪"}  # Symbol and Wingdings bullets, as the list text shows them
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
                block = RawBlock(clean(line), "bullet", self.level or max(0, self.indent // _LIST_STEP - 1) // 2)
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
    digits = "".join(letter for letter in text[start + 8 : start + 14] if letter.isdigit()) if start >= 0 else ""
    declared = "mac_roman" if "\\mac\\" in text[:200] or "\\mac " in text[:200] else "cp1252"
    try:
        return codecs.lookup(f"cp{digits}").name if digits and digits != "10000" else "mac_roman" if digits else declared
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

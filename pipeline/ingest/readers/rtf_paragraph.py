"""The paragraphs of a rich text as its control words build them.

In:   control words and text, one by one
Out:  drafts of blocks
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

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
    font: str = ""
    n_fallback: int = 1  # characters that stand in for one \\u character
    place: str = "body"  # body, header, aside (a note or text box) or sign (the list sign shown)


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
    """The state after a control word that sets weight, size, font, fallback length, hidden or deleted text."""
    is_on = argument != "0"
    if word == "b":
        return replace(state, is_bold=is_on)
    if word == "fs":
        return replace(state, is_large=int(argument or 0) >= _LARGE)
    if word == "f":
        return replace(state, font=argument)
    if word == "uc":
        return replace(state, n_fallback=int(argument or 1))
    if word == "plain":
        return replace(state, is_bold=False, is_large=False)
    return replace(state, is_skipped=is_on, hidden_by=word if is_on else "")

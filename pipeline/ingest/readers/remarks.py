"""Comments in the margin of a document: what somebody adds is read with their name, what only helps to edit is kept apart.

In:   the text and author of a comment
Out:  a block
"""

import re
from functools import cache

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.wording import clean
from pipeline.resources import data_path

_MIN_WORDS = 5  # fewer are a nod or a question to a colleague


def remark(text: str, author: str, *, is_resolved: bool = False) -> RawBlock:
    """Return the block of a comment: a paragraph said by its author, or a meta block where it is settled or speaks of the document."""
    shown = clean(text)
    is_editing = bool(_lexicon()["relecture"].search(shown.replace("’", "'")))
    if is_resolved or is_editing or len(shown.split()) < _MIN_WORDS:
        return RawBlock(shown, "meta")
    return RawBlock(shown, speaker=named_author(author))


def named_author(author: str) -> str | None:
    """The author's name, None where a program made it up."""
    name = clean(author)
    return name if name and not _lexicon()["auteurs"].fullmatch(name) else None


@cache
def _lexicon() -> dict[str, re.Pattern[str]]:
    """One expression a section of the lexicon."""
    expressions: dict[str, list[str]] = {}
    section = ""
    for line in data_path("lexicon", "commentaires.txt").read_text(encoding="utf-8").splitlines():
        if re.fullmatch(r"\[\w+\]", line):
            section = line[1:-1]
        elif line and not line.startswith("#"):
            expressions.setdefault(section, []).append(f"(?:{line})")
    return {name: re.compile("|".join(found), re.IGNORECASE) for name, found in expressions.items()}

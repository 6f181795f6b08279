"""Comments in the margin of a document: what somebody adds is read with their name, what only helps to edit is kept apart.

In:   the text and author of a comment
Out:  a block
"""

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.wording import clean, sections_of

_MIN_WORDS = 5  # fewer are a nod or a question to a colleague


def remark(text: str, author: str, *, is_resolved: bool = False) -> RawBlock:
    """Return the block of a comment: a paragraph said by its author, or a meta block where it is settled or speaks of the document."""
    shown = clean(text)
    is_editing = bool(sections_of("commentaires")["relecture"].search(shown.replace("’", "'")))
    if is_resolved or is_editing or len(shown.split()) < _MIN_WORDS:
        return RawBlock(shown, "meta")
    return RawBlock(shown, speaker=named_author(author))


def named_author(author: str) -> str | None:
    """The author's name, None where a program made it up."""
    name = clean(author)
    return name if name and not sections_of("commentaires")["auteurs"].fullmatch(name) else None

"""What a Word document keeps beside its text: notes, comments, page headers and footers, and files pasted in whole.

In:   the container of a .docx
Out:  Asides
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes

from lxml import etree

from pipeline.ingest.parts import RawBlock
from pipeline.ingest.readers.container import Container
from pipeline.ingest.readers.docx_styles import W
from pipeline.ingest.readers.drafts import Draft
from pipeline.ingest.readers.html_page import drafts_of_html
from pipeline.ingest.readers.remarks import remark
from pipeline.ingest.sniff import decode

_W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(frozen=True)
class Asides:
    """Foot and end notes by kind and id, comments by id, and the HTML pasted in whole by relation."""

    notes: dict[tuple[str, str], etree._Element] = field(default_factory=dict)
    comments: dict[str, RawBlock] = field(default_factory=dict)
    chunks: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, container: Container, main: str) -> "Asides":
        """What stands beside the text of the entry `main`."""
        return cls(dict(_notes(container)), dict(_comments(container)), dict(_chunks(container, main)))

    def chunk(self, element: etree._Element) -> list[Draft]:
        """The drafts of a file pasted in whole, where it is a web page or an archive of one."""
        content = self.chunks.get(element.get(_RELATION, ""), b"")
        return drafts_of_html(_html_of(content)) if content else []


def _notes(container: Container) -> Iterator[tuple[tuple[str, str], etree._Element]]:
    """Foot and end notes, separators left out."""
    for kind in ("footnote", "endnote"):
        root = container.xml(f"word/{kind}s.xml")
        for note in () if root is None else root.findall(W + kind):
            if note.get(W + "type") not in ("separator", "continuationSeparator", "continuationNotice"):
                yield (kind, note.get(W + "id", "")), note


def _comments(container: Container) -> Iterator[tuple[str, RawBlock]]:
    root = container.xml("word/comments.xml")
    extended = container.xml("word/commentsExtended.xml")
    entries = () if extended is None else extended.iter("{*}commentEx")
    settled = {_own(entry, "paraId") for entry in entries if _own(entry, "done") in ("1", "true")}
    for comment in () if root is None else root.findall(W + "comment"):
        paragraphs = list(comment.iter(W + "p"))
        text = " ".join("".join(text.text or "" for text in paragraph.iter(W + "t")) for paragraph in paragraphs)
        is_resolved = any(paragraph.get(_W14 + "paraId") in settled for paragraph in paragraphs)
        yield comment.get(W + "id", ""), remark(text, comment.get(W + "author", ""), is_resolved=is_resolved)


def _own(element: etree._Element, name: str) -> str | None:
    """An attribute of the element's own namespace."""
    return element.get(f"{{{etree.QName(element).namespace}}}{name}")


def _chunks(container: Container, main: str) -> Iterator[tuple[str, bytes]]:
    folder, own = posixpath.split(main)
    root = container.xml(f"{folder}/_rels/{own}.rels")
    for relation in () if root is None else root:
        if relation.get("Type", "").endswith("/aFChunk"):
            target = posixpath.normpath(posixpath.join("/", folder, relation.get("Target", ""))).lstrip("/")
            yield relation.get("Id", ""), container.read(target)


def _html_of(content: bytes) -> str:
    """The HTML of a web page, or of an archive of one (.mht)."""
    if content[:200].lstrip().lower().startswith((b"mime-version", b"content-type", b"from:")):
        parts = [part for part in message_from_bytes(content).walk() if part.get_content_type() == "text/html"]
        held = parts[0].get_payload(decode=True) if parts else b""
        return decode(held if isinstance(held, bytes) else b"", parts[0].get_content_charset() if parts else None)
    return "" if content.startswith((b"PK", b"{\\rtf")) else decode(content)

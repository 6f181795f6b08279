"""Write the documents and blocks of a workshop from parts whose blocks are placed.

In:   a part's placed blocks, its path, and who speaks
Out:  one row of documents and one a block
"""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pipeline.ingest.where import PlacedBlock

_SILENT = frozenset({"meta", "heading"})


@dataclass(frozen=True)
class Source:
    """Where a document comes from: `path` in the depot with its `#part`, `file` without it, and what that file is.

    `first_path` is the path under which it was first met, where it was renamed since.
    """

    path: str
    file: str
    sha256: str
    title: str | None = None
    first_path: str | None = None


def document_id(path: str) -> str:
    """The identifier of the document at `path`, the same on every system."""
    return "d-" + hashlib.sha256(unicodedata.normalize("NFC", path).encode()).hexdigest()[:12]


def build_document(
    source: Source, placed: Sequence[PlacedBlock], speakers: Sequence[str | None], *, workshop_id: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the row of documents and the rows of blocks; the text is the blocks' texts, a line each."""
    own_id = document_id(source.first_path or source.path)
    blocks: list[dict[str, Any]] = []
    at = 0
    for order, (block, speaker) in enumerate(zip(placed, speakers, strict=True)):
        blocks.append(
            {
                "document_id": own_id,
                "block_order": order,
                "start_char": at,
                "end_char": at + len(block.text),
                "kind": block.kind,
                "level": block.level,
                "table_number": block.table_number,
                "question": block.question,
                "channel": block.channel,
                "speaker": speaker,
            }
        )
        at += len(block.text) + 1
    text = "\n".join(block.text for block in placed)
    passages = [block for block in placed if block.kind not in _SILENT] or list(placed)
    tables = {block.table_number for block in passages}
    document = {
        "document_id": own_id,
        "workshop_id": workshop_id,
        "path": source.path,
        "sha256": source.sha256,
        "channel": Counter(block.channel for block in passages).most_common(1)[0][0],
        "table_number": tables.pop() if len(tables) == 1 else None,
        "title": source.title or PurePosixPath(source.file).stem,
        "n_chars": len(text),
        "text": text,
        "first_path": source.first_path,
    }
    return document, blocks

"""Ingest a workshop's folder: passages and where they were said, participants, structures.

In:   depot/<workshop>/…   files as people name them
Out:  workshops, documents, blocks, rejects, attendance, structures, catchments (pipeline.tables)
      and people (pipeline.ingest.people)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.ingest.sandbox import FileReaders
    from pipeline.ingest.stage import ingest_workshop
    from pipeline.ingest.workshop import (
        identify_workshops,
        reject_silent_documents,
        reject_unread,
    )

__all__ = [
    "FileReaders",
    "identify_workshops",
    "ingest_workshop",
    "reject_silent_documents",
    "reject_unread",
]

_MODULES = {
    "ingest_workshop": "stage",
    "FileReaders": "sandbox",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, since the child that reads files must start light."""
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module(f"pipeline.ingest.{_MODULES.get(name, 'workshop')}"), name)

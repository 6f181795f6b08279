"""Encoders of tests and measures."""

from pathlib import Path

from models.embedder import Encoders, load_engine, plain_encoders
from pipeline.store import Store


def forget_encoders() -> None:
    """Have the next encoder made anew, and know no vector."""
    load_engine.cache_clear()
    plain_encoders.cache_clear()


def encoders_in(folder: Path | None) -> Encoders:
    """Encoders that keep their vectors in `folder`, in memory without one."""
    return Encoders(Store(folder) if folder else None)

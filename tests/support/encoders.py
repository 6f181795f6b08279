"""Encoders of a test that begins without any."""

from models.embedder import load_engine, plain_encoders


def forget_encoders() -> None:
    """Have the next encoder made anew, and know no vector."""
    load_engine.cache_clear()
    plain_encoders.cache_clear()

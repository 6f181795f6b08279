"""Ingest a workshop's folder: what was said and where, who was in the room, what lies on the map.

In:   depot/<workshop>/…   files as people name them
Out:  workshops, documents, blocks, rejects, attendance, structures, catchments (pipeline.tables) and people (pipeline.ingest.people)
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from pipeline.settings import IngestSettings


def ingest_workshop(
    folder: Path, *, depot: Path, settings: IngestSettings, on_file: Callable[[Path], None] | None = None
) -> dict[str, pd.DataFrame]:
    """Return the tables of one workshop's `folder` of `depot`, personal data included; what cannot be read is a row of `rejects`."""
    raise NotImplementedError

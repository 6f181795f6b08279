"""Read files in one child process with a memory limit and a time-out a file: a hostile or broken file never ends the run.

In:   paths of files of the depot
Out:  one Reading a path, in the given order; a file that cannot be read has an error in French instead of parts
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.ingest.parts import RawPart
from pipeline.settings import IngestSettings


@dataclass(frozen=True)
class Reading:
    """What a file held: its parts, or an error as (reason, advice) in French; never both."""

    path: Path
    parts: tuple[RawPart, ...] = ()
    error: tuple[str, str] | None = None


def read_files(paths: Sequence[Path], *, settings: IngestSettings, on_file: Callable[[Path], None] | None = None) -> list[Reading]:
    """Return one reading a path, in order; `on_file` is called with each path once it is done."""
    raise NotImplementedError

"""Ingest a workshop's folder: what was said and where, who was in the room, what lies on the map.

In:   depot/<workshop>/…   files as people name them
Out:  workshops, documents, blocks, rejects, attendance, structures, catchments (pipeline.tables) and people (pipeline.ingest.people)

The imports are inside the functions because the child process that reads files imports this package too, and must start light.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.settings.stages import IngestSettings

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.depot import Unread


def ingest_workshop(
    folder: Path,
    *,
    depot: Path,
    settings: IngestSettings,
    workshop_id: str | None = None,
    on_file: Callable[[int, int], None] | None = None,
    on_passing: Callable[[int], None] | None = None,
    first_paths: Mapping[str, str] | None = None,
) -> "dict[str, pd.DataFrame]":
    """Return the tables of one workshop's `folder` of `depot`, personal data included; what cannot be read is a row of `rejects`.

    `workshop_id` is its id among the folders of `depot`, which are looked through for it where it is not given. `on_file` is called after
    each file with the numbers of files done and in all, `on_passing` with the number of files that the system kept from being read, and
    which may be read another time as they are. `first_paths` tells, of files renamed since they were first read, the path that
    they had then, from which their documents and passages keep their identity. A folder without files is a workshop without documents.
    """
    from pipeline.ingest.stage import ingest

    return ingest(
        folder,
        depot=depot,
        settings=settings,
        workshop_id=workshop_id,
        on_file=on_file,
        on_passing=on_passing,
        first_paths=first_paths,
    )


def reject_stray_files(
    rejects: "pd.DataFrame", files: Sequence[Path], *, depot: Path
) -> "pd.DataFrame":
    """Return `rejects` with a row for each of `files`, which lie in `depot` outside any workshop's folder."""
    from pipeline.ingest.workshop import reject_strays

    return reject_strays(rejects, files, depot=depot)


def reject_silent_documents(rejects: "pd.DataFrame", paths: Iterable[str]) -> "pd.DataFrame":
    """Return `rejects` with a row for each of `paths`, documents that were read and gave no passage."""
    from pipeline.ingest.workshop import reject_silent

    return reject_silent(rejects, paths)


def reject_unread(
    rejects: "pd.DataFrame", unread: "Sequence[Unread]", *, depot: Path
) -> "pd.DataFrame":
    """Return `rejects` with a row for each of `unread`, entries of `depot` that are in no workshop."""
    from pipeline.ingest.workshop import reject_unread

    return reject_unread(rejects, unread, depot=depot)


def identify_workshops(folders: Iterable[Path], *, depot: Path) -> dict[str, str]:
    """The workshop_id of each of `folders`, all those of `depot`, by the folder's name."""
    from pipeline.ingest.workshop import identify_workshops

    return identify_workshops(folders, depot=depot)


def readers_kept() -> AbstractContextManager[None]:
    """Keep the processes that read files from one folder to the next while the block lasts."""
    from pipeline.ingest.sandbox import readers_kept

    return readers_kept()


def learn_questions() -> None:
    """Read the wordings that titles are compared with, once a process; nobody's words are among them, so their vectors may be kept."""
    from pipeline.ingest.locate.titles import learn_wordings

    learn_wordings()

"""Find the study of a request, and keep what its pages share.

One server shows one study, or all those of a folder under /etudes/<dossier>/. What pages share of a
study is made again when its settings or its grid change.
"""

import threading
from collections import OrderedDict
from contextvars import ContextVar
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.conf import settings

from pipeline.errors import StudyError
from pipeline.review.storage import private_folder
from pipeline.study import Study

if TYPE_CHECKING:
    from pipeline.rank.order import Tallies
    from pipeline.review.agreement import AgreementFigures
    from pipeline.review.journal import Journals
    from pipeline.review.state import BackgroundCounts

_N_SCOPES = 6  # with cached tallies
_N_OPEN = 4  # studies whose tables are in memory


class Desk:
    """One study, and what its pages share between requests."""

    def __init__(self, study: Study, theme_lock: threading.Lock) -> None:
        from pipeline.review import state
        from pipeline.review.agreement import AgreementCache
        from pipeline.review.processes import DrawingCache
        from pipeline.review.snapshot import Snapshots

        self.study, self.written = study, _written(study)
        private_folder(study.root)  # before anything is kept there
        self.snapshots, self.current_themes = Snapshots(study), state.CurrentThemes()
        self.agreement_cache = AgreementCache()
        self.agreement_figures: BackgroundCounts[AgreementFigures] = state.BackgroundCounts()
        self.tallies: BackgroundCounts[Tallies] = state.BackgroundCounts(_N_SCOPES)
        self.drawings = DrawingCache(study)
        # held from reading others' decisions on themes until appending
        self.theme_lock = theme_lock

    @cached_property
    def journals(self) -> "Journals":
        """Open the decisions on first use, in the server's worker, not its parent."""
        from flows.typed_texts import keep_decisions
        from pipeline.review.journal import Journals
        from pipeline.review.roles import colleagues

        append = partial(keep_decisions, self.study, colleagues=colleagues)
        return Journals(self.study.decisions, append=append)


class Desks:
    """The desks of the studies opened last, and the request's; thread-safe."""

    def __init__(self) -> None:
        # the folder of the request's study among the studies, blank if only one is served
        self.folder_name = ContextVar("folder_name", default="")
        self._lock = threading.Lock()
        self._open: OrderedDict[Path, Desk] = OrderedDict()
        self._theme_locks: dict[Path, threading.Lock] = {}

    def of(self, root: Path) -> Desk:
        """Return the desk of the study in `root`; raise as `Study.open`."""
        with self._lock:
            desk = self._open.pop(root, None)
            if desk is None or desk.written != _written(desk.study):
                lock = self._theme_locks.setdefault(root, threading.Lock())
                desk = Desk(Study.open(root), lock)
            self._open[root] = desk
            while len(self._open) > _N_OPEN:
                self._open.popitem(last=False)
            return desk

    def roots(self) -> set[Path]:
        """Return the studies whose desks are kept."""
        with self._lock:
            return set(self._open)


def _written(study: Study) -> tuple[int, ...]:
    """Return when the settings and the grid were last written."""
    paths = (study.settings_path, study.grid_path)
    return tuple(path.stat().st_mtime_ns if path.is_file() else 0 for path in paths)


@cache
def _desks() -> Desks:
    return Desks()


def in_use() -> list[str]:
    """Return the folders of the studies whose tables are in memory, or of the one to read first.

    That one is the study run last.
    """
    opened = _desks().roots()
    every = studies()
    names = [name for name, root in every if root in opened]
    if names or not every:
        return names
    return [max(every, key=lambda row: _last_record(row[1]))[0]]


def _last_record(root: Path) -> str:
    return max((path.name for path in (root / "runs").glob("*.json")), default="")


def desk() -> Desk:
    """Return the desk of the request's study; raise `StudyError` for a folder that is none."""
    root = study_root(folder_name())
    if root is None:
        raise StudyError(
            "cette page est celle d'une étude", "une étude ouverte", "en choisir une dans la liste"
        )
    return _desks().of(root)


def enter(name: str) -> None:
    """Make the study in this folder of the studies that of the request."""
    _desks().folder_name.set(name)


def folder_name() -> str:
    """Return the folder of the request's study among the studies, blank if only one is served."""
    return _desks().folder_name.get()


def is_in_study() -> bool:
    """Whether the request's page is one of a study."""
    return study_root(folder_name()) is not None


def study_root(name: str) -> Path | None:
    """Return the folder of the study `name`, None if there is none such."""
    return dict(studies()).get(name if settings.STUDY_ROOT is None else "")


def address_of(name: str) -> str:
    """Return the address of a study's home, by the name of its folder."""
    return f"/etudes/{quote(name)}/"


def studies() -> list[tuple[str, Path]]:
    """Return the name of the folder, blank for a study alone, and the path of each study served."""
    if settings.STUDY_ROOT is not None:
        return [("", settings.STUDY_ROOT)]
    paths = sorted(settings.STUDIES_FOLDER.glob("*/etude.toml"))
    return [(path.parent.name, path.parent) for path in paths]

"""What is put in its place was forced to the disk before: a power cut finds files as they were or as they became, never empty ones."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.backup import backup_study, restore_study
from flows.publication import publish_whole
from flows.run import run_study
from pipeline.study import Study


class Disk:
    """Remembers which files were forced to the disk, and what below `root` was put in its place without."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.n_placed, self.too_soon = root, 0, list[str]()
        self._forced: set[int] = set()
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self._remember)
        for owner, name in ((os, "rename"), (os, "replace"), (Path, "rename"), (Path, "replace")):
            monkeypatch.setattr(owner, name, self._looking(getattr(owner, name)))

    def _remember(self, handle: Any) -> None:
        self._fsync(handle)
        self._forced.add(os.fstat(handle if isinstance(handle, int) else handle.fileno()).st_ino)

    def _looking(self, move: Callable[..., Any]) -> Callable[..., Any]:
        def looked(source: Any, target: Any, *rest: Any, **more: Any) -> Any:
            if Path(target).is_relative_to(self.root) and Path(source).exists():
                self._look(Path(source), Path(target))
            return move(source, target, *rest, **more)

        return looked

    def _look(self, source: Path, target: Path) -> None:
        files = (
            [source] if source.is_file() else [path for path in source.rglob("*") if path.is_file()]
        )
        self.n_placed += len(files)
        self.too_soon += [
            f"{target.name} : {path.name}"
            for path in files
            if path.stat().st_ino not in self._forced
        ]


@pytest.mark.slow
def test_what_a_run_and_a_publication_put_in_place_is_on_the_disk(
    small_study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    disk = Disk(tmp_path, monkeypatch)
    outcome = run_study(small_study.root)
    publish_whole(small_study.root, outcome.manifest)
    assert disk.n_placed > 50
    assert disk.too_soon == []


@pytest.mark.slow
def test_a_backup_and_what_it_brings_back_are_on_the_disk(
    small_study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run_study(small_study.root)
    disk = Disk(tmp_path, monkeypatch)
    saved = backup_study(small_study.root, tmp_path / "etude.ateliers")
    restore_study(saved.path, tmp_path / "rendue")
    assert disk.n_placed > 50
    assert disk.too_soon == []

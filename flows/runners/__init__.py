"""Who does the heavy work of a run: this process, threads, processes or a Dask cluster, as `[execution] runner` says.

No result depends on it: stages hand out grains (pipeline.spreading), and get the same results back in the same order. Stages and models are
given a `map`; they know nothing of runners.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.embedder import encoding_spread, vectors_kept
from pipeline.settings.service import ExecutionSettings
from pipeline.spreading import Mapper

if TYPE_CHECKING:
    from flows.runners.base import Runner
    from models.tagger import GridTagger

_RUNNING: list["Runner"] = []  # the innermost last; none: this process does all


@contextmanager
def running(settings: ExecutionSettings) -> Iterator[None]:
    """Have the steps inside the block share their work with the workers of `settings`, started when there is something to share.

    Raises `MissingExtraError` where Dask is asked for and not installed.
    """
    runner = make_runner(settings)
    if runner is None:
        yield
        return
    _RUNNING.append(runner)
    try:
        yield
    finally:
        _RUNNING.remove(runner)
        runner.close()


def make_runner(settings: ExecutionSettings) -> "Runner | None":
    """Return the runner of `settings`, None for this process alone."""
    if settings.runner == "threads":
        from flows.runners.pools import ThreadRunner

        return ThreadRunner(settings.workers, settings.batch_units)
    if settings.runner == "processes":
        from flows.runners.pools import ProcessRunner

        return ProcessRunner(settings.workers, settings.batch_units)
    if settings.runner == "dask":
        from flows.runners.on_dask import DaskRunner

        return DaskRunner(settings.workers, settings.batch_units, settings.dask_address)
    return None


def spread_work() -> Mapper:
    """The `map` of the runner at work; Python's own without one."""
    return _RUNNING[-1].spread if _RUNNING else map


def works_apart() -> bool:
    """Whether workers that have a memory of their own are at work."""
    return bool(_RUNNING) and _RUNNING[-1].is_apart


@contextmanager
def vectors_at_hand(folder: Path) -> Iterator[None]:
    """Within the block encoders keep their vectors in `folder`, and workers that have a memory of their own encode what is new."""
    spread = encoding_spread(_RUNNING[-1].spread) if works_apart() else nullcontext()
    with vectors_kept(folder), spread:
        yield


def spread_tagging(tagger: "GridTagger") -> Mapper:
    """The `map` of the runner at work, for units: their vectors go with them and come back with their tags."""
    if not works_apart():
        return spread_work()
    from models.embedder import lending
    from models.tagger.features import texts_of

    def texts(units: Any) -> list[str]:
        return texts_of(units)

    return lending(_RUNNING[-1].spread, tagger.reads_with, texts)

"""Encode passages while the next workshops are read, which keeps only one core busy.

In:   records of segmented workshops
Out:  their vectors in the store, bit for bit those of tagging
"""

import logging
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain

from threadpoolctl import threadpool_limits

from flows.cache import StageRecord
from flows.execution import stage_key
from flows.stages import TAG, for_size
from flows.workspace import Workspace
from models.rows import LARGE
from models.tagger.features import texts_of

_FEWEST = 1_000  # passages: fewer are encoded as quickly when tagged
# Python's switch interval, 5 ms by default: encoding asks for its turn at each text.
_SWITCH_S = 0.0005

_LOG = logging.getLogger(__name__)


class Ahead:
    """Encode the passages of several workshops at a time, in a thread."""

    def __init__(self, workspace: Workspace, pool: ThreadPoolExecutor, fewest: int) -> None:
        self._workspace, self._pool, self._fewest = workspace, pool, fewest
        self._waiting: list[StageRecord] = []
        self._at_work: list[Future[None]] = []

    def take(self, segmented: StageRecord) -> None:
        """Encode the passages of `segmented` once there are enough, unless they are tagged."""
        sized = (for_size(TAG, n_units) for n_units in (0, LARGE))  # the study's is not known yet
        keys = [stage_key(stage, self._workspace, [segmented]) for stage in sized]
        if not any(self._workspace.stages.has_key(TAG.name, key) for key in keys):
            self._waiting.append(segmented)
        if sum(record.n_rows["units"] for record in self._waiting) >= self._fewest:
            self._at_work.append(self._pool.submit(self._encode, self._waiting))
            self._waiting = []

    def close(self) -> None:
        """Drop what has not begun; log errors, since tagging computes missing vectors again."""
        self._pool.shutdown(cancel_futures=True)
        kinds = [
            type(error).__name__
            for future in self._at_work
            if not future.cancelled() and (error := future.exception())
        ]
        if kinds:
            _LOG.warning(
                "encoding ahead failed %d times: %s", len(kinds), ", ".join(sorted(set(kinds)))
            )

    def _encode(self, records: list[StageRecord]) -> None:
        stages = self._workspace.stages
        texts = list(
            chain.from_iterable(texts_of(stages.load(record)["units"]) for record in records)
        )
        self._workspace.encoders.prepare(texts)


@contextmanager
def encoding_ahead(workspace: Workspace, *, fewest: int = _FEWEST) -> Iterator[Ahead | None]:
    """Encode in a thread during the block; None where workers have a memory of their own.

    Linear algebra keeps to one thread: one that left such a limit would lift it for the others.
    """
    if workspace.executor.is_apart:
        yield None
        return
    with threadpool_limits(1), _quick_switches():
        ahead = Ahead(workspace, ThreadPoolExecutor(1, thread_name_prefix="ahead"), fewest)
        try:
            yield ahead
        finally:
            ahead.close()


@contextmanager
def _quick_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)

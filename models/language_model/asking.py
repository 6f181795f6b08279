"""Ask about many passages: batches in parallel, what is missing or broken asked again alone, and an end when the server is down.

In:   passages by key
Out:  answers in the store, each kept as soon as it is checked; Report
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from models.language_model.answers import AnswerStore
from models.language_model.checks import Codebook, read_answer
from models.language_model.client import ChatClient, UnavailableError, UnusableError
from models.language_model.prompt import Item, answer_schema, user_message
from pipeline.grid import Grid
from pipeline.settings import LanguageModelSettings

Progress = Callable[[int, int], None]  # passages done, passages in all
Batch = Sequence[tuple[str, Item]]

_UNAVAILABLE_IN_A_ROW, _UNUSABLE_IN_A_ROW = 3, 12  # from which the rest is not asked

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """What an asking did. `stopped` says why it ended early, if it did; `dropped` counts what the checks refused, by kind."""

    n_asked: int
    n_coded: int
    n_again: int  # passages asked again, alone
    n_requests: int  # answers received
    tokens_in: int
    tokens_out: int
    seconds: float
    stopped: str | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)


class Asking:
    """One asking of one model; `system` is said before every batch."""

    def __init__(self, grid: Grid, system: str, settings: LanguageModelSettings, store: AnswerStore) -> None:
        self._system, self._settings, self._store = system, settings, store
        self._schema, self._codebook = answer_schema(grid), Codebook.of(grid)
        self._lock, self._stop, self._stopped = threading.Lock(), threading.Event(), ""
        self._counts: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._in_a_row: Counter[type[Exception]] = Counter()
        self._request_seconds = 0.0

    def run(self, items: Mapping[str, Item], on_progress: Progress | None = None) -> Report:
        """Ask about `items`, keeping each answer in the store; a passage that has none after its retries is left without.

        An end by the keyboard stops the other requests too.
        """
        listed, size = list(items.items()), self._settings.batch_size
        batches = [listed[start : start + size] for start in range(0, len(listed), size)]
        started, n_done = time.perf_counter(), 0
        try:
            self._client = ChatClient(self._settings, self._stop)
        except UnavailableError as error:
            return Report(0, 0, 0, 0, 0, 0, 0.0, error.found)
        try:
            with ThreadPoolExecutor(self._settings.n_parallel, thread_name_prefix="second-coder") as pool:
                futures = {pool.submit(self._code, batch): len(batch) for batch in batches}
                try:
                    for future in as_completed(futures):
                        future.result()
                        n_done += futures[future]
                        if on_progress:
                            on_progress(n_done, len(listed))
                except BaseException:
                    self._stop.set()
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        finally:
            self._client.close()
        return self._report(time.perf_counter() - started)

    def _report(self, seconds: float) -> Report:
        counts, n_requests = self._counts, self._counts["requests"]
        if n_requests:
            self._store.put_pace(self._request_seconds / n_requests)
        report = Report(
            counts["asked"],
            counts["coded"],
            counts["again"],
            n_requests,
            counts["tokens_in"],
            counts["tokens_out"],
            round(seconds, 3),
            self._stopped or None,
            dict(sorted(self._dropped.items())),
        )
        _LOG.info("second coder: %d passages asked, %d coded, dropped %s", report.n_asked, report.n_coded, report.dropped)
        return report

    def _code(self, batch: Batch) -> None:
        """Ask about a batch, then alone, up to `max_retries` times, about each passage that has no answer."""
        if self._stop.is_set():
            return
        self._count(asked=len(batch))
        left = self._exchange(batch, attempt=0)
        for one in left:
            for attempt in range(1, self._settings.max_retries + 1):
                if self._stop.is_set():
                    return
                self._count(again=1 if attempt == 1 else 0)
                if not self._exchange([one], attempt=attempt):
                    break

    def _exchange(self, batch: Batch, *, attempt: int) -> Batch:
        """Ask once and keep what is good; return the passages without an answer."""
        items, started = [item for _, item in batch], time.perf_counter()
        seed = self._settings.seed + attempt  # another one, or the same broken answer would come back
        try:
            reply = self._client.ask(self._system, user_message(items), self._schema, n_units=len(items), seed=seed)
            answers, dropped = read_answer(reply.content, [item.text for item in items], self._codebook)
            self._received(time.perf_counter() - started, dropped, reply.tokens_in, reply.tokens_out)
            if not answers:
                raise UnusableError("réponse sans passage codé")
        except (UnavailableError, UnusableError) as error:
            self._failed(error)
            return batch
        for place, answer in answers.items():
            self._store.put(batch[place][0], answer)
        self._count(coded=len(answers))
        with self._lock:
            self._in_a_row.clear()
        return [one for place, one in enumerate(batch) if place not in answers]

    def _received(self, seconds: float, dropped: Counter[str], tokens_in: int, tokens_out: int) -> None:
        self._count(requests=1, tokens_in=tokens_in, tokens_out=tokens_out)
        with self._lock:
            self._dropped += dropped
            self._request_seconds += seconds

    def _failed(self, error: UnavailableError | UnusableError) -> None:
        """Count a failure, and stop where more of them would follow."""
        with self._lock:
            self._in_a_row[type(error)] += 1
            if isinstance(error, UnavailableError):
                found, is_end = error.found, error.is_final or self._in_a_row[UnavailableError] >= _UNAVAILABLE_IN_A_ROW
            else:
                found, is_end = f"{_UNUSABLE_IN_A_ROW} réponses inutilisables de suite", self._in_a_row[UnusableError] >= _UNUSABLE_IN_A_ROW
            if is_end and not self._stop.is_set():
                self._stopped = found
                self._stop.set()

    def _count(self, **counts: int) -> None:
        with self._lock:
            self._counts.update(counts)

"""Ask a language model about many passages, and read its answers.

Batches run in parallel, missing or broken answers are asked for again alone, and asking ends when
the server is down. Answers are stored by content: no passage is asked twice, and a killed run
resumes.
"""

import json
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

from models.language_model.client import ChatClient, UnusableError, object_with
from models.language_model.prompt import Item, answer_schema, user_message
from models.served import UnavailableError
from models.tagger.features import Span
from pipeline.grid.codes import Grid
from pipeline.settings.sections import LanguageModelSettings
from pipeline.store import Store

Answer = dict[str, list[Span]]  # half-open spans of code points in the passage, by code
Progress = Callable[[int, int], None]  # passages done, passages in all
Batch = Sequence[tuple[str, Item]]

UNKNOWN_CODES, INVENTED_QUOTES = "unknown_codes", "invented_quotes"
EXTRA_UNITS, BROKEN_UNITS, BROKEN_ANSWERS = "extra_units", "broken_units", "broken_answers"
# After as many failures in a row, asking stops.
_MAX_UNAVAILABLE, _MAX_UNUSABLE = 3, 12
_VERSION = "1"
_CODES, _TEXTS, _PACE = "answers", "theme answers", "pace"

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class AskingReport:
    """`n_again` passages were asked again alone, `n_requests` answers received.

    `stopped` says why it ended early; `dropped` counts refused parts by kind.
    """

    n_asked: int
    n_coded: int
    n_again: int
    n_requests: int
    tokens_in: int
    tokens_out: int
    seconds: float
    stopped: str | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)


def report_of(
    counts: Counter[str], seconds: float, stopped: str | None, dropped: Counter[str]
) -> AskingReport:
    """Return the report of `counts`, by name."""
    return AskingReport(
        counts["asked"],
        counts["coded"],
        counts["again"],
        counts["requests"],
        counts["tokens_in"],
        counts["tokens_out"],
        round(seconds, 3),
        stopped,
        dict(sorted(dropped.items())),
    )


class Asking:
    """One asking of one model; `system` goes before every batch."""

    def __init__(
        self, grid: Grid, system: str, settings: LanguageModelSettings, store: "AnswerStore"
    ) -> None:
        self._system, self._settings, self._store = system, settings, store
        self._schema, self._codebook = answer_schema(grid), Codebook.of(grid)
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._stopped: str | None = None
        self._counts: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._failures: Counter[type[Exception]] = Counter()  # in a row
        self._request_seconds = 0.0

    def run(self, items: Mapping[str, Item], on_progress: Progress | None = None) -> AskingReport:
        """Ask about `items` and store each answer; some may stay without.

        A keyboard interrupt stops all requests.
        """
        pairs, size = list(items.items()), self._settings.batch_size
        batches = [pairs[start : start + size] for start in range(0, len(pairs), size)]
        start, n_done = time.perf_counter(), 0
        try:
            self._client = ChatClient(self._settings, self._stop)
        except UnavailableError as error:
            return report_of(Counter(), 0.0, error.found, Counter())
        n_threads = self._settings.n_parallel
        try:
            with ThreadPoolExecutor(n_threads, thread_name_prefix="second-coder") as pool:
                futures = {pool.submit(self._code, batch): len(batch) for batch in batches}
                try:
                    for future in as_completed(futures):
                        future.result()
                        n_done += futures[future]
                        if on_progress:
                            on_progress(n_done, len(pairs))
                except BaseException:
                    self._stop.set()
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        finally:
            self._client.server.close()
        if n_requests := self._counts["requests"]:
            self._store.put_pace(self._request_seconds / n_requests)
        seconds = time.perf_counter() - start
        report = report_of(self._counts, seconds, self._stopped, self._dropped)
        _LOG.info(
            "second coder: %d passages asked, %d coded, dropped %s",
            report.n_asked,
            report.n_coded,
            report.dropped,
        )
        return report

    def _code(self, batch: Batch) -> None:
        if self._stop.is_set():
            return
        self._count(asked=len(batch))
        for pair in self._exchange(batch, attempt=0):
            for attempt in range(1, self._settings.max_retries + 1):
                if self._stop.is_set():
                    return
                self._count(again=1 if attempt == 1 else 0)
                if not self._exchange([pair], attempt=attempt):
                    break

    def _exchange(self, batch: Batch, *, attempt: int) -> Batch:
        """Store good answers and return the passages left."""
        items, start = [item for _, item in batch], time.perf_counter()
        seed = self._settings.seed + attempt  # the same seed would give the same broken answer
        message = user_message(items)
        try:
            reply = self._client.ask(
                self._system, message, self._schema, n_units=len(items), seed=seed
            )
            texts = [item.text for item in items]
            answers, dropped = read_answer(reply.content, texts, self._codebook)
            self._count(requests=1, tokens_in=reply.tokens_in, tokens_out=reply.tokens_out)
            with self._lock:
                self._dropped += dropped
                self._request_seconds += time.perf_counter() - start
            if not answers:
                raise UnusableError("réponse sans passage codé")
        except (UnavailableError, UnusableError) as error:
            self._note_failure(error)
            return batch
        for i, answer in answers.items():
            self._store.put(batch[i][0], answer)
        self._count(coded=len(answers))
        with self._lock:
            self._failures.clear()
        return [pair for i, pair in enumerate(batch) if i not in answers]

    def _note_failure(self, error: UnavailableError | UnusableError) -> None:
        with self._lock:
            self._failures[type(error)] += 1
            if isinstance(error, UnavailableError):
                reason = error.found
                is_end = error.is_final or self._failures[UnavailableError] >= _MAX_UNAVAILABLE
            else:
                reason = f"{_MAX_UNUSABLE} réponses inutilisables de suite"
                is_end = self._failures[UnusableError] >= _MAX_UNUSABLE
            if is_end and not self._stop.is_set():
                self._stopped = reason
                self._stop.set()

    def _count(self, **counts: int) -> None:
        with self._lock:
            self._counts.update(counts)


@dataclass(frozen=True)
class Codebook:
    """The grid's codes, and those of each exclusive axis."""

    codes: frozenset[str]
    exclusive: Mapping[str, frozenset[str]]

    @staticmethod
    def of(grid: Grid) -> "Codebook":
        """Return the codebook of `grid`."""
        exclusive = {
            axis.axis: frozenset(code.code for code in grid.axis(axis.axis))
            for axis in grid.axes
            if axis.is_exclusive
        }
        return Codebook(frozenset(code.code for code in grid.codes), exclusive)


def read_answer(
    content: str, texts: Sequence[str], codebook: Codebook
) -> tuple[dict[int, Answer], Counter[str]]:
    """Return codes of each passage by its index in `texts`, and counts of what was dropped.

    A tag needs a known code and a quote from the passage; a passage one code of each exclusive
    axis, and no two different answers.
    """
    dropped: Counter[str] = Counter()
    entries = object_with(content, "passages").get("passages")
    if not isinstance(entries, list):
        dropped[BROKEN_ANSWERS] += 1
        return {}, dropped
    entries_by_passage: dict[int, list[Any]] = {}
    for entry in entries:
        number = _number(entry)
        if 1 <= number <= len(texts):
            entries_by_passage.setdefault(number - 1, []).append(entry)
        else:
            dropped[EXTRA_UNITS] += 1
    answers: dict[int, Answer] = {}
    for i, (first, *others) in sorted(entries_by_passage.items()):
        answer = None
        if all(other == first for other in others):
            answer = _answer(first, texts[i], codebook, dropped)
        if answer is None:
            dropped[BROKEN_UNITS] += 1
        else:
            answers[i] = answer
    return answers, dropped


def find_quote(quote: str, text: str) -> list[Span]:
    """Return where `text` has the whole words of `quote`, any spaces and apostrophes."""
    words = quote.split()
    if not words:
        return []
    apostrophe = re.compile("['’ʼ]")
    pattern = r"\s+".join(apostrophe.sub("['’ʼ]", re.escape(word)) for word in words)
    start = r"(?<!\w)" if words[0][0].isalnum() else ""
    end = r"(?!\w)" if words[-1][-1].isalnum() else ""
    match = re.search(start + pattern + end, text)
    return [match.span()] if match else []


def _number(entry: Any) -> int:
    number = entry.get("numero") if isinstance(entry, dict) else None
    if isinstance(number, str) and number.isdecimal() and len(number) < 4:
        return int(number)
    return number if isinstance(number, int) and not isinstance(number, bool) else 0


def _answer(
    entry: Mapping[str, Any], text: str, codebook: Codebook, dropped: Counter[str]
) -> Answer | None:
    if not isinstance(entry.get("codes"), list):
        return None
    answer: Answer = {}
    for code, quote in _tags(entry, codebook):
        if code not in codebook.codes:
            dropped[UNKNOWN_CODES] += 1
            continue
        spans = find_quote(quote, text)
        if not spans:
            dropped[INVENTED_QUOTES] += 1
            continue
        answer[code] = sorted({*answer.get(code, []), *spans})
    is_whole = all(len(codes & answer.keys()) == 1 for codes in codebook.exclusive.values())
    return answer if is_whole else None


def _tags(entry: Mapping[str, Any], codebook: Codebook) -> Iterator[tuple[str, str]]:
    """A malformed tag has an unknown code."""
    tags = list(entry["codes"])
    for axis in codebook.exclusive:
        value = entry.get(axis)
        if value is not None:
            tags += value if isinstance(value, list) else [value]
    for tag in tags:
        code = tag.get("code") if isinstance(tag, dict) else None
        quote = tag.get("citation") if isinstance(tag, dict) else None
        yield code if isinstance(code, str) else "", quote if isinstance(quote, str) else ""


class AnswerStore:
    """Answers by hexadecimal key; threads may share it."""

    def __init__(self, cache: Store | None) -> None:
        self._cache = cache
        self._memory: dict[tuple[str, str], bytes] = {}

    def get(self, key: str) -> Answer | None:
        """Return the answer of `key`, if any."""
        content = self._read(_CODES, key)
        if content is None:
            return None
        answer: dict[str, list[list[int]]] = json.loads(content)
        return {code: [(start, end) for start, end in spans] for code, spans in answer.items()}

    def put(self, key: str, answer: Answer) -> None:
        """Store `answer`."""
        self._write(_CODES, key, json.dumps(answer).encode())

    def get_text(self, key: str) -> str | None:
        """Return the raw answer of `key`, if any."""
        content = self._read(_TEXTS, key)
        return None if content is None else content.decode()

    def put_text(self, key: str, answer: str) -> None:
        """Store a raw answer."""
        self._write(_TEXTS, key, answer.encode())

    @property
    def seconds_per_request(self) -> float | None:
        """The pace of the last asking, if any."""
        content = self._read(_PACE, "")
        return None if content is None else float(content)

    def put_pace(self, seconds_per_request: float) -> None:
        """Store how long a request takes."""
        self._write(_PACE, "", f"{seconds_per_request:.3f}".encode())

    def _read(self, kind: str, key: str) -> bytes | None:
        if (kind, key) not in self._memory and self._cache is not None:
            name = bytes.fromhex(key)
            values = self._cache.read(kind, _VERSION, [name])
            if name in values:
                self._memory[kind, key] = values[name]
        return self._memory.get((kind, key))

    def _write(self, kind: str, key: str, content: bytes) -> None:
        self._memory[kind, key] = content
        if self._cache is not None:
            self._cache.write(kind, _VERSION, {bytes.fromhex(key): content})

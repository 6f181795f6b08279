"""Answers kept by content, one small file each, so that a passage is never asked twice and a killed run goes on where it was.

In:   keys (sha256 of all that an answer depends on) and answers
Out:  the same after any crash, and none of what was altered since; files of passages hold codes and offsets, no text; those of
      themes what the model wrote

What is kept of an answer: known codes, quotes that the passage holds word for word, one code an exclusive axis, every passage answered.

Ask about many passages: batches in parallel, what is missing or broken asked again alone, and an end when the server is down.
"""

import json
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.language_model.client import ChatClient, UnavailableError, UnusableError
from models.language_model.prompt import Item, answer_schema, user_message
from models.tagger.features import Span
from pipeline.files import text_hash, write_bytes
from pipeline.grid.codes import Grid
from pipeline.settings.stages import LanguageModelSettings

Answer = dict[str, list[Span]]  # spans in the passage, half-open code points, by code

UNKNOWN_CODES, INVENTED_QUOTES, EXTRA_UNITS, BROKEN_UNITS, BROKEN_ANSWERS = (
    "unknown_codes",
    "invented_quotes",
    "extra_units",
    "broken_units",
    "broken_answers",
)

_BEGINNING = re.compile(r'\{\s*"passages"')
_MOST_BEGINNINGS = 20


@dataclass(frozen=True)
class Codebook:
    """The grid's codes by name; `exclusive` are those of each axis of which a passage bears exactly one, by axis."""

    codes: frozenset[str]
    exclusive: Mapping[str, frozenset[str]]

    @staticmethod
    def of(grid: Grid) -> "Codebook":
        """The codebook of `grid`."""
        exclusive = {
            axis.axis: frozenset(code.code for code in grid.axis(axis.axis))
            for axis in grid.axes
            if axis.is_exclusive
        }
        return Codebook(frozenset(code.code for code in grid.codes), exclusive)


def read_answer(
    content: str, texts: Sequence[str], codebook: Codebook
) -> tuple[dict[int, Answer], Counter[str]]:
    """Return the codes of each passage by its place in `texts`, and what was dropped.

    A code that the grid does not know is dropped; a quote that is not in the passage voids its tag; a passage without exactly one code
    of each exclusive axis, or answered twice in two ways, is broken and has no answer.
    """
    dropped: Counter[str] = Counter()
    passages = _passages(content)
    if passages is None:
        dropped[BROKEN_ANSWERS] += 1
        return {}, dropped
    found: dict[int, list[Any]] = {}
    for entry in passages:
        number = _number(entry)
        if 1 <= number <= len(texts):
            found.setdefault(number - 1, []).append(entry)
        else:
            dropped[EXTRA_UNITS] += 1
    answers: dict[int, Answer] = {}
    for place, entries in sorted(found.items()):
        answer = (
            _answer(entries[0], texts[place], codebook, dropped)
            if all(entry == entries[0] for entry in entries)
            else None
        )
        if answer is None:
            dropped[BROKEN_UNITS] += 1
        else:
            answers[place] = answer
    return answers, dropped


def find_quote(quote: str, text: str) -> list[Span]:
    """Where `quote` stands in `text` as whole words, spaces and apostrophes of any kind being alike; [] where it does not."""
    words = quote.split()
    if not words:
        return []
    pattern = r"\s+".join(
        re.escape(word).replace("’", "'").replace("ʼ", "'").replace("'", "['’ʼ]") for word in words
    )
    start, end = (
        (r"(?<!\w)" if words[0][0].isalnum() else ""),
        (r"(?!\w)" if words[-1][-1].isalnum() else ""),
    )
    match = re.search(start + pattern + end, text)
    return [match.span()] if match else []


def _passages(content: str) -> list[Any] | None:
    """The answer's list, whether its JSON stands alone, in a code fence or after thoughts; None where there is none, whole."""
    decoder = json.JSONDecoder()
    starts = [0, *(match.start() for match in _BEGINNING.finditer(content))]
    for start in starts[:_MOST_BEGINNINGS]:
        try:
            value, _ = decoder.raw_decode(content, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and isinstance(value.get("passages"), list):
            return list(value["passages"])
    return None


def _number(entry: Any) -> int:
    """Which passage an entry answers for; 0 where it does not say."""
    number = entry.get("numero") if isinstance(entry, dict) else None
    if isinstance(number, str) and number.isdecimal() and len(number) < 4:
        return int(number)
    return number if isinstance(number, int) and not isinstance(number, bool) else 0


def _answer(
    entry: Mapping[str, Any], text: str, codebook: Codebook, dropped: Counter[str]
) -> Answer | None:
    """The codes of one passage; None where what is left is not a whole answer."""
    if not isinstance(entry.get("codes"), list):
        return None
    given = (entry.get(axis) for axis in codebook.exclusive)
    tags = [
        *entry["codes"],
        *(
            tag
            for put in given
            if put is not None
            for tag in (put if isinstance(put, list) else [put])
        ),
    ]
    answer: Answer = {}
    for code, quote in _tags(tags):
        if code not in codebook.codes:
            dropped[UNKNOWN_CODES] += 1
            continue
        spans = find_quote(quote, text)
        if not spans:
            dropped[INVENTED_QUOTES] += 1
            continue
        answer[code] = sorted({*answer.get(code, []), *spans})
    return (
        answer
        if all(len(codes & answer.keys()) == 1 for codes in codebook.exclusive.values())
        else None
    )


def _tags(tags: Iterable[Any]) -> Iterable[tuple[str, str]]:
    """Code and quote of each tag; what has another form is an unknown code."""
    for tag in tags:
        code, quote = (
            (tag.get("code"), tag.get("citation")) if isinstance(tag, dict) else (None, None)
        )
        yield (code if isinstance(code, str) else "", quote if isinstance(quote, str) else "")


_PACE = "pace.json"


class AnswerStore:
    """Answers below `folder`, which is made by the first one; in memory without a folder. Threads may share it."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[str, Answer | None] = {}

    def get(self, key: str) -> Answer | None:
        """The answer kept under `key`, if any; a file that cannot be read is as good as none."""
        if self._known.get(key) is None:
            self._known[key] = self._read(key)
        return self._known[key]

    def put(self, key: str, answer: Answer) -> None:
        """Keep `answer`."""
        self._known[key] = answer
        if self._folder is not None:
            _write(self._path(key), {"codes": answer})

    @property
    def seconds_per_request(self) -> float | None:
        """What the last asking measured, if any."""
        value = _load(self._folder / _PACE) if self._folder is not None else None
        seconds = value.get("seconds_per_request") if isinstance(value, dict) else None
        return float(seconds) if isinstance(seconds, (int, float)) and seconds > 0 else None

    def put_pace(self, seconds_per_request: float) -> None:
        """Keep how long a request takes."""
        if self._folder is not None:
            _write(self._folder / _PACE, {"seconds_per_request": round(seconds_per_request, 3)})

    def _path(self, key: str) -> Path:
        assert self._folder is not None
        return self._folder / key[:2] / f"{key}.json"

    def _read(self, key: str) -> Answer | None:
        value = _load(self._path(key)) if self._folder is not None else None
        if value is None:
            return None
        try:
            return {
                str(code): [(int(start), int(end)) for start, end in spans]
                for code, spans in value["codes"].items()
            }
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


def keep_text(path: Path, content: str) -> None:
    """Keep an answer as it came."""
    _write(path, {"content": content})


def read_text(path: Path) -> str | None:
    """An answer kept as it came; a file that cannot be read is as good as none."""
    value: Any = _load(path)
    content = value.get("content") if value else None
    return content if isinstance(content, str) else None


def _load(path: Path) -> dict[str, dict[str, list[list[int]]]] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(value, dict):
        return None
    seal = value.pop("sha256", None)  # an earlier version's answer has none, and was paid for
    return value if seal in (None, _seal(path, value)) else None


def _write(path: Path, content: dict[str, Any]) -> None:
    write_bytes(path, json.dumps(content | {"sha256": _seal(path, content)}).encode(), mode=0o600)


def _seal(path: Path, content: dict[str, Any]) -> str:
    return text_hash(path.name, json.dumps(content))


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

    def __init__(
        self, grid: Grid, system: str, settings: LanguageModelSettings, store: AnswerStore
    ) -> None:
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
            with ThreadPoolExecutor(
                self._settings.n_parallel, thread_name_prefix="second-coder"
            ) as pool:
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
        _LOG.info(
            "second coder: %d passages asked, %d coded, dropped %s",
            report.n_asked,
            report.n_coded,
            report.dropped,
        )
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
        seed = (
            self._settings.seed + attempt
        )  # another one, or the same broken answer would come back
        try:
            reply = self._client.ask(
                self._system, user_message(items), self._schema, n_units=len(items), seed=seed
            )
            answers, dropped = read_answer(
                reply.content, [item.text for item in items], self._codebook
            )
            self._received(
                time.perf_counter() - started, dropped, reply.tokens_in, reply.tokens_out
            )
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

    def _received(
        self, seconds: float, dropped: Counter[str], tokens_in: int, tokens_out: int
    ) -> None:
        self._count(requests=1, tokens_in=tokens_in, tokens_out=tokens_out)
        with self._lock:
            self._dropped += dropped
            self._request_seconds += seconds

    def _failed(self, error: UnavailableError | UnusableError) -> None:
        """Count a failure, and stop where more of them would follow."""
        with self._lock:
            self._in_a_row[type(error)] += 1
            if isinstance(error, UnavailableError):
                found, is_end = (
                    error.found,
                    error.is_final or self._in_a_row[UnavailableError] >= _UNAVAILABLE_IN_A_ROW,
                )
            else:
                found, is_end = (
                    f"{_UNUSABLE_IN_A_ROW} réponses inutilisables de suite",
                    self._in_a_row[UnusableError] >= _UNUSABLE_IN_A_ROW,
                )
            if is_end and not self._stop.is_set():
                self._stopped = found
                self._stop.set()

    def _count(self, **counts: int) -> None:
        with self._lock:
            self._counts.update(counts)

"""Gather what the page of the depot shows, and keep its files read ahead by another process."""

import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from flows.deposit.manifest import answers_of, answers_of_sections, target_of
from flows.preview import (
    PartReading,
    WorkshopReading,
    read_kept,
    reading_key,
    stale_workshops,
)
from pipeline.child import start_module
from pipeline.decisions.memos import SeeRemark
from pipeline.depot import DepotFile, Inventory, WorkshopFiles
from pipeline.files import text_hash
from pipeline.ingest.workshop import EVERYWHERE, manifests_of
from pipeline.receipts import are_unread
from pipeline.review import state
from pipeline.study import Study
from pipeline.text import fold, size_in_words

QUESTIONS = {
    "q1": gettext_lazy("besoins et menaces"),
    "q2": gettext_lazy("ce qui marche"),
    "q3": gettext_lazy("forces et difficultés"),
    "q4": gettext_lazy("à améliorer"),
    "restitution": gettext_lazy("restitution"),
    "distance": gettext_lazy("contribution à distance"),
    "aucune": gettext_lazy("aucune question"),
}
_AS_WRITTEN = {"resume": "restitution", "autre": "aucune"}  # a table's word → atelier.yaml's
CHANNELS = {
    "notes": gettext_lazy("notes"),
    "post-it": gettext_lazy("post-it"),
    "transcription": gettext_lazy("transcription"),
    "restitution": gettext_lazy("restitution"),
    "mail": gettext_lazy("mail"),
    "téléphone": gettext_lazy("téléphone"),
    "consultation": gettext_lazy("consultation"),
}
_CHANNEL_WORDS = {
    "postit": "post-it",
    "transcript": "transcription",
    "resume": "restitution",
    "telephone": "téléphone",
}
_IN_ROOM = ("notes", "postit", "transcript")
_MAX_PARTS = 40  # of a file, such as mails of a mailbox; those that were not read first
_SETTLED_S = 1.5  # without a new file, before reading


@dataclass(frozen=True)
class Row:
    """A file, or a part of one, as the checklist shows it."""

    path: str  # below the workshop's folder, `#part` for a part
    name: str
    row_id: str
    size: str = ""
    reading: PartReading | None = None
    is_part: bool = False
    is_settings: bool = False
    is_waiting: bool = False
    rejects: tuple[dict[str, Any], ...] = ()
    answers: dict[str, str] = field(default_factory=dict)
    n_more: int = 0  # parts that are not listed
    # by folded heading; those that were corrected
    section_answers: Mapping[str, dict[str, str]] = field(default_factory=dict)

    @property
    def sections(self) -> list[tuple[str, str, str]]:
        """Return each section's heading, how it was read and how it was corrected."""
        own = self.reading.sections if self.reading else []
        return [
            (
                section.title,
                _read_as(section.tables, section.questions, section.n_units),
                _corrected_as(self.section_answers.get(fold(section.title), {})),
            )
            for section in own
        ]

    @property
    def may_correct(self) -> bool:
        """Whether it holds passages, or is said to."""
        return bool(self.answers) or bool(self.reading and self.reading.channel)

    @property
    def is_everywhere(self) -> bool:
        """Whether a correction counts, unless said otherwise, whatever the file says."""
        if self.answers:
            return EVERYWHERE in self.answers
        own = self.reading
        return own is not None and len(own.tables) < 2 and len(own.questions) < 2

    @property
    def tables(self) -> str:
        """Return « 1 à 7 », « 2, 5 », with what has none."""
        if self.reading is None or not self.reading.n_units:
            return ""
        return _with_missing(
            _ranges(self.reading.tables),
            self.reading.n_units - self.reading.n_with_table,
            self.reading.channel in _IN_ROOM,
        )

    @property
    def questions(self) -> str:
        """Return the questions in words, with what has none."""
        if self.reading is None or not self.reading.n_units:
            return ""
        if set(self.reading.questions) >= {"q1", "q2", "q3", "q4"}:
            return _("les quatre")
        named = [QUESTIONS[_AS_WRITTEN.get(name, name)] for name in self.reading.questions]
        return _with_missing(
            ", ".join(map(str, named)),
            self.reading.n_units - self.reading.n_with_question,
            self.reading.channel in (*_IN_ROOM, "resume"),
        )

    @property
    def channel(self) -> str:
        """Return the channel in words."""
        name = self.reading.channel if self.reading else ""
        return str(CHANNELS.get(_CHANNEL_WORDS.get(name, name), ""))


@dataclass(frozen=True)
class WorkshopRows:
    """A workshop's folder with its files; `state` changes whenever they do."""

    folder: str
    state: str
    workshop_id: str  # for the page only
    territory: str
    date: str
    place: str
    rows: tuple[Row, ...]
    rejects: tuple[dict[str, Any], ...]  # of the folder itself
    error: str
    is_current: bool
    size: str

    @property
    def n_files(self) -> int:
        """Return the number of files, atelier.yaml and parts left out."""
        return sum(not row.is_part and not row.is_settings for row in self.rows)

    @property
    def n_unread(self) -> int:
        """Return the number of files or parts that were not read."""
        return sum(bool(row.rejects) and row.reading is None for row in self.rows)

    @property
    def closed_files(self) -> list[Row]:
        """Return the files of which nothing was read."""
        rows = (row for row in self.rows if row.rejects and not (row.reading or row.is_settings))
        return [row for row in rows if not row.is_part]

    @property
    def n_units(self) -> int:
        """Return the number of passages."""
        return sum(row.reading.n_units for row in self.rows if row.reading)


def with_readers(rejects: Iterable[Mapping[Any, Any]]) -> list[dict[str, Any]]:
    """Return remarks on files with who said to have read each, as a decision, None if nobody."""
    seen = {row.remark: row for row in state.journal_of_page().active(SeeRemark)}
    rows = []
    for row in rejects:
        remark = text_hash(row["path"], row["reason"], row["advice"])[:32]
        rows.append({**row, "remark": remark, "seen": seen.get(remark)})
    return rows


def remarks_on_unread(
    rejects: Sequence[Mapping[Any, Any]], read: Iterable[str]
) -> list[dict[str, Any]]:
    """Return the remarks on files that were not read, as `with_readers` does."""
    is_unread = are_unread([row["path"] for row in rejects], read)
    return with_readers(row for row, is_one in zip(rejects, is_unread, strict=True) if is_one)


def states_of(study: Study) -> dict[str, str]:
    """Return for each folder what changes whenever the workshop's part of the page does."""
    return {one.name: _state(study, one) for one in Inventory(study.depot).folders}


def _state(study: Study, workshop: WorkshopFiles) -> str:
    kept = read_kept(study, workshop.name)
    return text_hash(reading_key(study, workshop), kept.key if kept else "")[:16]


def workshop_rows(study: Study, workshop: WorkshopFiles) -> WorkshopRows:
    """Return a workshop as the page shows it, with its last reading."""
    kept, key = read_kept(study, workshop.name), reading_key(study, workshop)
    reading = kept or WorkshopReading("")
    answers, settings = answers_of(workshop.path), manifests_of(workshop)
    is_current = reading.key == key
    parts: dict[str, list[PartReading]] = {}
    for part in reading.parts:
        parts.setdefault(part.path.split("#", 1)[0], []).append(part)
    rejects: dict[str, list[dict[str, Any]]] = {}
    for reject in with_readers(reading.rejects):
        rejects.setdefault(reject["path"].split("#", 1)[0], []).append(reject)
    groups: list[list[Row]] = []
    for file in workshop.files:
        own = parts.get(file.name, []), rejects.get(file.name, [])
        is_own = file.path in settings
        rows = _rows_of(file, *own, answers, is_settings=is_own, is_current=is_current)
        groups.append(list(rows))
    groups.sort(key=_place_in_list)
    listed = {file.name for file in workshop.files}
    others = [row for path, some in rejects.items() if path not in listed for row in some]
    return WorkshopRows(
        workshop.name,
        _state(study, workshop),
        text_hash(workshop.name)[:10],
        reading.territory or workshop.name,
        reading.date,
        reading.place,
        tuple(row for group in groups for row in group),
        tuple(others),
        reading.error,
        is_current or not workshop.files,
        size_in_words(sum(file.n_bytes for file in workshop.files)),
    )


def deposit_counts(study: Study) -> tuple[int, list[dict[str, Any]] | None]:
    """Return how many files came, atelier.yaml left out, and the remarks on what is not read.

    The latter is None while a workshop was never read ahead.
    """
    folders = Inventory(study.depot).folders
    n_files = sum(len(one.files) - len(manifests_of(one)) for one in folders)
    kept = [read_kept(study, one.name) for one in folders]
    readings = [reading for reading in kept if reading is not None]
    rejects = [reject for reading in readings for reject in reading.rejects]
    read = [part.path for reading in readings for part in reading.parts]
    return n_files, remarks_on_unread(rejects, read) if len(readings) == len(kept) else None


def all_workshops(study: Study) -> list[WorkshopRows]:
    """Return the workshops of the depot, by folder."""
    return [workshop_rows(study, one) for one in Inventory(study.depot).folders]


def _place_in_list(group: list[Row]) -> tuple[bool, bool]:
    """Put what was not read first, and atelier.yaml last."""
    return group[0].is_settings, not any(row.rejects for row in group)


def _rows_of(
    file: DepotFile,
    parts: list[PartReading],
    rejects: list[dict[str, Any]],
    answers: dict[str, dict[str, str]],
    *,
    is_settings: bool,
    is_current: bool,
) -> Iterable[Row]:
    def row(path: str, name: str, full: str, **more: Any) -> Row:
        return Row(
            path,
            name,
            text_hash(full)[:12],
            rejects=tuple(reject for reject in rejects if reject["path"] == full),
            answers=answers.get(target_of(path), {}),
            section_answers=answers_of_sections(answers, path),
            **more,
        )

    full = file.name
    whole = next((part for part in parts if part.path == full), None)
    if whole is None and len(parts) == 1 and not any("#" in row["path"] for row in rejects):
        whole, parts = parts[0], []
    by_part = {part.path: part for part in parts if part is not whole}
    refused = {row["path"]: True for row in rejects if row["path"] != full}
    below = sorted({**by_part, **refused}, key=lambda name: name not in refused)
    yield row(
        file.inside,
        file.inside,
        full,
        size=size_in_words(file.n_bytes),
        reading=whole,
        is_settings=is_settings,
        is_waiting=not (is_current or whole or parts or rejects or is_settings),
        n_more=max(0, len(below) - _MAX_PARTS),
    )
    for name in below[:_MAX_PARTS]:
        path, part = name.split("/", 1)[1], name.split("#", 1)[1]
        yield row(path, part, name, reading=by_part.get(name), is_part=True)


def _read_as(tables: list[int], questions: list[str], n_units: int) -> str:
    """Return « table 3, comment améliorer, 5 passages »."""
    table = _("table {numbers}").format(numbers=_ranges(tables)) if tables else ""
    named = [str(QUESTIONS[_AS_WRITTEN.get(name, name)]) for name in questions]
    n_passages = ngettext("{n} passage", "{n} passages", n_units).format(n=n_units)
    return ", ".join(filter(None, (table, *named, n_passages)))


def _corrected_as(answers: Mapping[str, str]) -> str:
    """Return « question : ce qui manque, table : 4 », blank where nothing was."""
    question, table, channel = (answers.get(kind, "") for kind in ("questions", "tables", "canaux"))
    question = str(QUESTIONS.get(question, question))
    told = (
        _("question : {answer}").format(answer=question) if question else "",
        _("table : {answer}").format(answer=table) if table else "",
        _("canal : {answer}").format(answer=CHANNELS.get(channel, channel)) if channel else "",
    )
    return ", ".join(filter(None, told))


def _with_missing(words: str, n_missing: int, is_wanted: bool) -> str:
    if not n_missing or not is_wanted:
        return words
    missing = _("{n} sans").format(n=n_missing)
    return f"{words}, {missing}" if words else _("inconnue")


def _ranges(numbers: list[int]) -> str:
    """Return « 1 à 7, 9 » for sorted numbers."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [
        _("{first} à {last}").format(first=run[0], last=run[-1])
        if len(run) > 2
        else ", ".join(map(str, run))
        for run in runs
    ]
    return ", ".join(words)


class Previews:
    """One process at a time that reads ahead the files of one study."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._last_tried: tuple[str, ...] = ()

    def keep_current(self, study: Study) -> bool:
        """Start reading what changed, once nothing comes any more; return whether it is needed."""
        keys = tuple(stale_workshops(study, Inventory(study.depot)).values())
        if not keys:
            return False
        with self._lock:
            is_running = self._process is not None and self._process.poll() is None
            if is_running or _is_receiving(study) or keys == self._last_tried:
                return is_running or keys != self._last_tried
            self._last_tried = keys
            self._process = start_module("flows.preview", study.root)
        return True


def previews_of(study: Study) -> Previews:
    """Return the readings of one study, whichever request asks."""
    return _previews(study.root)


@cache
def _previews(_root: Path) -> Previews:
    return Previews()


def _is_receiving(study: Study) -> bool:
    """Whether bytes came in the last moments."""
    parts = (study.root / ".review" / "uploads").glob("*.part")
    folders = [path for path in (study.root / ".review" / "uploads",) if path.exists()]
    times = [path.stat().st_mtime for path in (*parts, *folders) if path.exists()]
    return max(times, default=0.0) > time.time() - _SETTLED_S

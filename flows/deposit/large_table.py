"""Bring one large table of contributions into the depot, cut into workshops of some thousand rows.

In:   a .csv or .parquet of any size, read as a stream
Out:  depot/<name> 001/<file>.csv …   the rows as they were, each part under the table's header

Each part is then read, masked, accounted for and kept like any other file. The same table gives the
same parts: where it has grown, only its last parts change.
"""

import csv
import io
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO

from flows.deposit.manifest import write_workshop
from flows.deposit.names import safe_parts
from pipeline.errors import ReadError, UsageError
from pipeline.files import write_bytes
from pipeline.ingest.parts import lines_of, no_text, sniff, too_much
from pipeline.ingest.readers.sheets import rows_of_text, separator_of
from pipeline.ingest.sandbox import Child
from pipeline.ingest.sheets.kinds import read_sheet
from pipeline.ingest.workshop import is_manifest
from pipeline.settings.sections import IngestSettings
from pipeline.study import Study

ROWS = 10_000  # of a part
_SAMPLE = 200  # rows that tell the header
_MOST_LINES = 40  # of a row; where it has more, a stray quote has swallowed rows
_SNIFFED = 200_000  # bytes
_SAYS_SEPARATOR = "sep="  # first line, as spreadsheets write it


@dataclass(frozen=True)
class Added:
    """What a table became: its workshops' folders, and how many of them are new or other."""

    folders: tuple[str, ...]
    n_rows: int
    n_changed: int


def add_table(
    study: Study,
    path: Path,
    *,
    workshop: str = "",
    n_rows: int = ROWS,
    on_part: Callable[[int], None] | None = None,
) -> Added:
    """Cut the table `path` into workshops of `n_rows` rows called `workshop`, or after the file.

    Parts of an earlier, longer version of the table are removed. `on_part` gets the rows so far.
    Raises `UsageError` for another kind of file and `ReadError` for a damaged one.
    """
    name, file = _folder_name(workshop or path.stem), _file_name(path)
    folders: list[str] = []
    n_total = n_changed = 0
    with study.locked():
        for number, (text, n_in_part) in enumerate(_parts(path, n_rows, study.settings.ingest), 1):
            folder = study.depot / f"{name} {number:03d}"
            n_changed += _write(folder / file, text.encode(), territory=name)
            folders.append(folder.name)
            n_total += n_in_part
            if on_part:
                on_part(n_total)
        number = len(folders) + 1
        while (old := study.depot / f"{name} {number:03d}" / file).is_file():
            _remove(old)
            number, n_changed = number + 1, n_changed + 1
    return Added(tuple(folders), n_total, n_changed)


def _folder_name(name: str) -> str:
    parts = safe_parts(name.replace("/", "-"))
    if not parts:
        raise UsageError("pas de nom d'atelier", "un nom, comme « Consultation »", "--workshop NOM")
    return parts[0]


def _file_name(path: Path) -> str:
    return safe_parts(f"{path.stem}.csv")[-1]


def _write(path: Path, content: bytes, *, territory: str) -> bool:
    """Write a part and its workshop's atelier.yaml; return whether it is new or other."""
    is_new = not path.parent.is_dir()
    if not is_new and path.is_file() and path.read_bytes() == content:
        return False
    if not is_new and not path.is_file() and any(path.parent.iterdir()):
        raise UsageError(
            f"l'atelier « {path.parent.name} » existe déjà", "un autre nom", "--workshop NOM"
        )
    write_bytes(path, content)
    if is_new:
        write_workshop(path.parent, {"territoire": territory})
    return True


def _remove(part: Path) -> None:
    """Remove a part, and its workshop unless people put other files there."""
    part.unlink()
    if all(is_manifest(left) for left in part.parent.iterdir()):
        shutil.rmtree(part.parent)


def _parts(path: Path, n_rows: int, settings: IngestSettings) -> Iterator[tuple[str, int]]:
    """Yield the text of each part, under the header, and its number of rows."""
    with path.open("rb") as file:
        kind = sniff(file.read(_SNIFFED), path.name)
        file.seek(0)
        if kind == "parquet":
            rows = _rows_of_parquet(path, n_rows, settings)
        elif kind in ("csv", "txt"):
            rows = _rows_as_written(file)
        else:
            raise UsageError(
                f"« {path.name} » n'est pas un tableau .csv ou .parquet",
                "un tableau d'une contribution par ligne",
                "l'enregistrer en .csv depuis un tableur, ou le déposer comme les autres fichiers",
            )
        sample = list(islice(rows, _SAMPLE))
        head = _head(sample)
        rest = chain(sample[len(head) :], rows)
        while part := list(islice(rest, n_rows)):
            yield "".join([*head, *part]), len(part)


def _head(sample: list[str]) -> list[str]:
    """Return the rows up to the header, which is told as for any other sheet."""
    rows = rows_of_text("".join(sample))
    if not rows:
        raise no_text("tableau")
    is_said = sample[0].lower().startswith(_SAYS_SEPARATOR)
    return sample[: read_sheet(rows).header.index + 1 + is_said]


def _rows_as_written(file: IO[bytes]) -> Iterator[str]:
    """Yield the rows of a .csv that hold something, line breaks in quoted cells included."""
    lines = lines_of(file)
    sample = list(islice(lines, _SAMPLE))
    separator = separator_of("".join(sample))
    if sample and not sample[0].lower().startswith(_SAYS_SEPARATOR):
        yield f"{_SAYS_SEPARATOR}{separator}\n"  # that of each part, whatever its rows hold
    for row in whole_rows(chain(sample, lines), separator):
        if row.strip(f" \n{separator}"):
            yield row


def whole_rows(lines: Iterable[str], separator: str) -> Iterator[str]:
    r"""Join the lines of each row; a quote that nothing closes is a character like others.

    >>> list(whole_rows(['1;"a\n', 'b"\n', '2;c\n'], ";"))
    ['1;"a\nb"\n', '2;c\n']
    """
    source = iter(lines)
    waiting: deque[str] = deque()
    taken: list[str] = []

    def more() -> Iterator[str]:
        while len(taken) <= _MOST_LINES:
            line = waiting.popleft() if waiting else next(source, None)
            if line is None:
                return
            taken.append(line)
            yield line

    while True:
        taken = []
        try:
            next(csv.reader(more(), delimiter=separator, skipinitialspace=True), None)
        except csv.Error as error:
            raise too_much("une ligne de plus de dix millions de signes") from error
        if not taken:
            return
        if len(taken) > _MOST_LINES:
            waiting.extendleft(reversed(taken[1:]))
            taken = taken[:1]
        yield "".join(taken)


def _rows_of_parquet(path: Path, n_rows: int, settings: IngestSettings) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="ateliers-") as scratch:
        for answer in Child(settings, Path(scratch)).read_batches(path, n_rows):
            if answer.error:
                reason, advice = answer.error
                raise ReadError(reason, "un fichier .parquet entier", advice)
            for row in answer.parts[0].rows:
                written = io.StringIO()
                csv.writer(written, delimiter=";", lineterminator="\n").writerow(row)
                yield written.getvalue()

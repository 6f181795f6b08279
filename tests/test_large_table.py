"""A table of any size comes in as a stream, in parts that are read like any other file."""

import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.deposit.large_table import add_table, whole_rows
from pipeline.errors import ReadError, UsageError
from pipeline.ingest import ingest_workshop
from pipeline.ingest.parts import FileContent, lines_of
from pipeline.ingest.readers.dispatch import read_source
from pipeline.study import Study

TITLES = ("identifiant", "auteur", "contribution", "votes")
SAID = (
    "Il faudrait des bus le soir",
    "Rouvrir la maternité ; vite",
    "Une école\nsur deux a fermé",
    'Le café dit « l\'abri » sert de "mairie"',
    "Les haies sont arrachées",
)
ROWS = [(f"c{i}", "Anne Riou", text, str(i)) for i, text in enumerate(SAID)]


def as_csv(rows: list[tuple[str, ...]], separator: str = ";") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\r\n").writerows([TITLES, *rows])
    return text.getvalue()


def as_parquet(path: Path, rows: list[tuple[str, ...]]) -> Path:
    columns = [list(column) for column in zip(*rows, strict=True)]
    columns[3] = [int(votes) for votes in columns[3]]
    pq.write_table(pa.table(dict(zip(TITLES, columns, strict=True))), path, row_group_size=2)
    return path


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study.create(tmp_path / "etude")


def parts_of(study: Study) -> dict[str, list[list[str]]]:
    """Return the rows of each part as the reader has them, by the workshop's folder."""
    files = sorted(study.depot.glob("*/*.csv"))
    return {
        path.parent.name: [
            list(row) for row in read_source(FileContent(path.read_bytes(), path.name))[0].rows
        ]
        for path in files
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_csv_is_cut_between_rows_under_its_header(
    study: Study, tmp_path: Path, encoding: str, separator: str
) -> None:
    path = tmp_path / "avis.csv"
    path.write_bytes(as_csv(ROWS, separator).encode(encoding))
    added = add_table(study, path, workshop="Avis", n_rows=2)
    assert (added.folders, added.n_rows) == (("Avis 001", "Avis 002", "Avis 003"), 5)
    written = [list(row) for row in ROWS]
    assert parts_of(study) == {
        "Avis 001": [list(TITLES), *written[:2]],
        "Avis 002": [list(TITLES), *written[2:4]],
        "Avis 003": [list(TITLES), *written[4:]],
    }


def test_a_parquet_gives_the_rows_of_its_csv(study: Study, tmp_path: Path) -> None:
    add_table(study, as_parquet(tmp_path / "avis.parquet", ROWS), workshop="Avis", n_rows=3)
    cells = [row for rows in parts_of(study).values() for row in rows[1:]]
    assert cells == [list(row) for row in ROWS]


def test_a_parquet_in_the_depot_is_read_like_a_csv(study: Study, tmp_path: Path) -> None:
    folder = study.depot / "Avis"
    folder.mkdir()
    path = as_parquet(tmp_path / "avis.parquet", ROWS)
    for file in (path, tmp_path / "avis.csv"):
        file.write_text(as_csv(ROWS), encoding="utf-8") if file.suffix == ".csv" else None
        (folder / file.name).write_bytes(file.read_bytes())
    tables = ingest_workshop(folder, depot=study.depot, settings=study.settings.ingest)
    texts = tables["documents"].set_index("path")["text"]
    assert texts["Avis/avis.parquet"] == texts["Avis/avis.csv"]
    assert not len(tables["rejects"])


def test_the_same_table_changes_nothing_and_a_shorter_one_removes_its_end(
    study: Study, tmp_path: Path
) -> None:
    path = tmp_path / "avis.csv"
    path.write_text(as_csv(ROWS), encoding="utf-8")
    add_table(study, path, n_rows=2)
    before = {file: file.stat().st_mtime_ns for file in study.depot.glob("*/*")}
    assert add_table(study, path, n_rows=2).n_changed == 0
    assert before == {file: file.stat().st_mtime_ns for file in study.depot.glob("*/*")}
    path.write_text(as_csv(ROWS[:3]), encoding="utf-8")
    assert add_table(study, path, n_rows=2).folders == ("avis 001", "avis 002")
    assert [folder.name for folder in sorted(study.depot.iterdir())] == ["avis 001", "avis 002"]


def test_a_workshop_of_other_files_is_left_alone(study: Study, tmp_path: Path) -> None:
    (study.depot / "Avis 001").mkdir()
    (study.depot / "Avis 001" / "notes.txt").write_text("des bus", encoding="utf-8")
    path = tmp_path / "avis.csv"
    path.write_text(as_csv(ROWS), encoding="utf-8")
    with pytest.raises(UsageError, match="existe déjà"):
        add_table(study, path, workshop="Avis")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", ReadError),
        (b"\n\n", ReadError),
        (b"PAR1 cut short", ReadError),
        (b"PK\x03\x04", UsageError),
    ],
)
def test_what_is_no_table_is_refused(
    study: Study, tmp_path: Path, content: bytes, error: type[Exception]
) -> None:
    path = tmp_path / "avis.csv"
    path.write_bytes(content)
    with pytest.raises(error):
        add_table(study, path)
    assert not list(study.depot.iterdir())


@pytest.mark.parametrize(
    ("lines", "n_rows"),
    [
        (["1;a\n", "2;b\n"], 2),
        (['1;"a\n', 'b"\n', "2;c\n"], 2),
        (['1;écran 24"\n', "2;b\n"], 2),
        (['1;"jamais fermé\n', *["2;b\n"] * 100], 101),
    ],
)
def test_a_row_may_hold_line_breaks_and_a_stray_quote(lines: list[str], n_rows: int) -> None:
    rows = list(whole_rows(lines, ";"))
    assert len(rows) == n_rows
    assert "".join(rows) == "".join(lines)


def test_lines_are_the_same_whatever_ends_them() -> None:
    assert list(lines_of(io.BytesIO("é\r\nb\rc\n".encode("cp1252")))) == ["é\n", "b\n", "c\n"]

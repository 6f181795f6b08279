"""`ateliers export` and `ateliers import` with other tools: what is written where, what is said, and nobody's name in it."""

import json
from pathlib import Path

import pytest

from pipeline.exchange.review_sheet import sheet_file
from pipeline.study import Study
from support.command import run
from support.exchanged import GRID, on_tag, small
from support.review_sheet import filled

WRITTEN = {
    "qdpx": "etude.qdpx",
    "qdc": "grille.qdc",
    "iramuteq": "corpus-iramuteq.txt",
    "relecture": "relecture.xlsx",
    "xlsx": "tableaux.xlsx",
    "techniques": "tables-techniques.xlsx",
    "geojson": "structures.geojson",
    "csv": "units.csv",
    "parquet": "units.parquet",
}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study that was run: its tables and the record of a run, without the run."""
    made = Study.create(tmp_path / "etude")
    for name, rows in small().items():
        made.write_table(name, rows)
    made.write_machine_table("tags", small()["tags"])
    made.write_manifest({"run_id": "20260101", "is_done": True})
    return made


@pytest.mark.slow
@pytest.mark.parametrize(("form", "name"), WRITTEN.items())
def test_a_format_is_written_twice_alike_in_exports_or_where_one_says(
    form, name, study, capsys, tmp_path
):
    assert run(capsys, "export", str(study.root), "--format", form)[0] == 0
    first = (study.root / "exports" / form / name).read_bytes()
    assert (
        run(capsys, "export", str(study.root), "--format", form, "-o", str(tmp_path / "ailleurs"))[
            0
        ]
        == 0
    )
    assert (tmp_path / "ailleurs" / name).read_bytes() == first
    if form not in ("csv", "parquet"):
        path = tmp_path / "envoi" / f"Mon étude{Path(name).suffix}"
        assert (
            run(capsys, "export", str(study.root), "--format", form, "-o", str(path))[1]
            == f"{path}\n"
        )
        assert path.read_bytes() == first


def test_a_corpus_by_table_is_another_one_and_no_other_format_has_such_a_choice(study, capsys):
    run(capsys, "export", str(study.root), "--format", "iramuteq", "--by", "table")
    by_table = (study.root / "exports" / "iramuteq" / "corpus-iramuteq.txt").read_text(
        encoding="utf-8"
    )
    assert "*question_q4 *table_2" in by_table
    code, _, err = run(capsys, "export", str(study.root), "--format", "qdc", "--by", "table")
    assert (code, "--by" in err, err.count("\n")) == (2, True, 1)


@pytest.mark.slow
def test_a_project_comes_back_as_decisions_of_its_people_once(study, capsys, tmp_path):
    store = study.decisions
    store.append_all([{"author": "Lise", **on_tag("add", "d0u2", "rubrique", "offre")}])
    run(capsys, "export", str(study.root), "--format", "qdpx", "-o", str(tmp_path))
    for path in study.root.glob(f"{study.decisions_path.name}*"):
        path.unlink()  # as in a study where nothing was decided yet
    code, out, err = run(capsys, "import", str(study.root), str(tmp_path / "etude.qdpx"))
    assert code == 0, err
    assert "1 décision nouvelle (Lise : 1) ; 0 déjà connue." in out
    assert "laissé de côté, codages de la machine" in out and "ateliers publish" in out
    (row,) = store.read().to_dict("records")
    assert (row["author"], row["action"], row["unit_id"], row["code"]) == (
        "Lise",
        "add_tag",
        "d0u2",
        "offre",
    )
    code, out, _ = run(capsys, "import", str(study.root), str(tmp_path / "etude.qdpx"), "--json")
    assert (json.loads(out)["n_new"], json.loads(out)["n_known"], len(store.read())) == (0, 1, 1)


@pytest.mark.slow
def test_a_review_sheet_comes_back_with_the_name_in_it_or_the_one_given(study, capsys, tmp_path):
    path = tmp_path / "relecture.xlsx"
    path.write_bytes(
        filled(
            small(),
            {("d0u2", "Relu"): "oui", ("d0u1", "Relu"): "oui", ("d0u1", "Rubrique 2"): "Mobilité"},
        )
    )
    code, out, _ = run(capsys, "import", str(study.root), str(path))
    assert (
        code,
        "1 décision nouvelle (Lise : 1)" in out,
        "ligne 4 : code inconnu de la grille « Mobilité »" in out,
    ) == (0, True, True)
    path.write_bytes(sheet_file(small(), GRID))
    code, _, err = run(capsys, "import", str(study.root), str(path))
    assert (code, "--author" in err, err.count("\n")) == (2, True, 1)
    assert run(capsys, "import", str(study.root), str(path), "--author", "Zoé")[1].startswith(
        "0 décision nouvelle ;"
    )


def test_a_codebook_is_compared_and_changes_nothing(study, capsys, tmp_path):
    run(capsys, "export", str(study.root), "--format", "qdc", "-o", str(tmp_path))
    before = study.grid_path.read_bytes()
    path = tmp_path / "grille.qdc"
    assert "0 différence entre" in run(capsys, "import", str(study.root), str(path))[1]
    path.write_text(
        path.read_text(encoding="utf-8").replace("Identifiant : offre", "Identifiant : biens"),
        encoding="utf-8",
    )
    code, out, _ = run(capsys, "import", str(study.root), str(path))
    assert (
        code,
        "en plus dans le fichier : biens" in out,
        "absent du fichier : offre" in out,
        "--grid" in out,
    ) == (0, True, True, True)
    assert study.grid_path.read_bytes() == before and study.decisions_state() == 0


def test_a_file_that_is_none_of_these_is_one_line(study, capsys, tmp_path):
    path = tmp_path / "projet.qdpx"
    path.write_bytes(b"rien")
    code, _, err = run(capsys, "import", str(study.root), str(path))
    assert (code, "n'est pas une archive lisible" in err, err.count("\n")) == (1, True, 1)
    assert run(capsys, "import", str(study.root), str(tmp_path / "absent.qdpx"))[0] == 1

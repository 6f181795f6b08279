"""Codes of axes that a grid brings, on their way out and back: review sheet, projects, corpus, lists, report, a whole study."""

import io
import re
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import xlsxwriter
from lxml import etree
from python_calamine import CalamineWorkbook

from pipeline.errors import TableError
from pipeline.exchange import review_sheet as reading
from pipeline.exchange.codebook import compare_codebook
from pipeline.exchange.documents import corpus_file, gather_codings
from pipeline.exchange.import_project import take_project
from pipeline.exchange.project import project_file, read_project
from pipeline.exchange.review_sheet import read_sheet_file, sheet_file, take_sheet
from pipeline.grid import load_grid
from pipeline.grid.codes import Grid
from pipeline.ingest.parts import FileContent
from pipeline.ingest.readers.dispatch import read_source
from pipeline.ingest.sandbox import FileReading
from pipeline.publish.html import write_web_page
from pipeline.publish.layout import Part, lay_out
from pipeline.publish.report import build_report
from pipeline.publish.workbook.rows import StudyRows
from pipeline.publish.workbook.themes import passage_sheet
from pipeline.rank import rank_themes
from pipeline.settings.sections import PublishSettings, RankSettings
from pipeline.study import Study
from pipeline.tables.material import DECISIONS
from support.exchanged import Doc, Line, Tables, made_study, on_tag, rows_of, taken
from support.own_axes import yaml_grid
from support.studies import group_any_size

CODEBOOK = "{urn:QDA-XML:project:1.0}Code"


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    return load_grid(yaml_grid(tmp_path_factory.mktemp("grille")))


@pytest.fixture(scope="module")
def coded(grid: Grid) -> Tables:
    """Two tables that say two things, with codes of own axes alone, ranked."""
    first = [
        Line(
            "Les lycéens attendent le bus.",
            ["echelle:interco", "public:jeunes", "public:familles"],
            "t-bus",
        )
    ]
    second = [
        Line(
            "La mairie peut prêter un minibus.",
            ["echelle:commune", "public:jeunes"],
            "t-bus",
            table=2,
        ),
        Line("Pause café.", ["echelle:commune"], table=2),
    ]
    tables = made_study(Doc(first), Doc(second, table=2), labels={"t-bus": "Bus"})
    names = ("units", "tags", "themes", "theme_members", "workshops")
    return (
        tables
        | rank_themes(
            *(tables[name] for name in names), settings=RankSettings(n_draws=30), grid=grid
        )._asdict()
    )


# --- exchanged ---------------------------------------------------------------------------------------------------------


def filled(content: bytes, changes: dict[tuple[str, str], str]) -> bytes:
    """The sheet as Lise fills it: (unit_id, title) → content."""
    book, out = CalamineWorkbook.from_filelike(io.BytesIO(content)), io.BytesIO()
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False}) as workbook:
        for name in book.sheet_names:
            sheet, rows = (
                workbook.add_worksheet(name),
                book.get_sheet_by_name(name).to_python(skip_empty_area=False),
            )
            if name == "relecture":
                rows[0][1] = "Lise"
                for (unit_id, title), value in changes.items():
                    (row,) = [
                        row for row in rows[2:] if row[rows[1].index("Identifiant")] == unit_id
                    ]
                    row[rows[1].index(title)] = value
            for place, row in enumerate(rows):
                sheet.write_row(place, 0, row)
    return out.getvalue()


def test_the_review_sheet_has_a_column_an_axis_and_comes_back_as_decisions(
    grid: Grid, coded: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        reading,
        "read_files",
        lambda paths, settings: [
            FileReading(path, read_source(FileContent(path.read_bytes(), path.name)))
            for path in paths
        ],
    )
    tables, path = coded, tmp_path / "relecture.xlsx"
    content = sheet_file(tables, grid)
    head = (
        CalamineWorkbook.from_filelike(io.BytesIO(content))
        .get_sheet_by_name("relecture")
        .to_python(skip_empty_area=False)[1]
    )
    assert [
        title for title in head if re.match("Échelle|Publics|Rubrique|Posture|Pilier", str(title))
    ] == [
        "Échelle",
        "Publics 1",
        "Publics 2",
        "Publics 3",
    ]
    changes = {
        ("d0u0", "Échelle"): "Région",
        ("d0u0", "Publics 2"): "Aînés",
        ("d0u0", "Relu"): "oui",
        ("d1u0", "Relu"): "oui",
    }
    path.write_bytes(filled(content, changes))
    sheet = read_sheet_file(path)
    assert sheet is not None
    found = take_sheet(sheet, tables, grid, decisions=DECISIONS.empty())
    assert found.lines == ()
    assert sorted(
        (row["unit_id"], row["action"], row["axis"], row["code"]) for row in rows_of(found)
    ) == [
        ("d0u0", "accept_tag", "public", "jeunes"),
        ("d0u0", "add_tag", "echelle", "region"),
        ("d0u0", "add_tag", "public", "aines"),
        ("d0u0", "reject_tag", "public", "familles"),
        ("d1u0", "accept_tag", "echelle", "commune"),
        ("d1u0", "accept_tag", "public", "jeunes"),
    ]


def test_a_project_has_a_branch_an_axis_and_brings_back_what_people_coded(
    grid: Grid, coded: Tables, tmp_path: Path
):
    tables = coded
    decisions = taken(
        on_tag("add", "d0u0", "echelle", "commune"),
        on_tag("add", "d0u0", "echelle", "region"),
        on_tag("add", "d1u1", "public", "aines"),
    )
    content = project_file(
        tables, grid, gather_codings(tables, grid, decisions=decisions), title="Essai"
    )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        root = etree.fromstring(archive.read("project.qde"))
    colours = {element.get("name"): element.get("color") for element in root.iter(CODEBOOK)}
    assert colours["Échelle"] == colours["Commune"] != colours["Publics"] == colours["Jeunes"]
    path = tmp_path / "retour.qdpx"
    path.write_bytes(content)
    found = take_project(read_project(path), tables, grid, decisions=DECISIONS.empty())
    assert sorted((row["unit_id"], row["axis"], row["code"]) for row in rows_of(found)) == [
        ("d0u0", "echelle", "region"),  # of an exclusive axis, the last word alone
        ("d1u1", "public", "aines"),
    ]


def test_a_corpus_stars_the_codes_that_a_whole_text_bears(grid: Grid, coded: Tables):
    first, second = corpus_file(coded, own_axes=grid.own_axes).decode().split("\n\n")
    assert "*echelle_interco *public_familles *public2_jeunes *theme_bus" in first
    assert "*echelle_commune" in second
    assert "*public" not in second


def test_a_codebook_that_asks_for_another_number_of_codes_differs(grid: Grid, tmp_path: Path):
    path = yaml_grid(tmp_path)
    path.write_text(
        path.read_text(encoding="utf-8").replace("choix: un", "choix: plusieurs"), encoding="utf-8"
    )
    assert compare_codebook(load_grid(path), grid) == [
        "axe echelle : plusieurs codes dans le fichier, un seul code dans l'étude"
    ]


# --- published ---------------------------------------------------------------------------------------------------------


def test_the_list_of_passages_has_a_column_an_axis(grid: Grid, coded: Tables):
    rows = passage_sheet(StudyRows(coded, grid, 3))
    assert not {"Rubriques", "Posture", "Piliers"} & set(rows.columns)
    assert rows["Échelle"].tolist() == ["Intercommunalité", "Commune", "Commune"]
    assert rows["Publics"].fillna("").tolist() == ["Familles ; Jeunes", "Jeunes", ""]


def test_the_report_tells_the_axes_of_the_grid_and_the_criteria_that_have_nothing_to_read(
    grid: Grid, coded: Tables, tmp_path: Path
):
    made = build_report(
        coded, grid=grid, settings=PublishSettings(), title="Jeunesse", made_on="2026-03-01"
    )
    assert made.themes[0].profile == (
        "Échelle\u00a0: Commune à 1\u00a0table, Intercommunalité à 1\u00a0table",
        "Publics\u00a0: Jeunes à 2\u00a0tables, Familles à 1\u00a0table",
    )
    assert (made.coverage.n_coded, made.coverage.n_units) == (2, 3)
    assert [(heat.axis.label if heat.axis else "", heat.rubriques) for heat in made.heats] == [
        ("Échelle", ("Commune", "Intercommunalité")),
        ("Publics", ("Jeunes", "Familles")),
    ]
    parts: tuple[Part, ...] = ("rapport", "annexe")
    for part in parts:
        write_web_page(lay_out(made, part), tmp_path / f"{part}.html")
    page = "".join((tmp_path / f"{part}.html").read_text(encoding="utf-8") for part in parts)
    text = re.sub(r"<[^>]+>", " ", page).replace("\u00a0", " ")
    for wanted in (
        "les codes de la grille qui lui conviennent (échelle, publics)",
        "Échelle : un code, et un seul, par passage. À quel niveau le passage demande d’agir.",
        "Publics : un passage peut porter plusieurs codes, ou aucun.",
        "« Avec un code » : au moins un code (publics).",
        "La grille de l’étude n’a pas de rubrique pour l’offre : les activités existantes n’y sont pas relevées.",
        "La grille de l’étude ne dit ni difficulté ni demande : ce critère n’a rien à lire.",
        "La grille de l’étude ne dit ni proposition, ni opportunité, ni partenariat : ce critère n’a rien à lire.",
    ):
        assert wanted in text, wanted
    assert "Aucune rubrique" not in text


def test_the_notes_of_a_priority_say_what_could_not_be_read(grid: Grid, coded: Tables):
    notes = coded["priority_notes"].drop_duplicates("subject").set_index("subject")["sentence"]
    assert (
        notes["c_need"]
        == "La grille de l'étude ne dit ni difficulté ni demande : ce critère n'a rien à lire."
    )
    assert notes["c_tables"].startswith("Dit à 2 tables")


# --- a whole study -----------------------------------------------------------------------------------------------------


def test_a_study_keeps_no_code_of_an_axis_that_its_grid_does_not_have(
    grid: Grid, coded: Tables, tmp_path: Path
):
    study = Study.create(tmp_path / "etude", yaml_grid(tmp_path))
    study.write_table("tags", coded["tags"])
    with pytest.raises(TableError, match="axe « posture »"):
        study.write_table("tags", coded["tags"].assign(axis="posture"))


SAID = {
    "Table 1.txt": [
        "les lycéens n'ont plus de bus après dix-huit heures",
        "le bus du soir manque aux collégiens du village",
        "la mairie pourrait prêter un minibus aux jeunes",
    ],
    "Table 2.txt": [
        "l'intercommunalité doit remettre un bus le samedi pour les lycéens",
        "pas de bus pour aller au lycée",
        "les retraités du village restent seuls chez eux",
    ],
    "Table 3.txt": [
        "la région doit aider les personnes âgées",
        "les retraités isolés n'osent pas demander",
        "les aînés attendent une visite",
    ],
}


@pytest.mark.slow
def test_a_study_of_such_a_grid_runs_from_notes_to_report(tmp_path: Path):
    from flows.run import run_study

    study = group_any_size(Study.create(tmp_path / "etude", yaml_grid(tmp_path)))
    folder = study.depot / "Pays de Retz 2026-10-01"
    folder.mkdir()
    for name, lines in SAID.items():
        (folder / name).write_text(
            "Q1\n" + "".join(f"- {line}\n" for line in lines), encoding="utf-8"
        )
    run_study(study.root)
    tags = study.read_table("tags")
    assert set(tags["axis"]) == {"echelle", "public"}
    n_units = len(study.read_table("units"))
    assert (
        tags[(tags["axis"] == "echelle") & tags["is_assigned"]].groupby("unit_id").size().tolist()
        == [1] * n_units
    )
    assert (tags.loc[tags["is_assigned"], "code"] == "jeunes").any()
    assert len(study.read_table("review_queue")) == n_units
    (page,) = study.publications.rglob("annexe-technique.html")
    text = page.read_text(encoding="utf-8").replace("\u00a0", " ")
    assert "Publics : passages, tables et ateliers" in text
    assert "ce critère n’a rien à lire" in text
    assert pd.notna(study.read_table("priority_notes")["sentence"]).all()

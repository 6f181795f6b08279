from dataclasses import replace
from pathlib import Path

import pytest
import xlsxwriter

from pipeline.errors import GridError
from pipeline.files import data_path
from pipeline.grid import load_grid, save_grid
from pipeline.grid.codes import Grid
from pipeline.study import Study

SMALL = """
id: eau
version: 3
rubriques:
  - {id: fuites, libelle: Fuites, definition: "Une perte d'eau sur le réseau."}
  - id: prix
    libelle: Prix
    sous_rubriques:
      - {id: prix.tarif, libelle: Tarif, definition: "Ce que coûte le mètre cube.", exemples: ["4 € le m³"]}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "grille.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_grid_has_twelve_rubriques_five_postures_and_seven_piliers():
    grid = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
    assert [len(grid.axis(axis)) for axis in ("rubrique", "posture", "pilier")] == [12, 5, 7]
    assert [question.question for question in grid.questions] == ["q1", "q2", "q3", "q4"]
    assert grid.label_of("offre") == "Offre de biens et services"
    assert grid.label_of("innovation") == "Stratégies d'innovation sociale"


def test_any_other_grid_loads_without_postures_or_piliers(tmp_path):
    grid = load_grid(write(tmp_path, SMALL))
    assert [(code.code, code.parent_id) for code in grid.codes] == [
        ("fuites", None),
        ("prix.tarif", "prix"),
    ]
    assert grid.axis("posture") == ()
    assert "4 € le m³" in grid.codes[1].description


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            SMALL + "  - {id: fuites, libelle: Encore, definition: Une fuite.}\n",
            "ligne 5 : codes donnés deux fois : fuites",
        ),
        (SMALL.replace("id: prix.tarif", "id: cout.tarif"), "ligne 9 : .*rangé sous « prix »"),
        (
            SMALL.replace('definition: "Une perte d\'eau sur le réseau."', 'definition: ""'),
            "ligne 5 : « fuites » sans définition",
        ),
        (SMALL.replace("definition:", "définition:"), "ligne 5 : clé inconnue « définition »"),
        (
            SMALL.replace("id: fuites, ", "").replace("id: prix\n", "id: ''\n"),
            r"ligne 6 : .*sans « id » \(et 1 autre\)",
        ),
        (
            SMALL.replace("libelle: Prix", "id: eau\n    libelle: Prix"),
            "ligne 7 : « id » donné deux fois",
        ),
        ("rubriques: []", "n'a pas de « rubriques »"),
        ("- juste une liste", "n'a pas de « rubriques »"),
        ("rubriques: oui", "ligne 1 : « rubriques » n'est pas une liste"),
        ("id: x\nrubriques: [\n", "ligne 3 : illisible"),
        ("id: &a x\nversion: *a\n" + SMALL, "ligne 1 : renvoi YAML"),
        (SMALL + "  - {id: x, libelle: X, definition: D, <<: *b}\n", "ligne 10 : renvoi YAML"),
        ("rubriques: " + "[" * 5_000, "ligne 1 : plus de 20 niveaux"),
        ("version: 0x" + "f" * 9_000 + "\n" + SMALL, "ligne 1 : valeur de 9002 caractères"),
        ("langue: 2026-13-45\n" + SMALL, "grille.yaml : illisible"),
        ("#" + "x" * 3_000_000, "a plus de 2 Mo"),
    ],
)
def test_a_grid_with_a_fault_is_refused_by_name(tmp_path, text, message):
    with pytest.raises(GridError, match=message):
        load_grid(write(tmp_path, text))


def test_a_missing_grid_says_how_to_give_one(tmp_path):
    with pytest.raises(GridError, match="--grid"):
        load_grid(tmp_path / "grille.yaml")


ROWS = [
    ["Grille de l'eau, relue en mai"],
    ["Axe", "Libellé", "Définition", "Inclure", "Exemples", "Famille", "Code"],
    [
        "",
        "Fuites",
        "Une perte d'eau sur le réseau.",
        "",
        "ça coule ; compteur qui tourne",
        "",
        "fuites",
    ],
    ["Rubriques", "Tarif", "Ce que coûte le mètre cube.", "la facture", "", "Prix", "prix.tarif"],
    [],
    ["posture", "Plainte", "On se plaint.", "", "", "", ""],
    ["question", "Que faut-il changer ?", "", "", "", "", "q1"],
]


def write_csv(
    folder: Path, rows: list[list[str]], *, encoding: str = "utf-8-sig", sign: str = ";"
) -> Path:
    path = folder / "eau.csv"
    path.write_text(
        "\n".join(sign.join(f'"{cell}"' for cell in row) for row in rows), encoding=encoding
    )
    return path


def write_xlsx(folder: Path, rows: list[list[str]]) -> Path:
    path = folder / "eau.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        workbook.add_worksheet("Lisez-moi").write(0, 0, "Notre grille")
        sheet = workbook.add_worksheet("Codes")
        for order, row in enumerate(rows):
            sheet.write_row(order, 0, row)
    return path


def check_the_grid_of_water(grid: Grid) -> None:
    assert [(code.code, code.axis, code.parent_id) for code in grid.codes] == [
        ("fuites", "rubrique", None),
        ("prix.tarif", "rubrique", "prix"),
        ("plainte", "posture", None),
    ]
    assert grid.codes[0].examples == ("ça coule", "compteur qui tourne")
    assert grid.families == (("prix", "Prix"),)
    assert [(question.question, question.label) for question in grid.questions] == [
        ("q1", "Que faut-il changer ?")
    ]


@pytest.mark.parametrize(
    ("encoding", "sign"), [("utf-8-sig", ";"), ("utf-8", ","), ("cp1252", "\t")]
)
def test_a_grid_written_in_a_csv(tmp_path, encoding, sign):
    check_the_grid_of_water(load_grid(write_csv(tmp_path, ROWS, encoding=encoding, sign=sign)))


def test_a_grid_written_in_a_workbook(tmp_path):
    check_the_grid_of_water(load_grid(write_xlsx(tmp_path, ROWS)))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            ["rubrique", "Puits", "", "", "", "", "puits"],
            "eau.xlsx, ligne 8 : « puits » sans définition",
        ),
        (
            ["rubrik", "Puits", "Un trou.", "", "", "", "puits"],
            "ligne 8 : axe « rubrik » pour un seul code",
        ),
        (
            ["", "Fuites encore", "Une fuite.", "", "", "", "fuites"],
            "ligne 3 : codes donnés deux fois",
        ),
    ],
)
def test_a_faulty_row_is_named_by_its_line(tmp_path, row, message):
    with pytest.raises(GridError, match=message):
        load_grid(write_xlsx(tmp_path, [*ROWS, row]))


@pytest.mark.parametrize("name", ["eau.csv", "eau.xlsx", "eau.qdc", "eau.docx"])
def test_a_file_that_is_no_grid_is_refused_in_one_line(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x00\x01 rien de bon")
    with pytest.raises(GridError, match=name):
        load_grid(tmp_path / name)


CODEBOOK = """<?xml version="1.0" encoding="UTF-8"?>
<CodeBook xmlns="urn:QDA-XML:codebook:1.0" origin="Outil 1.2"><Codes>
<Code guid="11111111-1111-1111-1111-111111111111" name="Rubriques" isCodable="false">
 <Code guid="11111111-1111-1111-1111-111111111112" name="Fuites d'eau" isCodable="true"><Description>Une perte.</Description></Code>
 <Code guid="11111111-1111-1111-1111-111111111113" name="Prix" isCodable="false">
  <Code guid="11111111-1111-1111-1111-111111111114" name="prix.tarif" isCodable="true"><Description>Le mètre cube.</Description></Code>
 </Code>
</Code>
<Code guid="11111111-1111-1111-1111-111111111115" name="Posture" isCodable="false">
 <Code guid="11111111-1111-1111-1111-111111111116" name="Plainte" isCodable="true"><Description>On se plaint.</Description></Code>
</Code>
</Codes></CodeBook>
"""


def write_codebook(folder: Path, text: str) -> Path:
    path = folder / "eau.qdc"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_grid_exported_as_a_codebook(tmp_path):
    grid = load_grid(write_codebook(tmp_path, CODEBOOK))
    assert [(code.code, code.axis, code.label, code.parent_id) for code in grid.codes] == [
        ("fuites-d-eau", "rubrique", "Fuites d'eau", None),
        ("prix.tarif", "rubrique", "prix.tarif", "prix"),
        ("plainte", "posture", "Plainte", None),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            CODEBOOK.replace("<Description>Une perte.</Description>", ""),
            "eau.qdc, ligne 4 : « fuites-d-eau » sans définition",
        ),
        (CODEBOOK.replace("codebook:1.0", "project:1.0"), "n'est pas un livre de codes"),
        (
            CODEBOOK.replace("<CodeBook", "<!DOCTYPE CodeBook><CodeBook"),
            "n'est pas un livre de codes",
        ),
        (CODEBOOK.replace("</Codes>", ""), "ligne 12 : illisible"),
    ],
)
def test_a_faulty_codebook_is_refused(tmp_path, text, message):
    with pytest.raises(GridError, match=message):
        load_grid(write_codebook(tmp_path, text))


def test_what_is_written_reads_as_the_same_grid(tmp_path):
    shipped = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
    for grid in (shipped, replace(load_grid(write_xlsx(tmp_path, ROWS)), grid_id="eau")):
        save_grid(grid, tmp_path / "relue.yaml")
        assert load_grid(tmp_path / "relue.yaml") == grid


def test_a_study_made_from_a_spreadsheet_holds_its_grid(tmp_path):
    study = Study.create(tmp_path / "etude", write_xlsx(tmp_path, ROWS))
    assert study.grid_path.name == "grille.yaml"
    check_the_grid_of_water(study.grid)

"""A grid brings the axes it likes: read from every format, refused by line, tagged, reviewed, exchanged and published."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import GridError
from pipeline.exchange.codebook import codebook_file
from pipeline.grid import load_grid, save_grid
from pipeline.grid.codes import Grid
from pipeline.tables.results import THEME_FAMILIES, THEMES
from support.own_axes import GRID_YAML, csv_grid, xlsx_grid, yaml_grid


def qdc_grid(folder: Path) -> Path:
    """The grid as this project exports it."""
    path = folder / "jeunesse.qdc"
    path.write_bytes(
        codebook_file(load_grid(yaml_grid(folder)), THEMES.empty(), THEME_FAMILIES.empty())
    )
    return path


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    return load_grid(yaml_grid(tmp_path))


# --- read --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [yaml_grid, csv_grid, xlsx_grid, qdc_grid])
def test_every_format_brings_the_same_axes_and_codes(tmp_path: Path, write: Callable[[Path], Path]):
    grid = load_grid(write(tmp_path))
    assert [(axis.axis, axis.label, axis.is_exclusive, axis.definition) for axis in grid.axes] == [
        ("echelle", "Échelle", True, "À quel niveau le passage demande d'agir."),
        ("public", "Publics", False, ""),
    ]
    assert [(code.axis, code.code, code.parent_id) for code in grid.by_axis] == [
        ("echelle", "commune", None),
        ("echelle", "interco", None),
        ("echelle", "region", None),
        ("public", "jeunes", None),
        ("public", "aines", None),
        ("public", "familles", "foyers"),
    ]
    assert grid.by_axis[0].lexicon == ("mairie", "maire", "village")
    assert grid.label_of("foyers") == "Foyers"
    save_grid(grid, tmp_path / "relue.yaml")
    assert load_grid(tmp_path / "relue.yaml") == grid


def test_standard_axes_come_first_whatever_the_order_of_the_file(tmp_path: Path):
    path = yaml_grid(tmp_path)
    path.write_text(
        GRID_YAML
        + "piliers:\n  - {id: gouvernance, libelle: Gouvernance, definition: Décider ensemble.}\n",
        encoding="utf-8",
    )
    assert [axis.axis for axis in load_grid(path).axes] == ["pilier", "echelle", "public"]


def changed(old: str, new: str) -> str:
    assert old in GRID_YAML
    return GRID_YAML.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed("id: public", "id: echelle"), "ligne 12 : axe « echelle » donné deux fois"),
        (
            changed("libelle: Publics", "libelle: échelles"),
            "ligne 12 : axe « public » donné deux fois",
        ),
        (
            changed("choix: un", "choix: parfois"),
            "ligne 4 : choix « parfois » pour l'axe « echelle »",
        ),
        (changed("id: public", "id: unit_id"), "ligne 12 : axe « unit_id »"),
        (changed("id: public", "id: question"), "ligne 12 : axe « question »"),
        (changed("id: public", "id: theme"), "ligne 12 : axe « theme »"),
        (changed("libelle: Publics", "libelle: Passage"), "ligne 12 : axe « Passage »"),
        (changed("id: public", "id: posture"), "ligne 12 : « posture » parmi les axes propres"),
        (changed("id: public", "id: 3publics"), "ligne 12 : « 3publics » comme nom d'axe"),
        (
            changed("id: public", "id: Publics visés"),
            "ligne 12 : « Publics visés » comme nom d'axe",
        ),
        (changed("- id: public\n    libelle", "- libelle"), "ligne 12 : un axe sans « id »"),
        (
            changed("{id: jeunes,", "{id: region,"),
            r"ligne 11 : « region » sur deux axes \(echelle et public\)",
        ),
        (changed("{id: jeunes,", "{id: les jeunes,"), "ligne 15 : « les jeunes » avec une espace"),
        (
            changed("definition: À quel", "définition: À quel"),
            "ligne 4 : clé inconnue « définition »",
        ),
        (
            "axes:\n  - id: echelle\n    choix: un\n    codes:\n      - {id: commune, definition: La mairie.}\n",
            "ligne 2 : axe « echelle » à choix unique, avec un seul code",
        ),
        ("axes:\n  - {id: echelle, libelle: Échelle}\n", "axe « echelle » sans code|aucun code"),
        ("axes: oui", "ligne 1 : « axes » n'est pas une liste"),
    ],
)
def test_a_faulty_axis_is_refused_by_its_line(tmp_path: Path, text: str, message: str):
    path = tmp_path / "grille.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(GridError, match=message):
        load_grid(path)


SHEET = "axe;code;définition;choix\nÉchelle;commune;La mairie.;un\nÉchelle;region;La région.;\n"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            "Échelle;interco;Le bourg-centre.;plusieurs\n",
            "ligne 4 : choix « plusieurs » pour l'axe « Échelle », « un » plus haut",
        ),
        ("Échele;interco;Le bourg-centre.;\n", "ligne 4 : axe « Échele » pour un seul code"),
        (
            "Public;commune;Les communes.;\n",
            r"ligne 2 : « commune » sur deux axes \(echelle et public\)",
        ),
        (
            "Question;jeunes;Les jeunes.;\nPublic;jeunes;Les jeunes.;trois\n",
            "ligne 5 : choix « trois »",
        ),
        (
            "posture;plainte;On se plaint.;plusieurs\n",
            "ligne 4 : choix « plusieurs » pour l'axe « posture »",
        ),
    ],
)
def test_a_faulty_row_is_refused_by_its_line(tmp_path: Path, more: str, message: str):
    path = tmp_path / "grille.csv"
    path.write_text(SHEET + more, encoding="utf-8")
    with pytest.raises(GridError, match=message):
        load_grid(path)


FOREIGN = """<?xml version="1.0" encoding="UTF-8"?>
<CodeBook xmlns="urn:QDA-XML:codebook:1.0"><Codes>
<Code guid="11111111-1111-1111-1111-111111111111" name="Échelle (un seul)" isCodable="false">
 <Code guid="11111111-1111-1111-1111-111111111112" name="Commune" isCodable="true"><Description>La mairie.</Description></Code>
 <Code guid="11111111-1111-1111-1111-111111111113" name="Région" isCodable="true"><Description>La région.</Description></Code>
</Code>
<Code guid="11111111-1111-1111-1111-111111111114" name="Mobilité" isCodable="true"><Description>Se déplacer.</Description></Code>
</Codes></CodeBook>
"""


def test_a_group_at_the_top_of_a_codebook_is_an_axis_and_a_lone_code_a_rubrique(tmp_path: Path):
    path = tmp_path / "ailleurs.qdc"
    path.write_text(FOREIGN, encoding="utf-8")
    grid = load_grid(path)
    assert [(axis.axis, axis.label, axis.is_exclusive) for axis in grid.axes] == [
        ("rubrique", "Rubriques", False),
        ("echelle", "Échelle", True),
    ]
    assert [(code.axis, code.code) for code in grid.by_axis] == [
        ("rubrique", "mobilite"),
        ("echelle", "commune"),
        ("echelle", "region"),
    ]

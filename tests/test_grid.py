from pathlib import Path

import pytest

from pipeline.errors import GridError
from pipeline.grid import load_grid
from pipeline.resources import data_path

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
    assert [(code.code, code.parent_id) for code in grid.codes] == [("fuites", None), ("prix.tarif", "prix")]
    assert grid.axis("posture") == ()
    assert "4 € le m³" in grid.codes[1].description


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SMALL + "  - {id: fuites, libelle: Encore, definition: Une fuite.}\n", "deux fois : fuites"),
        (SMALL.replace("id: prix.tarif", "id: cout.tarif"), "rangé sous « prix »"),
        (SMALL.replace('definition: "Une perte d\'eau sur le réseau."', 'definition: ""'), "« fuites » sans définition"),
        (SMALL.replace("id: fuites, ", ""), "sans « id »"),
        ("rubriques: []", "n'a pas de « rubriques »"),
        ("- juste une liste", "n'a pas de « rubriques »"),
        ("rubriques: [", "illisible"),
    ],
)
def test_a_grid_with_a_fault_is_refused_by_name(tmp_path, text, message):
    with pytest.raises(GridError, match=message):
        load_grid(write(tmp_path, text))


def test_a_missing_grid_says_how_to_give_one(tmp_path):
    with pytest.raises(GridError, match="--grid"):
        load_grid(tmp_path / "grille.yaml")

"""Axes, families and orders of a grid: made, changed, moved, told in the journal and taken back."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.decisions import read_decision
from pipeline.decisions.codebook import EditPart
from pipeline.grid import load_grid, save_grid
from pipeline.grid.arranging import (
    move,
    order_of,
    part_changes,
    part_since,
    put_axis,
    put_family,
    remove_axis,
    take_back,
)
from pipeline.grid.codes import AxisEntry, Entry, Grid
from pipeline.grid.editing import Faults
from support.decisions import FrenchNames
from support.own_axes import yaml_grid

AGES = AxisEntry("", "Âges", "À quel âge ?", "un")
TWO = (Entry("", "", "Petits", "De 3 à 10 ans."), Entry("", "", "Familles", "Tous ensemble."))


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    return load_grid(yaml_grid(tmp_path))


def read_back(grid: Grid, tmp_path: Path) -> Grid:
    save_grid(grid, tmp_path / "relue.yaml")
    return load_grid(tmp_path / "relue.yaml")


def young(grid: Grid, *members: str, label: str = "Âges de la vie", name: str = "") -> Grid:
    after, faults = put_family(grid, "public", name, label, members, is_new=True)
    assert not faults
    return after


CHANGES: list[tuple[Callable[[Grid], Grid], str]] = [
    (
        lambda grid: put_axis(grid, AGES, TWO)[0],
        "ajoute à la grille l’axe « Âges » et ses codes : Petits, Familles",
    ),
    (
        lambda grid: put_axis(grid, replace(AGES, choice="plusieurs"), replaces="public")[0],
        "change dans la grille l’axe « Âges »",
    ),
    (
        lambda grid: remove_axis(grid, "echelle")[0],
        "retire de la grille l’axe « Échelle » et ses codes : Commune, Intercommunalité, Région",
    ),
    (
        lambda grid: young(grid, "jeunes", "aines"),
        "ajoute à la grille la famille « Âges de la vie »",
    ),
    (
        lambda grid: put_family(grid, "public", "foyers", "Ménages", ["familles"], is_new=False)[0],
        "renomme dans la grille la famille « Foyers » en « Ménages »",
    ),
    (lambda grid: move(grid, "axe", "public", -1), "change l’ordre des axes de la grille"),
    (lambda grid: move(grid, "famille", "foyers", -1), "change l’ordre des codes d’un axe"),
    (lambda grid: move(grid, "code", "commune", 1), "change l’ordre des codes d’un axe"),
]


@pytest.mark.parametrize(("change", "sentence"), CHANGES)
def test_a_change_is_written_told_and_taken_back(
    grid: Grid, tmp_path: Path, change: Callable[[Grid], Grid], sentence: str
) -> None:
    after = read_back(change(grid), tmp_path)
    told = part_changes(grid, after)
    assert len(told) == 1
    edit = read_decision({"decision_id": 0, **EditPart.of(told[0]).row()})
    assert isinstance(edit, EditPart)
    assert edit.sentence(FrenchNames()).startswith(sentence)
    now, left = (
        EditPart.of(replace(edit.change, after=part)).row()
        for part in part_since(after, edit.change)
    )
    assert now == left
    back, faults = take_back(after, edit.change)
    assert not faults
    assert {code.code: replace(code, parent_id=None) for code in back.codes} == {
        code.code: replace(code, parent_id=None) for code in grid.codes
    }
    is_gone = edit.sentence(FrenchNames()).startswith("retire")  # an axis comes back at the end
    assert is_gone or order_of(back, "") == order_of(grid, "")
    assert order_of(back, "echelle") == order_of(grid, "echelle")
    assert part_since(after, edit.change) != part_since(grid, edit.change)


def test_a_code_takes_the_name_of_its_new_family_and_keeps_the_former(grid: Grid) -> None:
    first = young(grid, "jeunes", name="vie")
    named = replace(first.axis("public")[0], code="vie.jeunes")
    codes = tuple(named if code.code == "jeunes" else code for code in first.codes)
    after = young(replace(first, codes=codes), "vie.jeunes", "familles", label="Foyers et âges")
    moved = {code.label: (code.code, code.parent_id, code.former) for code in after.axis("public")}
    assert moved["Jeunes"] == ("foyers-et-ages.jeunes", "foyers-et-ages", ("vie.jeunes",))
    assert moved["Familles"] == ("familles", "foyers-et-ages", ())
    told = {change.family: change.after for change in part_changes(first, after)}
    assert told == {"vie": None, "foyers": None, "foyers-et-ages": "Foyers et âges"}


def test_codes_move_within_their_family_and_stop_at_its_ends(grid: Grid) -> None:
    both = young(grid, "jeunes", "aines")
    assert order_of(move(both, "code", "jeunes", 1), "public") == ["aines", "jeunes", "familles"]
    assert move(both, "code", "aines", 1) == both
    assert order_of(move(both, "famille", "foyers", -1), "public")[0] == "familles"
    assert move(both, "famille", "inconnue", 1) == move(both, "axe", "rubrique", 1) == both


@pytest.mark.parametrize(
    ("made", "part", "said"),
    [
        (lambda grid: put_axis(grid, replace(AGES, label=""), TWO), "label", "sans libellé"),
        (lambda grid: put_axis(grid, replace(AGES, label="Publics"), TWO), "axis", "deux fois"),
        (lambda grid: put_axis(grid, replace(AGES, axis="Âges !"), TWO), "axis", "sans accent"),
        (lambda grid: put_axis(grid, replace(AGES, label="Posture"), TWO), "axis", "postures"),
        (lambda grid: put_axis(grid, AGES, TWO[:1]), "codes", "deux codes au moins"),
        (lambda grid: put_axis(grid, AGES), "codes", "un code au moins"),
        (
            lambda grid: put_axis(grid, AGES, [TWO[0], replace(TWO[1], definition="")]),
            "definition-2",
            "sans définition",
        ),
        (lambda grid: put_axis(grid, AGES, [TWO[0], TWO[0]]), "label-2", "déjà un code"),
        (lambda grid: family(grid, label="", name="x"), "label", "sans libellé"),
        (lambda grid: family(grid, label="Jeunes"), "family", "déjà un code"),
        (lambda grid: family(grid, label="Foyers"), "family", "déjà un code ou une famille"),
        (lambda grid: family(grid, label="!"), "family", "sans nom court"),
        (lambda grid: family(grid, label="Âges", members=()), "members", "un code au moins"),
    ],
)
def test_a_mistake_is_said_of_its_field_and_changes_nothing(
    grid: Grid, made: Callable[[Grid], tuple[Grid, Faults]], part: str, said: str
) -> None:
    after, faults = made(grid)
    assert said in faults[part]
    assert after == grid


def family(
    grid: Grid, label: str, name: str = "", members: tuple[str, ...] = ("jeunes",)
) -> tuple[Grid, Faults]:
    return put_family(grid, "public", name, label, members, is_new=True)


def test_a_code_that_the_ranking_reads_by_name_keeps_its_family() -> None:
    ours = load_grid(Path(__file__).parents[1] / "data/grid/grille-ateliers-territoires.yaml")
    code = next(code for code in ours.codes if code.code == "partenariats.developpement")
    after, faults = put_family(ours, code.axis, "", "Réseaux", [code.code], is_new=True)
    assert "sous son nom" in faults["members"]
    assert after == ours


def test_names_in_an_axis_are_masked_and_a_damaged_row_is_read(grid: Grid) -> None:
    told = part_changes(grid, put_axis(grid, replace(AGES, label="Âges de Jo"), TWO)[0])[0]
    value = str(EditPart.of(told).row()["value"])
    masked = EditPart.masked_value(value, lambda text: text.replace("Jo", "[P1]"))
    assert EditPart.read({"value": masked}).change.after["label"] == "Âges de [P1]"
    for damaged in (None, "", "[]", '{"kind": "axe", "after": {"label": 3}}'):
        edit = EditPart.read({"decision_id": 3, "axis": "x", "value": damaged})
        assert edit.sentence(FrenchNames()) == "change l’ordre des codes d’un axe de la grille"
        assert take_back(grid, edit.change) == (grid, {})

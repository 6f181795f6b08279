"""Changes of the codebook in the journal: read back whole, told in French, masked."""

from dataclasses import replace

import pytest

from pipeline.decisions import read_decision
from pipeline.decisions.codebook import ADDED, CHANGED, REMOVED, RENAMED, EditCode
from pipeline.grid.codes import Code
from support.decisions import FrenchNames

OFFER = Code("offre", "rubrique", "Offre", "Ce qui est offert.", examples=("Un bus.",))
OTHER = replace(OFFER, code="services", label="Services", former=("offre",), parent_id="eco")


EDITS = [
    (
        EditCode.of(CHANGED, OFFER, replace(OFFER, label="Offres"), ["libellé"]),
        "change dans la grille « Offres » : libellé",
    ),
    (
        EditCode.of(RENAMED, OFFER, OTHER, ["libellé"]),
        "renomme dans la grille « offre » en « services »",
    ),
    (EditCode.of(ADDED, None, OFFER), "ajoute à la grille « Offre »"),
    (EditCode.of(REMOVED, OFFER, None), "retire de la grille « Offre »"),
]


@pytest.mark.parametrize(("edit", "sentence"), EDITS)
def test_an_edit_keeps_both_texts_and_reads_in_french(edit: EditCode, sentence: str) -> None:
    again = read_decision({"decision_id": 0, **edit.row()})
    assert isinstance(again, EditCode)
    assert edit.sentence(FrenchNames()) == again.sentence(FrenchNames()) == sentence
    wanted = {ADDED: (None, OFFER), REMOVED: (OFFER, None), RENAMED: (OFFER, OTHER)}
    assert (again.before, again.after) == wanted.get(
        edit.kind, (OFFER, replace(OFFER, label="Offres"))
    )


def test_names_in_a_definition_are_masked_and_what_names_a_code_is_not() -> None:
    said = replace(OFFER, definition="Vu par Offre", code="Offre", examples=("Offre",))
    value = str(EditCode.of(CHANGED, None, said).row()["value"])
    masked = EditCode.read(
        {"value": EditCode.masked_value(value, lambda text: text.replace("Offre", "[P1]"))}
    ).after
    assert masked == replace(said, label="[P1]", definition="Vu par [P1]", examples=("[P1]",))


@pytest.mark.parametrize("value", [None, "", "[]", '{"after": 3}', '{"after": {}}'])
def test_a_damaged_row_is_read_without_its_texts(value: str | None) -> None:
    row = {"decision_id": 3, "action": "edit_code", "axis": "rubrique", "code": "x", "value": value}
    edit = read_decision(row)
    assert isinstance(edit, EditCode)
    assert "dans la grille" in edit.sentence(FrenchNames())

"""A code that is renamed keeps its decisions: in the grid's file, in what is read of them, in exports, and after another run."""

from dataclasses import replace

import pytest

from flows.creating import ChangedSinceError, save_grid, version_of
from flows.run import run_study
from models.registry import load_tagger
from pipeline.compare import gaps
from pipeline.errors import GridError
from pipeline.exchange.codebook import codebook_file
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.grid import save_grid as write_grid
from pipeline.grid.codes import Entry, Grid
from pipeline.grid.editing import (
    entry_of,
    grid_changes,
    is_read_by_name,
    put_code,
    read_sent,
    remove_code,
    with_former_names,
)
from pipeline.grid.yaml_file import write_yaml
from pipeline.rank import criteria
from pipeline.settings.sections import TagSettings
from pipeline.study import Study
from pipeline.tables import TABLES
from support.decisions import confirmation

OURS = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))
OLD, NEW = "enjeux.social", "enjeux.habitants"


def typed(name: str, /, **changes: object) -> Entry:
    """A code of our grid as the form sends it."""
    own = next(each for each in OURS.codes if each.code == name)
    return replace(entry_of(own), **{"colour": "", "former": ()} | changes)


def renamed(grid: Grid = OURS, old: str = OLD, new: str = NEW) -> Grid:
    after, faults = put_code(grid, typed(OLD, code=new), replaces=old)
    assert faults == {}
    return after


def of(grid: Grid, code: str):
    return next(each for each in grid.codes if each.code == code)


def test_a_renamed_code_keeps_its_place_and_its_former_names():
    after = renamed(renamed(), NEW, "enjeux.gens")
    assert of(after, "enjeux.gens").former == (NEW, OLD)
    assert [code.code for code in after.codes].index("enjeux.gens") == [
        code.code for code in OURS.codes
    ].index(OLD)
    assert of(renamed(after, "enjeux.gens", OLD), OLD).former == ("enjeux.gens", NEW)
    assert after.label_of(OLD) == OURS.label_of(OLD)


@pytest.mark.parametrize(
    ("entry", "replaces", "part", "said"),
    [
        (typed(OLD, code="offre"), OLD, "code", "deux fois"),
        (typed(OLD, code="enjeux.la vie"), OLD, "code", "sans espace"),
        (typed(OLD, code="autre.social"), OLD, "family", "sous sa propre rubrique"),
        (typed(OLD, definition=""), OLD, "definition", "une définition par code"),
        (typed(OLD, colour="rouge"), OLD, "colour", "une couleur comme #0072b2"),
        (Entry("", "rubrique", "", "Une définition."), "", "code", "un « id » par code"),
        (Entry("offre", "pilier", "Offre", "Ce qui est offert."), "", "code", "sur deux axes"),
        (typed("offre", code="biens"), "offre", "code", "sous ce nom"),
        (
            typed("innovation.territoire", code="innovation.ancrage"),
            "innovation.territoire",
            "code",
            "sous ce nom",
        ),
    ],
)
def test_a_mistake_is_said_of_its_part(entry, replaces, part, said):
    after, faults = put_code(OURS, entry, replaces=replaces)
    assert after == OURS
    assert said in faults[part]


def test_a_former_name_is_no_other_codes_name():
    text = write_yaml(renamed()).replace("- enjeux.social", "- offre")
    with pytest.raises(GridError, match="comme ancien nom"):
        read_sent("grille.yaml", text.encode())
    _, faults = put_code(renamed(), Entry(OLD, "rubrique", "Encore", "Une définition."))
    assert faults == {
        "former": f"« {OLD} » comme ancien nom de « {NEW} » ; attendu : un nom que « {OLD} » ne porte pas"
    }


def test_a_new_code_takes_its_name_from_its_label_at_the_end_of_its_family():
    after, faults = put_code(
        OURS, Entry("", "rubrique", "Accès aux droits", "Se faire aider.", parent_id="enjeux")
    )
    names = [code.code for code in after.codes]
    assert faults == {}
    assert names[names.index("enjeux.environnemental") + 1] == "enjeux.acces-aux-droits"


def test_a_code_is_removed_unless_it_is_the_last():
    assert OLD not in {code.code for code in remove_code(OURS, OLD)[0].codes}
    alone = replace(OURS, codes=(of(OURS, "offre"),), families=())
    assert "aucun code" in remove_code(alone, "offre")[1][""]


@pytest.mark.parametrize("name", ["grille.yaml", "livre.qdc"])
def test_colours_and_former_names_come_back_from_each_format(name):
    grid, _ = put_code(OURS, typed(OLD, code=NEW, colour="#AA3377"), replaces=OLD)
    content = write_yaml(grid).encode()
    if name.endswith(".qdc"):
        content = codebook_file(grid, TABLES["themes"].empty(), TABLES["theme_families"].empty())
    back = read_sent(name, content)
    assert {code.code: (code.colour, code.former) for code in back.codes} == {
        code.code: (code.colour, code.former) for code in grid.codes
    }
    assert of(back, NEW).colour == "#aa3377"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("grille.exe", b"", "une grille .yaml"),
        ("../../etc/passwd", b"", "une grille .yaml"),
        ("grille.yaml", b"#" * 300_000, "200 Kio au plus"),
        ("grille.yaml", b"rubriques: [", "ligne 1"),
        ("livre.qdc", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "n'est pas un livre de codes"),
    ],
)
def test_what_is_sent_is_refused_in_one_line(name, content, said):
    with pytest.raises(GridError) as refused:
        read_sent(name, content)
    assert said in str(refused.value)


def test_another_grid_says_what_it_would_change():
    theirs, _ = put_code(OURS, Entry("sante", "rubrique", "Santé", "Se soigner."))
    theirs, _ = remove_code(theirs, "offre")
    theirs, _ = put_code(theirs, typed("opportunites", label="Idées"), replaces="opportunites")
    theirs = replace(
        theirs,
        codes=tuple(replace(code, code=NEW) if code.code == OLD else code for code in theirs.codes),
    )
    changes = grid_changes(OURS, with_former_names(theirs, OURS))
    assert [(each.kind, each.code.code, each.before, each.parts) for each in changes] == [
        ("retiré", "offre", "", ()),
        ("renommé", NEW, OLD, ()),
        ("ajouté", "sante", "", ()),
        ("changé", "opportunites", "", ("libellé",)),
    ]
    assert grid_changes(OURS, with_former_names(OURS, OURS)) == []


def test_the_tagger_knows_a_renamed_code():
    tagger = load_tagger(renamed(), settings=TagSettings())
    columns = [code.code for code in tagger.codes]
    assert len(tagger._shared_columns) == len(columns)
    assert tagger.pretrained.codes[tagger._shared_columns[columns.index(NEW)]].code == OLD


def test_codes_that_the_ranking_and_the_gaps_look_for_are_known():
    looked_for = [
        (axis, code)
        for facts in criteria._CODES_OF_FACTS.values()
        for axis, codes in facts.items()
        for code in codes
    ]
    looked_for += [("posture", code) for code in (*gaps._WISHES, gaps._ANSWER)]
    looked_for += [("rubrique", code) for code in (gaps._OFFER, "innovation.territoire")]
    assert [(axis, code) for axis, code in looked_for if not is_read_by_name(axis, code)] == []
    assert not is_read_by_name("rubrique", OLD)


def decided(study: Study) -> list[int]:
    """A code added, another rejected, and a passage confirmed, under the names of then."""
    first, second, third = study.read_table("units")["unit_id"]
    on_code = {"author": "alix", "axis": "rubrique", "code": OLD}
    return study.decisions.append_all(
        [
            {**on_code, "action": "add_tag", "unit_id": first},
            {**on_code, "action": "reject_tag", "unit_id": second},
            {
                "author": "alix",
                "action": "confirm_unit",
                "unit_id": third,
                "value": confirmation([("rubrique", OLD), ("posture", "force")]),
            },
        ]
    )


def person_codes(study: Study) -> list[tuple[str, bool]]:
    tags = study.read_table("tags")
    tags = tags[(tags["source"] == "person") & (tags["axis"] == "rubrique")]
    by_unit = dict(zip(study.read_table("units")["unit_id"], range(3), strict=True))
    rows = tags.assign(order=tags["unit_id"].map(by_unit)).sort_values(["order", "code"])
    return [
        (str(row.code), bool(row.is_assigned))
        for row in rows.itertuples()
        if str(row.code) in (OLD, NEW)
    ]


@pytest.mark.slow
def test_a_renamed_code_keeps_its_decisions_before_and_after_a_run(small_study):
    run_study(small_study.root)
    decided(small_study)
    mark = small_study.decisions.mark()
    assert OLD in set(small_study.read_machine_table("tags")["code"])

    copy = save_grid(small_study, write_yaml(renamed()), version=version_of(small_study.grid_path))
    assert load_grid(copy) == OURS
    study = Study.open(small_study.root)
    codes = set(study.read_machine_table("tags")["code"])  # exports read this
    assert NEW in codes
    assert OLD not in codes
    assert set(study.decisions.read()["code"].dropna()) == {NEW}
    assert NEW in study.decisions.read()["value"].iloc[2]
    assert study.decisions.mark() == mark  # nothing of what was written is touched

    run_study(study.root)
    after = Study.open(small_study.root)
    assert person_codes(after) == [(NEW, True), (NEW, False), (NEW, True)]
    assert set(after.read_table("decision_effects")["state"]) == {"appliquée"}
    assert OLD not in set(after.read_machine_table("tags")["code"])


def test_a_grid_is_not_written_over_somebody_elses(small_study):
    version = version_of(small_study.grid_path)
    write_grid(renamed(), small_study.grid_path)
    with pytest.raises(ChangedSinceError, match="a changé depuis"):
        save_grid(small_study, write_yaml(OURS), version=version)
    assert of(load_grid(small_study.grid_path), NEW)

"""Codes of axes that a grid brings: put by definitions, learnt from a gold file, decided, compared between coders, measured."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.language_model.asking import Codebook, read_answer
from models.language_model.prompt import answer_schema, system_message
from models.refit import read_labels, train_on_study
from models.registry import read_tagger
from models.tagger import GridTagger
from models.tagger.decision import Axes, OwnAxis, Scores, Thresholds, choose_thresholds
from pipeline.agreement import codings_of_people, machine_coding, measure_agreement
from pipeline.decisions import active_decisions, apply_decisions
from pipeline.evaluate import code_figures, exclusive_figures
from pipeline.evaluate.gold import Alignment
from pipeline.grid import load_grid
from pipeline.grid.codes import Grid
from pipeline.settings.sections import TagSettings
from pipeline.tables.material import TAGS, UNITS
from pipeline.tables.results import THEME_FAMILIES, THEME_MEMBERS, THEMES
from pipeline.tag import order_review
from support.exchanged import on_tag, taken
from support.invented import tag
from support.own_axes import yaml_grid

EXAMPLES = [
    ("la mairie devrait ouvrir le gymnase le soir pour les lycéens", "commune", {"jeunes"}),
    ("l'intercommunalité doit payer le bus des collégiens", "interco", {"jeunes"}),
    ("le conseil régional finance les trains", "region", set()),
    ("les retraités du village restent seuls chez eux", "commune", {"aines"}),
    ("l'interco pourrait aider les parents et leurs enfants", "interco", {"familles"}),
    ("la région doit aider les personnes âgées à se loger", "region", {"aines"}),
]
SCALES = ("commune", "interco", "region")


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    return load_grid(yaml_grid(tmp_path_factory.mktemp("grille")))


def units(*texts: str) -> pd.DataFrame:
    return pd.DataFrame({"text": list(texts)})


# --- put ---------------------------------------------------------------------------------------------------------------


def test_definitions_put_one_code_of_an_exclusive_axis_and_any_number_of_another(grid: Grid):
    tagger = GridTagger(grid)
    found = tagger.predict(units(*(text for text, _, _ in EXAMPLES), "rien de tout cela"))
    assert found[:-1] == [{scale, *publics} for _, scale, publics in EXAMPLES]
    assert len(found[-1] & set(SCALES)) == 1
    np.testing.assert_allclose(
        tagger.predict_proba(units("bonjour"))[:, :3].sum(axis=1), 1, atol=1e-6
    )


def gold(folder: Path, *, n_copies: int = 4) -> Path:
    """The examples, said in several communes, a sentence of each kind in every one."""
    rows = ["text;workshop;echelle;public"]
    rows += [
        f"{text}, à {n};atelier {n};{scale};{', '.join(sorted(put))}"
        for n in range(n_copies)
        for text, scale, put in EXAMPLES
    ]
    path = folder / "lues.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def empty_study() -> dict[str, pd.DataFrame]:
    return {"units": UNITS.empty(), "tags": TAGS.empty()}


@pytest.mark.slow
def test_codes_are_learnt_from_a_gold_file_whose_columns_are_the_axes(grid: Grid, tmp_path: Path):
    untold = Grid(
        grid.grid_id,
        grid.version,
        tuple(
            type(code)(code.code, code.axis, code.code.upper(), "Voir le guide.")
            for code in grid.codes
        ),
        (),
        (),
        grid.own_axes,
    )  # a grid whose definitions tell nothing: what is found was learnt
    settings = TagSettings(model="definitions")  # nothing lent
    figures = train_on_study(
        empty_study(), untold, gold=gold(tmp_path), out=tmp_path / "models", settings=settings
    )
    assert figures["is_registered"], figures
    assert figures["after"]["echelle_accuracy"] > 0.9 > figures["before"]["echelle_accuracy"]
    assert figures["after"]["public_micro_f1"] > 0.9
    tagger = read_tagger(tmp_path / "models" / figures["file"])
    found = tagger.predict(units(*(f"{text}, à côté" for text, _, _ in EXAMPLES)))
    assert [codes & set(SCALES) for codes in found] == [{scale} for _, scale, _ in EXAMPLES]
    assert tagger.version_ == figures["version"]
    assert [(axis.axis, axis.is_exclusive) for axis in tagger.grid.axes] == [
        ("echelle", True),
        ("public", False),
    ]
    spans = tagger.explain(units("les retraités"), np.ones((1, 6), dtype=bool))[0]
    assert set(spans) == set(range(6))


def test_a_gold_file_is_read_by_axis_and_its_faults_told(grid: Grid, tmp_path: Path):
    path = tmp_path / "lues.jsonl"
    rows = [
        {"text": "a", "echelle": "commune", "public": ["jeunes", "aines"]},
        {"text": "b", "echelle": ["commune", "region"], "public": []},
        {"text": "c", "public": ["chats"]},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    labelled = read_labels(path, grid)
    assert labelled.labels == [{"commune", "jeunes", "aines"}, set(), set()]
    assert labelled.judged.tolist() == [[True] * 6, [True] * 6, [False] * 3 + [True] * 3]
    assert [note.removeprefix("lues.jsonl : ") for note in labelled.notes] == [
        "« echelle » manque à 1 passages : rien n'en est appris sur cet axe",
        "« echelle » : plusieurs codes, quand il en faut un seul, sur 1 passage : laissés de côté",
        "codes que la grille ne connaît pas, laissés de côté : « chats » (1)",
    ]


@pytest.mark.parametrize(
    ("probabilities", "no_code", "expected"),
    [
        ([0.4, 0.3, 0.3, 0.6, 0.6], 0.9, [True, False, False, True, True]),
        (
            [0.2, 0.5, 0.3, 0.3, 0.1],
            0.1,
            [False, True, False, True, False],
        ),  # nothing of the second passes, but some code must fit
        (
            [0.2, 0.3, 0.5, 0.3, 0.1],
            0.9,
            [False, False, True, False, False],
        ),  # nothing passes, and likely nothing fits
    ],
)
def test_each_own_axis_is_decided_by_itself(
    probabilities: list[float], no_code: float, expected: list[bool]
):
    none = slice(0, 0)
    axes = Axes(
        none,
        none,
        none,
        (OwnAxis("echelle", slice(0, 3), True), OwnAxis("public", slice(3, 5), False)),
    )
    assert list(axes.gated) == ["rubrique", "public"]
    thresholds = Thresholds(np.full(5, 0.5), np.array([0.4, 0.4]))
    scores = Scores(np.array([probabilities]), np.array([[1.0, no_code]]))
    assert thresholds.decide(scores, axes)[0].tolist() == expected


def test_what_nobody_judged_of_an_axis_moves_none_of_its_thresholds(grid: Grid):
    axes, lots = Axes.of(grid), np.random.default_rng(0)
    probabilities, targets = lots.random((80, 6)), np.zeros((80, 6))
    targets[:, 3:] = probabilities[:, 3:] > 0.6
    scores, judged = Scores(probabilities, lots.random((80, 2))), np.ones((80, 6), dtype=bool)
    alone = choose_thresholds(scores.where_judged(judged, axes), targets, axes)
    unjudged = Scores(lots.random((200, 6)), np.zeros((200, 2)))
    both = Scores(
        np.vstack([probabilities, unjudged.probabilities]),
        np.vstack([scores.no_code, unjudged.no_code]),
    )
    known = np.vstack([judged, np.zeros((200, 6), dtype=bool)])
    beside = choose_thresholds(
        both.where_judged(known, axes), np.vstack([targets, np.zeros((200, 6))]), axes
    )
    assert beside.codes.tolist() == alone.codes.tolist()
    assert beside.no_code.tolist() == alone.no_code.tolist()


# --- decided -----------------------------------------------------------------------------------------------------------

CODED = TAGS.build(
    [
        tag("u1", "echelle", "commune", score=0.7),
        tag("u1", "echelle", "region", score=0.2, is_assigned=False),
        tag("u1", "public", "jeunes"),
        tag("u2", "echelle", "interco"),
    ]
)
LISTED = UNITS.build(
    {
        "unit_id": name,
        "document_id": "d",
        "workshop_id": "w",
        "unit_order": n,
        "start_char": 0,
        "end_char": 1,
        "text": "x",
        "channel": "notes",
    }
    for n, name in enumerate(("u1", "u2"))
)


def reviewed(
    grid: Grid, *decisions: dict[str, object]
) -> tuple[set[tuple[str, str, str]], list[tuple[str, str | None]]]:
    """What is assigned once `decisions` are replayed, and what became of each."""
    grouped = {
        "themes": THEMES.empty(),
        "theme_families": THEME_FAMILIES.empty(),
        "theme_members": THEME_MEMBERS.empty(),
    }
    machine = {"units": LISTED, "tags": CODED, **grouped}
    found = apply_decisions(machine, taken(*decisions), axes=grid.axes)
    last = found["tags"].drop_duplicates(["unit_id", "axis", "code"], keep="last")
    put = last.loc[last["is_assigned"], ["unit_id", "axis", "code"]].itertuples(
        index=False, name=None
    )
    effects = found["decision_effects"]
    return set(put), list(
        zip(
            effects["state"],
            effects["reason"].astype(object).where(effects["reason"].notna(), None),
            strict=True,
        )
    )


@pytest.mark.parametrize(
    ("decision", "echelle"),
    [
        (on_tag("add", "u1", "echelle", "interco"), "interco"),
        (on_tag("accept", "u1", "echelle", "region"), "region"),
        (on_tag("reject", "u1", "echelle", "commune"), "region"),
        (on_tag("add", "u1", "public", "aines"), "commune"),
    ],
)
def test_a_unit_keeps_one_code_of_an_exclusive_axis_whatever_is_decided(
    grid: Grid, decision: dict[str, object], echelle: str
):
    put, effects = reviewed(grid, decision)
    assert {code for unit_id, axis, code in put if (unit_id, axis) == ("u1", "echelle")} == {
        echelle
    }
    assert ("u2", "echelle", "interco") in put
    assert ("u1", "public", "jeunes") in put
    assert effects == [("appliquée", None)]


def test_the_only_code_proposed_of_an_exclusive_axis_stays_and_a_decision_on_an_axis_that_is_gone_is_void(
    grid: Grid,
):
    put, effects = reviewed(
        grid, on_tag("reject", "u2", "echelle", "interco"), on_tag("add", "u2", "posture", "force")
    )
    assert {entry for entry in put if entry[0] == "u2"} == {("u2", "echelle", "interco")}
    assert effects == [
        ("sans objet", "Aucun autre code de cet axe n'a été proposé pour ce passage."),
        ("sans objet", "La grille n'a plus l'axe « posture »."),
    ]


def test_coders_are_compared_on_every_axis(grid: Grid):
    decisions = taken(
        on_tag("add", "u1", "echelle", "interco"), on_tag("accept", "u1", "public", "jeunes")
    )
    people = codings_of_people(CODED, active_decisions(decisions), exclusive=grid.exclusive)
    assert people[0].codes == {"u1": frozenset({("echelle", "interco"), ("public", "jeunes")})}
    found = measure_agreement([machine_coding(CODED, ["u1", "u2"]), *people], grid).set_index(
        ["axis", "code"]
    )
    assert found.loc[("echelle", "tous"), "f1"] == 0
    assert found.loc[("public", "tous"), "f1"] == 1


def test_the_queue_doubts_the_axes_that_a_passage_may_do_without(grid: Grid):
    tags = TAGS.build(
        [tag("u1", "echelle", "commune", score=0.5), tag("u2", "public", "jeunes", score=0.5)]
    )
    assert grid.telling == ("public",)
    queue = order_review(LISTED, tags, axes=grid.telling).set_index("unit_id")
    assert queue["n_expected_errors"].to_dict() == {"u1": 0.0, "u2": 0.5}


# --- the second coder --------------------------------------------------------------------------------------------------


def test_the_second_coder_is_told_every_axis_and_answers_one_code_of_an_exclusive_one(grid: Grid):
    said = system_message(grid, ())
    assert (
        "## Échelle (À quel niveau le passage demande d'agir.) : exactement un par passage, sous « echelle »"
        in said
    )
    assert "## Codes : Publics" in said
    fields = answer_schema(grid)["properties"]["passages"]["items"]
    assert fields["required"] == ["numero", "echelle", "codes"]
    one = {"code": "commune", "citation": "mairie"}
    passages = [
        {"numero": 1, "echelle": one, "codes": [{"code": "jeunes", "citation": "lycéens"}]},
        {"numero": 2, "codes": []},
        {"numero": 3, "echelle": [one, {"code": "region", "citation": "mairie"}], "codes": []},
    ]
    answers, dropped = read_answer(
        json.dumps({"passages": passages}), ["la mairie et les lycéens"] * 3, Codebook.of(grid)
    )
    assert {place: set(answer) for place, answer in answers.items()} == {0: {"commune", "jeunes"}}
    assert dropped == {"broken_units": 2}


# --- measured ----------------------------------------------------------------------------------------------------------


def test_an_evaluation_measures_the_axes_of_the_grid(grid: Grid):
    passages = [
        {
            "unit_id": "p1",
            "echelle": "commune",
            "public": ["jeunes"],
            "rubriques": [],
            "piliers": [],
        },
        {"unit_id": "p2", "echelle": "region", "public": [], "rubriques": [], "piliers": []},
    ]
    aligned = Alignment({"p1": ["u1"], "p2": ["u2"]}, {"p1": "u1", "p2": "u2"})
    assert code_figures(passages, CODED, aligned, grid.axes)["public"]["micro_f1"] == 1
    assert exclusive_figures(passages, CODED, aligned, grid.axes)["echelle"]["accuracy"] == 0.5

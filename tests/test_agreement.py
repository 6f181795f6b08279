import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from pipeline.agreement import (
    CoderCodes,
    codings_of_people,
    machine_coding,
    measure_agreement,
    unnamed,
)
from pipeline.decisions import active_decisions, read_decisions
from pipeline.files import data_path
from pipeline.grid import load_grid
from pipeline.tables.material import DECISIONS, TAGS
from support.decisions import confirmation

GRID = load_grid(data_path("grid", "grille-ateliers-territoires.yaml"))


def krippendorff_alpha(values: list[list[str | None]]) -> float | None:
    """Return nominal alpha of `values`, one sequence a coder; None where nothing varies.

    A value is None where the coder did not code. Krippendorff (2011), "Computing Krippendorff's
    Alpha-Reliability", by coincidences.
    """
    names = sorted({value for row in values for value in row if value is not None})
    number = {name: i for i, name in enumerate(names)}
    coincidences = np.zeros((len(names), len(names)))
    for unit in zip(*values, strict=True):
        numbers = [number[value] for value in unit if value is not None]
        counts = np.bincount(numbers, minlength=len(names)).astype(float)
        if counts.sum() > 1:
            coincidences += (np.outer(counts, counts) - np.diag(counts)) / (counts.sum() - 1)
    totals, n_values = coincidences.sum(axis=1), coincidences.sum()
    expected = n_values**2 - (totals**2).sum()
    if n_values <= 1 or expected <= 0:
        return None
    return float(1 - (n_values - 1) * (n_values - np.trace(coincidences)) / expected)


def coding(coder: str, *sets: str, axis: str = "rubrique") -> CoderCodes:
    codes = {f"u{n}": frozenset((axis, code) for code in put.split()) for n, put in enumerate(sets)}
    return CoderCodes(coder, codes)


def row(codings: list[CoderCodes], axis: str, code: str) -> pd.Series:
    found = measure_agreement(codings, GRID)
    return found[(found["axis"] == axis) & (found["code"] == code)].iloc[0]


def test_alpha_of_krippendorffs_own_example():
    observers = [
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ]
    values = [
        [None if value == "." else value for value in observer.split()] for observer in observers
    ]
    assert krippendorff_alpha(values) == pytest.approx(0.743, abs=0.0005)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([["a", "b"], ["a", "b"]], 1.0),
        ([["a", "a"], ["a", "a"]], None),  # nothing varies: nothing to tell
        ([["a", None], [None, "b"]], None),  # nothing coded twice
        ([["a", "b", "a", "b"], ["b", "a", "b", "a"]], -0.75),
    ],
)
def test_alpha_at_its_borders(values, expected):
    assert krippendorff_alpha(values) == (None if expected is None else pytest.approx(expected))


def test_figures_of_one_code_are_those_of_the_textbooks():
    draw = np.random.default_rng(1)
    first, second = draw.integers(0, 2, 60), draw.integers(0, 2, 60)
    found = row(
        [
            coding(name, *("offre" if put else "" for put in column))
            for name, column in (("a", first), ("b", second))
        ],
        "rubrique",
        "offre",
    )
    both = int((first & second).sum())
    assert (found["n_both"], found["f1"]) == (
        both,
        round(2 * both / (first.sum() + second.sum()), 3),
    )
    assert found["kappa"] == pytest.approx(cohen_kappa_score(first, second), abs=0.0005)
    assert found["alpha"] == pytest.approx(
        krippendorff_alpha([list(map(str, first)), list(map(str, second))]), abs=0.0005
    )
    assert found["alpha_low"] < found["alpha"] < found["alpha_high"]


def test_the_posture_axis_is_nominal():
    draw = np.random.default_rng(2)
    names = ["force", "difficulte", "demande"]
    first, second = [[names[at] for at in draw.integers(0, 3, 50)] for _ in range(2)]
    codings = [
        CoderCodes(
            name,
            {
                f"u{n}": frozenset({("posture", put), ("rubrique", "offre")})
                for n, put in enumerate(column)
            },
        )
        for name, column in (("a", first), ("b", second))
    ]
    found = row(codings, "posture", "tous")
    assert found["kappa"] == pytest.approx(cohen_kappa_score(first, second), abs=0.0005)
    assert found["alpha"] == pytest.approx(krippendorff_alpha([first, second]), abs=0.0005)


def test_a_set_that_holds_the_other_is_nearer_than_one_that_overlaps():
    base = ("offre", "opportunites", "accompagnement", "")
    near = coding("b", "offre opportunites", *base[1:])
    far = coding("b", "opportunites", *base[1:])
    alphas = [
        row([coding("a", *base), other], "rubrique", "tous")["alpha"]
        for other in (coding("b", *base), near, far)
    ]
    assert alphas[0] == 1.0 > alphas[1] > alphas[2]


def test_postures_of_noise_are_not_compared_and_codes_nobody_uses_have_no_row():
    codings = [
        CoderCodes(
            name,
            {
                "u0": frozenset({("posture", "constat")}),
                "u1": frozenset({("rubrique", "offre"), ("posture", "force")}),
            },
        )
        for name in "ab"
    ]
    found = measure_agreement(codings, GRID)
    assert list(found.loc[found["axis"] == "posture", "n_units"].unique()) == [1]
    assert set(found["code"]) == {"tous", "offre", "force"}


def test_coders_without_a_common_unit_have_no_row():
    assert measure_agreement(
        [CoderCodes("a", {"u1": frozenset()}), CoderCodes("b", {"u2": frozenset()})], GRID
    ).empty


def test_what_people_decided_is_their_coding():
    put = [
        ("u1", "rubrique", "offre"),
        ("u1", "posture", "force"),
        ("u2", "rubrique", "opportunites"),
        ("u3", "rubrique", "offre"),
    ]
    tags = TAGS.build(
        {
            "unit_id": unit,
            "axis": axis,
            "code": code,
            "score": 0.9,
            "is_assigned": True,
            "evidence": json.dumps([]),
            "source": "machine",
            "model_version": "m",
        }
        for unit, axis, code in put
    )
    decided = [
        ("Ana", "reject_tag", "u1", "rubrique", "offre"),
        ("Ana", "add_tag", "u1", "posture", "difficulte"),
        ("Ana", "accept_tag", "u2", "rubrique", "opportunites"),
        ("Bob", "add_tag", "u2", "rubrique", "accompagnement"),
        ("Bob", "accept_tag", "u2", "rubrique", "opportunites"),
        ("Bob", "reject_tag", "u3", "rubrique", "offre"),  # and left: u3 is not coded
    ]
    columns = ("author", "action", "unit_id", "axis", "code")
    decisions = DECISIONS.build(
        dict(zip(columns, row, strict=True))
        | {"decision_id": n, "decided_at": "2026-04-02T09:00:00+00:00"}
        for n, row in enumerate(decided, start=1)
    )
    ana, bob = codings_of_people(tags, active_decisions(decisions))
    assert ana.codes == {
        "u1": frozenset({("posture", "difficulte")}),
        "u2": frozenset({("rubrique", "opportunites")}),
    }
    assert [coding.coder for coding in unnamed([bob, ana], read_decisions(decisions))] == [
        "relecteur 1",
        "relecteur 2",
    ]
    assert [coding.codes for coding in unnamed([bob, ana], read_decisions(decisions))] == [
        ana.codes,
        bob.codes,
    ]
    assert bob.codes == {
        "u2": frozenset({("rubrique", "opportunites"), ("rubrique", "accompagnement")})
    }
    said = {"decided_at": "2026-04-02T10:00:00+00:00", "author": "Ana"}
    confirmed = [("u1", [("rubrique", "accompagnement")]), ("u3", []), ("u5", [])]
    more = [
        said | {"action": "confirm_unit", "unit_id": unit, "value": confirmation(codes)}
        for unit, codes in confirmed
    ]
    more += [
        said | {"action": "undo", "value": "3"},
        said | {"action": "confirm_unit", "unit_id": "u4", "value": "tous"},
    ]
    every = [
        *decisions.to_dict("records"),
        *({"decision_id": n} | row for n, row in enumerate(more, start=7)),
    ]
    ana, _ = codings_of_people(tags, active_decisions(DECISIONS.build(every)))
    assert ana.codes == {
        "u1": frozenset({("rubrique", "accompagnement")}),
        "u3": frozenset(),
        "u5": frozenset(),
    }
    assert machine_coding(tags, ["u3", "u4"]).codes == {
        "u3": frozenset({("rubrique", "offre")}),
        "u4": frozenset(),
    }

"""What a stage cannot treat is set aside, by file or document, and the rest is published."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from flows import process_study, stages
from flows.run import run_study
from flows.setting_aside import blame
from pipeline.errors import StudyError
from pipeline.study import Study
from support.studies import RETZ

ODD = "machicoulis"  # what no stage of these tests can treat


@pytest.mark.parametrize("bad", [(), (0,), (6,), (2, 3), (0, 1, 5)])
def test_the_fewest_things_are_blamed(bad: Sequence[int]):
    assert blame(range(7), lambda some: any(one in bad for one in some)) == list(bad)


def test_nothing_is_blamed_for_what_only_the_whole_does():
    assert blame([1, 2, 3], lambda some: len(some) == 3) == []


def _with_odd_file(study: Study) -> Study:
    text = f"Q1\n- le {ODD} gêne la salle des fêtes\n- on attend le car sous la pluie\n"
    (study.depot / RETZ / "Table 3.txt").write_text(text, encoding="utf-8")
    return study


def _stumbling(step: Callable[..., Any], texts: Callable[..., Any]) -> Callable[..., Any]:
    """The same step, which fails on the odd word as code fails that did not foresee it."""

    def stumble(*args: Any, **more: Any) -> Any:
        if texts(*args).str.contains(ODD).any():
            raise ValueError(f"[E088] Text of length 1000012 exceeds maximum: {ODD}")
        return step(*args, **more)

    return stumble


def _paths(study: Study) -> set[str]:
    return set(study.read_table("documents")["path"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "texts", "doing"),
    [
        ("pseudonymise", lambda raw: raw["documents"]["text"], "la lecture"),
        ("segment_documents", lambda documents, _blocks: documents["text"], "la lecture"),
        ("order_units", None, "l'étape « order »"),
        ("cluster_units", lambda units, _tags: units["text"], "l'étape « regroupement en thèmes »"),
        ("rank_themes", lambda units, *_: units["text"], "l'étape « classement des priorités »"),
    ],
)
def test_the_document_that_a_stage_fails_on_is_set_aside_and_the_rest_goes_on(
    step: str, texts: Callable[..., Any] | None, doing: str, small_study, monkeypatch
):
    study = _with_odd_file(small_study)
    if texts is None:
        step, texts = "order_review", lambda units, *_: units["text"]
        from flows import language_model

        monkeypatch.setattr(language_model, step, _stumbling(language_model.order_review, texts))
    else:
        monkeypatch.setattr(stages, step, _stumbling(getattr(stages, step), texts))
    outcome = run_study(study.root)
    (reject,) = study.read_table("rejects").itertuples()
    assert reject.path == f"{RETZ}/Table 3.txt"
    assert reject.reason == f"mis de côté : {doing} ne s'est pas faite (ValueError)"
    assert _paths(study) == {f"{RETZ}/Table 1.txt", f"{RETZ}/Table 2.txt"}
    units = study.read_table("units")
    assert len(units) == 3 and not units["text"].str.contains(ODD).any()
    assert set(study.read_table("tags")["unit_id"]) == set(units["unit_id"])
    assert set(study.read_table("receipts")["path"]) == _paths(study)
    assert study.root.joinpath(outcome.manifest["publication"]).is_dir()
    assert not run_study(study.root).is_new


@pytest.mark.slow
def test_the_same_rest_is_treated_as_if_the_file_had_never_come(small_study, monkeypatch, tmp_path):
    run_study(small_study.root)
    without = small_study.read_table("units")
    study = _with_odd_file(small_study)
    step = _stumbling(stages.rank_themes, lambda units, *_: units["text"])
    monkeypatch.setattr(stages, "rank_themes", step)
    run_study(study.root)
    assert study.read_table("units").equals(without)


@pytest.mark.slow
def test_a_file_that_takes_too_long_is_named_and_the_rest_of_its_workshop_goes_on(
    small_study, monkeypatch
):
    study = _with_odd_file(small_study)
    mask = stages.pseudonymise

    def held_up(raw: Any, **more: Any) -> Any:
        while raw["documents"]["text"].str.contains(ODD).any():
            pass
        return mask(raw, **more)

    monkeypatch.setattr(stages, "pseudonymise", held_up)
    monkeypatch.setattr(process_study, "seconds_for", lambda _n_bytes: 3.0)
    run_study(study.root)
    (reject,) = study.read_table("rejects").itertuples()
    assert reject.path == f"{RETZ}/Table 3.txt"
    assert "arrêté après 3 s de calcul" in reject.reason
    assert _paths(study) == {f"{RETZ}/Table 1.txt", f"{RETZ}/Table 2.txt"}


@pytest.mark.slow
def test_a_stage_that_fails_on_everything_is_told_in_one_line_that_quotes_nobody(
    small_study, monkeypatch
):
    step = _stumbling(stages.rank_themes, lambda units, *_: units["text"] + ODD)
    monkeypatch.setattr(stages, "rank_themes", step)
    with pytest.raises(StudyError) as caught:
        run_study(small_study.root)
    line = str(caught.value)
    assert line.startswith("l'étape « classement des priorités » ne s'est pas faite (ValueError)")
    assert "\n" not in line and ODD not in line

"""Encoding beside reading: what is ready when it is tagged, what is left alone, and that no table is another for it."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import flows.ahead
from flows.ahead import Ahead, encoding_ahead
from flows.cache import StageRecord
from flows.run import run_study
from flows.runners import make_runner
from flows.workspace import Workspace, open_workspace
from pipeline.cli import copy_demo
from pipeline.settings.sections import ExecutionSettings
from pipeline.study import Study
from support.studies import RETZ, read_and_cut, table_bytes

ROOT = Path(__file__).parent.parent
SAID = "les navettes du marché ne passent plus par Villeneuve-en-Retz le jeudi"


@pytest.fixture
def workspace(small_study: Study) -> Iterator[Workspace]:
    """That of the small study, with a passage that no other test encodes."""
    (small_study.depot / RETZ / "Table 5.txt").write_text(f"Q1\n- {SAID}\n", encoding="utf-8")
    with open_workspace(small_study) as opened:
        yield opened


@pytest.fixture
def cut(workspace: Workspace) -> StageRecord:
    """Its workshop, cut."""
    return read_and_cut(workspace)[-1]


def test_passages_are_encoded_before_they_are_tagged(workspace: Workspace, cut: StageRecord):
    texts = list(workspace.stages.load(cut)["units"]["text"])
    known_vectors = workspace.encoders.load().known_vectors
    assert SAID in texts and not known_vectors(texts)[0]
    with encoding_ahead(workspace, fewest=1) as ahead:
        assert ahead is not None
        ahead.take(cut)
        wait(ahead)
    assert len(known_vectors(texts)[0]) == len(texts)


@pytest.mark.slow
def test_what_is_tagged_already_is_left_alone(workspace: Workspace, cut: StageRecord):
    run_study(workspace.study.root)
    with encoding_ahead(workspace, fewest=1) as ahead:
        assert ahead is not None
        ahead.take(cut)
        assert not ahead._waiting
        assert not ahead._at_work


def test_few_passages_wait_for_others(workspace: Workspace, cut: StageRecord):
    with encoding_ahead(workspace, fewest=2 * cut.n_rows["units"]) as ahead:
        assert ahead is not None
        ahead.take(cut)
        assert not ahead._at_work
        ahead.take(cut)
        assert len(ahead._at_work) == 1


@pytest.mark.slow
def test_a_failure_is_told_by_its_kind_alone_and_the_run_goes_on(
    workspace: Workspace,
    cut: StageRecord,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    def fail(*_: object, **__: object) -> None:
        raise MemoryError(SAID)

    monkeypatch.setattr(flows.ahead, "texts_of", fail)
    with caplog.at_level(logging.WARNING):
        assert run_study(workspace.study.root).is_new
    assert len(workspace.study.read_table("tags")) > 0
    with caplog.at_level(logging.WARNING), encoding_ahead(workspace) as ahead:
        assert ahead is not None
        ahead._at_work.append(ahead._pool.submit(fail))
        wait(ahead)
    assert "encoding ahead failed 1 times: MemoryError" in caplog.text
    assert SAID not in caplog.text


def test_threads_take_turns_more_often_as_long_as_one_encodes_beside(workspace: Workspace):
    usual = sys.getswitchinterval()
    with pytest.raises(KeyError), encoding_ahead(workspace):
        assert sys.getswitchinterval() < usual
        raise KeyError
    assert sys.getswitchinterval() == usual


def test_workers_of_another_memory_encode_by_themselves(workspace: Workspace):
    executor = make_runner(ExecutionSettings(runner="processes"))
    with encoding_ahead(replace(workspace, executor=executor)) as ahead:
        assert ahead is None


@pytest.mark.slow
@pytest.mark.exhaustive  # a whole run: CI tries the parts, above
def test_the_example_has_the_same_bytes_when_its_passages_are_encoded_ahead(
    demo_study: Study, tmp_path: Path
):
    other = copy_demo(tmp_path / "ailleurs")
    script = f"import flows.ahead, flows.run; flows.ahead.encoding_ahead.__wrapped__.__kwdefaults__.update(fewest=1); flows.run.run_study(__import__('pathlib').Path({str(other.root)!r}))"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True)
    assert table_bytes(other) == table_bytes(demo_study)


def wait(ahead: Ahead) -> None:
    """Wait for what is at work, whatever comes of it."""
    for future in ahead._at_work:
        future.exception(timeout=120)

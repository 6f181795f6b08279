"""Encoding beside reading: what is ready when it is tagged, what is left alone, and that no table is another for it."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from test_flows import table_bytes

import flows.ahead
import flows.runners
from flows.ahead import Ahead, encoding_ahead
from flows.cache import StageCache, StageRecord
from flows.process_workshop import process_workshop
from flows.run import run_study
from flows.runners import make_runner
from models.embedder import known_vectors
from models.tagger.features import available_encoders
from pipeline.cli import copy_demo
from pipeline.ingest import identify_workshops
from pipeline.settings.sections import EmbedSettings, ExecutionSettings
from pipeline.study import Study
from support.studies import RETZ

ROOT = Path(__file__).parent.parent
SAID = "les navettes du marché ne passent plus par Villeneuve-en-Retz le jeudi"


@pytest.fixture
def cut(small_study: Study, monkeypatch: pytest.MonkeyPatch) -> StageRecord:
    """A workshop of the small study with a passage that no other test encodes, cut; so few passages are worth beginning with."""
    monkeypatch.setattr(flows.ahead, "_FEWEST", 1)
    (small_study.depot / RETZ / "Table 5.txt").write_text(f"Q1\n- {SAID}\n", encoding="utf-8")
    ids = identify_workshops(small_study.workshop_folders(), depot=small_study.depot)
    return process_workshop(small_study.root, RETZ, ids[RETZ])[-1]


def test_passages_are_encoded_before_they_are_tagged(small_study: Study, cut: StageRecord):
    texts = list(StageCache(small_study.cache).load(cut)["units"]["text"])
    asked = [EmbedSettings.model_validate({"backend": name}) for name in available_encoders()] + [
        small_study.settings.embed
    ]
    assert all(SAID in texts and not known_vectors(settings, [SAID]).keys for settings in asked)
    with encoding_ahead(small_study.root) as ahead:
        assert ahead is not None
        ahead.take(cut)
        wait(ahead)
    assert [len(known_vectors(settings, texts).keys) for settings in asked] == [len(texts)] * len(
        asked
    )


@pytest.mark.slow
def test_what_is_tagged_already_is_left_alone(small_study: Study, cut: StageRecord):
    run_study(small_study.root)
    with encoding_ahead(small_study.root) as ahead:
        assert ahead is not None
        ahead.take(cut)
        assert not ahead._waiting
        assert not ahead._at_work


def test_few_passages_wait_for_others(
    small_study: Study, cut: StageRecord, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(flows.ahead, "_FEWEST", 2 * cut.n_rows["units"])
    with encoding_ahead(small_study.root) as ahead:
        assert ahead is not None
        ahead.take(cut)
        assert not ahead._at_work
        ahead.take(cut)
        assert len(ahead._at_work) == 1


@pytest.mark.slow
def test_a_failure_is_told_by_its_kind_alone_and_the_run_goes_on(
    small_study: Study,
    cut: StageRecord,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    def fail(*_: object, **__: object) -> None:
        raise MemoryError(SAID)

    monkeypatch.setattr(flows.ahead, "load_tagger", fail)
    with caplog.at_level(logging.WARNING):
        assert run_study(small_study.root).is_new
    assert len(small_study.read_table("tags")) > 0
    with caplog.at_level(logging.WARNING), encoding_ahead(small_study.root) as ahead:
        assert ahead is not None
        ahead._at_work.append(ahead._pool.submit(fail))
        wait(ahead)
    assert "encoding ahead failed 1 times: MemoryError" in caplog.text
    assert SAID not in caplog.text


def test_threads_take_turns_more_often_as_long_as_one_encodes_beside(small_study: Study):
    usual = sys.getswitchinterval()
    with pytest.raises(KeyError), encoding_ahead(small_study.root):
        assert sys.getswitchinterval() < usual
        raise KeyError
    assert sys.getswitchinterval() == usual


def test_workers_of_another_memory_encode_by_themselves(
    small_study: Study, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        flows.runners, "_RUNNING", [make_runner(ExecutionSettings(runner="processes"))]
    )
    with encoding_ahead(small_study.root) as ahead:
        assert ahead is None


@pytest.mark.slow
def test_the_example_has_the_same_bytes_when_its_passages_are_encoded_ahead(
    demo_study: Study, tmp_path: Path
):
    other = copy_demo(tmp_path / "ailleurs")
    script = f"import flows.ahead, flows.run; flows.ahead._FEWEST = 1; flows.run.run_study(__import__('pathlib').Path({str(other.root)!r}))"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True)
    assert table_bytes(other) == table_bytes(demo_study)


def wait(ahead: Ahead) -> None:
    """Wait for what is at work, whatever comes of it."""
    for future in ahead._at_work:
        future.exception(timeout=120)

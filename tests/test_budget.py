"""What takes far more processor time than its files can need is set aside."""

import re
import shutil
import threading

import pytest

from flows import process_study
from flows.budget import OverBudgetError, processor_budget, seconds_for
from flows.execution import StageCall, StageOutcome
from flows.run import run_study
from support.studies import RETZ

HELD_UP = re.compile(r"(?:a|a)*$")


def _hold_up() -> None:
    HELD_UP.match("a" * 60 + "b")


def test_a_block_stops_once_it_has_used_its_time():
    with (
        pytest.raises(OverBudgetError, match=r"arrêté après 0 s de calcul"),
        processor_budget(0.05),
    ):
        _hold_up()
    with processor_budget(60.0):
        pass


def test_what_follows_a_block_is_not_stopped():
    with processor_budget(0.05):
        pass
    sum(range(5_000_000))


def test_only_the_main_thread_is_limited():
    used: list[int] = []

    def work() -> None:
        with processor_budget(0.001):
            used.append(sum(range(500_000)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert used


def test_larger_files_are_given_more_time():
    assert 60.0 == seconds_for(0) < seconds_for(1_000) < seconds_for(100_000) < 900.0


@pytest.mark.slow
def test_a_workshop_that_holds_up_is_set_aside_and_the_others_go_on(small_study, monkeypatch):
    shutil.copytree(small_study.depot / RETZ, small_study.depot / "Bray 2026-05-19")
    (small_study.depot / "Bray 2026-05-19" / "long.txt").write_text("x" * 1_000, encoding="utf-8")
    monkeypatch.setattr(
        process_study, "seconds_for", lambda n_bytes: 1.0 if n_bytes > 1_000 else 120.0
    )

    def execute(call: StageCall) -> StageOutcome:
        if call.workshop_id == "bray-2026-05-19":
            _hold_up()
        return call.work()

    run_study(small_study.root, execute=execute)
    (reject,) = small_study.read_table("rejects").itertuples()
    assert reject.path == "Bray 2026-05-19" and "arrêté après 1 s de calcul" in reject.reason
    assert set(small_study.read_table("documents")["path"]) == {
        f"{RETZ}/Table 1.txt",
        f"{RETZ}/Table 2.txt",
    }

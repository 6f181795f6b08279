"""The journal in memory says the same as the store's own reading of who undid what and who judged what."""

import numpy as np
import pytest
from draws import seeds

from pipeline.decision_store import DecisionStore
from pipeline.review.journal import TAG_ACTIONS, Journal
from pipeline.standing import judged_units, standing


@pytest.mark.parametrize("seed", seeds(12))
def test_the_journal_agrees_with_the_replay_on_what_stands(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    store = DecisionStore(tmp_path_factory.mktemp("journal") / "decisions.sqlite3")
    journal, rng = Journal(store), np.random.default_rng(seed)
    for number in range(1, 60):
        author = str(rng.choice(["alix", "bilal"]))
        if rng.random() < 0.4:
            row = {"action": "undo", "value": str(rng.integers(0, number + 3))}
        else:
            unit_id = f"u-{rng.integers(6)}"
            row = {"action": str(rng.choice(sorted(TAG_ACTIONS))), "unit_id": unit_id, "axis": "posture", "code": "besoin", "value": "[]"}
        journal.add([row], author=author, request_id=f"{number}")
        if number % 7:
            continue
        decisions = standing(store.read())
        assert [decision.decision_id for decision in journal.standing(TAG_ACTIONS)] == list(decisions["decision_id"])
        for name in ("alix", "bilal"):
            assert journal.judged_by(name) == set(judged_units(decisions[decisions["author"] == name]))

"""The journal in memory says the same as the store's own reading of who undid what, who judged what and who coded what whole."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.decision_store import DecisionStore
from pipeline.decisions import active_decisions, read_decision
from pipeline.decisions.kinds import Undo
from pipeline.decisions.spans import CodeSpan, Quote
from pipeline.decisions.tags import TagDecision, coded_units, judged_units
from pipeline.review.journal import Journal
from pipeline.tables.material import TAGS
from support.draws import seeds

CODES = [("posture", "force"), ("pilier", "besoin")]
_SAID = {
    "score": 0.9,
    "is_assigned": True,
    "evidence": "[]",
    "source": "machine",
    "model_version": "m",
}
PUT = TAGS.build(
    _SAID | {"unit_id": f"u-{n}", "axis": axis, "code": code}
    for n in range(6)
    for axis, code in CODES
)


@pytest.mark.parametrize("seed", seeds(12))
def test_the_journal_agrees_with_the_replay_on_what_stands(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    store = DecisionStore(tmp_path_factory.mktemp("journal") / "decisions.sqlite3")
    journal, rng = Journal(store, append=store.append_all), np.random.default_rng(seed)
    for number in range(1, 60):
        author = str(rng.choice(["alix", "bilal"]))
        if rng.random() < 0.4:
            row = {"action": "undo", "value": str(rng.integers(0, number + 3))}
        else:
            unit_id = f"u-{rng.integers(6)}"
            row = {
                "action": str(rng.choice(["accept_tag", "add_tag", "reject_tag", "confirm_unit"])),
                "unit_id": unit_id,
                "axis": "posture",
                "code": "besoin",
                "value": "[]",
            }
            row |= {"axis": "pilier"} if rng.random() < 0.5 else {}
        journal.add([read_decision(row)], author=author, request_id=f"{number}")
        if number % 7:
            continue
        decisions = active_decisions(store.read())
        assert journal.active(TagDecision) == decisions
        whole = coded_units(decisions, PUT, exclusive=("posture",))
        for name in ("alix", "bilal"):
            assert journal.judged_by(name) == set(
                judged_units(row for row in decisions if row.author == name)
            )
            assert journal.coded_by(name, lambda _unit: CODES, ("posture",)) == whole.get(
                name, set()
            )


def test_words_whose_ends_were_moved_have_their_former_ends_once_undone(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "decisions.sqlite3")
    journal = Journal(store, append=store.append_all)
    short, long = (CodeSpan("u-1", *CODES[1], Quote(0, end, "plus de"[:end])) for end in (4, 7))
    journal.add([short], author="alix", request_id="1")
    journal.add([Undo(1), long], author="alix", request_id="2")
    assert [row.quote for row in journal.on_unit("u-1", CodeSpan)] == [long.quote]
    journal.add(journal.undoing(journal[3]), author="alix", request_id="3")
    assert [row.quote for row in journal.on_unit("u-1", CodeSpan)] == [short.quote]
    assert journal.undoing(journal[1]) == [Undo(1)]

"""In what order passages are worth an analyst's time: those that are most likely coded wrong come first.

Where two machines coded, the units on which they disagree come first. Then, of every ten places, six go to the units on which most codes
are expected to be wrong, three to those whose rare codes are in doubt, and one is drawn by lot, as a control of what nobody doubts.
Measured in models/cards/tagger.md: it teaches more than an order drawn by lot where a style is new to the tagger, no more where it is not.

In:   units, tags of the machine, those of a second coder if any, the units that somebody already coded
Out:  review_queue, one row a unit left to code
"""

import hashlib
from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.grid import PILIER, RUBRIQUE
from pipeline.tables import REVIEW_QUEUE

DISAGREEMENT, DOUBT, RARE, CONTROL = "désaccord", "doute", "code rare", "témoin"
_TURNS = (RARE, DOUBT, RARE, DOUBT, DOUBT, RARE, DOUBT, DOUBT, DOUBT, CONTROL)
_N_RARE = 4  # codes of an axis that count as rare

Array = NDArray[np.float64]


def order_review(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    *,
    second_tags: pd.DataFrame | None = None,
    judged: Collection[str] = (),
    seed: int = 0,
    axes: Collection[str] = (RUBRIQUE, PILIER),
) -> pd.DataFrame:
    """Return the units that are not among `judged`, the first to read first, whatever the order of the tables and of the workers.

    `axes` are those whose doubt counts: one of which every unit bears exactly one code, such as posture, says little of the others.
    """
    left = sorted(set(units["unit_id"]) - set(judged))
    machine = tags[(tags["source"] == "machine") & tags["axis"].isin(axes)]
    doubt, rare = _doubts(machine, left)
    apart = _distances(machine, None if second_tags is None else second_tags[second_tags["axis"].isin(axes)], _coded(second_tags), left)
    lots = [hashlib.sha256(f"{seed} {unit_id}".encode()).digest() for unit_id in left]
    queues = {
        DOUBT: sorted(range(len(left)), key=lambda at: (-doubt[at], lots[at])),
        RARE: sorted(np.flatnonzero(rare > 0).tolist(), key=lambda at: (-rare[at], lots[at])),
        CONTROL: sorted(range(len(left)), key=lambda at: lots[at]),
    }
    first = sorted(np.flatnonzero(apart > 0).tolist(), key=lambda at: (-apart[at], -doubt[at], lots[at]))
    order = [(at, DISAGREEMENT) for at in first] + list(_in_turn(queues, set(first)))
    return REVIEW_QUEUE.build(
        {"place": place, "unit_id": left[at], "reason": reason, "n_expected_errors": round(float(doubt[at]), 4)}
        for place, (at, reason) in enumerate(order, start=1)
    )


def _doubts(machine: pd.DataFrame, left: list[str]) -> tuple[Array, Array]:
    """Expected number of wrong codes of each unit of `left`, over all codes and over the rare ones of each axis."""
    place = {unit_id: at for at, unit_id in enumerate(left)}
    rare_codes = {code for _, rows in machine.groupby("axis", sort=True) for code in _rarest(rows)}
    doubt, rare = np.zeros(len(left)), np.zeros(len(left))
    for unit_id, axis, code, score in zip(machine["unit_id"], machine["axis"], machine["code"], machine["score"], strict=True):
        at = place.get(unit_id)
        if at is not None:
            wrong = min(float(score), 1 - float(score))
            doubt[at] += wrong
            rare[at] += wrong * ((axis, code) in rare_codes)
    return doubt, rare


def _rarest(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """The codes of one axis that are put on the fewest units."""
    counts = rows.groupby(["axis", "code"], sort=True)["is_assigned"].sum()
    return [(str(axis), str(code)) for axis, code in counts.sort_values(kind="stable").index[:_N_RARE]]


def _coded(second: pd.DataFrame | None) -> set[str]:
    """The units that the second coder coded."""
    return set() if second is None else set(second["unit_id"])


def _distances(machine: pd.DataFrame, second: pd.DataFrame | None, coded: set[str], left: list[str]) -> Array:
    """Share of the codes put by either coder that only one of them put; 0 where the second did not code or both agree."""
    distances = np.zeros(len(left))
    if second is None or not coded:
        return distances
    ours, theirs = _put(machine), _put(second)
    for at, unit_id in enumerate(left):
        here, there = ours.get(unit_id, set()), theirs.get(unit_id, set())
        if unit_id in coded and here != there:
            distances[at] = len(here ^ there) / len(here | there)
    return distances


def _put(tags: pd.DataFrame) -> dict[str, set[tuple[str, str]]]:
    put: dict[str, set[tuple[str, str]]] = {}
    assigned = tags[tags["is_assigned"].astype(bool)]
    for unit_id, axis, code in zip(assigned["unit_id"], assigned["axis"], assigned["code"], strict=True):
        put.setdefault(unit_id, set()).add((axis, code))
    return put


def _in_turn(queues: dict[str, list[int]], taken: set[int]) -> Iterator[tuple[int, str]]:
    """Each queue's best unit that is left, in turn; the queue of doubt holds all, so that none is forgotten."""
    heads = {reason: iter(queue) for reason, queue in queues.items()}
    n_left, turn = len(queues[DOUBT]) - len(taken), 0
    while n_left > 0:
        reason = _TURNS[turn % len(_TURNS)]
        turn += 1
        at = next((at for at in heads[reason] if at not in taken), None)
        if at is not None:
            taken.add(at)
            n_left -= 1
            yield at, reason

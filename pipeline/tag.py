"""Tag units with the codes of the study's grid: what is put on each, how surely, and where it shows.

In:   units       one row a unit
Out:  tags        one row a code put on a unit, or nearly; a unit's rows do not depend on the other units

In what order passages are worth an analyst's time: those that are most likely coded wrong come first.
"""

import hashlib
import json
import logging
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.embedder import encoding_also
from models.language_model.tagger import LanguageModelTagger
from models.tagger import GridTagger
from pipeline.grid.codes import PILIER, RUBRIQUE, Grid
from pipeline.settings.stages import EmbedSettings, TagSettings
from pipeline.spreading import Mapper, grains_of_rows, map_groups
from pipeline.tables.material import REVIEW_QUEUE, TAGS
from pipeline.text import PlainText

CANDIDATE_SCORE = 0.1  # from which a code that is not put on the unit is kept for the reviewer, and counts as doubt

_LOG = logging.getLogger(__name__)


def tag_units(
    units: pd.DataFrame,
    *,
    tagger: GridTagger | LanguageModelTagger,
    grid: Grid,
    settings: TagSettings,
    spread: Mapper = map,
) -> pd.DataFrame:
    """Return the tags of `units`, in their order, then by axis and by the grid's order of codes; no unit gives no row.

    Of each exclusive axis, such as postures, a code is put on every unit; candidates of the other codes have a score of 0.1 or more.
    """
    (tags,) = tag_each([units], tagger=tagger, grid=grid, settings=settings, spread=spread)
    return tags


def tag_each(
    tables: Sequence[pd.DataFrame],
    *,
    tagger: GridTagger | LanguageModelTagger,
    grid: Grid,
    settings: TagSettings,
    spread: Mapper = map,
    also: EmbedSettings | None = None,
) -> Iterator[pd.DataFrame]:
    """Yield the tags of each of `tables` as `tag_units` gives them, as soon as they are there; `spread` works on several at a time.

    The encoder of `also`, whose vectors a later stage will ask for, encodes beside the tagger's own.
    """
    function = partial(_tags_of, tagger=tagger, grid=grid, settings=settings, also=also)
    for units, grains in zip(
        tables,
        map_groups(spread, function, [grains_of_rows(units) for units in tables]),
        strict=True,
    ):
        tags = TAGS.build(row for rows in grains for row in rows)
        _LOG.info(
            "tagged %d units with %s: %d codes put on them",
            len(units),
            tagger.version_,
            int(tags["is_assigned"].sum()),
        )
        yield tags


def _tags_of(
    units: pd.DataFrame,
    *,
    tagger: GridTagger | LanguageModelTagger,
    grid: Grid,
    settings: TagSettings,
    also: EmbedSettings | None,
) -> list[dict[str, Any]]:
    """The rows of one grain; on one thread of linear algebra, whose last bits hang on how many there are."""
    with threadpool_limits(1, user_api="blas"), encoding_also(also):
        return list(_rows_of(units, tagger, grid, settings))


def _rows_of(
    units: pd.DataFrame, tagger: GridTagger | LanguageModelTagger, grid: Grid, settings: TagSettings
) -> Iterator[dict[str, Any]]:
    codes = [(code.axis, code.code) for code in grid.by_axis]
    columns = {str(code): column for column, code in enumerate(tagger.classes_)}
    plain = [PlainText(text) for text in units["text"]]
    units = units.assign(
        text=[text.text for text in plain]
    )  # what the tagger learnt from has no persons' numbers
    tagging = tagger.tag(units, threshold_shift=settings.threshold_shift)
    shown = tagging.is_assigned | (tagging.probabilities >= CANDIDATE_SCORE)
    evidence = tagger.explain(units, shown)
    version = tagger.version_
    for place, unit_id in enumerate(units["unit_id"]):
        for axis, code in codes:
            column = columns[code]
            if shown[place, column]:
                yield {
                    "unit_id": unit_id,
                    "axis": axis,
                    "code": code,
                    "score": float(np.clip(tagging.probabilities[place, column], 0, 1)),
                    "is_assigned": bool(tagging.is_assigned[place, column]),
                    "evidence": json.dumps(
                        [
                            [plain[place].to_numbered(bound) for bound in span]
                            for span in evidence[place][column]
                        ]
                    ),
                    "source": "machine",
                    "model_version": version,
                }


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
    apart = _distances(
        machine,
        None if second_tags is None else second_tags[second_tags["axis"].isin(axes)],
        _coded(second_tags),
        left,
    )
    lots = [hashlib.sha256(f"{seed} {unit_id}".encode()).digest() for unit_id in left]
    queues = {
        DOUBT: sorted(range(len(left)), key=lambda at: (-doubt[at], lots[at])),
        RARE: sorted(np.flatnonzero(rare > 0).tolist(), key=lambda at: (-rare[at], lots[at])),
        CONTROL: sorted(range(len(left)), key=lambda at: lots[at]),
    }
    first = sorted(
        np.flatnonzero(apart > 0).tolist(), key=lambda at: (-apart[at], -doubt[at], lots[at])
    )
    order = [(at, DISAGREEMENT) for at in first] + list(_in_turn(queues, set(first)))
    return REVIEW_QUEUE.build(
        {
            "place": place,
            "unit_id": left[at],
            "reason": reason,
            "n_expected_errors": round(float(doubt[at]), 4),
        }
        for place, (at, reason) in enumerate(order, start=1)
    )


def _doubts(machine: pd.DataFrame, left: list[str]) -> tuple[Array, Array]:
    """Expected number of wrong codes of each unit of `left`, over all codes and over the rare ones of each axis."""
    place = {unit_id: at for at, unit_id in enumerate(left)}
    rare_codes = {code for _, rows in machine.groupby("axis", sort=True) for code in _rarest(rows)}
    doubt, rare = np.zeros(len(left)), np.zeros(len(left))
    for unit_id, axis, code, score in zip(
        machine["unit_id"], machine["axis"], machine["code"], machine["score"], strict=True
    ):
        at = place.get(unit_id)
        if at is not None:
            wrong = min(float(score), 1 - float(score))
            doubt[at] += wrong
            rare[at] += wrong * ((axis, code) in rare_codes)
    return doubt, rare


def _rarest(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """The codes of one axis that are put on the fewest units."""
    counts = rows.groupby(["axis", "code"], sort=True)["is_assigned"].sum()
    return [
        (str(axis), str(code)) for axis, code in counts.sort_values(kind="stable").index[:_N_RARE]
    ]


def _coded(second: pd.DataFrame | None) -> set[str]:
    """The units that the second coder coded."""
    return set() if second is None else set(second["unit_id"])


def _distances(
    machine: pd.DataFrame, second: pd.DataFrame | None, coded: set[str], left: list[str]
) -> Array:
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
    for unit_id, axis, code in zip(
        assigned["unit_id"], assigned["axis"], assigned["code"], strict=True
    ):
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

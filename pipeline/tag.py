"""Tag units with the codes of the study's grid, and order them for review.

In:   units          one row a unit
Out:  tags           one row a code assigned to a unit, or nearly; a unit's rows depend on it alone
      review_queue   the units most likely coded wrong first
"""

import hashlib
import json
import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from models.embedder import EmbedderSource, Encoders, plain_encoders
from models.language_model import LanguageModelTagger
from models.tagger import GridTagger
from models.tagger.features import column_texts, texts_of
from pipeline.files import text_hash
from pipeline.grid.codes import PILIER, RUBRIQUE, Grid
from pipeline.parallel import ParallelMap, grains_of_rows
from pipeline.settings.sections import TagSettings
from pipeline.store import Store
from pipeline.tables.columns import cells_of
from pipeline.tables.material import REVIEW_QUEUE, TAGS
from pipeline.text import PlainText
from pipeline.versions import stage_code_hash

# From this score on, an unassigned code is shown to the reviewer and counts as doubt.
CANDIDATE_SCORE = 0.1
DISAGREEMENT, DOUBT, RARE, CONTROL = "désaccord", "doute", "code rare", "témoin"
_TURNS = (RARE, DOUBT, RARE, DOUBT, DOUBT, RARE, DOUBT, DOUBT, DOUBT, CONTROL)
_KIND = "tags"  # of values in the cache
_OF_CODE = ("axis", "code", "score", "is_assigned", "evidence")
_N_RARE = 4  # codes of an axis that count as rare

Array = NDArray[np.float64]
Code = tuple[str, str, float, bool, str]  # _OF_CODE
CodeSets = dict[str, set[tuple[str, str]]]  # axis and code, by unit_id
Tagger = GridTagger | LanguageModelTagger

_LOG = logging.getLogger(__name__)


def tag_units(
    units: pd.DataFrame,
    *,
    tagger: Tagger,
    grid: Grid,
    settings: TagSettings,
    spread: ParallelMap = map,
) -> pd.DataFrame:
    """Return the tags of `units` in their order, then in the grid's order of axes and codes.

    Each unit has a code of each exclusive axis; candidates of other axes score 0.1 or more.
    """
    (tags,) = tag_each([units], tagger=tagger, grid=grid, settings=settings, spread=spread)
    return tags


def tag_each(
    tables: Sequence[pd.DataFrame],
    *,
    tagger: Tagger,
    grid: Grid,
    settings: TagSettings,
    encoders: Encoders | None = None,
    spread: ParallelMap = map,
    cache: Store | None = None,
    depends_on: str = "",
) -> Iterator[pd.DataFrame]:
    """Yield the tags of each of `tables` as soon as they are ready.

    `encoders` are by default those of each process. What `cache` keeps of the same passages under
    the same tagger, grid and settings (`depends_on`) is not computed again.
    """
    source = encoders or plain_encoders()
    version = text_hash(stage_code_hash(), depends_on)[:12]
    keys = [_keys(units) for units in tables]
    known = cache.read(_KIND, version, chain.from_iterable(keys)) if cache else {}
    new = [
        units[[key not in known for key in own]] for units, own in zip(tables, keys, strict=True)
    ]
    groups = [grains_of_rows(units) for units in new]
    grains = (
        _Grain(units, source.for_worker(texts_of(units))) for units in chain.from_iterable(groups)
    )
    results = spread(partial(_tag_grain, tagger=tagger, grid=grid, settings=settings), grains)
    model_version = tagger.version_
    for units, own, group in zip(tables, keys, groups, strict=True):
        tagged = chain.from_iterable(islice(results, len(group)))
        codes = dict(zip((key for key in own if key not in known), tagged, strict=True))
        if cache:
            new_values = {key: json.dumps(found).encode() for key, found in codes.items()}
            cache.write(_KIND, version, new_values)
        codes |= {key: json.loads(known[key]) for key in own if key in known}
        tags = TAGS.build(
            {
                "unit_id": unit_id,
                **dict(zip(_OF_CODE, code, strict=True)),
                "source": "machine",
                "model_version": model_version,
            }
            for unit_id, key in zip(units["unit_id"], own, strict=True)
            for code in codes[key]
        )
        n_assigned = int(tags["is_assigned"].sum())
        _LOG.info("tagged %d units with %s: %d codes", len(units), model_version, n_assigned)
        yield tags


def _keys(units: pd.DataFrame) -> list[bytes]:
    """Hash all that the tags of each unit depend on."""
    columns = [column_texts(units, name) for name in ("text", "question", "channel")]
    return [
        hashlib.sha256("\0".join(row).encode("utf-8", "replace")).digest()
        for row in zip(*columns, strict=True)
    ]


@dataclass(frozen=True)
class _Grain:
    units: pd.DataFrame
    encoders: EmbedderSource

    def __len__(self) -> int:
        return len(self.units)


def _tag_grain(
    grain: _Grain, *, tagger: Tagger, grid: Grid, settings: TagSettings
) -> list[list[Code]]:
    """On one thread: the number of threads changes the last bits."""
    with threadpool_limits(1, user_api="blas"):
        return list(_tag_rows(grain.units, tagger, grid, settings, grain.encoders))


def _tag_rows(
    units: pd.DataFrame,
    tagger: Tagger,
    grid: Grid,
    settings: TagSettings,
    encoders: EmbedderSource,
) -> Iterator[list[Code]]:
    """Yield the codes of each unit."""
    column_of = {str(code): column for column, code in enumerate(tagger.classes_)}
    texts = [PlainText(text) for text in units["text"]]
    units = units.assign(text=[text.text for text in texts])  # as learnt: no persons' numbers
    shift = settings.threshold_shift
    tagging = tagger.tag(units, threshold_shift=shift, encoders=encoders)
    is_shown = tagging.is_assigned | (tagging.probabilities >= CANDIDATE_SCORE)
    evidence = tagger.explain(units, is_shown)
    for i in range(len(units)):
        codes: list[Code] = []
        for code in grid.by_axis:
            column = column_of[code.code]
            if is_shown[i, column]:
                score = float(np.clip(tagging.probabilities[i, column], 0, 1))
                spans = [[texts[i].move_back(end) for end in span] for span in evidence[i][column]]
                is_assigned = bool(tagging.is_assigned[i, column])
                codes.append((code.axis, code.code, score, is_assigned, json.dumps(spans)))
        yield codes


def order_review(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    *,
    second_tags: pd.DataFrame | None = None,
    judged: Collection[str] = (),
    seed: int = 0,
    axes: Collection[str] = (RUBRIQUE, PILIER),
) -> pd.DataFrame:
    """Return the units that are not `judged`, most useful to read first.

    The order of the tables changes nothing. Only doubt on `axes` counts: an exclusive one, such as
    posture, says little of others.
    """
    unit_ids = sorted({*units["unit_id"].tolist()} - set(judged))
    machine = tags[(tags["source"] == "machine") & tags["axis"].isin(axes)]
    doubt, rare = _doubts(machine, unit_ids)
    distance = np.zeros(len(unit_ids))
    if second_tags is not None:
        second = second_tags[second_tags["axis"].isin(axes)]
        distance = _distances(machine, second, set(second_tags["unit_id"]), unit_ids)
    draws = [hashlib.sha256(f"{seed} {unit_id}".encode()).digest() for unit_id in unit_ids]
    everyone = range(len(unit_ids))
    rare_first = sorted(everyone, key=lambda i: (-rare[i], draws[i]))
    queues = {
        DOUBT: sorted(everyone, key=lambda i: (-doubt[i], draws[i])),
        RARE: [i for i in rare_first if rare[i] > 0],
        CONTROL: sorted(everyone, key=lambda i: draws[i]),
    }
    farthest = sorted(everyone, key=lambda i: (-distance[i], -doubt[i], draws[i]))
    disagreed = [i for i in farthest if distance[i] > 0]
    order = [(i, DISAGREEMENT) for i in disagreed] + list(_in_turn(queues, set(disagreed)))
    return REVIEW_QUEUE.build(
        {
            "place": rank,
            "unit_id": unit_ids[i],
            "reason": reason,
            "n_expected_errors": round(float(doubt[i]), 4),
        }
        for rank, (i, reason) in enumerate(order, start=1)
    )


def _doubts(machine: pd.DataFrame, unit_ids: list[str]) -> tuple[Array, Array]:
    number = {unit_id: i for i, unit_id in enumerate(unit_ids)}
    rare_codes: set[tuple[str, str]] = set()
    for axis, rows in machine.groupby("axis", sort=True):
        counts = rows.groupby("code", sort=True)["is_assigned"].sum().sort_values(kind="stable")
        rare_codes |= {(str(axis), str(code)) for code in counts.index[:_N_RARE]}
    doubt, rare = np.zeros(len(unit_ids)), np.zeros(len(unit_ids))
    for unit_id, axis, code, score in cells_of(machine, "unit_id", "axis", "code", "score"):
        i = number.get(unit_id)
        if i is not None:
            error = min(float(score), 1 - float(score))
            doubt[i] += error
            rare[i] += error * ((axis, code) in rare_codes)
    return doubt, rare


def _distances(
    machine: pd.DataFrame, second: pd.DataFrame, coded: set[str], unit_ids: list[str]
) -> Array:
    """Share of codes that one coder alone put; 0 if not coded twice."""
    distances = np.zeros(len(unit_ids))
    first_codes, second_codes = _code_sets(machine), _code_sets(second)
    for i, unit_id in enumerate(unit_ids):
        first, other = first_codes.get(unit_id, set()), second_codes.get(unit_id, set())
        if unit_id in coded and first != other:
            distances[i] = len(first ^ other) / len(first | other)
    return distances


def _code_sets(tags: pd.DataFrame) -> CodeSets:
    codes: CodeSets = {}
    assigned = tags[tags["is_assigned"].astype(bool)]
    for unit_id, axis, code in cells_of(assigned, "unit_id", "axis", "code"):
        codes.setdefault(unit_id, set()).add((axis, code))
    return codes


def _in_turn(queues: dict[str, list[int]], taken: set[int]) -> Iterator[tuple[int, str]]:
    """The doubt queue has all units."""
    heads = {reason: iter(queue) for reason, queue in queues.items()}
    n_left, turn = len(queues[DOUBT]) - len(taken), 0
    while n_left > 0:
        reason = _TURNS[turn % len(_TURNS)]
        turn += 1
        best = next((i for i in heads[reason] if i not in taken), None)
        if best is not None:
            taken.add(best)
            n_left -= 1
            yield best, reason

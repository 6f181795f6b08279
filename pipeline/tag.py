"""Tag units with the codes of the study's grid: what is put on each, how surely, and where it shows.

In:   units       one row a unit
Out:  tags        one row a code put on a unit, or nearly; a unit's rows do not depend on the other units
"""

import json
import logging
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from models.embedder import encoding_also
from models.language_model import LanguageModelTagger
from models.tagger import GridTagger
from pipeline.grid import Grid
from pipeline.settings import EmbedSettings, TagSettings
from pipeline.spreading import Mapper, grains_of_rows, map_groups
from pipeline.tables import TAGS
from pipeline.tokens import PlainText

CANDIDATE_SCORE = 0.1  # from which a code that is not put on the unit is kept for the reviewer, and counts as doubt

_LOG = logging.getLogger(__name__)


def tag_units(
    units: pd.DataFrame, *, tagger: GridTagger | LanguageModelTagger, grid: Grid, settings: TagSettings, spread: Mapper = map
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
    for units, grains in zip(tables, map_groups(spread, function, [grains_of_rows(units) for units in tables]), strict=True):
        tags = TAGS.build(row for rows in grains for row in rows)
        _LOG.info("tagged %d units with %s: %d codes put on them", len(units), tagger.version_, int(tags["is_assigned"].sum()))
        yield tags


def _tags_of(
    units: pd.DataFrame, *, tagger: GridTagger | LanguageModelTagger, grid: Grid, settings: TagSettings, also: EmbedSettings | None
) -> list[dict[str, Any]]:
    """The rows of one grain; on one thread of linear algebra, whose last bits hang on how many there are."""
    with threadpool_limits(1, user_api="blas"), encoding_also(also):
        return list(_rows_of(units, tagger, grid, settings))


def _rows_of(units: pd.DataFrame, tagger: GridTagger | LanguageModelTagger, grid: Grid, settings: TagSettings) -> Iterator[dict[str, Any]]:
    codes = [(code.axis, code.code) for code in grid.by_axis]
    columns = {str(code): column for column, code in enumerate(tagger.classes_)}
    plain = [PlainText(text) for text in units["text"]]
    units = units.assign(text=[text.text for text in plain])  # what the tagger learnt from has no persons' numbers
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
                    "evidence": json.dumps([[plain[place].to_numbered(bound) for bound in span] for span in evidence[place][column]]),
                    "source": "machine",
                    "model_version": version,
                }

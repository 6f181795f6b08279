"""The decisions that a study's tables already follow: what was decided since waits for the next run."""

from collections.abc import Mapping

import pandas as pd

from flows.typed_texts import decisions_to_show
from pipeline.study import Study


def followed_decisions(study: Study, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the decisions that were replayed when `tables` were made."""
    decisions = decisions_to_show(study)
    return decisions[decisions["decision_id"].isin(list(tables["decision_effects"]["decision_id"]))]

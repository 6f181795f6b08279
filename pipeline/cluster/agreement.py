"""Say how much a study's themes owe to chance: made again with other draws, or with a part of the passages, how alike are they?

In:   joined views of units that have a subject
Out:  theme_agreement   two rows, none where there are too few units to tell
"""

import pandas as pd

from models.rows import Rows
from models.theme_model.agreement import measure_agreement
from pipeline.i18n import _
from pipeline.settings import ClusterSettings
from pipeline.spreading import Mapper
from pipeline.tables import THEME_AGREEMENT

SAME, ALIKE = 0.9, 0.6  # index from which the themes are nearly the same, or alike


def agree_themes(vectors: Rows, settings: ClusterSettings, *, spread: Mapper = map) -> pd.DataFrame:
    """Return how alike the themes come out when they are made again of units with these `vectors`, and what that means."""
    found = measure_agreement(vectors, settings, spread=spread)
    if found is None:
        return THEME_AGREEMENT.empty()
    trials = {
        "graines": (found.over_seeds, _("Refaits {n} fois avec d'autres tirages au sort, les thèmes sont {verdict}.")),
        "sous_echantillons": (found.over_subsamples, _("Refaits {n} fois sur 80 % des passages, les thèmes sont {verdict}.")),
    }
    return THEME_AGREEMENT.build(
        {
            "trial": trial,
            "n_runs": found.n_runs,
            "n_units": found.n_vectors,
            "mean_index": round(index, 6),
            "sentence": sentence.format(n=found.n_runs, verdict=_verdict(index)),
        }
        for trial, (index, sentence) in trials.items()
    )


def _verdict(index: float) -> str:
    if index >= SAME:
        return _("presque les mêmes")
    return _("en gros les mêmes") if index >= ALIKE else _("souvent autres : à relire avant de les citer")

"""The weights of the criteria that people saved under a name, and those that they chose to rank with.

In:   decisions, the settings of the ranking
Out:  Weighting, one a name; the one in use
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from pipeline.settings.stages import RankSettings, RankWeights
from pipeline.standing import standing

SAVE, USE = "save_weighting", "use_weighting"


@dataclass(frozen=True)
class Weighting:
    """Weights under a `name`, as decision `decision_id` saved them; those of etude.toml have neither name nor author, and number 0."""

    name: str
    weights: RankWeights
    author: str = ""
    decided_at: str = ""
    decision_id: int = 0


def weighting_value(name: str, weights: Mapping[str, float]) -> str:
    """The `value` of a `save_weighting`; a criterion that `weights` leaves out weighs nothing."""
    return json.dumps({"name": name, "weights": dict(weights)}, ensure_ascii=False)


def saved_weightings(decisions: pd.DataFrame) -> dict[str, Weighting]:
    """Return the weightings by name, as each was last saved; what does not read is left out."""
    said = standing(decisions)
    saved = {}
    columns = ["decision_id", "value", "author", "decided_at"]
    for number, value, author, decided_at in said.loc[said["action"] == SAVE, columns].itertuples(
        index=False, name=None
    ):
        read = read_weighting(value)
        if isinstance(read, Weighting):
            saved[read.name] = Weighting(read.name, read.weights, author, decided_at, number)
    return saved


def weights_in_use(decisions: pd.DataFrame, settings: RankSettings) -> Weighting:
    """Return the weighting that people last chose among those that exist, else the weights of `settings`, under a blank name."""
    return saved_weightings(decisions).get(name_in_use(decisions), Weighting("", settings.weights))


def name_in_use(decisions: pd.DataFrame) -> str:
    """The name of the weighting that people last chose among those that exist; blank for the weights of etude.toml."""
    said, saved = standing(decisions), saved_weightings(decisions)
    chosen = [name_in(value) for value in said.loc[said["action"] == USE, "value"]]
    return next((name for name in reversed(chosen) if not name or name in saved), "")


def name_in(value: object) -> str:
    """The name of a weighting as typed, without blanks around it; blank for the weights of etude.toml."""
    return value.strip() if isinstance(value, str) else ""


def read_weighting(value: object) -> Weighting | str:
    """The weighting that the `value` of a `save_weighting` holds, or why it does not read, in French."""
    try:
        read = json.loads(value) if isinstance(value, str) else None
    except json.JSONDecodeError:
        read = None
    name, weights = (
        (read.get("name"), read.get("weights")) if isinstance(read, dict) else (None, None)
    )
    if not isinstance(weights, dict) or not name_in(name):
        return "La décision ne dit ni le nom ni les poids d'une pondération."
    unknown = sorted(set(weights) - set(RankWeights.model_fields))
    if unknown:
        return f"La pondération cite un critère inconnu : « {unknown[0]} »."
    if not all(_is_weight(weight) for weight in weights.values()):
        return "Un poids de la pondération n'est pas un nombre d'au moins 0."
    if not any(weights.values()):
        return "La pondération n'a aucun poids au-dessus de 0."
    return Weighting(
        name_in(name), RankWeights(**dict.fromkeys(RankWeights.model_fields, 0.0) | weights)
    )


def _is_weight(weight: object) -> bool:
    return (
        isinstance(weight, int | float)
        and not isinstance(weight, bool)
        and math.isfinite(weight)
        and weight >= 0
    )

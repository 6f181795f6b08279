"""What asking would cost, said before anything is sent.

In:   units; passages still to ask, the system message, settings
Out:  Estimate: requests, tokens, euros where prices are known, seconds where a request's time is known
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from models.language_model.prompt import Item, user_message
from pipeline.settings import LanguageModelSettings

CHARS_PER_TOKEN = 3.5  # of French text, about
_TOKENS_PER_ANSWER = 90  # a passage's codes with their quotes, about


@dataclass(frozen=True)
class Estimate:
    """What is about to be sent, where and for what; `price` in euros and `seconds` are None where nothing tells."""

    address: str
    model: str
    n_units: int
    n_requests: int
    tokens_in: int
    tokens_out: int
    price: float | None
    seconds: float | None
    purpose: Literal["codes", "themes"] = "codes"


def sample_units(units: pd.DataFrame, n_most: int) -> pd.DataFrame:
    """Return at most `n_most` of `units`, in their order: spread over the study, and the same ones while the units are."""
    if len(units) <= n_most:
        return units
    marks = units["unit_id"].map(lambda unit_id: hashlib.sha256(str(unit_id).encode()).hexdigest())
    return units.loc[marks.sort_values(kind="stable").index[:n_most]].sort_index()


def estimate_cost(
    items: Sequence[Item], system: str, settings: LanguageModelSettings, address: str, seconds_per_request: float | None
) -> Estimate:
    """Return what asking `items` would take, retries left out."""
    n_requests = math.ceil(len(items) / settings.batch_size)
    tokens_in = math.ceil((n_requests * len(system) + len(user_message(items)) if items else 0) / CHARS_PER_TOKEN)
    tokens_out = len(items) * _TOKENS_PER_ANSWER
    seconds = settings.seconds_per_request or seconds_per_request
    return Estimate(
        address,
        settings.model,
        len(items),
        n_requests,
        tokens_in,
        tokens_out,
        price_of(tokens_in, tokens_out, settings),
        None if seconds is None else seconds * math.ceil(n_requests / settings.n_parallel),
    )


def price_of(tokens_in: int, tokens_out: int, settings: LanguageModelSettings) -> float | None:
    """Euros of these tokens; None where no price is set."""
    prices = (settings.price_per_million_in, settings.price_per_million_out)
    if prices == (None, None):
        return None
    return round((tokens_in * (prices[0] or 0) + tokens_out * (prices[1] or 0)) / 1e6, 4)

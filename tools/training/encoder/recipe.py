"""How one run of tuning is done, and which runs the model card sets side by side."""

from dataclasses import dataclass, replace
from typing import Literal

SEEDS = (0, 1, 2)
# of the way from the untuned weights to the tuned ones: general likeness comes back, and the head
# needs no more
SHARE = 0.6


@dataclass(frozen=True)
class Recipe:
    """The choices of a run; the defaults are those of the shipped encoder
    (models/cards/encoder.md).
    """

    seed: int = 0
    n_steps: int = 130
    n_tuned: int = 6  # upper layers, of twelve
    rate: float = 7e-3  # of the scales' factors
    temperature: float = 0.05
    negatives: Literal["any", "file", "style"] = "any"  # what the anchors of a batch share
    partners: Literal["alike", "other"] = (
        "alike"  # passages of an anchor's theme: from its pool, or from another
    )
    n_anchors: int = 18
    n_bare: int = 0  # passages about no theme, from the anchors' pool
    view_share: float = (
        0.3  # of the passages, also seen through their content words or their theme's words
    )
    # of the passages' closeness to their broad theme's learnt place, among those of all themes
    theme_weight: float = 1.0
    fine_weight: float = 0.2
    tag_weight: float = 0.0
    keep_weight: float = 0.5  # of general likeness
    n_general: int = 3
    dropout: float = 0.1
    averaging: float = 0.9  # of the weights over steps


N_FOLDS = 4  # of the files, left out in turn; recipes are compared on the last
COMPARED = {
    "shipped": Recipe(),
    "twice the steps": replace(Recipe(), n_steps=260),
    "all twelve layers": replace(Recipe(), n_tuned=12),
    "negatives of one file": replace(Recipe(), negatives="file"),
}

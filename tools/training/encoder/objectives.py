"""What tuning minimises: passages of one subject closer than others, and general likeness as it
was.

In:   vectors (n, d) of a batch, labels (n,); −1 stands for no label
Out:  scalars
"""

import torch
from torch import Tensor
from torch.nn import functional

_NEVER = -1e4


def contrastive(
    vectors: Tensor, labels: Tensor, temperature: float, *, unlike: Tensor | None = None
) -> Tensor:
    """Supervised contrastive loss (Khosla et al., 2020) over the rows that share their label with
    another one.

    `unlike` (n, n) tells which pairs count as of other subjects; by default those of other labels.
    """
    z = functional.normalize(vectors, dim=1)
    itself = torch.eye(len(z), dtype=torch.bool)
    alike = (labels[:, None] == labels[None, :]) & (labels >= 0)[:, None] & ~itself
    counted = (~itself if unlike is None else (unlike | alike) & ~itself) & torch.ones_like(itself)
    likeness = (z @ z.T / temperature).masked_fill(~counted, _NEVER)
    log_share = likeness - likeness.logsumexp(1, keepdim=True)
    anchors = alike.any(1)
    if not anchors.any():
        return z.sum() * 0
    mean = (log_share * alike).sum(1)[anchors] / alike.sum(1)[anchors]
    return -mean.mean()


def drift(vectors: Tensor, untuned: Tensor) -> Tensor:
    """1 − the correlation, over all pairs of rows, of their cosines now with their cosines before
    tuning: 0..2.
    """
    upper = torch.triu_indices(len(vectors), len(vectors), offset=1)
    pairs = []
    for rows in (vectors, untuned):
        z = functional.normalize(rows, dim=1)
        cosines = (z @ z.T)[upper[0], upper[1]]
        pairs.append(functional.normalize(cosines - cosines.mean(), dim=0))
    return 1 - (pairs[0] * pairs[1]).sum()


def tagging(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean log loss of each code, (n, n_codes) both."""
    return functional.binary_cross_entropy_with_logits(logits, targets)

"""Learn layers that tell what a passage does, whatever its subject, from the shared layers on.

In:   labelled passages (tools.training.encoder.passages)
Out:  the layers; how well a plain head on them tells the codes of files left out

A passage states a need, tells of an answer, asks or proposes: each code is learnt as a class of its
own, and passages with the same codes are drawn together.
"""

import copy
import logging
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pipeline.grid.codes import POSTURE, RUBRIQUE
from tools.training.encoder.network import Network
from tools.training.encoder.passages import Labelled
from tools.training.encoder.states import (
    States,
    by_length,
    optimiser,
    schedule,
    take_step,
)

N_LAYERS = 4
DROPOUT = 0.1
RATE, HEAD_RATE = 2e-4, 2e-3
LOT = 96  # passages of a batch
# Of the losses: many codes a passage, few of them true.
WEIGHTS = {RUBRIQUE: 4.0, POSTURE: 1.0}
OTHER_WEIGHT = 2.0
ALIKE_WEIGHT, TEMPERATURE = 0.3, 0.1
_WARM_STEPS, _SORTED_LOTS = 40, 16

_LOG = logging.getLogger(__name__)


def learn_functions(
    network: Network,
    labelled: Labelled,
    *,
    n_epochs: int,
    left_out: Sequence[str] = (),
    seed: int = 0,
) -> nn.ModuleList:
    """Return `N_LAYERS` layers that start as the network's own above the shared ones.

    Passages of the files `left_out` are not learnt from, and figures on them are logged.
    """
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    own = network.layers[network.n_frozen : network.n_frozen + N_LAYERS]
    layers = nn.ModuleList(copy.deepcopy(layer) for layer in own)
    for layer in layers:
        layer.drop.p = DROPOUT
    states = States(network, labelled.texts)
    head = nn.Linear(states.width, labelled.targets.shape[1])
    moved = optimiser([(layers.parameters(), RATE), (head.parameters(), HEAD_RATE)])
    is_left_out = np.isin(labelled.files, list(left_out))
    learnt = np.flatnonzero(~is_left_out)
    n_steps, step = n_epochs * -(-len(learnt) // LOT), 0
    for epoch in range(n_epochs):
        layers.train()
        for rows in _lots(states.lengths, draw.permutation(learnt), draw):
            vectors = states.means(layers, rows)
            targets = torch.from_numpy(labelled.targets[rows])
            loss = _loss(vectors, head(vectors), targets, labelled.axes)
            take_step(moved, loss, schedule(step, n_steps, warm=_WARM_STEPS))
            step += 1
        _LOG.info("functions, epoch %d: loss %.3f", epoch + 1, loss.item())
    if is_left_out.any():
        with torch.no_grad():
            logits = head(torch.from_numpy(states.all_means(list(layers)))).numpy()
        _LOG.info("left out: %s", _figures(logits[is_left_out], labelled, is_left_out))
    return layers.eval()


def _lots(
    lengths: NDArray[np.int64], rows: NDArray[np.int64], draw: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Return batches in random order, each of about a length."""
    lots = [
        lot
        for at in range(0, len(rows), LOT * _SORTED_LOTS)
        for lot in by_length(lengths, rows[at : at + LOT * _SORTED_LOTS], LOT)
    ]
    return [lots[at] for at in draw.permutation(len(lots))]


def _loss(vectors: Tensor, logits: Tensor, targets: Tensor, axes: dict[str, slice]) -> Tensor:
    """Return the losses of each axis and of passages with the same rubriques and posture."""
    total = torch.zeros(())
    for axis, columns in axes.items():
        weight = WEIGHTS.get(axis, OTHER_WEIGHT)
        loss = (
            functional.cross_entropy
            if axis == POSTURE
            else functional.binary_cross_entropy_with_logits
        )
        total = total + weight * loss(logits[:, columns], targets[:, columns])
    codes = torch.cat([targets[:, axes[RUBRIQUE]], targets[:, axes[POSTURE]]], dim=1)
    itself = torch.eye(len(codes), dtype=torch.bool)
    alike = (torch.cdist(codes, codes) == 0) & ~itself
    z = functional.normalize(vectors, dim=1)
    near = (z @ z.T / TEMPERATURE).masked_fill(itself, -1e9)
    log_share = near - near.logsumexp(1, keepdim=True)
    anchors = alike.any(1)
    if anchors.any():
        mean = log_share.masked_fill(~alike, 0).sum(1)[anchors] / alike.sum(1)[anchors]
        total = total - ALIKE_WEIGHT * mean.mean()
    return total


def _figures(
    logits: NDArray[np.float32], labelled: Labelled, rows: NDArray[np.bool_]
) -> dict[str, float]:
    """Return micro-F1 of rubriques above one half, and accuracy of postures where one is asked."""
    targets = labelled.targets[rows]
    rubriques, postures = labelled.axes[RUBRIQUE], labelled.axes[POSTURE]
    put, wanted = logits[:, rubriques] > 0, targets[:, rubriques] > 0
    is_coded = wanted.any(axis=1)
    right = logits[:, postures].argmax(axis=1) == targets[:, postures].argmax(axis=1)
    f1 = 2 * (put & wanted).sum() / max(1, put.sum() + wanted.sum())
    return {"rubriques": round(float(f1), 3), "posture": round(float(right[is_coded].mean()), 3)}

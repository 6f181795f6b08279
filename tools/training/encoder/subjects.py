"""Tune the upper layers so that passages about one subject are close, however they are said.

In:   subjects by file (tools.training.encoder.passages)
Out:  the upper layers, tuned; how often the nearest of 120 subjects is the right one

Supervised contrastive learning (Khosla et al., 2020): a batch is up to 64 subjects of one file,
three passages each, one of which may be a statement of the catalogue; in some batches they are the
themes of a file of workshops, or the broad themes of all. Some of the tokens are left out, so that
no word is enough. Weights are averaged over the last steps.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tools.training.encoder.passages import Subjects
from tools.training.encoder.states import (
    Network,
    States,
    by_length,
    optimiser,
    schedule,
    take_step,
)

N_SUBJECTS, N_PASSAGES = 64, 3  # of a batch
OF_STATEMENTS = 0.3  # share of subjects with a statement
TEMPERATURE = 0.05
RATE, RATE_BELOW = 8e-5, 0.95  # of the last layer; of each layer below, against the next
LEFT_OUT = 0.15  # of the tokens
AVERAGING = 0.98
_WARM_STEPS, _LOT = 30, 48
_EVERY = 50

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Places:
    """Where a subject's passages and statements are among the texts."""

    passages: list[int]
    statements: list[int]


def tune_subjects(
    network: Network,
    pools: Sequence[tuple[float, Mapping[str, Subjects]]],
    *,
    n_steps: int,
    stop_after: int | None = None,
    n_subjects: int = N_SUBJECTS,
    rate: float = RATE,
    seed: int = 0,
) -> None:
    """Tune `network`'s layers above the frozen ones; `rate` is the last layer's.

    `pools` are shares of the batches, and what each is drawn from: subjects by file. A batch is of
    `n_subjects` at most. `stop_after` ends before the rate has fallen over all `n_steps`.
    """
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    texts, files = _placed({file: each for _, pool in pools for file, each in pool.items()})
    shares = [share for share, _ in pools]
    states = States(network, texts)
    layers = list(network.layers[network.n_frozen :])
    n_layers = len(layers)
    moved = optimiser(
        [
            (layer.parameters(), rate * RATE_BELOW ** (n_layers - 1 - i))
            for i, layer in enumerate(layers)
        ]
    )
    parameters = [each for layer in layers for each in layer.parameters()]
    averages = [each.detach().clone() for each in parameters]
    losses: list[float] = []
    for step in range(stop_after or n_steps):
        for layer in layers:
            layer.train()
        _, pool = pools[int(draw.choice(len(pools), p=shares))]
        rows, labels = _batch(files[str(draw.choice(sorted(pool)))], n_subjects, draw)
        lots = list(by_length(states.lengths[rows], np.arange(len(rows)), _LOT))
        parts = [states.means(layers, rows[lot], left_out=LEFT_OUT) for lot in lots]
        vectors = torch.cat(parts)[np.argsort(np.concatenate(lots))]
        loss = contrastive_loss(vectors, torch.from_numpy(labels))
        take_step(moved, loss, schedule(step, n_steps, warm=_WARM_STEPS))
        share = min(AVERAGING, (step + 1) / (step + 10))
        with torch.no_grad():
            for average, parameter in zip(averages, parameters, strict=True):
                average.mul_(share).add_(parameter, alpha=1 - share)
        losses.append(loss.item())
        if (step + 1) % _EVERY == 0:
            _LOG.info("subjects, step %d: loss %.3f", step + 1, np.mean(losses[-_EVERY:]))
    with torch.no_grad():
        for average, parameter in zip(averages, parameters, strict=True):
            parameter.copy_(average)


def move_towards(tuned: nn.Module, untuned: nn.Module, share: float) -> None:
    """Leave `tuned` at `share` of the way from `untuned` (Wortsman et al., 2022)."""
    with torch.no_grad():
        for end, start in zip(tuned.parameters(), untuned.parameters(), strict=True):
            end.copy_(start + share * (end - start))


def contrastive_loss(vectors: Tensor, labels: Tensor) -> Tensor:
    """Return the loss of a batch (n, d): each row against the others, those of its label near."""
    z = functional.normalize(vectors, dim=1)
    itself = torch.eye(len(labels), dtype=torch.bool)
    alike = (labels[:, None] == labels[None, :]) & ~itself
    near = (z @ z.T / TEMPERATURE).masked_fill(itself, -1e9)
    log_share = near - near.logsumexp(1, keepdim=True)
    anchors = alike.any(1)
    return -(log_share.masked_fill(~alike, 0).sum(1)[anchors] / alike.sum(1)[anchors]).mean()


def nearest_subjects(vectors: NDArray[np.float32], subjects: Sequence[str]) -> tuple[float, float]:
    """Return how often a passage's nearest subject, and one of the five nearest, is its own.

    Rows are centred on all; a subject is the mean of its passages, the passage's own left out.
    """
    rows = _unit(vectors - vectors.mean(axis=0))
    names, own = np.unique(subjects, return_inverse=True)
    sums = np.zeros((len(names), rows.shape[1]))
    np.add.at(sums, own, rows)
    cosines = rows @ _unit(sums).T
    to_own = (rows * _unit(sums[own] - rows)).sum(axis=1)
    cosines[np.arange(len(rows)), own] = to_own
    rank = (cosines > to_own[:, None]).sum(axis=1)
    return float((rank == 0).mean()), float((rank < 5).mean())


def subject_figures(network: Network, subjects: Subjects) -> tuple[float, float]:
    """Return `nearest_subjects` of a file that the network has not seen."""
    texts = [text for subject in subjects.values() for text in subject.passages]
    names = [name for name, subject in subjects.items() for _ in subject.passages]
    states = States(network, texts)
    return nearest_subjects(states.all_means(list(network.layers[network.n_frozen :])), names)


def _placed(files: Mapping[str, Subjects]) -> tuple[list[str], dict[str, list[_Places]]]:
    texts: list[str] = []
    placed: dict[str, list[_Places]] = {}
    for file, subjects in files.items():
        placed[file] = []
        for subject in subjects.values():
            first, second = len(texts), len(texts) + len(subject.passages)
            texts += [*subject.passages, *subject.statements]
            places = _Places(list(range(first, second)), list(range(second, len(texts))))
            placed[file].append(places)
    return texts, placed


def _batch(
    subjects: list[_Places], n_subjects: int, draw: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rows: list[int] = []
    labels: list[int] = []
    for label, at in enumerate(draw.permutation(len(subjects))[:n_subjects]):
        subject = subjects[at]
        chosen = list(draw.permutation(subject.passages)[:N_PASSAGES])
        if subject.statements and draw.random() < OF_STATEMENTS:
            chosen[-1] = draw.choice(subject.statements)
        rows += [int(row) for row in chosen]
        labels += [label] * len(chosen)
    return np.array(rows), np.array(labels)


def _unit(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), dtype=np.float64)

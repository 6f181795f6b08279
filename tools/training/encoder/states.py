"""What the lower layers make of texts, computed once: the layers above learn from it.

In:   texts
Out:  states (n_tokens, hidden) of each, in half precision; padded batches of them
"""

import logging
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tools.training.encoder.network import Network, mean_over

N_SHARED = 6  # layers, of twelve, that are left as they are
_AT_ONCE = 64
_FEWEST_TOKENS = 6  # of a text some of whose tokens are left out

Indices = NDArray[np.int64]
_LOG = logging.getLogger(__name__)


class States:
    """The states of `texts` after the shared layers."""

    def __init__(self, network: Network, texts: Sequence[str]) -> None:
        ids = network.ids(texts)
        order = sorted(range(len(ids)), key=lambda at: len(ids[at]))
        found: dict[int, Tensor] = {}
        network.eval()
        with torch.no_grad(), half_precision():
            for start in range(0, len(order), _AT_ONCE):
                some = order[start : start + _AT_ONCE]
                padded, mask = network.padded([ids[at] for at in some])
                x = network.embedded(padded)
                for layer in network.layers[:N_SHARED]:
                    x = layer(x, mask)
                for at, row in zip(some, x, strict=True):
                    found[at] = row[: len(ids[at])].to(torch.bfloat16).clone()
        self._states = [found[at] for at in range(len(ids))]
        self.width = self._states[0].shape[1]
        self.lengths = np.array([len(state) for state in self._states])
        _LOG.info("read %d texts", len(texts))

    def means(
        self, layers: Iterable[nn.Module], rows: Sequence[int] | Indices, *, left_out: float = 0.0
    ) -> Tensor:
        """Return what `layers` make of texts: (n, hidden), means over their tokens.

        A share `left_out` of the tokens is drawn and left out.
        """
        states = [self._states[at] for at in rows]
        if left_out:
            states = [_some_tokens(state, left_out) for state in states]
        lengths = [len(state) for state in states]
        x = torch.zeros(len(states), max(lengths), self.width)
        mask = torch.zeros(x.shape[:2], dtype=torch.bool)
        for i, state in enumerate(states):
            x[i, : lengths[i]], mask[i, : lengths[i]] = state.float(), True
        with half_precision():
            for layer in layers:
                x = layer(x, mask)
        return mean_over(x, mask)

    def all_means(self, layers: Sequence[nn.Module]) -> NDArray[np.float32]:
        """Return `means` of every text, without dropout."""
        rows = np.zeros((len(self._states), self.width), np.float32)
        for layer in layers:
            layer.eval()
        with torch.no_grad():
            for some in by_length(self.lengths, np.arange(len(rows)), 2 * _AT_ONCE):
                rows[some] = self.means(layers, some).numpy()
        return rows


def by_length(lengths: Indices, rows: Indices, size: int) -> Iterator[Indices]:
    """Yield `rows` in lots of texts of about a length."""
    ordered = rows[np.argsort(lengths[rows], kind="stable")]
    yield from (ordered[at : at + size] for at in range(0, len(ordered), size))


def half_precision() -> torch.autocast:
    """Return bfloat16 arithmetic, twice as fast where the processor has it."""
    return torch.autocast("cpu", torch.bfloat16)


def schedule(step: int, n_steps: int, *, warm: int) -> float:
    """Return the share of the learning rate: up over `warm` steps, then down to a twentieth."""
    return min(1.0, (step + 1) / warm) * max(0.05, 1 - step / n_steps)


def optimiser(groups: list[tuple[Iterable[nn.Parameter], float]]) -> torch.optim.AdamW:
    """Return AdamW with a rate for each group of parameters."""
    return torch.optim.AdamW(
        [{"params": list(parameters), "lr": rate, "rate": rate} for parameters, rate in groups],
        weight_decay=0.05,
    )


def take_step(optimiser: torch.optim.AdamW, loss: Tensor, share: float) -> None:
    """Move the parameters once, by `share` of their rates."""
    parameters = [each for group in optimiser.param_groups for each in group["params"]]
    for group in optimiser.param_groups:
        group["lr"] = group["rate"] * share
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(parameters, 1.0)
    optimiser.step()


def _some_tokens(state: Tensor, left_out: float) -> Tensor:
    if len(state) <= _FEWEST_TOKENS:
        return state
    kept = state[torch.rand(len(state)) > left_out]
    return kept if len(kept) else state

"""What the lower layers make of texts, computed once: the layers above learn from it.

In:   texts
Out:  states (n_tokens, hidden) of each, in half precision; padded batches of them
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_AT_ONCE = 64
_FEWEST_TOKENS = 6  # of a text some of whose tokens are left out

Indices = NDArray[np.int64]
_LOG = logging.getLogger(__name__)


class Network(Protocol):
    """An encoder whose first `n_frozen` layers are left as they are."""

    n_frozen: int
    layers: nn.ModuleList

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's ids."""

    def padded(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Return ids and mask (n, longest)."""

    def embedded(self, ids: Tensor) -> Tensor:
        """Return what enters the first layer: (n, length, hidden)."""

    def eval(self) -> Any:
        """Leave nothing out."""


class States:
    """The states of `texts` after the frozen layers."""

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
                for layer in network.layers[: network.n_frozen]:
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
        found = {}
        for layer in layers:
            layer.eval()
        with torch.no_grad():
            for some in by_length(self.lengths, np.arange(len(self.lengths)), 2 * _AT_ONCE):
                found.update(zip(some.tolist(), self.means(layers, some).numpy(), strict=True))
        return np.array([found[at] for at in range(len(found))], dtype=np.float32)


def by_length(lengths: Indices, rows: Indices, size: int) -> Iterator[Indices]:
    """Yield `rows` in lots of texts of about a length."""
    ordered = rows[np.argsort(lengths[rows], kind="stable")]
    yield from (ordered[at : at + size] for at in range(0, len(ordered), size))


def half_precision() -> AbstractContextManager[Any]:
    """Return bfloat16 arithmetic where the processor has it: twice as fast, elsewhere slower."""
    has_it = torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001 (no public name)
    return torch.autocast("cpu", torch.bfloat16) if has_it else nullcontext()


def mean_over(x: Tensor, mask: Tensor) -> Tensor:
    """Return the mean (n, hidden) of the unmasked states."""
    return (x.float() * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


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

"""Tune the upper layers: one run, from a recipe to weights. It resumes where it was stopped.

In:   a network, passages, a recipe
Out:  the network, its weights averaged over the steps
"""

import copy
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tools.training.encoder.batches import Batch, Batches
from tools.training.encoder.network import Network, pack
from tools.training.encoder.objectives import contrastive, drift, tagging
from tools.training.encoder.recipe import Recipe

_WARM_SHARE = 0.1
_OTHERS_SHARE = 0.2  # of the factors' rate, for biases and norms
_LARGEST_GRADIENT = 1.0
_STEPS_PER_SAVE = 20

States = dict[str, Tensor]


class Heads(nn.Module):
    """What is learnt beside the encoder and left behind: a place for each broad theme, a plane for
    each code.
    """

    def __init__(self, themes: Tensor, codes: Sequence[str]) -> None:
        """`themes` (n_themes, hidden) are the untuned vectors of what each theme is called."""
        super().__init__()
        self.places = nn.Parameter(nn.functional.normalize(themes - themes.mean(dim=0), dim=1))
        self.codes = tuple(codes)
        self.planes = nn.Linear(themes.shape[1], len(codes))
        nn.init.zeros_(self.planes.weight)

    def near(self, vectors: Tensor) -> Tensor:
        """Return cosines (n, n_themes)."""
        return (
            nn.functional.normalize(vectors, dim=1) @ nn.functional.normalize(self.places, dim=1).T
        )

    def tag(self, vectors: Tensor) -> Tensor:
        """Return logits (n, n_codes)."""
        logits: Tensor = self.planes(nn.functional.normalize(vectors, dim=1) * 10)
        return logits

    def targets(self, put: Sequence[frozenset[str]]) -> Tensor:
        """Return (n, n_codes), 1 for a code that is put."""
        return torch.tensor([[float(code in codes) for code in self.codes] for codes in put])


def fit(
    network: Network,
    states: States,
    batches: Batches,
    heads: Heads,
    untuned: States,
    recipe: Recipe,
    *,
    checkpoint: Path | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> None:
    """Tune `network` in place. `states` holds what its frozen layers make of each text, `untuned`
    the general texts' first vectors.
    """
    torch.manual_seed(recipe.seed)
    tuned = [*network.upper.parameters(), *heads.parameters()]
    factors = [
        value for name, value in network.upper.named_parameters() if name.endswith("factors")
    ]
    groups = [factors, [value for value in tuned if not any(value is factor for factor in factors)]]
    rates = (recipe.rate, recipe.rate * _OTHERS_SHARE)
    optimizer = torch.optim.Adam(
        [{"params": group, "lr": rate} for group, rate in zip(groups, rates, strict=True)]
    )
    mean = copy.deepcopy(network.upper.state_dict())
    start = _resume(checkpoint, network, heads, optimizer, mean)
    network.train()
    for step in range(start, recipe.n_steps):
        torch.manual_seed(recipe.seed * 1_000_003 + step)  # dropout too is the step's own
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * _schedule(step, recipe.n_steps)
        loss = _loss(network, heads, states, untuned, batches.at(step), recipe)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(tuned, _LARGEST_GRADIENT)
        optimizer.step()
        _average(mean, network.upper, min(recipe.averaging, (step + 1) / (step + 10)))
        if checkpoint and (step + 1) % _STEPS_PER_SAVE == 0:
            _save(checkpoint, step + 1, network, heads, optimizer, mean)
        if on_step:
            on_step(step + 1, float(loss.detach()))
    network.upper.load_state_dict(mean)


def _loss(
    network: Network, heads: Heads, states: States, untuned: States, batch: Batch, recipe: Recipe
) -> Tensor:
    general = [text for pair in batch.general for text in pair]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        vectors = network(pack([states[text] for text in (*batch.texts, *general)])).float()
    passages, likeness = vectors[: len(batch.texts)], vectors[len(batch.texts) :]
    broad, fine = torch.tensor(batch.broad), torch.tensor(batch.fine)
    loss = contrastive(passages, broad, recipe.temperature)
    if recipe.fine_weight:
        # Passages of one broad theme are neither alike nor unlike here: only their fine themes
        # tell.
        unlike = (broad[:, None] != broad[None, :]) | (broad < 0)[:, None]
        loss = loss + recipe.fine_weight * contrastive(
            passages, fine, recipe.temperature, unlike=unlike & (fine[:, None] != fine[None, :])
        )
    if recipe.keep_weight and general:
        loss = loss + recipe.keep_weight * drift(
            likeness, torch.stack([untuned[text] for text in general])
        )
    if recipe.tag_weight:
        whole = [at for at, put in enumerate(batch.codes) if put is not None]
        put = [batch.codes[at] or frozenset() for at in whole]
        loss = loss + recipe.tag_weight * tagging(heads.tag(passages[whole]), heads.targets(put))
    if recipe.theme_weight:
        themed = [at for at, theme in enumerate(batch.broad) if theme >= 0]
        near = heads.near(passages[themed]) / recipe.temperature
        loss = loss + recipe.theme_weight * nn.functional.cross_entropy(near, broad[themed])
    return loss


def _schedule(step: int, n_steps: int) -> float:
    """Share of the rate: up over the first tenth, then down along a cosine."""
    warm = max(1, round(_WARM_SHARE * n_steps))
    if step < warm:
        return (step + 1) / warm
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, n_steps - warm)))


def _average(mean: dict[str, Tensor], module: nn.Module, share: float) -> None:
    with torch.no_grad():
        for name, value in module.state_dict().items():
            mean[name].mul_(share).add_(value, alpha=1 - share)


def _save(
    path: Path, step: int, network: Network, heads: Heads, optimizer: Any, mean: dict[str, Tensor]
) -> None:
    parts = {"upper": network.upper, "heads": heads, "optimizer": optimizer}
    state = {"step": step, "mean": mean} | {name: part.state_dict() for name, part in parts.items()}
    partial = path.with_suffix(".part")
    torch.save(state, partial)
    partial.replace(path)


def _resume(
    path: Path | None, network: Network, heads: Heads, optimizer: Any, mean: dict[str, Tensor]
) -> int:
    """Load the last checkpoint and return the step to go on from, 0 where there is none."""
    if path is None or not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    network.upper.load_state_dict(state["upper"])
    heads.load_state_dict(state["heads"])
    optimizer.load_state_dict(state["optimizer"])
    mean.update(state["mean"])
    return int(state["step"])

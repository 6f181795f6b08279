"""Drawings kept between runs: a chart that did not change since the last report is not drawn again.

In:   what a drawing is made of
Out:  its bytes, from the folder of `drawings_kept` or newly drawn
"""

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from pipeline.files import write_bytes
from pipeline.i18n import _
from pipeline.within import within

_LOG = logging.getLogger(__name__)
_N_HASH = 32  # bytes
_DRAWN_BY = f"vl-convert-python {metadata.version('vl-convert-python')}"


class _Kept:
    """The drawings of one folder, and which of them were asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asked: set[str] = set()

    def get(self, name: str, draw: Callable[[], bytes]) -> bytes:
        """Return the drawing `name`, drawn and written whole, a hash before it, where it is not there as it was written."""
        path = self._folder / name
        self._asked.add(name)
        content = path.read_bytes() if path.is_file() else b""
        drawing = content[_N_HASH:]
        if content[:_N_HASH] == _hash_of(name, drawing):
            return drawing
        if content:
            _LOG.warning(_("dessin {name} : pas ce qui fut écrit, refait").format(name=name))
        drawing = draw()
        write_bytes(path, _hash_of(name, drawing) + drawing)
        return drawing

    def drop_others(self) -> None:
        """Remove what nothing asked for."""
        for path in self._folder.glob("*"):
            if path.name not in self._asked:
                path.unlink(missing_ok=True)


def _hash_of(name: str, drawing: bytes) -> bytes:
    return hashlib.sha256(name.encode() + drawing).digest()


_OPEN: list[_Kept] = []


@contextmanager
def drawings_kept(folder: Path, *, drops_others: bool = True) -> Iterator[None]:
    """Within the block, drawings are taken from `folder` and left there; after it, only those that the block asked for are left.

    Where it does not drop the others, all of them are: what draws a part only must not undo what is kept for the whole.
    """
    kept = _Kept(folder)
    with within(_OPEN, kept):
        yield
        if drops_others:
            kept.drop_others()


def drawing(source: str, form: str, draw: Callable[[], bytes]) -> bytes:
    """Return what `draw` gives for `source`; `form` tells how it is drawn, its suffix first."""
    if not _OPEN:
        return draw()
    suffix = form.split()[0]
    name = hashlib.sha256("\0".join((_DRAWN_BY, form, source)).encode()).hexdigest()[:32]
    return _OPEN[-1].get(f"{name}.{suffix}", draw)

"""Make a zipped office file depend on its content alone: no time of writing in it.

In:   a .docx, .xlsx or .pptx
Out:  the same file, entries dated 1 January 1980
"""

import io
import re
import zipfile
from pathlib import Path

_STAMP = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*<")
_THEN = (1980, 1, 1, 0, 0, 0)


def fix_times(path: Path) -> None:
    """Write `path` again with its entries in their order, compressed, all of the same date."""
    path.write_bytes(undated(path.read_bytes()))


def undated(content: bytes) -> bytes:
    """The bytes of a zipped file, its entries in their order, compressed, all of the same date."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as written, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in written.namelist():
            entry = zipfile.ZipInfo(name, _THEN)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(entry, _inner(name, written.read(name)))
    return out.getvalue()


def _inner(name: str, content: bytes) -> bytes:
    """A file of the zipped one; the workbook behind a chart is undated too, its properties included."""
    if not name.endswith(".xlsx"):
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as written:
        files = {inner: _STAMP.sub(rb"\g<1>1980-01-01T00:00:00Z<", written.read(inner)) for inner in written.namelist()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for inner, bytes_ in files.items():
            archive.writestr(zipfile.ZipInfo(inner, _THEN), bytes_)
    return undated(out.getvalue())

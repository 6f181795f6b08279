"""Make a zipped office file depend on its content alone: no time of writing in it.

In:   a .docx or .xlsx
Out:  the same file, entries dated 1 January 1980
"""

import zipfile
from pathlib import Path

_THEN = (1980, 1, 1, 0, 0, 0)


def fix_times(path: Path) -> None:
    """Write `path` again with its entries in their order, compressed, all of the same date."""
    with zipfile.ZipFile(path) as archive:
        entries = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            entry = zipfile.ZipInfo(name, _THEN)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(entry, content)

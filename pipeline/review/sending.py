"""Send a file that people open or download."""

import base64
import hashlib
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from csp.constants import NONE
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.utils.http import content_disposition_header

from pipeline.publish.spreadsheet import Book, new_book

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def attached(content: str | bytes, name: str, content_type: str) -> HttpResponse:
    """Return what was made for the person alone, to download under this name."""
    answer = HttpResponse(content, content_type=content_type)
    answer["Content-Disposition"] = content_disposition_header(True, name) or ""
    return answer


def attached_book(fill: Callable[[Book], None], name: str) -> HttpResponse:
    """Return the workbook that `fill` fills, to download under this name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "classeur.xlsx"
        with new_book(path) as book:
            fill(book)
        return attached(path.read_bytes(), name, _XLSX)


def sent(path: Path) -> HttpResponseBase:
    """Return a file to download, or a page that may style itself and run its own script alone.

    Such a page has no origin: it reads nothing of the application.
    """
    if path.suffix != ".html":
        return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)
    content = path.read_bytes()
    digests = (hashlib.sha256(script).digest() for script in _SCRIPT.findall(content))
    scripts = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    answer = HttpResponse(content, content_type="text/html; charset=utf-8")
    answer["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
        f"script-src {scripts or NONE}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; sandbox allow-scripts allow-popups"
    )
    answer["Referrer-Policy"] = "no-referrer"
    return answer

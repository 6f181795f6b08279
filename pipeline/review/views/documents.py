"""Show what became of each file and document, and make passages of what was none."""

from pathlib import Path
from typing import Any

import pandas as pd
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from pipeline.decisions.memos import DOCUMENT, MemoSubject
from pipeline.decisions.passages import MakePassage
from pipeline.files import file_hash
from pipeline.publish.text import quoted
from pipeline.receipts import (
    characters_sentence,
    receipt_sentence,
    shares_of_characters,
    told_first,
)
from pipeline.review import state
from pipeline.review.reading import spans_of
from pipeline.review.roles import GET, POST, Role, decides, reads, role_of
from pipeline.review.views import page_of, record
from pipeline.review.views.memos import panel_of

# what a browser shows as a picture, by its first bytes
_SHOWN = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
    b"RIFF": "image/webp",
}
_MAX_QUOTED = 200  # characters of a text, as a decision quotes it


@reads(GET)
def listing(request: HttpRequest) -> HttpResponse:
    """List the files read, those to look at first, with what was kept of each."""
    snapshot = state.snapshot()
    documents = snapshot.tables["documents"]
    ids = dict(zip(documents["path"], documents["document_id"], strict=True))
    page = page_of(request, told_first(snapshot.tables["receipts"]))
    rows = [
        {
            "path": row["path"],
            "document_id": ids.get(row["path"]),
            "sentence": receipt_sentence(row),
            "warning": row["warning"] if isinstance(row["warning"], str) else "",
        }
        for row in page.object_list
    ]
    shown = {
        "section": "documents",
        "page": page,
        "rows": rows,
        "rejects": snapshot.tables["rejects"].to_dict("records"),
        "characters": characters_sentence(shares_of_characters(snapshot.tables["ledger"])),
    }
    return render(request, "review/documents.html", shown)


@reads(GET)
def document(request: HttpRequest, document_id: str) -> HttpResponse:
    """Show a document whole: its passages, and what is none with the reason."""
    snapshot = state.snapshot()
    row = _row(document_id)
    receipts = snapshot.tables["receipts"].set_index("path")
    receipt = receipts.loc[row["path"]] if row["path"] in receipts.index else None
    shown = {
        "section": "documents",
        "here": request.GET.get("passage", ""),
        "spans": spans_of(snapshot, document_id, state.journal()),
        "is_machine_read": row.get("read_by") == "machine",
        "has_picture": role_of(request.user) >= Role.ANALYST and _picture(row) is not None,
        "title": snapshot.titles[document_id],
        "document_id": document_id,
        "receipt": None if receipt is None else receipt_sentence(receipt),
        "warning": "" if receipt is None or pd.isna(receipt["warning"]) else receipt["warning"],
        "workshop": snapshot.workshops[row["workshop_id"]],
        "memos": panel_of(request, MemoSubject(DOCUMENT, document_id)),
    }
    return render(request, "review/document.html", shown)


@decides(GET)
def picture(request: HttpRequest, document_id: str) -> HttpResponseBase:
    """Send the photo that a document was read on, to those who correct what was read.

    It is not pseudonymised: readers are not shown it, and no cache keeps it.
    """
    row = _row(document_id)
    path = _picture(row)
    if path is None or file_hash(path) != row["sha256"]:  # another file since
        raise Http404
    answer = FileResponse(path.open("rb"), content_type=_shown_type(path))
    answer["Content-Security-Policy"] = "default-src 'none'"
    answer["Cache-Control"] = "private, no-store"
    return answer


def _picture(row: dict[str, Any]) -> Path | None:
    """Return the file of a document read by machine, where a browser shows it; None elsewhere."""
    if row.get("read_by") != "machine" or "#" in row["path"]:
        return None
    depot = state.study().depot.resolve()
    try:
        path = (depot / row["path"]).resolve()
        is_ours = path.is_relative_to(depot) and path.is_file()
        return path if is_ours and _shown_type(path) else None
    except OSError:
        return None


def _shown_type(path: Path) -> str | None:
    with path.open("rb") as file:
        start = file.read(4)
    return next((name for magic, name in _SHOWN.items() if start.startswith(magic)), None)


@decides(POST)
def make_passage(request: HttpRequest, document_id: str) -> HttpResponse:
    """Decide that a text of the document is a passage, from the next run on."""
    asked = request.POST.get("texte")
    _row(document_id)
    spans = spans_of(state.snapshot(), document_id, state.journal())
    span = next((span for span in spans if span.unit_id == asked), None)
    if span is None or span.unit is not None:
        raise Http404
    decision = MakePassage(span.unit_id, said=span.text[:_MAX_QUOTED])
    record(request, decision)
    sentence = _("{text} sera un passage au prochain calcul.")
    messages.success(request, sentence.format(text=quoted(span.text)))
    return redirect("document", document_id)


def _row(document_id: str) -> dict[str, Any]:
    documents = state.snapshot().tables["documents"]
    rows = documents[documents["document_id"] == document_id].to_dict("records")
    if not rows:
        raise Http404
    return {str(name): value for name, value in rows[0].items()}

"""Show the real words masked in a passage, and unmask those that name nobody."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from flows.masked_names import MaskedWords, leave_readable, masked_words
from flows.vault import Vault
from pipeline.errors import VaultError
from pipeline.publish.text import quoted
from pipeline.review import state
from pipeline.review.mending import bounds_of
from pipeline.review.roles import GET, POST, decides
from pipeline.review.views import author_of, is_fragment
from pipeline.review.views.deposit import DECIDING


@decides(GET)
def listing(request: HttpRequest, unit_id: str) -> HttpResponse:
    """Show the words behind the tokens of a passage to those who may see real names."""
    return _listing(request, unit_id)


@decides(POST)
def unmask(request: HttpRequest, unit_id: str) -> HttpResponse:
    """Leave words of a passage readable in the whole study, or take that back."""
    try:
        with DECIDING:
            vault = Vault(state.study())
            rows = {row.words: row for row in _masked(vault, unit_id)}
            row = rows.get(request.POST.get("mots", ""))
            if row is None:
                raise Http404
            said = _decide(vault, row, request)
    except VaultError as error:
        return _listing(request, unit_id, said=f"{error.found} : {error.do}")
    if is_fragment(request):
        return _listing(request, unit_id, said=said)
    messages.success(request, said)
    return redirect("masked_names", unit_id)


def _decide(vault: Vault, row: MaskedWords, request: HttpRequest) -> str:
    command, author, words = request.POST.get("geste", ""), author_of(request), quoted(row.words)
    if command == "demasquer":
        leave_readable(vault, row.words, author=author)
        told = _(
            "{words} restera lisible au prochain calcul ; ce qui est décidé des passages qui le "
            "disent sera alors à revoir."
        )
        return told.format(words=words)
    if command != "revenir" or vault.decide(row.decision_id, None, author=author) is None:
        raise Http404
    return _("{words} : la décision est reprise.").format(words=words)


def _masked(vault: Vault, unit_id: str) -> list[MaskedWords]:
    """Raises `Http404` for a passage unknown to the last run."""
    snapshot = state.snapshot()
    if unit_id not in snapshot.units:
        raise Http404
    unit, documents = snapshot.units[unit_id], snapshot.tables["documents"]
    paths = documents.loc[documents["document_id"] == unit.document_id, "path"]
    return masked_words(
        vault,
        unit.text,
        folder=str(snapshot.workshops[unit.workshop_id]["folder"]),
        path=str(paths.iloc[0]),
        start_char=bounds_of(snapshot)[unit_id][0],
    )


def _listing(request: HttpRequest, unit_id: str, *, said: str = "") -> HttpResponse:
    shown: dict[str, Any] = {"is_fragment": is_fragment(request), "unit_id": unit_id, "said": said}
    shown["section"] = "passages"
    try:
        shown["rows"] = _masked(Vault(state.study()), unit_id)
    except VaultError as error:
        shown["fault"] = error
    return render(request, "review/masked_names.html", shown)

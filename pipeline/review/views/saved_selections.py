"""Keep a selection of passages under a name, remove it, and send its passages as a file."""

import pandas as pd
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from pipeline.decisions.selections import RemoveSelection, SaveSelection
from pipeline.publish.spreadsheet import Book
from pipeline.publish.text import quoted, typography, where
from pipeline.review import state
from pipeline.review.doors import coder_view
from pipeline.review.queue import CoderView
from pipeline.review.roles import GET, POST, decides
from pipeline.review.selection import Selection
from pipeline.review.sending import attached, attached_book
from pipeline.review.views import author_of, record, return_url
from pipeline.review.views.selections import words_of
from pipeline.text import without_formula

_MAX_NAME = 80


@decides(POST)
def save(request: HttpRequest) -> HttpResponse:
    """Keep the selection of an address under a name, in place of the person's of that name."""
    wanted = Selection.read(QueryDict(request.POST.get("adresse", "")))
    name = " ".join(request.POST.get("nom", "").split())[:_MAX_NAME]
    back = f"{reverse('passages_list')}?{wanted.address()}"
    if not name:
        messages.error(request, _("Donnez un nom à la sélection pour la garder."))
    else:
        is_shared = request.POST.get("partagee") == "oui"
        decision = SaveSelection.named(name, wanted.address(), is_shared=is_shared)
        record(request, decision)
        said = _("Sélection {name} gardée, pour tous les membres de l’étude.")
        said = said if is_shared else _("Sélection {name} gardée, pour vous.")
        messages.success(request, typography(said.format(name=quoted(name))))
    return HttpResponseRedirect(return_url(request, back))


@decides(POST)
def remove(request: HttpRequest) -> HttpResponse:
    """Remove a selection that the person named."""
    name, rows = request.POST.get("nom", ""), state.journal().active(SaveSelection)
    if name not in {row.name for row in rows if row.author == author_of(request)}:
        raise Http404
    record(request, RemoveSelection.named(name))
    said = _("Sélection {name} retirée.").format(name=quoted(name))
    messages.success(request, typography(said))
    return HttpResponseRedirect(return_url(request, reverse("passages_list")))


@decides(GET)
def export(request: HttpRequest, form: str) -> HttpResponse:
    """Send the passages of a selection as .xlsx or .csv, in their order."""
    wanted, view = Selection.read(request.GET), coder_view(request)
    rows = _table(view, view.unit_ids(wanted))
    if form == "csv":
        return attached(_csv(rows), "passages.csv", "text/csv; charset=utf-8")
    if form != "xlsx":
        raise Http404
    about = {_("Sélection"): [words_of(view).sentence(wanted)], _("Passages"): [len(rows)]}

    def fill(book: Book) -> None:
        book.add_table(_("Passages"), rows)
        book.add_table(_("Sélection"), pd.DataFrame(about))

    return attached_book(fill, "passages.xlsx")


def _table(view: CoderView, unit_ids: list[str]) -> pd.DataFrame:
    """Return a row a passage: its words, place, codes by axis and theme; nobody who spoke."""
    snapshot, theme_of, names = view.snapshot, state.themes().theme_of, state.labels()
    rows = []
    for unit_id in unit_ids:
        unit = snapshot.units[unit_id]
        workshop = snapshot.workshops[unit.workshop_id]
        codes = [entry.code for entry in view.codes(unit_id) if entry.is_assigned]
        theme_id = "" if view.hides(unit_id) else theme_of.get(unit_id, "")
        by_axis = {
            axis.label: " ; ".join(code.label for code in codes if code.axis == axis.axis)
            for axis in view.grid.axes
        }
        rows.append(
            {
                _("Passage"): unit.text,
                **by_axis,
                _("Thème"): names.get(theme_id, ""),
                _("Territoire"): str(workshop["territory"]),
                _("Date"): str(workshop["date"] or ""),
                _("Table"): unit.table_number,
                _("Où"): where(unit.channel, unit.question, unit.table_number),
                _("Identifiant"): unit_id,
            }
        )
    return pd.DataFrame(rows).astype(object)


def _csv(rows: pd.DataFrame) -> str:
    """Return the rows as French spreadsheets read them, without formulas."""
    safe = rows.map(lambda cell: "" if cell is None else without_formula(str(cell)))
    safe.columns = safe.columns.map(without_formula)
    return "\ufeff" + safe.to_csv(sep=";", index=False, lineterminator="\r\n")

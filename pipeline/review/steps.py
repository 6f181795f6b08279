"""Tell where a study is: five steps, each with its state and its pages."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from flows.jobs.progress import n_decisions_waiting, waiting_for
from flows.publication_files import is_published
from pipeline.review import state
from pipeline.review.deposit import deposit_counts, remarks_on_unread

_N_ADVISED = 30  # passages to review before trusting the codes
N_FIRST = 10  # themes to sign off first


_PAGES = {
    "deposit": gettext_lazy("Déposer"),
    "processing": gettext_lazy("Traiter"),
    "passages": gettext_lazy("Passages"),
    "documents": gettext_lazy("Documents"),
    "agreement": gettext_lazy("Accord"),
    "learning": gettext_lazy("Apprentissage"),
    "memos": gettext_lazy("Mémos"),
    "journal": gettext_lazy("Journal"),
    "themes": gettext_lazy("Thèmes"),
    "priorities": gettext_lazy("Priorités"),
    "territories": gettext_lazy("Territoires"),
    "crossings": gettext_lazy("Croisements"),
    "publishing": gettext_lazy("Publier"),
    "results": gettext_lazy("Résultats"),
}
_STEPS = (
    ("deposit", gettext_lazy("Déposer"), ("deposit",)),
    ("process", gettext_lazy("Traiter"), ("processing",)),
    (
        "review",
        gettext_lazy("Relire"),
        ("passages", "documents", "agreement", "learning", "memos", "journal"),
    ),
    ("decide", gettext_lazy("Décider"), ("themes", "priorities", "territories", "crossings")),
    ("publish", gettext_lazy("Publier"), ("publishing", "results")),
)


def steps() -> list[dict[str, Any]]:
    """Return the five steps of the request's study, in order."""
    last = state.study().last_run()
    told = [_deposited(has_run=last is not None), (_("jamais traitée"), False)]
    told += [(_("après le traitement"), False)] * 3
    if last is not None:
        told[1:] = [_processed(), _reviewed(), _decided(), _published(last)]
    return [_step(*step, told=each) for step, each in zip(_STEPS, told, strict=True)]


def _step(
    name: str, label: Promise, pages: Sequence[str], *, told: tuple[str, bool]
) -> dict[str, Any]:
    """Return a step: its pages by the name of their section, and where it stands in words."""
    words, is_done = told
    shown = {"name": name, "label": str(label), "address": reverse(pages[0])}
    named = {page: str(_PAGES[page]) for page in pages}
    return shown | {"told": words, "is_done": is_done, "pages": named}


def _deposited(*, has_run: bool) -> tuple[str, bool]:
    n_files, remarks = deposit_counts(state.study())
    if not n_files:
        return _("aucun fichier encore"), False
    if remarks is None and has_run:
        tables = state.snapshot().tables
        rejects = tables["rejects"].to_dict("records")
        remarks = remarks_on_unread(rejects, tables["receipts"]["path"])
    if n_unread := len({row["path"] for row in remarks or () if not row["seen"]}):
        return ngettext("{n} fichier non lu", "{n} fichiers non lus", n_unread).format(
            n=n_unread
        ), False
    return ngettext("{n} fichier", "{n} fichiers", n_files).format(n=n_files), True


def _processed() -> tuple[str, bool]:
    waiting = waiting_for(state.study())
    n_files, n_decisions = waiting.n_new + waiting.n_changed + waiting.n_gone, waiting.n_decisions
    if n_files:
        told = ngettext("{n} fichier à traiter", "{n} fichiers à traiter", n_files)
        return told.format(n=n_files), False
    if n_decisions:
        told = ngettext(
            "{n} décision à prendre en compte", "{n} décisions à prendre en compte", n_decisions
        )
        return told.format(n=n_decisions), False
    return _("à jour"), True


def _reviewed() -> tuple[str, bool]:
    journal = state.journal_of_page()
    put_on, exclusive = state.snapshot().put_on, state.study().grid.exclusive
    coded = [journal.coded_by(coder, put_on, exclusive) for coder in journal.coders]
    begun = [journal.judged_by(coder) for coder in journal.coders]
    read = set().union(*coded)
    n_begun = len(set().union(*begun) - read)
    n_advised = min(_N_ADVISED, len(state.snapshot().units))
    told = ngettext(
        "{n} passage relu sur {of} conseillés",
        "{n} passages relus sur {of} conseillés",
        len(read),
    ).format(n=len(read), of=n_advised)
    if n_begun:
        more = ngettext(", {n} commencé", ", {n} commencés", n_begun)
        told += more.format(n=n_begun)
    return told, len(read) >= n_advised


def _decided() -> tuple[str, bool]:
    first, unsigned = first_themes(N_FIRST), unsigned_themes()
    if not first:
        return _("aucun thème"), True
    n = len(first) - len(unsigned)
    told = ngettext("{n} thème signé sur {of}", "{n} thèmes signés sur {of}", n)
    return told.format(n=n, of=len(first)), not unsigned


def first_themes(n: int) -> dict[str, int]:
    """Return the rank of the study's `n` first priorities that are still themes, by theme."""
    rows, themes = state.snapshot().tables["priorities"], state.themes().labels
    rows = rows[rows["scope"] == "study"].sort_values("rank").head(n)
    ranks = zip(rows["theme_id"], rows["rank"].astype(int).tolist(), strict=True)
    return {str(theme_id): rank for theme_id, rank in ranks if theme_id in themes}


def unsigned_themes() -> dict[str, int]:
    """Return the rank of the `N_FIRST` first priorities that nobody signed off, by theme."""
    themes = state.themes().themes
    signed = set(themes.loc[themes["is_signed_off"].astype(bool), "theme_id"])
    return {name: rank for name, rank in first_themes(N_FIRST).items() if name not in signed}


def _published(last: Mapping[str, Any]) -> tuple[str, bool]:
    if not is_published(state.study(), last["run_id"]):
        return _("pas encore publié"), False
    ended = datetime.datetime.fromisoformat(last["ended_at"])
    told = _("rapport du {date}").format(date=date_format(ended, "j F"))
    return told, not n_decisions_waiting(state.study())

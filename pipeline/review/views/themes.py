"""Show and change one theme, or the passages without any."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from pipeline.decisions import Decision
from pipeline.decisions.kinds import Undo
from pipeline.decisions.memos import THEME, MemoSubject
from pipeline.decisions.sign_off import SignOffTheme
from pipeline.decisions.themes import (
    MakeFamily,
    MergeThemes,
    MoveTheme,
    MoveUnit,
    ThemeDecision,
)
from pipeline.publish.text import quoted, typography
from pipeline.review import state, theme_page
from pipeline.review.bounds import MAX_LABEL, MAX_TEXT, whole
from pipeline.review.desks import desk
from pipeline.review.doors import code_doors_of_theme, coder_view
from pipeline.review.journal import Journal
from pipeline.review.roles import GET, POST, Role, decides, reads, role_of
from pipeline.review.snapshot import Snapshot
from pipeline.review.state import Themes
from pipeline.review.theme_forms import (
    N_LISTED_HALF,
    NO_THEME,
    READING,
    RefusedError,
    ThemeCommand,
    ThemeForm,
    read_command,
    smaller_half,
)
from pipeline.review.theme_history import (
    decisions_on,
    decisions_since,
    history_entries,
    latest_entries,
    sentence_of,
)
from pipeline.review.theme_list import nearest
from pipeline.review.theme_opinions import opinion_groups
from pipeline.review.theme_reading import BY_PROBABILITY, BY_TABLE, read_so_far
from pipeline.review.views import author_of, page_of, request_id_of, return_url
from pipeline.review.views.memos import panel_of

_N_LATEST, _N_HISTORY = 5, 100
N_QUOTES_BEFORE = 2  # of the other theme, before two are merged
_EDITABLE = ("nom", "description", "why")
_NOT_SENT_AGAIN = ("csrfmiddlewaretoken", "seen", "request_id", *_EDITABLE)


@reads(GET)
def theme(request: HttpRequest, theme_id: str) -> HttpResponse:
    """Show a theme, or what became of a former one."""
    return _theme_page(request, theme_id)


def _theme_page(
    request: HttpRequest, theme_id: str, sent: QueryDict | None = None, *, status: int = 200
) -> HttpResponse:
    """Show a theme, its form of sign-off as it was `sent`."""
    shown, now, snapshot, journal = common(request)
    history = history_entries(decisions_on({theme_id}, journal)[-_N_HISTORY:], journal)
    summary = theme_page.theme_summaries(now, snapshot).get(theme_id)
    if summary is None:
        label = state.labels().get(theme_id)
        if label is None and not history:
            raise Http404
        mergers = journal.on_theme(theme_id, MergeThemes)
        shown |= {
            "theme_id": theme_id,
            "label": label or _("Thème qui n’est plus"),
            "history": history,
            "end": str(mergers[-1].other_id) if mergers else "",
        }
        return render(request, "review/theme_gone.html", shown)
    members = now.of_theme[theme_id]
    row = now.themes[now.themes["theme_id"] == theme_id].to_dict("records")[0]
    page = page_of(request, members)
    actors, n_known = theme_page.actor_counts(members, snapshot)
    pins = theme_page.pin_decisions(list(page.object_list), journal)
    quotes = theme_page.theme_quotes(theme_id, str(row["quotes"]), now, snapshot, journal)
    cited = {quote["unit"].unit_id for quote in quotes}
    wordings = theme_page.wording_proposals(now, snapshot, journal, theme_id=theme_id)
    so_far = read_so_far(theme_id, now, snapshot, journal, sent)
    order = BY_PROBABILITY if request.GET.get("lire") == BY_PROBABILITY else BY_TABLE
    near = nearest([theme_id], now, snapshot)
    shown |= {
        "surest_first": so_far.surest_first(now.strengths) if order == BY_PROBABILITY else None,
        "targets": {name: now.labels[name] for name in near} | shown["labels"],
        "card": summary,
        "keywords": [str(word) for word in json.loads(str(row["keywords"]))],
        "quotes": quotes,
        "opinions": opinion_groups(theme_id, now, snapshot),
        "workshops": theme_page.workshop_counts(theme_id, now, snapshot),
        "actors": actors,
        "n_known": n_known,
        "code_doors": code_doors_of_theme(coder_view(request), theme_id, summary["label"]),
        "profile": theme_page.code_profile(members, snapshot, state.study().grid),
        "history": history,
        "memos": panel_of(request, MemoSubject(THEME, theme_id)),
        "page": page,
        "rows": [
            {
                "unit": snapshot.units[name],
                "is_quoted": name in cited,
                "is_to_check": name in now.to_check,
                "pin": pins.get(name),
            }
            for name in page.object_list
        ],
        "wordings": {entry["subject"]: entry for entry in wordings},
        "family_label": shown["family_labels"].get(summary["family_id"], ""),
        "reading": so_far,
        "typed_title": sent.get("nom", "") if sent else summary["label"],
        "typed_statement": sent.get("enonce", "") if sent else summary["statement"],
        "signed": next(reversed(journal.on_theme(theme_id, SignOffTheme)), None),
    }
    return render(request, "review/theme.html", shown, status=status)


@decides(POST)
def reading(request: HttpRequest, theme_id: str) -> HttpResponse:
    """Say how many tables are left to decide, with the form as it is filled in."""
    now, snapshot = state.themes(), state.snapshot()
    if theme_id not in now.labels:
        raise Http404
    so_far = read_so_far(theme_id, now, snapshot, state.journal(), request.POST)
    return render(request, "review/theme_reading_left.html", {"reading": so_far})


@reads(GET)
def split(request: HttpRequest, theme_id: str) -> HttpResponse:
    """Show the two proposed halves of a theme, to tick."""
    shown, now, snapshot, _journal = common(request)
    summary = theme_page.theme_summaries(now, snapshot).get(theme_id)
    if summary is None:
        raise Http404
    members = now.of_theme[theme_id]
    halves: dict[bool, list[str]] = {True: [], False: []}
    for name, is_smaller in zip(members, smaller_half(members, snapshot), strict=True):
        halves[is_smaller].append(name)
    groups = [
        {
            "is_smaller": is_smaller,
            "units": [snapshot.units[name] for name in names[:N_LISTED_HALF]],
            "n": len(names),
            "n_left": max(len(names) - N_LISTED_HALF, 0),
        }
        for is_smaller, names in halves.items()
    ]
    return render(request, "review/theme_split.html", shown | {"card": summary, "groups": groups})


@decides(GET)
def merger(request: HttpRequest, theme_id: str) -> HttpResponse:
    """Show what two themes would be as one, before anybody decides."""
    journal, now, snapshot = state.journal(), state.themes(), state.snapshot()
    if theme_id not in now.labels:
        raise Http404
    other_id = request.GET.get("autre", "")
    if other_id not in now.labels or other_id == theme_id:
        return render(request, "review/theme_merger.html")
    rows = [*journal.active(ThemeDecision), MergeThemes(theme_id, other_id)]
    after = state.replay_themes(snapshot, rows, now.last_id)
    quoted = now.themes.set_index("theme_id").at[other_id, "quotes"]
    quotes = theme_page.theme_quotes(other_id, str(quoted), now, snapshot, journal)
    shown = {
        "merged": theme_page.theme_summaries(after, snapshot)[other_id],
        "other": theme_page.theme_summaries(now, snapshot)[other_id],
        "quotes": quotes[:N_QUOTES_BEFORE],
    }
    return render(request, "review/theme_merger.html", shown)


@reads(GET)
def proposals(request: HttpRequest) -> HttpResponse:
    """Show the proposed mergers and wordings."""
    shown, now, snapshot, journal = common(request)
    shown |= {
        "mergers": theme_page.merge_proposals(now, snapshot, journal),
        "wordings": theme_page.wording_proposals(now, snapshot, journal),
        "cards": theme_page.theme_summaries(now, snapshot),
    }
    return render(request, "review/theme_proposals.html", shown)


@reads(GET)
def set_aside(request: HttpRequest) -> HttpResponse:
    """Show the passages without theme, fifty a page."""
    shown, now, snapshot, _journal = common(request)
    workshop_id = request.GET.get("atelier", "")
    units = [
        unit
        for unit in snapshot.units.values()
        if unit.unit_id not in now.theme_of and workshop_id in ("", unit.workshop_id)
    ]
    page = page_of(request, units)
    shown |= {
        "page": page,
        "rows": page.object_list,
        "n_listed": len(units),
        "address": f"atelier={workshop_id}" if workshop_id in snapshot.workshops else "",
        "targets": shown["labels"],
        "workshop_id": workshop_id,
    }
    return render(request, "review/set_aside.html", shown)


def common(request: HttpRequest) -> tuple[dict[str, Any], Themes, Snapshot, Journal]:
    """Read `seen` first: it must not count decisions that the page does not show."""
    journal = state.journal()
    last_id = journal.last_id
    now, snapshot = state.themes(), state.snapshot()
    shown = {
        "section": "themes",
        "seen": last_id,
        "request_id": uuid.uuid4().hex,
        "labels": theme_page.by_label(now.labels),
        "family_labels": theme_page.family_labels(now, snapshot),
        "workshops_by_id": snapshot.workshops,
        "why_no_theme": state.why_no_theme(),
        "latest": latest_entries(author_of(request), journal, n_entries=_N_LATEST),
        "aside": NO_THEME,
        "max_label": MAX_LABEL,
        "max_text": MAX_TEXT,
    }
    return shown, now, snapshot, journal


@decides(POST)
def decide(request: HttpRequest, subject: str = "") -> HttpResponse:
    """Append a form's decisions, unless others decided on the same since the page was shown."""
    journal, now = state.journal(), state.themes()
    form = ThemeForm(subject, request.POST, now, state.snapshot(), journal)
    subject_url = reverse("theme", args=[subject]) if subject else reverse("set_aside")
    try:
        command = read_command(form)
    except RefusedError as refusal:
        messages.error(request, typography(str(refusal)))
        if request.POST.get("geste") in READING:
            return _theme_page(request, subject, request.POST, status=422)
        return HttpResponseRedirect(return_url(request, subject_url))
    except KeyError as unknown:
        raise Http404 from unknown
    with desk().theme_lock:
        seen, author = whole(request.POST.get("seen", "")), author_of(request)
        if seen is not None:
            newer = decisions_since(seen, command.touches, state.journal(), author=author)
            if newer:
                return _conflict(request, subject, command, newer)
        sentence = _sentence(command)  # before appending, for the former names
        request_id = f"{request_id_of(request)}-{command.digest}"
        journal.add(command.decisions, author=author, request_id=request_id)
    for warning in _side_effects(now, state.themes()):
        messages.warning(request, typography(warning))
    text = typography(_("C’est enregistré : {told}.").format(told=sentence))
    if command.new_ids:
        url = reverse("theme", args=[command.new_ids[0]])
        text = format_html('{} <a href="{}">{}</a>', text, url, _("Voir le nouveau thème"))
    messages.success(request, text)
    next_id = command.shown_next
    next_url = reverse("theme", args=[next_id]) if next_id else subject_url
    return HttpResponseRedirect(return_url(request, next_url))


def _side_effects(before: Themes, after: Themes) -> Iterator[str]:
    """Say which themes are signed off no more, and which names two themes have come to bear."""
    for theme_id in sorted(before.signed_ids - after.signed_ids):
        if theme_id in after.labels:
            unsigned = _("{label} n’est plus validé : il a changé, sa page dit quoi vérifier.")
            yield unsigned.format(label=quoted(after.labels[theme_id]))
    for label in sorted(set(after.shared_labels.values()) - set(before.shared_labels.values())):
        shared = _("Plusieurs thèmes s’appellent maintenant {label} : en renommer un.")
        yield shared.format(label=quoted(label))


def _sentence(command: ThemeCommand) -> str:
    rows = command.decisions
    if len(rows) > 1 and isinstance(rows[0], MergeThemes):
        label = quoted(state.labels().get(str(rows[0].other_id), ""))
        return _("{n} thèmes réunis à {label}").format(n=len(rows), label=label)
    if isinstance(rows[0], MakeFamily | MoveTheme):
        return sentence_of(rows, state.journal())
    if len(rows) == 1 or not isinstance(rows[0], MoveUnit):
        return state.sentence(rows[0])
    if any(isinstance(row, MoveUnit) and row.into_id == row.theme_id for row in rows):
        return _("{n} passages lus").format(n=len(rows))
    return _("{n} passages changent de thème").format(n=len(rows))


def _conflict(
    request: HttpRequest, subject: str, command: ThemeCommand, newer: list[Decision]
) -> HttpResponse:
    """Show who decided what meanwhile, with the typed text; append nothing."""
    wanted = command.decisions
    is_many = len(wanted) > 1 and isinstance(wanted[0], MoveUnit)
    subject_url = reverse("theme", args=[subject]) if subject else reverse("themes")
    shown: dict[str, Any] = {
        "section": "themes",
        "seen": max(row.decision_id for row in newer),
        "request_id": uuid.uuid4().hex,
        "newer": history_entries(newer, state.journal()),
        "wanted": "" if is_many else _sentence(command),
        "n_wanted": len(wanted),
        "sent": [
            (name, value)
            for name in request.POST
            if name not in _NOT_SENT_AGAIN
            for value in request.POST.getlist(name)
        ],
        "typed": {name: request.POST[name] for name in _EDITABLE if request.POST.get(name)},
        "action": request.path,
        "back": return_url(request, subject_url),
        "max_label": MAX_LABEL,
        "max_text": MAX_TEXT,
    }
    return render(request, "review/theme_conflict.html", shown, status=409)


@decides(POST)
def undo(request: HttpRequest) -> HttpResponse:
    """Undo decisions together; analysts undo their own, administrators anybody's."""
    journal, author = state.journal(), author_of(request)
    parts = request.POST.get("decisions", "").split(",")
    rows = [row for row in (journal.get(whole(part)) for part in parts) if row is not None]
    left = [
        row for row in rows if not isinstance(row, Undo) and not journal.is_undone(row.decision_id)
    ]
    if any(row.author != author for row in left) and role_of(request.user) < Role.ADMINISTRATOR:
        messages.error(
            request, _("Seule la personne qui a décidé, ou l’administration, peut annuler.")
        )
    elif not left:
        messages.warning(request, _("C’était déjà annulé."))
    else:
        journal.add(
            [Undo(row.decision_id) for row in left],
            author=author,
            request_id=f"{request_id_of(request)}-{left[0].decision_id}-{len(left)}",
        )
        sentence = typography(history_entries(left, journal)[0].sentence)
        messages.success(
            request, _("Annulé : {who} {told}.").format(who=left[0].author, told=sentence)
        )
    return HttpResponseRedirect(return_url(request, reverse("themes")))

"""Write memos and flags, show those of a page, and list every memo."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pipeline.decisions.memos import (
    CODE,
    DOCUMENT,
    STUDY,
    THEME,
    UNIT,
    EditMemo,
    FlagDecision,
    FlagPassage,
    Memo,
    MemoDecision,
    MemoSubject,
    NoteMemo,
    RemoveMemo,
    UnflagPassage,
    current_memos,
    flagged,
    subject_of,
)
from pipeline.grid.codes import Grid
from pipeline.publish.text import shortened
from pipeline.review import state
from pipeline.review.bench import undoing_of
from pipeline.review.blind import blind_coding
from pipeline.review.bounds import whole
from pipeline.review.journal import Journal
from pipeline.review.markdown import as_html
from pipeline.review.notes import memos_now
from pipeline.review.roles import GET, POST, Role, decides, reads, role_of
from pipeline.review.sending import attached
from pipeline.review.templatetags.review import moment
from pipeline.review.views import author_of, is_fragment, page_of, record

_REFUSED = 422
_N_CHARS = 120  # of a passage that a memo is about


@dataclass(frozen=True)
class MemoPanel:
    """The memos on one subject, and the form for another one.

    `typed` is what could not be saved, for the reason `fault`; `editing` is the memo it is for, 0
    for a new one. A compact panel opens from a bar.
    """

    subject: MemoSubject
    rows: list[dict[str, Any]]
    is_compact: bool = False
    fault: str = ""
    typed: str = ""
    editing: int = 0


def address_of(subject: MemoSubject) -> str:
    """Return the page that shows the memos on `subject`."""
    query = urlencode({"passage": subject.id})
    axis, _colon, code = subject.id.partition(":")
    addresses = {
        UNIT: lambda: f"{reverse('passages')}?etat=tous&{query}",
        DOCUMENT: lambda: reverse("document", args=[subject.id]),
        CODE: lambda: f"{reverse('study_grid')}#code-{axis}-{slugify(code)}",
        THEME: lambda: reverse("theme", args=[subject.id]),
        STUDY: lambda: reverse("memos"),
    }
    return addresses[subject.kind]()


def notes_of(request: HttpRequest, unit_id: str | None) -> dict[str, Any]:
    """Return the flag and the memos of a passage, for review/bench_notes.html."""
    if unit_id is None:
        return {}
    panel = panel_of(request, MemoSubject(UNIT, unit_id), is_compact=True)
    return {"panel": panel, "flag": _flag_of(unit_id), "noted_id": unit_id}


def panel_of(request: HttpRequest, subject: MemoSubject, **options: Any) -> MemoPanel:
    """Return the memos on `subject`, for review/memos_of.html."""
    near = _near(subject, state.journal_of_page())
    rows = memo_rows(request, (memo for memo in near.values() if memo.subject == subject))
    return MemoPanel(subject, rows, **options)


def _near(subject: MemoSubject, journal: Journal) -> dict[int, Memo]:
    """Return the memos on `subject`, those that followed a cut or joined passage included.

    Other memos may be among them.
    """
    if subject.kind == UNIT:
        return current_memos(journal.on_unit(subject.id, MemoDecision))
    return current_memos(journal.active(MemoDecision))


def code_panels(request: HttpRequest, grid: Grid) -> dict[str, MemoPanel]:
    """Return the memos on each code of `grid`, by « axis:code », in one pass."""
    memos: dict[MemoSubject, list[Memo]] = defaultdict(list)
    for memo in _memos().values():
        memos[memo.subject].append(memo)
    subjects = [MemoSubject(CODE, f"{code.axis}:{code.code}") for code in grid.codes]
    return {
        subject.id: MemoPanel(subject, memo_rows(request, memos[subject])) for subject in subjects
    }


def memo_rows(request: HttpRequest, memos: Iterable[Memo]) -> list[dict[str, Any]]:
    """Return `memos` with what the person of the request may do to them."""
    author, role = author_of(request), role_of(request.user)
    can_change_all = role >= Role.ADMINISTRATOR
    return [
        {
            "memo": memo,
            "html": as_html(memo.text),
            "can_change": can_change_all or (role >= Role.ANALYST and memo.author == author),
        }
        for memo in memos
    ]


def _memos() -> dict[int, Memo]:
    snapshot = state.snapshot() if state.study().last_run() is not None else None
    return memos_now(state.journal(), snapshot)


def _flag_of(unit_id: str) -> FlagPassage | None:
    return flagged(state.journal_of_page().on_unit(unit_id, FlagDecision)).get(unit_id)


@reads(GET)
def listing(request: HttpRequest) -> HttpResponse:
    """List every memo, the newest first, and those on the study."""
    memos = _every_memo(request)
    kind, author = request.GET.get("sur", ""), request.GET.get("auteur", "")
    wanted = [memo for memo in memos if kind in ("", memo.subject.kind)]
    wanted = [memo for memo in wanted if author in ("", memo.author)]
    page = page_of(request, wanted)
    filters = {name: text for name, text in (("sur", kind), ("auteur", author)) if text}
    shown = {
        "section": "memos",
        "rows": [(row, *_place(row["memo"])) for row in memo_rows(request, page.object_list)],
        "page": page,
        "n_memos": len(wanted),
        "address": urlencode(filters),
        "kind": kind,
        "author": author,
        "authors": sorted({memo.author for memo in memos}),
        "kinds": _KINDS,
        "panel": panel_of(request, MemoSubject(STUDY)),
    }
    return render(request, "review/memos.html", shown)


def _every_memo(request: HttpRequest) -> list[Memo]:
    """Return the memos, the last written first, none on themes for who codes blind."""
    is_blind = blind_coding(author_of(request)) is not None
    memos = [memo for memo in _memos().values() if not (is_blind and memo.subject.kind == THEME)]
    return sorted(memos, key=lambda memo: memo.version, reverse=True)


_KINDS = {
    STUDY: gettext_lazy("l’étude"),
    DOCUMENT: gettext_lazy("un document"),
    UNIT: gettext_lazy("un passage"),
    CODE: gettext_lazy("un code"),
    THEME: gettext_lazy("un thème"),
}


def _place(memo: Memo) -> tuple[str, str, str]:
    """Return the kind of a memo's subject, its name, and its page, blank where it is gone."""
    kind, name = memo.subject
    names = {
        STUDY: lambda: state.study().settings.etude.title,
        DOCUMENT: lambda: state.snapshot().titles.get(name, memo.title),
        UNIT: lambda: _first_words(name),
        CODE: lambda: state.study().grid.label_of(name.partition(":")[2]),
        THEME: lambda: state.labels().get(name, name),
    }
    address = address_of(memo.subject) if _is_there(memo.subject) else ""
    return str(_KINDS[kind]), names[kind](), address


def _first_words(unit_id: str) -> str:
    unit = state.snapshot().units.get(unit_id)
    if unit is None:
        return _("un passage qui n’est plus dans l’étude")
    return shortened(unit.text, _N_CHARS)


@reads(GET)
def export(request: HttpRequest) -> HttpResponse:
    """Send every memo as one Markdown file, subject by subject."""
    lines = [f"# {_('Mémos')} : {state.study().settings.etude.title}", ""]
    ordered = sorted(_every_memo(request), key=lambda memo: (memo.subject, memo.memo_id))
    for subject, memos in groupby(ordered, key=lambda memo: memo.subject):
        listed = list(memos)
        kind, name, _address = _place(listed[0])
        lines += [f"## {kind} : {name}" if subject.kind != STUDY else f"## {kind}", ""]
        for memo in listed:
            at = moment(memo.edited_at or memo.noted_at)
            lines += [f"*{memo.author}, {at}*", "", memo.text, ""]
    return attached("\n".join(lines), "memos.md", "text/markdown; charset=utf-8")


@decides(POST)
def write(request: HttpRequest) -> HttpResponse:
    """Note a memo, write it again or remove it."""
    subject = subject_of(request.POST.get("sur", ""))
    if subject is None or not _is_there(subject):
        raise Http404
    command, _equals, number = request.POST.get("geste", "").partition("=")
    text = request.POST.get("memo", "").replace("\r\n", "\n").strip()
    is_compact = request.POST.get("forme") == "barre"
    decision, fault = _decision(request, subject, command, number, text)
    if decision is None:
        options = {"fault": fault, "typed": text, "editing": whole(number) or 0}
        panel = panel_of(request, subject, is_compact=is_compact, **options)
        return _answer(request, panel, fault, status=_REFUSED)
    record(request, decision)
    sentences = {
        NoteMemo: _("Mémo noté."),
        EditMemo: _("Mémo récrit."),
        RemoveMemo: _("Mémo retiré ; le journal le garde, et peut le remettre."),
    }
    panel = panel_of(request, subject, is_compact=is_compact)
    return _answer(request, panel, sentences[type(decision)])


def _is_there(subject: MemoSubject) -> bool:
    snapshot, name = state.snapshot(), subject.id
    if subject.kind == CODE:
        return name in {f"{code.axis}:{code.code}" for code in state.study().grid.codes}
    if subject.kind == THEME:
        return name in state.themes().labels
    if subject.kind == UNIT:
        return name in snapshot.units
    return subject.kind == STUDY or name in snapshot.titles


def _decision(
    request: HttpRequest, subject: MemoSubject, command: str, number: str, text: str
) -> tuple[NoteMemo | EditMemo | RemoveMemo | None, str]:
    """Return the decision, or why there is none in French; raise `Http404` for an unknown one."""
    if command == "noter":
        if not text:
            return None, _("Le mémo est vide : rien n’est noté.")
        title = state.snapshot().titles[subject.id] if subject.kind == DOCUMENT else ""
        return NoteMemo.on(subject, text, title=title), ""
    memo = _near(subject, state.journal()).get(whole(number) or 0)
    if command not in ("recrire", "retirer") or (memo is not None and memo.subject != subject):
        raise Http404
    if memo is None:
        return None, _("Ce mémo n’est plus là : quelqu’un l’a retiré depuis.")
    if not memo_rows(request, [memo])[0]["can_change"]:
        return None, _("Seule la personne qui l’a écrit, ou l’administration, change ce mémo.")
    if request.POST.get("vu") != str(memo.version):
        return None, _(
            "Ce mémo a changé depuis que vous l’avez ouvert : il est montré tel qu’il est "
            "maintenant, et votre texte est gardé dans son champ."
        )
    if command == "retirer":
        return RemoveMemo.of(memo), ""
    if not text:
        return None, _("Le mémo est vide : pour l’ôter, le retirer.")
    return EditMemo.of(memo, text), ""


def _answer(
    request: HttpRequest, panel: MemoPanel, sentence: str, *, status: int = 200
) -> HttpResponse:
    if is_fragment(request):
        shown: dict[str, Any] = {"panel": panel, "announcement": sentence}
        if panel.is_compact:
            shown["undoing"] = undoing_of(state.journal(), author_of(request), panel.subject.id)
        return render(request, "review/memos_said.html", shown, status=status)
    say = messages.success if status == 200 else messages.error
    say(request, sentence)
    return HttpResponseRedirect(address_of(panel.subject))


@decides(POST)
def flag(request: HttpRequest, unit_id: str) -> HttpResponse:
    """Flag a passage, or remove its flag."""
    if unit_id not in state.snapshot().units:
        raise Http404
    command, journal, before = request.POST.get("geste", ""), state.journal(), _flag_of(unit_id)
    word = " ".join(request.POST.get("mot", "").split())
    decision: FlagDecision
    if command == "mettre":
        decision, sentence = FlagPassage(unit_id, word or None), _("Drapeau mis.")
    elif command == "retirer":
        decision, sentence = UnflagPassage(unit_id), _("Drapeau retiré.")
    else:
        raise Http404
    if (before is None) == (command == "mettre") or (before and before.word != (word or None)):
        record(request, decision)
    if is_fragment(request):
        shown = {
            "flag": _flag_of(unit_id),
            "noted_id": unit_id,
            "announcement": sentence,
            "undoing": undoing_of(journal, author_of(request), unit_id),
        }
        return render(request, "review/flag_said.html", shown)
    messages.success(request, sentence)
    return HttpResponseRedirect(address_of(MemoSubject(UNIT, unit_id)))

"""Code or hide some words of a passage, cut it, join it, and correct what is known of it."""

from collections.abc import Sequence

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from flows.vault import Vault, is_name_like
from pipeline.decisions import Decision
from pipeline.decisions.kinds import Undo
from pipeline.decisions.mending import (
    CHANNEL,
    MAX_TABLE,
    QUESTION,
    SPEAKER,
    TABLE,
    CorrectPassage,
    JoinPassages,
    SplitPassage,
)
from pipeline.decisions.spans import CodeSpan, Quote
from pipeline.errors import VaultError
from pipeline.review import state
from pipeline.review.bench import announcement
from pipeline.review.bounds import whole
from pipeline.review.doors import coder_view
from pipeline.review.mending import (
    bounds_of,
    next_of,
    questions_of,
    speakers_of,
    waiting_words,
)
from pipeline.review.queue import CoderView
from pipeline.review.roles import POST, decides
from pipeline.review.selection import Selection
from pipeline.review.snapshot import Unit
from pipeline.review.views import record
from pipeline.review.views.deposit import DECIDING
from pipeline.review.views.passages import answer
from pipeline.tables.schema import CHANNELS


@decides(POST)
def code_words(request: HttpRequest, unit_id: str) -> HttpResponse:
    """Put a code on the chosen words of a passage, instead of those that it had there.

    « remplace » numbers the decision whose words have new ends.
    """
    wanted, view, unit = _asked(request, unit_id)
    axis, _colon, code = request.POST.get("code", "").partition(":")
    if (axis, code) not in {(entry.axis, entry.code) for entry in view.grid.by_axis}:
        raise Http404
    quote = Quote.of(unit.text, _offset(request, "debut"), _offset(request, "fin"))
    if quote is None:
        return _decide(request, view, wanted, unit_id, [], _("Choisir au moins un mot du passage."))
    decision, said = CodeSpan(unit_id, axis, code, quote), ""
    own = view.journal.on_unit(unit_id, CodeSpan, by=view.author)
    moved = request.POST.get("remplace", "")
    replaced = [
        row
        for row in own
        if (row.axis, row.code) == (axis, code)
        and (row.overlaps(quote) or str(row.decision_id) == moved)
    ]
    if replaced:
        said = _("Les mots codés vont maintenant jusqu’à ces bornes.") + " "
    decisions = [*(Undo(row.decision_id) for row in replaced), decision]
    return _decide(request, view, wanted, unit_id, decisions, said + announcement(decision))


@decides(POST)
def split(request: HttpRequest, unit_id: str) -> HttpResponse:
    """Cut a passage before a character, from the next run on."""
    wanted, view, unit = _asked(request, unit_id)
    decision = SplitPassage.of(unit_id, unit.text, _offset(request, "debut"))
    if decision is None:
        said = _("Rien à couper : un côté n’aurait aucun mot.")
        return _decide(request, view, wanted, unit_id, [], said)
    said = _("Le passage sera coupé là au prochain calcul.")
    return _decide(request, view, wanted, unit_id, [decision], said)


@decides(POST)
def join(request: HttpRequest, unit_id: str) -> HttpResponse:
    """Join a passage to the next of its document, from the next run on."""
    wanted, view, unit = _asked(request, unit_id)
    following = next_of(view.snapshot, unit)
    if following is None:
        said = _("Rien à joindre : un titre suit, ou le document finit là.")
        return _decide(request, view, wanted, unit_id, [], said)
    bounds = bounds_of(view.snapshot)
    shift = bounds[following.unit_id][0] - bounds[unit_id][0]
    decision = JoinPassages.of(unit_id, following.unit_id, shift)
    said = _("Le passage sera joint au suivant au prochain calcul.")
    return _decide(request, view, wanted, unit_id, [decision], said)


@decides(POST)
def correct(request: HttpRequest, unit_id: str) -> HttpResponse:
    """Correct the table, question, speaker or channel of a passage, from the next run on."""
    wanted, view, unit = _asked(request, unit_id)
    told = {
        name: request.POST.get(name, "").strip() for name in (TABLE, QUESTION, SPEAKER, CHANNEL)
    }
    table: int | None = None
    if told[TABLE]:
        table = whole(told[TABLE], MAX_TABLE)
        if not table:
            said = _("Une table est un nombre de 1 à {most}, ou rien.").format(most=MAX_TABLE)
            return _decide(request, view, wanted, unit_id, [], said)
    allowed = {
        QUESTION: {"", *dict(questions_of(view, unit))},
        SPEAKER: {"", *dict(speakers_of(view.snapshot, unit))},
        CHANNEL: set(CHANNELS),
    }
    if any(told[name] not in values for name, values in allowed.items()):
        raise Http404
    before = {TABLE: unit.table_number, QUESTION: unit.question}
    before |= {SPEAKER: unit.speaker, CHANNEL: unit.channel}
    now = {TABLE: table} | {name: told[name] or None for name in allowed}
    decisions = [
        CorrectPassage.of(unit_id, name, now[name]) for name in before if now[name] != before[name]
    ]
    words = " ; ".join(waiting_words(row, view) for row in decisions)
    said = _("Corrigé au prochain calcul : {words}.").format(words=words)
    said = said if decisions else _("Rien n’a changé.")
    return _decide(request, view, wanted, unit_id, decisions, said)


@decides(POST)
def mask(request: HttpRequest, unit_id: str) -> HttpResponse:
    """Hide a name in the whole study, from the next run on; only the vault holds its words."""
    wanted, view, unit = _asked(request, unit_id)
    quote = Quote.of(unit.text, _offset(request, "debut"), _offset(request, "fin"))
    if quote is None or not is_name_like(quote.words):
        said = _("Un nom à masquer a une majuscule, et cinq mots au plus.")
        return _decide(request, view, wanted, unit_id, [], said)
    try:
        with DECIDING:
            Vault(state.study()).hide(quote.words, author=view.author)
    except VaultError as error:
        return _decide(request, view, wanted, unit_id, [], f"{error.found} : {error.do}")
    said = _(
        "Ces mots seront masqués partout au prochain calcul ; ce qui est décidé des passages qui "
        "les disent sera alors à revoir. Pour revenir dessus : Déposer, Noms douteux."
    )
    return _decide(request, view, wanted, unit_id, [], said)


def _asked(request: HttpRequest, unit_id: str) -> tuple[Selection, CoderView, Unit]:
    """Raises `Http404` for a passage unknown to the last run."""
    wanted = Selection.read(request.GET)
    view = coder_view(request)
    if unit_id not in view.snapshot.units:
        raise Http404
    return wanted, view, view.snapshot.units[unit_id]


def _offset(request: HttpRequest, name: str) -> int:
    """Return a number of characters; raise `Http404` for another text."""
    offset = whole(request.POST.get(name, ""))
    if offset is None:
        raise Http404
    return offset


def _decide(
    request: HttpRequest,
    view: CoderView,
    wanted: Selection,
    unit_id: str,
    decisions: Sequence[Decision],
    said: str,
) -> HttpResponse:
    if decisions:
        record(request, *decisions)
    return answer(request, view, wanted, view.unit_ids(wanted), unit_id, said)

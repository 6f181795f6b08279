"""Receive files, show what each was taken for, correct it in place, and settle doubtful names."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from flows.deposit import Deposit, Placed, summary_of
from flows.deposit.manifest import ANSWERS, section_target, target_of, write_answers
from flows.deposit.uploads import ElsewhereError, Upload, Uploads
from flows.jobs.warm import ready_process
from flows.preview import read_kept
from flows.vault import CHOSEN, Vault
from pipeline.decisions.memos import SeeRemark
from pipeline.depot import Inventory, WorkshopFiles
from pipeline.errors import AteliersError, UsageError, VaultError
from pipeline.files import text_hash
from pipeline.ingest.words import find_date
from pipeline.ingest.workshop import EVERYWHERE
from pipeline.publish.text import quoted
from pipeline.review import state
from pipeline.review.bounds import MAX_PIECE_BYTES, whole
from pipeline.review.deposit import (
    CHANNELS,
    QUESTIONS,
    all_workshops,
    deposit_counts,
    previews_of,
    states_of,
    with_readers,
    workshop_rows,
)
from pipeline.review.roles import GET, POST, Role, View, decides, reads, role_of
from pipeline.review.views import author_of, is_fragment, once, page_of, record
from pipeline.text import size_in_words

_READ_BYTES = 64 * 1024
DECIDING = threading.Lock()  # from reading the decisions on doubts until writing them


@reads(GET)
def deposit(request: HttpRequest) -> HttpResponse:
    """Show the workshops with their files, and where to drop more."""
    study = state.study()
    place = Deposit(study)
    uploads = Uploads(place)
    is_reading = previews_of(study).keep_current(study)
    ready_process().prepare()
    workshops, (n_files, remarks) = all_workshops(study), deposit_counts(study)
    shown = {
        "section": "deposit",
        "workshops": workshops,
        "n_files": n_files,
        "n_unread": len({row["path"] for row in remarks or ()}),
        "is_reading": is_reading,
        "n_bytes": size_in_words(place.n_bytes()),
        "n_free": size_in_words(uploads.n_free()),
        "waiting": [
            {
                "upload": upload,
                "received": size_in_words(n_received),
                "size": size_in_words(upload.size),
            }
            for upload, n_received in uploads.waiting()
        ],
        "removed": place.removed()[:20],
        "piece_bytes": MAX_PIECE_BYTES,
        **_choices(),
    }
    return render(request, "review/deposit.html", shown)


@reads(GET)
def states(request: HttpRequest) -> JsonResponse:
    """Say what changed, so that everybody sees everybody's files without reloading."""
    study = state.study()
    is_reading = previews_of(study).keep_current(study)
    return JsonResponse({"is_reading": is_reading, "workshops": states_of(study)})


@decides(POST)
@once
def make_workshop(request: HttpRequest) -> HttpResponse:
    """Make the folder of a workshop."""
    try:
        folder = _new_workshop(request)
    except AteliersError as error:
        messages.error(request, _line(error))
        return redirect("deposit")
    told = _("L’atelier {name} est créé : y déposer ses fichiers.")
    messages.success(request, told.format(name=quoted(folder.name)))
    return _back(folder.name)


def _new_workshop(request: HttpRequest) -> Path:
    territory, date, place = (
        request.POST.get(name, "").strip() for name in ("territoire", "date", "lieu")
    )
    found = find_date(date) if date else None
    if date and found is None:
        fault = f"la date {quoted(date[:40])} ne se lit pas"
        raise UsageError(fault, "un jour", "l'écrire comme 2026-03-12")
    return Deposit(state.study()).make_workshop(territory, found[0] if found else "", place)


def upload_views(
    guard: Callable[[str], Callable[[View], View]],
    uploads_of: Callable[[HttpRequest], Uploads],
    address: str,
) -> tuple[View, View]:
    """Return the views that accept a file, and append a piece of it, at the page `address`.

    The first says how much of the file has arrived; the last piece ends it.
    """

    @guard(POST)
    def announce(request: HttpRequest) -> JsonResponse:
        uploads, size = uploads_of(request), whole(request.POST.get("taille", ""))
        try:
            upload = uploads.announce(
                request.POST.get("atelier", ""),
                request.POST.get("chemin", ""),
                -1 if size is None else size,
                author=author_of(request),
                mark=request.POST.get("change", ""),
            )
        except AteliersError as error:
            return JsonResponse({"error": _line(error)}, status=422)
        to = reverse(address, args=[upload.upload_id])
        return JsonResponse({"received": uploads.n_received(upload), "address": to})

    @guard(POST)
    def piece(request: HttpRequest, upload_id: str) -> JsonResponse:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_PIECE_BYTES:
            fault = _("un morceau de plus de {n}").format(n=size_in_words(MAX_PIECE_BYTES))
            return JsonResponse({"error": fault}, status=413)
        uploads = uploads_of(request)
        ended = uploads.ended(upload_id)
        if ended is not None:  # its last answer was lost
            return _arrived(ended)
        upload = _own_upload(request, uploads, upload_id)
        start = whole(request.GET.get("debut", ""))
        try:
            n_received = uploads.add(upload, -1 if start is None else start, _chunks(request))
            if n_received < upload.size:
                return JsonResponse({"received": n_received})
            return _arrived(uploads.finish(upload))
        except ElsewhereError as error:
            return JsonResponse({"received": error.n_received}, status=409)
        except AteliersError as error:
            return JsonResponse({"error": _line(error)}, status=422)

    return announce, piece


announce, piece = upload_views(
    decides, lambda _request: Uploads(Deposit(state.study())), "deposit_piece"
)


@decides(POST)
def give_up(request: HttpRequest, upload_id: str) -> HttpResponse:
    """Drop what has arrived of a file."""
    uploads = Uploads(Deposit(state.study()))
    uploads.drop(_own_upload(request, uploads, upload_id, of_anybody=True))
    messages.success(request, _("L’envoi est abandonné."))
    return redirect("deposit")


@decides(POST)
def remove(request: HttpRequest) -> HttpResponse:
    """Move one file or more to the bin."""
    folder, paths = _folder(request.POST.get("atelier", "")), request.POST.getlist("chemin")

    def act() -> str:
        place = Deposit(state.study())
        for path in paths:
            place.remove(folder.name, path)
        told = ngettext(
            "{name} est dans la corbeille de cette page, d’où il peut revenir.",
            "{n} fichiers sont dans la corbeille de cette page, d’où ils peuvent revenir.",
            len(paths),
        )
        return told.format(name=quoted(paths[0] if paths else ""), n=len(paths))

    return _told_or_refused(request, folder.name, act)


@decides(POST)
def put_back(request: HttpRequest, removed_id: str) -> HttpResponse:
    """Put a removed file back."""
    placed = Deposit(state.study()).put_back(removed_id)
    messages.success(request, placed.sentence + ".")
    return redirect("deposit")


@decides(POST)
def erase(request: HttpRequest, removed_id: str) -> HttpResponse:
    """Erase a removed file for good."""
    name = Deposit(state.study()).erase(removed_id)
    messages.success(request, _("{name} est supprimé pour de bon.").format(name=quoted(name)))
    return redirect("deposit")


@decides(POST)
def rename(request: HttpRequest) -> HttpResponse:
    """Give a file another name."""
    folder, path = _folder(request.POST.get("atelier", "")), request.POST.get("chemin", "")
    name = request.POST.get("fichier", "")
    return _told_or_refused(
        request,
        folder.name,
        lambda: Deposit(state.study()).rename(folder.name, path, name).sentence + ".",
    )


@decides(POST)
def correct(request: HttpRequest) -> HttpResponse:
    """Write in atelier.yaml which question, table and channel a document or a section has."""
    folder, path = _folder(request.POST.get("atelier", "")), request.POST.get("chemin", "")
    title = request.POST.get("partie", "")
    rows = workshop_rows(state.study(), folder).rows
    row = next((row for row in rows if row.path == path), None)
    if row is None or (title and title not in {heading for heading, *_words in row.sections}):
        raise Http404
    target = section_target(path, title) if title else target_of(path)
    answers = {kind: request.POST.get(kind, "").strip() for kind in ANSWERS}

    def write() -> str:
        is_everywhere = bool(request.POST.get(EVERYWHERE))
        has_lost = write_answers(folder.path, target, answers, is_everywhere=is_everywhere)
        told = _("Corrigé dans atelier.yaml : {name} est relu ainsi.").format(
            name=quoted(title or path)
        )
        lost = _("Les commentaires de ce fichier n’y sont plus ; ses réponses y sont toutes.")
        return f"{told} {lost}" if has_lost else told

    return _told_or_refused(request, folder.name, write)


@decides(POST)
def see(request: HttpRequest) -> HttpResponse:
    """Note that a remark on a file was read."""
    folder, remark = _folder(request.POST.get("atelier", "")), request.POST.get("remarque", "")
    kept = read_kept(state.study(), folder.name)
    if kept is None or remark not in {row["remark"] for row in with_readers(kept.rejects)}:
        raise Http404

    def note() -> str:
        record(request, SeeRemark(remark))
        return _("C’est vu : cette remarque n’est plus à faire, tant qu’elle dit la même chose.")

    return _told_or_refused(request, folder.name, note)


@decides(GET)
def doubts(request: HttpRequest) -> HttpResponse:
    """List the doubtful names, in real words, those without a decision first."""
    return _doubts(request)


@decides(POST)
def decide_doubt(request: HttpRequest, doubt_id: str) -> HttpResponse:
    """Hide or keep doubtful words, or take a decision back."""
    asked = request.POST.get("decision", "")
    decision = asked if asked in ("masquer", "garder", "réunir") else None
    with DECIDING:
        words = Vault(state.study()).decide(doubt_id, decision, author=author_of(request))
    if words is None:
        raise Http404
    told = {
        "masquer": _("{words} sera masqué au prochain traitement."),
        "garder": _("{words} restera ainsi."),
        "réunir": _("{words} sera compté comme une seule et même personne au prochain traitement."),
        None: _("{words} attend de nouveau une décision."),
    }[decision]
    messages.success(request, told.format(words=quoted(words)))
    return _doubts(request) if is_fragment(request) else redirect("deposit")


def _doubts(request: HttpRequest) -> HttpResponse:
    shown: dict[str, Any] = {"is_fragment": is_fragment(request)}
    try:
        vault = Vault(state.study())
        table, decisions = vault.doubts(), vault.decisions()
    except VaultError as error:
        return render(request, "review/deposit_doubts.html", shown | {"fault": error})
    rows: list[dict[str, Any]] = [
        {str(name): value if isinstance(value, str | int) else "" for name, value in row.items()}
        for row in table.to_dict("records")
    ]
    listed = {row["doubt_id"] for row in rows}
    rows += [  # two persons who are one leave no doubt, nor do words that people hid
        dict.fromkeys(table.columns, "") | entry | {"doubt_id": doubt_id}
        for doubt_id, entry in decisions.items()
        if doubt_id not in listed and (entry["decision"] == "réunir" or doubt_id.startswith(CHOSEN))
    ]
    for row in rows:
        row["author"] = decisions.get(str(row["doubt_id"]), {}).get("author", "")
    rows.sort(key=lambda row: (bool(row["decision"]), -int(row["n_occurrences"] or 0)))
    n_waiting = sum(not row["decision"] for row in rows)
    shown |= {"page": page_of(request, rows, 20), "n_waiting": n_waiting, "n_doubts": len(rows)}
    return render(request, "review/deposit_doubts.html", shown)


def _line(error: AteliersError) -> str:
    return f"{error.found} : {error.do}"


def _choices() -> dict[str, Any]:
    return {"questions": list(QUESTIONS.items()), "channels": list(CHANNELS.items())}


def _folder(name: str) -> WorkshopFiles:
    for folder in Inventory(state.study().depot).folders:
        if folder.name == name:
            return folder
    raise Http404


def _told_or_refused(request: HttpRequest, folder: str, act: Callable[[], str]) -> HttpResponse:
    """Show the workshop again and say what was done, or in one line why not."""
    try:
        messages.success(request, act())
    except AteliersError as error:
        messages.error(request, _line(error))
    if not is_fragment(request):
        return _back(folder)
    rows = workshop_rows(state.study(), _folder(folder))
    shown = {"workshop": rows, "says": True, **_choices()}
    return render(request, "review/deposit_workshop.html", shown)


def _back(folder: str) -> HttpResponse:
    return redirect(f"{reverse('deposit')}#atelier-{text_hash(folder)[:10]}")


def _own_upload(
    request: HttpRequest, uploads: Uploads, upload_id: str, *, of_anybody: bool = False
) -> Upload:
    upload = uploads.find(upload_id)
    is_mine = upload is not None and upload.author == author_of(request)
    if upload is None or not (is_mine or of_anybody or role_of(request.user) >= Role.ADMINISTRATOR):
        raise Http404
    return upload


def _chunks(request: HttpRequest) -> Iterator[bytes]:
    while chunk := request.read(_READ_BYTES):
        yield chunk


def _arrived(placed: list[Placed]) -> JsonResponse:
    """Say what became of a file, and show its line as the worst of what became of its parts."""
    outcomes = {one.outcome for one in placed}
    order = ("refused", "renamed", "same", "skipped")
    worst = next((name for name in order if name in outcomes), "placed")
    return JsonResponse({"done": summary_of(placed), "outcome": worst})

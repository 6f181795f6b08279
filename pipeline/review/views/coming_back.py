"""Receive what was coded in another tool; the page of publications shows what became of it."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect

from flows.coming_back import TAKE_BACK, ReturnedUploads
from flows.tasks import clear_task
from pipeline.review import state
from pipeline.review.roles import POST, Role, decides, role_of
from pipeline.review.views.deposit import announce_to, receive_piece


@decides(POST)
def announce(request: HttpRequest) -> JsonResponse:
    """Accept a file that a browser is about to send."""
    return announce_to(request, _uploads(request), "return_piece")


@decides(POST)
def piece(request: HttpRequest, upload_id: str) -> JsonResponse:
    """Append a piece of a file; the last one starts taking what it says."""
    return receive_piece(request, _uploads(request), upload_id)


@decides(POST)
def put_away(request: HttpRequest) -> HttpResponse:
    """Forget what the last file brought; its decisions stay."""
    clear_task(state.study().root, TAKE_BACK)
    return redirect("publishing")


def _uploads(request: HttpRequest) -> ReturnedUploads:
    is_administrator = role_of(request.user) >= Role.ADMINISTRATOR
    return ReturnedUploads(state.study(), of_everybody=is_administrator)

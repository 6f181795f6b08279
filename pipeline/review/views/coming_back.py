"""Receive what was coded in another tool; the page of publications shows what became of it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from flows.coming_back import TAKE_BACK, ReturnedUploads
from flows.tasks import clear_task
from pipeline.review import state
from pipeline.review.roles import POST, Role, decides, role_of
from pipeline.review.views.deposit import upload_views


def _uploads(request: HttpRequest) -> ReturnedUploads:
    is_administrator = role_of(request.user) >= Role.ADMINISTRATOR
    return ReturnedUploads(state.study(), of_everybody=is_administrator)


announce, piece = upload_views(decides, _uploads, "return_piece")


@decides(POST)
def put_away(request: HttpRequest) -> HttpResponse:
    """Forget what the last file brought; its decisions stay."""
    clear_task(state.study().root, TAKE_BACK)
    return redirect("publishing")

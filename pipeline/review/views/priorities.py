"""The priorities page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from pipeline.review.roles import reads


@reads
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """The page."""
    return render(request, "review/base.html", {"section": "priorities"})

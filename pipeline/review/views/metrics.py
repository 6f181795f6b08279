"""Give the figures of the studies to a monitoring server that has their token."""

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe

from flows.metrics import CONTENT_TYPE, openmetrics
from pipeline.credentials import read_secret
from pipeline.review import desks


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return OpenMetrics' text; refuse everybody where the server has no token."""
    expected = read_secret("ATELIERS_METRICS_TOKEN", "le jeton des mesures")
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not expected or not constant_time_compare(given, expected):
        raise PermissionDenied
    return HttpResponse(openmetrics(root for _, root in desks.studies()), content_type=CONTENT_TYPE)

"""What every page shows: the study, who is there, what the role allows, whether single keys act."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from pipeline.review.models import Preference
from pipeline.review.roles import Role, role_of


def of_page(request: HttpRequest) -> dict[str, Any]:
    """The variables of pipeline/review/templates/review/base.html."""
    role = role_of(request.user)
    return {
        "study_title": settings.STUDY.settings.etude.title,
        "can_read": role >= Role.READER,
        "can_decide": role >= Role.ANALYST,
        "can_administer": role >= Role.ADMINISTRATOR,
        "has_keys": role >= Role.ANALYST and _has_keys(request),
        "language": settings.LANGUAGE_CODE,
    }


def _has_keys(request: HttpRequest) -> bool:
    found = Preference.objects.filter(user_id=request.user.pk).values_list("has_keys", flat=True).first()
    return True if found is None else found

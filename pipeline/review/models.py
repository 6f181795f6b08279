"""Store a person's preferences beside the account."""

from typing import Any

from django.conf import settings
from django.db import models


class Preference(models.Model):
    """Whether single keys act (WCAG 2.1.4 asks for an off switch)."""

    user: models.OneToOneField[Any, Any] = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preference"
    )
    has_keys: "models.BooleanField[bool, bool]" = models.BooleanField(default=True)

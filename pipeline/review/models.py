"""Store a person's preferences and studies beside the account."""

from typing import Any

from django.conf import settings
from django.db import models


class Preference(models.Model):
    """Whether single keys act (WCAG 2.1.4 asks for an off switch)."""

    user: models.OneToOneField[Any, Any] = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preference"
    )
    has_keys: "models.BooleanField[bool, bool]" = models.BooleanField(default=True)


class Membership(models.Model):
    """A person who works on one of the studies of a folder; administrators work on all."""

    user: models.ForeignKey[Any, Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    folder_name: "models.CharField[str, str]" = models.CharField(max_length=255)

    class Meta:
        """A person is a member once."""

        constraints = (models.UniqueConstraint(fields=["user", "folder_name"], name="member_once"),)

"""The application, and what is checked before it starts."""

from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.db.models.signals import post_migrate


class ReviewConfig(AppConfig):
    """The review application."""

    name = "pipeline.review"
    label = "review"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make the groups with the tables, and check that every address has a role."""
        post_migrate.connect(_make_groups, sender=self)
        register(check_roles)


def _make_groups(**_options: Any) -> None:
    from django.contrib.auth.models import Group

    from pipeline.review.roles import GROUPS

    for name in GROUPS.values():
        Group.objects.get_or_create(name=name)


def check_roles(app_configs: Any = None, **_options: Any) -> list[CheckMessage]:
    """Refuse an address of the application that names no role and is not open on purpose."""
    from django.urls import get_resolver

    return [
        Error(
            f"{pattern.pattern} names no role",
            hint="reads, decides or administers of pipeline.review.roles",
            id="review.E001",
        )
        for pattern in _patterns(get_resolver().url_patterns)
        if not hasattr(pattern.callback, "role")
        and getattr(pattern.callback, "login_required", True)
    ]


def _patterns(listed: list[Any]) -> Iterator[Any]:
    for entry in listed:
        if hasattr(entry, "url_patterns"):
            yield from _patterns(entry.url_patterns)
        else:
            yield entry

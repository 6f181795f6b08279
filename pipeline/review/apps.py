"""Make the groups, check the application at the start, and give French its spaces."""

from collections.abc import Iterator
from gettext import NullTranslations
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.db.models.signals import post_migrate
from django.utils.translation import trans_real

from pipeline.publish.text import typography


class ReviewConfig(AppConfig):
    """The application of one study or of all those of a folder."""

    name = "pipeline.review"
    label = "review"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Create the groups, check that every address has a role, and give French its spaces."""
        post_migrate.connect(_make_groups, sender=self)
        register(check_roles)
        trans_real.translation("fr").add_fallback(TypographicFrench())


class TypographicFrench(NullTranslations):
    """French as it is written in the code, with no-break spaces; zero is singular."""

    def gettext(self, message: str) -> str:
        """Return `message` with the spaces of French typography."""
        return typography(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Return the singular below two, as French wants it, or the plural."""
        return typography(msgid1 if n < 2 else msgid2)


def _make_groups(**_options: Any) -> None:
    from django.contrib.auth.models import Group

    from pipeline.review.roles import GROUPS

    for name in GROUPS.values():
        Group.objects.get_or_create(name=name)


def check_roles(app_configs: Any = None, **_options: Any) -> list[CheckMessage]:
    """Refuse an address without role, unless open on purpose, or without a line in blind.py."""
    from django.urls import get_resolver

    from pipeline.review.blind import unclassified

    confs = ("pipeline.review.urls", "pipeline.review.urls_of_studies")
    patterns = [row for conf in confs for row in _patterns(get_resolver(conf).url_patterns)]
    without_role: list[CheckMessage] = [
        Error(
            f"{pattern.pattern} names no role",
            hint="reads, decides or administers of pipeline.review.roles",
            id="review.E001",
        )
        for pattern in patterns
        if not hasattr(pattern.callback, "role")
        and getattr(pattern.callback, "login_required", True)
    ]
    return without_role + [
        Error(
            f"nobody said whether the address « {name} » shows the machine",
            hint="SHOWS_MACHINE or SHOWS_NO_MACHINE of pipeline.review.blind",
            id="review.E002",
        )
        for name in unclassified(pattern.name for pattern in patterns)
    ]


def _patterns(entries: list[Any]) -> Iterator[Any]:
    for entry in entries:
        if hasattr(entry, "url_patterns"):
            yield from _patterns(entry.url_patterns)
        else:
            yield entry

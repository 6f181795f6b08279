"""Share state between requests, and check the application at the start."""

import threading
from collections.abc import Iterator
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, register
from django.db.models.signals import post_migrate

if TYPE_CHECKING:
    from pipeline.rank.order import Tallies
    from pipeline.review.agreement import AgreementCache, AgreementFigures
    from pipeline.review.journal import Journals
    from pipeline.review.processes import DrawingCache
    from pipeline.review.snapshot import Snapshots
    from pipeline.review.state import BackgroundCounts, CurrentThemes

_N_SCOPES = 6  # with cached tallies


class ReviewConfig(AppConfig):
    """The application, with what its views share."""

    name = "pipeline.review"
    label = "review"
    default_auto_field = "django.db.models.BigAutoField"
    snapshots: "Snapshots"
    current_themes: "CurrentThemes"
    agreement_cache: "AgreementCache"
    agreement_figures: "BackgroundCounts[AgreementFigures]"
    tallies: "BackgroundCounts[Tallies]"
    drawings: "DrawingCache"
    theme_lock: threading.Lock  # held from reading others' decisions on themes until appending

    def ready(self) -> None:
        """Create the caches and groups; check that every address has a role."""
        from pipeline.review import state
        from pipeline.review.agreement import AgreementCache
        from pipeline.review.processes import DrawingCache
        from pipeline.review.snapshot import Snapshots

        study = state.study()
        self.snapshots, self.current_themes = Snapshots(study), state.CurrentThemes()
        self.agreement_cache, self.theme_lock = AgreementCache(), threading.Lock()
        self.agreement_figures = state.BackgroundCounts()
        self.tallies = state.BackgroundCounts(_N_SCOPES)
        self.drawings = DrawingCache(study)
        post_migrate.connect(_make_groups, sender=self)
        register(check_roles)

    @cached_property
    def journals(self) -> "Journals":
        """Open the decisions on first use, in the server's worker, not its parent."""
        from flows.typed_texts import keep_decisions
        from pipeline.review import state
        from pipeline.review.journal import Journals

        study = state.study()
        return Journals(study.decisions, append=partial(keep_decisions, study))


def review_app() -> ReviewConfig:
    """Return this process's application."""
    return cast(ReviewConfig, apps.get_app_config(ReviewConfig.label))


def _make_groups(**_options: Any) -> None:
    from django.contrib.auth.models import Group

    from pipeline.review.roles import GROUPS

    for name in GROUPS.values():
        Group.objects.get_or_create(name=name)


def check_roles(app_configs: Any = None, **_options: Any) -> list[CheckMessage]:
    """Refuse an address that names no role and is not open on purpose."""
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


def _patterns(entries: list[Any]) -> Iterator[Any]:
    for entry in entries:
        if hasattr(entry, "url_patterns"):
            yield from _patterns(entry.url_patterns)
        else:
            yield entry

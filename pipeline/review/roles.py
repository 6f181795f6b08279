"""Who may do what: readers look, analysts decide, administrators also look after accounts and results.

Every view names its role through `reads`, `decides` or `administers`; one that names none does not start (see apps.py).
"""

from collections.abc import Callable
from enum import IntEnum
from functools import wraps
from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy

View = Callable[..., HttpResponseBase]


class Role(IntEnum):
    """What a person may do; each role includes those before it."""

    NONE = 0
    READER = 1
    ANALYST = 2
    ADMINISTRATOR = 3


GROUPS = {Role.READER: "lecture", Role.ANALYST: "analyse", Role.ADMINISTRATOR: "administration"}
LABELS = {
    Role.READER: gettext_lazy("Lecture"),
    Role.ANALYST: gettext_lazy("Analyse"),
    Role.ADMINISTRATOR: gettext_lazy("Administration"),
}
_BY_GROUP = {name: role for role, name in GROUPS.items()}


def role_of(user: Any) -> Role:
    """The highest role of `user`, Django's; none for somebody who has not logged in. Asked of the database once a request."""
    if not user.is_authenticated:
        return Role.NONE
    if not hasattr(user, "_role"):
        names = user.groups.values_list("name", flat=True)
        user._role = max((_BY_GROUP.get(name, Role.NONE) for name in names), default=Role.NONE)
    return Role(user._role)


def give_role(user: Any, role: Role) -> None:
    """Let `user` have `role` and no other."""
    user.groups.set(Group.objects.filter(name=GROUPS[role]))


def reads(view: View) -> View:
    """Open `view` to everybody with an account."""
    return _for(Role.READER)(view)


def decides(view: View) -> View:
    """Open `view` to analysts and administrators."""
    return _for(Role.ANALYST)(view)


def administers(view: View) -> View:
    """Open `view` to administrators."""
    return _for(Role.ADMINISTRATOR)(view)


def _for(role: Role) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
            if role_of(request.user) < role:
                raise PermissionDenied
            return view(request, *args, **options)

        checked.role = role  # type: ignore[attr-defined]
        return checked

    return decorate

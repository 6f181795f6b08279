"""Say who may do what, and invite people.

Every view names its role and its methods, `@decides(POST)`, with `reads`, `decides` or
`administers`: apps.py checks it. They also close what would show the machine to who codes without
it: see blind.py.
"""

from collections.abc import Callable
from enum import IntEnum
from functools import partial, wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import Group, User
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from pipeline.errors import UsageError
from pipeline.publish.text import joined
from pipeline.review import desks, state
from pipeline.review.blind import close_to_blind

View = Callable[..., HttpResponseBase]
GET, POST = "GET", "POST"


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
    """Return the role of `user` in the request's study, cached on it; NONE without a login.

    Where a folder of studies is served, only administrators work on a study they are no member of.
    """
    if not user.is_authenticated:
        return Role.NONE
    if not hasattr(user, "review_role"):
        role, folder_name = role_everywhere(user), desks.folder_name()
        is_open = role == Role.ADMINISTRATOR or not folder_name
        if not (is_open or user.memberships.filter(folder_name=folder_name).exists()):
            role = Role.NONE
        user.review_role = role
    return Role(user.review_role)


def role_everywhere(user: Any) -> Role:
    """Return the highest role that `user` was given."""
    names = user.groups.values_list("name", flat=True)
    return max((_BY_GROUP.get(name, Role.NONE) for name in names), default=Role.NONE)


def deciders() -> list[str]:
    """Return the names of the open accounts that may decide in the request's study."""
    administrates = Q(groups__name=GROUPS[Role.ADMINISTRATOR])
    is_open = administrates | Q(groups__name=GROUPS[Role.ANALYST])
    if folder_name := desks.folder_name():
        is_member = Q(memberships__folder_name=folder_name)
        is_open = administrates | Q(groups__name=GROUPS[Role.ANALYST]) & is_member
    users = User.objects.filter(is_open, is_active=True).order_by("username").distinct()
    return list(users.values_list("username", flat=True))


def colleagues() -> set[str]:
    """Return the names of those who have an open account in the request's study."""
    users = User.objects.filter(is_active=True)
    if folder_name := desks.folder_name():
        is_member = Q(memberships__folder_name=folder_name)
        users = users.filter(is_member | Q(groups__name=GROUPS[Role.ADMINISTRATOR]))
    return {name for user in users for name in (user.get_username(), user.get_full_name()) if name}


def give_role(user: Any, role: Role) -> None:
    """Give `user` this role only."""
    user.groups.set(Group.objects.filter(name=GROUPS[role]))


def _open_to(role: Role, *methods: str) -> Callable[[View], View]:
    """Open a view, by `methods` alone, to people of this role or of one that may do more."""

    def opened(view: View) -> View:
        answer = require_http_methods(methods)(view)

        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
            if role_of(request.user) < role:
                raise PermissionDenied
            close_to_blind(request)
            return answer(request, *args, **options)

        checked.role = role  # type: ignore[attr-defined]
        return checked

    return opened


reads = partial(_open_to, Role.READER)
decides = partial(_open_to, Role.ANALYST)
administers = partial(_open_to, Role.ADMINISTRATOR)


def invitation_of(user: User) -> str:
    """Return the path for choosing a password, once, within three days.

    The former password works until then.
    """
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("invitation", args=[uid, default_token_generator.make_token(user)])


def public_address(request: HttpRequest, path: str) -> str:
    """Return the address by which other computers reach `path`, if one is known."""
    return (public_origin() or f"{request.scheme}://{request.get_host()}") + path


def public_origin() -> str:
    """Return « https://hote » of the settings, blank without a proxy or an address in messages."""
    if settings.SECURE_SSL_REDIRECT and settings.CSRF_TRUSTED_ORIGINS:
        return str(settings.CSRF_TRUSTED_ORIGINS[0])
    url = state.study().settings.notify.review_url if desks.is_in_study() else ""
    return "{0.scheme}://{0.netloc}".format(urlsplit(url)) if url else ""


def is_loopback(address: str) -> bool:
    """Whether an address opens on this computer alone."""
    return urlsplit(address).hostname in ("127.0.0.1", "localhost", "::1")


def has_other_administrator(user: User) -> bool:
    """Whether somebody else, with an open account and a password, administers."""
    others = User.objects.filter(is_active=True, groups__name=GROUPS[Role.ADMINISTRATOR])
    with_password = others.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    return with_password.exclude(pk=user.pk).exists()


def invite_again(name: str) -> tuple[str, bool]:
    """Return the path of a new invitation, and whether `name` becomes an administrator.

    It does, and opens again, if nobody else can administer. Raises `UsageError` for a name without
    account, or a closed one that an administrator may open.
    """
    user = (
        User.objects.filter(username=name).first()
        or User.objects.filter(username__iexact=name).first()
    )
    if user is None:
        raise _no_account(name)
    has_other = has_other_administrator(user)
    if not user.is_active and has_other:
        raise UsageError(
            f"le compte « {user.get_username()} » est fermé",
            "un compte ouvert",
            "demander à l'administration de le rouvrir, dans Comptes",
        )
    is_administrator = user.groups.filter(name=GROUPS[Role.ADMINISTRATOR]).exists()
    is_made = not has_other and not (user.is_active and is_administrator)
    if is_made:
        with transaction.atomic():
            user.is_active = True
            user.save(update_fields=["is_active"])
            give_role(user, Role.ADMINISTRATOR)
    return invitation_of(user), is_made


def _no_account(name: str) -> UsageError:
    names = joined(sorted(User.objects.values_list("username", flat=True)))
    if not names:
        expected = "un compte ; l'étude n'en a aucun"
        return UsageError(
            f"aucun compte « {name} »", expected, "ouvrir le premier accès : ateliers review ÉTUDE"
        )
    expected = f"l'un des comptes de l'étude ({names})"
    return UsageError(f"aucun compte « {name} »", expected, "reprendre avec ce nom")

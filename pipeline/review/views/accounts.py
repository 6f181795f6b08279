"""Manage accounts, invitations, roles and preferences."""

import secrets
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.auth.views import LoginView, PasswordResetConfirmView
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from pipeline.review import desks
from pipeline.review.models import Membership, Preference
from pipeline.review.roles import (
    LABELS,
    Role,
    administers,
    give_role,
    has_other_administrator,
    invitation_of,
    reads,
    role_everywhere,
    role_of,
)

_ROLES = (Role.READER, Role.ANALYST, Role.ADMINISTRATOR)


class Login(LoginView):
    """Log in, with a new session key."""

    template_name = "review/login.html"
    redirect_authenticated_user = True


class Invitation(PasswordResetConfirmView):
    """Let an invited person choose a password, once."""

    template_name = "review/invitation.html"
    success_url = reverse_lazy("home")
    post_reset_login = True
    post_reset_login_backend = "django.contrib.auth.backends.ModelBackend"


@login_not_required
@require_http_methods(["GET", "POST"])
def first_access(request: HttpRequest) -> HttpResponse:
    """Create the first administrator, given the token that the server showed."""
    token = request.GET.get("jeton", "")
    expected = settings.FIRST_ACCESS_TOKEN
    is_token = bool(expected) and secrets.compare_digest(token.encode(), expected.encode())
    if not is_token or User.objects.exists():
        raise PermissionDenied
    name = request.POST.get("username", "").strip()
    user = User(username=name)
    form = SetPasswordForm(user, request.POST or None)
    faults = _name_faults(name) if request.method == "POST" else []
    if request.method == "POST" and form.is_valid() and not faults:
        with transaction.atomic():
            form.save()
            give_role(user, Role.ADMINISTRATOR)
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        return redirect("home")
    return render(
        request, "review/first_access.html", {"form": form, "username": name, "faults": faults}
    )


@reads
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Change one's own password."""
    form = PasswordChangeForm(cast(User, request.user), request.POST or None)
    if request.method == "POST" and form.is_valid():
        update_session_auth_hash(request, form.save())
        messages.success(request, _("Le mot de passe est changé."))
        return redirect("account")
    return render(
        request,
        "review/account.html",
        {"section": "account", "form": form, "role": LABELS[role_of(request.user)]},
    )


@reads
@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Switch single keys on or off."""
    Preference.objects.update_or_create(
        user=request.user, defaults={"has_keys": request.POST.get("has_keys") == "on"}
    )
    messages.success(request, _("C’est noté."))
    return redirect("account")


@administers
@require_http_methods(["GET", "POST"])
def accounts(request: HttpRequest) -> HttpResponse:
    """List the accounts, and invite people."""
    name = request.POST.get("username", "").strip()
    faults: list[str] = []
    if request.method == "POST":
        faults = _name_faults(name)
        if not faults:
            user = User.objects.create_user(username=name)
            give_role(user, _asked_role(request))
            return _accounts_page(request, invited=user)
    return _accounts_page(request, username=name, faults=faults)


@administers
@require_POST
def change_account(request: HttpRequest, user_id: int) -> HttpResponse:
    """Change a role, close or open an account, or invite again after a forgotten password.

    The former password works until the person chooses another.
    """
    user = get_object_or_404(User, pk=user_id)
    command = request.POST.get("geste", "")
    if command == "inviter" and user.pk == request.user.pk:
        messages.error(
            request, _("Votre propre mot de passe se change dans votre compte, avec l’ancien.")
        )
        return redirect("account")
    if command == "inviter":
        return _accounts_page(request, invited=user)
    role = _asked_role(request) if command == "role" else role_everywhere(user)
    is_active = command != "fermer" if command in ("fermer", "ouvrir") else user.is_active
    is_last = role_everywhere(user) == Role.ADMINISTRATOR and not has_other_administrator(user)
    if is_last and (role < Role.ADMINISTRATOR or not is_active):
        messages.error(request, _("Il faut au moins un compte d’administration."))
    else:
        with transaction.atomic():
            give_role(user, role)
            user.is_active = is_active
            user.save()
        messages.success(
            request, _("Le compte {name} est changé.").format(name=user.get_username())
        )
    return redirect("accounts")


@administers
@require_http_methods(["GET", "POST"])
def members(request: HttpRequest) -> HttpResponse:
    """Choose who works on the study, where a folder of studies is served."""
    folder_name = desks.folder_name()
    if not folder_name:
        raise Http404
    users = User.objects.filter(is_active=True).order_by("username")
    if request.method == "POST":
        chosen = set(request.POST.getlist("membre"))
        with transaction.atomic():
            Membership.objects.filter(folder_name=folder_name).delete()
            Membership.objects.bulk_create(
                Membership(user=user, folder_name=folder_name)
                for user in users
                if str(user.pk) in chosen
            )
        messages.success(request, _("C’est noté."))
        return redirect("members")
    joined = set(
        Membership.objects.filter(folder_name=folder_name).values_list("user_id", flat=True)
    )
    rows = []
    for user in users:
        role = role_everywhere(user)
        is_always = role == Role.ADMINISTRATOR
        label, is_member = LABELS.get(role, ""), is_always or user.pk in joined
        rows.append({"user": user, "label": label, "is_always": is_always, "is_member": is_member})
    return render(request, "review/members.html", {"section": "members", "rows": rows})


def _accounts_page(
    request: HttpRequest,
    *,
    invited: Any = None,
    username: str = "",
    faults: list[str] | None = None,
) -> HttpResponse:
    users = User.objects.prefetch_related("groups").order_by("username")
    rows = [
        {"user": user, "role": role, "label": LABELS.get(role, "")}
        for user in users
        for role in [role_everywhere(user)]
    ]
    roles = [(int(role), LABELS[role]) for role in _ROLES]
    shown: dict[str, Any] = {
        "section": "accounts",
        "rows": rows,
        "roles": roles,
        "username": username,
        "faults": faults or [],
    }
    if invited is not None:
        shown |= {"invited": invited, "link": request.build_absolute_uri(invitation_of(invited))}
    return render(request, "review/accounts.html", shown)


def _asked_role(request: HttpRequest) -> Role:
    asked = request.POST.get("role", "")
    return Role(int(asked)) if asked in {str(int(role)) for role in _ROLES} else Role.READER


def _name_faults(name: str) -> list[str]:
    try:
        UnicodeUsernameValidator()(name)
    except ValidationError as error:
        return list(error.messages)
    if len(name) > 60:
        return [_("Soixante signes au plus.")]
    return (
        [_("Ce nom est déjà pris.")] if User.objects.filter(username__iexact=name).exists() else []
    )

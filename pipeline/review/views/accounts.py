"""Manage accounts, invitations, roles and preferences."""

import re
import secrets
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.forms import SetPasswordForm, UsernameField
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordChangeView, PasswordResetConfirmView
from django.contrib.messages.views import SuccessMessageMixin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import FormView

from pipeline.review import desks
from pipeline.review.models import Membership, Preference
from pipeline.review.roles import (
    GET,
    LABELS,
    POST,
    Role,
    administers,
    give_role,
    has_other_administrator,
    invitation_of,
    is_loopback,
    public_address,
    reads,
    role_everywhere,
    role_of,
)
from pipeline.review.views import is_fragment, once
from pipeline.text import fold

_ROLES = (Role.READER, Role.ANALYST, Role.ADMINISTRATOR)
_BACKEND = "django.contrib.auth.backends.ModelBackend"
# letters that Latin alphabets write, none that only looks like one of them
_LATIN = "A-Za-zÀ-ÖØ-öø-İĴ-ķĹ-ňŊ-žƠơƯưȘ-țẠ-ỹ"
_NAME = re.compile(rf"[{_LATIN}0-9][{_LATIN}0-9 @.+_'’-]*")


class AccountName(UsernameField):
    """A name as people write it, that nobody takes for another account's.

    >>> AccountName(max_length=60).to_python(" Ｍarie   Dupont ")
    'Marie Dupont'
    """

    def to_python(self, value: str | None) -> str:
        """Return the name in its usual letters (NFKC), with single spaces."""
        return " ".join((super().to_python(value) or "").split())

    def validate(self, value: str) -> None:
        """Refuse other letters, and the name of an account, accents and case left aside."""
        super().validate(value)
        letters = _("Des lettres latines, des chiffres, des espaces, et @ . + - _ ’ seulement.")
        taken = _("Ce nom est déjà pris : c’est celui d’un compte, ou il lui ressemble trop.")
        names = User.objects.values_list("username", flat=True)
        if not _NAME.fullmatch(value) or fold(value) in map(fold, names):
            raise ValidationError(taken if _NAME.fullmatch(value) else letters)


class InvitationForm(forms.Form):
    """Who is invited, and to do what."""

    username = AccountName(max_length=60, label=gettext_lazy("Nom"))
    role = forms.TypedChoiceField(
        choices=[(int(role), LABELS[role]) for role in _ROLES],
        coerce=lambda number: Role(int(number)),
        initial=int(Role.ANALYST),
    )


class FirstAccessForm(SetPasswordForm):  # type: ignore[type-arg]
    """The first administrator's name and password."""

    username = AccountName(max_length=60, label=gettext_lazy("Nom"))
    field_order = ("username",)

    def clean_username(self) -> str:
        """Compare the password with the name too."""
        self.user.username = self.cleaned_data["username"]
        return str(self.user.username)


class KeepsTyped:
    """A form that htmx sends, so that its faults are shown beside what was typed."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Lead to the next page, as htmx wants it."""
        answer: HttpResponse = super().form_valid(form)  # type: ignore[misc]
        if is_fragment(self.request):  # type: ignore[attr-defined]
            answer.status_code, answer["HX-Redirect"] = 200, answer["Location"]
        return answer


class Invitation(KeepsTyped, PasswordResetConfirmView):
    """Let an invited person choose a password, once."""

    template_name = "review/invitation.html"
    success_url = reverse_lazy("home")
    post_reset_login = True
    post_reset_login_backend = _BACKEND


class FirstAccess(KeepsTyped, FormView):  # type: ignore[type-arg]
    """Create the first administrator, given the token that the server showed."""

    template_name = "review/first_access.html"
    form_class = FirstAccessForm
    success_url = reverse_lazy("home")

    def get_form_kwargs(self) -> dict[str, Any]:
        """Refuse another token, and whoever comes after the first account."""
        token, expected = self.request.GET.get("jeton", ""), settings.FIRST_ACCESS_TOKEN
        is_token = bool(expected) and secrets.compare_digest(token.encode(), expected.encode())
        if not is_token or User.objects.exists():
            raise PermissionDenied
        return super().get_form_kwargs() | {"user": User()}

    def form_valid(self, form: FirstAccessForm) -> HttpResponse:
        """Make the account and open its session."""
        with transaction.atomic():
            user = form.save()
            give_role(user, Role.ADMINISTRATOR)
        login(self.request, user, backend=_BACKEND)
        return super().form_valid(form)


class Account(KeepsTyped, SuccessMessageMixin, PasswordChangeView):  # type: ignore[type-arg]
    """Change one's own password."""

    template_name = "review/account.html"
    success_url = reverse_lazy("account")
    success_message = gettext_lazy("Le mot de passe est changé.")

    def get_context_data(self, **options: Any) -> dict[str, Any]:
        """Add the person's role."""
        role = LABELS[role_of(self.request.user)]
        return super().get_context_data(section="account", role=role, **options)


@reads(POST)
def preferences(request: HttpRequest) -> HttpResponse:
    """Switch single keys on or off."""
    Preference.objects.update_or_create(
        user=request.user, defaults={"has_keys": request.POST.get("has_keys") == "on"}
    )
    messages.success(request, _("C’est noté."))
    return redirect("account")


@administers(GET, POST)
@once
def accounts(request: HttpRequest) -> HttpResponse:
    """List the accounts, and invite people, as members of the study whose page this is."""
    form = InvitationForm(request.POST or None)
    if not form.is_valid():
        return _accounts_page(request, form)
    with transaction.atomic():
        user = User.objects.create_user(username=form.cleaned_data["username"])
        give_role(user, form.cleaned_data["role"])
        if folder_name := desks.folder_name():
            Membership.objects.create(user=user, folder_name=folder_name)
    return _accounts_page(request, InvitationForm(), invited=user)


@administers(POST)
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
        return _accounts_page(request, InvitationForm(), invited=user)
    role = role_everywhere(user)
    if command == "role":
        asked = request.POST.get("role", "")
        role = next((each for each in _ROLES if asked == str(int(each))), role)
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


@administers(GET, POST)
def members(request: HttpRequest) -> HttpResponse:
    """Choose who works on the study, where a folder of studies is served."""
    folder_name = desks.folder_name()
    if not folder_name:
        raise Http404
    users = User.objects.filter(is_active=True).order_by("username")
    if request.method == "POST" and not request.POST.getlist("montre"):
        messages.error(request, _("Rien n’a été coché ni décoché : la liste n’est pas arrivée."))
        return redirect("members")
    if request.method == "POST":
        shown, chosen = request.POST.getlist("montre"), request.POST.getlist("membre")
        with transaction.atomic():
            for user in (user for user in users if str(user.pk) in shown):
                row: dict[str, Any] = {"user": user, "folder_name": folder_name}
                if str(user.pk) in chosen:
                    Membership.objects.get_or_create(**row)
                else:
                    Membership.objects.filter(**row).delete()
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
    request: HttpRequest, form: InvitationForm, *, invited: User | None = None
) -> HttpResponse:
    users = User.objects.prefetch_related("groups").order_by("username")
    rows = [(user, role_everywhere(user)) for user in users]
    shown: dict[str, Any] = {"section": "accounts", "rows": rows, "form": form}
    if invited is not None:
        link = public_address(request, invitation_of(invited))
        shown |= {"invited": invited, "link": link, "is_ours_alone": is_loopback(link)}
    return render(request, "review/accounts.html", shown, status=422 if form.errors else 200)

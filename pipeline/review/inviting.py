"""Let people in: the address by which somebody chooses a password, once, and who is left to administer the study.

In:   accounts
Out:  addresses on the application, without its host
"""

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from pipeline.errors import UsageError
from pipeline.publish.text import joined
from pipeline.review.roles import GROUPS, Role, give_role


def invitation_of(user: User) -> str:
    """Return the path by which `user` chooses a password, once and for three days; the password of before holds until then."""
    uid, token = urlsafe_base64_encode(force_bytes(user.pk)), default_token_generator.make_token(user)
    return reverse("invitation", args=[uid, token])


def has_other_administrator(user: User) -> bool:
    """Whether somebody else administers the study: an open account with a password, not one invited that never came."""
    others = User.objects.filter(is_active=True, groups__name=GROUPS[Role.ADMINISTRATOR]).exclude(pk=user.pk)
    return others.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX).exists()


def invite_again(name: str) -> tuple[str, bool]:
    """Return the path of a new invitation for the account `name`, and whether it administers the study from now on.

    Where nobody else can administer, the account is opened again and made an administrator's. Raises `UsageError` for a
    name without account, and for a closed account that an administrator may open.
    """
    user = User.objects.filter(username=name).first() or User.objects.filter(username__iexact=name).first()
    if user is None:
        names = joined(sorted(User.objects.values_list("username", flat=True)))
        known = f"l'un des comptes de l'étude ({names})" if names else "un compte ; l'étude n'en a aucun"
        do = "reprendre avec ce nom" if names else "ouvrir le premier accès : ateliers review ÉTUDE"
        raise UsageError(f"aucun compte « {name} »", known, do)
    has_other = has_other_administrator(user)
    if not user.is_active and has_other:
        found = f"le compte « {user.get_username()} » est fermé"
        raise UsageError(found, "un compte ouvert", "demander à l'administration de le rouvrir, dans Comptes")
    is_made = not has_other and not (user.is_active and user.groups.filter(name=GROUPS[Role.ADMINISTRATOR]).exists())
    if is_made:
        with transaction.atomic():
            user.is_active = True
            user.save(update_fields=["is_active"])
            give_role(user, Role.ADMINISTRATOR)
    return invitation_of(user), is_made

"""List the addresses about all studies of a folder, and those of accounts."""

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from pipeline.review.roles import GET, POST, reads
from pipeline.review.views import accounts, creating, home, metrics

handler400 = "pipeline.review.pages.unreadable"
handler403 = "pipeline.review.pages.refused"
handler404 = "pipeline.review.pages.missing"
handler500 = "pipeline.review.pages.broken"
ACCOUNTS = [
    path(
        "connexion",
        LoginView.as_view(template_name="review/login.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("deconnexion", login_not_required(LogoutView.as_view()), name="logout"),
    path("premier-acces", login_not_required(accounts.FirstAccess.as_view()), name="first_access"),
    path(
        "invitation/<uidb64>/<token>",
        login_not_required(accounts.Invitation.as_view()),
        name="invitation",
    ),
    path("compte", reads(GET, POST)(accounts.Account.as_view()), name="account"),
    path("compte/preferences", accounts.preferences, name="preferences"),
    path("comptes", accounts.accounts, name="accounts"),
    path("comptes/<int:user_id>", accounts.change_account, name="change_account"),
]
urlpatterns = [
    path("", home.studies, name="home"),
    path("creer", creating.create, name="create_study"),
    path("etudes/<str:folder_name>", home.open_study, name="study"),
    *ACCOUNTS,
    path("metrics", metrics.metrics, name="metrics"),
]

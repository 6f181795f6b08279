"""List every address, and who may go there."""

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path

from pipeline.review.roles import reads
from pipeline.review.views import (
    accounts,
    agreement,
    creating,
    deposit,
    documents,
    grid,
    journal,
    passages,
    priorities,
    processing,
    publishing,
    readers,
    results,
    study_data,
    themes,
)


@reads
def home(request: HttpRequest) -> HttpResponse:
    """Redirect to the queue of passages."""
    return redirect("passages")


handler400 = "pipeline.review.pages.unreadable"
handler403 = "pipeline.review.pages.refused"
handler404 = "pipeline.review.pages.missing"
handler500 = "pipeline.review.pages.broken"
urlpatterns = [
    path("", home, name="home"),
    path("connexion", accounts.Login.as_view(), name="login"),
    path("deconnexion", login_not_required(LogoutView.as_view()), name="logout"),
    path("premier-acces", accounts.first_access, name="first_access"),
    path(
        "invitation/<uidb64>/<token>",
        login_not_required(accounts.Invitation.as_view()),
        name="invitation",
    ),
    path("compte", accounts.account, name="account"),
    path("compte/preferences", accounts.preferences, name="preferences"),
    path("comptes", accounts.accounts, name="accounts"),
    path("comptes/<int:user_id>", accounts.change_account, name="change_account"),
    path("passages", passages.listing, name="passages"),
    path("passages/liste", passages.table, name="passages_list"),
    path("documents", documents.listing, name="documents"),
    path("documents/<str:document_id>", documents.document, name="document"),
    path("documents/<str:document_id>/photo", documents.picture, name="picture"),
    path("documents/<str:document_id>/passage", documents.make_passage, name="make_passage"),
    path("passages/<str:unit_id>/decider", passages.decide, name="decide"),
    path("themes", themes.listing, name="themes"),
    path("themes/carte", themes.chart, name="theme_map"),
    path("themes/propositions", themes.proposals, name="theme_proposals"),
    path("themes/sans-theme", themes.set_aside, name="set_aside"),
    path("themes/annuler", themes.undo, name="themes_undo"),
    path("themes/decider", themes.decide, name="set_aside_decide"),
    path("themes/<str:theme_id>", themes.theme, name="theme"),
    path("themes/<str:theme_id>/separer", themes.split, name="theme_split"),
    path("themes/<str:theme_id>/lecture", themes.reading, name="theme_reading"),
    path("themes/<str:subject>/decider", themes.decide, name="theme_decide"),
    path("priorites", priorities.listing, name="priorities"),
    path("priorites/comparer", priorities.compare, name="compare_weightings"),
    path("priorites/enregistrer", priorities.save, name="save_weighting"),
    path("priorites/utiliser", priorities.use, name="use_weighting"),
    path("territoires", results.listing, name="territories"),
    path("territoires/dessins/<str:name>.svg", results.drawing, name="drawing"),
    path("territoires/besoin", results.decide_gap, name="decide_gap"),
    path("territoires/<str:part>", results.listing, name="territories_part"),
    path("accord", agreement.listing, name="agreement"),
    path("accord/desaccords", agreement.disagreements, name="disagreements"),
    path("accord/desaccords/<str:unit_id>/arbitrer", agreement.arbitrate, name="arbitrate"),
    path("journal", journal.listing, name="journal"),
    path("journal/export.csv", journal.export, name="journal_export"),
    path("journal/<int:decision_id>/annuler", journal.undo, name="undo"),
    path("depot", deposit.deposit, name="deposit"),
    path("depot/etat", deposit.states, name="deposit_states"),
    path("depot/ateliers", deposit.make_workshop, name="deposit_make"),
    path("depot/ateliers/<str:folder>", deposit.workshop, name="deposit_workshop"),
    path("depot/envois", deposit.announce, name="deposit_announce"),
    path("depot/envois/<str:upload_id>", deposit.piece, name="deposit_piece"),
    path("depot/envois/<str:upload_id>/abandonner", deposit.give_up, name="deposit_give_up"),
    path("depot/retirer", deposit.remove, name="deposit_remove"),
    path("depot/renommer", deposit.rename, name="deposit_rename"),
    path("depot/corriger", deposit.correct, name="deposit_correct"),
    path("depot/corbeille/<str:removed_id>/supprimer", deposit.erase, name="deposit_erase"),
    path("depot/corbeille/<str:removed_id>/remettre", deposit.put_back, name="deposit_put_back"),
    path("depot/doutes", deposit.doubts, name="deposit_doubts"),
    path("depot/doutes/<str:doubt_id>", deposit.decide_doubt, name="deposit_doubt"),
    path("traiter", processing.processing, name="processing"),
    path("traiter/lancer", processing.start, name="start_processing"),
    path("traiter/annuler", processing.cancel, name="cancel_processing"),
    path("traiter/flux", processing.stream, name="processing_stream"),
    path("publier", publishing.publishing, name="publishing"),
    path("publier/lancer", publishing.publish, name="publish"),
    path(
        "publier/<str:run_id>/fichiers/<path:name>",
        publishing.publication_file,
        name="publication_file",
    ),
    path("publier/exports/<str:form>", publishing.publication_export, name="publication_export"),
    path("publier/liens", readers.make, name="make_reader_link"),
    path("publier/liens/<str:link_id>/fermer", readers.revoke, name="revoke_reader_link"),
    path("lecture/<str:token>", readers.read, name="reader_link"),
    path("lecture/<str:token>/<str:name>", readers.read, name="reader_file"),
    path("publier/donnees", study_data.study_data, name="study_data"),
    path("publier/donnees/oublier", study_data.forget, name="forget_person"),
    path("publier/donnees/sauvegarder", study_data.back_up, name="back_up"),
    path("publier/donnees/sauvegardes/<str:name>", study_data.backup_file, name="backup_file"),
    path("recherche", passages.search, name="search"),
    path("resultats", results.results, name="results"),
    path("reglages", creating.settings_page, name="study_settings"),
    path("grille", grid.grid_page, name="study_grid"),
    path("grille/grille.yaml", grid.grid_file, name="grid_file"),
    path("grille/code", grid.grid_code, name="grid_code"),
    path("grille/retirer", grid.grid_remove, name="grid_remove"),
    path("grille/importer", grid.grid_import, name="grid_import"),
]

"""The review's addresses, and the page that makes a study at the root."""

from django.urls import path

from pipeline.review.urls import handler400, handler403, handler404, handler500, urlpatterns
from pipeline.review.views.creating import create

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
urlpatterns = [*urlpatterns, path("creer", create, name="create_study")]

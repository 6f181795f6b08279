"""Serve each study of a folder as if it were alone, under /etudes/<dossier>/."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

from pipeline.review import desks

_MOUNTED = re.compile(r"/etudes/(?P<name>[^/]+)(?=/)")
_NAME = "ateliers.folder_name"  # of the request's study


class StudiesHandler:
    """A WSGI application that takes the study out of the address, for `reverse` to put it back."""

    def __init__(self, handler: WSGIHandler) -> None:
        self._handler = handler

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer a request."""
        mounted = _MOUNTED.match(environ["PATH_INFO"])
        if mounted and settings.STUDIES_FOLDER is not None:
            name = mounted["name"].encode("latin-1").decode("utf-8", "replace")  # as WSGI has it
            if desks.study_root(name) is not None:
                environ["SCRIPT_NAME"] += mounted[0]
                environ["PATH_INFO"] = environ["PATH_INFO"][mounted.end() :]
                environ[_NAME] = name
        return self._handler(environ, start_response)


class StudyMiddleware(MiddlewareMixin):
    """Show the views the request's study, or the addresses about all studies.

    It stays the thread's study until the next request: an answer in parts is made after the view.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Enter the study before any view."""
        desks.enter(request.META.get(_NAME, ""))
        if not desks.is_in_study():
            request.urlconf = "pipeline.review.urls_of_studies"  # type: ignore[attr-defined]

"""Django's settings for the study in ATELIERS_STUDY, or the studies in the folder ATELIERS_STUDIES.

Accounts and sessions are in .review/ of the study or folder (SQLite), or in the PostgreSQL of
[review], in etude.toml or in the folder's ateliers.toml.
"""

import datetime
import os
from pathlib import Path

from csp.constants import NONE, SELF

from pipeline.review.bounds import MAX_BODY_BYTES
from pipeline.review.storage import (
    cookie_suffix,
    database,
    database_of,
    private_folder,
    secret_key,
    settings_of,
)

_SERVED = Path(os.environ.get("ATELIERS_STUDIES") or os.environ["ATELIERS_STUDY"])
STUDIES_FOLDER = _SERVED if os.environ.get("ATELIERS_STUDIES") else None
STUDY_ROOT = None if STUDIES_FOLDER else _SERVED
_REVIEW = settings_of(_SERVED, is_folder=STUDIES_FOLDER is not None)
_FOLDER = private_folder(_SERVED)

SECRET_KEY = secret_key(_FOLDER)
_SUFFIX = cookie_suffix(_SERVED, SECRET_KEY)
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *_REVIEW.hosts]
ROOT_URLCONF = "pipeline.review.urls"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "pipeline.review",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "pipeline.review.mount.StudyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "pipeline.review.bounds.NoStoreMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "pipeline.review.bounds.BoundedFieldsMiddleware",
    "pipeline.review.pages.FaultMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "pipeline.review.pages.page_variables",
            ],
        },
    }
]
_DATABASE = database_of(_SERVED, _REVIEW, is_folder=STUDIES_FOLDER is not None)
DATABASES = {"default": database(_DATABASE, _FOLDER)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- accounts and passwords

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = datetime.timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "review/locked_out.html"
AXES_VERBOSE = False  # logs hold counts and ids, never what people typed
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600  # seconds, for invitations
FIRST_ACCESS_TOKEN = ""  # the server sets it while nobody has an account

# --- cookies and browsers

# Browsers take a cookie so named from this host alone, over https.
_PREFIX = "__Host-" if _REVIEW.https else ""
SESSION_COOKIE_AGE = _REVIEW.session_hours * 3600
# Ports do not separate the cookies of two studies on a machine.
SESSION_COOKIE_NAME = f"{_PREFIX}ateliers_session_{_SUFFIX}"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_NAME = f"{_PREFIX}ateliers_csrf_{_SUFFIX}"
CSRF_COOKIE_HTTPONLY = True
# Messages quote passages, which no cookie may hold.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _REVIEW.https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _REVIEW.https else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _REVIEW.https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _REVIEW.https
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in _REVIEW.hosts]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],  # Pico's arrows and ticks
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
FILE_UPLOAD_PERMISSIONS = 0o600

# --- language, files, logs

LANGUAGE_CODE = os.environ.get("ATELIERS_LANG", "fr")
LANGUAGES = [("fr", "Français"), ("en", "English")]
LOCALE_PATHS = [str(Path(__file__).with_name("locale"))]
TIME_ZONE = "Europe/Paris"
USE_TZ = True
STATIC_URL = "/static/"  # the same for all studies
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"service": {"()": "flows.service_log.formatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "service"}},
    "loggers": {
        "django": {"handlers": ["console"], "level": "ERROR"},
        # It would log the address asked for.
        "django.security": {"handlers": [], "level": "CRITICAL", "propagate": False},
        "axes": {"handlers": ["console"], "level": "ERROR"},
    },
}

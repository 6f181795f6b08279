"""Secrets, and addresses without any.

A secret comes from the environment or from a file that only its owner can read, and goes into no
log, record or message. Text leaves the machine encrypted, or stays in the house.
"""

import ipaddress
import os
import re
import stat
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from pipeline.errors import AteliersError, SettingsError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_secret(
    variable: str,
    what: str,
    *,
    named: str | None = None,
    base: Path = Path(),
    error: type[AteliersError] = SettingsError,
) -> str | None:
    """Return the secret in `variable`, else in the file at `variable`_FILE, else at `named`.

    None if none is given. The file's path may be relative to `base`; `what` names it in French.
    Raises `error` for a file that is missing, blank, unreadable, or readable by others.
    """
    if os.environ.get(variable, "").strip():
        return os.environ[variable]
    path = os.environ.get(f"{variable}_FILE") or named
    return secret_in(base / path, what, error=error) if path else None


def secret_in(path: Path, what: str, *, error: type[AteliersError] = SettingsError) -> str:
    """Return a file's first line; raises as `read_secret`."""
    if not path.is_file():
        raise error(
            f"pas de fichier « {path} »",
            f"un fichier avec {what}",
            "l'écrire, ou corriger le chemin",
        )
    if path.stat().st_mode & _OTHERS:
        raise error(
            f"« {path} » est lisible par d'autres", "un fichier de droits 600", f"chmod 600 {path}"
        )
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise error(
            f"« {path} » ne se lit pas ({type(problem).__name__})",
            f"un texte UTF-8 avec {what}",
            "le réécrire",
        ) from None
    if not lines or not lines[0].strip():
        raise error(f"« {path} » est vide", f"{what} sur la première ligne", "l'y écrire")
    return lines[0]


def header_secret(variable: str, what: str) -> str | None:
    """Return the secret for an HTTP header; raises as `read_secret` or for odd characters."""
    secret = (read_secret(variable, what) or "").strip()
    if not secret.isascii() or not secret.isprintable():
        raise SettingsError(
            f"{variable} ne peut pas être une clé", "des signes ASCII sur une ligne", "la recopier"
        )
    return secret or None


_PRIVATE = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
)


def address_fault(url: str) -> str | None:
    """Return None for https, or http to a local host, without a secret; else what to write."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "une adresse comme https://serveur/v1"
    if not host or parts.scheme not in ("http", "https"):
        return "une adresse comme https://serveur/v1"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "une adresse sans clé : la clé va dans une variable d'environnement"
    if parts.scheme == "http" and not is_local(host):
        return "https, sauf pour cette machine ou un réseau privé"
    return None


def database_fault(url: str) -> str | None:
    """Return None for "" or a PostgreSQL address without a password; else what to write."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "une adresse comme postgresql://utilisateur@serveur/base"
    if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
        return "une adresse comme postgresql://utilisateur@serveur/base"
    if parts.password is not None or any(
        name in ("password", "sslpassword")
        for name, _ in parse_qsl(parts.query, keep_blank_values=True)
    ):
        return (
            "une adresse sans mot de passe : il va dans PGPASSWORD, dans ~/.pgpass, ou avec "
            "toute l'adresse dans ATELIERS_DATABASE_URL"
        )
    return None


def store_fault(url: str) -> str | None:
    """Return None for "" or a store's folder without a key; else what to write."""
    if not url:
        return None
    form = "une adresse comme s3://seau/etude"
    if not re.match(r"[a-z][a-z0-9+.\-]*://", url) or "::" in url:
        return form
    try:
        parts = urlsplit(url)
    except ValueError:
        return form
    if not f"{parts.netloc}{parts.path}".strip("/"):
        return form
    if "@" in parts.netloc or parts.query or parts.fragment:
        return (
            "une adresse sans clé : les clés vont dans l'environnement (AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY)"
        )
    return None


def without_secrets(url: str) -> str:
    """Return an address for display: no user, password or query."""
    return re.sub(r"\?.*", "?…", re.sub(r"//.*@", "//…@", url))


def is_local(host: str) -> bool:
    """Whether `host` is localhost, this machine, or a private address (RFC 1918, RFC 4193)."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or any(
        address in network for network in _PRIVATE if network.version == address.version
    )

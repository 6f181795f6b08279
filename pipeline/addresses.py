"""Which addresses text may be sent to: encrypted, or inside the house; which ones may be written in a study: those without a secret.

In:   the address of a server, or of a database
Out:  what is wrong with it, if anything, in French
"""

import ipaddress
import re
from urllib.parse import parse_qsl, urlsplit

_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))


def address_fault(url: str) -> str | None:
    """Return what was expected instead of `url`, or None: https, or http to a local host; no secret in the address."""
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
    """Return what was expected instead of `url`, or None: blank, or the address of a PostgreSQL database without a password."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "une adresse comme postgresql://utilisateur@serveur/base"
    if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
        return "une adresse comme postgresql://utilisateur@serveur/base"
    if parts.password is not None or any(name in ("password", "sslpassword") for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        return "une adresse sans mot de passe : il va dans PGPASSWORD, dans ~/.pgpass, ou avec toute l'adresse dans ATELIERS_DATABASE_URL"
    return None


def store_fault(url: str) -> str | None:
    """Return what was expected instead of `url`, or None: blank, or the address of a folder in a store, without a key."""
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
        return "une adresse sans clé : les clés vont dans l'environnement (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)"
    return None


def without_secrets(url: str) -> str:
    """Return an address as it may be shown: who signs in and what follows a question mark are left out."""
    return re.sub(r"\?.*", "?…", re.sub(r"//.*@", "//…@", url))


def is_local(host: str) -> bool:
    """Whether `host` is this machine or an address of a private network (RFC 1918, RFC 4193); a name other than localhost is not."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or any(address in network for network in _PRIVATE if network.version == address.version)

"""Which addresses text may be sent to: encrypted, or inside the house.

In:   the address of a server
Out:  what is wrong with it, if anything, in French
"""

import ipaddress
from urllib.parse import urlsplit

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


def is_local(host: str) -> bool:
    """Whether `host` is this machine or an address of a private network (RFC 1918, RFC 4193); a name other than localhost is not."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or any(address in network for network in _PRIVATE if network.version == address.version)

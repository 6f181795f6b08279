"""Look at what protects a study on this machine: modes, ports, passphrase, telemetry, growth.

In:   a study
Out:  a point a line: what was found, and what to do where something is to be mended
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flows.encryption import is_encrypted
from flows.publication_files import in_use, publications, publications_to_let_go
from pipeline.study import Study
from pipeline.text import Count, size_in_words

_LISTENING = "0A"  # the state of a socket in /proc/net/tcp
_LOOPBACK = re.compile(r"0100007F|[0-9A-F]{6}7F|0{24}01000000|0{16}FFFF00000100007F")
_MANY = 10  # publications kept


@dataclass(frozen=True)
class Point:
    """What was looked at, what was found, and what to do; blank where all is well."""

    about: str
    found: str
    do: str = ""


def security_of(study: Study) -> list[Point]:
    """Return the points, in one order."""
    return [*_modes(study), *_ports(), _vault(study), _telemetry(), *_growth(study)]


def telemetry_folder() -> Path:
    """Return where onnxruntime wrote before this version silenced it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "Microsoft" / "DeveloperTools" / ".onnxruntime"


def _modes(study: Study) -> Iterator[Point]:
    private = (study.depot, study.vault, study.tables, study.publications, study.decisions_path)
    names = [
        path.name
        for path in (*private, study.cache, study.root / ".review")
        if path.exists() and path.stat().st_mode & 0o077
    ]
    if names and study.root.stat().st_mode & 0o077:
        found = f"D'autres comptes de la machine peuvent ouvrir : {', '.join(names)}"
        yield Point("modes", found, f"chmod 700 {study.root}")
    else:
        yield Point("modes", "Aucun autre compte de la machine n'ouvre les dossiers de l'étude")


def _ports() -> Iterator[Point]:
    """Tell the ports of this machine that others reach, whoever opened them."""
    reached = set()
    for name in ("tcp", "tcp6"):
        path = Path("/proc/net", name)
        lines = path.read_text(encoding="ascii").splitlines()[1:] if path.is_file() else []
        for fields in map(str.split, lines):
            address, _, port = fields[1].partition(":")
            if fields[3] == _LISTENING and not _LOOPBACK.fullmatch(address):
                reached.add(int(port, 16))
    if reached:
        ports = ", ".join(map(str, sorted(reached)))
        found = f"Ports de cette machine ouverts au réseau : {ports}"
        yield Point("ports", found, "vérifier que chacun est voulu, et le pare-feu")
    else:
        yield Point("ports", "Aucun port de cette machine n'est ouvert au réseau")


def _vault(study: Study) -> Point:
    held = list(study.vault.glob("*.vault"))
    if not held:
        return Point("passwords", "Le coffre est encore vide")
    if all(is_encrypted(path.read_bytes()) for path in held):
        return Point("passwords", "Le coffre est fermé par une phrase de passe")
    do = "lui en donner une (ATELIERS_VAULT_PASSPHRASE_FILE ; docs/securite.md)"
    return Point("passwords", "Le coffre n'a pas de phrase de passe", do)


def _telemetry() -> Point:
    folder = telemetry_folder()
    if folder.is_dir():
        found = f"Des mesures d'usage d'onnxruntime restent d'avant dans {folder}"
        return Point("telemetry", found, f"rm -r {folder}")
    return Point("telemetry", "Aucune mesure d'usage n'est gardée ni envoyée")


def _growth(study: Study) -> Iterator[Point]:
    kept = publications(study)
    size = sum(publication.n_bytes for publication in kept)
    found = f"{Count(len(kept)):publication gardée|publications gardées}, {size_in_words(size)}"
    going = publications_to_let_go(kept, _MANY, in_use(study))
    older = ", ".join(publication.run_id for publication in going[::-1][:3])
    do = f"[publish] keep_publications = {_MANY} dans {study.settings_path.name}, puis publier"
    if older:
        do += f" : d'abord {older} ; ou « Laisser partir », page Publier"
    yield Point("publications", found, do if len(kept) > _MANY else "")
    for folder in (study.cache, study.runs, study.vault / "copies"):
        n_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        name = folder.relative_to(study.root).as_posix()
        yield Point("growth", f"{name} : {size_in_words(n_bytes)}")

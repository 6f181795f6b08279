"""Communes of a workshop: one INSEE code a commune where it can be told, however its name is written.

In:   the manifest's communes and authorities, the territory's name, the communes written on lists and maps
Out:  INSEE codes, else the slug of the fullest name; points, names, the workshop's authority; how many could not be told
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cache

from pipeline.communes import Found, Gazetteer, around, centre_of, epci_of, epci_of_most, find_epci, members_of, name_of
from pipeline.ingest.words import slug
from pipeline.ingest.workshop import Commune

_SHORTENED = {"st": "saint", "ste": "sainte", "sts": "saints", "s": "sur", "ss": "sous"}
_CERTAIN = ("code", "exact")


class Places:
    """The communes known to one workshop; `epci_codes` are the manifest's authorities."""

    def __init__(self, communes: Sequence[Commune], territory: str, written: Iterable[str] = (), *, epci_codes: Sequence[str] = ()) -> None:
        self._written = sorted(set(written) - {""})
        self._codes = {_name_slug(commune.name): commune.code for commune in communes if commune.name and commune.code}
        if len(communes) == 1 and communes[0].code and not communes[0].name:
            self._codes[_name_slug(territory)] = communes[0].code  # a workshop of one commune bears its name
        self._own = _own_communes(communes, territory, epci_codes)
        self._gazetteer = _settled(self._written, self._own)
        self._found: dict[tuple[str, str], Found] = {}
        self._names = sorted({_name_slug(name) for name in self._written} | set(self._codes) - {""})
        named = [slug(name_of(found.code)) for name in self._written if (found := self._find(name, "")).code]
        self.words = frozenset(word for name in (*self._names, *named, slug(territory)) for word in name.split("-") if len(word) > 2)
        self.epci_code = self._authority(territory, epci_codes)

    def code_of(self, commune: str, code: str = "") -> str | None:
        """The code of a commune from its name, its code or both; its name's slug where it can't be told, None where nothing is written."""
        found = self._find(commune, code)
        if found.code:
            return found.code
        given = re.search(r"\b(?:\d{5}|2[ABab]\d{3})\b", code)
        name = _name_slug(commune)
        if not name:
            return given[0].upper() if given else None
        full = self._full(name)
        return self._codes.get(full) or full

    def point_of(self, commune: str, code: str = "") -> tuple[float, float] | None:
        """Latitude and longitude of the town hall of the commune, or of the part of it that is named; None where it can't be told."""
        found = self._find(commune, code)
        return centre_of(found.place_code) if found.place_code else None

    @property
    def n_unsettled(self) -> int:
        """Names of communes asked for that stay without code: unknown, or borne by several and nothing tells which."""
        return len({_name_slug(commune) for (commune, _), found in self._found.items() if found.how in ("ambiguous", "unknown")})

    @property
    def own_codes(self) -> frozenset[str]:
        """The communes that the manifest or the territory's name tell as the territory's."""
        return self._own

    def epci_of(self, code: str | None) -> str | None:
        """The authority of a commune."""
        return epci_of(code) if code else None

    def find_codes(self, text: str) -> tuple[str, ...]:
        """The communes that `text` lists, each where certain ("Nérac, Mézin et Barbaste"); of an authority, its members; () for none."""
        group = find_epci(text, communes=self._own) or find_epci(text)
        if group:
            return members_of(group)
        parts = [part for part in re.split(r"[,;+/|\n]|\bet\b|\s-\s", text) if part.strip()]
        return tuple(dict.fromkeys(found.code for part in parts if (found := self._gazetteer.find(part.strip())).code))

    def _find(self, commune: str, code: str) -> Found:
        known = self._codes.get(_name_slug(commune))
        if known and not code:
            return Found(known, known, "code")
        key = (commune, code)
        if key not in self._found:
            self._found[key] = self._gazetteer.find(commune, code)
        return self._found[key]

    def _full(self, name: str) -> str:
        """The one longer name that `name` shortens ("Le Nouvion" of "Le Nouvion-en-Thiérache"), else itself."""
        first = bisect_left(self._names, f"{name}-")
        longer = [known for known in self._names[first : first + 2] if known.startswith(f"{name}-")]
        return longer[0] if len(longer) == 1 else name

    def _authority(self, territory: str, epci_codes: Sequence[str]) -> str | None:
        """The manifest's first authority, else the one that the territory names, that its communes share, or that holds most named."""
        if epci_codes:
            return epci_codes[0]
        homes = {epci_of(code) for code in self._own}
        named = find_epci(territory, communes=self._own)
        if named or len(homes) == 1:
            return named or next(iter(homes))
        return epci_of_most([found.code for found in self._found.values() if found.code]) if not homes else None


def _own_communes(communes: Sequence[Commune], territory: str, epci_codes: Sequence[str]) -> frozenset[str]:
    """The territory's communes: those of the manifest, else of its authorities, else of what the territory's name tells."""
    members = {member for code in epci_codes for member in members_of(code)}
    view = around(members, own_codes=members)
    given = {code for commune in communes if (code := view.find(commune.name or "", commune.code or "").code)}
    if given or members:
        return frozenset(given or members)
    group = find_epci(territory)
    alone = Gazetteer().find(territory)
    return frozenset(members_of(group)) if group else frozenset({alone.code} - {None} if alone.how in _CERTAIN else set())  # type: ignore[arg-type]


def _settled(written: Sequence[str], own: frozenset[str]) -> Gazetteer:
    """The view from the territory and from the communes named without doubt on lists and maps."""
    first = around((), own_codes=own)
    sure = [found.code for name in written if (found := first.find(name)).code and found.how in _CERTAIN]
    return around([code for code in sure if code], own_codes=own)


@cache
def _name_slug(commune: str | None) -> str:
    """The slug of a commune's name, without postal code, its usual abbreviations written out."""
    words = slug(re.sub(r"\b\d{2} ?\d{3}\b|\([^)]*\)|\bcedex\b.*", " ", commune or "", flags=re.IGNORECASE)).split("-")
    return "-".join(_SHORTENED.get(word, word) for word in words if word)

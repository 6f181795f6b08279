"""Communes of a workshop: one code or slug a commune, however its name is shortened.

In:   the manifest's communes, and the communes written on lists and maps
Out:  an INSEE code where given, else the slug of the fullest name
"""

import re
from collections.abc import Iterable, Sequence

from pipeline.ingest.words import slug
from pipeline.ingest.workshop import Commune

_SHORTENED = {"st": "saint", "ste": "sainte", "sts": "saints", "s": "sur", "ss": "sous"}


class Places:
    """The communes known to one workshop."""

    def __init__(self, communes: Sequence[Commune], territory: str, written: Iterable[str] = ()) -> None:
        self._codes = {_name_slug(commune.name): commune.code for commune in communes if commune.name and commune.code}
        if len(communes) == 1 and communes[0].code and not communes[0].name:
            self._codes[_name_slug(territory)] = communes[0].code  # a workshop of one commune bears its name
        self._names = sorted({_name_slug(name) for name in written} | set(self._codes) - {""})
        self.words = frozenset(word for name in (*self._names, slug(territory)) for word in name.split("-") if len(word) > 2)

    def code_of(self, commune: str, code: str = "") -> str | None:
        """The code of a commune from its name, its INSEE code or both; None where neither is given."""
        given = re.search(r"\b(?:\d{5}|2[ABab]\d{3})\b", code)
        if given:
            return given[0].upper()
        name = _name_slug(commune)
        if not name:
            return None
        full = self._full(name)
        return self._codes.get(full) or full

    def _full(self, name: str) -> str:
        """The one longer name that `name` shortens ("Le Nouvion" of "Le Nouvion-en-Thiérache"), else itself."""
        longer = [known for known in self._names if known.startswith(f"{name}-")]
        return longer[0] if len(longer) == 1 else name


def _name_slug(commune: str | None) -> str:
    """The slug of a commune's name, without postal code, its usual abbreviations written out."""
    words = slug(re.sub(r"\b\d{2} ?\d{3}\b|\([^)]*\)|\bcedex\b.*", " ", commune or "", flags=re.IGNORECASE)).split("-")
    return "-".join(_SHORTENED.get(word, word) for word in words if word)

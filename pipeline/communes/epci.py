"""Tell the intercommunal authority of a territory, and its members.

In:   a name as people write it ("CC du Pays de Lumbres", "Albret", "CAPSO"), communes of the territory
Out:  SIREN of the authority where it is certain
"""

from collections import Counter
from collections.abc import Collection
from functools import cache

from pipeline.communes.tables import by_code, epci_names, places
from pipeline.words import fold, lexicon

_MIN_COMMUNES, _MOST = 4, 0.8  # distinct communes, and the share of them in one authority that make it certain
_MIN_ACRONYM = 3


def find_epci(name: str, *, communes: Collection[str] = ()) -> str | None:
    """The SIREN of the authority that `name` names alone by all its telling words or its acronym, if need be with its `communes`."""
    telling = _telling(name)
    exact = [code for code, words in _telling_names().items() if words == telling] if telling else []
    acronym = fold(name).replace(" ", "")
    exact = exact or [code for code, initials in _acronyms().items() if len(acronym) >= _MIN_ACRONYM and acronym in initials]
    home = {epci for code in communes if (epci := epci_of(code))}
    near = [code for code in exact if code in home]
    return near[0] if len(near) == 1 else exact[0] if len(exact) == 1 and (not home or exact[0] in home) else None


def epci_of_most(communes: Collection[str]) -> str | None:
    """The authority that holds most of `communes`, each counted once; None where they are few or scattered."""
    counts = Counter(epci for code in set(communes) if (epci := epci_of(code)))
    if not counts or counts.total() < _MIN_COMMUNES:
        return None
    code, n_in = min(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return code if n_in / counts.total() >= _MOST else None


def epci_of(code: str) -> str | None:
    """The authority of a commune."""
    place = by_code().get(code)
    return place.epci_code if place else None


def members_of(epci_code: str) -> tuple[str, ...]:
    """The INSEE codes of an authority's communes, in order; () for a code that is none."""
    return _members().get(epci_code, ())


@cache
def _members() -> dict[str, tuple[str, ...]]:
    members: dict[str, list[str]] = {}
    for place in places():
        if place.kind == "commune":
            for group in filter(None, (place.epci_code, place.ept_code)):
                members.setdefault(group, []).append(place.code)
    return {group: tuple(codes) for group, codes in members.items()}


@cache
def _telling_names() -> dict[str, frozenset[str]]:
    return {code: _telling(name) for code, name in epci_names().items()}


@cache
def _acronyms() -> dict[str, frozenset[str]]:
    """The acronyms of an authority's name, with and without its small words: CAPSO of "CA du Pays de Saint-Omer"."""
    initials = {}
    for code, name in epci_names().items():
        written = [str(word) for kind in fold(name).split()[:1] for word in lexicon("territories")["sigles_epci"].get(kind, [kind])]
        words = [word for word in fold(name).split()[1:] if word not in lexicon("structures")["vides"]]
        initials[code] = frozenset(f"{kind}{''.join(word[0] for word in words)}" for kind in written)
    return initials


def _telling(name: str) -> frozenset[str]:
    """The words that tell an authority from others, without those that say its form."""
    forms = {str(word) for word in lexicon("territories")["formes_epci"]}
    return frozenset(word for word in fold(name).split() if word not in forms)


def codes_of_department(department: str) -> tuple[str, ...]:
    """The INSEE codes of a department's communes, in order; () for a code that is none."""
    return tuple(place.code for place in places() if place.kind == "commune" and place.department == department)

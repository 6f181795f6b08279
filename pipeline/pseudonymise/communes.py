"""Which words name a place whatever stands around them: communes, departments and regions of France, rivers, countries.

In:   a folded name
Out:  yes or no

Sources: pipeline.communes (data/reference), data/lexicon/lieux.txt.
"""

from functools import cache

from pipeline.communes import department_names
from pipeline.communes.tables import places
from pipeline.pseudonymise.words import fold
from pipeline.resources import data_path


def is_place(folded: str) -> bool:
    """Whether `folded` is a commune, a department, a region, a river or a country; many are also surnames, and some first names."""
    return folded in _places()


@cache
def _places() -> frozenset[str]:
    listed = data_path("lexicon", "lieux.txt").read_text(encoding="utf-8").splitlines()
    others = [word for line in listed if not line.startswith("#") for word in line.split()]
    return frozenset(fold(name) for name in (*(place.name for place in places()), *department_names().values(), *others))

"""Every page that a person may open, by name; `{unit}` and `{theme}` stand for one of the study."""

from functools import cache
from pathlib import Path

from pipeline.study import Study
from support.review_server import Served

PAGES = {
    "passages": "passages",
    "passages-liste": "passages/liste?etat=tous",
    "document": "passages/{unit}/document",
    "themes": "themes",
    "theme": "themes/{theme}",
    "priorites": "priorites",
    "priorites-comparees": "priorites/comparer?p=",
    "territoires-presence": "territoires",
    "territoires-codes": "territoires/presence?quoi=rubrique",
    "territoires-specificites": "territoires/specificites",
    "territoires-plans": "territoires/plans",
    "territoires-cartes": "territoires/cartes",
    "territoires-voix": "territoires/voix",
    "territoires-offre": "territoires/offre",
    "accord": "accord",
    "journal": "journal",
    "resultats": "resultats",
    "recherche": "recherche?q=transport",
    "compte": "compte",
    "comptes": "comptes",
}
OPEN_PAGES = {"connexion": "connexion"}


def address(page: str, served: Served) -> str:
    """The address of a page, with the first passage and the first theme of the study."""
    return served.url({**PAGES, **OPEN_PAGES}[page].format(**_first(served.study.root)))


@cache
def _first(root: Path) -> dict[str, str]:
    study = Study.open(root)
    return {
        "unit": study.read_table("units")["unit_id"].min(),
        "theme": study.read_machine_table("themes")["theme_id"].min(),
    }

"""Every page that a person may open, by name; `{document}` and `{theme}` stand for one of the study."""

from functools import cache
from pathlib import Path

from pipeline.study import Study
from support.review_server import Served

PAGES = {
    "accueil": "",
    "glossaire": "glossaire",
    "passages": "passages",
    "passages-liste": "passages/liste?etat=tous",
    "passages-choisis": "passages/liste?etat=tous&q=logement&sans-question=q3&code=posture:force",
    "passages-filtres": "passages/filtres?etat=tous&sans-table=1",
    "depot": "depot",
    "depot-doutes": "depot/doutes",
    "documents": "documents",
    "document": "documents/{document}",
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
    "croisements": "croisements",
    "accord": "accord",
    "memos": "memos",
    "journal": "journal",
    "resultats": "resultats",
    "traiter": "traiter",
    "publier": "publier",
    "donnees": "publier/donnees",
    "recherche": "recherche?q=transport",
    "compte": "compte",
    "comptes": "comptes",
    "reglages": "reglages",
    "grille": "grille",
    "grille-code": "grille/code?code=enjeux.social",
    "grille-histoire": "grille/histoire",
    "grille-retirer": "grille/retirer?code=offre",
}
OPEN_PAGES = {"connexion": "connexion"}


def address(page: str, served: Served) -> str:
    """The address of a page, with the first document and the first theme of the study."""
    return served.url({**PAGES, **OPEN_PAGES}[page].format(**_first(served.study.root)))


@cache
def _first(root: Path) -> dict[str, str]:
    study = Study.open(root)
    return {
        "document": study.read_table("documents")["document_id"].min(),
        "theme": study.read_machine_table("themes")["theme_id"].min(),
    }

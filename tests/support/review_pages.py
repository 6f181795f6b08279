"""Every page that a person may open, by name; `{document}` and `{theme}` stand for one of the study."""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

from pipeline.study import Study
from support.review_server import Served, environment_of

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
    "apprentissage": "apprentissage",
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
    "grille-axe": "grille/axe",
    "grille-famille": "grille/famille?famille=enjeux",
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


_ADDRESSES = """
import json, django
django.setup()
from django.urls import get_resolver
print(json.dumps([[row.name, row.pattern._route] for row in get_resolver().url_patterns]))
"""


def every_address(served: Served, *, blank: str = "") -> dict[str, str]:
    """Every address of the study, by name, with one of the study's own things in each blank.

    With `blank`, those that take a text alone, and that text in it.
    """
    told = subprocess.run(
        [sys.executable, "-c", _ADDRESSES],
        env=environment_of(served.study),
        capture_output=True,
        check=True,
        text=True,
    )
    study = served.study
    blanks = {
        "unit_id": study.read_table("units")["unit_id"].min(),
        "document_id": study.read_table("documents")["document_id"].min(),
        "theme_id": study.read_machine_table("themes")["theme_id"].min(),
        "part": "presence",
        "code": "0" * 16,
        "form": "csv",
    }
    rows = dict(json.loads(told.stdout))
    if blank:
        blanks = {}
        rows = {name: route for name, route in rows.items() if re.search("<(str|path):", route)}
    return {
        name: "/" + re.sub(r"<\w+:(\w+)>", lambda found: blanks.get(found[1], blank or "1"), route)
        for name, route in rows.items()
    }

"""The guide as pages that open without a network: `make guide` builds build/guide/ from docs/ and
models/cards/.

Sources stay where they are, so that their links also hold where the repository is browsed; a link
or picture that leads nowhere stops the build.
"""

import re
from pathlib import Path
from typing import Any

from docutils import nodes

from pipeline import __version__

project = "Ateliers Territoires"
author = "Ateliers Territoires"
version = release = __version__
language = "fr"

extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["docs/*.md", "docs/decisions/*.md", "docs/operations/*.md", "models/cards/*.md"]
exclude_patterns = [
    ".*",
    "build",
    "demo",
    "dist",
    "data",
    "tests",
    "pipeline",
    "flows",
    "shared",
]  # not even looked into
templates_path = ["templates"]

myst_heading_anchors = 4  # « page.md#un-titre », as the repository's own pages have them
myst_enable_extensions = ["colon_fence"]
suppress_warnings = ["myst.header"]  # a card may go from its title to a third level
nitpicky = True
smartquotes = False  # French signs are typed as they should be
highlight_language = "none"

html_theme = "furo"
html_title = "Ateliers Territoires"
html_static_path = ["static"]
html_css_files = ["guide.css"]
html_additional_pages = {"index": "redirect.html"}  # build/guide/index.html leads to the home page
html_show_sourcelink = False
html_copy_source = False
html_show_search_summary = (
    False  # extracts are fetched, which browsers refuse to a page opened from a folder
)
html_use_index = False
html_show_copyright = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f5f5b", "color-brand-content": "#1f5f5b"},
    "dark_css_variables": {"color-brand-primary": "#7cc7bf", "color-brand-content": "#7cc7bf"},
}

FRENCH = {  # what Furo says in English only
    "Skip to content": "Aller au contenu",
    "Back to top": "Haut de page",
    "<span>Next</span>": "<span>Suivant</span>",
    "<span>Previous</span>": "<span>Précédent</span>",
    '<div class="title">Home</div>': '<div class="title">Accueil</div>',
    "On this page": "Sur cette page",
    "<title>Contents</title>": "<title>Sommaire</title>",
    "<title>Light mode</title>": "<title>Clair</title>",
    "<title>Dark mode</title>": "<title>Sombre</title>",
    "<title>Auto light/dark, in light mode</title>": "<title>Automatique, clair</title>",
    "<title>Auto light/dark, in dark mode</title>": "<title>Automatique, sombre</title>",
    "Toggle Light / Dark / Auto color theme": "Couleurs : claires, sombres, automatiques",
    "Toggle site navigation sidebar": "Montrer ou cacher les pages",
    "Toggle navigation of": "Montrer ou cacher les pages de",
    "Toggle table of contents sidebar": "Montrer ou cacher le sommaire",
    "Made with ": "Fait avec ",
    '<a href="https://www.sphinx-doc.org/">Sphinx</a> and': '<a href="https://www.sphinx-doc.org/">Sphinx</a> et',  # noqa: E501
    """<a class="muted-link" href="https://pradyunsg.me">@pradyunsg</a>'s""": "",
}


UNBROKEN = re.compile(
    r" (?=[:;!?»%€])|(?<=«) "
)  # a line never begins with these signs, nor ends with that one


def setup(app: Any) -> None:
    """Have pages keep French signs beside their words, and speak French once they are written."""
    app.connect("doctree-read", keep_together)
    app.connect("build-finished", put_in_french)


def keep_together(app: Any, page: nodes.document) -> None:
    """Make the space before or after a French sign unbreakable, save in code."""
    for text in list(page.findall(nodes.Text)):
        parent = text.parent
        while parent is not None and not isinstance(parent, nodes.literal | nodes.literal_block):
            parent = parent.parent
        if parent is None and UNBROKEN.search(text):
            text.parent.replace(text, nodes.Text(UNBROKEN.sub("\u00a0", text)))


def put_in_french(app: Any, failure: Exception | None) -> None:
    """Replace in every page what the theme says in English."""
    if failure is not None:
        return
    for page in Path(app.outdir).rglob("*.html"):
        told = said = page.read_text(encoding="utf-8")
        for english, french in FRENCH.items():
            told = told.replace(english, french)
        if told != said:
            page.write_text(told, encoding="utf-8")

"""Saved pages and shared pads: the text is read, what stands around it is set apart with its reason."""

import pytest

from pipeline.ingest.parts import FileContent, RawPart
from pipeline.ingest.readers.dispatch import read_source

WORDPRESS = """<!doctype html><html><head><title>Retour</title><meta name="generator" content="WordPress 6.8"></head><body>
<a class="skip-link screen-reader-text" href="#c">Aller au contenu</a>
<header class="site-header"><p class="site-title">Réseau</p><nav class="main-navigation"><ul><li><a href="/">Accueil</a></li></ul></nav></header>
<div class="breadcrumbs"><a href="/">Accueil</a> &gt; <a href="/a">Actualités</a></div>
<article><header class="entry-header"><h1>Retour</h1><div class="entry-meta">Publié le 28 mai</div></header>
<p>Le logement arrive en tête.</p><p>[gallery ids="1,2"]</p><p>[caption id="a" width="3"] La salle[/caption]</p>
<figure><img src="a.png"><figcaption>Nuage de mots</figcaption></figure>
<blockquote><p>Un café derrière la porte.</p><cite>une participante</cite></blockquote>
<ul><li>Pas de bus</li><li>Un <a href="/b">bac</a> trop cher le soir</li></ul></article>
<ul><li><a href="/1">Agenda</a></li><li><a href="/2">Contact</a></li><li><a href="/3">Adhérer</a></li></ul>
<div id="cookie-notice">Nous utilisons des cookies. <button>OK</button></div>
<footer>Mentions légales</footer></body></html>"""
MEDIAWIKI = """<html><body><div id="mw-navigation">Menu</div><div id="siteSub">De Wiki</div><div id="content"><h2>Besoins<span class="mw-editsection">[modifier]</span></h2>
<div id="toc" class="toc">Sommaire<ul><li><a href="#a">1 Besoins</a></li></ul></div><p>Il manque un bac.</p></div><div id="catlinks">Catégorie : Ateliers</div></body></html>"""
HACKMD = """---\ntitle: Café\ntags: ess\n---\n\n# Café\n\n[TOC]\n\n:::info\n:calendar: 21 mai\n:::\n\n- [ ] un bac du soir\n- [x] une laverie\n\n> on s'use [name=Anne Riou] [time=Thu, May 21, 2026]\n\n###### tags: `ess`\n"""
ETHERPAD = """<!doctype html><html><head><title>pad</title><meta name="generator" content="Etherpad"></head><body><strong>1&#x2F; Ce qui manque</strong><br><ul class="bullet"><li>un bac du soir pour les gens de l&#x27;île</li></ul><br><strong>3&#x2F; Ce qu&#x27;on propose</strong><br>Une navette le samedi<br>Un local<br></body></html>"""
FRAMAPAD = "Bienvenue sur Framapad !\n\nCe qui manque :\n\t* un bac\n\t\t* le soir\n\nCe pad sera supprimé dans 365 jours.\n"
PAGES: list[tuple[str, str, str, list[str], set[tuple[str, str]]]] = [
    (
        "WordPress",
        "retour.html",
        WORDPRESS,
        ["Le logement arrive en tête.", "Un café derrière la porte.", "Pas de bus", "Un bac trop cher le soir"],
        {
            ("page furniture", "Aller au contenu"),
            ("page furniture", "Réseau"),
            ("page furniture", "Accueil > Actualités"),
            ("page furniture", "Publié le 28 mai"),
            ("markup", '[gallery ids="1,2"]'),
            ("page furniture", '[caption id="a" width="3"] La salle[/caption]'),
            ("page furniture", "Nuage de mots"),
            ("speaker", "une participante"),
            ("page furniture", "Agenda"),
            ("page furniture", "Nous utilisons des cookies."),
            ("page furniture", "OK"),
            ("page furniture", "Mentions légales"),
        },
    ),
    ("MediaWiki", "wiki.html", MEDIAWIKI, ["Il manque un bac."], {("page furniture", "Menu"), ("page furniture", "[modifier]"), ("page furniture", "Catégorie : Ateliers")}),
    (
        "HackMD",
        "cafe.md",
        HACKMD,
        ["21 mai", "un bac du soir", "une laverie", "on s'use"],
        {("page furniture", "[TOC]"), ("page furniture", ":::info"), ("markup", "[name=Anne Riou]"), ("page furniture", "tags: ess")},
    ),
    ("Etherpad", "pad.html", ETHERPAD, ["un bac du soir pour les gens de l'île", "Une navette le samedi", "Un local"], set()),
    ("Framapad", "pad.txt", FRAMAPAD, ["un bac", "le soir"], {("page furniture", "Bienvenue sur Framapad !"), ("page furniture", "Ce pad sera supprimé dans 365 jours.")}),
]  # fmt: skip


def read_one(content: str, name: str) -> RawPart:
    (part,) = read_source(FileContent(content.encode(), name))
    return part


@pytest.mark.parametrize(
    ("name", "content", "passages", "left"),
    [case[1:] for case in PAGES],
    ids=[case[0] for case in PAGES],
)
def test_furniture_of_a_page_is_set_apart_not_lost(
    name: str, content: str, passages: list[str], left: set[tuple[str, str]]
) -> None:
    part = read_one(content, name)
    assert [b.text for b in part.blocks if b.kind not in ("meta", "heading")] == passages
    assert left <= {(b.reason, b.text) for b in part.blocks if b.kind == "meta"}


def test_titles_of_a_pad_and_who_wrote_a_quote_are_told() -> None:
    pad, note = read_one(ETHERPAD, "pad.html"), read_one(HACKMD, "cafe.md")
    headings = [block.text for block in pad.blocks if block.kind == "heading"]
    assert headings == ["1/ Ce qui manque", "3/ Ce qu'on propose"]
    assert pad.taken_for == note.taken_for == "bloc-notes partagé"
    assert [b.speaker for b in note.blocks if b.text == "on s'use"] == ["Anne Riou"]
    assert note.left_out == (("en-tête du fichier (titre, étiquettes, réglages)", "settings"),)


TELEGRAM = """<html><head><title>Exported Data</title></head><body><div class="history"><div class="message service"><div class="body details">11 June 2026</div></div>
<div class="message default"><div class="body"><div class="date details">19:05</div><div class="from_name">Laure Mons</div><div class="text">Un bac<br>Une laverie</div></div></div>
<div class="message default joined"><div class="body"><div class="text">Une halle</div></div></div>
<div class="message default"><div class="body"><div class="from_name">Guy Lachaud</div><div class="media_wrap"><div class="media">Photo</div></div></div></div></div></body></html>"""


def test_a_conversation_saved_as_a_page_tells_who_wrote_what() -> None:
    part = read_one(TELEGRAM, "messages.html")
    assert [(b.speaker, b.text) for b in part.blocks if b.kind != "meta"] == [
        ("Laure Mons", "Un bac"),
        ("Laure Mons", "Une laverie"),
        ("Laure Mons", "Une halle"),
    ]
    assert [b.text for b in part.blocks if b.kind == "meta"] == ["11 June 2026", "Photo"]
    assert (part.channel, part.taken_for) == ("mail", "conversation Telegram")


@pytest.mark.parametrize(
    "content",
    [
        "Menu de la cantine : du pain\nOn aimerait un menu bio le midi.\n",
        "Accueil des nouveaux : à revoir\nPartager la salle avec les jeunes.\n",
        "Télécharger ne sert à rien sans réseau.\nModifier les horaires du bac.\n",
    ],
)
def test_notes_that_use_a_menus_words_are_passages(content: str) -> None:
    part = read_one(content, "notes.txt")
    assert not [block for block in part.blocks if block.kind == "meta"]

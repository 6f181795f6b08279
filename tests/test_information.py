"""Chapter by chapter of the grid: what is said, at how many tables, where most, and in whose words."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest
from lxml import html

from flows.publish_study import report_of
from pipeline.grid.codes import POSTURE
from pipeline.publish.html import write_web_page
from pipeline.publish.layout import lay_out
from pipeline.publish.layout.blocks import PageDraft, PageTable, Quotes, Section, Terms
from pipeline.publish.layout.information import information_section
from pipeline.publish.report import all_tables
from pipeline.publish.report.content import Report, ReportQuote
from pipeline.publish.report.passages import Material, gather_passages, n_tables_of
from pipeline.publish.text import plain_name
from pipeline.settings.sections import PublishSettings
from pipeline.study import Study
from pipeline.tables.material import DOCUMENTS, TAGS
from pipeline.text import groups_in
from support.invented import DIE, said, study, tag, workshops
from support.published import GRID, report, tables

SUPPORTS = [
    ("la subvention arrive en novembre, on vit à découvert", "financement et trésorerie"),
    ("Besoin d'un appui pour monter les dossiers européens", "ingénierie et étude de projet"),
    ("on n'a plus personne pour tenir la compta", "gestion et tâches administratives"),
    ("il faudrait relire nos statuts", "juridique et réglementation"),
    ("les conseils d'administration n'ont jamais le quorum", "gouvernance"),
    ("personne pour prendre la présidence", "bénévoles et relève"),
    ("une formation pour l'équipe", "ressources humaines et formation"),
    ("trouver un hangar de 600 m²", "locaux, matériel et logistique"),
    ("on est invisibles, il nous manque une vitrine", "communication et visibilité"),
    ("nos données sont dans trois logiciels", "numérique"),
    ("les marchés publics sont trop lourds", "commande publique"),
    ("il faudrait un annuaire et quelqu'un pour l'animation", "mise en réseau et animation"),
    ("ça marche bien, merci", None),
    ("c'est trop loin de chez nous", None),
    ("un critère local dans les achats", None),
]
FEEDBACK = [
    ("Vous n'avez invité que des associations qui ont des salariés.", True),
    ("les habitants n'étaient pas dans la salle", True),
    ("je n'ai pas eu la parole", True),
    ("on nous consulte et après plus de nouvelles", True),
    ("Merci pour ce bel après-midi à Lesparre.", True),
    ("un atelier vélo dans la salle des fêtes", False),
    ("les jeunes n'ont pas la parole au conseil", False),
]


@pytest.mark.parametrize(("text", "kind"), SUPPORTS)
def test_a_support_is_known_by_its_words(text: str, kind: str | None) -> None:
    kinds = groups_in(text, "accompagnement")
    assert kind in kinds if kind else kinds == ()


@pytest.mark.parametrize(("text", "is_feedback"), FEEDBACK)
def test_what_is_said_of_the_workshop_itself_is_known_by_its_words(
    text: str, is_feedback: bool
) -> None:
    assert bool(groups_in(text, "retours")) == is_feedback


def told(made: dict[str, pd.DataFrame], draft: PageDraft | None = None) -> dict[str, list[str]]:
    """What is written under each title, then under each code; of no more than it is told from."""
    texts: dict[str, list[str]] = {}
    passages = gather_passages(made)
    of = SimpleNamespace(
        material=Material(made, passages, GRID, PublishSettings()),
        counted=passages.words(),
        coverage=SimpleNamespace(n_reviewed_tags=0),
        tells_offers=True,
        workshops=(None, None),  # as many as of a study that is not told briefly
    )
    section = information_section(cast(Report, of), draft or PageDraft())
    for chapter in section.sections:
        _read(chapter, texts)
    return {plain(title): [plain(text) for text in written] for title, written in texts.items()} | {
        "": [plain(block.text) for block in section.blocks]
    }


def _read(chapter: Section, texts: dict[str, list[str]]) -> None:
    label = chapter.title
    texts[label] = []
    for block in chapter.blocks:
        if isinstance(block, Terms):
            for label, text in block.entries:
                texts[label] = [text]
        elif isinstance(block, PageTable):
            for label, *cells in block.rows:
                texts[label] = [*cells]
        elif isinstance(block, Quotes):
            texts[label] += [quote.text for quote in block.quotes]
        else:
            texts[chapter.title].append(block.text)


def plain(text: str) -> str:
    return re.sub(r"[\u00a0\u202f]", " ", text).replace("’", "'")


def small(*passages: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """All the tables of a study of two workshops of four tables."""
    made = all_tables(study(*passages) | {"workshops": workshops()})
    ids = made["units"].drop_duplicates("document_id")
    rows = ids[["document_id", "workshop_id", "channel"]].to_dict("records")
    more = {"sha256": "0", "n_chars": 1, "text": "x"}
    documents = [row | more | {"path": f"{row['document_id']}.txt"} for row in rows]
    return made | {"documents": DOCUMENTS.build(documents)}


SOCIAL = "Besoins et menaces sociaux"


def need(table: int, text: str, **more: Any) -> dict[str, Any]:
    return said(None, table, text=text, rubrique="enjeux.social") | more


SENTENCES: list[tuple[list[dict[str, Any]], str, str]] = [
    ([need(1, "plus de car")], SOCIAL, "Au moins 1 table sur 8 en parle. « plus de car » (orthez, table 1)."),
    (
        [need(1, "plus de car"), need(2, "plus de médecin")],
        SOCIAL,
        "Au moins 2 tables sur 8 en parlent. « plus de car » (orthez, table 1).",
    ),
    (
        [
            need(1, "plus de car le soir", theme_id="cars"),
            need(2, "un car par jour", theme_id="cars"),
            need(3, "aucun car le samedi", theme_id="cars"),
        ],
        SOCIAL,
        "Au moins 3 tables sur 8 en parlent. Ce qui revient : cars (au moins 3 tables, surtout orthez). "
        "C'est surtout dit dans un territoire, orthez : au moins 3 tables sur 4.",
    ),
    (
        [
            need(table, f"besoin {table} {where}", **at)
            for table in (1, 2, 3)
            for where, at in (("ici", {}), ("là", {"workshop_id": DIE}))
        ],
        SOCIAL,
        "Au moins 6 tables sur 8 en parlent.",
    ),
    (
        [
            need(table, f"besoin {table} {where}", **at)
            for table in (1, 2, 3, 4)
            for where, at in (("ici", {}), ("là", {"workshop_id": DIE}))
        ],
        SOCIAL,
        "Les 8 tables en parlent.",
    ),
    (
        [said(None, 1), need(1, "un besoin dit ensuite", channel="mail", question="distance", table_number=None)],
        SOCIAL,
        "1 passage en parle, hors des tables. « un besoin dit ensuite »"
        " (orthez, mail).",
    ),
    (
        [said(None, 1, text="la laiterie", rubrique="offre")],
        "Offre de biens et services",
        "Au moins 1 table sur 8 en parle. Ces activités sont dans la partie « L'offre existante »."
        " « la laiterie » (orthez, table 1).",
    ),
    (
        [said(None, 3, text="un atelier de laine", rubrique="opportunites")],
        "Opportunités de développement d'activités et de services",
        "Au moins 1 table sur 8 en parle. « un atelier de laine » (orthez, table 3).",
    ),
    (
        [said(None, 3, text="trouver un hangar sec", rubrique="accompagnement")],
        "Locaux, matériel et logistique",
        "au moins 1 table : « trouver un hangar sec » (orthez, table 3).",
    ),
    (
        [said(None, 3, text="qu'on nous aide enfin", rubrique="accompagnement")],
        "Autres appuis",
        "au moins 1 table : « qu'on nous aide enfin » (orthez, table 3).",
    ),
    ([need(1, "plus de car")], "Besoins d'accompagnement",
     "Aucun passage n'a été reconnu sur « Besoins d'accompagnement »."),
    ([need(1, "plus de car")], "Relations partenariales",
     "Aucun passage n'a été reconnu sur « Concurrence avec l'économie classique » et « Partenariats de"
     " développement »."),
    ([need(1, "plus de car")], "Les retours des participants",
     "Aucun passage n'a été reconnu comme un avis sur la rencontre elle-même."),
    (
        [need(1, "plus de car"), said(None, None, "distance", channel="mail", text="on nous consulte, et après plus de nouvelles")],
        "Les retours des participants",
        "1 passage parle de la rencontre elle-même.",
    ),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("passages", "title", "expected"), SENTENCES)
def test_each_part_of_the_grid_says_how_many_where_and_in_whose_words(
    passages: list[dict[str, Any]], title: str, expected: str
) -> None:
    assert told(small(*passages))[title][0] == expected


def with_scores(made: dict[str, Any], *scores: float | str) -> dict[str, Any]:
    """The tables with these scores of the rubriques; « person » is a person's tag."""
    rubriques = iter(scores)
    rows = []
    for row in made["tags"].to_dict("records"):
        if row["axis"] == "rubrique":
            score = next(rubriques)
            row |= {"source": "person"} if score == "person" else {"score": score}
        rows.append(row)
    return made | {"tags": TAGS.build(rows)}


UNSURE = [
    ((0.9, 0.4), "Au moins 1 table sur 8 en parle. « un besoin » (orthez, table 1)."),
    ((0.4, 0.9), "Au moins 1 table sur 8 en parle. « une menace » (orthez, table 2)."),
    (
        (0.4, 0.4),
        "Peut-être 2 tables sur 8 en parlent. À vérifier : « un besoin » (orthez, table 1).",
    ),
    (("person", "person"), "Au moins 2 tables sur 8 en parlent. « un besoin » (orthez, table 1)."),
]


@pytest.mark.parametrize(("scores", "expected"), UNSURE)
def test_what_is_not_sure_is_counted_apart_and_quoted_last(
    scores: tuple[Any, ...], expected: str
) -> None:
    made = with_scores(small(need(1, "un besoin"), need(2, "une menace")), *scores)
    assert told(made)[SOCIAL] == [expected]


def test_whole_sentences_of_various_tables_are_quoted_first_and_never_twice() -> None:
    whole = "Le dernier car pour Orthez part à dix-huit heures."
    texts = [
        "PLUS DE CAR APRÈS DIX-HUIT HEURES ICI",
        whole,
        "car → 0",
        "Il n'y a plus de médecin à Die.",
    ]
    made = small(*map(need, (1, 2, 3, 1), texts))
    assert sorted(told(made)[SOCIAL][1:]) == [texts[3], whole]
    draft = PageDraft()
    draft.quote([ReportQuote(whole, "")], 1)
    assert whole not in told(made, draft)[SOCIAL]


def test_a_subject_all_of_which_is_quoted_elsewhere_still_has_a_quote() -> None:
    draft = PageDraft()
    draft.quote([ReportQuote("plus de car", "")], 1)
    assert "« plus de car »" in told(small(need(1, "plus de car")), draft)[SOCIAL][0]


def test_a_study_without_theme_or_without_rubrique_is_told_all_the_same() -> None:
    made = small(need(1, "plus de car"), need(2, "plus de médecin"))
    assert told(made)[SOCIAL][0].startswith("Au moins 2 tables sur 8 en parlent.")
    pillar = tag("u000", "pilier", "recyclage")
    made["tags"] = TAGS.build([pillar])
    (count, quote) = told(made)["Recyclage et valorisation"]
    assert (count, quote) == ("au moins 1 table", "« plus de car » (orthez, table 1).")


def test_what_tags_are_worth_is_said_once_and_that_no_question_is_known() -> None:
    known = told(small(need(1, "plus de car")))[""][0]
    unknown = told(small(need(1, "plus de car", question=None)))[""][0]
    assert known.startswith("Ces parties suivent la grille de l'étude, telle que le")
    assert "à quelle question" in unknown and "à quelle question" not in known


def check_written(made: Report, folder: Path) -> int:
    """Check the web page: every code has its heading, with a quote where three passages of two
    tables carry it; return how many have one."""
    write_web_page(lay_out(made), folder / "rapport.html")
    page = html.fromstring((folder / "rapport.html").read_bytes())
    (section,) = page.xpath("//section[@aria-labelledby='informations']")
    written: dict[str, str] = {}
    for chapter in section.xpath("./section"):
        label = title = chapter.xpath("string(*[1])")
        written[title] = ""
        for node in chapter.xpath(".//dt | .//dd | .//th | .//td | .//p"):
            if node.tag in ("dt", "th"):
                label = node.text_content().strip()
                written.setdefault(label, "")
            for one in {label, title}:
                written[one] += f" {' '.join(node.text_content().split())}"
    n_quoted = 0
    for code in made.material.grid.codes:
        if code.axis == POSTURE:
            continue
        passages = made.material.passages.of_code(code.axis, code.code)
        assert any(plain_name(code.label) in text for text in [*written, *written.values()])
        if len(passages) >= 3 and n_tables_of(passages) >= 2:
            text = written[plain_name(code.label)]
            assert any(" ".join(one.text.split()) in text for one in passages), code.code
            n_quoted += 1
    return n_quoted


def test_each_code_of_a_small_study_has_its_heading_and_its_quote(tmp_path: Path) -> None:
    passages = [need(table, f"un besoin {table}", theme_id="cars") for table in (1, 2, 2)]
    assert check_written(report(tables(*passages)), tmp_path) == 1


@pytest.mark.slow
def test_each_code_of_the_example_has_its_heading_and_its_quote(
    demo_study: Study, tmp_path: Path
) -> None:
    made = report_of(demo_study, demo_study.read_tables())
    assert check_written(made, tmp_path) >= 12
    assert gather_passages(demo_study.read_tables()).rows.shape[0] > 300

"""Small material: under sixty passages no theme and no rank, but what was said, and why; and input from which nothing can be made."""

import re
from pathlib import Path

import docx
import pandas as pd
import pypdfium2
import pytest
from lxml import html
from python_calamine import CalamineWorkbook

from flows.comparison import comparison
from flows.publication import export_study, publish_whole
from flows.publish_study import write_comparison
from flows.run import run_study
from models.embedder import load_embedder
from models.theme_model import ThemeModel
from pipeline.cluster import Clustered, cluster_units
from pipeline.cluster.late import join_late_units
from pipeline.counting import why_no_theme
from pipeline.files import data_path
from pipeline.publish.html import write_web_page
from pipeline.publish.layout import lay_out
from pipeline.publish.layout.blocks import PageTable
from pipeline.publish.layout.slides import lay_out_slides
from pipeline.publish.report import all_tables
from pipeline.publish.report.passages import gather_passages
from pipeline.publish.report.without_themes import (
    repeats,
    returning_words,
)
from pipeline.rank import rank_themes
from pipeline.settings import Settings
from pipeline.settings.sections import ClusterSettings, RankSettings
from pipeline.show.results import study_status
from pipeline.study import Study
from pipeline.tables.material import DECISIONS
from pipeline.tables.results import THEMES
from support.invented import DIE, ORTHEZ, said, study, workshops
from support.published import GRID, report, tables, write_people
from support.report_text import pdf_text
from support.review_client import client
from support.review_server import serving

TOO_SMALL = "l'étude est trop petite pour des thèmes et des priorités : il en faut 60."


def of_texts(*texts: str, channel: str = "notes", first: int = 0) -> list[dict]:
    """Passages at three tables in turn, none in a theme."""
    return [
        said(None, 1 + i % 3, text=text, channel=channel, unit_id=f"u{first + i:04d}")
        for i, text in enumerate(texts)
    ]


def different(n: int) -> list[str]:
    return [f"passage numéro {i}" for i in range(n)]


@pytest.mark.parametrize(
    ("texts", "mails", "sentence"),
    [
        ([], [], "Aucun passage n'a été lu : il n'y a ni thème, ni priorité."),
        (different(1), [], f"Avec 1 passage, {TOO_SMALL}"),
        (different(59), [], f"Avec 59 passages, {TOO_SMALL}"),
        (
            ["plus de médecin"] * 1000,
            [],
            f"Avec 1 passage différent et lisible sur 1000, {TOO_SMALL}",
        ),
        (list("abcd?!"), [], f"Avec 0 passage différent et lisible sur 6, {TOO_SMALL}"),
        (
            different(40),
            ["un car"],
            f"Avec 40 passages dits en atelier, différents et lisibles sur 41, {TOO_SMALL}",
        ),
        (
            different(60),
            [],
            "Aucun thème : aucun sujet ne réunit assez de passages, ou tous ont été rejetés.",
        ),
    ],
)
def test_why_a_study_has_no_theme_is_one_true_sentence(texts, mails, sentence) -> None:
    late = of_texts(*mails, channel="mail", first=5000)
    units = study(*of_texts(*texts), *late)["units"]
    assert why_no_theme(units, THEMES.empty(), least_units=60) == sentence


def test_a_study_with_a_theme_has_no_such_sentence() -> None:
    made = study(said("cars"))
    assert why_no_theme(made["units"], made["themes"], least_units=60) is None


@pytest.fixture(scope="module")
def embedder():
    return load_embedder()


def clustered(texts: list[str], embedder, least_units: int) -> Clustered:
    made = study(*of_texts(*texts))
    settings = ClusterSettings(n_resamples=8, n_repeats=2, least_units=least_units)
    model = ThemeModel(settings)
    return cluster_units(
        made["units"], made["tags"], model=model, embedder=embedder, settings=settings
    )


NONSENSE = [f"zorg{i} blip{i * 7 % 13} krut{i * 3 % 17}" for i in range(70)]
BAD_INPUT = {
    "no passage": [],
    "one passage": ["plus de médecin à Guise"],
    "copies": ["plus de médecin à Guise"] * 300,
    "one character each": list("abcdefghijklmnopqrstuvwxyz0123456789?!.,;:") * 3,
    "blanks": [" "] * 70,
}


@pytest.mark.parametrize("texts", BAD_INPUT.values(), ids=BAD_INPUT)
def test_material_without_sixty_different_passages_gives_no_theme_and_no_rank(texts, embedder):
    found = clustered(texts, embedder, least_units=60)
    assert {name: len(rows) for name, rows in found._asdict().items() if len(rows)} == {}
    made = study(*of_texts(*texts))
    ranked = [made[name] for name in ("units", "tags", "themes", "theme_members")]
    ranking = rank_themes(*ranked, workshops(), settings=RankSettings(n_draws=20), grid=GRID)
    assert all(rows.empty for rows in ranking)


@pytest.mark.slow
@pytest.mark.parametrize(
    "texts", [*list(BAD_INPUT.values())[1:], NONSENSE], ids=[*list(BAD_INPUT)[1:], "no subject"]
)
def test_what_is_grouped_all_the_same_has_a_name_and_counts_that_hold(texts, embedder) -> None:
    themes, members, *_ = clustered(texts, embedder, least_units=0)
    assert themes["label"].str.strip().all()
    assert themes["n_units"].sum() == len(members) <= len(texts)
    assert (themes["n_tables"] <= 3).all()


def test_late_mail_makes_no_theme_where_the_workshop_made_none(embedder) -> None:
    made = study(*of_texts(*different(9)), *of_texts("un car", channel="mail", first=50))
    none = clustered([], embedder, least_units=60)
    joined = join_late_units(
        none.themes,
        none.theme_members,
        none.unit_places,
        made["units"],
        made["tags"],
        embedder=embedder,
        settings=ClusterSettings(),
    )
    assert all(rows.empty for rows in joined)


@pytest.mark.parametrize("texts", BAD_INPUT.values(), ids=BAD_INPUT)
def test_territories_are_compared_by_what_is_left_without_themes(texts) -> None:
    at_two = [row | {"workshop_id": (ORTHEZ, DIE)[i % 2]} for i, row in enumerate(of_texts(*texts))]
    compared = comparison(all_tables(tables_of(at_two)), Settings())
    assert not (compared["contrasts"]["subject"] == "theme").any()
    assert compared["theme_reach"].empty


def tables_of(passages: list[dict]) -> dict[str, pd.DataFrame]:
    return study(*passages) | {"workshops": workshops()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["plus de médecin à Guise", "plus de médecin dans le canton de Guise"], [[0, 1]]),
        (["Les loyers montent", "les loyers montent.", "LES LOYERS MONTENT"], [[0, 1, 2]]),
        (["les loyers montent", "les loyers montent sur la côte"], [[0, 1]]),
        # A resembles C, though B stands between
        (["un minibus le samedi", "des haies arrachées", "le minibus du samedi"], [[0, 2]]),
        # B resembles A and C, who have too little in common: they are not told together
        (["haies talus mares", "haies mares forêts", "forêts mares étangs"], [[0, 1]]),
        (["plus de médecin à Guise", "plus de médecin à Hirson et Vervins"], []),
        (["le dernier car part à 17 h", "la recyclerie emploie douze personnes"], []),
        (["a", "b", "a"], [[0, 2]]),
        (["[personne] ne vient plus", "[personne] a parlé des cars"], []),
        ([], []),
    ],
)
def test_passages_in_nearly_the_same_words_are_told_together(texts, expected) -> None:
    made = repeats(gather_passages(all_tables(tables_of(of_texts(*texts)))))
    wanted = [(tuple(dict.fromkeys(texts[i] for i in group)), len(group)) for group in expected]
    assert [(one.texts, one.n_units) for one in made] == wanted


def test_what_comes_back_counts_tables_and_says_when_there_is_none() -> None:
    away = [
        said(None, None, "distance", channel="mail", text="les cars du soir", document_id=f"m{i}")
        for i in range(2)
    ]
    at_tables = of_texts("le prix du lait", "le prix du lait", "le prix du lait", "le prix du lait")
    made = repeats(gather_passages(all_tables(tables_of([*at_tables, *away]))))
    assert [(plain(one.said), one.n_units) for one in made] == [
        ("3 tables", 4),
        ("aucune table", 2),
    ]


def test_words_that_come_back_are_nouns_said_at_two_tables() -> None:
    texts = ("les haies à faire", "replanter des haies", "faire une haie, un talus", "le talus")
    made = returning_words(gather_passages(all_tables(tables_of(of_texts(*texts)))))
    assert [(one.word, plain(one.said)) for one in made] == [
        ("haies", "3 tables"),
        ("talus", "2 tables"),
    ]


# --- the report -----------------------------------------------------------------------------------------------

SMALL = [
    said(None, 1, text="plus de médecin à Orthez", rubrique="enjeux.social"),
    said(None, 2, text="plus de médecin à Orthez !", rubrique="enjeux.social"),
    said(None, 2, text="la laiterie collecte du lait", rubrique="offre", question="q2"),
    said(None, 1, text="les prairies reculent", rubrique="enjeux.environnemental"),
    said(None, 1, text="bonne soirée"),
    said(None, 2, "resume", channel="resume", text="on retient les médecins"),
    said(None, None, None, text="une note sans question", workshop_id=DIE),
]


@pytest.fixture(scope="module")
def small():
    return report(tables(*SMALL))


def plain(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").replace("’", "'").split())


def test_passages_are_shown_by_question_then_by_rubrique_each_once(small) -> None:
    section = next(one for one in lay_out(small).sections if one.anchor == "passages")
    shown = {
        block.caption: [(row[0], plain(row[1])) for row in block.rows]
        for block in section.blocks
        if isinstance(block, PageTable)
    }
    assert {name: [text for _, text in rows] for name, rows in shown.items()} == {
        "Besoins et menaces": [
            "« plus de médecin à Orthez »",
            "« plus de médecin à Orthez ! »",
            "« les prairies reculent »",
            "« bonne soirée »",
        ],
        "Ce qui marche": ["« la laiterie collecte du lait »"],
        "Restitution": ["« on retient les médecins »"],
        "Question inconnue": ["« une note sans question »"],
    }
    assert shown["Besoins et menaces"][-1][0] == "Sans rubrique"


def test_copies_of_a_passage_are_one_line_that_says_how_many() -> None:
    texts = ["les loyers montent"] * 4 + ["un car"]
    (question,) = report(tables(*of_texts(*texts))).without_themes.questions
    assert [(one.text, plain(one.where)) for one in question.passages] == [
        ("les loyers montent", "table 1, table 2 et table 3 (4 fois)"),
        ("un car", "table 2"),
    ]


def test_every_format_says_the_same_sentence(small, tmp_path: Path) -> None:
    made = tables(*SMALL)
    write_web_page(lay_out(small), tmp_path / "rapport.html")
    slides = " ".join(line.text for slide in lay_out_slides(small) for line in slide.lines)
    book = write_people(made, tmp_path / "tableaux.xlsx", least_units=60)
    told = {
        "page": html.parse(str(tmp_path / "rapport.html")).getroot().text_content(),
        "slides": slides,
        "sheet": str(book.get_sheet_by_name("Lisez-moi").to_python()[1][0]),
        "status": str(
            study_status(all_tables(made), {"ended_at": "x"}, DECISIONS.empty(), least_units=60)
        ),
    }
    assert [
        name for name, text in told.items() if f"Avec 7 passages, {TOO_SMALL}" not in plain(text)
    ] == []
    assert book.get_sheet_by_name("Ce qui revient").to_python()[1][1:] == [2.0, 2.0]
    assert "Thème" not in book.get_sheet_by_name("Passages").to_python()[0]


def test_nothing_is_said_of_themes_ranks_or_scores_that_are_not_there(
    small, tmp_path: Path
) -> None:
    write_web_page(lay_out(small), tmp_path / "rapport.html")
    shown = plain(html.parse(str(tmp_path / "rapport.html")).getroot().find("body").text_content())
    words = "0 thème|score|rang|mis à part|priorités candidates|solide|thème fragile"
    assert re.findall(rf".*\b(?:{words})\b.*", shown) == []


# --- whole studies ----------------------------------------------------------------------------------------------

THIERACHE = "Thiérache 2026-05-19"
FIVE_LINES = (
    "Q1\n- plus de médecin à Guise\n- le dernier car part à 17 h\n- plus de médecin dans le canton de"
    " Guise\nQ2\n- la recyclerie d'Hirson emploie douze personnes\nQ4\n- un minibus le samedi\n"
)
OF_THE_EXAMPLE = ("notes table 1.txt", "notes table 2.txt", "carte_structures.csv")
EXPORTS = (
    "qdpx",
    "qdc",
    "iramuteq",
    "xlsx",
    "techniques",
    "csv",
    "parquet",
    "geojson",
    "relecture",
)
REVIEW_PAGES = (
    "themes themes/carte themes/propositions themes/sans-theme priorites priorites/comparer?p= territoires"
    " territoires/specificites territoires/plans territoires/voix territoires/offre passages resultats"
)


def deposited(root: Path, files: dict[str, bytes]) -> Study:
    made = Study.create(root)
    (made.depot / THIERACHE).mkdir()
    for name, content in files.items():
        (made.depot / THIERACHE / name).write_bytes(content)
    return made


@pytest.fixture(
    scope="module",
    params=[pytest.param(5, id="five lines"), pytest.param(31, id="thirty passages")],
)
def published(request, tmp_path_factory) -> tuple[Study, Path, int]:
    files = {"Table 1.txt": FIVE_LINES.encode()}
    if request.param > 5:
        folder = data_path("demo", THIERACHE)
        files = {name: (folder / name).read_bytes() for name in OF_THE_EXAMPLE}
    made = deposited(tmp_path_factory.mktemp("petite") / "etude", files)
    outcome = run_study(made.root)
    publication = publish_whole(made.root, outcome.manifest)
    return made, publication.folder, request.param


@pytest.mark.slow
def test_a_small_study_has_a_short_report_that_says_why_in_every_format(published) -> None:
    _, folder, n_units = published
    sentence = f"Avec {n_units} passages, {TOO_SMALL}"
    n_pages = len(pypdfium2.PdfDocument(folder / "rapport.pdf"))
    assert n_pages <= (2 if n_units == 5 else 4)
    written = docx.Document(str(folder / "rapport.docx")).element.body.xpath(".//w:t/text()")
    told = {
        "rapport.pdf": pdf_text(folder / "rapport.pdf"),
        "rapport.docx": "".join(written),
        "rapport.html": html.parse(str(folder / "rapport.html")).getroot().text_content(),
        "ateliers": pdf_text(next((folder / "ateliers").glob("*.pdf"))),
        "tableaux.xlsx": " ".join(
            str(cell)
            for row in CalamineWorkbook.from_path(str(folder / "tableaux" / "tableaux.xlsx"))
            .get_sheet_by_name("Lisez-moi")
            .to_python()
            for cell in row
        ),
    }
    assert [name for name, text in told.items() if sentence not in plain(text)] == []
    assert all("Provisoire" in told[name] for name in told if name.startswith("rapport"))


@pytest.mark.slow
def test_a_small_study_is_compared_and_exported_in_every_form(published, tmp_path: Path) -> None:
    made, _, _ = published
    write_comparison(made.root)
    assert [form for form in EXPORTS if not export_study(made, form, tmp_path / form)] == []


@pytest.mark.slow
def test_the_review_pages_of_a_small_study_say_why_and_show_its_passages(published) -> None:
    made, _, n_units = published
    sentence = f"Avec {n_units} passages, {TOO_SMALL}"
    with serving(made) as served, client(served, "alix") as session:
        pages = {name: session.get(f"/{name}") for name in REVIEW_PAGES.split()}
    assert {name: page.status_code for name, page in pages.items() if page.status_code != 200} == {}
    shown = {name: plain(html.fromstring(page.text).text_content()) for name, page in pages.items()}
    about = [name for name in shown if name.startswith(("themes", "priorites", "territoires"))]
    assert [name for name in about if sentence not in shown[name]] == []
    texts = made.read_table("units")["text"]
    assert all(plain(text) in shown["themes"] for text in texts if "[" not in text)
    assert ("plus de médecin à Guise » / «" in shown["themes"]) == (n_units == 5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("Q1\n- plus de médecin à Guise\n", f"Avec 1 passage, {TOO_SMALL}"),
        ("", "Aucun passage n'a été lu"),
        (
            "Q1\n" + "- plus de médecin à Guise\n" * 1000,
            f"différent et lisible sur 1000, {TOO_SMALL}",
        ),
        ("Q1\n" + "".join(f"- {sign}\n" for sign in "abcdefghij"), None),
    ],
    ids=["one passage", "no passage", "a thousand copies", "one character each"],
)
def test_bad_material_gives_a_report_that_says_so(content: str, sentence: str, tmp_path) -> None:
    made = deposited(tmp_path / "etude", {"Table 1.txt": content.encode()})
    folder = publish_whole(made.root, run_study(made.root).manifest).folder
    told = plain(pdf_text(folder / "rapport.pdf"))
    assert (sentence or TOO_SMALL) in told
    assert len(pypdfium2.PdfDocument(folder / "rapport.pdf")) <= 3

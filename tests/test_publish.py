"""Publishing: every format says the same, in French, with nothing lost, nothing internal shown and nothing that depends on the day."""

import dataclasses
import io
import itertools
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import docx
import pandas as pd
import pytest
from lxml import etree, html
from python_calamine import CalamineWorkbook

from pipeline.errors import UsageError
from pipeline.publish.charts import HEAT_COLOURS, draw_png, draw_svg, priorities_spec
from pipeline.publish.docx import write_page
from pipeline.publish.html import write_web_page
from pipeline.publish.layout import Part, lay_out
from pipeline.publish.layout.blocks import PageDraft, PageParagraph, Quotes, Terms
from pipeline.publish.layout.opening import opening_section
from pipeline.publish.layout.priorities import priority_section
from pipeline.publish.report import build_report
from pipeline.publish.report.content import Report
from pipeline.publish.report.people import commune_name
from pipeline.publish.tables import write_tables
from pipeline.publish.text import (
    NARROW,
    NBSP,
    count,
    french_date,
    joined,
    number,
    ordinal,
    percent,
    printable,
    quoted,
    rank_in_words,
    rank_interval,
    sentence,
    stabilities,
    stability,
    typography,
    where,
)
from pipeline.rank import rank_themes
from pipeline.settings.sections import PublishSettings, RankSettings, RankWeights
from pipeline.tables import TABLES
from pipeline.tables.material import DOCUMENTS, RECEIPTS, TAGS
from pipeline.tables.results import (
    THEME_AGREEMENT,
    THEME_FAMILIES,
    THEME_MEMBERS,
    THEME_OPINIONS,
    THEMES,
)
from support.invented import DIE, ORTHEZ, said, tag, workshops
from support.published import GRID, VERBATIM, passages, report, tables, write_people
from tools.docx_template import make_template


def page_of(made: Report, folder: Path, part: Part = "rapport") -> Any:
    write_web_page(lay_out(made, part), folder / "rapport.html")
    return html.fromstring((folder / "rapport.html").read_bytes())


def words_of(path: Path) -> list[str]:
    """Every paragraph of a Word document, in cells too, with its words joined by single spaces."""
    body = docx.Document(str(path)).element.body
    texts = [
        "".join(node.text or " " for node in paragraph.xpath(".//w:t | .//w:br"))
        for paragraph in body.xpath(".//w:p")
    ]
    return [" ".join(text.split()) for text in texts if text.strip()]


# ---- words ----


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("un car le soir", "« un car le soir »"),
        ("« un car le soir »", "« un car le soir »"),
        ("«un car le soir»", "« un car le soir »"),
        ("on dit « oui » partout", "« on dit “oui” partout »"),
        ("« on dit « oui » partout »", "« on dit “oui” partout »"),
        ("« oui » et « non »", "« “oui” et “non” »"),
        ("« oui », dit-elle", "« “oui”, dit-elle »"),
        ("elle dit : « oui »", "« elle dit : “oui” »"),
        # cut by a slide before its end
        ("« un car le…", "« un car le… »"),
        # marks that do not pair stay
        ("un car » le soir", "« un car » le soir »"),
        ("", "«  »"),
    ],
)
def test_marks_within_a_quote_are_not_those_of_the_quote(text: str, expected: str) -> None:
    assert re.sub(r"[\u00a0\u202f]", " ", quoted(text)) == expected
    assert quoted(quoted(text)) == quoted(text) or "»" in text[1:-1]


def test_a_sentence_that_names_a_quoted_title_does_not_nest_its_marks() -> None:
    shown = sentence("informations.voir_offre", partie="Le « reste à vivre »")
    assert shown == "Ces activités sont dans la partie «\u00a0Le “reste à vivre”\u00a0»."


TYPOGRAPHY = [
    ("Attention : fermé", "Attention\u00a0: fermé"),
    ("vraiment ? oui ; non !", "vraiment\u202f? oui\u202f; non\u202f!"),
    ("« ce qui marche »", "«\u00a0ce qui marche\u00a0»"),
    ("l'eau d'Orthez", "l’eau d’Orthez"),
    ("12 %", "12\u00a0%"),
    ("à 10:30", "à 10:30"),
    ("tiers-lieu (ouvert)", "tiers-lieu (ouvert)"),
    ("déjà\u00a0: fait", "déjà\u00a0: fait"),
    ("1 900 € par an", "1\u202f900\u00a0€ par an"),
    ("de 12 000 000 d'euros", "de 12\u202f000\u202f000 d’euros"),
    ("3 millions d'euros", "3\u00a0millions\u00a0d’euros"),
    ("12 km/h, 40 m² et 2,5 kWh", "12\u00a0km/h, 40\u00a0m² et 2,5\u00a0kWh"),
    ("à 8 h 30 min", "à 8\u00a0h\u00a030\u00a0min"),
    ("en 2019 200 personnes", "en 2019 200 personnes"),
    ("03 21 95 10 00", "03 21 95 10 00"),
    ("3 l'ont dit, 2 maires, 4 t-shirts", "3 l’ont dit, 2 maires, 4 t-shirts"),
]


@pytest.mark.parametrize(("text", "expected"), TYPOGRAPHY)
def test_french_spacing_is_put_where_there_is_a_space_and_nowhere_else(
    text: str, expected: str
) -> None:
    assert typography(text) == expected
    assert typography(expected) == expected


def test_an_amount_that_somebody_said_is_not_cut_in_its_quotation() -> None:
    assert quoted("Un loyer de 1 900 € ?") == "«\u00a0Un loyer de 1\u202f900\u00a0€ ?\u00a0»"


NUMBERS = [
    (number(1234567), "1\u202f234\u202f567"),
    (number(3.5), "3,5"),
    (number(0.30000000000000004), "0,3"),
    (number(-2), "\u22122"),
    (number(12.0), "12"),
    (count(0, "passage"), "0\u00a0passage"),
    (count(1, "passage"), "1\u00a0passage"),
    (count(2, "passage"), "2\u00a0passages"),
    (count(2, "fichier non lu", "fichiers non lus"), "2\u00a0fichiers non lus"),
    (percent(0.123), "12\u00a0%"),
    (percent(0.001), "<\u00a01\u00a0%"),
    (percent(0.0), "0\u00a0%"),
    (ordinal(1), "1er"),
    (ordinal(2), "2e"),
    (joined([]), ""),
    (joined(["a"]), "a"),
    (joined(["a", "b", "c"]), "a, b et c"),
    (french_date("2025-06-01"), "1er\u00a0juin\u00a02025"),
    (french_date("2025-12-24"), "24\u00a0décembre\u00a02025"),
    (french_date("printemps 2025"), "printemps 2025"),
    (french_date("2025-13-45"), "2025-13-45"),
    (french_date(None), ""),
    (rank_interval(1, 3), "entre le 1er et le 3e rang selon les poids et les tables retenues"),
    (rank_interval(2, 2), "au 2e rang dans neuf classements sur dix"),
    (quoted("plus de car"), "«\u00a0plus de car\u00a0»"),
    (quoted("« plus de car »"), "«\u00a0plus de car\u00a0»"),
    (commune_name("aire-sur-la-lys"), "Aire-sur-la-Lys"),
    (commune_name("Thérouanne"), "Thérouanne"),
    (commune_name("64430"), "Orthez"),
    (commune_name("99999"), "commune\u00a099999"),
]


@pytest.mark.parametrize(("shown", "expected"), NUMBERS)
def test_numbers_dates_ranks_and_names_are_written_as_in_french(shown: str, expected: str) -> None:
    assert shown == expected


def test_a_whole_number_in_a_sentence_is_written_as_everywhere():
    assert sentence("raisons.workshops", n=count(1372, "atelier"), total=1456) == (
        f"dans au moins 1{NARROW}372{NBSP}ateliers sur 1{NARROW}456"
    )


@pytest.mark.parametrize(
    ("value", "unity", "expected"),
    [
        (1.0, 0.9, "solide"),
        (0.75, 0.55, "solide"),
        (1.0, 0.54, "à confirmer"),
        (0.74, 0.9, "à confirmer"),
        (0.5, 0.1, "à confirmer"),
        (0.49, 0.9, "fragile"),
        (None, 0.9, "non mesurée"),
        (float("nan"), 0.9, "non mesurée"),
    ],
)
def test_stability_is_a_plain_word_at_each_bound(
    value: float | None, unity: float, expected: str
) -> None:
    assert stability(value, unity) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.9] * 12 + [0.6] * 7, "12 solides et 7 à confirmer"),
        ([0.9, 0.6, 0.6, 0.1], "2 à confirmer, 1 solide et 1 fragile"),
        ([None, None, 0.2, 0.2], "2 non mesurés et 2 fragiles"),
    ],
)
def test_what_themes_are_agrees_with_how_many_they_are(
    values: list[float | None], expected: str
) -> None:
    assert stabilities(stability(value, 0.8) for value in values).replace("\u00a0", " ") == expected


PLACES = [
    (("notes", "q2", 3), "table\u00a03, «\u00a0ce qui marche\u00a0»"),
    (("postit", "q1", 4), "post-it, table\u00a04, «\u00a0besoins et menaces\u00a0»"),
    (("postit", "q4", None), "post-it, «\u00a0à améliorer\u00a0»"),
    (("transcript", None, 5), "enregistrement, table\u00a05"),
    (("mail", "distance", None), "mail"),
    (("telephone", "distance", None), "appel téléphonique"),
    (("notes", "resume", 2), "restitution de la table\u00a02"),
    (("resume", "resume", None), "restitution"),
    (("notes", "autre", 1), "table\u00a01"),
    (("notes", None, None), "notes"),
    (("notes", "distance", None), "notes, «\u00a0contribution à distance\u00a0»"),
]


@pytest.mark.parametrize(("said_at", "expected"), PLACES)
def test_where_a_passage_was_said_is_told_in_words(said_at: tuple[Any, ...], expected: str) -> None:
    assert where(*said_at) == expected


def test_characters_that_no_file_can_hold_are_dropped_and_only_those() -> None:
    assert printable("a\x00b\x0bc\ud800d\ufffee\tf\ng") == "abcde\tf\ng"
    assert (
        printable("« L'Écluse » – 3 €/m² 🚍 \u00a0\u202f")
        == "« L'Écluse » – 3 €/m² 🚍 \u00a0\u202f"
    )


# ---- content ----


def test_a_priority_says_where_it_was_said_then_what_lifts_it_above_the_others() -> None:
    first = report().scopes[0].priorities[0]
    assert first.label == "Cars"
    assert plain(first.why) == (
        "Nom à choisir à la relecture. Environ 3 tables sur 8 en parlent, dans les 2 ateliers. "
        "Repris par au moins 1 rapporteur, redit à distance et dit comme un danger, une perte ou une urgence "
        "à 1 table."
    )
    assert plain(first.sureness) == "parmi les cinq premières dans 100 % des tirages"
    assert (plain(first.said), first.n_units) == ("environ 3 tables sur 8 en parlent", 6)


def plain(text: str) -> str:
    return text.replace(NBSP, " ").replace(NARROW, " ")


def test_a_priority_is_headed_by_its_statement_and_says_its_place_in_words() -> None:
    made = tables()
    statement = "Les cars du soir manquent."
    made["themes"] = made["themes"].assign(statement=statement, name_source="catalogue")
    section = priority_section(report(made), PageDraft()).sections[0]
    (paragraph, *_) = section.blocks
    assert section.title == "Les cars du soir manquent"
    assert isinstance(paragraph, PageParagraph)
    assert plain(paragraph.text) == (
        "Environ 3 tables sur 8 en parlent, dans les 2 ateliers. Repris par au moins 1 rapporteur, redit à distance et dit "
        "comme un danger, une perte ou une urgence à 1 table. En tête, quels que soient les poids."
    )


@pytest.mark.parametrize(
    ("high", "expected"),
    [
        (1, "En tête, quels que soient les poids."),
        (3, "Devant, sans départager les trois premières."),
        (5, "Parmi les cinq premières, sans ordre sûr entre elles."),
        (9, ""),
    ],
)
def test_a_rank_is_said_in_words_as_far_as_the_draws_allow(high: int, expected: str) -> None:
    assert rank_in_words(high) == expected


def test_a_theme_below_average_on_every_criterion_only_says_where_it_was_said() -> None:
    last = report().scopes[0].priorities[-1]
    assert (last.label, plain(last.why)) == (
        "Lait",
        "Nom à choisir à la relecture. Environ 1 table sur 8 en parle, dans au moins 1 atelier sur 2 (orthez).",
    )


def test_a_theme_that_no_table_spoke_of_says_so() -> None:
    made = tables(
        said("cars", None, "distance", channel="mail", text="plus de car"),
        said("lait", 1),
        said("lait", 2),
    )
    reasons = {item.label: item.why for item in report(made).scopes[0].priorities}
    assert "Dit hors des tables, par mail" in reasons["Cars"]


@pytest.mark.parametrize("weights", [None, {"tables": 1.0, "rapporteurs": 3.0}])
def test_contributions_add_up_to_the_score_with_the_weights_of_the_ranking(
    weights: dict[str, float] | None,
) -> None:
    made = tables()
    settings = RankSettings(
        n_draws=60,
        **({"weights": dict.fromkeys(RankWeights.model_fields, 0.0) | weights} if weights else {}),
    )
    ranked = [made[name] for name in ("units", "tags", "themes", "theme_members", "workshops")]
    made |= rank_themes(*ranked, settings=settings)._asdict()
    content = build_report(
        made, grid=GRID, settings=PublishSettings(), title="", made_on="2025-06-01", weights=weights
    )
    for scope in content.scopes:
        for item in scope.priorities:
            assert sum(criterion.contribution for criterion in item.criteria) == pytest.approx(
                item.score, abs=1e-5
            )


@pytest.mark.parametrize(("name", "said"), [("", 0), ("Élus <1>", 1)])
def test_the_report_names_the_weighting_that_people_chose(
    name: str, said: int, tmp_path: Path
) -> None:
    content = build_report(
        tables(),
        grid=GRID,
        settings=PublishSettings(),
        title="",
        made_on="2025-06-01",
        weighting=name,
    )
    page = page_of(content, tmp_path, "annexe").text_content().replace("\u00a0", " ")
    assert (
        page.count("pondération « Élus <1> »") == page.count("choisie lors de la relecture") == said
    )


def test_each_scope_says_whether_other_ways_of_ranking_would_change_it() -> None:
    study, orthez, die = report().scopes
    assert "ne change pas l’ordre des 2 premières" in study.checks[-1].replace("\u00a0", " ")
    assert orthez.checks[1] == "La méthode TOPSIS place 2 de ces 2 priorités parmi ses 2 premières."
    assert die.checks[-1] == "Aucun passage d’un thème n’est connu pour être venu à distance."


def test_the_study_comes_first_then_its_workshops_in_order_of_date() -> None:
    assert [scope.title for scope in report().scopes] == ["Ensemble de l’étude", "orthez", "die"]


def test_a_study_of_one_workshop_is_told_once() -> None:
    made = tables(said("cars", 1), said("lait", 2)) | {"workshops": workshops(ORTHEZ)}
    assert [scope.title for scope in report(made).scopes] == ["Ensemble de l’étude"]


def test_workshops_of_one_territory_are_told_apart_by_their_dates() -> None:
    made = tables(*passages(), said("lait", 1, workshop_id="orthez-2025-05-06")) | {
        "workshops": workshops(ORTHEZ, DIE, "orthez-2025-05-06")
    }
    assert [workshop.name for workshop in report(made).workshops] == [
        "orthez (4\u00a0février\u00a02025)",
        "die",
        "orthez (6\u00a0mai\u00a02025)",
    ]


def test_quotes_are_verbatim_readable_first_and_from_as_many_places_as_possible() -> None:
    quotes = report().scopes[0].priorities[0].quotes
    assert [quote.text for quote in quotes] == [
        "les cars du soir ont disparu de la vallée",
        "pas de car pour le lycée de Die",
        VERBATIM,
    ]
    assert [quote.where for quote in quotes] == [
        "orthez, table\u00a02",
        "die, table\u00a01",
        "orthez, table\u00a01",
    ]


def test_the_same_words_are_not_quoted_twice_and_a_scrap_is_quoted_last() -> None:
    made = tables(
        *[
            said("cars", n, text=text)
            for n, text in enumerate(
                ["Plus de car", "plus  de car", "ok", "le car de nuit a été supprimé"], 1
            )
        ]
    )
    made["themes"] = THEMES.check(made["themes"].assign(quotes="[]"))
    quotes = [quote.text for quote in report(made).scopes[0].priorities[0].quotes]
    assert quotes == ["le car de nuit a été supprimé", "Plus de car", "ok"]


BENCH = "les bancs sont cassés depuis l'hiver"
SHADE, SEATS = "on manque d'ombre sur la place", "on veut des bancs à l'arrêt"
OAK, RAIN = "planter des chênes le long de la rue", "il faut un abri contre la pluie"


@pytest.mark.parametrize(
    ("said_at_orthez", "quoted_of_study", "quoted_of_orthez"),
    [
        # the workshop quotes what the study does not
        ([BENCH, SHADE], [BENCH], [SHADE]),
        # unless there is nothing else
        ([BENCH], [BENCH], [BENCH]),
        # or nothing that reads as well
        ([BENCH, "et les bancs → cassés"], [BENCH], [BENCH]),
    ],
)
def test_a_workshop_quotes_what_the_study_has_not_quoted(
    said_at_orthez, quoted_of_study, quoted_of_orthez
):
    texts = [*((text, ORTHEZ) for text in said_at_orthez), (SEATS, DIE)]
    made = tables(*(said("bancs", 1, text=text, workshop_id=name) for text, name in texts))
    study, orthez, _ = report(made, n_quotes=1).scopes
    quoted = [[quote.text for quote in scope.priorities[0].quotes] for scope in (study, orthez)]
    assert quoted == [quoted_of_study, quoted_of_orthez]


@pytest.mark.parametrize("is_sure", [True, False])
def test_a_need_is_quoted_by_what_lacks_before_what_is_proposed(is_sure: bool) -> None:
    texts = ["des bancs devant la mairie, tous sont d'accord", BENCH]
    made = tables(*(said("bancs", n, text=text) for n, text in enumerate(texts, 1)))
    score = 0.9 if is_sure else 0.55
    postures = [("u000", "proposition"), ("u001", "difficulte")]
    made["tags"] = TAGS.build(tag(name, "posture", code, score=score) for name, code in postures)
    made["themes"] = THEMES.check(made["themes"].assign(quotes=json.dumps(["u000", "u001"])))
    (quote,) = report(made, n_quotes=1).scopes[0].priorities[0].quotes
    assert quote.text == BENCH


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        # most of it is what lacks: no proposal tells it
        (["proposition", "difficulte", "difficulte"], [BENCH, SHADE]),
        (["proposition", "demande", "proposition", "difficulte", "demande"], [BENCH, SEATS, RAIN]),
        # most is proposed: a need does not come first
        (["proposition", "difficulte", "proposition"], [OAK, SHADE, BENCH]),
    ],
)
def test_quotes_say_what_most_of_a_mixed_theme_says(codes, expected) -> None:
    texts = [OAK, BENCH, SHADE, SEATS, RAIN][: len(codes)]
    made = tables(*(said("bancs", n, text=text) for n, text in enumerate(texts, 1)))
    made["tags"] = TAGS.build(
        tag(f"u{n:03}", "posture", code, score=0.95) for n, code in enumerate(codes)
    )
    made["themes"] = THEMES.check(made["themes"].assign(kind="mixte", quotes="[]"))
    quotes = report(made, n_quotes=3).scopes[0].priorities[0].quotes
    assert [one.text for one in quotes] == expected


@pytest.mark.parametrize(
    ("strengths", "expected"),
    [
        ((0.62, 0.3), [SHADE]),  # of no known kind, but about the subject; the other is far
        ((0.62, 0.55), [BENCH, SHADE]),  # as close as any: its kind matters more
        ((0.9, 0.6), [SHADE, BENCH]),
        ((0.2, 0.3), [BENCH]),  # one is quoted, however far
    ],
)
def test_quotes_are_about_the_subject_before_they_are_of_its_kind(strengths, expected) -> None:
    made = tables(*(said("bancs", n, text=text) for n, text in enumerate((SHADE, BENCH), 1)))
    made["tags"] = TAGS.build([tag("u001", "posture", "difficulte", score=0.95)])
    made["themes"] = THEMES.check(made["themes"].assign(kind="besoin", quotes="[]"))
    members = made["theme_members"].set_index("unit_id").loc[["u000", "u001"]].reset_index()
    made["theme_members"] = THEME_MEMBERS.check(
        members.assign(strength=strengths, probability=[0.8, 0.8])
    )
    quotes = report(made, n_quotes=2).scopes[0].priorities[0].quotes
    assert [one.text for one in quotes] == expected


OPINIONS = [
    # order, posture, units
    (1, "difficulte", ["u000", "u001"]),
    (2, "difficulte", ["u002"]),
    (3, "force", ["u003"]),
]


def opinion_rows(themes: list[str]) -> pd.DataFrame:
    return THEME_OPINIONS.build(
        {
            "theme_id": themes[0],
            "opinion_order": order,
            "posture": posture,
            "unit_id": unit_ids[0],
            "unit_ids": json.dumps(unit_ids),
            "n_units": len(unit_ids),
            "n_tables": len(unit_ids),
            "n_workshops": 1,
            "faces": {2: 3, 3: 2}.get(order),
        }
        for order, posture, unit_ids in OPINIONS
    )


def posed(made: dict[str, pd.DataFrame], score: float = 0.9) -> dict[str, pd.DataFrame]:
    """`made` with the postures of `OPINIONS`, as sure as `score`."""
    postures = [
        tag(unit_id, "posture", posture, score=score)
        for _, posture, unit_ids in OPINIONS
        for unit_id in unit_ids
    ]
    return made | {"tags": TAGS.build(postures), "theme_opinions": opinion_rows(["bancs"])}


@pytest.mark.parametrize(
    ("quotes", "expected"),
    [
        # in words not quoted already, with the tables of all who say it
        (
            ["u000"],
            ["plus un seul banc (orthez, table 2 ; 2 tables vont dans ce sens)", f"{SHADE} (4)"],
        ),
        (["u002"], [f"{BENCH} (orthez, table 1 ; 2 tables vont dans ce sens)", f"{SHADE} (4)"]),
    ],
)
def test_a_priority_says_one_opinion_a_posture_besides_its_quotes(quotes, expected):
    texts = [BENCH, "plus un seul banc", SEATS, SHADE]
    made = posed(tables(*(said("bancs", n, text=text) for n, text in enumerate(texts, 1))))
    made["themes"] = THEMES.check(made["themes"].assign(quotes=json.dumps(quotes)))
    first = report(made, n_quotes=1).scopes[0].priorities[0]
    told = [plain(f"{one.quote.text} ({one.quote.where})") for one in first.opinions]
    assert told == [text.replace("(4)", "(orthez, table 4)") for text in expected]


@pytest.mark.parametrize(("score", "n_opinions"), [(0.84, 0), (0.86, 2)])
def test_an_opinion_whose_posture_is_unsure_is_not_told(score: float, n_opinions: int) -> None:
    texts = [BENCH, "plus un seul banc", SEATS, SHADE]
    made = posed(tables(*(said("bancs", n, text=text) for n, text in enumerate(texts, 1))), score)
    first = report(made, n_quotes=1).scopes[0].priorities[0]
    assert len(first.opinions) == n_opinions


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("faut pas exagérer, il y a bien assez de bancs", True),
        ("un participant n'est pas d'accord avec la table", True),
        ("tout le monde est d'accord sur les bancs", False),
    ],
)
def test_a_disagreement_is_told_as_one(text: str, is_told: bool) -> None:
    made = tables(*(said("bancs", n, text=one) for n, one in enumerate([BENCH, SEATS, text], 1)))
    made["themes"] = THEMES.check(made["themes"].assign(quotes=json.dumps(["u000", "u001"])))
    first = report(made, n_quotes=2).scopes[0].priorities[0]
    assert [row.posture for row in first.opinions] == ["debat"] * is_told


def test_who_disagrees_is_no_evidence_of_what_is_said() -> None:
    contrary = "faut pas exagérer, il y a bien assez de bancs devant la mairie"
    made = tables(*(said("bancs", n, text=one) for n, one in enumerate([contrary, BENCH], 1)))
    made["themes"] = THEMES.check(made["themes"].assign(quotes=json.dumps(["u000", "u001"])))
    first = report(made, n_quotes=1).scopes[0].priorities[0]
    assert [quote.text for quote in first.quotes] == [BENCH]
    assert {row.quote.text: row.posture for row in first.opinions} == {contrary: "debat"}


def test_who_disagrees_says_no_need_even_where_the_machine_reads_a_difficulty() -> None:
    contrary = "faut pas exagérer, il y a bien assez de bancs devant la mairie"
    texts = [BENCH, "plus un seul banc", contrary, SHADE]
    made = posed(tables(*(said("bancs", n, text=text) for n, text in enumerate(texts, 1))))
    made["themes"] = THEMES.check(made["themes"].assign(quotes=json.dumps(["u000", "u001"])))
    first = report(made, n_quotes=2).scopes[0].priorities[0]
    told = {row.quote.text: row.posture for row in first.opinions}
    assert told == {SHADE: "force", contrary: "debat"}


def test_a_priority_quotes_what_the_first_page_does_not() -> None:
    texts = [BENCH, "plus un seul banc", SEATS, SHADE]
    content = report(tables(*(said("bancs", n, text=text) for n, text in enumerate(texts, 1))))
    draft = PageDraft()
    (essential,) = [
        part for part in opening_section(content, draft).sections if part.title.startswith("Ens")
    ]
    ((_statement, on_page),) = next(
        block.entries for block in essential.blocks if isinstance(block, Terms)
    )
    blocks = priority_section(content, draft).sections[0].blocks
    quotes = [quote for block in blocks if isinstance(block, Quotes) for quote in block.quotes]
    assert sum(quote.text in on_page for quote in content.scopes[0].priorities[0].quotes) == 1
    assert quotes and not any(quote.text in on_page for quote in quotes)


def test_every_passage_is_in_a_theme_or_listed_as_set_aside() -> None:
    content = report()
    assert (
        content.coverage.n_units
        == len(tables()["units"])
        == content.coverage.n_themed + content.set_aside.n_all
    )
    assert (content.coverage.n_themed_coded, content.coverage.n_themed_uncoded) == (3, 4)
    assert (content.coverage.n_aside_coded, content.coverage.n_aside_uncoded) == (1, 1)
    assert [(text, codes) for _, text, codes in content.set_aside.rows] == [
        (quoted("pause café"), "–"),
        (quoted("la forêt brûle plus souvent"), "Besoins et menaces environnementaux"),
    ]


def test_a_member_of_a_theme_that_is_gone_is_set_aside() -> None:
    made = tables()
    made["themes"] = made["themes"][made["themes"]["theme_id"] != "lait"]
    content = report(made)
    assert (content.coverage.n_themed, content.set_aside.n_all) == (6, 3)
    assert [item.label for item in content.scopes[0].priorities] == ["Cars"]


def test_a_person_who_refuses_a_tag_is_heard() -> None:
    made = tables()
    refused = TAGS.build(
        [tag("u000", "rubrique", "enjeux.social", is_assigned=False, source="person")]
    )
    added = TAGS.build([tag("u000", "rubrique", "accompagnement", source="person")])
    made["tags"] = pd.concat([made["tags"], refused, added], ignore_index=True)
    used = {label: n_units for label, _, n_units, *_ in report(made).codes["rubrique"]}
    assert (used["Besoins et menaces sociaux"], used["Besoins d’accompagnement"]) == ("0", "1")
    assert report(made).coverage.n_reviewed_tags == 1


def test_a_long_list_is_cut_and_still_counted() -> None:
    content = report(n_annex_rows=1)
    assert (len(content.set_aside.rows), content.set_aside.n_all) == (1, 2)
    assert (len(content.documents.rows), content.documents.n_all) == (1, len(tables()["documents"]))


def test_who_signed_was_there_and_a_list_that_nobody_signed_counts_whole() -> None:
    content = report(least_count=1)
    first, second = content.workshops
    assert (first.is_unsigned, first.n_people, first.n_structures) == (False, 3, 1)
    assert (second.is_unsigned, second.n_people) == (True, 1)
    assert [(row.structure_type, row.cells) for row in content.attendance] == [
        ("coopérative", ((1, 2), (0, 0))),
        ("association", ((0, 0), (0, 1))),
        ("non précisé", ((0, 1), (0, 0))),
    ]


# ---- formats ----


def test_both_formats_say_the_same(tmp_path: Path) -> None:
    content = report()
    page = page_of(content, tmp_path)
    write_page(lay_out(content), tmp_path / "rapport.docx")
    shown = " ".join(page.xpath("//body")[0].text_content().split())
    shown = re.sub(r"\s+", " ", shown)
    for line in words_of(tmp_path / "rapport.docx"):
        told = re.sub(r"\s+", " ", line).strip().removesuffix("–")  # a page's number to come
        assert told in shown, told
    assert VERBATIM in shown


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["html", "docx"])
def test_nothing_internal_or_english_is_shown(tmp_path: Path, suffix: str) -> None:
    content = report()
    if suffix == "html":
        page = page_of(content, tmp_path)
        shown = " ".join(
            page.xpath("//body//text()[not(ancestor::style)]")
            + page.xpath("//@aria-label | //@title | //@alt")
        )
    else:
        write_page(lay_out(content), tmp_path / "rapport.docx")
        document = docx.Document(str(tmp_path / "rapport.docx"))
        shown = " ".join(
            [
                *words_of(tmp_path / "rapport.docx"),
                *document.element.body.xpath(".//wp:docPr/@descr | .//wp:docPr/@name"),
            ]
        )
    made = tables()
    ids = [
        *made["units"]["unit_id"],
        *made["workshops"]["workshop_id"],
        *made["documents"]["document_id"],
        "coop-lait",
        "arthez-de-bearn",
    ]
    ids += ["c_tables", "q1", "q2", "resume", "enjeux.social", "difficulte", "opportunites"]
    ids += [
        "None",
        "nan",
        "NaN",
        "<NA>",
        "True",
        "Picture",
        "container",
        "Table of",
        "{{ "[:2] + "%",
    ]
    assert [word for word in ids if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", shown)] == []


def test_the_page_needs_nothing_from_outside_and_runs_no_script(tmp_path: Path) -> None:
    page = page_of(report(), tmp_path)
    assert (
        page.xpath("//script | //link | //img | //iframe | //object | //*[@onload or @onclick]")
        == []
    )
    outside = [value for value in page.xpath("//@href | //@src") if not value.startswith("#")]
    assert outside == []
    assert "url(" not in "".join(page.xpath("//style/text()"))
    assert {href[1:] for href in page.xpath("//@href")} <= set(page.xpath("//@id"))


def test_what_people_wrote_is_never_markup(tmp_path: Path) -> None:
    made = tables(
        said("cars", 1, text="<script>alert(1)</script> & <b>gras</b>"),
        said("cars", 2),
        said(None, 3, text="<img src=x>"),
    )
    made["themes"] = THEMES.check(
        made["themes"].assign(label='<i>Cars</i> & "gares"', description="{{ 7 * 7 }}")
    )
    annex = page_of(report(made), tmp_path, "annexe")
    assert any('<i>Cars</i> & "gares"' in label for label in annex.xpath("//svg/@aria-label"))
    page = page_of(report(made), tmp_path)
    assert page.xpath("//script | //b | //i | //img") == []
    assert "<script>alert(1)</script> & <b>gras</b>" in page.text_content()
    assert '<i>Cars</i> & "gares"' in page.text_content()
    write_page(lay_out(report(made)), tmp_path / "rapport.docx")
    quoted = "« <script>alert(1)</script> & <b>gras</b> »"
    assert any(quoted in paragraph for paragraph in words_of(tmp_path / "rapport.docx"))


@pytest.mark.slow
def test_the_page_can_be_read_without_seeing_it(tmp_path: Path) -> None:
    page = page_of(report(), tmp_path)
    assert page.get("lang") == "fr"
    levels = [int(heading.tag[1]) for heading in page.xpath("//h1 | //h2 | //h3 | //h4 | //h5")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert (
        page.xpath(
            "//thead//th[not(@scope='col')] | //tbody//th[not(@scope='row')] | //table[not(caption)]"
        )
        == []
    )
    drawings = page_of(report(), tmp_path, "annexe").xpath("//svg")
    assert drawings and all(
        drawing.get("role") == "img" and len(drawing.get("aria-label")) > 20 for drawing in drawings
    )
    assert page.xpath("//svg//@aria-roledescription") == []
    assert page.xpath("//a[@class='skip']/@href") == ["#contenu"]


def test_the_word_report_has_styles_captions_fields_and_described_pictures(tmp_path: Path) -> None:
    write_page(lay_out(report()), tmp_path / "rapport.docx")
    document = docx.Document(str(tmp_path / "rapport.docx"))
    styles = {paragraph.style.name for paragraph in document.paragraphs if paragraph.style}
    assert {
        "Title",
        "Heading 1",
        "Heading 2",
        "Caption",
        "Quote",
        "toc 1",
        "List Bullet",
    } <= styles
    xml = document.element.xml
    assert xml.count("PAGEREF") > 4 and "{{" not in xml.replace("{{ 7*7 }}", "") and "{%" not in xml
    bookmarks = set(document.element.body.xpath("//w:bookmarkStart/@w:name"))
    assert set(re.findall(r'HYPERLINK \\l "([^"]+)"', xml)) <= bookmarks
    figures = [
        int(run.text)
        for run in document.element.body.xpath(
            "//w:fldSimple[contains(@w:instr, 'SEQ Tableau')]//w:t"
        )
    ]
    assert figures == list(range(1, len(figures) + 1)) and len(figures) == len(document.tables)
    assert all(picture.get("descr") for picture in document.element.body.xpath("//wp:docPr"))
    ids = document.element.body.xpath("//wp:docPr/@id")
    assert len(ids) == len(set(ids))
    assert document.core_properties.title == "Étude d’essai"


def test_control_characters_do_not_break_the_word_report(tmp_path: Path) -> None:
    made = tables(
        said("cars", 1, text="avant\x00\x0b\x1faprès\tcol\nligne"),
        said(None, 2, text="\x08mis\x0cà part"),
    )
    for part in ("rapport", "annexe"):
        write_page(lay_out(report(made), part), tmp_path / f"{part}.docx")
        with zipfile.ZipFile(tmp_path / f"{part}.docx") as archive:
            for name in archive.namelist():
                if name.endswith((".xml", ".rels")):
                    etree.parse(io.BytesIO(archive.read(name)))
    assert "« misà part »" in words_of(tmp_path / "annexe.docx")


@pytest.mark.slow
def test_two_reports_of_the_same_content_are_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        made = {table: rows.copy() for table, rows in tables().items()}
        write_web_page(lay_out(report(made)), tmp_path / name / "rapport.html")
        write_page(lay_out(report(made)), tmp_path / name / "rapport.docx")
        write_tables(made, tmp_path / name, formats=("techniques", "csv", "geojson"))
        write_people(made, tmp_path / name / "tableaux.xlsx")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(files) > 15
    assert [
        name
        for name in files
        if (tmp_path / "a" / name).read_bytes() != (tmp_path / "b" / name).read_bytes()
    ] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rapport.docx", "tables-techniques.xlsx", "tableaux.xlsx"])
def test_no_file_tells_when_it_was_written(tmp_path: Path, name: str) -> None:
    write_page(lay_out(report()), tmp_path / "rapport.docx")
    write_tables(tables(), tmp_path, formats=["techniques"])
    write_people(tables(), tmp_path / "tableaux.xlsx")
    with zipfile.ZipFile(tmp_path / name) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        properties = archive.read("docProps/core.xml").decode()
    assert set(re.findall(r"(\d{4}-\d\d-\d\d)T", properties)) <= {"2025-06-01", "1980-01-01"}


@pytest.mark.slow
def test_the_order_of_rows_in_the_tables_changes_nothing(tmp_path: Path) -> None:
    shuffled = {
        name: rows.sample(frac=1, random_state=3).reset_index(drop=True)
        for name, rows in tables().items()
    }
    write_web_page(lay_out(report()), tmp_path / "a.html")
    write_web_page(lay_out(report(shuffled)), tmp_path / "b.html")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == (tmp_path / "b.html").read_text(
        encoding="utf-8"
    )


def test_an_empty_study_gives_a_report_that_says_so(tmp_path: Path) -> None:
    content = report({name: table.empty() for name, table in TABLES.items()})
    page = page_of(content, tmp_path)
    write_page(lay_out(content), tmp_path / "rapport.docx")
    shown = page.text_content()
    for line in (
        "Aucun passage n’a été lu",
        "Aucune liste d’émargement",
        "Aucune carte",
    ):
        assert line in shown


def test_only_workshops_counts_as_an_empty_study(tmp_path: Path) -> None:
    assert len(report({"workshops": workshops()}).scopes) == 3


def test_what_is_cut_short_is_said_and_what_could_not_be_read_is_listed(tmp_path: Path) -> None:
    shown = " ".join(page_of(report(n_annex_rows=1), tmp_path, "annexe").text_content().split())
    assert "Seule la première ligne est montrée ici, sur 2." in shown.replace("\u00a0", " ")
    assert "orthez/photo.heic" in shown and "saisir la photo dans un fichier texte" in shown


def test_how_alike_the_themes_come_out_when_made_again_is_told_where_it_was_measured(
    tmp_path: Path,
) -> None:
    sentence = "Refaits 20 fois sur 80 % des passages, les thèmes sont en gros les mêmes."
    measured = {
        "trial": "sous_echantillons",
        "n_runs": 20,
        "n_units": 300,
        "mean_index": 0.734,
        "sentence": sentence,
    }
    told, untold = (
        " ".join(
            page_of(report(made), tmp_path, "annexe").text_content().replace("\u00a0", " ").split()
        )
        for made in (
            tables(*passages(), theme_agreement=THEME_AGREEMENT.build([measured])),
            tables(*passages()),
        )
    )
    assert "Les thèmes refaits" in told and "0,73" in told and sentence in told
    assert "Les thèmes refaits" not in untold


def test_the_word_template_is_the_one_its_maker_makes(tmp_path: Path) -> None:
    make_template(tmp_path / "rapport.docx")
    shipped = Path(__file__).parent.parent / "pipeline" / "publish" / "templates" / "rapport.docx"
    with zipfile.ZipFile(tmp_path / "rapport.docx") as made, zipfile.ZipFile(shipped) as kept:
        assert made.namelist() == kept.namelist()
        assert [name for name in made.namelist() if made.read(name) != kept.read(name)] == []


# ---- charts ----


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("background", HEAT_COLOURS)
def test_a_share_written_in_the_heat_map_has_enough_contrast(background: str) -> None:
    assert (_luminance(background) + 0.05) / (_luminance("#22302f") + 0.05) >= 4.5


def test_a_chart_is_drawn_alike_for_the_page_and_for_word() -> None:
    spec = priorities_spec(report().scopes[0])
    drawing = etree.fromstring(draw_svg(spec))
    picture = draw_png(spec)
    width = int.from_bytes(picture[16:20], "big")
    assert width == pytest.approx(float(drawing.get("width")) * 200 / 72, abs=2)
    bars = drawing.xpath("//*[local-name()='path'][@fill='#0072b2']")
    assert len(bars) >= len(report().scopes[0].priorities)


# ---- tables for other tools ----


def test_a_passage_that_looks_like_a_formula_stays_a_text(tmp_path: Path) -> None:
    made = tables(
        said("cars", 1, text='=HYPERLINK("http://x")'),
        said("cars", 2, text="- plus de car"),
        said("cars", 3, text="http://un.site"),
    )
    write_tables(made, tmp_path, formats=["csv", "techniques"])
    assert "\"'=HYPERLINK" in (tmp_path / "units.csv").read_text(encoding="utf-8-sig")
    assert ";'- plus de car;" in (tmp_path / "units.csv").read_text(encoding="utf-8-sig")
    rows = (
        CalamineWorkbook.from_path(str(tmp_path / "tables-techniques.xlsx"))
        .get_sheet_by_name("units")
        .to_python()
    )
    texts = [row[rows[0].index("text")] for row in rows[1:]]
    assert texts == ['=HYPERLINK("http://x")', "- plus de car", "http://un.site"]
    with zipfile.ZipFile(tmp_path / "tables-techniques.xlsx") as archive:
        sheets = "".join(
            archive.read(name).decode() for name in archive.namelist() if "sheet" in name
        )
    assert "<f>" not in sheets and "<hyperlink " not in sheets


def test_a_table_too_long_to_be_read_in_a_spreadsheet_is_in_csv_alone(tmp_path: Path) -> None:
    made = tables()
    n_units = len(made["units"])
    write_tables(made, tmp_path, formats=["csv", "techniques"], longest_sheet=n_units - 1)
    sheets = CalamineWorkbook.from_path(str(tmp_path / "tables-techniques.xlsx")).sheet_names
    assert "workshops" in sheets and "units" not in sheets
    assert len(pd.read_csv(tmp_path / "units.csv", sep=";", decimal=",")) == n_units


def test_a_text_too_long_for_a_cell_is_cut_and_blanks_stay_blank(tmp_path: Path) -> None:
    made = tables()
    made["documents"] = DOCUMENTS.check(made["documents"].assign(text="é" * 40_000))
    write_tables(made, tmp_path, formats=["techniques"])
    sheet = (
        CalamineWorkbook.from_path(str(tmp_path / "tables-techniques.xlsx"))
        .get_sheet_by_name("documents")
        .to_python()
    )
    assert len(sheet[1][sheet[0].index("text")]) == 32_767
    assert sheet[1][sheet[0].index("table_number")] == ""


def test_parquet_gives_back_the_tables(tmp_path: Path) -> None:
    made = tables()
    write_tables(made, tmp_path, formats=["parquet"])
    for name in ("units", "tags", "priorities"):
        pd.testing.assert_frame_equal(
            TABLES[name].check(pd.read_parquet(tmp_path / f"{name}.parquet")), made[name]
        )


def test_structures_are_points_with_longitude_first_and_drawn_areas_follow(tmp_path: Path) -> None:
    area = {
        "type": "Polygon",
        "coordinates": [[[-0.8, 43.4], [-0.7, 43.4], [-0.7, 43.5], [-0.8, 43.4]]],
    }
    catchments = TABLES["catchments"].build(
        [{"structure_id": "coop-lait", "geometry": json.dumps(area), "radius_km": None}]
    )
    write_tables(tables(catchments=catchments), tmp_path, formats=["geojson"])
    features = json.loads((tmp_path / "structures.geojson").read_text(encoding="utf-8"))["features"]
    assert [feature["geometry"] for feature in features] == [
        {"type": "Point", "coordinates": [-0.77, 43.49]},
        area,
    ]
    assert features[0]["properties"]["name"] == "Coop'Lait & fils"


def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError,
        match=r"format inconnu : ods ; attendu : un de : techniques, csv, parquet, geojson",
    ):
        write_tables(tables(), tmp_path / "sortie", formats=["csv", "ods"])  # type: ignore[list-item]
    assert not (tmp_path / "sortie").exists()


def test_a_report_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        report().title = "autre"  # type: ignore[misc]


def test_families_stand_before_the_themes_and_each_theme_names_its_own(tmp_path: Path) -> None:
    made = tables()
    made["themes"] = made["themes"].assign(parent_id="f-1")
    row = {
        "family_id": "f-1",
        "label": "Venir et produire",
        "n_themes": 2,
        "n_units": 1,
        "n_tables": 1,
        "n_workshops": 1,
    }
    made["theme_families"] = THEME_FAMILIES.build([row])
    content = report(made)
    write_web_page(lay_out(content, "annexe"), tmp_path / "annexe.html")
    annex = typography((tmp_path / "annexe.html").read_text(encoding="utf-8"))
    assert "Familles de thèmes" in annex
    assert "Cars ; Lait" in annex.replace("\u00a0", " ").replace("\u202f", " ")
    assert annex.count("Venir et produire") == 1 + len(made["themes"])


def test_a_table_names_no_file_of_the_depot(tmp_path: Path) -> None:
    made = tables()
    path = "Orthez 2025/contribution A. Boulanger.mbox#002"
    made["documents"] = DOCUMENTS.check(made["documents"].head(1).assign(path=path))
    seen = {"path": [path, "Orthez 2025/liste A. Boulanger.csv"], "workshop_id": "orthez"}
    counts = {one.name: 0 for one in RECEIPTS.columns if one.kind == "int"}
    told = {"taken_for": "notes", "channel": None, "left_out": "[]", "warning": None}
    made["receipts"] = RECEIPTS.check(pd.DataFrame(seen | counts | told))
    write_tables(made, tmp_path, formats=["csv"])
    paths = {
        name: pd.read_csv(tmp_path / f"{name}.csv", sep=";")["path"].tolist()
        for name in ("documents", "receipts", "rejects")
    }
    (document_id,) = made["documents"]["document_id"]
    assert paths == {
        "documents": [f"Orthez 2025/{document_id}.mbox"],
        "receipts": [f"Orthez 2025/{document_id}.mbox", "Orthez 2025/fichier-2.csv"],
        "rejects": ["orthez/fichier-1.heic"],
    }

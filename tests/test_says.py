"""What a report may not say: counts and circumstances that the material of an odd study does not show."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from lxml import html
from pptx import Presentation

from pipeline.publish.layout import lay_out
from pipeline.publish.layout.blocks import (
    Page,
    PageParagraph,
    PageTable,
    Quotes,
    Section,
    Terms,
)
from pipeline.publish.layout.sheets import ROOMS, lay_out_workshop
from pipeline.publish.layout.slides import lay_out_slides
from pipeline.publish.report.content import Report
from pipeline.publish.report.passages import gather_passages
from pipeline.publish.report.themes import said_at
from pipeline.publish.workbook.rows import StudyRows
from pipeline.publish.workbook.themes import contrast_sheet
from pipeline.study import Study
from pipeline.tables.material import ATTENDANCE
from pipeline.tables.results import GAPS
from pipeline.tables.schema import GAP_STATES
from pipeline.text import Count, study_counts
from support.invented import DIE, ORTHEZ, said, workshops
from support.published import GRID, report, tables
from support.report_text import pdf_text
from support.studies import group_any_size


def words(made: Report) -> dict[str, str]:
    """All that the report, the slides and each workshop's pages say, people's own words apart, with plain spaces."""
    said = {"rapport": "\n".join(_page(lay_out(made)))}
    said["diapositives"] = "\n".join(
        "\n".join(
            [
                slide.title,
                *(
                    text
                    for line in slide.lines + slide.aside
                    for text in (line.label, "" if line.is_quote else line.text, line.source)
                ),
                *slide.notes,
                slide.picture[1] if slide.picture else "",
            ]
        )
        for slide in lay_out_slides(made)
    )
    for place, workshop in enumerate(made.workshops):
        said[f"atelier {workshop.name}"] = "\n".join(_page(lay_out_workshop(made, place, ROOMS[0])))
    return {name: re.sub("[\u00a0\u202f]", " ", text) for name, text in said.items()}


def _page(page: Page) -> Iterator[str]:
    yield from (page.title, page.notice if page.notice else "")
    for section in page.sections:
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    yield section.title
    for block in section.blocks:
        match block:
            case PageParagraph():
                yield block.text
            case Terms():
                yield from (f"{term} : {meaning}" for term, meaning in block.entries)
            case PageTable():
                yield from (
                    block.caption,
                    " | ".join(block.columns),
                    *(" | ".join(row) for row in block.rows),
                )
            case Quotes():
                yield from (quote.where for quote in block.quotes)
            case _:
                yield f"{getattr(block, 'caption', '')} {getattr(block, 'alt', '')}"
    for part in section.sections:
        yield from _section(part)


def everything(made: Report) -> str:
    return "\n".join(words(made).values())


def annex(made: Report) -> str:
    """All that the technical annex says, with plain spaces."""
    return re.sub("[\u00a0\u202f]", " ", "\n".join(_page(lay_out(made, "annexe"))))


# ---- who came ----


def without_list(*workshop_ids: str) -> Report:
    attendance = tables()["attendance"]
    return report(tables(attendance=attendance[~attendance["workshop_id"].isin(workshop_ids)]))


@pytest.mark.slow
def test_without_any_attendance_list_nobody_is_counted_anywhere() -> None:
    said = everything(without_list(ORTHEZ, DIE))
    assert (
        re.findall(
            r".*(?:personnes? présentes?|structures? présentes?|\b0 (?:personne|structure|présent)).*",
            said,
            re.I,
        )
        == []
    )
    assert "Aucune liste d’émargement n’a été trouvée" in said


def test_where_one_workshop_has_no_list_its_people_are_unknown_and_the_total_says_of_whom_it_is() -> (
    None
):
    made = without_list(DIE)
    assert [workshop.n_people is None for workshop in made.workshops] == [False, True]
    said = words(made)
    assert "die | 11 mars 2025 | 4 | non connu | non connu |" in annex(made)
    assert "personnes présentes (1 atelier sur 2 avec une liste d’émargement)" in said["rapport"]
    assert "3 personnes (1 atelier sur 2 avec une liste d’émargement)" in said["diapositives"]
    assert not re.search(r"personnes? présentes?|\d+ structures?", said["atelier die"])


@pytest.mark.slow
def test_a_list_without_structures_leaves_structures_unknown_not_none() -> None:
    attendance = tables()["attendance"].assign(structure_id=None)
    made = report(tables(attendance=attendance))
    assert "0 structure" not in everything(made)
    assert "structures non connues" in annex(made)


@pytest.mark.slow
def test_who_is_on_a_list_that_others_signed_and_did_not_sign_is_nobody_present() -> None:
    """0 is known there: a list, and nobody of it in the room."""
    made = without_list(DIE)
    assert made.workshops[0].n_people == 3 and made.n_lists == 1


# ---- tables, rounds and other circumstances ----


def odd(
    channel: str, question: str | None = None, held: tuple[str, ...] = (ORTHEZ,), n_themes: int = 2
) -> Report:
    """A study of one kind of document, without table, list or map; each passage in a document of its own."""
    names = [(workshop_id, f"{workshop_id}-{n}") for workshop_id in held for n in range(3)]
    passages = [
        said(
            f"theme {theme}",
            None,
            question,
            channel=channel,
            workshop_id=workshop_id,
            document_id=name,
            text=f"{theme} {name}",
        )
        for workshop_id, name in names
        for theme in range(n_themes)
    ]
    made = tables(*passages, held=workshops(*held, n_tables=None))
    return report(
        made
        | {
            name: made[name].head(0)
            for name in ("attendance", "structures", "voices", "offers", "rejects", "contrasts")
        }
    )


TWO, TWICE = (ORTHEZ, DIE), (ORTHEZ, "orthez-2025-06-12")
KINDS = [
    ("mails of two territories", "mail", "distance", "resume|telephone", TWO),
    ("calls of one workshop", "telephone", "distance", "resume|mail", (ORTHEZ,)),
    ("minutes of two territories", "notes", None, "resume|mail|telephone", TWO),
    ("a survey of one territory", "notes", "q2", "resume|mail|telephone", TWICE),
    ("a recording", "transcript", None, "resume|mail|telephone", (ORTHEZ,)),
    ("summaries alone", "resume", "resume", "mail|telephone", (ORTHEZ,)),
]
_QUICK = (0,)
CLAIMS = {
    "tables": r"\b[Tt]ables?\b",
    "rounds": r"en tournant|world café|quatre questions",
    "resume": r"rapporteur|en restitution|restitution de",
    "mail": r"\bmails?\b",
    "telephone": r"téléphon|\bappel",
}


@pytest.mark.parametrize(
    ("channel", "question", "absent", "held"),
    [
        pytest.param(*kind[1:], id=kind[0], marks=() if place in _QUICK else pytest.mark.slow)
        for place, kind in enumerate(KINDS)
    ],
)
def test_no_table_round_or_channel_is_claimed_that_no_document_shows(
    channel: str, question: str | None, absent: str, held: tuple[str, ...]
) -> None:
    told = "\n".join(
        line
        for line in everything(odd(channel, question, held)).split("\n")
        if "Sans effet ici" not in line
    )
    claims = {name: CLAIMS[name] for name in ("tables", "rounds", *absent.split("|"))}
    assert {
        name: re.findall(f".*(?:{claim}).*", told)
        for name, claim in claims.items()
        if re.search(claim, told)
    } == {}
    assert not re.search(
        r"rien n.est perdu|\b0 (?:document|présent|personne|structure)", told, re.IGNORECASE
    )
    assert "3 documents" in told.lower()


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        ({1, 2, 3}, "environ 3 tables sur 4 en parlent"),
        ({1, 3}, "environ 2 tables sur 4 en parlent (entre 2 et 3)"),
        ({2}, "environ 2 tables sur 4 en parlent (entre 1 et 3)"),
        (set(), "environ 1 table sur 4 en parle (entre 0 et 3)"),
    ],
)
def test_a_number_of_tables_rests_on_what_counts_and_says_what_is_to_be_checked(
    counted: set[int], expected: str
) -> None:
    made = tables(*(said("cars", n, text=f"table {n}") for n in (1, 2, 3)))
    of_table = dict(zip(made["units"]["unit_id"], made["units"]["table_number"], strict=True))
    members = made["theme_members"]
    is_counted = members["unit_id"].map(of_table).isin(counted)
    probability = is_counted.map({True: 1.0, False: 0.4})
    members = members.assign(is_counted=is_counted, probability=probability)
    passages = gather_passages(made | {"theme_members": members})
    told = [one for one in passages.every if one.theme_id]
    assert said_at("cars", told, passages, [ORTHEZ]).replace("\u00a0", " ") == expected


def test_minutes_of_a_study_with_tables_elsewhere_are_counted_with_them_by_both_names() -> None:
    mixed = [
        *(said("cars", n, text=f"table {n}") for n in (1, 2, 3)),
        *(
            said(
                "cars", None, None, workshop_id=DIE, document_id=f"cr-{n}", text=f"compte rendu {n}"
            )
            for n in (1, 2)
        ),
    ]
    made = report(tables(*mixed, held=workshops(n_tables=None), attendance=ATTENDANCE.empty()))
    study, orthez, die = (scope.priorities[0].said for scope in made.scopes)
    assert study == "les 5 tables ou documents en parlent"
    assert (orthez, die) == (
        "les 3 tables en parlent",
        "les 2 documents en parlent",
    )
    assert [workshop.n_tables for workshop in made.workshops] == [3, 0]


def test_questions_are_those_that_passages_bear() -> None:
    assert [
        name for name, _ in report(tables(said("cars", 1, "q1"), said("cars", 2, "q1"))).questions
    ] == ["q1"]


@pytest.mark.slow
def test_notes_are_not_said_to_be_all_where_people_wrote_themselves() -> None:
    assert "qui tenait le stylo" not in annex(odd("mail", "distance"))
    assert "qui tenait le stylo" in annex(odd("notes"))


def test_the_analysts_list_of_territories_heads_documents_where_no_note_names_a_table() -> None:
    heads = [
        list(
            contrast_sheet(
                StudyRows(
                    tables(said("cars", table, None), held=workshops(ORTHEZ, n_tables=None)),
                    GRID,
                    3,
                )
            ).columns[3:6]
        )
        for table in (None, 1)
    ]
    assert heads == [
        ["Dit dans", "Documents (au moins)", "Documents (au plus)"],
        ["Dit à", "Tables (au moins)", "Tables (au plus)"],
    ]


# ---- plurals ----

NOUNS = "atelier|document|passage|table|thème|famille|structure|personne|étiquette|décision|question|fichier|contribution|code|ligne|commune"
AS_ONE_OR_SEVERAL = {
    "fois",
    "sur",
    "dans",
    "mis",
    "sans",
    "plus",
    "puis",
    "pas",
    "des",
    "ses",
    "les",
    "ces",
    "dès",
    "après",
    "sous",
    "vers",
}
AGREED = re.compile(r"(?<![\d,.’'-])(\d+) ([a-zéèêàç]+)(?: ([a-zéèêàç]+))?(?: ([a-zéèêàç]+))?")


def wrong_agreements(text: str) -> list[str]:
    """Numbers whose noun, adjective or verb does not agree: in French 0 and 1 are singular."""
    wrong = []
    for match in AGREED.finditer(text):
        n, noun, *others = match.groups(default="")
        if int(n) < 2 and (
            _is_plural(noun) or (re.fullmatch(NOUNS, noun) and any(map(_is_plural, others[:1])))
        ):
            wrong.append(match[0])
        if int(n) < 2 and {*others} & {"ont", "sont", "disent", "restent", "parlent"}:
            wrong.append(match[0])
        if int(n) > 1 and re.fullmatch(NOUNS, noun):
            wrong.append(match[0])
    return wrong


def _is_plural(word: str) -> bool:
    return word.endswith("s") and word not in AS_ONE_OR_SEVERAL


@pytest.mark.parametrize(
    ("text", "n_wrong"),
    [
        ("1 thème classés", 1),
        ("0 passages", 1),
        ("2 passage", 1),
        ("1 passage sur 12 dit", 0),
        ("1 thème ont", 1),
        ("21 tables, 0 document", 0),
    ],
)
def test_the_check_of_agreements_sees_what_it_should(text: str, n_wrong: int) -> None:
    assert len(wrong_agreements(text)) == n_wrong


def gap(n: int) -> Any:
    """A need of the first workshop without answer, with `n` passages and structures to ask."""
    row = {"workshop_id": "lieu-0-2025-02-01", "subject_id": "tri", "title": "Le tri"}
    row |= {"n_tables": 2, "n_units": 2, "state": GAP_STATES[n % 2]}
    quotes, asked = (json.dumps(names[:n]) for names in (["u000", "u001"], ["coop-lait", "x"]))
    return GAPS.build([row | {"quotes": quotes, "ask": asked}])


def few(n: int) -> Report:
    """A study with `n` of everything: workshops, themes, passages set aside, people, families, rejects, offers and needs."""
    held = [f"lieu-{place}-2025-02-0{place + 1}" for place in range(n)]
    passages = [
        *(
            said(
                f"thème {theme}",
                1,
                workshop_id=name,
                text=f"les cars du soir {theme}",
                posture="proposition",
            )
            for name in held
            for theme in range(n)
        ),
        *(said(None, n + 1, text=f"seul {place}", workshop_id=held[0]) for place in range(n)),
    ]
    whole = tables()
    if not passages:
        return report({name: table.head(0) for name, table in whole.items()})
    made = tables(
        *passages,
        held=workshops(*held, n_tables=None),
        gaps=gap(n),
    )
    people = (
        whole["attendance"]
        .head(n)
        .assign(workshop_id=held[0], participant_id=[f"p{place}" for place in range(n)])
    )
    offers = whole["offers"].assign(unit_id="u000")
    cut = {name: made[name].head(0) for name in ("voices", "contrasts")} | {
        "attendance": people,
        "offers": offers,
    }
    return report(
        made | cut | {"rejects": pd.concat([whole["rejects"]] * n)}, n_annex_rows=1, least_count=1
    )


@pytest.mark.parametrize(
    "n", [pytest.param(0, marks=pytest.mark.slow), 1, pytest.param(2, marks=pytest.mark.slow)]
)
def test_every_noun_and_verb_agrees_with_its_number(n: int) -> None:
    assert {
        name: wrong for name, text in words(few(n)).items() if (wrong := wrong_agreements(text))
    } == {}


@pytest.mark.parametrize("n", [1, 2])
def test_every_noun_and_verb_agrees_with_its_number_where_there_is_no_theme(n: int) -> None:
    passages = [said(None, place + 1, text="les cars du soir") for place in range(n)]
    passages += [said(None, None, None, text=f"une note {place}") for place in range(n)]
    told = words(report(tables(*passages, held=workshops(ORTHEZ, n_tables=None))))
    assert {name: wrong for name, text in told.items() if (wrong := wrong_agreements(text))} == {}
    assert not re.search(r"\b0 (?:table|thème|document|personne|structure)", "".join(told.values()))


ROOT = Path(__file__).parent.parent
SENTENCES = [
    *ROOT.joinpath("pipeline/show").glob("*.py"),
    *ROOT.joinpath("flows").rglob("*.py"),
    ROOT.joinpath("pipeline/show/writing.py"),
    ROOT.joinpath("pipeline/rank/order.py"),
]
ALWAYS_SEVERAL = ("{m} ", "{price", "{minutes", "{known} déjà là", "{places} premières")


def test_what_the_command_line_and_the_service_say_agrees_with_its_number_too() -> None:
    """A number before a plural word is written {n:mot|mots}; what is never 0 or 1 is listed."""
    plural = re.compile(r"\{\w+\} (?!(?:sur|dans|cas|sans|fois)\b)[a-zéèê]+s\b")
    found = [
        (path.name, match[0])
        for path in SENTENCES
        for match in plural.finditer(path.read_text(encoding="utf-8"))
        if not match[0].startswith(ALWAYS_SEVERAL)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("n", "told"),
    [(0, "0 fichier lu arrive"), (1, "1 fichier lu arrive"), (2, "2 fichiers lus arrivent")],
)
def test_a_count_agrees_in_a_sentence(n: int, told: str) -> None:
    assert "{n:fichier lu|fichiers lus} {n:=arrive|arrivent}".format(n=Count(n)) == told
    assert study_counts(dict.fromkeys(("workshops", "documents", "units", "themes"), n)).startswith(
        f"{n} atelier" + "s" * (n > 1)
    )


@pytest.mark.slow
def test_a_study_of_mails_alone_is_run_and_its_report_claims_nothing_that_mails_do_not_show(
    tmp_path: Path,
) -> None:
    from flows.publication import publish_whole
    from flows.run import run_study

    study = Study.create(tmp_path / "etude")
    group_any_size(study)
    folder = study.depot / "Pays de Retz 2026-10-01"
    folder.mkdir()
    for number, text in enumerate(MAILS):
        head = f"From: Une lectrice <lectrice{number}@exemple.fr>\nTo: atelier@exemple.fr\nSubject: Suite de nos échanges\n"
        (folder / f"mail {number}.eml").write_text(
            f"{head}Date: Fri, 2 Oct 2026 10:0{number}:00 +0200\n\n{text}\n", encoding="utf-8"
        )
    publication = study.root / publish_whole(study.root, run_study(study.root).manifest).folder
    page = html.fromstring((publication / "rapport.html").read_bytes())
    for hidden in page.xpath("//style|//script"):
        hidden.drop_tree()
    shown = page.text_content()
    slides = "\n".join(
        shape.text_frame.text
        for slide in Presentation(str(publication / "restitution.pptx")).slides
        for shape in slide.shapes
        if shape.has_text_frame
    )
    pages = "\n".join(pdf_text(path) for path in sorted((publication / "ateliers").glob("*.pdf")))
    for name, text in {"report": shown, "slides": slides, "pages": pages}.items():
        plain = re.sub("[\u00a0\u202f]", " ", text)
        told = "\n".join(
            line for line in re.split(r"\n|(?<=[.;]) ", plain) if "Sans effet" not in line
        )
        claims = re.findall(
            r".*(?:\btables? |en tournant|world café|rien n.est perdu|comme ailleurs|\b0 (?:présent|personne)).*",
            told,
            re.I,
        )
        assert (name, claims, wrong_agreements(told)) == (name, [], [])
    assert "4 contributions écrites" in re.sub("[\u00a0\u202f]", " ", shown.lower())


MAILS = (
    "Bonjour,\n\nIl n'y a plus de car le soir entre Machecoul et Nantes.\nLes jeunes ne peuvent plus rentrer du lycée.\n",
    "Bonjour,\n\nLe car du soir a disparu, il faudrait un minibus partagé entre les communes.\n",
    "Bonjour,\n\nLa recyclerie de Legé emploie douze personnes et répare des vélos.\nElle cherche un local plus grand.\n",
    "Bonjour,\n\nLes loyers montent sur la côte, les saisonniers ne trouvent plus de logement.\n",
)

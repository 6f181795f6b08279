"""Needs that no known structure answers: what makes one, whom to ask, what people decide, what is printed."""

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.embedder import load_embedder
from models.subject_classifier import SubjectClassifier
from pipeline.compare.gaps import _Structure, _to_ask, list_gaps
from pipeline.compare.mentions import structures_named
from pipeline.decisions import active_decisions, apply_decisions, read_decision
from pipeline.decisions.gaps import ConfirmGap, RefuseGap, settle_gaps
from pipeline.offer.families import with_families
from pipeline.publish.layout.blocks import PageDraft
from pipeline.publish.layout.gaps import gap_section
from pipeline.publish.layout.sheets import ROOMS, lay_out_workshop
from pipeline.structure_names import families_of_name
from pipeline.tables.material import ATTENDANCE, STRUCTURES
from pipeline.tables.results import GAPS, OFFERS, THEME_FAMILIES
from support.invented import DIE, ORTHEZ, said, study, workshops
from support.published import report, tables

# What a workshop says of everything else: texts are read beside one another.
AROUND = [
    said("argent", 1, text="la subvention de mars arrive en novembre, on vit à découvert"),
    said("argent", 2, text="six mois d'attente avant le solde, la banque appelle tous les lundis"),
    said("cantines", 3, text="à l'école ils mangent des haricots surgelés toute l'année"),
    said("réemploi", 3, text="la ressourcerie meuble 300 familles par an", posture="force"),
    said("réemploi", 4, text="un atelier de réparation de vélos le samedi", posture="force"),
    said(None, 4, text="pause café", posture="constat"),
]
DOCTORS = [
    said("soins", 1, text="plus de médecin au village, les malades vont à Pau"),
    said("soins", 2, text="six mois d'attente chez le dentiste, personne ne prend de patients"),
]
SUBJECTS = {"soins": "soins-proximite", "argent": "tresorerie", "cantines": "cantines-scolaires"}


def gaps(*passages: dict[str, Any], structures: Any = (), around: Any = AROUND) -> pd.DataFrame:
    """The gaps of a workshop at Orthez that the `structures` (name, type) attended."""
    made = study(*around, *passages)
    subject_ids = made["themes"]["theme_id"].map(SUBJECTS)
    known = [
        {"structure_id": f"s{i}", "name": name, "structure_type": kind}
        | {"is_on_map": False, "is_in_attendance": True}
        for i, (name, kind) in enumerate(structures)
    ]
    people = [
        {"participant_id": f"p{i}", "workshop_id": ORTHEZ, "structure_id": row["structure_id"]}
        | {"has_signed": True}
        for i, row in enumerate(known)
    ]
    given = {
        "themes": made["themes"].assign(subject_id=subject_ids),
        "structures": STRUCTURES.build(known),
        "attendance": ATTENDANCE.build(people),
        "workshops": workshops(ORTHEZ, DIE),
    }
    return list_gaps(made | given, load_embedder())


NO_GAP = [
    ("said at one table", [DOCTORS[0], DOCTORS[1] | {"table_number": 1}], []),
    ("to be checked", [DOCTORS[0], DOCTORS[1] | {"is_counted": False}], []),
    ("a strength", [DOCTORS[0], DOCTORS[1] | {"posture": "force"}], []),
    ("by its name", DOCTORS, [("Centre de santé du Béarn", "association")]),
    ("a public body's name", DOCTORS, [("CPTS du Béarn", "collectivité")]),
    (
        "a passage tells of it",
        [
            *DOCTORS,
            said(
                "soins",
                3,
                text="un médecin salarié consulte deux jours par semaine au village",
                posture="force",
            ),
        ],
        [],
    ),
    (
        "what passages say of a structure",
        [
            *DOCTORS,
            said(
                None,
                4,
                text="Chez Hippocrate, trois médecins et une infirmière reçoivent les patients",
                posture="constat",
            ),
        ],
        [("L'Hippocrate béarnais", "association")],
    ),
    (
        "passages on other subjects",
        [
            said("soins", 1, text="les loyers ont doublé, les jeunes partent"),
            said("soins", 2, text="des maisons vides et des familles sans toit"),
        ],
        [],
    ),
    (
        "the structures' own need",
        [said("argent", 3, text="deux salaires avancés de ma poche en attendant le virement")],
        [],
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("passages", "structures"), [row[1:] for row in NO_GAP], ids=[row[0] for row in NO_GAP]
)
def test_a_need_that_something_may_answer_or_that_is_not_sure_is_no_gap(
    passages: list[dict[str, Any]], structures: list[tuple[str, str]]
) -> None:
    assert gaps(*passages, structures=structures).empty


def test_a_need_of_two_tables_that_nobody_answers_is_a_gap_to_check() -> None:
    room = [
        ("Ressourcerie du Gave", "association"),
        ("Commune d'Orthez", "collectivité"),
        ("Réseau Béarn", "réseau d'accompagnement"),
    ]
    (row,) = gaps(*DOCTORS, structures=room).to_dict("records")
    assert (row["subject_id"], row["title"]) == (
        "soins-proximite",
        "L'accès aux soins de proximité",
    )
    assert (row["n_tables"], row["n_units"], row["state"]) == (2, 2, "à vérifier")
    assert len(json.loads(row["quotes"])) == 2
    assert json.loads(row["ask"]) == []  # nobody there is told of for care


@pytest.mark.parametrize(
    ("families", "is_told", "is_asked"),
    [
        ([0.19, 0.05, 0.05], True, True),
        # of another subject, though nearer than chance
        ([0.15, 0.60, 0.05], True, False),
        # by its name alone
        ([0.19, 0.05, 0.05], False, False),
    ],
)
@pytest.mark.parametrize("kind", ["association", "collectivité", "réseau d'accompagnement"])
def test_only_a_structure_told_of_for_the_subject_is_to_be_asked(
    kind: str, families: list[float], is_told: bool, is_asked: bool
) -> None:
    one = _Structure("s1", kind, np.array(families), frozenset(), is_told)
    assert _to_ask([one], 0) == ["s1"] * is_asked


def test_a_structure_of_another_workshop_answers_nothing_here() -> None:
    elsewhere = said("soins", 1, text="un médecin consulte ici", posture="force", workshop_id=DIE)
    assert len(gaps(*DOCTORS, elsewhere)) == 1


def test_where_nobody_says_anything_but_needs_each_is_a_gap() -> None:
    needs = [row for row in AROUND if "posture" not in row]
    assert len(gaps(*DOCTORS, around=needs)) == 1


def test_without_theme_or_passage_there_is_no_gap() -> None:
    empty = {name: table.head(0) for name, table in study(*AROUND).items()}
    rest = {"structures": STRUCTURES.empty(), "attendance": ATTENDANCE.empty()}
    assert list_gaps(empty | rest | {"workshops": workshops()}, load_embedder()).empty


NAMES = [
    ("Ressourcerie Le Grenier d'Arques", ("Réemploi",)),
    ("AMAP du Bocage", ("Alimentation", "Nature")),
    ("Épicerie solidaire La Passerelle", ("Alimentation",)),
    ("Les Épiceries du Coin", ("Alimentation",)),
    ("Domicile Aa Services", ()),
    ("La Boussole Seynoise", ()),
    ("Mairie d'Arques", ()),
]


@pytest.mark.parametrize(("name", "families"), NAMES)
def test_a_name_says_what_it_leaves_no_doubt_of(name: str, families: tuple[str, ...]) -> None:
    assert families_of_name(name) == families


def test_texts_are_of_the_family_that_a_reader_would_say_or_of_none() -> None:
    classifier = SubjectClassifier([row["text"] for row in AROUND], load_embedder())
    readings = classifier.read(
        [
            ["plus de médecin, six mois d'attente chez le dentiste"],
            ["le dernier car part à 18 h", "pas de permis, pas de travail"],
            ["zut"],
            [],
        ]
    )
    assert [readings.family(i) for i in range(4)] == ["Santé", "Mobilité", None, None]
    assert readings.families.sum(axis=1) == pytest.approx(1)


MENTIONS = [
    ("La Boussole = 3 juristes, 2 900 dossiers rouverts", ["boussole"]),
    ("on a perdu la boussole", []),
    ("l'équipe de la Boussole et du Grenier", ["boussole", "grenier"]),
    ("la ressourcerie Le Grenier d'Arques", ["grenier"]),
    ("au grenier, des meubles", []),
    ("les gens d'Arques", []),
]


@pytest.mark.parametrize(("text", "structure_ids"), MENTIONS)
def test_a_structure_is_named_by_its_name_or_the_word_that_tells_it(
    text: str, structure_ids: list[str]
) -> None:
    names = {"boussole": "La Boussole Seynoise", "grenier": "Ressourcerie Le Grenier d'Arques"}
    known = STRUCTURES.build(
        {"structure_id": key, "name": name, "is_on_map": True, "is_in_attendance": True}
        for key, name in names.items()
    )
    named = dict(structures_named([text], known, ["Arques", "La Seyne"]))
    assert named.get(text, []) == structure_ids


def test_an_offer_is_of_the_family_of_its_passage_else_of_its_structure() -> None:
    texts = {"a": "22 chauffeurs bénévoles conduisent aux rendez-vous", "b": "on est onze"}
    made = study(*AROUND, *[said(None, 1, unit_id=key, text=text) for key, text in texts.items()])
    offers = OFFERS.build(
        {
            "unit_id": key,
            "offer_id": key,
            "structure_id": "gave",
            "structure_name": "Ressourcerie du Gave",
        }
        | {"activity": "équipe", "pillars": "[]"}
        for key in texts
    )
    found = with_families(offers, made["units"], load_embedder())
    assert dict(zip(found["unit_id"], found["sector"], strict=True)) == {
        "a": "Mobilité",
        "b": "Réemploi",
    }


# ---- what people decide ----


def gap(state: str = "à vérifier") -> pd.DataFrame:
    """A gap of the invented study that is published."""
    return GAPS.build(
        [
            {
                "workshop_id": ORTHEZ,
                "subject_id": "transports-collectifs",
                "title": "Les transports collectifs du quotidien",
                "n_tables": 2,
                "n_units": 2,
                "quotes": '["u000", "u002"]',
                "ask": '["coop-lait"]',
                "state": state,
            }
        ]
    )


def decided(decision_id: int, kind: type[ConfirmGap | RefuseGap], **more: Any) -> dict[str, Any]:
    row = kind.of(ORTHEZ, "transports-collectifs", "Les transports", ["u000"]).row()
    return row | {"decision_id": decision_id, "decided_at": "", "author": "ana"} | more


CONFIRMED, REFUSED = decided(1, ConfirmGap), decided(2, RefuseGap)
UNDONE = {"decision_id": 3, "action": "undo", "value": "2", "decided_at": "", "author": "ana"}


@pytest.mark.parametrize(
    ("rows", "state", "effects"),
    [
        ([], "à vérifier", []),
        ([CONFIRMED], "confirmé", ["appliquée"]),
        ([CONFIRMED, REFUSED], "écarté", ["remplacée", "appliquée"]),
        ([CONFIRMED, REFUSED, UNDONE], "confirmé", ["appliquée", "annulée", "appliquée"]),
        ([decided(1, ConfirmGap, value="{")], "à vérifier", ["sans objet"]),
        (
            [decided(1, ConfirmGap, value=json.dumps({"workshop_id": ORTHEZ, "unit_ids": ["x"]}))],
            "à vérifier",
            ["sans objet"],
        ),
    ],
)
def test_the_last_decision_on_a_gap_counts_until_it_is_undone(
    rows: list[dict[str, Any]], state: str, effects: list[str]
) -> None:
    decisions = [read_decision(row) for row in rows]
    assert settle_gaps(gap(), active_decisions(decisions))["state"].tolist() == [state]
    machine = study(*AROUND) | {"theme_families": THEME_FAMILIES.empty()}
    assert apply_decisions(machine, decisions)["decision_effects"]["state"].tolist() == effects


def test_a_decision_reads_back_as_it_was_written_and_says_what_it_does() -> None:
    row = read_decision(CONFIRMED)
    assert isinstance(row, ConfirmGap) and row.gap == (ORTHEZ, "transports-collectifs")
    assert row.row()["value"] == CONFIRMED["value"]
    assert row.words(_Names(), "x")["title"] == "« Les transports »"


class _Names:
    """Only quotation marks."""

    def quoted(self, text: str | None) -> str:
        return f"« {text} »"

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


# ---- what is printed ----


def printed(state: str) -> tuple[str, str]:
    """What the report says of the gap, and the sheet of the workshop's participants."""
    made = report(tables(gaps=gap(state)))
    section = gap_section(made, PageDraft())
    return str(section.blocks), str(lay_out_workshop(made, 0, ROOMS[0]).sections)


CLAIM = re.compile("aucune structure connue|sans réponse|transports collectifs", re.IGNORECASE)


def test_a_gap_is_printed_with_its_passages_and_whom_to_ask_and_is_off_the_sheets() -> None:
    section, sheet = printed("à vérifier")
    assert "À vérifier auprès de" in section and "Coop’Lait" in section
    assert "les cars du soir ont disparu" in section and "Aucune structure" not in section
    assert not CLAIM.search(sheet)


def test_a_gap_that_a_person_confirmed_is_printed_as_such_and_on_the_sheet() -> None:
    section, sheet = printed("confirmé")
    assert "Aucune structure connue n’y répond" in section and "vérifier" not in section
    assert "les transports collectifs du quotidien" in sheet


@pytest.mark.slow
def test_a_gap_set_aside_is_not_printed() -> None:
    section, sheet = printed("écarté")
    assert "transports" not in section and section.count("PageParagraph") == 1
    assert not CLAIM.search(sheet)

"""What the report tells of opportunities, of the support that structures need, of what people decided and of how far coders agree."""

import pytest

from pipeline.publish.layout import lay_out
from pipeline.publish.report import build_report
from pipeline.settings.sections import PublishSettings
from pipeline.tables.material import AGREEMENT, DECISION_EFFECTS, TAGS
from pipeline.text import groups_in
from support.invented import said, tag
from support.published import GRID, report, tables

SUPPORTS = [
    ("la subvention arrive en novembre, on vit à découvert", "financement et trésorerie"),
    ("Besoin d'un appui pour monter les dossiers européens", "ingénierie et étude de projet"),
    ("il faudrait relire nos statuts", "juridique et statuts"),
    ("personne pour prendre la présidence", "gouvernance et relève"),
    ("une formation pour l'équipe", "ressources humaines et formation"),
    ("trouver un hangar de 600 m²", "locaux, matériel et logistique"),
    ("on n'arrive pas à se faire connaître", "communication et visibilité"),
    ("nos données sont dans trois logiciels", "numérique"),
    ("les marchés publics sont trop lourds", "commande publique"),
    ("il faudrait un annuaire et quelqu'un pour l'animation", "mise en réseau et animation"),
    ("ça marche bien, merci", None),
    ("c'est trop loin de chez nous", None),
]


@pytest.mark.parametrize(("text", "kind"), SUPPORTS)
def test_a_support_is_known_by_its_words(text: str, kind: str | None) -> None:
    assert (
        (kind in groups_in(text, "accompagnement"))
        if kind
        else groups_in(text, "accompagnement") == ()
    )


def prospects() -> list[dict[str, object]]:
    return [
        said("cars", 1, text="un minibus porté par les communes", rubrique="opportunites"),
        said("cars", 2, text="un minibus le samedi", rubrique="opportunites"),
        said("lait", 3, text="une deuxième laiterie à créer ensemble", rubrique="opportunites"),
        said(None, 3, text="un atelier de laine", rubrique="opportunites"),
        said(
            "lait", 1, text="une formation et un local pour les fermes", rubrique="accompagnement"
        ),
        said("lait", 2, text="une formation pour les fermes d'ici", rubrique="accompagnement"),
        said("lait", 4, text="qu'on nous aide enfin un peu", rubrique="accompagnement"),
    ]


def test_opportunities_are_told_by_theme_and_supports_by_type_most_tables_first() -> None:
    made = report(tables(*prospects()))
    assert [(row.name, row.n_tables, row.n_units) for row in made.opportunities] == [
        ("Cars", 2, 2),
        ("Lait", 1, 1),
        ("Autres", 1, 1),
    ]
    assert [(row.name, row.n_tables, row.n_units) for row in made.supports] == [
        ("Ressources humaines et formation", 2, 2),
        ("Locaux, matériel et logistique", 1, 1),
        ("Autres", 1, 1),
    ]
    assert made.opportunities[0].quote.text == "un minibus porté par les communes"
    assert "orthez, table\u00a01" in made.opportunities[0].quote.where


def test_where_nobody_spoke_of_them_there_is_no_section() -> None:
    anchors = [
        section.anchor
        for section in lay_out(report(tables(said("cars", 1), said("lait", 2)))).sections
    ]
    assert "prospects" not in anchors and "offre" in anchors
    assert "prospects" in [
        section.anchor for section in lay_out(report(tables(*prospects()))).sections
    ]


def test_what_people_decided_is_counted_apart_from_what_the_machine_did() -> None:
    made = tables(*prospects())
    ids, before = [*made["units"]["unit_id"]], len(made["tags"])
    people = [
        tag(ids[0], "rubrique", "opportunites", source="person"),
        tag(ids[1], "rubrique", "offre", source="person"),
        tag(ids[2], "rubrique", "opportunites", source="person", is_assigned=False),
    ]
    made["tags"] = TAGS.build([*made["tags"].to_dict("records"), *people])
    states = [
        ("rename_theme", "appliquée"),
        ("merge_theme", "sans objet"),
        ("add_tag", "appliquée"),
    ]
    made["decision_effects"] = DECISION_EFFECTS.build(
        {"decision_id": place, "action": action, "state": state}
        for place, (action, state) in enumerate(states, start=1)
    )
    alike = {
        "first_coder": "machine",
        "second_coder": "relecteur 1",
        "axis": "rubrique",
        "code": "tous",
        "n_units": 40,
    }
    counts = {
        "n_first": 50,
        "n_second": 48,
        "n_both": 40,
        "f1": 0.82,
        "f1_low": 0.74,
        "f1_high": 0.9,
    }
    made["agreement"] = AGREEMENT.build([alike | counts, alike | counts | {"code": "offre"}])
    done = build_report(
        made, grid=GRID, settings=PublishSettings(), title="", made_on="2025-06-01"
    ).reviewing
    assert (done.n_machine, done.n_confirmed, done.n_added, done.n_refused, done.n_on_themes) == (
        before,
        1,
        1,
        1,
        1,
    )
    ((row),) = done.agreements
    assert row[:3] == ("programme – relecteur 1", "Rubriques", "40") and "0,82" in row[3]

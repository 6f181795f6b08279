"""What the report tells of what people decided, and of how far coders agree."""

from pipeline.publish.report import build_report
from pipeline.settings.sections import PublishSettings
from pipeline.tables.material import AGREEMENT, DECISION_EFFECTS, TAGS
from support.invented import said, tag
from support.published import GRID, tables


def passages() -> list[dict[str, object]]:
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


def test_what_people_decided_is_counted_apart_from_what_the_machine_did() -> None:
    made = tables(*passages())
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

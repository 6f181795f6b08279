"""Decisions: each action alone, the rules that hold for any sequence, and a store that only grows."""

import json
import logging
import random
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from invented import DIE, said, study, tag

from pipeline.counting import count_families
from pipeline.decision_store import DecisionStore
from pipeline.decisions import apply_decisions, split_id
from pipeline.errors import StudyError, TableError
from pipeline.tables import DECISIONS, TAGS, THEME_FAMILIES

COUNTED = ("n_themes", "n_units", "n_tables", "n_workshops")


def machine() -> dict[str, pd.DataFrame]:
    """Two themes at Orthez and Die, a passage set aside, and second-best postures for `a` and `b`."""
    tables = study(
        said("cars", 1, unit_id="a", rubrique="enjeux.social"),
        said("cars", 2, unit_id="b", posture="force"),
        said("cars", 1, unit_id="c", workshop_id=DIE),
        said("lait", 1, unit_id="d", rubrique="offre"),
        said("lait", 2, unit_id="e"),
        said("haie", 3, unit_id="f"),
        said(None, 4, unit_id="g", posture="constat"),
    )
    second = [tag(unit_id, "posture", "demande", is_assigned=False, score=0.4) for unit_id in ("a", "b")]
    families = ({"family_id": name, "label": label, **dict.fromkeys(COUNTED, 1)} for name, label in (("f-1", "Venir"), ("f-2", "Produire")))
    tables["themes"] = tables["themes"].assign(parent_id=tables["themes"]["theme_id"].map({"cars": "f-1", "lait": "f-2", "haie": "f-2"}))
    built = THEME_FAMILIES.build(families)
    tables["theme_families"] = count_families(built, tables["themes"], tables["theme_members"], tables["units"])
    third = [tag("a", "posture", "constat", is_assigned=False, score=0.2)]
    return tables | {"tags": TAGS.check(pd.concat([tables["tags"], pd.DataFrame(second + third)], ignore_index=True))}


def decided(*decisions: dict[str, Any], on: dict[str, pd.DataFrame] | None = None) -> dict[str, pd.DataFrame]:
    reviewed = apply_decisions(on or machine(), taken(*decisions))
    del reviewed["decision_effects"]
    return reviewed


def effects_of(*decisions: dict[str, Any]) -> dict[int, tuple[str, str | None]]:
    """State and reason of each decision, by its number."""
    effects = apply_decisions(machine(), taken(*decisions))["decision_effects"]
    return {
        number: (state, None if pd.isna(reason) else reason)
        for number, state, reason in zip(effects["decision_id"], effects["state"], effects["reason"], strict=True)
    }


def taken(*decisions: dict[str, Any]) -> pd.DataFrame:
    """Decisions in the order given."""
    return DECISIONS.build(
        {"decision_id": place, "decided_at": "2025-01-01T00:00:00+00:00", "author": "lise"} | row
        for place, row in enumerate(decisions, start=1)
    )


def on_tag(action: str, unit_id: str, axis: str, code: str) -> dict[str, Any]:
    return {"action": f"{action}_tag", "unit_id": unit_id, "axis": axis, "code": code}


def on_theme(action: str, theme_id: str, value: str | None = None, unit_id: str | None = None) -> dict[str, Any]:
    return {"action": action, "theme_id": theme_id, "value": value, "unit_id": unit_id}


def move(unit_id: str, theme_id: str | None) -> dict[str, Any]:
    return {"action": "move_unit", "unit_id": unit_id, "value": theme_id}


def assigned(tables: dict[str, pd.DataFrame], unit_id: str, axis: str) -> str:
    """The unit's assigned codes on `axis`, as `source:code source:code`, sorted."""
    rows = tables["tags"][(tables["tags"]["unit_id"] == unit_id) & (tables["tags"]["axis"] == axis) & tables["tags"]["is_assigned"]]
    return " ".join(sorted(rows["source"] + ":" + rows["code"]))


def themes_of(tables: dict[str, pd.DataFrame]) -> dict[str, str]:
    return dict(zip(tables["theme_members"]["unit_id"], tables["theme_members"]["theme_id"], strict=True))


def theme(tables: dict[str, pd.DataFrame], theme_id: str) -> pd.Series:
    return tables["themes"].set_index("theme_id").loc[theme_id]


TAG_CASES = [
    ("accepted: the person's row joins the machine's", "accept d rubrique offre", "machine:offre person:offre"),
    ("rejected: nothing is assigned", "reject d rubrique offre", ""),
    ("added: beside the machine's", "add d rubrique accompagnement", "machine:offre person:accompagnement"),
    ("rejected then accepted: the last word counts", "reject d rubrique offre, accept d rubrique offre", "machine:offre person:offre"),
    ("added then rejected: gone", "add e rubrique offre, reject e rubrique offre", ""),
    ("another posture replaces the machine's", "accept a posture demande", "machine:demande person:demande"),
    ("a posture that was not proposed replaces the machine's", "add a posture proposition", "person:proposition"),
    ("the last posture accepted is kept", "add a posture force, accept a posture demande", "machine:demande person:demande"),
    ("a rejected posture gives way to the next best", "reject a posture difficulte", "machine:demande"),
    ("two rejected ones give way to the third", "reject a posture difficulte, reject a posture demande", "machine:constat"),
    ("the only posture proposed cannot be rejected", "reject e posture difficulte", "machine:difficulte"),
    (
        "a rejection of what was accepted before brings the machine's back",
        "add e posture force, reject e posture force",
        "machine:difficulte",
    ),
]


@pytest.mark.parametrize(("decisions", "expected"), [case[1:] for case in TAG_CASES], ids=[case[0] for case in TAG_CASES])
def test_decisions_on_codes(decisions: str, expected: str) -> None:
    words = [decision.split() for decision in decisions.split(", ")]
    _, unit_id, axis, _ = words[-1]
    reviewed = decided(*[on_tag(*decision) for decision in words])
    assert assigned(reviewed, unit_id, axis) == expected
    assert assigned(reviewed, "b", "posture") == assigned(machine(), "b", "posture")


def test_the_machines_rows_all_stay_and_a_persons_row_says_which_decision_it_comes_from() -> None:
    reviewed = decided(on_tag("reject", "d", "rubrique", "offre"))["tags"]
    key = ["unit_id", "axis", "code", "score", "evidence"]
    pd.testing.assert_frame_equal(reviewed.loc[reviewed["source"] == "machine", key], machine()["tags"][key])
    person = reviewed[reviewed["source"] == "person"]
    assert person[["unit_id", "code", "score", "is_assigned", "model_version"]].to_numpy().tolist() == [
        ["d", "offre", 0.0, False, "décision 1"]
    ]


def test_a_renamed_theme_has_its_last_name_and_nothing_else_changes() -> None:
    reviewed = decided(on_theme("rename_theme", "cars", "Les cars"), on_theme("rename_theme", "cars", "Les cars du soir"))
    assert theme(reviewed, "cars")["label"] == "Les cars du soir"
    pd.testing.assert_frame_equal(reviewed["themes"].drop(columns="label"), machine()["themes"].drop(columns="label"))
    pd.testing.assert_frame_equal(reviewed["theme_members"], machine()["theme_members"])


def test_a_merged_theme_gives_its_passages_counts_and_quotes_to_the_other() -> None:
    reviewed = decided(on_theme("merge_theme", "cars", "lait"))
    assert set(reviewed["themes"]["theme_id"]) == {"lait", "haie"}
    assert theme(reviewed, "lait")[["n_units", "n_tables", "n_workshops"]].tolist() == [5, 3, 2]
    assert json.loads(theme(reviewed, "lait")["quotes"]) == ["d", "e", "a", "b", "c"]


MERGES = [
    ("a chain ends at its last theme", [("cars", "lait"), ("lait", "haie")], {"haie"}),
    ("a chain decided backwards ends there too", [("lait", "haie"), ("cars", "lait")], {"haie"}),
    ("merged both ways, the later one stays", [("cars", "lait"), ("lait", "cars")], {"cars", "haie"}),
    ("a circle ends at the last target", [("cars", "lait"), ("lait", "haie"), ("haie", "cars")], {"cars"}),
    ("merged twice, the last target gets it", [("cars", "lait"), ("cars", "haie")], {"lait", "haie"}),
]


@pytest.mark.parametrize(("merges", "left"), [case[1:] for case in MERGES], ids=[case[0] for case in MERGES])
def test_chains_of_merges_lose_no_passage(merges: list[tuple[str, str]], left: set[str]) -> None:
    reviewed = decided(*[on_theme("merge_theme", source, target) for source, target in merges])
    assert set(reviewed["themes"]["theme_id"]) == left
    assert set(themes_of(reviewed)) == set("abcdef") and set(themes_of(reviewed).values()) == left


def test_a_rejected_theme_sets_its_passages_aside() -> None:
    reviewed = decided(on_theme("reject_theme", "cars"))
    assert set(reviewed["themes"]["theme_id"]) == {"lait", "haie"}
    assert set(themes_of(reviewed)) == set("def")


def test_a_moved_passage_changes_both_themes_counts_and_leaves_its_old_quotes() -> None:
    reviewed = decided(move("c", "lait"))
    assert theme(reviewed, "cars")[["n_units", "n_tables", "n_workshops"]].tolist() == [2, 2, 1]
    assert theme(reviewed, "lait")[["n_units", "n_tables", "n_workshops"]].tolist() == [3, 3, 2]
    assert json.loads(theme(reviewed, "cars")["quotes"]) == ["a", "b"]
    assert theme(reviewed, "haie").equals(theme(machine(), "haie"))


MOVES = [
    ("to another theme", [move("a", "lait")], "a", "lait"),
    ("aside", [move("a", None)], "a", None),
    ("from aside into a theme", [move("g", "lait")], "g", "lait"),
    ("into a theme that is merged, before or after", [move("a", "lait"), on_theme("merge_theme", "lait", "haie")], "a", "haie"),
    ("after its theme was rejected", [on_theme("reject_theme", "cars"), move("a", "lait")], "a", "lait"),
    ("twice: the last counts", [move("a", "lait"), move("a", "haie")], "a", "haie"),
    ("to a theme that is no more: stays", [move("a", "t-99")], "a", "cars"),
    ("to one that is no more, and was merged: follows it", [move("a", "t-99"), on_theme("merge_theme", "t-99", "haie")], "a", "haie"),
]


@pytest.mark.parametrize(("decisions", "unit_id", "expected"), [case[1:] for case in MOVES], ids=[case[0] for case in MOVES])
def test_moved_passages(decisions: list[dict[str, Any]], unit_id: str, expected: str | None) -> None:
    assert themes_of(decided(*decisions)).get(unit_id) == expected


def split(*unit_ids: str, theme_id: str = "cars") -> dict[str, Any]:
    return on_theme("split_theme", theme_id, json.dumps(list(unit_ids)))


def test_a_split_makes_a_theme_of_its_units_that_later_decisions_can_name() -> None:
    new = split_id(["b", "c"])
    reviewed = decided(split("c", "b"), on_theme("rename_theme", new, "Les cars de Die"), move("d", new))
    assert themes_of(reviewed) == {"a": "cars", "b": new, "c": new, "d": new, "e": "lait", "f": "haie"}
    assert theme(reviewed, new)[["label", "n_units", "n_tables", "n_workshops"]].tolist() == ["Les cars de Die", 3, 3, 2]
    assert set(json.loads(theme(reviewed, new)["quotes"])) <= {"b", "c", "d"}
    assert theme(reviewed, "cars")["n_units"] == 1


def test_a_theme_that_was_split_off_is_named_after_the_one_it_left() -> None:
    assert theme(decided(split("b")), split_id(["b"]))["label"] == "Partie de « Cars »"


def test_a_split_holds_for_the_units_that_are_left_wherever_the_machine_puts_them() -> None:
    assert themes_of(decided(split("b", "d", "z")))["d"] == split_id(["b", "d", "z"])


def test_a_split_theme_can_be_merged_away_and_a_merge_keeps_its_units() -> None:
    new = split_id(["b"])
    assert themes_of(decided(split("b"), on_theme("merge_theme", new, "lait")))["b"] == "lait"


def test_an_unpinned_quote_is_not_quoted_until_it_is_pinned_again() -> None:
    unpinned = on_theme("unpin_quote", "cars", unit_id="a")
    assert json.loads(theme(decided(unpinned), "cars")["quotes"]) == ["b", "c"]
    assert json.loads(theme(decided(unpinned, on_theme("pin_quote", "cars", unit_id="a")), "cars")["quotes"]) == ["a", "b", "c"]


GONE_UNIT = "Le passage n'existe plus : son document a changé ou a été retiré."
GONE_THEME = "Le thème n'existe plus : ses passages sont passés dans d'autres."
EFFECTS = [
    ("a rename", [on_theme("rename_theme", "cars", "Les cars")], ("appliquée", None)),
    (
        "renamed again",
        [on_theme("rename_theme", "cars", "A"), on_theme("rename_theme", "cars", "B")],
        ("remplacée", "Remplacée par une décision plus récente (n° 2)."),
    ),
    ("renamed twice alike", [on_theme("rename_theme", "cars", "A"), on_theme("rename_theme", "cars", "A")], ("appliquée", None)),
    ("a theme that is gone", [on_theme("rename_theme", "t-99", "A")], ("sans objet", GONE_THEME)),
    ("a blank name", [on_theme("rename_theme", "cars", " ")], ("sans objet", "La décision ne dit ni nom ni autre thème.")),
    ("a merge", [on_theme("merge_theme", "cars", "lait")], ("appliquée", None)),
    ("into a theme that is gone", [on_theme("merge_theme", "cars", "t-99")], ("sans objet", "Le thème d'arrivée n'existe plus.")),
    (
        "merged, then rejected",
        [on_theme("merge_theme", "cars", "lait"), on_theme("reject_theme", "cars")],
        ("remplacée", "Remplacée par une décision plus récente (n° 2)."),
    ),
    ("rejected", [on_theme("reject_theme", "cars")], ("appliquée", None)),
    ("moved", [move("a", "lait")], ("appliquée", None)),
    ("moved into a theme that is merged", [move("a", "lait"), on_theme("merge_theme", "lait", "haie")], ("appliquée", None)),
    ("set aside", [move("a", None)], ("appliquée", None)),
    ("a unit that is gone", [move("z", "lait")], ("sans objet", GONE_UNIT)),
    ("moved, then split off", [move("a", "lait"), split("a", "b")], ("remplacée", "Remplacée par une décision plus récente (n° 2).")),
    ("split", [split("a", "z")], ("appliquée", None)),
    ("split of nothing", [split("y", "z")], ("sans objet", "Aucun des passages à séparer n'existe plus.")),
    (
        "a split that does not read",
        [on_theme("split_theme", "cars", "a, b")],
        ("sans objet", "Aucun des passages à séparer n'existe plus."),
    ),
    ("pinned", [on_theme("pin_quote", "cars", unit_id="c")], ("appliquée", None)),
    ("pinned elsewhere", [on_theme("pin_quote", "cars", unit_id="d")], ("sans objet", "Le passage n'est pas dans ce thème.")),
    ("unpinned", [on_theme("unpin_quote", "cars", unit_id="a")], ("appliquée", None)),
    ("a code accepted", [on_tag("accept", "d", "rubrique", "offre")], ("appliquée", None)),
    (
        "a code accepted, then rejected",
        [on_tag("accept", "d", "rubrique", "offre"), on_tag("reject", "d", "rubrique", "offre")],
        ("remplacée", "Remplacée par une décision plus récente (n° 2)."),
    ),
    (
        "a posture replaced by another",
        [on_tag("add", "a", "posture", "force"), on_tag("accept", "a", "posture", "demande")],
        ("remplacée", "Remplacée par une décision plus récente (n° 2)."),
    ),
    (
        "the only posture rejected",
        [on_tag("reject", "e", "posture", "difficulte")],
        ("sans objet", "Aucune autre posture n'a été proposée pour ce passage."),
    ),
    ("a code on a unit that is gone", [on_tag("accept", "z", "rubrique", "offre")], ("sans objet", GONE_UNIT)),
]


@pytest.mark.parametrize(("decisions", "expected"), [case[1:] for case in EFFECTS], ids=[case[0] for case in EFFECTS])
def test_each_decision_is_applied_replaced_or_void_with_its_reason(
    decisions: list[dict[str, Any]], expected: tuple[str, str | None]
) -> None:
    assert effects_of(*decisions)[1] == expected


@pytest.mark.parametrize("seed", range(40))
def test_no_decision_is_silently_dropped(seed: int) -> None:
    decisions = random_decisions(seed)
    effects = effects_of(*decisions)
    assert list(effects) == list(range(1, len(decisions) + 1))
    for state, reason in effects.values():
        assert (reason is None) == (state == "appliquée")
    assert effects[len(decisions)][0] != "remplacée"  # the last word is nobody's to replace


def test_a_theme_without_passages_goes() -> None:
    assert "haie" not in set(decided(move("f", "cars"))["themes"]["theme_id"])


def test_pinned_quotes_come_first_the_last_pinned_before_the_others() -> None:
    reviewed = decided(on_theme("pin_quote", "cars", unit_id="c"), on_theme("pin_quote", "cars", unit_id="b"))
    assert json.loads(theme(reviewed, "cars")["quotes"]) == ["b", "c", "a"]


def test_a_pinned_passage_of_another_theme_is_not_quoted() -> None:
    reviewed = decided(on_theme("pin_quote", "cars", unit_id="d"))
    assert json.loads(theme(reviewed, "cars")["quotes"]) == ["a", "b", "c"]


GONE = [
    on_tag("accept", "z", "rubrique", "offre"),
    on_theme("rename_theme", "t-99", "Rien"),
    on_theme("merge_theme", "cars", "t-99"),
    on_theme("merge_theme", "cars", "cars"),
    on_theme("reject_theme", "t-98"),
    on_theme("pin_quote", "cars", unit_id="z"),
    move("z", "cars"),
]


def test_decisions_on_what_is_gone_are_counted_and_change_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert_same(decided(*GONE), machine())
    assert f"décisions rejouées : {len(GONE)}, dont appliquées : 0" in caplog.text


def assert_same(some: dict[str, pd.DataFrame], others: dict[str, pd.DataFrame]) -> None:
    for name, table in others.items():
        pd.testing.assert_frame_equal(some[name], table)


def random_decisions(seed: int, n_decisions: int = 25) -> list[dict[str, Any]]:
    """Any decisions on the machine's tables, some of them on things that are gone."""
    draw = random.Random(seed)
    themes, units = ["cars", "lait", "haie", "t-99"], [*"abcdefg", "z"]
    codes = [("rubrique", "offre"), ("rubrique", "enjeux.social"), ("posture", "demande"), ("posture", "force"), ("posture", "difficulte")]
    makers = [
        lambda: on_tag(draw.choice(["accept", "reject", "add"]), draw.choice(units), *draw.choice(codes)),
        lambda: on_theme("rename_theme", draw.choice(themes), draw.choice(["Un nom", "Un autre"])),
        lambda: on_theme("merge_theme", draw.choice(themes), draw.choice(themes)),
        lambda: on_theme("reject_theme", draw.choice(themes)),
        lambda: on_theme("pin_quote", draw.choice(themes), unit_id=draw.choice(units)),
        lambda: on_theme("unpin_quote", draw.choice(themes), unit_id=draw.choice(units)),
        lambda: split(*draw.sample(units, 3), theme_id=draw.choice(themes)),
        lambda: move(draw.choice(units), draw.choice([*themes, None])),
    ]
    return [draw.choice(makers)() for _ in range(n_decisions)]


def test_without_decisions_the_tables_are_the_machines() -> None:
    assert_same(decided(), machine())


@pytest.mark.parametrize("seed", range(40))
def test_replaying_over_reviewed_tables_changes_nothing(seed: int) -> None:
    decisions = random_decisions(seed)
    once = decided(*decisions)
    assert_same(decided(*decisions, on=once), once)


@pytest.mark.parametrize("seed", range(40))
def test_any_decisions_leave_one_posture_a_passage_and_themes_that_agree_with_their_members(seed: int) -> None:
    reviewed = decided(*random_decisions(seed))
    postures = reviewed["tags"][(reviewed["tags"]["axis"] == "posture") & reviewed["tags"]["is_assigned"]]
    assert postures.groupby("unit_id")["code"].nunique().reindex(list("abcdefg")).eq(1).all()
    sizes = reviewed["theme_members"].groupby("theme_id").size()
    assert sizes.to_dict() == dict(zip(reviewed["themes"]["theme_id"], reviewed["themes"]["n_units"], strict=True))
    for row in reviewed["themes"].itertuples():
        assert {themes_of(reviewed).get(unit_id) for unit_id in json.loads(row.quotes)} <= {row.theme_id}


@pytest.mark.parametrize("seed", range(20))
def test_decisions_on_different_subjects_may_come_in_any_order(seed: int) -> None:
    decisions = [
        on_tag("reject", "a", "posture", "difficulte"),
        on_tag("add", "b", "rubrique", "offre"),
        on_tag("reject", "d", "rubrique", "offre"),
        on_theme("rename_theme", "lait", "La filière lait"),
        on_theme("merge_theme", "haie", "lait"),
        on_theme("pin_quote", "lait", unit_id="f"),
        on_theme("pin_quote", "cars", unit_id="c"),
        move("a", "lait"),
        move("g", "haie"),
    ]
    shuffled = random.Random(seed).sample(decisions, len(decisions))
    some, others = decided(*decisions), decided(*shuffled)
    for tables in (some, others):
        tables["tags"] = tables["tags"].drop(columns="model_version")
    assert_same(some, others)


def test_the_inputs_are_left_as_they_were() -> None:
    tables = machine()
    decided(*random_decisions(1), on=tables)
    assert_same(tables, machine())


def test_a_store_that_does_not_exist_has_no_decisions_and_is_not_made_by_reading(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "decisions.sqlite3")
    assert store.read().empty and list(store.read().columns) == [column.name for column in DECISIONS.columns]
    assert not store.path.exists()


def test_decisions_come_back_in_order_with_their_numbers(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "decisions.sqlite3")
    first = store.append(author="lise", action="add_tag", unit_id="a", axis="rubrique", code="offre", why="cité à l'étal")
    others = store.append_all([{"author": "omar", **on_theme("merge_theme", "cars", "lait")}, {"author": "omar", **move("a", None)}])
    assert [first, *others] == [1, 2, 3]
    found = store.read()
    assert found["decision_id"].tolist() == [1, 2, 3] and found["author"].tolist() == ["lise", "omar", "omar"]
    assert found["why"][0] == "cité à l'étal" and pd.isna(found["value"][2])
    assert found["decided_at"].str.endswith("+00:00").all()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decisions SET author = 'x'",
        "DELETE FROM decisions",
        "INSERT OR REPLACE INTO decisions (decision_id, decided_at, author, action) VALUES (1, 'x', 'x', 'x')",
    ],
)
def test_the_database_itself_refuses_to_change_a_decision(tmp_path: Path, statement: str) -> None:
    store = DecisionStore(tmp_path / "decisions.sqlite3")
    store.append(author="lise", **move("a", "lait"))
    before = store.read()
    connection = sqlite3.connect(store.path)
    with pytest.raises(sqlite3.DatabaseError, match="append-only"):
        connection.execute(statement)
    connection.close()
    pd.testing.assert_frame_equal(store.read(), before)


def test_an_unknown_action_or_column_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "decisions.sqlite3")
    with pytest.raises(TableError):
        store.append_all([{"author": "lise", **move("a", "lait")}, {"author": "lise", "action": "efface"}])
    with pytest.raises(TableError):
        store.append_all([{"author": "lise", "action": "move_unit", "unite": "a"}])
    assert store.read().empty


def test_a_file_that_is_no_store_gives_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "decisions.sqlite3").write_text("notes de la table 3, rien d'une base de données" * 50, encoding="utf-8")
    with pytest.raises(StudyError, match=r"decisions\.sqlite3"):
        DecisionStore(tmp_path / "decisions.sqlite3").read()


@pytest.mark.parametrize(
    ("decision", "families", "parent"),
    [
        (None, {"Produire": 2, "Venir": 1}, "f-1"),
        ({"action": "rename_family", "theme_id": "f-1", "value": "Se déplacer"}, {"Produire": 2, "Se déplacer": 1}, "f-1"),
        ({"action": "move_theme", "theme_id": "cars", "value": "f-2"}, {"Produire": 3}, "f-2"),
        ({"action": "move_theme", "theme_id": "cars"}, {"Produire": 2}, None),
        ({"action": "merge_theme", "theme_id": "haie", "value": "cars"}, {"Produire": 1, "Venir": 1}, "f-1"),
    ],
)
def test_families_follow_what_was_decided(decision, families, parent):
    reviewed = decided(*([decision] if decision else []))
    told = reviewed["theme_families"]
    assert dict(zip(told["label"], told["n_themes"], strict=True)) == families
    parents = reviewed["themes"].set_index("theme_id")["parent_id"]
    assert (None if pd.isna(parents["cars"]) else parents["cars"]) == parent


def test_what_is_split_off_stays_in_the_family_and_the_family_is_counted_again():
    split = {"action": "split_theme", "theme_id": "cars", "value": json.dumps(["a"])}
    reviewed = decided(split, {"action": "move_theme", "theme_id": split_id(["a"]), "value": "f-2"})
    assert reviewed["themes"].set_index("theme_id")["parent_id"][split_id(["a"])] == "f-2"
    assert decided(split)["themes"].set_index("theme_id")["parent_id"][split_id(["a"])] == "f-1"
    counts = reviewed["theme_families"].set_index("family_id")["n_units"].to_dict()
    assert counts == {"f-1": 2, "f-2": 4}


@pytest.mark.parametrize(
    ("decisions", "state", "reason"),
    [
        ([{"action": "rename_family", "theme_id": "f-1", "value": "Aller"}], "appliquée", None),
        ([{"action": "rename_family", "theme_id": "f-9", "value": "Aller"}], "sans objet", "La famille n'existe plus"),
        (
            [{"action": "rename_family", "theme_id": "f-1", "value": name} for name in ("Aller", "Partir")],
            "remplacée",
            "Remplacée par une décision plus récente (n° 2).",
        ),
        ([{"action": "move_theme", "theme_id": "cars", "value": "f-2"}], "appliquée", None),
        ([{"action": "move_theme", "theme_id": "cars", "value": "f-9"}], "sans objet", "La famille d'arrivée n'existe plus."),
        (
            [{"action": "move_theme", "theme_id": "cars", "value": "f-2"}, {"action": "reject_theme", "theme_id": "cars"}],
            "sans objet",
            "Une autre décision a réuni ou écarté ce thème.",
        ),
        (
            [
                {"action": "rename_family", "theme_id": "f-1", "value": "Aller"},
                {"action": "move_theme", "theme_id": "cars", "value": "f-2"},
            ],
            "sans objet",
            "La famille n'a plus de thème",
        ),
    ],
)
def test_a_decision_on_families_holds_or_says_why_not(decisions, state, reason):
    found = effects_of(*decisions)[1]
    assert found[0] == state
    assert (found[1] or "").startswith(reason or "")
    assert (found[1] is None) == (reason is None)

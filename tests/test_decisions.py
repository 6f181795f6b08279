"""Decisions: each action alone, the rules that hold for any sequence, and a store that only grows."""

import json
import logging
import random
from typing import Any

import pandas as pd
import pytest

from pipeline.counting import count_families, with_circles
from pipeline.decisions import active_decisions, apply_decisions, idle_sentence, read_decisions
from pipeline.decisions.following import moved_to
from pipeline.decisions.grounds import note_grounds, note_passages
from pipeline.decisions.kinds import saved_weightings, weights_in_use
from pipeline.decisions.replay import left_proposals
from pipeline.decisions.spans import CodeSpan
from pipeline.decisions.tags import coded_units, confirmed_units, judged_units, words_in_order
from pipeline.decisions.themes import made_family_id, split_id
from pipeline.review import state as review_state
from pipeline.review.snapshot import Snapshot
from pipeline.settings.sections import RankSettings
from pipeline.tables.material import DECISION_EFFECTS, DECISION_GROUNDS, DECISIONS, TAGS
from pipeline.tables.results import MERGE_PROPOSALS, THEME_FAMILIES
from support.decisions import confirmation, sign_off, weighting_value
from support.draws import seeds
from support.invented import DIE, said, study, tag

COUNTED = ("n_themes", "n_units", "n_tables", "n_workshops")
SEEDS = seeds(40)  # of decisions drawn at random


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
    second = [
        tag(unit_id, "posture", "demande", is_assigned=False, score=0.4) for unit_id in ("a", "b")
    ]
    families = (
        {"family_id": name, "label": label, **dict.fromkeys(COUNTED, 1)}
        for name, label in (("f-1", "Venir"), ("f-2", "Produire"))
    )
    tables["themes"] = tables["themes"].assign(
        parent_id=tables["themes"]["theme_id"].map({"cars": "f-1", "lait": "f-2", "haie": "f-2"})
    )
    built = THEME_FAMILIES.build(families)
    tables["theme_families"] = count_families(
        built, tables["themes"], tables["theme_members"], with_circles(tables["units"])
    )
    third = [tag("a", "posture", "constat", is_assigned=False, score=0.2)]
    return tables | {
        "tags": TAGS.check(
            pd.concat([tables["tags"], pd.DataFrame(second + third)], ignore_index=True)
        )
    }


def decided(
    *decisions: dict[str, Any], on: dict[str, pd.DataFrame] | None = None
) -> dict[str, pd.DataFrame]:
    reviewed = apply_decisions(on or machine(), taken(*decisions))
    del reviewed["decision_effects"]
    return reviewed


def effects_of(*decisions: dict[str, Any]) -> dict[int, tuple[str, str | None]]:
    """State and reason of each decision, by its number."""
    effects = apply_decisions(machine(), taken(*decisions))["decision_effects"]
    return {
        number: (state, None if pd.isna(reason) else reason)
        for number, state, reason in zip(
            effects["decision_id"], effects["state"], effects["reason"], strict=True
        )
    }


def taken(*decisions: dict[str, Any]) -> pd.DataFrame:
    """Decisions in the order given."""
    return DECISIONS.build(
        {"decision_id": place, "decided_at": "2025-01-01T00:00:00+00:00", "author": "lise"} | row
        for place, row in enumerate(decisions, start=1)
    )


def on_tag(action: str, unit_id: str, axis: str, code: str) -> dict[str, Any]:
    return {"action": f"{action}_tag", "unit_id": unit_id, "axis": axis, "code": code}


def on_theme(
    action: str, theme_id: str, value: str | None = None, unit_id: str | None = None
) -> dict[str, Any]:
    return {"action": action, "theme_id": theme_id, "value": value, "unit_id": unit_id}


def undo(number: int) -> dict[str, Any]:
    return {"action": "undo", "value": str(number)}


def confirm(unit_id: str, *codes: tuple[str, str]) -> dict[str, Any]:
    return {"action": "confirm_unit", "unit_id": unit_id, "value": confirmation(codes)}


def move(unit_id: str, theme_id: str | None) -> dict[str, Any]:
    return {"action": "move_unit", "unit_id": unit_id, "value": theme_id}


def assigned(tables: dict[str, pd.DataFrame], unit_id: str, axis: str) -> str:
    """The unit's assigned codes on `axis`, as `source:code source:code`, sorted."""
    rows = tables["tags"][
        (tables["tags"]["unit_id"] == unit_id)
        & (tables["tags"]["axis"] == axis)
        & tables["tags"]["is_assigned"]
    ]
    return " ".join(sorted(rows["source"] + ":" + rows["code"]))


def themes_of(tables: dict[str, pd.DataFrame]) -> dict[str, str]:
    return dict(
        zip(tables["theme_members"]["unit_id"], tables["theme_members"]["theme_id"], strict=True)
    )


def theme(tables: dict[str, pd.DataFrame], theme_id: str) -> pd.Series:
    return tables["themes"].set_index("theme_id").loc[theme_id]


TAG_CASES = [
    (
        "accepted: the person's row joins the machine's",
        "accept d rubrique offre",
        "machine:offre person:offre",
    ),
    ("rejected: nothing is assigned", "reject d rubrique offre", ""),
    (
        "added: beside the machine's",
        "add d rubrique accompagnement",
        "machine:offre person:accompagnement",
    ),
    (
        "rejected then accepted: the last word counts",
        "reject d rubrique offre, accept d rubrique offre",
        "machine:offre person:offre",
    ),
    ("added then rejected: gone", "add e rubrique offre, reject e rubrique offre", ""),
    (
        "another posture replaces the machine's",
        "accept a posture demande",
        "machine:demande person:demande",
    ),
    (
        "a posture that was not proposed replaces the machine's",
        "add a posture proposition",
        "person:proposition",
    ),
    (
        "the last posture accepted is kept",
        "add a posture force, accept a posture demande",
        "machine:demande person:demande",
    ),
    (
        "a rejected posture gives way to the next best",
        "reject a posture difficulte",
        "machine:demande",
    ),
    (
        "two rejected ones give way to the third",
        "reject a posture difficulte, reject a posture demande",
        "machine:constat",
    ),
    (
        "the only posture proposed cannot be rejected",
        "reject e posture difficulte",
        "machine:difficulte",
    ),
    (
        "a rejection of what was accepted before brings the machine's back",
        "add e posture force, reject e posture force",
        "machine:difficulte",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("decisions", "expected"), [case[1:] for case in TAG_CASES], ids=[case[0] for case in TAG_CASES]
)
def test_decisions_on_codes(decisions: str, expected: str) -> None:
    words = [decision.split() for decision in decisions.split(", ")]
    _, unit_id, axis, _ = words[-1]
    reviewed = decided(*[on_tag(*decision) for decision in words])
    assert assigned(reviewed, unit_id, axis) == expected
    assert assigned(reviewed, "b", "posture") == assigned(machine(), "b", "posture")


def test_the_machines_rows_all_stay_and_a_persons_row_says_which_decision_it_comes_from() -> None:
    reviewed = decided(on_tag("reject", "d", "rubrique", "offre"))["tags"]
    key = ["unit_id", "axis", "code", "score", "evidence"]
    pd.testing.assert_frame_equal(
        reviewed.loc[reviewed["source"] == "machine", key], machine()["tags"][key]
    )
    person = reviewed[reviewed["source"] == "person"]
    assert person[
        ["unit_id", "code", "score", "is_assigned", "model_version"]
    ].to_numpy().tolist() == [["d", "offre", 0.0, False, "décision 1"]]


def test_a_renamed_theme_has_its_last_name_and_nothing_else_changes() -> None:
    reviewed = decided(
        on_theme("rename_theme", "cars", "Les cars"),
        on_theme("rename_theme", "cars", "Les cars du soir"),
    )
    assert theme(reviewed, "cars")[["label", "name_source"]].tolist() == [
        "Les cars du soir",
        "person",
    ]
    names = ["label", "name_source"]
    pd.testing.assert_frame_equal(
        reviewed["themes"].drop(columns=names), machine()["themes"].drop(columns=names)
    )
    pd.testing.assert_frame_equal(reviewed["theme_members"], machine()["theme_members"])


def test_a_merged_theme_gives_its_passages_counts_and_quotes_to_the_other() -> None:
    reviewed = decided(on_theme("merge_theme", "cars", "lait"))
    assert set(reviewed["themes"]["theme_id"]) == {"lait", "haie"}
    assert theme(reviewed, "lait")[["n_units", "n_tables", "n_workshops"]].tolist() == [5, 3, 2]
    assert json.loads(theme(reviewed, "lait")["quotes"]) == ["d", "e", "a", "b", "c"]


MERGES = [
    ("a chain ends at its last theme", [("cars", "lait"), ("lait", "haie")], {"haie"}),
    ("a chain decided backwards ends there too", [("lait", "haie"), ("cars", "lait")], {"haie"}),
    (
        "merged both ways, the later one stays",
        [("cars", "lait"), ("lait", "cars")],
        {"cars", "haie"},
    ),
    (
        "a circle ends at the last target",
        [("cars", "lait"), ("lait", "haie"), ("haie", "cars")],
        {"cars"},
    ),
    (
        "merged twice, the last target gets it",
        [("cars", "lait"), ("cars", "haie")],
        {"lait", "haie"},
    ),
]


@pytest.mark.parametrize(
    ("merges", "left"), [case[1:] for case in MERGES], ids=[case[0] for case in MERGES]
)
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
    (
        "into a theme that is merged, before or after",
        [move("a", "lait"), on_theme("merge_theme", "lait", "haie")],
        "a",
        "haie",
    ),
    (
        "after its theme was rejected",
        [on_theme("reject_theme", "cars"), move("a", "lait")],
        "a",
        "lait",
    ),
    ("twice: the last counts", [move("a", "lait"), move("a", "haie")], "a", "haie"),
    ("to a theme that is no more: stays", [move("a", "t-99")], "a", "cars"),
    (
        "to one that is no more, and was merged: follows it",
        [move("a", "t-99"), on_theme("merge_theme", "t-99", "haie")],
        "a",
        "haie",
    ),
]


@pytest.mark.parametrize(
    ("decisions", "unit_id", "expected"),
    [case[1:] for case in MOVES],
    ids=[case[0] for case in MOVES],
)
def test_moved_passages(
    decisions: list[dict[str, Any]], unit_id: str, expected: str | None
) -> None:
    assert themes_of(decided(*decisions)).get(unit_id) == expected


def split(*unit_ids: str, theme_id: str = "cars") -> dict[str, Any]:
    return on_theme("split_theme", theme_id, json.dumps(list(unit_ids)))


def test_a_split_makes_a_theme_of_its_units_that_later_decisions_can_name() -> None:
    new = split_id(["b", "c"])
    reviewed = decided(
        split("c", "b"), on_theme("rename_theme", new, "Les cars de Die"), move("d", new)
    )
    assert themes_of(reviewed) == {
        "a": "cars",
        "b": new,
        "c": new,
        "d": new,
        "e": "lait",
        "f": "haie",
    }
    assert theme(reviewed, new)[["label", "n_units", "n_tables", "n_workshops"]].tolist() == [
        "Les cars de Die",
        3,
        3,
        2,
    ]
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
    assert json.loads(
        theme(decided(unpinned, on_theme("pin_quote", "cars", unit_id="a")), "cars")["quotes"]
    ) == ["a", "b", "c"]


GONE_UNIT = "Le passage n'existe plus : son document a changé ou a été retiré."
GONE_THEME = "Le thème n'existe plus : ses passages sont passés dans d'autres."
EFFECTS = [
    ("a rename", [on_theme("rename_theme", "cars", "Les cars")], ("appliquée", None)),
    (
        "renamed again",
        [on_theme("rename_theme", "cars", "A"), on_theme("rename_theme", "cars", "B")],
        ("remplacée", "Remplacée par une décision plus récente (n° 2)."),
    ),
    (
        "renamed twice alike",
        [on_theme("rename_theme", "cars", "A"), on_theme("rename_theme", "cars", "A")],
        ("appliquée", None),
    ),
    ("a theme that is gone", [on_theme("rename_theme", "t-99", "A")], ("sans objet", GONE_THEME)),
    (
        "a blank name",
        [on_theme("rename_theme", "cars", " ")],
        ("sans objet", "La décision ne dit ni nom ni autre thème."),
    ),
    ("a merge", [on_theme("merge_theme", "cars", "lait")], ("appliquée", None)),
    (
        "into a theme that is gone",
        [on_theme("merge_theme", "cars", "t-99")],
        ("sans objet", "Le thème d'arrivée n'existe plus."),
    ),
    (
        "merged, then rejected",
        [on_theme("merge_theme", "cars", "lait"), on_theme("reject_theme", "cars")],
        ("remplacée", "Remplacée par une décision plus récente (n° 2)."),
    ),
    ("rejected", [on_theme("reject_theme", "cars")], ("appliquée", None)),
    ("moved", [move("a", "lait")], ("appliquée", None)),
    (
        "moved into a theme that is merged",
        [move("a", "lait"), on_theme("merge_theme", "lait", "haie")],
        ("appliquée", None),
    ),
    ("set aside", [move("a", None)], ("appliquée", None)),
    ("a unit that is gone", [move("z", "lait")], ("sans objet", GONE_UNIT)),
    (
        "moved, then split off",
        [move("a", "lait"), split("a", "b")],
        ("remplacée", "Remplacée par une décision plus récente (n° 2)."),
    ),
    ("split", [split("a", "z")], ("appliquée", None)),
    (
        "split of nothing",
        [split("y", "z")],
        ("sans objet", "Aucun des passages à séparer n'existe plus."),
    ),
    (
        "a split that does not read",
        [on_theme("split_theme", "cars", "a, b")],
        ("sans objet", "Aucun des passages à séparer n'existe plus."),
    ),
    ("pinned", [on_theme("pin_quote", "cars", unit_id="c")], ("appliquée", None)),
    (
        "pinned elsewhere",
        [on_theme("pin_quote", "cars", unit_id="d")],
        ("sans objet", "Le passage n'est pas dans ce thème."),
    ),
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
    (
        "a code on a unit that is gone",
        [on_tag("accept", "z", "rubrique", "offre")],
        ("sans objet", GONE_UNIT),
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("decisions", "expected"), [case[1:] for case in EFFECTS], ids=[case[0] for case in EFFECTS]
)
def test_each_decision_is_applied_replaced_or_void_with_its_reason(
    decisions: list[dict[str, Any]], expected: tuple[str, str | None]
) -> None:
    assert effects_of(*decisions)[1] == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_no_decision_is_silently_dropped(seed: int) -> None:
    decisions = random_decisions(seed)
    effects = effects_of(*decisions)
    assert list(effects) == list(range(1, len(decisions) + 1))
    for state, reason in effects.values():
        assert (reason is None) == (state == "appliquée")
    assert effects[len(decisions)][0] not in (
        "remplacée",
        "annulée",
    )  # the last word is nobody's to replace


def test_a_theme_without_passages_goes() -> None:
    assert "haie" not in set(decided(move("f", "cars"))["themes"]["theme_id"])


def test_pinned_quotes_come_first_the_last_pinned_before_the_others() -> None:
    reviewed = decided(
        on_theme("pin_quote", "cars", unit_id="c"), on_theme("pin_quote", "cars", unit_id="b")
    )
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


def test_decisions_on_what_is_gone_are_counted_and_change_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
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
    codes = [
        ("rubrique", "offre"),
        ("rubrique", "enjeux.social"),
        ("posture", "demande"),
        ("posture", "force"),
        ("posture", "difficulte"),
    ]
    makers = [
        lambda: on_tag(
            draw.choice(["accept", "reject", "add"]), draw.choice(units), *draw.choice(codes)
        ),
        lambda: on_theme("rename_theme", draw.choice(themes), draw.choice(["Un nom", "Un autre"])),
        lambda: on_theme("merge_theme", draw.choice(themes), draw.choice(themes)),
        lambda: on_theme("reject_theme", draw.choice(themes)),
        lambda: on_theme("pin_quote", draw.choice(themes), unit_id=draw.choice(units)),
        lambda: on_theme("unpin_quote", draw.choice(themes), unit_id=draw.choice(units)),
        lambda: split(*draw.sample(units, 3), theme_id=draw.choice(themes)),
        lambda: move(draw.choice(units), draw.choice([*themes, None])),
        lambda: on_theme(
            "describe_theme",
            draw.choice(themes),
            draw.choice(["Ce que les cars changent", "Le soir"]),
        ),
        lambda: on_theme("keep_apart", *draw.sample(themes, 2)),
        lambda: sign_off(draw.choice(themes), draw.sample(units, 3), draw.sample(units, 2)),
        lambda: confirm(draw.choice(units), *draw.sample(codes, draw.randint(0, 2))),
        lambda: undo(draw.randint(1, n_decisions)),
        lambda: {
            "action": "save_weighting",
            "value": weighting_value(draw.choice("AB"), {draw.choice(["tables", "humeur"]): 1}),
        },
        lambda: {"action": "use_weighting", "value": draw.choice(["A", "B", None])},
    ]
    return [draw.choice(makers)() for _ in range(n_decisions)]


def test_without_decisions_the_tables_are_the_machines() -> None:
    assert_same(decided(), machine())


@pytest.mark.parametrize("seed", SEEDS)
def test_replaying_over_reviewed_tables_changes_nothing(seed: int) -> None:
    decisions = random_decisions(seed)
    once = decided(*decisions)
    assert_same(decided(*decisions, on=once), once)


@pytest.mark.parametrize("seed", SEEDS)
def test_any_decisions_leave_one_posture_a_passage_and_themes_that_agree_with_their_members(
    seed: int,
) -> None:
    decisions = random_decisions(seed)
    reviewed = decided(*decisions)
    postures = reviewed["tags"][
        (reviewed["tags"]["axis"] == "posture") & reviewed["tags"]["is_assigned"]
    ]
    counts = postures.groupby("unit_id")["code"].nunique().reindex(list("abcdefg"), fill_value=0)
    assert counts.le(1).all()
    assert set(counts.index[counts == 0]) <= confirmed_units(active_decisions(taken(*decisions)))
    sizes = reviewed["theme_members"].groupby("theme_id").size()
    assert sizes.to_dict() == dict(
        zip(reviewed["themes"]["theme_id"], reviewed["themes"]["n_units"], strict=True)
    )
    for row in reviewed["themes"].itertuples():
        assert {themes_of(reviewed).get(unit_id) for unit_id in json.loads(row.quotes)} <= {
            row.theme_id
        }


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(20))
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


@pytest.mark.parametrize(
    ("decision", "families", "parent"),
    [
        (None, {"Produire": 2, "Venir": 1}, "f-1"),
        (
            {"action": "rename_family", "theme_id": "f-1", "value": "Se déplacer"},
            {"Produire": 2, "Se déplacer": 1},
            "f-1",
        ),
        ({"action": "move_theme", "theme_id": "cars", "value": "f-2"}, {"Produire": 3}, "f-2"),
        ({"action": "move_theme", "theme_id": "cars"}, {"Produire": 2}, None),
        (
            {"action": "merge_theme", "theme_id": "haie", "value": "cars"},
            {"Produire": 1, "Venir": 1},
            "f-1",
        ),
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
        (
            [{"action": "rename_family", "theme_id": "f-9", "value": "Aller"}],
            "sans objet",
            "La famille n'existe plus",
        ),
        (
            [
                {"action": "rename_family", "theme_id": "f-1", "value": name}
                for name in ("Aller", "Partir")
            ],
            "remplacée",
            "Remplacée par une décision plus récente (n° 2).",
        ),
        ([{"action": "move_theme", "theme_id": "cars", "value": "f-2"}], "appliquée", None),
        (
            [{"action": "move_theme", "theme_id": "cars", "value": "f-9"}],
            "sans objet",
            "La famille d'arrivée n'existe plus.",
        ),
        (
            [
                {"action": "move_theme", "theme_id": "cars", "value": "f-2"},
                {"action": "reject_theme", "theme_id": "cars"},
            ],
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


OFFRE, SOCIAL, DEMANDE, DIFFICULTE = (
    ("rubrique", "offre"),
    ("rubrique", "enjeux.social"),
    ("posture", "demande"),
    ("posture", "difficulte"),
)

ACTIVE = [
    ("nothing undone", [move("a", None), move("b", None)], [1, 2]),
    ("undone", [move("a", None), undo(1)], []),
    ("undone, then that undone", [move("a", None), undo(1), undo(2)], [1]),
    ("an undoing undone twice stays undone", [move("a", None), undo(1), undo(2), undo(2)], [1]),
    ("an undoing undone, and that undone", [move("a", None), undo(1), undo(2), undo(3)], []),
    ("undone twice, one of them undone", [move("a", None), undo(1), undo(1), undo(3)], []),
    ("another one is left", [move("a", None), move("b", None), undo(1)], [2]),
    ("of what does not exist", [move("a", None), undo(9)], [1]),
    ("of what comes later", [undo(2), move("a", None)], [2]),
    ("of itself", [undo(1), move("a", None)], [2]),
    (
        "that names nothing",
        [move("a", None), {"action": "undo", "value": "la première"}, {"action": "undo"}],
        [1],
    ),
]


@pytest.mark.parametrize(
    ("decisions", "left"), [case[1:] for case in ACTIVE], ids=[case[0] for case in ACTIVE]
)
def test_which_decisions_are_active_once_some_are_undone(
    decisions: list[dict[str, Any]], left: list[int]
) -> None:
    active = active_decisions(taken(*decisions))
    assert [decision.decision_id for decision in active] == left
    assert active_decisions(active) == active


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_undoing_everything_gives_the_machines_tables_and_undoing_that_gives_all_back(
    seed: int,
) -> None:
    decisions = [decision for decision in random_decisions(seed) if decision["action"] != "undo"]
    n = len(decisions)
    undone = [undo(number) for number in range(1, n + 1)]
    assert_same(decided(*decisions, *undone), machine())
    again = [undo(n + number) for number in range(1, n + 1)]
    assert_same(decided(*decisions, *undone, *again), decided(*decisions))


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_an_undone_decision_is_as_if_it_had_never_been_taken(seed: int) -> None:
    decisions = random_decisions(seed)
    place = random.Random(seed).randrange(len(decisions))
    ordered = taken(*decisions, undo(place + 1))
    without = ordered[~ordered["decision_id"].isin([place + 1, len(ordered)])]
    with_it, never = (apply_decisions(machine(), some) for some in (ordered, without))
    assert_same(
        with_it, {name: table for name, table in never.items() if name != "decision_effects"}
    )


CONFIRMED = [
    (
        "all that the machine put: it stays",
        [confirm("d", OFFRE, DIFFICULTE)],
        {"offre", "difficulte"},
    ),
    ("a code less", [confirm("d", DIFFICULTE)], {"difficulte"}),
    ("another code", [confirm("d", SOCIAL, DIFFICULTE)], {"enjeux.social", "difficulte"}),
    ("no code at all, not even a posture", [confirm("d")], set()),
    (
        "what somebody added before is refused",
        [on_tag("add", "d", "rubrique", "accompagnement"), confirm("d", OFFRE)],
        {"offre"},
    ),
    (
        "what somebody refused before is put",
        [on_tag("reject", "d", "rubrique", "offre"), confirm("d", OFFRE)],
        {"offre"},
    ),
    (
        "a code added later is kept",
        [confirm("d", OFFRE), on_tag("add", "d", *SOCIAL)],
        {"offre", "enjeux.social"},
    ),
    (
        "a code refused later goes",
        [confirm("d", OFFRE, DIFFICULTE), on_tag("reject", "d", *OFFRE)],
        {"difficulte"},
    ),
    (
        "a posture refused later leaves none",
        [confirm("d", DIFFICULTE), on_tag("reject", "d", *DIFFICULTE)],
        set(),
    ),
    ("a posture put later", [confirm("d"), on_tag("add", "d", *DEMANDE)], {"demande"}),
    ("confirmed twice: the last counts", [confirm("d", SOCIAL), confirm("d", OFFRE)], {"offre"}),
    ("confirmed, then undone", [confirm("d"), undo(1)], {"offre", "difficulte"}),
    (
        "what does not read changes nothing",
        [{"action": "confirm_unit", "unit_id": "d", "value": "offre"}],
        {"offre", "difficulte"},
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("decisions", "codes"), [case[1:] for case in CONFIRMED], ids=[case[0] for case in CONFIRMED]
)
def test_a_confirmed_passage_bears_the_codes_listed_and_no_other(
    decisions: list[dict[str, Any]], codes: set[str]
) -> None:
    tags = decided(*decisions)["tags"]
    assert set(tags.loc[(tags["unit_id"] == "d") & tags["is_assigned"], "code"]) == codes
    others = tags[tags["unit_id"] != "d"].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        others, machine()["tags"].query("unit_id != 'd'").reset_index(drop=True)
    )


def test_a_retrained_machine_does_not_change_a_confirmed_passage() -> None:
    retrained = machine()
    new = pd.DataFrame(
        [
            tag("d", "rubrique", "opportunites"),
            tag("d", "pilier", "emploi"),
            tag("d", "posture", "force", is_assigned=False),
        ]
    )
    retrained["tags"] = TAGS.check(pd.concat([retrained["tags"], new], ignore_index=True))
    for codes in ((OFFRE, DIFFICULTE), ()):
        tags = decided(confirm("d", *codes), on=retrained)["tags"]
        mine = tags[(tags["unit_id"] == "d") & tags["is_assigned"]]
        assert set(mine[["axis", "code"]].itertuples(index=False, name=None)) == set(codes)


def test_a_confirmed_passage_is_judged_whether_or_not_it_bears_a_code() -> None:
    decisions = active_decisions(
        taken(
            confirm("d", OFFRE),
            confirm("f"),
            on_tag("reject", "a", *DIFFICULTE),
            confirm("g"),
            undo(4),
        )
    )
    assert judged_units(decisions) == {"a", "d", "f"} and confirmed_units(decisions) == {"d", "f"}
    words = words_in_order(decisions, machine()["tags"])
    assert [(row.decision_id, row.unit_id, code[1], stays) for row, code, stays in words] == [
        (1, "d", "offre", True),
        (1, "d", "difficulte", False),
        (2, "f", "difficulte", False),
        (3, "a", "difficulte", False),
    ]


CODED: list[tuple[str, list[tuple[str, str, tuple[str, str]]], bool]] = [
    ("one of two refused, and left", [("Ana", "reject", OFFRE)], False),
    ("one of two accepted, and left", [("Ana", "accept", OFFRE)], False),
    ("another added, and left", [("Ana", "add", ("pilier", "emploi"))], False),
    (
        "both refused, and left: nobody said that it bears none",
        [("Ana", "reject", OFFRE), ("Ana", "reject", DIFFICULTE)],
        False,
    ),
    ("a word on each, one stays", [("Ana", "reject", OFFRE), ("Ana", "accept", DIFFICULTE)], True),
    (
        "another posture is a word on the first",
        [("Ana", "accept", OFFRE), ("Ana", "add", ("posture", "force"))],
        True,
    ),
    (
        "a word on each, by two people",
        [("Ana", "reject", OFFRE), ("Bob", "accept", DIFFICULTE)],
        False,
    ),
    ("refused, then confirmed", [("Ana", "reject", OFFRE), ("Ana", "confirm", DIFFICULTE)], True),
    ("confirmed, then one refused", [("Ana", "confirm", OFFRE), ("Ana", "reject", OFFRE)], True),
    ("somebody else confirmed", [("Ana", "reject", OFFRE), ("Bob", "confirm", OFFRE)], False),
]


@pytest.mark.parametrize(
    ("said", "is_coded"), [case[1:] for case in CODED], ids=[case[0] for case in CODED]
)
def test_a_passage_is_coded_once_one_person_told_all_its_codes(
    said: list[tuple[str, str, tuple[str, str]]], is_coded: bool
) -> None:
    rows = [
        confirm("d", code) if verb == "confirm" else on_tag(verb, "d", *code)
        for _author, verb, code in said
    ]
    decisions = taken(
        *(row | {"author": author} for row, (author, _verb, _code) in zip(rows, said, strict=True))
    )
    tags = machine()["tags"]  # of d: offre and difficulte
    assert (
        "d"
        in coded_units(active_decisions(decisions), tags, exclusive=("posture",)).get("Ana", set())
    ) is is_coded
    undone = taken(
        *(row | {"author": author} for row, (author, *_) in zip(rows, said, strict=True)),
        undo(len(rows)),
    )
    is_by_confirmation = is_coded and said[-1][1] != "confirm" and said[0][1] == "confirm"
    assert (
        "d" in coded_units(active_decisions(undone), tags, exclusive=("posture",)).get("Ana", set())
    ) is is_by_confirmation


def test_a_described_theme_has_its_last_description_and_nothing_else_changes() -> None:
    reviewed = decided(
        on_theme("describe_theme", "cars", "Venir"),
        on_theme("describe_theme", "cars", "Venir le soir, sans voiture"),
    )
    assert theme(reviewed, "cars")["description"] == "Venir le soir, sans voiture"
    pd.testing.assert_frame_equal(
        reviewed["themes"].drop(columns="description"),
        machine()["themes"].drop(columns="description"),
    )


@pytest.mark.parametrize(
    ("decisions", "left"),
    [
        ([], [("cars", "lait"), ("haie", "lait")]),
        ([on_theme("keep_apart", "cars", "lait")], [("haie", "lait")]),
        ([on_theme("keep_apart", "lait", "cars")], [("haie", "lait")]),
        ([on_theme("keep_apart", "cars", "haie")], [("cars", "lait"), ("haie", "lait")]),
        ([on_theme("keep_apart", "cars", "lait"), undo(1)], [("cars", "lait"), ("haie", "lait")]),
        ([on_theme("merge_theme", "haie", "lait")], [("cars", "lait")]),
    ],
)
def test_a_merge_proposal_that_was_refused_is_not_made_again(
    decisions: list[dict[str, Any]], left: list[tuple[str, str]]
) -> None:
    pairs = [("cars", "lait"), ("haie", "lait")]
    proposals = MERGE_PROPOSALS.build(
        {
            "theme_id": one,
            "other_theme_id": other,
            "cosine": 0.9,
            "overlap": 0.5,
            "sentence": "Se ressemblent.",
        }
        for one, other in pairs
    )
    found = left_proposals(
        proposals, decided(*decisions)["themes"], active_decisions(taken(*decisions))
    )
    assert list(found[["theme_id", "other_theme_id"]].itertuples(index=False, name=None)) == left
    assert list(left_proposals(proposals.iloc[:0], machine()["themes"], []).columns) == list(
        proposals.columns
    )


def save(name: str, **weights: Any) -> dict[str, Any]:
    return {"action": "save_weighting", "value": weighting_value(name, weights)}


def use(name: str | None) -> dict[str, Any]:
    return {"action": "use_weighting", "value": name}


WEIGHTINGS = [
    ("saved, not used", [save("Élus", need=1)], ""),
    ("used", [save("Élus", need=1), use("Élus")], "Élus"),
    (
        "the last one used",
        [save("Élus", need=1), save("Réseaux", tables=1), use("Réseaux"), use("Élus")],
        "Élus",
    ),
    ("used before it was saved", [use("Élus"), save("Élus", need=1)], "Élus"),
    ("back to the study's own", [save("Élus", need=1), use("Élus"), use(None)], ""),
    ("its saving undone", [save("Élus", need=1), use("Élus"), undo(1)], ""),
    (
        "its use undone",
        [save("Élus", need=1), save("Réseaux", tables=1), use("Réseaux"), use("Élus"), undo(4)],
        "Réseaux",
    ),
    (
        "one that does not exist changes nothing",
        [save("Élus", need=1), use("Élus"), use("Réseau")],
        "Élus",
    ),
    ("an unknown criterion", [save("Élus", humeur=1), use("Élus")], ""),
    ("no weight above 0", [save("Élus", need=0), use("Élus")], ""),
    ("a weight below 0", [save("Élus", need=-1), use("Élus")], ""),
    ("no number", [save("Élus", need="fort"), use("Élus")], ""),
    ("no name", [save(" ", need=1), use(" ")], ""),
    ("what does not read", [{"action": "save_weighting", "value": "Élus"}, use("Élus")], ""),
]


@pytest.mark.parametrize(
    ("decisions", "name"), [case[1:] for case in WEIGHTINGS], ids=[case[0] for case in WEIGHTINGS]
)
def test_the_weighting_in_use_is_the_last_chosen_that_exists(
    decisions: list[dict[str, Any]], name: str
) -> None:
    settings = RankSettings()
    found = weights_in_use(active_decisions(taken(*decisions)), settings)
    assert found.name == name
    assert found.weights.need == (1.0 if name == "Élus" else 0.0 if name else settings.weights.need)
    assert (found.weights == settings.weights) == (not name)


def test_a_weighting_saved_again_has_its_last_weights_and_author() -> None:
    decisions = taken(
        save("Élus", need=1), save("Élus", tables=2, need=1) | {"author": "omar"}, use("Élus")
    )
    (found,) = saved_weightings(active_decisions(decisions)).values()
    assert (found.author, found.decision_id, found.weights.tables, found.weights.late) == (
        "omar",
        2,
        2.0,
        0.0,
    )


MORE_EFFECTS = [
    (
        "undone",
        [move("a", "lait"), undo(1)],
        {1: "annulée", 2: "appliquée"},
        "Annulée par la décision n° 2.",
    ),
    (
        "undone and back",
        [move("a", "lait"), undo(1), undo(2)],
        {1: "appliquée", 2: "annulée", 3: "appliquée"},
        None,
    ),
    ("an undoing of nothing", [undo(7)], {1: "sans objet"}, "La décision à annuler n'existe pas."),
    (
        "what was replaced holds again once the later one is undone",
        [on_theme("rename_theme", "cars", "A"), on_theme("rename_theme", "cars", "B"), undo(2)],
        {1: "appliquée", 2: "annulée"},
        None,
    ),
    ("confirmed", [confirm("d", OFFRE)], {1: "appliquée"}, None),
    (
        "confirmed, then a code added",
        [confirm("d", OFFRE), on_tag("add", "d", *SOCIAL)],
        {1: "remplacée", 2: "appliquée"},
        "Remplacée",
    ),
    (
        "a code added, then others confirmed",
        [on_tag("add", "d", *SOCIAL), confirm("d", OFFRE)],
        {1: "remplacée"},
        "Remplacée",
    ),
    (
        "a code added, then confirmed",
        [on_tag("add", "d", *SOCIAL), confirm("d", SOCIAL)],
        {1: "appliquée", 2: "appliquée"},
        None,
    ),
    ("confirmed of a unit that is gone", [confirm("z")], {1: "sans objet"}, GONE_UNIT),
    (
        "a confirmation that does not read",
        [{"action": "confirm_unit", "unit_id": "d"}],
        {1: "sans objet"},
        "La décision ne dit pas la liste",
    ),
    (
        "two postures confirmed",
        [confirm("d", DEMANDE, DIFFICULTE)],
        {1: "sans objet"},
        "La liste donne plusieurs codes",
    ),
    (
        "an axis that the grid lost",
        [confirm("d", OFFRE, ("saison", "hiver"))],
        {1: "appliquée"},
        None,
    ),
    ("kept apart", [on_theme("keep_apart", "cars", "lait")], {1: "appliquée"}, None),
    (
        "kept apart, then merged all the same",
        [on_theme("keep_apart", "cars", "lait"), on_theme("merge_theme", "cars", "lait")],
        {1: "sans objet", 2: "appliquée"},
        "Une autre décision a réuni ou écarté ce thème.",
    ),
    (
        "kept apart from what is gone",
        [on_theme("keep_apart", "cars", "t-9")],
        {1: "sans objet"},
        "L'autre thème n'existe plus.",
    ),
    (
        "kept apart from nothing",
        [on_theme("keep_apart", "cars")],
        {1: "sans objet"},
        "La décision ne dit ni nom ni autre thème.",
    ),
    ("described", [on_theme("describe_theme", "cars", "Venir")], {1: "appliquée"}, None),
    (
        "described twice",
        [on_theme("describe_theme", "cars", "Venir"), on_theme("describe_theme", "cars", "Aller")],
        {1: "remplacée"},
        "Remplacée",
    ),
    (
        "described, then renamed",
        [on_theme("describe_theme", "cars", "A"), on_theme("rename_theme", "cars", "B")],
        {1: "appliquée"},
        None,
    ),
    (
        "described by nothing",
        [on_theme("describe_theme", "cars")],
        {1: "sans objet"},
        "La décision ne dit pas de description.",
    ),
    ("a weighting", [save("Élus", need=1), use("Élus")], {1: "appliquée", 2: "appliquée"}, None),
    (
        "a weighting saved again",
        [save("Élus", need=1), save("Élus", need=2)],
        {1: "remplacée", 2: "appliquée"},
        "Remplacée",
    ),
    (
        "another one used since",
        [save("Élus", need=1), use("Élus"), use(None)],
        {2: "remplacée", 3: "appliquée"},
        None,
    ),
    (
        "one that does not exist",
        [use("Élus")],
        {1: "sans objet"},
        "La pondération « Élus » n'existe pas.",
    ),
    (
        "an unknown criterion",
        [save("Élus", humeur=1)],
        {1: "sans objet"},
        "La pondération cite un critère inconnu : « humeur ».",
    ),
    (
        "a weight that is no number",
        [save("Élus", need=True)],
        {1: "sans objet"},
        "Un poids de la pondération n'est pas un nombre",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("decisions", "states", "reason"),
    [case[1:] for case in MORE_EFFECTS],
    ids=[case[0] for case in MORE_EFFECTS],
)
def test_undoings_confirmations_and_weightings_say_what_became_of_them(
    decisions: list[dict[str, Any]], states: dict[int, str], reason: str | None
) -> None:
    found = effects_of(*decisions)
    assert {number: found[number][0] for number in states} == states
    if reason is not None:
        assert (found[1][1] or "").startswith(reason)


def members_of(**units: str) -> pd.DataFrame:
    """theme_members of themes given as name="a b c"."""
    return pd.DataFrame(
        [(unit, name) for name, listed in units.items() for unit in listed.split()],
        columns=["unit_id", "theme_id"],
    )


NO_GROUNDS = DECISION_GROUNDS.empty()


def grounds_of(
    *decisions: dict[str, Any],
    then: pd.DataFrame | None = None,
    earlier: pd.DataFrame = NO_GROUNDS,
) -> pd.DataFrame:
    """What decisions were taken on: the machine's themes with the members of `then`."""
    tables = machine()
    members = tables["theme_members"] if then is None else then
    return note_grounds(read_decisions(taken(*decisions)), tables["themes"], members, earlier)


NOW = [  # what the themes held when the decision was taken, the decision, whether it is applied now: cars a b c, lait d e, haie f
    (
        "the same passages",
        {"cars": "a b c", "lait": "d e"},
        on_theme("merge_theme", "cars", "lait"),
        True,
    ),
    ("grown since", {"cars": "a b", "lait": "d"}, on_theme("merge_theme", "cars", "lait"), True),
    (
        "a quarter of them gone",
        {"cars": "a b c d", "lait": "d e"},
        on_theme("merge_theme", "cars", "lait"),
        True,
    ),
    (
        "a third of them gone",
        {"cars": "a b d", "lait": "d e"},
        on_theme("merge_theme", "cars", "lait"),
        False,
    ),
    (
        "passages taken out of the study do not count",
        {"cars": "a y z x w", "lait": "d"},
        on_theme("merge_theme", "cars", "lait"),
        True,
    ),
    (
        "the theme has become another",
        {"cars": "d e f", "lait": "d e"},
        on_theme("merge_theme", "cars", "lait"),
        False,
    ),
    (
        "most of them gone",
        {"cars": "a d e", "lait": "d e"},
        on_theme("merge_theme", "cars", "lait"),
        False,
    ),
    (
        "the other theme has become another",
        {"cars": "a b c", "lait": "f g"},
        on_theme("merge_theme", "cars", "lait"),
        False,
    ),
    (
        "none of its passages is left",
        {"cars": "y z", "lait": "d e"},
        on_theme("merge_theme", "cars", "lait"),
        False,
    ),
    ("a name", {"cars": "d e f"}, on_theme("rename_theme", "cars", "Venir"), False),
    ("a description", {"cars": "d e f"}, on_theme("describe_theme", "cars", "Venir"), False),
    ("a rejection", {"cars": "d e f"}, on_theme("reject_theme", "cars"), False),
    ("a family", {"cars": "d e f"}, on_theme("move_theme", "cars", "f-2"), False),
    ("a passage put into it", {"lait": "a b c"}, move("f", "lait"), False),
    ("a passage that left it", {"cars": "d e f"}, move("a", "lait"), True),
    ("a passage set aside", {"cars": "d e f"}, move("a", None), True),
    ("a code", {"cars": "d e f"}, on_tag("add", "a", "rubrique", "offre"), True),
    ("a split", {"cars": "d e f"}, split("a", "b"), True),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("then", "decision", "is_applied"), [case[1:] for case in NOW], ids=[case[0] for case in NOW]
)
def test_a_decision_holds_as_long_as_its_theme_is_about_the_same_passages(
    then: dict[str, str], decision: dict[str, Any], is_applied: bool
) -> None:
    grounds = grounds_of(decision, then=members_of(**then))
    reviewed = apply_decisions(machine(), taken(decision), grounds=grounds)
    (effect,) = reviewed.pop("decision_effects").itertuples()
    assert effect.state == ("appliquée" if is_applied else "à revoir")
    assert is_applied or (
        str(effect.reason).startswith("Le thème est devenu un autre : « ")
        and same(reviewed, decided())
    )


def same(first: dict[str, pd.DataFrame], second: dict[str, pd.DataFrame]) -> bool:
    return all(first[name].equals(second[name]) for name in second)


NEAR = "il manque un car le soir entre Orthez et la gare"
MENDED = [
    ("il manque un carr le soir entre Orthez et la garre", "near"),  # what was said when decided
    ("un car manque le soir entre Orthez et la gare", "near"),
    ("la halle est fermée le lundi et personne n'a la clé", None),
    ("il manque un four", None),
]


@pytest.mark.parametrize(("before", "expected"), MENDED)
def test_a_decision_whose_passage_was_mended_is_proposed_on_the_nearest_of_its_document(
    before: str, expected: str | None
) -> None:
    tables = machine()
    units = tables["units"].copy()
    document = units.loc[units["unit_id"] == "a", "document_id"].item()
    elsewhere = units["document_id"] != document
    units.loc[elsewhere.idxmax(), "text"] = before  # the same words of another document
    units.loc[units["unit_id"] == "a", ["unit_id", "text"]] = ["near", NEAR]
    tables["units"] = units
    gone = on_tag("accept", "gone", "rubrique", "offre")
    passages = {1: (document, before)}
    effects = apply_decisions(tables, taken(gone), passages=passages)["decision_effects"]
    (near,) = effects["near_unit_id"].astype(object).where(effects["near_unit_id"].notna(), None)
    assert (near, effects["state"].tolist()) == (expected, ["sans objet"])
    told = str(idle_sentence(effects, "etude"))
    assert ("1 à reprendre d'un clic" in told) is (expected is not None)
    if expected:
        again = gone | {"unit_id": "near"}
        effects = apply_decisions(tables, taken(gone, again), passages=passages)["decision_effects"]
        assert effects["state"].tolist() == ["remplacée", "appliquée"]
        assert effects["near_unit_id"].isna().all()


def test_the_passage_decided_on_is_noted_once_and_outlives_its_units() -> None:
    rows = read_decisions(taken(on_tag("accept", "a", "rubrique", "offre")))
    units = machine()["units"]
    noted = note_passages(rows, units, DECISION_EFFECTS.empty())
    assert set(noted) == {1}
    effects = apply_decisions(machine(), rows, passages=noted)["decision_effects"]
    changed = units.assign(text="tout autre chose")
    for later in (changed, units[units["unit_id"] != "a"]):
        assert note_passages(rows, later, effects) == noted


def test_coded_words_follow_to_the_nearest_passage_only_where_it_has_them() -> None:
    value = json.dumps({"start": 16, "end": 19, "words": "car"})
    row = {"action": "code_span", "unit_id": "gone", "axis": "rubrique", "code": "offre"}
    (span,) = read_decisions(taken(row | {"value": value}))
    moved = moved_to(span, "near", "pas de car du tout")
    assert isinstance(moved, CodeSpan) and moved.quote is not None
    assert (moved.unit_id, moved.quote.start) == ("near", 7)
    assert moved_to(span, "near", "pas de bus du tout") is None


def test_a_decision_taken_again_replaces_the_one_that_awaited_it() -> None:
    first, again = on_theme("merge_theme", "cars", "lait"), on_theme("merge_theme", "cars", "haie")
    grounds = grounds_of(first, then=members_of(cars="d e f", lait="d e", haie="f"))
    grounds = grounds_of(first, again, earlier=grounds)
    assert grounds.loc[grounds["decision_id"] == 1, "unit_ids"].tolist() == [
        '["d", "e", "f"]',
        '["d", "e"]',
    ], "what was noted stays"
    reviewed = apply_decisions(machine(), taken(first, again), grounds=grounds)
    assert reviewed["decision_effects"]["state"].tolist() == ["remplacée", "appliquée"]
    assert set(reviewed["themes"]["theme_id"]) == {"lait", "haie"}


def test_a_decision_undone_or_whose_theme_is_gone_awaits_nothing() -> None:
    merge = on_theme("merge_theme", "cars", "lait")
    grounds = grounds_of(merge, undo(1), then=members_of(cars="d e f"))
    assert (
        apply_decisions(machine(), taken(merge, undo(1)), grounds=grounds)["decision_effects"][
            "state"
        ].tolist()[0]
        == "annulée"
    )
    gone = on_theme("rename_theme", "parti", "Venir")
    grounds = grounds_of(gone, then=members_of(parti="a b"))
    assert apply_decisions(machine(), taken(gone), grounds=grounds)["decision_effects"][
        "state"
    ].tolist() == ["sans objet"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS[:10])
def test_while_themes_hold_what_they_held_nothing_awaits_a_review(seed: int) -> None:
    drawn = random_decisions(seed)
    decisions, grounds = taken(*drawn), grounds_of(*drawn)
    assert same(
        apply_decisions(machine(), decisions, grounds=grounds),
        apply_decisions(machine(), decisions),
    )


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], None),
        (["appliquée", "remplacée", "annulée"], None),
        (["sans objet", "appliquée"], "1 décision ne s'applique plus : 1 sans objet, faute de"),
        (
            ["à revoir", "à revoir", "sans objet"],
            "3 décisions ne s'appliquent plus : 2 à revoir, leur thème est devenu un autre ; 1 sans objet",
        ),
    ],
)
def test_one_line_says_how_many_decisions_stopped_applying_and_where_to_see_them(
    states: list[str], expected: str | None
) -> None:
    effects = DECISION_EFFECTS.build(
        {"decision_id": number, "action": "rename_theme", "state": state, "reason": None}
        for number, state in enumerate(states, start=1)
    )
    told = idle_sentence(effects, "etude")
    assert (
        told is None
        if expected is None
        else told is not None and told.startswith(expected) and "ateliers review etude" in told
    )


def test_pages_of_themes_leave_out_what_awaits_a_review() -> None:
    tables, merge = (
        machine(),
        taken(on_theme("merge_theme", "cars", "lait"), on_theme("rename_theme", "haie", "Bocage")),
    )
    for state, left in (("appliquée", {"lait", "haie"}), ("à revoir", {"cars", "lait", "haie"})):
        effect = {
            "decision_id": 1,
            "action": "merge_theme",
            "state": state,
            "reason": None if state == "appliquée" else "Devenu un autre.",
        }
        snapshot = Snapshot(
            "r",
            {"units": tables["units"], "decision_effects": DECISION_EFFECTS.build([effect])},
            tables,
        )
        now = review_state.replay_themes(snapshot, read_decisions(merge), 2)
        assert set(now.labels) == left and now.labels["haie"] == "Bocage"
        assert snapshot.to_review == ({} if state == "appliquée" else {1: "Devenu un autre."})


def family(name: str, *theme_ids: str) -> list[dict[str, Any]]:
    """A family made of themes, as a page decides it."""
    family_id = made_family_id(theme_ids)
    made = on_theme("make_family", family_id, name)
    return [made, *(on_theme("move_theme", theme_id, family_id) for theme_id in theme_ids)]


BY_HAND = made_family_id(["cars", "haie"])
OF_CARS_AND_HAIE = family("Se déplacer", "cars", "haie")


@pytest.mark.parametrize(
    ("what", "decisions", "families"),
    [
        ("made of two", OF_CARS_AND_HAIE, {"Se déplacer": 2, "Produire": 1}),
        ("renamed", [*OF_CARS_AND_HAIE, on_theme("rename_family", BY_HAND, "Aller")], {"Aller": 2, "Produire": 1}),
        ("one more", [*OF_CARS_AND_HAIE, on_theme("move_theme", "lait", BY_HAND)], {"Se déplacer": 3}),
        ("one less", [*OF_CARS_AND_HAIE, on_theme("move_theme", "haie")], {"Se déplacer": 1, "Produire": 1}),
        ("undone", [*OF_CARS_AND_HAIE, undo(1)], {"Venir": 1, "Produire": 2}),
        ("made again", [*OF_CARS_AND_HAIE, undo(1), *family("Bouger", "haie", "cars")], {"Bouger": 2, "Produire": 1}),
        ("without theme", [on_theme("make_family", BY_HAND, "Seule")], {"Venir": 1, "Produire": 2}),
        ("of a theme made by hand", [on_theme("split_theme", "cars", json.dumps(["a"])), *family("Neuve", split_id(["a"]))], {"Venir": 1, "Produire": 2, "Neuve": 1}),
    ],
)  # fmt: skip
def test_a_family_is_made_by_hand(
    what: str, decisions: list[dict[str, Any]], families: dict[str, int]
) -> None:
    reviewed = decided(*decisions)
    rows = reviewed["theme_families"]
    assert dict(zip(rows["label"], rows["n_themes"], strict=True)) == families
    assert set(reviewed["themes"]["parent_id"].dropna()) == set(rows["family_id"])
    assert (rows["n_tables"] > 0).all()


def test_what_became_of_a_family_made_by_hand_is_told() -> None:
    renamed = on_theme("rename_family", BY_HAND, "Aller")
    states = [state for state, _reason in effects_of(*OF_CARS_AND_HAIE, renamed).values()]
    assert states == ["remplacée", "appliquée", "appliquée", "appliquée"]
    effects = effects_of(*OF_CARS_AND_HAIE, undo(1))
    assert effects[2] == ("sans objet", "La famille d'arrivée n'existe plus.")

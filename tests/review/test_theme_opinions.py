"""What is said under a theme, on its page: by posture, less what people moved since."""

from typing import Any

import pandas as pd
import pytest

from pipeline.review.snapshot import Snapshot
from pipeline.review.state import Themes
from pipeline.review.theme_opinions import opinion_groups
from pipeline.tables.results import THEME_OPINIONS
from support.invented import DIE, said, study


def opinion(order: int, posture: str, unit_ids: str, faces: int | None = None) -> dict[str, Any]:
    names = unit_ids.split()
    return {
        "theme_id": "t",
        "opinion_order": order,
        "posture": posture,
        "unit_id": names[0],
        "unit_ids": str(names).replace("'", '"'),
        "n_units": len(names),
        "n_tables": 1,
        "n_workshops": 1,
        "faces": faces,
    }


def groups(opinions: list[dict[str, Any]], moved: str = "") -> list[Any]:
    tables = study(
        said("t", 1, unit_id="a"),
        said("t", 2, unit_id="b"),
        said("t", 2, unit_id="c", workshop_id=DIE),
        said("t", None, unit_id="d"),
        said("other", 1, unit_id="e"),
    )
    snapshot = Snapshot("run", tables | {"theme_opinions": THEME_OPINIONS.build(opinions)}, {})
    members = tables["theme_members"]
    now = Themes(tables["themes"], pd.DataFrame(), members[~members["unit_id"].eq(moved)], 0)
    return opinion_groups("t", now, snapshot)


def told(opinions: list[dict[str, Any]], moved: str = "") -> list[Any]:
    return [
        (entry["unit"].unit_id, [unit.unit_id for unit in entry["others"]], entry["n_tables"])
        for group in groups(opinions, moved)
        for entry in group["shown"]
    ]


@pytest.mark.parametrize(
    ("opinions", "moved", "expected"),
    [
        ([opinion(1, "force", "a b c")], "", [("a", ["b", "c"], 3)]),
        # what people moved is not said here any more, nor counted
        ([opinion(1, "force", "a b c")], "a", [("b", ["c"], 2)]),
        ([opinion(1, "force", "a"), opinion(2, "demande", "d")], "a", [("d", [], 0)]),
        ([], "", []),
    ],
)
def test_an_opinion_is_shown_with_the_tables_that_still_say_it(opinions, moved, expected):
    assert told(opinions, moved) == expected


def test_a_need_and_its_answer_show_each_other_until_one_is_moved() -> None:
    both = [opinion(1, "difficulte", "a", faces=2), opinion(2, "force", "b", faces=1)]
    need, answer = (group["shown"][0] for group in groups(both))
    assert (need["faces"].unit_id, answer["faces"].unit_id) == ("b", "a")
    ((only,),) = (group["shown"] for group in groups(both, moved="b"))
    assert only["faces"] is None


def test_a_posture_shows_its_first_opinions_and_folds_the_others() -> None:
    many = [opinion(i + 1, "proposition", name) for i, name in enumerate("abcd")]
    (all_shown,) = groups(many)
    (some,) = groups([*many, opinion(5, "proposition", "a")])
    assert (len(all_shown["shown"]), len(all_shown["folded"])) == (4, 0)
    assert (len(some["shown"]), len(some["folded"])) == (4, 1)

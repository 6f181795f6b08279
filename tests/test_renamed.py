"""Files and folders that are renamed between runs: known again by content, in their workshop first, and never two for one."""

from unicodedata import normalize

import pytest

from flows.renamed import first_paths


def run(names: dict[str, str], **first: str) -> dict[str, object]:
    """The record of a run over files given as path → letter of their content, some met first under another path."""
    return {
        "inputs": inputs(names),
        "first_paths": {path.replace("_", "/"): old for path, old in first.items()},
    }


def inputs(names: dict[str, str]) -> dict[str, str]:
    return {path: letter * 64 for path, letter in names.items()}


BEFORE = {"A/x": "a", "A/y": "b", "B/x": "c"}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (BEFORE, {}),
        ({"A2/x": "a", "A2/y": "b", "B/x": "c"}, {"A2/x": "A/x", "A2/y": "A/y"}),
        ({"A/x2": "a", "A/y": "b", "B/x": "c"}, {"A/x2": "A/x"}),
        ({"A/y": "a", "A/x": "b", "B/x": "c"}, {"A/y": "A/x", "A/x": "A/y"}),
        ({"A/x": "z", "A/y": "b", "B/x": "c"}, {}),
        ({"A2/x": "z", "A2/y": "b", "B/x": "c"}, {"A2/x": "A/x", "A2/y": "A/y"}),
        ({"A/y": "b", "B/x": "c", "B/w": "a"}, {"B/w": "A/x"}),
        ({**BEFORE, "B/w": "a"}, {}),
        ({"A/z": "a", "A/x": "z", "A/y": "b", "B/x": "c"}, {"A/z": "A/x", "A/x": "A/x (2)"}),
        ({"B/x": "a", "B/y": "b", "A/x": "c"}, {"B/x": "A/x", "B/y": "A/y", "A/x": "B/x"}),
    ],
    ids=[
        "nothing",
        "folder",
        "file",
        "names swapped",
        "edited",
        "folder, and one edited",
        "moved",
        "copied",
        "name given anew",
        "folders swapped",
    ],
)
def test_a_file_is_known_by_its_content_then_by_its_path(
    now: dict[str, str], expected: dict[str, str]
) -> None:
    assert first_paths(inputs(now), run(BEFORE)) == expected


def test_equal_files_of_two_workshops_stay_each_in_its_own() -> None:
    before = {"A/n": "s", "A/x": "a", "B/n": "s", "B/x": "b"}
    now = {"Z/n": "s", "Z/x": "a", "C/n": "s", "C/x": "b"}
    assert first_paths(inputs(now), run(before)) == {
        "Z/n": "A/n",
        "Z/x": "A/x",
        "C/n": "B/n",
        "C/x": "B/x",
    }


def test_what_was_renamed_keeps_its_first_path_in_every_later_run() -> None:
    second = run({"A2/x": "a"}, A2_x="A/x")
    assert first_paths(inputs({"A2/x": "a"}), second) == {"A2/x": "A/x"}
    assert first_paths(inputs({"A2/x": "z"}), second) == {"A2/x": "A/x"}
    assert first_paths(inputs({"A3/x": "a"}), second) == {"A3/x": "A/x"}
    assert first_paths(inputs({"A/x": "a"}), second) == {}
    away = first_paths({}, second)
    assert away == {"A2/x": "A/x"}
    assert first_paths(inputs({"A2/x": "z"}), {"inputs": {}, "first_paths": away}) == {
        "A2/x": "A/x"
    }


def test_what_stands_for_a_file_that_was_not_read_is_no_content() -> None:
    assert (
        first_paths(
            {"B/x": "illisible"},
            {"inputs": {"A/x": "illisible", "A/y": "a" * 64}, "first_paths": {}},
        )
        == {}
    )


def test_the_first_run_and_the_record_of_an_earlier_version_know_nothing_else() -> None:
    assert first_paths(inputs(BEFORE), None) == {}
    assert first_paths(inputs({"A2/x": "a"}), {"inputs": inputs({"A/x": "a"})}) == {"A2/x": "A/x"}


NFC, NFD = (normalize(form, "Retz/été.txt") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (
            [{NFD: "a"}, {NFC: "b", "Retz/été~1.txt": "a"}],
            {"Retz/été~1.txt": NFD, NFC: f"{NFC} (2)"},
        ),
        ([{"A/a#b": "a"}, {"A/a%23b": "a", "A/a": "b"}], {"A/a%23b": "A/a#b", "A/a": "A/a (2)"}),
        ([{"A/a": "a"}, {"A/z": "a", "A/a#b": "b"}], {"A/z": "A/a", "A/a#b": "A/a%23b (2)"}),
        (
            [{"A/a": "a"}, {"B/a": "a"}, {}, {"A/a": "z"}, {"A/a": "z", "B/a": "a"}],
            {"B/a": "A/a (2)"},
        ),
    ],
    ids=["Unicode form", "part of a new file", "part of a renamed file", "gone and come back"],
)
def test_no_later_file_is_taken_for_an_earlier_one_or_a_part_of_it(
    runs: list[dict[str, str]], expected: dict[str, str]
) -> None:
    last: dict[str, object] | None = None
    for names in runs:
        named = first_paths(inputs(names), last)
        last = {"inputs": inputs(names), "first_paths": named}
    assert named == expected

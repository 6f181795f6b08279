"""The drawings of the territories for the review, beside those that are kept for the report: neither is in the way of the other."""

import json
import shutil
from pathlib import Path

import pytest

from flows.drawings import INDEX, draw_territories
from flows.publish_study import publish_study
from pipeline.publish.charts import drawing, drawings_kept
from pipeline.study import Study


@pytest.mark.slow
def test_territories_are_drawn_from_what_is_at_hand_and_the_next_report_is_written_all_the_same(
    demo_study: Study, tmp_path: Path
) -> None:
    shutil.copytree(demo_study.root, tmp_path / "etude")
    study = Study.open(tmp_path / "etude")
    kept = {path.name: path.stat().st_mtime_ns for path in (study.cache / "drawings").iterdir()}
    folder = draw_territories(study.root)
    listed = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    assert {row["kind"] for row in listed} == {"plan", "arbre", "carte"}
    assert all(
        (folder / f"{row['name']}.svg").read_text(encoding="utf-8").startswith("<svg")
        for row in listed
    )
    still = {path.name: path.stat().st_mtime_ns for path in (study.cache / "drawings").iterdir()}
    assert kept.items() <= still.items()
    publish_study(study.root, "20261201T080000000000Z")
    assert draw_territories(study.root) == folder
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize(
    "alter", [lambda c: c[:-5], lambda c: c[:-3] + b"\0" + c[-2:], lambda _: b"", lambda c: c[32:]]
)
def test_a_kept_drawing_that_was_altered_is_drawn_again(tmp_path: Path, alter):
    asked = []

    def draw() -> bytes:
        asked.append(1)
        return b"<svg>un plan</svg>"

    with drawings_kept(tmp_path):
        drawing("plan", "svg", draw)
        assert drawing("plan", "svg", draw) == b"<svg>un plan</svg>" and asked == [1]
        (path,) = tmp_path.iterdir()
        path.write_bytes(alter(path.read_bytes()))
        assert drawing("plan", "svg", draw) == b"<svg>un plan</svg>" and asked == [1, 1]
        assert drawing("plan", "svg", draw) == b"<svg>un plan</svg>" and asked == [1, 1]


@pytest.mark.slow
def test_a_theme_renamed_in_review_bears_its_new_name_in_every_chart_drawn_for_it(
    demo_study: Study, tmp_path: Path
) -> None:
    shutil.copytree(demo_study.root, tmp_path / "etude")
    study = Study.open(tmp_path / "etude")
    before = {
        path.stem: path.read_text(encoding="utf-8")
        for path in draw_territories(study.root).glob("*.svg")
    }
    themes = study.read_table("themes")
    names = {theme_id: f"Zyz{n}" for n, theme_id in enumerate(themes["theme_id"])}
    after = {
        path.stem: path.read_text(encoding="utf-8")
        for path in draw_territories(study.root, names).glob("*.svg")
    }
    words = {
        word
        for label in themes["label"]
        for word in label.replace(",", " ").split()
        if len(word) > 6
    }
    with_names = [name for name, svg in before.items() if sum(word in svg for word in words) > 5]
    assert with_names and after.keys() == before.keys()
    assert {name: sorted(word for word in words if word in after[name]) for name in with_names} == {
        name: [] for name in with_names
    }
    assert all("Zyz" in after[name] for name in with_names)

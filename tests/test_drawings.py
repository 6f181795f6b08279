"""Drawings kept between runs: the same bytes as when drawn, drawn once, and none left that nothing asks for."""

from pathlib import Path

import pytest

from pipeline.publish.charts import draw_png, draw_svg, profile_spec
from pipeline.publish.drawings import drawing, drawings_kept
from pipeline.publish.report.content import Share


def spec(n_units: int):
    return profile_spec((Share("Force", n_units, 0), Share("Difficulté", 1, 1)))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_kept_drawing_is_the_one_that_would_be_drawn(tmp_path):
    drawn = draw_svg(spec(3)), draw_png(spec(3))
    for _ in range(2):
        with drawings_kept(tmp_path):
            assert (draw_svg(spec(3)), draw_png(spec(3))) == drawn
    assert len(names(tmp_path)) == 2


def test_what_no_run_asks_for_any_more_goes(tmp_path):
    with drawings_kept(tmp_path):
        draw_svg(spec(3))
        draw_svg(spec(4))
    before = names(tmp_path)
    with drawings_kept(tmp_path):
        draw_svg(spec(4))
    assert len(before) == 2 and names(tmp_path) < before


def test_a_drawing_is_drawn_once_a_source_and_form_and_a_run_that_fails_drops_none(tmp_path):
    calls: list[str] = []

    def draw() -> bytes:
        calls.append("drawn")
        return b"lines"

    with drawings_kept(tmp_path):
        assert [drawing(source, form, draw) for source, form in (("a", "svg"), ("a", "svg"), ("a", "png"), ("b", "svg"))] == [b"lines"] * 4
    assert len(calls) == 3
    with pytest.raises(ValueError), drawings_kept(tmp_path):
        raise ValueError
    assert len(names(tmp_path)) == 3
    drawing("a", "svg", draw)  # outside, nothing is kept
    assert len(calls) == 4

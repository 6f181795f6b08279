"""What the README and the guides promise is what the code does."""

import functools
import operator
import re
import shutil
from pathlib import Path

import pytest

from flows.run import run_study
from models.encoders import STRONG_NAME
from pipeline.cli import copy_demo
from pipeline.evaluate import evaluate_study
from pipeline.files import data_path
from pipeline.ingest.parts import sniff
from pipeline.settings import Settings, load_settings
from pipeline.study import Study

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md")])


def section(title: str) -> str:
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_format_of_the_readme_is_one_that_the_readers_know():
    from pipeline.ingest.readers.dispatch import READERS

    promised = set(
        re.findall(r"\.([a-z]+[0-9]?)\b", section("Ce qui entre").split("atelier.yaml")[0])
    )
    pictures = {"jpg", "png", "webp", "tif", "bmp"}  # of the extra `ocr`: tests/test_pictures.py
    same = {"geojson", "umap", "jsonl", "gpx", "tsv", "mm"}  # read as .json, .kml, .csv and .opml
    assert promised - pictures - same == set(READERS)
    assert sniff(b'{"type": "FeatureCollection", "features": []}', "carte.geojson") == "json"


# How far a figure may lie from the README's: another kind of processor gives vectors other last bits, and themes hang on them all.
CLOSE, CLOSE_OF_THEMES = 0.006, 0.05
FIGURES = re.findall(r"\(`([a-z0-9_.]+)`\) \| ([0-9.]+) \| ([0-9.]+) \|", section("Mesures"))


def told(place: int) -> dict[str, object]:
    """The README's figures of one study, first or second, each as near as it may be."""
    return {
        figure[0]: pytest.approx(
            float(figure[place]), abs=CLOSE_OF_THEMES if figure[0].startswith("themes.") else CLOSE
        )
        for figure in FIGURES
    }


def measured(study: Study, gold: Path) -> dict[str, float]:
    """The figures of the README's table, by their dotted name."""
    found = evaluate_study(study.read_tables(), gold)
    return {
        name: functools.reduce(operator.getitem, name.split("."), found) for name, *_ in FIGURES
    }


@pytest.mark.slow
def test_the_figures_of_the_readme_for_the_example_are_the_ones_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("ATELIERS_STRONG_ENCODER", "1")
    study = copy_demo(tmp_path / "exemple")
    run_study(study.root)
    assert len(FIGURES) >= 8
    assert measured(study, data_path("demo", "gold")) == told(1)
    assert study.last_run()["encoder"]["name"] == STRONG_NAME


@pytest.mark.slow
def test_the_figures_of_the_readme_for_the_second_study_are_the_ones_measured(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("ATELIERS_STRONG_ENCODER", "1")
    study = Study.create(tmp_path / "habitudes")
    shutil.copytree(ROOT / "tests" / "habits" / "depot", study.depot, dirs_exist_ok=True)
    run_study(study.root)
    assert measured(study, ROOT / "tests" / "habits" / "gold") == told(2)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


def test_every_make_target_named_in_the_readme_exists():
    targets = set(
        re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert set(re.findall(r"`?make ([a-z]+)", README)) <= targets


def test_the_settings_file_of_a_new_study_shows_only_known_keys_at_their_defaults(tmp_path):
    shown = data_path("grid", "etude.toml").read_text(encoding="utf-8")
    uncommented = re.sub(r"^# (?=\[|[a-z_]+ = )", "", shown, flags=re.MULTILINE)
    assert uncommented.count("[") == shown.count("[")
    path = tmp_path / "etude.toml"
    path.write_text(uncommented, encoding="utf-8")
    settings = load_settings(path)
    assert settings == Settings()

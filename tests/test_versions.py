"""Which files of ours results depend on: all of them, but for what shows results."""

from pathlib import Path

import pytest

from pipeline.versions import code_hash, stage_code_hash

FILES = (
    "pipeline/segment.py",
    "pipeline/cli.py",
    "pipeline/publish/docx.py",
    "pipeline/publish/templates/rapport.css",
    "pipeline/review/pages.py",
    "models/weights/encoder-words.onnx",
    "flows/stages.py",
    "data/lexicon/notions.yaml",
    "data/reference/communes.parquet",
    "data/demo/notes.md",
)


def tree(root: Path, changed: str = "") -> Path:
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("autre" if name == changed else name, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("changed", "is_ours", "is_of_a_stage"),
    [
        ("pipeline/segment.py", True, True),
        ("models/weights/encoder-words.onnx", True, True),
        ("flows/stages.py", True, True),
        ("data/lexicon/notions.yaml", True, True),
        ("data/reference/communes.parquet", True, True),
        ("pipeline/cli.py", True, False),
        ("pipeline/publish/docx.py", True, False),
        ("pipeline/publish/templates/rapport.css", True, False),
        ("pipeline/review/pages.py", True, False),
        ("data/demo/notes.md", False, False),
    ],
)
def test_a_stage_depends_on_all_but_what_shows_its_results(
    tmp_path, changed, is_ours, is_of_a_stage
):
    before, after = tree(tmp_path / "before"), tree(tmp_path / "after", changed)
    assert (code_hash(before) != code_hash(after)) is is_ours
    assert (stage_code_hash(before) != stage_code_hash(after)) is is_of_a_stage


def test_the_same_files_in_another_folder_are_the_same_code(tmp_path):
    one, other = (tree(tmp_path / name) for name in ("un", "deux"))
    assert stage_code_hash(one) == stage_code_hash(other)


def test_a_file_of_another_name_is_other_code(tmp_path):
    one, other = (tree(tmp_path / name) for name in ("un", "deux"))
    (other / "pipeline" / "segment.py").rename(other / "pipeline" / "cut.py")
    assert stage_code_hash(one) != stage_code_hash(other)


def test_what_python_compiles_is_not_code(tmp_path):
    one, other = (tree(tmp_path / name) for name in ("un", "deux"))
    compiled = other / "pipeline" / "__pycache__" / "segment.cpython-311.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"...")
    assert code_hash(one) == code_hash(other)

"""Processes of ours: what they import, what they say to libraries' makers, and what is left of one that died."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.jobs import Jobs, JobState
from flows.tasks import start_task, task_of
from pipeline.child import apart, death_kept, death_told, start_module
from pipeline.review.deposit import Previews
from support.jobs import ended_job
from support.served import wait_for
from support.studies import new_small_study

ROOT = Path(__file__).parents[1]
SOURCES = [path for name in ("pipeline", "flows", "models") for path in (ROOT / name).rglob("*.py")]
POISONED = ("models", "flows", "pipeline", "numpy", "json", "yaml")
SILENT = ("ORT_DISABLE_TELEMETRY", "DO_NOT_TRACK", "PREFECT_SERVER_ANALYTICS_ENABLED")
WORDS = "Jeanne Kermarrec a dit que la cantine ferme"


@pytest.fixture
def poisoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder holds modules of our names and of libraries'; each leaves a mark where it is run."""
    folder = tmp_path / "ici"
    folder.mkdir()
    for name in POISONED:
        (folder / f"{name}.py").write_text(
            f"open({str(folder / 'run')!r}, 'a').write('{name} ')\nraise ValueError('poison')\n"
        )
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    "module",
    ["flows.jobs", "flows.tasks", "flows.preview", "flows.drawings", "pipeline.ingest.readers"],
)
def test_no_child_runs_code_of_the_current_folder(module: str, poisoned: Path) -> None:
    death = poisoned / "mort"
    process = start_module(
        module, poisoned / "pas-une-etude", 1, death=death, stdin=subprocess.PIPE
    )
    process.communicate(b"", timeout=120)
    assert not (poisoned / "run").exists() and "poison" not in death_told(death)


def test_a_current_folder_in_pythonpath_is_a_whole_path_after_our_packages(poisoned: Path) -> None:
    paths = apart({"PYTHONPATH": f"{os.pathsep}lib{os.pathsep}/ailleurs"})["PYTHONPATH"]
    assert paths.split(os.pathsep) == [str(ROOT), str(poisoned / "lib"), "/ailleurs"]


def test_what_the_application_starts_ends_well_whatever_lies_in_the_current_folder(
    poisoned: Path, tmp_path: Path
) -> None:
    study = new_small_study(tmp_path / "étude")
    assert start_task(study.root, "backup", asked_by="alix", arguments={"passphrase": None})
    previews = Previews()
    assert previews.keep_current(study)
    assert previews._process is not None and previews._process.wait(120) == 0
    task = wait_for(
        lambda: (last := task_of(study.root, "backup")) and not last.is_running and last, "a backup"
    )
    assert task.result and not (poisoned / "run").exists()


def test_one_module_starts_pythons() -> None:
    assert [
        path.name for path in SOURCES if "sys.executable" in path.read_text(encoding="utf-8")
    ] == ["child.py"]


def test_an_error_is_kept_by_its_kind_and_place_and_without_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATELIERS_DEATH", str(tmp_path / "mort"))
    with pytest.raises(ValueError), death_kept():
        raise ValueError(WORDS)
    kept = (tmp_path / "mort").read_text(encoding="utf-8")
    assert "Kermarrec" not in kept and death_told(tmp_path / "mort").startswith(
        "ValueError (tests/test_children.py, ligne "
    )
    assert (tmp_path / "mort").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (f"import json; json.loads('{WORDS}')", "JSONDecodeError"),
        ("import paquet_absent", "ModuleNotFoundError « paquet_absent »"),
        ("import os; os.abort()", "Aborted"),
        ("raise SystemExit(0)", ""),
        (
            "from pipeline.errors import StudyError as E; raise E('plus de place', 'de la place', 'en faire')",
            "plus de place",
        ),
    ],
)
def test_what_ends_a_child_is_told(code: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "essai.py").write_text(code, encoding="utf-8")
    death = tmp_path / "mort"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    start_module("essai", death=death, environment=environment).wait(60)
    said = death_told(death)
    assert told in said and bool(told) == bool(said) and "Kermarrec" not in said
    start_module("json.tool", death=death, stdin=subprocess.DEVNULL).wait(60)
    assert told == "" or told not in death_told(death), "what a process before left is removed"


def test_a_job_whose_process_dies_before_it_begins_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "threadpoolctl.py").write_text(f"raise LookupError('{WORDS}')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    study = new_small_study(tmp_path / "étude")
    Jobs(study).start("alix")
    job = ended_job(study)
    assert job.state is JobState.INTERRUPTED and job.line.startswith("LookupError (")


@pytest.mark.parametrize(
    "entry",
    ["pipeline.cli", "flows.jobs.loaded", "flows.tasks", "flows.runners.work", "models.embedder", "models.word_encoder",
     "models.reading", "tools.training.tagger", "pipeline.review.server"],
)  # fmt: skip
def test_each_entry_silences_libraries_before_it_imports_them(entry: str, tmp_path: Path) -> None:
    code = (
        "import builtins, os, sys\n"
        "real, told = builtins.__import__, []\n"
        "def watched(name, *rest, **more):\n"
        "    if name.split('.')[0] in ('onnxruntime', 'prefect', 'huggingface_hub', 'transformers'):\n"
        f"        told.append(all(os.environ.get(name) for name in {SILENT!r}))\n"
        "    return real(name, *rest, **more)\n"
        "builtins.__import__ = watched\n"
        "from importlib import import_module\n"
        f"import_module({entry!r})\n"
        f"assert all(told) and all(os.environ.get(name) for name in {SILENT!r})\n"
    )
    clean = {name: value for name, value in os.environ.items() if name not in SILENT}
    clean |= {"ATELIERS_READY_PROCESS": "0", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], env=clean, check=True, cwd=tmp_path, timeout=300)


@pytest.mark.parametrize("package", ["pipeline", "models", "flows", "tools/training"])
def test_a_package_that_can_be_entered_alone_passes_where_libraries_are_silenced(
    package: str,
) -> None:
    text = (ROOT / package / "__init__.py").read_text(encoding="utf-8")
    assert package == "pipeline" or "import pipeline" in text

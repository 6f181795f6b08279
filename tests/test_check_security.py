"""What `ateliers check --security` says, and what `init` leaves to other accounts of the machine."""

import json
import os
from pathlib import Path

import pytest

from flows.security import security_of, telemetry_folder
from pipeline.cli import main
from pipeline.study import Study


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = os.umask(0o022)
    try:
        return Study.create(tmp_path / "etudes" / "redon")
    finally:
        os.umask(before)


def test_a_new_study_is_open_to_no_other_account(study: Study) -> None:
    folders = (study.root, study.depot, study.vault, study.tables, study.publications, study.runs)
    assert [folder.stat().st_mode & 0o077 for folder in folders] == [0] * len(folders)


def _found(study: Study, about: str) -> list[tuple[str, str]]:
    return [(point.found, point.do) for point in security_of(study) if point.about == about]


def test_folders_that_others_open_are_said_with_what_to_do(study: Study) -> None:
    assert _found(study, "modes")[0][1] == ""
    study.root.chmod(0o755)
    study.depot.chmod(0o755)
    ((found, do),) = _found(study, "modes")
    assert found.endswith(": depot") and do == f"chmod 700 {study.root}"


def test_what_was_measured_before_is_said_with_the_way_to_remove_it(study: Study) -> None:
    assert _found(study, "telemetry")[0][1] == ""
    telemetry_folder().mkdir(parents=True)
    ((found, do),) = _found(study, "telemetry")
    assert str(telemetry_folder()) in found and do == f"rm -r {telemetry_folder()}"


def test_the_command_says_each_point_once_and_for_machines(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    (study.vault / "personnes.vault").write_text("{}")
    assert main(["check", str(study.root), "--security", "--json"]) == 0
    points = json.loads(capsys.readouterr().out)["points"]
    assert {point["about"] for point in points} == {
        "modes",
        "ports",
        "passwords",
        "telemetry",
        "publications",
        "growth",
    }
    assert main(["check", str(study.root), "--security"]) == 0
    assert "n'a pas de phrase de passe ; à faire : " in capsys.readouterr().out.replace(
        "\u00a0", " "
    )

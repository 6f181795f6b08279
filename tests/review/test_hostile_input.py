"""Whatever an address or a form is sent, the answer is in words: never a failure of the application (500)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.study import Study
from support.review_server import copy_study, environment_of, make_accounts

_N_PARTS = 6  # of the addresses, each of a minute or so


@pytest.mark.slow
@pytest.mark.parametrize("part", range(_N_PARTS))
def test_no_address_fails_on_what_it_is_sent(demo_study: Study, tmp_path: Path, part: int) -> None:
    study = copy_study(demo_study, tmp_path / "etude")
    make_accounts(study.root, {"chantal": "administration"})
    theme = study.read_machine_table("themes")["theme_id"].min()
    blanks = {
        "unit_id": study.read_table("units")["unit_id"].min(),
        "document_id": study.read_table("documents")["document_id"].min(),
        "theme_id": theme,
        "subject": theme,
        "part": "presence",
        "code": "0" * 16,
        "form": "csv",
    }
    command = [sys.executable, "-m", "support.hostile_requests", json.dumps(blanks), "chantal"]
    command += [str(part), str(_N_PARTS)]
    told = subprocess.run(
        command, env=environment_of(study), capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr[-3000:]
    statuses, faults = json.loads(told.stdout)
    assert faults == []
    assert "logged out" not in statuses
    assert statuses["200"] > 100 and statuses["400"] > 10

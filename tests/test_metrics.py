"""What a monitoring server reads: figures of the last run for who has the token, and lines of JSON; never a word of participants."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from flows.metrics import openmetrics
from flows.service_log import JsonLines, write_event
from pipeline.study import Study

SENTENCE = "On attend le médecin depuis deux ans"
ROOT = Path(__file__).parent.parent
ASK = """
import json, os, sys, django
django.setup()
from django.test import Client
told = []
for os.environ["ATELIERS_METRICS_TOKEN"] in ("", "jeton-7f3a"):
    client = Client(SERVER_NAME="127.0.0.1")
    asked = [client.get("/metrics", headers={"Authorization": given}) for given in sys.argv[1:]]
    told.append([(answer.status_code, answer.content.decode()) for answer in asked])
print(json.dumps(told))
"""


def stage(name: str, seconds: float, *, is_cached: bool = False) -> dict[str, object]:
    return {"stage": name, "seconds": seconds, "peak_mb": 2.0, "is_cached": is_cached}


def processed(root: Path) -> Study:
    """A study with the record of one run, half a minute long."""
    study = Study.create(root)
    study.write_manifest(
        {
            "run_id": "20261128T030000000000Z",
            "is_done": True,
            "schema": 2,
            "started_at": "2026-11-28T03:00:00+00:00",
            "ended_at": "2026-11-28T03:00:30+00:00",
            "stages": [stage("read", 4), stage("read", 5, is_cached=True), stage("tag", 1.5)],
            "n_rows": {"units": 1234567, "rejects": 1},
            "decisions": {"n_decisions": 7},
        }
    )
    return study


def samples_of(text: str) -> dict[tuple[str, ...], float]:
    """Each figure by its name and its labels, as Prometheus' own reader takes them."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_last_run_is_told_in_a_text_that_prometheus_reads(tmp_path):
    study = processed(tmp_path / 'le "Nord"')
    assert samples_of(openmetrics([study.root])) == {
        ("ateliers_study_readable", 'le "Nord"'): 1,
        ("ateliers_run_ended_timestamp_seconds", 'le "Nord"'): 1795834830,
        ("ateliers_run_duration_seconds", 'le "Nord"'): 30,
        ("ateliers_run_peak_bytes", 'le "Nord"'): 2 * 1024**2,
        ("ateliers_stage_seconds", 'le "Nord"', "read"): 4,
        ("ateliers_stage_seconds", 'le "Nord"', "tag"): 1.5,
        ("ateliers_rows", 'le "Nord"', "units"): 1234567,
        ("ateliers_rows", 'le "Nord"', "rejects"): 1,
        ("ateliers_decisions", 'le "Nord"'): 7,
    }


def test_a_study_never_run_and_one_that_is_broken_hide_no_other(tmp_path):
    new, broken = Study.create(tmp_path / "neuve"), Study.create(tmp_path / "cassee")
    (broken.runs / "20261128T030000000000Z.json").write_text("[", encoding="utf-8")
    roots = [broken.root, new.root, processed(tmp_path / "traitee").root, tmp_path / "absente"]
    told = samples_of(openmetrics(roots))
    readable = {key[1]: value for key, value in told.items() if key[0].endswith("readable")}
    assert readable == {"cassee": 0, "neuve": 1, "traitee": 1, "absente": 0}
    assert told["ateliers_decisions", "traitee"] == 7


@pytest.mark.slow
def test_figures_are_for_who_has_the_token_and_for_nobody_without_one(tmp_path):
    study = processed(tmp_path / "etude")
    told = os.environ | {
        "ATELIERS_STUDY": str(study.root),
        "DJANGO_SETTINGS_MODULE": "pipeline.review.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK, "", "Bearer un-autre", "Bearer jeton-7f3a"],
        cwd=ROOT,
        env=told,
        capture_output=True,
        text=True,
        check=True,
    )
    without, with_token = json.loads(done.stdout)
    assert [status for status, _ in without] == [403] * 3
    assert [status for status, _ in with_token] == [403, 403, 200]
    assert with_token[2][1] == openmetrics([study.root])


def json_line(logger: str, message: str, error: Exception | None = None) -> dict[str, object]:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord(logger, logging.ERROR, __file__, 1, message, (), info)
    return dict(json.loads(JsonLines().format(record)))


def test_a_line_for_machines_tells_of_an_error_its_kind_and_place_and_no_word():
    try:
        raise ValueError(SENTENCE)
    except ValueError as error:
        line = json_line("django.request", "Internal Server Error: /passages", error)
    assert SENTENCE not in json.dumps(line, ensure_ascii=False)
    assert (line["level"], line["error"]) == ("error", "ValueError")
    assert str(line["place"]).startswith("test_metrics.py:")


@pytest.mark.parametrize("form", ["", "json"])
def test_the_journal_says_that_a_run_succeeded(form, monkeypatch, capsys):
    monkeypatch.setenv("ATELIERS_LOG", form)
    monkeypatch.setattr(logging.getLogger("ateliers"), "handlers", [])
    write_event(logging.INFO, "traitement fait en 3 s", study="nord", event="run_done", seconds=3)
    (line,) = capsys.readouterr().err.splitlines()
    if not form:
        assert line == "nord : traitement fait en 3 s"
        return
    told = json.loads(line)
    assert told.pop("at").endswith("+00:00")
    assert told == {
        "level": "info",
        "logger": "ateliers",
        "message": "nord : traitement fait en 3 s",
        "study": "nord",
        "event": "run_done",
        "seconds": 3,
    }

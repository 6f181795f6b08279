"""Tell how studies fare in OpenMetrics' text format: times, rows and memory of the last run.

Only counts and names of folders, tables and stages are told.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.jobs import Jobs, JobState
from pipeline.errors import AteliersError
from pipeline.study import Study

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_HELP = {  # a name's unit, where it has one, is its last word
    "ateliers_study_readable": "Whether the study opens and its last run can be read.",
    "ateliers_run_ended_timestamp_seconds": "When the last run that ended well ended, since 1970.",
    "ateliers_run_duration_seconds": "How long it took.",
    "ateliers_run_peak_bytes": "The most memory that a stage of it took.",
    "ateliers_stage_seconds": "How long each stage took, over all workshops, cached ones aside.",
    "ateliers_rows": "Rows of each table after it; « rejects » are files that were not read.",
    "ateliers_decisions": "Decisions that it followed.",
    "ateliers_job_running": "Whether a run asked for in a page is at work.",
    "ateliers_job_failed": "Whether the last run asked for in a page failed or was cut.",
}
_UNITS = ("seconds", "bytes")
_FAILED = (JobState.FAILED, JobState.INTERRUPTED)

Sample = tuple[str, dict[str, str], float]  # a name, its labels, its value


def openmetrics(roots: Iterable[Path]) -> str:
    """Return the figures of the studies in `roots`; one that cannot be read says so alone."""
    lines: dict[str, list[str]] = {name: [] for name in _HELP}
    for root in roots:
        for name, labels, value in _readable_samples(root):
            all_labels = {"study": root.name, **labels}.items()
            told = ",".join(f'{key}="{_escaped(label)}"' for key, label in all_labels)
            lines[name].append(f"{name}{{{told}}} {round(float(value), 3)}")
    parts = [line for name, told in lines.items() if told for line in (*_head(name), *told)]
    return "\n".join([*parts, "# EOF", ""])


def _head(name: str) -> Iterator[str]:
    yield f"# TYPE {name} gauge"
    unit = name.rpartition("_")[2]
    if unit in _UNITS:
        yield f"# UNIT {name} {unit}"
    yield f"# HELP {name} {_HELP[name]}"


def _readable_samples(root: Path) -> list[Sample]:
    try:
        samples = list(_samples(Study.open(root)))
    except (AteliersError, OSError):
        return [("ateliers_study_readable", {}, 0)]
    return [("ateliers_study_readable", {}, 1), *samples]


def _samples(study: Study) -> Iterator[Sample]:
    manifest = study.last_run()
    if manifest is not None:
        yield from _samples_of_run(manifest)
    job = Jobs(study).last()
    if job is not None:
        yield "ateliers_job_running", {}, job.is_running
        yield "ateliers_job_failed", {}, job.state in _FAILED


def _samples_of_run(manifest: Mapping[str, Any]) -> Iterator[Sample]:
    started, ended = (datetime.fromisoformat(manifest[name]) for name in ("started_at", "ended_at"))
    yield "ateliers_run_ended_timestamp_seconds", {}, ended.timestamp()
    yield "ateliers_run_duration_seconds", {}, (ended - started).total_seconds()
    stages = manifest["stages"]
    peak_mb = max((stage.get("peak_mb") or 0 for stage in stages), default=0)
    yield "ateliers_run_peak_bytes", {}, peak_mb * 1024**2
    seconds = {stage["stage"]: 0.0 for stage in stages}
    for stage in stages:
        seconds[stage["stage"]] += 0 if stage["is_cached"] else stage["seconds"]
    for name, total in seconds.items():
        yield "ateliers_stage_seconds", {"stage": name}, total
    for name, n_rows in manifest["n_rows"].items():
        yield "ateliers_rows", {"table": name}, n_rows
    if manifest.get("decisions"):
        yield "ateliers_decisions", {}, manifest["decisions"]["n_decisions"]


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")

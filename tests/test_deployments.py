"""What is offered for a study on Prefect's server, and when."""

import asyncio

import pytest

from flows.after_review import EVENT
from flows.deployments import deployment_name, deployments_of
from pipeline.errors import SettingsError
from pipeline.study import Study

pytestmark = pytest.mark.service  # Prefect starts a temporary server, which tests of other files must not meet


def offered(study: Study, execution: str = ""):
    study.settings_path.write_text(f"[execution]\n{execution}\n", encoding="utf-8")
    return asyncio.run(deployments_of(Study.open(study.root)))


def test_a_study_is_processed_at_night_in_paris_and_compared_on_mondays_and_refitted_on_request(small_study):
    made = offered(small_study)
    times = {name: [(each.schedule.cron, each.schedule.timezone) for each in deployment.schedules] for name, deployment in made.items()}
    assert times == {
        "process_study": [("0 3 * * *", "Europe/Paris")],
        "compare_territories": [("0 5 * * 1", "Europe/Paris")],
        "train_tagger": [],
    }
    assert {deployment.name for deployment in made.values()} == {"etude"}
    assert {deployment.parameters["root"] for deployment in made.values()} == {str(small_study.root)}
    (trigger,) = made["process_study"].triggers
    assert (trigger.expect, dict(trigger.match.root)) == ({EVENT}, {"prefect.resource.id": "ateliers.study.etude"})


def test_a_blank_time_is_never(small_study):
    assert offered(small_study, 'nightly = ""')["process_study"].schedules == []


def test_a_time_that_no_clock_shows_is_refused(small_study):
    with pytest.raises(SettingsError, match=r"« execution\.nightly » vaut '99 3 \* \* \*'"):
        offered(small_study, 'nightly = "99 3 * * *"')


def test_a_name_loses_what_prefect_refuses(tmp_path):
    assert deployment_name(tmp_path / "pays & <vallée> 100%") == "pays - -vallée- 100-"

"""What is offered for a study on Prefect's server, and when."""

import asyncio
from typing import Any

import pytest

from flows.served_flows import EVENT
from flows.service import ServedFlow, deployment_name, served_flows
from pipeline.errors import SettingsError
from pipeline.study import Study


class FakeRunner:
    """Keeps what it is given to run."""

    def __init__(self) -> None:
        self.given: list[tuple[Any, dict[str, Any]]] = []

    async def aadd_flow(self, flow: Any, **options: Any) -> int:
        self.given.append((flow, options))
        return len(self.given)


def offered(study: Study, execution: str = "") -> dict[str, ServedFlow]:
    study.settings_path.write_text(f"[execution]\n{execution}\n", encoding="utf-8")
    return served_flows(Study.open(study.root))


def test_a_study_is_processed_at_night_in_paris_and_compared_on_mondays_and_refitted_on_request(
    small_study,
):
    made = offered(small_study)
    times = {
        name: [(each.cron, each.timezone) for each in flow.schedules] for name, flow in made.items()
    }
    assert times == {
        "process_study": [("0 3 * * *", "Europe/Paris")],
        "compare_territories": [("0 5 * * 1", "Europe/Paris")],
        "train_tagger": [],
    }
    (trigger,) = made["process_study"].triggers
    assert (trigger.expect, dict(trigger.match.root)) == (
        {EVENT},
        {"prefect.resource.id": "ateliers.study.etude"},
    )


def test_the_runner_keeps_our_functions_and_reads_none_from_the_server(small_study):
    runner = FakeRunner()
    made = offered(small_study)
    for each in made.values():
        asyncio.run(each.deploy(runner))
    assert [flow for flow, _ in runner.given] == [each.flow for each in made.values()]
    assert {options["name"] for _, options in runner.given} == {"etude"}
    assert {flow.fn.__module__ for flow, _ in runner.given} == {"flows.served_flows"}


def test_the_study_of_a_flow_is_no_parameter_that_a_run_could_change(small_study):
    for each in offered(small_study).values():
        assert dict(each.flow.parameters.properties) == {}
        with pytest.raises(TypeError, match="root"):
            each.flow(root="/ailleurs")


def test_a_blank_time_is_never(small_study):
    assert offered(small_study, 'nightly = ""')["process_study"].schedules == ()


def test_a_time_that_no_clock_shows_is_refused(small_study):
    with pytest.raises(SettingsError, match=r"« execution\.nightly » vaut '99 3 \* \* \*'"):
        offered(small_study, 'nightly = "99 3 * * *"')


def test_a_name_loses_what_prefect_refuses(tmp_path):
    assert deployment_name(tmp_path / "pays & <vallée> 100%") == "pays - -vallée- 100-"

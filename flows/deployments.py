"""What `ateliers serve` offers for a study on Prefect's server: process, compare, train, each by its schedule, on request or on an event.

In:   a study
Out:  its deployments; the same names and schedules however often they are made
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.after_review import EVENT
from pipeline.errors import SettingsError
from pipeline.settings import ExecutionSettings
from pipeline.study import Study

if TYPE_CHECKING:
    from prefect.deployments.runner import RunnerDeployment

PROCESS, COMPARE, TRAIN = "process_study", "compare_territories", "train_tagger"


async def deployments_of(study: Study) -> "dict[str, RunnerDeployment]":
    """Return the deployments of a study, by the name of their flow.

    Raises `SettingsError` for a schedule that is not one.
    """
    from prefect.types.entrypoint import EntrypointType

    from flows import served

    execution, name = study.settings.execution, deployment_name(study.root)
    offered: tuple[tuple[str, Any, list[Any], list[Any], str], ...] = (
        (PROCESS, served.process, _schedules("nightly", execution), [_after_review(study.root)], "Traite ce qui est nouveau ou changé."),
        (COMPARE, served.compare, _schedules("compare", execution), [], "Compare les territoires, d'après le dernier traitement."),
        (TRAIN, served.train, [], [], "Réapprend l'étiquetage, à la demande."),
    )
    return {
        flow_name: await flow.ato_deployment(
            name=name,
            parameters={"root": str(study.root)},
            schedules=schedules,
            triggers=triggers,
            description=f"{description} Étude : {study.settings.etude.title}",
            tags=["ateliers", name],
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for flow_name, flow, schedules, triggers, description in offered
    }


def deployment_name(root: Path) -> str:
    """The name of a study's deployments: that of its folder, without what Prefect refuses in a name."""
    return "".join("-" if letter in "/%&<>" else letter for letter in root.name)


def _schedules(key: str, execution: ExecutionSettings) -> list[Any]:
    from prefect.client.schemas.schedules import CronSchedule

    cron = getattr(execution, key)
    if not cron:
        return []
    try:
        return [CronSchedule(cron=cron, timezone=execution.timezone)]
    except ValueError as error:
        found = f"etude.toml : « execution.{key} » vaut {cron!r}"
        raise SettingsError(found, "cinq champs de cron, comme « 0 3 * * * », ou rien", f"corriger « execution.{key} »") from error


def _after_review(root: Path) -> Any:
    """The trigger that runs a study once people have decided; what they decided is followed at night without it."""
    from prefect.events import DeploymentEventTrigger

    return DeploymentEventTrigger(
        name=f"ateliers-{deployment_name(root)}", expect={EVENT}, match={"prefect.resource.id": f"ateliers.study.{root.name}"}
    )

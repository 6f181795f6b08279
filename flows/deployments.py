"""What `ateliers serve` offers for a study on Prefect's server: process, compare, train, each by its schedule, on request or on an event.

In:   a study
Out:  its flows and how each is deployed; the same names and schedules however often they are made
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.after_review import EVENT
from pipeline.errors import SettingsError
from pipeline.settings import ExecutionSettings
from pipeline.study import Study

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.runner import Runner

PROCESS, COMPARE, TRAIN = "process_study", "compare_territories", "train_tagger"


@dataclass(frozen=True)
class ServedFlow:
    """A flow of a study and when it runs."""

    flow: "Flow[..., Any]"
    name: str
    description: str
    schedules: tuple[Any, ...] = ()
    triggers: tuple[Any, ...] = ()

    async def deploy(self, runner: "Runner") -> Any:
        """Have `runner` run the flow when the server asks for it; return the deployment's id.

        The runner keeps the function itself. A deployment added without it is run as the server
        describes it, from its entrypoint and after its pull steps, which may be a shell command:
        whoever writes to the server would choose what this process runs.
        """
        from prefect.types.entrypoint import EntrypointType

        return await runner.aadd_flow(
            self.flow,
            name=self.name,
            schedules=list(self.schedules),
            triggers=list(self.triggers),
            description=self.description,
            tags=["ateliers", self.name],
            entrypoint_type=EntrypointType.MODULE_PATH,
        )


def served_flows(study: Study) -> dict[str, ServedFlow]:
    """Return the flows of a study, by their name.

    Raises `SettingsError` for a schedule that is not one.
    """
    from flows import served

    execution, root = study.settings.execution, study.root
    name = deployment_name(root)
    title = f"Étude : {study.settings.etude.title}"
    return {
        PROCESS: ServedFlow(
            served.process_flow(root),
            name,
            f"Traite ce qui est nouveau ou changé. {title}",
            _schedules("nightly", execution),
            (_after_review(root),),
        ),
        COMPARE: ServedFlow(
            served.compare_flow(root),
            name,
            f"Compare les territoires, d'après le dernier traitement. {title}",
            _schedules("compare", execution),
        ),
        TRAIN: ServedFlow(served.train_flow(root), name, f"Réapprend l'étiquetage, à la demande. {title}"),
    }


def deployment_name(root: Path) -> str:
    """The name of a study's deployments: that of its folder, without what Prefect refuses in a name."""
    return "".join("-" if letter in "/%&<>" else letter for letter in root.name)


def _schedules(key: str, execution: ExecutionSettings) -> tuple[Any, ...]:
    from prefect.client.schemas.schedules import CronSchedule

    cron = getattr(execution, key)
    if not cron:
        return ()
    try:
        return (CronSchedule(cron=cron, timezone=execution.timezone),)
    except ValueError as error:
        found = f"etude.toml : « execution.{key} » vaut {cron!r}"
        raise SettingsError(found, "cinq champs de cron, comme « 0 3 * * * », ou rien", f"corriger « execution.{key} »") from error


def _after_review(root: Path) -> Any:
    """The trigger that runs a study once people have decided; what they decided is followed at night without it."""
    from prefect.events import DeploymentEventTrigger

    return DeploymentEventTrigger(
        name=f"ateliers-{deployment_name(root)}", expect={EVENT}, match={"prefect.resource.id": f"ateliers.study.{root.name}"}
    )

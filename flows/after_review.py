"""Bring results up to date with what people decided: tell Prefect where a server is named, then run the study.

In:   a study whose people decided something
Out:  tables and report of now; an event `ateliers.review.done`, which deployments may wait for
"""

import sys
from pathlib import Path

from flows.prefect_setup import prefect_ready
from flows.run import Outcome, run_study
from flows.steps import is_recorded
from pipeline.errors import AteliersError
from pipeline.study import Study

EVENT = "ateliers.review.done"


def conclude_review(root: Path) -> Outcome:
    """Run the study in `root` again; raises as `run_study` does."""
    study = Study.open(root.resolve())
    with prefect_ready(study.cache):  # the event needs the password too
        if is_recorded():
            from prefect.events import emit_event

            emit_event(
                event=EVENT,
                resource={"prefect.resource.id": f"ateliers.study.{study.root.name}"},
                payload={"n_decisions": study.decisions_state()},
            )
        return run_study(study.root)


if __name__ == "__main__":
    try:
        conclude_review(Path(sys.argv[1]))
    except AteliersError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)

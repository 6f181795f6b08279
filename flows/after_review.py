"""Bring results up to date with what people decided: tell Prefect where a server is named, then run the study.

In:   a study whose people decided something
Out:  tables and report of now; an event `ateliers.review.done`, which deployments may wait for
"""

import os
import sys
from pathlib import Path

from flows.run import Outcome, run_study
from pipeline.errors import AteliersError
from pipeline.study import Study

EVENT = "ateliers.review.done"


def conclude_review(root: Path) -> Outcome:
    """Run the study in `root` again; raises as `run_study` does."""
    study = Study.open(root.resolve())
    if os.environ.get("PREFECT_API_URL"):
        from prefect.events import emit_event

        payload = {"n_decisions": study.decisions_state()}
        emit_event(event=EVENT, resource={"prefect.resource.id": f"ateliers.study.{study.root.name}"}, payload=payload)
    return run_study(study.root)


if __name__ == "__main__":
    try:
        conclude_review(Path(sys.argv[1]))
    except AteliersError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)

"""`python -m flows.jobs STUDY JOB`: do a job that `Jobs.start` wrote."""

import sys
from pathlib import Path

from flows.jobs.worker import work_on

work_on(Path(sys.argv[1]), int(sys.argv[2]))

"""`python -m flows.jobs STUDY JOB`: do a job that `Jobs.start` wrote; alone, be ready for many."""

import sys
from pathlib import Path

from flows.jobs.warm import serve_forks
from flows.jobs.worker import work_on

if len(sys.argv) > 1:
    work_on(Path(sys.argv[1]), int(sys.argv[2]))
else:
    work_on(*serve_forks(), is_fork=True)

"""`python -m flows.jobs STUDY JOB`: do a job that `Jobs.start` wrote; alone, be ready for many."""

import os
import sys
from pathlib import Path

from flows.jobs.warm import serve_forks
from flows.jobs.worker import work_on
from pipeline.child import death_kept

if len(sys.argv) > 1:
    work_on(Path(sys.argv[1]), int(sys.argv[2]))
else:
    request = serve_forks()  # from here on, in a fork
    try:
        with death_kept():
            work_on(*request, is_fork=True)
    finally:
        os._exit(0)  # libraries would wait for threads that only the ready process has

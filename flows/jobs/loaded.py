"""Import this to have loaded and compiled all that a service's run needs, to be forked."""

import gc
from contextlib import suppress

import prefect.flow_engine  # noqa: F401

import flows.served_flows  # noqa: F401
from flows.jobs.warm import load_all
from flows.jobs.worker import SELDOM

gc.set_threshold(*SELDOM)
with suppress(Exception):  # where the disk is full, forks load what is missing
    load_all()

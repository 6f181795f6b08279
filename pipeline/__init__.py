"""The stages are pure functions, tables in, tables out; flows/stages.py lists them in order.

Each is a module or folder here: ingest, pseudonymise, segment, tag, cluster, decisions, rank,
compare, offer. docs/architecture.md is the map.
"""

import os

__version__ = "0.1.0"

# Every process of ours passes here before it imports a library that tells its makers of each use:
# models, flows and tools/training import this package first. docs/securite.md lists what each does.
os.environ |= {
    "ORT_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}

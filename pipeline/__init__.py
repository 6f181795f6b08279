"""The stages are pure functions, tables in, tables out; flows/stages.py lists them in order.

Each is a module or folder here: ingest, pseudonymise, segment, tag, cluster, decisions, rank,
compare, offer. docs/architecture.md is the map.
"""

__version__ = "0.1.0"

"""Prefect flows: the order of the stages, retries and the record of runs; no computation. Importing a flow imports Prefect."""

"""The order of the stages and the record of runs, as steps that Prefect runs where it has a
server; no computation.
"""

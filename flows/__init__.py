"""Order the stages and record the runs, as Prefect tasks where it has a server; compute nothing."""

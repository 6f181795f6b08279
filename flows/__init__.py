"""Order the stages and record the runs, as Prefect tasks where it has a server; compute nothing."""

import pipeline  # noqa: F401 - closes what libraries tell, before they are imported

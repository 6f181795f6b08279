"""Write the lines of a service: for people, or one JSON object a line where ATELIERS_LOG is `json`.

They hold counts, identifiers and names of files, never what participants said.
"""

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def is_json() -> bool:
    """Whether lines are written for machines."""
    return os.environ.get("ATELIERS_LOG", "") == "json"


def service_log() -> logging.Logger:
    """Return the logger of the service's lines, which writes them on standard error."""
    log = logging.getLogger("ateliers")
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(formatter())
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False  # Prefect's root handler drops successes
    return log


def write_event(level: int, line: str, *, study: str, event: str, **counts: Any) -> None:
    """Write a line about a study; `event` and `counts` are for machines alone."""
    fields = {"study": study, "event": event} | counts
    service_log().log(level, f"{study} : {line}", extra={"fields": fields})


def formatter() -> logging.Formatter:
    """Return the formatter that ATELIERS_LOG asks for."""
    return JsonLines() if is_json() else logging.Formatter()


class JsonLines(logging.Formatter):
    """One JSON object a line; of an error its kind and place, as its words may quote a text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= _kind_and_place(record.exc_info[1])
        return json.dumps(line | getattr(record, "fields", {}), ensure_ascii=False)


def _kind_and_place(error: BaseException) -> dict[str, str]:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    kind = {"error": type(error).__name__}
    if trace is None:
        return kind
    return kind | {"place": f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"}

"""The columns of a decision in a database, and marks of its content and time; nothing heavy.

In:   decisions as people take them
Out:  NAMES, SAID, TYPED; a hash; a moment
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

SAID = ("decided_at", "author", "action", "unit_id", "axis", "code", "theme_id", "value", "why")
NAMES = ("decision_id", *SAID)  # of which the database gives the first
TYPED = ("author", "value", "why")  # what people typed, and may name a person in


def now() -> str:
    """This moment in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def content_of(decisions: Sequence[Mapping[str, Any]]) -> str:
    """sha256 of what `decisions` say, in order; a blank is as good as nothing."""
    said = [{name: value for name, value in row.items() if value is not None} for row in decisions]
    return hashlib.sha256(
        json.dumps(said, ensure_ascii=False, sort_keys=True, default=str).encode()
    ).hexdigest()

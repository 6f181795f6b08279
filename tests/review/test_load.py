"""Many analysts at once, and a server that dies: what was acknowledged is there, once, in order."""

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from pipeline.study import Study
from support.review_client import ANALYSTS, client, token, validate
from support.review_server import Served, make_accounts, serving

ON_BOTH_DATABASES = True

_EACH = 5


@pytest.mark.slow
def test_twenty_analysts_at_once_lose_and_double_nothing(served: Served) -> None:
    served.sessions |= make_accounts(served.study.root, ANALYSTS)
    unit_ids = sorted(served.study.read_table("units")["unit_id"])[:_EACH]
    before = len(served.decisions())

    def work(name: str) -> list[int]:
        session = client(served, name)
        token_ = token(session)
        return [
            validate(session, unit_id, token_, f"{name}-{unit_id}")
            for unit_id in unit_ids
            for _twice in range(2)
        ]

    with ThreadPoolExecutor(len(ANALYSTS)) as pool:
        answers = [status for statuses in pool.map(work, ANALYSTS) for status in statuses]
    assert set(answers) == {200}
    added = served.decisions().iloc[before:]
    assert len(added) == len(ANALYSTS) * _EACH, "each request was sent twice and counts once"
    for _name, rows in added.groupby("author"):
        assert list(rows["unit_id"]) == unit_ids


@pytest.mark.slow
def test_a_server_killed_in_a_burst_keeps_what_it_acknowledged(
    new_study: Callable[..., Study],
) -> None:
    study = new_study()
    unit_ids = sorted(study.read_table("units")["unit_id"])
    acknowledged: list[str] = []
    with serving(study) as first:
        session = client(first, "alix")
        token_ = token(session)

        def burst() -> None:
            for unit_id in unit_ids:
                try:
                    if validate(session, unit_id, token_, f"{uuid.uuid4()}") == 200:
                        acknowledged.append(unit_id)
                except httpx.HTTPError:
                    return

        writer = threading.Thread(target=burst)
        writer.start()
        while len(acknowledged) < 25 and writer.is_alive():
            time.sleep(0.01)
        first.kill()
        writer.join()
    assert len(acknowledged) >= 25
    kept = list(study.decisions.read()["unit_id"])
    assert kept[: len(acknowledged)] == acknowledged
    assert len(kept) <= len(acknowledged) + 1, "at most the one that was being answered"
    with serving(study) as second:
        journal = client(second, "alix").get("/journal").text
    assert f"{len(kept)} décisions" in journal

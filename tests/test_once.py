"""What one test process makes for all of them is made once, and nobody waits for a maker that failed or was killed."""

import multiprocessing
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.once import made_once


def test_several_that_ask_at_the_same_time_get_what_one_of_them_made(tmp_path: Path) -> None:
    makers: list[Path] = []

    def make(folder: Path) -> None:
        makers.append(folder)
        time.sleep(0.1)
        folder.mkdir()
        (folder / "fini").touch()

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(made_once, tmp_path / "etude", make) for _ in range(4)]
    assert all((entry.result() / "fini").exists() for entry in asked)
    assert len(makers) == 1


def _killed(folder: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _failed(folder: Path) -> None:
    raise OSError("plus de place")


@pytest.mark.parametrize("make", [_killed, _failed])
def test_where_the_maker_ended_badly_the_others_fail_at_once(tmp_path: Path, make) -> None:
    maker = multiprocessing.get_context("spawn").Process(
        target=made_once, args=(tmp_path / "etude", make)
    )
    maker.start()
    maker.join(120)
    assert maker.exitcode not in (0, None)
    with pytest.raises(RuntimeError, match="could not be made"):
        made_once(tmp_path / "etude", Path.mkdir)

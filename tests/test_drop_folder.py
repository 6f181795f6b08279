"""What is dropped in a depot is complete when nothing moves any more and no program is still writing."""

import os
import threading
import time

import pytest

from flows.service import DepotContent, Settling, list_depot, watch_depot

NOTES = {"Retz/Table 1.txt": (10, 1)}
MORE = NOTES | {"Retz/Table 2.txt": (5, 2)}
GROWN = {"Retz/Table 1.txt": (20, 1)}
LATER = {"Retz/Table 1.txt": (10, 9)}
OPEN = {"Retz/~$Table 1.docx": (162, 3)}


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        # (seconds, files, temporary files), and the seconds at which a content is complete; settle 30 s, open files 600 s
        ([(0, NOTES, {}), (29, NOTES, {}), (30, NOTES, {})], [30]),
        ([(0, {}, {}), (100, {}, {})], []),
        ([(0, NOTES, {}), (20, GROWN, {}), (40, GROWN, {}), (50, GROWN, {})], [50]),
        ([(0, NOTES, {}), (20, LATER, {}), (40, LATER, {}), (50, LATER, {})], [50]),
        ([(0, NOTES, {}), (20, MORE, {}), (31, MORE, {}), (50, MORE, {})], [50]),
        ([(0, MORE, {}), (20, NOTES, {}), (31, NOTES, {}), (50, NOTES, {})], [50]),
        (
            [
                (0, NOTES, OPEN),
                (40, NOTES, OPEN),
                (50, NOTES, {}),
                (79, NOTES, {}),
                (80, NOTES, {}),
            ],
            [80],
        ),
        ([(0, NOTES, OPEN), (599, NOTES, OPEN), (600, NOTES, OPEN)], [600]),
        ([(0, NOTES, {}), (30, NOTES, {}), (60, NOTES, {}), (900, NOTES, {})], [30]),
        ([(0, NOTES, {}), (30, NOTES, {}), (40, MORE, {}), (70, MORE, {})], [30, 70]),
        (
            [(0, NOTES, {}), (30, NOTES, {}), (40, NOTES, OPEN), (50, NOTES, {}), (90, NOTES, {})],
            [30],
        ),
        ([(0, NOTES, {}), (30, NOTES, {}), (40, {}, {}), (50, NOTES, {}), (90, NOTES, {})], [30]),
    ],
)
def test_a_content_is_complete_once_nothing_moved_for_a_while(looks, told):
    settling = Settling(settle_s=30, open_file_s=600)
    complete = []
    for now, files, temporary in looks:
        if settling.observe(DepotContent(files, temporary, {}), now):
            settling.mark_handled()
            complete.append(now)
    assert complete == told


def test_a_hidden_copy_that_grows_is_waited_for_but_not_for_ever():
    settling = Settling(settle_s=30, open_file_s=600)
    assert not settling.observe(DepotContent(NOTES, {}, {"Retz/.b.docx.Xa3b": (1, 1)}), 0)
    assert not settling.observe(DepotContent(NOTES, {}, {"Retz/.b.docx.Xa3b": (2, 2)}), 29)
    assert not settling.observe(DepotContent(NOTES, {}, {"Retz/.b.docx.Xa3b": (2, 2)}), 58)
    assert settling.observe(DepotContent(NOTES, {}, {"Retz/.b.docx.Xa3b": (2, 2)}), 59)


def test_what_was_not_handled_is_told_again_and_what_is_forgotten_too():
    settling = Settling(settle_s=1, open_file_s=1)
    assert [settling.observe(DepotContent(NOTES, {}, {}), now) for now in (0, 1, 2)] == [
        False,
        True,
        True,
    ]
    settling.mark_handled()
    assert not settling.observe(DepotContent(NOTES, {}, {}), 3)
    settling.forget()
    assert settling.observe(DepotContent(NOTES, {}, {}), 4)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Table 1.docx", "files"),
        ("notes.md", "files"),
        ("partition.txt", "files"),
        ("~$Table 1.docx", "temporary"),
        (".~lock.Table 1.odt#", "temporary"),
        ("Table 1.docx.part", "temporary"),
        ("restitution.vtt.crdownload", "temporary"),
        ("boite.mbox.filepart", "temporary"),
        ("~WRL0001.tmp", "temporary"),
        (".DS_Store", "hidden"),
        (".Table 1.docx.Xa3bQz", "hidden"),
        ("Thumbs.db", "hidden"),
    ],
)
def test_a_file_counts_or_says_that_somebody_is_writing_or_is_hidden(tmp_path, name, kind):
    (tmp_path / "Retz").mkdir()
    (tmp_path / "Retz" / name).write_bytes(b"abc")
    seen = list_depot(tmp_path)
    assert {
        part: list(getattr(seen, part))
        for part in ("files", "temporary", "hidden")
        if getattr(seen, part)
    } == {kind: [f"Retz/{name}"]}


def test_a_look_survives_broken_links_and_a_depot_that_is_away(tmp_path):
    (tmp_path / "lien").symlink_to(tmp_path / "nulle-part")
    os.mkfifo(tmp_path / "tube")
    assert not list_depot(tmp_path).files
    assert not list_depot(tmp_path / "absent").files


@pytest.mark.slow
def test_files_that_come_one_after_another_are_told_once(tmp_path):
    pytest.importorskip("watchfiles")
    calls, stop = [], threading.Event()
    settling = Settling(settle_s=5, open_file_s=60)  # a busy machine may halt for a while
    depot = tmp_path / "depot"  # not there yet

    def complete() -> bool:
        calls.append(sorted(list_depot(depot).files))
        return len(calls) != 1  # refused once: it is told again

    watching = threading.Thread(
        target=watch_depot,
        args=(depot, settling),
        kwargs={"stop": stop, "on_complete": complete, "step_s": 0.2},
    )
    watching.start()
    (depot / "Retz").mkdir(parents=True)
    for number in range(4):
        with (depot / "Retz" / f"Table {number}.txt").open("w") as notes:
            notes.write("Q1\n")
            notes.flush()
            time.sleep(0.3)
            notes.write("- un mot\n")
    _wait_for(lambda: len(calls) >= 2)
    time.sleep(1.2)  # some more looks
    stop.set()
    watching.join(10)
    assert calls == [[f"Retz/Table {number}.txt" for number in range(4)]] * 2


def test_a_depot_that_was_away_counts_as_new_when_it_is_back(tmp_path):
    pytest.importorskip("watchfiles")
    depot, away = tmp_path / "depot", tmp_path / "ailleurs"
    depot.mkdir()
    (depot / "Table 1.txt").write_text("Q1\n- un mot\n", encoding="utf-8")
    calls, looks, stop = [], [], threading.Event()
    watching = threading.Thread(
        target=watch_depot,
        args=(depot, Settling(settle_s=0.5, open_file_s=60)),
        kwargs={
            "stop": stop,
            "step_s": 0.2,
            "on_complete": lambda: calls.append("complet") or True,
            "on_look": lambda: looks.append(depot.is_dir()),
        },
    )
    watching.start()
    _wait_for(lambda: calls)
    depot.rename(away)
    _wait_for(lambda: looks.count(False) > 1)  # the first may be told of a look begun before
    away.rename(depot)
    _wait_for(lambda: len(calls) > 1)
    stop.set()
    watching.join(10)
    assert calls == ["complet", "complet"]


def _wait_for(is_there) -> None:
    until = time.monotonic() + 60
    while not is_there() and time.monotonic() < until:
        time.sleep(0.1)
    assert is_there()

"""Processing a study from its page, with the real server: progress, cancelling, and what is killed loses nothing."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from flows.jobs import Jobs, JobState, process_mark
from flows.jobs.served import next_run
from flows.run import run_study
from pipeline.errors import StudyError
from pipeline.study import Study, locked_file
from support.accessible import faults
from support.jobs import ended_job, pretend_job
from support.review_client import client, token, without_no_break
from support.review_server import Served, serving
from support.served import wait_for
from support.studies import RETZ, new_small_study

_LONG_MS = 300_000
# a short one may end before the page tells of it
_ANY_STAGE = re.compile("Étiqueter|Regrouper|Appliquer|Comparer|Écrire")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A tiny study of one workshop, processed once by the command line."""
    made = new_small_study(tmp_path_factory.mktemp("traiter") / "étude")
    run_study(made.root)
    return made


@pytest.fixture(scope="module")
def served(study: Study) -> Iterator[Served]:
    with serving(study) as server:
        client(server, "alix").get("/traiter")  # a first page takes long where much else works
        yield server


@pytest.fixture
def pretended(study: Study) -> Iterator[subprocess.Popen[bytes]]:
    """A job of Bilal's that works for ever."""
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = subprocess.Popen(command, start_new_session=True)
    pretend_job(study, "bilal", process.pid)
    yield process
    process.kill()
    process.wait()
    assert Jobs(study).last() is not None  # marked as ended


def post(session: httpx.Client, path: str) -> str:
    """Press a button of the page, and return the page that follows."""
    answer = session.post(path, data={"csrfmiddlewaretoken": token(session)}, follow_redirects=True)
    return answer.text


def add_file(study: Study, name: str) -> None:
    (study.depot / RETZ / name).write_text(f"Q1\n- du bus pour {name}\n", encoding="utf-8")


def begun(study: Study) -> int:
    """The process of the last job, once it has begun a stage."""
    jobs = Jobs(study)
    wait_for(lambda: (job := jobs.last()) and jobs.steps(job.job_id), "a first stage")
    job = jobs.last()
    assert job is not None
    return job.pid


@pytest.mark.slow
@pytest.mark.browser
def test_a_run_that_is_killed_is_told_then_done_again_followed_and_listed(
    served: Served, browser: Browser
) -> None:
    study = served.study
    add_file(study, "Table 3.txt")
    (theme_id,) = study.read_table("themes")["theme_id"]
    study.decisions.append(author="alix", action="reject_theme", theme_id=str(theme_id), why="non")
    page = served.open(browser, "alix", "traiter")
    waits = ["1 fichier nouveau", "1 décision à appliquer"]
    expect(page.locator(".waiting .some")).to_have_text(waits)
    expect(page.locator("table.runs tbody tr")).to_have_count(1)
    expect(page.locator("table.runs")).to_contain_text("hors de cette page")
    page.click("#traiter")
    expect(page.locator("#annonce")).to_contain_text("Le traitement commence")
    expect(page.locator(".panel")).to_contain_text("Demandé par alix")
    expect(page.locator(".panel")).to_contain_text("Il reste", timeout=_LONG_MS)
    os.kill(begun(study), signal.SIGKILL)
    expect(page.locator("#annonce-traitement")).to_contain_text(
        "Interrompu avant la fin ; rien n’est perdu"
    )
    expect(page.locator(".waiting .some")).to_have_text(waits)
    page.click("text=Traiter de nouveau")
    expect(page.locator("#annonce-traitement")).to_contain_text(_ANY_STAGE, timeout=_LONG_MS)
    page.click("summary")
    expect(page.locator(".log")).to_contain_text("3 documents")
    assert faults(page) == []
    expect(page.locator("#annonce-traitement")).to_contain_text("Terminé", timeout=_LONG_MS)
    expect(page.locator(".phase.done")).to_have_count(6)
    expect(page.locator("details")).to_have_attribute("open", "")  # as it was left
    rows = page.locator("table.runs tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("alix")
    expect(page.locator(".waiting .some")).to_have_count(0)
    assert faults(page) == []
    page.click("text=Voir ce qu’il a changé")
    expect(page.locator("#avancement")).to_contain_text("n’est plus classé")
    expect(page.locator("#avancement")).to_contain_text("Aucune décision n’attend")
    job = Jobs(study).last()
    assert job is not None and job.run_id == (study.last_run() or {})["run_id"]
    assert "Le traitement commence" in post(client(served, "bilal"), "/traiter/lancer")
    assert ended_job(study).state is JobState.NOTHING_NEW
    assert "Rien de nouveau à traiter" in client(served, "denis").get("/traiter").text


@pytest.mark.slow
def test_two_who_start_at_once_start_one_job_and_one_is_told_who_runs_it(served: Served) -> None:
    sessions = [client(served, name) for name in ("alix", "bilal")]
    pages: list[str] = []
    threads = [
        threading.Thread(target=lambda one=one: pages.append(post(one, "/traiter/lancer")))  # type: ignore[misc]
        for one in sessions
    ]
    before = Jobs(served.study).latest(50)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Jobs(served.study).latest(50)) == len(before) + 1
    assert sum("Le traitement commence." in page for page in pages) == 1
    assert sum("déjà en cours, demandé par" in page for page in pages) == 1
    Jobs(served.study).cancel("alix")
    ended_job(served.study)


@pytest.mark.slow
def test_a_cancelled_run_stops_says_who_and_can_be_asked_again(served: Served) -> None:
    add_file(served.study, "Table 4.txt")
    session = client(served, "chantal")
    post(session, "/traiter/lancer")
    pid = begun(served.study)
    assert "Le traitement s’arrête" in post(session, "/traiter/annuler")
    assert ended_job(served.study).state is JobState.CANCELLED
    wait_for(lambda: process_mark(pid) is None, "the end of its process", 30)
    page = without_no_break(session.get("/traiter").text)
    assert "Annulé par chantal ; ce qui était fait est gardé." in page
    assert "fichier nouveau" in page and 'id="traiter"' in page
    assert "Aucun traitement" in post(session, "/traiter/annuler")


@pytest.mark.slow
def test_a_run_outlives_its_server_and_the_next_server_finds_it(study: Study) -> None:
    add_file(study, "Table 5.txt")
    last = study.last_run()
    with serving(study) as first:
        post(client(first, "alix"), "/traiter/lancer")
        begun(study)
        first.kill()
    with serving(study) as second:
        session = client(second, "bilal")
        assert "Demandé par alix" in session.get("/traiter").text
        assert ended_job(study).state is JobState.DONE
        assert "Terminé." in session.get("/traiter").text
    assert study.last_run() != last
    assert f"{RETZ}/Table 5.txt" in (study.last_run() or {})["inputs"]


@pytest.mark.slow
def test_a_run_that_fails_says_its_line(served: Served) -> None:
    session = client(served, "alix")
    with served.study.locked():  # by the command line
        post(session, "/traiter/lancer")
        assert ended_job(served.study).state is JobState.FAILED
    page = without_no_break(session.get("/traiter").text)
    assert "Échec :" in page and "est déjà en cours de traitement" in page


def test_a_run_that_died_says_the_error_that_its_process_left(
    served: Served, study: Study, pretended: subprocess.Popen[bytes]
) -> None:
    (study.root / ".review" / "jobs.arret").write_text("LookupError (flows/run.py, ligne 12)\n")
    pretended.kill()
    pretended.wait()
    page = without_no_break(client(served, "alix").get("/traiter").text)
    assert "s’est arrêté sur cette erreur : LookupError (flows/run.py, ligne 12)" in page


@pytest.mark.slow
def test_streams_are_bounded_and_the_pages_still_answer(served: Served, pretended) -> None:
    session = client(served, "denis")
    with ExitStack() as stack:
        answers = [stack.enter_context(session.stream("GET", "/traiter/flux")) for _ in range(3)]
        fourth = session.get("/traiter/flux").text  # at once: a stream ends by itself in seconds
        lines = [answer.iter_lines() for answer in answers]
        assert {answer.headers["content-type"] for answer in answers} == {"text/event-stream"}
        assert [next(told) for told in lines] == ["retry: 300"] * 3
        assert fourth.startswith("event: full")
        assert session.get("/traiter").status_code == 200
        assert [next(lines[0]), next(lines[0])] == ["", "data: 1"]
    wait_for(lambda: not _is_full(session), "streams that end with their browser", 30)


def _is_full(session: httpx.Client) -> bool:
    with session.stream("GET", "/traiter/flux") as answer:
        return next(answer.iter_lines()).startswith("event: full")


@pytest.mark.slow
@pytest.mark.browser
def test_a_page_without_a_stream_asks_by_itself(
    served: Served, browser: Browser, pretended
) -> None:
    page = served.open(browser, "denis", "connexion")
    page.route("**/traiter/flux", lambda route: route.abort())
    page.goto(served.url("traiter"))
    expect(page.locator(".panel")).to_contain_text("Demandé par bilal")
    pretended.kill()
    expect(page.locator("#annonce-traitement")).to_contain_text("Interrompu")


def test_readers_follow_and_start_nothing(served: Served, pretended) -> None:
    session = client(served, "denis")
    page = session.get("/traiter").text
    assert "Demandé par bilal" in page and 'id="annuler"' not in page
    data = {"csrfmiddlewaretoken": token(session)}
    for path in ("/traiter/lancer", "/traiter/annuler"):
        assert session.post(path, data=data).status_code == 403
    assert pretended.poll() is None


@pytest.mark.slow
def test_a_study_that_was_never_run_is_processed_from_its_page(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "étude")
    with serving(study) as served:
        session = client(served, "alix", follow_redirects=True)
        page = session.get("/traiter").text
        assert "Aucun fichier n’est déposé" in page and 'id="traiter"' not in page
        (study.depot / RETZ).mkdir()
        add_file(study, "Table 1.txt")
        assert "fichier à lire" in session.get("/traiter").text
        post(session, "/traiter/lancer")
        begun(study)
        page = session.get("/traiter").text
        assert "C’est le premier traitement" in page
        assert ended_job(study).state is JobState.DONE
        assert "Terminé." in session.get("/traiter").text
        assert session.get("/resultats").status_code == 200


@pytest.mark.parametrize(
    ("nightly", "expected"),
    [
        ("0 3 * * *", "2026-03-12T03:00+01:00"),
        ("30 4 1 * *", "2026-04-01T04:30+02:00"),
        ("", None),
        ("0 3 31 2 *", None),  # never
    ],
)
def test_the_next_run_by_the_clock_is_foreseen(
    tmp_path: Path, nightly: str, expected: str | None
) -> None:
    study = scheduled(tmp_path, nightly)
    moment = next_run(study, datetime(2026, 3, 11, 12, tzinfo=UTC))
    assert (moment and moment.isoformat(timespec="minutes")) == expected


def scheduled(folder: Path, nightly: str) -> Study:
    study = Study.create(folder / "etude")
    with study.settings_path.open("a", encoding="utf-8") as settings:
        settings.write(f'\n[execution]\nnightly = "{nightly}"\n')
    return Study.open(study.root)


@pytest.mark.slow
def test_the_page_of_a_served_study_says_when_and_where_to_change_it(tmp_path: Path) -> None:
    study = scheduled(tmp_path, "0 3 * * *")
    with serving(study, environment={"PREFECT_API_URL": "http://127.0.0.1:9/api"}) as served:
        assert "Prochain traitement" not in client(served, "chantal").get("/traiter").text
        with locked_file(study.runs / ".served", StudyError("", "", "")):  # as a service does
            page = client(served, "chantal").get("/traiter").text
            assert "à 3 h 00" in page and "Aucune boîte de mails" in page
            assert "/reglages#section-execution" in page and "/reglages#section-mail" in page
            assert "#section-execution" not in client(served, "denis").get("/traiter").text
        settings = client(served, "chantal").get("/reglages").text
    assert 'id="section-execution"' in settings and 'name="execution.nightly"' in settings
    assert 'name="mail.every_minutes"' in settings and ' name="mail.host"' not in settings

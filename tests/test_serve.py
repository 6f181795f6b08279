"""Studies served by real processes and a real Prefect server: whatever is killed, nothing is lost and nothing is done twice."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from flows import serve
from flows.jobs import Jobs, JobState
from flows.run import due_fingerprint, run_study
from flows.serve import serve_studies
from pipeline.errors import StudyError, UsageError
from pipeline.study import Study
from support import imap_server
from support.jobs import ended_job
from support.mail_server import Hook
from support.mail_server import running as answering
from support.served import (
    CONCLUDE,
    PrefectServer,
    Process,
    Service,
    begun,
    manifests,
    running,
    wait_for,
)
from support.studies import group_any_size

FOLDER = "Pays de Retz 2026-10-01"
NOTES = {
    "Table 1.txt": "Q1\n- plus de médecin à Machecoul\n- les loyers montent sur la côte\n",
    "Table 2.txt": "Q2\n- la recyclerie de Legé emploie douze personnes\n",
    "Table 3.txt": "Q4\n- ouvrir une régie de quartier à Machecoul\n",
}
CLOCK = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
EXECUTION = "\n[execution]\nsettle_s = 2.0\nretry_wait_s = 2.0\n"


def new_study(folder: Path, settings: str = EXECUTION) -> Study:
    study = Study.create(folder)
    with study.settings_path.open("a", encoding="utf-8") as file:
        file.write(settings)
    return Study.open(folder)


def drop(study: Study, *, pause_s: float = 0.0) -> None:
    """Copy the workshop's folder in, each file in two parts, a temporary name first for the last one."""
    folder = study.depot / FOLDER
    folder.mkdir()
    for name, text in NOTES.items():
        path = folder / (f"{name}.part" if name == "Table 3.txt" else name)
        with path.open("w", encoding="utf-8") as file:
            for part in (text[:20], text[20:]):
                file.write(part)
                file.flush()
                time.sleep(pause_s)
    (folder / "Table 3.txt.part").rename(folder / "Table 3.txt")


def report_is_there(study: Study) -> bool:
    last = study.last_run()
    return last is not None and (study.root / last["publication"] / "rapport.docx").is_file()


def ended(server: PrefectServer, study: Study, n: int) -> bool:
    """Whether the server knows `n` runs of the study that all ended."""
    runs = server.runs(study)
    return len(runs) >= n and all(
        run["state"]["type"] not in ("PENDING", "RUNNING", "CANCELLING") for run in runs
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, str]:
    """The tables of the same workshop, processed by a plain run."""
    study = new_study(tmp_path_factory.mktemp("tranquille") / "etude")
    drop(study)
    run_study(study.root)
    return study.table_hashes()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(PrefectServer(tmp_path_factory.mktemp("serveur"))) as started:
        yield started


@pytest.mark.service
def test_a_folder_copied_in_slowly_is_processed_once_when_it_is_complete_and_people_are_told(
    server, tmp_path, undisturbed
):
    with answering(Hook()) as hook:
        study = new_study(tmp_path / "lente", f'{EXECUTION}[notify]\nwebhook = "{hook.url}"\n')
        with running(Service(study, server)) as service:
            drop(study, pause_s=1.0)  # half of what settles: a machine may halt for a while
            wait_for(lambda: report_is_there(study), "report")
            wait_for(lambda: ended(server, study, 1), "end of the run")
            time.sleep(6)
            assert len(manifests(study)) == 1
            assert [run["state"]["type"] for run in server.runs(study)] == ["COMPLETED"]
            assert service.stop() == 0
    assert study.table_hashes() == undisturbed
    (told,) = hook.documents
    assert (told["state"], told["counts"]["documents"]) == ("ready", 3)
    (artifact,) = server.ask("/artifacts/filter", {"artifacts": {"key": {"any_": ["etude-lente"]}}})
    assert f"| {FOLDER} | 3 |" in artifact["data"]
    assert "médecin à Machecoul" not in artifact["data"] + service.journal.read_text(
        encoding="utf-8"
    )


@pytest.mark.service
@pytest.mark.exhaustive
def test_what_was_dropped_while_nobody_watched_is_seen_at_the_start(server, tmp_path, undisturbed):
    study = new_study(tmp_path / "avant")
    drop(study)
    with running(Service(study, server)):
        wait_for(lambda: report_is_there(study), "report")
    assert study.table_hashes() == undisturbed


@pytest.mark.service
@pytest.mark.exhaustive
@pytest.mark.skipif(imap_server.why_not() is not None, reason=str(imap_server.why_not()))
def test_a_mail_that_comes_is_processed_though_its_server_and_the_service_were_killed(
    server, tmp_path
):
    mails = [
        f"Message-ID: <{n}@x>\r\nSubject: Pays de Retz\r\n\r\nLe car de {hour} h est plein.\r\n"
        for n, hour in enumerate((7, 8))
    ]
    with imap_server.running_server() as box:
        where = {"host": "127.0.0.1", "port": box.port, "user": "retz", "every_minutes": 0.05}
        section = "\n".join(f"{key} = {json.dumps(value)}" for key, value in where.items())
        study = new_study(tmp_path / "courrier", f"{EXECUTION}[mail]\n{section}\n")
        drop(study)
        secrets = {
            "SSL_CERT_FILE": str(box.authority),
            "ATELIERS_IMAP_PASSWORD": imap_server.PASSWORD,
        }
        with running(Service(study, server, **secrets)) as service:
            box.deliver("retz", mails[0].encode())
            wait_for(lambda: any(study.depot.glob("*/mails/*.eml")), "first mail")
            box.kill()
            wait_for(lambda: service.said("ne répond pas"), "a server that is away")
            service.kill(with_children=True)
            box.start()
            box.deliver("retz", mails[1].encode())
            service.start()
            wait_for(lambda: len(list(study.depot.glob("*/mails/*.eml"))) == 2, "second mail")
            wait_for(lambda: due_fingerprint(Study.open(study.root)) is None, "report")
            assert service.stop() == 0
    by_mail = study.read_table("documents").query("channel == 'mail'")
    assert sorted(by_mail["text"]) == ["Le car de 7 h est plein.", "Le car de 8 h est plein."]
    assert service.journal.read_text(encoding="utf-8").count("ne répond pas") == 1


@pytest.mark.service
@pytest.mark.parametrize(
    ("stage", "with_children"),
    [
        ("read", True),
        ("publish", False),
        *(
            pytest.param(*case, marks=pytest.mark.exhaustive)
            for case in (("tag", False), ("cluster", True), ("publish", True))
        ),
    ],
)
def test_a_service_killed_in_the_middle_of_a_run_and_started_again_ends_as_if_it_had_not(
    server, tmp_path, undisturbed, stage, with_children
):
    study = new_study(tmp_path / f"tuee-{stage}-{with_children}")
    with running(Service(study, server)) as service:
        drop(study)
        wait_for(lambda: begun(study, stage), stage)
        service.kill(with_children=with_children)
        assert len(manifests(study)) == (stage == "publish")  # recorded before its report
        service.start()
        wait_for(lambda: report_is_there(study), "report")
        wait_for(
            lambda: ended(server, study, 2 if with_children else 1), "end of the runs"
        )  # a run left alone may end by itself
        assert len(manifests(study)) == 1
        assert due_fingerprint(study) is None
    assert study.table_hashes() == undisturbed


@pytest.mark.service
@pytest.mark.exhaustive
def test_a_run_killed_alone_is_asked_for_again(server, tmp_path, undisturbed):
    study = new_study(tmp_path / "seule")
    with running(Service(study, server)) as service:
        drop(study)
        wait_for(lambda: begun(study, "read"), "read")
        service.kill_children()
        wait_for(lambda: report_is_there(study), "report")
        assert service.said("redemandé")
        wait_for(lambda: ended(server, study, 2), "end of the runs")
        assert sorted(run["state"]["type"] for run in server.runs(study)) == [
            "COMPLETED",
            "CRASHED",
        ]
        assert len(manifests(study)) == 1
    assert study.table_hashes() == undisturbed


@pytest.mark.service
def test_a_forked_run_writes_the_same_and_a_killed_one_is_asked_for_again(
    server, tmp_path, undisturbed
):
    study = new_study(tmp_path / "copiee")
    with running(Service(study, server, ATELIERS_READY_PROCESS="1")) as service:
        drop(study)
        wait_for(lambda: begun(study, "read"), "read")
        (fork,) = service.forks()
        os.kill(fork, signal.SIGKILL)
        wait_for(lambda: report_is_there(study), "report")
        assert service.said("redemandé")
        wait_for(lambda: ended(server, study, 2), "end of the runs")
        states = sorted(run["state"]["type"] for run in server.runs(study))
        assert states == ["COMPLETED", "CRASHED"]
        assert service.stop() == 0
    assert study.table_hashes() == undisturbed


@pytest.mark.service
@pytest.mark.exhaustive
@pytest.mark.parametrize("keeps_records", [True, False])
def test_a_server_killed_in_the_middle_of_a_run_and_started_again_loses_nothing(
    tmp_path, undisturbed, keeps_records
):
    study = new_study(tmp_path / "etude")
    with running(PrefectServer(tmp_path / "serveur")) as server, running(Service(study, server)):
        drop(study)
        wait_for(lambda: begun(study, "read"), "read")
        server.kill(with_children=True)
        if not keeps_records:
            shutil.rmtree(tmp_path / "serveur" / "prefect")
            (tmp_path / "serveur" / "prefect").mkdir()
        time.sleep(20)
        server.start()
        wait_for(lambda: report_is_there(study), "report")
        assert len(manifests(study)) == 1
        assert study.table_hashes() == undisturbed
        (study.depot / FOLDER / "Table 4.txt").write_text(
            "Q1\n- il manque des places en crèche\n", encoding="utf-8"
        )
        wait_for(lambda: len(manifests(study)) == 2, "second run")
    assert len(study.read_table("documents")) == 4


@pytest.mark.service
def test_two_runs_started_at_once_are_one(server, tmp_path, undisturbed):
    study = new_study(tmp_path / "double")
    with running(Service(study, server)) as service:
        (deployment,) = [
            found
            for found in server.ask(
                "/deployments/filter", {"deployments": {"name": {"any_": [study.root.name]}}}
            )
            if "process" in found["entrypoint"]
        ]
        drop(study)
        by_hand = Process(
            [sys.executable, "-m", "pipeline.cli", "run", str(study.root)],
            {},
            tmp_path / "main.log",
        )
        by_hand.start()
        for _ in range(2):
            server.ask(f"/deployments/{deployment['id']}/create_flow_run", {})
        assert by_hand.process and by_hand.process.wait(300) in (
            0,
            1,
        )  # 1 where the service had the study first
        wait_for(lambda: report_is_there(study) and ended(server, study, 2), "end of the runs")
        time.sleep(5)
        wait_for(lambda: ended(server, study, 2), "end of the runs")
        assert {run["state"]["type"] for run in server.runs(study)} == {"COMPLETED"}
        assert len(manifests(study)) == 1
        assert service.stop() == 0
    assert study.table_hashes() == undisturbed


@pytest.mark.service
@pytest.mark.exhaustive
def test_a_review_that_ends_is_followed_once(server, tmp_path):
    study = new_study(tmp_path / "relue")
    group_any_size(study)
    drop(study)
    run_study(study.root)
    with running(Service(study, server)):
        time.sleep(8)  # the depot is looked at once at the start, before anybody decides
        (theme,) = study.read_table("themes").itertuples()
        study.decisions.append(
            author="analyste",
            action="rename_theme",
            theme_id=theme.theme_id,
            value="Se soigner",
            why="plus clair",
        )
        command = [sys.executable, "-c", CONCLUDE, str(study.root)]
        reviewed = Process(command, server.environment, tmp_path / "relecture.log")
        reviewed.start()
        assert reviewed.process and reviewed.process.wait(300) == 0
        wait_for(lambda: ended(server, study, 1), "run on the event")
        assert [(run["created_by"] or {}).get("type") for run in server.runs(study)] == [
            "AUTOMATION"
        ]
        assert {run["state"]["type"] for run in server.runs(study)} == {"COMPLETED"}
        assert len(manifests(study)) == 2
    assert list(study.read_table("themes")["label"]) == ["Se soigner"]


@pytest.mark.service
@pytest.mark.exhaustive
def test_a_job_of_a_served_study_is_its_flow_run_and_a_cancelled_one_stops_it(
    server, tmp_path, monkeypatch
):
    study = new_study(tmp_path / "demandee")
    group_any_size(study)
    drop(study)
    run_study(study.root)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    jobs = Jobs(study)
    with running(Service(study, server)):
        study.decisions.append(author="lise", action="rename_family", theme_id="x", value="Santé")
        jobs.start("lise")
        job = ended_job(study)
        assert (job.state, job.line) == (JobState.DONE, "")
        assert [run["state"]["type"] for run in server.runs(study)] == ["COMPLETED"]
        assert {step.stage for step in jobs.steps(job.job_id)} >= {"read", "rank", "publish"}
        assert len(manifests(study)) == 2
        study.decisions.append(author="lise", action="rename_family", theme_id="x", value="Soins")
        jobs.start("lise")
        wait_for(lambda: jobs.steps(job.job_id + 1), "a first stage")
        jobs.cancel("omar")
        assert ended_job(study).state is JobState.CANCELLED
        wait_for(lambda: ended(server, study, 2), "end of the cancelled run")
        assert server.runs(study)[1]["state"]["type"] in ("CANCELLED", "CRASHED")


@pytest.mark.service
@pytest.mark.exhaustive
def test_a_failure_that_cannot_pass_is_told_once_and_the_repaired_study_is_processed(
    server, tmp_path, undisturbed
):
    with answering(Hook()) as hook:
        study = new_study(tmp_path / "grille", f'{EXECUTION}[notify]\nwebhook = "{hook.url}"\n')
        with running(Service(study, server)) as service:
            kept = study.grid_path.read_bytes()
            study.grid_path.unlink()
            drop(study)
            wait_for(lambda: hook.documents, "notice of the failure")
            wait_for(lambda: ended(server, study, 1), "end of the run")
            study.grid_path.write_bytes(kept)
            (study.depot / FOLDER / "Table 3.txt").touch()
            wait_for(lambda: report_is_there(study), "report")
            wait_for(lambda: ended(server, study, 2), "end of the runs")
    assert [run["state"]["type"] for run in server.runs(study)] == ["FAILED", "COMPLETED"]
    assert [document["state"] for document in hook.documents] == ["failed", "ready"]
    assert "grille.yaml" in hook.documents[0]["reason"]
    assert service.journal.read_text(encoding="utf-8").count("traitement échoué : ") == 1
    assert service.said("grille : traitement fait en ")
    assert study.table_hashes() == undisturbed


@pytest.mark.service
def test_a_full_disk_is_waited_for(server, tmp_path, undisturbed):
    place = tmp_path / "petit"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("il faut pouvoir monter un petit disque")
    try:
        study = new_study(place / "pleine")
        with running(Service(study, server, journal=tmp_path / "service.log")):
            drop(study)
            filler = place / "bourre"
            with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(4096))
            wait_for(
                lambda: any(run["state"]["type"] == "RUNNING" for run in server.runs(study)),
                "a run at work",
            )
            wait_for(lambda: retried(server), "an attempt that failed")
            filler.unlink()
            wait_for(lambda: report_is_there(study), "report")
            wait_for(lambda: ended(server, study, 1), "end of the run")
            assert [run["state"]["type"] for run in server.runs(study)] == ["COMPLETED"]
            assert len(manifests(study)) == 1
            assert study.table_hashes() == undisturbed
    finally:
        wait_for(
            lambda: (
                subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode
                == 0
            ),
            "the disk set free",
        )


@pytest.mark.service
@pytest.mark.exhaustive
@pytest.mark.parametrize("stage", ["read", "cluster"])
def test_a_share_that_goes_away_during_a_run_is_processed_when_it_is_back(
    server, tmp_path, undisturbed, stage
):
    share, place = tmp_path / "partage", tmp_path / "monté"
    share.mkdir()
    place.mkdir()
    mount = ["mount", "--bind", str(share), str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("il faut pouvoir monter un dossier")
    try:
        study = new_study(place / f"lointaine-{stage}")
        with running(Service(study, server, journal=tmp_path / "service.log")):
            drop(study)
            wait_for(lambda: begun(study, stage), stage)
            subprocess.run(["umount", "--lazy", str(place)], check=True)
            wait_for(lambda: ended(server, study, 1), "end of the run without its share")
            subprocess.run(mount, check=True)
            wait_for(lambda: report_is_there(study), "report")
            wait_for(lambda: ended(server, study, 2), "end of the run with its share")
            assert len(manifests(study)) == 1
            assert study.table_hashes() == undisturbed
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False)


@pytest.mark.service
def test_a_database_that_is_stopped_is_waited_for(server, tmp_path, undisturbed):
    pytest.importorskip("psycopg", reason="psycopg n'est pas installé (extra postgres)")
    from support.postgres_server import binary, make_database, running_server

    if not binary("initdb"):
        pytest.skip("aucun serveur PostgreSQL sur cette machine (apt-get install postgresql)")
    study = new_study(tmp_path / "base")
    with running_server() as database:
        url = make_database(database.address, "decisions")
        with running(Service(study, server, ATELIERS_DATABASE_URL=url)):
            database.stop()
            drop(study)
            wait_for(lambda: retried(server), "an attempt that failed")
            assert manifests(study) == []
            database.start()
            wait_for(lambda: report_is_there(study), "report")
            wait_for(lambda: ended(server, study, 1), "end of the run")
    assert [run["state"]["type"] for run in server.runs(study)] == ["COMPLETED"]
    assert len(manifests(study)) == 1
    assert study.table_hashes() == undisturbed


@pytest.mark.service
@pytest.mark.exhaustive
@pytest.mark.skipif(CLOCK is None, reason="needs libfaketime (apt-get install libfaketime)")
@pytest.mark.parametrize("jumps", [("-3d", "+0"), ("+40d", "-1h"), ("-1h", "+3d")])
def test_a_clock_that_jumps_during_a_run_changes_nothing(tmp_path, undisturbed, jumps):
    study = new_study(tmp_path / f"horloge{jumps[0]}")
    clock = tmp_path / "horloge"
    set_clock(clock, "+0")
    told = {
        "LD_PRELOAD": str(CLOCK),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with (
        running(PrefectServer(tmp_path / "serveur", **told)) as server,
        running(Service(study, server, **told)) as service,
    ):
        drop(study)
        for stage, jump in zip(("read", "cluster"), jumps, strict=True):
            wait_for(lambda stage=stage: begun(study, stage), stage)
            set_clock(clock, jump)
        wait_for(lambda: report_is_there(study), "report")
        wait_for(lambda: ended(server, study, 1), "end of the run")
        time.sleep(6)
        assert (
            len(manifests(study)) == 1
        )  # a clock that is days ahead has the nightly run come early: it finds nothing new
        assert study.table_hashes() == undisturbed
        (study.depot / FOLDER / "Table 4.txt").write_text(
            "Q1\n- le car du soir est complet\n", encoding="utf-8"
        )
        wait_for(lambda: len(manifests(study)) == 2, "next run")
        wait_for(lambda: due_fingerprint(Study.open(study.root)) is None, "end of the next run")
        wait_for(lambda: ended(server, study, 2), "end of the runs")
        assert {run["state"]["type"] for run in server.runs(study)} == {"COMPLETED"}
        assert service.stop() == 0
    assert len(manifests(study)) == 2 and len(study.read_table("documents")) == 4


def set_clock(path: Path, offset: str) -> None:
    """Have the processes under libfaketime that watch `path` see their clock `offset` from the machine's, from now on."""
    path.with_suffix(".new").write_text(offset, encoding="utf-8")
    path.with_suffix(".new").replace(path)


def retried(server: PrefectServer) -> bool:
    """Whether an attempt at a run waits to be made again."""
    return bool(
        server.ask(
            "/task_runs/filter",
            {"task_runs": {"state": {"name": {"any_": ["AwaitingRetry", "Retrying"]}}}},
        )
    )


def test_without_a_server_one_line_says_how_to_start_one(small_study, monkeypatch):
    pytest.importorskip("watchfiles")
    from prefect.settings import PREFECT_API_URL, temporary_settings

    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(
        StudyError, match=r"ne nomme aucun serveur.*prefect server start --host 127\.0\.0\.1"
    ):
        serve_studies([small_study.root], told=print)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    named = temporary_settings(
        {PREFECT_API_URL: os.environ["PREFECT_API_URL"]}
    )  # Prefect read the environment once, maybe before
    with (
        named,
        pytest.raises(
            StudyError,
            match=r"pas de serveur Prefect à l'adresse http://127\.0\.0\.1:9/api.*prefect server start",
        ),
    ):
        serve_studies([small_study.root], told=print)


def test_a_study_is_served_once_and_names_are_not_shared(small_study, tmp_path, monkeypatch):
    pytest.importorskip("watchfiles")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    other = Study.create(tmp_path / "ailleurs" / small_study.root.name)
    with pytest.raises(UsageError, match="deux études de même nom « etude »"):
        serve_studies([small_study.root, other.root], told=print)
    from pipeline.study import locked_file

    with (
        locked_file(small_study.runs / ".served", StudyError("a", "b", "c")),
        pytest.raises(StudyError, match="est déjà servie"),
    ):
        serve_studies([small_study.root], told=print)


def test_a_service_that_was_just_starting_when_told_to_stop_is_asked_again():
    started, over = threading.Event(), threading.Event()
    asked: list[bool] = []

    class Starting:
        """Does not hear the first word."""

        def end(self) -> bool:
            asked.append(started.is_set())
            if started.is_set():
                over.set()
            started.set()
            return asked[-1]

    thread = threading.Thread(target=over.wait, args=(30,))
    thread.start()
    serve.end_services([Starting()], [thread])
    assert over.is_set() and not thread.is_alive()
    assert asked == [False, True]

"""Nobody's name and nobody's words are in what work leaves beside tables: logs, terminal, records, Prefect, messages, review."""

import io
import logging
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.notify import failure_notice, failure_summary, notice_mail, ready_notice, run_summary
from flows.run import Outcome, run_study
from pipeline.cli import main
from pipeline.study import Study
from support.file_texts import texts_of
from support.review_server import serving
from support.served import PrefectServer, running
from support.studies import group_any_size

ROOT = Path(__file__).parent.parent
FOLDER = "Pays de Retz 2026-03-10"
MAIL = """From: Gwenola Kerbrat <gwenola.kerbrat@marais.example>
To: mission@cress.example
Subject: Atelier de Machecoul, suite
Date: Mon, 16 Mar 2026 09:12:00 +0100
Content-Type: text/plain; charset=utf-8

Bonjour,
Je voulais ajouter que le foyer logement ferme ses portes en juin.
Mon voisin Anatole Quemeneur cherche un garde-malade pour sa mère.
Vous pouvez me joindre au 06 39 98 45 67.
Gwenola Kerbrat
"""
# Half the files are spoilt, since an error may repeat what it stumbles over.
SPOILT = {
    "Table 3.docx": b"PK\x03\x04 Hippolyte Trevidic a dit que le lavoir est ferme",
    "Table 4.xlsx": b"Hippolyte Trevidic;06 39 98 77 88",
    "carte.geojson": b'{"type": "FeatureCollection", "features": [{"properties": {"nom": "Hippolyte Trevidic"}}',
    "page.html": b"<!DOCTYPE x [<!ENTITY a 'Hippolyte Trevidic'>]><p>&a;</p>",
    "vide.eml": b"From: Hippolyte Trevidic <h.trevidic@retz.example>\n\n",
}
NAMES = (
    "Guivarch",
    "Le Bihan",
    "Sorin",
    "Pasquereau",
    "Kerbrat",
    "Quemeneur",
    "Trevidic",
    "Théophile",
    "Gwenola",
)
REACHED = (
    "maelle.guivarch@",
    "yannick.lebihan@",
    "gwenola.kerbrat@",
    "h.trevidic@",
    "06 39 98",
    "0639984567",
    "0639987788",
    "639981234",
)


@pytest.fixture
def planted(tmp_path: Path) -> Study:
    """A workshop with an attendance list, two tables of notes, a mail, and files that cannot be read."""
    study = group_any_size(Study.create(tmp_path / "etude"))
    shutil.copytree(
        ROOT / "tests" / "golden" / "first-release" / "depot" / FOLDER, study.depot / FOLDER
    )
    (study.depot / FOLDER / "suite.eml").write_text(MAIL, encoding="utf-8")
    for name, content in SPOILT.items():
        (study.depot / FOLDER / name).write_bytes(content)
    return study


def words_said(study: Study) -> list[str]:
    """What must not be found: names, addresses, numbers, passages and lines of files of more than three words."""
    paths = [
        path for path in study.depot.rglob("*") if path.suffix in (".md", ".txt", ".eml", ".csv")
    ]
    lines = [
        line.strip("-• \t")
        for path in paths
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    passages = study.read_table("units")["text"].tolist()
    return [*NAMES, *REACHED, *(text for text in {*lines, *passages} if len(text.split()) > 3)]


def found_in(texts: dict[str, str], words: list[str]) -> list[tuple[str, str]]:
    """Where a word stands, as it is or as JSON writes it."""
    forms = {word: {word, word.encode("unicode_escape").decode()} for word in words}
    return [
        (where, word)
        for where, text in texts.items()
        for word in words
        if any(form in text for form in forms[word])
    ]


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """What every logger of this process says, at DEBUG."""
    stream, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(stream), root.level
    quiet = [
        logger
        for name in list(logging.root.manager.loggerDict)
        if not (logger := logging.getLogger(name)).propagate
    ]
    for logger in (root, *quiet):
        logger.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.setLevel(level)
        for logger in (root, *quiet):
            logger.removeHandler(handler)


def test_the_search_finds_what_is_planted() -> None:
    texts = {
        "journal": "lecture de Table 1 : Mme Guivarch",
        "json": '"nom": "Th\\xe9ophile"',
        "rien": "31 passages, 5 thèmes",
    }
    assert {where for where, _ in found_in(texts, [*NAMES, *REACHED])} == {"journal", "json"}


@pytest.mark.slow
def test_a_run_says_nobody_s_name_and_nobody_s_words(
    planted: Study, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = str(planted.root)
    with everything_logged() as logged:
        outcome = run_study(planted.root)
        for command in (
            ["status", root],
            ["status", root, "--json"],
            ["publish", root],
            ["compare", root],
        ):
            assert main(command) == 0
        assert main(["export", root, "--format", "doutes"]) == 0
        doubts = planted.vault / "doutes.csv"
        assert main(["import", root, str(doubts)]) == (0 if doubts.is_file() else 1)
        assert main(["backup", root, "-o", str(tmp_path / "garde.ateliers")]) == 0
        assert main(["forget", root, "personne-1"]) == 0
        with pytest.raises(ValueError, match="Guivarch"):
            raise ValueError("Maëlle Guivarch")
    said, study = capfd.readouterr(), Study.open(planted.root)
    assert "n'a pas abouti" in failure_summary(study, ValueError("Maëlle Guivarch"))
    texts = {
        "logs": logged.getvalue(),
        "stdout": said.out,
        "stderr": said.err,
        "summary": run_summary(study, Outcome(outcome.manifest, is_new=True)),
        "failure": failure_summary(
            study, ValueError("Maëlle Guivarch : plus de médecin à Machecoul depuis deux ans")
        ),
        "mail": str(
            notice_mail(
                ready_notice(study, outcome),
                study.settings.notify.model_copy(update={"sender": "a@b.example"}),
            )
        ),
        "mail of a failure": str(
            notice_mail(
                failure_notice(study, KeyError("Guivarch")),
                study.settings.notify.model_copy(update={"sender": "a@b.example"}),
            )
        ),
    } | {path.name: path.read_text(encoding="utf-8") for path in study.runs.glob("*.json")}
    assert len(texts) >= 9 and len(texts["stdout"]) > 1000
    words = words_said(study)
    assert len(words) > 60
    assert found_in(texts, words) == []


@pytest.mark.slow
def test_what_is_kept_beside_the_vault_names_nobody(planted: Study) -> None:
    run_study(planted.root)
    people = [*NAMES, *REACHED]
    kept = [
        path
        for folder in (planted.cache, planted.tables)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    assert len(kept) > 50
    texts = {
        f"{path.parent.name}/{path.name}": "\n".join(texts_of(path.name, path.read_bytes()))
        for path in kept
        if path.suffix != ".npy"
    }
    assert found_in(texts, people) == []


@pytest.mark.slow
def test_the_review_logs_nobody_s_name_and_nobody_s_words(
    planted: Study, capfd: pytest.CaptureFixture[str]
) -> None:
    run_study(planted.root)
    unit = planted.read_table("units")["unit_id"].min()
    paths = [
        "passages",
        f"passages/{unit}/document",
        "recherche?q=Guivarch",
        "inconnu/Guivarch?q=Guivarch",
        "themes",
    ]
    with serving(planted) as served:
        for path in paths:
            quoted = urllib.parse.quote(path, safe="/?=")
            request = urllib.request.Request(
                served.url(quoted),
                headers={"Cookie": f"{served.session_cookie}={served.sessions['alix']}"},
            )
            try:
                urllib.request.urlopen(request, timeout=60).close()
            except urllib.error.HTTPError as error:
                assert error.code == 404, path
        data = urllib.parse.urlencode({"username": "Maëlle Guivarch", "password": "x"}).encode()
        with pytest.raises(urllib.error.HTTPError, match="403"):  # without the page's own mark
            urllib.request.urlopen(served.url("connexion"), data=data, timeout=60)
    said = capfd.readouterr()
    words = [word for word in words_said(planted) if word != "Guivarch"]
    assert found_in({"stdout": said.out, "stderr": said.err}, words) == []
    lines = [line for line in (said.out + said.err).splitlines() if "Guivarch" in line]
    assert [line for line in lines if "/Guivarch" not in line] == [], (
        "nothing but an address that somebody typed"
    )


@pytest.mark.slow
def test_prefect_keeps_nobody_s_name_and_nobody_s_words(planted: Study, tmp_path: Path) -> None:
    with running(PrefectServer(tmp_path / "serveur")) as server:
        told = (
            os.environ
            | server.environment
            | {"PREFECT_LOGGING_LEVEL": "DEBUG", "DO_NOT_TRACK": "1"}
        )
        process = "import sys, pathlib; from flows.served_flows import process_flow; process_flow(pathlib.Path(sys.argv[1]))()"
        run = subprocess.run(
            [sys.executable, "-c", process, str(planted.root)],
            env=told,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    texts = {"stdout": run.stdout, "stderr": run.stderr}
    for path in sorted((tmp_path / "serveur").rglob("*")):
        if path.is_file():
            texts[path.name] = path.read_bytes().decode("utf-8", "replace")
    assert any(name.startswith("prefect.db") for name in texts) and "process_study" in "".join(
        texts.values()
    )
    assert found_in(texts, words_said(planted)) == []

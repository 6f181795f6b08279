"""Every command line in a block of the documentation is run, in the order of the pages, in one session on a small study.

`ÉTUDE` is that study, `/srv/` a folder of its own, « Prénom Nom » somebody of its attendance list. What people do between two commands
(drop files, fill a sheet) is in `BETWEEN`. What cannot be run here is in `NOT_RUN`, with the reason and what is checked instead; a line
that is neither fails.
"""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from pipeline.cli import make_parser
from pipeline.study import Study
from support.docs_read import PAGES, ROOT, Block, blocks_of
from support.ports import free_port
from support.prefect_server import read_variables

BLOCKS = [
    block for page in PAGES for block in blocks_of(page) if block.kind in ("commands", "cron")
]
UNITS = {path.stem for path in (ROOT / "docs" / "operations").glob("*.service")}
PERSON = "Luce Ferrand"
PATIENCE_S = 240

NOTES = {
    "Table 1.txt": """Q1 besoins
- plus de médecin à Vervins depuis deux ans
- les loyers montent, les jeunes partent
- Luce Ferrand demande une navette pour l'hôpital (06-12-34-56)
- pas de bus le samedi, on reste chez soi
- les banques refusent les petits prêts
Q2 ce qui marche
- la recyclerie de Guise emploie douze personnes
- le café associatif ouvre trois soirs par semaine
- les jardins partagés donnent des légumes aux cantines
""",
    "Table 2.txt": """Q1 besoins
- pas de médecin, il faut aller à Laon
- la solitude des personnes âgées dans les hameaux
- les subventions arrivent trop tard, la trésorerie ne suit pas
- aucune voiture, donc aucun emploi
Q4 à améliorer
- monter une navette avec les bénévoles
- mutualiser un poste de comptable entre associations
- proposer des permanences de santé dans la salle des fêtes
- ouvrir une épicerie solidaire à Hirson
""",
    "Synthèse.txt": """Restitution
Le médecin manque, c'est urgent, tout le monde le dit.
Les transports bloquent l'emploi des jeunes.
La trésorerie des associations est fragile.
""",
    "Émargement.csv": """Nom;Prénom;Structure;Fonction;Commune;Signature
Ferrand;Luce;Recyclerie de Guise;directrice;Guise;x
Delattre;Paul;Mairie d'Hirson;élu;Hirson;x
Osmont;Nadia;Les Jardins partagés;bénévole;Vervins;x
""",
}


# --- what is not run, and what is checked instead ------------------------------------------------------------------------------


def a_target_that_make_knows(words: list[str]) -> None:
    printed = subprocess.run(
        ["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    if words[1:] == ["demo"]:
        assert "bin/ateliers demo demo" in printed


def units_that_are_shipped(words: list[str]) -> None:
    """`systemctl stop a b`, `systemctl enable --now a`, `journalctl -u a`."""
    named = (
        [word for word in words[2:] if word != "--now"]
        if words[0] == "systemctl"
        else [words[words.index("-u") + 1]]
    )
    assert set(named) <= UNITS and bool(named) != ("daemon-reload" in words), words
    if words[0] == "systemctl":
        assert words[1] in ("start", "stop", "restart", "status", "enable", "daemon-reload")
    else:
        assert "--since" not in words or words[words.index("--since") + 1] in ("today", "yesterday")


def an_account_that_the_units_name(words: list[str]) -> None:
    """`useradd … a`, `install -d -o a -g a folder`, `install -m 644 units /etc/systemd/system/`, `runuser -u a -- ateliers …`."""
    if words[0] == "install" and "-d" not in words:
        assert {path.stem for path in ROOT.glob(words[-2])} == UNITS
        return
    account = (
        words[-1]
        if words[0] == "useradd"
        else words[words.index("-o" if words[0] == "install" else "-u") + 1]
    )
    units = [
        (ROOT / "docs" / "operations" / f"{name}.service").read_text(encoding="utf-8")
        for name in UNITS
    ]
    assert all(f"User={account}\n" in unit for unit in units)
    if words[0] == "runuser":
        make_parser().parse_args(words[words.index("--") + 2 :])


def a_pull_in_the_repository(words: list[str]) -> None:
    assert words == ["git", "pull"]


def a_command_that_the_program_reads(words: list[str]) -> None:
    make_parser().parse_args(words[1:])


def a_command_that_dask_knows(words: list[str]) -> None:
    """`dask scheduler`, `dask worker`: each option is one of theirs."""
    pytest.importorskip("distributed", reason="l'extra dask n'est pas installé")
    program = Path(sys.executable).with_name("dask")
    known = subprocess.run(
        [program, words[1], "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert [word for word in words[2:] if word.startswith("--") and word not in known] == []


NOT_RUN: dict[str, tuple[str, Callable[[list[str]], None]]] = {
    "make": ("installs, or runs these very tests", a_target_that_make_knows),
    "systemctl": ("asks for root and a running systemd", units_that_are_shipped),
    "useradd": ("asks for root", an_account_that_the_units_name),
    "install": ("asks for root", an_account_that_the_units_name),
    "runuser": ("asks for root", an_account_that_the_units_name),
    "journalctl": ("asks for a running systemd", units_that_are_shipped),
    "ateliers send-back": ("asks for a mail server", a_command_that_the_program_reads),
    "ateliers fetch-mail": ("asks for a mail server", a_command_that_the_program_reads),
    "git": ("asks for a network", a_pull_in_the_repository),
    "dask": ("asks for several machines and their certificates", a_command_that_dask_knows),
}
RUN = ("ateliers", "cp", "prefect", "sh", "mkdir", "set", ".")
REFUSED = {  # run until it says what it lacks, as the page tells; what it does then takes minutes, and tests/test_tagger.py sees to it
    "ateliers train": "20 au moins",
}
SERVING = {"ateliers review", "ateliers serve", "prefect server"}  # started, asked, stopped


def words_of(line: str) -> tuple[dict[str, str], list[str]]:
    """Environment and words of a command line, without `sudo` and the path of our own program."""
    words = shlex.split(line, comments=True)
    environment = {}
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        environment[name] = value
    words = words[1:] if words[0] == "sudo" else words
    return environment, [re.sub(r"^(/srv/ateliers/)?\.venv/bin/", "", words[0]), *words[1:]]


def check_instead(words: list[str]) -> Callable[[list[str]], None] | None:
    """What is checked of a command that is not run; None for one that is."""
    _, check = NOT_RUN.get(" ".join(words[:2])) or NOT_RUN.get(words[0]) or ("", None)
    return check


def commands_of(block: Block) -> Iterator[str]:
    for line in block.lines:
        for command in re.sub(r"\s+#.*", "", line).split(" && "):
            yield re.sub(r"^(\S+\s+){5}", "", command) if block.kind == "cron" else command


LINES = [
    (block.page.relative_to(ROOT).as_posix(), line)
    for block in BLOCKS
    for line in commands_of(block)
]


@pytest.mark.parametrize(
    ("page", "line"), LINES, ids=[f"{page}: {line[:60]}" for page, line in LINES]
)
def test_every_line_is_a_command_that_is_run_or_one_that_is_checked(page, line):
    _, words = words_of(line)
    check = check_instead(words)
    assert words[0] in RUN or check, f"{page} : {line}"
    if check:
        check(words)
    elif words[0] == "ateliers":
        make_parser().parse_args(words[1:])


def test_the_units_are_ones_that_systemd_reads():
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze n'est pas installé")
    for name in sorted(UNITS):
        path = ROOT / "docs" / "operations" / f"{name}.service"
        told = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True
        ).stderr
        of_unit = [
            line
            for line in told.splitlines()
            if path.name in line and "is not executable" not in line and "Unit " not in line
        ]
        assert of_unit == []


# --- what people do between two commands ---------------------------------------------------------------------------------------


def drop_a_workshop(work: Path) -> None:
    make_workshop(work / "etude" / "depot" / "Thiérache 2026-05-19")


def make_workshop(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, text in NOTES.items():
        (folder / name).write_text(text, encoding="utf-8")
    manifest = next(
        block.text
        for page in PAGES
        for block in blocks_of(page)
        if block.kind == "yaml" and "territoire:" in block.text
    )
    (folder / "atelier.yaml").write_text(manifest, encoding="utf-8")


def decide_on_doubts(work: Path) -> None:
    fill(work / "doutes.xlsx", "décision", "masquer")


def read_every_row(work: Path) -> None:
    fill(work / "relecture.xlsx", "Relu", "oui", author="Alix")


def fill(path: Path, title: str, value: str, *, author: str = "") -> None:
    """Write `value` in the column `title` of every row, and who read beside « Relu par »."""
    sheets = {
        sheet: CalamineWorkbook.from_path(str(path)).get_sheet_by_name(sheet).to_python()
        for sheet in sheet_names(path)
    }
    book = xlsxwriter.Workbook(path, {"strings_to_formulas": False})
    for name, rows in sheets.items():
        head = next((place for place, row in enumerate(rows) if title in row), len(rows))
        for place, row in enumerate(rows):
            if place > head and any(row):
                row[rows[head].index(title)] = value
            if place < head and author and "Relu par" in row:
                row[row.index("Relu par") + 1] = author
        sheet = book.add_worksheet(name)
        for place, row in enumerate(rows):
            sheet.write_row(place, 0, row)
    book.close()


def sheet_names(path: Path) -> list[str]:
    return list(CalamineWorkbook.from_path(str(path)).sheet_names)


def have_a_folder_to_drop(work: Path) -> None:
    make_workshop(work / "Atelier Thiérache 2026-05-19")


BETWEEN = {  # before the first line that begins so
    "ateliers import ÉTUDE doutes.xlsx": decide_on_doubts,
    "ateliers import ÉTUDE relecture.xlsx": read_every_row,
    'cp -r "Atelier': have_a_folder_to_drop,
}
ONCE = "ateliers forget"  # somebody erased by one page is unknown on the next: the same line is run the first time


# --- the session ---------------------------------------------------------------------------------------------------------------


class Session:
    """A folder that stands for /srv, where lines are run one after the other."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(work),
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
            "BROWSER": "true",
            "PREFECT_HOME": str(work / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "LANG": "C.UTF-8",
        }
        self.environment.pop("PREFECT_API_URL", None)
        self.port = free_port()
        self.prefect: subprocess.Popen[str] | None = None

    def run(self, line: str) -> None:
        """Run a line to its end, or until it serves; it ends with 0, or is refused as told."""
        told, words = words_of(self._here(line))
        name = " ".join(words[:2])
        if (
            words[0] == "set"
        ):  # every variable that is read is given to commands, here as in `environment`
            return
        if words[0] == ".":
            self.environment |= read_variables(self.work / words[1])
            return
        if name in SERVING:
            self._serve(name, words, told)
            return
        done = subprocess.run(
            words,
            cwd=self.work,
            env=self.environment | told,
            capture_output=True,
            text=True,
            timeout=900,
        )
        if name in REFUSED:
            assert (done.returncode, REFUSED[name] in done.stderr) == (1, True), done.stderr
            return
        assert done.returncode == 0, f"{line} : {done.returncode}\n{done.stdout}\n{done.stderr}"

    def _here(self, line: str) -> str:
        line = (
            line.replace("ÉTUDE", "etude")
            .replace("Prénom Nom", PERSON)
            .replace("127.0.0.1:4200", f"127.0.0.1:{self.port}")
        )
        line = line.replace("/etc/", f"{self.work}/etc/").replace(
            "docs/operations/", f"{ROOT}/docs/operations/"
        )
        return re.sub(r"(?<![\w/])/srv/(?!ateliers/)", f"{self.work}/", line).replace(
            "--port 4200", f"--port {self.port}"
        )

    def _serve(self, name: str, words: list[str], told: dict[str, str]) -> None:
        if name == "ateliers review" and "--port" not in words:
            words = [*words, "--port", str(free_port())]
        process = subprocess.Popen(
            words,
            cwd=self.work,
            env=self.environment | told,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        heard: list[str] = []
        threading.Thread(
            target=lambda: heard.extend(iter(process.stdout.readline, "")), daemon=True
        ).start()
        try:
            if name == "prefect server":
                until(lambda: answers(f"http://127.0.0.1:{self.port}/api/health"), process, heard)
                self.prefect = process
                return
            if name == "ateliers review":
                address = until(lambda: re.search(r"http://\S+", "".join(heard)), process, heard)[0]
                assert "Premier accès" in until(lambda: answers(address), process, heard)
            else:
                until(lambda: "servie" in "".join(heard), process, heard)
                time.sleep(5)  # asked while its runner starts, it takes a minute to end
        finally:
            if process is not self.prefect:
                stop(process)
        assert process.returncode in (0, -signal.SIGINT, 130), "".join(heard)

    def close(self) -> None:
        if self.prefect is not None:
            stop(self.prefect)


def answers(address: str) -> str:
    """What `address` answers, "" where nothing does."""
    with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read().decode("utf-8") or "answered"
    return ""


def until(is_there: Callable[[], object], process: subprocess.Popen[str], heard: list[str]):
    """The first true answer; fails where the process ends before."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := is_there():
            return found
        assert process.poll() is None, "".join(heard)
        time.sleep(0.2)
    raise TimeoutError("".join(heard))


def stop(process: subprocess.Popen[str]) -> None:
    """Stop it as Ctrl+C does, and whatever it left."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(150)
    except subprocess.TimeoutExpired:
        process.terminate()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
def test_every_command_of_the_documentation_runs(demo_study: Study, tmp_path: Path):
    work = tmp_path / "srv"
    (work / "sauvegardes").mkdir(parents=True)
    shutil.copytree(
        demo_study.root, work / "essai"
    )  # « ateliers demo essai » has nothing left to do
    waiting, ran = dict(BETWEEN), set()
    session = Session(work)
    try:
        session.run("ateliers init etude")  # the guides make a study in the browser
        drop_a_workshop(work)
        session.run("ateliers run etude")
        for _, line in LINES:
            if check_instead(words_of(line)[1]) or (line.startswith(ONCE) and line in ran):
                continue
            for beginning in [beginning for beginning in waiting if line.startswith(beginning)]:
                waiting.pop(beginning)(work)
            session.run(line)
            ran.add(line)
    finally:
        session.close()
    assert waiting == {}, "what people do before a line that no page holds any more"
    etude = Study.open(work / "etude")
    assert (
        len(etude.read_table("decision_effects")) >= 15
    )  # what was filled in the sheet came back as decisions
    assert not [
        path
        for path in etude.root.rglob("*")
        if path.is_file() and "depot" not in path.parts and PERSON.encode() in path.read_bytes()
    ]

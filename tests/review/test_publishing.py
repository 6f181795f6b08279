"""Publishing, downloading, links for readers, erasing and backing up, asked of the real server."""

import io
import json
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, expect

from flows.backup import PASSPHRASE, restore_study
from flows.publication_files import export_path, publications
from flows.tasks import Task, start_task, task_of
from flows.vault import Vault
from pipeline.review.reader_links import RateLimit
from pipeline.study import Study
from support.review_client import client, token, without_no_break
from support.review_server import Served, serving

PHRASE = "une longue phrase de passe"


def ended(study: Study, name: str, *, within_s: float = 420) -> Task:
    """Return the task once its process has ended."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        task = task_of(study.root, name)
        if task is not None and not task.is_running:
            return task
        time.sleep(0.1)
    raise TimeoutError(f"{name} goes on")


def post(served: Served, name: str, path: str, **fields: str) -> tuple[int, str]:
    """Send a form as `name`; return the status and the page that follows."""
    session = client(served, name)
    answer = session.post(path, data={"csrfmiddlewaretoken": token(session), **fields})
    page = session.get(answer.headers["location"]).text if answer.status_code == 302 else ""
    return answer.status_code, page or answer.text


@pytest.fixture(scope="module")
def published(new_study: Callable[..., Study]) -> Iterator[Served]:
    """The example study, published from its page by Alix."""
    with serving(new_study()) as served:
        before = client(served, "denis").get("/publier").text
        assert "Pas encore publié" in before and "restitution.pptx" not in before
        publish(served)
        yield served


def publish(served: Served) -> None:
    assert post(served, "alix", "/publier/lancer")[0] == 302
    task = ended(served.study, "publish")
    assert task.result, task


def last_publication(served: Served) -> str:
    return publications(served.study)[0].run_id


def test_the_page_says_who_published_and_what_nobody_signed(published: Served) -> None:
    page = client(published, "denis").get("/publier").text
    assert "par alix" in page and "restitution.pptx" in page and "Première publication" in page
    assert "10 thèmes des 10 premières priorités attendent une signature" in page
    assert "/themes/" in page and "attend d’être appliquée" not in page


@pytest.mark.parametrize(
    ("n_let_go", "told"),
    [
        (0, "La publication est faite."),
        (1, "La publication est faite. 1 ancienne est partie."),
        (3, "La publication est faite. 3 anciennes sont parties."),
    ],
)
def test_the_page_says_how_many_earlier_publications_went(
    published: Served, n_let_go: int, told: str
) -> None:
    path = published.study.root / ".review" / "taches" / "publish.json"
    before = path.read_bytes()
    task = json.loads(before)
    assert task["result"]["n_let_go"] == 0
    path.write_text(json.dumps(task | {"result": task["result"] | {"n_let_go": n_let_go}}))
    try:
        page = without_no_break(client(published, "denis").get("/publier?faite").text)
        assert told in page and ("partie" in told) == ("La publication est faite. " in page)
    finally:
        path.write_bytes(before)


@pytest.mark.slow
@pytest.mark.browser
def test_publishing_applies_the_decisions_that_waited(
    new_study: Callable[..., Study], browser: Browser
) -> None:
    study = new_study()
    priorities = study.read_table("priorities")
    first = priorities[(priorities["scope"] == "study") & (priorities["rank"] == 1)]["theme_id"]
    study.decisions.append(
        author="bilal", action="rename_theme", theme_id=str(first.iloc[0]), value="Argent, trésor"
    )
    with serving(study) as served:
        before = client(served, "denis").get("/publier").text
        assert "1 décision attend d’être appliquée" in before and "Argent, trésor" in before
        ended(study, "export")
        part = client(served, "denis").get(
            "/publier?partie=changements", headers={"HX-Request": "true"}
        )
        assert "Première publication" in part.text  # compared before anything is published
        page = served.open(browser, "alix", "publier")
        page.get_by_role("button", name="Publier", exact=True).click()
        expect(page.locator("#publication")).to_contain_text("demandée par alix")
        expect(page.locator("#annonce")).to_contain_text("est faite", timeout=420_000)
        expect(page.locator("main")).not_to_contain_text("attend d’être appliquée")
        with page.expect_download() as waiting:
            page.click("text=restitution.pptx")
        assert waiting.value.path().stat().st_size > 100_000
    assert "Argent, trésor" in set(study.read_table("themes")["label"])


def _is_zip(content: bytes, name: str) -> bool:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.testzip() is None and any(name in entry for entry in archive.namelist())


def _parquet(content: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        name = next(entry for entry in archive.namelist() if entry.endswith("units.parquet"))
        return len(pd.read_parquet(io.BytesIO(archive.read(name)))) > 100


FILES: dict[str, Callable[[bytes], bool]] = {
    "rapport.docx": lambda content: _is_zip(content, "word/document.xml"),
    "rapport.pdf": lambda content: content.startswith(b"%PDF"),
    "annexe-technique.docx": lambda content: _is_zip(content, "word/document.xml"),
    "restitution.pptx": lambda content: _is_zip(content, "ppt/presentation.xml"),
    "ateliers/02-roubaix.docx": lambda content: _is_zip(content, "word/document.xml"),
    "tableaux/tableaux.xlsx": lambda content: _is_zip(content, "xl/workbook.xml"),
    "tableaux/tables-techniques.xlsx": lambda content: _is_zip(content, "xl/workbook.xml"),
}
EXPORTS: dict[str, Callable[[bytes], bool]] = {
    "qdpx": lambda content: _is_zip(content, "project.qde"),
    "qdc": lambda content: b"<CodeBook" in content,
    "iramuteq": lambda content: content.startswith(b"****"),
    "relecture": lambda content: _is_zip(content, "xl/workbook.xml"),
    "geojson": lambda content: json.loads(content)["type"] == "FeatureCollection",
    "csv": lambda content: _is_zip(content, "units.csv"),
    "parquet": _parquet,
    "archive": lambda content: _is_zip(content, "changements.txt"),
}


def test_every_file_of_a_publication_opens(published: Served) -> None:
    session, run_id = client(published, "alix"), last_publication(published)
    for path, is_valid in FILES.items():
        answer = session.get(f"/publier/{run_id}/fichiers/{path}")
        assert answer.status_code == 200, path
        assert "attachment" in answer.headers["content-disposition"], path
        assert is_valid(answer.content), path


@pytest.mark.parametrize(
    "form", [pytest.param(form, marks=[pytest.mark.slow] * (form != "qdpx")) for form in EXPORTS]
)
def test_an_export_is_made_when_asked_for_and_kept(published: Served, form: str) -> None:
    session = client(published, "alix")
    answer = session.get(f"/publier/exports/{form}")
    while "attachment" not in answer.headers.get("content-disposition", ""):
        assert "se prépare" in answer.text
        ended(published.study, "export")  # of this form, or of what was asked for before
        answer = session.get(f"/publier/exports/{form}")
    assert EXPORTS[form](answer.content)
    path = export_path(published.study, form)
    assert path is not None and path.stat().st_mode & 0o077 == 0


@pytest.mark.browser
def test_pages_of_a_publication_run_their_own_script_alone(
    published: Served, browser: Browser
) -> None:
    page = published.open(browser, "denis", "connexion")
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(published.url(f"publier/{last_publication(published)}/fichiers/carte.html"))
    expect(page.locator("main.live")).to_be_visible()  # its script ran
    answer = page.goto(
        published.url(f"publier/{last_publication(published)}/fichiers/rapport.html")
    )
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'none'" in policy
    assert "sandbox" in policy and "unsafe-eval" not in policy
    expect(page.locator("h1")).to_be_visible()
    assert told == []


@pytest.mark.parametrize(
    "path",
    [
        "..%2f..%2fvault/key",
        "../../decisions.sqlite3",
        "manifeste.json",
        "%2e%2e/%2e%2e/etude.toml",
        ".review/liens.json",
    ],
)
def test_no_address_of_a_publication_leads_elsewhere(published: Served, path: str) -> None:
    session, run_id = client(published, "chantal"), last_publication(published)
    for folder in (run_id, "..", ".", "%2e%2e"):
        answer = session.get(f"/publier/{folder}/fichiers/{path}")
        assert answer.status_code in (301, 302, 400, 404), (folder, path)


def test_what_was_published_is_at_hand_after_a_new_run(published: Served) -> None:
    study, last = published.study, published.study.last_run()
    assert last is not None
    run_id = f"{int(last['run_id'][:8]) + 1}{last['run_id'][8:]}"
    folder = study.publications / run_id
    folder.mkdir()
    (folder / "rapport.html").write_text("<p>Rapport</p>", encoding="utf-8")
    manifest = study.write_manifest({**last, "run_id": run_id})
    try:
        page = client(published, "denis").get("/publier").text
        listed = page[page.index('id="fichiers"') : page.index('id="anciennes"')]
        assert f"/{run_id}/fichiers/rapport.html" in listed
        for name in ("restitution.pptx", "ateliers/02-roubaix.pdf"):
            assert f"/{last['run_id']}/fichiers/{name}" in listed, (
                "among the first files, not folded away"
            )
        assert f"/{last['run_id']}/fichiers/rapport.html" not in listed, (
            "the new report stands for it"
        )
    finally:
        manifest.unlink()
        shutil.rmtree(folder)


def test_a_reader_takes_reports_and_no_passages_for_other_tools(published: Served) -> None:
    session, run_id = client(published, "denis"), last_publication(published)
    assert session.get(f"/publier/{run_id}/fichiers/rapport.pdf").status_code == 200
    for path in ("analystes/etude.qdpx", "tableaux/tables-techniques.xlsx"):
        assert session.get(f"/publier/{run_id}/fichiers/{path}").status_code == 403
    assert session.get("/publier/exports/qdpx").status_code == 403
    page = session.get("/publier").text
    assert "etude.qdpx" not in page and "Faire un lien" not in page
    assert "Publier de nouveau" not in page and "Données de l’étude" not in page


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("denis", "/publier/lancer"),
        ("alix", "/publier/liens"),
        ("alix", "/publier/liens/0/fermer"),
        ("alix", "/publier/donnees/oublier"),
        ("alix", "/publier/donnees/sauvegarder"),
    ],
)
def test_who_may_not_is_refused(published: Served, name: str, path: str) -> None:
    assert post(published, name, path)[0] == 403
    assert client(published).post(path).status_code == 403


def test_only_administration_opens_the_data_of_the_study(published: Served) -> None:
    for name in ("denis", "alix"):
        assert client(published, name).get("/publier/donnees").status_code == 403
    page = client(published, "chantal").get("/publier/donnees").text
    assert "Effacer une personne" in page and "Restaurer une sauvegarde" in page


def made_link(served: Served, days: str = "30") -> str:
    """Return the path of a new link."""
    status, page = post(
        served, "chantal", "/publier/liens", publication=last_publication(served), jours=days
    )
    assert status == 200, page
    found = re.search(r'value="http://[^/"]+(/lecture/[^"]+)"', page)
    assert found is not None
    return found[1]


def test_a_link_opens_report_and_annex_without_account_and_nothing_else(published: Served) -> None:
    path, stranger = made_link(published), client(published)
    answer = stranger.get(path)
    assert answer.status_code == 200 and "rapport.html" in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "noindex" in answer.headers["x-robots-tag"]
    assert "/passages" not in answer.text and "Se déconnecter" not in answer.text
    for name in ("rapport.html", "annexe-technique.pdf"):
        file = stranger.get(f"{path}/{name}")
        assert file.status_code == 200 and len(file.content) > 10_000
        assert file.headers["referrer-policy"] == "no-referrer"
    for name in ("carte.html", "manifeste.json", "..%2frapport.html", "etude.qdpx"):
        assert stranger.get(f"{path}/{name}").status_code == 404
    assert stranger.get("/publier").status_code == 302
    kept = (published.study.root / ".review/liens.json").read_text()
    assert path.rpartition("/")[2] not in kept
    assert (published.study.root / ".review/liens.json").stat().st_mode & 0o077 == 0
    assert client(published, "chantal").get("/publier").text.count("/fermer") >= 1


def test_a_link_that_ended_says_so_in_one_line(published: Served) -> None:
    expired, revoked = made_link(published), made_link(published)
    path = published.study.root / ".review/liens.json"
    links = json.loads(path.read_text())
    links[-2]["expires_at"] = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    path.write_text(json.dumps(links))
    assert post(published, "chantal", f"/publier/liens/{links[-1]['link_id']}/fermer")[0] == 302
    stranger = client(published)
    for link, words in ((expired, "a expiré"), (revoked, "a été fermé")):
        for address in (link, f"{link}/rapport.html"):
            answer = stranger.get(address)
            assert answer.status_code == 410 and words in answer.text
            assert "rapport.html" not in answer.text


def test_a_link_is_for_a_bounded_number_of_days_and_a_publication(published: Served) -> None:
    for days in ("0", "366", "-1", "", "trente", "٣"):
        fields = {"publication": last_publication(published), "jours": days}
        status, page = post(published, "chantal", "/publier/liens", **fields)
        assert status == 302 and "ne convient pas" in page
    status, _page = post(published, "chantal", "/publier/liens", publication="..", jours="3")
    assert status == 404


def test_guessing_links_is_soon_refused(published: Served) -> None:
    stranger = client(published)
    statuses = [stranger.get(f"/lecture/{n:043d}").status_code for n in range(25)]
    assert statuses[0] == 404 and statuses[-1] == 429
    limit = RateLimit(2, 60, n_keys=2)
    assert [limit.allows("a") for _ in range(3)] == [True, True, False]
    assert limit.allows("b") and limit.allows("c") and limit.allows("a")  # "a" is no longer kept


def test_whoever_got_a_mail_refuses_the_next_in_one_gesture(published: Served) -> None:
    code, stranger = "0123456789abcdef", client(published)
    asked = stranger.get(f"/refus/{code}")
    assert asked.status_code == 200 and "Ne plus recevoir de courriel" in asked.text
    assert Vault(published.study).sending()["refusals"] == []  # programs open links by themselves
    told = stranger.post(f"/refus/{code}", data={"List-Unsubscribe": "One-Click"})
    assert told.status_code == 200 and "plus rien ne sera envoyé" in told.text
    assert Vault(published.study).sending()["refusals"] == [code]
    assert stranger.post("/refus/personne-1").status_code == 404
    assert Vault(published.study).sending()["refusals"] == [code]
    statuses = [stranger.post(f"/refus/{n:016x}").status_code for n in range(25)]
    assert statuses[-1] == 429


def test_a_backup_is_sealed_downloaded_and_restored(
    published: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, page = post(
        published, "chantal", "/publier/donnees/sauvegarder", phrase=PHRASE, encore="autre"
    )
    assert status == 302 and "diffèrent" in page
    status, page = post(
        published, "chantal", "/publier/donnees/sauvegarder", phrase="courte", encore="courte"
    )
    assert "trop courte" in page and task_of(published.study.root, "backup") is None
    post(published, "chantal", "/publier/donnees/sauvegarder", phrase=PHRASE, encore=PHRASE)
    task = ended(published.study, "backup")
    assert task.result, task
    assert PHRASE not in (published.study.root / ".review/taches/backup.json").read_text()
    name = task.result["name"]
    assert client(published, "alix").get(f"/publier/donnees/sauvegardes/{name}").status_code == 403
    session = client(published, "chantal")
    assert "chiffrée" in session.get("/publier/donnees").text
    answer = session.get(f"/publier/donnees/sauvegardes/{name}")
    (tmp_path / name).write_bytes(answer.content)
    monkeypatch.setenv(PASSPHRASE, PHRASE)
    restored = restore_study(tmp_path / name, tmp_path / "restauree")
    assert publications(Study.open(restored.path))[0].run_id == last_publication(published)
    for other in ("autre-20260101T000000Z.ateliers", "..%2fetude.toml"):
        assert session.get(f"/publier/donnees/sauvegardes/{other}").status_code == 404


def somebody(study: Study) -> str:
    """Return the whole name of a person who is there and is named in no file's name."""
    people = Vault(study).registry().persons.values()
    return next(person.full_name for person in people if " " in (person.full_name or ""))


def test_an_erasure_is_tried_first_and_changes_nothing(published: Served) -> None:
    study, name = published.study, somebody(published.study)
    run_id = last_publication(published)
    status, _page = post(
        published, "chantal", "/publier/donnees/oublier", geste="essayer", personne=name
    )
    assert status == 302
    task = ended(study, "forget")
    assert task.result and task.result["is_dry_run"], task
    page = client(published, "chantal").get("/publier/donnees").text
    assert "Serait effacé" in page and "Effacer définitivement" in page and name not in page
    post(
        published, "chantal", "/publier/donnees/oublier", geste="effacer", personne="personne-9999"
    )
    task = ended(study, "forget")
    assert task.fault and somebody(study) == name and last_publication(published) == run_id
    post(published, "chantal", "/publier/donnees/oublier", geste="fermer")
    assert task_of(study.root, "forget") is None
    _status, page = post(
        published, "chantal", "/publier/donnees/oublier", geste="effacer", personne=name
    )
    assert "L’essai manque" in page and task_of(study.root, "forget") is None


@pytest.mark.slow
def test_an_erasure_once_confirmed_leaves_no_name(new_study: Callable[..., Study]) -> None:
    with serving(new_study()) as served:
        name = somebody(served.study)
        for gesture in ("essayer", "effacer"):
            post(served, "chantal", "/publier/donnees/oublier", geste=gesture, personne=name)
            task = ended(served.study, "forget")
            assert task.result, task
        page = client(served, "chantal").get("/publier/donnees").text
        assert "Effacé" in page and "Effacer définitivement" not in page
        everyone = {person.full_name for person in Vault(served.study).registry().persons.values()}
        assert name not in everyone


@pytest.mark.slow
def test_a_task_that_is_killed_is_told_apart_from_one_at_work(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "etude")
    command = (
        "import sys; from pathlib import Path; from flows.tasks import start_task;"
        "start_task(Path(sys.argv[1]), 'backup', asked_by='chantal', arguments={'passphrase': None})"
    )
    with study.locked():  # a backup does not wait for a study at work
        subprocess.run([sys.executable, "-c", command, str(study.root)], check=True)
        task = ended(study, "backup", within_s=60)
    assert task.fault and not task.was_cut and task.asked_by == "chantal"
    state = study.root / ".review/taches/backup.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"ended_at": "", "fault": None}))
    assert ended(study, "backup", within_s=60).was_cut
    assert start_task(study.root, "backup", asked_by="alix", arguments={"passphrase": PHRASE})
    assert not start_task(study.root, "backup", asked_by="bilal", arguments={"passphrase": PHRASE})
    assert ended(study, "backup", within_s=60).result


_VISIT = """
import sys
from pathlib import Path
from pipeline.review.server import prepare
prepare(Path(sys.argv[1]))
from django.contrib.auth.models import User
from django.test import Client
from pipeline.review.roles import Role, give_role
user = User.objects.create(username="chantal")
give_role(user, Role.ADMINISTRATOR)
visitor = Client(SERVER_NAME="localhost")
visitor.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
for path in ("/publier", "/publier/donnees", "/publier/exports/qdpx", "/lecture/absent"):
    answer = visitor.get(path)
    print(answer.status_code, "Rien à publier" in answer.content.decode())
"""


@pytest.mark.slow
def test_a_study_never_run_has_nothing_to_publish(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "etude")
    assert publications(study) == [] and export_path(study, "qdpx") is None
    command = [sys.executable, "-c", _VISIT, str(study.root)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["200", "True", "200", "False", "404", "False", "404", "False"]


def test_an_earlier_publication_goes_once_asked_unless_it_is_in_use(published: Served) -> None:
    last, folder = last_publication(published), published.study.publications
    gone, linked = "20200101T080000000000Z", "20200102T080000000000Z"
    for run_id in (gone, linked):
        shutil.copytree(folder / last, folder / run_id)
    post(published, "chantal", "/publier/liens", publication=linked, jours="3")
    try:
        page = without_no_break(client(published, "chantal").get("/publier").text)
        assert f"/publier/{gone}/laisser-partir" in page and "sans retour possible" in page
        assert f"/publier/{linked}/laisser-partir" not in page and "Elle reste : un lien" in page
        assert "laisser-partir" not in client(published, "alix").get("/publier").text
        assert post(published, "alix", f"/publier/{gone}/laisser-partir")[0] == 403
        assert post(published, "chantal", "/publier/absente/laisser-partir")[0] == 404
        for run_id in (linked, last):
            _status, page = post(published, "chantal", f"/publier/{run_id}/laisser-partir")
            assert "Cette publication reste" in page and (folder / run_id).is_dir()
        _status, page = post(published, "chantal", f"/publier/{gone}/laisser-partir")
        assert "laissée partir le" in page and "par chantal" in page
        assert not (folder / gone).exists() and last_publication(published) == last
    finally:
        for run_id in (gone, linked):
            shutil.rmtree(folder / run_id, ignore_errors=True)

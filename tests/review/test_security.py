"""Who may do what, asked of the real server: nothing without login, roles on every address, no forged form, no script from a note."""

import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Browser

from pipeline.study import Study
from support.review_client import PATIENCE_S, client, token
from support.review_pages import PAGES, address, every_address
from support.review_server import PASSWORD, Served, make_accounts, serving

HOSTILE = "<script>document.title='volé'</script><img src=x onerror=document.title='volé'>{{ 7*7 }}"
_OF_OTHER_ROLES = (
    "apprentissage",
    "comptes",
    "depot-doutes",
    "donnees",
    "grille-axe",
    "grille-code",
    "grille-famille",
    "grille-retirer",
)
READ_ONLY = [name for name in PAGES if name not in _OF_OTHER_ROLES]


_OWN = ("login", "logout", "invitation", "account", "preferences")  # of one's own account
_SHOWN_BY_POST = ("priorities",)  # weights to try
_ADMINISTERS = (
    *("accounts", "change_account", "members", "grid_code", "grid_remove", "grid_import"),
    *("grid_axis", "grid_axis_remove", "grid_family", "grid_order"),
    *("study_data", "forget_person", "back_up", "backup_file", "restore", "archive_announce"),
    *("archive_piece", "make_reader_link", "revoke_reader_link", "send_back"),
)
_OPEN = (
    "login",
    "first_access",
    "invitation",
    "reader_link",
    "reader_file",
    "refuse_mails",
    "metrics",
)


def test_no_address_opens_without_login(served: Served) -> None:
    """But for the page that logs in, invitations and links, and figures for who has their token."""
    session = client(served)
    answers = {
        name: session.get(path)
        for name, path in every_address(served).items()
        if name not in (*_OPEN, "logout")
    }
    assert len(answers) > 80
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(
        answers, 302
    )
    for name, answer in answers.items():
        assert answer.headers["location"].startswith("/connexion?next="), name


def test_nothing_is_decided_without_login_or_without_the_forms_token(served: Served) -> None:
    before = len(served.decisions())
    addresses, data = every_address(served), {"geste": "valider"}
    for who in (None, "alix"):
        session = client(served, who) if who else client(served)
        statuses = {
            name: session.post(path, data=data).status_code for name, path in addresses.items()
        }
        assert statuses.pop("refuse_mails") == 200  # all that it can do is refuse
        assert statuses == dict.fromkeys(statuses, 403), who
    assert len(served.decisions()) == before


def test_a_reader_reads_everything_and_decides_nothing(served: Served) -> None:
    session = client(served, "denis")
    assert {
        name: session.get(address(name, served)).status_code for name in READ_ONLY
    } == dict.fromkeys(READ_ONLY, 200)
    assert session.get(address("comptes", served)).status_code == 403
    data = {
        "geste": "valider",
        "csrfmiddlewaretoken": token(session),
        "request_id": uuid.uuid4().hex,
    }
    answers = {
        name: session.post(path, data=data).status_code
        for name, path in every_address(served).items()
        if name not in (*_OWN, *_SHOWN_BY_POST, "refuse_mails")
    }
    assert set(answers.values()) == {403, 405}  # 405: an address that only shows
    assert {answers[name] for name in (*_ADMINISTERS, "decide", "publish", "undo")} == {403}


def test_an_account_without_a_role_opens_its_way_out_alone(served: Served) -> None:
    served.sessions |= make_accounts(served.study.root, {"nemo": "aucun groupe"})
    session = client(served, "nemo")
    answers = {
        name: session.get(path).status_code
        for name, path in every_address(served).items()
        if name not in (*_OPEN, "logout")
    }
    assert answers == dict.fromkeys(answers, 403)


def test_what_administration_does_is_refused_to_analysts(served: Served) -> None:
    session, addresses = client(served, "alix"), every_address(served)
    data = {"csrfmiddlewaretoken": token(session)}
    for ask in (session.get, lambda path: session.post(path, data=data)):
        statuses = {name: ask(addresses[name]).status_code for name in _ADMINISTERS}
        assert statuses == dict.fromkeys(_ADMINISTERS, 403)
    assert session.post(addresses["study_settings"], data=data).status_code == 403


@pytest.mark.parametrize(
    "blank",
    [
        "%2e%2e",
        pytest.param("..%2fetude.toml", marks=pytest.mark.slow),
        pytest.param("%00", marks=pytest.mark.slow),
    ],
)
def test_an_address_that_names_what_is_not_there_is_refused_in_one_page(
    served: Served, blank: str
) -> None:
    session = client(served, "chantal")
    addresses = every_address(served, blank=blank)
    assert len(addresses) > 30
    statuses = {name: session.get(path).status_code for name, path in addresses.items()}
    assert set(statuses.values()) <= {302, 400, 403, 404, 405}, statuses


def test_an_analyst_does_not_see_accounts(served: Served) -> None:
    session = client(served, "alix")
    assert session.get("/comptes").status_code == 403
    assert (
        session.post(
            "/comptes", data={"username": "intrus", "csrfmiddlewaretoken": token(session)}
        ).status_code
        == 403
    )


def test_every_address_of_the_application_names_a_role(served: Served) -> None:
    from support.review_server import environment_of

    told = subprocess.run(
        [sys.executable, "-m", "pipeline.review", "check"],
        capture_output=True,
        text=True,
        env=environment_of(served.study),
        check=False,
    )
    assert (told.returncode, "no issues" in told.stdout) == (0, True), told.stderr


def test_production_settings_pass_djangos_own_check(new_study: Callable[..., Study]) -> None:
    from support.review_server import environment_of

    study = new_study(https=True, hosts=["relecture.example.org"])
    command = [
        sys.executable,
        "-m",
        "pipeline.review",
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
    ]
    told = subprocess.run(
        command, capture_output=True, text=True, env=environment_of(study), check=False
    )
    assert (told.returncode, "no issues" in told.stdout) == (0, True), told.stderr


@pytest.mark.slow
def test_behind_a_proxy_the_application_speaks_its_public_name_and_https_only(
    new_study: Callable[..., Study],
) -> None:
    with serving(new_study(https=True, hosts=["relecture.example.org"]), accounts={}) as proxied:
        assert "https://relecture.example.org/premier-acces?jeton=" in proxied.first_line
        session = client(proxied)
        told = {"Host": "relecture.example.org"}
        assert (
            session.get("connexion", headers=told).headers["location"]
            == "https://relecture.example.org/connexion"
        )
        answer = session.get("connexion", headers=told | {"X-Forwarded-Proto": "https"})
        assert (
            answer.status_code == 200
            and "max-age=31536000" in answer.headers["strict-transport-security"]
        )
        assert "Secure" in answer.headers["set-cookie"]
        assert (
            session.get(
                "connexion", headers={"Host": "ailleurs.example", "X-Forwarded-Proto": "https"}
            ).status_code
            == 400
        )


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("content-security-policy", "default-src 'self'"),
        ("content-security-policy", "frame-ancestors 'none'"),
        ("content-security-policy", "base-uri 'none'"),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ],
)
def test_headers_keep_other_sites_out(served: Served, name: str, wanted: str) -> None:
    for answer in (client(served).get("/connexion"), client(served, "alix").get("/passages")):
        assert wanted in answer.headers[name]
        assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.slow
def test_two_studies_reviewed_in_one_browser_keep_their_sessions_apart(
    served: Served, new_study: Callable[..., Study]
) -> None:
    with serving(new_study(), accounts={"alix": "analyse"}) as other:
        browser = httpx.Client(
            timeout=PATIENCE_S
        )  # which sends cookies to every port of a host, as browsers do
        for one in (served, other):
            told = browser.get(one.url("connexion"))
            token_ = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', told.text)[0]
            data = {"username": "alix", "password": PASSWORD, "csrfmiddlewaretoken": token_}
            assert browser.post(one.url("connexion"), data=data).status_code == 302
        names = {cookie.name for cookie in browser.cookies.jar}
        assert len(names) == 4, (
            names
        )  # a session and a form's token of each, and nothing that both read
        assert [browser.get(one.url("passages")).status_code for one in (served, other)] == [
            200,
            200,
        ]


_QUICK = ("connexion", "passages", "theme")  # pages; the others with the slow tests


@pytest.mark.parametrize(
    "name",
    [
        *_QUICK,
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in sorted(PAGES)
            if name not in _QUICK
        ),
    ],
)
def test_no_page_is_kept_by_browsers_or_proxies(served: Served, name: str) -> None:
    answer = client(served, "chantal").get(address(name, served))
    assert answer.headers["cache-control"] == "no-store"


def test_nothing_that_holds_passages_is_kept_and_styles_are(served: Served) -> None:
    session = client(served, "chantal")
    paths = ["/journal/export.csv", "/publier/donnees", "/nulle-part", "/lecture/absent"]
    assert {path: session.get(path).headers["cache-control"] for path in paths} == dict.fromkeys(
        paths, "no-store"
    )
    part = session.get("/passages", headers={"HX-Request": "true"})
    assert 'id="poste"' in part.text and part.headers["cache-control"] == "no-store"
    assert "max-age" in session.get("/static/review/review.css").headers["cache-control"]


TOO_LONG: list[tuple[str, dict[str, str], int]] = [
    ("passages/{unit}/decider", {"geste": "valider", "why": "é" * 1_900_000}, 413),
    ("passages/{unit}/decider", {"geste": "valider", "why": "a" * 100_000}, 422),
    ("passages/{unit}/decider", {"geste": "valider", "why": "a" * 501}, 422),
    ("passages/{unit}/decider", {"geste": "valider", "why": "a" * 500}, 302),
    ("passages/{unit}/decider", {"geste": "valider", "request_id": "a" * 5_000}, 422),
    ("themes/{theme}/decider", {"geste": "renommer", "nom": "a" * 121}, 422),
    ("themes/{theme}/decider", {"geste": "decrire", "description": "a" * 1_001}, 422),
    ("themes/{theme}/decider", {"geste": "ecarter", "why": "a" * 501}, 422),
    ("priorites/enregistrer", {"nom": "a" * 61}, 422),
    ("priorites/utiliser", {"why": "a" * 501}, 422),
    ("accord/desaccords/{unit}/arbitrer", {"why": "a" * 501}, 422),
    ("connexion", {"username": "alix", "password": "a" * 200_000}, 422),
]
_N_QUICK = 5


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        case if n < _N_QUICK else pytest.param(*case, marks=pytest.mark.slow)
        for n, case in enumerate(TOO_LONG)
    ],
    ids=[f"{n} {case[0]}" for n, case in enumerate(TOO_LONG)],
)
def test_a_text_that_is_too_long_is_refused_and_said(
    served: Served, path: str, sent: dict[str, str], status: int
) -> None:
    session, before = client(served, "alix"), len(served.decisions())
    theme, unit_id = (
        served.study.read_machine_table(name)[key].min()
        for name, key in (("themes", "theme_id"), ("tags", "unit_id"))
    )
    data = {"csrfmiddlewaretoken": token(session)} | sent
    answer = session.post("/" + path.format(theme=theme, unit=unit_id), data=data)
    assert answer.status_code == status
    assert len(served.decisions()) == before + (status == 302)
    if status != 302:
        assert "au plus" in answer.text and "rien n’est enregistré" in answer.text


@pytest.mark.slow
@pytest.mark.browser
def test_what_is_too_long_is_said_where_one_decides(served: Served, browser: Browser) -> None:
    page = served.open(browser, "bilal", "passages")
    page.evaluate("document.getElementById('pourquoi').maxLength = 5000")
    page.locator("details.why summary").click()
    page.fill("#pourquoi", "a" * 600)
    page.locator("button[value=valider]").click()
    page.locator("#annonce dl").wait_for()
    assert "600 signes" in page.inner_text("#annonce")
    assert page.input_value("#pourquoi") == "a" * 600


def test_a_session_gets_a_new_key_at_login_and_none_survives_logout(served: Served) -> None:
    session = client(served, session="choisiparunautre0123456789abcdef")
    page = session.get("/connexion")
    token_ = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[0]
    answer = session.post(
        "/connexion", data={"username": "alix", "password": PASSWORD, "csrfmiddlewaretoken": token_}
    )
    given = answer.cookies[served.session_cookie]
    assert given != "choisiparunautre0123456789abcdef"
    cookie = next(
        line
        for line in answer.headers.get_list("set-cookie")
        if line.startswith("ateliers_session")
    )
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    fresh = client(served, session=given)
    assert fresh.get("/passages").status_code == 200
    fresh.post("/deconnexion", data={"csrfmiddlewaretoken": token(fresh)})
    stolen = client(served, session=given)
    assert stolen.get("/passages").status_code == 302


@pytest.mark.parametrize(
    "target",
    [
        "https://ailleurs.example/",
        "//ailleurs.example",
        "/\\ailleurs.example",
        "javascript:alert(1)",
    ],
)
def test_login_and_undo_lead_to_no_other_site(served: Served, target: str) -> None:
    session = client(served)
    session.get("/connexion")
    data = {
        "username": "alix",
        "password": PASSWORD,
        "next": target,
        "csrfmiddlewaretoken": token(session),
    }
    assert session.post("/connexion", data=data).headers["location"] == "/"
    unit_id = served.study.read_table("units")["unit_id"].min()
    session.post(
        f"/passages/{unit_id}/decider",
        data={"geste": "valider", "csrfmiddlewaretoken": token(session)},
    )
    number = int(served.decisions()["decision_id"].max())
    answer = session.post(
        f"/journal/{number}/annuler", data={"next": target, "csrfmiddlewaretoken": token(session)}
    )
    assert answer.headers["location"] == "/journal"


@pytest.mark.parametrize(
    "path",
    [
        "/resultats/..%2f..%2f..%2fdecisions.sqlite3",
        "/resultats/../../vault/key",
        "/resultats/manifeste.json",
        "/publier/%2e%2e/fichiers/.review/secret_key",
        "/publier/%2e%2e/fichiers/etude.toml",
        "/publier/%2e/fichiers/etude.toml",
        "/static/../settings.py",
        "/static/review/..%2f..%2fsettings.py",
    ],
)
def test_no_address_reaches_a_file_outside(served: Served, path: str) -> None:
    assert client(served, "alix").get(path).status_code in (302, 400, 404)


@pytest.mark.slow
@pytest.mark.browser
def test_what_people_typed_is_shown_as_text(served: Served, browser: Browser) -> None:
    theme_id = str(served.study.read_machine_table("themes")["theme_id"].min())
    unit_id = str(served.study.read_table("units")["unit_id"].min())
    rows = [
        {
            "author": HOSTILE[:60],
            "action": "rename_theme",
            "theme_id": theme_id,
            "value": HOSTILE,
            "why": HOSTILE,
        },
        {
            "author": "alix",
            "action": "reject_tag",
            "unit_id": unit_id,
            "axis": "posture",
            "code": "besoin",
            "why": HOSTILE,
        },
    ]
    served.study.decisions.append_all(rows)
    page = served.open(browser, "chantal")
    for name in PAGES:
        page.goto(address(name, served))
        assert page.title() != "volé", name
        assert page.locator("img[src=x]").count() == 0, name
    page.goto(served.url("journal"))
    assert "7*7" in page.inner_text("main") and "49" not in page.inner_text(
        "td:has-text('7*7') >> nth=0"
    )


@pytest.fixture
def guessed(served: Served) -> Iterator[str]:
    make_accounts(served.study.root, {"eloi": "analyse"})
    yield "eloi"


@pytest.mark.slow
def test_five_wrong_passwords_close_the_account_for_a_while(served: Served, guessed: str) -> None:
    session = client(served)
    session.get("/connexion")
    data = {"username": guessed, "password": "essai", "csrfmiddlewaretoken": token(session)}
    answers = [session.post("/connexion", data=data).status_code for _ in range(5)]
    assert answers[0] == 200 and answers[-1] == 429
    right = data | {"password": PASSWORD}
    assert session.post("/connexion", data=right).status_code == 429
    other = client(served)
    other.get("/connexion")
    data = {"username": "bilal", "password": PASSWORD, "csrfmiddlewaretoken": token(other)}
    assert other.post("/connexion", data=data).headers["location"] == "/"


def logged_in(served: Served, name: str, password: str) -> bool:
    """Whether `password` opens the account `name`."""
    session = client(served)
    session.get("/connexion")
    data = {"username": name, "password": password, "csrfmiddlewaretoken": token(session)}
    return session.post("/connexion", data=data).status_code == 302


def choose(served: Served, address: str, password: str) -> httpx.Client:
    """A session that has opened an invitation and chosen `password`."""
    session = client(served, follow_redirects=True)
    page = session.get(address)
    token_ = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[0]
    told = {"new_password1": password, "new_password2": password, "csrfmiddlewaretoken": token_}
    session.post(str(page.url), data=told)
    return session


def invite(study: Study, name: str) -> subprocess.CompletedProcess[str]:
    """The command that gets somebody back in."""
    command = [
        sys.executable,
        "-m",
        "pipeline.cli",
        "review",
        str(study.root),
        "--invite",
        name,
        "--port",
        "8123",
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def user_number(page: str, name: str) -> str:
    """The number of an account on the page of accounts."""
    row = next(part for part in page.split("<tr>") if f'<th scope="row">{name}</th>' in part)
    return re.findall(r'action="/comptes/(\d+)"', row)[0]


@pytest.mark.slow
def test_an_invitation_takes_no_password_away_and_nobody_invites_oneself(served: Served) -> None:
    served.sessions |= make_accounts(
        served.study.root, {"fanny": "administration", "gael": "analyse"}
    )
    session = client(served, "fanny")
    page = session.get("/comptes").text
    own = next(part for part in page.split("<tr>") if '<th scope="row">fanny</th>' in part)
    assert "inviter" not in own and 'href="/compte"' in own
    asked = {"geste": "inviter", "csrfmiddlewaretoken": token(session)}
    answer = session.post(f"/comptes/{user_number(page, 'fanny')}", data=asked)
    assert (answer.status_code, answer.headers["location"]) == (302, "/compte")
    assert logged_in(served, "fanny", PASSWORD)
    told = session.post(f"/comptes/{user_number(page, 'gael')}", data=asked).text
    address = re.findall(r'value="(http[^"]+/invitation/[^"]+)"', told)[0]
    assert client(served, follow_redirects=True).get(address).status_code == 200
    assert logged_in(
        served, "gael", PASSWORD
    )  # until the invitation is used; coming in by it makes that one void
    told = session.post(f"/comptes/{user_number(page, 'gael')}", data=asked).text
    address = re.findall(r'value="(http[^"]+/invitation/[^"]+)"', told)[0]
    assert (
        choose(served, address, "les haies de la Thiérache").get("/passages").url.path
        == "/passages"
    )
    assert not logged_in(served, "gael", PASSWORD) and logged_in(
        served, "gael", "les haies de la Thiérache"
    )
    assert "a déjà servi" in client(served, follow_redirects=True).get(address).text


@pytest.mark.slow
def test_a_command_gets_an_administrator_back_in(served: Served) -> None:
    make_accounts(served.study.root, {"hugues": "administration"})
    told = invite(served.study, "hugues")
    assert (told.returncode, told.stderr) == (0, "")
    (address,) = re.findall(r"http://127\.0\.0\.1:8123(/invitation/\S+)", told.stdout)
    assert "n'administrait" not in told.stdout
    assert choose(served, address, "un verger à Guînes").get("/comptes").status_code == 200
    assert logged_in(served, "hugues", "un verger à Guînes") and not logged_in(
        served, "hugues", PASSWORD
    )
    unknown = invite(served.study, "zoé")
    assert (unknown.returncode, unknown.stdout, unknown.stderr.count("\n")) == (2, "", 1)
    assert "zoé" in unknown.stderr and "hugues" in unknown.stderr


@pytest.mark.slow
def test_where_no_administrator_is_left_the_one_invited_becomes_it(
    new_study: Callable[..., Study],
) -> None:
    study = new_study()
    assert (
        invite(study, "iris").returncode == 2
    )  # nobody has an account yet: the first access is the way in
    make_accounts(study.root, {"iris": "analyse", "jean": "lecture"})
    told = invite(study, "iris")
    assert told.returncode == 0 and "iris administre désormais" in told.stdout
    assert "n'administrait" not in invite(study, "jean").stdout


def test_the_first_access_is_closed_once_there_is_an_account(served: Served) -> None:
    assert "Relecture" in served.first_line
    assert client(served).get("premier-acces?jeton=").status_code == 403
    assert client(served).get("premier-acces?jeton=nimporte").status_code == 403


def test_private_files_are_their_owners_alone(served: Served) -> None:
    folder = served.study.root / ".review"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o077 for path in folder.iterdir()} == {
        path.name: 0 for path in folder.iterdir()
    }

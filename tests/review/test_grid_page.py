"""The grid in the browser: read by all, changed code by code or by a file, with each mistake beside its field."""

import html
import re

import httpx
import pytest
from playwright.sync_api import Browser, expect

from pipeline.grid import load_grid
from pipeline.grid.colours import PALETTE
from pipeline.grid.yaml_file import write_yaml
from support.accessible import faults
from support.review_client import client, token, without_no_break
from support.review_server import Served

pytestmark = pytest.mark.slow  # for the processed example study
OLD = "/grille/code?code=enjeux.social"


def send(session: httpx.Client, path: str, **changes: str) -> httpx.Response:
    """Send the form of the page at `path`, with these changes."""
    page = session.get(path).text
    fields = dict(re.findall(r'<input[^>]* name="([^"]+)" value="([^"]*)"', page))
    fields |= dict(re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>([^<]*)', page))
    chosen = re.search(r'<select[^>]* name="family".*?<option value="([^"]*)" selected', page, re.S)
    fields |= {"family": chosen[1]} if chosen else {}
    colour = re.search(r'<input[^>]*name="colour" value="([^"]*)" checked', page)
    fields["colour"] = colour[1] if colour else ""
    data = {name: html.unescape(text) for name, text in fields.items()} | changes
    return session.post(path, data=data)


def beside(page: str, part: str) -> str:
    row = re.search(rf'data-key-name="{part}"[^>]*>(.*?)</p>', page, re.S)
    assert row is not None
    return without_no_break(re.sub(r"<[^>]+>", "", row[1]))


def codes(served: Served) -> dict[str, str]:
    return {code.code: code.label for code in load_grid(served.study.grid_path).codes}


def test_everybody_reads_the_grid_and_only_administrators_may_change_it(served: Served) -> None:
    page = client(served, "denis").get("/grille").text
    assert "Besoins et menaces sociaux" in page
    assert "Ajouter un code" not in page
    for path in (OLD, "/grille/code", "/grille/retirer?code=offre"):
        assert client(served, "alix").get(path).status_code == 403
    analyst = client(served, "alix")
    data = {"csrfmiddlewaretoken": token(analyst)}
    assert analyst.post("/grille/importer", data=data).status_code == 403
    assert client(served, "denis").get(
        "/grille/grille.yaml"
    ).text == served.study.grid_path.read_text("utf-8")


def test_a_code_renamed_coloured_and_kept_everywhere(served: Served) -> None:
    session, before = client(served, "chantal"), served.study.grid_path.read_bytes()
    n_passages = re.findall(
        r'enjeux\.social&amp;etat=tous">(\d+) passages', session.get("/grille").text
    )
    answer = send(
        session, OLD, code="enjeux.habitants", label="Besoins des habitants", colour="#AA3377"
    )
    assert answer.status_code == 302
    code = next(
        row for row in load_grid(served.study.grid_path).codes if row.code == "enjeux.habitants"
    )
    assert (code.label, code.colour, code.former) == (
        "Besoins des habitants",
        "#aa3377",
        ("enjeux.social",),
    )
    page = session.get("/grille").text
    assert "Le prochain traitement" in page or "le prochain traitement" in page
    assert re.findall(r'enjeux\.habitants&amp;etat=tous">(\d+) passages', page) == n_passages != []
    assert "Besoins des habitants" in session.get("/passages/liste?etat=tous").text
    copies = (served.study.root / ".review").glob("grille.avant-*.yaml")
    assert before in [path.read_bytes() for path in copies]
    assert session.get(OLD).status_code == 404


@pytest.mark.parametrize(
    ("path", "changes", "part", "said"),
    [
        ("/grille/code?code=constat", {"definition": ""}, "definition", "une définition par code"),
        ("/grille/code?code=constat", {"code": "offre"}, "code", "sur deux axes"),
        ("/grille/code?code=constat", {"code": "un constat"}, "code", "sans espace"),
        ("/grille/code?code=constat", {"colour": "bleu"}, "colour", "une couleur comme #0072b2"),
        ("/grille/code?code=force", {"code": "atout"}, "code", "changer plutôt son libellé"),
        (
            "/grille/code?axe=pilier",
            {"label": "", "definition": "Rien."},
            "code",
            "un « id » par code",
        ),
    ],
)
def test_a_mistake_is_said_beside_its_field(
    served: Served, path: str, changes: dict[str, str], part: str, said: str
) -> None:
    before, session = served.study.grid_path.read_bytes(), client(served, "chantal")
    answer = send(session, path, exclude="gardé", **changes)
    assert answer.status_code == 422
    assert said in beside(answer.text, part)
    assert ">gardé</textarea>" in answer.text
    assert served.study.grid_path.read_bytes() == before


def test_a_code_is_added_then_removed_after_a_warning(served: Served) -> None:
    session = client(served, "chantal")
    assert (
        send(
            session, "/grille/code?axe=pilier", label="Sobriété", definition="Consommer moins."
        ).status_code
        == 302
    )
    assert codes(served)["sobriete"] == "Sobriété"
    page = session.get("/grille/retirer?code=offre").text
    assert re.search(r"\d+ passages le portent", page)
    assert "Le classement des priorités et le rapport lisent ce code" in page
    assert send(session, "/grille/retirer?code=sobriete").status_code == 302
    assert "sobriete" not in codes(served)


def test_the_second_of_two_people_is_told_and_loses_nothing(served: Served) -> None:
    session = client(served, "chantal")
    path, page = "/grille/code?code=eit", session.get("/grille/code?code=eit").text
    version = re.findall(r'name="version" value="(\w+)"', page)[0]
    assert send(session, path, definition="Des synergies.").status_code == 302
    answer = send(session, path, definition="Des échanges.", version=version)
    assert answer.status_code == 409
    assert "Quelqu’un d’autre a changé la grille" in answer.text
    assert "Dans la grille, désormais : Des synergies." in beside(answer.text, "definition")
    assert ">Des échanges.</textarea>" in answer.text


@pytest.mark.browser
def test_a_code_is_changed_on_the_bench_and_the_second_person_told(
    served: Served, browser: Browser
) -> None:
    page = served.open(browser, "chantal", "passages?etat=tous")
    code = next(row for row in load_grid(served.study.grid_path).codes if row.code == "eit")
    entry = page.locator(f"#entree-{code.axis}-eit")
    page.locator("details.axis", has=entry).locator("> summary").click()
    entry.locator("summary").click()
    entry.locator(".edit").click()
    expect(entry.get_by_label("Définition")).to_be_focused()
    page.keyboard.press("Escape")
    expect(entry.locator(".edit")).to_be_focused()
    page.keyboard.press("Enter")
    entry.get_by_label("Définition").fill("Des échanges.")
    send(client(served, "chantal"), "/grille/code?code=eit", definition="Des synergies locales.")
    entry.get_by_role("button", name="Enregistrer").click()
    expect(entry.get_by_role("alert")).to_contain_text("Quelqu’un d’autre a changé la grille")
    expect(entry.locator(".others-said")).to_contain_text("Des synergies locales.")
    assert faults(page) == []
    expect(entry.get_by_label("Définition")).to_have_value("Des échanges.")
    entry.get_by_role("button", name="Enregistrer").click()
    expect(page.locator("#fait")).to_contain_text("est enregistré")
    expect(entry.locator(".edit")).to_be_focused()
    expect(entry).to_contain_text("Des échanges.")
    assert list(served.decisions().tail(2)["action"]) == ["edit_code", "edit_code"]


def test_another_grid_is_shown_before_it_is_taken(served: Served) -> None:
    session, before = client(served, "chantal"), load_grid(served.study.grid_path)
    text = "# la nôtre\n" + write_yaml(before).replace("Constat neutre", "Simple constat")
    sent = {"file": ("../../nôtre.yaml", text.encode(), "text/plain")}
    data = {"csrfmiddlewaretoken": token(session)}
    page = session.post("/grille/importer", data=data, files=sent).text
    assert "Un code changerait" in page
    assert load_grid(served.study.grid_path) == before
    data |= dict(re.findall(r'name="(proposal|version)" value="(\w+)"', page))
    assert session.post("/grille/importer", data=data | {"version": "0"}).status_code == 409
    assert session.post("/grille/importer", data=data).status_code == 302
    assert served.study.grid_path.read_text("utf-8") == text  # with its author's comments
    assert "La grille est prise : 1 changement." in without_no_break(session.get("/grille").text)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("grille.docx", b"PK", "une grille .yaml"),
        ("grille.yaml", b"rubriques:\n- {id: a, libelle: A}\n", "« a » sans définition"),
        ("grille.qdc", b"<a/>", "pas un livre de codes"),
        ("grille.yaml", b"#" * 210_000, "200 Kio au plus"),
        ("grille.yaml", b"a: &a [x]\nrubriques: [*a, *a]\n", "renvoi YAML"),
    ],
)
def test_a_file_that_is_no_grid_is_refused_beside_its_field(
    served: Served, name: str, content: bytes, said: str
) -> None:
    session, before = client(served, "chantal"), served.study.grid_path.read_bytes()
    data = {"csrfmiddlewaretoken": token(session)}
    answer = session.post("/grille/importer", data=data, files={"file": (name, content)})
    assert answer.status_code == 422
    assert said in without_no_break(html.unescape(answer.text)).replace("’", "'")
    assert served.study.grid_path.read_bytes() == before


@pytest.mark.parametrize("proposal", ["../../etude", "0" * 32, "a" * 40])
def test_a_proposal_that_is_not_there_is_said(served: Served, proposal: str) -> None:
    session, before = client(served, "chantal"), served.study.grid_path.read_bytes()
    data = {"csrfmiddlewaretoken": token(session), "proposal": proposal, "version": "0"}
    assert session.post("/grille/importer", data=data).status_code == 302
    assert "Cette grille n’est plus là" in session.get("/grille").text
    assert served.study.grid_path.read_bytes() == before


@pytest.mark.browser
def test_a_code_is_coloured_and_its_mistake_reached_by_keyboard(
    served: Served, browser: Browser
) -> None:
    page = served.open(browser, "chantal", "grille/code?code=consommation")
    expect(page.get_by_label("celle de l’axe")).to_be_checked()
    page.get_by_label("turquoise").check()
    page.get_by_label("Définition").fill("")
    page.get_by_label("Libellé").press("Enter")
    expect(page.get_by_label("Définition")).to_be_focused()
    expect(page.locator("[data-key-name=definition] .fault-said")).to_be_visible()
    assert faults(page) == []
    page.get_by_label("Définition").fill("Ce que choisissent les ménages.")
    page.get_by_role("button", name="Enregistrer le code").click()
    expect(page.locator("#annonce")).to_contain_text("« Consommation responsable » est enregistré")
    code = next(
        row for row in load_grid(served.study.grid_path).codes if row.code == "consommation"
    )
    assert (code.definition, code.colour) == (
        "Ce que choisissent les ménages.",
        PALETTE["turquoise"],
    )


@pytest.mark.browser
def test_a_code_moves_by_keyboard_and_keeps_the_focus(served: Served, browser: Browser) -> None:
    page = served.open(browser, "chantal", "grille")
    codes = load_grid(served.study.grid_path).axis("pilier")
    page.get_by_role("button", name=f"Descendre « {codes[0].label} »").press("Enter")
    expect(page.locator("#annonce")).to_contain_text("descend d’un rang")
    expect(page.get_by_role("button", name=f"Descendre « {codes[0].label} »")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#annonce")).to_contain_text("monte d’un rang")
    assert load_grid(served.study.grid_path).axis("pilier") == codes
    assert faults(page) == []


def test_each_change_of_the_grid_is_told_undone_and_taken_back(served: Served) -> None:
    path, session = "/grille/code?code=opportunites", client(served, "chantal")
    codes = load_grid(served.study.grid_path).codes
    before = next(row for row in codes if row.code == "opportunites")
    assert send(session, path, definition="Ce qui est nouveau.").status_code == 302
    assert (
        send(session, path, definition="Ce qui est neuf.", include="Un essai.").status_code == 302
    )
    history = session.get(f"/grille/histoire?code={before.axis}:{before.code}").text
    assert "<del>nouveau</del><ins>neuf</ins>." in history
    assert "chantal" in history
    n_touched = re.findall(r"touche (\d+) passage", history)
    door = html.unescape(re.findall(r'href="([^"]+)">touche', history)[0])
    assert f"{n_touched[0]} passage" in session.get(door).text
    assert "modifié 2 fois" in session.get("/grille").text

    rows = served.decisions().query("action == 'edit_code'").tail(2)
    first, last = rows["decision_id"].tolist()
    data = {"csrfmiddlewaretoken": token(session)}

    def undo(number: int, name: str = "chantal") -> str:
        with client(served, name, follow_redirects=True) as other:
            form = {"csrfmiddlewaretoken": token(other)}
            return other.post(f"/journal/{number}/annuler", data=form).text

    assert "ce code a changé de nouveau" in undo(first)
    assert "Seule la personne" in undo(last, "alix")
    assert "est annulée" in undo(last)
    assert "est annulée" in undo(first)
    now = next(row for row in load_grid(served.study.grid_path).codes if row.code == before.code)
    assert now == before
    taken = session.get(f"{path}&reprendre={last}").text
    assert "Ce qui est nouveau." in taken, "the former text is in the form, and not yet saved"
    redo = session.post(f"/journal/{served.decisions()['decision_id'].max()}/annuler", data=data)
    assert redo.status_code == 302
    assert served.decisions().query("action == 'undo'")["value"].tolist()[-1] == str(first)


def test_a_grid_taken_from_a_file_is_told_code_by_code(served: Served) -> None:
    session, study = client(served, "chantal"), served.study
    grid = load_grid(study.grid_path)
    text = write_yaml(grid).replace("libelle: Témoignage", "libelle: Récit")
    codes_before = len(served.decisions().query("action == 'edit_code'"))
    renamed = grid.codes[0]
    text = text.replace(f"libelle: {renamed.label}", "libelle: Tout autre nom", 1)
    page = session.post(
        "/grille/importer",
        data={"csrfmiddlewaretoken": token(session)},
        files={"file": ("grille.yaml", text.encode())},
    ).text
    proposal, version = (
        re.findall(rf'name="{name}" value="([^"]*)"', page)[0] for name in ("proposal", "version")
    )
    data = {"csrfmiddlewaretoken": token(session), "proposal": proposal, "version": version}
    assert session.post("/grille/importer", data=data).status_code == 302
    edits = served.decisions().query("action == 'edit_code'")
    assert len(edits) > codes_before
    assert "Tout autre nom" in edits["value"].iloc[-1]
    assert "Tout autre nom" in session.get("/journal?quoi=grille").text


def test_an_axis_and_a_family_are_made_ordered_told_and_undone(served: Served) -> None:
    session, before = client(served, "chantal"), load_grid(served.study.grid_path)
    first = {"label-1": "Commune", "definition-1": "La mairie.", "label-2": "Région"}
    answer = send(session, "/grille/axe", label="Échelle", choice="un", **first)
    assert answer.status_code == 422
    assert "sans définition" in beside(answer.text, "definition-2")
    first["definition-2"] = "Le conseil régional."
    assert send(session, "/grille/axe", label="Échelle", choice="un", **first).status_code == 302
    form = {"csrfmiddlewaretoken": token(session)}
    form |= dict(re.findall(r'name="(version)" value="(\w+)"', session.get("/grille").text))
    answer = session.post("/grille/ordre", data=form | {"descendre": "code:commune"})
    assert answer.headers["location"] == "/grille#code-echelle-commune"
    assert [code.code for code in load_grid(served.study.grid_path).axis("echelle")] == [
        "region",
        "commune",
    ]
    page = "/grille/famille?axe=echelle"
    assert send(session, page, label="Élus", members="commune").status_code == 302
    assert session.post("/grille/ordre", data=form | {"monter": "code:commune"}).status_code == 302
    said = without_no_break(session.get("/grille").text)
    assert "« Commune » n’a pas bougé" in said, "an older version"
    history = without_no_break(session.get("/grille/histoire").text)
    for sentence in (
        "ajoute à la grille la famille « Élus »",
        "change l’ordre des codes d’un axe de la grille",
        "ajoute à la grille l’axe « Échelle » et ses codes : Commune et Région",
    ):
        assert sentence in history
    rows = served.decisions().tail(4)
    for number in (int(n) for n in rows["decision_id"][::-1] if n != rows["decision_id"].iloc[2]):
        data = {"csrfmiddlewaretoken": token(session)}
        session.post(f"/journal/{number}/annuler", data=data)
    assert load_grid(served.study.grid_path) == before


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("name", PALETTE)
@pytest.mark.parametrize("ground", ["#ffffff", "#f1f5f8", "#12181e", "#1a222a"])
def test_each_colour_is_told_from_the_page_in_light_and_dark(name: str, ground: str) -> None:
    low, high = sorted((luminance(PALETTE[name]), luminance(ground)))
    assert (high + 0.05) / (low + 0.05) >= 3

"""A study made in a folder of studies: a safe name of its own, its title and territories, and nothing left behind."""

import stat
import subprocess
import sys

import pytest

from flows.creating import create_study
from pipeline.cli import main
from pipeline.errors import GridError, StudyError
from pipeline.study import Study


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Pays de Retz 2026", "pays-de-retz-2026"),
        ("L'Œuvre n° 4", "l-oeuvre-no-4"),
        ("../../etc/passwd", "etc-passwd"),
        ("/", "etude"),
        ("🐝", "etude"),
        (".", "etude"),
        ("a" * 300, "a" * 60),
        ('Dit « le "bassin" » = 1\\2', "dit-le-bassin-1-2"),
    ],
)
def test_a_title_makes_a_safe_folder_of_a_study_that_opens(tmp_path, title, name):
    study = create_study(tmp_path, title=title, territories=["Lens", 'L\'"Artois"'])
    assert study.root == tmp_path / name
    opened = Study.open(study.root)
    assert (opened.settings.etude.title, opened.settings.etude.territories) == (
        title,
        ("Lens", 'L\'"Artois"'),
    )
    assert len(opened.grid.codes) == 24
    assert stat.S_IMODE(opened.vault.stat().st_mode) == 0o700


def test_two_studies_of_one_title_have_two_folders(tmp_path):
    names = [create_study(tmp_path / "etudes", title="Lens").root.name for _ in range(3)]
    assert names == ["lens", "lens-2", "lens-3"]


def test_a_run_of_a_new_study_says_that_nothing_was_dropped(tmp_path, capsys):
    study = create_study(tmp_path, title="Lens")
    assert main(["run", str(study.root)]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "depot » est vide" in line
    assert "y copier les dossiers des ateliers" in line


def test_another_grid_is_taken_with_its_comments(tmp_path):
    path = tmp_path / "mienne.yaml"
    path.write_text(
        "# la nôtre\nrubriques:\n- {id: eau, libelle: Eau, definition: L'eau.}\n", encoding="utf-8"
    )
    study = create_study(tmp_path / "etudes", title="Eau", grid=path)
    assert study.grid_path.read_bytes() == path.read_bytes()


def test_nothing_is_left_of_a_study_that_could_not_be_made(tmp_path, monkeypatch):
    path = tmp_path / "mienne.yaml"
    path.write_text("rubriques:\n- {id: eau}\n", encoding="utf-8")
    with pytest.raises(GridError, match="sans définition"):
        create_study(tmp_path / "etudes", title="Eau", grid=path)

    def full(*_args: object) -> None:
        raise StudyError("disque plein", "de la place", "en faire")

    monkeypatch.setattr("flows.creating._change_settings", full)
    with pytest.raises(StudyError):
        create_study(tmp_path / "etudes", title="Eau")
    assert list((tmp_path / "etudes").glob("*")) == []


def test_a_folder_that_refuses_is_one_line(tmp_path, without_rights):
    tmp_path.chmod(0o755)
    with without_rights(), pytest.raises(StudyError, match="refuse un nouveau dossier"):
        create_study(tmp_path / "etudes", title="Lens")


_PAGE = """
import json, re, sys
from pathlib import Path
from pipeline.review.server import prepare
root, studies, answers = Path(sys.argv[1]), Path(sys.argv[2]), []
prepare(root)
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings
from pipeline.review.roles import Role, give_role
from html import unescape
for name, role in (("chantal", Role.ADMINISTRATOR), ("alix", Role.ANALYST)):
    give_role(User.objects.create_user(name), role)
def ask(name, data=None, file=None):
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(username=name), backend=settings.AUTHENTICATION_BACKENDS[-1])
    if file:
        data["file"] = SimpleUploadedFile(*file)
    answer = client.post("/creer", data) if data else client.get("/creer")
    page = unescape(answer.content.decode())
    row = re.findall(r'data-key-name="(\\w+)"(.*?)</(?:div|fieldset)>', page, re.S)
    said = {key: re.sub("<[^>]+>", "", text).split("Attendu")[1] for key, text in row if "Attendu" in text}
    answers.append([answer.status_code, answer.headers.get("location", ""), said, "Pays" in page])
ask("chantal")
with override_settings(STUDIES_FOLDER=studies, STUDY_ROOT=None):
    ask("alix")
    ask("chantal")
    ask("chantal", {"title": " ", "territories": "Pays", "grid": "file"})
    ask("chantal", {"title": "Pays", "grid": "file"}, ("g.yaml", b"rubriques:\\n- {id: a}\\n"))
    ask("chantal", {"title": "x" * 130, "grid": "file"}, ("g.exe", b""))
    ask("chantal", {"title": "Pays d'Artois", "territories": "Lens\\r\\nArras", "grid": "ours"})
    ask("chantal", {"title": "Eau", "grid": "file"}, ("g.yaml", "rubriques:\\n- {id: eau, definition: L'eau.}\\n".encode()))
print(json.dumps(answers))
"""


@pytest.mark.slow
def test_the_page_says_each_mistake_beside_its_field_then_makes_the_study(tmp_path):
    import json

    root, studies = Study.create(tmp_path / "etude").root, tmp_path / "etudes"
    studies.mkdir()
    code = [sys.executable, "-c", _PAGE, str(root), str(studies)]
    told = subprocess.run(code, check=True, capture_output=True, text=True)
    away, refused, shown, blank, faulty, other, made, own = json.loads(told.stdout)
    assert (away[0], refused[0], shown[0]) == (404, 403, 200)
    assert blank[0] == 422
    assert "un titre" in blank[2]["title"]
    assert "un fichier .yaml ou .qdc" in blank[2]["grid"]
    assert blank[3], "what was typed is kept"
    assert "sans définition" in faulty[2]["grid"]
    assert "120 signes au plus" in other[2]["title"]
    assert "une grille .yaml" in other[2]["grid"]
    assert made[:2] == [302, "/etudes/pays-d-artois/"]
    assert own[:2] == [302, "/etudes/eau/"]
    assert sorted(path.name for path in studies.iterdir()) == ["eau", "pays-d-artois"]
    assert Study.open(studies / "pays-d-artois").settings.etude.territories == ("Lens", "Arras")
    assert [code.code for code in Study.open(studies / "eau").grid.codes] == ["eau"]

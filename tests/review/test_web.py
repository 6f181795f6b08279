"""All the studies of a folder behind one server: the first account, who works on which study, and where each stands."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.review.reader_links import make_link
from pipeline.study import Study
from support.review_server import PASSWORD, copy_study
from support.web_server import TOKEN, log_in, send, visitor, web


@pytest.fixture(scope="module")
def served(
    demo_study: Study, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """Two studies, one never processed, with the administrator « rose » and the analysts « alix » and « denis »."""
    folder = tmp_path_factory.mktemp("studies")
    copy_study(demo_study, folder / "lille")
    Study.create(folder / "neuve")
    (folder / "rien").mkdir()  # no study
    with web(folder) as (address, printed):
        session = visitor(address)
        twice = {"new_password1": PASSWORD, "new_password2": PASSWORD}
        assert "premier-acces?jeton=" in printed
        send(session, printed.removeprefix(address), username="rose", **twice)
        for name in ("alix", "denis"):
            told = send(session, "/comptes", username=name, role="2").text
            path = re.search(r"/invitation/[^\"<\s]+", told)
            assert path is not None
            guest = visitor(address)
            send(guest, str(guest.get(path[0]).url.path), **twice)
        yield address, folder


def test_the_list_shows_each_study_and_where_it_stands(served: tuple[str, Path]) -> None:
    page = log_in(served[0], "rose").get("/").text
    assert re.findall(r'href="(/etudes/[^"]+)"', page) == ["/etudes/lille/", "/etudes/neuve/"]
    assert "jamais traitée" in page
    assert "3 ateliers, " in page


def test_a_person_works_on_the_studies_that_she_is_a_member_of(served: tuple[str, Path]) -> None:
    address = served[0]
    rose, alix = log_in(address, "rose"), log_in(address, "alix")
    assert alix.get("/etudes/lille/passages").status_code == 403
    assert "/etudes/" not in alix.get("/").text
    number = re.search(r'value="(\d+)"[^>]*> alix', rose.get("/etudes/lille/membres").text)
    assert number is not None
    send(rose, "/etudes/lille/membres", montre=[number[1]], membre=[number[1]])
    assert alix.get("/etudes/lille/passages").status_code == 200
    assert alix.get("/etudes/neuve/").status_code == 403
    assert re.findall(r'href="(/etudes/[^"]+)"', alix.get("/").text) == ["/etudes/lille/"]
    assert log_in(address, "denis").get("/etudes/lille/").status_code == 403


def test_a_member_of_one_study_reaches_nothing_of_another(
    served: tuple[str, Path], demo_study: Study
) -> None:
    address, folder = served
    lille = Study(folder / "lille")
    token = make_link(lille.root, lille.last_run()["run_id"], made_by="rose", n_days=1)
    unit_id = demo_study.read_table("units")["unit_id"].min()
    rose = log_in(address, "rose")
    assert rose.get(f"/etudes/lille/lecture/{token}").status_code == 410  # never published whole
    for path in (f"lecture/{token}", f"themes/carte/points/{unit_id}", "documents/d-1"):
        assert rose.get(f"/etudes/neuve/{path}").status_code in (404, 409), path


def test_each_study_keeps_its_own_decisions(served: tuple[str, Path], demo_study: Study) -> None:
    address, folder = served
    copy_study(demo_study, folder / "metz")
    rose = log_in(address, "rose")
    unit_id = demo_study.read_table("units")["unit_id"].min()
    token = TOKEN.findall(rose.get("/etudes/metz/passages").text)[0]
    told = rose.post(
        f"/etudes/metz/passages/{unit_id}/decider",
        data={"geste": "valider", "csrfmiddlewaretoken": token, "request_id": "un"},
    )
    assert told.status_code == 200
    assert len(Study(folder / "metz").decisions.read()) > 0
    assert len(Study(folder / "lille").decisions.read()) == 0
    assert "1 passage relu sur 30" in rose.get("/etudes/metz/").text
    assert "0 passage relu sur 30" in rose.get("/etudes/lille/").text


@pytest.mark.parametrize("page", ["passages", "themes", "priorites", "territoires", "journal"])
def test_a_study_never_processed_says_so_in_place_of_a_page_of_results(
    served: tuple[str, Path], page: str
) -> None:
    rose = log_in(served[0], "rose")
    assert rose.get("/etudes/neuve/").status_code == 200
    answer = rose.get(f"/etudes/neuve/{page}")
    assert answer.status_code in (200, 409)
    assert "jamais" in answer.text


@pytest.mark.parametrize("name", ["rien", "..", "lille%2f..", "absente"])
def test_no_other_folder_is_opened(served: tuple[str, Path], name: str) -> None:
    assert log_in(served[0], "rose").get(f"/etudes/{name}/passages").status_code == 404


def test_a_changed_setting_is_followed_at_the_next_page(served: tuple[str, Path]) -> None:
    address, folder = served
    rose = log_in(address, "rose")
    assert "Le pays de Bray" not in rose.get("/etudes/neuve/").text
    path = folder / "neuve" / "etude.toml"
    path.write_text(
        re.sub(
            r'title = ".*"', 'title = "Le pays de Bray"', path.read_text(encoding="utf-8"), count=1
        ),
        encoding="utf-8",
    )
    assert "Le pays de Bray" in rose.get("/etudes/neuve/").text


def test_the_glossary_explains_what_pages_point_to(served: tuple[str, Path]) -> None:
    rose = log_in(served[0], "rose")
    anchors = set(re.findall(r'<div id="(\w+)"', rose.get("/etudes/lille/glossaire").text))
    pages = ("", "themes", "priorites", "accord", "passages")
    asked = {
        key
        for page in pages
        for key in re.findall(r'glossaire#(\w+)"', rose.get(f"/etudes/lille/{page}").text)
    }
    assert asked
    assert asked <= anchors


@pytest.mark.slow
def test_a_database_for_several_studies_at_once_is_refused(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "web", str(tmp_path), "--no-browser"],
        env={"ATELIERS_DATABASE_URL": "postgresql://nulle-part/base", "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 1
    assert "une base par étude" in told.stderr

"""A whole publication: everything in it and listed, the same bytes twice, and what changed since the one before told in French."""

import copy
import hashlib
import json
import os
import shutil
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from pathlib import Path
from typing import Any

import pytest

import flows.publish_study
from flows.publication import publish_whole
from flows.publish_study import LARGE, publish_study, whole_folder, writer_ready
from flows.workspace import open_workspace
from pipeline.publish.changes import Summary, tell_changes
from pipeline.study import Study
from support.invented import said
from support.published import passages, tables

RUN = "20250601T080000000000Z"


def published_study(root: Path, run_id: str = RUN, **made: Any) -> tuple[Study, dict[str, Any]]:
    """A study on disk as a run leaves it, without the run."""
    study = Study.create(root)
    return study, left_by_run(study, run_id, **made)


def left_by_run(study: Study, run_id: str, **made: Any) -> dict[str, Any]:
    for name, rows in (made or tables()).items():
        study.write_table(name, rows)
    run = {
        "run_id": run_id,
        "is_done": True,
        "publication": f"publications/{run_id}",
        "versions": {"python": "3.11"},
    }
    study.write_manifest(run)
    return run


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, dict[str, Any]]:
    study, run = published_study(tmp_path_factory.mktemp("etude") / "etude")
    publish_whole(study.root, run)
    return study, run


def files_of(study: Study, run: dict[str, Any]) -> dict[str, bytes]:
    folder = study.root / run["publication"]
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def published_by(study: Study, run: dict[str, Any], writer: Executor | None) -> dict[str, bytes]:
    """The files of a whole publication whose tables `writer` writes."""
    with open_workspace(study) as workspace:
        publish_study(workspace, run["run_id"], writer)
    publish_whole(study.root, run)
    return files_of(study, run)


@pytest.mark.slow
def test_tables_written_by_a_process_beside_have_the_same_bytes(published, tmp_path: Path) -> None:
    with writer_ready(LARGE - 1) as writer:
        assert writer is None
    with writer_ready(LARGE) as writer:
        assert writer is not None
        made = published_by(*published_study(tmp_path / "etude"), writer)
    assert made == files_of(*published)


class Dying(Executor):
    """An executor whose process is killed while it works."""

    def submit(self, *_: object) -> "Future[None]":
        future: Future[None] = Future()
        future.set_exception(BrokenExecutor())
        return future


@pytest.mark.slow
@pytest.mark.parametrize("killed", [pytest.param("before", marks=pytest.mark.slow), "meanwhile"])
def test_a_writer_that_is_killed_leaves_its_tables_to_this_process(
    published, killed: str, tmp_path: Path
) -> None:
    with ProcessPoolExecutor(1) as pool:
        wait([pool.submit(os._exit, 9)])
        writer = pool if killed == "before" else Dying()
        made = published_by(*published_study(tmp_path / "etude"), writer)
    assert made == files_of(*published)


@pytest.mark.slow
@pytest.mark.parametrize("fails", ["write_web_page", "_write_tables"])
def test_after_an_error_on_either_side_no_folder_is_left(
    fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    study, run = published_study(tmp_path / "etude")
    with ThreadPoolExecutor(1) as beside:
        monkeypatch.setattr(flows.publish_study, fails, fail)
        with (
            open_workspace(study) as workspace,
            pytest.raises(OSError, match="No space left"),
        ):
            publish_study(workspace, run["run_id"], beside)
    assert not list(study.publications.iterdir())


def test_the_manifest_lists_every_file_with_its_hash_and_what_it_was_made_with(published) -> None:
    files = files_of(*published)
    manifest = json.loads(files.pop("manifeste.json"))
    assert {row["path"]: row["sha256"] for row in manifest["files"]} == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    assert {
        "rapport.html",
        "rapport.docx",
        "rapport.pdf",
        "tableaux/tableaux.xlsx",
        "tableaux/tables-techniques.xlsx",
        "analystes/etude.qdpx",
        "ateliers/01-orthez.pdf",
        "restitution.pptx",
    } <= set(files)
    assert (manifest["run_id"], manifest["made_on"], manifest["previous"]) == (
        RUN,
        "2025-06-01",
        None,
    )
    assert (
        manifest["versions"] == {"python": "3.11"}
        and manifest["settings"]["publish"]["least_count"] == 3
    )
    assert {"pseudonymise", "vault", "language_model"}.isdisjoint(manifest["settings"])
    assert {row["path"] for row in manifest["files"] if row["for"] == "analystes"} == {
        name for name in files if name.startswith("analystes/")
    }


@pytest.mark.slow
def test_publishing_the_same_run_again_gives_the_same_bytes(published) -> None:
    before = files_of(*published)
    publish_whole(published[0].root, published[1])
    assert files_of(*published) == before


@pytest.mark.slow
def test_the_next_publication_tells_what_changed_since_the_last_one_that_was_published(
    published, tmp_path: Path
) -> None:
    study = Study(tmp_path / "etude")
    shutil.copytree(published[0].root, study.root)
    first = (study.publications / RUN / "changements.txt").read_text(encoding="utf-8").splitlines()
    more = [*passages(), *(said("foret", table, text="la forêt brûle") for table in (1, 2, 3, 4))]
    left_by_run(
        study, "20250602T080000000000Z", **tables(said("cars", 1))
    )  # a run that nobody published
    second = publish_whole(
        study.root, left_by_run(study, "20250701T080000000000Z", **tables(*more))
    )
    told = "\n".join(second.changes).replace("\u00a0", " ").replace("\u202f", " ")
    assert first == ["Première publication de cette étude\u00a0: il n’y a rien à comparer."]
    assert "Ce qui a changé depuis la publication du 1er juin 2025 :" in told
    assert "- passages : 13 (+4)" in told and "- thèmes nouveaux (1) : « Foret »" in told
    assert (study.publications / "20250701T080000000000Z" / "changements.txt").read_text(
        encoding="utf-8"
    ).splitlines() == second.changes


SUMMARY: Summary = {
    "made_on": "1er juin 2025",
    "workshops": ["Orthez"],
    "n_documents": 7,
    "n_passages": 90,
    "n_reviewed": 0,
    "themes": {
        "t1": {"label": "Cars", "n_tables": 5, "n_passages": 9},
        "t2": {"label": "Lait", "n_tables": 3, "n_passages": 4},
        "t3": {"label": "Forêt", "n_tables": 2, "n_passages": 3},
    },
    "priorities": {"study": {"title": "Ensemble de l’étude", "themes": ["t1", "t2"]}},
}


def changed(**parts: Any) -> Summary:
    return copy.deepcopy(dict(SUMMARY)) | parts


CHANGES = [
    (changed(), ["Rien : mêmes passages, mêmes thèmes, mêmes premières priorités."]),
    (changed(n_passages=88), ["- passages : 88 (−2)"]),
    (changed(workshops=["Orthez", "Die"]), ["- ateliers ajoutés (1) : Die"]),
    (changed(workshops=[]), ["- ateliers retirés (1) : Orthez"]),
    (
        changed(
            themes={
                **SUMMARY["themes"],
                "t2": {"label": "Lait et fromage", "n_tables": 4, "n_passages": 4},
            }
        ),
        [
            "- thème renommé : « Lait » devient « Lait et fromage »",
            "- « Lait et fromage » : dit à 4 tables (+1)",
        ],
    ),
    (
        changed(
            themes={name: SUMMARY["themes"][name] for name in ("t1", "t2")}
            | {"t4": {"label": "Eau", "n_tables": 1, "n_passages": 1}}
        ),
        ["- thèmes nouveaux (1) : « Eau »", "- thèmes disparus (1) : « Forêt »"],
    ),
    (
        changed(priorities={"study": {"title": "Ensemble de l’étude", "themes": ["t3", "t1"]}}),
        [
            "- Ensemble de l’étude : « Forêt » entre au 1er rang ; « Cars » passe du 1er au 2e rang ; "
            "« Lait » sort des premières (était au 2e rang)."
        ],
    ),
]


@pytest.mark.parametrize(("after", "lines"), CHANGES)
def test_each_kind_of_change_is_told_in_words(after: Summary, lines: list[str]) -> None:
    told = [
        line.replace("\u00a0", " ").replace("\u202f", " ") for line in tell_changes(SUMMARY, after)
    ]
    assert told == ["Ce qui a changé depuis la publication du 1er juin 2025 :", *lines]


def test_a_folder_that_is_not_finished_leaves_the_old_one_and_no_trace(tmp_path):
    with whole_folder(tmp_path / "rapport") as folder:
        (folder / "page.html").write_text("ancienne", encoding="utf-8")
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "rapport") as folder:
        (folder / "page.html").write_text(str(1 / 0), encoding="utf-8")
    assert [path.name for path in tmp_path.rglob("*")] == ["rapport", "page.html"]
    assert (tmp_path / "rapport" / "page.html").read_text(encoding="utf-8") == "ancienne"

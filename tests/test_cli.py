"""The command: what it exits with and what it says; failures are one line of French on standard error."""

import errno
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import gettempdir

import pytest

from flows.vault import Vault
from pipeline.cli import _show_or_keep_status, main
from pipeline.tables.material import DECISION_EFFECTS, DOCUMENTS, UNITS
from support.command import run

README = Path(__file__).parent.parent / "README.md"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "COMMANDE"),
        (("danser",), 2, "valeur inconnue 'danser'"),
        (("run",), 2, "il manque ÉTUDE"),
        (("run", "a", "--vite"), 2, "argument inconnu : --vite"),
        (("export", "a", "--format", "doc"), 2, "valeur inconnue 'doc'"),
        (("run", "nulle-part"), 1, "pas de dossier « nulle-part »"),
        (("status", "nulle-part"), 1, "pas de dossier « nulle-part »"),
    ],
)
def test_a_mistake_is_one_line_with_what_to_do(
    capsys, tmp_path, monkeypatch, arguments, code, words
):
    monkeypatch.chdir(tmp_path)
    found, out, err = run(capsys, *arguments)
    assert found == code
    assert words in err
    assert "à faire :" in err
    assert err.count("\n") == 1
    assert out == ""


def test_an_empty_depot_ends_with_1(capsys, tmp_path):
    assert main(["init", str(tmp_path / "e")]) == 0
    capsys.readouterr()
    code, _, err = run(capsys, "run", str(tmp_path / "e"))
    assert (code, "est vide" in err, err.count("\n")) == (1, True, 1)


def test_a_missing_grid_ends_with_1_before_anything_is_read(capsys, small_study):
    small_study.grid_path.unlink()
    code, _, err = run(capsys, "run", str(small_study.root))
    assert (code, "pas de grille grille.yaml" in err, err.count("\n")) == (1, True, 1)


def test_an_unknown_setting_ends_with_2_and_names_it(capsys, small_study):
    small_study.settings_path.write_text("[cluster]\ncouleur = 1\n", encoding="utf-8")
    code, _, err = run(capsys, "run", str(small_study.root))
    assert (code, "« cluster.couleur »" in err, err.count("\n")) == (2, True, 1)


def test_a_read_only_study_ends_with_1(capsys, small_study, without_rights):
    import flows.process_study  # noqa: F401 - who runs the tests may read it, nobody may not

    above = [
        path
        for path in small_study.root.parents
        if path.is_relative_to(gettempdir()) and path != Path(gettempdir())
    ]
    for path in (small_study.root, *small_study.root.rglob("*"), *above):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with without_rights():
        code, _, err = run(capsys, "run", str(small_study.root))
    assert (code, "refuse l'écriture" in err, err.count("\n")) == (1, True, 1)


def test_an_unknown_workshop_ends_with_2_and_lists_the_known_ones(capsys, small_study):
    code, _, err = run(capsys, "run", str(small_study.root), "--workshop", "Brest")
    assert (code, "Pays de Retz 2026-10-01" in err) == (2, True)


def test_figures_before_a_first_run_say_to_run_first(capsys, small_study):
    code, _, err = run(capsys, "compare", str(small_study.root))
    assert (code, "ateliers run" in err) == (1, True)


def test_status_of_a_study_never_run_is_zeros(capsys, small_study):
    code, out, _ = run(capsys, "status", str(small_study.root), "--json")
    found = json.loads(out)
    assert (code, found["last_run"], found["n_rows"]["units"], found["n_decisions"]) == (
        0,
        None,
        0,
        0,
    )


def test_status_says_how_many_decisions_stopped_applying_and_where_to_see_them(capsys, small_study):
    states = ("à revoir", "appliquée", "sans objet", "à revoir")
    rows = [
        {"decision_id": number, "action": "merge_theme", "state": state, "reason": None}
        for number, state in enumerate(states, 1)
    ]
    small_study.write_table("decision_effects", DECISION_EFFECTS.build(rows))
    for _ in states:
        small_study.decisions.append(
            author="lise", action="rename_theme", theme_id="t", value="Se soigner"
        )
    code, out, _ = run(capsys, "status", str(small_study.root))
    assert code == 0 and "3 décisions ne s'appliquent plus : 2 à revoir" in " ".join(out.split())
    found = json.loads(run(capsys, "status", str(small_study.root), "--json")[1])
    assert (found["n_decisions_to_review"], found["n_decisions_without_object"]) == (2, 1)


def test_status_is_shown_as_last_time_until_something_changes(capsys, small_study, monkeypatch):
    def shown(*options: str) -> str:
        return run(capsys, "status", str(small_study.root), *options)[1]

    small_study.cache.mkdir()
    first, as_json = shown(), shown("--json")
    assert as_json.startswith("{") and shown() == first
    monkeypatch.setattr("pipeline.cli._show_status", lambda *_, **__: print("lu"))
    assert shown() == first
    _show_or_keep_status(small_study, as_json=False, is_hidden=True)  # as a run ends
    assert capsys.readouterr().out == ""
    kept = small_study.cache / "status.json"
    for change in (
        lambda: small_study.settings_path.write_text("# rien\n", encoding="utf-8"),
        lambda: small_study.decisions.append(author="lise", action="reject_theme", theme_id="t"),
        lambda: small_study.write_table("decision_effects", DECISION_EFFECTS.empty()),
        lambda: kept.write_text("{", encoding="utf-8"),
    ):
        before = kept.read_bytes()
        change()
        assert shown() == "lu\n" and shown() == "lu\n"
        kept.write_bytes(before)


@pytest.mark.parametrize(
    ("n_units", "said"),
    [
        ({"a.txt": 0}, ""),
        ({"w/a.txt": 1}, '"a.txt": ?  # 1 passage, à choisir'),
        ({"w/a.txt": 2, "w/b.txt": 3, "w/c.txt": 0}, '"b.txt": ?  # 3 passages, à choisir'),
        ({f"w/{number}.txt": 1 for number in range(20)}, "… et 8 autres"),
    ],
)
def test_status_names_the_documents_whose_question_nobody_knows(
    capsys, small_study, n_units: dict[str, int], said: str
):
    nowhere = {"workshop_id": "w", "channel": "notes"}
    documents = [
        nowhere | {"document_id": path, "path": path, "sha256": "", "n_chars": 4, "text": "Bien"}
        for path in n_units
    ]
    units = [
        nowhere
        | {"unit_id": f"{path} {order}", "document_id": path, "unit_order": order, "text": "Bien"}
        | {"start_char": 0, "end_char": 4, "question": None if order < n else "q1"}
        for path, n in n_units.items()
        for order in range(n + 1)
    ]
    small_study.write_table("documents", DOCUMENTS.build(documents))
    small_study.write_table("units", UNITS.build(units))
    code, out, _ = run(capsys, "status", str(small_study.root))
    assert code == 0 and said in out and ("Question inconnue" in out) == bool(said)


def test_help_lists_exactly_the_commands_of_the_readme():
    help_text = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "--help"], capture_output=True, text=True, check=True
    ).stdout
    listed = set(re.findall(r"^    ([a-z-]+)\s", help_text, re.MULTILINE))
    documented = set(
        re.findall(r"^\| `ateliers ([a-z-]+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert listed == documented


def test_no_doubtful_case_is_said_and_no_file_written(capsys, tmp_path, demo_study, monkeypatch):
    path = tmp_path / "doutes.csv"
    cases = Vault.doubts
    monkeypatch.setattr(Vault, "doubts", lambda vault: cases(vault).head(0))
    code, out, _ = run(
        capsys, "export", str(demo_study.root), "--format", "doutes", "-o", str(path)
    )
    assert (code, out, path.exists()) == (0, "Aucun cas douteux.\n", False)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_french_and_any_name_are_written_on_any_terminal(monkeypatch, tmp_path, encoding):
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    assert main(["init", str(tmp_path / "Étude « à l'œuvre » 名")]) == 0
    assert main(["status", str(tmp_path / "Étude « à l'œuvre » 名")]) == 0
    assert main(["status", str(tmp_path / "nulle \udce9 part")]) == 1
    for stream in streams:
        stream.flush()
    out, err = (stream.buffer.getvalue().decode(encoding) for stream in streams)
    told = {
        "ascii": 'Etude " a l\'oeuvre " ?',
        "latin-1": "Étude « à l'oeuvre » ?",
        "utf-8": "Étude « à l'œuvre » 名",
    }
    assert told[encoding] in out and "nulle ? part" in err
    assert err.count("\n") == 1


def test_help_is_written_on_a_terminal_that_has_no_accents():
    ran = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "--help"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
        check=True,
    )
    assert b"effacer une personne de l'etude" in ran.stdout


def test_an_error_of_the_disk_is_told_in_french(capsys, monkeypatch):
    def fail(*_):
        raise OSError(errno.EACCES, "Permission denied", "/srv/etude")

    monkeypatch.setattr("pipeline.cli.Study.open", fail)
    assert run(capsys, "status", "e")[::2] == (1, ERROR)
    monkeypatch.setattr(
        "pipeline.cli.Study.open",
        lambda _: (_ for _ in ()).throw(OSError("Couldn't deserialize thrift")),
    )
    assert "None" not in run(capsys, "status", "e")[2]


ERROR = (
    "ateliers : « /srv/etude » : droits insuffisants ; attendu : un fichier ou un dossier accessible ; "
    "à faire : vérifier le chemin et les droits\n"
)


def test_a_fault_of_ours_is_one_line_that_quotes_nobody(tmp_path):
    code = (
        "from pipeline import cli\n"
        "def fail(options): raise ValueError('Mme Riou a dit')\n"
        "cli.make_parser = lambda: type('P', (), {'parse_args': lambda s, a: type('O', (), {'call': staticmethod(fail)})()})()\n"
        "cli.main(['run'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=README.parent, check=False
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "erreur inattendue (ValueError)" in done.stderr and "Riou" not in done.stderr

"""Secrets come from the environment or from files of mode 600 alone, and are found nowhere else; vault/ and .review/ are their owner's."""

import ast
import io
import json
import logging
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.backup import backup_study, read_backup_passphrase, restore_study
from flows.encryption import read_passphrase
from flows.forget import forget_person
from flows.mailbox import fetching
from flows.notify import read_password, read_webhook
from flows.prefect_server import prefect_ready
from flows.run import run_study
from flows.vault import Vault
from pipeline.cli import main
from pipeline.credentials import header_secret
from pipeline.errors import AteliersError
from pipeline.review.storage import private_folder, secret_key
from pipeline.study import Study

ROOT = Path(__file__).parent.parent
ADDRESS = "https://crochet.example/jeton-7f3a"


def _prefect(study: Study) -> str | None:
    with prefect_ready(study.cache):
        return os.environ.get("PREFECT_API_AUTH_STRING")


READERS: dict[str, Callable[[Study], str | None]] = {
    "ATELIERS_VAULT_PASSPHRASE": read_passphrase,
    "ATELIERS_BACKUP_PASSPHRASE": lambda _: read_backup_passphrase(),
    "ATELIERS_SMTP_PASSWORD": read_password,
    "ATELIERS_WEBHOOK": read_webhook,
    "ATELIERS_IMAP_PASSWORD": fetching.read_password,
    "ATELIERS_DATABASE_URL": lambda study: study.database_url or None,
    "ATELIERS_LANGUAGE_MODEL_KEY": lambda _: header_secret("ATELIERS_LANGUAGE_MODEL_KEY", "la clé"),
    "ATELIERS_EMBED_API_KEY": lambda _: header_secret("ATELIERS_EMBED_API_KEY", "la clé"),
    "PREFECT_API_AUTH_STRING": _prefect,
}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    for name in READERS:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    return Study.create(tmp_path / "etude")


@pytest.mark.parametrize("name", READERS)
def test_a_secret_comes_from_the_environment_or_a_file_that_its_owner_alone_reads(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    read, file = READERS[name], tmp_path / "secret"
    assert read(study) is None
    monkeypatch.setenv(name, ADDRESS)
    assert read(study) == ADDRESS
    monkeypatch.delenv(name)
    file.write_text(f"{ADDRESS}\nla suite ne compte pas\n", encoding="utf-8")
    file.chmod(0o600)
    monkeypatch.setenv(f"{name}_FILE", str(file))
    assert read(study) == ADDRESS


REFUSED = [
    ("mode", 0o640),
    ("mode", 0o604),
    ("mode", 0o620),
    ("content", b""),
    ("content", b"  \n"),
    ("content", b"\xff\xfe\x00x"),
    ("gone", None),
]


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(("what", "value"), REFUSED)
def test_a_file_that_others_may_read_or_that_holds_nothing_is_refused_in_one_line(
    study: Study,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    what: str,
    value: int | bytes | None,
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(value if isinstance(value, bytes) else ADDRESS.encode())
    file.chmod(value if isinstance(value, int) else 0o600)
    if what == "gone":
        file.unlink()
    monkeypatch.setenv(f"{name}_FILE", str(file))
    with pytest.raises(AteliersError) as caught:
        READERS[name](study)
    assert (
        "secret" in str(caught.value)
        and "\n" not in str(caught.value)
        and "jeton" not in str(caught.value)
    )


@pytest.mark.slow
def test_no_other_code_reads_a_secret_of_the_environment() -> None:
    told = re.compile(r"PASS|SECRET|KEY|TOKEN|AUTH|DATABASE_URL|WEBHOOK|CREDENTIAL")
    found = []
    for path in sorted(
        path for folder in ("pipeline", "models", "flows") for path in (ROOT / folder).rglob("*.py")
    ):
        if path == ROOT / "pipeline" / "secret.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_read = (
                isinstance(node, ast.Subscript)
                and isinstance(node.ctx, ast.Load)
                and ast.unparse(node.value) == "os.environ"
            )
            is_read |= isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "os.environ.get",
                "os.getenv",
            )
            if is_read and told.search(ast.unparse(node)):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []


# --- found nowhere ---------------------------------------------------------------------------------------------------------


SECRETS = {
    "ATELIERS_VAULT_PASSPHRASE": "phrase-du-coffre-81c2",
    "ATELIERS_BACKUP_PASSPHRASE": "phrase-de-sauvegarde-52d9",
    "ATELIERS_SMTP_PASSWORD": "mot-de-passe-courriel-0b7e",
    "ATELIERS_WEBHOOK": "http://127.0.0.1:9/jeton-webhook-4f66",
    "ATELIERS_LANGUAGE_MODEL_KEY": "cle-modele-de-langue-93aa",
    "ATELIERS_EMBED_API_KEY": "cle-encodage-c01d",
}
SETTINGS = """
[language_model]
enabled = true
confirm = false
url = "http://127.0.0.1:9/v1"
model = "essai"
max_retries = 0

[notify]
to = ["mission@cress.example"]
sender = "ateliers@cress.example"
host = "127.0.0.1"
port = 9
starttls = false
"""


def all_under(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(root.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """What all loggers say at DEBUG, with tracebacks."""
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(pathname)s"))
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@pytest.mark.slow
def test_no_secret_is_in_a_log_a_record_or_what_a_command_says(
    small_study: Study,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from flows.notify import failure_notice, ready_notice, send

    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    with small_study.settings_path.open("a", encoding="utf-8") as settings:
        settings.write(SETTINGS)
    study, faults = Study.open(small_study.root), []
    with everything_logged() as logged:
        outcome = run_study(study.root)
        faults += send(ready_notice(study, outcome), study) + send(
            failure_notice(study, ValueError("x")), study
        )
        assert main(["status", str(study.root), "--json"]) == 0
        assert main(["status", str(study.root)]) == 0
        assert main(["publish", str(study.root)]) == 0
        assert main(["backup", str(study.root), "-o", str(tmp_path / "garde.ateliers")]) == 0
        monkeypatch.setenv("ATELIERS_VAULT_PASSPHRASE", "autre-phrase-77b0")
        assert main(["run", str(study.root)]) == 1
        monkeypatch.setenv("ATELIERS_VAULT_PASSPHRASE", SECRETS["ATELIERS_VAULT_PASSPHRASE"])
        monkeypatch.setenv("ATELIERS_BACKUP_PASSPHRASE", "autre-phrase-77b0")
        assert main(["restore", str(tmp_path / "garde.ateliers"), str(tmp_path / "revenue")]) == 1
        monkeypatch.setenv(
            "ATELIERS_DATABASE_URL", "postgresql://lise:mot-de-base-9e1f@127.0.0.1:9/absente"
        )
        assert main(["status", str(study.root)]) == 1
    assert len(faults) == 4
    said = capsys.readouterr()
    texts = [
        ("stdout", said.out),
        ("stderr", said.err),
        ("logs", logged.getvalue()),
        ("faults", "\n".join(faults)),
    ]
    words = [*SECRETS.values(), "jeton-webhook-4f66", "autre-phrase-77b0", "mot-de-base-9e1f"]
    assert [(where, word) for where, text in texts for word in words if word in text] == []
    assert [
        (path, word)
        for path, content in all_under(tmp_path)
        for word in words
        if word.encode() in content
    ] == []


@pytest.mark.slow
def test_a_record_of_a_run_holds_no_address_of_people_or_servers(small_study: Study) -> None:
    with small_study.settings_path.open("a", encoding="utf-8") as settings:
        settings.write(SETTINGS.replace("enabled = true", "enabled = false"))
    manifest = run_study(small_study.root).manifest
    assert "cress.example" not in json.dumps(manifest)
    assert {"cluster", "rank", "language_model", "embed"} <= set(manifest["settings"])


# --- vault/ and .review/ ---------------------------------------------------------------------------------------------------


def rights_of(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}


def expected_rights(folder: Path) -> dict[str, int]:
    return {path.name: 0o700 if path.is_dir() else 0o600 for path in (folder, *folder.rglob("*"))}


@pytest.mark.slow
@pytest.mark.parametrize("umask", [0o000, pytest.param(0o022, marks=pytest.mark.exhaustive)])
def test_the_vault_is_its_owner_s_after_every_command(tmp_path: Path, umask: int) -> None:
    previous = os.umask(umask)
    try:
        root = tmp_path / "etude"
        shutil.copytree(ROOT / "tests" / "golden" / "first-release", root)
        (root / "vault").chmod(0o777)
        for path in (root / "vault").iterdir():
            path.chmod(0o666)
        assert main(["run", str(root)]) == 0
        assert main(["export", str(root), "--format", "doutes"]) == 0
        vault = root / "vault"
        assert rights_of(vault) == expected_rights(vault)
        private_folder(root), secret_key(root / ".review")
        assert rights_of(root / ".review") == expected_rights(root / ".review")
        forget_person(root, "Odile Sorin")
        assert rights_of(vault) == expected_rights(vault)
        vault.chmod(0o755)
        for path in vault.iterdir():
            path.chmod(0o644)
        saved = backup_study(root, tmp_path / "garde.ateliers")
        assert stat.S_IMODE(saved.path.stat().st_mode) == 0o600
        restore_study(saved.path, tmp_path / "revenue")
        for name in ("vault", ".review"):
            assert rights_of(tmp_path / "revenue" / name) == expected_rights(
                tmp_path / "revenue" / name
            )
    finally:
        os.umask(previous)


def test_opening_a_vault_closes_it_to_others(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "etude")
    Vault(study).write_decisions({})
    study.vault.chmod(0o755)
    for path in study.vault.iterdir():
        path.chmod(0o644)
    Vault(study)
    assert rights_of(study.vault) == expected_rights(study.vault)


def test_a_key_of_sessions_that_others_may_read_is_refused(tmp_path: Path) -> None:
    folder = private_folder(tmp_path)
    secret_key(folder)
    (folder / "secret_key").chmod(0o644)
    with pytest.raises(AteliersError, match="chmod 600"):
        secret_key(folder)


def test_nothing_that_a_command_writes_can_be_changed_by_everybody(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        assert main(["init", str(tmp_path / "etude")]) == 0
        modes = [path.stat().st_mode for path in (tmp_path / "etude").rglob("*")]
        assert modes and not any(mode & stat.S_IWOTH for mode in modes)
    finally:
        os.umask(previous)

"""Every test that docs/securite.md names as a proof is there, and every row of its table has one."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "securite.md").read_text(encoding="utf-8")
SECTIONS = ("## Menaces, protections, preuves", "## Lecture par l'OWASP")
TABLES = [TEXT.split(title)[1].split("\n## ")[0] for title in SECTIONS]
ROWS = [
    line
    for table in TABLES
    for line in [line for line in table.splitlines() if line.startswith("|")][2:]
]
PROOF = re.compile(r"`([\w/]+\.py)::(\w+)`")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_each_threat_has_a_proof_that_exists(row: str) -> None:
    proofs = PROOF.findall(row)
    assert proofs
    for file, name in proofs:
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_the_modules_named_are_there() -> None:
    named = set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`", "".join(TABLES)))
    assert len(named) > 10
    missing = [
        name
        for name in sorted(named)
        if not any((ROOT / folder / name).is_file() for folder in ("", "pipeline"))
    ]
    assert missing == []


def test_every_secret_that_the_code_reads_is_listed() -> None:
    called = re.compile(r'read_secret\(\s*"(\w+)"|header_secret\(\s*"(\w+)"')
    constants = re.compile(
        r'"((?:ATELIERS|PREFECT)_\w*(?:PASSPHRASE|PASSWORD|KEY|WEBHOOK|URL|AUTH_STRING))"'
    )
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("pipeline", "models", "flows")
        for path in sorted((ROOT / folder).rglob("*.py"))
    )
    names = {name for found in called.findall(code) for name in found if name} | set(
        constants.findall(code)
    )
    names -= {"PREFECT_API_URL"}
    assert len(names) >= 8
    assert [name for name in sorted(names) if f"`{name}`" not in TEXT] == []

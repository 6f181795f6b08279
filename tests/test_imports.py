"""The direction of imports, as import-linter checks it; in a process of its own, because it silences every logger of the one it runs in."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_imports_go_one_way():
    checked = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_help_loads_neither_tables_nor_settings():
    heavy = "{'pandas', 'numpy', 'pydantic', 'lxml', 'flows'}"
    script = (
        "import sys; from pipeline.cli import main\n"
        "try: main(['--help'])\n"
        f"finally: print(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.stderr == "[]\n" and "commandes" in told.stdout

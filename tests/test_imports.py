"""The direction of imports, as import-linter checks it."""

from importlinter.cli import lint_imports


def test_imports_go_one_way():
    assert lint_imports(is_debug_mode=False, cache_dir=None) == 0

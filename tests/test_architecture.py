"""The house as docs/architecture.md tells it: what it names is there, no state is shared, a name means one thing."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTAINERS = {"list", "dict", "set", "defaultdict", "deque", "Counter", "OrderedDict"}
AMBIENT = {"ContextVar", "local", "WeakKeyDictionary", "WeakValueDictionary"}
CHANGES = {
    *("append", "extend", "insert", "remove", "pop", "popleft", "appendleft", "clear", "sort"),
    *("reverse", "add", "discard", "update", "setdefault", "popitem"),
}


@cache
def sources() -> dict[Path, ast.Module]:
    """The modules by path, parsed once and by these tests alone."""
    return {
        path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8"))
        for folder in ("pipeline", "models", "flows")
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def called(node: ast.expr) -> str:
    """The name of what a call calls; nothing for what is no call."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    if isinstance(function, ast.Subscript):
        function = function.value
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def module_values(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Each name that a module binds to a value at its top, with the value."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    yield target.id, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            yield ast.unparse(statement.target), statement.value


def is_container(value: ast.expr) -> bool:
    displays = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
    return isinstance(value, displays) or called(value) in CONTAINERS


def is_empty(value: ast.expr) -> bool:
    match value:
        case ast.List() | ast.Set():
            return not value.elts
        case ast.Dict():
            return not value.keys
        case ast.Call():
            return len(value.args) <= (called(value) == "defaultdict")
    return False


def changed_names(tree: ast.Module) -> set[str]:
    """Names whose value some code changes in place: `x.append(…)`, `x[…] = …`, `del x[…]`, `x |= …` in a function."""
    changed: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            changed += [node.func.value] * (node.func.attr in CHANGES)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            changed.append(node.value)
    return {node.id for node in changed if isinstance(node, ast.Name)}


def local_names(tree: ast.Module) -> set[str]:
    """Names that some function binds for itself: what it changes under that name is its own."""
    return {
        node.id
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    } | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}


def shared_state(tree: ast.Module) -> list[str]:
    """What a module keeps that calls change: a constant may be a list, but nobody changes it, and it is not empty."""
    values = dict(module_values(tree))
    containers = {name for name, value in values.items() if is_container(value)}
    empty = {name for name in containers if is_empty(values[name])}
    ambient = {name for name, value in values.items() if called(value) in AMBIENT}
    changed = containers & changed_names(tree)
    changed -= local_names(tree) if changed else set()
    declared = {
        name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names
    }
    return sorted((empty | ambient | changed | declared) - {"__all__"})


@pytest.mark.parametrize(
    ("source", "state"),
    [
        ("_open: list[str] = []\n", ["_open"]),
        ("_known = {}\n", ["_known"]),
        ("_known = defaultdict(list)\n", ["_known"]),
        ("_new: ContextVar[int] = ContextVar('new')\n", ["_new"]),
        ("N = 0\n\ndef count():\n    global N\n    N += 1\n", ["N"]),
        ("KINDS = ['a']\n\ndef add(kind):\n    KINDS.append(kind)\n", ["KINDS"]),
        ("KINDS = {'a': 1}\n\ndef add(kind):\n    KINDS[kind] = 2\n", ["KINDS"]),
        ("KINDS = {'a': 1}\n\ndef add(kind):\n    return KINDS | {kind: 2}\n", []),
        ("def add(kinds):\n    found = []\n    found.append(1)\n    return found\n", []),
    ],
)
def test_what_counts_as_state_that_calls_share(source: str, state: list[str]) -> None:
    assert shared_state(ast.parse(source)) == state


@pytest.mark.slow
def test_no_module_keeps_state_that_calls_change() -> None:
    assert len(sources()) > 200
    found = {str(path): state for path, tree in sources().items() if (state := shared_state(tree))}
    assert found == {}


def test_a_public_class_name_means_one_thing() -> None:
    names = Counter(
        node.name
        for path, tree in sources().items()
        if "migrations" not in path.parts  # Django names them
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, n in names.items() if n > 1] == []


def test_the_layers_can_be_held_in_mind() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (
        contract["layers"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    assert len(layers) <= 10


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_file_that_the_map_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:pipeline|models|flows|data|tests|tools|docs)/[\w./-]*)`", text))
    assert len(paths) >= 4
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []

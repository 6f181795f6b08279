"""Files written in one step, their hashes, the shipped data, and safe YAML.

Nothing heavy is imported before a table is written.
"""

import csv
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import yaml

from pipeline.errors import ModelError, StudyError, reason_of, remedy_of

if TYPE_CHECKING:
    import pandas as pd


def file_hash(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def csv_rows(content: bytes, *, n_head: int = 1) -> list[list[str]]:
    """Return the cells of a .csv of a spreadsheet, separated as in one of its `n_head` first lines.

    Raises `csv.Error`.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")  # as French spreadsheets save it
    heads = text.split("\n")[:n_head]
    separator = max(";\t,", key=lambda sign: max(head.count(sign) for head in heads))
    return list(csv.reader(io.StringIO(text), delimiter=separator))


def json_lines(path: Path) -> list[Any]:
    """Return what each line of a shipped .jsonl holds."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def text_hash(*parts: str) -> str:
    """Return the sha256 of some texts; their boundaries count."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def parquet_bytes(frame: "pd.DataFrame") -> bytes:
    """Return one Parquet file: the same rows give the same bytes."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def write_bytes(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write in one step: a crash or a power cut leaves the old or the new file whole.

    Raises `StudyError` if the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except OSError as error:
        raise read_only(path.parent, error) from error


def force_to_disk(folder: Path) -> None:
    """Flush a folder's files, so that a rename after it survives a power cut."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def read_only(folder: Path, error: OSError) -> StudyError:
    """Return the error for a folder that refuses writing."""
    return StudyError(f"« {folder} » refuse l'écriture ({reason_of(error)})", *remedy_of(error))


_LOADER = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # libyaml, ten times as quick, where PyYAML was built with it
_PLACES = (Path(__file__).parent / "data", Path(__file__).parent.parent / "data")


def data_path(*names: str) -> Path:
    """Return the path of a shipped file or folder, such as `data_path("grid")`.

    Raises `StudyError` if the installation lacks it.
    """
    for place in _PLACES:
        if place.joinpath(*names).exists():
            return place.joinpath(*names)
    raise StudyError(
        f"{'/'.join(names)} manque à l'installation",
        "les données livrées avec le projet",
        "réinstaller ateliers-territoires",
    )


@contextmanager
def reading_weights(path: Path) -> Iterator[None]:
    """Raise `ModelError` where what is read of a shipped file of weights is missing or altered."""
    try:
        yield
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ModelError(
            f"{path.name} manquant ou illisible",
            "le fichier livré avec le projet",
            "réinstaller ateliers-territoires",
        ) from error


def load_yaml(path: Path) -> Any:
    """Return the content of a shipped YAML file; `load_plain` is for people's files."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)


_MAX_DEPTH = 20
_MAX_SCALAR = 100  # characters of a number or a date
_MAX_TEXT = 20_000  # characters of a text
_TEXT = "tag:yaml.org,2002:str"


class RefusedYamlError(yaml.MarkedYAMLError):
    """YAML that no person would write; `problem` says why in French."""


class PlainLoader(yaml.SafeLoader):
    """Loads a person's YAML; raises `RefusedYamlError` before unfolding anything else."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose one node and those below it."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            raise _refused("renvoi YAML (« & » ou « * »)", event)
        if self._depth >= _MAX_DEPTH:
            raise _refused(f"plus de {_MAX_DEPTH} niveaux l'un dans l'autre", event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(node, yaml.ScalarNode):
            if len(node.value) > (_MAX_TEXT if node.tag == _TEXT else _MAX_SCALAR):
                raise _refused(f"valeur de {len(node.value)} caractères", event)
            node.value = node.value.encode(
                "utf-8", "replace"
            ).decode()  # an escape can make half a character
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compose a mapping, each of whose keys is written once."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        seen: set[str] = set()
        for key in keys:
            if key.value in seen:
                raise _refused(f"« {key.value[:_MAX_SCALAR]} » donné deux fois", key)
            seen.add(key.value)
        return node


def load_plain(text: str, loader: type[PlainLoader] = PlainLoader) -> Any:
    """Return the content of `text`.

    Raises `yaml.YAMLError` for invalid or refused YAML, `ValueError` for an impossible date.
    """
    return yaml.load(text, Loader=loader)


def _refused(problem: str, event: Any) -> RefusedYamlError:
    return RefusedYamlError(problem=problem, problem_mark=event.start_mark)

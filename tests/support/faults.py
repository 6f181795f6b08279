"""What happens to a study whose files go missing, are emptied, cut off or altered: the table of docs/operations/pannes.md.

`python -m support.faults` (from tests/) writes that table again.
"""

import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from flows.cache import StageCache
from flows.copies import keep_copy, restore_here
from flows.integrity import check_texts, mend_study, seal_study
from flows.vault import Vault
from pipeline.errors import AteliersError
from pipeline.files import file_hash
from pipeline.pseudonymise.vault import Registry
from pipeline.store import Store
from pipeline.study import Study
from support.published import tables

RUN = "20261129T093000000000Z"
PAGE = Path(__file__).parents[2] / "docs" / "operations" / "pannes.md"
BEGIN, END = "<!-- pannes-de-fichiers -->", "<!-- /pannes-de-fichiers -->"
DAMAGES = {
    "missing": "absent",
    "empty": "vide",
    "truncated": "tronqué",
    "altered": "un octet changé",
}
FILES = {
    "etude.toml": "réglages",
    "grille.yaml": "grille",
    "decisions.sqlite3": "décisions",
    "vault/personnes.vault": "registre du coffre",
    "vault/decisions-doutes.vault": "décisions sur les doutes",
    f"runs/{RUN}.json": "compte rendu du traitement",
    "tables/units.parquet": "table",
    "tables/documents.parquet": "table des documents",
    "tables/machine/themes.parquet": "table de la machine",
    "tables/machine/theme_members.parquet": "table de la machine, sans cache",
    "tables/decision_grounds.parquet": "ce qui fut su en décidant",
    "tables/machine/tags.parquet": "étiquettes de la machine",
    "vault/personnes.vault.empreinte": "empreinte du registre",
    "vault/copies/COPIE": "copie",
    "decisions.sqlite3-count": "numéro de la dernière décision",
    "tables/empreintes.json": "empreintes",
    f"publications/{RUN}/rapport.html": "rapport publié",
    ".cache/store.sqlite3": "cache des textes",
    ".cache/objects/tags.parquet": "cache des tables",
}
VALUE = b"besoin" * 2000
QUIET = (".cache/", "vault/copies/", "vault/personnes.vault.empreinte", "decisions.sqlite3-count")
NO_CACHE = "tables/machine/theme_members.parquet"


@dataclass(frozen=True)
class Told:
    """What the next run says of a fault, what puts the file back, and the names of files that are then not as before."""

    lines: tuple[str, ...]
    stops: bool
    put_back: tuple[str, ...]
    lost: tuple[str, ...]


def processed_study(root: Path) -> Study:
    """A study as a run leaves it, without the run: tables, decisions, a vault, a publication, a cache."""
    study = Study.create(root)
    made = tables()
    for name, rows in made.items():
        study.write_table(name, rows)
    for name in ("themes", "theme_members", "tags"):
        study.write_machine_table(name, made[name])
    if not study.has_table("decision_grounds"):
        study.write_table("decision_grounds", study.read_table("decision_grounds"))
    for n in range(3):
        study.decisions.append(
            author="Claire", action="rename_theme", theme_id=f"t{n}", value=f"besoin de soins {n}"
        )
    vault, registry = Vault(study), Registry()
    registry.add(is_listed=True).full_name = "Odile Perrin"
    vault.write_registry(registry)
    vault.hide("Trucmuche", author="Claire")
    page = study.publications / RUN / "rapport.html"
    page.parent.mkdir()
    page.write_text("<p>Rapport</p>\n" * 20, encoding="utf-8")
    objects = study.cache / "objects"
    objects.mkdir(parents=True)
    for path in study.tables.rglob("*.parquet"):
        shutil.copyfile(path, objects / f"{file_hash(path)}.parquet")
    (objects / f"{file_hash(root / NO_CACHE)}.parquet").unlink()
    store = Store(study.cache)
    StageCache(store).run("essai", "cle", lambda: {"tags": made["tags"]})
    store.write("essai", "1", {b"cle": VALUE})
    store.close()
    study.write_manifest(
        {
            "run_id": RUN,
            "is_done": True,
            "is_sealed": True,
            "decisions": asdict(study.decisions.mark()),
            "n_persons": 1,
            "tables": study.table_hashes(),
            "publication": f"publications/{RUN}",
        }
    )
    keep_copy(study)
    seal_study(study)
    return study


def damage(path: Path, how: str) -> None:
    """Make a file missing, empty, cut off at two thirds or different by one bit."""
    content = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
        return
    if how == "altered":
        index = content.find(b"besoin")  # of a row, where the file is a database
        index = index if index >= 0 and path.suffix == ".sqlite3" else len(content) // 2
        content[index] ^= 1
    keep = {"empty": 0, "truncated": len(content) * 2 // 3 + 1, "altered": len(content)}[how]
    path.write_bytes(content[:keep])


def tell(base: Path, root: Path, name: str, how: str) -> Told:
    """Copy the study in `base` to `root`, damage a file, and do what the next run and `ateliers restore` do."""
    shutil.copytree(base, root)
    before = files_of(root)
    path = file_in(root, name)
    damage(path, how)
    with heard_warnings() as warnings:
        lines, stops = _next_run(root)
    put_back = restore_here(Study(root)) if stops else []
    after = files_of(root)
    kept = () if stops else (name,)  # the run makes it again, or it is a person's own change
    lost = tuple(
        sorted(each for each in before if before[each] != after.get(each) and each not in kept)
    )
    return Told((*lines, *warnings), stops, tuple(put_back), lost)


def file_in(root: Path, name: str) -> Path:
    """The file that a line is about."""
    if name == "vault/copies/COPIE":
        return next(root.glob("vault/copies/*.copie"))
    if name == ".cache/objects/tags.parquet":
        return (
            root / ".cache" / "objects" / f"{file_hash(root / 'tables' / 'tags.parquet')}.parquet"
        )
    return root / name


def _next_run(root: Path) -> tuple[tuple[str, ...], bool]:
    """What a run does before it works."""
    try:
        study = Study.open(root)
        check_texts(study)
        _ = study.settings, study.grid
        with study.locked():
            study.check_decisions()
            mended = mend_study(study)
        store = Store(study.cache)
        StageCache(store).run("essai", "cle", lambda: {"tags": study.read_table("tags")})
        assert store.read("essai", "1", [b"cle"]) in ({}, {b"cle": VALUE})
        store.close()
    except AteliersError as error:
        return (str(error),), True
    return mended.lines, False


def files_of(root: Path) -> dict[str, bytes]:
    """The files of a study that a person or a run made, by path; copies, checksums, locks and cache aside."""
    left_out = ("vault/copies/", ".cache/", "runs/.lock", "tables/empreintes.json")
    names = {path: path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return {
        name: _rows(path) if name == "decisions.sqlite3" else path.read_bytes()
        for path, name in names.items()
        if not name.startswith(left_out)
        and not name.endswith((".empreinte", "-wal", "-shm", "-count"))
    }


def _rows(path: Path) -> bytes:
    try:
        return Study(path.parent).decisions.mark().sha256.encode()
    except AteliersError:
        return b"?"


LOGGERS = ("pipeline", "flows")


class heard_warnings:  # noqa: N801 - reads as what it does
    """The warnings that the library logs in a block."""

    def __enter__(self) -> list[str]:
        self.lines: list[str] = []
        self.handler = logging.Handler(logging.WARNING)
        self.handler.emit = lambda record: self.lines.append(record.getMessage())  # type: ignore[method-assign]
        for name in LOGGERS:
            logging.getLogger(name).addHandler(self.handler)
        return self.lines

    def __exit__(self, *_: object) -> None:
        for name in LOGGERS:
            logging.getLogger(name).removeHandler(self.handler)


def table_rows(told: Callable[[str, str], Told]) -> Iterator[str]:
    """The lines of the table, each fault as `told` answers it."""
    yield "| fichier | panne | ce que dit la commande suivante | ensuite | perdu |"
    yield "|---|---|---|---|---|"
    for name, what in FILES.items():
        for how, french in DAMAGES.items():
            answer = told(name, how)
            said = " ; ".join(map(_plain, answer.lines)) or "rien : refait sans rien perdre"
            after = " ; ".join(map(_plain, answer.put_back)) or "le traitement continue"
            lost = ", ".join(map(_plain, answer.lost)) or "rien"
            yield f"| {what}, `{_plain(name)}` | {french} | {said} | {after} | {lost} |"


def _plain(text: str) -> str:
    text = text.replace(RUN, "TRAITEMENT")
    return re.sub(r"(/[^\s»]*)/etude\b", "ÉTUDE", text)


def section() -> str:
    """What stands between the marks of the page."""
    with tempfile.TemporaryDirectory() as folder:
        base = processed_study(Path(folder) / "base" / "etude").root
        rows = table_rows(
            lambda name, how: tell(base, Path(tempfile.mkdtemp(dir=folder)) / "etude", name, how)
        )
        return "\n".join(rows)


def page_section() -> str:
    """The same, as the page has it now."""
    return PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n{section()}\n{END}{rest.split(END)[1]}", encoding="utf-8")

"""Parse the `ateliers` command line, call the work, show the result."""

import argparse
import gc
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pipeline import __version__
from pipeline.errors import AteliersError, StudyError, UsageError, VaultError, in_words
from pipeline.files import data_path
from pipeline.show import moves
from pipeline.show.writing import consent, failure, going_on, progress, told, write_on_any_terminal
from pipeline.study import Study
from pipeline.text import Count

if TYPE_CHECKING:
    from flows.run import Outcome

EXPORTS = (
    "xlsx",
    "techniques",
    "csv",
    "parquet",
    "geojson",
    "qdpx",
    "qdc",
    "iramuteq",
    "relecture",
)
DOUBTS = "doutes"
GOLD = "gold"  # the example's labels; never read as a workshop
# what a command allocates lives until it ends; collecting garbage took a sixth of the time
_SELDOM = (100_000, 50, 100)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 when done, 1 on failure, 2 on bad usage.

    Each failure is one line on standard error.
    """
    sys.excepthook = _tell_fault
    gc.set_threshold(*_SELDOM)
    # whatever the caller's umask, nothing written is writable by everybody
    os.umask(os.umask(0o077) | 0o002)
    os.environ["PYTHONSAFEPATH"] = "1"  # nor is code of the current folder run by a child
    write_on_any_terminal()
    try:
        options = make_parser().parse_args(arguments)
        options.call(options)
    except Unsound:  # what is damaged was shown, a line each
        return 1
    except AteliersError as error:
        failure(error)
        return error.exit_code
    except KeyboardInterrupt:
        do = "relancer la même commande : elle reprend où elle en était"
        failure(StudyError("interrompu", "un traitement mené à son terme", do))
        return 1
    except BrokenPipeError:  # the reader has stopped
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        failure(in_words(error))
        return 1
    return 0


def _tell_fault(_kind: object, error: BaseException, _trace: object) -> None:
    """Say a fault of ours in one line: a traceback may quote a participant."""
    failure(in_words(error))


class Unsound(Exception):  # noqa: N818 - a verdict that was shown already
    """Something of the study is damaged."""


Argument = tuple[str, dict[str, Any]]  # of add_argument


def _value(name: str, metavar: str, help_text: str, **more: Any) -> Argument:
    return name, {"metavar": metavar, "help": help_text, **more}


def _path(name: str, metavar: str, help_text: str, **more: Any) -> Argument:
    return _value(name, metavar, help_text, type=Path, **more)


def _flag(name: str, help_text: str) -> Argument:
    return name, {"action": "store_true", "help": help_text}


_STUDY = _path("study", "ÉTUDE", "dossier de l'étude")
_JSON = _flag("--json", "pour une machine")
_AGREED = (
    _flag("--yes", "envoyer au second codeur sans demander"),
    _flag("--accept-lost-decisions", "continuer bien que des décisions aient disparu"),
)
_OPEN_SERVER = (
    "servir même si le serveur Prefect est sans mot de passe ou ouvert à toute page web :"
    " qui l'atteint commande alors ce service"
)
_FORMATS = ", ".join((*EXPORTS, DOUBTS))


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; it raises `UsageError` for what it does not know."""
    parser = _Parser(
        prog="ateliers",
        description="Des notes d'ateliers territoriaux aux thèmes, aux priorités et au rapport.",
    )
    version = f"ateliers {__version__}"
    parser.add_argument("--version", action="version", version=version, help="montrer la version")
    commands = parser.add_subparsers(
        required=True, metavar="COMMANDE", title="commandes", parser_class=_Parser
    )

    def add(
        name: str, call: Callable[[argparse.Namespace], None], summary: str, *arguments: Argument
    ) -> None:
        command = commands.add_parser(name, help=summary, description=summary)
        for argument, details in arguments:
            command.add_argument(argument, **details)
        command.set_defaults(call=call, workshop=None)

    add(
        "demo",
        demo,
        "copier l'étude d'exemple et la traiter",
        _path("dir", "DOSSIER", "où la copier (demo)", nargs="?", default=Path("demo")),
        _JSON,
    )
    add("init", init, "créer une étude", _STUDY, _path("--grid", "FICHIER", "grille de codes"))
    add(
        "run",
        run,
        "traiter ce qui est nouveau ou changé",
        _STUDY,
        _value("--workshop", "NOM", "ne reprendre que cet atelier"),
        *_AGREED,
        _JSON,
    )
    by_rows = "lignes par atelier (10 000)"
    add(
        "add-table",
        add_table,
        "découper dans le dépôt un grand tableau de contributions (.csv, .parquet)",
        _STUDY,
        _path("file", "FICHIER", "tableau, de toute taille"),
        _value("--workshop", "NOM", "nom des ateliers (celui du fichier)"),
        _value("--rows", "N", by_rows, type=int, default=10_000),
        _JSON,
    )
    add("status", status, "où en est l'étude", _STUDY, _JSON)
    verify = "vérifier tout ce que l'étude contient, et dire comment remettre ce qui est abîmé"
    secure = _flag("--security", "dire les droits, les ports, les mots de passe, ce qui grandit")
    add("check", check, verify, _STUDY, secure, _JSON)
    served = (
        _value("--port", "PORT", "port de cette machine (8010)", type=int, default=8010),
        _flag("--no-browser", "ne pas ouvrir le navigateur"),
        _value(
            "--invite", "NOM", "rouvrir l'accès de ce compte : donne une adresse qui sert une fois"
        ),
    )
    folder = _path("folder", "DOSSIER", "dossier des études (celui-ci)", nargs="?")
    add(
        "web",
        web,
        "toutes les études d'un dossier dans un navigateur, des fichiers au rapport",
        (folder[0], folder[1] | {"default": Path()}),
        *served,
    )
    review_one = "la même application, pour une étude"
    add("review", review, review_one, _STUDY, *served)
    add("compare", compare, "comparer les territoires", _STUDY, _JSON)
    whole = "remettre à jour avec les décisions, puis publier le tout"
    add("publish", publish, whole, _STUDY, *_AGREED, _JSON)
    gold = _path("--gold", "DOSSIER", "étiquettes de référence", required=True)
    add("evaluate", evaluate, "mesurer contre des étiquettes de référence", _STUDY, gold, _JSON)
    gold = _path("--gold", "DOSSIER", "étiquettes de référence")
    refit = "réapprendre l'étiquetage sur les décisions et des références"
    add("train", train, refit, _STUDY, gold, _JSON)
    add(
        "serve",
        serve,
        "traiter par soi-même, à heures fixes et à chaque dépôt (Prefect)",
        _path("studies", "ÉTUDE", "dossier d'une étude", nargs="+"),
        _flag("--allow-open-server", _OPEN_SERVER),
    )
    mailbox = "lire une fois la boîte de mails de l'étude, dans le dépôt"
    add("fetch-mail", fetch, mailbox, _STUDY, _JSON)
    add(
        "send-back",
        give_back,
        "dire aux participants que les fiches sont prêtes, et leur envoyer la leur",
        _STUDY,
        _flag("--send", "envoyer ; sans elle, dire seulement qui serait prévenu"),
        _value("--refusal", "QUI", "noter qui n'en veut plus : adresse, personne-12 ou code"),
        _JSON,
    )
    by = "iramuteq : un texte par document, ou par table"
    add(
        "export",
        export,
        "écrire l'étude pour d'autres outils",
        _STUDY,
        _value("--format", "FORMAT", _FORMATS, choices=(*EXPORTS, DOUBTS), required=True),
        _path("-o", "CHEMIN", "où écrire : un fichier, ou un dossier", dest="output"),
        _value("--by", "DÉCOUPE", by, choices=("document", "table")),
    )
    add(
        "import",
        import_decisions,
        "reprendre ce qui a été décidé dans un autre outil",
        _STUDY,
        _path("file", "FICHIER", "projet .qdpx, feuille de relecture, liste doutes, grille .qdc"),
        _value("--author", "NOM", "qui a décidé, si le fichier ne le dit pas"),
        _JSON,
    )
    add(
        "backup",
        backup,
        "sauvegarder l'étude entière, coffre compris, dans un fichier",
        _STUDY,
        _path("-o", "FICHIER", "où l'écrire (à côté de l'étude)", dest="output"),
        _JSON,
    )
    add(
        "restore",
        restore,
        "remettre une étude sauvegardée, ou ce qui est abîmé d'une étude",
        _path("file", "FICHIER", "sauvegarde ; sans elle, les copies du coffre", nargs="?"),
        _STUDY,
        _value("--only", "NOM", "sans sauvegarde : ce fichier de l'étude seul, même intact"),
        _JSON,
    )
    add(
        "forget",
        forget,
        "effacer une personne de l'étude",
        _STUDY,
        _value("person", "PERSONNE", "nom, courriel, téléphone ou identifiant (personne-12)"),
        _flag("--with-words", "effacer aussi ses propos"),
        _flag("--dry-run", "dire ce qui serait effacé, sans rien changer"),
        _JSON,
    )
    return parser


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(add_help=False, allow_abbrev=False, **options)
        self.add_argument("-h", "--help", action="help", help="montrer cette aide")
        self._positionals.title, self._optionals.title = "arguments", "options"

    def error(self, message: str) -> NoReturn:
        # in one line, however many options
        usage = " ".join(self.format_usage().removeprefix("usage: ").split())
        raise UsageError(_in_french(message), usage, f"{self.prog} --help")


def _in_french(message: str) -> str:
    for english, french in (
        ("the following arguments are required:", "il manque"),
        ("unrecognized arguments:", "argument inconnu :"),
        ("invalid choice:", "valeur inconnue"),
        ("expected one argument", "il manque une valeur"),
    ):
        message = message.replace(english, french)
    return message.split(" (choose from")[0]


def demo(options: argparse.Namespace) -> None:
    """Copy and process the example study."""
    from pipeline.show import results

    study = copy_demo(options.dir)
    results.outcome(study, _run(study.root, None, options), as_json=options.json)


def copy_demo(root: Path) -> Study:
    """Return the study in `root`, a copy of the example if there is none."""
    if (root / "etude.toml").is_file():
        return Study.open(root)
    study = Study.create(root)
    for folder in sorted(data_path("demo").iterdir()):
        if folder.is_dir() and folder.name != GOLD:
            shutil.copytree(folder, study.depot / folder.name, dirs_exist_ok=True)
    return study


def init(options: argparse.Namespace) -> None:
    """Make a new study."""
    from pipeline.show import results

    results.created(Study.create(options.study, options.grid))


def run(options: argparse.Namespace) -> None:
    """Process what changed, then update the results."""
    from pipeline.show import results

    study = Study.open(options.study)
    results.outcome(study, _run(study.root, options.workshop, options), as_json=options.json)
    sys.stdout.flush()
    with suppress(AteliersError):  # `status` says it
        _show_or_keep_status(study, as_json=False, is_hidden=True)


def add_table(options: argparse.Namespace) -> None:
    """Cut a large table into workshops of the depot."""
    from flows.deposit.large_table import add_table

    study = Study.open(options.study)
    with progress() as bars:
        added = add_table(
            study,
            options.file,
            workshop=options.workshop or "",
            n_rows=max(1, options.rows),
            on_part=lambda n: bars(f"{Count(n):ligne|lignes}", 0, 1) if bars else None,
        )
    moves.table_added(study, added, as_json=options.json)


def _run(root: Path, workshop: str | None, options: argparse.Namespace) -> "Outcome":
    from flows.run import run_study

    with progress() as bars:
        return run_study(
            root,
            workshop=workshop,
            on_progress=bars,
            on_cost=consent(bars, is_agreed=getattr(options, "yes", False)),
            on_lost_decisions=going_on(
                bars, is_agreed=getattr(options, "accept_lost_decisions", False)
            ),
        )


def publish(options: argparse.Namespace) -> None:
    """Apply people's decisions, then write the publication."""
    from flows.publication import publish_whole
    from pipeline.show import results

    study = Study.open(options.study)
    outcome = _run(study.root, None, options)
    with study.locked(), progress() as bars:
        publication = publish_whole(study.root, outcome.manifest, on_progress=bars)
    results.published(study, outcome, publication, as_json=options.json)


def status(options: argparse.Namespace) -> None:
    """Show what the study holds and what awaits review, as last time where nothing changed."""
    _show_or_keep_status(_verified(options.study), as_json=options.json)


def _show_or_keep_status(study: Study, *, as_json: bool, is_hidden: bool = False) -> None:
    from pipeline.show.repeated import shown_again

    with shown_again(study, as_json=as_json, is_hidden=is_hidden) as is_shown:
        if not is_shown:
            _show_status(study, as_json=as_json)


def _show_status(study: Study, *, as_json: bool) -> None:
    from flows.mailbox.record import Record
    from pipeline.show import results

    waiting = {"n_doubts": _doubts_waiting(study), "n_mails_waiting": Record(study).n_waiting}
    facts = results.study_status(
        study.read_tables(),
        study.last_run(),
        study.decisions.read(),
        machine_tags=study.read_machine_table("tags"),
        exclusive=study.grid.exclusive,
        least_units=study.settings.cluster.least_units,
    )
    results.status(study, facts | waiting, as_json=as_json)


def _doubts_waiting(study: Study) -> int | None:
    """Return None where the vault is locked."""
    from flows.vault import Vault

    try:
        return Vault(study).count_waiting()
    except VaultError:
        return None


def review(options: argparse.Namespace) -> None:
    """Serve one study, or print an invitation's address."""
    _serve_pages(options, options.study, is_folder=False)


def web(options: argparse.Namespace) -> None:
    """Serve all the studies of a folder, or print an invitation's address."""
    if not options.folder.is_dir():
        raise UsageError(
            f"pas de dossier « {options.folder} »",
            "le dossier où sont, ou seront, les études",
            f"mkdir {options.folder}",
        )
    _serve_pages(options, options.folder, is_folder=True)


def _serve_pages(options: argparse.Namespace, root: Path, *, is_folder: bool) -> None:
    if sys.platform == "win32":
        raise UsageError(
            "les pages ne se servent pas sous Windows",
            "Linux ou macOS",
            "lancer cette commande dans WSL (docs/exploitation.md, « Installer »)",
        )
    from pipeline.review.server import invite, serve

    if options.invite is not None:
        given = invite(root, options.invite, is_folder=is_folder, port=options.port)
        moves.invited(options.invite, *given)
        return
    serve(
        root,
        is_folder=is_folder,
        port=options.port,
        opens_browser=not options.no_browser,
        on_address=moves.review_served,
    )


def check(options: argparse.Namespace) -> None:
    """Verify everything that the study holds; fail where something is damaged."""
    from flows.copies import all_faults, copies_of

    study = _perhaps_damaged(options.study)
    if options.security:
        from flows.security import security_of

        moves.secured(security_of(study), as_json=options.json)
        return
    faults = all_faults(study)
    moves.checked(study, faults, len(copies_of(study)), as_json=options.json)
    if any(fault.level != "told" for fault in faults):
        raise Unsound


def _perhaps_damaged(root: Path) -> Study:
    """Return a study that may have lost its settings or its records; raise as `Study.open`."""
    study = Study(root)
    return study if study.has_content else Study.open(root)


def compare(options: argparse.Namespace) -> None:
    """Compare territories and write exports/comparaison/."""
    from flows.publish_study import write_comparison
    from pipeline.show import results

    study = _processed(options.study)
    compared = write_comparison(study.root)
    results.comparison(study, compared, study.read_table("themes"), as_json=options.json)


def _processed(root: Path) -> Study:
    """Raise `StudyError` before the first run, or where decisions are lost."""
    study = _verified(root)
    if study.last_run() is None:
        raise StudyError(
            "l'étude n'a encore jamais été traitée", "des tables", f"ateliers run {root}"
        )
    return study


def _verified(root: Path) -> Study:
    """Raise `StudyError` where what the last run left, or a decision, is lost; tell the rest."""
    from flows.integrity import check_study

    study = Study.open(root)
    study.check_decisions()
    told(check_study(study))
    study.check_tables()
    return study


def evaluate(options: argparse.Namespace) -> None:
    """Show figures against gold labels."""
    from pipeline.evaluate import evaluate_study
    from pipeline.show import results

    study = _processed(options.study)
    measured = evaluate_study(study.read_tables(), options.gold, study.grid)
    results.figures(measured, as_json=options.json)


def train(options: argparse.Namespace) -> None:
    """Refit the tagger and show its held-out figures."""
    from flows.learning import train_study
    from pipeline.show import results

    results.trained(train_study(_processed(options.study), gold=options.gold), as_json=options.json)


def serve(options: argparse.Namespace) -> None:
    """Process studies by the clock and as files are dropped."""
    from flows.serve import serve_studies
    from flows.service_log import is_json, service_log

    told = service_log().info if is_json() else moves.service
    serve_studies(options.studies, told=told, allow_open_server=options.allow_open_server)


def fetch(options: argparse.Namespace) -> None:
    """Read the study's mailbox once."""
    from flows.mailbox.fetching import fetch_mail

    study = Study.open(options.study)
    moves.fetched(study, fetch_mail(study.root), as_json=options.json)


def give_back(options: argparse.Namespace) -> None:
    """Say who would be sent the sheets of their workshops, or send them, or note a refusal."""
    from flows.refusals import refuse
    from flows.send_back import send_back

    study = _verified(options.study)
    if options.refusal is not None:
        if not refuse(study, options.refusal):
            raise UsageError(
                "ce refus ne désigne personne",
                "une adresse, un identifiant comme personne-12, ou le code d'un message",
                "le reprendre de la réponse reçue",
            )
        moves.refused()
        return
    with progress() as listener:
        done = send_back(study.root, is_dry_run=not options.send, tell=listener)
    moves.sent_back(study, done, as_json=options.json)
    if done.fault:
        raise Unsound


def export(options: argparse.Namespace) -> None:
    """Write the study for other tools, or the doubtful cases."""
    study = _processed(options.study)
    if options.format == DOUBTS:
        from flows.vault import Vault, write_doubts

        doubts = Vault(study).doubts()
        path = options.output or study.vault / "doutes.csv"
        paths = [write_doubts(doubts, path)] if len(doubts) else []
        moves.exported(paths, nothing="Aucun cas douteux.")
        return
    from flows.publication import export_study

    moves.exported(export_study(study, options.format, options.output, by=options.by))


def import_decisions(options: argparse.Namespace) -> None:
    """Import decisions made outside the application."""
    from flows.codebook import recolour
    from flows.publication import compare_grid, import_file

    study = _processed(options.study)
    kind = options.file.suffix.lower()
    if kind == ".qdc":
        differences = compare_grid(study, options.file)
        moves.compared(options.file.name, differences, as_json=options.json)
        return
    with study.locked():
        taken = None
        if kind in (".qdpx", ".xlsx"):
            taken = import_file(study, options.file, author=options.author)
        if taken is None:
            _import_doubts(study, options.file, as_json=options.json)
            return
        study.note_decisions()
    if taken.recolouring.colours:
        recolour(study, taken.recolouring)
    moves.taken(study, taken, as_json=options.json)


def _import_doubts(study: Study, path: Path, *, as_json: bool) -> None:
    from flows.vault import Vault, read_decisions

    vault = Vault(study)
    decisions, n_unknown = read_decisions(path, vault.doubts())
    vault.write_decisions(vault.decisions() | decisions)
    words = [entry["decision"] for entry in decisions.values()]
    moves.imported(study, words, n_unknown, vault.count_waiting(), as_json=as_json)


def forget(options: argparse.Namespace) -> None:
    """Erase a person from the vault, tables, decisions and publications."""
    from flows.forget import forget_person

    with progress() as listener:
        erasure = forget_person(
            Study.open(options.study).root,
            options.person,
            with_words=options.with_words,
            dry_run=options.dry_run,
            on_progress=listener,
        )
    moves.forgotten(erasure, as_json=options.json)


def backup(options: argparse.Namespace) -> None:
    """Save the study in one file."""
    from flows.backup import backup_study

    moves.saved(backup_study(options.study, options.output), as_json=options.json)


def restore(options: argparse.Namespace) -> None:
    """Restore a saved study, or what is damaged of one from the copies in its vault."""
    if options.file is None or options.only is not None:
        from flows.copies import restore_here

        lines = restore_here(_perhaps_damaged(options.study), options.only)
        moves.put_back(options.study, lines, as_json=options.json)
        return
    from flows.backup import restore_study

    moves.restored(restore_study(options.file, options.study), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())

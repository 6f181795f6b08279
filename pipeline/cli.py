"""The `ateliers` command: parse, call, show. What it shows is French; what it computes lies elsewhere.

The commands of `ateliers` and their arguments, in the order of the README; a mistake is one line in French.

The example study that the project ships: three workshops in real formats, all invented.
"""

import argparse
import gc
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pipeline import __version__, show
from pipeline.errors import AteliersError, StudyError, UsageError, VaultError, reason_of
from pipeline.files import data_path
from pipeline.show.writing import consent, going_on, progress, write_on_any_terminal
from pipeline.study import Study

if TYPE_CHECKING:
    from flows.run import Outcome

Command = Callable[[argparse.Namespace], None]
EXPORTS = ("xlsx", "csv", "parquet", "geojson", "qdpx", "qdc", "iramuteq", "relecture")
DOUBTS = "doutes"


def make_parser(calls: Mapping[str, Command]) -> argparse.ArgumentParser:
    """Return a parser whose `call` is what `calls` holds for the command, by its name.

    It raises `UsageError` for what it does not know.
    """
    parser = _Parser(
        prog="ateliers",
        description="Des notes d'ateliers territoriaux aux thèmes, aux priorités et au rapport.",
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"ateliers {__version__}",
        help="montrer la version",
    )
    commands = parser.add_subparsers(
        required=True, metavar="COMMANDE", title="commandes", parser_class=_Parser
    )
    study = (("study", {"type": Path, "metavar": "ÉTUDE", "help": "dossier de l'étude"}),)
    as_json = (("--json", {"action": "store_true", "help": "pour une machine"}),)
    workshop = (("--workshop", {"metavar": "NOM", "help": "ne reprendre que cet atelier"}),)
    gold = {"type": Path, "metavar": "DOSSIER", "help": "étiquettes de référence"}
    folder = (
        (
            "dir",
            {
                "type": Path,
                "nargs": "?",
                "default": Path("demo"),
                "metavar": "DOSSIER",
                "help": "où la copier (demo)",
            },
        ),
    )
    formats = (
        (
            "--format",
            {
                "choices": (*EXPORTS, DOUBTS),
                "required": True,
                "help": ", ".join((*EXPORTS, DOUBTS)),
                "metavar": "FORMAT",
            },
        ),
        (
            "-o",
            {
                "dest": "output",
                "type": Path,
                "metavar": "CHEMIN",
                "help": "où écrire : un fichier, ou un dossier",
            },
        ),
        (
            "--by",
            {
                "choices": ("document", "table"),
                "metavar": "DÉCOUPE",
                "help": "iramuteq : un texte par document, ou par table",
            },
        ),
    )
    _add(commands, calls, "demo", "copier l'étude d'exemple et la traiter", folder + as_json)
    _add(
        commands,
        calls,
        "init",
        "créer une étude",
        (*study, ("--grid", {"type": Path, "metavar": "FICHIER", "help": "grille de codes"})),
    )
    agreed = (
        ("--yes", {"action": "store_true", "help": "envoyer au second codeur sans demander"}),
        (
            "--accept-lost-decisions",
            {"action": "store_true", "help": "continuer bien que des décisions aient disparu"},
        ),
    )
    _add(
        commands,
        calls,
        "run",
        "traiter ce qui est nouveau ou changé",
        study + workshop + agreed + as_json,
    )
    _add(commands, calls, "status", "où en est l'étude", study + as_json)
    served = (
        (
            "--port",
            {
                "type": int,
                "default": 8010,
                "metavar": "PORT",
                "help": "port de cette machine (8010)",
            },
        ),
        ("--no-browser", {"action": "store_true", "help": "ne pas ouvrir le navigateur"}),
        (
            "--invite",
            {
                "metavar": "NOM",
                "help": "rouvrir l'accès de ce compte : donne une adresse qui sert une fois",
            },
        ),
    )
    _add(
        commands,
        calls,
        "review",
        "relire, corriger et décider dans un navigateur",
        study + served,
    )
    _add(commands, calls, "compare", "comparer les territoires", study + as_json)
    _add(
        commands,
        calls,
        "publish",
        "remettre à jour avec les décisions, puis publier le tout",
        study + agreed + as_json,
    )
    _add(
        commands,
        calls,
        "evaluate",
        "mesurer contre des étiquettes de référence",
        (*study, ("--gold", gold | {"required": True}), *as_json),
    )
    _add(
        commands,
        calls,
        "train",
        "réapprendre l'étiquetage sur les décisions et des références",
        (*study, ("--gold", gold), *as_json),
    )
    studies = (
        (
            "studies",
            {"type": Path, "nargs": "+", "metavar": "ÉTUDE", "help": "dossier d'une étude"},
        ),
    )
    open_server = (
        (
            "--allow-open-server",
            {
                "action": "store_true",
                "help": (
                    "servir même si le serveur Prefect est sans mot de passe ou ouvert à toute"
                    " page web : qui l'atteint commande alors ce service"
                ),
            },
        ),
    )
    serving = "traiter par soi-même, à heures fixes et à chaque dépôt (Prefect)"
    _add(commands, calls, "serve", serving, studies + open_server)
    _add(
        commands,
        calls,
        "fetch-mail",
        "lire une fois la boîte de mails de l'étude, dans le dépôt",
        study + as_json,
    )
    _add(commands, calls, "export", "écrire l'étude pour d'autres outils", study + formats)
    decided = (
        (
            "file",
            {
                "type": Path,
                "metavar": "FICHIER",
                "help": "projet .qdpx, feuille de relecture, liste doutes, grille .qdc",
            },
        ),
        ("--author", {"metavar": "NOM", "help": "qui a décidé, si le fichier ne le dit pas"}),
    )
    _add(
        commands,
        calls,
        "import",
        "reprendre ce qui a été décidé dans un autre outil",
        study + decided + as_json,
    )
    saved = (
        (
            "-o",
            {
                "dest": "output",
                "type": Path,
                "metavar": "FICHIER",
                "help": "où l'écrire (à côté de l'étude)",
            },
        ),
    )
    _add(
        commands,
        calls,
        "backup",
        "sauvegarder l'étude entière, coffre compris, dans un fichier",
        study + saved + as_json,
    )
    source = (
        (
            "file",
            {
                "type": Path,
                "metavar": "FICHIER",
                "help": "sauvegarde faite par ateliers backup",
            },
        ),
    )
    _add(
        commands,
        calls,
        "restore",
        "remettre une étude sauvegardée, telle qu'elle était",
        source + study + as_json,
    )
    person = (
        (
            "person",
            {
                "metavar": "PERSONNE",
                "help": "nom, courriel, téléphone ou identifiant (personne-12)",
            },
        ),
        ("--with-words", {"action": "store_true", "help": "effacer aussi ses propos"}),
        (
            "--dry-run",
            {"action": "store_true", "help": "dire ce qui serait effacé, sans rien changer"},
        ),
    )
    _add(commands, calls, "forget", "effacer une personne de l'étude", study + person + as_json)
    return parser


def _add(
    commands: Any,
    calls: Mapping[str, Command],
    name: str,
    summary: str,
    arguments: Sequence[tuple[str, dict[str, Any]]],
) -> None:
    command = commands.add_parser(name, help=summary, description=summary)
    for argument, details in arguments:
        command.add_argument(argument, **details)
    command.set_defaults(call=calls[name], workshop=None)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are ours: one line, in French, exit 2."""

    def __init__(self, **options: Any) -> None:
        super().__init__(add_help=False, allow_abbrev=False, **options)
        self.add_argument("-h", "--help", action="help", help="montrer cette aide")
        self._positionals.title, self._optionals.title = "arguments", "options"

    def error(self, message: str) -> NoReturn:
        usage = " ".join(
            self.format_usage().removeprefix("usage: ").split()
        )  # in one line, however many options
        raise UsageError(_in_french(message), usage, f"{self.prog} --help")


def _in_french(message: str) -> str:
    """argparse's own words, for the mistakes that this command line allows."""
    for english, french in (
        ("the following arguments are required:", "il manque"),
        ("unrecognized arguments:", "argument inconnu :"),
        ("invalid choice:", "valeur inconnue"),
        ("expected one argument", "il manque une valeur"),
        ("argument ", "argument "),
    ):
        message = message.replace(english, french)
    return message.split(" (choose from")[0]


_SELDOM = (
    100_000,
    50,
    100,
)  # models and tables live until a command ends: looking through them for refuse took a sixth of its time


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 when done, 1 on failure and 2 on bad usage, each failure one line on standard error."""
    gc.set_threshold(*_SELDOM)
    os.umask(
        os.umask(0o077) | 0o002
    )  # whatever the caller's, nothing that is written can be changed by everybody
    write_on_any_terminal()
    try:
        options = _parser().parse_args(arguments)
        options.call(options)
    except AteliersError as error:
        show.failure(error)
        return error.exit_code
    except KeyboardInterrupt:
        show.failure(
            StudyError(
                "interrompu",
                "un traitement mené à son terme",
                "relancer la même commande : elle reprend où elle en était",
            )
        )
        return 1
    except BrokenPipeError:  # whoever reads us has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        place = error.filename or "le disque"
        found = f"« {place} » : {reason_of(error)}"
        do = "vérifier le chemin et les droits"
        show.failure(StudyError(found, "un fichier ou un dossier accessible", do))
        return 1
    return 0


def demo(options: argparse.Namespace) -> None:
    """Copy the example study, process it, say where to look."""

    study = copy_demo(options.dir)
    show.outcome(study, _run(study.root, None, options), as_json=options.json)


def init(options: argparse.Namespace) -> None:
    """Make a new study."""
    study = Study.create(options.study, options.grid)
    show.created(study)


def run(options: argparse.Namespace) -> None:
    """Process what is new or changed, then themes, priorities, comparison and report."""
    study = Study.open(options.study)
    show.outcome(study, _run(study.root, options.workshop, options), as_json=options.json)


def publish(options: argparse.Namespace) -> None:
    """Bring the results up to date with people's decisions, then write the whole publication."""
    from flows.progress import listening
    from flows.publication import publish_whole

    study = Study.open(options.study)
    outcome = _run(study.root, None, options)
    with study.locked(), progress() as bars, listening(bars):
        publication = publish_whole(study.root, outcome.manifest)
    show.published(study, outcome, publication, as_json=options.json)


def status(options: argparse.Namespace) -> None:
    """Show workshops, rows, rejects and what awaits review."""
    from flows.mailbox.fetching import Record
    from pipeline.show.results import study_status

    study = Study.open(options.study)
    study.check_decisions()
    study.check_tables()
    waiting = {"n_doubts": _doubts_waiting(study), "n_mails_waiting": Record(study).n_waiting}
    tables, proposed, exclusive = (
        study.read_tables(),
        study.read_machine_table("tags"),
        study.grid.exclusive,
    )
    found = study_status(
        tables, study.last_run(), study.decisions.read(), machine_tags=proposed, exclusive=exclusive
    )
    show.status(study, found | waiting, as_json=options.json)


def review(options: argparse.Namespace) -> None:
    """Serve the review application until interrupted, or tell the address of a new invitation."""
    from pipeline.review.server import invite, serve_review

    if options.invite is not None:
        show.invited(options.invite, *invite(options.study, options.invite, port=options.port))
        return
    serve_review(
        options.study,
        port=options.port,
        opens_browser=not options.no_browser,
        told=show.review_served,
    )


def compare(options: argparse.Namespace) -> None:
    """Compare the territories from the last run, write exports/comparaison/, and show what is shared, what is specific, what is missing."""
    from flows.publish_study import write_comparison

    study = _processed(options.study)
    compared = write_comparison(study.root)
    show.comparison(study, compared, study.read_table("themes"), as_json=options.json)


def evaluate(options: argparse.Namespace) -> None:
    """Show figures against gold labels."""
    from pipeline.evaluate import evaluate_study

    study = _processed(options.study)
    show.figures(
        evaluate_study(study.read_tables(), options.gold, study.grid), as_json=options.json
    )


def train(options: argparse.Namespace) -> None:
    """Refit the tagger from decisions and gold, and show its held-out figures."""
    from flows.served_flows import train_study

    show.trained(train_study(_processed(options.study), gold=options.gold), as_json=options.json)


def serve(options: argparse.Namespace) -> None:
    """Process studies by themselves, by the clock and as files are dropped, until interrupted."""
    from flows.serve import serve_studies

    serve_studies(options.studies, told=show.service, allow_open_server=options.allow_open_server)


def fetch(options: argparse.Namespace) -> None:
    """Read the study's mailbox once."""
    from flows.mailbox.fetching import fetch_mail

    study = Study.open(options.study)
    show.fetched(study, fetch_mail(study.root), as_json=options.json)


def export(options: argparse.Namespace) -> None:
    """Write the study for other tools, or the doubtful cases of pseudonymisation for the analyst."""
    study = _processed(options.study)
    if options.format == DOUBTS:
        from flows.vault import Vault, write_doubts

        doubts = Vault(study).doubts()
        show.exported(
            [write_doubts(doubts, options.output or study.vault / "doutes.csv")]
            if len(doubts)
            else [],
            nothing="Aucun cas douteux.",
        )
        return
    from flows.publication import export_study

    show.exported(export_study(study, options.format, options.output, by=options.by))


def import_decisions(options: argparse.Namespace) -> None:
    """Bring back what people decided elsewhere: in another tool's project, a review sheet, or the list of doubtful cases."""
    from flows.publication import compare_grid, import_file

    study = _processed(options.study)
    kind = options.file.suffix.lower()
    if kind == ".qdc":
        show.compared(
            study, options.file.name, compare_grid(study, options.file), as_json=options.json
        )
        return
    with study.locked():
        taken = (
            import_file(study, options.file, author=options.author)
            if kind in (".qdpx", ".xlsx")
            else None
        )
        if taken is not None:
            study.note_decisions()
            show.taken(study, taken, as_json=options.json)
        else:
            _import_doubts(study, options.file, as_json=options.json)


def _import_doubts(study: Study, path: Path, *, as_json: bool) -> None:
    from flows.vault import Vault, read_decisions

    vault = Vault(study)
    decisions, n_unknown = read_decisions(path, vault.doubts())
    vault.write_decisions(vault.decisions() | decisions)
    show.imported(
        study,
        [entry["decision"] for entry in decisions.values()],
        n_unknown,
        vault.count_waiting(),
        as_json=as_json,
    )


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
    show.forgotten(erasure, as_json=options.json)


def backup(options: argparse.Namespace) -> None:
    """Save the study in one file."""
    from flows.backup import backup_study

    show.saved(backup_study(options.study, options.output), as_json=options.json)


def restore(options: argparse.Namespace) -> None:
    """Bring a saved study back."""
    from flows.backup import restore_study

    show.restored(restore_study(options.file, options.study), as_json=options.json)


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


def _doubts_waiting(study: Study) -> int | None:
    """Doubtful cases that nobody decided; None where the vault is locked."""
    from flows.vault import Vault

    try:
        return Vault(study).count_waiting()
    except VaultError:
        return None


def _processed(root: Path) -> Study:
    """The study, once it has been run.

    Raises `StudyError` before, and where decisions are lost.
    """
    study = Study.open(root)
    if study.last_run() is None:
        raise StudyError(
            "l'étude n'a encore jamais été traitée", "des tables", f"ateliers run {root}"
        )
    study.check_decisions()
    study.check_tables()
    return study


def _parser() -> argparse.ArgumentParser:
    return make_parser(
        {
            "demo": demo,
            "init": init,
            "run": run,
            "status": status,
            "review": review,
            "compare": compare,
            "publish": publish,
            "evaluate": evaluate,
            "train": train,
            "serve": serve,
            "fetch-mail": fetch,
            "export": export,
            "import": import_decisions,
            "backup": backup,
            "restore": restore,
            "forget": forget,
        }
    )


if __name__ == "__main__":
    sys.exit(main())


GOLD = "gold"  # labels of the example, beside its workshops; never read as a workshop


def copy_demo(root: Path) -> Study:
    """Return the example study in `root`, made there unless `root` already is a study."""
    if (root / "etude.toml").is_file():
        return Study.open(root)
    study = Study.create(root)
    for folder in sorted(data_path("demo").iterdir()):
        if folder.is_dir() and folder.name != GOLD:
            shutil.copytree(folder, study.depot / folder.name, dirs_exist_ok=True)
    return study

"""The `ateliers` command: parse, call, show. What it shows is French; what it computes lies elsewhere."""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import show
from pipeline.arguments import DOUBTS, make_parser
from pipeline.errors import AteliersError, StudyError, VaultError, reason_of
from pipeline.i18n import _
from pipeline.study import Study
from pipeline.terminal import consent, going_on, progress, write_on_any_terminal

if TYPE_CHECKING:
    from flows.run import Outcome

_SELDOM = (100_000, 50, 100)  # models and tables live until a command ends: looking through them for refuse took a sixth of its time


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 when done, 1 on failure and 2 on bad usage, each failure one line on standard error."""
    gc.set_threshold(*_SELDOM)
    os.umask(os.umask(0o077) | 0o002)  # whatever the caller's, nothing that is written can be changed by everybody
    write_on_any_terminal()
    try:
        options = _parser().parse_args(arguments)
        options.call(options)
    except AteliersError as error:
        show.failure(error)
        return error.exit_code
    except KeyboardInterrupt:
        show.failure(
            StudyError(_("interrompu"), _("un traitement mené à son terme"), _("relancer la même commande : elle reprend où elle en était"))
        )
        return 1
    except BrokenPipeError:  # whoever reads us has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        place = error.filename or _("le disque")
        found = f"« {place} » : {reason_of(error)}"
        do = _("vérifier le chemin et les droits")
        show.failure(StudyError(found, _("un fichier ou un dossier accessible"), do))
        return 1
    return 0


def demo(options: argparse.Namespace) -> None:
    """Copy the example study, process it, say where to look."""
    from pipeline.demo import copy_demo

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
    from flows.mailbox.record import Record
    from pipeline.status import study_status

    study = Study.open(options.study)
    study.check_decisions()
    study.check_tables()
    waiting = {"n_doubts": _doubts_waiting(study), "n_mails_waiting": Record(study).n_waiting}
    tables, proposed, exclusive = study.read_tables(), study.read_machine_table("tags"), study.grid.exclusive
    found = study_status(tables, study.last_run(), study.decisions.read(), machine_tags=proposed, exclusive=exclusive)
    show.status(study, found | waiting, as_json=options.json)


def review(options: argparse.Namespace) -> None:
    """Serve the review application until interrupted, or tell the address of a new invitation."""
    from pipeline.review.server import invite, serve_review

    if options.invite is not None:
        show.invited(options.invite, *invite(options.study, options.invite, port=options.port))
        return
    serve_review(options.study, port=options.port, opens_browser=not options.no_browser, told=show.review_served)


def compare(options: argparse.Namespace) -> None:
    """Compare the territories from the last run, write exports/comparaison/, and show what is shared, what is specific, what is missing."""
    from flows.comparison import write_comparison

    study = _processed(options.study)
    compared = write_comparison(study.root)
    show.comparison(study, compared, study.read_table("themes"), as_json=options.json)


def evaluate(options: argparse.Namespace) -> None:
    """Show figures against gold labels."""
    from pipeline.evaluate import evaluate_study

    study = _processed(options.study)
    show.figures(evaluate_study(study.read_tables(), options.gold, study.grid), as_json=options.json)


def train(options: argparse.Namespace) -> None:
    """Refit the tagger from decisions and gold, and show its held-out figures."""
    from flows.train_tagger import train_study

    show.trained(train_study(_processed(options.study), gold=options.gold), as_json=options.json)


def serve(options: argparse.Namespace) -> None:
    """Process studies by themselves, by the clock and as files are dropped, until interrupted."""
    from flows.serve import serve_studies

    serve_studies(options.studies, told=show.service, allow_open_server=options.allow_open_server)


def fetch(options: argparse.Namespace) -> None:
    """Read the study's mailbox once."""
    from flows.mailbox import fetch_mail

    study = Study.open(options.study)
    show.fetched(study, fetch_mail(study.root), as_json=options.json)


def export(options: argparse.Namespace) -> None:
    """Write the study for other tools, or the doubtful cases of pseudonymisation for the analyst."""
    study = _processed(options.study)
    if options.format == DOUBTS:
        from flows.doubts_file import write_doubts
        from flows.vault import Vault

        doubts = Vault(study).doubts()
        show.exported(
            [write_doubts(doubts, options.output or study.vault / "doutes.csv")] if len(doubts) else [], nothing=_("Aucun cas douteux.")
        )
        return
    from flows.exchange import export_study

    show.exported(export_study(study, options.format, options.output, by=options.by))


def import_decisions(options: argparse.Namespace) -> None:
    """Bring back what people decided elsewhere: in another tool's project, a review sheet, or the list of doubtful cases."""
    from flows.exchange import compare_grid, import_file

    study = _processed(options.study)
    kind = options.file.suffix.lower()
    if kind == ".qdc":
        show.compared(study, options.file.name, compare_grid(study, options.file), as_json=options.json)
        return
    with study.locked():
        taken = import_file(study, options.file, author=options.author) if kind in (".qdpx", ".xlsx") else None
        if taken is not None:
            study.note_decisions()
            show.taken(study, taken, as_json=options.json)
        else:
            _import_doubts(study, options.file, as_json=options.json)


def _import_doubts(study: Study, path: Path, *, as_json: bool) -> None:
    from flows.doubts_file import read_decisions
    from flows.vault import Vault

    vault = Vault(study)
    decisions, n_unknown = read_decisions(path, vault.doubts())
    vault.write_decisions(vault.decisions() | decisions)
    show.imported(study, [entry["decision"] for entry in decisions.values()], n_unknown, vault.count_waiting(), as_json=as_json)


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
            on_lost_decisions=going_on(bars, is_agreed=getattr(options, "accept_lost_decisions", False)),
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
        raise StudyError(_("l'étude n'a encore jamais été traitée"), _("des tables"), f"ateliers run {root}")
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

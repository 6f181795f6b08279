"""What came into a study, went out of it or was erased, and where a service answers."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.show.writing import SHOWN_LINES, line, write_json
from pipeline.text import Count

if TYPE_CHECKING:
    from flows.backup import Backup
    from flows.forget import Erasure
    from flows.mailbox.fetching import Fetched
    from pipeline.exchange.import_project import Taken
    from pipeline.study import Study


def imported(
    study: "Study", decisions: Sequence[str], n_unknown: int, n_waiting: int, *, as_json: bool
) -> None:
    """Say how many decisions were read and what is left to decide."""
    counts = {decision: decisions.count(decision) for decision in ("masquer", "garder")}
    if as_json:
        write_json({**counts, "n_unknown": n_unknown, "n_waiting": n_waiting})
        return
    line(
        "{n:décision lue|décisions lues} : masquer {hide}, garder {keep}.".format(
            n=Count(len(decisions)), hide=counts["masquer"], keep=counts["garder"]
        )
    )
    if n_unknown:
        line(
            "{n} cas du fichier hors de l'étude, ou qui n'y sont plus, {n:=laissé|laissés} de côté.".format(
                n=Count(n_unknown)
            )
        )
    line(f"Cas douteux sans décision : {n_waiting}. Pour appliquer : ateliers run {study.root}")


def taken(study: "Study", taken: "Taken", *, as_json: bool) -> None:
    """Say what a file from elsewhere brought, and all that was left out of it."""
    n = len(taken.decisions)
    if as_json:
        write_json(
            {
                "n_new": n,
                "n_known": taken.n_known,
                "by_author": taken.by_author,
                "left_out": taken.left_out,
                "lines": taken.lines,
            }
        )
        return
    people = ", ".join(f"{author} : {count}" for author, count in taken.by_author.items())
    line(
        "{n:décision nouvelle|décisions nouvelles}{people} ; {known:déjà connue|déjà connues}.".format(
            n=Count(n), people=f" ({people})" if n else "", known=Count(taken.n_known)
        )
    )
    for reason, count in taken.left_out.items():
        line(f"  laissé de côté, {reason} : {count}")
    for told in taken.lines[:SHOWN_LINES]:
        line(f"  {told}")
    if len(taken.lines) > SHOWN_LINES:
        line(
            f"  … et {Count(len(taken.lines) - SHOWN_LINES):autre ligne|autres lignes} (toutes avec --json)"
        )
    if n:
        line(f"Pour appliquer : ateliers publish {study.root}")


def compared(study: "Study", name: str, differences: Sequence[str], *, as_json: bool) -> None:
    """Say how a codebook differs from the study's grid, which it does not change."""
    if as_json:
        write_json({"differences": list(differences)})
        return
    for told in differences:
        line(f"  {told}")
    line(
        f"{Count(len(differences)):différence|différences} entre {name} et la grille de l'étude ; rien n'a été changé."
    )
    line(f"Une étude garde la grille de sa création : ateliers init NOUVELLE_ÉTUDE --grid {name}")


def forgotten(erasure: "Erasure", *, as_json: bool) -> None:
    """Say what was erased, or would be, and what is left for people to erase in the files they gave."""
    if as_json:
        write_json(erasure.as_json())
        return
    line(
        ("Serait effacé (rien n'a été changé) :" if erasure.is_dry_run else "Effacé :")
        + f" {', '.join(erasure.participant_ids)}"
    )
    for what, n in erasure.counts.items():
        line(f"  {what} : {n}")
    if erasure.depot_files:
        line(
            "Fichiers reçus qui nomment la personne : à corriger ou supprimer à la main, puis ateliers run :"
        )
    for path, n in erasure.depot_files.items():
        line(f"  {path} : {n} fois")
    if erasure.n_file_names:
        line(
            f"  dont {erasure.n_file_names} par leur nom même, que les tables gardent : les renommer"
        )
    if erasure.other_files:
        line("Autres fichiers de l'étude qui la nomment : à corriger à la main :")
    for path, n in erasure.other_files.items():
        line(f"  {path} : {n} fois")
    if erasure.still_readable:
        where = " ; ".join(f"{path} ({n})" for path, n in erasure.still_readable.items())
        line(
            f"Son nom se lit encore, à corriger dans les fichiers reçus, puis ateliers run : {where}"
        )
    line(
        "Relu, son nom restera masqué, sans numéro. Les copies et sauvegardes faites hors de l'étude ne sont pas touchées."
    )


def review_served(address: str, is_first: bool) -> None:
    """Say where the review application answers; whoever opens a first access makes the first account."""
    if is_first:
        line(f"Premier accès (ne pas transmettre cette adresse) : {address}")
    else:
        line(f"Relecture : {address}")
    line("Ctrl+C pour arrêter.")
    sys.stdout.flush()  # else a journal, which is no terminal, has the first access's address once the server is stopped


def invited(name: str, address: str, is_made_administrator: bool) -> None:
    """The address by which somebody chooses a new password, once."""
    if is_made_administrator:
        line(f"Plus personne n'administrait l'étude : {name} l'administre désormais.")
    line(f"À remettre à {name} seulement (sert une fois, pendant trois jours) : {address}")
    line("L'ouvrir pendant que la relecture est servie (ateliers review).")


def saved(backup: "Backup", *, as_json: bool) -> None:
    """What was saved, and what its keeper should know."""
    if as_json:
        write_json(_told(backup))
        return
    line(f"{Count(backup.n_files):fichier sauvegardé|fichiers sauvegardés} dans {backup.path}")
    if not backup.is_sealed:
        line(
            "En clair, avec le coffre : la garder comme lui, ou donner une phrase de passe par ATELIERS_BACKUP_PASSPHRASE_FILE."
        )
    if not backup.has_accounts:
        line("Les comptes de relecture sont dans PostgreSQL : les sauvegarder avec pg_dump.")


def restored(backup: "Backup", *, as_json: bool) -> None:
    """What was brought back."""
    if as_json:
        write_json(_told(backup))
        return
    line(
        "{n:fichier remis|fichiers remis} dans {path}, {n:=vérifié|tous vérifiés}.".format(
            n=Count(backup.n_files), path=backup.path
        )
    )


def _told(backup: "Backup") -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in vars(backup).items()
    }


def service(told: str) -> None:
    """Say what a service does, at once: its output is a journal."""
    line(told)
    sys.stdout.flush()


def fetched(study: "Study", fetched: "Fetched", *, as_json: bool) -> None:
    """Say which workshops mails came in for, and why others wait, by a hash of their Message-ID."""
    if as_json:
        write_json(fetched.as_json())
        return
    for folder, n in sorted(fetched.taken.items()):
        line(f"  {folder} : {n}")
    counts = "{n:mail pris|mails pris}, {known} déjà là, {automatic:automatique laissé|automatiques laissés} de côté"
    line(
        counts.format(
            n=Count(fetched.taken.total()),
            known=fetched.n_known,
            automatic=Count(fetched.n_automatic),
        )
        + "."
    )
    if fetched.waiting:
        line(f"{Count(len(fetched.waiting)):attend|attendent} sur le serveur :")
    for waiting in fetched.waiting[:SHOWN_LINES]:
        line(
            "  {message} du {day} : {why}".format(
                message=waiting.message, day=waiting.day or "?", why=_why_waiting(waiting.reason)
            )
        )
    if len(fetched.waiting) > SHOWN_LINES:
        line(
            f"  … et {Count(len(fetched.waiting) - SHOWN_LINES):autre ligne|autres lignes} (toutes avec --json)"
        )
    if fetched.taken:
        line(f"Pour les traiter : ateliers run {study.root}")


def _why_waiting(reason: str) -> str:
    """Why a mail was left on the server, and what takes it in at the next reading."""
    return {
        "no_workshop": "ne nomme aucun atelier ; « mail.workshops » ou « mail.fallback » le placent",
        "several": "nomme plusieurs ateliers ; « mail.workshops » ou « mail.fallback » le placent",
        "no_folder": "son atelier n'a pas de dossier dans depot/ ; le créer, ou corriger [mail]",
        "too_big": "plus gros que « ingest.max_file_mb » ; l'augmenter, ou déposer ses pièces à la main",
        "unreadable": "le serveur ne le donne pas ; l'enregistrer en .eml et le déposer à la main",
    }[reason]


def exported(paths: Sequence[Path], *, nothing: str = "") -> None:
    """Say what was written, or `nothing` where there was nothing to write."""
    for path in paths:
        line(str(path))
    if not paths and nothing:
        line(nothing)

"""Show imports, exports, erasures, backups and the addresses of services."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.show.writing import line, write_json
from pipeline.text import Count

if TYPE_CHECKING:
    from flows.backup import Backup
    from flows.deposit.large_table import Added
    from flows.forget import Erasure
    from flows.integrity import Fault
    from flows.mailbox.fetching import Fetched
    from flows.security import Point
    from flows.send_back import SentBack
    from pipeline.exchange.import_project import Taken
    from pipeline.study import Study

_SHOWN_LINES = 20  # of a long list


def table_added(study: "Study", added: "Added", *, as_json: bool) -> None:
    """Say what a large table became in the depot."""
    if as_json:
        write_json(asdict(added))
        return
    n_rows, n_changed = Count(added.n_rows), Count(added.n_changed)
    first, last = added.folders[0], added.folders[-1]
    where = f"« {first} »" if first == last else f"« {first} » à « {last} »"
    line(f"{n_rows:ligne|lignes} dans {where} ; {n_changed:atelier changé|ateliers changés}.")
    line(f"Pour traiter : ateliers run {study.root}")


def imported(
    study: "Study", decisions: Sequence[str], n_unknown: int, n_waiting: int, *, as_json: bool
) -> None:
    """Show how many decisions on doubtful cases were read and are left."""
    counts = {decision: decisions.count(decision) for decision in ("masquer", "garder")}
    if n_joined := decisions.count("réunir"):
        counts["réunir"] = n_joined
    if as_json:
        write_json({**counts, "n_unknown": n_unknown, "n_waiting": n_waiting})
        return
    words = ", ".join(f"{decision} {n}" for decision, n in counts.items())
    line(f"{Count(len(decisions)):décision lue|décisions lues} : {words}.")
    if n_unknown:
        n = Count(n_unknown)
        where = "cas du fichier hors de l'étude, ou qui n'y sont plus"
        line(f"{n} {where}, {n:=laissé|laissés} de côté.")
    line(f"Cas douteux sans décision : {n_waiting}. Pour appliquer : ateliers run {study.root}")


def taken(study: "Study", taken: "Taken", *, as_json: bool) -> None:
    """Say what a file from elsewhere brought, and what was left out."""
    n = Count(len(taken.decisions))
    if as_json:
        names = ("n_known", "by_author", "left_out", "lines")
        colours = dict(taken.recolouring.colours)
        told = {name: getattr(taken, name) for name in names}
        write_json({"n_new": int(n)} | told | {"colours": colours})
        return
    people = ", ".join(f"{author} : {count}" for author, count in taken.by_author.items())
    people = f" ({people})" if n else ""
    repeated = f"{Count(taken.n_known):déjà connue|déjà connues}"
    line(f"{n:décision nouvelle|décisions nouvelles}{people} ; {repeated}.")
    n_colours = Count(len(taken.recolouring.colours))
    if n_colours:
        line(f"{n_colours:code a changé de couleur|codes ont changé de couleur}.")
    for reason, count in taken.left_out.items():
        line(f"  laissé de côté, {reason} : {count}")
    _write_some(taken.lines)
    if n:
        line(f"Pour appliquer : ateliers publish {study.root}")


def _write_some(lines: Sequence[str]) -> None:
    for text in lines[:_SHOWN_LINES]:
        line(f"  {text}")
    n = Count(len(lines) - _SHOWN_LINES)
    if n > 0:
        line(f"  … et {n:autre ligne|autres lignes} (toutes avec --json)")


def compared(name: str, differences: Sequence[str], *, as_json: bool) -> None:
    """Say how a codebook differs from the study's grid, which stays as it is."""
    if as_json:
        write_json({"differences": list(differences)})
        return
    for text in differences:
        line(f"  {text}")
    n = Count(len(differences))
    between = f"{n:différence|différences} entre {name} et la grille de l'étude"
    line(f"{between} ; rien n'a été changé.")
    line(f"Une étude garde la grille de sa création : ateliers init NOUVELLE_ÉTUDE --grid {name}")


def forgotten(erasure: "Erasure", *, as_json: bool) -> None:
    """Say what was or would be erased, and what people must erase in files they gave."""
    if as_json:
        write_json(erasure.as_json())
        return
    head = "Serait effacé (rien n'a été changé) :" if erasure.is_dry_run else "Effacé :"
    line(f"{head} {', '.join(erasure.participant_ids) or 'ce qui restait'}")
    for what, n in erasure.counts.items():
        line(f"  {what} : {n}")
    _name_files(erasure.depot_files)
    if erasure.n_file_names:
        n = erasure.n_file_names
        line(f"  dont {n} par leur nom même, que les tables gardent : les renommer")
    if erasure.other_files:
        line("Autres fichiers de l'étude qui la nomment : à corriger à la main :")
    for path, n in erasure.other_files.items():
        line(f"  {path} : {n} fois")
    if erasure.still_readable:
        where = " ; ".join(f"{path} ({n})" for path, n in erasure.still_readable.items())
        what = "Son nom se lit encore : corriger les fichiers reçus, puis refaire ateliers forget"
        line(f"{what} ; {where}")
    if erasure.backups:
        line(f"Sauvegardes d'avant, à supprimer à la main : {', '.join(erasure.backups)}")
    line(
        "Relu, son nom restera masqué, sans numéro. Les copies et sauvegardes faites hors de"
        " l'étude ne sont pas touchées."
    )


def refused() -> None:
    """Say that a refusal is noted."""
    line("C'est noté dans le coffre : plus aucun courriel de l'étude n'ira à cette adresse.")


def sent_back(study: "Study", done: "SentBack", *, as_json: bool) -> None:
    """Say by id who is, or would be, sent the sheets, and count the others."""
    if as_json:
        write_json(done.as_json())
        return
    head = "Seraient prévenues (rien n'est envoyé)" if done.is_dry_run else "Prévenues"
    ids = done.to_write if done.is_dry_run else done.sent
    people = f"{Count(len(ids)):personne|personnes}"
    line(f"{head} : {people}{' : ' if ids else ''}{', '.join(ids)}.")
    for reason, n in done.left_out.items():
        line(f"  laissées de côté, {reason} : {n}")
    if done.not_accepted:
        line(f"  refusées par le serveur d'envoi : {', '.join(done.not_accepted)}")
    if done.fault:
        line(f"{done.fault} ; relancer la même commande reprend sans écrire deux fois à personne.")
    elif done.is_dry_run and ids:
        line(f"Pour envoyer : ateliers send-back {study.root} --send")


def review_served(address: str, is_first: bool) -> None:
    """Say where the review application answers; a first access makes the first account."""
    first = "Premier accès (ne pas transmettre cette adresse)"
    line(f"{first if is_first else 'Relecture'} : {address}")
    service("Ctrl+C pour arrêter.")


def checked(study: "Study", faults: "Sequence[Fault]", n_copies: int, *, as_json: bool) -> None:
    """Say a line for each fault, how many copies there are, and what to do."""
    if as_json:
        write_json({"faults": [vars(fault) for fault in faults], "n_copies": n_copies})
        return
    for fault in faults:
        line(str(fault))
    n, kept = Count(len(faults)), Count(n_copies)
    copies = f"{kept:copie|copies} de ce qui fut décidé dans {study.vault / 'copies'}"
    if faults:
        line(
            f"{n:défaut|défauts} ; {copies}. Pour remettre ce qui est abîmé : "
            f"ateliers restore {study.root}"
        )
    else:
        line(f"Tout est comme le dernier traitement l'a laissé ; {copies}.")


def secured(points: "Sequence[Point]", *, as_json: bool) -> None:
    """Say what was looked at, a line each, and what to do where something is to be mended."""
    if as_json:
        write_json({"points": [vars(point) for point in points]})
        return
    for point in points:
        line(f"{point.found} ; à faire : {point.do}" if point.do else point.found)


def put_back(root: Path, lines: "Sequence[str]", *, as_json: bool) -> None:
    """Say what was put back, and what to do next."""
    if as_json:
        write_json({"lines": list(lines)})
        return
    for text in lines:
        line(text)
    if lines:
        line("Ce qu'une copie a remplacé est dans vault/copies/ecartes/.")
        line(f"Ensuite : ateliers run {root}")
    else:
        line("Rien à remettre : tout est comme le dernier traitement l'a laissé.")


def service(text: str) -> None:
    """Write a line and flush: a service's output is a journal."""
    line(text)
    sys.stdout.flush()


def invited(name: str, address: str, is_made_administrator: bool) -> None:
    """Give, once, the address where somebody chooses a new password."""
    if is_made_administrator:
        line(f"Plus personne n'administrait : {name} administre désormais.")
    line(f"À remettre à {name} seulement (sert une fois, pendant trois jours) : {address}")
    line("L'ouvrir pendant que la relecture est servie (ateliers web, ateliers review).")


def saved(backup: "Backup", *, as_json: bool) -> None:
    """Say what was saved, and warn its keeper."""
    if as_json:
        _write_backup(backup)
        return
    line(f"{Count(backup.n_files):fichier sauvegardé|fichiers sauvegardés} dans {backup.path}")
    if not backup.is_sealed:
        line(
            "En clair, avec le coffre : la garder comme lui, ou donner une phrase de passe par"
            " ATELIERS_BACKUP_PASSPHRASE_FILE."
        )
    if not backup.has_accounts:
        line("Les comptes de relecture sont dans PostgreSQL : les sauvegarder avec pg_dump.")


def restored(backup: "Backup", *, as_json: bool) -> None:
    """Say what was restored."""
    if as_json:
        _write_backup(backup)
        return
    n = Count(backup.n_files)
    line(f"{n:fichier remis|fichiers remis} dans {backup.path}, {n:=vérifié|tous vérifiés}.")
    if backup.erased is None:
        line(
            "Aucune liste d'effacements n'est à côté : si une personne a été effacée depuis, elle"
            " revient ; refaire ateliers forget."
        )
    elif n_erased := backup.erased["n_erased"]:
        n = Count(n_erased)
        line(
            f"{n:personne effacée|personnes effacées} depuis cette sauvegarde : "
            f"{n:=elle reste effacée|elles restent effacées}. Ensuite : ateliers run {backup.path}"
        )
        _name_files(backup.erased["depot_files"])


def _name_files(depot_files: dict[str, int]) -> None:
    if depot_files:
        line(
            "Fichiers reçus qui nomment la personne : à corriger ou supprimer à la main, puis"
            " refaire ateliers forget, qui retire ce qui fut publié entre-temps :"
        )
    for path, n in depot_files.items():
        line(f"  {path} : {n} fois")


def _write_backup(backup: "Backup") -> None:
    values = vars(backup).items()
    write_json({name: str(one) if isinstance(one, Path) else one for name, one in values})


_WHY_WAITING = {
    "no_workshop": "ne nomme aucun atelier ; « mail.workshops » ou « mail.fallback » le placent",
    "several": "nomme plusieurs ateliers ; « mail.workshops » ou « mail.fallback » le placent",
    "no_folder": "son atelier n'a pas de dossier dans depot/ ; le créer, ou corriger [mail]",
    "too_big": "plus gros que « ingest.max_file_mb » ; l'augmenter, ou déposer ses pièces à la"
    " main",
    "unreadable": "le serveur ne le donne pas ; l'enregistrer en .eml et le déposer à la main",
}


def fetched(study: "Study", fetched: "Fetched", *, as_json: bool) -> None:
    """Say which workshops got mails, and why others wait, by hash of Message-ID."""
    if as_json:
        write_json(fetched.as_json())
        return
    for folder, n in sorted(fetched.taken.items()):
        line(f"  {folder} : {n}")
    n_taken, n_automatic = Count(fetched.taken.total()), Count(fetched.n_automatic)
    automatic = f"{n_automatic:automatique laissé|automatiques laissés} de côté"
    line(f"{n_taken:mail pris|mails pris}, {fetched.n_known} déjà là, {automatic}.")
    if fetched.n_refusals:
        n_refusals = Count(fetched.n_refusals)
        line(f"{n_refusals:refus|refus} d'être prévenu, {n_refusals:=noté|notés} dans le coffre.")
    if fetched.waiting:
        line(f"{Count(len(fetched.waiting)):attend|attendent} sur le serveur :")
    _write_some(
        [
            f"{mail.message} du {mail.day or '?'} : {_WHY_WAITING[mail.reason]}"
            for mail in fetched.waiting
        ]
    )
    if fetched.taken:
        line(f"Pour les traiter : ateliers run {study.root}")


def exported(paths: Sequence[Path], *, nothing: str = "") -> None:
    """Say what was written, or `nothing`."""
    for path in paths:
        line(str(path))
    if not paths and nothing:
        line(nothing)

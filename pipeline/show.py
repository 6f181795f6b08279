"""What the command line shows: rich text on a terminal, plain text elsewhere, JSON where asked. Never a passage's text in an error."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import AteliersError
from pipeline.i18n import _

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from flows.backup import Backup
    from flows.forget import Erasure
    from flows.mailbox import Fetched
    from flows.publication import Publication
    from flows.run import Outcome
    from pipeline.exchange import Taken
    from pipeline.grid import Grid
    from pipeline.study import Study

PSEUDONYMOUS = _(
    "Pseudonymisé, pas anonyme : ce sont encore des données personnelles. La clé est dans vault/ ; ne publier ni vault/ ni les tables."
)
_SHOWN_REJECTS = 10
_SHOWN_CONTRASTS = 8
_SHOWN_LINES = 20


def failure(error: AteliersError) -> None:
    """One line on standard error."""
    sys.stderr.write(f"ateliers : {error}\n".replace("\r", " "))


def created(study: "Study") -> None:
    """Say where the new study is and what to do next."""
    _line(_("Étude créée dans {root}.").format(root=study.root))
    _line(_("Y déposer un dossier par atelier dans {depot}, puis : ateliers run {root}").format(depot=study.depot, root=study.root))


def outcome(study: "Study", outcome: "Outcome", *, as_json: bool) -> None:
    """Say what a run read, what it could not read, the first priorities, and where the report is."""
    if as_json:
        _json(outcome.manifest)
        return
    rows = outcome.manifest["n_rows"]
    if not outcome.is_new:
        _line(_("Rien de nouveau depuis le dernier traitement."))
    counts = _("{workshops} ateliers, {documents} documents, {units} passages, {themes} thèmes").format(**rows)
    _line(counts + _(" ; {n} fichiers ou parties non lus").format(n=rows["rejects"]) + ".")
    _rejects(study.read_table("rejects").to_dict("records"))
    _first_priorities(study)
    if outcome.manifest.get("is_renumbered") and outcome.is_new:
        _line(_("Le coffre vient d'une version antérieure : les personnes ont été renumérotées, une fois pour toutes."))
    encoder = outcome.manifest.get("encoder") or {}
    if encoder.get("fallback"):
        _line(_("Thèmes faits avec l'encodeur non réglé {name} : {reason}").format(name=encoder["name"], reason=encoder["fallback"]))
    _second_coder(study, outcome.manifest.get("second_coder"))
    _proposals(study, outcome.manifest.get("theme_proposals"))
    _doubts(study, outcome.manifest.get("n_doubts"))
    _line(_("Rapport : {path}").format(path=study.root / outcome.manifest["publication"] / "rapport.html"))
    _line(PSEUDONYMOUS)


def published(study: "Study", outcome_: "Outcome", publication: "Publication", *, as_json: bool) -> None:
    """Say what a run gave, what changed since the last publication, and where the new one is."""
    if as_json:
        _json(outcome_.manifest | {"files": publication.files, "changes": publication.changes})
        return
    outcome(study, outcome_, as_json=False)
    for line in publication.changes:
        _line(line)
    _line(_("Publication : {path} ({n} fichiers, listés dans manifeste.json)").format(path=publication.folder, n=len(publication.files)))


def status(study: "Study", found: dict[str, Any], *, as_json: bool) -> None:
    """Show workshops, rows, rejects and what awaits review."""
    if as_json:
        _json(found)
        return
    _line(_("Dernier traitement : {when}").format(when=found["last_run"] or _("jamais")))
    if found["is_other_version"]:
        _line(_("Il vient d'une autre version du programme : ateliers run le refait, et garde les décisions."))
    columns = (_("Territoire"), _("Date"), _("Documents"), _("Passages"), _("sans table"), _("sans question"))
    keys = ("territory", "date", "n_documents", "n_units", "n_units_without_table", "n_units_without_question")
    _table(columns, [[workshop[key] for key in keys] for workshop in found["workshops"]])
    _line(_("Passages hors thème : {n}").format(n=found["n_units_in_no_theme"]))
    _line(_("Passages à relire : {n} ; décisions en vigueur : {m}").format(n=found["n_units_awaiting_review"], m=found["n_decisions"]))
    if found["late_effect"]:
        _line(found["late_effect"])
    _line(_("Fichiers ou parties non lus : {n}").format(n=len(found["rejects"])))
    _rejects(found["rejects"])
    _second_coder(study, found["second_coder"])
    _proposals(study, found["theme_proposals"])
    _doubts(study, found["n_doubts"])
    if found["n_mails_waiting"]:
        mails = _("Mails qui attendent sur le serveur : {n} (ateliers fetch-mail {root})")
        _line(mails.format(n=found["n_mails_waiting"], root=study.root))
    if found["publication"]:
        _line(_("Rapport : {path}").format(path=study.root / found["publication"] / "rapport.html"))
    _line(PSEUDONYMOUS)


def comparison(study: "Study", compared: "dict[str, pd.DataFrame]", themes: "pd.DataFrame", *, as_json: bool) -> None:
    """Show themes that are shared and specific, each territory's contrasts, needs without answer, and where the folder is."""
    if as_json:
        _json({name: rows.to_dict("records") for name, rows in compared.items()})
        return
    labels = dict(zip(themes["theme_id"], themes["label"], strict=True))
    reach, contrasts = compared["theme_reach"], compared["contrasts"]
    leads = contrasts[contrasts["is_lead"] & (contrasts["subject"] == "theme")].sort_values("territory")
    may_be_more = _(" (peut-être davantage : {territories})")
    leaning = {name: may_be_more.format(territories=", ".join(rows["territory"])) for name, rows in leads.groupby("subject_id")}
    for word in ("partagé", "propre à un territoire"):
        names = [labels.get(theme_id, theme_id) + leaning.get(theme_id, "") for theme_id in reach.loc[reach["reach"] == word, "theme_id"]]
        _line(f"{word} : {' ; '.join(names) or _('aucun thème, avec la matière présente')}")
    _contrasts(contrasts, labels, study.grid)
    needs = compared["needs"]
    is_open = needs["coverage"].isin(["aucune structure de ce secteur", "hors des zones de chalandise connues"])
    _line("\n" + _("Besoins sans réponse connue : {n}").format(n=int(is_open.sum())))
    _line(_("Défauts de la carte : {n}").format(n=len(compared["map_problems"])))
    _line(_("Tableaux, graphiques, carte et rapport : {path}").format(path=study.root / "exports" / "comparaison"))


def _contrasts(rows: "pd.DataFrame", labels: "Mapping[str, str]", grid: "Grid") -> None:
    """For each territory, what is most and least present against the others."""
    for territory, there in rows.groupby("territory", sort=True):
        _line(f"\n{territory}")
        marked = there[there["verdict"].isin(["plus présent ici", "moins présent"])]
        marked = marked.reindex(marked["specificity"].abs().sort_values(ascending=False, kind="stable").index)
        if marked.empty:
            _line(_("  rien de plus ni de moins présent qu'ailleurs, avec ce qu'il y a de matière"))
        leads = there[there["is_lead"] & (there["subject"] == "theme")].assign(verdict=_("semble plus présent ici, à vérifier"))
        for row in chain(marked.head(_SHOWN_CONTRASTS).itertuples(), leads.itertuples()):
            name = labels.get(str(row.subject_id)) or grid.label_of(str(row.subject_id).partition(":")[2])
            _line(f"  {row.verdict} : {name} ({row.n_units} passages, {row.n_tables} tables)")


def figures(found: dict[str, Any], *, as_json: bool) -> None:
    """Show measured figures, one a line."""
    if as_json:
        _json(found)
        return
    for name, value in _flattened(found):
        _line(f"{name:<40} {value}")


def trained(found: dict[str, Any], *, as_json: bool) -> None:
    """Show what refitting the tagger gave: figures before and after, what was left out, and which tagger stands."""
    if as_json:
        _json(found)
        return
    names = [name for name in found["after"] if name != "n_units"]
    _table(("", _("avant"), _("après")), [(name, found["before"].get(name, ""), found["after"][name]) for name in names])
    for note in found["notes"]:
        _line(note)
    if found["is_registered"]:
        _line(
            _("{n} passages étiquetés : {file} enregistré, employé au prochain traitement.").format(n=found["n_units"], file=found["file"])
        )
    else:
        _line(_("{n} passages étiquetés : pas mieux qu'avant, l'étiqueteur en place reste.").format(n=found["n_units"]))


def imported(study: "Study", decisions: Sequence[str], n_unknown: int, n_waiting: int, *, as_json: bool) -> None:
    """Say how many decisions were read and what is left to decide."""
    counts = {decision: decisions.count(decision) for decision in ("masquer", "garder")}
    if as_json:
        _json({**counts, "n_unknown": n_unknown, "n_waiting": n_waiting})
        return
    _line(_("{n} décisions lues : masquer {hide}, garder {keep}.").format(n=len(decisions), hide=counts["masquer"], keep=counts["garder"]))
    if n_unknown:
        _line(_("{n} cas du fichier ne sont pas, ou plus, dans l'étude : laissés de côté.").format(n=n_unknown))
    _line(_("Cas douteux sans décision : {n}. Pour appliquer : ateliers run {root}").format(n=n_waiting, root=study.root))


def taken(study: "Study", taken: "Taken", *, as_json: bool) -> None:
    """Say what a file from elsewhere brought, and all that was left out of it."""
    n = len(taken.decisions)
    if as_json:
        _json({"n_new": n, "n_known": taken.n_known, "by_author": taken.by_author, "left_out": taken.left_out, "lines": taken.lines})
        return
    people = ", ".join(f"{author} : {count}" for author, count in taken.by_author.items())
    _line(_("{n} décisions nouvelles{people} ; {known} déjà connues.").format(n=n, people=f" ({people})" if n else "", known=taken.n_known))
    for reason, count in taken.left_out.items():
        _line(_("  laissé de côté, {reason} : {n}").format(reason=reason, n=count))
    for line in taken.lines[:_SHOWN_LINES]:
        _line(f"  {line}")
    if len(taken.lines) > _SHOWN_LINES:
        _line(_("  … et {n} autres lignes (toutes avec --json)").format(n=len(taken.lines) - _SHOWN_LINES))
    if n:
        _line(_("Pour appliquer : ateliers publish {root}").format(root=study.root))


def compared(study: "Study", name: str, differences: Sequence[str], *, as_json: bool) -> None:
    """Say how a codebook differs from the study's grid, which it does not change."""
    if as_json:
        _json({"differences": list(differences)})
        return
    for line in differences:
        _line(f"  {line}")
    _line(_("{n} différences entre {name} et la grille de l'étude ; rien n'a été changé.").format(n=len(differences), name=name))
    _line(_("Une étude garde la grille de sa création : ateliers init NOUVELLE_ÉTUDE --grid {name}").format(name=name))


def forgotten(erasure: "Erasure", *, as_json: bool) -> None:
    """Say what was erased, or would be, and what is left for people to erase in the files they gave."""
    if as_json:
        _json(erasure.as_json())
        return
    _line((_("Serait effacé (rien n'a été changé) :") if erasure.is_dry_run else _("Effacé :")) + f" {', '.join(erasure.participant_ids)}")
    for what, n in erasure.counts.items():
        _line(f"  {what} : {n}")
    if erasure.depot_files:
        _line(_("Fichiers reçus qui nomment la personne : à corriger ou supprimer à la main, puis ateliers run :"))
    for path, n in erasure.depot_files.items():
        _line(_("  {path} : {n} fois").format(path=path, n=n))
    if erasure.n_file_names:
        _line(_("  dont {n} par leur nom même, que les tables gardent : les renommer").format(n=erasure.n_file_names))
    _line(_("Relu, son nom restera masqué, sans numéro. Les copies et sauvegardes faites hors de l'étude ne sont pas touchées."))


def review_served(address: str, is_first: bool) -> None:
    """Say where the review application answers; whoever opens a first access makes the first account."""
    if is_first:
        _line(_("Premier accès (ne pas transmettre cette adresse) : {address}").format(address=address))
    else:
        _line(_("Relecture : {address}").format(address=address))
    _line(_("Ctrl+C pour arrêter."))


def saved(backup: "Backup", *, as_json: bool) -> None:
    """What was saved, and what its keeper should know."""
    if as_json:
        _json(_told(backup))
        return
    _line(_("{n} fichiers sauvegardés dans {path}").format(n=backup.n_files, path=backup.path))
    if not backup.is_sealed:
        _line(_("En clair, avec le coffre : la garder comme lui, ou donner une phrase de passe par ATELIERS_BACKUP_PASSPHRASE_FILE."))
    if not backup.has_accounts:
        _line(_("Les comptes de relecture sont dans PostgreSQL : les sauvegarder avec pg_dump."))


def restored(backup: "Backup", *, as_json: bool) -> None:
    """What was brought back."""
    if as_json:
        _json(_told(backup))
        return
    _line(_("{n} fichiers remis dans {path}, tous vérifiés.").format(n=backup.n_files, path=backup.path))


def _told(backup: "Backup") -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in vars(backup).items()}


def service(line: str) -> None:
    """Say what a service does, at once: its output is a journal."""
    _line(line)
    sys.stdout.flush()


def fetched(study: "Study", fetched: "Fetched", *, as_json: bool) -> None:
    """Say which workshops mails came in for, and why others wait, by a hash of their Message-ID."""
    if as_json:
        _json(fetched.as_json())
        return
    for folder, n in sorted(fetched.taken.items()):
        _line(_("  {folder} : {n}").format(folder=folder, n=n))
    counts = _("{n} mails pris, {known} déjà là, {automatic} automatiques laissés de côté")
    _line(counts.format(n=fetched.taken.total(), known=fetched.n_known, automatic=fetched.n_automatic) + ".")
    if fetched.waiting:
        _line(_("{n} attendent sur le serveur :").format(n=len(fetched.waiting)))
    for waiting in fetched.waiting[:_SHOWN_LINES]:
        _line(_("  {message} du {day} : {why}").format(message=waiting.message, day=waiting.day or "?", why=_why_waiting(waiting.reason)))
    if len(fetched.waiting) > _SHOWN_LINES:
        _line(_("  … et {n} autres lignes (toutes avec --json)").format(n=len(fetched.waiting) - _SHOWN_LINES))
    if fetched.taken:
        _line(_("Pour les traiter : ateliers run {root}").format(root=study.root))


def _why_waiting(reason: str) -> str:
    """Why a mail was left on the server, and what takes it in at the next reading."""
    return {
        "no_workshop": _("ne nomme aucun atelier ; « mail.workshops » ou « mail.fallback » le placent"),
        "several": _("nomme plusieurs ateliers ; « mail.workshops » ou « mail.fallback » le placent"),
        "no_folder": _("son atelier n'a pas de dossier dans depot/ ; le créer, ou corriger [mail]"),
        "too_big": _("plus gros que « ingest.max_file_mb » ; l'augmenter, ou déposer ses pièces à la main"),
        "unreadable": _("le serveur ne le donne pas ; l'enregistrer en .eml et le déposer à la main"),
    }[reason]


def exported(paths: Sequence[Path], *, nothing: str = "") -> None:
    """Say what was written, or `nothing` where there was nothing to write."""
    for path in paths:
        _line(str(path))
    if not paths and nothing:
        _line(nothing)


def _first_priorities(study: "Study") -> None:
    themes = study.read_table("themes")
    labels = dict(zip(themes["theme_id"], themes["label"], strict=True))
    ranked = study.read_table("priorities")
    first = ranked[ranked["scope"] == "study"].sort_values("rank").head(study.settings.publish.n_priorities)
    if len(first):
        _line(_("Premières priorités candidates :"))
    for row in first.itertuples():
        _line(f"  {row.rank}. {labels[str(row.theme_id)]}")


def _second_coder(study: "Study", coder: Mapping[str, Any] | None) -> None:
    """One line on the second coder, where the study has one."""
    if not coder:
        return
    counts = _("Second codeur {model} ({address}) : {n_coded} passages codés sur {n_units}").format(**coder)
    report = coder["report"] or {}
    if coder["state"] == "stopped":
        why = _(" ; arrêté ({why}), les étiquettes locales valent seules pour le reste ; reprendre : ateliers run {root}")
        _line(counts + why.format(why=report["stopped"], root=study.root))
    elif coder["state"] == "not_sent":
        _line(counts + _(" ; rien n'a été envoyé, faute d'accord : ateliers run {root} --yes").format(root=study.root))
    else:
        _line(counts + (_(" ; {n} sans réponse utilisable").format(n=report["n_asked"] - report["n_coded"]) if report else "") + ".")


def _proposals(study: "Study", asked: Mapping[str, Any] | None) -> None:
    """One line on what a language model proposes for the themes, where the study allows one."""
    if not asked:
        return
    counts = _("Thèmes relus par {model} ({address}) : {n_names} noms proposés sur {n_themes} thèmes, {n_mergers} réunions").format(**asked)
    if asked["state"] == "stopped":
        why = _(" ; arrêté ({why}), les noms de la machine valent seuls pour le reste ; reprendre : ateliers run {root}")
        _line(counts + why.format(why=asked["report"]["stopped"], root=study.root))
    elif asked["state"] == "not_sent":
        _line(counts + _(" ; rien n'a été envoyé, faute d'accord : ateliers run {root} --yes").format(root=study.root))
    else:
        _line(counts + _(" (table theme_proposals) ; ceux de la machine restent en place."))


def _doubts(study: "Study", n: int | None) -> None:
    if n is None:
        _line(_("Cas douteux de pseudonymisation : coffre chiffré, donner sa phrase de passe pour les compter."))
    elif n:
        how = f"ateliers export {study.root} --format doutes -o doutes.csv"
        _line(_("Cas douteux de pseudonymisation à revoir : {n} ({how})").format(n=n, how=how))


def _rejects(rows: Sequence[Mapping[Any, Any]]) -> None:
    for row in rows[:_SHOWN_REJECTS]:
        _line(_("  non lu : {path} : {reason} → {advice}").format(**row))
    if len(rows) > _SHOWN_REJECTS:
        _line(_("  … et {n} autres : ateliers export --format csv").format(n=len(rows) - _SHOWN_REJECTS))


def _table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    from rich.table import Table

    table = Table(*columns)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    _console().print(table)


def _flattened(found: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _json(content: Any) -> None:
    sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=1, default=str) + "\n")


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")


def _console() -> "Console":
    from rich.console import Console

    return Console()

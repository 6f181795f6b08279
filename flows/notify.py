"""Notify people of a run by mail or webhook, and write Prefect's summaries, in French.

A notice holds counts, ids and paths, never what anybody said; failing to send one never ends a run.
"""

import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from flows.typed_texts import paths_without_names
from pipeline.counting import why_no_theme
from pipeline.credentials import address_fault, read_secret
from pipeline.decisions import idle_sentence
from pipeline.errors import AteliersError, SettingsError
from pipeline.receipts import are_unread, receipt_line, told_first
from pipeline.settings.sections import NotifySettings
from pipeline.study import Study
from pipeline.text import Count, study_counts

if TYPE_CHECKING:
    from flows.run import Outcome

PASSWORD, WEBHOOK = "ATELIERS_SMTP_PASSWORD", "ATELIERS_WEBHOOK"
_TIMEOUT_S = 20.0
_SMTP_TLS_PORT = 465
_N_REJECTS_SHOWN, _N_RECEIPTS_SHOWN = 20, 40


@dataclass(frozen=True)
class Notice:
    """A notice of a run: `state` is `ready` or `failed`, `reason` says why it failed."""

    state: str
    study: str
    run_id: str = ""
    workshops: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    report: str = ""
    review: str = ""
    reason: str = ""


def ready_notice(study: Study, outcome: "Outcome") -> Notice:
    """Return a successful run's notice, with the workshops that it read."""
    manifest, workshops = outcome.manifest, study.read_table("workshops")
    is_new = workshops["folder"].isin(_new_folders(manifest))
    names = ("workshops", "documents", "units", "themes", "rejects")
    counts = {name: manifest["n_rows"][name] for name in names}
    read = study.read_table("receipts")["path"]
    counts["rejects"] = sum(are_unread(study.read_table("rejects")["path"].unique(), read))
    n_to_look_at = int(study.read_table("receipts")["warning"].notna().sum())
    return Notice(
        state="ready",
        study=study.root.name,
        run_id=manifest["run_id"],
        workshops=tuple(sorted(workshops.loc[is_new, "workshop_id"])),
        counts=counts | {"to_read_again": manifest.get("n_passing", 0), "to_look_at": n_to_look_at},
        report=str(_report_path(study, manifest)),
        review=study.settings.notify.review_url or f"ateliers review {study.root}",
    )


def failure_notice(study: Study, error: BaseException) -> Notice:
    """Return a failed run's notice; an error that is not ours gives its type alone."""
    reason = str(error) if isinstance(error, AteliersError) else type(error).__name__
    return Notice(state="failed", study=study.root.name, reason=reason)


def send(notice: Notice, study: Study) -> list[str]:
    """Send `notice` wherever the settings say, and return a line for each failure."""
    settings, faults = study.settings.notify, []
    if settings.to:
        try:
            with connected(settings, read_password(study)) as client:
                client.send_message(notice_mail(notice, settings))
        except (OSError, smtplib.SMTPException, AteliersError) as error:
            faults.append(f"courriel non envoyé par {settings.host} : {reason_of_failure(error)}")
    import httpx

    try:
        if address := read_webhook(study):
            httpx.post(address, json=asdict(notice), timeout=_TIMEOUT_S).raise_for_status()
    except (AteliersError, httpx.HTTPError) as error:
        faults.append(f"webhook non atteint : {reason_of_failure(error)}")
    return faults


def read_password(study: Study) -> str | None:
    """Return the mail server's password, if any; raise `SettingsError`."""
    return read_secret(
        PASSWORD,
        "le mot de passe du courriel",
        named=study.settings.notify.password_file,
        base=study.root,
    )


def read_webhook(study: Study) -> str | None:
    """Return the webhook's address, from a secret if it holds a token, else from etude.toml.

    Raises `SettingsError` for plain http to another host, and as `read_secret` does.
    """
    address = (read_secret(WEBHOOK, "l'adresse du webhook") or "").strip()
    if address and (fault := address_fault(address)):
        raise SettingsError(f"adresse de {WEBHOOK} refusée", fault, f"corriger {WEBHOOK}")
    return address or study.settings.notify.webhook or None


def notice_mail(notice: Notice, settings: NotifySettings) -> EmailMessage:
    """Return the notice as a mail from `settings.sender` to `settings.to`."""
    mail = EmailMessage()
    is_ready = notice.state == "ready"
    subject = "rapport prêt" if is_ready else "traitement en échec"
    mail["Subject"] = f"[{' '.join(notice.study.split())}] {subject}"
    mail["From"] = Address(addr_spec=settings.sender)
    mail["To"] = [Address(addr_spec=address) for address in settings.to]
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain=settings.sender.partition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    lines = [f"Étude : {notice.study}"]
    if is_ready:
        lines += [
            f"Ateliers lus : {', '.join(notice.workshops) or '0'}",
            f"En tout : {study_counts(notice.counts)}.",
            f"Fichiers ou parties non lus : {notice.counts['rejects']}",
        ]
        if n_odd := notice.counts.get("to_look_at", 0):
            lines.append(f"Fichiers lus à regarder (mots ou questions qui manquent) : {n_odd}")
        if n_again := notice.counts.get("to_read_again", 0):
            lines.append(f"Lectures à reprendre au prochain traitement : {n_again}")
        lines += [f"Rapport : {notice.report}", f"Relecture : {notice.review}"]
    else:
        lines.append("Le traitement n'a pas abouti ; les résultats précédents sont intacts.")
        lines.append(notice.reason)
    mail.set_content("\n".join(lines) + "\n")
    return mail


@contextmanager
def connected(settings: NotifySettings, password: str | None) -> Iterator[smtplib.SMTP]:
    """Open the mail server of the settings, encrypted and signed in, until the block ends."""
    context = ssl.create_default_context()
    host, port = settings.host, settings.port
    if port == _SMTP_TLS_PORT:
        client: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_S, context=context)
    else:
        client = smtplib.SMTP(host, port, timeout=_TIMEOUT_S)
    with client:
        if settings.starttls and port != _SMTP_TLS_PORT:
            client.starttls(context=context)
        if password:
            client.login(settings.user or settings.sender, password)
        yield client


def reason_of_failure(error: Exception) -> str:
    """Describe a failure without addresses, which a server's answer may repeat."""
    if isinstance(error, AteliersError):
        return str(error)
    status = getattr(getattr(error, "response", None), "status_code", None)
    status = status or getattr(error, "smtp_code", None)
    return f"{type(error).__name__} {status}" if status else type(error).__name__


def _new_folders(manifest: Mapping[str, Any]) -> set[str]:
    return {
        stage["workshop"]
        for stage in manifest["stages"]
        if stage["stage"] == "read" and not stage["is_cached"]
    }


def _report_path(study: Study, manifest: Mapping[str, Any]) -> Path:
    return study.root.joinpath(manifest["publication"], "rapport.html")


def run_summary(study: Study, outcome: "Outcome") -> str:
    """Return what came in, unread files, first priorities, and where to look."""
    manifest = outcome.manifest
    parts = [f"# {study.settings.etude.title}"]
    if not outcome.is_new:
        parts.append(
            "Rien de nouveau depuis le dernier traitement : les résultats en place valent toujours."
        )
    new_folders = _new_folders(manifest) if outcome.is_new else set()
    parts += ["## Ce qui est entré", _workshops(study, new_folders)]
    parts += ["## Fichiers lus", _receipts(study)]
    parts += ["## Fichiers non lus", _rejects(study)]
    parts += ["## Premières priorités candidates", _priorities(study)]
    if idle := idle_sentence(study.read_table("decision_effects"), study.root):
        parts += ["## Décisions", _cell(idle)]
    review = study.settings.notify.review_url or f"`ateliers review {study.root}`"
    report = f"`{_report_path(study, manifest)}` (aussi en .docx et .pdf, au même endroit)"
    parts += ["## Où regarder", f"- Rapport : {report}\n- Relecture : {review}"]
    return "\n\n".join(parts) + "\n"


def failure_summary(study: Study, error: BaseException) -> str:
    """Return what went wrong and what to do.

    An error that is not ours gives its type alone: its message may hold what people said.
    """
    if isinstance(error, AteliersError):
        cause = f"- Trouvé : {error.found}\n- Attendu : {error.expected}\n- À faire : {error.do}"
    else:
        cause = f"- Erreur : {type(error).__name__}\n- À faire : prévenir l'exploitant"
    state = "**Le traitement n'a pas abouti.** Les résultats précédents sont intacts."
    return f"# {study.settings.etude.title}\n\n{state}\n\n{cause}\n"


def comparison_summary(study: Study, n_rows: Mapping[str, int]) -> str:
    """Return each table's number of rows, and the folder."""
    rows = "\n".join(f"| {name} | {n} |" for name, n in n_rows.items())
    folder = study.root / "exports" / "comparaison"
    return (
        f"# {study.settings.etude.title}\n\nRapport, cartes et tableaux : `{folder}`\n\n"
        f"| table | lignes |\n|---|---|\n{rows}\n"
    )


def training_summary(study: Study, figures: Mapping[str, Any]) -> str:
    """Return a refitted tagger's figures, before and after, and which one is used."""
    before, after = figures["before"], figures["after"]
    names = [name for name in after if name != "n_units"]
    rows = "\n".join(f"| {name} | {before.get(name, '')} | {after[name]} |" for name in names)
    n_units = f"{Count(figures['n_units']):passage étiqueté|passages étiquetés}"
    if figures["is_registered"]:
        verdict = "le nouvel étiqueteur servira au prochain traitement."
    else:
        verdict = "pas mieux qu'avant, l'étiqueteur en place reste."
    return (
        f"# {study.settings.etude.title}\n\n{n_units} : {verdict}\n\n"
        f"| | avant | après |\n|---|---|---|\n{rows}\n"
    )


def _workshops(study: Study, new_folders: set[str]) -> str:
    n_documents = study.read_table("documents")["workshop_id"].value_counts()
    n_units = study.read_table("units")["workshop_id"].value_counts()
    lines = ["| atelier | documents | passages | |", "|---|---|---|---|"]
    for row in study.read_table("workshops").itertuples():
        counts = f"{n_documents.get(row.workshop_id, 0)} | {n_units.get(row.workshop_id, 0)}"
        state = "nouveau ou changé" if row.folder in new_folders else ""
        lines.append(f"| {_cell(row.folder)} | {counts} | {state} |")
    return "\n".join(lines)


def _receipts(study: Study) -> str:
    rows = told_first(study.read_table("receipts"))
    told = rows[:_N_RECEIPTS_SHOWN]
    paths = paths_without_names(study, pd.Series([row["path"] for row in told], dtype="string"))
    lines = [
        f"- {_cell(path)} : {_cell(receipt_line(row))}"
        for path, row in zip(paths, told, strict=True)
    ]
    if (n_more := len(rows) - len(told)) > 0:
        lines.append(f"- … et {Count(n_more):autre|autres}, en annexe technique du rapport")
    return "\n".join(lines) or "Aucun."


def _rejects(study: Study) -> str:
    rejects = study.read_table("rejects")
    if rejects.empty:
        return "Aucun."
    told = rejects.head(_N_REJECTS_SHOWN)
    told = told.assign(path=paths_without_names(study, told["path"]))
    lines = [
        f"- {_cell(row.path)} : {_cell(row.reason)} → {_cell(row.advice)}"
        for row in told.itertuples()
    ]
    if (n_more := len(rejects) - _N_REJECTS_SHOWN) > 0:
        lines.append(f"- … et {Count(n_more):autre|autres}, en annexe du rapport")
    return "\n".join(lines)


def _priorities(study: Study) -> str:
    themes = {row.theme_id: row for row in study.read_table("themes").itertuples()}
    priorities = study.read_table("priorities")
    ranked = priorities[priorities["scope"] == "study"].sort_values("rank")
    lines = []
    for row in ranked.head(study.settings.publish.n_priorities).itertuples():
        theme: Any = themes[row.theme_id]
        counts = f"(tables : {theme.n_tables}, ateliers : {theme.n_workshops})"
        lines.append(f"{row.rank}. {_cell(theme.label)} {counts}")
    if not themes:
        units, least = study.read_table("units"), study.settings.cluster.least_units
        lines = [why_no_theme(units, study.read_table("themes"), least_units=least) or ""]
    return "\n".join(lines)


def _cell(text: object) -> str:
    """Escape `text` on one line of Markdown: a file's name may hold anything."""
    plain = " ".join(str(text).split())
    for mark in "\\`*_[]<>|#":
        plain = plain.replace(mark, f"\\{mark}")
    return plain

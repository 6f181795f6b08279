"""Tell people that a workshop is ready or failed, by mail or by webhook: counts, ids and paths, never what anybody said.

In:   a notice, the [notify] settings
Out:  what could not be sent, in a line each; a notice that cannot be sent never ends a run

What a run leaves to read on Prefect's pages, in words of a chargée de mission: Markdown, in French.
"""

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.credentials import address_fault, read_secret
from pipeline.decisions import idle_sentence
from pipeline.errors import AteliersError, SettingsError
from pipeline.settings.sections import NotifySettings
from pipeline.study import Study
from pipeline.text import Count, study_counts

if TYPE_CHECKING:
    from flows.run import Outcome

_SHOWN = 20


def run_summary(study: Study, outcome: "Outcome") -> str:
    """Return what came in, what could not be read and what to do, the first priorities, and where the report and the review are."""
    manifest = outcome.manifest
    parts = [f"# {study.settings.etude.title}"]
    if not outcome.is_new:
        parts.append(
            "Rien de nouveau depuis le dernier traitement : les résultats en place valent toujours."
        )
    parts.append("## Ce qui est entré")
    parts.append(_workshops(study, new_folders(manifest) if outcome.is_new else set()))
    parts += [
        "## Fichiers non lus",
        _rejects(study),
        "## Premières priorités candidates",
        _priorities(study),
    ]
    if told := idle_sentence(study.read_table("decision_effects"), study.root):
        parts += ["## Décisions", _cell(told)]
    parts += ["## Où regarder", where(study, manifest)]
    return "\n\n".join(parts) + "\n"


def failure_summary(study: Study, error: BaseException) -> str:
    """Return what went wrong and what to do; of an error that is not ours, its kind alone, because it may hold what people said."""
    lines = [
        f"# {study.settings.etude.title}",
        "**Le traitement n'a pas abouti.** Les résultats précédents sont intacts.",
    ]
    if isinstance(error, AteliersError):
        lines += [f"- Trouvé : {error.found}\n- Attendu : {error.expected}\n- À faire : {error.do}"]
    else:
        lines.append(f"- Erreur : {type(error).__name__}\n- À faire : prévenir l'exploitant")
    return "\n\n".join(lines) + "\n"


def comparison_summary(study: Study, n_rows: Mapping[str, int]) -> str:
    """Return how many rows each table of the comparison has, and where they are."""
    rows = "\n".join(f"| {name} | {n} |" for name, n in n_rows.items())
    where_ = "Rapport, cartes et tableaux : `{path}`".format(
        path=study.root / "exports" / "comparaison"
    )
    return f"# {study.settings.etude.title}\n\n{where_}\n\n| table | lignes |\n|---|---|\n{rows}\n"


def training_summary(study: Study, figures: Mapping[str, Any]) -> str:
    """Return the figures of a refitted tagger, before and after, and which one stands."""
    names = [name for name in figures["after"] if name != "n_units"]
    rows = "\n".join(
        f"| {name} | {figures['before'].get(name, '')} | {figures['after'][name]} |"
        for name in names
    )
    verdict = (
        "{n:passage étiqueté|passages étiquetés} : le nouvel étiqueteur servira au prochain traitement."
        if figures["is_registered"]
        else "{n:passage étiqueté|passages étiquetés} : pas mieux qu'avant, l'étiqueteur en place reste."
    ).format(n=Count(figures["n_units"]))
    return f"# {study.settings.etude.title}\n\n{verdict}\n\n| | avant | après |\n|---|---|---|\n{rows}\n"


def new_folders(manifest: Mapping[str, Any]) -> set[str]:
    """The workshops' folders that a run read again."""
    return {
        stage["workshop"]
        for stage in manifest["stages"]
        if stage["stage"] == "read" and not stage["is_cached"]
    }


def report_path(study: Study, manifest: Mapping[str, Any]) -> Path:
    """Where the report of a run is."""
    return study.root.joinpath(manifest["publication"], "rapport.html")


def where(study: Study, manifest: Mapping[str, Any]) -> str:
    """Where the report and the review are."""
    review = study.settings.notify.review_url or f"`ateliers review {study.root}`"
    return f"- Rapport : `{report_path(study, manifest)}` (aussi en .docx et .pdf, au même endroit)\n- Relecture : {review}"


def _workshops(study: Study, new: set[str]) -> str:
    documents, units = study.read_table("documents"), study.read_table("units")
    lines = ["| atelier | documents | passages | |", "|---|---|---|---|"]
    for row in study.read_table("workshops").itertuples():
        n_documents, n_units = (
            int((table["workshop_id"] == row.workshop_id).sum()) for table in (documents, units)
        )
        lines.append(
            f"| {_cell(row.folder)} | {n_documents} | {n_units} | {'nouveau ou changé' if row.folder in new else ''} |"
        )
    return "\n".join(lines)


def _rejects(study: Study) -> str:
    rejects = study.read_table("rejects")
    if rejects.empty:
        return "Aucun."
    lines = [
        f"- {_cell(row.path)} : {_cell(row.reason)} → {_cell(row.advice)}"
        for row in rejects.head(_SHOWN).itertuples()
    ]
    if len(rejects) > _SHOWN:
        lines.append(f"- … et {Count(len(rejects) - _SHOWN):autre|autres}, en annexe du rapport")
    return "\n".join(lines)


def _priorities(study: Study) -> str:
    told = {row.theme_id: row for row in study.read_table("themes").itertuples()}
    ranked = study.read_table("priorities")
    first = (
        ranked[ranked["scope"] == "study"]
        .sort_values("rank")
        .head(study.settings.publish.n_priorities)
    )
    line = "{rank}. {label} (tables : {tables}, ateliers : {workshops})"
    lines = []
    for row in first.itertuples():
        theme: Any = told[row.theme_id]
        lines.append(
            line.format(
                rank=row.rank,
                label=_cell(theme.label),
                tables=theme.n_tables,
                workshops=theme.n_workshops,
            )
        )
    return "\n".join(lines) or "Pas encore assez de matière."


def _cell(text: object) -> str:
    """`text` on one line, read by Markdown as it is: a file's name may hold anything."""
    plain = " ".join(str(text).split())
    for mark in "\\`*_[]<>|#":
        plain = plain.replace(mark, f"\\{mark}")
    return plain


PASSWORD, WEBHOOK = "ATELIERS_SMTP_PASSWORD", "ATELIERS_WEBHOOK"
_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Notice:
    """What is told: the state (`ready` or `failed`), the study, the workshops read, counts, and where to look or what to do."""

    state: str
    study: str
    run_id: str = ""
    workshops: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    report: str = ""
    review: str = ""
    reason: str = ""


def ready_notice(study: Study, outcome: "Outcome") -> Notice:
    """The notice of a run that ended well."""
    manifest, new = outcome.manifest, new_folders(outcome.manifest)
    workshops = study.read_table("workshops")
    rows = manifest["n_rows"]
    return Notice(
        state="ready",
        study=study.root.name,
        run_id=manifest["run_id"],
        workshops=tuple(sorted(workshops.loc[workshops["folder"].isin(new), "workshop_id"])),
        counts={
            name: rows[name] for name in ("workshops", "documents", "units", "themes", "rejects")
        }
        | {"to_read_again": manifest.get("n_passing", 0)},
        report=str(report_path(study, manifest)),
        review=study.settings.notify.review_url or f"ateliers review {study.root}",
    )


def failure_notice(study: Study, error: BaseException) -> Notice:
    """The notice of a run that failed for good; of an error that is not ours, its kind alone."""
    reason = str(error) if isinstance(error, AteliersError) else type(error).__name__
    return Notice(state="failed", study=study.root.name, reason=reason)


def send(notice: Notice, study: Study) -> list[str]:
    """Send `notice` wherever the study's settings say, and return what could not be sent, a line each."""
    settings, faults = study.settings.notify, []
    if settings.to:
        try:
            _send_mail(_mail(notice, settings), settings, read_password(study))
        except (OSError, smtplib.SMTPException, AteliersError) as error:
            faults.append(f"courriel non envoyé par {settings.host} : {_why(error)}")
    try:
        address = read_webhook(study)
    except AteliersError as error:
        address = None
        faults.append(f"webhook non atteint : {_why(error)}")
    if address:
        import httpx

        try:
            httpx.post(address, json=asdict(notice), timeout=_TIMEOUT_S).raise_for_status()
        except httpx.HTTPError as error:
            faults.append(f"webhook non atteint : {_why(error)}")
    return faults


def read_password(study: Study) -> str | None:
    """The password of the mail server: the environment's, else that of a file which only its owner can read; None where none is set.

    Raises `SettingsError` for a file that is missing, blank or readable by others.
    """
    return read_secret(
        PASSWORD,
        "le mot de passe du courriel",
        named=study.settings.notify.password_file,
        base=study.root,
    )


def read_webhook(study: Study) -> str | None:
    """The address that notices are posted to: that of the environment, or of a file it names, where it holds a token; else of etude.toml.

    Raises `SettingsError` for an address by http to a far host, and as `read_password` does.
    """
    told = read_secret(WEBHOOK, "l'adresse du webhook")
    if told and (fault := address_fault(told.strip())):
        raise SettingsError(f"adresse de {WEBHOOK} refusée", fault, f"corriger {WEBHOOK}")
    return (told or "").strip() or study.settings.notify.webhook or None


def _mail(notice: Notice, settings: NotifySettings) -> EmailMessage:
    """The notice as a mail."""
    is_ready = notice.state == "ready"
    lines = [f"Étude : {notice.study}"]
    if is_ready:
        n_again = notice.counts.get("to_read_again", 0)
        lines += [
            "Ateliers lus : {ids}".format(ids=", ".join(notice.workshops) or "0"),
            f"En tout : {study_counts(notice.counts)}.",
            "Fichiers ou parties non lus : {rejects}".format(**notice.counts),
            *([f"Lectures à reprendre au prochain traitement : {n_again}"] if n_again else []),
            f"Rapport : {notice.report}",
            f"Relecture : {notice.review}",
        ]
    else:
        lines += [
            "Le traitement n'a pas abouti ; les résultats précédents sont intacts.",
            notice.reason,
        ]
    mail = EmailMessage()
    mail["Subject"] = (
        "[{study}] rapport prêt" if is_ready else "[{study}] traitement en échec"
    ).format(study=" ".join(notice.study.split()))
    mail["From"] = _address(settings.sender)
    mail["To"] = [_address(address) for address in settings.to]
    mail["Date"], mail["Message-ID"] = (
        formatdate(),
        make_msgid(domain=settings.sender.partition("@")[2]),
    )
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join(lines) + "\n")
    return mail


def _address(address: str) -> Address:
    return Address(addr_spec=address)


def _send_mail(mail: EmailMessage, settings: NotifySettings, password: str | None) -> None:
    context = ssl.create_default_context()
    if settings.port == 465:
        opened: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.host, settings.port, timeout=_TIMEOUT_S, context=context
        )
    else:
        opened = smtplib.SMTP(settings.host, settings.port, timeout=_TIMEOUT_S)
    with opened as smtp:
        if settings.starttls and settings.port != 465:
            smtp.starttls(context=context)
        if password:
            smtp.login(settings.user or settings.sender, password)
        smtp.send_message(mail)


def _why(error: Exception) -> str:
    """Why something could not be sent, without the addresses that a server's answer may repeat."""
    if isinstance(error, AteliersError):
        return str(error)
    status = getattr(getattr(error, "response", None), "status_code", None) or getattr(
        error, "smtp_code", None
    )
    return f"{type(error).__name__} {status}" if status else type(error).__name__

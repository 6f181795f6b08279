"""Tell people that a workshop is ready or failed, by mail or by webhook: counts, ids and paths, never what anybody said.

In:   a notice, the [notify] settings
Out:  what could not be sent, in a line each; a notice that cannot be sent never ends a run
"""

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING

from flows.summary import new_folders, report_path
from pipeline.addresses import address_fault
from pipeline.errors import AteliersError, SettingsError
from pipeline.i18n import _
from pipeline.secret import read_secret
from pipeline.settings import NotifySettings
from pipeline.study import Study
from pipeline.words import study_counts

if TYPE_CHECKING:
    from flows.run import Outcome

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
        counts={name: rows[name] for name in ("workshops", "documents", "units", "themes", "rejects")}
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
            faults.append(_("courriel non envoyé par {host} : {why}").format(host=settings.host, why=_why(error)))
    try:
        address = read_webhook(study)
    except AteliersError as error:
        address = None
        faults.append(_("webhook non atteint : {why}").format(why=_why(error)))
    if address:
        import httpx

        try:
            httpx.post(address, json=asdict(notice), timeout=_TIMEOUT_S).raise_for_status()
        except httpx.HTTPError as error:
            faults.append(_("webhook non atteint : {why}").format(why=_why(error)))
    return faults


def read_password(study: Study) -> str | None:
    """The password of the mail server: the environment's, else that of a file which only its owner can read; None where none is set.

    Raises `SettingsError` for a file that is missing, blank or readable by others.
    """
    return read_secret(PASSWORD, "le mot de passe du courriel", named=study.settings.notify.password_file, base=study.root)


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
    lines = [_("Étude : {study}").format(study=notice.study)]
    if is_ready:
        n_again = notice.counts.get("to_read_again", 0)
        lines += [
            _("Ateliers lus : {ids}").format(ids=", ".join(notice.workshops) or "0"),
            _("En tout : {counts}.").format(counts=study_counts(notice.counts)),
            _("Fichiers ou parties non lus : {rejects}").format(**notice.counts),
            *([_("Lectures à reprendre au prochain traitement : {n}").format(n=n_again)] if n_again else []),
            _("Rapport : {path}").format(path=notice.report),
            _("Relecture : {review}").format(review=notice.review),
        ]
    else:
        lines += [_("Le traitement n'a pas abouti ; les résultats précédents sont intacts."), notice.reason]
    mail = EmailMessage()
    mail["Subject"] = (_("[{study}] rapport prêt") if is_ready else _("[{study}] traitement en échec")).format(
        study=" ".join(notice.study.split())
    )
    mail["From"] = _address(settings.sender)
    mail["To"] = [_address(address) for address in settings.to]
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=settings.sender.partition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join(lines) + "\n")
    return mail


def _address(address: str) -> Address:
    return Address(addr_spec=address)


def _send_mail(mail: EmailMessage, settings: NotifySettings, password: str | None) -> None:
    context = ssl.create_default_context()
    if settings.port == 465:
        opened: smtplib.SMTP = smtplib.SMTP_SSL(settings.host, settings.port, timeout=_TIMEOUT_S, context=context)
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
    status = getattr(getattr(error, "response", None), "status_code", None) or getattr(error, "smtp_code", None)
    return f"{type(error).__name__} {status}" if status else type(error).__name__

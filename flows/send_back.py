"""Tell participants by mail that the sheets of their workshops are ready, and attach them.

In:   the last publication; the attendance lists of the depot, for the addresses that people left
      on them; the vault, for who they are, who refused and who was told
Out:  a mail a person and a publication, at most once; the vault's record of it

Addresses are in the vault and in the mails alone: what this returns and logs are counts and ids.
"""

import smtplib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

from flows.notify import connected, read_password, reason_of_failure
from flows.publication_files import publications
from flows.refusals import code_of
from flows.vault import Vault
from pipeline.compare.voices import who_came
from pipeline.errors import SettingsError, StudyError
from pipeline.ingest.attendance import read_attendance
from pipeline.ingest.contents import read_contents
from pipeline.ingest.people import WorkshopPeople
from pipeline.publish.docx import page_name
from pipeline.publish.report.passages import workshop_names
from pipeline.publish.text import french_date, joined
from pipeline.study import Study

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class SentBack:
    """Who would be written to, or was, by participant_id; the others are counted by reason."""

    run_id: str
    is_dry_run: bool
    to_write: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    not_accepted: tuple[str, ...] = ()  # by the mail server; tried again the next time
    left_out: dict[str, int] = field(default_factory=dict)
    fault: str = ""  # why the sending stopped

    def as_json(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        lists = ("to_write", "sent", "not_accepted")
        return vars(self) | {name: list(getattr(self, name)) for name in lists}


@dataclass(frozen=True)
class _Recipient:
    number: int
    participant_id: str
    address: str
    code: str
    workshop_ids: tuple[str, ...]


def send_back(root: Path, *, is_dry_run: bool = True, tell: Tell | None = None) -> SentBack:
    """Write to those who left an address on the list of a workshop that has its sheet.

    Each person is noted before the mail leaves: a cut tells nobody twice, and whoever it caught
    between the two is counted as uncertain. Raises `SettingsError` where the study does not say
    `send_back`, `StudyError` without a publication, and `VaultError` for a vault that is locked.
    """
    study = Study.open(root.resolve())
    _check_settings(study)
    with study.locked():
        vault = Vault(study)
        run_id, sheets = _sheets(study)
        recipients, left_out = _recipients(study, vault, run_id, set(sheets))
        plan = SentBack(
            run_id,
            is_dry_run,
            tuple(recipient.participant_id for recipient in recipients),
            left_out=left_out,
        )
        if is_dry_run or not recipients:
            return plan
        return _send(study, vault, plan, recipients, sheets, tell or (lambda *_: None))


def _check_settings(study: Study) -> None:
    if not study.settings.notify.send_back:
        raise SettingsError(
            "l'étude ne rend pas ses fiches par courriel",
            "« send_back = true » dans [notify] d'etude.toml",
            "le demander à qui porte l'étude, puis l'y écrire",
        )


def _sheets(study: Study) -> tuple[str, dict[str, Path]]:
    """Return the last publication, and the sheet of each workshop that has one."""
    last = next(iter(publications(study)), None)
    if last is None:
        raise StudyError(
            "rien n'est publié", "une publication entière", f"ateliers publish {study.root}"
        )
    names = workshop_names(study.read_table("workshops"))
    paths = {
        workshop_id: study.publications / last.run_id / "ateliers" / f"{page_name(i, name)}.pdf"
        for i, (workshop_id, name) in enumerate(names.items())
    }
    return last.run_id, {key: path for key, path in paths.items() if path.is_file()}


def _recipients(
    study: Study, vault: Vault, run_id: str, with_sheet: set[str]
) -> tuple[list[_Recipient], dict[str, int]]:
    registry, record = vault.registry(), vault.sending()
    done, begun = record["sent"].get(run_id, []), record["begun"].get(run_id, [])
    came: dict[str, list[str]] = {}
    for row in who_came(study.read_table("attendance")).itertuples():
        came.setdefault(str(row.participant_id), []).append(str(row.workshop_id))
    listed = dict(_listed_addresses(study))
    recipients: list[_Recipient] = []
    left_out: Counter[str] = Counter()
    for number, person in sorted(registry.persons.items()):
        own = person.participant_id
        attended = sorted(set(came.get(own, ())) & with_sheet)
        if not attended:
            continue
        left = (address for key in attended for address in sorted(listed.get(key, set())))
        address = next((address for address in left if address in person.emails), "")
        codes = {code_of(registry, each) for each in person.emails}
        if not address:
            left_out["sans adresse sur la liste"] += 1
        elif codes & set(record["refusals"]):
            left_out["ont refusé"] += 1
        elif own in done:
            left_out["déjà prévenues"] += 1
        elif own in begun:
            left_out["incertaines : l'envoi d'avant s'est arrêté sur elles"] += 1
        else:
            code = code_of(registry, address)
            recipients.append(_Recipient(number, own, address, code, tuple(attended)))
    return recipients, dict(left_out)


def _listed_addresses(study: Study) -> Iterator[tuple[str, set[str]]]:
    """Yield the addresses on each workshop's lists, those of mails and forms left aside."""
    folders = study.read_table("workshops").set_index("folder")["workshop_id"]
    settings = study.settings.ingest
    for workshop in study.inventory().workshops:
        if workshop.name not in folders:
            continue
        contents = read_contents(workshop, settings=settings, on_file=None)
        people = WorkshopPeople(str(folders[workshop.name]))
        read_attendance(contents.first_list_rows(settings.max_listed), people)
        yield (
            people.workshop_id,
            {person.email.casefold() for person in people.people if person.email},
        )


def _send(
    study: Study,
    vault: Vault,
    plan: SentBack,
    recipients: list[_Recipient],
    sheets: dict[str, Path],
    tell: Tell,
) -> SentBack:
    settings, sent, refused, fault = study.settings.notify, [], [], ""
    try:
        with connected(settings, read_password(study)) as client:
            for n, recipient in enumerate(recipients):
                tell("envoi", n, len(recipients))
                mail = _mail(study, recipient, sheets)
                _note(vault, plan.run_id, recipient, "begun")
                try:
                    client.send_message(mail)
                except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError):
                    _note(vault, plan.run_id, recipient, None)
                    refused.append(recipient.participant_id)
                    continue
                except smtplib.SMTPResponseException:  # refused before anything was sent
                    _note(vault, plan.run_id, recipient, None)
                    raise
                _note(vault, plan.run_id, recipient, "sent")
                sent.append(recipient.participant_id)
    except (OSError, smtplib.SMTPException) as error:
        fault = f"envoi arrêté par {settings.host} : {reason_of_failure(error)}"
    return replace(plan, sent=tuple(sent), not_accepted=tuple(refused), fault=fault)


def _note(vault: Vault, run_id: str, recipient: _Recipient, state: str | None) -> None:
    """Move a person among those begun and those sent; a refusal that came meanwhile stays."""
    record, own = vault.sending(), recipient.participant_id
    for name in ("begun", "sent"):
        others = [each for each in record[name].get(run_id, []) if each != own]
        record[name] = record[name] | {run_id: others + [own] * (name == state)}
    vault.write_sending(record)


def answer_address(study: Study) -> str:
    """Return where people answer: the address set for it, the mailbox read, or the sender."""
    settings, box = study.settings.notify, study.settings.mail
    read = box.user if box.host and "@" in box.user else ""
    return settings.answer_to or read or settings.sender


def _mail(study: Study, recipient: _Recipient, sheets: dict[str, Path]) -> EmailMessage:
    settings, answer = study.settings.notify, answer_address(study)
    workshops = study.read_table("workshops").set_index("workshop_id").to_dict("index")
    rows: list[Any] = [workshops[key] for key in recipient.workshop_ids]
    places = [
        " du ".join(filter(None, (row["territory"], french_date(row["date"])))) for row in rows
    ]
    mail, title = EmailMessage(), " ".join(study.settings.etude.title.split())
    domain = settings.sender.partition("@")[2]
    mail["Subject"] = f"{title} : la fiche de votre atelier"
    mail["From"] = Address(addr_spec=settings.sender)
    mail["To"] = Address(addr_spec=recipient.address)
    mail["Reply-To"] = Address(addr_spec=answer)
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(idstring=f"refus-{recipient.code}", domain=domain)
    ways = [f"<mailto:{answer}?subject=refus-{recipient.code}>"]
    page = f"{settings.review_url.rstrip('/')}/refus/{recipient.code}"
    if page.startswith("https://"):  # one gesture in the mail program (RFC 8058)
        ways.insert(0, f"<{page}>")
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail["List-Unsubscribe"] = ", ".join(ways)
    mail["Auto-Submitted"] = "auto-generated"
    is_one = len(places) == 1
    what = "à l’atelier" if is_one else "aux ateliers"
    joint = "La fiche de votre atelier, en deux pages, est jointe"
    if not is_one:
        joint = "Leurs fiches, de deux pages chacune, sont jointes"
    mail.set_content(
        f"Bonjour,\n\nVous avez participé {what} : {joined(places)}. Ce qui s’y est dit a été relu "
        f"et rassemblé. {joint} à ce message : rien n’y est attribué à une personne.\n\n"
        "Vous recevez ce message parce que votre adresse est sur la feuille de présence ; elle ne "
        "sert à rien d’autre. Pour ne plus en recevoir, répondez « refus » à ce message, ou "
        f"écrivez à {answer} avec pour objet refus-{recipient.code} : nous n’écrirons plus à cette "
        "adresse. Vous pouvez aussi y demander ce qui est gardé de vous, ou à être oublié.\n"
    )
    for key in recipient.workshop_ids:
        path = sheets[key]
        name = f"fiche-{path.name.partition('-')[2]}"
        mail.add_attachment(path.read_bytes(), maintype="application", subtype="pdf", filename=name)
    return mail

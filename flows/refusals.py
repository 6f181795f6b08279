"""Note who wants no mail from a study: in the vault, as keyed hashes of addresses.

In:   an address, an id or a code that a person gives; the mails that the study reads
Out:  refusals, respected though the person is forgotten and met again
"""

import re
from collections.abc import Callable
from email import policy
from email.message import Message
from email.parser import BytesParser

from flows.vault import Vault
from pipeline.ingest.readers.mail import header_text
from pipeline.pseudonymise.vault import Registry, keyed_hash
from pipeline.study import Study

_CODE = re.compile(r"\brefus-([0-9a-f]{16})\b")  # in the subject, or in the id of our mails
_WORDS = frozenset(("refus", "je refuse", "stop", "désinscription"))


def refuse(study: Study, wanted: str) -> bool:
    """Note that the person with a code, an address or an id wants no mail; False for nobody.

    The address is kept as a keyed hash: it is respected though the person is forgotten, and met
    again.
    """
    vault = Vault(study)
    registry, record = vault.registry(), vault.sending()
    code = wanted.strip().casefold()
    codes = {code_of(registry, address) for address in _addresses(registry, wanted)}
    codes |= {code} if is_code(code) else set()
    refusals = set(record["refusals"])
    if codes - refusals:
        vault.write_sending(record | {"refusals": sorted(refusals | codes)})
    return bool(codes)


def is_code(text: str) -> bool:
    """Whether `text` has the form of a code, which nobody guesses as they would an id."""
    return re.fullmatch("[0-9a-f]{16}", text) is not None


def code_of(registry: Registry, address: str) -> str:
    """Return what refuses in the place of an address, and tells nothing of it."""
    return keyed_hash(registry.secret, "refusal", address.casefold())[:16]


def _addresses(registry: Registry, wanted: str) -> set[str]:
    text = wanted.strip().casefold()
    if "@" in text:
        return {text}  # also of somebody who comes later
    return {
        address
        for person in registry.persons.values()
        for address in person.emails
        if text == person.participant_id
    }


def refusal_code(headers: Message, text: Callable[[], str]) -> str | None:
    """Return the code of a mail that refuses: in its subject, or answered with « refus » alone.

    `text` gives what was written, asked for only where the mail answers one of ours.
    """
    if subject := _CODE.search(header_text(headers, "subject")):
        return subject[1]
    answered = " ".join(header_text(headers, name) for name in ("in-reply-to", "references"))
    if not (code := _CODE.search(answered)):
        return None
    lines = (line.strip(" .!«»\"'\t\u00a0") for line in text().splitlines())
    first = next((line for line in lines if line), "")
    return code[1] if first.casefold() in _WORDS else None


def text_of_mail(content: bytes) -> str:
    """Return the plain text of a mail, what it quotes left out; blank where it has none."""
    mail = BytesParser(policy=policy.default).parsebytes(content)
    part = mail.get_body(preferencelist=("plain",))
    try:
        text = str(part.get_content()) if part is not None else ""
    except (LookupError, ValueError):  # an encoding that nobody knows
        return ""
    return "\n".join(line for line in text.splitlines() if not line.startswith(">"))

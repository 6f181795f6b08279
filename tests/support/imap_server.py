"""Dovecot, the distribution's own, started by an unprivileged user in a temporary folder: any user signs in with one password."""

import contextlib
import grp
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from imap_tools import MailBox

from support.mail_server import make_certificate

PASSWORD = "sésame, 12 clés"
_CONFIG = """
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/journal
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
protocols = imap
mail_driver = maildir
mail_home = {folder}/boites/%{{user}}
mail_path = ~/Maildir
ssl_server_cert_file = {folder}/essai.pem
ssl_server_key_file = {folder}/essai.pem
auth_mechanisms = plain login
auth_failure_delay = 0
passdb static {{
  password = {password}
}}
userdb static {{
  fields {{
    uid = {uid}
    gid = {gid}
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    listen = 127.0.0.1
    port = {clear_port}
  }}
  inet_listener imaps {{
    listen = 127.0.0.1
    port = {port}
  }}
}}
"""


def dovecot() -> str | None:
    """The path of the server's program; Debian keeps it where users' shells do not look."""
    return shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def why_not() -> str | None:
    """Why there is no server to test with, or None."""
    if dovecot() is None or not Path("/usr/lib/dovecot/imap").exists():
        return "aucun serveur IMAP sur cette machine (apt-get install dovecot-imapd)"
    told = subprocess.run(
        [str(dovecot()), "--version"], capture_output=True, text=True, check=True
    ).stdout
    version = tuple(map(int, re.findall(r"\d+", told)[:2]))
    return (
        None
        if version >= (2, 4)
        else f"dovecot {told.split()[0]} : la configuration des tests est celle de dovecot 2.4 (Debian 13)"
    )


class ImapServer:
    """A server that may be killed and started again on the same mailboxes; `port` is encrypted, `clear_port` offers STARTTLS."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.certificate = folder, make_certificate(folder / "essai.pem")
        self.port, self.clear_port = _free_ports(2)
        user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        group = grp.getgrgid(user.pw_gid).gr_name
        self._who = (
            {"user": user.pw_name, "group": group, "extra_groups": []} if os.geteuid() == 0 else {}
        )
        told = {
            "user": user.pw_name,
            "group": group,
            "uid": user.pw_uid,
            "gid": user.pw_gid,
            "password": PASSWORD,
        }
        config = _CONFIG.format(folder=folder, port=self.port, clear_port=self.clear_port, **told)
        (folder / "dovecot.conf").write_text(config, encoding="utf-8")
        for path in (folder, *folder.iterdir()):
            os.chown(path, user.pw_uid, user.pw_gid)
        self.certificate.chmod(0o600)
        (folder / "autorite.pem").write_text(
            re.sub(r"(?s).*(?=-----BEGIN CERT)", "", self.certificate.read_text())
        )
        self.authority = folder / "autorite.pem"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [str(dovecot()), "-F", "-c", str(self.folder / "dovecot.conf")]
        self._process = subprocess.Popen(
            command,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **self._who,
        )
        for _ in range(2400):  # two minutes, beside a busy suite
            assert self._process.poll() is None, "the server did not start"
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), timeout=1),
            ):
                return
            time.sleep(0.05)
        raise TimeoutError("the server did not answer")

    def kill(self) -> None:
        """End it at once, and every session with it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @contextlib.contextmanager
    def client(self, user: str) -> Iterator[MailBox]:
        """A mail program of `user`, that may change what it likes."""
        trusted = ssl.create_default_context(cafile=str(self.authority))
        box = MailBox("127.0.0.1", self.port, timeout=20, ssl_context=trusted)
        box.login_utf8(user, PASSWORD)
        try:
            yield box
        finally:
            box.logout()

    def deliver(self, user: str, *mails: bytes, folder: str = "INBOX") -> None:
        """Put mails into a folder, which is made where it is not there."""
        with self.client(user) as box:
            if not box.folder.exists(folder):
                box.folder.create(folder)
            for mail in mails:
                box.append(mail, folder)

    def number_anew(self, user: str, folder: str) -> tuple[int, int]:
        """Make a folder again with the same mails, as a server that was moved does; return its UIDVALIDITY before and after."""
        with self.client(user) as box:
            before = box.folder.status(folder, ["UIDVALIDITY"])["UIDVALIDITY"]
            box.folder.rename(folder, "ancien")
            box.folder.create(folder)
            box.folder.set("ancien")
            box.copy(box.uids(), folder)
            box.folder.set("INBOX")
            box.folder.delete("ancien")
            return before, box.folder.status(folder, ["UIDVALIDITY"])["UIDVALIDITY"]


@contextlib.contextmanager
def running_server() -> Iterator[ImapServer]:
    """Give a server that runs until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="ateliers-imap-"))
    try:
        server = ImapServer(folder)
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_ports(n: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in opened:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in opened]

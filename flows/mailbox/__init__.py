"""Read a mailbox into the depot: each mail a file of the workshop that it is for. Nothing is
changed on the server.

In:   a study, the [mail] settings, a server that speaks IMAP
Out:  depot/<workshop>/mails/*.eml; what was read, what waits and why
"""

from flows.mailbox.fetching import Fetched, Record, Waiting, fetch_mail

__all__ = ["Fetched", "Record", "Waiting", "fetch_mail"]

"""Read a mailbox into the depot, without changing anything on the server.

In:   a study, the [mail] settings, an IMAP server
Out:  depot/<workshop>/mails/*.eml, a file a mail; what was read, what waits and why
"""

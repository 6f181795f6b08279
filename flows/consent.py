"""How asking a language model ended."""

DONE, NOT_SENT, STOPPED = "done", "not_sent", "stopped"

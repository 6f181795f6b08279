"""Who is asked before passages leave the machine: the command line asks a person; where nobody can be asked, nobody agrees."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from pipeline.within import within

if TYPE_CHECKING:
    from models.language_model.prompt import Estimate

Approver = Callable[["Estimate"], bool]

DONE, NOT_SENT, STOPPED = "done", "not_sent", "stopped"  # how asking a second coder ended

_approvers: list[Approver] = []


def asking(approver: Approver | None) -> AbstractContextManager[None]:
    """Have `approver` asked inside the block; None agrees to nothing."""
    return nullcontext() if approver is None else within(_approvers, approver)


def is_approved(estimate: "Estimate") -> bool:
    """Whether whoever can be asked agrees to what `estimate` tells."""
    return bool(_approvers) and _approvers[-1](estimate)

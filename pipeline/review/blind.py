"""Say what a person codes before seeing what the machine proposes, so that nothing anchors them.

Passages hide the machine one by one. The addresses of SHOWS_MACHINE say more than of one passage:
they stay closed until the coding is ended. Every other address is in SHOWS_NO_MACHINE, or
`unclassified` names it, which apps.py refuses.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, QueryDict

from pipeline.decisions.coding import CodingDecision, CodingTask, coding_task
from pipeline.decisions.tags import ConfirmUnit, TagDecision
from pipeline.review import state
from pipeline.review.journal import Journal
from pipeline.review.selection import UNSIGNED, Selection

_THEMES = """
themes theme theme_map theme_map_dots theme_map_found theme_map_passage theme_proposals set_aside
themes_undo set_aside_decide theme_gathering theme_split theme_merger theme_reading theme_decide
"""
_RESULTS = """
priorities compare_weightings save_weighting use_weighting territories territories_part drawing
decide_gap crossings crossing_file results
"""
_LEARNING = "learning start_learning cancel_learning use_machine"
_FILES = """
publishing publish let_go publication_file publication_export backup_file
return_announce return_piece return_put_away
"""
SHOWS_MACHINE = frozenset(f"{_THEMES} {_RESULTS} {_LEARNING} {_FILES}".split())

# These show nothing that the machine proposes, or hide it themselves from who codes without it.
_STUDY = """
home studies study create_study glossary members login logout first_access invitation account
preferences accounts change_account study_settings study_grid grid_file grid_history grid_code
grid_remove grid_import grid_axis grid_axis_remove grid_family grid_order
deposit deposit_states deposit_make deposit_announce
deposit_piece deposit_give_up deposit_remove deposit_rename deposit_correct deposit_erase
deposit_put_back deposit_see deposit_doubts deposit_doubt
processing start_processing cancel_processing processing_stream study_data forget_person back_up
restore archive_announce archive_piece send_back metrics
"""
_CODING = """
passages passages_list passages_form save_selection remove_selection passages_export documents
document document_more picture make_passage decide code_words split_passage mask_words masked_names
unmask_words join_passages correct_passage flag_passage memos memos_export write_memo agreement
draw_sample machine_sight disagreements arbitrate journal journal_export undo take_again
search
"""
_LINKS = (  # for people without account
    "make_reader_link revoke_reader_link reader_link reader_file refuse_mails"
)
SHOWS_NO_MACHINE = frozenset(f"{_STUDY} {_CODING} {_LINKS}".split())

_BY_MACHINE = frozenset(("theme", "family", "zone"))  # what a selection may ask of the machine


@dataclass(frozen=True)
class BlindCoding:
    """What a person codes without seeing the machine.

    `n_left` drawn passages, or all passages, until somebody shows the machine, if 0.
    """

    n_left: int


class MachineHiddenError(PermissionDenied):
    """The page would show the machine to who codes without it."""

    def __init__(self, blind: BlindCoding) -> None:
        super().__init__()
        self.blind = blind


def unclassified(names: Iterable[str | None]) -> set[str | None]:
    """Return the names of addresses in neither list, or in both."""
    return set(names) - (SHOWS_MACHINE ^ SHOWS_NO_MACHINE)


def task_of(author: str, journal: Journal) -> CodingTask:
    """Return what the decisions so far ask of a person."""
    return coding_task(author, journal.active(CodingDecision))


def is_hidden(task: CodingTask, unit_id: str, own: Iterable[TagDecision]) -> bool:
    """Whether the machine's codes and theme are hidden from who took the `own` decisions.

    They show once the person validated the passage, and where the person had decided on it before.
    """
    since = task.since(unit_id)
    return since > 0 and not any(
        isinstance(row, ConfirmUnit) or row.decision_id < since for row in own
    )


def blind_coding(author: str) -> BlindCoding | None:
    """Return what a person codes without seeing the machine; None who sees it."""
    journal = state.journal()
    task = task_of(author, journal)
    if task.all_hidden_since:
        return BlindCoding(0)
    if not task.hidden_since:
        return None
    n_left = sum(
        unit_id in state.snapshot().units
        and is_hidden(task, unit_id, journal.on_unit(unit_id, TagDecision, by=author))
        for unit_id in task.hidden_since
    )
    return BlindCoding(n_left) if n_left else None


def close_to_blind(request: HttpRequest) -> None:
    """Raise `MachineHiddenError` where the address would show the machine to who codes without."""
    match = request.resolver_match
    is_closed = match is not None and match.url_name in SHOWS_MACHINE
    if is_closed or _asks_machine(request.GET):
        blind = blind_coding(str(request.user.get_username()))
        if blind is not None:
            raise MachineHiddenError(blind)


def _asks_machine(query: QueryDict) -> bool:
    """Whether the address selects passages by what the machine made of them."""
    wanted = Selection.read(query)
    asked = {row.attribute for row in wanted.conditions}
    return wanted.state == UNSIGNED or not asked.isdisjoint(_BY_MACHINE)

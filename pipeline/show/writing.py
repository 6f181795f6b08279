"""Write results on standard output; failures, progress and questions on standard error."""

import codecs
import io
import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from pipeline.errors import AteliersError
from pipeline.text import Count

if TYPE_CHECKING:
    from rich.progress import Progress

    from models.language_model.prompt import Estimate
    from pipeline.errors import StudyError


_MOST_TOLD = 5


def failure(error: AteliersError) -> None:
    """Write one line on standard error."""
    sys.stderr.write(f"ateliers : {error}\n".replace("\r", " "))


def told(lines: Iterable[str]) -> None:
    """Write lines that stop nothing on standard error, at most five."""
    listed = list(lines)
    for text in listed[:_MOST_TOLD]:
        sys.stderr.write(f"ateliers : {text}\n".replace("\r", " "))
    if n := max(0, len(listed) - _MOST_TOLD):
        more = f"{Count(n):autre ligne|autres lignes}"
        sys.stderr.write(f"ateliers : et {more} : ateliers check ÉTUDE les dit toutes\n")


def line(text: str) -> None:
    """Write one line."""
    sys.stdout.write(text + "\n")


def write_json(content: Any) -> None:
    """Write JSON; other values become text."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=1, default=str) + "\n")


def write_table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Draw a table; no cell is ever "None"."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)


_PLAIN = str.maketrans(
    {"«": '"', "»": '"', "’": "'", "…": "...", "→": "->", "–": "-", "—": "-"}
    | {"œ": "oe", "Œ": "OE", "€": "EUR"}
)


def write_on_any_terminal() -> None:
    """Replace what the output's encoding lacks by a plainer sign or « ? »."""
    codecs.register_error("ateliers.plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="ateliers.plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = []
    for sign in error.object[error.start : error.end]:
        plain = unicodedata.normalize("NFKD", sign.translate(_PLAIN))
        signs.append(plain.encode("ascii", "ignore").decode() or "?")
    return "".join(signs), error.end


class ProgressBars:
    """A listener that draws a bar for each step."""

    def __init__(self, bars: "Progress") -> None:
        self._bars = bars
        self._current = bars.add_task("préparation", total=None)

    def __call__(self, what: str, done: int, total: int) -> None:
        """Draw `done` of `total` of a step."""
        if self._bars.tasks[0].description != what:
            self._bars.reset(self._current, description=what)  # each step counts its own time
        self._bars.update(self._current, completed=done, total=total if total > 1 else None)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Hide the bars while a question is asked."""
        self._bars.stop()
        try:
            yield
        finally:
            self._bars.start()


@contextmanager
def progress() -> Iterator[ProgressBars | None]:
    """Draw a bar for each step on a terminal; elsewhere yield None."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield ProgressBars(bars)


def consent(bars: ProgressBars | None, *, is_agreed: bool) -> "Callable[[Estimate], bool] | None":
    """Return the callback that agrees to a cost: always, or after a question on the terminal.

    Return None where nobody can be asked.
    """
    if not _can_ask(bars, is_agreed):
        return None
    return lambda estimate: _ask(bars, is_agreed, cost_line(estimate), "Envoyer")


def going_on(
    bars: ProgressBars | None, *, is_agreed: bool
) -> "Callable[[StudyError], bool] | None":
    """Return the callback that agrees to go on with fewer decisions, see `consent`."""
    if not _can_ask(bars, is_agreed):
        return None

    def agree(error: "StudyError") -> bool:
        problem = f"{error.found} ; attendu : {error.expected}."
        return _ask(bars, is_agreed, problem, "Continuer avec ce qui reste")

    return agree


def _can_ask(bars: ProgressBars | None, is_agreed: bool) -> bool:
    return is_agreed or (bars is not None and sys.stdin.isatty())


def _ask(bars: ProgressBars | None, is_agreed: bool, text: str, question: str) -> bool:
    with bars.hidden() if bars else nullcontext():
        sys.stderr.write(text + ("\n" if is_agreed else f" {question} ? [o/N] "))
        sys.stderr.flush()
        return is_agreed or sys.stdin.readline().strip().lower() in ("o", "oui")


def cost_line(estimate: "Estimate") -> str:
    """Say what is sent, where, for how much and how long."""
    purpose = "Second codeur" if estimate.purpose == "codes" else "Noms de thèmes"
    units, requests = Count(estimate.n_units), Count(estimate.n_requests)
    sent, received = Count(estimate.tokens_in), Count(estimate.tokens_out)
    price, duration = "coût inconnu", "durée inconnue"
    if estimate.price is not None:
        price = f"environ {estimate.price:.2f} €"
    if estimate.seconds is not None:
        duration = f"environ {max(1.0, estimate.seconds / 60):.0f} min"
    parts = (
        f"{purpose} : {units:passage pseudonymisé|passages pseudonymisés} à envoyer à"
        f" {estimate.address} ({estimate.model}), en {requests:requête|requêtes}",
        f" environ {sent:jeton envoyé|jetons envoyés} et {received:reçu|reçus} ; {price} ;"
        f" {duration}.",
    )
    return ",".join(parts)

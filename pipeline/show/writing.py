"""Lines, tables and JSON on standard output, and what went wrong on standard error.

What happens on a terminal while a run goes on: bars, and the questions that a run may ask.
"""

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

SHOWN_LINES = 20  # of a long list


def failure(error: AteliersError) -> None:
    """One line on standard error."""
    sys.stderr.write(f"ateliers : {error}\n".replace("\r", " "))


def line(text: str) -> None:
    """Write one line."""
    sys.stdout.write(text + "\n")


def write_json(content: Any) -> None:
    """Write what a machine reads; what JSON does not know, as its text."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=1, default=str) + "\n")


def write_table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Draw a table; no cell is ever "None"."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)


_PLAIN = {
    "«": '"',
    "»": '"',
    "’": "'",
    "…": "...",
    "→": "->",
    "–": "-",
    "—": "-",
    "œ": "oe",
    "Œ": "OE",
    "€": "EUR",
}


def write_on_any_terminal() -> None:
    """Let standard output and error write what their encoding lacks without its accents, or as « ? »; nothing is refused."""
    codecs.register_error("ateliers.plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="ateliers.plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for the signs that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(_plain_sign, lacking)), error.end


def _plain_sign(sign: str) -> str:
    return (
        _PLAIN.get(sign)
        or unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
        or "?"
    )


class Bars:
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
        """Leave the terminal to a question inside the block."""
        self._bars.stop()
        try:
            yield
        finally:
            self._bars.start()


@contextmanager
def progress() -> Iterator[Bars | None]:
    """Draw a bar for each step on a terminal; elsewhere listen to nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield Bars(bars)


def consent(bars: Bars | None, *, is_agreed: bool) -> "Callable[[Estimate], bool] | None":
    """Return who agrees to what sending costs: somebody did beforehand, a person on the terminal is asked, or nobody can be (None)."""
    if not is_agreed and (bars is None or not sys.stdin.isatty()):
        return None

    def ask(estimate: "Estimate") -> bool:
        with bars.hidden() if bars else nullcontext():
            sys.stderr.write(cost_line(estimate) + ("\n" if is_agreed else " Envoyer ? [o/N] "))
            sys.stderr.flush()
            return is_agreed or sys.stdin.readline().strip().lower() in ("o", "oui")

    return ask


def going_on(bars: Bars | None, *, is_agreed: bool) -> "Callable[[StudyError], bool] | None":
    """Return who agrees to go on with fewer decisions: somebody beforehand, a person on the terminal, or nobody (None)."""
    if not is_agreed and (bars is None or not sys.stdin.isatty()):
        return None

    def ask(error: "StudyError") -> bool:
        with bars.hidden() if bars else nullcontext():
            line = f"{error.found} ; attendu : {error.expected}."
            sys.stderr.write(
                line + ("\n" if is_agreed else " Continuer avec ce qui reste ? [o/N] ")
            )
            sys.stderr.flush()
            return is_agreed or sys.stdin.readline().strip().lower() in ("o", "oui")

    return ask


def cost_line(estimate: "Estimate") -> str:
    """What is about to be sent, where, for how much and how long."""
    numbers = {
        "units": estimate.n_units,
        "requests": estimate.n_requests,
        "sent": estimate.tokens_in,
        "received": estimate.tokens_out,
    }
    counts = {name: Count(n) for name, n in numbers.items()}
    purpose = "Second codeur" if estimate.purpose == "codes" else "Noms de thèmes"
    what = (
        purpose
        + " : {units:passage pseudonymisé|passages pseudonymisés} à envoyer à {address} ({model}), en {requests:requête|requêtes}, "
    )
    tokens = "environ {sent:jeton envoyé|jetons envoyés} et {received:reçu|reçus} ; "
    price = "coût inconnu ; " if estimate.price is None else "environ {price:.2f} € ; "
    duration = "durée inconnue." if estimate.seconds is None else "environ {minutes:.0f} min."
    return (what + tokens + price + duration).format(
        **vars(estimate), **counts, minutes=max(1.0, (estimate.seconds or 0) / 60)
    )

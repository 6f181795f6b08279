"""Read files in a child process: one path a line in, one framed answer out.

A failure that no reader foresaw is named in a last frame and ends the process.
"""

import json
import os
import sys
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from pipeline.errors import ReadError, reason_of
from pipeline.ingest.readers.confine import Budget, confine
from pipeline.ingest.readers.dispatch import read_source
from pipeline.ingest.readers.pictures import LineReader, load_line_reader
from pipeline.ingest.readers.source import (
    NO_MEMORY,
    READY,
    FileContent,
    Limits,
    away_to_line,
    failure_to_line,
    frame,
    is_passing,
    to_line,
    too_large,
)

_RIGHTS = "vérifier que l'on a le droit de le lire"
_ANOTHER_FORM = "l'ouvrir dans son logiciel et l'enregistrer dans un autre format"
# Made beforehand: no memory is left when it is needed.
_NO_MEMORY_FRAME = frame(to_line((), NO_MEMORY), is_last=True)


def main() -> None:
    """Read files until standard input ends."""
    output = _private_output()
    sys.excepthook = partial(_name_failure, output)
    request = json.loads(sys.stdin.buffer.readline())
    limits = Limits(max_bytes=request["max_bytes"])
    read_lines = load_line_reader() if request["reads_pictures"] else None
    confine()
    budget = Budget(
        request["max_memory_bytes"], request["max_seconds"], request["max_wall_seconds"]
    )
    _write(output, frame(READY))
    for line in sys.stdin.buffer:
        budget.open()
        answer = _answer(Path(json.loads(line)), limits, read_lines)
        is_last = budget.close()
        _write(output, _NO_MEMORY_FRAME if answer is None else frame(answer, is_last=is_last))
        if is_last or answer is None:
            return


def _private_output() -> BinaryIO:
    """Keep standard output for answers: what a library prints goes nowhere."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return output


def _write(output: BinaryIO, answer: bytes) -> None:
    output.write(answer)
    output.flush()


def _name_failure(
    output: BinaryIO, kind: type[BaseException], _: BaseException, trace: TracebackType | None
) -> None:
    """Send the exception's type and our line, never its message, which may quote the file."""
    line_of_ours = ""
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if Path(__file__).parent in path.parents:
            line_of_ours = f" {path.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    _write(output, frame(failure_to_line(f"{kind.__name__}{line_of_ours}"), is_last=True))


def _answer(path: Path, limits: Limits, read_lines: LineReader | None) -> bytes | None:
    try:
        n_bytes = path.stat().st_size
        if n_bytes > limits.max_bytes:
            raise too_large(n_bytes, limits.max_bytes)
        content = path.read_bytes()
    except ReadError as error:
        return _refusal(error.found, error.do)
    except OSError as error:
        why = reason_of(error)
        if is_passing(error):
            return away_to_line(why)
        return _refusal(f"fichier illisible ({why})", _RIGHTS)
    except MemoryError:
        return None
    return _answer_of(FileContent(content, path.name, limits, read_lines=read_lines))


def _answer_of(file: FileContent) -> bytes | None:
    try:
        return to_line(read_source(file))
    except ReadError as error:
        return _refusal(error.found, error.do)
    except OSError as error:
        return _refusal(f"fichier illisible ({reason_of(error)})", _ANOTHER_FORM)
    except RecursionError:
        return _refusal("fichier trop imbriqué", _ANOTHER_FORM)
    except MemoryError:
        return None


def _refusal(reason: str, advice: str) -> bytes:
    return to_line((), (reason, advice))


if __name__ == "__main__":
    main()

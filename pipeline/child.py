"""Start our modules in processes of their own, one way, and keep how one died.

In:   a module of ours and its arguments; the file where it writes the error that ends it
Out:  a process that imports our packages from here, and none from the folder where it starts

Of an error of others only the kind and the place are kept: its words may quote a participant.
"""

import faulthandler
import os
import runpy
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.errors import AteliersError

_PACKAGES = Path(__file__).parents[1]
_DEATH = "ATELIERS_DEATH"  # names the file
_CRASH = "Fatal Python error: "  # how the interpreter begins to say it


def apart(environment: Mapping[str, str], death: Path | None = None) -> dict[str, str]:
    """Return an environment whose Python imports our packages, and none from the current folder.

    Not `-I`: packages installed for the user, and the whole paths of PYTHONPATH, remain. What a
    process left in `death` before is removed.
    """
    if death is not None:
        death.unlink(missing_ok=True)
    paths = [str(_PACKAGES), *environment.get("PYTHONPATH", "").split(os.pathsep)]
    whole = dict.fromkeys(str(Path(path).absolute()) for path in paths if path)
    own = {"PYTHONPATH": os.pathsep.join(whole), "PYTHONSAFEPATH": "1"}
    return {**environment, **own, **({_DEATH: str(death.absolute())} if death else {})}


def start_module(
    module: str,
    *arguments: object,
    death: Path | None = None,
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> "subprocess.Popen[Any]":
    """Start `module` silently, unless `options` of Popen say otherwise."""
    variables = apart(os.environ if environment is None else environment, death)
    command = [sys.executable, "-P", "-m", __name__, module, *map(str, arguments)]
    silent = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    return subprocess.Popen(command, env=variables, **{**silent, **options})


@contextmanager
def death_kept() -> Iterator[None]:
    """Write an error that leaves the block, or a crash, in the file that the environment names."""
    if not (name := os.environ.pop(_DEATH, "")):
        yield
        return
    with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123
        faulthandler.enable(file)
        try:
            yield
        except Exception as error:
            file.write(_told(error))
            raise
        finally:
            faulthandler.disable()


def death_told(path: Path) -> str:
    """Return the last line that a process which died left in `path`, blank if it left none."""
    if not path.is_file():
        return ""
    lines = path.read_text(encoding="utf-8").splitlines()
    crashes = [line.removeprefix(_CRASH) for line in lines if line.startswith(_CRASH)]
    return (crashes or lines or [""])[-1]


def _told(error: BaseException) -> str:
    """Return a line a place, as tracebacks do without our texts, then the error."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [
        f"{Path(frame.filename).relative_to(_PACKAGES)}, ligne {frame.lineno}"
        for frame in frames
        if Path(frame.filename).is_relative_to(_PACKAGES)
    ]
    said = str(error) if isinstance(error, AteliersError) else type(error).__name__
    if isinstance(error, ImportError) and error.name:
        said += f" « {error.name} »"
    return "".join(f"{line}\n" for line in (*places, f"{said} ({places[-1]})" if places else said))


if __name__ == "__main__":
    module, *arguments = sys.argv[1:]
    sys.argv = [module, *arguments]
    with death_kept():
        runpy.run_module(module, run_name="__main__", alter_sys=True)

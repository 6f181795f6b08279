"""The command as its users type it, in this process."""

from pipeline.cli import main


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err

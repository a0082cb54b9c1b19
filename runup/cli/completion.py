"""`runup completion`."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from cyclopts import Parameter


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(name="SHELL", help="bash, zsh or fish.")], /
) -> None:
    """Print what your shell needs to complete commands, options and their values.

    For bash: runup completion bash > ~/.local/share/bash-completion/completions/runup
    """
    from runup.cli import app

    sys.stdout.write(app.generate_completion(prog_name="runup", shell=shell))

"""Work on templates in a process of its own, with limits, so that no template can take this one down.

A template may loop without end, ask for gigabytes, or make the MJML engine overflow its stack (a
segmentation fault). An alarm inside the process does not help: such work runs in C and never looks up. So
it runs in a child that has a deadline, a limit on CPU time and on memory, none of our environment
variables and no file of the campaign but what it is handed; and the parent only ever reads its answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from campaigns.errors import CampaignError


@dataclass(frozen=True)
class Limits:
    """What the child may use. The defaults are many times what twenty emails with twenty branches need."""

    cpu_seconds: int = 30
    deadline_seconds: float = 60.0
    memory_mb: int = 512
    max_depth: int = 60
    """Nested elements; the MJML engine itself ends the process somewhere between 1,000 and 2,000."""
    max_size: int = 1_000_000
    """Characters of one finished part."""


def run_confined(job: str, request: dict[str, Any], limits: Limits, campaign: str) -> Any:
    """The answer of `compile` or `check`. CampaignError when the child finds a fault or comes to grief."""
    payload = json.dumps({"job": job, "request": request, "limits": asdict(limits)}).encode()
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "campaigns.jobs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONTZPATH": "", "LC_ALL": "C.UTF-8"},
        # A Ctrl-C at the terminal is the parent's to handle; the child would look like a broken campaign.
        start_new_session=True,
    )
    timed_out = False
    try:
        output, _ = child.communicate(payload, timeout=limits.deadline_seconds)
    except subprocess.TimeoutExpired:
        timed_out = True
        child.kill()
        output, _ = child.communicate()
    except BaseException:
        child.kill()
        child.wait()
        raise
    return _answer(output, child.returncode, campaign, limits, timed_out)


def _answer(output: bytes, code: int, campaign: str, limits: Limits, timed_out: bool) -> Any:
    where = campaign
    for line in output.splitlines():
        with contextlib.suppress(ValueError):  # a child killed while writing leaves half a line
            message = json.loads(line)
            if "at" in message:
                where = message["at"]
            elif "error" in message:
                file, number, text = message["error"]
                raise CampaignError(file or where, number, text)
            elif code == 0:
                return message["answer"]
    raise CampaignError(where, 0, _grief(code, limits, timed_out))


def _grief(code: int, limits: Limits, timed_out: bool) -> str:
    if timed_out:
        return f"this took longer than {limits.deadline_seconds:g} s; look for a loop in the template"
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"this took more than {limits.cpu_seconds} s of CPU time; look for a loop in the template"
    if code == -signal.SIGSEGV:
        return "the MJML engine crashed on this email; look for deeply nested elements"
    return f"the process ended with exit code {code}; does it need more than {limits.memory_mb} MB?"


def report(where: str) -> None:
    """In the child, before it starts on a step: so that the parent can name the step if the child dies."""
    _say({"at": where})


def answer(value: Any) -> None:
    """In the child: the result."""
    _say({"answer": value})


def refuse(file: str, line: int, message: str) -> None:
    """In the child: the fault. An empty file stands for the step last reported."""
    _say({"error": [file, line, message]})


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()

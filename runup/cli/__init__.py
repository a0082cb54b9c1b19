"""The front door for operators: `runup`, one module per noun, each loaded when its command is asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cyclopts import App, Group, Parameter

BEGIN = Group("Begin", sort_key=1)
PEOPLE = Group("People", sort_key=2)
CAMPAIGNS = Group("Campaigns", sort_key=3)
OPERATING = Group("Operating", sort_key=4)
OPTIONS = Group("Options", sort_key=5)

_COMMANDS = (
    ("demo", "demo", BEGIN, "See the whole product at work, on a clock that runs weeks in seconds."),
    ("init", "init", BEGIN, "Make a workspace: settings, secrets, the campaign to edit, a database."),
    ("serve", "serve", BEGIN, "Run the site, and on SQLite the worker with it."),
    ("work", "work", BEGIN, "Run workers only."),
    ("subscribers", "subscribers:app", PEOPLE, "Who we write to, and their interviews."),
    ("suppressions", "suppressions:app", PEOPLE, "Who must not be written to, and why."),
    ("campaigns", "campaigns:app", CAMPAIGNS, "Check, read, pause and resume campaigns."),
    ("newsletters", "newsletters:app", CAMPAIGNS, "Write issues, see whom they reach, and send them."),
    ("preview", "preview", CAMPAIGNS, "Look at every email in every branch, in a browser or as files."),
    ("send-test", "send_test", CAMPAIGNS, "Send one email of a campaign to yourself."),
    ("simulate", "simulate", CAMPAIGNS, "Run people through a campaign on a virtual clock; nothing leaves."),
    ("explain", "explain", OPERATING, "What left to a person, what will, what will not, and why."),
    ("sends", "sends:app", OPERATING, "What left, what will leave, and why something did not."),
    ("bounces", "bounces:app", OPERATING, "What comes back by email: bounces, delays, complaints."),
    ("status", "status", OPERATING, "The queue at a glance."),
    ("report", "report", OPERATING, "What came of the emails, in the terminal or as one page."),
    ("operators", "operators:app", OPERATING, "Who may log in at /ops."),
    ("doctor", "doctor", OPERATING, "Find what is wrong with this installation, with a remedy each."),
    ("webhooks", "webhooks:app", OPERATING, "Tell your other programs what happens, signed."),
    ("backup", "backup", OPERATING, "Write everything into one file while workers go on, or check one."),
    ("restore", "restore", OPERATING, "Put a backup in the place of the database, stopped."),
    ("retention", "retention", OPERATING, "What is to be deleted by now, or delete it at once."),
    ("settings", "settings:app", OPERATING, "What is set, where, and whether it can be used."),
    ("completion", "completion", OPERATING, "Let your shell complete commands, options and values."),
    ("database", "database:app", OPERATING, "Upgrade and check the tables."),
)


def _shown(default: object) -> str:
    """An empty default says nothing; the option's own words say what happens then."""
    return "" if default in ("", None) else str(default)


def _version() -> str:
    from importlib.metadata import version

    return version("runup")


app = App(
    name="runup",
    help="Emails that reach each person at the right hour around a date of their own.",
    help_epilogue="Every listing takes --json. `runup COMMAND --help` says more.",
    version=_version,
    default_parameter=Parameter(negative=(), consume_multiple=False, show_default=_shown),
)


def _register() -> None:
    for name, where, group, words in _COMMANDS:
        module, _, attribute = where.partition(":")
        app.command(f"runup.cli.{module}:{attribute or module}", name=name, group=group, help=words)


_register()
app["--help"].group = app["--version"].group = (OPTIONS,)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code: 0 done, 1 failed, 2 asked for in a way that cannot be.

    Foreseen errors become one line on standard error; anything else is a bug and keeps its traceback.
    """
    tokens = list(sys.argv[1:] if argv is None else argv)
    try:
        result = app(tokens, print_error=False, exit_on_error=False, result_action="return_value")
    except KeyboardInterrupt:
        return 130
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BrokenPipeError:
        return _reader_has_gone()
    except Exception as error:
        from runup.cli.errors import report

        code = report(error)
        if code is None:
            raise
        return code
    return result if isinstance(result, int) else 0


def _reader_has_gone() -> int:
    """`runup … | head` has read enough: no traceback, also not from the interpreter's own last flush."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0

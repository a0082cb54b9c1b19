"""`runup operators`."""

from __future__ import annotations

import sys
from getpass import getpass
from io import StringIO

from cyclopts import App
from sqlalchemy.orm import Session

from runup.application import Application
from runup.cli.errors import BadInput
from runup.cli.opening import opened
from runup.cli.terminal import agreed, say, show
from runup.operators import Access, accounts, parse_name
from runup.operators.secrets import hash_password, totp_address, totp_step, why_too_weak

app = App(name="operators", help="Who may log in at /ops.")
_COLUMNS = {"name": "Name", "created_at": "Since", "logged_in_at": "Last login"}
_TRIES = 3
_WHITE_ON_BLACK, _AS_BEFORE = "\x1b[40;97m", "\x1b[0m"


@app.command(name="list")
def list_(*, json: bool = False) -> None:
    """Who may log in at /ops, and when they last did.

    Parameters
    ----------
    json
        Print JSON: name, created_at, logged_in_at.
    """
    with opened() as application, application.database.read() as session:
        rows = [{key: getattr(found, key) for key in _COLUMNS} for found in accounts.everybody(session)]
    show(rows, _COLUMNS, as_json=json, empty="Nobody, and so there is no /ops. `runup operators add NAME`")


@app.command
def add(name: str, /) -> None:
    """Let somebody log in at /ops: with a password, a code of an authenticator app, and recovery codes.

    The password is typed twice, or read from standard input; it is never an argument, which others could see.

    Parameters
    ----------
    name
        What they log in as: letters, digits, dots and dashes.
    """
    with opened() as application:
        known = _parsed(name)
        with application.database.read() as session:
            if accounts.find(session, known) is not None:
                raise BadInput(f"{known} may log in already; `runup operators reset {known}` starts anew")
        hashed, access = _proofs(application, known)
        with application.database.write() as session:
            _add(session, application, known, hashed, access)
    _tell(access, f"{known} may log in at {application.brand.site_url}/ops.")


@app.command
def reset(name: str, /, *, yes: bool = False) -> None:
    """A new password, a new key for the app and new recovery codes; all their sessions end.

    Parameters
    ----------
    name
        Who.
    yes
        Do not ask.
    """
    with opened() as application:
        known = _existing(application, name)
        if not agreed(f"End all sessions of {known} and make everything anew?", yes=yes):
            raise BadInput("nothing has changed; say --yes to do it without being asked")
        hashed, access = _proofs(application, known)
        with application.database.write() as session:
            accounts.reset(session, known, hashed, access, keys=application.links.keys)
    _tell(access, f"{known} has to log in again, with what is new.")


@app.command
def remove(name: str, /, *, yes: bool = False) -> None:
    """They may not log in any more; where they are logged in, they are out at once.

    Parameters
    ----------
    name
        Who.
    yes
        Do not ask.
    """
    with opened() as application:
        known = _existing(application, name)
        if not agreed(f"Remove {known}?", yes=yes):
            raise BadInput("nothing has changed; say --yes to remove without being asked")
        with application.database.write() as session:
            accounts.remove(session, known)
            is_last = not accounts.anybody(session)
    say(f"{known} is removed." + (" Nobody is left, and so there is no /ops." if is_last else ""))


def _add(session: Session, application: Application, name: str, hashed: str, access: Access) -> None:
    if accounts.find(session, name) is not None:
        raise BadInput(f"{name} was added by somebody else just now")
    accounts.add(session, name, hashed, access, keys=application.links.keys, now=application.clock())


def _parsed(name: str) -> str:
    try:
        return parse_name(name)
    except ValueError as error:
        raise BadInput(f"{name[:40]!r}: {error}") from None


def _existing(application: Application, name: str) -> str:
    with application.database.read() as session:
        found = accounts.find(session, _parsed(name))
    if found is None:
        raise BadInput(f"there is no operator {name}; `runup operators list` shows who there is")
    return found.name


def _proofs(application: Application, name: str) -> tuple[str, Access]:
    """The password's hash, and what the app and the paper get. On a terminal the app has to show a right code
    first: a picture that nobody scanned would lock them out."""
    password, access = _password(), Access()
    if wrong := why_too_weak(password, name):
        raise BadInput(wrong)
    issuer = application.brand.name
    if sys.stdin.isatty():
        _draw(totp_address(access.totp_key, name, issuer))
        say(f"Or type this key into the app: {access.totp_key}")
        _prove(application, access)
    else:
        say(f"TOTP key: {access.totp_key}", f"TOTP address: {totp_address(access.totp_key, name, issuer)}")
    return hash_password(password), access


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass("Password: ")
    if getpass("The same once more: ") != password:
        raise BadInput("the two are not the same; nothing has changed")
    return password


def _draw(address: str) -> None:
    """A picture to scan. White and black whatever the terminal's colors are: many apps read no other."""
    import segno

    drawn = StringIO()
    segno.make(address, error="m", micro=False).terminal(drawn, compact=True)
    say("", "Scan this with an authenticator app:", "")
    for line in drawn.getvalue().splitlines():
        sys.stdout.write(f"{_WHITE_ON_BLACK}{line}{_AS_BEFORE}\n")
    say("")


def _prove(application: Application, access: Access) -> None:
    for _ in range(_TRIES):
        if totp_step(access.totp_key, input("The code it shows now: "), now=application.clock()) is not None:
            return
        say("That is not the code. Is the telephone's clock right?")
    raise BadInput("nothing has changed; try again when the app shows a code of this key")


def _tell(access: Access, done: str) -> None:
    say("", "Recovery codes, each good once in place of the app. Keep them on paper:", "")
    say(*(f"  {code}" for code in access.recovery_codes), "", done)

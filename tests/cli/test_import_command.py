"""An operator brings in files of other systems, and what goes wrong with them."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
from terminals import Terminal

CRM = (
    "E-Mail;Vorname;Termin;Schuhgröße\n"
    "kiri@example.com;Kiri;2026-12-04;38\n"
    "Sam Smith <sam@example.com>;Sam;2026-12-07;44\n"
)
MAPPED = ["--map", "email=E-Mail", "--map", "first_name=Vorname", "--map", "interview_date=Termin",
          "--ignore", "Schuhgröße", "--set", "home_zone=Europe/Berlin"]  # fmt: skip


def test_a_file_of_another_system_is_read_as_somebody_said_and_remembered(runup: Terminal) -> None:
    Path("crm.csv").write_text(CRM)
    look = runup("subscribers", "import", "crm.csv", *MAPPED, "--dry-run", "--json")
    assert (look.code, look.json["added"], look.json["to_confirm"]) == (1, 1, 1)
    assert look.json["refused_in"] == {"email": 1}
    assert runup.ok("subscribers", "list", "--json").json == []
    again = runup("subscribers", "import", "crm.csv", "--json").json
    assert (again["added"], again["refused"], again["errors_file"]) == (1, 1, "crm-errors.csv")
    with Path("crm-errors.csv").open(newline="") as listing:
        (wrong,) = csv.DictReader(listing)
    assert wrong["E-Mail"] == "Sam Smith <sam@example.com>"
    assert wrong["error_row"] == "3"
    assert "without a name" in wrong["error_remedy"]
    put_right = Path("crm-errors.csv").read_text().replace("Sam Smith <sam@example.com>", "sam@example.com")
    Path("right.csv").write_text(put_right)
    assert runup.ok("subscribers", "import", "right.csv", "--mapping", "crm-mapping.toml", "--json").json[
        "added"
    ] == 1  # fmt: skip
    assert [row["first_name"] for row in runup.ok("subscribers", "list", "--json").json] == ["Sam", "Kiri"]


def test_readers_of_a_newsletter_need_no_interview(runup: Terminal) -> None:
    Path("readers.csv").write_text("email\nkiri@example.com\nana@example.com\n")
    words = ["--set", "list=newsletter", "--set", "home_zone=Europe/Berlin"]
    assert runup.ok("subscribers", "import", "readers.csv", *words, "--json").json["to_confirm"] == 2
    assert runup.ok("subscribers", "show", "kiri@example.com", "--json").json["newsletters"][0][
        "list_key"
    ] == ("newsletter")


def test_an_import_that_was_killed_says_where_it_goes_on(runup: Terminal) -> None:
    rows = "".join(f"p{number}@example.com,Europe/Berlin,2026-12-04\n" for number in range(250))
    Path("people.csv").write_text(f"email,home_zone,interview_date\n{rows}")
    killed = os.fork()
    if not killed:
        from runup.cli import subscribers_import as command

        def die(_planner: object, _session: object, person: int) -> None:
            if person > 220:
                os._exit(9)

        command._Planner.__call__ = die  # type: ignore[method-assign]
        runup("subscribers", "import", "people.csv")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(killed, 0)[1]) == 9
    result = runup.ok("subscribers", "import", "people.csv", "--json").json
    assert (result["went_on_after"], result["rows"], result["added"]) == (200, 250, 250)
    assert runup.ok("subscribers", "import", "people.csv", "--json").json["went_on_after"] is None


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--map", "emial=x"], "runup has no column 'emial'; did you mean email"),
        (["--map", "email=Post"], "the file has no column 'post'"),
        (["--set", "consent_proof=paper"], "that is each person's own"),
        (["--mapping", "missing.toml"], "there is no mapping missing.toml"),
        (["--errors", "people.csv"], "is the file to import; name another"),
        (["--errors", "/dev/null"], "no plain file"),
        (["--errors", "link.csv"], "no plain file"),
    ],
)
def test_what_cannot_be_meant_is_said_and_nothing_happens(
    runup: Terminal, words: list[str], answer: str
) -> None:
    content = "email,home_zone,interview_date\nx@,Mars,2026-02-30\n"
    Path("people.csv").write_text(content)
    Path("link.csv").symlink_to("elsewhere.csv")
    Path("elsewhere.csv").write_text("precious")
    result = runup("subscribers", "import", "people.csv", *words)
    assert (result.code, Path("people.csv").read_text()) == (2, content)
    assert answer in result.err
    assert Path("elsewhere.csv").read_text() == "precious"


def test_neither_a_pipe_nor_a_device_behind_a_link_is_waited_for(runup: Terminal) -> None:
    os.mkfifo("pipe.csv")
    Path("zero.csv").symlink_to("/dev/zero")
    for name in ("pipe.csv", "zero.csv"):
        result = runup("subscribers", "import", name)
        assert (result.code, result.err.strip()) == (2, f"error: {name} is not a file")
    assert runup("subscribers", "import", "people.csv", "--errors", "pipe.csv").code == 2


def test_a_link_to_a_file_is_read(runup: Terminal) -> None:
    Path("real.csv").write_text("email,home_zone,interview_date\nkiri@example.com,Europe/Berlin,2026-12-04\n")
    Path("link.csv").symlink_to("real.csv")
    assert runup.ok("subscribers", "import", "link.csv", "--json").json["added"] == 1

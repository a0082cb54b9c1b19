"""A file of another system calls its columns as it likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from subscribers.columns import (
    ColumnMapping,
    InvalidMapping,
    load_mapping,
    parse_mapping,
    renaming,
    save_mapping,
)
from subscribers.csv_file import UnreadableFile
from subscribers.transfer_record import COLUMNS


def names(columns: list[str], *pairs: str, ignore: tuple[str, ...] = ()) -> dict[str, str]:
    return renaming(parse_mapping(pairs, ignore, (), known=COLUMNS), columns, known=COLUMNS)


def test_a_column_means_what_somebody_said() -> None:
    assert names(["e_mail", "vorname", "home_zone"], "email=E-Mail", "First Name=Vorname") == {
        "e_mail": "email", "vorname": "first_name", "home_zone": "home_zone",
    }  # fmt: skip


def test_a_column_that_means_another_of_ours_is_theirs() -> None:
    assert names(["role", "mail"], "email=mail", "company=role") == {"role": "company", "mail": "email"}


def test_what_is_left_alone_is_left_alone() -> None:
    assert names(["email", "shoe_size", "error_row", ""], ignore=("Shoe size",)) == {"email": "email"}


@pytest.mark.parametrize(
    ("columns", "pairs", "words"),
    [
        (["email", "shoe_size"], (), "no column 'shoe_size'.*--map email=shoe_size"),
        (["e_mail"], ("email=Mail",), "no column 'mail' to be read as email; did you mean e_mail"),
        (["email", "mail"], ("email=mail",), "two columns are read as email"),
    ],
)
def test_a_mapping_that_does_not_fit_says_why(columns: list[str], pairs: tuple[str, ...], words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        names(columns, *pairs)


@pytest.mark.parametrize(
    ("pairs", "always", "words"),
    [
        (("email",), (), "--map: 'email' is no pair"),
        (("emial=x",), (), "runup has no column 'emial'; did you mean email"),
        ((), ("consent_proof=yes",), "--set consent_proof=…: that is each person's own"),
        ((), ("email=ana@example.com",), "each person's own"),
    ],
)
def test_what_nobody_can_mean_is_said(pairs: tuple[str, ...], always: tuple[str, ...], words: str) -> None:
    with pytest.raises(InvalidMapping, match=words):
        parse_mapping(pairs, (), always, known=COLUMNS)


def test_a_mapping_is_remembered_whatever_is_in_it(tmp_path: Path) -> None:
    said = ColumnMapping({"email": 'E-"Mail"\\'}, ("Größe",), {"home_zone": "Europe/Berlin"})
    save_mapping(tmp_path / "m.toml", said)
    assert load_mapping(tmp_path / "m.toml", known=COLUMNS) == said
    newer = ColumnMapping({"email": "Mail"}).over(said)
    assert (newer.columns, newer.ignored) == ({"email": "Mail"}, ("Größe",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("columns = 3", "holds lines such as"),
        ("ignore = 3", "is a list of columns"),
        ("[colums]", "there is no 'colums'"),
        ("[set]\nconsent_at = '2026-01-01'", "each person's own"),
        ("[[", "m.toml"),
    ],
)
def test_a_broken_mapping_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(InvalidMapping, match=words):
        load_mapping(tmp_path / "m.toml", known=COLUMNS)

"""Files as strangers make them: every encoding, every broken line, nothing that runs."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.csv_file import UnreadableFile, armored, disarmed, read_csv, write_csv


def rows(content: bytes, encoding: str = "") -> list[tuple[int, dict[str, str], str]]:
    _, lines = read_csv(io.BytesIO(content), encoding=encoding)
    return [(line.number, dict(line.cells), line.problem) for line in lines]


def cells(content: bytes, encoding: str = "") -> list[dict[str, str]]:
    return [row[1] for row in rows(content, encoding)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_file_says_its_own_encoding(encoding: str) -> None:
    assert cells("email;first name\nzoë@example.com;Zoë\n".encode(encoding)) == [
        {"email": "zoë@example.com", "first_name": "Zoë"}
    ]


def test_latin_1_is_read_when_somebody_says_so() -> None:
    content = "email,first_name\nzoe@example.com,Zoë\n".encode("latin-1")
    assert cells(content, "latin-1") == [{"email": "zoe@example.com", "first_name": "Zoë"}]


def test_latin_1_unsaid_refuses_the_rows_it_spoils_and_no_other() -> None:
    content = "email,first_name\nzoe@example.com,Zoë\nana@example.com,Ana\n".encode("latin-1")
    (number, _, problem), ana = rows(content)
    assert number == 2
    assert "not UTF-8" in problem
    assert "--encoding latin-1" in problem
    assert ana == (3, {"email": "ana@example.com", "first_name": "Ana"}, "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"PK\x03\x04\x00\x00 a zip renamed to .csv", "a zip archive or a spreadsheet"),
        (b"\x1f\x8b\x08\x00 gzip", "a gzip archive"),
        (b"email,\0\n", "no text file"),
        (b"\x00" * 100_000, "UTF-16"),
        ("email\nana@example.com".encode("utf-16-le"), "--encoding utf-16-le"),
        (b"email,Email\n", "'email' is there twice"),
        ("emäil\n".encode("latin-1"), "the first line is not UTF-8"),
        (b",".join(b"c%d" % number for number in range(1000)), "1000 columns"),
        (b"x" * 1_000_000, "the first line has more than"),
        (b"," * 1_000_000, "the first line has more than"),
        (b"email," + b"x" * 100_000 + b"\n", "the first line cannot be read"),
    ],
)
def test_a_file_that_is_no_table_is_refused_whole(content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        rows(content)


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(UnreadableFile, match="'klingon' is no encoding"):
        rows(b"email\n", "klingon")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"a,b\x00c", "NUL"),
        (b"a,b,c", "3 cells for 2 columns"),
        (b"a," + b"x" * 10_000, "longer than"),
        (b"a," + b"x" * 1_000_000, "longer than"),
        (b"," * 100_000 + b"x", "100001 cells"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_and_the_next_goes_on(line: bytes, words: str) -> None:
    first, second = rows(b"email,name\n" + line + b"\nana@example.com,Ana\n")
    assert first[0] == 2
    assert words in first[2]
    assert second == (3, {"email": "ana@example.com", "name": "Ana"}, "")


def test_a_quotation_mark_left_open_says_which_lines_it_swallowed() -> None:
    content = b'email,name\nana@example.com,"Ana\n' + b"kiri@example.com,Kiri\n" * 3000
    found = rows(content)
    assert "Lines 2 to" in found[0][2]
    assert found[-1] == (3002, {"email": "kiri@example.com", "name": "Kiri"}, "")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_any_system_ends_them_and_blank_ones_count(end: str) -> None:
    content = end.join(["email", "ana@example.com", "", "kiri@example.com", ""]).encode()
    assert [row[0] for row in rows(content)] == [2, 4]


def test_a_cell_of_two_lines_keeps_the_count_of_lines() -> None:
    content = b'email,name\nana@example.com,"A\nna"\nkiri@example.com,Kiri\n'
    assert [row[0] for row in rows(content)] == [2, 4]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=20))
def test_what_is_armored_never_runs_and_comes_back(cell: str) -> None:
    assert not armored(cell).startswith(("=", "+", "-", "@", "\t", "\r", "\0"))
    assert disarmed(armored(cell)) == cell


def test_a_cell_of_a_stranger_that_only_looks_armored_stays() -> None:
    assert disarmed("'Ndrangheta") == "'Ndrangheta"


def test_what_is_written_is_read_back() -> None:
    written = io.StringIO(newline="")
    row = {"email": "+ana@example.com", "name": "=HYPERLINK(1)"}
    assert write_csv(written, ("email", "name"), [row]) == 1
    assert "\n'+ana@example.com,'=HYPERLINK(1)" in written.getvalue()
    assert cells(written.getvalue().encode()) == [row]


class Endless(io.RawIOBase):
    """A file of `size` bytes that is never in memory."""

    def __init__(self, size: int, piece: bytes) -> None:
        self._left, self._pieces = size, self._repeat(piece)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = next(self._pieces)[: len(buffer)]
        if self._left <= 0:
            return 0
        self._left -= len(piece)
        buffer[: len(piece)] = piece
        return len(piece)

    @staticmethod
    def _repeat(piece: bytes) -> Iterator[bytes]:
        yield b"email,name\n"
        while True:
            yield piece


@pytest.mark.parametrize("piece", [b"ana@example.com,Ana\n" * 400, b"x" * 8000], ids=["rows", "one line"])
def test_memory_stays_small_however_large_the_file(piece: bytes) -> None:
    _, lines = read_csv(Endless(4_000_000, piece))  # type: ignore[arg-type]
    tracemalloc.start()
    for _ in lines:
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


@given(st.binary(max_size=300), st.sampled_from([b"", b"email,name\n", b'"email";name\r', b"\xff\xfe"]))
def test_whatever_bytes_come_are_read_or_refused_in_words(content: bytes, start: bytes) -> None:
    try:
        found = rows(start + content)
    except UnreadableFile:
        return
    assert all(problem or cells for _, cells, problem in found)
    assert [number for number, _, _ in found] == sorted(number for number, _, _ in found)

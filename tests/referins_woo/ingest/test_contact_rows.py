"""CSV files of contacts as text and as people: whatever program wrote them, and consent by evidence alone."""

from __future__ import annotations

import codecs
from datetime import UTC, datetime

import pytest

from referins_woo.errors import InvalidInput
from referins_woo.ingest.contact_files import columns, rows, table
from referins_woo.ingest.contact_files.rows import Choices, Person, Problem

PLAIN = Choices()
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
KLAVIYO = [
    "Email",
    "First Name",
    "Last Name",
    "Phone Number",
    "Email Marketing Consent",
    "Email Marketing Consent Timestamp",
]
MAILCHIMP = ["Email Address", "First Name", "Last Name", "Phone", "TAGS", "OPTIN_TIME", "LAST_CHANGED"]


def _rows(content: bytes, piece: int = 7) -> list[list[str]]:
    parts = [content[start : start + piece] for start in range(0, len(content), piece)]
    return list(table.rows(parts, table.encoding_of(parts)))


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "content",
    [
        "Email,Name\nada@example.com,Ada Löve\n".encode(),
        "Email,Name\r\nada@example.com,Ada Löve\r\n".encode(),
        "Email,Name\rada@example.com,Ada Löve".encode(),
        codecs.BOM_UTF8 + "Email;Name\r\n\r\nada@example.com;Ada Löve".encode(),
        "Email\tName\nada@example.com\tAda Löve\n".encode("utf-16"),
        "Email,Name\nada@example.com,Ada Löve\n".encode("cp1252"),
        "sep=|\r\nEmail|Name\r\nada@example.com|Ada Löve\r\n".encode(),
        'Email,Name\n ada@example.com ,"Ada Löve"\n\n,\n'.encode(),
    ],
)
def test_any_spreadsheet_is_read_the_same_in_pieces_of_any_size(content: bytes, piece: int) -> None:
    assert _rows(content, piece) == [["Email", "Name"], ["ada@example.com", "Ada Löve"]]


def test_line_breaks_in_quotes_zero_bytes_and_our_own_formula_guard_are_undone() -> None:
    assert _rows(b'Email,Note\na@b.example,"one\r\ntwo"\nc@d.example,\'=1+1\0\n') == [
        ["Email", "Note"],
        ["a@b.example", "one\ntwo"],
        ["c@d.example", "=1+1"],
    ]


def test_a_file_that_is_no_table_says_in_which_line() -> None:
    with pytest.raises(InvalidInput, match="Line 2 of the file cannot be read"):
        _rows(b"Email\n" + b'"' + b"x" * 200_000, 10_000)


@pytest.mark.parametrize(
    ("header", "shape"),
    [
        (KLAVIYO, "klaviyo"),
        (MAILCHIMP, "mailchimp"),
        (["email", "first_name", "consent", "consent_at", "consent_source"], "referins"),
        (["E-Mail", "Vorname"], "other"),
    ],
)
def test_the_shape_is_told_by_the_header(header: list[str], shape: str) -> None:
    assert columns.shape_of(header) == shape
    assert columns.guess(header)["email"] == 0


def _read(header: list[str], cells: list[str], choices: Choices = PLAIN, file: str = "list.csv") -> Person | Problem:
    return rows.read(cells, columns.guess(header), choices, NOW, file)


def _person(header: list[str], cells: list[str], choices: Choices = PLAIN) -> Person:
    found = _read(header, cells, choices)
    assert isinstance(found, Person)
    return found


def test_a_klaviyo_row_with_a_time_is_evidence() -> None:
    person = _person(KLAVIYO, ["Ada@Example.com", "Ada", "Love", "+441", "SUBSCRIBED", "2024-05-01T10:00:00+02:00"])
    assert (person.email, person.email_key, person.name, person.phone) == (
        *("Ada@Example.com", "ada@example.com", "Ada Love", "+441"),
    )
    assert person.word is not None
    assert (person.word.state, person.word.at, person.word.source) == (
        *("subscribed", datetime(2024, 5, 1, 8, 0, tzinfo=UTC), "file list.csv"),
    )


@pytest.mark.parametrize(
    ("consent", "at", "code"),
    [
        ("SUBSCRIBED", "", "no_evidence"),
        ("subscribed", "03/04/2024", "bad_time"),
        ("subscribed", "2027-01-01", "future_time"),
        ("maybe", "2024-01-01", "bad_consent"),
    ],
)
def test_a_yes_without_evidence_is_no_yes_and_says_so(consent: str, at: str, code: str) -> None:
    person = _person(KLAVIYO, ["a@b.example", "", "", "", consent, at])
    assert person.word is None
    assert [problem.code for problem in person.problems] == [code]


@pytest.mark.parametrize("said", ["", "NEVER_SUBSCRIBED", "never subscribed"])
def test_who_never_said_anything_stays_as_they_are(said: str) -> None:
    person = _person(KLAVIYO, ["a@b.example", "", "", "", said, "2024-01-01"])
    assert (person.word, person.problems) == (None, [])


def test_a_no_counts_without_a_time() -> None:
    person = _person(KLAVIYO, ["a@b.example", "", "", "", "Unsubscribed", ""])
    assert person.word is not None
    assert (person.word.state, person.word.at) == ("unsubscribed", NOW)


def test_mailchimp_times_and_tags_are_read_and_what_the_merchant_says_fills_the_rest() -> None:
    row = ["a@b.example", "A", "B", "", '"vip","two words"', "2020-02-03 04:05:06", "2021-01-01 00:00:00"]
    agreed = _person(MAILCHIMP, row, Choices(consent="subscribed", consent_source="old shop", tag="moved"))
    assert agreed.tags == ("vip", "two words", "moved")
    assert agreed.word is not None
    assert (agreed.word.at, agreed.word.source) == (datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC), "old shop")
    left = _person(MAILCHIMP, row, Choices(consent="unsubscribed"))
    assert left.word is not None
    assert left.word.at == datetime(2021, 1, 1, tzinfo=UTC), "when they left, not when they agreed"


@pytest.mark.parametrize(
    ("email", "code"), [("", "no_email"), ("nobody", "bad_email"), ("deleted@site.invalid", "bad_email")]
)
def test_rows_without_a_usable_address_are_refused(email: str, code: str) -> None:
    found = _read(["email"], [email])
    assert isinstance(found, Problem)
    assert found.code == code


def test_a_country_in_words_is_left_out_and_said() -> None:
    header = ["email", "name", "country"]
    person = _person(header, ["a@b.example", "Ada Love Lace", "Germany"])
    assert (person.first_name, person.last_name, person.address) == ("Ada", "Love Lace", {})
    assert [problem.code for problem in person.problems] == ["bad_country"]
    assert _person(header, ["a@b.example", "", "de"]).address == {"country": "DE"}

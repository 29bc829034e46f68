"""Headers and bodies made by hand, held against the standard library's parser."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from referins_woo.mail import headers, mime

WORDS = st.text(max_size=300)
NASTY_WORDS = st.one_of(
    WORDS,
    st.text(alphabet='=?utf8bQq_\r\n\t\0 "\\<>@,;:.()aé\u202e\ud800😀', max_size=200),
    st.text(alphabet="aé😀", min_size=200, max_size=5_000),
)


def letter(**changes: Any) -> mime.Letter:
    fields: dict[str, Any] = {
        "from_name": "Café",
        "from_address": "no-reply@example.com",
        "to_name": "Ada",
        "to_address": "ada@example.com",
        "subject": "Hello",
        "html": "<p>Hello</p>",
        "text": "Hello",
        "message_id": "<1.abc@example.com>",
        "date": datetime(2026, 11, 21, tzinfo=UTC),
    }
    return mime.Letter(**(fields | changes))


def parsed(content: bytes) -> EmailMessage:
    return cast(EmailMessage, email.message_from_bytes(content, policy=email.policy.default))


def head_of(content: bytes) -> list[bytes]:
    return content.partition(b"\r\n\r\n")[0].split(b"\r\n")


def shown_in(content: bytes, name: bytes) -> str:
    """The shown name of an address header. (Python 3.11 keeps the spaces between encoded words of a name: not used.)"""
    found = re.search(rb"(?m)^" + name + rb": ((?:.*\r\n[ ])*.*)<[^<>]*>\r$", content)
    assert found is not None
    raw = found[1].decode("ascii").replace("\r\n", "").strip()
    if raw.startswith('"'):
        assert raw.endswith('"')
        return re.sub(r"\\(.)", r"\1", raw[1:-1])
    return str(make_header(decode_header(raw)))


def body_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n").removesuffix("\n")


@settings(max_examples=300, deadline=None)
@given(name=NASTY_WORDS, subject=NASTY_WORDS, to_name=NASTY_WORDS)
@example(name="=?utf-8?q?=0a?=", subject="=?utf-8?q?=0aBcc:x?=", to_name="a\r\nBcc: x@example.com")
@example(name='O"Hara\\', subject="x" * 3_000, to_name="a, b <c@example.com>")
@example(name="é" * 3_000, subject="\u202egnp.exe", to_name="\ud800")
def test_no_word_adds_a_header_or_leaves_its_own(name: str, subject: str, to_name: str) -> None:
    content = mime.build(letter(from_name=name, subject=subject, to_name=to_name))
    head = head_of(content)
    assert all(re.fullmatch(rb"[A-Z][A-Za-z-]*: .*|[ ].+", line) for line in head), head
    assert all(len(line) <= 998 for line in head)
    assert all(byte == 9 or 32 <= byte < 127 for line in head for byte in line)
    message = parsed(content)
    assert list(message) == [
        *("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"),
    ]
    assert not message.defects
    assert message["from"].addresses[0].addr_spec == "no-reply@example.com"
    assert [one.addr_spec for one in message["to"].addresses] == ["ada@example.com"]
    assert message["subject"] == headers.one_line(subject)
    assert shown_in(content, b"From") == headers.one_line(name, headers.MOST_NAME)
    assert shown_in(content, b"To") == headers.one_line(to_name, headers.MOST_NAME)


@settings(max_examples=300, deadline=None)
@given(text=NASTY_WORDS, html=NASTY_WORDS)
@example(text=".\r\n.\r\nQUIT\r\n", html="--=_referins_alternative--\r\n")
@example(text="From here\n" + "long " * 1_000, html="a \t \nb\t\n\n\n")
@example(text="\r", html="a\rb\r\n\rc")
def test_bodies_come_back_as_they_went_in(text: str, html: str) -> None:
    content = mime.build(letter(text=text, html=html))
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))
    assert b"\r\n.\r\n" not in content
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content)
    assert max(content, default=0) < 128
    message = parsed(content)
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    for kind, words in (("plain", text), ("html", html)):
        expected = words.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
        assert body_of(message, kind) == expected.removesuffix("\n") or body_of(message, kind) == expected


@given(name=NASTY_WORDS)
def test_an_encoded_word_is_short_and_whole(name: str) -> None:
    for line in headers.text("Subject", name + "é").split(b"\r\n"):
        for word in re.findall(rb"=\?[^ ]+\?=", line):
            assert len(word) <= 75
            assert len(line) <= 76
            decode_header(word.decode())[0][0].decode("utf-8")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "a@",
        "@example.com",
        "a@example.com\r\nRCPT TO:<x@example.com>",
        "a@example.com>",
        "<a@example.com>",
        "a b@example.com",
        "a@exa mple.com",
        "a@example.com,b@example.com",
        "a\0@example.com",
        '"a"@example.com',
        "ä@example.com",
        "a" * 250 + "@example.com",
        "a@-example.com",
        "a\u202e@example.com",
        "=?utf-8?q?a=0a?=@exam ple.com",
    ],
)
def test_an_address_that_smtp_cannot_carry_is_refused(address: str) -> None:
    with pytest.raises(headers.BadAddress):
        headers.bare_address(address)


@settings(max_examples=300)
@given(st.text(alphabet='a@.<>\r\n\0 ,;:"\\é=?', max_size=40))
def test_no_address_ever_carries_a_second_one(address: str) -> None:
    try:
        bare = headers.bare_address(address)
    except headers.BadAddress:
        return
    assert re.fullmatch(r"[^\s<>,;:\"\\\x00@]+@[a-zA-Z0-9.-]+", bare)


def test_international_domains_become_punycode_and_plus_addresses_stay() -> None:
    assert headers.bare_address("info@bücher.example") == "info@xn--bcher-kva.example"
    assert headers.bare_address(" ada+shop.1@Example.com ") == "ada+shop.1@Example.com"


def test_our_own_headers_are_one_line_of_ascii() -> None:
    for value in ("a\r\nBcc: x", "é", "a\0", "x" * 2_000):
        with pytest.raises(ValueError, match="printable ASCII"):
            headers.plain("List-Id", value)
    with pytest.raises(ValueError, match="printable ASCII"):
        mime.build(letter(message_id="<a>\r\nBcc: x"))


def test_a_reply_address_stands_in_its_header() -> None:
    message = parsed(mime.build(letter(reply_to="shop@example.com", further=(("List-Id", "<a.example.com>"),))))
    assert message["reply-to"] == "shop@example.com"
    assert message["list-id"] == "<a.example.com>"
    assert message["date"].datetime == datetime(2026, 11, 21, tzinfo=UTC)

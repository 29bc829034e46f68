"""SPF, DKIM and DMARC of a domain, asked of a resolver of the test's own."""

from __future__ import annotations

import base64

import dns.exception
import dns.resolver
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from referins_woo.mail import dns as asked
from referins_woo.mail import domain as d
from referins_woo.mail.dns import NoAnswer, SystemResolver

WAY = d.Sending("example.com", "include:spf.mtasv.net", "Postmark")


class Answers:
    """TXT records by name; a name that is None does not answer."""

    def __init__(self, **records: list[str] | None) -> None:
        self.records: dict[str, list[str] | None] = {name.replace("__", "."): texts for name, texts in records.items()}
        self.names: list[str] = []

    def texts(self, name: str) -> list[str]:
        self.names.append(name)
        found = self.records.get(name, [])
        if found is None:
            raise NoAnswer("no answer")
        return found


def key(bits: int) -> str:
    public = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


KEY = key(1024)


def test_a_domain_in_order_is_good_all_over() -> None:
    answers = Answers()
    answers.records = {
        "_referins.example.com": ["something else", "referins-verification=abc"],
        "example.com": ["google-site=1", "v=spf1 include:spf.mtasv.net ~all"],
        "pm._domainkey.example.com": [f"v=DKIM1; k=rsa; p={KEY}"],
        "_dmarc.example.com": ["v=DMARC1; p=quarantine"],
    }
    found = d.examine("example.com", "abc", "pm", WAY, answers)
    assert {one.key: one.state for one in found} == dict.fromkeys(("proof", "spf", "dkim", "dmarc"), d.GOOD)
    assert d.is_proven(found) is True


def test_an_empty_domain_gets_the_records_to_copy() -> None:
    found = {one.key: one for one in d.examine("example.com", "abc", "", WAY, Answers())}
    assert found["proof"].record == d.Record("TXT", "_referins.example.com", "referins-verification=abc")
    assert found["spf"].record == d.Record("TXT", "example.com", "v=spf1 include:spf.mtasv.net ~all")
    assert found["dmarc"].record == d.Record(
        "TXT", "_dmarc.example.com", "v=DMARC1; p=none; rua=mailto:dmarc@example.com"
    )
    assert (found["dkim"].state, found["dkim"].record) == (d.UNSURE, None)
    assert d.is_proven(list(found.values())) is False


def test_a_silent_dns_is_no_finding_and_takes_no_proof_away() -> None:
    answers = Answers()
    answers.records = dict.fromkeys(("_referins.example.com", "example.com", "s._domainkey.example.com"))
    answers.records["_dmarc.example.com"] = None
    found = d.examine("example.com", "abc", "s", WAY, answers)
    assert [one.state for one in found] == [d.UNKNOWN] * 4
    assert d.is_proven(found) is None


@pytest.mark.parametrize(
    ("texts", "state", "proposed"),
    [
        (["v=spf1 +all"], d.WRONG, None),
        (["v=spf1 a ~all", "v=spf1 mx ~all"], d.WRONG, None),
        (["v=spf1 " + " ".join(f"include:s{n}.example" for n in range(11)) + " ~all"], d.WRONG, None),
        (["v=spf1 mx -all"], d.UNSURE, "v=spf1 mx include:spf.mtasv.net -all"),
        (["v=spf1 mx redirect=x.example"], d.UNSURE, "v=spf1 mx include:spf.mtasv.net redirect=x.example"),
        (["v=spf1 mx"], d.UNSURE, "v=spf1 mx include:spf.mtasv.net"),
        (["V=SPF1 Include:spf.mtasv.net ?all"], d.GOOD, None),
        (["v=spf10 mx"], d.MISSING, "v=spf1 include:spf.mtasv.net ~all"),
    ],
)
def test_spf(texts: list[str], state: str, proposed: str | None) -> None:
    found = d.spf("example.com", WAY, texts)
    assert (found.state, found.record.value if found.record else None) == (state, proposed)


def test_spf_is_asked_of_the_domain_that_bounces_go_to() -> None:
    found = d.spf("shop.example", WAY, [])
    assert (found.state, found.record) == (d.GOOD, None)
    assert "example.com" in found.says and "DKIM" in found.says
    assert d.spf("example.com", d.Sending("bounces.example.com", "", "x"), []).state == d.MISSING


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (f"v=DKIM1; k=rsa; p={KEY}", d.GOOD),
        (f"p={KEY[:60]} {KEY[60:]}", d.GOOD),
        ("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", d.GOOD),
        (f"v=DKIM1; t=y; p={KEY}", d.UNSURE),
        ("v=DKIM1; p=", d.WRONG),
        ("v=DKIM1; p=AAAA", d.WRONG),
        ("v=DKIM2; p=AAAA", d.WRONG),
    ],
)
def test_dkim(record: str, state: str) -> None:
    assert d.dkim("example.com", "s", WAY, [record]).state == state


def test_dkim_without_a_record_names_where_it_was_looked_for() -> None:
    found = d.dkim("example.com", "s1", WAY, [])
    assert found.state == d.MISSING
    assert "s1._domainkey.example.com" in found.says


@pytest.mark.parametrize(
    ("texts", "state"),
    [
        (["v=DMARC1; p=none"], d.GOOD),
        (["v=DMARC1;p=reject; rua=mailto:a@b.example"], d.GOOD),
        (["v=DMARC1; rua=mailto:a@b.example"], d.WRONG),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], d.WRONG),
        (["v=spf1 -all"], d.MISSING),
    ],
)
def test_dmarc(texts: list[str], state: str) -> None:
    assert d.dmarc("example.com", "example.com", texts).state == state


def test_dmarc_of_the_domain_above_holds_below() -> None:
    answers = Answers()
    answers.records = {"_dmarc.example.com": ["v=DMARC1; p=reject"]}
    found = {one.key: one for one in d.examine("news.example.com", "x", "", WAY, answers)}
    assert found["dmarc"].state == d.GOOD
    assert "example.com" in found["dmarc"].says
    assert "_dmarc.com" not in answers.names


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (" Example.COM. ", "example.com"),
        ("käse.de", "xn--kse-qla.de"),
        ("localhost", ""),
        ("https://example.com", ""),
        ("a..b", ""),
        ("-a.com", ""),
        ("1.2.3.4", ""),
        ("x" * 300, ""),
    ],
)
def test_a_domain_is_read_as_people_type_it(typed: str, expected: str) -> None:
    assert d.usable(typed) == expected


def test_a_selector_is_read_as_it_is_shown() -> None:
    assert d.usable_selector("S1._domainkey.example.com") == "s1"
    assert d.usable_selector("") == ""
    assert d.usable_selector("a b") is None


@pytest.mark.parametrize("error", [dns.exception.Timeout(), dns.resolver.NoNameservers(), OSError("no network")])
def test_the_system_resolver_names_what_it_could_not_learn(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    seconds = []

    def resolve(*_: object, lifetime: float, **__: object) -> None:
        seconds.append(lifetime)
        raise error

    monkeypatch.setattr(dns.resolver, "resolve", resolve)
    with pytest.raises(NoAnswer, match=r"example\.com"):
        SystemResolver().texts("example.com")
    assert seconds == [asked.SECONDS]


def test_a_name_without_texts_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> None:
        raise dns.resolver.NXDOMAIN

    monkeypatch.setattr(dns.resolver, "resolve", resolve)
    assert SystemResolver().texts("example.com") == []

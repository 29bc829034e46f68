"""Whether receivers can believe that e-mails come from a domain: SPF, DKIM and DMARC, looked up and explained (E6).

`examine` asks the resolver, at most a handful of questions; all judging is pure. What is proposed is a whole record,
with what the domain has already.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from referins_woo.mail.dns import NoAnswer, Resolver

GOOD: Final = "good"
MISSING: Final = "missing"
WRONG: Final = "wrong"
UNSURE: Final = "unsure"
"""Works, perhaps: somebody should look."""
UNKNOWN: Final = "unknown"
"""Nothing was learnt."""

_PROOF: Final = "referins-verification="
_SELECTOR: Final = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")
_DOMAIN: Final = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")
_MOST_LOOKUPS: Final = 10
_WEAK_BITS: Final = 1024


@dataclass(frozen=True, slots=True)
class Record:
    """A record to copy into the DNS."""

    kind: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing, and what to do."""

    key: str
    state: str
    says: str
    found: tuple[str, ...] = ()
    record: Record | None = None

    def as_json(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self) | {"found": list(self.found)}


@dataclass(frozen=True, slots=True)
class Sending:
    """How e-mails of this installation leave: what SPF of a domain must allow."""

    envelope_domain: str
    """Where what comes back goes; SPF is asked of it."""
    mechanism: str
    """What lets our server in, like `include:spf.mtasv.net` or `a:mail.example.com`; empty: not known."""
    signer: str
    """Who signs, in words."""


def usable(text: str) -> str:
    """Return a domain as it is looked up, in ASCII and small letters; "" for what is none."""
    text = text.strip().rstrip(".").lower()
    try:
        ascii_ = text.encode("idna").decode("ascii") if not text.isascii() else text
    except UnicodeError:
        return ""
    return ascii_ if _DOMAIN.fullmatch(ascii_) else ""


def usable_selector(text: str) -> str | None:
    """Return a DKIM selector as it is looked up; None for what is none. `s1._domainkey.example.com` is understood."""
    text = text.strip().lower().partition("._domainkey")[0]
    return text if not text or _SELECTOR.fullmatch(text) else None


def proof_record(domain: str, proof: str) -> Record:
    """Return the record that shows whose the domain is."""
    return Record("TXT", f"_referins.{domain}", _PROOF + proof)


def examine(domain: str, proof: str, selector: str, sending: Sending, resolver: Resolver) -> list[Finding]:
    """Look everything up, side by side: somebody waits. Never raises: what the DNS does not answer is UNKNOWN."""
    looks: dict[str, Callable[[], Finding]] = {
        "proof": lambda: _proof(domain, proof, resolver.texts(f"_referins.{domain}")),
        "spf": lambda: spf(domain, sending, resolver.texts(domain)),
        "dkim": lambda: dkim(domain, selector, sending, _key(domain, selector, resolver)),
        "dmarc": lambda: _dmarc(domain, resolver),
    }
    with ThreadPoolExecutor(len(looks)) as threads:
        return list(threads.map(_asked, looks, looks.values()))


def is_proven(findings: list[Finding]) -> bool | None:
    """Whether the domain was shown to be the account's; None where the DNS did not say."""
    state = next((one.state for one in findings if one.key == "proof"), UNKNOWN)
    return None if state == UNKNOWN else state == GOOD


def spf(domain: str, sending: Sending, texts: list[str]) -> Finding:
    """Judge the SPF record among the domain's texts (RFC 7208)."""
    found = tuple(text for text in texts if text.lower().split(" ")[0] == "v=spf1")
    ours = domain == sending.envelope_domain or sending.envelope_domain.endswith(f".{domain}")
    if not ours:
        return Finding(
            "spf",
            GOOD,
            f"Receivers ask {sending.envelope_domain}, where what comes back goes, and not your domain: there is "
            "nothing to add. For DMARC it is DKIM that counts.",
            found,
        )
    wanted = f"v=spf1 {sending.mechanism} ~all".replace("  ", " ")
    if not found:
        return Finding(
            "spf",
            MISSING,
            "No record says which servers may send for your domain.",
            record=Record("TXT", domain, wanted),
        )
    if len(found) > 1:
        return Finding(
            "spf",
            WRONG,
            "There is more than one SPF record, so that receivers ignore all of them: make one of them.",
            found,
        )
    words = found[0].lower().split()
    if "+all" in words or "all" in words:
        return Finding("spf", WRONG, "It lets every server in the world send for your domain: end it with ~all.", found)
    asks = sum(1 for word in words if re.match(r"[+?~-]?(include:|a\b|mx\b|ptr\b|exists:)|redirect=", word))
    if asks > _MOST_LOOKUPS:
        return Finding(
            "spf", WRONG, f"It asks for {asks} further look-ups; receivers give up after {_MOST_LOOKUPS}.", found
        )
    if sending.mechanism and sending.mechanism.lower() not in [word.lstrip("+") for word in words]:
        parts = found[0].split()
        at = next(
            (n for n, word in enumerate(parts) if re.fullmatch(r"[?~-]?all|redirect=.*", word.lower())), len(parts)
        )
        return Finding(
            "spf",
            UNSURE,
            f"It does not name {sending.mechanism}. Unless one of its other entries covers our mail server, add it.",
            found,
            Record("TXT", domain, " ".join([*parts[:at], sending.mechanism, *parts[at:]])),
        )
    return Finding("spf", GOOD, "It names our mail server.", found)


def dkim(domain: str, selector: str, sending: Sending, texts: list[str] | None) -> Finding:
    """Judge the key of the signature (RFC 6376). None: no selector is known."""
    if texts is None:
        return Finding(
            "dkim",
            UNSURE,
            f"{sending.signer} signs e-mails with a key. Type its selector above (it is shown there beside the record, "
            "and in a sent e-mail as s= under DKIM-Signature), and it is looked up here.",
        )
    name = f"{selector}._domainkey.{domain}"
    if not texts:
        return Finding(
            "dkim",
            MISSING,
            f"There is no key at {name}: {sending.signer} shows the record to copy, or the selector is another.",
        )
    tags = _tags(texts[0])
    said = (texts[0],)
    if tags.get("v", "DKIM1") != "DKIM1":
        return Finding(
            "dkim", WRONG, "The record is of no version that receivers know: it must begin with v=DKIM1.", said
        )
    if not tags.get("p"):
        return Finding("dkim", WRONG, "The key was taken back (p= is empty): receivers refuse its signatures.", said)
    bits = _bits(tags["p"]) if tags.get("k", "rsa") == "rsa" else None
    if bits == 0:
        return Finding("dkim", WRONG, "The key cannot be read: copy the record again, in one piece.", said)
    if bits is not None and bits < _WEAK_BITS:
        return Finding("dkim", WRONG, f"The key has {bits} bits; receivers ignore less than {_WEAK_BITS}.", said)
    if "y" in tags.get("t", "").split(":"):
        return Finding("dkim", UNSURE, "The key says that it is being tried out (t=y): receivers may ignore it.", said)
    return Finding("dkim", GOOD, "Receivers can check the signature with this key.", said)


def dmarc(domain: str, at: str, texts: list[str]) -> Finding:
    """Judge the DMARC record found at `at`, the domain itself or one above it (RFC 7489)."""
    found = tuple(text for text in texts if re.match(r"v\s*=\s*DMARC1\b", text))
    if not found:
        record = Record("TXT", f"_dmarc.{domain}", f"v=DMARC1; p=none; rua=mailto:dmarc@{domain}")
        return Finding(
            "dmarc",
            MISSING,
            "Gmail and Yahoo ask every sender of newsletters for it. This one changes nothing yet: reports are mailed "
            "to you. Once they look right, write p=quarantine.",
            record=record,
        )
    if len(found) > 1:
        return Finding("dmarc", WRONG, "There is more than one DMARC record: receivers ignore all of them.", found)
    policy = _tags(found[0]).get("p", "").lower()
    above = "" if at == domain else f" It is that of {at}, which holds for this domain too."
    if policy not in ("none", "quarantine", "reject"):
        return Finding(
            "dmarc", WRONG, "It says no policy: p=none, p=quarantine or p=reject must follow v=DMARC1.", found
        )
    words = {
        "none": "It asks for reports and refuses nothing: enough for Gmail and Yahoo, p=quarantine protects better.",
        "quarantine": "What only pretends to come from you goes to spam.",
        "reject": "What only pretends to come from you is refused.",
    }
    return Finding("dmarc", GOOD, words[policy] + above, found)


def _asked(key: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except NoAnswer:
        return Finding(key, UNKNOWN, "The DNS did not answer in time. Try again in a minute.")


def _proof(domain: str, proof: str, texts: list[str]) -> Finding:
    record = proof_record(domain, proof)
    if record.value in [text.strip() for text in texts]:
        return Finding("proof", GOOD, "The domain is yours: your addresses there can be senders.", (record.value,))
    return Finding(
        "proof",
        MISSING,
        "This record shows that the domain is yours. Until it is found, e-mails keep coming from our own address.",
        tuple(texts),
        record,
    )


def _key(domain: str, selector: str, resolver: Resolver) -> list[str] | None:
    return resolver.texts(f"{selector}._domainkey.{domain}") if selector else None


def _dmarc(domain: str, resolver: Resolver) -> Finding:
    """The record of the domain, else of the nearest one above it that has one."""
    labels = domain.split(".")
    for cut in range(max(1, len(labels) - 1)):
        at = ".".join(labels[cut:])
        texts = resolver.texts(f"_dmarc.{at}")
        if any(text.startswith("v") and "DMARC1" in text for text in texts):
            return dmarc(domain, at, texts)
    return dmarc(domain, domain, [])


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip(): "".join(value.split()) for name, _, value in pairs if name.strip()}


def _bits(key: str) -> int:
    """The length of an RSA key; 0: it cannot be read."""
    try:
        loaded = load_der_public_key(base64.b64decode(key, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return 0
    return loaded.key_size if isinstance(loaded, RSAPublicKey) else 0

"""Looks names up in the DNS, with a time limit. A Protocol, because tests have answers of their own."""

from __future__ import annotations

from typing import Final, Protocol

from referins_woo.errors import ReferinsError

SECONDS: Final = 3.0
"""For one question, all its repetitions included."""
_MOST: Final = 20
_LONGEST: Final = 4_000


class NoAnswer(ReferinsError):
    """The DNS could not be asked, or did not answer in time: nothing is known."""


class Resolver(Protocol):
    """The system's, or a test's."""

    def texts(self, name: str) -> list[str]:
        """Return the TXT records of `name`, each as one text; none where the name has none. Raises NoAnswer."""


class SystemResolver:
    """The resolver that this machine uses."""

    def texts(self, name: str) -> list[str]:
        """Return the TXT records of `name`. Raises NoAnswer."""
        import dns.exception  # noqa: PLC0415  (2 MB of every process that could ask, and hardly one does)
        import dns.resolver  # noqa: PLC0415

        try:
            answer = dns.resolver.resolve(name, "TXT", lifetime=SECONDS, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise NoAnswer(f"The DNS did not answer for {name}: {type(error).__name__}") from None
        return [b"".join(record.strings).decode("utf-8", "replace")[:_LONGEST] for record in answer][:_MOST]

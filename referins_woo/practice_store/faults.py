"""Switches for faults: every way in which real stores and their hosts go wrong, to be turned on by path and count.

`KINDS` is the one table of them. A fault has a stage: `instead` answers in place of the store, `after` changes the
store's answer, `state` is a condition that others ask for, `webhook` touches deliveries.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from referins_woo.errors import ReferinsError
from referins_woo.practice_store import fault_answers as answers
from referins_woo.practice_store.exchange import Incoming, Reply, html_reply


class UnknownFault(ReferinsError):
    """There is no fault of that kind."""


@dataclass(slots=True)
class Fault:
    """A fault that is on. `count` None stays until cleared; `seconds`, `number` and `status` are what it works with.

    `until` is the moment on the monotonic clock at which it ends by itself.
    """

    kind: str
    path: str
    method: str
    count: int | None
    seconds: float
    number: int
    status: int
    until: float | None = None
    id: int = 0
    hits: int = 0
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        self.pattern = re.compile(self.path)

    def left(self) -> str:
        """Say how long it stays on."""
        if self.until is not None:
            return f"{max(self.until - time.monotonic(), 0):.0f} s"
        return "always" if self.count is None else str(self.count - self.hits)

    def meets(self, incoming: Incoming) -> bool:
        """Whether this request falls under the fault."""
        fits = not self.method or self.method.upper() == incoming.method
        return fits and self.pattern.search(incoming.path) is not None


@dataclass(frozen=True, slots=True)
class Kind:
    """One entry of the table. Where no path is given, it meets the API, or the `whole_site` but its controls."""

    name: str
    label: str
    stage: str
    answer: Callable[[Fault, Incoming], Reply] | None = None
    change: Callable[[Fault, Incoming, Reply], Reply] | None = None
    uses: str = ""
    whole_site: bool = False


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("status", "Answer with a status", "instead", answers.any_status, uses="status"),
        Kind(
            *("unauthorized", "401: the key is refused", "instead"),
            answers.rest(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources."),
        ),
        Kind(
            *("forbidden", "403: the key's user lacks the right", "instead"),
            answers.rest(403, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources."),
        ),
        Kind(
            "firewall", "403: a firewall's page", "instead", lambda fault, incoming: html_reply(403, answers.FIREWALL)
        ),
        Kind(
            *("no_route", "404: no such route", "instead"),
            answers.rest(404, "rest_no_route", "No route was found matching the URL and request method."),
        ),
        Kind("rate_limit", "429 with Retry-After", "instead", answers.too_many, uses="seconds"),
        Kind("server_error", "500: a critical error", "instead", answers.fatal),
        Kind(
            "maintenance", "503: maintenance", "instead", answers.maintenance, uses="seconds, number", whole_site=True
        ),
        Kind("database_down", "500: the database is away", "instead", answers.no_database, whole_site=True),
        Kind("order_breaks", "500: a plugin breaks while orders are prepared", "state"),
        Kind("bad_gateway", "502: PHP is gone", "instead", answers.web_server(502, "502 Bad Gateway"), whole_site=True),
        Kind(
            "html_ok",
            "200 with a page instead of JSON",
            "instead",
            lambda f, i: html_reply(
                200, "<!doctype html><html><head><title>Welcome</title></head><body>Welcome</body></html>"
            ),
        ),
        Kind("reset", "The connection is dropped", "instead", lambda fault, incoming: Reply(0, reset=True)),
        Kind(
            "empty_body",
            "200 with an empty body",
            "instead",
            lambda f, i: Reply(200, [("Content-Type", "application/json; charset=UTF-8")]),
        ),
        Kind("page_limit", "500 for more than N rows a page", "instead", uses="number"),
        Kind("latency", "Every answer takes longer", "after", uses="seconds"),
        Kind("truncated", "The JSON breaks off", "after", change=answers.cut),
        Kind("truncated_json", "The JSON breaks off, with a length that fits", "after", change=answers.half_of_json),
        Kind("object_rows", "A list comes as an object with numbers", "after", change=answers.numbered),
        Kind("false_gzip", "Said to be packed, and is not", "after", change=answers.said_to_be_packed),
        Kind("packed_unsaid", "Packed, and not said to be", "after", change=answers.packed_unsaid),
        Kind("gzip_bomb", "2 MB that unpack to 2 GB", "after", change=answers.bomb),
        Kind("drip", "The body comes byte by byte", "after", change=answers.dripping, uses="seconds"),
        Kind(
            "order_poison",
            "500 for every answer that holds order N",
            "after",
            change=answers.without_one,
            uses="number",
        ),
        Kind("nameless", "455: only who names a User-Agent is let in", "after", change=answers.nameless),
        Kind("empty_list", "A list is empty for once", "after", change=answers.transient_list),
        Kind("short_page", "A page lacks its last rows", "after", change=answers.short_page, uses="number"),
        Kind("php_warning", "PHP warnings before the JSON", "after", change=answers.warned),
        Kind("php_warning_rows", "A PHP warning for each order before the JSON", "after", change=answers.warned_rows),
        Kind(
            "bom",
            "A byte order mark and N blank lines before the JSON",
            "after",
            change=lambda f, i, r: answers.with_body(r, b"\xef\xbb\xbf" + b"\r\n" * f.number + r.body),
            uses="number",
        ),
        Kind("invalid_utf8", "Broken letters in the JSON", "after", change=answers.broken_letters),
        Kind("wrong_total", "X-WP-Total is wrong", "after", change=answers.wrong_total, uses="number"),
        Kind("clock_skew", "The store's clock is wrong", "state", uses="seconds", whole_site=True),
        Kind("repeat_page", "Every page is the first one", "state"),
        Kind("no_filter", "modified_after is ignored, as before WooCommerce 5.8", "state"),
        Kind("strip_authorization", "The host drops the Authorization header", "state"),
        Kind("moved", "404: another site is at this address", "instead", answers.other_site, whole_site=True),
        Kind("plain_permalinks", "Plain permalinks: no /wp-json/", "state", whole_site=True),
        Kind("plugin_off", "WooCommerce is switched off", "state", whole_site=True),
        Kind("coming_soon", "The shop is not open yet: its pages say so, the API works", "state", whole_site=True),
        Kind("rest_closed", "A plugin closes the API to the anonymous", "state"),
        Kind("keys_revoked", "All keys are unknown", "state"),
        Kind("keys_read_only", "All keys may only read", "state"),
        Kind("webhooks_dropped", "Webhook deliveries are lost", "webhook"),
        Kind("webhooks_duplicated", "Webhook deliveries come twice", "webhook"),
        Kind("webhooks_delayed", "Webhook deliveries come late", "webhook", uses="seconds"),
    )
}
"""Every fault: its name, label, stage, and which of seconds, number and status it uses."""


class Faults:
    """The faults that are on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on: list[Fault] = []
        self._last = 0

    def add(
        self,
        kind: str,
        *,
        count: int | None = None,
        path: str = "",
        method: str = "",
        seconds: float = 0.0,
        number: int = 0,
        status: int = 500,
        lasts: float | None = None,
    ) -> Fault:
        """Switch a fault on, for `lasts` seconds where that is given. Raises UnknownFault."""
        if kind not in KINDS:
            raise UnknownFault(f"There is no fault {kind!r}: choose one of {', '.join(KINDS)}")
        path = path or ("^/(?!practice)" if KINDS[kind].whole_site else "^/wp-json/")
        with self._lock:
            self._last += 1
            until = time.monotonic() + lasts if lasts else None
            fault = Fault(kind, path, method, count, seconds, number, status, until, self._last)
            self._on.append(fault)
            return fault

    def clear(self, kind: str | None = None) -> None:
        """Switch all faults off, or those of a kind."""
        with self._lock:
            self._on = [fault for fault in self._on if kind is not None and fault.kind != kind]

    def listed(self) -> list[Fault]:
        """Return the faults that are on."""
        moment = time.monotonic()
        with self._lock:
            self._on = [fault for fault in self._on if fault.until is None or fault.until > moment]
            return list(self._on)

    def state(self, kind: str, incoming: Incoming) -> bool:
        """Whether a condition holds for this request; a counted one is used up by asking."""
        return self._hit(lambda fault: fault.kind == kind and fault.meets(incoming)) is not None

    def instead(self, incoming: Incoming) -> Reply | None:
        """Return the answer of the first fault that answers in the store's place, or None."""
        for fault in self.listed():
            kind = KINDS[fault.kind]
            if kind.stage != "instead" or not fault.meets(incoming):
                continue
            if fault.kind == "page_limit":
                reply = answers.large_pages(fault, incoming)
                if reply is not None and self._use(fault):
                    return reply
            elif kind.answer is not None and self._use(fault):
                return kind.answer(fault, incoming)
        return None

    def change(self, incoming: Incoming, reply: Reply) -> Reply:
        """Return the answer as the faults leave it; slow ones sleep here."""
        for fault in self.listed():
            kind = KINDS[fault.kind]
            if kind.stage != "after" or not fault.meets(incoming) or not self._use(fault):
                continue
            if fault.kind == "latency":
                time.sleep(fault.seconds)
            elif kind.change is not None:
                reply = kind.change(fault, incoming, reply)
        return reply

    def clock_skew(self) -> float:
        """Return by how many seconds the store's clock is wrong, for whoever asks: a path does not matter here."""
        return sum(fault.seconds for fault in self.listed() if fault.kind == "clock_skew")

    def webhook_copies(self) -> int:
        """Return how often the next delivery is sent: 0, 1 or 2 times."""
        if self._hit(lambda fault: fault.kind == "webhooks_dropped"):
            return 0
        return 2 if self._hit(lambda fault: fault.kind == "webhooks_duplicated") else 1

    def webhook_delay(self) -> float:
        """Return by how many seconds the next delivery is late."""
        fault = self._hit(lambda fault: fault.kind == "webhooks_delayed")
        return fault.seconds if fault else 0.0

    def _hit(self, fits: Callable[[Fault], bool]) -> Fault | None:
        fault = next((fault for fault in self.listed() if fits(fault)), None)
        return fault if fault is not None and self._use(fault) else None

    def _use(self, fault: Fault) -> bool:
        """Count a hit; False where the fault was used up meanwhile."""
        with self._lock:
            if fault not in self._on:
                return False
            fault.hits += 1
            if fault.count is not None and fault.hits >= fault.count:
                self._on.remove(fault)
            return True

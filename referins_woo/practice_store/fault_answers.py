"""What faults answer, and how they change the store's answers: with the bodies that real stores were seen to send."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import orjson

from referins_woo import clock
from referins_woo.practice_store.exchange import UNCACHED, Incoming, Reply, die_reply, html_reply, json_reply

if TYPE_CHECKING:
    from referins_woo.practice_store.faults import Fault

CRITICAL = (
    '<p>There has been a critical error on this website.</p><p><a href="https://wordpress.org/documentation/article/'
    'faq-troubleshooting/">Learn more about troubleshooting WordPress.</a></p>'
)
BROKEN = {
    "code": "internal_server_error",
    "message": CRITICAL,
    "data": {
        "status": 500,
        "error": {
            "type": 1,
            "message": "Uncaught Error: Call to undefined function broken_plugin()",
            "file": "/var/www/html/wp-content/plugins/x.php",
            "line": 3,
        },
    },
    "additional_errors": [],
}
"""What PHP answers when a plugin fails: those who asked for JSON get it (fact 70)."""

WARNING = (
    b"<br />\n<b>Warning</b>:  Undefined array key in <b>/var/www/html/wp-content/plugins/x.php</b> "
    b"on line <b>3</b><br />\n"
)
NGINX = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
FIREWALL = (
    "<!DOCTYPE html><html><head><title>Access denied</title></head><body><h1>403 Forbidden</h1>"
    "<p>Your request was blocked by the security rules of this site.</p></body></html>"
)


def rest(status: int, code: str, message: str) -> Callable[[Fault, Incoming], Reply]:
    return lambda fault, incoming: json_reply(status, {"code": code, "message": message, "data": {"status": status}})


def any_status(fault: Fault, incoming: Incoming) -> Reply:
    code = {401: "woocommerce_rest_cannot_view", 404: "rest_no_route", 429: "too_many_requests"}
    body = {"code": code.get(fault.status, "practice_fault"), "message": f"Practice fault {fault.status}."}
    return json_reply(fault.status, {**body, "data": {"status": fault.status}})


def too_many(fault: Fault, incoming: Incoming) -> Reply:
    wait = str(int(fault.seconds)) if fault.seconds else "2"
    body = {"code": "too_many_requests", "message": "Too many requests.", "data": {"status": 429}}
    return json_reply(429, body, [("Retry-After", wait)])


def fatal(fault: Fault, incoming: Incoming) -> Reply:
    if incoming.wants_json:
        return json_reply(500, BROKEN, list(UNCACHED))
    return die_reply(incoming, 500, CRITICAL)


def maintenance(fault: Fault, incoming: Incoming) -> Reply:
    words = "Briefly unavailable for scheduled maintenance. Check back in a minute."
    wait = str(int(fault.seconds) or 600)
    if fault.number:
        wait = format_datetime(clock.now() + timedelta(seconds=int(wait)), usegmt=True)
    return die_reply(incoming, 503, words, [("Retry-After", wait)])


def other_site(fault: Fault, incoming: Incoming) -> Reply:
    page = (
        "<!doctype html><html><head><title>Bellweather Bakery</title></head><body><h1>Page not found</h1></body></html>"
    )
    return html_reply(404, page)


def no_database(fault: Fault, incoming: Incoming) -> Reply:
    return die_reply(incoming, 500, "<h1>Error establishing a database connection</h1>")


def warned(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    """Put a warning before the body."""
    return with_body(reply, WARNING + reply.body)


def warned_rows(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    """Put a warning before the JSON for each order in it: that is where the plugin's mistake is met."""
    if "/orders" not in incoming.path or not reply.body.startswith((b"[{", b"{")):
        return reply
    rows = orjson.loads(reply.body)
    return with_body(reply, WARNING * (len(rows) if isinstance(rows, list) else 1) + reply.body)


def large_pages(fault: Fault, incoming: Incoming) -> Reply | None:
    asked = parse_qs(incoming.raw_query).get("per_page", ["10"])[0]
    return fatal(fault, incoming) if asked.isdigit() and int(asked) > (fault.number or 20) else None


def with_body(reply: Reply, content: bytes) -> Reply:
    """Send something else."""
    reply.body = content
    reply.headers = reply.without("Content-Length")
    return reply


def transient_list(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    return with_body(reply, b"[]") if reply.body.startswith(b"[") else reply


def broken_letters(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    spoilt = re.sub(rb'("first_name":"[^"]*)"', b'\\1\xc3\x28"', reply.body, count=1)
    return with_body(reply, spoilt if spoilt != reply.body else reply.body.replace(b'":"', b'":"\xe2\x28', 1))


def wrong_total(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    total = reply.header("X-WP-Total")
    if total:
        wrong = max(int(total) + (fault.number or -3), 0)
        reply.headers = [*reply.without("X-WP-Total"), ("X-WP-Total", str(wrong))]
    return reply


def short_page(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    if not reply.body.startswith(b"[{"):
        return reply
    rows = orjson.loads(reply.body)
    return with_body(reply, orjson.dumps(rows[: max(len(rows) - (fault.number or 1), 0)]))


def cut(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    reply.cut_after = len(reply.body) // 2
    return reply


def half_of_json(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    return with_body(reply, reply.body[: len(reply.body) // 2])


def numbered(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    """A PHP list with gaps is an object with numbers for keys."""
    if not reply.body.startswith(b"[{"):
        return reply
    rows = orjson.loads(reply.body)
    return with_body(reply, orjson.dumps({str(number): row for number, row in enumerate(rows, 3)}))


def said_to_be_packed(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    reply.headers = [*reply.headers, ("Content-Encoding", "gzip")]
    return reply


def packed_unsaid(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    """A proxy that packs, and does not say so."""
    return with_body(reply, gzip.compress(reply.body))


def bomb(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    """Two gigabytes of blanks, packed into two megabytes."""
    reply.headers = [*reply.headers, ("Content-Encoding", "gzip")]
    return with_body(reply, _two_gigabytes())


@lru_cache(maxsize=1)
def _two_gigabytes() -> bytes:
    # A flushed block refers to nothing before it: one is packed, and sent two thousand times.
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(b" " * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff" + block * 2048


def dripping(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    """Send the body byte by byte, with a pause after each."""
    reply.drip = fault.seconds or 1.0
    return reply


def without_one(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    """A plugin breaks over one order: every answer that would hold it is an error, whatever fields are asked for."""
    if "/orders" not in incoming.path or reply.status >= 400 or not reply.body.startswith((b"[{", b"{")):
        return reply
    found = orjson.loads(reply.body)
    rows = found if isinstance(found, list) else [found]
    return json_reply(500, BROKEN) if any(row.get("id") == fault.number for row in rows) else reply


def nameless(fault: Fault, incoming: Incoming, reply: Reply) -> Reply:
    """A firewall that knows the names which libraries give themselves."""
    agent = incoming.headers.get("user-agent", "")
    return reply if agent and not agent.startswith("python-") else html_reply(455, FIREWALL)


def web_server(status: int, title: str) -> Callable[[Fault, Incoming], Reply]:
    page = NGINX.format(title).encode()
    return lambda fault, incoming: Reply(status, [("Content-Type", "text/html")], page)

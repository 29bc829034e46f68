"""The limit of the chain: takes stored deliveries and mails them. One commit a mail, ready words, a kept SMTP line.

`python -m bench._mailer DATABASE_URL SMTP_PORT`. With `bench._flask` before it, it is the least that goes from a signed
webhook to an e-mail of which no crash makes two: no contacts, orders, runs, templates, consent, log.
"""

from __future__ import annotations

import smtplib
import sys
import time

import orjson

from bench._flask import connect

_BATCH = 100
_WORDS = b"<p>Some words of an e-mail of its size.</p>\r\n" * 300


def main(url: str, port: int) -> None:
    """Mail what comes, for ever."""
    connection = connect(url)
    mark = "?" if url.startswith("sqlite") else "%s"
    waiting = f"SELECT id, body FROM deliveries WHERE state = 'received' ORDER BY id LIMIT {_BATCH}"
    taken = f"UPDATE deliveries SET state = 'done' WHERE id = {mark}"
    with smtplib.SMTP("127.0.0.1", port) as line:
        line.ehlo()
        while True:
            found = connection.execute(waiting).fetchall()
            for delivery_id, body in found:
                order = orjson.loads(bytes(body))
                wanted = order["status"] in ("processing", "completed") and order["billing"]["email"]
                connection.execute(taken, (delivery_id,))
                if not wanted:
                    continue
                head = f"Subject: Your order {order['number']}\r\nContent-Type: text/html\r\n\r\n"
                line.mail("shop@example.com")
                line.rcpt(order["billing"]["email"])
                line.data(head.encode() + _WORDS)
            if not found:
                time.sleep(0.002)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

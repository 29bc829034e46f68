"""`referins practice-store`: run one practice store until it is told to stop."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from referins_woo.practice_store import remote
from referins_woo.practice_store.options import StoreOptions
from referins_woo.practice_store.practice import PracticeStore
from referins_woo.practice_store.site import NEWEST, VERSIONS


def parser() -> argparse.ArgumentParser:
    """Return the arguments of the command."""
    made = argparse.ArgumentParser(
        prog="referins practice-store",
        description="Run a shop to practise on: WooCommerce's API, webhooks and pages.",
        epilog="`referins practice-store scenario [NAME]` plays a scenario in a running one, or lists them.",
    )
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    made.add_argument("--port", type=int, default=8090, help="port to listen on (default 8090; 0: a free one)")
    made.add_argument("--data", type=Path, help="folder that keeps what changes (default: forget everything)")
    made.add_argument("--size", type=int, default=100, help="number of seeded orders, like 100, 10000 or 1000000")
    made.add_argument("--seed", type=int, default=1, help="another seed makes another shop")
    made.add_argument("--woocommerce", choices=VERSIONS, default=NEWEST, help=f"version to be (default {NEWEST})")
    made.add_argument("--http-port", type=int, help="with --tls: serve the same shop over plain http too, on this port")
    made.add_argument("--tls", action="store_true", help="serve https, with a certificate authority of its own")
    made.add_argument("--strict", action="store_true", help="refuse what WooCommerce refuses, like http callbacks")
    made.add_argument("--no-webhook-delay", action="store_true", help="deliver webhooks at once, not after 0.3 s")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["scenario"]:
        return remote.main(arguments[1:])
    given = parser().parse_args(arguments)
    if given.size < 0:
        parser().error("--size must not be negative")
    return run(
        StoreOptions(
            host=given.host,
            port=given.port,
            size=given.size,
            seed=given.seed,
            data=given.data,
            tls=given.tls,
            http_port=given.http_port,
            woocommerce=given.woocommerce,
            strict=given.strict,
            webhook_delay=0.0 if given.no_webhook_delay else 0.3,
        )
    )


def run(options: StoreOptions) -> int:
    """Serve until SIGTERM or SIGINT; returns 0, or 1 where the port is taken."""
    try:
        store = PracticeStore(options)
    except OSError as error:
        print(f"The practice store cannot listen on {options.host}:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ended.set())
    store.start()
    print(f"Practice store     {store.url}")
    print(f"  Faults           {store.url}/practice")
    print(f"  Sign-in          {store.admin_user} / {store.admin_password}")
    print(f"  Consumer key     {store.consumer_key}")
    print(f"  Consumer secret  {store.consumer_secret}")
    if store.ca_file:
        print(f"  Authority        {store.ca_file}")
    sys.stdout.flush()
    ended.wait()
    store.stop()
    return 0

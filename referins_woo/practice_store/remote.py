"""`referins practice-store scenario`: have a running practice store play a scenario, and say what one then sees."""

from __future__ import annotations

import argparse
import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

from referins_woo.practice_store.scenarios import GROUPS, SCENARIOS

URL = "http://127.0.0.1:8090"


def parser() -> argparse.ArgumentParser:
    """Return the arguments of the command."""
    made = argparse.ArgumentParser(
        prog="referins practice-store scenario",
        description="Play a scenario in a running practice store. Without a name, list them.",
    )
    made.add_argument("name", nargs="?", choices=SCENARIOS, metavar="NAME", help="which scenario")
    made.add_argument("--url", default=URL, help=f"address of the practice store (default {URL})")
    made.add_argument("--ca", help="certificate authority of a store over https (practice-store-ca.pem)")
    made.add_argument("--per-second", type=float, help="webhook-storm: orders a second (default 20)")
    made.add_argument("--seconds", type=float, help="webhook-storm: for how long (default 10)")
    made.add_argument("--lasts", type=float, help="slow-store, maintenance: for how many seconds")
    made.add_argument("--json", action="store_true", help="answer in JSON")
    return made


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    given = parser().parse_args(argv)
    if given.name is None:
        _list(as_json=given.json)
        return 0
    options = {name: getattr(given, name) for name in ("per_second", "seconds", "lasts")}
    try:
        context = ssl.create_default_context(cafile=given.ca) if given.ca else None
        played = _play(given.url.rstrip("/"), given.name, {n: v for n, v in options.items() if v is not None}, context)
    except (urllib.error.URLError, OSError, ValueError) as error:
        print(_words(given.url, error), file=sys.stderr)
        return 1
    if given.json:
        print(json.dumps(played, ensure_ascii=False))
    else:
        for line in played["did"]:
            print(line)
        print(f"You will see: {played['sees']}")
    return 0


def _list(*, as_json: bool) -> None:
    if as_json:
        rows = [{"name": one.name, "title": one.title, "sees": one.sees} for one in SCENARIOS.values()]
        print(json.dumps(rows, ensure_ascii=False))
        return
    for group, title in GROUPS.items():
        print(title)
        for one in SCENARIOS.values():
            if one.group == group:
                print(f"  {one.name:<20} {one.title}")


def _play(url: str, name: str, options: dict[str, float], context: ssl.SSLContext | None) -> Any:
    body = json.dumps(options).encode()
    headers = {"Content-Type": "application/json"}
    played = _ask(urllib.request.Request(f"{url}/practice/scenarios/{name}", body, headers), context)  # noqa: S310
    while played["running"]:
        time.sleep(0.3)
        played = _ask(urllib.request.Request(f"{url}/practice/scenarios/played/{played['number']}"), context)  # noqa: S310
    return played


def _ask(asked: urllib.request.Request, context: ssl.SSLContext | None) -> Any:
    # A proxy of the environment is no way to a shop on this machine.
    handlers = [urllib.request.ProxyHandler({}), *([urllib.request.HTTPSHandler(context=context)] if context else [])]
    with urllib.request.build_opener(*handlers).open(asked, timeout=60) as answer:
        return json.load(answer)


def _words(url: str, error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        try:
            return str(json.load(error)["error"])
        except (ValueError, KeyError):
            return f"What answers at {url} is no practice store ({error.code})."
    reason = getattr(error, "reason", None) or error
    return f"No practice store answers at {url} ({reason}). Start one with referins practice-store, or give its --url."

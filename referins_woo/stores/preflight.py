"""Looks at a store's address before anybody leaves for it (C2): is WooCommerce there, and can its keys work?

Nothing here carries keys. https is tried first; a path is kept where it answers; one redirect to the same site
(`www.` or none) is taken over and said.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import select

from referins_woo.config import Config
from referins_woo.process import Process
from referins_woo.stores import links, settings
from referins_woo.stores.confirm import has_woocommerce, is_index
from referins_woo.stores.connection import CAUSES
from referins_woo.stores.door import reach
from referins_woo.stores.models import Store
from referins_woo.woo.errors import BadReply, Gone, Unauthorized, Unavailable, WooError

MOST_SECONDS: Final = 10.0
"""A person waits for the answer: whatever has not come by then is said to be slow."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an address cannot be connected: a key (of `address_help`, too), a sentence, and the steps that mend it."""

    key: str
    sentence: str
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was seen at an address. `url` is where the store answers: it is the one to store."""

    url: str
    notes: tuple[str, ...] = ()
    problem: Problem | None = None
    name: str = ""
    time_zone: str = ""
    """What the site says of itself, as `settings.time_zone`; empty where it says nothing."""
    permission_page: bool = True
    """Whether WooCommerce's own permission page can be offered; if not, `no_permission_page` says why (C14)."""
    no_permission_page: str = ""

    @property
    def ok(self) -> bool:
        """Whether the store can be connected."""
        return self.problem is None


def preflight(process: Process, url: str, *, account_id: int | None = None) -> Preflight:
    """Look at a normalised address. Raises nothing for what it finds: `problem` says it.

    With `account_id` a store that the account has connected already is recognised by its address.
    """
    seen = _in_time(process.config, url)
    if seen.ok and account_id is not None and _is_connected(process, account_id, seen.url):
        sentence = "This store is connected already. Its settings are on its page."
        return replace(seen, problem=Problem("already_connected", sentence))
    if not seen.ok or links.reaches_us(process.config, seen.url):
        return seen
    return replace(seen, permission_page=False, no_permission_page=links.why_unreached(process.config))


def _in_time(config: Config, url: str) -> Preflight:
    """Look, but for no longer than a person waits; what is still asked then ends by itself, unheard."""
    looking = ThreadPoolExecutor(1, thread_name_prefix="preflight")
    try:
        return looking.submit(_first_answer, config, url).result(MOST_SECONDS)
    except TookTooLong:
        host = urlsplit(url).hostname or url
        return Preflight(url, problem=Problem("timeout", _UNANSWERED["timeout"].format(host=host)))
    finally:
        looking.shutdown(wait=False, cancel_futures=True)


def _first_answer(config: Config, url: str) -> Preflight:
    seen: list[Preflight] = []
    for base in _bases(config, url):
        found = _look(config, base)
        if found.ok:
            return replace(found, notes=_notes(url, found.url) + found.notes)
        seen.append(found)
    # An answer says more than none; of two answers the first is the one asked for.
    answered = [one for one in seen if one.problem is not None and one.problem.key not in _UNANSWERED]
    return replace((answered or seen)[0], url=url)


def _bases(config: Config, url: str) -> list[str]:
    parts = urlsplit(url)
    paths = [parts.path, ""] if parts.path else [""]
    schemes = ["https"]
    if config.allows_private_store(f"http://{parts.netloc}"):
        schemes.append("http")
    return [f"{scheme}://{parts.netloc}{path}" for scheme in schemes for path in paths]


def _notes(asked: str, found: str) -> tuple[str, ...]:
    before, after = urlsplit(asked), urlsplit(found)
    notes = []
    if before.scheme == "http" and after.scheme == "https":
        notes.append("We use https://.")
    if before.scheme == "https" and after.scheme == "http":
        notes.append("The store answers over plain http only: for development, not for a shop.")
    if before.path and not after.path:
        notes.append(f"We left out {before.path}: WordPress answers at the top of the site.")
    return tuple(notes)


def _look(config: Config, base: str, *, redirected: bool = False) -> Preflight:
    client = reach(config, base, "", "", "basic")
    host = urlsplit(base).hostname or base
    try:
        index = client.index().data
    except Unauthorized as error:
        if error.firewall:
            return Preflight(base, problem=_cause("blocked"))
        # Closed to the anonymous: keys may work all the same (72), trying them will tell.
        return Preflight(base, notes=("The store's REST API is closed to visitors; we will see whether keys work.",))
    except Gone:
        if _answers_plainly(config, base):
            return Preflight(base, problem=_cause("plain_permalinks"))
        return Preflight(base, problem=_no_wordpress(host))
    except BadReply as error:
        return _look_at_page(config, base, error, redirected=redirected)
    except Unavailable as error:
        return Preflight(base, problem=_unanswered(host, error))
    except WooError as error:
        return Preflight(base, problem=Problem("closed", f"{host} does not let us look: {error}"))
    if not is_index(index):
        return Preflight(base, problem=_no_wordpress(host))
    if not has_woocommerce(index):
        sentence = f"There is a WordPress at {host}, but no WooCommerce: the plugin is missing or switched off."
        return Preflight(base, problem=Problem("plugin_off", sentence, CAUSES["plugin_off"].steps))
    zone = settings.time_zone(index.get("timezone_string"), index.get("gmt_offset"))
    return Preflight(base, name=str(index.get("name") or ""), time_zone=zone)


def _look_at_page(config: Config, base: str, error: BadReply, *, redirected: bool) -> Preflight:
    host = urlsplit(base).hostname or base
    if error.location and not redirected:
        target = urlsplit(error.location)
        onward = f"{target.scheme}://{target.netloc}{target.path.partition('/wp-json')[0]}".rstrip("/")
        if target.scheme == "https" and _same_site(host, target.hostname or "") and onward != base:
            found = _look(config, onward, redirected=True)
            return replace(found, notes=(f"Your store answers at {onward}: we use that.", *found.notes))
        if target.hostname and target.hostname != host:
            sentence = f"{host} leads on to {target.netloc}. If that is your store, connect that address."
            return Preflight(base, problem=Problem("moved", sentence))
    if (error.is_html or error.redirect_by_wordpress) and _answers_plainly(config, base):
        return Preflight(base, problem=_cause("plain_permalinks"))
    if error.is_html:
        sentence = f"{host} answers with a web page where WordPress would answer with data: no WordPress is there."
        return Preflight(base, problem=Problem("html", sentence))
    return Preflight(base, problem=Problem("not_json", f"{host} answers, but not as a WordPress does: {error}"))


def _same_site(one: str, other: str) -> bool:
    return one.removeprefix("www.") == other.removeprefix("www.")


def _answers_plainly(config: Config, base: str) -> bool:
    try:
        return is_index(reach(config, base, "", "", "basic").index(plain=True).data)
    except WooError:
        return False


def _is_connected(process: Process, account_id: int, url: str) -> bool:
    with process.database.reading() as session:
        found = session.scalar(
            select(Store.id).where(
                Store.account_id == account_id,
                Store.url == url,
                Store.state.in_(("connected", "mapping_needed", "needs_reconnect")),
            )
        )
    return found is not None


def _cause(key: str) -> Problem:
    words = CAUSES[key]
    return Problem(key, words.sentence, words.steps)


def _no_wordpress(host: str) -> Problem:
    sentence = f"There is no WordPress with a REST API at {host}. Is WordPress in a folder, like {host}/shop?"
    return Problem("not_wordpress", sentence)


_UNANSWERED = {
    "dns": "There is no host called {host}: check the spelling.",
    "refused": "{host} refuses the connection: is the site running?",
    "timeout": "{host} did not answer in time. Try again, or ask the store's host.",
    "tls": "No secure connection to {host} is possible: {reason} Ask the store's host to renew its certificate.",
    "reset": "{host} broke off the connection. Try again, or ask the store's host.",
    "private_address": "{host} leads into a private network, which we cannot reach.",
    "bad_url": "This is not an address that can be called.",
}


def _unanswered(host: str, error: Unavailable) -> Problem:
    sentence = _UNANSWERED.get(error.kind)
    if sentence is None:
        return Problem(
            "down", f"{host} answers with an error ({error.status}): the site is down for now. Try again later."
        )
    return Problem(error.kind, sentence.format(host=host, reason=str(error)))

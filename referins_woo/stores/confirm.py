"""What a refusal means: a probe pair, and how long a finding must last before the store is taken for lost.

The rules are the table "401/403/404 and transients" of the reliability notes. A probe reads one order id with the
keys; its pair asks the same with the keys in the query, because some hosts strip the Authorization header. Nothing
sleeps here: a first finding is written down, and the next one, after the gap, decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Protocol

from referins_woo.woo.auth import AuthMode
from referins_woo.woo.errors import BadReply, Gone, Unauthorized, WooError

GAP: Final = timedelta(seconds=20)
LONGEST_GAP: Final = timedelta(minutes=5)
A_WHILE: Final = timedelta(minutes=15)
"""What may pass by itself: a firewall's mood, a redirect to a page that says "back soon"."""
_MUST_LAST: Final[dict[str, timedelta]] = {
    "blocked": A_WHILE,
    # Three findings within a minute: an update of the plugin switches its routes off for some seconds.
    "plugin_off": 2 * GAP,
    "rest_closed": 2 * GAP,
    "moved": 2 * GAP,
}
_AT_LEAST: Final[dict[str, int]] = {"plugin_off": 3, "rest_closed": 3, "moved": 3}
_CAUSE_LENGTH = 24


class Probes(Protocol):
    """The questions that tell causes apart; each raises one of `woo.errors` where it is refused."""

    @property
    def auth_modes(self) -> tuple[AuthMode, ...]:
        """The mode in use, then those worth trying at this address."""

    def orders(self, mode: AuthMode) -> None:
        """Read one order id."""

    def write(self, mode: AuthMode) -> None:
        """Change an order that cannot exist; returns where only its absence is the obstacle."""

    def index(self, *, plain: bool = False) -> Any:
        """Return the REST index, asked without keys, as decoded JSON."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a pair of probes showed.

    `passes`: the keys work, by `mode`; a refusal was a moment's, or one resource's. `lost`: they do not, for `cause`.
    `falters`: the store is in trouble of its own, which says nothing about the keys; `error` is its answer.
    """

    kind: Literal["passes", "lost", "falters"]
    mode: AuthMode = "basic"
    cause: str = ""
    detail: str = ""
    error: WooError | None = None
    lasting: timedelta | None = None
    """How long it must last to be believed, where that is not its cause's own time."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a finding: wait and look again after `wait`, or the store is `lost`."""

    lost: bool
    wait: timedelta
    since: datetime
    probes: int


def examine(probes: Probes) -> Finding:
    """Ask the pair, and what else is needed to name the cause. Raises nothing of `woo.errors`."""
    mode, *others = probes.auth_modes
    try:
        probes.orders(mode)
        return Finding("passes", mode)
    except Unauthorized as error:
        refusal = error
    except Gone as error:
        return _without_route(probes, error)
    except BadReply as error:
        return _with_page(probes, error)
    except WooError as error:
        return Finding("falters", error=error)
    for other in others:
        try:
            probes.orders(other)
            return Finding("passes", other)
        except (Unauthorized, Gone):
            continue
        except WooError as error:
            return Finding("falters", error=error)  # half a pair confirms nothing
    return _refused(probes, mode, refusal)


def weigh(
    cause: str,
    before: str,
    since: datetime | None,
    probes: int,
    now: datetime,
    lasting: timedelta | None = None,
) -> Verdict:
    """Return what follows from finding `cause` now, after `probes` findings of `before` since `since`.

    Another cause than before starts anew. `lasting`: the finding's own measure.
    """
    if since is None or before != cause:
        since, probes = now, 0
    probes += 1
    bare = cause.partition(":")[0]
    must_last = _MUST_LAST.get(bare, GAP) if lasting is None else lasting
    at_least = 1 if lasting == timedelta(0) else _AT_LEAST.get(bare, 1)
    if now - since >= must_last and probes >= at_least:
        return Verdict(True, timedelta(0), since, probes)
    gap = min(GAP * 2 ** max(0, probes - 3), LONGEST_GAP)
    return Verdict(False, max(GAP, min(gap, since + must_last - now)), since, probes)


def of_resource(cause: str, resource: str) -> str:
    """Return `cause` marked as one resource's alone, in the length that its column takes."""
    return f"{cause}:{resource}"[:_CAUSE_LENGTH]


def refusal_of_resource(error: WooError, resource: str, *, write: bool) -> Finding | None:
    """Return what it means that `resource` stays refused while the probe passes; None: nothing about the keys."""
    if isinstance(error, Unauthorized):
        if error.firewall:
            return Finding("lost", cause=of_resource("blocked", resource), detail=_said(error, resource))
        if write:
            # These keys have just read the orders: a write refused for missing permission is believed at once (X2).
            cause = "read_only_key" if error.status == 401 else "key_rights"
            return Finding("lost", cause=cause, detail=_said(error, resource), lasting=timedelta(0))
        return Finding("lost", cause=of_resource("key_rights", resource), detail=_said(error, resource))
    if isinstance(error, Gone) and error.kind == "route":
        return Finding("lost", cause=of_resource("rest_closed", resource), detail=_said(error, resource))
    return None


def _refused(probes: Probes, mode: AuthMode, error: Unauthorized) -> Finding:
    detail = _said(error, "orders")
    if error.firewall:
        return Finding("lost", cause="blocked", detail=detail)
    if error.lacks_permission == "read":
        return Finding("lost", cause="write_only_key", detail=detail)
    if error.code == "woocommerce_rest_authentication_error":
        # A wrong secret and a write-only key have one code, and the message may be translated: only a write tells.
        passes = _passes_write(probes, mode)
        return Finding("lost", cause="write_only_key" if passes else "key_revoked", detail=detail)
    if not error.code.startswith("woocommerce") and _is_closed(probes):
        return Finding("lost", cause="rest_closed", detail=detail)
    return Finding("lost", cause="key_rights" if error.status == 403 else "key_revoked", detail=detail)


def _without_route(probes: Probes, error: Gone) -> Finding:
    detail = _said(error, "orders")
    try:
        index = probes.index()
    except Unauthorized:
        return Finding("lost", cause="rest_closed", detail=detail)
    except (Gone, BadReply):
        # Some servers answer 404 for /wp-json/ with plain permalinks, others with the home page.
        cause = "plain_permalinks" if _answers_plainly(probes) else "moved"
        return Finding("lost", cause=cause, detail=detail)
    except WooError as fault:
        return Finding("falters", error=fault)
    return Finding("lost", cause="rest_closed" if has_woocommerce(index) else "plugin_off", detail=detail)


def _with_page(probes: Probes, error: BadReply) -> Finding:
    if error.leads_away:
        return _led_away(probes, error)
    if (error.is_html or error.redirect_by_wordpress) and _answers_plainly(probes):
        try:
            probes.index()
        except (BadReply, Gone):
            return Finding("lost", cause="plain_permalinks", detail=str(error))
        except WooError as fault:
            return Finding("falters", error=fault)
    return Finding("falters", error=error)


def _led_away(probes: Probes, error: BadReply) -> Finding:
    """A redirect to another site, for the keys' path and for the index alike: the shop has moved."""
    try:
        probes.index()
    except BadReply as answer:
        if answer.leads_away:
            detail = f"The store's address leads to {answer.location[:300]}"
            return Finding("lost", cause="moved", detail=detail, lasting=A_WHILE)
    except WooError:
        pass
    return Finding("falters", error=error)


def has_woocommerce(index: Any) -> bool:
    """Whether a REST index names WooCommerce's interface."""
    return is_index(index) and "wc/v3" in index["namespaces"]


def is_index(index: Any) -> bool:
    """Whether the document is the index of a WordPress REST API."""
    return isinstance(index, dict) and isinstance(index.get("namespaces"), list)


def _answers_plainly(probes: Probes) -> bool:
    try:
        return is_index(probes.index(plain=True))
    except WooError:
        return False


def _is_closed(probes: Probes) -> bool:
    try:
        probes.index()
    except Unauthorized:
        return True
    except WooError:
        return False
    return False


def _passes_write(probes: Probes, mode: AuthMode) -> bool:
    try:
        probes.write(mode)
    except WooError:
        return False
    return True


def _said(error: Unauthorized | Gone, resource: str) -> str:
    status = error.status if isinstance(error, Unauthorized) else 404
    words = f": “{error.message}”" if error.message else ""
    return f"{status} {error.code or 'without a code'} when asked for {resource}{words}"[:500]

"""The line to one store: one question at a time, and what its outcome is written down as.

Each outcome is a unit of its own, committed before the error leaves: the state of a store changes although the
caller's job fails.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final, TypeVar

import structlog
from sqlalchemy import update

from referins_woo import clock
from referins_woo.errors import Final as FinalError
from referins_woo.errors import ReferinsError, RetryLater, StoreMustReconnect
from referins_woo.process import Process
from referins_woo.stores import confirm, connection, reconnect
from referins_woo.stores.door.reaching import MOST_CONNECTIONS, ClientProbes
from referins_woo.stores.models import Store
from referins_woo.stores.view import StoreView
from referins_woo.woo.auth import AuthMode
from referins_woo.woo.client import WooClient
from referins_woo.woo.errors import BadReply, Gone, RateLimited, Refused, Unauthorized, WooError

log = structlog.get_logger(__name__)

T = TypeVar("T")

_LONGEST_PAUSE: Final = 300.0
_PASSES_TO_GROW: Final = 50
_QUIET_TO_GROW: Final = timedelta(hours=1)
"""A store that asked us to slow down gets one connection more for so many answers in a row, as imports ask for, or,
where a sweep asks for a handful, at each job's first answer once it has been without trouble for so long."""


class Faltered(RetryLater):
    """The store did not play along; `status` is its HTTP status, None where no whole answer came."""

    def __init__(self, message: str, after_seconds: float, status: int | None) -> None:
        super().__init__(message, after_seconds)
        self.status = status


ITS_OWN_FAULT: Final = frozenset({500, 502, 504})
"""Answers that may be about what was asked for; maintenance (503) and lost connections are not."""


class NotSupported(FinalError):
    """This store's WooCommerce has no such route."""


class Rejected(FinalError):
    """The store understood and said no; `code` and `status` are WooCommerce's."""

    def __init__(self, message: str, code: str, status: int) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class GoneRecord(Rejected):
    """404 of one record: the caller says what that means."""


class Line:
    """Asks one store, and keeps its books. Its methods may be called from several threads."""

    def __init__(self, process: Process, store: StoreView, client: WooClient) -> None:
        """`client` holds the keys of `store`."""
        self._process = process
        self._store = store
        self._client = client
        self._passes = 0
        self._took: list[float] = []
        troubled = store.failures or store.suspect_cause or store.cause == "unreachable"
        self._trouble_at: float | None = 0.0 if troubled else None
        """When trouble was last written down (monotonic); None: there is none that we know of."""

    @property
    def latency_ms(self) -> int | None:
        """How long the store took for an answer, in the middle; None before the first one."""
        return round(statistics.median(self._took) * 1000) if self._took else None

    def call(
        self,
        resource: str,
        ask: Callable[[WooClient], T],
        *,
        write: bool = False,
        optional: bool = False,
    ) -> T:
        """Return what `ask` brings. `resource` names what is asked for; `optional`: an old shop may not have it.

        Raises RetryLater, StoreMustReconnect, Final and nothing else.
        """
        if write and not connection.can_write(self._store.state):
            raise StoreMustReconnect(connection.words_for(self._store.cause).sentence, self._store.cause)
        began = time.monotonic()
        try:
            found = ask(self._client)
        except WooError as error:
            found = self._after(error, resource, ask, write=write, optional=optional)
        self._passed(resource, began)
        return found

    def _after(
        self, error: WooError, resource: str, ask: Callable[[WooClient], T], *, write: bool, optional: bool
    ) -> T:
        """Return what a second try brings once a pair of probes has passed; raises otherwise."""
        if not _may_be_lost(error):
            raise self._named(error) from error
        finding = confirm.examine(ClientProbes(self._client))
        if finding.kind == "lost":
            raise self._suspect(finding) from error
        if finding.kind == "falters" or (write and isinstance(error, BadReply)):
            raise self._named(finding.error or error) from error
        if finding.mode != self._client.auth_mode:
            self._switch(finding.mode)
        try:
            return ask(self._client)
        except WooError as again:
            if optional and isinstance(again, Gone) and again.kind == "route":
                raise NotSupported(f"This store's WooCommerce has no /{resource}.") from again
            refusal = confirm.refusal_of_resource(again, resource, write=write)
            raise (self._named(again) if refusal is None else self._suspect(refusal)) from again

    def _named(self, error: WooError) -> ReferinsError:
        if isinstance(error, Gone) and error.kind == "record":
            return GoneRecord(str(error), error.code, 404)
        if isinstance(error, Refused):
            return Rejected(str(error), error.code, error.status)
        return self._falter(error)

    def _passed(self, resource: str, began: float) -> None:
        self._passes += 1
        self._took.append(time.monotonic() - began)
        grows = self._store.connections < MOST_CONNECTIONS and (
            self._passes % _PASSES_TO_GROW == 0 or (self._passes == 1 and self._is_quiet())
        )
        # A question asked before the trouble came says nothing about it.
        mends = self._trouble_at is not None and began >= self._trouble_at
        if not mends and not grows:
            return
        with self._process.database.unit() as session:
            store = session.get_one(Store, self._store.id, with_for_update=True, populate_existing=True)
            if grows:
                store.connections = min(store.connections + 1, MOST_CONNECTIONS)
            if not mends:
                return
            if store.cause == "unreachable":
                reconnect.answers_again(session, store, clock.now())
            store.failures, store.failing_since = 0, None
            suspect = store.suspect_cause.partition(":")[2]
            if suspect and not resource.startswith(suspect):
                return  # another resource that passes is no acquittal
            store.suspect_cause, store.suspect_since, store.suspect_probes = "", None, 0
            store.retry_after = None
        self._trouble_at = None

    def _is_quiet(self) -> bool:
        trouble_at = self._store.last_error_at
        return trouble_at is None or clock.now() - trouble_at >= _QUIET_TO_GROW

    def _falter(self, error: WooError) -> Faltered:
        now, asked = clock.now(), getattr(error, "after_seconds", None)
        self._trouble_at = time.monotonic()
        with self._process.database.unit() as session:
            store = session.get_one(Store, self._store.id, with_for_update=True, populate_existing=True)
            if store.retry_after is None or store.retry_after <= now:  # several threads see one trouble
                store.failures += 1
                store.failing_since = store.failing_since or now
                pause = min(2.0 ** min(store.failures, 10), _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311
                store.retry_after = now + timedelta(seconds=max(pause, asked or 0.0))
            if isinstance(error, RateLimited):
                store.connections = 1
            store.last_error, store.last_error_at = str(error)[:500], now
            session.flush()
            reconnect.tell_unreachable(session, self._process.config, store.id, now)
            wait = max((store.retry_after - now).total_seconds(), 0.0)
        status = 429 if isinstance(error, RateLimited) else getattr(error, "status", None)
        return Faltered(str(error), wait, status)

    def _suspect(self, finding: confirm.Finding) -> ReferinsError:
        now, cause = clock.now(), finding.cause.partition(":")[0]
        self._trouble_at = time.monotonic()
        with self._process.database.unit() as session:
            store = session.get_one(Store, self._store.id, with_for_update=True, populate_existing=True)
            if store.state == "needs_reconnect":
                if store.cause == "read_only_key":  # it could still read until now
                    store.cause, store.cause_detail = cause, finding.detail
                return StoreMustReconnect(connection.words_for(store.cause).sentence, store.cause)
            if store.state not in connection.LIVE_STATES:
                return FinalError("This store is not connected.")
            if store.suspect_cause and store.retry_after is not None and store.retry_after > now:
                return RetryLater(
                    "A refusal of the store is being confirmed.", (store.retry_after - now).total_seconds()
                )
            before = store.suspect_cause, store.suspect_since, store.suspect_probes
            verdict = confirm.weigh(finding.cause, *before, now, finding.lasting)
            if verdict.lost:
                reconnect.lose(session, self._process.config, store.id, finding.cause, finding.detail, now)
                log.warning("store lost", store_id=store.id, cause=finding.cause, detail=finding.detail)
                return StoreMustReconnect(connection.words_for(cause).sentence, cause)
            store.last_error, store.last_error_at = finding.detail, now
            store.suspect_cause, store.suspect_since = finding.cause, verdict.since
            store.suspect_probes, store.retry_after = verdict.probes, now + verdict.wait
        return RetryLater("A refusal of the store is being confirmed.", verdict.wait.total_seconds())

    def _switch(self, mode: AuthMode) -> None:
        with self._process.database.unit() as session:
            session.execute(update(Store).where(Store.id == self._store.id).values(auth_mode=mode))
        self._client = replace(self._client, auth_mode=mode)
        log.info("way to send the keys changed", store_id=self._store.id, auth_mode=mode)


def _may_be_lost(error: WooError) -> bool:
    if isinstance(error, BadReply):
        return error.is_html or error.redirect_by_wordpress or error.leads_away
    return isinstance(error, Unauthorized) or (isinstance(error, Gone) and error.kind == "route")

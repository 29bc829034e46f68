"""Who calls the API: every route needs `Authorization: Bearer TOKEN`; a token reads and changes one account (N6).

Before a view runs: the token, how often it called, the key of a call that may have been done before. After it: what the
token has left, and the answer's ETag.
"""

from __future__ import annotations

from flask import Blueprint, Response, current_app, g, request

from referins_woo import clock, process
from referins_woo.accounts import audit, tokens
from referins_woo.web import scope
from referins_woo.web.api import answers, problems, rates, scopes, writing

api = Blueprint("api", __name__, url_prefix="/api/v1")


def account_id() -> int:
    """Return the account of the token."""
    found: tokens.Bearer = g.bearer
    return found.account_id


def user_id() -> int:
    """Return the user of the token."""
    found: tokens.Bearer = g.bearer
    return found.user_id


@api.before_request
def _identify() -> Response | None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    found = None
    if kind.lower() == "bearer" and token.strip():
        with scope.reading() as session:
            found = tokens.find(session, token.strip(), clock.now())
    if found is None:
        detail = "Send a token of this account: Authorization: Bearer TOKEN. Settings > API keys makes one."
        answer = problems.problem(401, "", detail)
        answer.headers["WWW-Authenticate"] = 'Bearer realm="Referins"'
        return answer
    if found.seen_is_stale:
        with process.current().database.unit() as session:
            tokens.seen(session, found.token_id, clock.now())
    g.bearer = found
    audit.act_as(audit.Actor(found.email, "api", found.user_id, request.remote_addr or ""))
    rule = request.url_rule.rule if request.url_rule is not None else ""
    refusal = scopes.refusal(found, request.endpoint or "", rule, request.method)
    return problems.problem(403, "", refusal) if refusal else None


@api.before_request
def _count() -> None:
    counts: rates.Rates = current_app.extensions["api_rates"]
    g.rate = counts.take(g.bearer.token_id)
    if g.rate.exceeded:
        raise problems.Rejected(
            429,
            f"This token may call {g.rate.limit} times in {g.rate.window_seconds} seconds: "
            f"wait {g.rate.reset_seconds} seconds.",
        )


@api.before_request
def _take_key() -> Response | None:
    return writing.take_key()


@api.after_request
def _finish(response: Response) -> Response:
    writing.give_key_back()
    if "rate" in g:
        g.rate.write(response)
    return answers.conditional(response)

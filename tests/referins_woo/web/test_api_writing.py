"""Changes through the API: keys that make a call happen once, contacts, sweeps, limits, ETags."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import func, select

from referins_woo import clock, queues
from referins_woo import config as configuration
from referins_woo.accounts import idempotency, tokens
from referins_woo.accounts import jobs as account_jobs
from referins_woo.accounts.models import AuditEntry, KeptAnswer
from referins_woo.commerce.models import Contact
from referins_woo.mail import consent
from referins_woo.privacy.erase import erase
from referins_woo.process import Process
from referins_woo.stores.models import Store
from referins_woo.web.api import rates
from tests.conftest import ClockHand
from tests.factories.rows import Made

Call = Callable[..., Any]


BOTH = pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
"""What is kept in the transaction of the work is tried on both databases."""


@pytest.fixture
def call(client: FlaskClient, ours: Made) -> Call:
    """Calls the API with the token of `ours`."""

    def send(method: str, path: str, key: str = "", headers: dict[str, str] | None = None, **more: Any) -> Any:
        sent = {"Authorization": f"Bearer {ours.api_token}", **(headers or {})}
        if key:
            sent["Idempotency-Key"] = key
        return client.open(f"/api/v1/{path}", method=method, headers=sent, **more)

    return send


def _contacts(running: Process) -> int:
    with running.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Contact)) or 0


@BOTH
def test_a_call_that_is_sent_again_with_its_key_is_answered_from_memory(call: Call, running: Process) -> None:
    before = _contacts(running)
    first = call("POST", "contacts", "k-1", json={"email": "new@example.com", "tags": ["a"]})
    again = call("POST", "contacts", "k-1", json={"email": "new@example.com", "tags": ["a"]})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.data == again.data
    assert first.headers["Location"] == again.headers["Location"] == f"/api/v1/contacts/{first.get_json()['id']}"
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert _contacts(running) == before + 1


def test_a_key_is_good_for_one_call_only(call: Call, running: Process) -> None:
    assert call("POST", "contacts", "k-1", json={"email": "new@example.com"}).status_code == 201
    for other in ({"email": "other@example.com"}, {"email": "new@example.com", "name": "N"}):
        refused = call("POST", "contacts", "k-1", json=other)
        assert refused.status_code == 422
        assert refused.get_json()["errors"][0]["field"] == "Idempotency-Key"
    assert call("POST", "automations", "k-1", json={"recipe": "order_confirmation"}).status_code == 422


def test_a_call_that_did_nothing_gives_its_key_back(call: Call) -> None:
    assert call("POST", "contacts", "k-1", json={"email": "nonsense"}).status_code == 422
    assert call("POST", "contacts", "k-1", json={"email": "good@example.com"}).status_code == 201


@pytest.mark.parametrize("key", ["with space", "ü", "x" * 256])
def test_a_key_that_cannot_be_kept_is_refused(call: Call, key: str) -> None:
    refused = call("POST", "contacts", key, json={"email": "new@example.com"})
    assert (refused.status_code, refused.get_json()["errors"][0]["field"]) == (422, "Idempotency-Key")


@BOTH
def test_while_a_call_is_at_work_its_key_answers_409_and_after_a_crash_it_is_free(
    call: Call, running: Process, ours: Made, clock: ClockHand
) -> None:
    """A process that died left its key without an answer, and has done nothing."""
    body = b'{"email": "new@example.com"}'
    with running.database.reading() as session:
        bearer = tokens.find(session, ours.api_token, clock.now())
    assert bearer is not None
    print_of = idempotency.fingerprint("POST", "/api/v1/contacts?", body)
    with running.database.unit() as session:
        idempotency.take(session, ours.account_id, bearer.token_id, "k-1", print_of, clock.now())
    busy = call("POST", "contacts", "k-1", data=body, content_type="application/json")
    assert (busy.status_code, busy.headers["Retry-After"]) == (409, "1")
    clock.advance(seconds=idempotency.WORKS.total_seconds() + 1)
    assert call("POST", "contacts", "k-1", data=body, content_type="application/json").status_code == 201


@BOTH
def test_whose_key_was_taken_over_writes_nothing(call: Call, running: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that slept past its time finds that another call has the key: its work is rolled back."""

    def other_call(session: Any, taken: idempotency.Taken, *rest: Any) -> None:
        keep(session, idempotency.Taken(taken.row_id, "somebody else"), *rest)

    keep = idempotency.keep
    before = _contacts(running)
    monkeypatch.setattr(idempotency, "keep", other_call)
    assert call("POST", "contacts", "k-1", json={"email": "new@example.com"}).status_code == 409
    assert _contacts(running) == before


@BOTH
def test_many_at_once_with_one_key_do_it_once(app: Flask, ours: Made, running: Process) -> None:
    before, statuses = _contacts(running), []

    def send() -> None:
        answer = app.test_client().post(
            "/api/v1/contacts",
            json={"email": "new@example.com"},
            headers={"Authorization": f"Bearer {ours.api_token}", "Idempotency-Key": "k-1"},
        )
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(statuses) <= {201, 409}
    assert statuses.count(201) >= 1
    assert _contacts(running) == before + 1


@BOTH
def test_keys_are_forgotten_after_a_day(call: Call, running: Process, clock: ClockHand) -> None:
    call("POST", "contacts", "k-1", json={"email": "new@example.com"})
    account_jobs.forget_answers()
    with running.database.reading() as session:
        assert session.scalars(select(KeptAnswer)).one().status == 201
    clock.advance(hours=24, seconds=1)
    account_jobs.forget_answers()
    with running.database.reading() as session:
        assert session.scalars(select(KeptAnswer)).all() == []


def test_a_key_of_another_token_is_another_key(call: Call, client: FlaskClient, theirs: Made) -> None:
    assert call("POST", "contacts", "k-1", json={"email": "new@example.com"}).status_code == 201
    headers = {"Authorization": f"Bearer {theirs.api_token}", "Idempotency-Key": "k-1"}
    answer = client.post("/api/v1/contacts", json={"email": "new@example.com"}, headers=headers)
    assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (201, False)


@BOTH
def test_a_contact_is_made_and_changed(call: Call, ours: Made) -> None:
    made = call(
        "POST",
        "contacts",
        json={"name": " Ana Maria Petrova ", "email": "Ana.Maria@Example.com", "tags": ["VIP", "vip"]},
    ).get_json()
    assert (made["name"], made["first_name"], made["last_name"]) == ("Ana Maria Petrova", "Ana Maria", "Petrova")
    assert (made["consent"], made["consent_at"], made["tags"], made["is_guest"]) == ("unknown", None, ["VIP"], False)
    path = f"contacts/{made['id']}"
    changed = call("PATCH", path, json={"last_name": "O'Neill 海", "phone": "+49 30 1"}).get_json()
    assert (changed["name"], changed["phone"], changed["email"]) == (
        "Ana Maria O'Neill 海",
        "+49 30 1",
        "Ana.Maria@Example.com",
    )
    assert call("GET", "contacts?email=ana.maria@EXAMPLE.com").get_json()["data"][0]["id"] == made["id"]
    assert call("PATCH", path, json={"tags": []}).get_json()["tags"] == []


def test_an_email_belongs_to_one_contact(call: Call, ours: Made) -> None:
    taken = call("POST", "contacts", json={"email": "ANA@ours.example.com"})
    assert (taken.status_code, taken.get_json()["contact_id"]) == (409, ours.ids["contact_id"])
    other = call("POST", "contacts", json={"email": "other@example.com"}).get_json()
    assert call("PATCH", f"contacts/{other['id']}", json={"email": "ana@ours.example.com"}).status_code == 409
    assert call("PATCH", f"contacts/{other['id']}", json={"email": "OTHER@example.com"}).status_code == 200


SAID = {"consent": "subscribed", "consent_source": "form", "consent_at": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": "nonsense"}, "email"),
        ({"email": 5}, "email"),
        ({"name": "a\u0000b"}, "name"),
        ({"tags": ["a,b"]}, "tags"),
        ({"tags": "a"}, "tags"),
        ({"colour": "red"}, "colour"),
        ({"name": "A", "consent": "subscribed"}, "body"),
        ({"name": "A", "consent_source": "form"}, "body"),
        ({"name": "A", **SAID, "consent": "complained"}, "consent"),
        ({"name": "A", **SAID, "consent_at": "2026-01-01"}, "consent_at"),
        ({"name": "A", **SAID, "consent_at": "2099-01-01T00:00:00Z"}, "consent_at"),
        ({"name": "A", **SAID, "consent_source": " "}, "consent_source"),
    ],
)
def test_a_contact_that_makes_no_sense_is_refused_by_its_field(
    call: Call, running: Process, body: dict[str, Any], field: str
) -> None:
    before = _contacts(running)
    refused = call("POST", "contacts", json=body)
    assert refused.status_code == 422, refused.text
    error = refused.get_json()["errors"][0]
    assert error["field"] == field
    assert error["message"] and error["remedy"]
    assert _contacts(running) == before


@BOTH
def test_consent_changes_by_dated_words_and_the_newest_holds(call: Call, running: Process, ours: Made) -> None:
    path = f"contacts/{ours.ids['contact_id']}"

    def say(word: str, day: int) -> str:
        body = {"consent": word, "consent_source": "form", "consent_at": f"2026-11-{day:02d}T10:00:00+01:00"}
        answer = call("PATCH", path, json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["consent"])

    assert say("subscribed", 3) == "subscribed"
    assert say("unsubscribed", 10) == "unsubscribed"
    assert say("subscribed", 5) == "unsubscribed", "an older yes does not overrule a newer no"
    assert say("subscribed", 12) == "subscribed"
    with running.database.reading() as session:
        said = consent.history(session, ours.account_id, ours.ids["contact_id"])
    assert [(one.state, one.applied) for one in said] == [
        ("subscribed", True),
        ("unsubscribed", True),
        ("subscribed", False),
        ("subscribed", True),
    ]
    assert said[0].source == "form"


def test_a_change_to_another_state_than_the_one_there_is_is_refused(call: Call, ours: Made) -> None:
    path = f"contacts/{ours.ids['contact_id']}"
    seen = call("GET", path).headers["ETag"]
    assert call("GET", path, headers={"If-None-Match": seen}).status_code == 304
    assert call("PATCH", path, headers={"If-Match": seen}, json={"phone": "1"}).status_code == 200
    assert call("PATCH", path, headers={"If-Match": seen}, json={"phone": "2"}).status_code == 412
    assert call("GET", path).get_json()["phone"] == "1"


def test_who_was_erased_is_in_no_kept_answer_and_is_not_made_again(call: Call, running: Process) -> None:
    made = call("POST", "contacts", "k-1", json={"email": "gone@example.com"}).get_json()
    with running.database.unit() as session:
        erase(session, session.get_one(Contact, made["id"]), clock.now())
    with running.database.reading() as session:
        assert session.scalars(select(KeptAnswer)).one().body_locked is None
    refused = call("POST", "contacts", json={"email": "Gone@example.com"})
    assert (refused.status_code, refused.get_json()["errors"][0]["field"]) == (422, "email")


def test_a_sweep_is_rung_for_after_the_answer_is_kept(
    call: Call, ours: Made, bells: queues.MemoryBells, running: Process
) -> None:
    store_id = ours.ids["store_id"]
    assert call("POST", f"stores/{store_id}/sync").status_code == 202
    assert ("bulk", "catch_up", (store_id,)) in bells.pending
    with running.database.unit() as session:
        session.get_one(Store, store_id).state = "needs_reconnect"
    refused = call("POST", f"stores/{store_id}/sync")
    assert (refused.status_code, "needs_reconnect" in refused.get_json()["detail"]) == (409, True)


def test_health_counts_what_is_here(call: Call, ours: Made) -> None:
    health = call("GET", f"stores/{ours.ids['store_id']}/health").get_json()
    assert (health["state"], health["cause"], health["webhooks"]) == ("connected", "ok", [])
    here = {line["element"]: line["here_count"] for line in health["ledger"]}
    assert here == {"contacts": 1, "products": 1, "collections": 1, "orders": 1, "transactions": 2}


def test_deleting_an_order_is_written_into_the_audit_log(call: Call, ours: Made, running: Process) -> None:
    assert call("DELETE", f"orders/{ours.ids['order_id']}").status_code == 204
    with running.database.reading() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "order_deleted")).one()
    assert (entry.account_id, entry.via, entry.subject) == (ours.account_id, "api", "WC-4812")


@BOTH
def test_filters_find_what_they_say(call: Call, ours: Made, theirs: Made) -> None:
    def ids(path: str) -> list[int]:
        answer = call("GET", path)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.get_json()["data"]]

    order = [ours.ids["order_id"]]
    assert ids("orders?email=ANA@ours.example.com&in_trash=false") == order
    assert ids("orders?placed_since=2026-11-20T14:03:11Z&placed_before=2026-11-20T14:03:12Z") == order
    assert ids("orders?placed_before=2026-11-20T15:03:11%2B01:00") == []
    assert ids("orders?updated_since=2099-01-01T00:00:00Z") == []
    # The years' both ends, told with offsets that lead out of them.
    assert ids("orders?placed_since=0001-01-01T00:00:00%2B14:00&placed_before=9999-12-31T23:59:59-12:00") == order
    assert ids(f"contacts?store_id={ours.ids['store_id']}&is_guest=false&consent=unknown") == [ours.ids["contact_id"]]
    assert ids(f"contacts?store_id={theirs.ids['store_id']}") == []
    assert ids("products?sku=HOOD&type=variable&updated_since=2020-01-01T00:00:00Z") == [ours.ids["product_id"]]
    assert ids("stores?state=connected&limit=1") == [ours.ids["store_id"]]


def test_stores_come_a_page_at_a_time_too(call: Call) -> None:
    first = call("GET", "stores?limit=1").get_json()
    second = call("GET", f"stores?limit=1&cursor={first['next_cursor']}").get_json()
    assert second["next_cursor"] is None
    assert {first["data"][0]["state"], second["data"][0]["state"]} == {"connected", "connecting"}


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "orders?limit=1&limit=2", {}, 422),
        ("GET", "orders?colour=red", {}, 422),
        ("GET", "orders/99999999999999999999999", {}, 404),
        ("PUT", "orders", {}, 405),
        ("POST", "contacts", {"data": b"{", "content_type": "application/json"}, 400),
        ("POST", "contacts", {"data": b"email=a", "content_type": "application/x-www-form-urlencoded"}, 415),
        ("POST", "contacts", {"data": b" " * 1_100_000, "content_type": "application/json"}, 413),
    ],
)
def test_every_refusal_is_a_problem_with_a_remedy(
    call: Call, method: str, path: str, sent: dict[str, Any], status: int
) -> None:
    refused = call(method, path, **sent)
    assert (refused.status_code, refused.mimetype) == (status, "application/problem+json")
    problem = refused.get_json()
    assert problem["type"].startswith("urn:referins:problem:")
    assert problem["status"] == status and problem["detail"] and problem["request_id"]
    if status == 405:
        assert set(refused.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_a_token_may_call_so_often_and_is_told_what_is_left(app: Flask, call: Call, running: Process) -> None:
    app.extensions["api_rates"] = rates.Rates(
        configuration.load({**_environ(running), "REFERINS_API_RATE": "3 per hour"})
    )
    left = [call("GET", "stores").headers["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    refused = call("GET", "stores")
    assert (refused.status_code, refused.mimetype) == (429, "application/problem+json")
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert refused.headers["RateLimit-Policy"] == '"token";q=3;w=3600'
    assert refused.headers["RateLimit"].startswith('"token";r=0;t=')


def test_limits_are_counted_together_in_redis_and_in_memory_while_it_is_away(running: Process, valkey: Redis) -> None:
    path = valkey.connection_pool.connection_kwargs["path"]
    settings = configuration.load(
        {**_environ(running), "REFERINS_API_RATE": "5 per hour", "REDIS_URL": f"unix://{path}"}
    )
    here, there = rates.Rates(settings), rates.Rates(settings)
    assert [one.take(7).remaining for one in (here, there, here)] == [4, 3, 2]
    gone = configuration.load({**_environ(running), "REFERINS_API_RATE": "5 per hour", "REDIS_URL": "unix:///nowhere"})
    alone = rates.Rates(gone)
    assert [alone.take(7).remaining for _ in range(2)] == [4, 3]
    assert not alone.take(7).exceeded


@pytest.mark.parametrize("rate", ["often", "0 per hour", "5/minute", "5 per year"])
def test_a_rate_that_is_none_stops_the_start(running: Process, rate: str) -> None:
    with pytest.raises(configuration.ConfigError, match="REFERINS_API_RATE"):
        configuration.load({**_environ(running), "REFERINS_API_RATE": rate})


def _environ(running: Process) -> dict[str, str]:
    kept = running.config
    return {
        "SECRET_KEY": kept.secret_key,
        "ENCRYPTION_KEYS": ",".join(kept.encryption_keys),
        "REFERINS_DATA": str(kept.data_dir),
    }

"""The letter box of the webhooks stands before the pages: raw bytes in, a short text out."""

from __future__ import annotations

from io import BytesIO
from unittest import mock

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from referins_woo import queues
from referins_woo.ingest.models import Delivery
from referins_woo.ingest.receive import MAX_BODY
from referins_woo.process import Process
from referins_woo.stores.models import Store
from referins_woo.web.hooks import Names
from referins_woo.woo import signature
from tests.factories.rows import Made

SECRET = "the secret of a hook"
BODY = b'{"id":7}'


@pytest.fixture
def path(ours: Made, running: Process, bells: queues.MemoryBells) -> str:
    """Where a connected store posts, whose deliveries are signed with SECRET."""
    with running.database.unit() as session:
        store = session.get_one(Store, ours.ids["store_id"])
        store.hook_secret_locked = running.vault.lock(SECRET)
        bells.pending.clear()
        return f"/hooks/woocommerce/{store.hook_token}"


def signed(body: bytes = BODY) -> dict[str, str]:
    """The headers of a delivery that matter."""
    return {
        "X-WC-Webhook-Signature": signature.make(body, SECRET),
        "X-WC-Webhook-Topic": "order.created",
        "X-WC-Webhook-ID": "3",
        "X-WC-Webhook-Delivery-ID": "d1",
    }


def stored(running: Process) -> list[tuple[str, bytes]]:
    """The undone deliveries: topic and body."""
    with running.database.reading() as session:
        query = select(Delivery.topic, Delivery.body).where(Delivery.state == "received").order_by(Delivery.id)
        return [(row.topic, row.body) for row in session.execute(query)]


def test_a_signed_delivery_is_durable_before_it_is_answered_and_rings(
    client: FlaskClient, running: Process, path: str, bells: queues.MemoryBells, ours: Made
) -> None:
    before = stored(running)
    answer = client.post(path, data=BODY, headers=signed())
    assert (answer.status_code, answer.text) == (200, "stored\n")
    assert stored(running) == [*before, ("order.created", BODY)]
    assert ("live", "drain_deliveries", (ours.ids["store_id"],)) in bells.pending
    assert "Set-Cookie" not in answer.headers


def test_a_wrong_signature_stores_nothing_and_rings_nothing(
    client: FlaskClient, running: Process, path: str, bells: queues.MemoryBells
) -> None:
    before = stored(running)
    assert client.post(path, data=BODY, headers=signed(b"other")).status_code == 401
    assert (stored(running), bells.pending) == (before, [])


def test_row_58_what_is_no_delivery_is_refused_in_few_words(client: FlaskClient, path: str) -> None:
    assert client.post("/hooks/woocommerce/nobody", data=BODY, headers=signed()).status_code == 404
    assert client.post(path, data=b"x" * (MAX_BODY + 1), headers=signed()).status_code == 413
    asked = client.get(path)
    assert (asked.status_code, asked.headers["Allow"]) == (405, "POST")
    assert client.post(path + "/more", data=BODY, headers=signed()).status_code == 404
    assert client.post("/hooks/woocommerce/", data=BODY, headers=signed()).status_code == 404


def test_a_body_in_chunks_is_read_to_its_end(client: FlaskClient, running: Process, path: str) -> None:
    more = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = client.post(path, input_stream=BytesIO(BODY), headers=signed(), environ_overrides=more)
    assert answer.status_code == 200
    assert stored(running)[-1] == ("order.created", BODY)


def test_a_database_that_cannot_be_read_is_answered_with_503(client: FlaskClient, running: Process, path: str) -> None:
    away = OperationalError("SELECT", {}, Exception("away"))
    with mock.patch.object(type(running.database), "looking", side_effect=away):
        assert client.post(path, data=BODY, headers=signed()).status_code == 503


def test_the_names_of_headers_have_no_case() -> None:
    names = Names({"HTTP_X_WC_WEBHOOK_TOPIC": "order.created", "PATH_INFO": "/"})
    assert names["x-wc-webhook-topic"] == names.get("X-WC-Webhook-Topic") == "order.created"
    assert names.get("X-WC-Webhook-ID", "") == ""
    assert (list(names), len(names)) == (["X-Wc-Webhook-Topic"], 1)

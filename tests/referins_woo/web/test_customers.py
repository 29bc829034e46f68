"""A store's customer mapping by forms without script, and by the API; of another account there is nothing."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from referins_woo.commerce.models import Contact, ContactLink, CustomerMapping
from referins_woo.process import Process
from referins_woo.queues import MemoryBells
from referins_woo.stores.models import Store
from referins_woo.writeback.models import StoreWrite
from tests.factories.rows import Made, with_double
from tests.referins_woo.web.conftest import Visitor

pytestmark = pytest.mark.usefixtures("bells")


@pytest.fixture
def double(running: Process, ours: Made) -> int:
    """A contact that is no customer of the store yet."""
    made = with_double(running.database, ours)
    with running.database.unit() as session:
        contact = session.get_one(Contact, made.ids["double_id"])
        contact.email = contact.email_key = "a.petrova@ours.example.com"
    return made.ids["double_id"]


def _page(made: Made) -> str:
    return f"/settings/integrations/woocommerce/{made.ids['store_id']}/customers"


def _row(running: Process, contact_id: int) -> CustomerMapping:
    with running.database.reading() as session:
        return session.scalars(select(CustomerMapping).where(CustomerMapping.contact_id == contact_id)).one()


def test_rows_are_ticked_named_and_pushed_without_script(
    merchant: Visitor, ours: Made, double: int, running: Process, bells: MemoryBells
) -> None:
    shown = merchant.get(_page(ours)).text
    assert "Webstore customer mapping" in shown and "#7" in shown and "Unmapped" in shown
    form: dict[str, object] = {
        "row": str(double),
        f"tick-{double}": "1",
        f"username-{double}": "a.petrova",
        "act": "save",
    }
    kept = merchant.follow(merchant.post(_page(ours), form))
    assert "Nothing goes to WooCommerce before a push" in kept.text
    assert (_row(running, double).is_ticked, _row(running, double).username) == (True, "a.petrova")
    wrong = merchant.post(_page(ours), {**form, f"username-{double}": "añã"})
    assert wrong.status_code == 422 and "letters without accents" in wrong.text and 'value="añã"' in wrong.text
    none = merchant.follow(merchant.post(_page(ours), {**form, "act": "push"}))
    assert "Pick at least one row" in none.text
    pushed = merchant.follow(merchant.post(_page(ours), {**form, f"pick-{double}": "1", "act": "push"}))
    assert "1 on the way to WooCommerce." in pushed.text
    assert ("bulk", "push_writes", (ours.ids["store_id"],)) in bells.pending
    with running.database.reading() as session:
        write = session.scalars(select(StoreWrite).where(StoreWrite.kind == "customer_created")).one()
    assert (write.subject, write.body) == (double, {}), "no personal data lies in the outbox"


def test_states_are_filtered_searched_and_exported(merchant: Visitor, ours: Made, double: int) -> None:
    for query, here, there in (
        ("?state=mapped", "Ana Petrova", "A. Petrova"),
        ("?state=unmapped", "A. Petrova", "Ana Petrova"),
        ("?q=ana%20pet", "Ana Petrova", "A. Petrova"),
    ):
        shown = merchant.get(_page(ours) + query).text
        assert f">{here}<" in shown and f">{there}<" not in shown, query
    assert "No contacts here" in merchant.get(_page(ours) + "?state=conflict").text
    assert "No contacts here" in merchant.get(_page(ours) + "?page=99").text
    file = merchant.get(_page(ours) + "/mappings.csv?state=mapped").text.splitlines()
    assert file[0].endswith("contact_id,name,email,username,webstore_customer,webstore_id,state,evidence,email_too")
    assert file[1].split(",")[1:] == ["Ana Petrova", "ana@ours.example.com", "", "no", "7", "mapped", "", "no"]


def test_settings_are_kept_and_faults_are_named(merchant: Visitor, ours: Made, theirs: Made, running: Process) -> None:
    merchant.get(_page(ours))
    for form, words in (
        ({"push": "timed", "minutes": "1"}, "Give 5 to 10,080 minutes"),
        ({"push": "by_hand", "guest": "nobody"}, "Give the number of a contact"),
        ({"push": "by_hand", "guest": str(theirs.ids["contact_id"])}, "There is no contact"),
    ):
        refused = merchant.post(_page(ours) + "/settings", dict(form))
        assert (refused.status_code, words in refused.text) == (422, True), form
    sent = {"push": "timed", "minutes": "30", "pull": "mapped", "guest": str(ours.ids["contact_id"])}
    kept = merchant.follow(merchant.post(_page(ours) + "/settings", dict(sent)))
    assert "Next push:" in kept.text and "Ana Petrova" in kept.text
    with running.database.reading() as session:
        assert session.get_one(Store, ours.ids["store_id"]).pull_mapped_only


def test_rows_of_another_account_are_not_there(merchant: Visitor, ours: Made, theirs: Made, running: Process) -> None:
    merchant.get(_page(ours))
    strange = theirs.ids["contact_id"]
    merchant.post(_page(ours), {"row": str(strange), f"tick-{strange}": "1", "act": "save"})
    assert merchant.post(_page(ours), {"act": f"ignore:{strange}"}).status_code == 404
    with running.database.reading() as session:
        assert session.scalars(select(CustomerMapping)).all() == []


def test_the_api_lists_ticks_and_pushes(
    client: FlaskClient, ours: Made, theirs: Made, double: int, running: Process
) -> None:
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    path = f"stores/{ours.ids['store_id']}/mapping"

    def call(method: str, path: str, **more: Any) -> Any:
        answer = client.open(f"/api/v1/{path}", method=method, headers=headers, **more)
        return answer.status_code, answer.get_json()

    listed = {row["contact_id"]: row for row in call("GET", path)[1]["data"]}
    assert (listed[double]["state"], listed[double]["webstore_id"]) == ("unmapped", None)
    assert listed[ours.ids["contact_id"]]["webstore_id"] == 7
    assert [row["contact_id"] for row in call("GET", f"{path}?state=unmapped")[1]["data"]] == [double]
    status, row = call("PUT", f"{path}/{double}", json={"webstore_customer": True, "username": "a.p"})
    assert (status, row["webstore_customer"], row["username"], row["state"]) == (200, True, "a.p", "unmapped")
    assert call("PUT", f"{path}/{double}", json={"username": "añã"})[0] == 422
    assert call("PUT", f"{path}/{double}", json={"password": "secret"})[0] == 422
    assert call("PUT", f"{path}/{double}", json={"webstore_id": None})[0] == 422, "it was not mapped here"
    assert call("PUT", f"{path}/{theirs.ids['contact_id']}", json={"webstore_customer": True})[0] == 404
    assert call("POST", f"{path}/push", json={"contact_ids": [theirs.ids["contact_id"]]})[0] == 404
    status, pushed = call("POST", f"{path}/push", json={"contact_ids": [double, ours.ids["contact_id"]]})
    assert (status, pushed["queued"], pushed["not_ticked"]) == (202, 1, 1)
    assert call("GET", path)[1]["data"][1]["on_the_way"] is True
    assert call("POST", f"{path}/push", json={})[1]["asked"] == 1
    assert call("PUT", f"{path}/settings", json={"push": "off"})[1]["push"] == "off"
    status, refused = call("POST", f"{path}/push", json={})
    assert status == 409 and "Push is off" in refused["detail"]
    assert call("POST", f"{path}/suggest")[1]["state"] == "reading"


def test_suggestions_are_applied_and_undone_by_the_api(
    client: FlaskClient, ours: Made, double: int, running: Process
) -> None:
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    path = f"/api/v1/stores/{ours.ids['store_id']}/mapping/suggest"
    with running.database.unit() as session:
        session.add(
            CustomerMapping(
                account_id=ours.account_id,
                store_id=ours.ids["store_id"],
                contact_id=double,
                state="suggested",
                reason="one_to_one",
                evidence="Identical name, one to one.",
                offered_woo_id=63,
            )
        )
    assert client.post(f"{path}/apply", headers=headers).get_json()["changed"] == 1
    with running.database.reading() as session:
        assert session.scalars(select(ContactLink.woo_id).where(ContactLink.contact_id == double)).all() == [63]
    undone = client.post(f"{path}/undo", headers=headers).get_json()
    assert (undone["changed"], undone["suggested"]) == (1, 1)


def test_the_mapping_goes_out_as_a_file_and_comes_in_changed_all_or_nothing(
    merchant: Visitor, client: FlaskClient, ours: Made, theirs: Made, double: int, running: Process
) -> None:
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    url = f"/api/v1/stores/{ours.ids['store_id']}/mapping/file"
    out = client.get(url, headers=headers).get_json()
    assert out["lines"] == 2 and out["next"] is None
    assert client.post(url, json={"csv": out["csv"]}, headers=headers).get_json() == {
        "lines": 2,
        "changed": 0,
        "mapped": 0,
    }, "as it went out, it changes nothing"

    def upload(text: str) -> Any:
        return merchant.post(f"{_page(ours)}/file", {"file": (io.BytesIO(text.encode()), "mapping.csv")})

    first, foreign_id = ours.ids["contact_id"], theirs.ids["contact_id"]
    for text, words in (
        ("", "Choose a CSV file first"),
        ("name\nAna\n", "must name the columns"),
        (
            f"contact_id,webstore_customer\n{double},yes\n{foreign_id},yes\n",
            "Line 3: there is no contact",
        ),
        (f"contact_id,webstore_customer\n{double},yes\n{double},no\n", "Line 3: this contact is there twice"),
        (f"contact_id,webstore_customer\n{double},maybe\n", "Line 2: webstore_customer is yes or no"),
        (f"contact_id,username,webstore_customer\n{double},añã,yes\n", "Line 2: A user name has letters"),
        (f"contact_id,username\n{double},ok\n{first},other\n", "Line 3: This contact is a customer already"),
        (f"contact_id,webstore_id\n{double},zero\n", "Line 2: webstore_id is a whole number"),
        ("email,webstore_customer\nnobody@example.com,yes\n", "Line 2: no contact has the e-mail"),
    ):
        refused = upload(text)
        assert refused.status_code == 422 and words in refused.text, text
    with running.database.reading() as session:
        assert not [one for one in session.scalars(select(CustomerMapping)) if one.is_ticked or one.username]
    done = merchant.follow(upload("email;webstore_customer;username\nA.Petrova@ours.example.com;yes;a.petrova\n"))
    assert "Read: 1. Changed: 1. Mapped: 0." in done.text
    assert (_row(running, double).is_ticked, _row(running, double).username) == (True, "a.petrova")
    kept = client.post(url, json={"csv": f"contact_id,webstore_customer\n{double},\n"}, headers=headers)
    assert kept.get_json()["changed"] == 0 and _row(running, double).is_ticked, "an empty cell changes nothing"
    foreign = f"/api/v1/stores/{theirs.ids['store_id']}/mapping/file"
    assert client.get(foreign, headers=headers).status_code == 404
    assert client.post(foreign, json={"csv": "email\n"}, headers=headers).status_code == 404


def test_contacts_are_decided_about_by_the_api(client: FlaskClient, ours: Made, double: int, running: Process) -> None:
    headers = {"Authorization": f"Bearer {ours.api_token}"}
    url = f"/api/v1/stores/{ours.ids['store_id']}/mapping/{double}/decide"
    with running.database.unit() as session:
        store = session.get_one(Store, ours.ids["store_id"])
        session.add(
            CustomerMapping(
                account_id=store.account_id,
                store_id=store.id,
                contact_id=double,
                state="suggested",
                reason="one_to_one",
                offered_woo_id=99,
            )
        )
    mapped = client.post(url, json={"act": "accept"}, headers=headers).get_json()
    assert (mapped["state"], mapped["webstore_id"]) == ("mapped", 99)
    assert client.post(url, json={"act": "accept"}, headers=headers).status_code == 422
    assert client.post(url, json={"act": "overwrite"}, headers=headers).status_code == 422
    freed = client.post(url, json={"act": "unmap"}, headers=headers).get_json()
    assert (freed["state"], freed["webstore_id"]) == ("unmapped", None)
    assert client.post(url, json={"act": "ignore"}, headers=headers).get_json()["reason"] == "ignored"
    assert client.post(url, json={"act": "explode"}, headers=headers).status_code == 422

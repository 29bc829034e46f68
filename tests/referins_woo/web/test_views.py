"""Saved views and columns: named, shared, opened with, deleted; all in the address."""

from __future__ import annotations

import pytest

from referins_woo.accounts import users
from referins_woo.accounts.models import Membership
from referins_woo.lists.models import DefaultView, SavedView
from referins_woo.process import Process
from tests.factories.rows import PASSWORD, Made
from tests.referins_woo.web.conftest import Visitor


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Views are kept in both databases."""
    return str(request.param)


@pytest.fixture
def colleague(running: Process, ours: Made, app: object) -> Visitor:
    """Another browser, signed in by somebody else of the account."""
    with running.database.unit() as session:
        user = users.create_user(session, "colleague@example.com", PASSWORD, account_name="Elsewhere")
        own = users.accounts_of(session, user.id)[0].id
        session.query(Membership).filter_by(user_id=user.id, account_id=own).delete()
        session.add(Membership(account_id=ours.account_id, user_id=user.id, role="member"))
    visitor = Visitor(app.test_client())  # type: ignore[attr-defined]
    assert visitor.sign_in("colleague@example.com").status_code == 303
    return visitor


def _save(merchant: Visitor, query: str, **more: str) -> int:
    merchant.get("/orders")
    answer = merchant.post("/lists/orders/views", {"query": query, "name": "Unpaid in euros", **more})
    assert answer.status_code == 303, answer.text
    merchant.follow(answer)
    return int(answer.headers["Location"].rpartition("view=")[2])


def test_a_view_keeps_search_filters_order_and_columns(merchant: Visitor) -> None:
    view_id = _save(merchant, "q=petrova&status=Pending&sort=total&cols=number,total&page=3&evil=1")
    tabs = merchant.get(f"/lists/orders/tabs?view={view_id}").text
    assert "Unpaid in euros" in tabs
    address = f"/orders?q=petrova&amp;status=Pending&amp;sort=total&amp;cols=number,total&amp;view={view_id}"
    assert f'href="{address}" aria-current="true"' in tabs
    text = merchant.get(address.replace("&amp;", "&")).text
    assert "WC-4812" in text
    assert ">Subtype<" not in text.partition("<thead>")[2].partition("</thead>")[0]


def test_tabs_count_what_is_behind_them(merchant: Visitor) -> None:
    tabs = merchant.get("/lists/orders/tabs").text
    assert 'All <span class="view-count num">1</span>' in tabs
    assert 'Unpaid <span class="view-count num">0</span>' in tabs
    assert 'To be paid <span class="view-count num">0</span>' in tabs
    assert "view-count" not in merchant.get("/orders").text, "the page does not wait for them"


def test_a_list_opens_with_the_view_of_ones_choice_and_all_is_one_click_away(merchant: Visitor) -> None:
    view_id = _save(merchant, "status=Cancelled", default="1")
    opened = merchant.get("/orders")
    assert opened.headers["Location"] == f"/orders?status=Cancelled&view={view_id}"
    page = merchant.follow(opened).text
    assert "No orders match" in page
    assert 'href="/orders?view=all"' in page
    assert "WC-4812" in merchant.get("/orders?view=all").text
    merchant.get(f"/views/{view_id}")
    merchant.post(f"/views/{view_id}", {"name": "Unpaid in euros"})
    assert merchant.get("/orders").status_code == 200


def test_only_what_is_shared_is_seen_by_others_and_only_its_maker_changes_it(
    merchant: Visitor, colleague: Visitor, running: Process
) -> None:
    view_id = _save(merchant, "status=Cancelled")
    assert colleague.get(f"/views/{view_id}").status_code == 404
    assert "Unpaid in euros" not in colleague.get("/lists/orders/tabs").text
    merchant.get(f"/views/{view_id}")
    merchant.post(f"/views/{view_id}", {"name": "Everybody's", "shared": "1"})
    assert "Everybody" in colleague.get("/lists/orders/tabs").text
    colleague.get(f"/views/{view_id}")
    assert colleague.post(f"/views/{view_id}/delete").status_code == 403
    colleague.post(f"/views/{view_id}", {"name": "Mine now", "default": "1"})
    with running.database.reading() as session:
        assert session.get_one(SavedView, view_id).name == "Everybody's"
    assert colleague.get("/orders").status_code == 302
    merchant.get(f"/views/{view_id}")
    merchant.post(f"/views/{view_id}/delete")
    assert colleague.get("/orders").status_code == 200
    with running.database.reading() as session:
        assert session.query(DefaultView).count() == 0


@pytest.mark.parametrize(
    ("name", "words"), [("", "Give the view a name"), ("x" * 61, "at most 60"), ("to be PAID", "already")]
)
def test_a_name_that_cannot_be_used_says_why_and_is_kept(merchant: Visitor, name: str, words: str) -> None:
    merchant.get("/orders")
    answer = merchant.post("/lists/orders/views", {"query": "status=Pending", "name": name})
    assert answer.status_code == 422
    assert words in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert f'value="{name}"' in answer.text or not name


def test_columns_are_chosen_in_the_address(merchant: Visitor) -> None:
    def heads(query: str) -> str:
        return merchant.get(f"/contacts?{query}").text.partition("<thead>")[2].partition("</thead>")[0]

    assert "Phone" not in heads("")
    few = heads("cols=phone&cols=city")
    assert "Phone" in few
    assert "City" in few
    assert "Contact" in few, "what names the row always shows"
    assert "Tags" not in few
    assert "Tags" in heads("cols=nonsense")
    assert "cols=name,phone,city" in merchant.get("/contacts?cols=phone,city").text


@pytest.mark.parametrize(
    "path", ["/lists/nothing/tabs", "/lists/nothing/views/new", "/lists/nothing/export", "/nothing.csv"]
)
def test_there_is_no_other_list(merchant: Visitor, path: str) -> None:
    assert merchant.get(path).status_code == 404

"""The pages of runs: why it did or did not send, and what can be done with one run."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from referins_woo import clock
from referins_woo.process import Process
from referins_woo.runs import automations
from referins_woo.runs.models import Run, RunLog
from tests.factories.rows import Made


def set_run(running: Process, made: Made, **columns: Any) -> None:
    """Change the run of the account."""
    with running.database.unit() as session:
        session.execute(update(Run).where(Run.id == made.ids["run_id"]).values(columns))


def test_an_order_and_its_contact_say_why_each_automation_did_or_did_not_send(
    merchant: Any, ours: Made, running: Process
) -> None:
    with running.database.unit() as session:
        automations.create_from_recipe(session, ours.account_id, "win_back")
    for path in (f"/orders/{ours.ids['order_id']}", f"/contacts/{ours.ids['contact_id']}"):
        page = merchant.get(path).text
        assert "Why it did or did not send" in page
        assert "Order confirmation" in page and "It sent" in page
        assert "Win-back" in page and "What starts it has not happened" in page


@pytest.mark.parametrize("words", ["WC-4812", "#4812", "ANA@ours.example.com "])
def test_why_did_somebody_not_get_it_is_asked_by_order_or_email(merchant: Any, ours: Made, words: str) -> None:
    page = merchant.get("/runs/why", query_string={"q": words}).text
    assert "Order #WC-4812" in page and "It sent" in page


def test_who_is_not_found_is_told_so(merchant: Any) -> None:
    assert "No order has this number" in merchant.get("/runs/why?q=nobody@example.com").text
    assert "No order has this number" not in merchant.get("/runs/why").text


def test_another_accounts_orders_are_not_found(merchant: Any, theirs: Made) -> None:
    assert "No order has this number" in merchant.get("/runs/why?q=ana@theirs.example.com").text


@pytest.mark.parametrize(
    ("state", "deed", "after"),
    [("failed", "retry", "active"), ("waiting", "skip_wait", "waiting"), ("waiting", "stop", "stopped")],
)
def test_a_run_is_tried_again_goes_on_earlier_or_is_stopped(
    merchant: Any, ours: Made, running: Process, state: str, deed: str, after: str
) -> None:
    position = {"step": "wait", "phase": "waiting", "until": "2099-01-01T00:00:00+00:00"}
    set_run(running, ours, state=state, position=position, ended_at=None, due_at=None)
    path = f"/runs/{ours.ids['run_id']}"
    assert f'action="{path}/{deed}"' in merchant.get(path).text
    assert merchant.post(f"{path}/{deed}").status_code == 303
    with running.database.reading() as session:
        run = session.get_one(Run, ours.ids["run_id"])
        assert run.state == after
        if deed == "skip_wait":
            assert run.due_at is not None and run.due_at <= clock.now()
        assert "by Ours" in session.query(RunLog).filter_by(run_id=run.id).order_by(RunLog.id.desc()).first().text


@pytest.mark.parametrize("of", ["contact", "order"])
def test_a_run_is_stopped_from_the_page_of_its_contact_and_order(
    merchant: Any, ours: Made, running: Process, of: str
) -> None:
    position = {"step": "wait", "phase": "waiting", "until": "2099-01-01T00:00:00+00:00"}
    set_run(running, ours, state="waiting", position=position, ended_at=None, due_at=None)
    page, path = f"/{of}s/{ours.ids[of + '_id']}", f"/runs/{ours.ids['run_id']}"
    shown = merchant.get(page).text
    assert f'action="{path}/skip_wait"' in shown
    assert f'action="{path}/stop"' in shown
    assert merchant.post(f"{path}/stop", {"back": of}).headers["Location"].endswith(page)
    with running.database.reading() as session:
        assert session.get_one(Run, ours.ids["run_id"]).state == "stopped"
    assert f'action="{path}/stop"' not in merchant.get(page).text


def test_what_does_not_fit_a_run_is_refused_in_words(merchant: Any, ours: Made) -> None:
    path = f"/runs/{ours.ids['run_id']}"
    merchant.post(f"{path}/stop")
    assert "has ended already: it is done" in merchant.get(path).text


def test_the_list_is_narrowed_to_a_step_of_an_automation(merchant: Any, ours: Made, running: Process) -> None:
    set_run(running, ours, state="waiting", step="confirm")
    run, path = f'href="/runs/{ours.ids["run_id"]}"', f"/runs?automation={ours.ids['automation_id']}"
    assert '<option value="confirm"' in merchant.get(path).text
    assert run in merchant.get(f"{path}&step=confirm").text
    set_run(running, ours, step="other")
    assert run not in merchant.get(f"{path}&step=confirm").text


def test_the_list_says_version_and_the_step_that_a_run_stands_at(merchant: Any, ours: Made, running: Process) -> None:
    set_run(running, ours, state="waiting", step="confirm", ended_at=None, due_at=clock.now())
    page = merchant.get("/runs").text
    assert "version 1</span>" in page
    assert "at “Send e-mail”" in page
    set_run(running, ours, state="done", ended_at=clock.now())
    assert "at “Send e-mail”" not in merchant.get("/runs").text

"""Editing a draft: saved at once, undone and done again, and never over somebody else's work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from automations import editing
from referins_woo.db import Database
from referins_woo.runs import automations, drafts
from referins_woo.runs.automations import DraftConflict
from referins_woo.runs.models import Automation, AutomationEdit
from tests.conftest import ClockHand
from tests.factories.rows import Made, account_with_everything


@pytest.fixture
def ours(database: Database, bells: Any) -> Made:
    return account_with_everything(database, "ours@example.com")


class Editor:
    """Somebody who edits one draft, and remembers the revision that they saw."""

    def __init__(self, database: Database, made: Made, user_id: int) -> None:
        self.database, self.automation_id, self.user_id = database, made.ids["automation_id"], user_id
        self.look()

    def look(self) -> None:
        with self.database.reading() as session:
            self.revision = session.get_one(Automation, self.automation_id).draft_revision

    def do(self, label: str, change: Callable[[dict[str, Any]], dict[str, Any]], *, typing: bool = False) -> None:
        with self.database.unit() as session:
            automation = session.get_one(Automation, self.automation_id)
            saved = drafts.edit(session, automation, self.user_id, self.revision, label, change, typing=typing)
            self.revision = saved.draft_revision

    def go(self, back: bool = True) -> str:
        with self.database.unit() as session:
            automation = session.get_one(Automation, self.automation_id)
            step = drafts.undo if back else drafts.redo
            saved, label = step(session, automation, self.user_id, self.revision)
            self.revision = saved.draft_revision
            return label

    def subject(self) -> str:
        with self.database.reading() as session:
            return str(session.get_one(Automation, self.automation_id).draft["steps"][0].get("subject"))

    def type(self, text: str) -> None:
        self.do("Changed “Send e-mail”", lambda d: _with_subject(d, text), typing=True)


def _with_subject(document: dict[str, Any], text: str) -> dict[str, Any]:
    step = document["steps"][0]
    settings = {key: value for key, value in step.items() if key not in ("id", "kind")}
    return editing.change(document, step["id"], {**settings, "subject": text})


def _add(kind: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda document: editing.insert(document, "start", kind)[0]


def test_changes_are_undone_and_done_again_one_by_one(database: Database, ours: Made) -> None:
    editor = Editor(database, ours, 1)
    first = editor.subject()
    editor.type("One")
    editor.do("Added “Wait”", _add("wait"))
    assert editor.go() == "Added “Wait”"
    assert editor.subject() == "One"
    assert editor.go() == "Changed “Send e-mail”"
    assert editor.subject() == first
    with pytest.raises(drafts.Nothing):
        editor.go()
    assert editor.go(back=False) == "Changed “Send e-mail”"
    assert editor.subject() == "One"
    editor.type("Another way")
    with pytest.raises(drafts.Nothing):
        editor.go(back=False)


def test_what_is_typed_in_one_go_is_undone_in_one(database: Database, ours: Made, clock: ClockHand) -> None:
    editor = Editor(database, ours, 1)
    first = editor.subject()
    for text in ("H", "He", "Hello"):
        editor.type(text)
    editor.go()
    assert editor.subject() == first
    editor.go(back=False)
    assert editor.subject() == "Hello"
    clock.advance(minutes=5)
    editor.type("Hello again")
    editor.go()
    assert editor.subject() == "Hello"


def test_a_change_that_changes_nothing_is_none(database: Database, ours: Made) -> None:
    editor = Editor(database, ours, 1)
    before = editor.revision
    editor.do("Nothing", lambda document: document)
    assert editor.revision == before


def test_two_editors_get_a_conflict_that_says_what_the_other_did(database: Database, ours: Made) -> None:
    one, other = Editor(database, ours, 1), Editor(database, ours, 2)
    one.type("First")
    one.do("Added “Wait”", _add("wait"))
    with pytest.raises(DraftConflict):
        other.type("Second")
    with database.reading() as session:
        automation = session.get_one(Automation, ours.ids["automation_id"])
        assert drafts.changed_since(session, automation, other.revision) == [
            "Added “Wait”: not set.",
            "Changed “Send e-mail”: subject.",
        ]
    other.look()
    other.do("Removed", lambda document: editing.remove(document, "wait"))
    assert other.subject() == "First"


def test_a_draft_that_was_saved_otherwise_is_where_undo_ends(database: Database, ours: Made) -> None:
    editor = Editor(database, ours, 1)
    editor.type("In the builder")
    with database.unit() as session:
        automation = session.get_one(Automation, ours.ids["automation_id"])
        document = _with_subject(automation.draft, "By the API")
        automations.save_draft(
            session, automation.id, automation.account_id, revision=automation.draft_revision, definition=document
        )
    editor.look()
    editor.type("Again in the builder")
    editor.go()
    assert editor.subject() == "By the API"


def test_old_edits_are_let_go(database: Database, ours: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "MOST", 5)
    editor = Editor(database, ours, 1)
    for number in range(12):
        editor.do(f"Change {number}", lambda d, n=number: _with_subject(d, f"Subject {n}"))  # type: ignore[misc]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(AutomationEdit)) == 6
    for _ in range(5):
        editor.go()
    with pytest.raises(drafts.Nothing):
        editor.go()


def test_requests_of_one_page_that_overtake_one_another_are_no_conflict(database: Database, ours: Made) -> None:
    def edit(revision: int, label: str, editor: str) -> None:
        with database.unit() as session:
            automation = session.get_one(Automation, ours.ids["automation_id"])
            drafts.edit(session, automation, 1, revision, label, _add("wait"), editor=editor)

    seen = Editor(database, ours, 1).revision
    edit(seen, "First", "page-a")
    edit(seen, "Second", "page-a")
    with pytest.raises(DraftConflict):
        edit(seen, "Third", "page-b")
    with pytest.raises(DraftConflict):
        edit(seen, "Third", "")

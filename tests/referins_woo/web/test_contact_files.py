"""Importing contacts in the browser, without script: upload, look, choose, start, and the report."""

from __future__ import annotations

import io

import pytest

from referins_woo.ingest.contact_files import files
from referins_woo.process import Process
from referins_woo.queues import MemoryBells
from tests.factories.rows import Made
from tests.referins_woo.web.conftest import Visitor

CSV = b"Mail;Vorname\nada@example.com;Ada\nnobody;N\n"


def _upload(merchant: Visitor, content: bytes, name: str = "list.csv") -> str:
    merchant.get("/contacts/import")
    answer = merchant.post(
        "/contacts/import", {"file": (io.BytesIO(content), name)}, content_type="multipart/form-data"
    )
    assert answer.status_code == 303, answer.text[:2000]
    return answer.headers["Location"]


@pytest.fixture(autouse=True)
def _jobs(bells: MemoryBells) -> None:
    import referins_woo.ingest.jobs  # noqa: F401, PLC0415


def test_the_whole_way_from_a_file_to_contacts(merchant: Visitor, ours: Made, bells: MemoryBells) -> None:
    page = _upload(merchant, CSV)
    assert "being looked at" in merchant.get(page).text
    bells.drain("bulk")
    shown = merchant.get(page).text
    assert "2 rows" in shown
    wrong = merchant.post(page, {"act": "look", "column_0": "email", "column_1": "email"})
    assert wrong.status_code == 422
    assert "Two columns are said to hold “E-mail”" in wrong.text
    merchant.follow(merchant.post(page, {"act": "look", "column_0": "email", "column_1": "first_name", "tag": "new"}))
    bells.drain("bulk")
    assert "Import 1 people" in merchant.get(page).text
    merchant.follow(merchant.post(page, {"act": "start"}))
    bells.drain("bulk")
    done = merchant.get(page).text
    assert "Imported" in done
    assert "nobody is no e-mail address" in done
    assert b"4,,bad_email" not in merchant.get(f"{page}/problems.csv").data
    assert b"3,,bad_email" in merchant.get(f"{page}/problems.csv").data
    assert "ada@example.com" in merchant.get("/contacts?q=ada").text


def test_no_file_and_an_empty_one_are_refused_beside_the_field(merchant: Visitor, ours: Made) -> None:
    merchant.get("/contacts/import")
    assert "Choose a CSV file" in merchant.post("/contacts/import").text
    merchant.get("/contacts/import")
    empty = merchant.post("/contacts/import", {"file": (io.BytesIO(b""), "e.csv")}, content_type="multipart/form-data")
    assert (empty.status_code, "The file is empty" in empty.text) == (422, True)


def test_a_file_may_be_larger_than_other_forms_up_to_its_limit(
    merchant: Visitor, ours: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    _upload(merchant, b"email\n" + b"a@example.com\n" * 150_000)
    monkeypatch.setattr(files, "LARGEST_FILE", 1000)
    merchant.get("/contacts/import")
    content = io.BytesIO(b"email\n" + b"a@example.com\n" * 100)
    answer = merchant.post("/contacts/import", {"file": (content, "b.csv")}, content_type="multipart/form-data")
    assert (answer.status_code, "larger than 50 MB" in answer.text) == (422, True)


def test_the_sample_can_be_imported_as_it_is(merchant: Visitor, ours: Made, bells: MemoryBells) -> None:
    page = _upload(merchant, merchant.get("/contacts/import/sample.csv").data)
    bells.drain("bulk")
    shown = merchant.get(page).text
    assert "in our own shape" in shown
    assert "Import 2 people" in shown
    merchant.follow(merchant.post(f"{page}/cancel"))
    assert "Cancelled" in merchant.get(page).text


def test_the_page_that_moves_is_asked_for_alone(merchant: Visitor, ours: Made, running: Process) -> None:
    page = _upload(merchant, CSV)
    partial = merchant.get(page, headers={"HX-Request": "true"}).text
    assert partial.lstrip().startswith('<div id="contact-file"')
    assert "hx-trigger" in partial

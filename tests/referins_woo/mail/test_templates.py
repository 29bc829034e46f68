"""Templates as records, the brand, products on cards, pictures: what is kept, what is refused, nothing of others."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from automations.recipes import all_emails
from referins_woo.db import Database
from referins_woo.errors import InvalidInput
from referins_woo.mail.brand import Brand
from referins_woo.mail.design import as_code, brands, pictures, templates
from referins_woo.mail.design.models import Picture
from tests.factories.rows import THANKS, Made, account_with_everything

COUPON = {"kind": "coupon", "text": "Ten percent", "code": "TEN"}


@pytest.fixture
def backend() -> str:
    """One database is enough but where conflicts are written."""
    return "sqlite"


@pytest.fixture
def made(database: Database) -> Made:
    """An account with one row of each kind."""
    return account_with_everything(database, "ours@example.com")


def png(width: int = 20, height: int = 10, kind: str = "PNG", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(out, kind, **more)
    return out.getvalue()


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_a_draft_is_saved_on_the_revision_that_was_seen(database: Database, made: Made) -> None:
    with database.unit() as session:
        template = templates.get(session, made.account_id, made.ids["template_id"])
        assert (template.revision, template.version) == (1, 1)
        templates.save(session, template, None, 1, document={**THANKS, "preheader": "P"}, name="Other")
        assert (template.revision, template.name) == (2, "Other")
        with pytest.raises(templates.TemplateConflict) as told:
            templates.save(session, template, None, 1, name="Lost")
        assert told.value.revision == 2
        assert templates.save(session, template, None, 1, name="Other").revision == 2, "nothing changed, nothing lost"


def test_versions_are_kept_restored_and_never_twice(database: Database, made: Made) -> None:
    with database.unit() as session:
        template = templates.get(session, made.account_id, made.ids["template_id"])
        assert templates.keep(session, template, None).number == 1
        templates.save(session, template, None, 1, document={**THANKS, "subject": "New"})
        assert templates.keep(session, template, made.user_id, "better").number == 2
        templates.restore(session, template, None, 1, template.revision)
        assert template.document == THANKS
        assert [one.number for one in templates.versions(session, template)] == [2, 1]
        with pytest.raises(InvalidInput):
            templates.restore(session, template, None, 9, template.revision)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"subject": "{{ transaction.amount }}", "body": [{"kind": "divider"}]}, ("", "subject")),
        ({"subject": "S", "body": [{"kind": "text", "text": "{{ order.numbr }}"}]}, ("body[0]", "text")),
        ({"subject": "S", "body": [COUPON], "transactional": True}, ("body[0]", "kind")),
        ({"subject": "S", "body": [{"kind": "code", "language": "html", "code": "<script>"}]}, ("body[0]", "body")),
        ({"subject": "S", "body": [{"kind": "product_cards"}]}, ("body[0]", "products")),
        ({"subject": "S"}, ("", "body")),
    ],
)
def test_what_could_not_be_sent_is_no_version(
    database: Database, made: Made, document: dict[str, Any], place: tuple[str, str]
) -> None:
    with database.unit() as session:
        template = templates.create(session, made.account_id, None, "Draft", "order_submitted", document)
        assert template.version == 0
        with pytest.raises(templates.NotKeepable) as told:
            templates.keep(session, template, None)
    assert [(one.path, one.field) for one in told.value.problems] == [place]


@pytest.mark.parametrize("given", [{"subject": "S", "bdy": []}, {"body": "x"}])
def test_an_unknown_part_of_a_document_is_refused(database: Database, made: Made, given: dict[str, Any]) -> None:
    with database.unit() as session, pytest.raises(InvalidInput):
        templates.create(session, made.account_id, None, "Draft", "order_submitted", given)


def test_another_accounts_template_is_not_there(database: Database, made: Made) -> None:
    theirs = account_with_everything(database, "theirs@example.com")
    with database.reading() as session, pytest.raises(templates.NoSuchTemplate):
        templates.get(session, made.account_id, theirs.ids["template_id"])


def test_the_gallery_has_every_recipes_emails_ready_to_keep(database: Database, made: Made) -> None:
    assert len(all_emails()) >= 12
    with database.unit() as session:
        for one in all_emails():
            template = templates.create(session, made.account_id, None, one.name, one.trigger, one.document)
            assert template.version == 1, one.key
            step = templates.settings_of(template, templates.versions(session, template)[0])
            assert step["template"] == {"id": template.id, "version": 1}


def test_going_on_in_code_gives_code_without_faults() -> None:
    for one in all_emails():
        code = {"kind": "code", "language": "mjml", "code": as_code.mjml_of(one.document["body"], Brand())}
        assert templates.problems({"subject": "S", "body": [code]}, one.trigger) == [], one.key


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_the_brand_is_kept_and_goes_into_every_email(database: Database, made: Made) -> None:
    with database.unit() as session:
        assert brands.ready(session, made.account_id, THANKS) == THANKS
        brands.write(session, made.account_id, {"accent": "#0F766E", "social": {"x": "https://x.com/a", "tiktok": ""}})
        brands.write(session, made.account_id, {"language": "de_DE"})
        found = brands.read(session, made.account_id)
        assert (found.accent, found.language, found.social) == ("#0f766e", "de_DE", {"x": "https://x.com/a"})
        assert brands.ready(session, made.account_id, THANKS)["brand"]["accent"] == "#0f766e"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"accent": "red"}, "accent"),
        ({"background": "#12345"}, "background"),
        ({"font": "comic"}, "font"),
        ({"language": "xx"}, "language"),
        ({"logo": "javascript:alert(1)"}, "logo"),
        ({"logo": 'https://x.example/"><b>'}, "logo"),
        ({"logo_width": "9"}, "logo_width"),
        ({"logo_width": "wide"}, "logo_width"),
        ({"social": {"x": "x.com"}}, "social.x"),
        ({"social": {"myspace": "https://x"}}, "social"),
    ],
)
def test_a_brand_that_cannot_be_shown_is_refused_by_its_field(
    database: Database, made: Made, given: dict[str, Any], field: str
) -> None:
    with database.unit() as session:
        with pytest.raises(InvalidInput) as told:
            brands.write(session, made.account_id, given)
        assert told.value.field == field
        assert brands.read(session, made.account_id) == Brand()


def test_cards_show_products_of_the_account_as_they_are_now(database: Database, made: Made) -> None:
    theirs = account_with_everything(database, "theirs@example.com")
    ids = [str(made.ids["product_id"]), str(theirs.ids["product_id"]), "999", "x"]
    card = {"kind": "product_cards", "products": ids}
    body = [card, {"kind": "columns", "left": [card], "right": []}, {**card, "source": "order"}]
    with database.reading() as session:
        ready = brands.ready(session, made.account_id, {"subject": "S", "body": body})
    shown = ready["body"][0]["cards"]
    assert [one["name"] for one in shown] == ["Hoodie"]
    assert shown[0]["price"] == "45.00"
    assert ready["body"][1]["left"][0]["cards"] == shown
    assert "cards" not in ready["body"][2]
    assert "cards" not in body[0], "the template itself stays as it is"


def test_pictures_are_decoded_shrunk_and_kept_once(database: Database, made: Made) -> None:
    with database.unit() as session:
        wide = pictures.add(session, made.account_id, "wide.png", png(2_400, 1_000))
        assert (wide.kind, wide.width, wide.height) == ("png", 1_200, 500)
        again = pictures.add(session, made.account_id, "again.png", png(2_400, 1_000))
        assert again.id == wide.id
        for kind, name in (("JPEG", "jpeg"), ("GIF", "gif"), ("WEBP", "webp")):
            assert pictures.add(session, made.account_id, "a", png(kind=kind)).kind == name
        token = wide.token
    with database.reading() as session:
        found = pictures.found(session, token, "png")
        assert found is not None and found.content.startswith(b"\x89PNG")
        assert pictures.found(session, token, "gif") is None


def test_what_cameras_add_is_taken_out(database: Database, made: Made) -> None:
    place = Image.Exif()
    place[0x010E] = "Taken at home"
    with database.unit() as session:
        kept = pictures.add(session, made.account_id, "a.jpg", png(kind="JPEG", exif=place))
        assert b"Taken at home" not in kept.content


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Choose"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "no PNG"),
        (b"<html>", "no PNG"),
        (png(300, 300)[:-30], "damaged"),
        (png(kind="BMP"), "no PNG"),
        (png(6_001, 1), "6001 × 1 pixels"),
        (b"x" * 5_000_001, "larger than 5 MB"),
    ],
    ids=["nothing", "svg", "html", "cut", "bmp", "wide", "large"],
)
def test_what_is_no_picture_for_mailboxes_is_refused(database: Database, made: Made, content: bytes, said: str) -> None:
    with database.unit() as session:
        with pytest.raises(InvalidInput) as told:
            pictures.add(session, made.account_id, "a.png", content)
        assert said in told.value.message
        assert len(session.scalars(select(Picture.id)).all()) == 1, "the factory's alone"

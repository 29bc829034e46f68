"""Rows of one account, one of each kind: what pages and the API show, and what another account must not see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from referins_woo import clock
from referins_woo.accounts import sessions, tokens, users
from referins_woo.accounts.models import Invitation, UserSession
from referins_woo.commerce.models import (
    Collection,
    CollectionProduct,
    Contact,
    ContactLink,
    ContactMerge,
    CurrencyRate,
    Location,
    Match,
    Order,
    OrderLine,
    Product,
    StockAdjustment,
    StockEntry,
    StockItem,
    Transaction,
    Variant,
)
from referins_woo.commerce.upsert.bulk import new_ids
from referins_woo.crypto import Vault, new_token
from referins_woo.db import Database
from referins_woo.events.models import Event
from referins_woo.ingest.contact_files.models import ContactFile
from referins_woo.ingest.models import Delivery, Import, ImportElement, SkippedRecord
from referins_woo.lists.models import SavedView, Task
from referins_woo.mail.design import templates
from referins_woo.mail.design.models import Picture
from referins_woo.mail.models import DevMail, Message, Suppression
from referins_woo.match_desk.desk import columns_of
from referins_woo.outbound import signing
from referins_woo.outbound.models import WebhookCall, WebhookEndpoint
from referins_woo.runs import automations
from referins_woo.runs.models import AskedRehearsal, Run, RunLog
from referins_woo.stores.models import Grant, Store
from referins_woo.writeback.models import StoreWrite
from tests.conftest import ENCRYPTION_KEY

PASSWORD = "correct horse battery"
THANKS = {"subject": "We have your order {{ order.number }}", "body": [{"kind": "text", "text": "Thank you!"}]}
PLACED = datetime(2026, 11, 20, 14, 3, 11, tzinfo=UTC)


@dataclass(frozen=True)
class Made:
    """Ids of the rows of one account."""

    account_id: int
    user_id: int
    email: str
    api_token: str
    ids: dict[str, int]
    """By the name that routes use: store_id, contact_id, order_id, …"""
    grant_state: str


def with_double(database: Database, made: Made) -> Made:
    """Give the account a second contact that may be the first one: `double_id`, and the open pair `match_id`."""
    with database.unit() as session:
        session.delete(session.get_one(Match, made.ids["match_id"]))
        session.flush()
        (double_id,) = new_ids(session, Contact, 1)
        session.add(
            Contact(
                id=double_id,
                account_id=made.account_id,
                name="A. Petrova",
                name_key="a. petrova",
                phone="+49 30 901820",
            )
        )
        match = Match(account_id=made.account_id, older_id=made.ids["contact_id"], newer_id=double_id, rule="by_hand")
        session.add(match)
        session.flush()
        return replace(made, ids={**made.ids, "double_id": double_id, "match_id": match.id})


def account_with_everything(database: Database, email: str, *, store_state: str = "connected") -> Made:
    """Make a user with an account that has one row of each kind."""
    name = email.partition("@")[0]
    with database.unit() as session:
        user = users.create_user(session, email, PASSWORD, name=name.title(), account_name=f"{name.title()} Ltd")
        account = users.accounts_of(session, user.id)[0]
        account.time_zone, account.base_currency = "Europe/Berlin", "EUR"
        account.postal_address = "1 Example Street\nExample Town"
        mine = account.id
        location_id = session.scalars(select(Location.id).where(Location.account_id == mine)).one()
        store = Store(
            account_id=mine,
            location_id=location_id,
            url=f"https://{name}.example.com",
            name=f"Shop of {name}",
            identity=f"identity-{name}",
            state=store_state,
            cause="key_revoked" if store_state == "needs_reconnect" else "ok",
            cause_since=PLACED,
            hook_token=new_token(),
            hook_secret_locked="locked",
            currency="EUR",
            time_zone="Europe/Berlin",
            key_tail="a41f",
            import_elements=["contacts", "orders"],
            live_since=PLACED,
            connected_at=PLACED,
        )
        pending = Store(
            account_id=mine,
            location_id=location_id,
            url=f"https://new-{name}.example.com",
            state="connecting",
            hook_token=new_token(),
            hook_secret_locked="locked",
        )
        contact = Contact(
            account_id=mine,
            name="Ana Petrova",
            name_key="ana petrova",
            first_name="Ana",
            last_name="Petrova",
            email=f"ana@{name}.example.com",
            email_key=f"ana@{name}.example.com",
            billing={"city": "Berlin"},
        )
        session.add_all([store, pending, contact])
        session.flush()
        session.add(ContactLink(account_id=mine, store_id=store.id, woo_id=7, contact_id=contact.id))
        product = Product(
            account_id=mine,
            store_id=store.id,
            woo_id=100,
            type="variable",
            woo_status="publish",
            name="Hoodie",
            sku="HOOD",
            price=450_000,
            currency="EUR",
            content_hash="x",
        )
        collection = Collection(account_id=mine, store_id=store.id, woo_id=15, name="Hoodies", slug="hoodies")
        order = Order(
            account_id=mine,
            store_id=store.id,
            location_id=location_id,
            woo_id=4812,
            number="WC-4812",
            status="Pending",
            woo_status="on-hold",
            payment_state="partially_refunded",
            currency="EUR",
            total=1_473_700,
            total_tax=235_200,
            contact_id=contact.id,
            email=contact.email,
            email_key=contact.email_key,
            billing={"first_name": "Ana", "last_name": "Petrova"},
            placed_at=PLACED,
            paid_at=PLACED,
            delivery_date=date(2026, 12, 4),
            content_hash="x",
        )
        session.add_all([product, collection, order])
        session.flush()
        session.add_all(
            [
                Variant(
                    account_id=mine,
                    store_id=store.id,
                    product_id=product.id,
                    woo_id=101,
                    sku="HOOD-RED",
                    price=450_000,
                    attributes=[{"name": "Colour", "option": "Red"}],
                    stock_quantity=25,
                    content_hash="x",
                ),
                CollectionProduct(product_id=product.id, woo_category_id=15, name="Hoodies", slug="hoodies"),
                OrderLine(
                    order_id=order.id,
                    account_id=mine,
                    kind="product",
                    woo_line_id=1,
                    position=0,
                    product_id=product.id,
                    sku="HOOD-RED",
                    name="Hoodie",
                    quantity=20_000,
                    price_per_unit=37_815_126,
                    total=756_303,
                    tax_rate=190_000,
                ),
                Transaction(
                    account_id=mine,
                    store_id=store.id,
                    order_id=order.id,
                    woo_order_id=4812,
                    kind="payment",
                    amount=1_473_700,
                    currency="EUR",
                    reference="ch_1",
                    occurred_at=PLACED,
                ),
                Transaction(
                    account_id=mine,
                    store_id=store.id,
                    order_id=order.id,
                    woo_order_id=4812,
                    woo_refund_id=5,
                    kind="refund",
                    amount=-123_400,
                    currency="EUR",
                    reference="WC-4812",
                    occurred_at=PLACED,
                ),
                Delivery(
                    account_id=mine,
                    store_id=store.id,
                    topic="order.created",
                    body=b"{}",
                    body_sha256=name,
                    state="done",
                ),
            ]
        )
        run_of_import = Import(account_id=mine, store_id=store.id, state="done")
        session.add(run_of_import)
        session.flush()
        session.add_all(
            [
                ImportElement(
                    import_id=run_of_import.id, element="orders", position=0, state="done", total=3, done=2, skipped=1
                ),
                SkippedRecord(
                    account_id=mine,
                    store_id=store.id,
                    import_id=run_of_import.id,
                    element="contacts",
                    woo_id=1,
                    name="=HYPERLINK(1)",
                    reason_code="role",
                    reason="Only customers and subscribers come in",
                ),
            ]
        )
        automation = automations.create_from_recipe(session, mine, "order_confirmation")
        session.flush()
        version = automations.publish(session, automation.id, mine, user.id)
        template = templates.create(session, mine, user.id, "Thanks", "order_submitted", THANKS)
        kept = templates.versions(session, template)[0]
        picture = Picture(
            account_id=mine,
            token=f"picture-of-{name}",
            name="logo.png",
            kind="png",
            width=1,
            height=1,
            size=1,
            fingerprint=f"of {name}",
            content=b"x",
        )
        session.add(picture)
        event = Event(
            account_id=mine,
            store_id=store.id,
            kind="order_submitted",
            subject=4812,
            order_id=order.id,
            contact_id=contact.id,
            occurred_at=PLACED,
            handed_over_at=PLACED,
        )
        session.add(event)
        session.flush()
        rehearsal = AskedRehearsal(
            account_id=mine, automation_id=automation.id, definition=dict(automation.draft), days=30, most=20_000
        )
        session.add(rehearsal)
        run = Run(
            account_id=mine,
            automation_id=automation.id,
            version_id=version.id,
            store_id=store.id,
            event_id=event.id,
            entry_key=f"order:{store.id}:4812",
            order_id=order.id,
            contact_id=contact.id,
            state="done",
            position=[],
        )
        session.add(run)
        session.flush()
        message = Message(
            account_id=mine,
            store_id=store.id,
            run_id=run.id,
            contact_id=contact.id,
            once_key=f"run:{run.id}:confirm",
            purpose="transactional",
            to_email=contact.email,
            template={"subject": "We have your order", "body": []},
            facts={},
            subject="We have your order WC-4812",
            html="<p>Thank you</p>",
            text="Thank you",
            state="sent",
            sent_at=PLACED,
        )
        mail = DevMail(
            account_id=mine,
            to_email=contact.email,
            subject="We have your order",
            raw=b"Subject: We have your order\nContent-Type: text/html\n\n<p>Thank you</p>\n",
        )
        grant = Grant(state_token=new_token(), account_id=mine, store_id=pending.id, expires_at=PLACED)
        session.add_all(
            [message, mail, grant, RunLog(run_id=run.id, step_key="confirm", outcome="sent", text="Sent", trace={})]
        )
        file = ContactFile(account_id=mine, name="newsletter.csv", size=10, state="ready", header=["Email"], total=1)
        session.add(file)
        api_token = tokens.create(session, mine, user.id, "test")
        view = SavedView(account_id=mine, user_id=user.id, list="orders", name="To be paid", query="payment=unpaid")
        task = Task(account_id=mine, user_id=user.id, list="contacts", act="add_tag", value="vip", state="done")
        session.add_all([view, task])
        invitation = Invitation(
            account_id=mine,
            email=f"new@{name}.example.com",
            role="member",
            invited_by_id=user.id,
            token_hash=new_token(),
            expires_at=clock.now() + timedelta(days=7),
        )
        session.add(invitation)
        sessions.begin(session, user.id, mine, clock.now(), ip="192.0.2.1")
        browser_id = session.scalars(select(UserSession.id).where(UserSession.user_id == user.id)).one()
        endpoint = WebhookEndpoint(
            account_id=mine,
            url=f"https://{name}.example.com/webhooks",
            event_types=["order.submitted"],
            secret_locked=Vault((ENCRYPTION_KEY,)).lock(signing.new_secret()),
        )
        session.add(endpoint)
        session.flush()
        was = columns_of(contact)
        gone_id = contact.id + 1_000_000
        match = Match(
            account_id=mine,
            older_id=contact.id,
            newer_id=gone_id,
            rule="same_name",
            state="accepted",
            decided_by=email,
            decided_at=PLACED,
        )
        session.add(match)
        session.flush()
        session.add(
            ContactMerge(
                account_id=mine,
                match_id=match.id,
                kept_id=contact.id,
                gone_id=gone_id,
                gone={**was, "email": f"a.petrova@{name}.example.com", "phone": "+49 30 901820"},
                before=was,
                after={**was, "phone": "+49 30 901820"},
                moved={},
            )
        )
        write = StoreWrite(
            account_id=mine,
            store_id=store.id,
            kind="order_completed",
            subject=4812,
            revision=1,
            order_id=order.id,
            label="WC-4812",
            body={"status": "completed"},
            expected={"status": "processing", "refunded": "0.00", "paid": True},
            state="refused",
            error="WooCommerce now shows “on-hold”; it was “processing” when this was decided.",
        )
        session.add(write)
        rate = CurrencyRate(account_id=mine, base="EUR", currency="USD", day=PLACED.date(), rate="0.9231")
        session.add(rate)
        call = WebhookCall(
            account_id=mine,
            endpoint_id=endpoint.id,
            once_key=f"event:{event.id}",
            event_type="order.submitted",
            webhook_id="msg_1",
            body='{"type": "order.submitted"}',
            state="delivered",
            attempts=1,
            status=200,
        )
        suppression = Suppression(account_id=mine, email_key=f"gone@{name}.example.com", reason="bounced")
        item = StockItem(
            account_id=mine, location_id=location_id, stock_key="sku:HOOD-RED", sku="HOOD-RED", name="Hoodie"
        )
        adjustment = StockAdjustment(
            account_id=mine, number=1, location_id=location_id, kind="by_hand", reason="Counted", by=email
        )
        session.add_all([call, suppression, item, adjustment])
        session.flush()
        session.add(StockEntry(account_id=mine, adjustment_id=adjustment.id, item_id=item.id, quantity=250_000))
        session.flush()
        token_id = tokens.tokens_of(session, mine)[0].token.id
        return Made(
            account_id=mine,
            user_id=user.id,
            email=email,
            api_token=api_token,
            grant_state=grant.state_token,
            ids={
                "store_id": store.id,
                "template_id": template.id,
                "kept_id": kept.id,
                "picture_id": picture.id,
                "endpoint_id": endpoint.id,
                "call_id": call.id,
                "suppression_id": suppression.id,
                "pending_store_id": pending.id,
                "contact_id": contact.id,
                "match_id": match.id,
                "rate_id": rate.id,
                "write_id": write.id,
                "order_id": order.id,
                "product_id": product.id,
                "collection_id": collection.id,
                "import_id": run_of_import.id,
                "automation_id": automation.id,
                "version_id": version.id,
                "event_id": event.id,
                "run_id": run.id,
                "rehearsal_id": rehearsal.id,
                "message_id": message.id,
                "mail_id": mail.id,
                "token_id": token_id,
                "view_id": view.id,
                "task_id": task.id,
                "location_id": location_id,
                "item_id": item.id,
                "adjustment_id": adjustment.id,
                "file_id": file.id,
                "user_id": user.id,
                "account_id": mine,
                "invitation_id": invitation.id,
                "session_id": browser_id,
            },
        )

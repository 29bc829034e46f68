"""What is said when an import has ended: a line in the store's log, and one e-mail to each user of the account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy.orm import Session

from referins_woo import clock
from referins_woo.accounts.users import active_users
from referins_woo.config import Config
from referins_woo.ingest.models import Import, ImportElement
from referins_woo.mail import outbox
from referins_woo.stores.models import Store, StoreLog

_TEMPLATE: Final[dict[str, Any]] = {"email": "import_finished"}
LABELS: Final = {
    "contacts": "Contacts",
    "products": "Products",
    "collections": "Collections",
    "orders": "Orders",
    "transactions": "Transactions",
    "variations": "Variations",
}


def note(session: Session, row: Import, elements: Sequence[ImportElement]) -> None:
    """Keep the result in the store's log (I6)."""
    done, filled = sum(one.done for one in elements), sum(one.filled for one in elements)
    failed, skipped = sum(one.failed for one in elements), sum(one.skipped for one in elements)
    said = ["Tried again what had failed:" if row.kind == "retry" else "Import done:", f"{done:,} records came in"]
    more = [f"{skipped:,} skipped"] if skipped else []
    more += [f"{failed:,} failed"] if failed else []
    more += [f"{filled:,} holes found and filled"] if filled else []
    text = " ".join(said) + "".join(f", {words}" for words in more) + "."
    session.add(
        StoreLog(account_id=row.account_id, store_id=row.store_id, at=clock.now(), kind="import_finished", text=text)
    )


def tell(session: Session, config: Config, row: Import, elements: Sequence[ImportElement]) -> None:
    """Write to each active user, once for each import, whatever is killed or run twice."""
    store = session.get_one(Store, row.store_id)
    path = f"/settings/integrations/woocommerce/{store.id}/imports/{row.id}"
    for user in active_users(session, row.account_id):
        outbox.put(
            session,
            outbox.Letter(
                account_id=row.account_id,
                store_id=store.id,
                once_key=f"import:{row.id}:finished:{user.id}",
                purpose="system",
                to_email=user.email,
                to_name=user.name,
                template=_TEMPLATE,
                facts={
                    "store_name": store.name or store.url,
                    "store_url": store.url,
                    "elements": [
                        {"label": LABELS[one.element], "done": one.done, "skipped": one.skipped, "failed": one.failed}
                        for one in elements
                    ],
                    "skipped": sum(one.skipped for one in elements),
                    "failed": sum(one.failed for one in elements),
                    "link": config.public_url + path,
                },
            ),
        )

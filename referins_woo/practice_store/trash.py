"""What WordPress writes down of a post that it puts into the trash, and reads when it takes it out."""

from __future__ import annotations

from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json

_STATUS, _TIME, _SLUG = "_wp_trash_meta_status", "_wp_trash_meta_time", "_wp_desired_post_slug"


def put(shop: Shop, doc: Json) -> Json:
    """Return a product or coupon as it lies in the trash."""
    slug = doc.get("slug") or doc.get("code", "")
    kept = {_STATUS: doc["status"], _TIME: str(shop.now()), _SLUG: slug}
    meta = [{"id": shop.new_id("meta"), "key": key, "value": value} for key, value in kept.items()]
    gone: Json = {"status": "trash", "meta_data": [*doc.get("meta_data", []), *meta]}
    return {**doc, **gone, **({"slug": f"{slug}__trashed"} if "slug" in doc else {})}


def take(doc: Json) -> Json:
    """Return it as it was before."""
    kept = {row["key"]: row["value"] for row in doc.get("meta_data", [])}
    meta = [row for row in doc.get("meta_data", []) if row["key"] not in (_STATUS, _TIME, _SLUG)]
    back: Json = {"status": kept.get(_STATUS, "publish"), "meta_data": meta}
    slug = kept.get(_SLUG, doc.get("slug", "").removesuffix("__trashed"))
    return {**doc, **back, **({"slug": slug} if "slug" in doc else {})}

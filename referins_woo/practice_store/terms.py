"""Terms: categories, tags, brands, shipping classes, attributes and their values. No webhook tells of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from referins_woo.practice_store import product_rules
from referins_woo.practice_store.call import (
    BATCH,
    CREATE,
    DELETE,
    EDIT,
    LIST,
    VIEW,
    Answer,
    Call,
    Handler,
    Routes,
    in_batch,
)
from referins_woo.practice_store.checks import whole
from referins_woo.practice_store.params import ListSchema, single, truthy
from referins_woo.practice_store.rest_errors import RestError, missing_params
from referins_woo.practice_store.shop import Shop
from referins_woo.practice_store.site import Json
from referins_woo.practice_store.words import cleaned, folded, slug

SCHEMA = ListSchema(
    orderby=("id", "include", "name", "slug", "term_group", "description", "count"),
    default_orderby="name",
    default_order="asc",
    dates=(),
)
_DISPLAY: Json = {"display": "default", "image": None, "menu_order": 0}
Counts = Callable[[Shop], Counter[int]]


@dataclass(frozen=True)
class Taxonomy:
    """One kind of terms: its path, how its documents are called, and what a new one holds beside its name."""

    path: str
    kind: str
    fields: Json = field(default_factory=dict)
    counts: Counts | None = None
    parent: str = ""
    pages: bool = True

    def href(self, doc: Json) -> str:
        """Return the path of one term."""
        return f"{self.path.replace('{parent}', str(doc.get('parent_id', 0)))}/{doc['id']}"


def _by_field(name: str) -> Counts:
    return lambda shop: Counter(
        term for doc in product_rules.docs(shop, "product") if doc["status"] == "publish" for term in doc.get(name, [])
    )


def category_counts(shop: Shop) -> Counter[int]:
    """Return how many published products each category has, those of its descendants included."""
    parents = {doc["id"]: doc["parent"] for doc in every(shop, "category")}
    found: Counter[int] = Counter()
    for doc in product_rules.docs(shop, "product"):
        if doc["status"] != "publish" or doc.get("catalog_visibility") == "hidden":
            continue
        under: set[int] = set()
        for category in doc.get("categories", []):
            while category and category not in under:
                under.add(category)
                category = parents.get(category, 0)
        found.update(under)
    return found


def descendants(shop: Shop, wanted: Iterable[int]) -> set[int]:
    """Return categories with all that lie under them."""
    found = set(wanted)
    docs = every(shop, "category")
    while more := {doc["id"] for doc in docs if doc["parent"] in found} - found:
        found |= more
    return found


def _value_counts(shop: Shop) -> Counter[int]:
    named = {(doc["parent_id"], folded(doc["name"])): doc["id"] for doc in every(shop, "attribute_term")}
    return Counter(
        named[key]
        for doc in product_rules.docs(shop, "product")
        for attribute in doc.get("attributes", [])
        for option in attribute.get("options", [])
        if (key := (attribute["id"], folded(option))) in named
    )


TAXONOMIES = (
    Taxonomy(
        "products/categories", "category", {"slug": "", "parent": 0, "description": "", **_DISPLAY}, category_counts
    ),
    Taxonomy("products/tags", "tag", {"slug": "", "description": ""}, _by_field("tags")),
    Taxonomy("products/brands", "brand", {"slug": "", "parent": 0, "description": "", **_DISPLAY}, _by_field("brands")),
    Taxonomy(
        "products/shipping_classes", "shipping_class", {"slug": "", "description": ""}, _by_field("shipping_class_ids")
    ),
    Taxonomy(
        *("products/attributes", "attribute"),
        {"slug": "", "type": "select", "order_by": "menu_order", "has_archives": False},
    ),
    Taxonomy(
        *("products/attributes/{parent}/terms", "attribute_term"),
        {"slug": "", "description": "", "menu_order": 0},
        _value_counts,
        parent="attribute",
    ),
)


def register(routes: Routes) -> None:
    """Enter the routes of every kind of terms."""
    for taxonomy in TAXONOMIES:
        _register(routes, taxonomy)


def every(shop: Shop, kind: str) -> list[Json]:
    """Return all living terms of a kind, oldest first."""
    ids = sorted({*shop.world.ids(kind), *shop.changed(kind)})
    return [doc for record_id in ids if (doc := shop.get(kind, record_id)) is not None]


def shown(shop: Shop, taxonomy: Taxonomy, doc: Json, counts: Counter[int], *, gone: bool = False) -> Json:
    """Return a term as the REST API shows it; one that is gone links without the methods it had."""
    made = {name: value for name, value in doc.items() if name != "parent_id"}
    if taxonomy.counts:
        made["count"] = counts[doc["id"]]
    made["_links"] = shop.site.links(taxonomy.href(doc))
    if gone:
        made["_links"]["self"][0].pop("targetHints")
    if doc.get("parent"):
        made["_links"]["up"] = [{"href": shop.site.api(f"{taxonomy.path}/{doc['parent']}")}]
    return made


def create(shop: Shop, taxonomy: Taxonomy, body: Json, parent_id: int = 0) -> Json:
    """Make a term. Raises RestError 400 where its name is taken under the same parent."""
    with shop.lock:
        name = cleaned(str(body["name"]))
        parent = whole(body.get("parent"))
        for known in every(shop, taxonomy.kind):
            same = known.get("parent", 0) == parent and known.get("parent_id", parent_id) == parent_id
            if same and folded(known["name"]) == folded(name):
                raise RestError(
                    *(400, "term_exists", "A term with the name provided already exists with this parent."),
                    {"status": 400, "resource_id": known["id"]},
                )
        doc: Json = {"id": shop.new_id(taxonomy.kind), "name": name, **taxonomy.fields}
        doc |= {field: body[field] for field in taxonomy.fields if field in body}
        doc["slug"] = str(body.get("slug") or f"{'pa_' if taxonomy.kind == 'attribute' else ''}{slug(name)}")
        if taxonomy.parent:
            doc["parent_id"] = parent_id
        shop.save(taxonomy.kind, doc)
        return doc


def _register(routes: Routes, taxonomy: Taxonomy) -> None:
    """Enter the routes of one kind; `above` is the attribute that values belong to."""

    def counted(shop: Shop) -> Counter[int]:
        return taxonomy.counts(shop) if taxonomy.counts else Counter()

    def found(call: Call, record_id: int, above: int) -> Json:
        doc = call.shop.get(taxonomy.kind, record_id)
        if doc is None or doc.get("parent_id", above) != above:
            raise RestError(404, "woocommerce_rest_term_invalid", "Resource does not exist.", shows_methods=False)
        return doc

    def listed(call: Call, parent: int = 0) -> Answer:
        params = call.listing(SCHEMA)
        shop, query = call.shop, params.query
        counts = counted(shop)
        rows = [doc for doc in every(shop, taxonomy.kind) if doc.get("parent_id", parent) == parent]
        rows = [doc for doc in rows if folded(params.search) in folded(doc["name"]) and doc["id"] not in params.exclude]
        if (under := single(query, "parent")) is not None:
            rows = [doc for doc in rows if str(doc.get("parent", 0)) == under]
        if truthy(single(query, "hide_empty")):
            rows = [doc for doc in rows if counts[doc["id"]]]
        if wanted := single(query, "slug"):
            rows = [doc for doc in rows if doc["slug"] in wanted.split(",")]
        if params.include:
            rows = [doc for doc in rows if doc["id"] in params.include]
        keys: dict[str, Callable[[Json], Any]] = {
            "id": lambda doc: doc["id"],
            "count": lambda doc: (counts[doc["id"]], doc["id"]),
            "slug": lambda doc: doc["slug"],
            "include": lambda doc: params.include.index(doc["id"]) if params.include else doc["id"],
        }
        rows.sort(key=keys.get(params.orderby, lambda doc: folded(doc["name"])), reverse=params.descending)
        cut = rows[params.offset : params.offset + params.per_page]
        return call.page(params, [shown(shop, taxonomy, doc, counts) for doc in cut], len(rows), by_offset=True)

    def show(call: Call, id: int, parent: int = 0) -> Answer:
        return Answer(shown(call.shop, taxonomy, found(call, id, parent), counted(call.shop)))

    def make(call: Call, parent: int = 0) -> Answer:
        if not call.body.get("name"):
            raise missing_params(["name"])
        doc = create(call.shop, taxonomy, call.body, parent)
        return call.created(shown(call.shop, taxonomy, doc, Counter()), taxonomy.href(doc))

    def update(call: Call, id: int, parent: int = 0) -> Answer:
        doc = dict(found(call, id, parent))
        doc |= {name: call.body[name] for name in taxonomy.fields if name in call.body}
        if "name" in call.body:
            doc["name"] = cleaned(str(call.body["name"]))
        call.shop.save(taxonomy.kind, doc)
        return Answer(shown(call.shop, taxonomy, doc, counted(call.shop)))

    def delete(call: Call, id: int, parent: int = 0) -> Answer:
        doc = found(call, id, parent)
        if not call.force:
            raise RestError(501, "woocommerce_rest_trash_not_supported", "Resource does not support trashing.")
        made = shown(call.shop, taxonomy, doc, counted(call.shop), gone=True)
        call.shop.remove(taxonomy.kind, id)
        return Answer(made, shows_methods=False)

    def batch(call: Call, **above: int) -> Answer:
        handlers: dict[str, Handler] = {"create": make, "update": update, "delete": delete}
        return in_batch(call, handlers, **above)

    path = taxonomy.path
    routes.add("GET", path, LIST, listed)
    routes.add("POST", path, CREATE, make)
    routes.add("POST PUT PATCH", f"{path}/batch", BATCH, batch)
    routes.add("GET", f"{path}/{{id}}", VIEW, show)
    routes.add("POST PUT PATCH", f"{path}/{{id}}", EDIT, update)
    routes.add("DELETE", f"{path}/{{id}}", DELETE, delete)

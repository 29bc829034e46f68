"""Adjustments of stock and mappings of customers as CSV text: out, worked on in a spreadsheet, and in again."""

from __future__ import annotations

from typing import Annotated, Final

from flask import Response
from pydantic import ConfigDict, Field

from referins_woo import clock, process
from referins_woo.accounts import audit
from referins_woo.accounts.books import books_of
from referins_woo.commerce import adjusting, ledger, locations, text_files
from referins_woo.commerce import mapping as rules
from referins_woo.commerce.upsert.bulk import lock_account
from referins_woo.customer_mapping import files as mapping_files
from referins_woo.errors import InvalidInput, ReferinsError
from referins_woo.lists import files
from referins_woo.reports import customer_mapping, stock_files
from referins_woo.reports.listing import Wanted
from referins_woo.stores.models import Store
from referins_woo.web import scope, stock_entry
from referins_woo.web.api import answers
from referins_woo.web.api.bearer import account_id, api
from referins_woo.web.api.contract import operation
from referins_woo.web.api.documents import LARGEST_ID, Document, Filters, Input, WantedId, WantedText, example
from referins_woo.web.api.problems import Rejected
from referins_woo.web.api.stock_adjustments import StockAdjustment, documents
from referins_woo.web.api.writing import writing

_PIECE: Final = 500
_AFTER = Annotated[int, Field(ge=0, le=LARGEST_ID, description="The `next` of the piece before.", examples=[0])]


class CsvText(Document):
    """A piece of a file."""

    csv: Annotated[str, Field(description="With a heading.", examples=["sku,quantity\nHOOD-RED,12\n"])]
    lines: Annotated[int, Field(description="Without the heading.", examples=[1])]
    next: Annotated[int | None, Field(description="`after` of the next piece; null: that was all.", examples=[None])]


class StockLinesFilters(Filters):
    """Of which adjustments."""

    location_id: WantedId | None = None
    kind: WantedText | None = None
    after: _AFTER = 0


class StockLinesFile(Input):
    """A file that is one adjustment."""

    model_config = ConfigDict(
        json_schema_extra=example({"location_id": 1, "reason": "Counted", "csv": "sku,quantity\nHOOD-RED,12\n"})
    )

    location_id: Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[1])]
    reason: Annotated[str, Field(max_length=ledger.LONGEST_REASON, examples=["Counted"])] = "By API"
    csv: Annotated[str, Field(max_length=text_files.LARGEST, examples=["sku,quantity\nHOOD-RED,12\n"])]


class MappingFileFilters(Filters):
    """Which contacts."""

    state: rules.State | None = None
    after: _AFTER = 0


class MappingFile(Input):
    """What is to be otherwise."""

    model_config = ConfigDict(json_schema_extra=example({"csv": "email,webstore_customer\nana@example.com,yes\n"}))

    csv: Annotated[
        str, Field(max_length=text_files.LARGEST, examples=["email,webstore_customer\nana@example.com,yes\n"])
    ]


class MappingFileTaken(Document):
    """What came of a file."""

    lines: Annotated[int, Field(examples=[12])]
    changed: Annotated[int, Field(description="Ticks, user names and e-mail switches.", examples=[10])]
    mapped: Annotated[int, Field(description="By a Webstore ID.", examples=[2])]


@api.get("/stock/adjustments/file")
@operation(CsvText, tag="Stock")
def export_stock_adjustments(query: StockLinesFilters) -> Response:
    """Write lines of adjustments as CSV

    The whole ledger of stock, oldest first, 500 adjustments a piece. Of its columns `sku`, `quantity`, `batch`,
    `received` and `expires` go in again.
    """
    given = {"location": str(query.location_id or ""), "kind": query.kind or ""}
    with scope.reading() as session:
        zone = clock.zone(books_of(session, account_id()).time_zone)
        wanted = Wanted(filters={key: value for key, value in given.items() if value}, zone=zone)
        rows, place = stock_files.lines(session, account_id(), wanted, query.after, _PIECE)
    text = files.lines([stock_files.HEADING, *rows])
    return answers.answer(CsvText(csv=text, lines=len(rows), next=place or None))


@api.post("/stock/adjustments/file")
@operation(StockAdjustment, tag="Stock", status=201)
def import_stock_adjustment(json: StockLinesFile) -> Response:
    """Enter an adjustment from CSV

    Columns `sku, quantity`, and for batches `batch, received, expires`; a heading says where they are. All lines, or
    none.
    """
    with writing() as work:
        lock_account(work.session, work.account_id)
        location = locations.own(work.session, work.account_id, json.location_id)
        if location is None:
            raise InvalidInput("location_id", f"There is no location {json.location_id} in this account.")
        typed = adjusting.lines(text_files.rows(json.csv))
        goods = adjusting.goods(work.session, work.account_id, (sku for sku, _ in typed))
        lines = [(goods[sku], line) for sku, line in typed]
        made = stock_entry.enter(work.session, location, lines, json.reason or "By API")
        return work.answer(documents(work.session, [made])[0], 201)


@api.get("/stores/<int:store_id>/mapping/file")
@operation(CsvText, tag="Stores")
def export_mapping(store_id: int, query: MappingFileFilters) -> Response:
    """Write the mapping of a store as CSV

    500 contacts a piece, newest first.
    """
    with scope.unit() as session:
        store = scope.own_of(session, Store, store_id, account_id())
        if not query.after:
            audit.record(session, store.account_id, "list_exported", f"customer mapping of {store.url}")
        rows = customer_mapping.piece(session, store, query.state or "", query.after, _PIECE)
        text = files.lines([mapping_files.HEADING, *map(customer_mapping.cells, rows)])
    more = rows[-1].contact.id if len(rows) == _PIECE else None
    return answers.answer(CsvText(csv=text, lines=len(rows), next=more))


@api.post("/stores/<int:store_id>/mapping/file")
@operation(MappingFileTaken, tag="Stores", problems=(409,))
def import_mapping(store_id: int, json: MappingFile) -> Response:
    """Tick and map contacts from CSV

    A heading names the columns: `contact_id` or `email`, and of `username`, `webstore_customer` (yes or no),
    `email_too` and `webstore_id` those that are to change. All lines, or none; nothing goes to the store before a push.
    409 where the store does not answer for a `webstore_id`.
    """
    with scope.reading() as session:
        scope.own_of(session, Store, store_id, account_id())
    try:
        taken = mapping_files.take(process.current(), store_id, json.csv, clock.now())
    except InvalidInput as error:
        raise InvalidInput("csv", error.message) from None
    except ReferinsError as error:
        raise Rejected(409, f"The store could not be asked: {error}") from None
    with writing() as work:
        return work.answer(MappingFileTaken(lines=taken.lines, changed=taken.changed, mapped=taken.mapped))

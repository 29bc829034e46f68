"""What plugins, imports and faults do to Woo's objects: read where it is harmless, set aside where it is not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from referins_woo.commerce.records import (
    CategoryRecord,
    CustomerRecord,
    OrderRecord,
    ProductRecord,
    RefundRecord,
    Unreadable,
    VariantRecord,
)
from referins_woo.stores import translate


def _line(**changes: Any) -> dict[str, Any]:
    line = {"id": 5, "name": "Scarf", "product_id": 11, "variation_id": 0, "quantity": 2, "total": "20.00"}
    return {**line, "total_tax": "0.00", "taxes": [], "meta_data": [], "sku": "S-1", "price": 10, **changes}


def _raw(**changes: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "number": "7",
        "status": "processing",
        "currency": "USD",
        "total": "20.00",
        "customer_id": 0,
        "billing": {"email": " Ann@Example.com "},
        "line_items": [_line()],
        "date_created": "2026-11-01T01:30:00",
        "date_created_gmt": "2026-11-01T05:30:00",
        **changes,
    }


def _order(**changes: Any) -> OrderRecord:
    record = translate.order(_raw(**changes))
    assert isinstance(record, OrderRecord), record
    return record


def _fault(**changes: Any) -> Unreadable:
    record = translate.order(_raw(**changes))
    assert isinstance(record, Unreadable)
    return record


@pytest.mark.parametrize("total", ["", None, "12,50", "NaN", "abc", [], {}, True])
def test_an_order_without_a_readable_total_is_set_aside(total: Any) -> None:
    fault = _fault(total=total)
    assert (fault.woo_id, fault.name, fault.reason_code) == (7, "Order 7", "bad_amount")
    assert fault.detail.startswith("total:")
    assert "“total”" in fault.reason


@pytest.mark.parametrize("field", ["total", "total_tax", "price"])
def test_a_comma_in_a_rows_amount_is_refused_not_read_as_thousands(field: str) -> None:
    fault = _fault(line_items=[_line(**{field: "12,50"})])
    assert (fault.reason_code, fault.detail) == ("bad_amount", f"line_items.{field}: '12,50'")


def test_absent_amounts_of_rows_count_as_nothing() -> None:
    row = _order(line_items=[_line(total="", total_tax=None, price=None)]).lines[0]
    assert (row.total, row.total_tax, row.price_per_unit) == (0, 0, 0)


def test_an_amount_sent_as_a_number_or_with_an_exponent_is_exact() -> None:
    assert _order(total=12.5).total == 125_000
    assert _order(total="1e5").total == 1_000_000_000
    assert _order(total="-3.10").total == -31_000


@pytest.mark.parametrize("value", [None, "", "0000-00-00T00:00:00", "yesterday", 5])
def test_an_order_that_does_not_say_when_it_was_placed_is_set_aside(value: Any) -> None:
    fault = _fault(date_created_gmt=value)
    assert fault.reason_code == "bad_date"


def test_other_dates_may_be_missing_or_nonsense() -> None:
    record = _order(date_paid_gmt="0000-00-00T00:00:00", date_completed_gmt=None, date_modified_gmt="x")
    assert (record.paid_at, record.completed_at, record.modified_at) == (None, None, None)


def test_gmt_dates_are_utc_whatever_suffix_a_plugin_added() -> None:
    for text in ("2026-11-01T05:30:00", "2026-11-01T05:30:00Z", "2026-11-01T11:00:00+05:30"):
        assert _order(date_created_gmt=text).placed_at == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize("raw", [None, [], "text", 5, {}, {"id": 0}, {"id": "x"}, {"code": "c", "message": "m"}])
def test_what_is_no_record_is_set_aside_by_every_reader(raw: Any) -> None:
    readers: list[Any] = [translate.order, translate.customer, translate.product, translate.variant]
    for read in [*readers, translate.category, translate.refund]:
        record = read(raw)
        assert isinstance(record, Unreadable)
        assert record.reason_code in ("bad_id", "bad_shape")
        assert record.reason


def test_types_that_drift_are_read() -> None:
    record = _order(
        id="7",
        billing=[],
        shipping=None,
        customer_id="12",
        status="wc-shipped",
        line_items={"0": _line(sku=1234, product_id=None, variation_id="", quantity="2", name=None)},
        fee_lines=None,
        coupon_lines=[{"code": "SAVE"}],
    )
    assert (record.woo_id, record.woo_customer_id, record.status, record.billing) == (7, 12, "shipped", {})
    row = record.lines[0]
    assert (row.sku, row.woo_product_id, row.woo_variation_id, row.quantity, row.name) == ("1234", 0, 0, 20_000, "")
    assert record.coupons == ("SAVE",)


def test_the_row_of_a_deleted_product_stands_by_itself() -> None:
    row = _order(line_items=[_line(product_id=0, sku=None)]).lines[0]
    assert (row.woo_product_id, row.sku, row.name) == (0, "", "Scarf")


def test_compound_rates_multiply_and_rates_without_total_do_not_count() -> None:
    taxes = [{"id": 1, "total": "1.00"}, {"id": 2, "total": "2.00"}, {"id": 3, "total": ""}, {"id": 9, "total": "1"}]
    tax_lines = [
        {"rate_id": 1, "rate_percent": 5, "compound": False},
        {"rate_id": 2, "rate_percent": 9.5, "compound": True},
        {"rate_id": 3, "rate_percent": 50, "compound": False},
    ]
    row = _order(line_items=[_line(taxes=taxes)], tax_lines=tax_lines).lines[0]
    assert row.tax_rate == 149_750


def test_a_negative_fee_is_a_row_of_its_own() -> None:
    record = _order(fee_lines=[{"id": 8, "name": "Thanks &amp; bye", "total": "-4.00", "total_tax": "-0.32"}])
    fee = record.lines[1]
    assert (fee.kind, fee.name, fee.quantity, fee.total, fee.total_tax) == (
        "fee",
        "Thanks & bye",
        10_000,
        -40_000,
        -3200,
    )
    assert (fee.price_per_unit, fee.position) == (-4_000_000, 1)


def test_a_rows_share_of_taken_stock_is_kept_and_nonsense_in_it_is_not() -> None:
    def taken(value: Any) -> int:
        meta = [{"key": "other", "value": {}}, {"key": "_reduced_stock", "value": value}]
        return _order(line_items=[_line(meta_data=meta)]).lines[0].reduced_stock

    assert (taken("2"), taken(1), taken("0.5"), taken("none"), taken([1])) == (20_000, 10_000, 5000, 0, 0)


def test_names_are_decoded_exactly_once() -> None:
    assert _order(line_items=[_line(name="Smith &amp;amp; Sons")]).lines[0].name == "Smith &amp; Sons"
    record = _order(billing={"first_name": "A&amp;B <b>"})
    assert record.billing == {"first_name": "A&amp;B <b>"}


def test_the_email_is_trimmed_and_keeps_its_case() -> None:
    assert _order().email == "Ann@Example.com"


def test_blanks_are_no_value_in_an_address() -> None:
    assert _order(shipping={"city": "  ", "country": " US ", "state": 5}).shipping == {"country": "US", "state": "5"}


@pytest.mark.parametrize("dirty", ["No\x00te", "No\ud83dte"])
def test_unstorable_characters_are_taken_out(dirty: str) -> None:
    record = _order(customer_note=dirty, billing={"last_name": dirty})
    assert (record.customer_note, record.billing) == ("Note", {"last_name": "Note"})
    person = translate.customer({"id": 3, "first_name": dirty})
    assert isinstance(person, CustomerRecord)
    assert person.name == "Note"
    refund = translate.refund({"id": 3, "amount": "1", "reason": dirty, "date_created_gmt": "2026-11-01T05:30:00"})
    assert isinstance(refund, RefundRecord)
    assert refund.reason == "Note"
    group = translate.category({"id": 3, "name": dirty, "slug": dirty})
    assert group == CategoryRecord(3, "Note", "Note")
    fault = _fault(number=dirty, total=dirty)
    assert orjson.dumps(fault.name + fault.reason + fault.detail)
    assert "\x00" not in fault.name + fault.reason + fault.detail


def test_text_that_spells_a_nul_is_left_alone() -> None:
    assert _order(customer_note="a\\u0000b").customer_note == "a\\u0000b"


def test_a_large_order_is_read_whole() -> None:
    record = _order(line_items=[_line(id=n) for n in range(5000)])
    assert [line.position for line in record.lines] == list(range(5000))


@pytest.mark.parametrize(
    ("value", "kind", "quantity"), [(True, "yes", 3), (False, "no", None), ("parent", "parent", -2), (None, "no", None)]
)
def test_stock_of_a_variation(value: Any, kind: str, quantity: int | None) -> None:
    raw = {"id": 9, "sku": "A", "price": "", "manage_stock": value, "stock_quantity": quantity}
    record = translate.variant(raw, "B", 4)
    assert isinstance(record, VariantRecord)
    assert (record.manage_stock, record.stock_quantity, record.sku, record.woo_product_id) == (kind, quantity, "A", 4)


def test_a_product_with_a_comma_price_is_set_aside() -> None:
    record = translate.product({"id": 4, "name": "Tea", "type": "simple", "price": "10,25"})
    assert isinstance(record, Unreadable)
    assert (record.reason_code, record.name) == ("bad_amount", "Product Tea")
    assert isinstance(translate.product({"id": 4, "name": "Tea &amp; Co", "price": "10.25"}), ProductRecord)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
optional = ("total_tax", "shipping", "shipping_lines", "fee_lines", "tax_lines", "refunds", "coupon_lines")
changed_fields = st.dictionaries(st.sampled_from([*sorted(_raw()), *optional]), json_values, max_size=4)
rows = st.dictionaries(st.text(max_size=9), json_values)


@given(changed_fields, rows)
def test_no_order_however_broken_raises(changes: dict[str, Any], row: dict[str, Any]) -> None:
    for raw in (
        _raw(**changes),
        _raw(line_items=[_line(**{"name": "x", **row})]),
        _raw(tax_lines=[row], refunds=[row]),
    ):
        record = translate.order(raw)
        assert isinstance(record, OrderRecord | Unreadable)
        assert isinstance(translate.customer(raw), CustomerRecord | Unreadable)
        assert isinstance(translate.product(raw), ProductRecord | Unreadable)

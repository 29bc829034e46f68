"""A store that serves ready-made pages, so that it is never the bottleneck: orders, customers, products in Woo's shape.

Runs as a process of its own (`python -m bench._pages --orders N --delay MS`), prints its port. Everything in it is
invented. It checks no keys and knows nothing but the lists that an import walks.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Iterable
from functools import lru_cache

_QUERY = re.compile(rb"[?&](offset|page|per_page|order|role|include)=([^& ]+)")
_DATE = b"Sat, 21 Nov 2026 12:00:00 GMT"
PRODUCTS = 1_000

_ADDRESS = (
    '{"first_name":"Ada","last_name":"Example %(c)d","company":"","address_1":"%(c)d Example Street","address_2":"",'
    '"city":"Exampletown","state":"BE","postcode":"10115","country":"DE","email":"customer%(c)d@example.com",'
    '"phone":"+49 30 %(c)07d"}'
)
_ORDER = (
    '{"id":%(id)d,"parent_id":0,"status":"completed","currency":"EUR","version":"11.0.1","prices_include_tax":true,'
    '"date_created":"%(date)s","date_modified":"%(date)s","discount_total":"0.00","discount_tax":"0.00",'
    '"shipping_total":"4.12","shipping_tax":"0.78","cart_tax":"9.58","total":"64.90","total_tax":"10.36",'
    '"customer_id":%(c)d,"order_key":"wc_order_%(id)013d","billing":' + _ADDRESS + ',"shipping":' + _ADDRESS + ","
    '"payment_method":"stripe","payment_method_title":"Card","transaction_id":"ch_%(id)024d",'
    '"customer_ip_address":"203.0.113.7","customer_user_agent":"Mozilla/5.0 (X11; Linux x86_64) ExampleBrowser/1.0",'
    '"created_via":"checkout","customer_note":"","date_completed":"%(date)s","date_paid":"%(date)s","cart_hash":'
    '"0123456789abcdef0123456789abcdef","number":"%(id)d","meta_data":[{"id":1,"key":"_wc_order_attribution_source_type"'
    ',"value":"utm"},{"id":2,"key":"_wc_order_attribution_referrer","value":"https://search.example/"},{"id":3,"key":'
    '"_wc_order_attribution_utm_source","value":"search"},{"id":4,"key":"_wc_order_attribution_session_pages","value":'
    '"5"},{"id":5,"key":"_wc_order_attribution_device_type","value":"Desktop"}],"line_items":[%(lines)s],"tax_lines":['
    '{"id":7,"rate_code":"DE-VAT-1","rate_id":1,"label":"VAT","compound":false,"tax_total":"9.58",'
    '"shipping_tax_total":"0.78","rate_percent":19,"meta_data":[]}],"shipping_lines":[{"id":%(ship)d,"method_title":'
    '"Flat rate","method_id":"flat_rate","instance_id":"1","total":"4.12","total_tax":"0.78","taxes":[{"id":1,"total":'
    '"0.78","subtotal":""}],"tax_status":"taxable","meta_data":[]}],"fee_lines":[],"coupon_lines":[],"refunds":[],'
    '"payment_url":"https://shop.example/checkout/order-pay/%(id)d/?pay_for_order=true&key=wc_order_%(id)013d",'
    '"is_editable":false,"needs_payment":false,"needs_processing":true,"date_created_gmt":"%(gmt)s",'
    '"date_modified_gmt":"%(gmt)s","date_completed_gmt":"%(gmt)s","date_paid_gmt":"%(gmt)s","currency_symbol":"€",'
    '"_links":{"self":[{"href":"https://shop.example/wp-json/wc/v3/orders/%(id)d","targetHints":{"allow":["GET","POST",'
    '"PUT","PATCH","DELETE"]}}],"collection":[{"href":"https://shop.example/wp-json/wc/v3/orders"}],"customer":[{"href":'
    '"https://shop.example/wp-json/wc/v3/customers/%(c)d"}]}}'
)
_LINE = (
    '{"id":%(line)d,"name":"Example product %(p)d","product_id":%(p)d,"variation_id":0,"quantity":1,"tax_class":"",'
    '"subtotal":"25.21","subtotal_tax":"4.79","total":"25.21","total_tax":"4.79","taxes":[{"id":1,"total":"4.79",'
    '"subtotal":"4.79"}],"meta_data":[{"id":9,"key":"_reduced_stock","value":"1","display_key":"_reduced_stock",'
    '"display_value":"1"}],"sku":"SKU-%(p)05d","global_unique_id":"","price":25.21,"image":{"id":"75","src":'
    '"https://shop.example/wp-content/uploads/example.png"},"parent_name":null}'
)
_CUSTOMER = (
    '{"id":%(c)d,"date_created":"2025-01-01T10:00:00","date_created_gmt":"2025-01-01T09:00:00","date_modified":null,'
    '"date_modified_gmt":null,"email":"customer%(c)d@example.com","first_name":"Ada","last_name":"Example %(c)d",'
    '"role":"customer","username":"customer%(c)d","billing":' + _ADDRESS + ',"shipping":' + _ADDRESS + ","
    '"is_paying_customer":true,"avatar_url":"","meta_data":[],"_links":{}}'
)
_PRODUCT = (
    '{"id":%(p)d,"name":"Example product %(p)d","slug":"example-%(p)d","permalink":"https://shop.example/p/%(p)d",'
    '"date_created_gmt":"2025-01-01T09:00:00","date_modified_gmt":"2025-01-01T09:00:00","type":"simple","status":'
    '"publish","catalog_visibility":"visible","sku":"SKU-%(p)05d","price":"25.21","regular_price":"25.21","sale_price":'
    '"","manage_stock":true,"stock_quantity":100,"stock_status":"instock","backorders":"no","parent_id":0,"categories":['
    '{"id":%(cat)d,"name":"Category %(cat)d","slug":"category-%(cat)d"}],"images":[],"attributes":[],"variations":[],'
    '"meta_data":[],"_links":{}}'
)


class Shop:
    """The lists, rendered when asked for."""

    def __init__(self, orders: int) -> None:
        self.orders, self.customers = orders, max(1, orders // 10)

    def page(self, path: bytes) -> tuple[bytes, int]:
        """Return (body, total) of the list, or the record, that `path` asks for."""
        *_, above, name = path.split(b"?")[0].split(b"/")
        if name.isdigit():
            return _RENDER[above](int(name), self.customers), 1
        query = dict(_QUERY.findall(path))
        per_page = int(query.get(b"per_page", 10))
        offset = int(query.get(b"offset", 0)) or (int(query.get(b"page", 1)) - 1) * per_page
        total = self._total(name, query)
        first, last = offset + 1, min(total, offset + per_page)
        if query.get(b"order") == b"desc":
            first, last = max(1, total - offset - per_page + 1), total - offset
        render = _RENDER.get(name)
        numbers: Iterable[int] = range(first, last + 1)
        if b"include" in query:
            numbers = sorted(map(int, query[b"include"].replace(b"%2C", b",").split(b",")))
            total = len(numbers)
        rows = [render(number, self.customers) for number in numbers] if render else []
        return b"[" + b",".join(rows) + b"]", total

    def _total(self, name: bytes, query: dict[bytes, bytes]) -> int:
        if name == b"customers":
            return 0 if query.get(b"role") == b"subscriber" else self.customers
        return {b"orders": self.orders, b"products": PRODUCTS}.get(name, 0)


@lru_cache(maxsize=120_000)
def order(number: int, customers: int, date: str = "") -> bytes:
    """Return one order as JSON, 3.8 kB; `date` (UTC, without a zone) is by default some minute of 2026."""
    minute, hour, day = number % 60, number // 60 % 24, number // 1440 % 28 + 1
    date = date or f"2026-{number // 40320 % 10 + 1:02d}-{day:02d}T{hour:02d}:{minute:02d}:00"
    lines = ",".join(
        _LINE % {"line": number * 4 + place, "p": (number * 7 + place) % PRODUCTS + 1} for place in range(2)
    )
    common = {"id": number, "c": number % customers + 1, "date": date, "gmt": date}
    values = common | {"lines": lines, "ship": number * 4 + 3}
    return (_ORDER % values).encode()


@lru_cache(maxsize=20_000)
def customer(number: int, _customers: int) -> bytes:
    """Return one customer as JSON."""
    return (_CUSTOMER % {"c": number}).encode()


@lru_cache(maxsize=2_000)
def product(number: int, _customers: int) -> bytes:
    """Return one product as JSON."""
    return (_PRODUCT % {"p": number, "cat": number % 20 + 1}).encode()


_RENDER = {b"orders": order, b"customers": customer, b"products": product}


class _Server(asyncio.Protocol):
    def __init__(self, shop: Shop, delay: float) -> None:
        self._shop, self._delay, self._buffer = shop, delay, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
            path = head.split(b" ", 2)[1]
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._answer, path)
            else:
                self._answer(path)

    def _answer(self, path: bytes) -> None:
        body, total = self._shop.page(path)
        self._transport.write(  # type: ignore[attr-defined]
            b"HTTP/1.1 200 OK\r\nDate: %b\r\nContent-Type: application/json; charset=UTF-8\r\nX-WP-Total: %d\r\n"
            b"X-WP-TotalPages: %d\r\nContent-Length: %d\r\n\r\n" % (_DATE, total, -(-total // 100), len(body)) + body
        )


async def _serve(orders: int, delay_ms: float) -> None:
    shop = Shop(orders)
    if orders <= 120_000:
        for number in range(1, orders + 1):
            order(number, shop.customers)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Server(shop, delay_ms / 1000), "127.0.0.1", 0, backlog=200
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0.0, help="milliseconds before each answer")
    given = parser.parse_args(sys.argv[1:])
    asyncio.run(_serve(given.orders, given.delay))

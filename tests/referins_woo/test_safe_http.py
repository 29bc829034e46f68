"""The way out: where it does not lead, and how it ends."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from referins_woo import config as configuration
from referins_woo import safe_http
from referins_woo.safe_http import SafeHttp, Unreachable, is_public
from tests.referins_woo.woo.canned import Canned, serving

SETTINGS = {
    "SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests",
    "ENCRYPTION_KEYS": "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtISE=",
}


def _http(private: str = "") -> SafeHttp:
    return SafeHttp(configuration.load({**SETTINGS, "REFERINS_ALLOW_PRIVATE_STORES": private}))


def _kind(http: SafeHttp, url: str, method: str = "GET") -> str:
    with pytest.raises(Unreachable) as caught:
        http.send(method, url)
    return caught.value.kind


@contextmanager
def _raw_server(*pieces: bytes, pause: float = 0.0, close: bool = True) -> Iterator[int]:
    """Accept connections, send the pieces with pauses, then close or keep silent."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def talk(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                for piece in pieces:
                    connection.sendall(piece)
                    if done.wait(pause):
                        return
                if not close:
                    done.wait(30)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        done.set()
        listener.close()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0",
        "0.0.0.0",
        "localhost",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:10.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[fc00::1]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_private_address_is_ever_called(host: str, scheme: str) -> None:
    assert _kind(_http(), f"{scheme}://{host}:9/x") in ("private_address", "bad_url", "dns")


def test_row_36_a_name_that_leads_into_a_private_network_is_refused_before_a_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(Canned()) as server:
        port = server.server_port
        answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: answers)
        assert _kind(_http(), f"http://shop.example:{port}/") == "private_address"
        assert server.connections == 0


def test_row_36_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers a public address to the check and a private one to the connection gains nothing."""
    asked: list[str] = []
    dialled: list[str] = []

    def rebinding(host: str, port: int, *args: object, **kwargs: object) -> object:
        asked.append(host)
        address = "93.184.215.14" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def refuse(address: tuple[str, int], *args: object, **kwargs: object) -> socket.socket:
        dialled.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr("urllib3.util.connection.create_connection", refuse)
    assert _kind(_http(), "http://shop.example/") == "refused"
    assert dialled == ["93.184.215.14"]


def test_only_the_named_origin_may_be_private() -> None:
    with serving(Canned()) as allowed, serving(Canned()) as other:
        http = _http(allowed.origin)
        assert http.send("GET", f"{allowed.origin}/").status == 200
        assert _kind(http, f"{other.origin}/") == "private_address"
        assert other.connections == 0


def test_proxies_and_netrc_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Canned()) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        assert _http("1").send("GET", f"{server.origin}/").status == 200


def test_row_34_and_36_a_redirect_into_a_private_network_is_an_answer_and_is_not_followed() -> None:
    with serving(Canned(301, {"Location": "http://127.0.0.1:9/elsewhere"}, b"")) as server:
        reply = _http("1").send("GET", f"{server.origin}/", headers={"Authorization": "Basic x"})
        assert (reply.status, reply.headers["location"]) == (301, "http://127.0.0.1:9/elsewhere")
        assert len(server.seen) == 1


def test_row_32_a_body_that_drips_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_http, "TOTAL_SECONDS", safe_http.CONNECT_SECONDS + 0.6)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with _raw_server(head, *[b"x"] * 300, pause=0.02) as port:
        assert _kind(_http("1"), f"http://127.0.0.1:{port}/") == "timeout"


def test_headers_that_drip_end_at_the_deadline_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_http, "TOTAL_SECONDS", safe_http.CONNECT_SECONDS + 0.6)
    with _raw_server(b"HTTP/1.1 200 OK\r\nX: ", *[b"x"] * 300, pause=0.02) as port:
        assert _kind(_http("1"), f"http://127.0.0.1:{port}/") == "timeout"


def test_row_33_a_host_that_accepts_and_says_nothing_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_http, "READ_SECONDS", 0.3)
    with _raw_server(close=False) as port:
        assert _kind(_http("1"), f"http://127.0.0.1:{port}/") == "timeout"


def test_what_goes_wrong_below_http_has_a_name(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    http = _http("1")
    assert _kind(http, f"http://127.0.0.1:{free_port}/") == "refused"
    assert _kind(http, "http://no-such-host.invalid/") == "dns"
    assert _kind(_http(), "https://no-such-host.invalid/") == "dns"
    assert _kind(http, "http://" + "a" * 300 + ".example/") in ("bad_url", "dns")
    assert _kind(http, "ftp://shop.example/") == "bad_url"
    assert _kind(http, "shop.example") == "bad_url"
    with _raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf") as port:
        assert _kind(http, f"http://127.0.0.1:{port}/") == "reset"
    with _raw_server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel") as port:
        assert _kind(http, f"http://127.0.0.1:{port}/") == "reset"
    with _raw_server(b"SSH-2.0-OpenSSH\r\n") as port:
        assert _kind(http, f"http://127.0.0.1:{port}/") == "reset"
        assert _kind(http, f"https://127.0.0.1:{port}/") == "tls"


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


def test_a_child_process_opens_connections_of_its_own() -> None:
    with serving(Canned()) as server:
        http = _http("1")
        http.send("GET", f"{server.origin}/")
        child = os.fork()
        if child == 0:
            os._exit(0 if http.send("GET", f"{server.origin}/").status == 200 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert http.send("GET", f"{server.origin}/").status == 200
        assert server.connections == 2

"""An SMTP server that takes everything and notes when: much faster than what it measures.

`python -m bench._sink FILE [--tls CHAIN]` prints its port; for each e-mail it adds "ADDRESS MONOTONIC-TIME" to FILE.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from pathlib import Path
from typing import IO

_TAKEN = b"250 taken\r\n"


class _Session(asyncio.Protocol):
    def __init__(self, arrivals: IO[str]) -> None:
        self._arrivals, self._buffer, self._in_data, self._to = arrivals, b"", False, ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            end, length = (b"\r\n.\r\n", 5) if self._in_data else (b"\r\n", 2)
            found = self._buffer.find(end)
            if found < 0:
                return
            line, self._buffer = self._buffer[:found], self._buffer[found + length :]
            if self._in_data:
                self._in_data = False
                self._arrivals.write(f"{self._to} {time.monotonic()}\n")
                self._arrivals.flush()
                self._transport.write(_TAKEN)
            else:
                self._command(line)

    def _command(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"DATA":
            self._in_data = True
            self._transport.write(b"354 go on\r\n")
        elif verb == b"EHLO":
            self._transport.write(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
        elif verb == b"QUIT":
            self._transport.write(b"221 bye\r\n")
            self._transport.close()
        else:
            if verb == b"RCPT":
                self._to = line.partition(b"<")[2].partition(b">")[0].decode()
            self._transport.write(_TAKEN)


async def _serve(path: Path, chain: str | None) -> None:
    secure = None
    if chain is not None:
        secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secure.load_cert_chain(chain)
    with path.open("w") as arrivals:
        server = await asyncio.get_running_loop().create_server(lambda: _Session(arrivals), "127.0.0.1", 0, ssl=secure)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), sys.argv[3] if "--tls" in sys.argv else None))

"""Requests to Martlet: a connection that stays open, answers of limited size, waits of limited length."""

import base64
import http.client
import re
import socket
import threading
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from .revocations import Damaged


class Answer(NamedTuple):
    status: int
    fields: http.client.HTTPMessage
    content: bytes

    @property
    def code(self) -> str:
        """The code of an error."""
        found = re.search(rb'"code":\s*"([a-z_]{1,40})"', self.content[:4_096])
        return found[1].decode() if found else ""


class Source:
    """One connection, for one thread. Of several addresses, the next one is tried when one fails."""

    def __init__(self, urls: str | Sequence[str], credentials: str | None):
        self._urls = [urls] if isinstance(urls, str) else list(urls)
        basic = base64.b64encode(credentials.encode()).decode() if credentials else ""
        self._fields = {"Authorization": f"Basic {basic}"} if credentials else {}
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str, limit: int, seconds: float, silence: float | None = None, **fields: str) -> Answer:
        """Gives up after `seconds`, and after `silence` seconds in which nothing arrived."""
        # A timeout of the socket is for each read, and an answer can come byte by byte.
        timer = threading.Timer(seconds, self._break)
        timer.daemon = True
        timer.start()
        url = urlsplit(self._urls[0].rstrip("/") + path)
        try:
            if self._connection is None:
                kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
                self._connection = kind(url.hostname or "", url.port)
            connection = self._connection
            connection.timeout = silence or seconds
            if connection.sock:
                connection.sock.settimeout(connection.timeout)
            target = f"{url.path}?{url.query}" if url.query else url.path
            connection.request("GET", target, headers=self._fields | fields)
            answer = connection.getresponse()
            content = bytearray()
            while piece := answer.read1(65_536):
                content += piece
                if len(content) > limit:
                    raise Damaged(f"{url.path} has more than {limit} bytes")
            if timer.finished.is_set():
                raise TimeoutError(f"no answer within {seconds} s")
            if answer.length:
                raise http.client.IncompleteRead(bytes(content), answer.length)
            answer.close()
            return Answer(answer.status, answer.headers, bytes(content))
        except BaseException as error:
            self.close()
            if timer.finished.is_set() and not isinstance(error, Damaged):
                raise TimeoutError(f"no answer within {seconds} s") from error
            raise
        finally:
            timer.cancel()

    def turn(self) -> None:
        """Goes on to the next address."""
        self.close()
        self._urls.append(self._urls.pop(0))

    def close(self) -> None:
        """Ends the connection, and with it a request of another thread."""
        self._break()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _break(self) -> None:
        sock = self._connection.sock if self._connection else None
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

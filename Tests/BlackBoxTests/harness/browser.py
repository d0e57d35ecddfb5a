"""A browser's cookies: what it keeps of an answer, and what it sends with a request."""

from dataclasses import dataclass, field
from http.cookies import SimpleCookie

import httpx

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
NAVIGATION = SAME_ORIGIN | {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
ACCESS, SESSION = "__Host-Http-martlet-access", "__Host-Http-martlet-session"
REFRESH, DEVICE = "__Secure-martlet-refresh", "__Host-Http-martlet-device"


@dataclass
class Jar:
    """Cookies by name, with their attributes."""

    cookies: dict[str, SimpleCookie] = field(default_factory=dict)

    def take(self, answer: httpx.Response) -> httpx.Response:
        """Keeps what an answer sets, and drops what it clears."""
        for line in answer.headers.get_list("set-cookie"):
            # The parser of Python 3.11 does not know the attribute.
            (name, morsel), *_ = SimpleCookie(line.replace("; Partitioned", "")).items()
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel
        return answer

    def value(self, name: str) -> str:
        return self.cookies[name].value

    def field(self, path: str) -> dict[str, str]:
        """The Cookie field of a request to `path`."""
        sent = [
            f"{name}={morsel.value}"
            for name, morsel in self.cookies.items()
            if path == morsel["path"] or path.startswith(morsel["path"].rstrip("/") + "/")
        ]
        return {"Cookie": "; ".join(sent)} if sent else {}


class Browser:
    """Requests of a page at `base`, with the cookies of a jar."""

    def __init__(self, http: httpx.Client, jar: Jar | None = None):
        self.http, self.jar = http, jar or Jar()

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, **options) -> httpx.Response:
        """`headers` replace what a page of the same origin sends."""
        fields = (SAME_ORIGIN if headers is None else headers) | self.jar.field(path.partition("?")[0])
        return self.jar.take(self.http.request(method, path, headers=fields, **options))

    def sign_in(self, name: str, password: str, **members) -> httpx.Response:
        return self.ask("POST", "/login", json={"username": name, "password": password, **members})

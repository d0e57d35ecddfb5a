"""Messages of HTTP/1.1 as octets, for tests that want a say in every one of them."""

BODY = b'{"token":"noise"}'


def get(target: bytes = b"/healthz", fields: bytes = b"Host: x\r\n") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + fields + b"\r\n"


def line(text: bytes) -> bytes:
    """A request line of its own making, and a sound Host."""
    return text + b"\r\nHost: x\r\n\r\n"


def field(text: bytes) -> bytes:
    return get(fields=b"Host: x\r\n" + text + b"\r\n")


def host(text: bytes) -> bytes:
    return get(fields=text)


def post(fields: bytes, content: bytes = b"") -> bytes:
    head = b"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return head + fields + b"\r\n\r\n" + content


def length(text: bytes) -> bytes:
    return post(b"Content-Length: " + text, BODY)


def coding(text: bytes) -> bytes:
    return post(b"Transfer-Encoding: " + text, b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))


def chunks(octets: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", octets)

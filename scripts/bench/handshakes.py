#!/usr/bin/env python3
"""handshakes.py PORT SECONDS full|resumed: new TLS 1.3 connections one after another; prints how many, and the seconds."""

import socket
import ssl
import sys
import time

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def main():
    port, seconds, resumes = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "resumed"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    session, count, began = None, 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        plain = socket.create_connection(("127.0.0.1", port))
        with context.wrap_socket(plain, session=session, suppress_ragged_eofs=True) as link:
            link.sendall(REQUEST)
            answer = link.recv(4_096)
            assert answer.startswith(b"HTTP/1.1 200"), answer
            while link.recv(4_096):
                pass
            assert link.session_reused == (session is not None), "resumption was not as asked for"
            # Each ticket once (RFC 8446 C.4).
            session = link.session if resumes else None
        count += 1
    print(count, time.perf_counter() - began)


if __name__ == "__main__":
    main()

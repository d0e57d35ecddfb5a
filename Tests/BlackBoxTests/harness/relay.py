"""A connection between a proxy and a server that loses answers when it is told to."""

import socket
import threading


class LossyRelay:
    """Listens on a free loopback port and passes bytes on to `target`, a port that is set before the first connection."""

    def __init__(self):
        self.target = 0
        self.lost = 0
        self._losing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def lose_next(self) -> None:
        """The next answer arrives here and goes no further; its connection is closed."""
        self._losing.set()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        """A server that is down costs this connection only: the next one may find it up again."""
        try:
            far = socket.create_connection(("127.0.0.1", self.target), 10)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        threading.Thread(target=self._pass, args=(near, far, False), daemon=True).start()
        self._pass(far, near, True)

    def _pass(self, source: socket.socket, sink: socket.socket, are_answers: bool) -> None:
        try:
            while content := source.recv(65_536):
                if are_answers and self._losing.is_set():
                    self._losing.clear()
                    self.lost += 1
                    break
                sink.sendall(content)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def close(self) -> None:
        self._listener.close()

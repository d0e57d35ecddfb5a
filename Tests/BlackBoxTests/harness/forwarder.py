"""A TCP forwarder that stands between two programs and does to their connections what networks do."""

import asyncio
import socket
import struct
import threading

PIECE = 65_536


class Flow:
    """One direction of all connections."""

    def __init__(self):
        self.open = asyncio.Event()
        self.open.set()
        self.delay = 0.0
        self.rate = 0.0
        self.bytes = 0
        self.is_lost = False
        self.replacement: tuple[bytes, bytes] | None = None


class Forwarder:
    """Listens on a free loopback port and passes bytes on to `target`, a port, in its own thread.

    Every change takes effect at once, for connections that are open, too. `up` is the direction from those who connect
    to the target, `down` the other one.
    """

    def __init__(self, target: int, host: str = "127.0.0.1", listen: str = "127.0.0.1"):
        self.target, self.host = target, host
        self.accepted = 0
        self.loop = asyncio.new_event_loop()
        self.is_closed_to_new = False
        self._generation = 0
        self._pairs: set[tuple] = set()
        self._tasks: set[asyncio.Task] = set()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._call(self._begin(listen))

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def _begin(self, listen: str) -> None:
        self.up, self.down = Flow(), Flow()
        self._server = await asyncio.start_server(self._accept, listen, 0, limit=PIECE)
        self.port = self._server.sockets[0].getsockname()[1]

    @property
    def connection_count(self) -> int:
        return len(self._pairs)

    # What it does to connections

    def hold(self, up: bool = True, down: bool = True) -> None:
        """From now on nothing passes, silently: both ends keep their connection and hear nothing.

        What is under way waits, and passes when the forwarder is healed, as a packet that is sent again.
        """

        async def act():
            for flow, is_chosen in ((self.up, up), (self.down, down)):
                if is_chosen:
                    flow.open.clear()

        self._call(act())

    def lose(self, up: bool = False, down: bool = True) -> None:
        """Whatever comes is thrown away until it is healed; connections that lost something are reset then."""

        async def act():
            self.up.is_lost, self.down.is_lost = up, down

        self._call(act())

    def strand(self) -> None:
        """The connections that are open carry nothing any more, for good, and no end hears of it. New ones work."""

        async def act():
            self._generation += 1

        self._call(act())

    def delay(self, seconds: float) -> None:
        """Each piece waits so long, in each direction; the order stays."""
        self.up.delay = self.down.delay = seconds

    def drip(self, bytes_per_second: float, up: bool = False, down: bool = True) -> None:
        """Passes a byte at a time at this rate."""
        self.up.rate, self.down.rate = bytes_per_second * up, bytes_per_second * down

    def answer_instead(self, content: bytes, matching: bytes = b"") -> None:
        """The next piece that comes down, or the next one that contains `matching`, is replaced by `content`."""

        async def act():
            self.down.replacement = (matching, content)

        self._call(act())

    @property
    def has_answered(self) -> bool:
        """Whether the replacement was sent."""
        return self.down.replacement is None

    def reset(self, refuses: bool = False) -> None:
        """Resets every connection; with `refuses`, new ones too, until it is healed."""

        async def act():
            self.is_closed_to_new = refuses
            for pair in list(self._pairs):
                self._break(pair)

        self._call(act())

    def retarget(self, port: int) -> None:
        """New connections go to another port; the open ones are reset, as when an address moves to another machine."""
        self.target = port
        self.reset()

    def heal(self) -> None:
        """Passes everything at once again."""

        async def act():
            was_losing = self.up.is_lost or self.down.is_lost
            self.is_closed_to_new = False
            for flow in (self.up, self.down):
                flow.delay = flow.rate = 0.0
                flow.is_lost = False
                flow.open.set()
            if was_losing:
                for pair in list(self._pairs):
                    self._break(pair)

        self._call(act())

    def close(self) -> None:
        if self.loop.is_closed():
            return

        async def act():
            self._server.close()
            for pair in list(self._pairs):
                self._break(pair)
            for task in list(self._tasks):
                task.cancel()

        self._call(act())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()

    def __enter__(self) -> "Forwarder":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    # Connections

    def _break(self, pair: tuple) -> None:
        """Ends both halves with a reset."""
        self._pairs.discard(pair)
        for writer in pair:
            link = writer.get_extra_info("socket")
            if link is not None:
                try:
                    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                except OSError:
                    pass
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.is_closed_to_new:
            self._break((writer,))
            return
        # A connection through a network that is cut is not made before it heals.
        await self.up.open.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection(self.host, self.target, limit=PIECE)
        except OSError:
            self._break((writer,))
            return
        for one in (writer, far_writer):
            one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = (writer, far_writer)
        self._pairs.add(pair)
        generation = self._generation
        both = [self.loop.create_task(self._pass(source, sink, flow, generation)) for source, sink, flow in
                ((reader, far_writer, self.up), (far_reader, writer, self.down))]  # fmt: skip
        self._tasks.update(both)
        try:
            ends = await asyncio.gather(*both)
            # One that was reset has its other half reset too.
            if not all(ends):
                self._break(pair)
        finally:
            self._tasks.difference_update(both)
            self._pairs.discard(pair)
            for one in pair:
                one.close()

    async def _may_pass(self, flow: Flow, generation: int) -> None:
        await flow.open.wait()
        if generation < self._generation:
            await asyncio.Event().wait()

    async def _pass(self, source, sink, flow: Flow, generation: int) -> bool:
        """Whether this direction came to its end in order."""
        try:
            while True:
                # Not read before it may pass: the sender's buffers fill, as they do when nothing is acknowledged.
                await self._may_pass(flow, generation)
                content = await source.read(PIECE)
                await self._may_pass(flow, generation)
                if not content:
                    break
                if flow.is_lost:
                    continue
                if flow.delay:
                    await asyncio.sleep(flow.delay)
                    await self._may_pass(flow, generation)
                if flow.replacement and flow.replacement[0] in content:
                    content, flow.replacement = flow.replacement[1], None
                await self._write(content, sink, flow, generation)
            if sink.can_write_eof():
                sink.write_eof()
            return True
        except OSError:
            # The other direction ends with this one.
            sink.transport.abort()
            return False

    async def _write(self, content: bytes, sink, flow: Flow, generation: int) -> None:
        pieces = [content] if not flow.rate else [content[index : index + 1] for index in range(len(content))]
        for piece in pieces:
            sink.write(piece)
            await sink.drain()
            flow.bytes += len(piece)
            if flow.rate:
                await asyncio.sleep(1 / flow.rate)
            await self._may_pass(flow, generation)

"""A second reader of the journal, written from docs/durability.md alone and sharing nothing with the service."""

import struct
import uuid
from dataclasses import dataclass
from pathlib import Path

HEADER, RECORD = 4096, 64
SEGMENT_MARK, SNAPSHOT_MARK = b"MRTJRNL\n", b"MRTJSNP\n"
KINDS = {1: "REVOKE_JTI", 2: "REVOKE_SID", 3: "ROTATE", 4: "CUT", 5: "OPEN", 6: "SEAL", 7: "SESSION", 8: "SESSION_ENTRY", 9: "EPOCH"}
SAFE_ALONE = {1, 2, 4}
UNDER_WAY_MAX = 4096


def _table() -> list[int]:
    table = []
    for octet in range(256):
        for _ in range(8):
            octet = octet >> 1 ^ (0x82F63B78 if octet & 1 else 0)
        table.append(octet)
    return table


TABLE = _table()


def crc32c(octets: bytes, seed: int = 0) -> int:
    register = seed ^ 0xFFFFFFFF
    for octet in octets:
        register = register >> 8 ^ TABLE[(register ^ octet) & 255]
    return register ^ 0xFFFFFFFF


class Damaged(Exception):
    """Something that was acknowledged is missing or changed."""


@dataclass(frozen=True)
class Record:
    crc: int
    kind: int
    flags: int
    reason: int
    seq: int
    key: str
    expires: int
    value: int
    time: int
    durable: int

    @classmethod
    def at(cls, octets: bytes, salt: int) -> "Record | None":
        """The record in 64 octets, or None if its checksum does not hold."""
        crc, kind, flags, reason, seq, key, expires, value, time, durable = struct.unpack("<IBBHQ16sqQqQ", octets)
        if crc32c(octets[4:], salt) != crc:
            return None
        return cls(crc, kind, flags, reason, seq, str(uuid.UUID(bytes=key)), expires, value, time, durable)


@dataclass(frozen=True)
class Header:
    """What both kinds of file state. At 64 a segment has the seq before it, a snapshot its number of records."""

    store: uuid.UUID
    number: int
    seq: int
    salt: int
    at_64: int
    before_crc: int

    count = before_seq = property(lambda self: self.at_64)

    @classmethod
    def of(cls, octets: bytes, mark: bytes) -> "Header":
        if len(octets) < HEADER or octets[:8] != mark:
            raise Damaged("no header")
        version, crc = struct.unpack_from("<II", octets, 8)
        if crc32c(octets[:12] + bytes(4) + octets[16:HEADER]) != crc:
            raise Damaged("the header's checksum")
        if version != 1:
            raise Damaged(f"version {version}")
        number, seq, _, salt = struct.unpack_from("<QQQI", octets, 32)
        at_64, before_crc = struct.unpack_from("<QI", octets, 64)
        return cls(uuid.UUID(bytes=octets[16:32]), number, seq, salt, at_64, before_crc)


class Journal:
    """All records of a directory that count, in order; `salvaged` and `torn` come from the end of the last segment."""

    def __init__(self, directory: Path):
        self.records: list[Record] = []
        self.salvaged: list[Record] = []
        self.torn = False
        snapshots = sorted(directory.glob("*.snap"))
        base = self._snapshot(snapshots[-1]) if snapshots else None
        number, seq, crc = (base.number, base.seq, base.before_crc) if base else (0, 0, 0)
        store = base.store if base else None
        files = [path for path in sorted(directory.glob("*.jrn")) if int(path.name[:16], 16) > number]
        octets = {path: path.read_bytes() for path in files}
        headers = [Header.of(octets[path], SEGMENT_MARK) for path in files]
        for index, (path, header) in enumerate(zip(files, headers)):
            if path.name != f"{header.number:016x}-{header.seq:016x}.jrn":
                raise Damaged(f"{path.name}: another segment's header")
            if (header.number, header.seq, header.before_seq) != (number + 1, seq + 1, seq):
                raise Damaged(f"{path.name}: does not follow")
            if header.before_crc != crc or store not in (None, header.store):
                raise Damaged(f"{path.name}: follows another journal")
            store = header.store
            following = headers[index + 1] if index + 1 < len(headers) else None
            if following:
                found = self._sealed(octets[path], header, following.before_seq - header.seq + 1)
            else:
                found = self._open(octets[path], header)
            self.records += found
            number = header.number
            if found:
                seq, crc = found[-1].seq, found[-1].crc
            elif following:
                crc = following.before_crc

    def _snapshot(self, path: Path) -> Header:
        octets = path.read_bytes()
        header = Header.of(octets, SNAPSHOT_MARK)
        if path.name != f"{header.number:016x}.snap" or len(octets) != HEADER + header.count * RECORD:
            raise Damaged(path.name)
        for index in range(header.count):
            record = Record.at(slot(octets, index), header.salt)
            if record is None or record.durable != index or record.seq > header.seq:
                raise Damaged(f"{path.name}: record {index}")
            self.records.append(record)
        return header

    @staticmethod
    def _sealed(octets: bytes, header: Header, count: int) -> list[Record]:
        found = [Record.at(slot(octets, index), header.salt) for index in range(count)]
        if any(record is None or record.seq != header.seq + index for index, record in enumerate(found)):
            raise Damaged(f"segment {header.number}")
        return found

    def _open(self, octets: bytes, header: Header) -> list[Record]:
        whole, durable, first_bad = [], 0, None
        for index in range(-(-(len(octets) - HEADER) // RECORD)):
            piece = slot(octets, index)
            record = Record.at(piece, header.salt) if any(piece) else None
            if record is not None and record.seq == header.seq + index:
                durable = max(durable, record.durable)
                if first_bad is None:
                    whole.append(record)
                elif index - first_bad >= UNDER_WAY_MAX:
                    raise Damaged(f"segment {header.number}: a gap of more than was ever under way")
                else:
                    self.torn = True
                    if record.kind in SAFE_ALONE and not record.flags & 8:
                        self.salvaged.append(record)
            else:
                self.torn = self.torn or any(piece)
                first_bad = index if first_bad is None else first_bad
            if first_bad is not None and header.seq + first_bad <= durable:
                raise Damaged(f"segment {header.number}: record {header.seq + first_bad} was acknowledged")
        if not whole:
            raise Damaged(f"segment {header.number}: no first record")
        return whole


def slot(octets: bytes, index: int) -> bytes:
    start = HEADER + index * RECORD
    return octets[start : start + RECORD].ljust(RECORD, b"\0")

// What a feed of Martlet says: records of 64 bytes, and which tokens they end.
import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';

const MARGIN_MS = 60_000;
const PIECE = 4_096 * 64;
const [SUBJECT, CLIENT, KEY, ALL] = [1, 2, 3, 4];
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit += 1) byte = byte & 1 ? (byte >>> 1) ^ 0x82f63b78 : byte >>> 1;
  return byte >>> 0;
});

/** The feed or a snapshot is not as Martlet sends it. */
export class Damaged extends Error {
  code = 'feed_damaged';
}

export function crc32c(bytes, start, end) {
  let register = 0xffffffff;
  for (let at = start; at < end; at += 1) register = table[(register ^ bytes[at]) & 0xff] ^ (register >>> 8);
  return ~register >>> 0;
}

/** `epoch:seq`; seq alone orders positions. */
export function readPosition(text) {
  const [, epoch, seq] = /^(0|[1-9]\d{0,9}):(0|[1-9]\d{0,15})$/.exec(text) ?? [];
  if (seq === undefined || Number(epoch) > 0xffffffff || !Number.isSafeInteger(Number(seq))) {
    throw new Damaged('a position is malformed');
  }
  return { epoch: Number(epoch), seq: Number(seq) };
}

const DIGITS = Array.from({ length: 256 }, (_, byte) => Buffer.from(byte.toString(16).padStart(2, '0')).readUInt16LE());
const scratch = Buffer.from('00000000-0000-0000-0000-000000000000');
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/** The text of the UUID whose bytes are at `at`. */
function uuid(bytes, at) {
  for (let index = 0; index < 16; index += 1) scratch.writeUInt16LE(DIGITS[bytes[at + index]], PLACES[index]);
  return scratch.toString('latin1');
}

const nameKey = (of, name) => of + uuid(createHash('sha256').update(Buffer.of(of)).update(name).digest(), 0);

/** When a token without `bsq` began: the high half of its session's id, or of a UUIDv7 of its own. */
export function birth(sid, jti, issuedAt) {
  if (sid || jti[14] === '7') return (sid ?? jti).slice(0, 18);
  const digits = (issuedAt * 1_000).toString(16).padStart(12, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}-7000`;
}

const later = (one, other) => (one === undefined || other > one ? other : one);

/** Whether a login came before a cut: by the last seq that it knew, or without that by time. */
const precedes = (token, cut) =>
  token.claims.bsq === undefined ? token.born < cut.before : token.claims.bsq < cut.seq;

export class Revocations {
  tokens = new Map();
  sessions = new Map();
  cuts = new Map();
  spares = new Map();
  #newest = new Map();
  #sweep = this.#entries();

  get size() {
    return this.tokens.size + this.sessions.size + this.cuts.size;
  }

  /** Applies records whose seqs ascend from `after` (exclusive) to at most `head`, and returns the last seq. */
  apply(bytes, after, head, isSigned = false) {
    if (bytes.length % 64 !== 0) throw new Damaged('a record is incomplete');
    let last = after;
    for (let at = 0; at < bytes.length; at += 64) {
      if (!isSigned && crc32c(bytes, at + 4, at + 64) !== bytes.readUInt32LE(at)) {
        throw new Damaged(`the checksum of the record after ${last} is wrong`);
      }
      if (bytes.readBigUInt64LE(at + 56) !== 0n) throw new Damaged(`the record after ${last} does not end with zeros`);
      const seq = bytes.readUInt32LE(at + 8) + bytes.readUInt32LE(at + 12) * 2 ** 32;
      if (!(seq > last && seq <= head)) throw new Damaged(`record ${seq} is out of order`);
      this.#record(bytes, at, seq);
      last = seq;
    }
    return last;
  }

  /** Applies those of a snapshot. A million records at once would stop the whole process for seconds. */
  async applyInPieces(bytes, head) {
    for (let at = 0, last = 0; at < bytes.length; at += PIECE) {
      last = this.apply(bytes.subarray(at, at + PIECE), last, head, true);
      await turn();
    }
  }

  #record(bytes, at, seq) {
    const [kind, flags] = [bytes[at + 4], bytes[at + 5]];
    const id = uuid(bytes, at + 16);
    const expires = bytes.readInt32LE(at + 36) * 2 ** 32 + bytes.readUInt32LE(at + 32);
    if (kind === 1 && (flags & ~1) === 0) {
      this.tokens.set(id, later(this.tokens.get(id), expires));
    } else if (kind === 2 && (flags & ~8) === 0) {
      this.sessions.set(id, later(this.sessions.get(id), expires));
    } else if (kind === 4 && flags >> 4 >= SUBJECT && flags >> 4 <= ALL && (flags & 6) === 0) {
      const of = flags >> 4;
      const before = uuid(Buffer.from(bytes.subarray(at + 32, at + 48)).reverse(), 0).slice(0, 18);
      if (flags & 1) return this.#raise(this.spares, of + id, { before, seq: seq + 1, expires });
      this.#raise(this.cuts, of + id, { before, seq, expires });
      this.#raise(this.#newest, of, { before, seq, expires });
    } else {
      throw new Damaged(`record ${seq} has the unknown kind ${kind} with flags ${flags}`);
    }
  }

  #raise(map, name, { before, seq, expires }) {
    const old = map.get(name);
    map.set(name, {
      before: later(old?.before, before), seq: later(old?.seq, seq), expires: later(old?.expires, expires),
    });
  }

  /** The code with which a token is rejected, or undefined. `token.keys` keeps the hashes of its names. */
  denial(token) {
    const { jti, sid, client_id: client = '', sub } = token.claims;
    if (this.tokens.has(jti)) return 'token_revoked';
    if (sid && this.sessions.has(sid)) return 'session_revoked';
    if (this.#newest.size === 0) return undefined;
    if (this.#isCut(token, ALL, '')) return 'subject_revoked';
    if (this.#isCut(token, KEY, token.key.kid)) return 'key_revoked';
    if (this.#isCut(token, CLIENT, client)) return 'client_revoked';
    return this.#isCut(token, SUBJECT, sub) ? 'subject_revoked' : undefined;
  }

  #isCut(token, of, name) {
    const newest = this.#newest.get(of);
    if (!newest || (of !== KEY && !precedes(token, newest))) return false;
    const cut = this.cuts.get((token.keys[of] ??= nameKey(of, name)));
    if (!cut || of === KEY) return cut !== undefined;
    const spare = this.spares.get(of + token.claims.sid);
    const isLater = token.claims.bsq === undefined ? spare?.before >= cut.before : spare?.seq >= cut.seq;
    return precedes(token, cut) && !isLater;
  }

  /** Looks at some entries, each time at the next ones, and forgets those that have expired. */
  forget(now, count = 5_000) {
    for (; count > 0; count -= 1) {
      const { map, name, end } = this.#sweep.next().value;
      if (end + MARGIN_MS < now) map.delete(name);
    }
  }

  *#entries() {
    for (;;) {
      for (const map of [this.tokens, this.sessions, this.cuts, this.spares]) {
        for (const [name, entry] of map) yield { map, name, end: entry.expires ?? entry };
        yield { map };
      }
    }
  }
}

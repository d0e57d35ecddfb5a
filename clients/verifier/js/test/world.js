// Keys, tokens and records for the tests.
import crypto from 'node:crypto';
import http from 'node:http';
import { crc32c } from '../revocations.js';

export const issuer = 'https://auth.example.com';
const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export const pair = (kid, type, options, alg) => {
  const { publicKey, privateKey } = crypto.generateKeyPairSync(type, options);
  return { jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }, privateKey, alg };
};

const PSS = { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: crypto.constants.RSA_PSS_SALTLEN_DIGEST };

export function sign(header, claims, { privateKey, alg }) {
  const input = Buffer.from(`${base64url(header)}.${base64url(claims)}`);
  const hash = alg === 'EdDSA' ? undefined : `sha${alg.slice(2)}`;
  const options = { PS: PSS, ES: { dsaEncoding: 'ieee-p1363' } }[alg.slice(0, 2)];
  return `${input}.${crypto.sign(hash, input, { key: privateKey, ...options }).toString('base64url')}`;
}

export const claims = (changed = {}) => {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: issuer, sub: crypto.randomUUID(), aud: 'api', client_id: 'first-party', iat: now, exp: now + 600,
    jti: crypto.randomUUID(), sid: crypto.randomUUID(), scope: 'read write', ...changed,
  };
};

export const token = (key, changed) => sign({ alg: key.alg, typ: 'at+jwt', kid: key.jwk.kid }, claims(changed), key);

/** The 64 bytes of a record; `id` is a UUID. */
export function record(seq, kind, id, { flags = 0, value = 0n, expires = Date.now() + 3_600_000 } = {}) {
  const bytes = Buffer.alloc(64);
  bytes.set([kind, flags], 4);
  bytes.writeBigUInt64LE(BigInt(seq), 8);
  bytes.write(id.replaceAll('-', ''), 16, 'hex');
  bytes.writeBigInt64LE(BigInt(expires), 32);
  bytes.writeBigUInt64LE(value, 40);
  bytes.writeUInt32LE(crc32c(bytes, 4, 64), 0);
  return bytes;
}

export function snapshot(key, records = Buffer.alloc(0), changed = {}) {
  const digest = `sha-256=:${crypto.createHash('sha256').update(records).digest('base64')}:`;
  const told = { iss: issuer, iat: Math.floor(Date.now() / 1000), pos: '1:1000', count: records.length / 64, digest };
  return Buffer.concat([
    Buffer.from(`${sign({ alg: key.alg, typ: 'rs+jwt', kid: key.jwk.kid }, { ...told, ...changed }, key)}\n`), records,
  ]);
}

/** A server that answers with `handler` while `run` uses its address. */
export async function serving(handler, run) {
  const server = http.createServer(handler);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await run(`http://127.0.0.1:${server.address().port}`);
  } finally {
    server.closeAllConnections?.();
    server.close();
  }
}

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import test from 'node:test';
import { crc32c, Damaged, readPosition, Revocations } from '../revocations.js';
import { requireToken, Verifier } from '../verifier.js';
import { claims, issuer, pair, record, sign, snapshot, token } from './world.js';

const KEYS = [
  pair('rs', 'rsa', { modulusLength: 2048 }, 'RS256'), pair('rs5', 'rsa', { modulusLength: 2048 }, 'RS512'),
  pair('ps', 'rsa', { modulusLength: 2048 }, 'PS256'), pair('es', 'ec', { namedCurve: 'P-256' }, 'ES256'),
  pair('es3', 'ec', { namedCurve: 'P-384' }, 'ES384'), pair('es5', 'ec', { namedCurve: 'P-521' }, 'ES512'),
  pair('ed', 'ed25519', {}, 'EdDSA'),
];
const [RS] = KEYS;

const verifier = (options = {}) => {
  const made = new Verifier({ issuer, audience: 'api', jwks: { keys: KEYS.map((key) => key.jwk) }, ...options });
  made.load(snapshot(RS), { maxAge: 60 });
  return made;
};

const code = (verifying) => verifying.then(() => '', (error) => error.code ?? assert.fail(error));

test('each algorithm verifies with its key alone', async () => {
  const made = verifier();
  for (const key of KEYS) {
    const good = token(key);
    assert.equal((await made.verify(good)).iss, issuer);
    const at = good.lastIndexOf('.') + 5;
    const wrong = good.slice(0, at) + (good[at] === 'A' ? 'B' : 'A') + good.slice(at + 1);
    assert.equal(await code(made.verify(wrong)), 'signature_invalid');
    const other = sign({ alg: key.alg, typ: 'at+jwt', kid: key === RS ? 'ps' : 'rs' }, claims(), key);
    assert.equal(await code(made.verify(other)), 'alg_not_allowed');
  }
});

test('keys that are short, for encryption or of another curve are not used', async () => {
  const bad = [
    pair('a', 'rsa', { modulusLength: 1024 }, 'RS256'), pair('b', 'ec', { namedCurve: 'P-384' }, 'ES384'),
    pair('c', 'rsa', { modulusLength: 2048 }, 'RS256'), pair('d', 'ed448', {}, 'EdDSA'),
  ];
  bad[1].jwk.alg = 'ES256';
  bad[2].jwk.use = 'enc';
  const made = verifier({ jwks: { keys: [RS.jwk, ...bad.map((key) => key.jwk), null, 1, { kty: 'RSA' }] } });
  for (const key of bad.slice(0, 3)) assert.equal(await code(made.verify(token(key))), 'kid_unknown');
  assert.equal(await code(made.verify(token(RS))), '');
  assert.throws(() => verifier({ secrets: [{ kty: 'oct', kid: 's', alg: 'HS256', k: 'c2hvcnQ' }] }), /too short/);
});

test('a remembered token is checked again for everything but its signature', async () => {
  const made = verifier();
  const text = token(RS, { exp: Math.floor(Date.now() / 1000) + 1 });
  assert.equal(await code(made.verify(text)), '');
  assert.equal(await code(made.verify(text, { audience: 'billing' })), 'audience_mismatch');
  assert.equal(await code(made.verify(text, { scope: 'admin' })), 'scope_insufficient');
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  assert.equal(await code(made.verify(text)), 'token_expired');
});

test('claims cannot be changed for the next caller, and memory is limited', async () => {
  const made = verifier({ cacheSize: 10 });
  const text = token(RS, { roles: ['reader'] });
  const first = await made.verify(text);
  assert.throws(() => first.roles.push('admin'), TypeError);
  assert.throws(() => (first.sub = 'x'), TypeError);
  for (let count = 0; count < 40; count += 1) await made.verify(token(RS));
  assert.deepEqual((await made.verify(text)).roles, ['reader']);
  assert.notEqual(await made.verify(text), first);
});

test('a name must be given for the audience, and values for settings are checked', async () => {
  await assert.rejects(verifier({ audience: undefined }).verify(token(RS)), TypeError);
  assert.throws(() => verifier({ onStale: 'Refuse' }), TypeError);
  assert.throws(() => verifier({ maxAge: 0 }), TypeError);
  assert.throws(() => new Verifier({}), TypeError);
});

test('positions have one spelling', () => {
  assert.deepEqual(readPosition('3:4194401'), { epoch: 3, seq: 4194401 });
  for (const text of [undefined, '', '1', '1:', ':1', '01:1', '1:01', '+1:1', '1:-1', '1: 1', '1:1\n', '4294967296:1',
    '1:9007199254740992', '1:99999999999999999999']) {
    assert.throws(() => readPosition(text), Damaged, String(text));
  }
  assert.equal(crc32c(Buffer.from('123456789'), 0, 9), 0xe3069283);
});

test('records may come twice and in any order of batches, and the highest cut counts', () => {
  const name = crypto.createHash('sha256').update('\x01s').digest('hex').slice(0, 32);
  const cut = (seq, value) => record(seq, 4, name, { flags: 1 << 4, value });
  const low = [cut(5, 0x0190000000007000n), 5];
  const high = [cut(9, 0x01a0000000007000n), 9];
  for (const order of [[low, high], [high, low], [low, high, low, high]]) {
    const known = new Revocations();
    for (const [bytes, seq] of order) known.apply(bytes, seq - 1, seq);
    const asked = (changed, born) =>
      known.denial({ claims: claims({ sub: 's', ...changed }), key: { kid: 'k' }, born, keys: [] });
    assert.equal(asked({ bsq: 8 }), 'subject_revoked');
    assert.equal(asked({ bsq: 9 }), undefined);
    assert.equal(asked({}, '0199ffff-ffff-7fff'), 'subject_revoked');
    assert.equal(asked({}, '01a00000-0000-7000'), undefined);
    assert.equal(known.cuts.size, 1);
  }
});

test('what has expired is forgotten some time later', () => {
  const known = new Revocations();
  const now = Date.now();
  for (let seq = 1; seq <= 100; seq += 1) {
    known.apply(record(seq, 1 + (seq % 2), crypto.randomUUID(), { expires: now + seq * 1_000 }), seq - 1, seq);
  }
  known.forget(now + 50_000);
  assert.equal(known.size, 100);
  for (let step = 0; step < 50; step += 1) known.forget(now + 110_500, 7);
  assert.equal(known.size, 50);
});

test('the middleware passes good requests on and answers the others', async () => {
  const step = requireToken(verifier(), { scope: 'read' });
  const ask = async (authorization) => {
    const seen = { fields: {} };
    const response = {
      status: (status) => Object.assign(seen, { status }) && response,
      set: (name, value) => (seen.fields[name] = value) && response,
      type: (type) => Object.assign(seen, { type }) && response,
      send: (content) => Object.assign(seen, { content: JSON.parse(content) }),
    };
    const request = { headers: { authorization } };
    await step(request, response, (error) => Object.assign(seen, { passed: error ?? request.auth.scope }));
    return seen;
  };
  assert.equal((await ask(`Bearer ${token(RS)}`)).passed, 'read write');
  assert.equal((await ask(`bearer  ${token(RS)} `)).passed, 'read write');
  for (const field of [undefined, '', 'Basic eDp5', 'Bearer', 'Bearer a b']) {
    const { status, fields, content } = await ask(field);
    assert.deepEqual([status, content.code], [401, 'token_missing']);
    assert.equal(fields['WWW-Authenticate'], 'Bearer realm="martlet"');
  }
  const wrong = await ask('Bearer x');
  assert.deepEqual([wrong.status, wrong.content.code], [401, 'token_malformed']);
  assert.equal(wrong.type, 'application/problem+json');
  assert.equal(wrong.fields['WWW-Authenticate'], 'Bearer realm="martlet", error="invalid_token"');
  const { status, fields } = await ask(`Bearer ${token(RS, { scope: 'write' })}`);
  assert.equal(status, 403);
  assert.equal(fields['WWW-Authenticate'], 'Bearer realm="martlet", error="insufficient_scope"');
  const failure = requireToken({ verify: () => Promise.reject(new RangeError()) });
  let passed;
  await failure({ headers: { authorization: 'Bearer x' } }, {}, (error) => (passed = error));
  assert.ok(passed instanceof RangeError);
});

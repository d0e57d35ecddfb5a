import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import test from 'node:test';
import { Verifier } from '../verifier.js';
import { issuer, pair, record, serving, snapshot } from './world.js';

const key = pair('rs-1', 'rsa', { modulusLength: 2048 }, 'RS256');

/** A source with a snapshot of `count` revoked tokens, and nothing after it. */
async function following(count, run) {
  const records = Buffer.concat(Array.from({ length: count }, (_, at) => record(at + 1, 1, crypto.randomUUID())));
  const whole = snapshot(key, records, { pos: `1:${count}` });
  const answers = {
    '/.well-known/jwks.json': [{}, JSON.stringify({ keys: [key.jwk] })],
    '/revocations/snapshot': [{}, whole],
    '/revocations': [{
      'content-type': 'application/vnd.martlet.records', 'content-length': 0, 'revocation-issuer': issuer,
      'revocation-seq': `1:${count}`, 'revocation-age': '0.001',
    }, ''],
  };
  const answer = (request, response) => {
    const [fields, content] = answers[request.url.split('?')[0]];
    response.writeHead(200, fields).end(content);
  };
  await serving(answer, async (url) => {
    const verifier = new Verifier({ url, issuer, audience: 'api' });
    try {
      await run(verifier);
    } finally {
      verifier.close();
    }
  });
}

test('a large snapshot is applied in pieces, and the process does other work in between', () =>
  following(60_000, async (verifier) => {
    const seen = new Set();
    const look = () => {
      seen.add(verifier.revocations.size);
      if (verifier.state === 'starting') setImmediate(look);
    };
    look();
    await verifier.ready();
    assert.equal(verifier.revocations.size, 60_000);
    assert.equal(verifier.status.position, '1:60000');
    assert.ok(seen.size >= 10, `only these sizes were seen: ${[...seen]}`);
  }));

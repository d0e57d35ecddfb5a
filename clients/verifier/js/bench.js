// Compares the verifier for Node with crypto.verify alone, with jose, and with jsonwebtoken if it is installed.
//
// Usage: node bench.js [ROUNDS]. Each figure is the median of the rounds, which take turns.
import crypto from 'node:crypto';
import { createRequire } from 'node:module';
import { Verifier } from './verifier.js';
import { claims, issuer, pair, sign, snapshot } from './test/world.js';

const rounds = Number(process.argv[2] ?? 21);
const require = createRequire(import.meta.url);

function load(name) {
  // The second is where Debian keeps its packages.
  for (const path of [name, `/usr/share/nodejs/${name}`]) {
    try {
      return require(path);
    } catch {
      // Not there.
    }
  }
  console.log(`${name} is not installed: not compared`);
  return undefined;
}

const key = pair('key-1', 'rsa', { modulusLength: 2048 }, 'RS256');
const publicKey = crypto.createPublicKey({ key: key.jwk, format: 'jwk' });
const own = { roles: ['admin', 'staff'], amr: ['pwd'], auth_time: 1_790_000_000, bsq: 4_194_401 };
const tokens = Array.from({ length: 1_000 }, (_, number) => {
  const text = sign({ alg: 'RS256', typ: 'at+jwt', kid: 'key-1' }, claims({ ...own, sub: `user-${number}` }), key);
  const [input, signature] = [text.slice(0, text.lastIndexOf('.')), text.slice(text.lastIndexOf('.') + 1)];
  return { bytes: Buffer.from(text), input: Buffer.from(input), signature: Buffer.from(signature, 'base64url') };
});
// As a server gets it: a new text for each request.
const text = (token) => token.bytes.latin1Slice();
const few = tokens.slice(0, 100);

// Keeps so few tokens that each one of the thousand is new.
const make = (cacheSize) => {
  const verifier = new Verifier({ issuer, audience: 'api', jwks: { keys: [key.jwk] }, maxAge: 3_600, cacheSize });
  verifier.load(snapshot(key), { maxAge: 60 });
  return verifier;
};
const [forgetful, remembering] = [make(200), make(4_096)];

const candidates = {
  'crypto.verify alone': [tokens, (token) => crypto.verify('sha256', token.input, publicKey, token.signature)],
  'verifier, new token': [tokens, (token) => forgetful.verify(text(token))],
  'verifier, repeated token': [few, (token) => remembering.verify(text(token))],
};
const jose = load('jose');
if (jose) {
  const expected = { algorithms: ['RS256'], typ: 'at+jwt', issuer, audience: 'api', requiredClaims: ['exp', 'sub'] };
  const keys = jose.createLocalJWKSet({ keys: [key.jwk] });
  candidates['jose'] = [tokens, (token) => jose.jwtVerify(text(token), keys, expected)];
}
const jsonwebtoken = load('jsonwebtoken');
if (jsonwebtoken) {
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  const expected = { algorithms: ['RS256'], issuer, audience: 'api' };
  candidates['jsonwebtoken'] = [tokens, (token) => jsonwebtoken.verify(text(token), pem, expected)];
}

const found = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
for (let round = 0; round < rounds; round += 1) {
  for (const [name, [list, verify]] of Object.entries(candidates)) {
    // Time of the processor, so that other programs count for little.
    const start = process.cpuUsage();
    for (const token of list) await verify(token);
    const { user, system } = process.cpuUsage(start);
    found[name].push((user + system) / list.length);
  }
}
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const base = median(found['crypto.verify alone']);
console.log(`Node ${process.version}, RS256, ${tokens[0].bytes.length} bytes a token, median of ${rounds} rounds`);
for (const [name, values] of Object.entries(found)) {
  const time = median(values);
  console.log(`${name.padEnd(26)} ${time.toFixed(1).padStart(7)} µs ${(time / base).toFixed(2).padStart(6)} ×`);
}

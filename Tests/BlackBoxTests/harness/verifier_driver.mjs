// Drives the verifier client for Node by lines of JSON: one request a line, one answer a line.
import fs from 'node:fs';
import readline from 'node:readline';

const { Verifier, VerifyError } = await import(process.argv[2]);
const { birth, Revocations } = await import(process.argv[2].replace('verifier.js', 'revocations.js'));
let verifier;
const events = [];

const operations = {
  new(options) {
    const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
    verifier = new Verifier(Object.fromEntries(Object.entries(options).map(([name, value]) => [camel(name), value])));
    for (const name of ['following', 'away', 'damaged', 'reset']) {
      verifier.on(name, (detail) => events.push(`${name}: ${detail?.message ?? detail ?? ''}`));
    }
    return {};
  },
  async verify({ token, ...conditions }) {
    return { claims: await verifier.verify(token, conditions) };
  },
  load: ({ file, max_age: maxAge }) => ({ claims: verifier.load(fs.readFileSync(file), { maxAge }) }),
  deny({ records, tokens }) {
    const known = new Revocations();
    for (const each of records) known.apply(Buffer.from(each, 'hex'), 0, Number.MAX_SAFE_INTEGER);
    return {
      codes: tokens.map(({ kid, claims }) =>
        known.denial({ claims, key: { kid }, born: birth(claims.sid, claims.jti, claims.iat), keys: [] }) ?? null),
    };
  },
  status: () => ({ ...verifier.status, age: Math.min(verifier.status.age, 1e9), events }),
  close: () => (verifier?.close(), {}),
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { op, ...options } = JSON.parse(line);
  let answer;
  try {
    answer = await operations[op](options);
  } catch (error) {
    answer = error instanceof VerifyError
      ? { code: error.code, status: error.status } : { error: `${error.constructor.name}: ${error.message}` };
  }
  console.log(JSON.stringify(answer));
}
process.exit(0);

// Signed texts: the parts of a compact JWS, and keys.
import * as crypto from 'node:crypto';

const PSS = { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: crypto.constants.RSA_PSS_SALTLEN_DIGEST };
const P1363 = { dsaEncoding: 'ieee-p1363' };
const ALGORITHMS = {
  RS256: ['RSA'], RS384: ['RSA'], RS512: ['RSA'], PS256: ['RSA', '', PSS], PS384: ['RSA', '', PSS],
  PS512: ['RSA', '', PSS], ES256: ['EC', 'P-256', P1363], ES384: ['EC', 'P-384', P1363],
  ES512: ['EC', 'P-521', P1363], EdDSA: ['OKP', 'Ed25519'], HS256: ['oct'],
};

export const isAlgorithm = (name) => Object.hasOwn(ALGORITHMS, name);

/** A token is rejected; `code` is the one of Martlet, `status` that of the answer to a request with this token. */
export class VerifyError extends Error {
  constructor(code) {
    super(`The access token is not accepted: ${code}`);
    this.code = code;
    this.status = { scope_insufficient: 403, stale: 503 }[code] ?? 401;
    const error = { token_missing: '', scope_insufficient: ', error="insufficient_scope"' }[code];
    const challenge = `Bearer realm="martlet"${error ?? ', error="invalid_token"'}`;
    this.field = this.status === 503 ? ['Retry-After', '1'] : ['WWW-Authenticate', challenge];
  }
}

export const fail = (code) => {
  throw new VerifyError(code);
};

/** For bytes that are not needed after a call: making a buffer takes longer than decoding into one. */
const [scratch, signatures] = [Buffer.allocUnsafeSlow(8_192), Buffer.allocUnsafeSlow(8_192)];

const isObject = (value) => value !== null && typeof value === 'object';

function memberCount(value) {
  const names = Object.keys(value);
  let count = Array.isArray(value) ? 0 : names.length;
  for (const name of names) if (isObject(value[name])) count += memberCount(value[name]);
  return count;
}

function countOf(part, text) {
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count += 1;
  return count;
}

/** Whether `text`, parsed as `value`, names a member twice: then it has more colons than its value has members. */
function hasTwins(text, value) {
  const count = memberCount(value);
  // Without these, `":` follows each name and may also begin a text: if there are as many, each is a name.
  if (!text.includes('\\') && !/"\s+:/.test(text) && countOf('":', text) === count) return false;
  return countOf(':', text.replace(/"(?:[^"\\]|\\.)*"/g, '')) !== count;
}

/** The text of a part, which must be canonical base64url; empty if it is not UTF-8. */
export function readText(part) {
  const length = part.length > scratch.length ? 0 : scratch.write(part, 'base64url');
  const text = scratch.toString('utf8', 0, length);
  // The letter for bytes that are not UTF-8 is there, or it replaced some.
  const isUTF8 = !text.includes('\ufffd') || Buffer.from(text).equals(scratch.subarray(0, length));
  if (scratch.toString('base64url', 0, length) !== part) fail('token_malformed');
  return isUTF8 ? text : '';
}

/** The object of a text: JSON without a member of the same name twice. */
export function readObject(text) {
  try {
    const value = JSON.parse(text);
    if (isObject(value) && !Array.isArray(value) && !hasTwins(text, value)) return value;
  } catch {
    // No JSON, or nested too deeply.
  }
  return fail('token_malformed');
}

export function freeze(value) {
  for (const name in value) if (isObject(value[name])) freeze(value[name]);
  return Object.freeze(value);
}

/** A key for one algorithm, made from a JWK. */
export class Key {
  constructor(jwk) {
    const [kty, crv, options] = ALGORITHMS[jwk.alg] ?? [];
    const isUsable = kty && jwk.kty === kty && (!crv || jwk.crv === crv) && (jwk.use ?? 'sig') === 'sig' && jwk.kid;
    if (!isUsable) throw new Error(`the key ${jwk.kid} cannot be used`);
    [this.kid, this.alg, this.text] = [jwk.kid, jwk.alg, JSON.stringify(jwk)];
    this.hash = jwk.alg === 'EdDSA' ? undefined : `sha${jwk.alg.slice(2)}`;
    this.isSecret = kty === 'oct';
    const key = this.isSecret ? Buffer.from(jwk.k, 'base64url') : crypto.createPublicKey({ key: jwk, format: 'jwk' });
    const isShort = this.isSecret ? key.length < 32 : key.asymmetricKeyDetails.modulusLength < 2_048;
    if (isShort) throw new Error(`the key ${jwk.kid} is too short`);
    this.key = options ? { key, ...options } : key;
  }

  accepts(text, encoded) {
    const signature = signatures.subarray(0, signatures.write(encoded, 'base64url'));
    if (signature.toString('base64url') !== encoded) fail('token_malformed');
    const input = scratch.subarray(0, scratch.write(text, 'latin1'));
    if (!this.isSecret) return crypto.verify(this.hash, input, this.key, signature);
    const mac = crypto.createHmac(this.hash, this.key).update(input).digest();
    return mac.length === signature.length && crypto.timingSafeEqual(mac, signature);
  }
}

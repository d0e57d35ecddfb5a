// Verifies access tokens of Martlet in this process, and follows the feed of what was revoked.
import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail, freeze, isAlgorithm, Key, readObject, readText, VerifyError } from './jws.js';
import { birth, Damaged, readPosition, Revocations } from './revocations.js';
import { Source } from './source.js';

export { requireToken } from './express.js';
export { VerifyError };

const RECORDS = 'application/vnd.martlet.records';
const SNAPSHOT = 'application/vnd.martlet.snapshot';
const isText = (value) => typeof value === 'string';
const isTime = (value) => Number.isInteger(value) && value >= 0 && value <= 253_402_300_799;
const isUUID = (value) => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(value);
const codeOf = (content) => /"code":\s*"([a-z_]{1,40})"/.exec(content.toString('latin1', 0, 4_096))?.[1] ?? '';
const seconds = () => performance.now() / 1_000;

export class Verifier extends EventEmitter {
  revocations = new Revocations();
  state = 'starting';
  #options;
  #keys = new Map();
  #headers = new Map();
  #young = new Map();
  #old = new Map();
  #source;
  #etag;
  #keysAskedAt = -Infinity;
  #asking;
  #position;
  // The time of the last snapshot, less the monotonic time at which it was here.
  #sourceTime = -Infinity;
  #currentAt = -Infinity;
  #error;
  #timer;
  #closing = new AbortController();

  constructor({ url, issuer, credentials, secrets = [], jwks, ...options }) {
    super();
    if (typeof issuer !== 'string') throw new TypeError('Name the issuer: new Verifier({ issuer }).');
    this.#options = {
      issuer, leeway: 0, maxAge: 60, onStale: 'serve', cacheSize: 4_096, snapshotBytesMax: 2 ** 28, ...options,
      secrets: new Map(secrets.map((jwk) => [jwk.kid, new Key(jwk)])),
    };
    if (!['serve', 'refuse'].includes(this.#options.onStale) || !(this.#options.maxAge >= 1)) {
      throw new TypeError("onStale is 'serve' or 'refuse', and maxAge at least 1.");
    }
    this.#take(jwks ?? { keys: [] });
    if (!url) return;
    this.#source = new Source(url, credentials);
    this.#timer = setInterval(() => this.#askForKeys(60), 5_000).unref();
    this.#follow();
  }

  /** Seconds since a request was sent whose answer showed that every revocation was here; Infinity before the first. */
  get age() {
    return seconds() - this.#currentAt;
  }

  get status() {
    const [position, size] = [this.#position && `${this.#position.epoch}:${this.#position.seq}`, this.revocations.size];
    return { state: this.state, age: this.age, position, revocations: size, error: this.#error };
  }

  /** Waits until tokens can be verified. */
  async ready(timeout = 30) {
    const end = seconds() + timeout;
    while (this.#currentAt === -Infinity) {
      const isOver = seconds() > end || this.state === 'damaged' || this.state === 'closed';
      if (isOver) throw new Error(`Martlet's revocations are not here: ${this.#error ?? 'no answer'}`);
      await sleep(20);
    }
    return this;
  }

  async verify(token, conditions) {
    try {
      return this.#verify(token, conditions);
    } catch (error) {
      if (error.code !== 'kid_unknown' || !(await this.#askForKeys(5))) throw error;
      return this.#verify(token, conditions);
    }
  }

  #verify(token, { audience = this.#options.audience, scope = [] } = {}) {
    if (!audience) throw new TypeError('Name the audience: verify(token, { audience }).');
    const { leeway, maxAge, onStale } = this.#options;
    if (this.#currentAt === -Infinity || (onStale === 'refuse' && this.age > maxAge)) fail('stale');
    const checked = this.#signed(token);
    const { claims, claims: { aud } } = checked;
    if (aud !== audience && !(Array.isArray(aud) && aud.includes(audience))) fail('audience_mismatch');
    const now = Date.now() / 1_000;
    if (claims.nbf > now + leeway) fail('token_not_active');
    if (now >= claims.exp + leeway) fail('token_expired');
    const denial = this.revocations.denial(checked);
    if (denial) fail(denial);
    const wanted = isText(scope) ? scope.split(' ') : scope;
    const granted = wanted.length > 0 ? (claims.scope ?? '').split(' ') : [];
    if (!wanted.every((each) => granted.includes(each))) fail('scope_insufficient');
    return claims;
  }

  /** What was read from a token whose signature is valid, from memory if it was here before. */
  #signed(token) {
    if (typeof token !== 'string' || token === '') fail('token_malformed');
    // By its end, whose hash takes less time than that of the whole.
    const end = token.slice(-32);
    const known = this.#young.get(end) ?? this.#old.get(end);
    if (known?.token === token && this.#keys.get(known.key.kid) === known.key) return known;
    if (token.length > 8_192) fail('token_too_large');
    const { key, typ, payload } = this.#open(token);
    const claims = freeze(readObject(payload));
    if (typ !== 'at+jwt' && typ !== 'application/at+jwt') fail('typ_mismatch');
    const { iss, aud, sub, client_id: client = '-', jti, sid, iat, exp, nbf = 0, scope = '', bsq = 0 } = claims;
    if ([iss, aud, sub, jti, iat, exp].includes(undefined)) fail('claim_missing');
    if (iss !== this.#options.issuer) fail('issuer_mismatch');
    const isGood = isUUID(jti) && (sid === undefined || isUUID(sid)) && isText(sub) && sub && isText(client) && client
      && (isText(aud) || (Array.isArray(aud) && aud.every(isText))) && isText(scope)
      && isTime(iat) && isTime(exp) && isTime(nbf) && Number.isSafeInteger(bsq) && bsq >= 0;
    if (!isGood) fail('claim_invalid');
    const checked = { token, key, claims, born: birth(sid, jti, iat), keys: [] };
    if (this.#young.size * 2 >= this.#options.cacheSize) [this.#old, this.#young] = [this.#young, new Map()];
    this.#young.set(end, checked);
    return checked;
  }

  #open(text) {
    const [first, last] = [text.indexOf('.'), text.lastIndexOf('.')];
    const head = text.slice(0, first);
    if (first < 0 || text.indexOf('.', first + 1) !== last || first === last) fail('token_malformed');
    const header = this.#headers.get(head) ?? readObject(readText(head));
    const { alg, kid, typ = '', crit, b64 } = header;
    const isPlain = isText(alg) && (kid === undefined || isText(kid)) && crit === undefined && b64 === undefined;
    if (!isPlain) fail('token_malformed');
    const key = this.#keys.get(kid) ?? fail(isAlgorithm(alg) ? 'kid_unknown' : 'alg_not_allowed');
    if (key.alg !== alg) fail('alg_not_allowed');
    const payload = readText(text.slice(first + 1, last));
    if (!key.accepts(text.slice(0, last), text.slice(last + 1))) fail('signature_invalid');
    if (this.#headers.size > 256) this.#headers.clear();
    this.#headers.set(head, header);
    return { key, typ: String(typ).toLowerCase(), payload };
  }

  #take(set) {
    if (!Array.isArray(set?.keys) || set.keys.length > 256) throw new Error('the key set is malformed');
    const keys = new Map(this.#options.secrets);
    for (const jwk of set.keys) {
      if (jwk?.kty === 'oct' || keys.has(jwk?.kid)) continue;
      const old = this.#keys.get(jwk?.kid);
      try {
        keys.set(jwk.kid, old?.text === JSON.stringify(jwk) ? old : new Key(jwk));
      } catch {
        // A key for other algorithms or another use.
      }
    }
    this.#keys = keys;
  }

  /** Asks for the keys unless that was done less than `pause` seconds ago; whether there was an answer. */
  #askForKeys(pause) {
    if (this.#source && !this.#asking && seconds() - this.#keysAskedAt >= pause) {
      this.#keysAskedAt = seconds();
      this.#asking = this.#readKeys().then(() => true, () => false).finally(() => (this.#asking = undefined));
    }
    return this.#asking;
  }

  async #readKeys() {
    const headers = this.#etag ? { 'if-none-match': this.#etag } : {};
    const { status, fields, content } = await this.#source.get('/.well-known/jwks.json', {
      accept: 'application/json', limit: 2 ** 20, seconds: 5, headers,
    });
    if (status === 304) return;
    if (status !== 200) throw new Error(`the keys were answered with ${status}`);
    this.#take(JSON.parse(content.toString()));
    this.#etag = fields.etag;
  }

  async #follow() {
    for (let failures = 0; this.state !== 'closed'; ) {
      try {
        if (!this.#position) await this.#readSnapshot();
        await this.#poll();
        failures = 0;
      } catch (error) {
        // After damage as well, the position stays: nothing is skipped.
        this.#become(error instanceof Damaged ? 'damaged' : 'away', error);
        this.#source.turn();
        const pause = Math.min(5_000, 50 * 2 ** failures) * (0.5 + Math.random() / 2);
        failures += 1;
        await sleep(pause, undefined, { signal: this.#closing.signal }).catch(() => {});
      }
    }
  }

  async #readSnapshot() {
    const limit = this.#options.snapshotBytesMax;
    // Many verifiers may ask at the same time, so it may come slowly. One that gave up early would begin again.
    const asked = { accept: SNAPSHOT, limit, seconds: 600, silence: 30 };
    const { status, content } = await this.#source.get('/revocations/snapshot', asked);
    if (status !== 200) throw new Error(`the snapshot was answered with ${status} ${codeOf(content)}`);
    if (this.#keysAskedAt === -Infinity) await this.#askForKeys(0);
    try {
      const { records, position } = this.#openSnapshot(content);
      await this.revocations.applyInPieces(records, position.seq);
      this.#position = position;
    } catch (error) {
      // A key that is new, or a source whose keys are not here yet.
      if (error.code === 'kid_unknown') await this.#askForKeys(5);
      throw error;
    }
  }

  /** Applies a snapshot after a check of signature, digest, issuer, and with `maxAge` (seconds) of its age. */
  load(content, { maxAge } = {}) {
    const { claims, records, position, age } = this.#openSnapshot(content, maxAge);
    this.revocations.apply(records, 0, position.seq, true);
    if (maxAge !== undefined) this.#currentAt = Math.max(this.#currentAt, seconds() - Math.max(age, 0));
    return { ...claims, position };
  }

  #openSnapshot(content, maxAge) {
    const end = content.subarray(0, 8_193).indexOf(10);
    const { issuer } = this.#options;
    let claims;
    try {
      const { key, typ, payload } = this.#open(content.toString('latin1', 0, Math.max(end, 0)));
      claims = readObject(payload);
      if (key.isSecret || typ !== 'rs+jwt') fail('typ_mismatch');
    } catch (error) {
      throw error.code === 'kid_unknown' ? error : new Damaged(`the snapshot's signature is invalid: ${error.code}`);
    }
    const records = content.subarray(end + 1);
    const digest = `sha-256=:${createHash('sha256').update(records).digest('base64')}:`;
    if (claims.iss !== issuer) throw new Damaged(`the snapshot is of ${claims.iss} and not of ${issuer}`);
    if (claims.digest !== digest || claims.count * 64 !== records.length) {
      throw new Damaged('the snapshot is not the signed one');
    }
    if (!isTime(claims.iat)) throw new Damaged('the time of the snapshot is malformed');
    const position = readPosition(claims.pos);
    this.#sourceTime = Math.max(this.#sourceTime, claims.iat - seconds());
    const age = Date.now() / 1_000 - claims.iat;
    if (maxAge !== undefined && !(age <= maxAge && age >= -60)) fail('stale');
    return { claims, records, position, age };
  }

  async #poll() {
    const sentAt = seconds();
    const from = this.#position;
    // Until everything is known to be here, an answer is wanted at once.
    const path = `/revocations?after=${from.epoch}:${from.seq}&wait=${this.state === 'following' ? 1 : 0}`;
    const asked = { accept: RECORDS, limit: 4_096 * 64, seconds: 6 };
    const { status, fields, content } = await this.#source.get(path, asked);
    const arrivedAt = seconds();
    if (status === 409 || status === 410) {
      this.#position = undefined;
      this.emit('reset', status);
    }
    if (status !== 200 || fields['content-type'] !== RECORDS) {
      throw new Error(`the feed was answered with ${status} ${codeOf(content)}`);
    }
    const { issuer } = this.#options;
    if (fields['revocation-issuer'] !== issuer) {
      throw new Damaged(`the feed is of ${fields['revocation-issuer']} and not of ${issuer}`);
    }
    // One that ends with its connection looks whole wherever it was cut off.
    const isMarked = fields['content-length'] !== undefined || fields['transfer-encoding'] !== undefined;
    if (!isMarked) throw new Damaged('the answer does not say where it ends');
    const [head, answerAge] = [readPosition(fields['revocation-seq']), fields['revocation-age']];
    const hasMore = fields['revocation-more'] === '1';
    if (head.seq < from.seq || head.epoch < from.epoch) throw new Damaged('the head of the feed went back');
    if (!/^\d{1,12}(\.\d{1,9})?$/.test(answerAge)) throw new Damaged('the age of the feed is malformed');
    if (hasMore && content.length === 0) throw new Damaged('the feed has more, and answered without records');
    const last = this.revocations.apply(content, from.seq, head.seq);
    this.#position = { epoch: head.epoch, seq: hasMore ? last : head.seq };
    // The clock of this machine may be ahead: a record that is forgotten too early would be missed once it is right.
    this.revocations.forget(Math.min(Date.now(), (this.#sourceTime + seconds()) * 1_000));
    if (hasMore) return;
    // How long the request waited there, which cannot be longer than its answer took.
    const held = /^\d{1,9}\.\d{3}$/.test(fields['revocation-held']) ? Number(fields['revocation-held']) : 0;
    this.#currentAt = Math.max(this.#currentAt, sentAt + Math.min(held, arrivedAt - sentAt) - Number(answerAge));
    this.#become('following');
  }

  #become(state, error) {
    this.#error = error?.message;
    if (this.state === state || this.state === 'closed') return;
    this.state = state;
    if (!this.emit(state, error) && state === 'damaged') process.emitWarning(`Martlet's feed: ${error.message}`);
  }

  close() {
    this.state = 'closed';
    this.#closing.abort();
    clearInterval(this.#timer);
    this.#source?.close();
  }
}

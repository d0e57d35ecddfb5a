// A false clock, a false network with a false Martlet, and false channels between tabs.
import { createMartlet } from '../martlet.js';

const immediately = setImmediate;
export const CHALLENGE = { 'WWW-Authenticate': 'Bearer realm="martlet", error="invalid_token"' };

/** Lets everything happen that needs no time. */
export async function settle() {
  for (let turn = 0; turn < 30; turn++) await new Promise(resolve => immediately(resolve));
}

export const answer = (status, content, headers = {}) =>
  new Response(content === undefined ? null : JSON.stringify(content), { status, headers });

/** A promise that the test settles. */
export function later() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

export class World {
  time = 1000;
  timers = new Map();
  listeners = new Map();
  requests = [];
  channels = [];
  tabs = [];
  // What Martlet knows.
  sid = 'one';
  isAlive = true;
  validUntil = 0;
  rotatedAt = -Infinity;
  rotations = 0;
  lifetime = 600;
  /** Answers in place of Martlet or the application, by path. */
  instead = {};

  constructor() {
    let count = 0;
    const start = (run, delay, every) => {
      this.timers.set(++count, { at: this.time + delay, run, every });
      return count;
    };
    globalThis.setTimeout = (run, delay) => start(run, delay);
    globalThis.setInterval = (run, delay) => start(run, delay, delay);
    globalThis.clearTimeout = globalThis.clearInterval = id => this.timers.delete(id);
    globalThis.document = { visibilityState: 'visible' };
    globalThis.location = { href: 'https://app.example/' };
    globalThis.window = {
      addEventListener: (name, run, { signal }) => {
        this.listeners.set(name, [...(this.listeners.get(name) || []), run]);
        signal.addEventListener('abort', () => {
          const left = this.listeners.get(name).filter(other => other !== run);
          if (left.length) this.listeners.set(name, left);
          else this.listeners.delete(name);
        });
      },
    };
  }

  /** Moves the clock and runs what is due, in its order. */
  async advance(milliseconds) {
    const end = this.time + milliseconds;
    for (;;) {
      await settle();
      const due = [...this.timers].filter(([, timer]) => timer.at <= end).sort((one, two) => one[1].at - two[1].at)[0];
      if (!due) break;
      const [id, timer] = due;
      this.time = Math.max(this.time, timer.at);
      if (timer.every) timer.at += timer.every;
      else this.timers.delete(id);
      timer.run();
    }
    this.time = end;
    await settle();
  }

  fire(name, event = {}) {
    for (const run of this.listeners.get(name) || []) run(event);
  }

  /** The access token works for as long as the last refresh or login said. */
  signIn() {
    this.isAlive = true;
    this.validUntil = this.time + this.lifetime * 1000;
  }

  expire() {
    this.validUntil = 0;
  }

  count(path) {
    return this.requests.filter(request => request.path === path).length;
  }

  async fetch(input, init = {}) {
    const url = new URL(input instanceof Request ? input.url : input, location.href);
    const body = input instanceof Request && init.body === undefined ? await input.text() : init.body;
    const request = { path: url.pathname, url: `${url}`, method: init.method || input.method || 'GET', init, body };
    this.requests.push(request);
    if (init.signal && init.signal.aborted) throw new DOMException('aborted', 'AbortError');
    const given = this.instead[url.pathname];
    const own = given ? given(request) : this.answer(request);
    if (!init.signal) return own;
    const aborted = new Promise((_, reject) => {
      init.signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
    });
    return Promise.race([own, aborted]);
  }

  get session() {
    const left = Math.max(0, Math.floor((this.validUntil - this.time) / 1000));
    return { subject: 'id', username: 'amy', session_id: this.sid, scope: '', expires_in: left, refresh_expires_in: 9999 };
  }

  answer({ path, method, body }) {
    const isValid = this.isAlive && this.time < this.validUntil;
    const token = body && JSON.parse(body).mode === 'access' ? { access_token: `token-${this.requests.length}` } : {};
    switch (`${method} ${path}`) {
      case 'POST /login':
        this.sid = `${this.sid}+`;
        this.signIn();
        return answer(200, { ...this.session, ...token });
      case 'POST /refresh':
        if (!this.isAlive) return answer(401, {}, CHALLENGE);
        if (this.time > this.rotatedAt + 30_000) {
          this.rotations++;
          this.rotatedAt = this.time;
          this.signIn();
        }
        return answer(200, { ...this.session, ...token });
      case 'POST /logout':
        if (!this.isAlive) return answer(401, {}, CHALLENGE);
        if (!body || JSON.parse(body).scope !== 'others') this.isAlive = false;
        return answer(204);
      default:
        if (!isValid) return answer(401, {}, CHALLENGE);
        if (method === 'DELETE') return answer(204);
        return answer(200, path === '/session' ? { ...this.session, roles: [] } : { path });
    }
  }

  /** A page that has just been loaded. */
  tab(options = {}) {
    const world = this;
    const channel = {
      onmessage: null,
      postMessage(message) {
        const data = structuredClone(message);
        for (const other of world.channels) {
          if (other !== channel) queueMicrotask(() => other.onmessage && other.onmessage({ data }));
        }
      },
      close() {
        world.channels = world.channels.filter(other => other !== channel);
      },
    };
    this.channels.push(channel);
    const martlet = createMartlet({
      fetch: (input, init) => this.fetch(input, init), now: () => this.time, channel, ...options,
    });
    const events = [];
    martlet.addEventListener('change', ({ state, reason }) => events.push(`${state}: ${reason}`));
    this.tabs.push(martlet);
    return Object.assign(martlet, { events });
  }

  /** A page whose session is valid, after its first question. */
  async signedIn(options) {
    this.signIn();
    const tab = this.tab(options);
    await settle();
    tab.events.length = this.requests.length = 0;
    return tab;
  }
}

/** What a promise is after `milliseconds`: its value, its error, or null while it is open. */
export async function after(world, milliseconds, promise) {
  let found = null;
  promise.then(value => { found = { value }; }, error => { found = { error }; });
  await world.advance(milliseconds);
  return found;
}

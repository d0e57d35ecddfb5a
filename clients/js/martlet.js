// Signs users in and keeps their sessions, for pages behind Martlet. No token is within reach of this script, unless
// you ask for one with token(). Documentation: docs/gateway.md.

const LIMIT = 14500, WAIT = 2000, PAUSE = 30000, EVERY = 300000;

/** What Martlet rejected, or why there is no answer. It never means that the user is signed out. */
export class MartletError extends Error {
  /** @param {number} status  @param {any} content  @param {number} retryAfter */
  constructor(status, content, retryAfter) {
    super(content.detail || content.title || `HTTP status ${status}`);
    this.name = 'MartletError';
    this.status = status;
    this.code = content.code || '';
    this.retryAfter = retryAfter;
  }
}

/** @param {Response} response */
const isOurs = response =>
  response.status === 401 && /\bBearer realm="martlet"/i.test(response.headers.get('WWW-Authenticate') || '');

/** @param {Response} response */
async function failure(response) {
  const content = await response.json().catch(() => null);
  return new MartletError(response.status, content || {}, Number(response.headers.get('Retry-After')) || 0);
}

/** @param {Response} response */
async function read(response) {
  if (!response.ok) throw await failure(response);
  return response.status === 204 ? undefined : response.json();
}

/** @template T  @param {(signal: AbortSignal) => Promise<T>} run  @param {AbortSignal} [outer]  @returns {Promise<T>} */
function within(run, outer, limit = LIMIT) {
  const controller = new AbortController();
  if (outer) {
    if (outer.aborted) controller.abort();
    outer.addEventListener('abort', () => controller.abort());
  }
  /** @type {any} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      reject(new MartletError(0, { title: 'No answer in time', code: 'timeout' }, 0));
      controller.abort();
    }, limit);
  });
  const result = run(controller.signal);
  return /** @type {Promise<T>} */ (Promise.race([result, late])).finally(() => clearTimeout(timer));
}

/** @param {import('./martlet.js').Options} options  @returns {import('./martlet.js').Martlet} */
export function createMartlet({
  base = '',
  fetch: send = (input, init) => fetch(input, init),
  now = () => performance.now(),
  channel = typeof BroadcastChannel === 'function' ? new BroadcastChannel(`martlet ${base}`) : null,
} = {}) {
  const target = new EventTarget();
  /** @type {'in' | 'out' | 'unknown'} */
  let state = 'unknown';
  /** @type {any} What the last answer said about the session. */
  let known = null;
  /** @type {Map<string, {text: string, until: number}>} Access tokens by audience. */
  const tokens = new Map();
  let stale = Infinity; // when to refresh before a request
  let rounds = 0; // refreshes that have ended
  let epoch = 0; // changes that make answers to earlier requests worthless
  let heard = -Infinity; // when another tab began to refresh
  let asked = -Infinity; // when this tab asked for the session
  let futile = -Infinity; // until when a refresh does not help
  let broken = -Infinity; // until when a failed refresh is not repeated
  /** @type {unknown} */
  let fault;
  let wake = () => {};
  /** @type {Map<string, Promise<boolean>>} Running refreshes by audience. */
  const running = new Map();
  /** @type {Promise<any> | null} */
  let checking = null;

  /** @param {'in' | 'out'} next  @param {string} reason  @param {boolean} isOther */
  function enter(next, reason, isOther) {
    if (state === next && !isOther) return;
    state = next;
    target.dispatchEvent(Object.assign(new Event('change'), { state, reason }));
  }

  /** @param {any} content  @param {number} began  @param {string} reason  @param {string} [audience] */
  function learn({ access_token: text, ...content }, began, reason, audience) {
    const isOther = !!known && known.session_id !== content.session_id;
    if (isOther) tokens.clear();
    known = content;
    stale = began + content.expires_in * 950;
    if (text && audience) tokens.set(audience, { text, until: stale });
    enter('in', reason, isOther);
    return content;
  }

  /** @param {string} reason */
  function leave(reason) {
    epoch++;
    rounds++;
    known = null;
    stale = Infinity;
    tokens.clear();
    enter('out', reason, false);
    wake();
  }

  /** @param {any} message */
  const tell = message => channel && channel.postMessage(message);

  /** @param {string} method  @param {string} path  @param {AbortSignal} signal  @param {any} [content] */
  const ask = (method, path, signal, content) => send(base + path, {
    method,
    signal,
    credentials: 'include',
    redirect: 'error',
    ...content && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(content) },
  });

  // True: the session goes on. False: it has ended. Rejects if that is not known.
  function refresh(audience = '') {
    const promise = running.get(audience) || turn(audience).finally(() => running.delete(audience));
    running.set(audience, promise);
    return promise;
  }

  /** @param {string} audience  @param {boolean} [isSecond]  @returns {Promise<boolean>} */
  async function turn(audience, isSecond) {
    if (now() < broken && !audience) throw fault;
    const left = heard + WAIT - now();
    if (left > 0 && !audience) {
      const before = rounds;
      await new Promise(resolve => {
        const timer = setTimeout(resolve, left);
        wake = () => { clearTimeout(timer); resolve(null); };
      });
      if (rounds !== before) return state === 'in';
    }
    tell({ begin: true });
    const [mark, began] = [epoch, now()];
    try {
      return await within(async signal => {
        const response = await ask('POST', '/refresh', signal, audience && { mode: 'access', audience });
        const content = response.ok ? await response.json() : await failure(response);
        // A new sign-in has replaced the session: the browser has its cookies by now.
        if (content.code === 'session_replaced' && !isSecond) return turn(audience, true);
        // A sign-in or sign-out has ended meanwhile, here or in another tab.
        const isSame = response.ok && known && content.session_id === known.session_id;
        if (mark !== epoch && !isSame) return state === 'in';
        if (response.ok) {
          const shared = learn(content, began, 'refreshed', audience);
          rounds++;
          tell({ in: shared });
          return true;
        }
        if (!isOurs(response)) throw content;
        leave('ended');
        tell({ out: 'ended' });
        return false;
      }, undefined, LIMIT - 2 * WAIT);
    } catch (error) {
      fault = error;
      if (!audience) broken = now() + Math.min(PAUSE, 1000 * (error instanceof MartletError && error.retryAfter || 1));
      throw error;
    }
  }

  // Sends a request; after our challenge refreshes, unless that has just happened, and sends it once more.
  /** @param {(isLast: boolean) => Promise<Response>} once  @param {boolean} [isOnce]  @param {boolean} [isCheck] */
  async function through(once, isOnce, isCheck) {
    if (state === 'in' && now() >= stale) await refresh().catch(() => {});
    const before = rounds;
    const response = await once(!!isOnce);
    if (!isOurs(response) || !isCheck && (now() < futile || rounds === before && state === 'out')) return response;
    if (!(rounds === before ? await refresh() : state === 'in') || isOnce) return response;
    if (response.body) response.body.cancel().catch(() => {});
    const again = await once(true);
    if (isOurs(again)) futile = now() + PAUSE;
    return again;
  }

  /** @param {string} method  @param {string} path  @param {any} [content] */
  const call = (method, path, content) =>
    within(async signal => read(await through(() => ask(method, path, signal, content))));

  function session() {
    return checking ||= within(async signal => {
      asked = now();
      let [mark, began] = [0, 0];
      const response = await through(() => {
        [mark, began] = [epoch, now()];
        return ask('GET', '/session', signal);
      }, false, true);
      const content = response.ok ? await response.json() : null;
      if (mark !== epoch || !content && state === 'out') return state === 'out' ? null : known;
      if (!content) throw await failure(response);
      return learn(content, began, 'asked');
    }).finally(() => { checking = null; });
  }

  const look = () => { session().catch(() => {}); };
  const soon = () => { if (now() >= asked + PAUSE) look(); };
  const page = typeof window === 'object' ? window : null;
  const closing = new AbortController();
  /** @param {string} name  @param {(event: any) => void} listener */
  const on = (name, listener) => page && page.addEventListener(name, listener, closing);
  on('focus', soon);
  on('online', soon);
  on('pageshow', event => event.persisted && look());
  const timer = page && setInterval(() => { if (document.visibilityState === 'visible') look(); }, EVERY);

  if (channel) {
    channel.onmessage = ({ data }) => {
      if (data.begin) {
        heard = now();
        return;
      }
      heard = -Infinity;
      if (data.out) return leave(data.out);
      epoch++;
      rounds++;
      learn(data.in, now(), 'told');
      wake();
    };
  }
  look();

  return Object.assign(/** @type {any} */ (target), {
    session,

    /** @param {any} options */
    signIn: options => within(async signal => {
      const began = now();
      const { audience } = options;
      const content = await read(await ask('POST', '/login', signal, { mode: audience ? 'access' : 'cookie', ...options }));
      epoch++;
      rounds++;
      broken = futile = -Infinity;
      const shared = learn(content, began, 'signed in', audience);
      tell({ in: shared });
      return shared;
    }),

    /** @param {any} [options] */
    signOut: async (options = {}) => {
      // No session is left to end: that is what the caller wants.
      await call('POST', '/logout', options.scope && { scope: options.scope }).catch(error => {
        if (error.status !== 401 || state !== 'out') throw error;
      });
      if (options.scope === 'others') return;
      leave('signed out');
      tell({ out: 'signed out' });
    },

    /** @param {any} input  @param {RequestInit} [init] */
    fetch: async (input, init = {}) => {
      const isRequest = input instanceof Request;
      const isStream = init.body instanceof ReadableStream;
      const address = new URL(isRequest ? input.url : input, typeof location === 'object' ? location.href : base);
      const isPlain = (init.credentials || input.credentials || 'same-origin') === 'same-origin';
      const own = { ...init };
      if (isPlain && /^https?:/.test(base) && address.origin === new URL(base).origin) own.credentials = 'include';
      /** @param {AbortSignal} signal */
      const run = signal => through(
        isLast => send(isRequest && !isLast ? input.clone() : input, { ...own, signal }), isStream);
      // With a signal of its own, the caller decides how long to wait.
      return init.signal ? run(init.signal) : within(run, isRequest ? input.signal : undefined);
    },

    sessions: () => call('GET', '/sessions'),

    /** @param {string} id */
    endSession: async id => {
      const isOwn = known && known.session_id === id;
      await call('DELETE', `/sessions/${encodeURIComponent(id)}`);
      if (!isOwn) return;
      leave('signed out');
      tell({ out: 'signed out' });
    },

    /** @param {{audience: string}} options */
    token: async ({ audience }) => {
      const had = tokens.get(audience);
      if (had && now() < had.until) return had.text;
      await within(() => refresh(audience));
      const got = tokens.get(audience);
      if (!got) throw new MartletError(401, { title: 'Sign in first.', code: 'token_missing' }, 0);
      return got.text;
    },

    close: () => {
      closing.abort();
      if (timer) clearInterval(timer);
      if (channel) channel.close();
      channel = null;
    },
  });
}

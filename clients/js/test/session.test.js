import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { after, answer, CHALLENGE, later, settle, World } from './world.js';

test('the module has at most 4 KiB after gzip, and imports nothing', () => {
  const text = readFileSync(new URL('../martlet.js', import.meta.url));
  assert.ok(gzipSync(text, { level: 9 }).length <= 4096);
  assert.doesNotMatch(`${text}`, /^\s*import\b|\bimport\((?!')|require\(/m);
});

test('a page with a living session costs one request', async () => {
  const world = new World();
  world.signIn();
  const tab = world.tab();
  assert.equal((await tab.session()).username, 'amy');
  await settle();
  assert.deepEqual(world.requests.map(request => request.path), ['/session']);
  assert.deepEqual(tab.events, ['in: asked']);
});

test('a page with an expired access token refreshes and is signed in', async () => {
  const world = new World();
  const tab = world.tab();
  assert.equal((await tab.session()).session_id, 'one');
  assert.deepEqual(world.requests.map(request => request.path), ['/session', '/refresh', '/session']);
  assert.deepEqual(tab.events, ['in: refreshed']);
});

test('a page without a session says so once', async () => {
  const world = new World();
  world.isAlive = false;
  const tab = world.tab();
  assert.equal(await tab.session(), null);
  assert.equal(await tab.session(), null);
  assert.deepEqual(tab.events, ['out: ended']);
});

const failures = {
  'status 403': () => answer(403, { code: 'csrf_failed' }),
  'status 429': () => answer(429, {}, { 'Retry-After': '7' }),
  'status 500': () => answer(500, {}),
  'status 503 of a proxy': () => new Response('<h1>down</h1>', { status: 503 }),
  'status 400': () => answer(400, { code: 'cookie_ambiguous' }, CHALLENGE),
  'status 401 of a proxy': () => new Response('<h1>who?</h1>', { status: 401, headers: { 'WWW-Authenticate': 'Basic' } }),
  'status 401 without a challenge': () => answer(401, {}),
  'a page in place of JSON': () => new Response('<h1>Welcome to the hotel</h1>'),
  'no network': () => Promise.reject(new TypeError('Failed to fetch')),
  'no answer': () => new Promise(() => {}),
  'content that never ends': () => new Response(new ReadableStream({}), { status: 200 }),
};

for (const [what, fail] of Object.entries(failures)) {
  test(`${what} at /refresh never means that the user is signed out`, async () => {
    const world = new World();
    world.instead['/refresh'] = fail;
    const fresh = world.tab();
    await world.advance(15_000);
    assert.deepEqual(fresh.events, []);
    assert.ok((await after(world, 15_000, fresh.session())).error instanceof Error);
    assert.deepEqual(fresh.events, []);

    world.instead = {};
    const tab = await world.signedIn();
    world.expire();
    world.instead['/refresh'] = fail;
    assert.ok((await after(world, 15_000, tab.fetch('/page'))).error instanceof Error);
    assert.ok((await after(world, 15_000, tab.session())).error instanceof Error);
    assert.deepEqual(tab.events, []);
    world.instead = {};
    await world.advance(30_000);
    assert.equal((await tab.fetch('/page')).status, 200);
    assert.deepEqual(tab.events, []);
  });

  test(`${what} at /session leaves the state as it is`, async () => {
    const world = new World();
    const tab = await world.signedIn();
    world.instead['/session'] = fail;
    assert.ok((await after(world, 15_000, tab.session())).error instanceof Error);
    assert.deepEqual(tab.events, []);
  });
}

test('an error has the status, the code and the seconds to wait', async () => {
  const world = new World();
  world.isAlive = false;
  const tab = world.tab();
  await settle();
  world.instead['/login'] = () => answer(429, { code: 'login_throttled', detail: 'Later.' }, { 'Retry-After': '7' });
  const found = await tab.signIn({ username: 'amy', password: 'x' }).catch(error => error);
  assert.equal(found.name, 'MartletError');
  assert.deepEqual([found.status, found.code, found.message, found.retryAfter], [429, 'login_throttled', 'Later.', 7]);
});

test('a sign-in sends what it is given and never a token', async () => {
  const world = new World();
  world.isAlive = false;
  const tab = world.tab();
  await settle();
  tab.events.length = 0;
  const session = await tab.signIn({ username: 'amy', password: 'p', remember: false, device: 'Desk', scope: 'read' });
  assert.equal(session.username, 'amy');
  assert.deepEqual(JSON.parse(world.requests.at(-1).body), {
    mode: 'cookie', username: 'amy', password: 'p', remember: false, device: 'Desk', scope: 'read',
  });
  assert.deepEqual(tab.events, ['in: signed in']);
});

test('a wrong password changes nothing', async () => {
  const world = new World();
  const tab = await world.signedIn();
  world.instead['/login'] = () => answer(401, { code: 'credentials_invalid' }, CHALLENGE);
  await assert.rejects(tab.signIn({ username: 'amy', password: 'x' }), { status: 401, code: 'credentials_invalid' });
  assert.equal(world.count('/refresh'), 0);
  assert.deepEqual(tab.events, []);
});

test('a sign-out ends the session, also with an expired access token', async () => {
  for (const expired of [false, true]) {
    const world = new World();
    const tab = await world.signedIn();
    if (expired) world.instead['/logout'] = () => {
      world.instead = {};
      return answer(401, {}, CHALLENGE);
    };
    await tab.signOut({ scope: 'global' });
    assert.equal(world.isAlive, false);
    assert.deepEqual(tab.events, ['out: signed out']);
    await tab.signOut();
    assert.deepEqual(tab.events, ['out: signed out']);
  }
});

test('a sign-out that fails leaves the user signed in, and that of the others too', async () => {
  const world = new World();
  const tab = await world.signedIn();
  world.instead['/logout'] = () => answer(503, {});
  await assert.rejects(tab.signOut(), { status: 503 });
  world.instead = {};
  await tab.signOut({ scope: 'others' });
  assert.deepEqual(tab.events, []);
});

test('sessions are listed and ended; to end the own one is a sign-out', async () => {
  const world = new World();
  const tab = await world.signedIn();
  assert.deepEqual(await tab.sessions(), { path: '/sessions' });
  await tab.endSession('a/b');
  assert.deepEqual([world.requests.at(-1).path, world.requests.at(-1).method], ['/sessions/a%2Fb', 'DELETE']);
  assert.deepEqual(tab.events, []);
  await tab.endSession('one');
  assert.deepEqual(tab.events, ['out: signed out']);
});

test('an answer to /session that a sign-out has overtaken does not sign in', async () => {
  const world = new World();
  const tab = await world.signedIn();
  const slow = later();
  world.instead['/session'] = () => slow.promise;
  const asking = tab.session();
  await settle();
  await tab.signOut();
  slow.resolve(answer(200, world.session));
  assert.equal(await asking, null);
  assert.deepEqual(tab.events, ['out: signed out']);
});

test('a 401 of /refresh that a sign-in has overtaken does not sign out', async () => {
  const world = new World();
  const tab = await world.signedIn();
  world.expire();
  const slow = later();
  world.instead['/refresh'] = () => slow.promise;
  const asking = tab.fetch('/page');
  await settle();
  await tab.signIn({ username: 'amy', password: 'p' });
  slow.resolve(answer(401, {}, CHALLENGE));
  assert.equal((await asking).status, 200);
  assert.ok(!tab.events.some(event => event.startsWith('out')));
});

test('it asks again when the page returns: at most every 30 s, and every 5 min while visible', async () => {
  const world = new World();
  await world.signedIn();
  const asks = async (name, event) => {
    const before = world.count('/session');
    world.fire(name, event);
    await settle();
    return world.count('/session') - before;
  };
  assert.equal(await asks('focus'), 0);
  world.time += 30_000;
  assert.equal(await asks('focus'), 1);
  assert.equal(await asks('online'), 0);
  world.time += 30_000;
  assert.equal(await asks('online'), 1);
  assert.equal(await asks('pageshow', { persisted: false }), 0);
  assert.equal(await asks('pageshow', { persisted: true }), 1);
  world.requests.length = 0;
  await world.advance(300_000);
  assert.equal(world.count('/session'), 1);
  document.visibilityState = 'hidden';
  await world.advance(900_000);
  assert.equal(world.count('/session'), 1);
});

test('a sign-out elsewhere is noticed at the next focus', async () => {
  const world = new World();
  const tab = await world.signedIn();
  world.isAlive = false;
  await world.advance(31_000);
  world.fire('focus');
  await settle();
  assert.deepEqual(tab.events, ['out: ended']);
  world.signIn();
  await world.advance(31_000);
  world.fire('focus');
  await settle();
  assert.deepEqual(tab.events, ['out: ended', 'in: asked']);
});

test('the wall clock decides nothing', async () => {
  const world = new World();
  const real = Date.now;
  try {
    for (const years of [-1, 1]) {
      const tab = await world.signedIn();
      Date.now = () => real() + years * 365 * 86_400_000;
      assert.equal((await tab.fetch('/page')).status, 200);
      assert.equal(world.count('/refresh'), 0);
    }
  } finally {
    Date.now = real;
  }
});

test('nothing is left after close', async () => {
  const world = new World();
  const tab = await world.signedIn();
  tab.close();
  assert.deepEqual([world.listeners.size, world.timers.size, world.channels.length], [0, 0, 0]);
  await tab.signOut();
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, answer, CHALLENGE, later, settle, World } from './world.js';

test('500 requests at once cause one refresh, and all of them are answered', async () => {
  const world = new World();
  const tab = await world.signedIn();
  world.expire();
  const answers = await Promise.all(Array.from({ length: 500 }, (_, index) => tab.fetch(`/page/${index}`)));
  assert.ok(answers.every(found => found.status === 200));
  assert.equal(world.count('/refresh'), 1);
  assert.equal(world.requests.length, 1001);
});

test('a request that began before the refresh ended is sent again without another', async () => {
  const world = new World();
  const tab = await world.signedIn();
  world.expire();
  const slow = later();
  world.instead['/slow'] = () => {
    delete world.instead['/slow'];
    return slow.promise;
  };
  const first = tab.fetch('/slow');
  assert.equal((await tab.fetch('/page')).status, 200);
  slow.resolve(answer(401, {}, CHALLENGE));
  assert.equal((await first).status, 200);
  assert.equal(world.count('/refresh'), 1);
});

test('a refresh comes before the request when the token is known to have expired', async () => {
  const world = new World();
  const tab = await world.signedIn();
  world.time += 599_000;
  world.expire();
  assert.equal((await tab.fetch('/page')).status, 200);
  assert.deepEqual(world.requests.map(request => request.path), ['/refresh', '/page']);
});

test('no 401 of an application causes a refresh', async () => {
  const world = new World();
  const tab = await world.signedIn();
  const odd = [{}, { 'WWW-Authenticate': 'Bearer realm="app"' }, { 'WWW-Authenticate': 'Basic realm="martlet"' }];
  for (const headers of odd) {
    world.instead['/app'] = () => answer(401, { mine: true }, headers);
    const found = await tab.fetch('/app');
    assert.deepEqual([found.status, await found.json()], [401, { mine: true }]);
  }
  world.instead['/app'] = () => answer(403, {}, CHALLENGE);
  assert.equal((await tab.fetch('/app')).status, 403);
  assert.equal(world.count('/refresh'), 0);
  assert.equal(world.count('/app'), 4);
});

test('a 401 of ours that a refresh does not mend is no loop', async () => {
  const world = new World();
  const tab = await world.signedIn();
  world.instead['/app'] = () => answer(401, {}, CHALLENGE);
  assert.equal((await tab.fetch('/app')).status, 401);
  assert.deepEqual([world.count('/app'), world.count('/refresh')], [2, 1]);
  for (let turn = 0; turn < 5; turn++) assert.equal((await tab.fetch('/app')).status, 401);
  assert.deepEqual([world.count('/app'), world.count('/refresh')], [7, 1]);
  world.time += 30_000;
  assert.equal((await tab.fetch('/app')).status, 401);
  assert.deepEqual([world.count('/app'), world.count('/refresh')], [9, 2]);
});

test('once the session has ended, a 401 is handed on without a refresh', async () => {
  const world = new World();
  const tab = await world.signedIn();
  world.isAlive = false;
  assert.equal((await tab.fetch('/page')).status, 401);
  assert.deepEqual(tab.events, ['out: ended']);
  for (let turn = 0; turn < 5; turn++) assert.equal((await tab.fetch('/page')).status, 401);
  assert.equal(world.count('/refresh'), 1);
});

test('a failed refresh is not repeated by each request, and Retry-After is kept', async () => {
  const world = new World();
  const tab = await world.signedIn();
  world.expire();
  world.instead['/refresh'] = () => answer(503, {}, { 'Retry-After': '5' });
  const all = await Promise.allSettled(Array.from({ length: 100 }, () => tab.fetch('/page')));
  assert.ok(all.every(({ status, reason }) => status === 'rejected' && reason.status === 503));
  await world.advance(4_900);
  await assert.rejects(tab.fetch('/page'), { status: 503, retryAfter: 5 });
  assert.equal(world.count('/refresh'), 1);
  world.instead = {};
  await world.advance(200);
  assert.equal((await tab.fetch('/page')).status, 200);
  assert.deepEqual(tab.events, []);
});

test('text, forms and Request objects are sent again with their content', async () => {
  const form = new URLSearchParams('a=b');
  for (const [input, init, content] of [
    ['/page', { method: 'POST', body: 'text' }, 'text'],
    ['/page', { method: 'POST', body: form }, form],
    [new URL('https://app.example/page'), { method: 'PUT', body: 'text' }, 'text'],
    [new Request('https://app.example/page', { method: 'POST', body: 'text' }), undefined, 'text'],
    [new Request('https://app.example/page', { method: 'POST' }), { body: 'text' }, 'text'],
  ]) {
    const world = new World();
    const tab = await world.signedIn();
    world.expire();
    const bodies = [];
    world.instead['/page'] = ({ body }) => {
      bodies.push(body);
      return bodies.length === 1 ? answer(401, {}, CHALLENGE) : answer(200, {});
    };
    assert.equal((await tab.fetch(input, init)).status, 200);
    assert.deepEqual(bodies, [content, content]);
  }
});

test('a stream is sent once; the session is refreshed for the next attempt', async () => {
  const world = new World();
  const tab = await world.signedIn();
  world.expire();
  const stream = () => ({ method: 'POST', duplex: 'half', body: new ReadableStream({ start: it => it.close() }) });
  world.instead['/page'] = () => world.answer({ path: '/page', method: 'GET' });
  assert.equal((await tab.fetch('/page', stream())).status, 401);
  assert.deepEqual([world.count('/page'), world.count('/refresh')], [1, 1]);
  assert.equal((await tab.fetch('/page', stream())).status, 200);
});

test('the first 401 is dropped, the second answer is handed on', async () => {
  const world = new World();
  const tab = await world.signedIn();
  let isCancelled = false;
  const body = new ReadableStream({ cancel: () => { isCancelled = true; } });
  let count = 0;
  world.instead['/page'] = () =>
    count++ ? answer(200, { good: true }) : new Response(body, { status: 401, headers: CHALLENGE });
  assert.deepEqual(await (await tab.fetch('/page')).json(), { good: true });
  assert.ok(isCancelled);
});

const silence = () => new Promise(() => {});

for (const [what, options] of Object.entries({ 'nothing answers': {}, 'no request heeds its signal': { fetch: silence } })) {
  test(`every promise settles within 15 s when ${what}`, async () => {
    const world = new World();
    world.signIn();
    const tab = world.tab(options);
    await settle();
    for (const path of ['/session', '/refresh', '/login', '/logout', '/sessions', '/sessions/x', '/page']) {
      world.instead[path] = silence;
    }
    tab.events.length = 0;
    const found = await after(world, 15_000, Promise.allSettled([
      tab.session(), tab.signIn({ username: 'amy', password: 'p' }), tab.signOut(), tab.sessions(),
      tab.endSession('x'), tab.token({ audience: 'billing' }), tab.fetch('/page'),
      tab.fetch(new Request('https://app.example/page')),
    ]));
    assert.ok(found.value.every(({ status, reason }) => status === 'rejected' && reason instanceof Error));
    assert.deepEqual(tab.events, []);
  });
}

test('a slow chain of answers ends in time, too', async () => {
  const world = new World();
  const tab = await world.signedIn();
  world.expire();
  const slowly = request => new Promise(resolve => setTimeout(() => resolve(world.answer(request)), 7_000));
  Object.assign(world.instead, { '/page': slowly, '/refresh': slowly });
  assert.equal((await after(world, 15_000, tab.fetch('/page'))).error.code, 'timeout');
  world.instead['/page'] = () => new Promise(() => {});
  const controller = new AbortController();
  const own = after(world, 40_000, tab.fetch('/page', { signal: controller.signal }));
  assert.equal(await own, null);
});

test('an abort of the caller reaches the request', async () => {
  const world = new World();
  const tab = await world.signedIn();
  world.instead['/page'] = () => new Promise(() => {});
  for (const ask of [
    signal => tab.fetch('/page', { signal }),
    signal => tab.fetch(new Request('https://app.example/page', { signal })),
  ]) {
    const controller = new AbortController();
    const found = ask(controller.signal);
    await settle();
    controller.abort();
    await assert.rejects(found, { name: 'AbortError' });
    await assert.rejects(ask(AbortSignal.abort()), { name: 'AbortError' });
  }
});

test('an invalid address is rejected, not thrown', async () => {
  const world = new World();
  const tab = await world.signedIn();
  await assert.rejects(tab.fetch('https://['), TypeError);
});

test('a prefix, and another host of the site, with its cookies', async () => {
  const world = new World();
  const behind = path => `https://auth.example${path}`;
  world.signIn();
  const near = world.tab({ base: '/martlet' });
  await settle();
  assert.equal(world.requests[0].url, 'https://app.example/martlet/session');
  near.close();
  world.requests.length = 0;
  const tab = world.tab({ base: behind('') });
  await settle();
  await tab.fetch(behind('/page'));
  await tab.fetch(behind('/page'), { credentials: 'omit' });
  await tab.fetch('/own');
  await tab.fetch('https://else.example/page');
  const seen = world.requests.map(({ url, init }) => [url, init.credentials]);
  assert.deepEqual(seen, [
    [behind('/session'), 'include'],
    [behind('/page'), 'include'],
    [behind('/page'), 'omit'],
    ['https://app.example/own', undefined],
    ['https://else.example/page', undefined],
  ]);
});

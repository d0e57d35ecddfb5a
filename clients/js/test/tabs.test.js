import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, CHALLENGE, later, settle, World } from './world.js';

/** Tabs of one browser, all signed in. */
async function tabs(world, count) {
  world.signIn();
  const all = Array.from({ length: count }, () => world.tab());
  await settle();
  world.requests.length = 0;
  for (const tab of all) tab.events.length = 0;
  return all;
}

test('a refresh in one tab spares the others theirs', async () => {
  const world = new World();
  const [one, two] = await tabs(world, 2);
  world.expire();
  assert.equal((await one.fetch('/page')).status, 200);
  await settle();
  world.time += 500_000;
  assert.equal((await two.fetch('/page')).status, 200);
  assert.equal(world.count('/refresh'), 1);
  assert.deepEqual([one.events, two.events], [[], []]);
});

test('a tab waits for the refresh of another, and takes its result', async () => {
  const world = new World();
  const [one, two] = await tabs(world, 2);
  world.expire();
  const slow = later();
  world.instead['/refresh'] = () => slow.promise;
  const first = one.fetch('/page');
  await settle();
  const second = two.fetch('/page');
  await world.advance(1_000);
  assert.equal(world.count('/refresh'), 1);
  world.signIn();
  slow.resolve(answer(200, world.session));
  assert.deepEqual([(await first).status, (await second).status], [200, 200]);
  assert.equal(world.count('/refresh'), 1);
});

for (const [what, end] of Object.entries({
  closed: tab => tab.close(),
  frozen: () => {},
})) {
  test(`a tab goes on by itself after 2 s when the tab that refreshes is ${what}`, async () => {
    const world = new World();
    const [one, two] = await tabs(world, 2);
    world.expire();
    world.instead['/refresh'] = () => {
      world.instead = {};
      return new Promise(() => {});
    };
    one.fetch('/page').catch(() => {});
    await settle();
    end(one);
    const second = two.fetch('/page');
    await world.advance(1_900);
    assert.equal(world.count('/refresh'), 1);
    await world.advance(200);
    assert.equal((await second).status, 200);
    assert.equal(world.count('/refresh'), 2);
  });
}

test('20 tabs whose token expires at once: one rotation, no user is signed out', async () => {
  const world = new World();
  const all = await tabs(world, 20);
  world.expire();
  const answers = await Promise.all(all.map(tab => tab.fetch('/page')));
  assert.ok(answers.every(found => found.status === 200));
  assert.equal(world.rotations, 1);
  assert.ok(all.every(tab => tab.events.length === 0));
});

test('a refresh of a session that a new sign-in has replaced is repeated once, with the newer cookies', async () => {
  const world = new World();
  const [one] = await tabs(world, 1);
  world.expire();
  const replaced = () => answer(401, { code: 'session_replaced' }, CHALLENGE);
  world.instead['/refresh'] = () => {
    world.instead = {};
    world.sid = 'newer';
    return replaced();
  };
  assert.equal((await one.fetch('/page')).status, 200);
  assert.deepEqual([world.count('/refresh'), one.events], [2, ['in: refreshed']]);
  world.expire();
  world.time += 60_000;
  world.requests.length = 0;
  world.instead['/refresh'] = replaced;
  assert.equal((await one.fetch('/page')).status, 401);
  assert.deepEqual([world.count('/refresh'), one.events.at(-1)], [2, 'out: ended']);
});

test('a sign-out in one tab fires change once in each, and empties the memory', async () => {
  const world = new World();
  const all = await tabs(world, 5);
  await all[1].token({ audience: 'billing' });
  await all[0].signOut();
  await settle();
  for (const tab of all) assert.deepEqual(tab.events, ['out: signed out']);
  await assert.rejects(all[1].token({ audience: 'billing' }), { code: 'token_missing' });
  assert.deepEqual(all.map(tab => tab.events.length), [1, 1, 1, 1, 1]);
});

test('the end of a session is told, too', async () => {
  const world = new World();
  const [one, two] = await tabs(world, 2);
  world.isAlive = false;
  assert.equal(await one.session(), null);
  await settle();
  assert.deepEqual([one.events, two.events], [['out: ended'], ['out: ended']]);
  assert.equal(world.count('/refresh'), 1);
});

test('a sign-in is told, and one as another user is a change', async () => {
  const world = new World();
  world.isAlive = false;
  const [one, two] = [world.tab(), world.tab()];
  await settle();
  await one.signIn({ username: 'amy', password: 'p' });
  await settle();
  assert.deepEqual(two.events, ['out: ended', 'in: told']);
  await one.signIn({ username: 'bob', password: 'p' });
  await settle();
  assert.deepEqual(two.events, ['out: ended', 'in: told', 'in: told']);
});

test('a 401 of /refresh that a sign-in in another tab has overtaken does not sign out', async () => {
  const world = new World();
  const [one, two] = await tabs(world, 2);
  world.expire();
  const slow = later();
  world.instead['/refresh'] = () => slow.promise;
  const asking = one.fetch('/page');
  await settle();
  await two.signIn({ username: 'amy', password: 'p' });
  await settle();
  slow.resolve(answer(401, {}, CHALLENGE));
  assert.equal((await asking).status, 200);
  assert.ok(![...one.events, ...two.events].some(event => event.startsWith('out')));
});

test('tokens for other APIs: asked for once, kept in memory, never told', async () => {
  const world = new World();
  const [one] = await tabs(world, 2);
  const told = [];
  for (const channel of world.channels) {
    const given = channel.onmessage;
    channel.onmessage = message => { told.push(JSON.stringify(message.data)); given(message); };
  }
  const found = await Promise.all([1, 2, 3].map(() => one.token({ audience: 'billing' })));
  assert.equal(new Set(found).size, 1);
  assert.deepEqual(world.requests.map(({ path, body }) => [path, JSON.parse(body)]), [
    ['/refresh', { mode: 'access', audience: 'billing' }],
  ]);
  assert.equal(await one.token({ audience: 'billing' }), found[0]);
  world.time += 599_000;
  assert.notEqual(await one.token({ audience: 'billing' }), found[0]);
  const signedIn = await one.signIn({ username: 'amy', password: 'p', audience: 'billing' });
  assert.equal('access_token' in signedIn, false);
  assert.equal(JSON.parse(world.requests.at(-1).body).mode, 'access');
  const before = world.requests.length;
  assert.match(await one.token({ audience: 'billing' }), /^token-/);
  assert.equal(world.requests.length, before);
  assert.ok(told.length >= 4 && !told.some(text => text.includes('token-')));
});

test('a token arrives also when another tab has refreshed meanwhile', async () => {
  const world = new World();
  const [one, two] = await tabs(world, 2);
  const slow = later();
  world.instead['/refresh'] = () => slow.promise;
  const asking = one.token({ audience: 'billing' });
  await settle();
  world.instead = {};
  world.expire();
  const other = two.session();
  await world.advance(2_100);
  assert.ok(await other);
  slow.resolve(answer(200, { ...world.session, access_token: 'token-x' }));
  assert.equal(await asking, 'token-x');
});

test('an audience that is rejected keeps no request from a refresh', async () => {
  const world = new World();
  const [one] = await tabs(world, 1);
  world.instead['/refresh'] = ({ body }) => body ? answer(400, { code: 'request_malformed' }) : world.answer({ method: 'POST', path: '/refresh' });
  await assert.rejects(one.token({ audience: 'x' }), { status: 400 });
  world.expire();
  assert.equal((await one.fetch('/page')).status, 200);
});

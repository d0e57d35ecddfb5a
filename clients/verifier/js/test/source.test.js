import assert from 'node:assert/strict';
import test from 'node:test';
import { Source } from '../source.js';
import { serving } from './world.js';

const ask = { accept: '*/*', limit: 1_000, seconds: 20, silence: 4 };

/** A source that sends `count` bytes, one each 200 ms, and says nothing after that unless it is the whole answer. */
function slowly(count, run) {
  const answer = (_, response) => {
    response.writeHead(200, { 'content-length': 30 });
    let sent = 0;
    const timer = setInterval(() => {
      if (sent < count) response.write('a');
      else clearInterval(timer);
      sent += 1;
    }, 200);
  };
  return serving(answer, async (url) => {
    const source = new Source(url);
    try {
      await run(source);
    } finally {
      source.close();
    }
  });
}

test('an answer that comes slowly is waited for while something arrives', () =>
  slowly(30, async (source) => {
    const { status, content } = await source.get('/', ask);
    assert.deepEqual([status, content.length], [200, 30]);
  }));

test('a source that stops in the middle of its answer is given up', () =>
  slowly(3, (source) => assert.rejects(source.get('/', ask), /no answer within 4 s/)));

test('an answer that takes too long is given up although something arrives', () =>
  slowly(30, (source) => assert.rejects(source.get('/', { ...ask, seconds: 2 }), /no answer within 2 s/)));

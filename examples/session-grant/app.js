// Users sign in with a link from a mail. Your application knows the users; Martlet opens and keeps their sessions.
import { randomBytes } from 'node:crypto';
import express from 'express';

const { AUTH_URL, CLIENT_ID, CLIENT_SECRET, PORT = '3000' } = process.env;
const authorization = `Basic ${Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64')}`;
const users = new Map([['ana@example.com', '42']]); // your database: the id of each address
const links = new Map(); // the user whom each link signs in

// Express 4 does not wait for promises, so their errors go to its error handler by hand.
const handle = (step) => (request, response, next) => step(request, response, next).catch(next);

const app = express();
app.post('/links/:address', (request, response) => {
  const user = users.get(request.params.address);
  const code = randomBytes(24).toString('base64url');
  if (user && links.set(code, user)) console.log(`mail: /sessions/${code}`);
  response.status(204).end(); // the same answer for an unknown address
});

app.post('/sessions/:code', handle(async (request, response) => {
  const sub = links.get(request.params.code);
  if (!links.delete(request.params.code)) return response.status(401).end();
  const body = new URLSearchParams({ grant_type: 'urn:martlet:grant-type:session', sub, amr: 'otp' });
  const answer = await fetch(new URL('/token', AUTH_URL), {
    method: 'POST', headers: { authorization }, body, signal: AbortSignal.timeout(5000),
  });
  if (!answer.ok) throw new Error(`token: ${answer.status}`);
  response.set('Cache-Control', 'no-store').json(await answer.json());
}));

app.use((error, request, response, next) => {
  console.error(error);
  response.status(503).json({ error: 'The authentication service is not available.' });
});

app.listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}`));

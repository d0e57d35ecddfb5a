// A web application with Express. Martlet keeps the accounts and sessions; the browser keeps two HttpOnly cookies.
// The application verifies access tokens itself with the published keys, refreshes expired ones, and logs out.
import cookieParser from 'cookie-parser';
import express from 'express';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

const { AUTH_URL, ISSUER, AUDIENCE, CLIENT_ID, CLIENT_SECRET, PORT = '3000', NODE_ENV } = process.env;
const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', AUTH_URL));
const client = `Basic ${Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64')}`;
const cookie = { httpOnly: true, sameSite: 'strict', secure: NODE_ENV === 'production' };

// The application is a client of its own, so that Martlet limits failed logins by the address of the user (`source`).
const ask = (path, fields, headers = {}) =>
  fetch(new URL(path, AUTH_URL), {
    method: 'POST', headers, body: new URLSearchParams(fields), signal: AbortSignal.timeout(5000),
  });

const expected = {
  algorithms: ['RS256'], typ: 'at+jwt', issuer: ISSUER, audience: AUDIENCE, requiredClaims: ['exp', 'sub'],
};
const fetchFailures = ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT'];

// The claims of a valid access token, or null. A failure to fetch the keys is thrown: it says nothing about the token.
async function claimsOf(token) {
  try {
    return (await jwtVerify(token, keys, expected)).payload;
  } catch (error) {
    if (!(error instanceof errors.JOSEError) || fetchFailures.includes(error.code)) throw error;
    return null;
  }
}

function keep(response, tokens) {
  response.cookie('access', tokens.access_token, { ...cookie, maxAge: tokens.expires_in * 1000 });
  response.cookie('refresh', tokens.refresh_token, { ...cookie, maxAge: tokens.refresh_expires_in * 1000 });
}

function forget(response) {
  response.clearCookie('access', cookie).clearCookie('refresh', cookie);
}

// Express 4 does not wait for promises, so their errors go to its error handler by hand.
const handle = (step) => (request, response, next) => step(request, response, next).catch(next);

const requireUser = handle(async (request, response, next) => {
  let claims = request.cookies.access ? await claimsOf(request.cookies.access) : null;
  if (!claims && request.cookies.refresh) {
    const answer = await ask('/refresh', { refresh_token: request.cookies.refresh }, { authorization: client });
    if (answer.status >= 500) throw new Error(`refresh: ${answer.status}`);
    if (answer.ok) {
      const tokens = await answer.json();
      keep(response, tokens);
      claims = await claimsOf(tokens.access_token);
    } else {
      forget(response);
    }
  }
  if (!claims) return response.status(401).json({ error: 'Log in first.' });
  request.user = claims;
  next();
});

const app = express();
app.set('trust proxy', 'loopback'); // request.ip is the address that a proxy on this machine reports
app.use(cookieParser(), express.urlencoded({ extended: false }));

// Browsers name the origin of every POST. This rejects forms of other sites, forged logins included.
app.use((request, response, next) => {
  const origin = request.get('origin');
  if (request.method === 'POST' && origin && origin !== `${request.protocol}://${request.get('host')}`) {
    return response.status(403).json({ error: 'This request comes from another site.' });
  }
  next();
});

app.post('/login', handle(async (request, response) => {
  const { username = '', password = '' } = request.body;
  const answer = await ask('/login', { username, password, source: request.ip }, { authorization: client });
  if (answer.status >= 500) throw new Error(`login: ${answer.status}`);
  if (!answer.ok) return response.status(answer.status).json({ error: (await answer.json()).title });
  keep(response, await answer.json());
  response.status(204).end();
}));

app.get('/me', requireUser, (request, response) => {
  response.json({ user: request.user.sub, scope: request.user.scope });
});

// `everywhere=1` ends all sessions of the user. The cookies go only when Martlet has ended the session.
app.post('/logout', handle(async (request, response) => {
  if (request.cookies.refresh) {
    const scope = request.body.everywhere ? 'global' : 'local';
    const answer = await ask('/logout', { refresh_token: request.cookies.refresh, scope });
    if (answer.status >= 500) throw new Error(`logout: ${answer.status}`);
  }
  forget(response);
  response.status(204).end();
}));

app.use((error, request, response, next) => {
  console.error(error);
  response.status(503).json({ error: 'The authentication service is not available.' });
});

app.listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}`));

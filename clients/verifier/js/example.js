// A service without a framework: who is behind a token, or why it is rejected.
import http from 'node:http';
import { Verifier, VerifyError } from './verifier.js';

const { AUTH_URL = 'http://127.0.0.1:8080', ISSUER = AUTH_URL, CREDENTIALS, PORT = '3000' } = process.env;
const verifier = new Verifier({ url: AUTH_URL, issuer: ISSUER, credentials: CREDENTIALS, audience: 'api', maxAge: 30 });
verifier.on('damaged', (error) => console.error(`the feed of revocations cannot be read: ${error.message}`));
await verifier.ready();

http.createServer(async (request, response) => {
  try {
    const token = (request.headers.authorization ?? '').replace(/^Bearer /i, '');
    const claims = await verifier.verify(token, { scope: 'read' });
    response.end(`${claims.sub}, revocations are ${verifier.age.toFixed(1)} s old\n`);
  } catch (error) {
    if (!(error instanceof VerifyError)) throw error;
    response.writeHead(error.status, Object.fromEntries([error.field])).end(`${error.code}\n`);
  }
}).listen(Number(PORT), '127.0.0.1');

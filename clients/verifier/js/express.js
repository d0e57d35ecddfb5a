// The middleware for Express.
import { VerifyError } from './jws.js';

/** Lets requests with a valid token pass, with its claims in `request.auth`; answers the others. */
export const requireToken = (verifier, conditions) => async (request, response, next) => {
  try {
    const [, token] = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? [];
    if (!token) throw new VerifyError('token_missing');
    request.auth = await verifier.verify(token, conditions);
  } catch (error) {
    if (!(error instanceof VerifyError)) return next(error);
    const { status, code, message: title, field } = error;
    response.status(status).set(...field).type('application/problem+json');
    return response.send(JSON.stringify({ title, status, code }));
  }
  next();
};

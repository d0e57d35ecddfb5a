/** The codes with which the service rejects a token, and two for requests: `token_missing` and `stale`. */
export type Code =
  | 'token_missing' | 'token_malformed' | 'token_too_large' | 'alg_not_allowed' | 'kid_unknown' | 'signature_invalid'
  | 'typ_mismatch' | 'issuer_mismatch' | 'audience_mismatch' | 'claim_missing' | 'claim_invalid' | 'token_expired'
  | 'token_not_active' | 'token_revoked' | 'session_revoked' | 'subject_revoked' | 'client_revoked' | 'key_revoked'
  | 'scope_insufficient' | 'stale';

export class VerifyError extends Error {
  constructor(code: Code);
  readonly code: Code;
  /** 401, 403 or 503: for the answer to a request with this token. */
  readonly status: number;
  /** Name and value of the field of that answer, `WWW-Authenticate` or `Retry-After`. */
  readonly field: [name: string, value: string];
}

export interface Claims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string | readonly string[];
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  readonly sid?: string;
  readonly client_id?: string;
  readonly scope?: string;
  readonly auth_time?: number;
  readonly amr?: readonly string[];
  readonly roles?: readonly string[];
  readonly bsq?: number;
  readonly [name: string]: unknown;
}

export interface Conditions {
  /** The name of your service, which `aud` must contain. Required here or in the options of the verifier. */
  audience?: string;
  /** Scopes that the token must have: a list, or a text with spaces between them. */
  scope?: string | readonly string[];
}

export interface Options {
  /** `MARTLET_ISSUER` of the service, byte for byte. */
  issuer: string;
  /** The address of the service, of a follower or of a relay; of several, another is asked when one fails. Without it,
   * only snapshots that `load` reads are known. */
  url?: string | readonly string[];
  /** `client_id:secret` of a client with the scope `revocations:read`. */
  credentials?: string;
  audience?: string;
  /** Secrets for HS256, as in the key files of the service. Without them no HS256 token is accepted. */
  secrets?: readonly { kty: 'oct'; kid: string; alg: 'HS256'; k: string }[];
  /** A key set, for use without `url`. */
  jwks?: { keys: readonly object[] };
  /** Seconds by which `exp` may be past and `nbf` ahead; 0 by default. */
  leeway?: number;
  /** Seconds; 60 by default, at least 1. */
  maxAge?: number;
  /** What happens when the revocations are older than `maxAge`: `serve` (default) verifies with those that are here,
   * `refuse` rejects every token with `stale`. */
  onStale?: 'serve' | 'refuse';
  /** How many tokens with a valid signature are remembered; 4,096 by default. */
  cacheSize?: number;
  /** 256 MiB by default: 4 million revocations. */
  snapshotBytesMax?: number;
}

export interface Status {
  state: 'starting' | 'following' | 'away' | 'damaged' | 'closed';
  /** Seconds. */
  age: number;
  position?: string;
  /** How many revocations are in memory. */
  revocations: number;
  /** Why the state is `away` or `damaged`. */
  error?: string;
}

/** An event emitter of Node. */
export class Verifier {
  constructor(options: Options);
  /** `away`: the source does not answer. `damaged`: it sent what it must not. The verifier keeps what it knows, skips
   * nothing, and asks again at the same position. */
  on(event: 'away' | 'damaged', listener: (error: Error) => void): this;
  on(event: 'following', listener: () => void): this;
  /** The source does not know the position (409) or no longer has what came after it (410): a snapshot follows. */
  on(event: 'reset', listener: (status: 409 | 410) => void): this;
  readonly age: number;
  readonly status: Status;
  /** Waits until tokens can be verified.
   * @param timeout seconds, 30 by default */
  ready(timeout?: number): Promise<this>;
  /** The claims of the token. Rejects with VerifyError. */
  verify(token: string, conditions?: Conditions): Promise<Claims>;
  /** Applies a snapshot of the service. With `maxAge` (seconds) an older one is rejected, and tokens can be verified. */
  load(content: Uint8Array, options?: { maxAge?: number }): { iss: string; iat: number; pos: string; count: number };
  close(): void;
}

interface Request {
  headers: { authorization?: string };
}
interface Response {
  status(code: number): this;
  set(name: string, value: string): this;
  type(type: string): this;
  send(content: string): unknown;
}

/** For Express: lets requests with a valid token pass, with its claims in `request.auth`, and answers the others. */
export function requireToken(
  verifier: Verifier, conditions?: Conditions,
): (request: Request & { auth?: Claims }, response: Response, next: (error?: unknown) => void) => Promise<unknown>;

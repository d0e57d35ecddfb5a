/** Signs users in and keeps their sessions, for pages behind Martlet. */
export function createMartlet(options?: Options): Martlet;

export interface Options {
  /** Where Martlet is: empty, a path such as `/martlet`, or `https://` and another host of the same site. */
  base?: string;
  /** Sends the requests; for tests. */
  fetch?: (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>;
  /** Milliseconds of a clock that is never set; for tests. */
  now?: () => number;
  /** How the tabs of an origin tell each other; null if they do not. */
  channel?: Channel | null;
}

/** The part of BroadcastChannel that is used. */
export interface Channel {
  postMessage(message: any): void;
  onmessage: ((event: any) => any) | null;
  close(): void;
}

/** `unknown`: no answer has said yet whether a user is signed in. */
export type State = 'in' | 'out' | 'unknown';

export interface Session {
  subject: string;
  username: string;
  session_id: string;
  scope: string;
  /** Seconds until the access token expires. */
  expires_in: number;
  /** Seconds until the session ends unless it is refreshed. */
  refresh_expires_in: number;
  /** These three are in answers of `session()` only. */
  roles?: string[];
  auth_time?: number;
  amr?: string[];
}

export interface SignIn {
  username: string;
  password: string;
  /** Scopes, separated by spaces; without it, all that the user has. */
  scope?: string;
  /** For `token()`: the audience of the token that the page gets in addition to its cookies. */
  audience?: string;
  /** False: the session ends with the browser. */
  remember?: boolean;
  /** A name for the session in the list of sessions. */
  device?: string;
}

export interface ListedSession {
  session_id: string;
  /** Whether it is the session of this page. */
  current: boolean;
  device: string | null;
  client_id: string | null;
  address: string | null;
  /** These three are seconds since 1970, of the server's clock. */
  created_at: number;
  last_used_at: number;
  expires_at: number;
}

export interface ChangeEvent extends Event {
  readonly state: State;
  readonly reason: 'asked' | 'refreshed' | 'told' | 'signed in' | 'signed out' | 'ended';
}

/** Every promise settles within 15 seconds. No rejection means that the user is signed out. */
export interface Martlet extends EventTarget {
  /** Who is signed in; null if no user is. Rejects if that is not known. */
  session(): Promise<Session | null>;
  /** Rejects with a `MartletError` if the password is wrong, or if its `retryAfter` says to wait. */
  signIn(options: SignIn): Promise<Session>;
  /** Ends this session (`local`), the others of the user (`others`), or all (`global`). */
  signOut(options?: { scope?: 'local' | 'others' | 'global' }): Promise<void>;
  /** As `fetch`. After a 401 of Martlet it refreshes the session, and sends the request once more. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** The sessions of the user. */
  sessions(): Promise<{ sessions: ListedSession[] }>;
  endSession(id: string): Promise<void>;
  /** An access token for an API of another origin. It is in memory only. */
  token(options: { audience: string }): Promise<string>;
  /** Removes listeners and timers. */
  close(): void;

  addEventListener(type: 'change', listener: (event: ChangeEvent) => void, options?: AddEventListenerOptions | boolean): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: AddEventListenerOptions | boolean): void;
}

/** What Martlet rejected, or why it is not known what it would answer. It never means that the user is signed out. */
export class MartletError extends Error {
  constructor(status: number, content: { title?: string; detail?: string; code?: string }, retryAfter: number);
  /** 0 if there was no answer in time. */
  status: number;
  /** The code of the problem, as in openapi.yaml, or empty. */
  code: string;
  /** How many seconds to wait before the next attempt; 0 if the answer does not say. */
  retryAfter: number;
}

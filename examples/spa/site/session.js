// The session of a page that has no server of its own. The access token is in memory only. The refresh token is in the
// storage of the tab, so that the session survives a reload; a script injected into the page could read both.
export class Session {
  #base;
  #storage;
  #access = null;
  #refreshing = null;

  constructor(base = '', storage = globalThis.sessionStorage) {
    this.#base = base;
    this.#storage = storage;
  }

  get isLoggedIn() {
    return this.#storage.getItem('refresh_token') !== null;
  }

  async logIn(username, password) {
    const answer = await this.#post('/login', { username, password });
    if (!answer.ok) throw new Error((await answer.json()).title);
    this.#keep(await answer.json());
  }

  // `fetch` with the access token. A 401 refreshes the token and sends the request once more.
  async fetch(path, options = {}) {
    if (this.#access === null) await this.#refresh();
    let answer = await this.#send(path, options);
    if (answer.status === 401 && this.isLoggedIn) {
      await this.#refresh();
      answer = await this.#send(path, options);
    }
    return answer;
  }

  // The tokens go only when the server has ended the session.
  async logOut() {
    const refresh_token = this.#storage.getItem('refresh_token');
    if (refresh_token !== null) {
      const answer = await this.#post('/logout', { refresh_token });
      if (answer.status !== 204 && answer.status !== 401) throw new Error('The session could not be ended. Try again.');
    }
    this.#forget();
  }

  // Requests that run at the same time share one refresh, because a refresh token works once.
  #refresh() {
    this.#refreshing ??= this.#refreshOnce().finally(() => { this.#refreshing = null; });
    return this.#refreshing;
  }

  async #refreshOnce() {
    const refresh_token = this.#storage.getItem('refresh_token');
    if (refresh_token === null) return;
    const answer = await this.#post('/refresh', { refresh_token });
    if (answer.ok) this.#keep(await answer.json());
    else if (answer.status === 401) this.#forget();
    else throw new Error('The session could not be refreshed. Try again.');
  }

  #keep(tokens) {
    this.#access = tokens.access_token;
    this.#storage.setItem('refresh_token', tokens.refresh_token);
  }

  #forget() {
    this.#access = null;
    this.#storage.removeItem('refresh_token');
  }

  #send(path, options) {
    const headers = new Headers(options.headers);
    if (this.#access !== null) headers.set('Authorization', `Bearer ${this.#access}`);
    return fetch(this.#base + path, { ...options, headers });
  }

  #post(path, members) {
    const headers = { 'Content-Type': 'application/json' };
    return fetch(this.#base + path, { method: 'POST', headers, body: JSON.stringify(members) });
  }
}

// Requests to Martlet: connections that stay open, answers of limited size, waits of limited length.
import http from 'node:http';
import https from 'node:https';
import { Damaged } from './revocations.js';

export class Source {
  #urls;
  #agents;
  #headers;

  /** Of several addresses, the next one is tried when one fails. `credentials` is `client_id:secret`. */
  constructor(urls, credentials) {
    this.#urls = [urls].flat().map((url) => new URL(url));
    this.#agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) };
    this.#headers = credentials ? { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` } : {};
  }

  turn() {
    this.#urls.push(this.#urls.shift());
  }

  /** Gives up after `seconds`, and after `silence` seconds in which nothing arrived. */
  get(path, { accept, limit, seconds, silence = seconds, headers = this.#headers }) {
    const url = new URL(this.#urls[0].href.replace(/\/$/, '') + path);
    const options = {
      agent: this.#agents[url.protocol], headers: { accept, ...headers }, maxHeaderSize: 16_384,
      timeout: silence * 1_000,
    };
    return new Promise((resolve, reject) => {
      const request = (url.protocol === 'https:' ? https : http).get(url, options, (response) => {
        const parts = [];
        let size = 0;
        response.on('data', (part) => {
          size += part.length;
          if (size > limit) {
            reject(new Damaged(`${url.pathname} has more than ${limit} bytes`));
            request.destroy();
          } else parts.push(part);
        });
        const { statusCode: status, headers: fields } = response;
        response.on('end', () => resolve({ status, fields, content: Buffer.concat(parts) })).on('error', reject);
      });
      const giveUp = (limit) => {
        reject(new Error(`no answer within ${limit} s`));
        request.destroy();
      };
      const timer = setTimeout(giveUp, seconds * 1_000, seconds);
      request.on('timeout', () => giveUp(silence)).on('error', reject).on('close', () => clearTimeout(timer));
    });
  }

  close() {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }
}

// A sign-in form, a greeting and a request of an application, with the module of this folder.
import { createMartlet, MartletError } from './martlet.js';

const martlet = createMartlet();

/** @param {string} id */
function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page lacks #${id}.`);
  return found;
}

martlet.addEventListener('change', async ({ state }) => {
  // Nothing that belongs to the user stays on the page.
  if (state === 'out') return location.reload();
  const session = await martlet.session();
  element('user').textContent = session ? session.username : '';
});

element('form').addEventListener('submit', async event => {
  event.preventDefault();
  const fields = new FormData(/** @type {HTMLFormElement} */ (event.target));
  try {
    await martlet.signIn({
      username: String(fields.get('username')), password: String(fields.get('password')), remember: true,
    });
  } catch (error) {
    const wait = error instanceof MartletError && error.retryAfter;
    element('message').textContent = wait ? `Try again in ${wait} seconds.` : String(error);
  }
});

element('out').addEventListener('click', () => martlet.signOut());

element('load').addEventListener('click', async () => {
  const answer = await martlet.fetch('/api/items');
  element('items').textContent = answer.ok ? await answer.text() : `${answer.status}`;
});

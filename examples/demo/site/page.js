import { createMartlet, MartletError } from '/martlet.js';

const martlet = createMartlet();
const $ = id => document.getElementById(id);

async function show(state) {
  $('sign-in').hidden = state !== 'out';
  $('signed-in').hidden = state !== 'in';
  $('notes').replaceChildren();
  if (state !== 'in') return;
  // Each request is an ordinary fetch. After a 401 of the gateway, the module refreshes and sends it again.
  const answer = await martlet.fetch('/api/hello');
  if (answer.ok) list(await answer.json());
}

function list({ user, notes }) {
  if (user) $('user').textContent = user;
  $('notes').replaceChildren(...notes.map(text => Object.assign(document.createElement('li'), { textContent: text })));
}

// A sign-out in another tab arrives here, too.
martlet.addEventListener('change', ({ state }) => {
  $('message').textContent = '';
  show(state).catch(tell);
});

// Martlet does not answer: nothing says that the user is signed out.
function tell(error) {
  const wait = error instanceof MartletError && error.retryAfter ? ` Try again in ${error.retryAfter} seconds.` : '';
  $('message').textContent = `${error.message}${wait}`;
}

function on(id, type, run) {
  $(id).addEventListener(type, event => {
    event.preventDefault();
    $('message').textContent = '';
    run(event.target).catch(tell);
  });
}

on('sign-in', 'submit', async form => {
  const fields = new FormData(form);
  form.elements.password.value = '';
  await martlet.signIn({
    username: fields.get('username'), password: fields.get('password'), remember: fields.has('remember'),
  });
});

on('note', 'submit', async form => {
  const answer = await martlet.fetch('/api/notes', {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ text: form.elements.text.value }),
  });
  if (!answer.ok) throw new Error(`The application answered ${answer.status}.`);
  form.reset();
  list(await answer.json());
});

on('sign-out', 'click', () => martlet.signOut());
on('everywhere', 'click', () => martlet.signOut({ scope: 'global' }));
martlet.session().catch(tell);

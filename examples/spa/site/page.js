import { Session } from './session.js';

const session = new Session();
const [form, out, message] = ['#log-in', '#log-out', '#message'].map((name) => document.querySelector(name));

async function show() {
  form.hidden = session.isLoggedIn;
  out.hidden = !session.isLoggedIn;
  const answer = session.isLoggedIn ? await session.fetch('/api/me') : null;
  message.textContent = answer?.ok ? `You are ${await answer.text()}.` : 'You are not logged in.';
  form.hidden = session.isLoggedIn;
  out.hidden = !session.isLoggedIn;
}

async function attempt(step) {
  try {
    await step();
    await show();
  } catch (error) {
    message.textContent = error.message;
  }
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const { username, password } = Object.fromEntries(new FormData(form));
  attempt(() => session.logIn(username, password));
});
out.addEventListener('click', () => attempt(() => session.logOut()));
attempt(async () => {});

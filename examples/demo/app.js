// The application of `make demo`: it trusts the identity headers, because only the gateway can reach it.
const express = require('express');

const { PORT = '9000' } = process.env;
const app = express();
const notes = new Map();

app.use(express.json({ limit: '10kb' }));

app.get('/api/hello', (request, response) => {
  response.json({
    user: request.get('X-Auth-User'), scope: request.get('X-Auth-Scope'), notes: notes.get(request.get('X-Auth-Subject')) || [],
  });
});

// A request that changes something. The gateway has checked that a page of this site sent it.
app.post('/api/notes', (request, response) => {
  const subject = request.get('X-Auth-Subject');
  const own = [...(notes.get(subject) || []), String(request.body.text || '').slice(0, 200)].slice(-20);
  notes.set(subject, own);
  response.status(201).json({ notes: own });
});

app.listen(Number(PORT), '127.0.0.1', () => console.log(`The application listens on 127.0.0.1:${PORT}.`));

// The page: what it knows of the model, and the way from two photos to an answer.

import { Picker, made } from './photos.js';
import { Answer, hitsOf, percent } from './result.js';

const STORED = 'lfw_jax_token';

class Problem extends Error {
  constructor(status, message) {
    super(message.charAt(0).toUpperCase() + message.slice(1));
    this.status = status;
  }
}

class Api {
  constructor() {
    this.token = sessionStorage.getItem(STORED) ?? '';
    this.about = null;
  }

  async request(route, options = {}) {
    const headers = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    let response;
    try {
      response = await fetch(route, { ...options, headers });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new Problem(0, 'The service does not answer. Does it still run?');
    }
    const content = await response.json().catch(() => null);
    if (response.ok && content !== null) return content;
    throw new Problem(response.status, content?.error?.message ?? `The service answered with the status ${response.status}.`);
  }

  send(route, fields, signal) {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) {
      if (value instanceof Blob) form.append(name, value, 'photo');
      else if (value !== null) form.append(name, value);
    }
    return this.request(route, { method: 'POST', body: form, signal });
  }
}

const api = new Api();
const at = (id) => document.getElementById(id);

function describe(about) {
  const { test, training } = about;
  at('model').textContent = `Model ${about.name}: ${percent(test.accuracy)} of the ${test.pairs.toLocaleString('en')} test pairs decided correctly.`;
  const rows = [
    ['Accuracy', percent(test.accuracy), `95 % interval ${percent(test.interval[0])} to ${percent(test.interval[1])}, on the ${test.pairs.toLocaleString('en')} pairs of ${test.list}`],
    ['Learned from', training.images.toLocaleString('en'), `images of ${training.identities.toLocaleString('en')} identities, none of which is in the test`],
    ['Thresholds from', training.held_out_identities.toLocaleString('en'), 'identities held out from training'],
  ];
  at('facts').replaceChildren(...rows.map(([name, value, note]) => made('div', {},
    made('dt', {}, name), made('dd', { class: 'value' }, value), made('dd', { class: 'note' }, note))));
  at('limits').replaceChildren(...about.limits.map((limit) => made('li', {}, limit)));
  at('licence').textContent = about.licence;
}

function start(about) {
  describe(about);
  const answer = new Answer(about);
  const pickers = {}, hits = at('hits');
  let running = new AbortController(), searching = new AbortController();

  // Hits belong to the photos that are shown: none of another photo may stay, or come later.
  const forget = () => {
    searching.abort();
    searching = new AbortController();
    answer.moved = () => {};
    hits.replaceChildren();
  };

  const compare = async () => {
    forget();
    running.abort();
    running = new AbortController();
    const { signal } = running, { first, second } = pickers;
    for (const name of ['first', 'second']) at(`search-${name}`).disabled = !pickers[name]?.ready;
    if (!first?.ready || !second?.ready) {
      answer.say(first?.ready || second?.ready ? 'Choose the other photo.' : 'Choose two photos. The answer appears here.', 'muted');
      return;
    }
    answer.say('Comparing', 'busy');
    try {
      const found = await api.send('verify', {
        first: first.file, second: second.file, first_face: first.face, second_face: second.face, crops: 'true',
      }, signal);
      if (!signal.aborted) answer.show(found);
    } catch (error) {
      if (!signal.aborted) answer.say(error.message, 'problem');
    }
  };

  const search = async (name) => {
    forget();
    const { signal } = searching, picker = pickers[name];
    hits.replaceChildren(made('p', { class: 'busy' }, 'Searching'));
    try {
      const found = await api.send('search', { photo: picker.file, face: picker.face, crops: 'true', top: '10' }, signal);
      if (signal.aborted) return;
      hits.replaceChildren(made('p', {}, `The nearest ${found.hits.length} of ${found.gallery.toLocaleString('en')} faces to the face of the ${name} photo, nearest first. A search compares with all of them, so that false matches add up. The probability is that of each hit by itself, with a prior of one in the number of faces plus one.`), hitsOf(found, answer.point.threshold));
      answer.moved = (threshold) => hits.lastElementChild.replaceWith(hitsOf(found, threshold));
    } catch (error) {
      if (!signal.aborted) hits.replaceChildren(made('p', { class: 'problem', role: 'alert' }, error.message));
    }
  };

  pickers.first = new Picker(at('first'), 'First photo', api, compare);
  pickers.second = new Picker(at('second'), 'Second photo', api, compare);
  if (about.gallery !== null) {
    at('search').hidden = false;
    at('search-lead').textContent = `The gallery has ${about.gallery.toLocaleString('en')} faces.`;
    for (const name of ['first', 'second']) at(`search-${name}`).addEventListener('click', () => search(name));
  }
  at('content').hidden = false;
}

async function open() {
  try {
    api.about = await api.request('about');
  } catch (error) {
    if (error.status !== 401) {
      at('model').textContent = error.message;
      return;
    }
    at('token-problem').textContent = api.token ? 'This is not the token of the service.' : '';
    at('access').hidden = false;
    at('token').focus();
    return;
  }
  at('access').hidden = true;
  start(api.about);
}

at('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  api.token = at('token').value.trim();
  sessionStorage.setItem(STORED, api.token);
  open();
});
open();

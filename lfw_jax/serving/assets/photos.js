// A photo that is chosen or dropped, with a box around each of its faces.

const MOST_PIXELS = 4e6; // larger photos are reduced before they are sent; faces are compared at about a hundred pixels

export function made(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// The photo as it is sent: as it is, or reduced.
async function reduced(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return file; // the service says what is wrong with it
  }
  const scale = Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height));
  if (scale >= 1) {
    bitmap.close();
    return file;
  }
  const canvas = made('canvas');
  canvas.width = Math.round(scale * bitmap.width);
  canvas.height = Math.round(scale * bitmap.height);
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return (await new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.95))) ?? file;
}

export class Picker {
  constructor(root, title, api, changed) {
    this.root = root;
    this.title = title;
    this.api = api;
    this.changed = changed;
    this.turn = 0;
    this.input = made('input', { type: 'file', id: `${root.id}-file`, accept: 'image/jpeg,image/png,image/webp' });
    this.choose = made('label', { for: this.input.id, class: 'choose' });
    this.heading = made('h3', {}, title);
    this.place = made('div');
    this.status = made('p', { class: 'found', role: 'status' });
    this.problem = made('p', { class: 'problem', role: 'alert' });
    this.remove = made('button', { type: 'button' }, 'Remove');
    this.remove.addEventListener('click', () => {
      this.clear();
      this.input.focus();
    });
    this.tools = made('div', { class: 'tools' });
    root.append(this.heading, this.place, this.status, this.problem, this.tools);
    this.input.addEventListener('change', () => {
      if (this.input.files.length) this.take(this.input.files[0]);
      this.input.value = '';
    });
    for (const name of ['dragenter', 'dragover']) {
      root.addEventListener(name, (event) => {
        event.preventDefault();
        root.classList.add('over');
      });
    }
    root.addEventListener('dragleave', (event) => {
      if (!root.contains(event.relatedTarget)) root.classList.remove('over');
    });
    root.addEventListener('drop', (event) => {
      event.preventDefault();
      root.classList.remove('over');
      if (event.dataTransfer.files.length) this.take(event.dataTransfer.files[0]);
    });
    this.clear();
  }

  // A photo with a face that can be compared.
  get ready() {
    return this.photo !== null && (this.photo.faces.length === 0 ? this.photo.face === null && this.whole : this.face !== null);
  }

  clear() {
    this.turn += 1;
    this.file = this.photo = this.face = null;
    this.choose.textContent = 'Choose a photo';
    this.choose.setAttribute('aria-label', `Choose a photo: ${this.title.toLowerCase()}`);
    this.empty();
    this.status.textContent = this.problem.textContent = '';
    this.changed();
  }

  empty() {
    this.place.replaceChildren(made('div', { class: 'drop' }, this.input, this.choose, made('span', { class: 'muted' }, 'or drop it here')));
    this.tools.replaceChildren();
  }

  async take(file) {
    this.clear();
    const turn = this.turn;
    this.say('Looking for faces', true);
    const sent = await reduced(file);
    if (turn !== this.turn) return;
    this.file = sent;
    this.show(sent);
    try {
      if (sent.size > this.api.about.photoBytes) {
        throw new Error(`The photo has more than ${Math.round(this.api.about.photoBytes / 2 ** 20)} MB. Choose a smaller one.`);
      }
      const { photo } = await this.api.send('detect', { photo: sent });
      if (turn === this.turn) this.draw(photo);
    } catch (error) {
      if (turn !== this.turn) return;
      this.say('');
      this.problem.textContent = error.message;
    }
  }

  say(text, busy = false) {
    this.status.textContent = text;
    this.status.classList.toggle('busy', busy);
  }

  show(file) {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = URL.createObjectURL(file);
    this.image = made('img', { src: this.url, alt: this.title });
    this.image.addEventListener('error', () => this.empty()); // no image that the browser shows
    this.boxes = made('fieldset', { class: 'photo' }, this.image);
    this.place.replaceChildren(made('div', { class: 'stage' }, this.boxes));
    this.choose.textContent = 'Another photo';
    this.choose.setAttribute('aria-label', `Another photo: ${this.title.toLowerCase()}`);
    this.tools.replaceChildren(this.input, this.choose, this.remove);
  }

  draw(photo) {
    this.photo = photo;
    this.face = photo.face;
    this.whole = this.api.about.whole;
    const count = photo.faces.length;
    if (count === 0) {
      if (this.whole) {
        this.say('This model compares whole photos.');
      } else {
        this.say('');
        this.problem.textContent = 'No face was found. Choose a photo in which a face is larger or better lit.';
      }
      this.changed();
      return;
    }
    if (count > 1) this.boxes.prepend(made('legend', { class: 'unseen' }, `Faces in the ${this.title.toLowerCase()}`));
    // From left to right, as a viewer counts; the service numbers faces by their scores.
    this.order = photo.faces.map((_, index) => index).sort((a, b) => photo.faces[a].box[0] - photo.faces[b].box[0]);
    this.order.forEach((index, place) => this.boxes.append(this.box(photo, photo.faces[index], index, place)));
    this.describe();
    this.changed();
  }

  box(photo, face, index, place) {
    const [left, top, right, bottom] = face.box, count = photo.faces.length;
    const input = made('input', {
      type: 'radio', name: `${this.root.id}-face`, value: index, 'aria-label': count > 1 ? `Face ${place + 1} of ${count}` : 'The face',
    });
    input.checked = index === this.face;
    input.addEventListener('change', () => {
      this.face = index;
      this.describe();
      this.changed();
    });
    const box = made('label', { class: 'box' }, input, ...(count > 1 ? [made('span', { 'aria-hidden': 'true' }, String(place + 1))] : []));
    const inside = (value, whole) => Math.min(Math.max(value / whole, 0), 1);
    const [x, y] = [inside(left, photo.width), inside(top, photo.height)];
    box.style.left = `${100 * x}%`;
    box.style.top = `${100 * y}%`;
    box.style.width = `${100 * (inside(right, photo.width) - x)}%`;
    box.style.height = `${100 * (inside(bottom, photo.height) - y)}%`;
    return box;
  }

  describe() {
    const count = this.photo.faces.length;
    this.say(count === 1 ? 'One face found.' : `${count} faces found; face ${this.order.indexOf(this.face) + 1} is compared. Choose another by its box or the arrow keys.`);
  }
}

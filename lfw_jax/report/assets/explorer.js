// The explorer of thresholds: one slider moves the table of decisions and the markers of the charts together.

const PAIRS_AT_ONCE = 50;

function share(part, whole) {
  return whole ? `${(100 * part / whole).toFixed(1)} %` : '–';
}

class Explorer {
  constructor(root, charts) {
    this.root = root;
    this.data = JSON.parse(root.querySelector('.values-of-explorer').textContent);
    this.section = root.closest('section');
    this.charts = charts.filter((chart) => chart.data.follows);
    this.list = null;
    this.slider = this.section.querySelector('.slider input');
    for (const part of this.section.querySelectorAll('.slider, .presets')) part.hidden = false;
    this.slider.addEventListener('input', () => this.move(this.slider.valueAsNumber));
    for (const button of this.section.querySelectorAll('.presets button')) {
      button.addEventListener('click', () => this.move(Number(button.dataset.stop)));
    }
    const histogram = this.charts.find((chart) => chart.data.follows === 'threshold' && chart.bars);
    if (histogram && this.data.pairs) {
      this.list = new PairList(this, histogram);
      histogram.listBin = (bin) => this.list.open(bin);
      histogram.plot.classList.add('clickable');
      histogram.explain('Values: point at the chart, or use the arrow keys. Click a bar, or press Enter, to list its pairs.');
      histogram.readout.textContent = histogram.hint;
    }
    this.move(this.slider.valueAsNumber);
  }

  get threshold() {
    return this.data.stops[this.stop];
  }

  move(stop) {
    this.stop = stop;
    this.slider.value = stop;
    const { same, different, totals: [sameTotal, differentTotal] } = this.data;
    const trueMatches = same[stop], falseMatches = different[stop];
    const counts = {
      'true-match': [trueMatches, sameTotal],
      'false-non-match': [sameTotal - trueMatches, sameTotal],
      'false-match': [falseMatches, differentTotal],
      'true-non-match': [differentTotal - falseMatches, differentTotal],
    };
    for (const [name, [count, total]] of Object.entries(counts)) {
      this.write(`[data-count="${name}"]`, count.toLocaleString('en'));
      this.write(`[data-rate="${name}"]`, share(count, total));
    }
    const right = trueMatches + differentTotal - falseMatches, threshold = this.threshold.toFixed(4);
    const accuracy = share(right, sameTotal + differentTotal);
    this.write('[data-value="threshold"]', threshold);
    this.write('[data-value="accuracy"]', accuracy);
    this.slider.setAttribute('aria-valuetext', threshold);
    this.write('.slider output', `${threshold}: FMR ${share(falseMatches, differentTotal)}, FNMR ${
      share(sameTotal - trueMatches, sameTotal)}, accuracy ${accuracy}`);
    const fmr = falseMatches / differentTotal, fnmr = 1 - trueMatches / sameTotal;
    for (const chart of this.charts) chart.follow(this.threshold, fmr, fnmr);
    this.list?.refresh();
  }

  write(selector, text) {
    for (const target of this.section.querySelectorAll(selector)) target.textContent = text;
  }
}

// The pairs of one bar of the histogram of distances.
class PairList {
  constructor(explorer, histogram) {
    this.explorer = explorer;
    this.histogram = histogram;
    this.box = made('div', { class: 'pairs', hidden: '' });
    histogram.figure.after(this.box);
    this.bin = -1;
    this.shown = PAIRS_AT_ONCE;
  }

  open(bin) {
    this.bin = bin;
    this.shown = PAIRS_AT_ONCE;
    this.draw();
    this.box.querySelector('h3').focus();
  }

  refresh() {
    if (this.bin >= 0 && !this.box.hidden) this.draw();
  }

  // Numbers of the embedded pairs of the bin, in the order of their distances.
  members() {
    const { bins } = this.explorer.data.pairs;
    return Array.from({ length: bins[this.bin + 1] - bins[this.bin] }, (_, i) => bins[this.bin] + i);
  }

  draw() {
    const { pairs } = this.explorer.data, { x } = this.histogram.data.series[0], members = this.members();
    const edges = `${written(this.histogram.data.x, x[this.bin])}–${written(this.histogram.data.x, x[this.bin + 1])}`;
    const of = pairs.counts[this.bin], some = members.length < of ? `, ${members.length} of them in this page` : '';
    const words = of === 1 ? '1 pair' : `${of.toLocaleString('en')} pairs`;
    const heading = made('h3', { tabindex: '-1' }, `${words} with a distance of ${edges}${some}`);
    const table = made('table', { class: 'cards sortable' });
    const titles = ['Distance', 'Label', 'Decision', 'First image', 'Second image'];
    const head = table.createTHead().insertRow();
    for (const title of titles) head.append(made('th', { scope: 'col' }, title));
    const body = table.createTBody();
    for (const pair of members.slice(0, this.shown)) this.addRow(body, pair, titles);
    makeSortable(table);
    this.box.replaceChildren(heading, ...(members.length ? [table] : []), this.buttons(members));
    this.box.hidden = false;
  }

  buttons(members) {
    const row = made('div', { class: 'tools' });
    const add = (text, action) => {
      const button = made('button', { type: 'button' }, text);
      button.addEventListener('click', action);
      row.append(button);
    };
    if (members.length > this.shown) {
      add(`Show all ${members.length} pairs`, () => {
        this.shown = Infinity;
        this.draw();
        this.box.querySelector('h3').focus();
      });
    }
    if (members.length) add('CSV of these pairs', () => save('pairs.csv', 'text/csv', csv(this.csvRows(members))));
    add('Close the list', () => {
      this.box.hidden = true;
      this.histogram.plot.focus();
    });
    return row;
  }

  csvRows(members) {
    const { pairs } = this.explorer.data;
    const rows = members.map((pair) => [
      pairs.distance[pair], pairs.same[pair] ? 'same' : 'different', this.name(pair, 0), this.name(pair, 1),
    ]);
    return [['distance', 'label', 'first image', 'second image'], ...rows];
  }

  name(pair, side) {
    const { pairs } = this.explorer.data;
    if (!pairs.identities) return `pair ${pairs.number[pair]}`;
    const name = pairs.names[pairs.identities[side][pair]];
    return pairs.images ? `${name} ${pairs.images[side][pair]}` : name;
  }

  addRow(body, pair, titles) {
    const { pairs } = this.explorer.data, row = body.insertRow(), same = pairs.same[pair] === 1;
    const accepted = pairs.distance[pair] < this.explorer.threshold, right = accepted === same;
    const texts = [
      pairs.distance[pair].toFixed(4), same ? 'same identity' : 'different identities',
      `${accepted ? 'accepted' : 'rejected'}, ${right ? 'correct' : 'wrong'}`, this.name(pair, 0), this.name(pair, 1),
    ];
    texts.forEach((text, i) => {
      const cell = row.insertCell();
      cell.dataset.label = titles[i];
      const image = i > 2 && pairs.thumbnail && pairs.thumbnail[i - 3][pair];
      if (i > 2 && pairs.thumbnail && image >= 0) {
        cell.append(made('img', { alt: '', src: `data:image/jpeg;base64,${pairs.thumbnails[image]}` }));
      }
      cell.append(made('span', {}, text));
    });
    row.classList.toggle('wrong', !right);
  }
}

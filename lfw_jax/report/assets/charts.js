// Charts: the values below the pointer or at the arrow keys, and markers that follow the threshold.

function made(name, attributes = {}, text = '') {
  const svg = ['g', 'path', 'circle', 'rect', 'style'].includes(name) && attributes.svg;
  const result = svg ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (key !== 'svg') result.setAttribute(key, value);
  result.textContent = text;
  return result;
}

// Position of a value between the ends of an axis, as in charts/scales.py.
function position(axis, value) {
  if (value === null) return NaN;
  if (axis.scale === 'log') return value > 0 ? Math.log(value / axis.low) / Math.log(axis.high / axis.low) : 0;
  if (axis.scale === 'linear') return (value - axis.low) / (axis.high - axis.low);
  const table = axis.table, last = table.length - 1;
  if (value <= table[0]) return 0;
  if (value >= table[last]) return 1;
  let index = table.findIndex((entry) => entry > value) - 1;
  return (index + (value - table[index]) / (table[index + 1] - table[index])) / last;
}

function written(axis, value) {
  if (value === null || Number.isNaN(value)) return '–';
  const factor = axis.percent ? 100 : 1, short = Number((factor * value).toPrecision(4));
  const text = Number.isInteger(value) && !axis.percent ? value.toLocaleString('en') : String(short);
  return axis.percent ? `${text} %` : text;
}

class Chart {
  constructor(figure) {
    this.figure = figure;
    this.name = figure.dataset.name;
    this.data = JSON.parse(figure.querySelector('.values-of-chart').textContent);
    this.drawings = [...figure.querySelectorAll('svg.chart')].map((svg) => ({
      svg,
      content: svg.querySelector('.content'),
      frame: svg.dataset.frame.split(' ').map(Number),
    }));
    this.bars = this.data.series.find((series) => series.kind === 'bars');
    this.main = this.bars || this.data.series.reduce((a, b) => (b.y.length > a.y.length ? b : a));
    this.count = this.main.y.length;
    this.index = -1;
    this.listBin = null; // set by the explorer: lists the pairs of a bar
    this.addReadout();
  }

  addReadout() {
    const plot = this.plot = this.figure.querySelector('.plot');
    this.readout = made('output', { class: 'readout' });
    plot.after(this.readout);
    plot.tabIndex = 0;
    plot.setAttribute('role', 'application');
    plot.setAttribute('aria-roledescription', 'interactive chart');
    this.explain('Values: point at the chart, or use the arrow keys.');
    plot.addEventListener('focus', () => {
      if (this.index < 0 && plot.matches(':focus-visible')) this.readout.textContent = this.hint;
    });
    plot.addEventListener('keydown', (event) => this.onKey(event));
    for (const drawing of this.drawings) {
      drawing.svg.addEventListener('pointermove', (event) => this.show(this.nearest(drawing, event)));
      drawing.svg.addEventListener('click', (event) => this.choose(this.nearest(drawing, event)));
    }
  }

  explain(hint) {
    this.hint = hint;
    this.plot.setAttribute('aria-label', `${this.data.title}. ${hint}`);
  }

  place(drawing, x, y) {
    const [left, top, width, height] = drawing.frame;
    return [left + width * position(this.data.x, x), top + height * (1 - position(this.data.y, y))];
  }

  abscissa(series, index) {
    return series.kind === 'bars' ? (series.x[index] + series.x[index + 1]) / 2 : series.x[index];
  }

  // The index in the main series that is nearest to the pointer.
  nearest(drawing, event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.svg.getScreenCTM().inverse());
    let best = 0, least = Infinity;
    for (let index = 0; index < this.count; index++) {
      const [x, y] = this.place(drawing, this.abscissa(this.main, index), this.main.y[index]);
      const vertical = this.bars || Number.isNaN(y) ? 0 : y - point.y;
      const distance = Math.hypot(x - point.x, vertical);
      if (distance < least) [best, least] = [index, distance];
    }
    return best;
  }

  onKey(event) {
    const step = this.count > 200 ? Math.round(this.count / 100) : 1;
    const moves = { ArrowRight: step, ArrowLeft: -step, PageUp: 10 * step, PageDown: -10 * step };
    let index = this.index;
    if (event.key in moves) index = Math.max(0, index) + (this.index < 0 ? 0 : moves[event.key]);
    else if (event.key === 'Home') index = 0;
    else if (event.key === 'End') index = this.count - 1;
    else if (event.key === 'Enter' && index >= 0) this.choose(index);
    else return;
    event.preventDefault();
    this.show(Math.min(Math.max(index, 0), this.count - 1));
  }

  choose(index) {
    if (this.listBin) this.listBin(index);
  }

  // The value of a series at an abscissa: that of the bar that contains it, or of the nearest point.
  at(series, x) {
    if (series.kind === 'bars') return series.y.findIndex((_, i) => series.x[i] <= x && x < series.x[i + 1]);
    const here = position(this.data.x, x);
    let best = -1, least = Infinity;
    series.x.forEach((value, index) => {
      const distance = Math.abs(position(this.data.x, value) - here);
      if (distance < least) [best, least] = [index, distance];
    });
    return best;
  }

  show(index) {
    this.index = index;
    const { x: horizontal, y: vertical, series } = this.data, x = this.abscissa(this.main, index);
    const found = series.map((one) => (one === this.main ? index : this.at(one, x)));
    const texts = [], points = [];
    series.forEach((one, i) => {
      const j = found[i];
      if (j < 0) return;
      const name = series.length > 1 && one.name ? one.name.replace(/ \([\d,]+ pairs\)$/, '') : vertical.label;
      const interval = one.low && one.high ? ` (${written(vertical, one.low[j])}–${written(vertical, one.high[j])})` : '';
      texts.push(`${name} ${written(vertical, one.y[j])}${interval}`);
      points.push([this.abscissa(one, j), one.y[j]]);
    });
    const edges = this.bars && [this.main.x[index], this.main.x[index + 1]].map((edge) => written(horizontal, edge)).join('–');
    const where = horizontal.names.length ? horizontal.names[index] : edges || written(horizontal, x);
    this.readout.textContent = `${horizontal.label} ${where}: ${texts.join('; ')}`;
    for (const drawing of this.drawings) this.drawCursor(drawing, x, points);
  }

  drawCursor(drawing, x, points) {
    const [, top, , height] = drawing.frame, [left] = this.place(drawing, x, this.data.y.low);
    const group = this.layer(drawing, 'cursors');
    group.append(made('path', { svg: 1, class: 'cursor', d: `M${left} ${top}v${height}` }));
    for (const point of points) {
      const [cx, cy] = this.place(drawing, ...point);
      if (!Number.isNaN(cy)) group.append(made('circle', { svg: 1, class: 'cursor', cx, cy, r: 4 }));
    }
  }

  layer(drawing, name) {
    drawing.content.querySelector(`.${name}`)?.remove();
    const group = made('g', { svg: 1, class: name });
    drawing.content.append(group);
    return group;
  }

  // Moves the marker of this chart to a threshold and its rates.
  follow(threshold, fmr, fnmr) {
    const points = { 'fmr-tmr': [fmr, 1 - fnmr], 'fmr-fnmr': [fmr, fnmr], threshold: [threshold, this.data.y.low] };
    const point = points[this.data.follows];
    for (const drawing of this.drawings) {
      const group = this.layer(drawing, 'followers'), [x, y] = this.place(drawing, ...point);
      if (this.data.follows === 'threshold') {
        const [, top, , height] = drawing.frame;
        group.append(made('path', { svg: 1, class: 'current', d: `M${x} ${top}v${height}` }));
      } else group.append(made('circle', { svg: 1, class: 'current', cx: x, cy: y, r: 6 }));
      group.dataset.values = JSON.stringify(point);
    }
  }
}

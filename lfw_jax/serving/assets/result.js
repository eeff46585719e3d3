// The answer: the decision in words, the distance in the histogram of the test pairs, and the slider of false match rates.

import { made } from './photos.js';

const SVG = 'http://www.w3.org/2000/svg';
const CERTAIN = 0.999; // a probability is not stated more precisely

export function percent(share) {
  const value = 100 * share;
  const digits = value >= 10 || value === 0 ? 1 : Math.min(6, 1 - Math.floor(Math.log10(value)));
  return `${Number(value.toFixed(digits))} %`;
}

function oneIn(rate) {
  return rate > 0 ? `1 false match in ${Math.round(1 / rate).toLocaleString('en')} comparisons` : 'no false match';
}

function likely(probability) {
  if (probability > CERTAIN) return `above ${percent(CERTAIN)}`;
  return probability < 1 - CERTAIN ? `below ${percent(1 - CERTAIN)}` : percent(probability);
}

function drawn(tag, attributes, text = '') {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

// Lines of the threshold and of the distance in one drawing of the histogram.
class Marks {
  constructor(svg, range) {
    this.range = range;
    [this.left, this.top, this.width, this.height] = svg.dataset.frame.split(' ').map(Number);
    this.font = Number(svg.getAttribute('font-size'));
    this.group = drawn('g', { 'aria-hidden': 'true' });
    svg.append(this.group);
  }

  draw(threshold, distance) {
    const other = distance ?? threshold + 1;
    this.group.replaceChildren(...this.mark(threshold, 'threshold', `threshold ${threshold.toFixed(2)}`, 1, threshold < other));
    if (distance !== null) this.group.append(...this.mark(distance, 'distance', `these photos ${distance.toFixed(2)}`, 2.6, distance <= threshold));
  }

  // The text of the smaller value stands on the left, that of the larger one on the right, where there is room.
  mark(value, kind, text, line, smaller) {
    const [low, high] = this.range, share = Math.min(Math.max((value - low) / (high - low), 0), 1);
    const x = this.left + this.width * share, bottom = this.top + this.height, left = smaller ? share > 0.4 : share > 0.65;
    const parts = [drawn('path', { class: `mark ${kind}`, d: `M${x} ${bottom}V${this.top}` })];
    if (kind === 'distance') parts.push(drawn('circle', { class: 'pin', cx: x, cy: bottom, r: 0.5 * this.font }));
    parts.push(drawn('text', {
      class: `mark-text ${kind}`, x: x + (left ? -8 : 8), y: this.top + line * this.font, 'text-anchor': left ? 'end' : 'start',
    }, text));
    return parts;
  }
}

export class Answer {
  constructor(about) {
    this.curve = about.curve;
    this.found = null;
    this.moved = () => {}; // called with the threshold
    this.verdict = document.getElementById('verdict');
    this.slider = document.getElementById('rate');
    this.text = document.getElementById('rate-text');
    this.rates = document.getElementById('rates');
    const figure = document.getElementById('distances');
    for (const text of about.charts) {
      figure.append(document.importNode(new DOMParser().parseFromString(text.replace('<svg ', `<svg xmlns="${SVG}" `), 'image/svg+xml').documentElement, true));
    }
    figure.append(made('figcaption', {}, 'Both kinds of test pairs at their distances: the more they overlap, the more a decision can be wrong.'));
    this.marks = [...figure.querySelectorAll('svg.chart')].map((svg) => new Marks(svg, about.range));
    this.slider.max = this.curve.length - 1;
    this.slider.value = Math.max(0, this.curve.findIndex((point) => point.target_rate <= about.fmr * (1 + 1e-9)));
    this.slider.addEventListener('input', () => this.move());
    this.move();
  }

  get point() {
    return this.curve[this.slider.valueAsNumber];
  }

  say(text, kind) {
    this.found = null;
    this.verdict.replaceChildren(made('p', kind === 'problem' ? { class: kind, role: 'alert' } : { class: kind }, text));
    this.move();
  }

  show(found) {
    this.found = found;
    this.move();
  }

  move() {
    const { point } = this, target = `at most ${oneIn(point.target_rate)} of different identities`;
    this.slider.setAttribute('aria-valuetext', `${percent(point.target_rate)}: ${target}`);
    this.text.textContent = `${percent(point.target_rate)}: ${target}, on identities held out from training.`;
    const rows = [
      ['Threshold', point.threshold.toFixed(3), 'smaller distances count as the same identity'],
      ['False match rate (FMR)', percent(point.false_match_rate), `on test images; 95 % interval ${this.interval(point.false_match_rate_interval)}`],
      ['False non-match rate (FNMR)', percent(point.false_non_match_rate), `on test images; 95 % interval ${this.interval(point.false_non_match_rate_interval)}`],
    ];
    this.rates.replaceChildren(...rows.map(([name, value, note]) => made('div', {},
      made('dt', {}, name), made('dd', { class: 'value' }, value), made('dd', { class: 'note' }, note))));
    for (const marks of this.marks) marks.draw(point.threshold, this.found ? this.found.distance : null);
    if (this.found) this.decide();
    this.moved(point.threshold);
  }

  interval([low, high]) {
    return `${percent(low)} to ${percent(high)}`;
  }

  decide() {
    const { found, point } = this, same = found.distance < point.threshold;
    const words = made('div', {}, made('h3', {}, same ? 'Same identity' : 'Different identities'));
    words.append(made('p', {}, 'The distance ', made('strong', {}, found.distance.toFixed(3)), ` is ${same ? 'below' : 'not below'} the threshold ${point.threshold.toFixed(3)}.`));
    words.append(made('p', {}, 'Probability of one identity: ', made('strong', {}, likely(found.probability)), ', if both answers were equally likely before.'));
    if (found.probability >= 0.5 !== same) {
      words.append(made('p', { class: 'muted' }, same
        ? 'The evidence speaks against one identity; this lenient rate accepts it all the same.'
        : 'The evidence speaks for one identity, but not strongly enough for this strict rate.'));
    }
    const crop = (photo, name) => made('img', { src: photo.crop, alt: `Aligned face of the ${name} photo` });
    const sign = made('span', { class: 'sign', 'aria-hidden': 'true' }, same ? '=' : '≠');
    const crops = made('div', { class: 'crops' }, crop(found.first, 'first'), sign, crop(found.second, 'second'));
    this.verdict.replaceChildren(made('div', { class: `verdict ${same ? 'same' : 'different'}` }, crops, words));
  }
}

export function hitsOf(found, threshold) {
  const list = made('ol', { class: 'hits' });
  for (const hit of found.hits) {
    const same = hit.distance < threshold, name = hit.identity || hit.source, file = hit.source.split('/').at(-1);
    const picture = hit.picture ? made('img', { src: hit.picture, alt: `Hit ${hit.rank}: ${name}` }) : made('div', { class: 'none' }, 'no picture');
    const lines = [same ? 'same identity' : 'different identity', `distance ${hit.distance.toFixed(3)}`, `probability ${likely(hit.probability)}`];
    list.append(made('li', { class: same ? 'hit same' : 'hit' }, picture, made('div', {}, made('b', {}, name),
      ...lines.map((line) => made('span', {}, line)), ...(hit.identity ? [made('small', {}, file)] : []))));
  }
  return list;
}

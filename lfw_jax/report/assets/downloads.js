// Downloads: the values of a chart as CSV, and the chart as SVG and PNG in its light colours.

const PIXELS_PER_UNIT = 3;

function save(name, type, content) {
  const link = made('a', { download: name, href: URL.createObjectURL(new Blob([content], { type })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function csv(rows) {
  const cell = (value) => {
    const text = value === null || value === undefined ? '' : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(',') + '\r\n').join('');
}

function chartRows({ x, y, series }) {
  const bars = series.some((one) => one.kind === 'bars'), intervals = series.some((one) => one.low);
  const named = x.names.length > 0;
  const abscissas = bars && !named ? [`${x.label} from`, `${x.label} to`] : [x.label];
  const rows = [['series', ...abscissas, y.label, ...(intervals ? ['low', 'high'] : [])]];
  for (const one of series) {
    one.y.forEach((value, i) => {
      const place = named ? [x.names[i]] : bars ? [one.x[i], one.kind === 'bars' ? one.x[i + 1] : one.x[i]] : [one.x[i]];
      rows.push([one.name, ...place, value, ...(intervals ? [one.low?.[i], one.high?.[i]] : [])]);
    });
  }
  return rows;
}

// The chart as a file of its own: the light colours of the style sheet take the place of its variables.
function standalone(chart) {
  const { svg } = chart.drawings[0], copy = svg.cloneNode(true), [, , width, height] = svg.getAttribute('viewBox').split(' ');
  copy.querySelector('.cursors')?.remove();
  const source = document.getElementById('chart-style').textContent;
  const colours = Object.fromEntries([...source.matchAll(/(--[\w-]+):\s*([^;]+);/g)].map(([, name, value]) => [name, value]));
  const style = source.replace(/--[\w-]+:\s*[^;]+;/g, '').replace(/var\((--[\w-]+)\)/g, (_, name) => colours[name]);
  const ground = made('rect', { svg: 1, width, height, fill: colours['--chart-ground'] });
  copy.prepend(made('style', { svg: 1 }, style), ground);
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', width);
  copy.setAttribute('height', height);
  return new XMLSerializer().serializeToString(copy);
}

function savePng(chart) {
  const [, , width, height] = chart.drawings[0].svg.getAttribute('viewBox').split(' ').map(Number);
  const url = URL.createObjectURL(new Blob([standalone(chart)], { type: 'image/svg+xml' })), image = new Image();
  image.onload = () => {
    const canvas = made('canvas', { width: Math.round(PIXELS_PER_UNIT * width), height: Math.round(PIXELS_PER_UNIT * height) });
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(url);
    canvas.toBlob((blob) => save(`${chart.name}.png`, 'image/png', blob));
  };
  image.src = url;
}

function addDownloads(chart) {
  const tools = made('div', { class: 'tools', role: 'group', 'aria-label': `Download “${chart.data.title}”` });
  const kinds = {
    CSV: () => save(`${chart.name}.csv`, 'text/csv', csv(chartRows(chart.data))),
    SVG: () => save(`${chart.name}.svg`, 'image/svg+xml', standalone(chart)),
    PNG: () => savePng(chart),
  };
  for (const [kind, action] of Object.entries(kinds)) {
    const button = made('button', { type: 'button', 'aria-label': `${kind}: download “${chart.data.title}”` }, kind);
    button.addEventListener('click', action);
    tools.append(button);
  }
  chart.figure.querySelector('figcaption').after(tools);
}

// Tables: sorted by the column whose heading is pressed; a second time in the other direction.

function sortKey(text) {
  const number = Number.parseFloat(text.replaceAll(',', '').replace('−', '-'));
  return Number.isNaN(number) ? null : number;
}

function compareCells(a, b) {
  const [x, y] = [sortKey(a), sortKey(b)];
  if (x !== null && y !== null) return x - y;
  return a.localeCompare(b, 'en', { numeric: true });
}

function sortTable(table, column, direction) {
  const body = table.tBodies[0], sign = direction === 'ascending' ? 1 : -1;
  const text = (row) => row.cells[column].textContent.trim();
  const rows = [...body.rows].sort((a, b) => {
    const [x, y] = [text(a), text(b)];
    // A missing value comes last in both directions.
    if (x === '–' || y === '–') return (x === '–') - (y === '–');
    return sign * compareCells(x, y);
  });
  body.append(...rows);
  [...table.tHead.rows[0].cells].forEach((cell, i) => {
    if (i === column) cell.setAttribute('aria-sort', direction);
    else cell.removeAttribute('aria-sort');
  });
}

function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((cell, column) => {
    if (!cell.textContent.trim()) return;
    const button = made('button', { type: 'button', title: 'Sort by this column' }, cell.textContent.trim());
    button.addEventListener('click', () => {
      sortTable(table, column, cell.getAttribute('aria-sort') === 'ascending' ? 'descending' : 'ascending');
    });
    cell.replaceChildren(button);
  });
}

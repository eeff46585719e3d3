// What the script adds to a page that is complete without it.

const charts = [...document.querySelectorAll('figure.interactive')].map((figure) => new Chart(figure));
charts.forEach(addDownloads);
document.querySelectorAll('table.sortable').forEach(makeSortable);
document.querySelectorAll('.explorer').forEach((root) => new Explorer(root, charts));

// A table that is wider than the window can be scrolled by keyboard.
const tableWidths = new ResizeObserver((entries) => {
  for (const { target } of entries) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
});
document.querySelectorAll('.scroll').forEach((box) => tableWidths.observe(box));

// What the script adds to a page that is complete without it.

const charts = [...document.querySelectorAll('figure.interactive')].map((figure) => new Chart(figure));
charts.forEach(addDownloads);
document.querySelectorAll('table.sortable').forEach(makeSortable);
document.querySelectorAll('.explorer').forEach((root) => new Explorer(root, charts));

// Puts the page together, and again whenever the choice of a workload, the width, the colours or the medium changes.

const report = JSON.parse(document.getElementById('data').textContent);

const chosenWorkload = () => document.getElementById('workload').value;
const measuredCells = () =>
    report.cells.filter((cell) => cell.status === 'measured' && cell.comparable === chosenWorkload());

function summaryText() {
  const count = (status) => report.cells.filter((cell) => cell.status === status).length;
  const experiments = [...new Set(report.cells.map((cell) => cell.experiment))];
  return plural(count('measured'), 'cell') + ' measured, ' + count('skipped') + ' skipped, ' + count('failed') +
      ' failed, of ' + plural(report.schemes.length, 'scheme') + '. ' +
      (experiments.length > 1 ? 'Experiments: ' : 'Experiment: ') + experiments.join(', ') + '. From ' +
      report.files.join(', ') + '.';
}

function addHeader() {
  document.getElementById('summary').textContent = summaryText();
  const wrong = report.cells.filter((cell) => cell.wrong_rows > 0).length;
  const notes = [...report.notes];
  if (wrong > 0) notes.unshift(plural(wrong, 'cell') + ' returned wrong rows: do not trust a figure of theirs.');
  const list = document.getElementById('notes');
  list.hidden = notes.length === 0;
  list.replaceChildren(...notes.map((note) => {
    const item = document.createElement('li');
    item.textContent = note;
    return item;
  }));
}

function addWorkloads() {
  const choice = document.getElementById('workload');
  const measured = report.cells.filter((cell) => cell.status === 'measured');
  choice.append(...byWorkload(measured.length > 0 ? measured : report.cells).map((group) => new Option(group.name)));
}

// Paper has one width and light colours, and shows what is folded away on a screen.
function preparePrint(show) {
  for (const details of document.querySelectorAll('main details')) {
    details.open = true;
    details.dataset.opened = 'print';
  }
  document.documentElement.classList.add('printing');
  show();
}

function leavePrint(show) {
  for (const details of document.querySelectorAll('details[data-opened]')) {
    details.open = false;
    delete details.dataset.opened;
  }
  document.documentElement.classList.remove('printing');
  show();
}

function nameWorkloads() {
  const several = distinctMachines().length > 1;
  for (const cell of report.cells) cell.comparable = workloadName(cell, several);
}

function main() {
  nameWorkloads();
  addHeader();
  addWorkloads();
  const parts = [addPareto(), addDay(), addBatch(), addPredicted()];
  addTables();
  const show = () => parts.forEach((part) => part());
  show();
  document.getElementById('workload').addEventListener('change', show);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', show);
  addEventListener('beforeprint', () => preparePrint(show));
  addEventListener('afterprint', () => leavePrint(show));
  let width = document.body.clientWidth;
  addEventListener('resize', () => {
    if (document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    show();
  });
  document.documentElement.dataset.drawn = 'true';
}

main();

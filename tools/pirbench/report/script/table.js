// Tables. Cells are text, never markup: their words come from result lines.

function cellElement(kind, text, column) {
  const element = document.createElement(kind);
  element.textContent = text;
  if (column.text) element.classList.add('text');
  if (column.long) element.classList.add('long');
  return element;
}

function rowElement(row, columns) {
  const element = document.createElement('tr');
  for (const column of columns) {
    const value = column.of(row);
    const cell = cellElement('td', value, column);
    if (column.bad && column.bad(row)) cell.classList.add('bad');
    element.append(cell);
  }
  return element;
}

// columns: {name, of(row), text, long, bad(row)}; groups: {name, rows}. A group without a name has no heading.
function fillTable(host, columns, groups, nothing) {
  const rows = groups.reduce((sum, group) => sum + group.rows.length, 0);
  host.dataset.rows = rows;
  if (rows === 0) {
    const note = document.createElement('p');
    note.className = 'faint';
    note.textContent = nothing;
    return host.replaceChildren(note);
  }
  const table = document.createElement('table'), head = table.createTHead().insertRow();
  for (const column of columns) {
    const heading = cellElement('th', column.name, column);
    heading.scope = 'col';
    head.append(heading);
  }
  for (const group of groups.filter((g) => g.rows.length > 0)) {
    const body = table.createTBody();
    if (group.name) {
      const heading = document.createElement('th');
      heading.className = 'group';
      heading.colSpan = columns.length;
      heading.scope = 'rowgroup';
      heading.textContent = group.name;
      body.insertRow().append(heading);
    }
    body.append(...group.rows.map((row) => rowElement(row, columns)));
  }
  host.replaceChildren(table);
}

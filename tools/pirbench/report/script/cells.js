// The tables at the end: all cells, whatever workload is chosen above.

// What may be compared: the same rows, by the same code, on the same machine and as many threads.
function workloadName(cell, severalMachines) {
  const {kind, rows, row_bytes, source, seed} = cell.workload;
  const machine = severalMachines ? ' · ' + machineName(cell.machine) : '';
  const threads = cell.threads > 1 ? ' · ' + plural(cell.threads, 'thread') : '';
  return kind + ', ' + countText(rows) + ' rows of ' + countText(row_bytes) + ' B · ' + source +
      (source === 'generated' ? ' from seed ' + seed : '') + threads + machine;
}

function machineName(machine) {
  const hardware = machine.label || machine.cpu + ', ' + plural(machine.cores, 'core');
  return hardware + ', ' + machine.kernel_target + ', ' + machine.commit;
}

function distinctMachines() {
  return [...new Map(report.cells.map((cell) => [JSON.stringify(cell.machine), cell.machine])).values()];
}

function cellName(cell) {
  return geometryName(cell) + (cell.batch > 1 ? ', ' + cell.batch + ' at once' : '');
}

function bitsText(scheme) {
  if (!scheme.classical_bits) return 'nothing is encrypted';
  return bitsNumber(scheme.classical_bits) + ' bits, quantum ' + bitsNumber(scheme.quantum_bits);
}

// What identifies a cell within its workload.
function cellColumns(cellOf) {
  return [
    {name: 'scheme', of: (row) => cellOf(row).scheme.name, text: true},
    {name: 'parts', of: (row) => countText(cellOf(row).geometry.parts)},
    {
      name: 'partition',
      of: (row) => (cellOf(row).geometry.parts > 1 ? cellOf(row).geometry.partition : kMissing),
      text: true
    },
    {name: 'at once', of: (row) => countText(cellOf(row).batch)},
  ];
}

function byWorkload(cells) {
  const groups = new Map();
  for (const cell of cells) {
    const name = cell.comparable;
    if (!groups.has(name)) groups.set(name, {name, rows: []});
    groups.get(name).rows.push(cell);
  }
  return [...groups.values()];
}

function measuredTable(cells) {
  fillTable(
      document.querySelector('#cells .measured'),
      [
        ...cellColumns((cell) => cell),
        {name: 'request', of: (cell) => bytesText(cell.bytes.request.measured)},
        {name: 'answer', of: (cell) => bytesText(cell.bytes.answer.measured)},
        {name: 'statics', of: (cell) => bytesText(cell.bytes.statics.measured)},
        {name: 'server memory', of: (cell) => bytesText(cell.bytes.server_memory.measured)},
        {name: 'rows of a query', of: (cell) => countText(cell.rows_fetched)},
        {name: 'setup', of: (cell) => spreadText(cell.seconds.setup)},
        {name: 'answer, whole batch', of: (cell) => spreadText(cell.seconds.answer)},
        {name: 'client\'s query', of: (cell) => spreadText(cell.seconds.client_query)},
        {name: 'client\'s recovery', of: (cell) => spreadText(cell.seconds.client_recover)},
        {name: 'peak memory', of: (cell) => bytesText(cell.peak_memory_bytes)},
        {name: 'queries', of: (cell) => countText(cell.queries)},
        {name: 'wrong rows', of: (cell) => countText(cell.wrong_rows), bad: (cell) => cell.wrong_rows > 0},
      ],
      byWorkload(cells), 'Nothing was measured.');
}

function costTable(cells) {
  fillTable(
      document.querySelector('#cells .costs'),
      [
        ...cellColumns((cell) => cell),
        {name: 'bytes per row returned', of: (cell) => bytesText(cell.figures.bytes_per_row)},
        {name: 'statics per row returned', of: (cell) => bytesText(cell.figures.statics_per_row)},
        {name: 'server CPU per row', of: (cell) => secondsText(cell.figures.server_seconds_per_row)},
        {name: 'a query over the link', of: (cell) => secondsText(cell.figures.link_seconds)},
        {name: 'its statics, once', of: (cell) => secondsText(cell.figures.link_statics_seconds)},
        {name: 'price of 1,000,000 rows', of: (cell) => plainText(cell.figures.price_per_million_rows)},
        {name: 'security', of: (cell) => bitsText(cell.scheme), text: true},
      ],
      byWorkload(cells), 'Nothing was measured.');
}

function costNote(cells) {
  const assumed = new Set(cells.map(
      (cell) => bytesText(cell.link.bytes_per_s) + '/s and a round trip of ' + secondsText(cell.link.round_trip_s) +
          '; a core\'s hour at ' + cell.prices.cpu_hour + ', a gigabyte at ' + cell.prices.gigabyte));
  return 'Over a link of ' + [...assumed].join(', or ') +
      ', in whatever money the experiment says. Prices hold the server\'s CPU ' +
      'and the traffic, not statics. Per row of all that a query returns.';
}

function unmeasuredTable() {
  const cells = report.cells.filter((cell) => cell.status !== 'measured');
  fillTable(
      document.querySelector('#cells .unmeasured'),
      [
        ...cellColumns((cell) => cell),
        {name: 'outcome', of: (cell) => cell.status, text: true, bad: (cell) => cell.status === 'failed'},
        {name: 'reason', of: (cell) => cell.reason || 'none given', text: true, long: true},
      ],
      byWorkload(cells), 'Every cell was measured.');
}

function schemeTable() {
  const unique = new Map(report.cells.map((cell) => [JSON.stringify(cell.scheme), cell.scheme]));
  const yes = (flag) => (flag ? 'yes' : 'no');
  fillTable(
      document.querySelector('#schemes .table'),
      [
        {name: 'scheme', of: (s) => s.name, text: true},
        {name: 'parameters', of: (s) => s.parameters || kMissing, text: true},
        {name: 'trust', of: (s) => s.trust, text: true},
        {name: 'links sessions', of: (s) => yes(s.links_sessions), text: true},
        {name: 'shows how many', of: (s) => yes(s.reveals_volume), text: true},
        {name: 'shows which', of: (s) => yes(s.reveals_messages), text: true},
        {name: 'what it says of its leakage', of: (s) => s.leakage_note || kMissing, text: true, long: true},
        {name: 'bits, classical', of: (s) => bitsNumber(s.classical_bits)},
        {name: 'quantum', of: (s) => bitsNumber(s.quantum_bits)},
        {name: 'model of the attack', of: (s) => s.security_model || 'nothing is encrypted', text: true, long: true},
      ],
      [{rows: [...unique.values()]}], '');
}

function machineTable() {
  fillTable(
      document.querySelector('#machines .table'),
      [
        {name: 'label', of: (m) => m.label || kMissing, text: true},
        {name: 'processor', of: (m) => m.cpu, text: true, long: true},
        {name: 'cores', of: (m) => countText(m.cores)},
        {name: 'memory', of: (m) => bytesText(m.memory_bytes)},
        {name: 'kernels', of: (m) => m.kernel_target, text: true},
        {name: 'commit', of: (m) => m.commit, text: true},
      ],
      [{rows: distinctMachines()}], '');
}

function addTables() {
  const cells = report.cells.filter((cell) => cell.status === 'measured');
  document.getElementById('cost-note').textContent = cells.length > 0 ? costNote(cells) : '';
  measuredTable(cells);
  costTable(cells);
  unmeasuredTable();
  schemeTable();
  machineTable();
}

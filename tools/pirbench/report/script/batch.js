// What a server saves by answering several queries at once.

const geometryName = (cell) => cell.scheme.name +
    (cell.geometry.parts > 1 ? ', ' + plural(cell.geometry.parts, 'part') + ' ' + cell.geometry.partition : '');

// Cells that differ in their batch alone, smallest first.
function batchGroups() {
  const groups = new Map();
  for (const cell of measuredCells()) {
    const name = geometryName(cell);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(cell);
  }
  for (const cells of groups.values()) cells.sort((a, b) => a.batch - b.batch);
  return groups;
}

// Geometries of one scheme share its colour; the shape tells them apart.
function batchLook(name, groups) {
  const scheme = groups.get(name)[0].scheme.name;
  const siblings = [...groups.keys()].filter((other) => groups.get(other)[0].scheme.name === scheme);
  const place = siblings.indexOf(name), look = schemeLook(scheme);
  return {
    colour: look.colour,
    shape: kShapes[(kShapes.indexOf(look.shape) + place) % kShapes.length],
    dash: kDashes[(kDashes.indexOf(look.dash) + place) % kDashes.length],
  };
}

function batchMark(cell, name, look) {
  const answer = cell.seconds.answer;
  return {
    x: cell.batch,
    y: cell.figures.server_seconds_per_query,
    low: answer.low / cell.batch,
    high: answer.high / cell.batch,
    colour: look.colour,
    shape: look.shape,
    radius: 4.5,
    tip: {
      title: name,
      rows: [
        ['queries at once', countText(cell.batch)],
        ['CPU per query', secondsText(cell.figures.server_seconds_per_query)], ['whole batch', spreadText(answer)],
        ['samples', countText(answer.samples)]
      ]
    },
  };
}

function describeBatch() {
  const groups = batchGroups(), marks = [], lines = [];
  for (const [name, cells] of groups) {
    const look = batchLook(name, groups);
    marks.push(...cells.map((cell) => batchMark(cell, name, look)));
    const positive = cells.filter((cell) => cell.figures.server_seconds_per_query > 0);
    lines.push({
      label: name,
      x: positive.map((c) => c.batch),
      y: positive.map((c) => c.figures.server_seconds_per_query),
      ...look,
      shape: undefined
    });
  }
  const batches = [...new Set(marks.map((mark) => mark.x))].sort((a, b) => a - b);
  return {
    x: {label: 'queries at once', format: tickCount, ticks: batches, pad: 1.3},
    y: {label: 'server CPU per query', format: tickSeconds},
    marks,
    lines: lines.filter((line) => line.x.length > 1),
    empty: 'Nothing of this workload is measured.',
  };
}

function batchTable() {
  fillTable(
      document.querySelector('#batch .table'),
      [
        ...cellColumns((cell) => cell),
        {name: 'CPU per query', of: (cell) => secondsText(cell.figures.server_seconds_per_query)},
        {name: 'CPU of the batch', of: (cell) => spreadText(cell.seconds.answer)},
        {name: 'samples', of: (cell) => countText(cell.seconds.answer.samples)},
      ],
      [{rows: [...batchGroups().values()].flat()}], 'Nothing of this workload is measured.');
}

function addBatch() {
  const chart = addChart(document.querySelector('#batch .chart'), describeBatch);
  return () => {
    redraw(chart);
    const groups = batchGroups();
    fillLegend(
        document.querySelector('#batch .legend'),
        [...groups.keys()].map((name) => ({look: batchLook(name, groups), text: name})));
    batchTable();
  };
}

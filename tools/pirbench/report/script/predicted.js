// Predictions beside measurements: a model that is off shows here first.

const kByteFigures =
    [['request', 'circle'], ['answer', 'square'], ['statics', 'diamond'], ['server_memory', 'triangle']];
const kSecondFigures = [
  ['setup', 'circle'], ['answer', 'square'], ['client', 'diamond'], ['client_query', 'triangle'],
  ['client_recover', 'down']
];
const kFigureNames = {
  request: 'request',
  answer: 'answer',
  statics: 'statics',
  server_memory: 'server memory',
  setup: 'setup',
  client: 'client',
  client_query: 'client\'s query',
  client_recover: 'client\'s recovery'
};

const bothKnown = (figure) => figure && typeof figure.measured === 'number' && typeof figure.predicted === 'number';

function predictionMarks(group, figures, format) {
  const marks = [];
  for (const cell of measuredCells()) {
    for (const [name, shape] of figures) {
      const figure = cell[group][name];
      if (!bothKnown(figure) || !(figure.measured > 0) || !(figure.predicted > 0)) continue;
      marks.push({
        x: figure.predicted,
        y: figure.measured,
        shape,
        radius: 5,
        colour: schemeLook(cell.scheme.name).colour,
        tip: {
          title: cellName(cell),
          rows: [
            ['what', kFigureNames[name]], ['predicted', format(figure.predicted)],
            ['measured', format(figure.measured)], ['ratio', digits(figure.measured / figure.predicted)]
          ]
        }
      });
    }
  }
  return marks;
}

function describePredicted(group, figures, format, tick) {
  const marks = predictionMarks(group, figures, format);
  const bounds = logBounds(marks.flatMap((mark) => [mark.x, mark.y]), 2.5);
  return {
    x: {label: 'predicted', format: tick, bounds},
    y: {label: 'measured', format: tick, bounds},
    marks,
    lines: marks.length > 0 ? [{label: 'equal', x: bounds, y: bounds, colour: '--faint', width: 1.5, dash: [6, 4]}] :
                              [],
    height: 400,
    empty: 'Nothing of this workload was both predicted and measured.',
  };
}

function ratioText(figure) {
  if (!bothKnown(figure)) return kMissing;
  if (figure.predicted === 0) return figure.measured === 0 ? 'both 0' : 'predicted 0';
  return digits(figure.measured / figure.predicted);
}

// Bytes follow from the geometry. A scheme may send less than its bound, as cursor does; more is a fault.
const exceeds = (figure) => bothKnown(figure) && figure.measured > figure.predicted + 0.5;

function ratioTable() {
  const used = (group) => ([name]) => report.cells.some((cell) => bothKnown(cell[group][name]));
  fillTable(
      document.querySelector('#predicted .ratios'),
      [
        ...cellColumns((cell) => cell),
        ...kByteFigures.filter(used('bytes')).map(([name]) => ({
                                                    name: kFigureNames[name] + ', B',
                                                    of: (cell) => ratioText(cell.bytes[name]),
                                                    bad: (cell) =>
                                                        name !== 'server_memory' && exceeds(cell.bytes[name]),
                                                  })),
        ...kSecondFigures.filter(used('seconds')).map(([name]) => ({
                                                        name: kFigureNames[name] + ', s',
                                                        of: (cell) => ratioText(cell.seconds[name]),
                                                      })),
      ],
      [{rows: measuredCells()}], 'Nothing of this workload is measured.');
}

function predictedLegend() {
  const schemes = [...new Set(measuredCells().map((cell) => cell.scheme.name))];
  const shapes = new Map();
  for (const [group, figures] of [['bytes', kByteFigures], ['seconds', kSecondFigures]]) {
    for (const [name, shape] of figures) {
      if (!measuredCells().some((cell) => bothKnown(cell[group][name]))) continue;
      shapes.set(shape, [...(shapes.get(shape) || []), kFigureNames[name]]);
    }
  }
  fillLegend(document.querySelector('#predicted .legend'), [
    ...schemes.map((name) => ({look: {colour: schemeLook(name).colour, dash: [], width: 6}, text: name})),
    ...[...shapes].map(([shape, names]) => ({look: {colour: '--faint', shape}, text: [...new Set(names)].join(', ')})),
    {look: {colour: '--faint', width: 1.5, dash: [6, 4]}, text: 'as predicted'},
  ]);
}

function addPredicted() {
  const added = [
    addChart(
        document.querySelector('#predicted .chart.bytes'),
        () => describePredicted('bytes', kByteFigures, bytesText, tickBytes)),
    addChart(
        document.querySelector('#predicted .chart.seconds'),
        () => describePredicted('seconds', kSecondFigures, secondsText, tickSeconds)),
  ];
  return () => {
    added.forEach(redraw);
    predictedLegend();
    ratioTable();
  };
}

// A client's day: pir::mobile_day() as computed when the report was made; nothing is computed here.

function dayLook(scheme) {
  return scheme === null ? {colour: '--ink', width: 2.5, dash: [3, 3]} :
                           {width: 2, ...schemeLook(scheme), shape: undefined};
}

const drawnCurves = () => report.day.curves.filter((curve) => !curve.is_full_send && curve.bytes.length > 0);

function dayLines() {
  const rates = report.day.records_per_day;
  return [
    {label: 'full send', x: rates, y: report.day.full_send, ...dayLook(null)},
    ...drawnCurves().map(
        (curve) =>
            ({label: curve.scheme, x: rates.slice(0, curve.bytes.length), y: curve.bytes, ...dayLook(curve.scheme)})),
  ];
}

function dayTip(u) {
  const index = u.cursor.idx;
  if (index === null || index === undefined) return null;
  const rows = dayLines().map((line, i) => [line.label, bytesText(u.data[i + 1][index])]);
  return {title: countText(u.data[0][index]) + ' records a day', rows};
}

function crossoverMarks() {
  const rates = report.day.records_per_day;
  return drawnCurves()
      .filter((c) => c.crossover !== null && c.crossover >= rates[0] && c.crossover <= rates[rates.length - 1])
      .map((curve) => ({
             x: curve.crossover,
             y: curve.crossover_bytes,
             ...schemeLook(curve.scheme),
             radius: 6,
             strong: true,
             below: true,  // the curve goes on beside it, full send above
             label: curve.scheme + ' from ' + countText(curve.crossover),
             tip: {
               title: curve.scheme,
               rows: [
                 ['pays from', countText(curve.crossover) + ' records a day'],
                 ['bytes a day there', bytesText(curve.crossover_bytes)]
               ]
             },
           }));
}

function describeDay() {
  return {
    x: {label: 'records a day, of the whole server', format: tickCount, pad: 1},
    y: {label: 'bytes a day, of one client', format: tickBytes, pad: 1.5},
    lines: dayLines(),
    marks: crossoverMarks(),
    tip: dayTip,
    height: 440,
  };
}

function dayNotes() {
  const notes = [];
  const same = report.day.curves.filter((c) => c.is_full_send).map((c) => c.scheme);
  if (same.length > 0) notes.push('Not drawn, as they move what full send moves: ' + same.join(', ') + '.');
  for (const curve of report.day.curves.filter((c) => c.end !== '')) {
    const last = report.day.records_per_day[curve.bytes.length - 1];
    notes.push(
        curve.scheme + (last === undefined ? ' has no curve: ' : ' ends at ' + countText(last) + ' records a day: ') +
        curve.end + '.');
  }
  return notes.join(' ');
}

function planText() {
  const plan = report.day.plan;
  return 'One curve for each scheme: everything a client moves in a day under a schedule that is the same for everybody. ' +
      plan.polls_per_day + ' polls over the newest ' + plan.windows + ' windows, each with its statics and ' +
      plan.vectors + ' queries of ' + Math.floor(plan.slots / plan.vectors) +
      ' parts, a daily catch-up over the day before in ' + plan.catchup_parts + ' parts, and the whole index (' +
      plan.index_bytes_per_record + ' B a record). Full send is every record (' + countText(plan.record_bytes) +
      ' B) once.';
}

function crossoverText(curve) {
  if (curve.is_full_send) return 'is full send';
  return curve.crossover === null ? 'never' : countText(curve.crossover);
}

function dayTables() {
  fillTable(
      document.querySelector('#day .crossovers'),
      [
        {name: 'scheme', of: (c) => c.scheme, text: true},
        {
          name: 'moves less than full send from',
          of: (c) => crossoverText(c) + (c.crossover !== null && !c.is_full_send ? ' records a day' : '')
        },
        {name: 'bytes a day there', of: (c) => (c.is_full_send ? kMissing : bytesText(c.crossover_bytes))},
      ],
      [{rows: report.day.curves}], 'No scheme of these results is known to this build.');
  const rates = report.day.records_per_day;
  // Two places a decade are enough to read.
  const places = rates.map((_, index) => index).filter((index) => index % 10 === 0);
  fillTable(
      document.querySelector('#day .curve'),
      [
        {name: 'records a day', of: (i) => countText(rates[i])},
        {name: 'full send', of: (i) => bytesText(report.day.full_send[i])},
        ...report.day.curves.map((curve) => ({name: curve.scheme, of: (i) => bytesText(curve.bytes[i])})),
      ],
      [{rows: places}], '');
}

function addDay() {
  document.getElementById('day-plan').textContent = planText();
  document.getElementById('day-note').textContent = dayNotes();
  const chart = addChart(document.querySelector('#day .chart'), describeDay);
  dayTables();
  return () => {
    redraw(chart);
    const lines = dayLines();
    fillLegend(document.querySelector('#day .legend'), lines.map((line) => ({look: line, text: line.label})));
  };
}

// Traffic against work: one mark per measured cell of the chosen workload.

const kWantedChoices = [16, 1, 256, 0];  // rows of one database; 0: as many as a query returns
const kFront = {
  colour: '--ink',
  width: 1.5,
  dash: [6, 4]
};
const kFrontOfAll = {
  colour: '--faint',
  width: 1.5,
  dash: [2, 4]
};
const hiddenLeakage = new Set();

// A fetch of `wanted` rows by as few queries as can do it, divided by these rows. `spread` fetches share the statics.
function costOfRow(cell, choice) {
  const returned = cell.rows_fetched, wanted = choice.wanted || returned;
  const queries = Math.ceil(wanted / returned);
  let bytes = queries * (cell.bytes.request.measured + cell.bytes.answer.measured);
  if (choice.spread) bytes += cell.bytes.statics.measured / choice.spread;
  return {bytes: bytes / wanted, seconds: cell.figures.server_seconds_per_query * queries / wanted};
}

// Those that no other beats in one and equals or beats in the other.
function paretoFront(places) {
  return places.filter(
      (a) => !places.some(
          (b) => b.bytes <= a.bytes && b.seconds <= a.seconds && (b.bytes < a.bytes || b.seconds < a.seconds)));
}

// What a member would use who trusts nobody; the others show what that costs.
const isPrivate = (place) => place.cell.scheme.leakage === 'none' || place.cell.scheme.leakage === 'coarse';

function paretoFronts(places) {
  return {own: new Set(paretoFront(places.filter(isPrivate))), all: new Set(paretoFront(places))};
}

function paretoChoice() {
  const slider = Number(document.getElementById('pareto-fetches').value);
  const fetches = Math.round(10 ** (slider / 20));
  const spread = document.getElementById('pareto-statics').checked ? fetches : 0;
  return {wanted: Number(document.getElementById('pareto-rows').value), fetches, spread};
}

function paretoPlaces() {
  const choice = paretoChoice();
  return measuredCells()
      .filter((cell) => !hiddenLeakage.has(cell.scheme.leakage))
      .map((cell) => ({cell, ...costOfRow(cell, choice)}));
}

function paretoTip(place) {
  const cell = place.cell;
  return {
    title: cellName(cell),
    rows: [
      ['bytes per row', bytesText(place.bytes)], ['server CPU per row', secondsText(place.seconds)],
      ['request', bytesText(cell.bytes.request.measured)], ['answer', bytesText(cell.bytes.answer.measured)],
      ['statics', bytesText(cell.bytes.statics.measured)], ['rows of one query', countText(cell.rows_fetched)],
      ['server CPU per query', secondsText(cell.figures.server_seconds_per_query)],
      ['client CPU per query', secondsText(cell.seconds.client.measured)],
      ['setup', secondsText(cell.seconds.setup.measured)],
      ['server memory', bytesText(cell.bytes.server_memory.measured)], ['security', bitsText(cell.scheme)],
      ['leakage', kLeakage[cell.scheme.leakage].text]
    ],
  };
}

// Short: what is contiguous is not said.
function paretoLabel(cell) {
  const {parts, partition} = cell.geometry;
  const of = parts > 1 ? ', ' + plural(parts, 'part') + (partition === 'contiguous' ? '' : ' ' + partition) : '';
  return cell.scheme.name + of + (cell.batch > 1 ? ', ' + cell.batch + ' at once' : '');
}

// One of each geometry, as batches lie close to each other: of those on a front, else of all, the one with the least
// work.
function labelledPlaces(places, fronts) {
  const rank = (place) => (fronts.own.has(place) ? 0 : fronts.all.has(place) ? 1 : 2);
  const best = new Map();
  for (const place of [...places].sort((a, b) => rank(a) - rank(b) || a.seconds - b.seconds)) {
    const name = geometryName(place.cell);
    if (!best.has(name)) best.set(name, place);
  }
  return new Set(best.values());
}

function frontLine(front, look) {
  const drawn = [...front].filter((p) => p.bytes > 0 && p.seconds > 0).sort((a, b) => a.bytes - b.bytes);
  return {label: 'front', x: drawn.map((p) => p.bytes), y: drawn.map((p) => p.seconds), ...look};
}

function paretoMarks(places, fronts) {
  const labelled = labelledPlaces(places, fronts);
  const marks = places.map((place) => ({
                             x: place.bytes,
                             y: place.seconds,
                             radius: radiusOf(place.cell.bytes.statics.measured),
                             ...kLeakage[place.cell.scheme.leakage],
                             strong: fronts.own.has(place),
                             label: labelled.has(place) ? paretoLabel(place.cell) : '',
                             tip: paretoTip(place),
                           }));
  return marks.sort((a, b) => b.radius - a.radius);  // small ones lie on top
}

function describePareto() {
  const places = paretoPlaces(), fronts = paretoFronts(places);
  const host = document.querySelector('#pareto .chart'),
        ids = (front) => JSON.stringify([...front].map((p) => p.cell.id));
  host.dataset.front = ids(fronts.own);
  host.dataset.frontOfAll = ids(fronts.all);
  const lines = [frontLine(fronts.all, kFrontOfAll), frontLine(fronts.own, kFront)];
  return {
    x: {
      label: 'bytes per row: request and answer' + (paretoChoice().spread ? ', with statics' : ''),
      format: tickBytes,
      pad: 3
    },
    y: {label: 'server CPU per row', format: tickSeconds},
    marks: paretoMarks(places, fronts),
    lines: lines.filter((line) => line.x.length > 1),
    height: 480,
    empty: 'Nothing of this workload is measured, or every class is hidden.',
  };
}

function paretoLegend(chart) {
  const entries = Object.entries(kLeakage)
                      .filter(([key]) => measuredCells().some((c) => c.scheme.leakage === key))
                      .map(([key, look]) => ({
                             look,
                             text: look.text,
                             pressed: !hiddenLeakage.has(key),
                             toggle: () => {
                               if (!hiddenLeakage.delete(key)) hiddenLeakage.add(key);
                               showPareto(chart);
                             },
                           }));
  entries.push({look: kFront, text: 'front without leakage or trust'}, {look: kFrontOfAll, text: 'front of all shown'});
  for (const bytes of [0, 1e4, 1e7]) {
    entries.push({
      look: {colour: '--faint', shape: 'circle', radius: radiusOf(bytes) * 0.8},
      text: bytes ? bytesText(bytes).replace(/\.0+/, '') + ' of statics' : 'no statics'
    });
  }
  fillLegend(document.querySelector('#pareto .legend'), entries);
}

function paretoTable() {
  const places = paretoPlaces(), fronts = paretoFronts(places);
  fillTable(
      document.querySelector('#pareto .table'),
      [
        ...cellColumns((p) => p.cell),
        {name: 'bytes per row', of: (p) => bytesText(p.bytes)},
        {name: 'server CPU per row', of: (p) => secondsText(p.seconds)},
        {name: 'statics', of: (p) => bytesText(p.cell.bytes.statics.measured)},
        {name: 'leakage', of: (p) => kLeakage[p.cell.scheme.leakage].text, text: true},
        {
          name: 'front',
          of: (p) => [fronts.own.has(p) ? 'private' : '', fronts.all.has(p) ? 'all' : ''].filter(Boolean).join(', '),
          text: true
        },
      ],
      [{rows: places}], 'Nothing is shown.');
}

function showPareto(chart) {
  const choice = paretoChoice(), what = choice.wanted ? 'such fetch' : 'answer';
  document.getElementById('pareto-fetches-text').textContent = countText(choice.fetches) + ' ' + what +
      (choice.fetches === 1 ? '' :
           choice.wanted    ? 'es' :
                              's');
  redraw(chart);
  paretoLegend(chart);
  paretoTable();
}

function addPareto() {
  const rows = document.getElementById('pareto-rows');
  for (const wanted of kWantedChoices) {
    const text = wanted ? plural(wanted, 'row') + ' wanted of a database' : 'every row that a query returns';
    rows.append(new Option(text, wanted));
  }
  const chart = addChart(document.querySelector('#pareto .chart'), describePareto);
  for (const id of ['pareto-rows', 'pareto-statics', 'pareto-fetches']) {
    document.getElementById(id).addEventListener('input', () => showPareto(chart));
  }
  return () => showPareto(chart);
}

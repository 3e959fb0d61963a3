// Traffic against work: one mark per measured cell of the chosen workload.

const kWantedChoices = [16, 1, 256, 0];  // rows of one database; 0: as many as a query returns
const hiddenLeakage = new Set();

// What `wanted` rows cost with as few queries as can fetch them, divided by them.
function costOfRow(cell, choice) {
  const returned = cell.rows_fetched, wanted = choice.wanted || returned;
  const queries = Math.ceil(wanted / returned);
  let bytes = cell.bytes.request.measured + cell.bytes.answer.measured;
  if (choice.spread) bytes += cell.bytes.statics.measured / choice.spread;
  return { bytes: bytes * queries / wanted, seconds: cell.figures.server_seconds_per_query * queries / wanted };
}

// Those that no other beats in one and equals or beats in the other.
function paretoFront(places) {
  return places.filter((a) => !places.some((b) => b.bytes <= a.bytes && b.seconds <= a.seconds &&
    (b.bytes < a.bytes || b.seconds < a.seconds)));
}

function paretoChoice() {
  const slider = Number(document.getElementById("pareto-queries").value);
  const queries = Math.max(1, Math.round(10 ** (slider / 20)));
  const spread = document.getElementById("pareto-statics").checked ? queries : 0;
  return { wanted: Number(document.getElementById("pareto-rows").value), queries, spread };
}

function paretoPlaces() {
  const choice = paretoChoice();
  return measuredCells().filter((cell) => !hiddenLeakage.has(cell.scheme.leakage))
    .map((cell) => ({ cell, ...costOfRow(cell, choice) }));
}

function paretoTip(place) {
  const cell = place.cell;
  return {
    title: cellName(cell),
    rows: [["bytes per row", bytesText(place.bytes)], ["server CPU per row", secondsText(place.seconds)],
      ["request", bytesText(cell.bytes.request.measured)], ["answer", bytesText(cell.bytes.answer.measured)],
      ["statics", bytesText(cell.bytes.statics.measured)], ["rows of one query", countText(cell.rows_fetched)],
      ["server CPU per query", secondsText(cell.figures.server_seconds_per_query)],
      ["client CPU per query", secondsText(cell.seconds.client.measured)],
      ["setup", secondsText(cell.seconds.setup.measured)],
      ["server memory", bytesText(cell.bytes.server_memory.measured)],
      ["security", bitsText(cell.scheme)], ["leakage", kLeakage[cell.scheme.leakage].text]],
  };
}

function paretoLabel(cell) {
  const parts = cell.geometry.parts > 1 ? ", " + plural(cell.geometry.parts, "part") : "";
  return cell.scheme.name + parts + (cell.batch > 1 ? ", " + cell.batch + " at once" : "");
}

// The front, and of every other geometry the cell with the least work: batches of one lie close to each other.
function labelledPlaces(places, front) {
  const best = new Map(), named = (place) => geometryName(place.cell);
  for (const place of places) {
    const other = best.get(named(place));
    if (other === undefined || place.seconds < other.seconds) best.set(named(place), place);
  }
  const ofFront = new Set(front.map(named));
  return new Set([...front, ...[...best.values()].filter((place) => !ofFront.has(named(place)))]);
}

function describePareto() {
  const places = paretoPlaces(), front = paretoFront(places).sort((a, b) => a.bytes - b.bytes);
  document.querySelector("#pareto .chart").dataset.front = JSON.stringify(front.map((p) => p.cell.id));
  const labelled = labelledPlaces(places, front);
  const marks = places.map((place) => ({
    x: place.bytes,
    y: place.seconds,
    radius: radiusOf(place.cell.bytes.statics.measured),
    ...kLeakage[place.cell.scheme.leakage],
    strong: front.includes(place),
    label: labelled.has(place) ? paretoLabel(place.cell) : "",
    tip: paretoTip(place),
  }));
  // Large ones first, so that small ones lie on top.
  marks.sort((a, b) => b.radius - a.radius);
  const drawn = front.filter((p) => p.bytes > 0 && p.seconds > 0);
  const line = { label: "front", x: drawn.map((p) => p.bytes), y: drawn.map((p) => p.seconds), colour: "--faint", width: 1.5,
    dash: [6, 4] };
  const statics = paretoChoice().spread ? ", with statics" : "";
  return {
    x: { label: "bytes per row: request and answer" + statics, format: tickBytes, pad: 3 },
    y: { label: "server CPU per row", format: tickSeconds },
    marks,
    lines: drawn.length > 1 ? [line] : [],
    height: 480,
    empty: "Nothing of this workload is measured, or every class is hidden.",
  };
}

function paretoLegend(chart) {
  const entries = Object.entries(kLeakage).filter(([key]) => measuredCells().some((c) => c.scheme.leakage === key))
    .map(([key, look]) => ({
      look,
      text: look.text,
      pressed: !hiddenLeakage.has(key),
      toggle: () => {
        if (!hiddenLeakage.delete(key)) hiddenLeakage.add(key);
        showPareto(chart);
      },
    }));
  entries.push({ look: { colour: "--faint", width: 1.5, dash: [6, 4] }, text: "front" });
  for (const bytes of [0, 1e4, 1e7]) {
    entries.push({ look: { colour: "--faint", shape: "circle", radius: radiusOf(bytes) * 0.8 },
      text: bytes ? bytesText(bytes).replace(/\.0+/, "") + " of statics" : "no statics" });
  }
  fillLegend(document.querySelector("#pareto .legend"), entries);
}

function paretoTable() {
  const places = paretoPlaces(), front = new Set(paretoFront(places));
  fillTable(document.querySelector("#pareto .table"), [
    ...cellColumns((p) => p.cell),
    { name: "bytes per row", of: (p) => bytesText(p.bytes) },
    { name: "server CPU per row", of: (p) => secondsText(p.seconds) },
    { name: "statics", of: (p) => bytesText(p.cell.bytes.statics.measured) },
    { name: "leakage", of: (p) => kLeakage[p.cell.scheme.leakage].text, text: true },
    { name: "front", of: (p) => (front.has(p) ? "yes" : ""), text: true },
  ], [{ rows: places }], "Nothing is shown.");
}

function showPareto(chart) {
  document.getElementById("pareto-queries-text").textContent = plural(paretoChoice().queries, "query").replace("querys", "queries");
  redraw(chart);
  paretoLegend(chart);
  paretoTable();
}

function addPareto() {
  const rows = document.getElementById("pareto-rows");
  for (const wanted of kWantedChoices) {
    const text = wanted ? plural(wanted, "row") + " wanted of a database" : "every row that a query returns";
    rows.append(new Option(text, wanted));
  }
  const chart = addChart(document.querySelector("#pareto .chart"), describePareto);
  for (const id of ["pareto-rows", "pareto-statics", "pareto-queries"]) {
    document.getElementById(id).addEventListener("input", () => showPareto(chart));
  }
  return () => showPareto(chart);
}

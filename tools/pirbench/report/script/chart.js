// A chart with two logarithmic axes: lines are uPlot's, marks are drawn over them. What is zero has no place on such an
// axis: it stands on the edge, and the table says 0.

const kAxisLeast = 1e-30;  // what is smaller is as good as zero; divided further it would become zero
const kTipDistance = 28;   // CSS pixels

function logBounds(values, pad) {
  const positive = values.filter((v) => v > kAxisLeast);
  if (positive.length === 0) return [1, 10];
  const low = Math.min(...positive), high = Math.max(...positive);
  const factor = Math.max(pad, high === low ? 2 : 1);
  return [low / factor, high * factor];
}

// At most about `most` of them: powers of ten, more often when few, less often when many.
function logTicks(low, high, most) {
  const ticks = [];
  const decades = Math.log10(high / low);
  const steps = decades * 2 > most || decades > 3.5 ? [1] : decades > 1.6 ? [1, 3] : [1, 2, 3, 5, 7];
  const every = Math.max(1, Math.ceil(decades / most));
  for (let exponent = Math.floor(Math.log10(low)); exponent <= Math.ceil(Math.log10(high)); ++exponent) {
    if (exponent % every !== 0) continue;
    for (const step of steps) {
      const tick = Number(step + 'e' + exponent);
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks;
}

function axis(scale, spec, side) {
  return {
    scale,
    side,
    label: spec.label,
    labelSize: 24,
    size: side === 3 ? 72 : 34,
    font: '12px system-ui, sans-serif',
    labelFont: '13px system-ui, sans-serif',
    stroke: () => colour('--faint'),
    grid: {stroke: () => colour('--line'), width: 1},
    ticks: {stroke: () => colour('--line'), width: 1, size: 5},
    splits: (u, index, low, high) => spec.ticks || logTicks(low, high, side === 3 ? u.height / 45 : u.width / 105),
    filter: (u, splits) => splits,
    values: (u, splits) => splits.map(spec.format),
  };
}

// Lines with places of their own on one list of places.
function joined(lines) {
  if (lines.length === 0) return [[]];
  return uPlot.join(lines.map((line) => [line.x, line.y]));
}

function seriesOf(line) {
  return {
    label: line.label,
    stroke: () => colour(line.colour),
    width: line.width || 2,
    dash: line.dash,
    spanGaps: true,
    points: {show: false},
  };
}

function makeTip(host) {
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  host.append(tip);
  return tip;
}

function fillTip(tip, content) {
  const list = document.createElement('dl');
  for (const [what, value] of content.rows) {
    const term = document.createElement('dt'), text = document.createElement('dd');
    term.textContent = what;
    text.textContent = value;
    list.append(term, text);
  }
  const title = document.createElement('strong');
  title.textContent = content.title;
  tip.replaceChildren(title, list);
}

// Beside the cursor, on the side where there is room.
function placeTip(u, tip, left, top) {
  const x = u.over.offsetLeft + left, y = u.over.offsetTop + top;
  const width = tip.offsetWidth, height = tip.offsetHeight;
  tip.style.left = Math.max(0, left > u.over.clientWidth / 2 ? x - width - 14 : x + 14) + 'px';
  tip.style.top = Math.max(0, Math.min(y - height / 2, u.over.offsetTop + u.over.clientHeight - height)) + 'px';
}

function nearestMark(u, marks) {
  let best = null, distance = kTipDistance;
  for (const mark of marks) {
    const d = Math.hypot(mark.left - u.cursor.left, mark.top - u.cursor.top);
    if (d < distance) [best, distance] = [mark, d];
  }
  return best;
}

function drawWhisker(u, mark, x) {
  if (mark.low === undefined || !(mark.low > 0)) return;
  u.ctx.strokeStyle = colour(mark.colour);
  u.ctx.lineWidth = devicePixelRatio;
  u.ctx.beginPath();
  u.ctx.moveTo(x, u.valToPos(mark.low, 'y', true));
  u.ctx.lineTo(x, u.valToPos(mark.high, 'y', true));
  u.ctx.stroke();
}

// Names beside marks, where they cover nothing; the others are found by pointing.
function drawLabels(u, marks) {
  const context = u.ctx, scale = devicePixelRatio, height = 14 * scale;
  const taken = marks.map((m) => [m.left * scale + u.bbox.left, m.top * scale + u.bbox.top, m.radius * scale])
                    .map(([x, y, r]) => [x - r, y - r, x + r, y + r]);
  const free = (box) => box[0] >= u.bbox.left && box[2] <= u.bbox.left + u.bbox.width && box[1] >= u.bbox.top &&
      box[3] <= u.bbox.top + u.bbox.height &&
      taken.every((other) => box[2] < other[0] || box[0] > other[2] || box[3] < other[1] || box[1] > other[3]);
  context.font = 12 * scale + 'px system-ui, sans-serif';
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  for (const mark of [...marks.filter((m) => m.label)].sort((a, b) => (b.strong || 0) - (a.strong || 0))) {
    const x = mark.left * scale + u.bbox.left, y = mark.top * scale + u.bbox.top;
    const width = context.measureText(mark.label).width, gap = (mark.radius + 5) * scale;
    const corners = [
      [x + gap, y], [x - gap - width, y], [x - width / 2, y - gap - height / 2], [x - width / 2, y + gap + height / 2],
      [x + gap * 0.7, y - gap], [x + gap * 0.7, y + gap], [x - gap * 0.7 - width, y - gap],
      [x - gap * 0.7 - width, y + gap]
    ];
    if (mark.below) corners.unshift([x + gap * 0.7, y + gap]);
    for (const [left, middle] of corners) {
      const box = [left, middle - height / 2, left + width, middle + height / 2];
      if (!free(box)) continue;
      taken.push(box);
      context.strokeStyle = colour('--paper');
      context.lineWidth = 4 * scale;
      context.lineJoin = 'round';
      context.strokeText(mark.label, left, middle);
      context.fillStyle = colour('--ink');
      context.fillText(mark.label, left, middle);
      break;
    }
  }
}

function drawMarks(u, marks, scales) {
  const context = u.ctx;
  context.save();
  context.setLineDash([]);  // the last line's may still be set
  for (const mark of marks) {
    mark.left = u.valToPos(Math.max(mark.x, scales.x[0]), 'x');
    mark.top = u.valToPos(Math.max(mark.y, scales.y[0]), 'y');
    const x = u.bbox.left + mark.left * devicePixelRatio, y = u.bbox.top + mark.top * devicePixelRatio;
    drawWhisker(u, mark, x);
    drawMark(context, mark, x, y, devicePixelRatio);
  }
  drawLabels(u, marks);
  context.restore();
}

// `describe` returns {x, y: {label, format, ticks}, marks, lines, tip(u)}; marks: {x, y, shape, colour, radius, label,
// tip}. It is asked whenever the chart is drawn: redraw() does.
const addChart = (host, describe) => ({host, describe, plot: null});

function redraw(chart) {
  const spec = chart.describe();
  const lines = spec.lines || [], marks = spec.marks || [];
  if (chart.plot) chart.plot.destroy();
  chart.plot = null;
  chart.host.replaceChildren();
  chart.host.dataset.points = marks.length;
  chart.host.dataset.lines = lines.length;
  if (marks.length === 0 && lines.length === 0) return showEmpty(chart.host, spec.empty);
  chart.plot = new uPlot(plotOptions(chart.host, spec, lines, marks), joined(lines), chart.host);
}

function showEmpty(host, text) {
  const note = document.createElement('p');
  note.className = 'empty';
  note.textContent = text;
  host.append(note);
}

function plotOptions(host, spec, lines, marks) {
  const whiskers = marks.flatMap((m) => [m.low, m.high]).filter((v) => v !== undefined);
  const scales = {
    x: spec.x.bounds || logBounds([...marks.map((m) => m.x), ...lines.flatMap((l) => l.x)], spec.x.pad || 1.8),
    y: spec.y.bounds ||
        logBounds([...marks.map((m) => m.y), ...lines.flatMap((l) => l.y), ...whiskers], spec.y.pad || 2.5),
  };
  const tip = makeTip(host);
  return {
    width: document.documentElement.classList.contains('printing') ? 680 : Math.max(280, host.clientWidth),
    height: spec.height || 420,
    legend: {show: false},
    padding: [10, 34, 0, 0],
    cursor: {drag: {x: false, y: false}, points: {show: false}},
    scales: {
      x: {time: false, distr: 3, range: () => scales.x},
      y: {distr: 3, range: () => scales.y},
    },
    axes: [axis('x', spec.x, 2), axis('y', spec.y, 3)],
    series: [{}, ...lines.map(seriesOf)],
    hooks: {
      draw: [(u) => drawMarks(u, marks, scales)],
      setCursor: [(u) => moveTip(u, tip, spec, marks)],
    },
  };
}

function moveTip(u, tip, spec, marks) {
  const inside = u.cursor.left >= 0;
  const mark = inside ? nearestMark(u, marks) : null;
  const content = mark ? mark.tip : inside && spec.tip ? spec.tip(u) : null;
  tip.hidden = !content;
  if (!content) return;
  fillTip(tip, content);
  placeTip(u, tip, mark ? mark.left : u.cursor.left, mark ? mark.top : u.cursor.top);
}

// What a cell looks like: a colour and a shape, so that neither is needed alone.

const kLeakage = {
  none: {colour: '--none', shape: 'circle', text: 'declares no leakage'},
  coarse: {colour: '--coarse', shape: 'square', text: 'coarse: see its note'},
  links: {colour: '--links', shape: 'diamond', text: 'links a client\'s sessions'},
  relaxed: {colour: '--relaxed', shape: 'triangle', text: 'relaxed: needs trust, or shows volume or messages'},
};
const kShapes = ['circle', 'square', 'diamond', 'triangle', 'cross', 'down'];
const kDashes = [[], [8, 4], [2, 3], [10, 3, 2, 3], [4, 4], [14, 4]];

function colour(variable) {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
}

// The same scheme has one look in every chart.
function schemeLook(name) {
  const index = Math.max(0, report.schemes.indexOf(name));
  return {
    colour: '--series-' + (index % 8),
    shape: kShapes[index % kShapes.length],
    dash: kDashes[index % kDashes.length],
  };
}

function traceShape(context, shape, x, y, r) {
  context.beginPath();
  const corners = {
    square: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
    diamond: [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
    triangle: [[0, -1.15], [1.1, 0.85], [-1.1, 0.85]],
    down: [[0, 1.15], [1.1, -0.85], [-1.1, -0.85]],
    cross: [
      [-0.35, -1], [0.35, -1], [0.35, -0.35], [1, -0.35], [1, 0.35], [0.35, 0.35], [0.35, 1], [-0.35, 1], [-0.35, 0.35],
      [-1, 0.35], [-1, -0.35], [-0.35, -0.35]
    ],
  }[shape];
  if (corners === undefined) {
    context.arc(x, y, r, 0, 2 * Math.PI);
  } else {
    for (const [dx, dy] of corners) context.lineTo(x + dx * r, y + dy * r);
    context.closePath();
  }
}

function drawMark(context, mark, x, y, scale) {
  traceShape(context, mark.shape, x, y, mark.radius * scale);
  context.fillStyle = colour(mark.colour);
  context.globalAlpha = mark.faint ? 0.35 : 0.75;
  context.fill();
  context.globalAlpha = 1;
  context.lineWidth = scale * (mark.strong ? 2 : 1);
  context.strokeStyle = colour(mark.strong ? '--ink' : mark.colour);
  context.stroke();
}

// A large static part makes a large mark: nothing 4 pixels, 10 kB 5.5, 10 MB 10.
function radiusOf(bytes) {
  if (!bytes) return 4;
  return 4 + 1.5 * Math.max(0, Math.min(6, Math.log10(bytes) - 3));
}

// Legends: the same marks and lines, small, with their meaning as text.

function sample(look) {
  const canvas = document.createElement('canvas'), scale = devicePixelRatio;
  canvas.width = 34 * scale;
  canvas.height = 18 * scale;
  canvas.setAttribute('aria-hidden', 'true');
  const context = canvas.getContext('2d');
  if (look.dash) {
    context.strokeStyle = colour(look.colour);
    context.lineWidth = (look.width || 2) * scale;
    context.setLineDash(look.dash.map((d) => d * scale));
    context.moveTo(0, 9 * scale);
    context.lineTo(34 * scale, 9 * scale);
    context.stroke();
  }
  if (look.shape) drawMark(context, {radius: 5, ...look}, 17 * scale, 9 * scale, scale);
  return canvas;
}

// entries: {look, text, pressed, toggle}; with `toggle` the entry is a button.
function fillLegend(host, entries) {
  host.replaceChildren(...entries.map((entry) => {
    const element = document.createElement(entry.toggle ? 'button' : 'span');
    element.append(sample(entry.look), entry.text);
    if (entry.toggle) {
      element.type = 'button';
      element.setAttribute('aria-pressed', String(entry.pressed));
      element.title = entry.pressed ? 'Hide' : 'Show';
      element.addEventListener('click', entry.toggle);
    }
    return element;
  }));
}

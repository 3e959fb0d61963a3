'use strict';
// Numbers for people: three digits and a unit.

const kMissing = '–';

function digits(value) {
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.max(0, Math.min(6, 2 - magnitude)));
}

// The step in which a value is written. Rounded first: 999.9 is 1,000 and belongs to the next unit.
const stepOf = (value, steps) => steps.filter((step) => Math.abs(value) >= step[0] * 0.9995).pop() || steps[0];

function scaled(value, steps) {
  if (value === null || value === undefined) return kMissing;
  if (value === 0) return '0 ' + steps.find((step) => step[0] === 1)[1];
  const [factor, unit] = stepOf(value, steps);
  return digits(value / factor) + ' ' + unit;
}

const kByteSteps = [[1, 'B'], [1e3, 'kB'], [1e6, 'MB'], [1e9, 'GB'], [1e12, 'TB'], [1e15, 'PB']];
const kSecondSteps = [[1e-9, 'ns'], [1e-6, 'µs'], [1e-3, 'ms'], [1, 's'], [60, 'min'], [3600, 'h']];

const bytesText = (value) => scaled(value, kByteSteps);
const secondsText = (value) => scaled(value, kSecondSteps);
const countText = (value) =>
    (value === null || value === undefined ? kMissing : Math.round(value).toLocaleString('en-US'));
const plural = (count, noun) => countText(count) + ' ' + noun + (count === 1 ? '' : 's');

// Of security: estimates have one decimal.
const bitsNumber = (value) => (value ? value.toFixed(1).replace(/\.0$/, '') : kMissing);

function plainText(value) {
  if (value === null || value === undefined) return kMissing;
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential(2);
  return Math.abs(value) >= 1000 ? countText(value) : digits(value);
}

// "742 ms (658–845)"
function spreadText(seconds) {
  if (seconds.measured === undefined) return kMissing;
  if (seconds.samples < 2 || seconds.high === 0) return secondsText(seconds.measured);
  const [factor] = stepOf(seconds.measured, kSecondSteps);
  return secondsText(seconds.measured) + ' (' + digits(seconds.low / factor) + '–' + digits(seconds.high / factor) +
      ')';
}

// Of an axis: powers of ten are short.
function tickBytes(value) {
  return scaled(value, kByteSteps).replace(/\.0+(?= )/, '');
}
function tickSeconds(value) {
  const steps = kSecondSteps.slice(0, 4);
  return scaled(value, steps).replace(/\.0+(?= )/, '');
}
const tickCount = (value) => value.toLocaleString('en-US');

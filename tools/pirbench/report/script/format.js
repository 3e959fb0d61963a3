"use strict";
// Numbers for people: three digits and a unit.

const kMissing = "–";

function digits(value) {
  if (value === 0) return "0";
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.max(0, Math.min(6, 2 - magnitude)));
}

function scaled(value, steps) {
  if (value === null || value === undefined) return kMissing;
  if (value === 0) return "0 " + steps[0][1];
  let [factor, unit] = steps[0];
  // Rounded first: 999.9 is 1,000 and belongs to the next unit.
  for (const step of steps) if (Math.abs(value) >= step[0] * 0.9995) [factor, unit] = step;
  return digits(value / factor) + " " + unit;
}

const kByteSteps = [[1, "B"], [1e3, "kB"], [1e6, "MB"], [1e9, "GB"], [1e12, "TB"], [1e15, "PB"]];
const kSecondSteps = [[1e-9, "ns"], [1e-6, "µs"], [1e-3, "ms"], [1, "s"], [60, "min"], [3600, "h"]];

const bytesText = (value) => scaled(value, kByteSteps);
const secondsText = (value) => scaled(value, kSecondSteps);
const countText = (value) => (value === null || value === undefined ? kMissing : Math.round(value).toLocaleString("en-US"));
const plural = (count, noun) => countText(count) + " " + noun + (count === 1 ? "" : "s");

function plainText(value) {
  if (value === null || value === undefined) return kMissing;
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential(2);
  return Math.abs(value) >= 1000 ? countText(value) : digits(value);
}

function spreadText(seconds) {
  if (seconds.measured === undefined) return kMissing;
  if (seconds.samples < 2) return secondsText(seconds.measured);
  return secondsText(seconds.measured) + " (" + secondsText(seconds.low) + " to " + secondsText(seconds.high) + ")";
}

// Of an axis: powers of ten are short.
function tickBytes(value) { return scaled(value, kByteSteps).replace(/\.0+(?= )/, ""); }
function tickSeconds(value) {
  const steps = kSecondSteps.slice(0, 4);
  return scaled(value, steps).replace(/\.0+(?= )/, "");
}
const tickCount = (value) => value.toLocaleString("en-US");

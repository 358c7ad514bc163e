/** Numbers as people read them. */

/**
 * A share of 0..1 as a percentage. It has two decimals, or as many more as it takes not to look like all or nothing:
 * 0.99997 is 99.997 %, not 100.00 %. What is so near to all that a sum of float64 cannot tell it from 1 is all.
 */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return "not a number";
  const value = 100 * share;
  if (value <= 0 || value >= 100) return `${value.toFixed(2)} %`;
  for (let decimals = 2; decimals <= 12; decimals++) {
    const text = value.toFixed(decimals);
    if (Number(text) > 0 && Number(text) < 100) return `${text} %`;
  }
  return value < 50 ? "less than 10⁻¹² %" : "100.00 %";
}

/** A count with its thousands set apart. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** Seconds as people say them: "48 s", "3 min 20 s", "2 h 5 min". */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (hours > 0) return minutes === 0 ? `${hours} h` : `${hours} h ${minutes} min`;
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

/**
 * A number in a table: whole ones in full, others with four significant digits, and with more where the rounded one
 * would claim to be whole.
 */
export function number(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = Number.isInteger(value) || size >= 1000
    ? size.toLocaleString("en", { maximumFractionDigits: 1 })
    : size < 1e-4
    ? size.toExponential(3)
    : significant(size);
  return value < 0 ? `−${text}` : text;
}

function significant(size: number): string {
  for (let digits = 4; digits < 8; digits++) {
    const rounded = Number(size.toPrecision(digits));
    if (!Number.isInteger(rounded)) return String(rounded);
  }
  return size.toPrecision(4);
}

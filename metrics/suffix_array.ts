/**
 * The starts of all suffixes of a sequence, in the order of the suffixes, by doubling (Manber and Myers 1993): sorted by
 * their first 1, 2, 4, … tokens until all differ. O(n log n) with typed arrays only; what ends first comes first.
 */
export function suffixArray(tokens: Int32Array): Int32Array {
  const n = tokens.length;
  if (n === 0) return new Int32Array(0);
  const symbols = Int32Array.from(new Set(tokens)).sort();
  const rankOf = new Map(Array.from(symbols, (symbol, rank) => [symbol, rank]));
  let rank = tokens.map((token) => rankOf.get(token)!), classes = symbols.length;
  const order = new Int32Array(n);
  let next = new Int32Array(n);
  const counts = new Int32Array(Math.max(n, classes) + 1);

  /** Sorts `by` stably by rank into `into`. */
  const distribute = (by: Int32Array | undefined, into: Int32Array): void => {
    counts.fill(0, 0, classes + 1);
    for (let i = 0; i < n; i++) counts[rank[i] + 1]++;
    for (let symbol = 1; symbol <= classes; symbol++) counts[symbol] += counts[symbol - 1];
    for (let i = 0; i < n; i++) {
      const at = by === undefined ? i : by[i];
      into[counts[rank[at]]++] = at;
    }
  };
  distribute(undefined, order);
  for (let width = 1; classes < n; width *= 2) {
    // By the second half: what has none comes first, the others as their second halves stand.
    let filled = 0;
    const second = next;
    for (let at = Math.max(0, n - width); at < n; at++) second[filled++] = at;
    for (let i = 0; i < n; i++) if (order[i] >= width) second[filled++] = order[i] - width;
    distribute(second, order);
    const ranks = second;
    let before = -1, found = -1;
    // `second` has been read: its memory takes the new ranks.
    for (let i = 0; i < n; i++) {
      const at = order[i];
      const same = before >= 0 && rank[before] === rank[at] &&
        (before + width < n ? rank[before + width] : -1) === (at + width < n ? rank[at + width] : -1);
      if (!same) found++;
      ranks[at] = found;
      before = at;
    }
    [rank, next] = [ranks, rank];
    classes = found + 1;
  }
  return order;
}

/** What to say of an unknown flag: the known name that `name` was probably meant to be. */
export function suggestion(name: string, known: readonly string[]): string {
  const near = known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance)[0];
  if (near.distance > (name.length < 4 ? 1 : Math.max(2, Math.floor(name.length / 3)))) {
    return ": --help lists them";
  }
  return `: did you mean --${near.candidate}?`;
}

/** How many letters must be put in, taken out or changed to make `b` of `a` (Levenshtein 1966). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}

/** The known word within a third of its length in typing errors, or undefined. Case counts as nothing. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map(candidate => ({ candidate, away: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.away - b.away);
  const [best] = ranked;
  const limit = Math.max(1, Math.floor(Math.max(word.length, best?.candidate.length ?? 0) / 3));
  return best !== undefined && best.away <= limit ? best.candidate : undefined;
}

/** Edits between two words, cut to 50 characters: a letter more, less or other, or two neighbours swapped, count one each. */
function distance(a: string, b: string): number {
  const [x, y] = [a.slice(0, 50), b.slice(0, 50)];
  const rows = [Array.from({ length: y.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= x.length; i++) {
    const above = rows[i - 1]!;
    const row = [i];
    for (let j = 1; j <= y.length; j++) {
      const swapped = x[i - 1] === y[j - 2] && x[i - 2] === y[j - 1];
      row.push(
        Math.min(
          above[j]! + 1,
          row[j - 1]! + 1,
          above[j - 1]! + (x[i - 1] === y[j - 1] ? 0 : 1),
          swapped && i > 1 && j > 1 ? rows[i - 2]![j - 2]! + 1 : Infinity,
        ),
      );
    }
    rows.push(row);
  }
  return rows[x.length]![y.length]!;
}

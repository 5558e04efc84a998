type Last = (code: number) => void;

const all = new Set<Last>();

/**
 * Has something done when this process ends, which cannot wait any more: a signal sent, a word said. One listener for all of them, however many
 * servers a process starts. Gives what takes it back.
 */
export function atExit(last: Last): () => void {
  if (all.size === 0) process.on('exit', end);
  all.add(last);
  return () => {
    all.delete(last);
    if (all.size === 0) process.removeListener('exit', end);
  };
}

function end(code: number): void {
  for (const last of all) last(code);
}

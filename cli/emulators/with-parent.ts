/**
 * Preloaded (`node --import`) into each process of a stack on this machine: its standard input is a pipe from the one that has started it,
 * which closes however that one ends, also by kill -9. Nobody is left over then.
 */
process.stdin.once('close', () => {
  // As from whoever runs services: what wants to end in order does.
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.exit(1), 10_000).unref();
});
process.stdin.on('error', () => {});
process.stdin.resume();
process.stdin.unref?.();

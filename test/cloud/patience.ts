/**
 * How long is waited for what has to come (ms). An emulator that loses a client in the middle of a transaction keeps its locks for half a
 * minute, and a machine may be ten times slower than another.
 */
export const PATIENCE_MS = 120_000;

import { type Frame, fields, row } from '#test/support/raw.ts';
import { type Answered, type Answers, DELIBERATE } from './deliberate.ts';

/** What is compared of the frames of one client: everything but the process id and the key, which belong to one connection. */
function comparable(frames: readonly Frame[]): Answered[] {
  return frames.map(frame => {
    switch (frame.type) {
      case 'K':
        return { type: 'K', keyBytes: frame.body.length - 4 };
      case 'A':
        return { type: 'A', said: frame.body.subarray(4).toString('latin1') };
      case 'E':
      case 'N':
        return { type: frame.type, ...fields(frame) };
      case 'C':
      case 'S':
      case 'Z':
      case 'fault':
        return { type: frame.type, said: frame.body.toString('utf8') };
      case 'D':
        return { type: 'D', values: row(frame).map(shown) };
      default:
        return { type: frame.type, hex: frame.body.toString('hex') };
    }
  });
}

function shown(value: Buffer | null): string | null {
  if (value === null || value.length < 2_000) return value === null ? null : value.toString('latin1');
  return `${value.length} bytes ${value.subarray(0, 50).toString('latin1')}…${value.subarray(-50).toString('latin1')}`;
}

/** Both answers without what differs on purpose. */
export function reconcile(direct: readonly Frame[], proxied: readonly Frame[]): Answers {
  const answers = { direct: comparable(direct), proxied: comparable(proxied) };
  return DELIBERATE.reduce<Answers>((all, { settle }) => settle(all), answers);
}

/** One message of the server, its body untouched. */
export interface Frame {
  /** The type byte as a character: `T`, `D`, `C`, `E`, `Z`, … */
  readonly type: string;
  readonly body: Buffer;
}

/** Cuts the whole frames off `data`. Throws on a length that no server may send: the proxy must not pass on rubbish. */
export function cutFrames(data: Buffer): { frames: Frame[]; rest: Buffer } {
  const frames: Frame[] = [];
  let at = 0;
  while (data.length - at >= 5) {
    const length = data.readInt32BE(at + 1);
    if (length < 4)
      throw new Error(`frame ${JSON.stringify(String.fromCharCode(data[at]!))} of length ${length}`);
    if (data.length - at < length + 1) break;
    frames.push({ type: String.fromCharCode(data[at]!), body: data.subarray(at + 5, at + 1 + length) });
    at += length + 1;
  }
  return { frames, rest: data.subarray(at) };
}

/**
 * The fields of an ErrorResponse or NoticeResponse by their letter: `S` severity, `V` the same untranslated, `C` SQLSTATE,
 * `M` message, `D` detail, `H` hint, … ("Error and Notice Message Fields").
 */
export function fields(frame: Frame): Record<string, string> {
  const found: Record<string, string> = {};
  let at = 0;
  while (at < frame.body.length && frame.body[at] !== 0) {
    const end = frame.body.indexOf(0, at + 1);
    if (end < 0) throw new Error('a field without its end');
    found[String.fromCharCode(frame.body[at]!)] = frame.body.toString('utf8', at + 1, end);
    at = end + 1;
  }
  return found;
}

/** The values of a DataRow, as bytes; null is NULL. */
export function row(frame: Frame): (Buffer | null)[] {
  const count = frame.body.readInt16BE(0);
  const values: (Buffer | null)[] = [];
  let at = 2;
  for (let index = 0; index < count; index += 1) {
    const length = frame.body.readInt32BE(at);
    at += 4;
    values.push(length < 0 ? null : frame.body.subarray(at, at + length));
    at += Math.max(0, length);
  }
  if (at !== frame.body.length) throw new Error('a row longer than its values');
  return values;
}

/** The values of all DataRows as text. */
export function rows(frames: readonly Frame[]): (string | null)[][] {
  return frames
    .filter(frame => frame.type === 'D')
    .map(frame => row(frame).map(value => value?.toString('utf8') ?? null));
}

export interface Column {
  readonly name: string;
  readonly tableOid: number;
  readonly attribute: number;
  readonly typeOid: number;
  readonly format: number;
}

/** The columns of a RowDescription. */
export function columns(frame: Frame): Column[] {
  const count = frame.body.readInt16BE(0);
  const found: Column[] = [];
  let at = 2;
  for (let index = 0; index < count; index += 1) {
    const end = frame.body.indexOf(0, at);
    const name = frame.body.toString('utf8', at, end);
    at = end + 1;
    found.push({
      name,
      tableOid: frame.body.readUInt32BE(at),
      attribute: frame.body.readInt16BE(at + 4),
      typeOid: frame.body.readUInt32BE(at + 6),
      format: frame.body.readInt16BE(at + 16),
    });
    at += 18;
  }
  return found;
}

/** The tag of a CommandComplete. */
export function tag(frame: Frame): string {
  return frame.body.toString('utf8', 0, frame.body.length - 1);
}

/** The frames in short, for comparing two servers' answers: `T D D C:SELECT 2 Z:I`, `E:42501`. */
export function outline(frames: readonly Frame[]): string {
  return frames
    .map(frame => {
      if (frame.type === 'C') return `C:${tag(frame)}`;
      if (frame.type === 'Z') return `Z:${frame.body.toString('latin1')}`;
      if (frame.type === 'E' || frame.type === 'N') return `${frame.type}:${fields(frame).C}`;
      return frame.type;
    })
    .join(' ');
}

import type { Values } from '#schemas/analysis.ts';
import type { Parameter } from '#schemas/statement.ts';
import { type BindMessage, formatOf } from '../wire/frontend.ts';
import { notUtf8 } from '../wire/not-utf8.ts';
import type { Encoding } from './encoding.ts';

/**
 * Bind values as record and digest hold them, which is exactly what runs: where the characters of a text are not known, its bytes. Throws
 * HoldpointError `encoding` where it is not the UTF-8 that it has to be; `where` names a value.
 */
export function parametersOf(
  message: Pick<BindMessage, 'formats' | 'values'>,
  types: readonly number[],
  encoding: Pick<Encoding, 'value'>,
  where: (i: number) => string | undefined = () => undefined,
): Parameter[] {
  const { values, formats } = message;
  const parameters: Parameter[] = [];
  for (let i = 0; i < values.length; i++) {
    const bytes = values[i]!;
    const type = types[i] ?? 0;
    if (formatOf(formats, i) === 1) {
      parameters.push({ format: 'binary', type, value: bytes === null ? null : bytes.toString('base64') });
      continue;
    }
    const value = bytes === null ? null : encoding.value(bytes);
    if (value === undefined) throw notUtf8(bytes!, where(i));
    if (bytes !== null && value === null)
      parameters.push({ format: 'binary', type, value: bytes.toString('base64') });
    else parameters.push({ format: 'text', type, value });
  }
  return parameters;
}

/** The same as texts, which they are in either format where the type is one of text: undefined where their characters are not known. */
export function textsOf({ values }: Pick<BindMessage, 'values'>, encoding: Pick<Encoding, 'value'>): Values {
  return values.map(bytes => (bytes === null ? null : (encoding.value(bytes) ?? undefined)));
}

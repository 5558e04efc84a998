import type { Parameter } from '#schemas/statement.ts';
import { type BindMessage, formatOf } from '../wire/frontend.ts';
import { textOf } from '../wire/reader.ts';

/** Bind values as record and digest hold them. Null where a text value is not UTF-8: they have to hold exactly what runs. */
export function parametersOf(
  message: Pick<BindMessage, 'formats' | 'values'>,
  types: readonly number[],
): Parameter[] | null {
  const { values, formats } = message;
  const parameters: Parameter[] = [];
  for (let i = 0; i < values.length; i++) {
    const bytes = values[i]!;
    const type = types[i] ?? 0;
    if (formatOf(formats, i) === 1) {
      parameters.push({ format: 'binary', type, value: bytes === null ? null : bytes.toString('base64') });
      continue;
    }
    const value = bytes === null ? null : textOf(bytes, 0, bytes.length);
    if (value === undefined) return null;
    parameters.push({ format: 'text', type, value });
  }
  return parameters;
}

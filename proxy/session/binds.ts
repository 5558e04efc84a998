import { isUtf8 } from 'node:buffer';
import type { Parameter } from '#schemas/statement.ts';
import { type BindMessage, formatOf } from '../wire/frontend.ts';

/** Bind values as record and digest hold them. Null where a text value is not UTF-8: they have to hold exactly what runs. */
export function parametersOf(
  message: Pick<BindMessage, 'formats' | 'values'>,
  types: readonly number[],
): Parameter[] | null {
  const parameters: Parameter[] = [];
  for (const [i, value] of message.values.entries()) {
    const type = types[i] ?? 0;
    if (formatOf(message.formats, i) === 1) {
      parameters.push({ format: 'binary', type, value: value === null ? null : value.toString('base64') });
    } else {
      if (value !== null && !isUtf8(value)) return null;
      parameters.push({ format: 'text', type, value: value === null ? null : value.toString('utf8') });
    }
  }
  return parameters;
}

import type { Access } from '#schemas/policy.ts';

type Window = NonNullable<Access['window']>;
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const MINUTE = 60_000;
const QUARTER = 15 * MINUTE;

/** Minutes since midnight of `HH:MM`. */
export function minutes(text: string): number {
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
}

const formats = new Map<string, Intl.DateTimeFormat>();
function formatFor(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    formats.set(timeZone, format);
  }
  return format;
}

/** Day of the week and milliseconds since midnight, as a clock on the wall of that zone shows them. */
function wallClock(timeZone: string, at: number): { day: number; time: number } {
  const parts = new Map(
    formatFor(timeZone)
      .formatToParts(at)
      .map(p => [p.type, p.value]),
  );
  const day = DAYS.findIndex(name => parts.get('weekday')?.toLowerCase().startsWith(name));
  const inMinute = ((at % MINUTE) + MINUTE) % MINUTE;
  return { day, time: (Number(parts.get('hour')) * 60 + Number(parts.get('minute'))) * MINUTE + inMinute };
}

/**
 * Milliseconds that the window stays open by the clock on the wall, or null when it is closed at `at`. A window whose `to` is
 * before its `from` runs over midnight and belongs to the day on which it begins.
 */
function openFor(window: Window, at: number): number | null {
  const { day, time } = wallClock(window.timeZone, at);
  const from = minutes(window.from) * MINUTE;
  const to = minutes(window.to) * MINUTE;
  const midnight = 24 * 60 * MINUTE;
  const today = window.days.includes(DAYS[day]!);
  const yesterday = window.days.includes(DAYS[(day + 6) % 7]!);
  if (from < to) return today && time >= from && time < to ? to - time : null;
  if (today && time >= from) return midnight - time;
  return yesterday && time < to ? to - time : null;
}

/** Whether sessions may be opened at `at` (milliseconds since 1970). */
export function isOpen(window: Window, at: number): boolean {
  return openFor(window, at) !== null;
}

/**
 * The first moment from `at` on at which the window is closed, or `limit` when it is open until then. Steps of a quarter of an
 * hour at most, because zones change their offset on quarters: a clock put forward cannot be jumped over.
 */
export function windowEnd(window: Window, at: number, limit: number): number {
  let now = at;
  while (now < limit) {
    const left = openFor(window, now);
    if (left === null) return now;
    const quarter = (Math.floor(now / QUARTER) + 1) * QUARTER;
    now = Math.min(now + left, quarter);
  }
  return limit;
}

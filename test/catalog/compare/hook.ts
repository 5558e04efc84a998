import { registerHooks } from 'node:module';

/**
 * For `node --import`: the process loads each catalog twice, and ends where the two differ (loader.ts beside this file). So a program of
 * any kind can be run through a proxy whose every load is checked; `COMPARE=1 node test/regress/run.ts` does.
 */
const loader = new URL('../../../proxy/catalog/loader.ts', import.meta.url).href;
const comparing = new URL('./loader.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    return found.url === loader && context.parentURL !== comparing ? { ...found, url: comparing } : found;
  },
});

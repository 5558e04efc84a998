import { setFlagsFromString } from 'node:v8';

/**
 * From here on, when all modules are loaded, V8's young generation grows no more. What a statement leaves behind is dead when it is
 * answered, so a small one is collected as cheaply as a large one, which while a thousand sessions open would come to 128 MiB and stay.
 */
setFlagsFromString('--semi-space-growth-factor=1');
/** Where so little survives, waking helpers and waiting for them costs more than what they take over, the more the busier the machine. */
setFlagsFromString('--no-parallel-scavenge');

/** What Node's timers can count, in ms: a longer time is due at once. */
export const LONGEST_TIMER_MS = 2_147_483_647;

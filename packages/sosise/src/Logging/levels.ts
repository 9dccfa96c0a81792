/** The levels, least severe first. A logger of one level takes that level and every later one. */
export const logLevels = ['debug', 'info', 'warning', 'error', 'critical'] as const;

export type LogLevel = (typeof logLevels)[number];

/** As winston counts: 0 is the most severe. */
export const severity: Readonly<Record<LogLevel, number>> = { critical: 0, error: 1, warning: 2, info: 3, debug: 4 };

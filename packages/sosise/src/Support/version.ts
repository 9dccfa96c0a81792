/** The version of this framework: that of the skeleton which it came with, whatever the application's own is. */
export const VERSION = '0.1.0';

import type { StandardSchema } from '../Support/StandardSchema.js';

/** Values that a config file replaces as a whole. */
type Whole =
    | ((...args: never[]) => unknown)
    | readonly unknown[]
    | StandardSchema
    | Date
    | RegExp
    | string
    | number
    | boolean
    | null;

/**
 * What a config file may say of a full configuration: any part of it, as defaults lie under the file key by key.
 * A key that is undefined counts as left out.
 */
export type ConfigInput<T> = T extends Whole
    ? T
    : T extends object
      ? { [Key in keyof T]?: ConfigInput<T[Key]> | undefined }
      : T;

/** Gives a config file of your own the completion of your own type: `export default defineConfig<MailConfig>({ … })`. */
export function defineConfig<T extends object>(config: T): T {
    return config;
}

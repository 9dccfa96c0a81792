import { ConfigError } from '../Exceptions/errors.js';
import { isPlainObject } from '../Support/isPlainObject.js';

/**
 * Lays values over each other, the first one lowest, and gives a frozen copy. Plain objects are joined key by key,
 * everything else replaces what lies under it, undefined covers nothing. Only plain objects and arrays are
 * copied and frozen: a function or a class instance is passed on as it is.
 */
export function merge(layers: readonly unknown[], file: string, path = '', above: readonly unknown[] = []): unknown {
    const given = layers.filter((layer) => layer !== undefined);
    const top = given.at(-1);
    if (!Array.isArray(top) && !isPlainObject(top)) {
        return top;
    }
    if (given.some((layer) => above.includes(layer))) {
        throw new ConfigError(`${file}: ${path} contains itself: configuration is plain data without circles.`);
    }
    const seen = [...above, ...given];
    if (Array.isArray(top)) {
        return Object.freeze(top.map((item, index) => merge([item], file, `${path}[${index}]`, seen)));
    }
    const objects = given.slice(given.findLastIndex((layer) => !isPlainObject(layer)) + 1) as Record<string, unknown>[];
    const result: Record<string, unknown> = {};
    for (const key of new Set(objects.flatMap((object) => Object.keys(object)))) {
        // JSON.parse makes such a key an own one; assigned here, it would change the prototype.
        if (key !== '__proto__') {
            const values = objects.map((object) => (Object.hasOwn(object, key) ? object[key] : undefined));
            const value = merge(values, file, `${path && `${path}.`}${key}`, seen);
            // Left out altogether: spread over an option's default, undefined would cover it after all.
            if (value !== undefined) {
                result[key] = value;
            }
        }
    }
    return Object.freeze(result);
}

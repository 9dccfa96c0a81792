/**
 * Whether a flat key would reach a prototype once it is taken for a path: `__proto__`, `a[__proto__]`,
 * `constructor.prototype.x`. Forms and queries are read flat here; what an application makes of their keys is unknown.
 */
export function isPrototypePath(key: string): boolean {
    const steps = key.split(/[.[\]]+/);
    return steps.some((step, at) => step === '__proto__' || (step === 'constructor' && steps[at + 1] === 'prototype'));
}

/** The key of a form's field, such as `a%5Bb%5D=1`, cut where qs cuts it. Of its letters only ASCII is decoded right. */
export function keyOfField(field: string): string {
    const bracket = field.indexOf(']=');
    const end = bracket < 0 ? field.indexOf('=') : bracket + 1;
    const key = end < 0 ? field : field.slice(0, end);
    return key.replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

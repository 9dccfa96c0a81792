/** Whether a value is an object literal (or the like), and not an instance of some class. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        return false;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    // The second test is for object literals of another realm, such as a test runner's.
    return prototype === null || Object.getPrototypeOf(prototype) === null;
}

type Variables = Record<string, string | undefined>;

/** What was taken from `.env`, by the variables that it was put into. */
const taken = new WeakMap<Readonly<Variables>, Map<string, string>>();

/** Sets the variables that `.env` says and nothing else has set; from then on they are known to come from there. */
export function takeFromFile(variables: Variables, file: Readonly<Variables>): void {
    const ours = taken.get(variables) ?? new Map<string, string>();
    taken.set(variables, ours);
    for (const [name, value] of Object.entries(file)) {
        if (variables[name] === undefined && value !== undefined) {
            variables[name] = value;
            ours.set(name, value);
        }
    }
}

/** Whether a variable has its value from `.env`, and not from the real environment. */
export function isFromFile(variables: Readonly<Variables>, name: string): boolean {
    return taken.get(variables)?.get(name) === variables[name];
}

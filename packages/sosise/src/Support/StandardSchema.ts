/**
 * What zod, valibot, arktype and others have in common, copied from https://standardschema.dev (version 1), which invites
 * to that: no schema library has to be installed.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
    readonly '~standard': {
        readonly version: 1;
        readonly vendor: string;
        readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
        /** For the compiler only. */
        readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    };
}

export type StandardResult<Output> =
    | { readonly value: Output; readonly issues?: undefined }
    | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
    readonly message: string;
    readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a schema makes of what it accepts. */
export type InferOutput<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>['output'];

/** arktype's are functions. */
export function isStandardSchema(value: unknown): value is StandardSchema {
    return typeof (value as Partial<StandardSchema> | null | undefined)?.['~standard']?.validate === 'function';
}

export interface CodedErrorOptions extends ErrorOptions {
    errorCode?: string;
}

/** Wrong configuration or wrong use of the framework: start-up stops with this sentence, without a stack. */
export class ConfigError extends Error {
    public override readonly name: string = 'ConfigError';
    /** To search for in docs/errors.md, and to switch on. */
    public readonly errorCode: string;

    public constructor(message: string, { errorCode = 'E_CONFIG_INVALID', ...options }: CodedErrorOptions = {}) {
        super(message, options);
        this.errorCode = errorCode;
    }
}

/** Something was asked of the application too early or too late. */
export class LifecycleError extends ConfigError {
    public override readonly errorCode: string = 'E_LIFECYCLE';
}

/** Something was asked of the container that it can't give. */
export class ContainerError extends Error {
    public override readonly name: string = 'ContainerError';
    public readonly errorCode: string = 'E_CONTAINER';
}

/** Wrong configuration or wrong use of the framework: start-up stops with this sentence, without a stack. */
export class ConfigError extends Error {
    public override readonly name: string = 'ConfigError';
}

/** Something was asked of the container that it can't give. */
export class ContainerError extends Error {
    public override readonly name: string = 'ContainerError';
}

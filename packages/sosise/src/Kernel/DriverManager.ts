import { LifecycleError } from '../Exceptions/errors.js';
import { UnknownDriverError } from '../Exceptions/UnknownDriverError.js';
import { nearest } from '../Support/nearest.js';

export type DriverFactory<Driver, Options> = (options: Options) => Driver | Promise<Driver>;

/**
 * A registry of named drivers. Subclasses register the built-in ones; `extend` adds or replaces one.
 * A driver is made once, when it is first asked for.
 */
export abstract class DriverManager<Driver, Options = unknown> {
    private readonly factories = new Map<string, DriverFactory<Driver, Options>>();
    private readonly drivers = new Map<string, Promise<Driver>>();

    /** What a driver is called in messages, such as `Session driver`. */
    protected abstract readonly kind: string;

    /** How one gets a driver of this name, as a sentence for the message that refuses it. */
    protected hintFor(_name: string): string {
        return '';
    }

    /** The options that the named driver's factory is called with. */
    protected abstract optionsFor(name: string): Options;

    /** Adds a driver, or replaces a built-in one. Call it from a provider's `register` or `boot`. */
    public extend(name: string, factory: DriverFactory<Driver, Options>): this {
        if (this.drivers.has(name)) {
            throw new LifecycleError(
                `${this.kind} [${name}] is in use already: call extend() before the application is ready.`,
            );
        }
        this.factories.set(name, factory);
        return this;
    }

    /** The names that `driver` knows, sorted. */
    public names(): string[] {
        return [...this.factories.keys()].sort();
    }

    /** The named driver, made on first use. */
    public driver(name: string): Promise<Driver> {
        let driver = this.drivers.get(name);
        if (!driver) {
            driver = this.create(name);
            this.drivers.set(name, driver);
            driver.catch(() => this.drivers.delete(name)); // a later call may try again
        }
        return driver;
    }

    /** Another driver of this name, not kept: it is the caller's to close. @param options In place of the configured ones. */
    public async create(name: string, options?: Options): Promise<Driver> {
        const factory = this.factories.get(name);
        if (!factory) {
            const near = nearest(name, this.names());
            const known = `${this.kind} [${name}] is not supported. Known: ${this.names().join(', ')}.`;
            const message = `${known} ${near ? `Did you mean [${near}]? ` : ''}${this.hintFor(name)}`;
            throw new UnknownDriverError(message.trimEnd(), name, this.names());
        }
        return factory(options ?? this.optionsFor(name));
    }
}

import { ContainerError } from '../Exceptions/errors.js';

/** Any class, abstract ones included: it serves as its own typed key. */
export type Token<T> = abstract new (...args: never[]) => T;

type Binding = { factory: () => unknown; instance?: unknown; building?: boolean };

/**
 * A container that is asked by class and answers with that class's one instance.
 * There is no autowiring: what a factory needs, it asks for itself.
 */
export class Container {
    private readonly bindings = new Map<Token<unknown>, Binding>();

    /** Binds a factory that runs once, when the class is first asked for. A later binding replaces an earlier one. */
    public singleton<T>(token: Token<T>, factory: () => T): void {
        this.bindings.set(token, { factory });
    }

    /** Binds an object that exists already. */
    public instance<T>(token: Token<T>, instance: T): T {
        this.bindings.set(token, { factory: () => instance, instance });
        return instance;
    }

    public has(token: Token<unknown>): boolean {
        return this.bindings.has(token);
    }

    /** The one instance of a class; a factory that is async gives its promise to everyone who asks. */
    public make<T>(token: Token<T>): T {
        const binding = this.bindings.get(token);
        if (!binding) {
            throw new ContainerError(
                `Nothing is bound for ${token.name}: bind it with container.singleton(${token.name}, …) in a provider's register().`,
            );
        }
        if (binding.building) {
            throw new ContainerError(
                `${token.name} needs itself to be made: its factory asks for ${token.name} again.`,
            );
        }
        if (!('instance' in binding)) {
            binding.building = true;
            try {
                binding.instance = binding.factory();
            } finally {
                binding.building = false;
            }
        }
        return binding.instance as T;
    }

    /** The same for what is not bound everywhere: undefined where it is not. */
    public find<T>(token: Token<T>): T | undefined {
        return this.has(token) ? this.make(token) : undefined;
    }
}

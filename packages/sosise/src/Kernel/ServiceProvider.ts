import type { ConfigDefinition } from '../Config/ConfigRepository.js';
import type { ApplicationKernel, Bootable } from './ApplicationKernel.js';

/**
 * One part of the application, wired in four steps. The kernel runs each step for every provider, in the order
 * of `src/bootstrap/providers.ts`, before the next step begins; `shutdown` runs in reverse.
 */
export abstract class ServiceProvider implements Bootable {
    /** The config files this provider reads, with their defaults and rules. */
    public static readonly config: readonly ConfigDefinition[] = [];

    public constructor(protected readonly app: ApplicationKernel) {}

    /** Bind into the container, and nothing else: no I/O, no asking for what others bind. */
    public register(): void {}

    /** Wire things together; everything is bound by now. */
    public boot(): void | Promise<void> {}

    /** Last step before requests: every provider has booted, so every `extend()` is known. What belongs into the pipeline is put there in `boot()`: `route:list` stops before this. */
    public ready(): void | Promise<void> {}

    /** Undo what boot and ready did. Called once, also when a later provider failed to boot. */
    public shutdown(): void | Promise<void> {}
}

import type { Logger } from '../../Logging/Logger.js';
import { nearest } from '../../Support/nearest.js';
import { Throttle } from '../../Support/Throttle.js';
import { TimeSlice } from '../../Support/TimeSlice.js';
import { type Channels, channelNames, noChannels, type SessionEventChannels } from './channels.js';
import { SessionEventChannel } from './SessionEventChannel.js';
import type {
    Occurrence,
    RevokedBy,
    SessionEvent,
    SessionEventListener,
    SessionEventName,
    SessionEventWatcher,
} from './sessionEvent.js';

/** What waits for its listeners. Where they can't keep up, the newest are dropped: memory must not fill up with events. */
const MOST_WAITING = 10_000;

/**
 * What happens to sessions in this process, for logs, figures and alarms: `app.container.make(SessionEvents).on('loggedIn', …)`.
 * Listeners are called after what happened, one event after the other, and outside of requests: they can neither delay nor change
 * one, and what they throw is logged. Nothing is made of what nobody listens to.
 */
export class SessionEvents {
    /** For the framework's own use. */
    public readonly channels: SessionEventChannels;
    private readonly waiting: SessionEvent[] = [];
    private isDelivering = false;
    private readonly failures = new Throttle();
    private readonly drops = new Throttle();

    public constructor(
        private readonly log: Pick<Logger, 'error' | 'warning'>,
        process: RevokedBy = { by: 'application' },
    ) {
        this.channels = { ...noChannels(), process };
    }

    /** Calls a listener for each event of a name. Gives a function that ends it. Throws TypeError for an unknown name. */
    public on<Name extends SessionEventName>(name: Name, listener: SessionEventListener<Name>): () => void {
        const { listeners } = this.channelOf(name);
        listeners.add(listener);
        this.settle(name);
        return () => {
            listeners.delete(listener);
            this.settle(name);
        };
    }

    /** For the framework's own use: calls at once, so that no event waits or is dropped. */
    public watch<Name extends SessionEventName>(name: Name, watcher: SessionEventWatcher<Name>): void {
        this.channelOf(name).watchers.add(watcher);
        this.settle(name);
    }

    /** The same with what an event would be made of; none is, for this alone. */
    public count<Name extends SessionEventName>(name: Name, counter: (occurrence: Occurrence<Name>) => void): void {
        this.channelOf(name).counters.push(counter);
    }

    /** Delivers all that waits at once: the process is about to stop, or a test looks at what was told. */
    public flush(): void {
        while (this.deliverNext()) {}
    }

    private channelOf<Name extends SessionEventName>(name: Name): SessionEventChannel<Name> {
        if (!channelNames.includes(name)) {
            const hint = nearest(String(name), channelNames);
            throw new TypeError(
                `There is no session event '${name}'.${hint ? ` Did you mean '${hint}'?` : ''} Known: ${channelNames.join(', ')}.`,
            );
        }
        const channels: Channels = this.channels;
        const known: SessionEventChannel<Name> | undefined = channels[name];
        const channel = known ?? new SessionEventChannel(name, (event) => this.enqueue(event as SessionEvent));
        Object.assign(channels, { [name]: channel });
        return channel;
    }

    private settle(name: SessionEventName): void {
        const { channels } = this;
        if (channels[name]?.isUnused) {
            channels[name] = undefined;
        }
        channels.isHeard = channelNames.some((each) => channels[each]?.isHeard);
    }

    private enqueue(event: SessionEvent): void {
        if (this.waiting.length >= MOST_WAITING) {
            if (this.drops.isDue()) {
                this.log.warning(
                    `Listeners of session events can't keep up: ${MOST_WAITING} events wait, and others are dropped.`,
                );
            }
            return;
        }
        this.waiting.push(event);
        if (!this.isDelivering) {
            this.isDelivering = true;
            setImmediate(() => void this.deliver());
        }
    }

    private async deliver(): Promise<void> {
        const slice = new TimeSlice();
        while (this.deliverNext()) {
            if (slice.isOver) {
                await slice.rest();
            }
        }
        this.isDelivering = false;
    }

    private deliverNext(): boolean {
        const event = this.waiting.shift();
        if (!event) {
            return false;
        }
        for (const listener of this.channels[event.name]?.listeners ?? []) {
            this.call(listener as SessionEventListener<SessionEventName>, event);
        }
        return true;
    }

    private call(listener: SessionEventListener<SessionEventName>, event: SessionEvent): void {
        try {
            const result = listener(event);
            if (result instanceof Promise) {
                result.catch((error: unknown) => this.failed(event, error));
            }
        } catch (error) {
            this.failed(event, error);
        }
    }

    private failed({ name }: SessionEvent, error: unknown): void {
        if (this.failures.isDue()) {
            this.log.error(`A listener of the session event '${name}' has failed.`, { error });
        }
    }
}

import type { Container } from '../../Kernel/Container.js';
import { Telemetry } from '../../Telemetry/Telemetry.js';
import { sqlitePathOf } from '../Config/databaseUrl.js';
import type { SessionConfig } from '../Config/SessionConfig.js';
import type { SessionDriver } from '../Drivers/SessionDriver.js';
import { SessionEvents } from '../Events/SessionEvents.js';
import type { NoCookieReason, SessionEndReason, SessionEvent, SessionRefusal } from '../Events/sessionEvent.js';
import { liveCount } from './liveCount.js';
import { MeasuredDriver } from './MeasuredDriver.js';
import { TracedDriver } from './TracedDriver.js';

type Loaded = SessionEvent<'loaded'>['outcome'] | 'unavailable';
type Saved = SessionEvent<'saved'>['outcome'] | 'unavailable';

/** All values that labels have: each time series is there from the start, with 0. */
const LOADED: Record<Loaded, true> = { live: true, ended: true, none: true, unavailable: true };
const SAVED: Record<Saved, true> = { saved: true, touched: true, unavailable: true };
const ENDED: Record<SessionEndReason, true> = {
    logout: true,
    destroyed: true,
    regenerated: true,
    revoked: true,
    replaced: true,
    idle: true,
    absolute: true,
};
const REFUSED: Record<SessionRefusal, true> = {
    signature: true,
    csrf: true,
    device: true,
    login: true,
    password: true,
    limit: true,
    ended: true,
};
const NOT_SENT: Record<NoCookieReason, true> = {
    insecure: true,
    untrustedProxy: true,
    otherSite: true,
    headersSent: true,
};

/** Counts what happens to sessions, by their events. Gives the driver with something around it that measures it. */
export function measureSessions(driver: SessionDriver, container: Container, config: SessionConfig): SessionDriver {
    const telemetry = container.make(Telemetry);
    const events = container.make(SessionEvents);
    const countBy = <Value extends string>(name: string, help: string, label: string, values: Record<Value, true>) => {
        const counter = telemetry.counter(name, help);
        const series = new Map(Object.keys(values).map((value) => [value, counter({ [label]: value })]));
        return (value: Value) => series.get(value)?.();
    };

    const created = telemetry.counter('sosise.session.created', 'New sessions that were stored.')();
    events.count('created', () => created());
    const ended = countBy('sosise.session.ended', 'Sessions that ended, by the reason.', 'reason', ENDED);
    events.count('ended', ({ reason }) => ended(reason));
    const loads = countBy('sosise.session.loads', "Looks for the session of a request's cookie.", 'outcome', LOADED);
    events.count('loaded', ({ outcome }) => loads(outcome));
    const saves = countBy('sosise.session.saves', 'Writes of a session by its requests.', 'outcome', SAVED);
    events.count('saved', ({ outcome }) => saves(outcome));
    events.count('unavailable', ({ action }) => (action === 'loaded' ? loads : saves)('unavailable'));
    const conflicts = telemetry.counter('sosise.session.conflicts', 'Changes that were merged with those of others.')();
    events.count('merged', () => conflicts());
    const refused = countBy('sosise.session.refused', 'Requests that were refused, by the reason.', 'reason', REFUSED);
    events.count('refused', ({ reason }) => refused(reason));
    const lost = 'Session cookies that a browser needed and was not given, by the reason.';
    const notSent = countBy('sosise.session.cookies.not_sent', lost, 'reason', NOT_SENT);
    events.count('cookieNotSent', ({ reason }) => notSent(reason));

    telemetry.gauge('sosise.session.live', 'Sessions that live in the store, of all processes.', liveCount(driver));
    const measured = new MeasuredDriver(driver, telemetry);
    const { tracer } = telemetry;
    return tracer ? new TracedDriver(measured, tracer, attributesOf(config)) : measured;
}

/** What spans say of the store, by OpenTelemetry's conventions where these know it. */
function attributesOf({ driver, drivers }: SessionConfig): Record<string, string> {
    const database = sqlitePathOf(drivers['database']?.['url']) === undefined ? 'postgresql' : 'sqlite';
    const system = driver === 'database' ? database : driver === 'redis' ? driver : undefined;
    return { 'sosise.session.driver': driver, ...(system && { 'db.system.name': system }) };
}

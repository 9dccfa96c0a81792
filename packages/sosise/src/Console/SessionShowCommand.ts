import type { OpenedSession } from '../Session/Admin/StoredSessions.js';
import { cookieInWords } from '../Session/Record/CookieSettings.js';
import { counted, sizeOf } from '../Support/words.js';
import type { CommandInput } from './Command.js';
import { DRIVER_OPTION, fingerprintIn, SessionCommand } from './SessionCommand.js';
import { printable, spanOf } from './sessionTexts.js';

/** Shows one session: its times, its cookie, and which keys it holds; what they hold only when it is asked for. */
export class SessionShowCommand extends SessionCommand {
    public readonly signature = 'session:show <fingerprint>';
    public readonly description = 'Shows what a session holds: keys, types and sizes';
    public override readonly options = [
        DRIVER_OPTION,
        { flag: '--values', description: 'the values too, which may be private' },
        { flag: '--json', description: 'as one JSON object' },
    ];

    public async handle({ arguments: [given = ''], options }: CommandInput): Promise<void> {
        const fingerprint = fingerprintIn(given);
        const { sessions } = await this.open(options);
        const { looked, end } = this.quietProgress();
        const session = await sessions.find(fingerprint, { signal: this.signal, looked }).finally(end);
        const withValues = options['values'] === true;
        if (options['json']) {
            this.terminal.json(jsonOf(session, withValues));
            return;
        }
        this.terminal.pairs(factsOf(session));
        this.line();
        this.printKeys(session, withValues);
    }

    private printKeys({ data }: OpenedSession, withValues: boolean): void {
        const entries = Object.entries(data);
        if (entries.length === 0) {
            this.line('It holds nothing.');
            return;
        }
        if (withValues) {
            this.terminal.pairs(entries.map(([key, value]) => [printable(key), printable(JSON.stringify(value))]));
            return;
        }
        this.terminal.table(
            ['Key', 'Type', 'Size'],
            entries.map(([key, value]) => [printable(key), typeOf(value), sizeOf(bytesOf(value))]),
        );
    }
}

function factsOf({
    fingerprint,
    user,
    bound,
    address,
    browser,
    cookie,
    bytes,
    ...times
}: OpenedSession): [string, string][] {
    const { created, lastSeen, expiresAt, endsAt } = times;
    const facts: [string, string | undefined][] = [
        ['Fingerprint', fingerprint],
        ['User', user ?? '- (a visitor)'],
        ['Device', bound ? 'bound to the device that logged in' : undefined],
        ['Address', address],
        ['Browser', browser],
        ['Began', `${spanOf(Date.now() - created.getTime())} ago, ${created.toISOString()}`],
        ['Last seen', `${spanOf(Date.now() - lastSeen.getTime())} ago, ${lastSeen.toISOString()}`],
        ['Ends unused', `in ${spanOf(expiresAt.getTime() - Date.now())}, ${expiresAt.toISOString()}`],
        ['Ends at last', endsAt ? `in ${spanOf(endsAt.getTime() - Date.now())}, ${endsAt.toISOString()}` : 'never'],
        ['Cookie', cookieInWords(cookie)],
        ['Size', sizeOf(bytes)],
    ];
    return facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, printable(value)]]));
}

function jsonOf({ data, ...session }: OpenedSession, withValues: boolean): object {
    const keys = Object.entries(data).map(([key, value]) => ({
        key,
        type: typeOf(value),
        bytes: bytesOf(value),
        ...(withValues && { value }),
    }));
    return { ...session, user: session.user ?? null, endsAt: session.endsAt ?? null, keys };
}

function typeOf(value: unknown): string {
    if (Array.isArray(value)) {
        return `array of ${value.length}`;
    }
    if (typeof value === 'object' && value !== null) {
        return `object with ${counted(Object.keys(value).length, 'key')}`;
    }
    return value === null ? 'null' : typeof value;
}

function bytesOf(value: unknown): number {
    return Buffer.byteLength(JSON.stringify(value));
}

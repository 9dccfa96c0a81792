import type { Check } from '../Doctor/Check.js';
import type { HttpConfig } from '../Http/HttpConfig.js';
import { Command, type CommandInput } from './Command.js';
import { CommandError } from './CommandError.js';
import type { SessionSetup } from './SessionSetup.js';
import { inColumns, type Paint } from './Terminal.js';

const PAINTS: Record<Check['status'], Paint> = { ok: 'green', warning: 'yellow', problem: 'red' };
const STATUS_WIDTH = 7;
/** How long the application may take to start: the report has to come in a few seconds. */
const BOOT_MS = 2_000;

/** Says in plain words whether sessions will work here. It changes nothing. */
export class SessionDoctorCommand extends Command {
    public readonly signature = 'session:doctor';
    public readonly description = 'Says whether sessions will work here, and how to fix what does not';
    public override readonly options = [
        { flag: '--driver <name>', description: 'the driver to look at; default: driver of the config' },
        { flag: '--json', description: 'print the report as JSON' },
    ];

    public async handle({ options }: CommandInput): Promise<void> {
        const { driver, json } = options as { driver?: string; json?: boolean };
        const outside = { ...process.env }; // before .env is read into it
        const { SessionSetup } = await import('./SessionSetup.js');
        const setup = await SessionSetup.read(this.artisan, driver);
        const checks = await this.look(setup, outside, driver);
        const problems = checks.filter(({ status }) => status === 'problem').length;
        if (json) {
            this.terminal.json({ ok: problems === 0, checks });
        } else {
            this.print(checks);
        }
        if (problems > 0) {
            throw new CommandError(`Sessions will not work here: ${countsOf(checks)}.`);
        }
        if (!json) {
            this.line(summaryOf(checks, setup.config.enabled));
        }
    }

    private async look(
        setup: SessionSetup,
        outside: Readonly<Record<string, string | undefined>>,
        driver: string | undefined,
    ): Promise<Check[]> {
        const [{ examine }, { settingsOf }, { refuseUnknownDriver }] = await Promise.all([
            import('../Doctor/examine.js'),
            import('../Session/Config/settingsOf.js'),
            import('./SessionSetup.js'),
        ]);
        const { config, kernel } = setup;
        const { environment } = kernel;
        const { manager, trouble } = await setup.openManager(BOOT_MS);
        try {
            if (!trouble) {
                refuseUnknownDriver(driver, manager);
            }
            const http = kernel.config.get<HttpConfig>('http');
            const settings = settingsOf(config, environment);
            return await examine({ config, settings, environment, http, outside, manager, trouble });
        } finally {
            await setup.close();
        }
    }

    private print(checks: readonly Check[]): void {
        const widths = [STATUS_WIDTH, Math.max(...checks.map(({ name }) => name.length))];
        for (const { status, name, text, fix } of checks) {
            this.line(inColumns([this.terminal.paint(PAINTS[status], status), name, text], widths));
            if (fix !== undefined) {
                this.line(inColumns(['', '', `Fix: ${fix}`], widths));
            }
        }
        this.line();
    }
}

function summaryOf(checks: readonly Check[], isOn: boolean): string {
    const counts = countsOf(checks);
    const will = isOn ? 'Sessions will work here' : 'Sessions are off, and would work here';
    return counts === '' ? `${will}.` : `${will}: ${counts}.`;
}

function countsOf(checks: readonly Check[]): string {
    const counts = (['problem', 'warning'] as const).map((kind) => {
        const count = checks.filter(({ status }) => status === kind).length;
        return count > 0 ? `${count} ${kind}${count === 1 ? '' : 's'}` : '';
    });
    return counts.filter(Boolean).join(', ');
}

import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';

export interface Sample {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
}

export interface Scrape {
    /** By the name of the family, such as `http_server_request_duration_seconds`. */
    readonly types: ReadonlyMap<string, string>;
    readonly samples: readonly Sample[];
    /** The one sample of a name with these labels, among others; 0 where there is none. */
    value(name: string, labels?: Record<string, string>): number;
}

/** Asks a port, or a socket, for `/metrics`, or what fetch would not: any method, `Host` and header. */
export async function ask(
    where: number | string,
    options: RequestOptions = {},
): Promise<{ status: number; headers: IncomingHttpHeaders; body: string }> {
    const to = typeof where === 'string' ? { socketPath: where } : { host: '127.0.0.1', port: where };
    const sent = httpRequest({ ...to, path: '/metrics', agent: false, ...options }).end();
    const [answer] = await once(sent, 'response');
    return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
}

/** What Prometheus reads. */
export async function scrape(where: number, options?: RequestOptions): Promise<Scrape> {
    const { status, body } = await ask(where, options);
    expect(status).toBe(200);
    return prometheusText(body);
}

/** The series of HTTP durations with their counts, as `GET /users/:id 200`. */
export function requestsIn({ samples }: Scrape): Record<string, number> {
    return Object.fromEntries(
        samples
            .filter(({ name }) => name === 'http_server_request_duration_seconds_count')
            .map(({ labels, value }) => [
                [labels['http_request_method'], labels['http_route'] ?? '-', labels['http_response_status_code'] ?? '-']
                    .concat(labels['error_type'] ?? [])
                    .join(' '),
                value,
            ]),
    );
}

const HELP = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ((?:[^\\\n]|\\[\\n])+)$/;
const TYPE = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.+)\})? ([+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

/** Reads Prometheus's text format (0.0.4) more strictly than Prometheus does. */
export function prometheusText(text: string): Scrape {
    expect(text.endsWith('\n') && !text.includes('\n\n')).toBe(true);
    const types = new Map<string, string>();
    const samples: Sample[] = [];
    const seen = new Set<string>();
    const lines = text.slice(0, -1).split('\n');
    for (let index = 0, family = ''; index < lines.length; index += 1) {
        const line = lines[index] as string;
        if (line.startsWith('#')) {
            family = HELP.exec(line)?.[1] ?? '';
            const [, typed, type] = TYPE.exec(lines[++index] ?? '') ?? [];
            expect(typed, `HELP and TYPE stand together: ${line}`).toBe(family);
            expect(types.has(family), `${family} comes once`).toBe(false);
            types.set(family, String(type));
            continue;
        }
        const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? [];
        const suffixes = types.get(family) === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
        expect(
            suffixes.map((suffix) => family + suffix),
            line,
        ).toContain(name);
        expect(types.get(family) !== 'counter' || name.endsWith('_total'), line).toBe(true);
        expect(seen.has(`${name}{${labels}}`), `once: ${line}`).toBe(false);
        seen.add(`${name}{${labels}}`);
        samples.push({ name, labels: labelsIn(labels), value: Number(value.replace('Inf', 'Infinity')) });
    }
    for (const [family, type] of types) {
        if (type === 'histogram') {
            checkHistogram(family, samples);
        }
    }
    const matches = (sample: Sample, labels: Record<string, string>) =>
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value);
    return {
        types,
        samples,
        value: (name, labels = {}) => {
            const found = samples.filter((sample) => sample.name === name && matches(sample, labels));
            expect(found.length, `${name} ${JSON.stringify(labels)}`).toBeLessThan(2);
            return found[0]?.value ?? 0;
        },
    };
}

function labelsIn(text: string): Record<string, string> {
    const labels: Record<string, string> = {};
    LABEL.lastIndex = 0;
    while (LABEL.lastIndex < text.length) {
        const at = LABEL.lastIndex;
        const [, name = '', value = ''] = LABEL.exec(text) ?? [];
        expect(name, `a label at ${at} of ${text}`).not.toBe('');
        expect(Object.hasOwn(labels, name), `${name} comes once`).toBe(false);
        labels[name] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    }
    return labels;
}

/** Buckets rise, the last is +Inf, and says as much as the count. */
function checkHistogram(family: string, samples: readonly Sample[]): void {
    const bySeries = new Map<string, Sample[]>();
    for (const sample of samples.filter(({ name }) => name.startsWith(family))) {
        const { le: _, ...labels } = sample.labels;
        const key = JSON.stringify(labels);
        bySeries.set(key, [...(bySeries.get(key) ?? []), sample]);
    }
    for (const series of bySeries.values()) {
        const of = (suffix: string) => series.filter(({ name }) => name === family + suffix);
        const buckets = of('_bucket');
        const bounds = buckets.map(({ labels }) => Number(labels['le']?.replace('+Inf', 'Infinity')));
        expect(bounds).toEqual(bounds.toSorted((a, b) => a - b));
        expect(bounds.at(-1)).toBe(Number.POSITIVE_INFINITY);
        const counts = buckets.map(({ value }) => value);
        expect(counts).toEqual(counts.toSorted((a, b) => a - b));
        expect([of('_sum').length, of('_count').map(({ value }) => value)]).toEqual([1, [counts.at(-1)]]);
    }
}

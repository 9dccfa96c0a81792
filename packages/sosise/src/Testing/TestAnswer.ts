import { expect, vi } from 'vitest';
import type { Received } from './exchange.js';

const LONGEST_SHOWN = 500;

type Messages = Readonly<Record<string, readonly string[]>>;

/** What the application answered. Its assertions give it back, so that they can stand in a row. */
export class TestAnswer {
    public readonly status: number;
    public readonly headers: Headers;
    readonly #body: Buffer;

    public constructor(
        { status, headers, body }: Received,
        /** The address that answered in the end. */
        public readonly url: URL,
        /** The paths that redirects have led to, in their order. */
        public readonly redirects: readonly string[],
        /** What was wrong with a form that was sent back to its page: the messages by field. */
        private readonly refused: Messages | undefined = undefined,
    ) {
        this.status = status;
        this.headers = headers;
        this.#body = body;
    }

    public get body(): Buffer {
        return this.#body;
    }

    public get text(): string {
        return this.body.toString('utf8');
    }

    /** The body, parsed: `answer.json<{ total: number }>().total`. */
    public json<T = unknown>(): T {
        try {
            return JSON.parse(this.text) as T;
        } catch (cause) {
            throw new Error(`The answer is not JSON: ${this.summary}`, { cause });
        }
    }

    /** The `data` of the envelope `{ code, message, data }`. */
    public data<T = unknown>(): T {
        return this.json<{ data: T }>().data;
    }

    public readonly assertStatus = vi.defineHelper((status: number): this => {
        expect(this.status, this.summary).toBe(status);
        return this;
    });

    /** A status from 200 to 299. */
    public readonly assertOk = vi.defineHelper((): this => {
        if (this.status < 200 || this.status > 299) {
            expect.fail(`${this.summary}: expected was a status from 200 to 299`);
        }
        return this;
    });

    /** The last redirect led there; with `follow: false`, the answer itself is one. */
    public readonly assertRedirect = vi.defineHelper((path: string): this => {
        const location = this.headers.get('location');
        const led = location === null ? this.redirects.at(-1) : pathOf(new URL(location, this.url), this.url);
        expect(led, this.summary).toBe(path);
        return this;
    });

    /** The body has these keys with these values, and perhaps others. */
    public readonly assertJson = vi.defineHelper((expected: Record<string, unknown> | unknown[]): this => {
        expect(this.json(), this.summary).toMatchObject(expected);
        return this;
    });

    /** `validate` or a ValidationException has refused this field, perhaps with this message. */
    public readonly assertInvalid = vi.defineHelper((field: string, message?: string): this => {
        const errors = this.refused ?? (this.status === 422 ? this.data<Messages | null>() : undefined) ?? {};
        expect(Object.keys(errors), this.summary).toContain(field);
        if (message !== undefined) {
            expect(errors[field], this.summary).toContain(message);
        }
        return this;
    });

    /** What a failed assertion shows. */
    private get summary(): string {
        const { text } = this;
        const start = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
        return `${this.url.pathname} answered ${this.status}: ${start || 'nothing'}`;
    }
}

/** An address as pages of `from` name it: a path where it is on the same host. */
export function pathOf(url: URL, from: URL): string {
    return url.origin === from.origin ? `${url.pathname}${url.search}` : url.href;
}
